//! The chunks of a PNG file. Those that make the pixels go to the decoder; what is beside them is read here, and
//! dropped one by one where it is broken, as libpng does.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::damaged;
use super::header::{Colour, Header};
use super::stream::Stream;
use crate::boxes::is_colour_description;
use crate::files::{is_tiff, without_exif_prefix};
use crate::parts::{Part, decode_latin_1, push_name};
use crate::{Density, DensityUnit, Limits, Metadata, PictureError, Text};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The keyword of the text with the XMP packet (XMP specification part 3, 1.1.5).
pub(super) const XMP_KEYWORD: &str = "XML:com.adobe.xmp";
/// Most bytes of a keyword.
pub(super) const MAX_KEYWORD: usize = 79;

/// Chunks that say nothing of what a picture looks like on its own: a background for viewers that want one, histograms,
/// palettes for old screens, and hints for decoders.
const SILENT: [&[u8; 4]; 6] = [b"bKGD", b"hIST", b"sPLT", b"iDOT", b"vpAg", b"orNT"];

/// What a file holds.
#[derive(Default)]
pub(super) struct Chunks {
    /// A file with the chunks that make the pixels alone.
    pub(super) pixels: Vec<u8>,
    pub(super) metadata: Metadata,
    /// Number of frames, if it is an animation.
    pub(super) frames: Option<u32>,
    pub(super) broken: Vec<String>,
    pub(super) left_out: Vec<String>,
    /// Where the last chunk ends.
    pub(super) end: usize,
    header: Option<Header>,
    stream: Option<Stream>,
    /// Colours of the palette.
    palette: usize,
    has_transparency: bool,
    has_srgb: bool,
    /// A frame of the animation begins before the pixels, so that these are its first.
    pub(super) is_frame: bool,
    stage: Stage,
    text_bytes: u64,
}

/// How far the walk has come.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Start,
    /// The header was read.
    Header,
    /// Within the pixels.
    Pixels,
    /// The first run of chunks with pixels has ended.
    Behind,
}

/// Why a chunk is not taken.
enum Refused {
    /// It is dropped.
    Broken,
    /// The file is refused.
    File(PictureError),
}

impl From<PictureError> for Refused {
    fn from(error: PictureError) -> Self {
        Self::File(error)
    }
}

impl Chunks {
    pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Self, PictureError> {
        let mut chunks = Self {
            pixels: SIGNATURE.to_vec(),
            ..Self::default()
        };
        let mut rest = bytes
            .strip_prefix(SIGNATURE)
            .ok_or_else(|| damaged("its signature is wrong"))?;
        loop {
            let cut_short = || damaged("it was cut short");
            let (length, after) = rest.split_first_chunk::<4>().ok_or_else(cut_short)?;
            let length = u32::from_be_bytes(*length) as usize;
            let (name, after) = after.split_first_chunk::<4>().ok_or_else(cut_short)?;
            if !name.iter().all(u8::is_ascii_alphabetic) {
                return Err(damaged("one of its chunks has no name"));
            }
            let (data, after) = after.split_at_checked(length).ok_or_else(cut_short)?;
            let (sum, after) = after.split_first_chunk::<4>().ok_or_else(cut_short)?;
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(name);
            hasher.update(data);
            let is_intact = hasher.finalize() == u32::from_be_bytes(*sum);
            chunks.take(name, data, is_intact, limits)?;
            if name == b"IEND" {
                chunks.end = bytes.len() - after.len();
                return chunks.finish();
            }
            rest = after;
        }
    }

    fn take(
        &mut self,
        name: &[u8; 4],
        data: &[u8],
        is_intact: bool,
        limits: &Limits,
    ) -> Result<(), PictureError> {
        if self.stage == Stage::Pixels && name != b"IDAT" {
            self.stage = Stage::Behind;
        }
        let is_critical = name[0].is_ascii_uppercase();
        let shown = String::from_utf8_lossy(name);
        if !is_intact && is_critical {
            return Err(damaged(format_args!(
                "the checksum of its chunk {shown} is wrong"
            )));
        }
        if self.stage == Stage::Start && name != b"IHDR" {
            return Err(damaged("its header does not come first"));
        }
        let taken = match is_intact {
            true if is_critical => Ok(self.take_critical(name, data, limits)?),
            true => self.take_ancillary(name, data, limits),
            false => Err(Refused::Broken),
        };
        match taken {
            Ok(()) => Ok(()),
            Err(Refused::Broken) => {
                let is_xmp = data.starts_with(XMP_KEYWORD.as_bytes());
                let what = match is_xmp {
                    true => Part::Xmp.into(),
                    false => chunk_name(name),
                };
                push_name(&mut self.broken, what);
                Ok(())
            }
            Err(Refused::File(error)) => Err(error),
        }
    }

    fn take_critical(
        &mut self,
        name: &[u8; 4],
        data: &[u8],
        limits: &Limits,
    ) -> Result<(), PictureError> {
        match name {
            b"IHDR" if self.stage == Stage::Start => {
                let header = Header::read(data)?;
                limits.check_size(header.width, header.height, header.pixel_bytes())?;
                self.stream = Some(Stream::new(header.stream_bytes()));
                self.header = Some(header);
                self.stage = Stage::Header;
                self.keep(name, data);
            }
            b"PLTE" if self.colour() == Some(Colour::Palette) => {
                if self.palette > 0 {
                    return Err(damaged("it has two palettes"));
                }
                check_palette(data)?;
                self.palette = data.len() / 3;
                self.keep(name, data);
            }
            // Of a picture that has its own colours, it is a proposal for old screens.
            b"PLTE" => {}
            b"IDAT" if self.stage < Stage::Behind => {
                self.stage = Stage::Pixels;
                if let Some(stream) = &mut self.stream {
                    stream.feed(data);
                }
                self.keep(name, data);
            }
            // The decoder finds out whether the first run had all pixels.
            b"IDAT" => push_name(&mut self.broken, "a second run of pixels"),
            b"IEND" => self.keep(name, data),
            _ => {
                let name = String::from_utf8_lossy(name);
                return Err(match name.as_ref() {
                    "IHDR" => damaged("it has two headers"),
                    _ => PictureError::Unsupported(format!(
                        "PNG with the chunk {name} is not supported"
                    )),
                });
            }
        }
        Ok(())
    }

    fn take_ancillary(
        &mut self,
        name: &[u8; 4],
        data: &[u8],
        limits: &Limits,
    ) -> Result<(), Refused> {
        let metadata = &mut self.metadata;
        let is_ahead = self.stage == Stage::Header;
        match name {
            b"tRNS" => {
                if !is_ahead || self.has_transparency || !self.is_transparency(data) {
                    return Err(Refused::Broken);
                }
                self.has_transparency = true;
                let data = self.within_depth(data);
                self.keep(name, &data);
            }
            b"cICP" if is_ahead => {
                let cicp = data.try_into().ok().filter(is_colour_description);
                set(&mut metadata.cicp, cicp)?;
            }
            b"iCCP" if is_ahead => {
                let icc = read_profile(data, limits.max_metadata)?;
                let icc = limits.accept_block(Part::Icc, Some(&icc))?;
                set(&mut metadata.icc, icc)?;
            }
            b"gAMA" if is_ahead => {
                let gamma = data.try_into().ok().map(u32::from_be_bytes);
                set(&mut metadata.gamma, gamma.filter(|&gamma| gamma > 0))?;
            }
            b"cHRM" if is_ahead => set(&mut metadata.chromaticities, read_chromaticities(data))?,
            b"sRGB" if is_ahead => match data {
                [0..=3] => self.has_srgb = true,
                _ => return Err(Refused::Broken),
            },
            b"cICP" | b"iCCP" | b"gAMA" | b"cHRM" | b"sRGB" => return Err(Refused::Broken),
            b"pHYs" => set(&mut metadata.density, read_density(data))?,
            b"eXIf" => {
                let exif = Some(without_exif_prefix(data)).filter(|exif| is_tiff(exif));
                let exif = limits.accept_block(Part::Exif, exif)?;
                set(&mut metadata.exif, exif)?;
            }
            b"tEXt" | b"zTXt" | b"iTXt" => self.take_text(name, data, limits)?,
            b"acTL" => match data {
                &[f3, f2, f1, f0, _, _, _, _] if is_ahead => {
                    let frames = u32::from_be_bytes([f3, f2, f1, f0]);
                    set(&mut self.frames, Some(frames).filter(|&frames| frames > 0))?;
                }
                _ => return Err(Refused::Broken),
            },
            b"fcTL" => self.is_frame |= is_ahead,
            b"fdAT" => {}
            _ if SILENT.contains(&name) => {}
            _ => push_name(&mut self.left_out, chunk_name(name)),
        }
        Ok(())
    }

    fn colour(&self) -> Option<Colour> {
        self.header.map(|header| header.colour)
    }

    /// Whether the pixels come to an end, with the right checksum over all of them.
    pub(super) fn is_whole(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_whole)
    }

    /// Whether transparency fits the kind of pixels.
    fn is_transparency(&self, data: &[u8]) -> bool {
        match self.colour() {
            Some(Colour::Grey) => data.len() == 2,
            Some(Colour::Rgb) => data.len() == 6,
            Some(Colour::Palette) => (1..=self.palette).contains(&data.len()),
            Some(Colour::GreyAlpha | Colour::Rgba) | None => false,
        }
    }

    /// Transparency with the bits alone that the samples of the picture have, as libpng compares them.
    fn within_depth(&self, data: &[u8]) -> Vec<u8> {
        if self.colour() == Some(Colour::Palette) {
            return data.to_vec();
        }
        let depth = self.header.map_or(16, |header| header.depth.clamp(1, 16));
        let mask = u16::MAX >> (16 - depth);
        let samples = data.as_chunks().0.iter();
        let samples = samples.map(|&sample| u16::from_be_bytes(sample) & mask);
        samples.flat_map(u16::to_be_bytes).collect()
    }

    fn take_text(&mut self, name: &[u8; 4], data: &[u8], limits: &Limits) -> Result<(), Refused> {
        // One more than the limit tells a text that is too large from a damaged one.
        let room = limits.max_metadata.saturating_sub(self.text_bytes);
        let text = read_text(name, data, room).ok_or(Refused::Broken)?;
        if name == b"iTXt" && text.keyword == XMP_KEYWORD {
            let xmp = limits.accept_block(Part::Xmp, Some(text.text.as_bytes()))?;
            return set(&mut self.metadata.xmp, xmp);
        }
        self.text_bytes += text.size();
        limits.accept_texts(self.metadata.text.len() + 1, self.text_bytes)?;
        self.metadata.text.push(text);
        Ok(())
    }

    fn keep(&mut self, name: &[u8; 4], data: &[u8]) {
        push_chunk(&mut self.pixels, name, data);
    }

    fn finish(mut self) -> Result<Self, PictureError> {
        if self.stage < Stage::Pixels {
            return Err(damaged("there is no picture in it"));
        }
        // The chunk sRGB stands above these two, and without any of them samples are sRGB as well.
        if self.has_srgb {
            self.metadata.gamma = None;
            self.metadata.chromaticities = None;
        }
        // An animation whose one frame is the picture is a still.
        if self.frames == Some(1) {
            self.frames = None;
            if !self.is_frame {
                self.left_out.push("an animation of one frame".to_owned());
            }
        }
        Ok(self)
    }
}

/// Appends a chunk with its length and checksum.
pub(super) fn push_chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(name);
    hasher.update(data);
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(name);
    out.extend(data);
    out.extend(hasher.finalize().to_be_bytes());
}

/// Takes what a chunk says, unless it says nothing or the file has said it before.
fn set<T>(place: &mut Option<T>, value: Option<T>) -> Result<(), Refused> {
    match (place.is_some(), value) {
        (false, Some(value)) => {
            *place = Some(value);
            Ok(())
        }
        _ => Err(Refused::Broken),
    }
}

/// What a chunk is called in a warning.
fn chunk_name(name: &[u8; 4]) -> String {
    let chunk = String::from_utf8_lossy(name);
    let meaning = match name {
        b"cICP" => Part::Cicp.name(),
        b"iCCP" => Part::Icc.name(),
        b"gAMA" => Part::Gamma.name(),
        b"cHRM" => Part::Chromaticities.name(),
        b"pHYs" => Part::Density.name(),
        b"eXIf" => Part::Exif.name(),
        b"tEXt" | b"zTXt" | b"iTXt" => "a text",
        b"tRNS" => "the transparency",
        b"acTL" => "the animation",
        b"mDCV" | b"mDCv" => "the mastering display",
        b"cLLI" | b"cLLi" => "the content light level",
        b"sBIT" => "the number of significant bits",
        b"tIME" => "the time of the last change",
        b"caBX" => "the content credentials",
        _ => return format!("the chunk {chunk}"),
    };
    format!("{meaning} ({chunk})")
}

/// Refuses a palette with a part of a colour.
fn check_palette(data: &[u8]) -> Result<(), PictureError> {
    if data.is_empty() || !data.len().is_multiple_of(3) || data.len() > 3 * 256 {
        return Err(damaged(format_args!(
            "its palette takes {} bytes, which have to be 3 for each of 1 to 256 colours",
            data.len()
        )));
    }
    Ok(())
}

/// A colour profile: a name, 0, the method of compression, the profile.
fn read_profile(data: &[u8], most: u64) -> Result<Vec<u8>, Refused> {
    let (_, rest) = split_at_zero(data, MAX_KEYWORD).ok_or(Refused::Broken)?;
    let packed = rest.strip_prefix(b"\0").ok_or(Refused::Broken)?;
    inflate(packed, most).ok_or(Refused::Broken)
}

fn read_chromaticities(data: &[u8]) -> Option<[u32; 8]> {
    let data: &[u8; 32] = data.try_into().ok()?;
    let mut numbers = [0; 8];
    for (number, bytes) in numbers.iter_mut().zip(data.as_chunks().0) {
        *number = u32::from_be_bytes(*bytes);
    }
    Some(numbers)
}

fn read_density(data: &[u8]) -> Option<Density> {
    let &[x3, x2, x1, x0, y3, y2, y1, y0, unit] = data else {
        return None;
    };
    let density = Density {
        x: u32::from_be_bytes([x3, x2, x1, x0]),
        y: u32::from_be_bytes([y3, y2, y1, y0]),
        unit: match unit {
            0 => DensityUnit::Unknown,
            1 => DensityUnit::Metre,
            _ => return None,
        },
    };
    (density.x > 0 && density.y > 0).then_some(density)
}

/// A text of any of the three kinds, of `most` bytes and a few more.
fn read_text(name: &[u8; 4], data: &[u8], most: u64) -> Option<Text> {
    let (keyword, rest) = split_at_zero(data, MAX_KEYWORD)?;
    let keyword = decode_latin_1(keyword);
    let plain = |bytes: &[u8]| Text {
        keyword: keyword.clone(),
        language: String::new(),
        text: decode_latin_1(bytes),
    };
    match name {
        b"tEXt" => Some(plain(rest)),
        b"zTXt" => Some(plain(&inflate(rest.strip_prefix(b"\0")?, most)?)),
        _ => {
            let (&[is_packed, method], rest) = rest.split_first_chunk::<2>()?;
            let (language, rest) = split_at_zero(rest, usize::MAX)?;
            // The keyword in that language.
            let (_, rest) = split_at_zero(rest, usize::MAX)?;
            let text = match (is_packed, method) {
                (0, _) => rest.to_vec(),
                (1, 0) => inflate(rest, most)?,
                _ => return None,
            };
            Some(Text {
                keyword,
                language: std::str::from_utf8(language).ok()?.to_owned(),
                text: String::from_utf8(text).ok()?,
            })
        }
    }
}

/// What stands before a zero byte and after it. Keywords are of 1 byte at least; languages have no bound.
fn split_at_zero(bytes: &[u8], most: usize) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == 0)?;
    let is_keyword = most != usize::MAX;
    (at <= most && !(is_keyword && at == 0)).then(|| (&bytes[..at], &bytes[at + 1..]))
}

/// A zlib stream, up to `most` bytes and one more; `None` if it is damaged.
fn inflate(bytes: &[u8], most: u64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let bound = most.saturating_add(1);
    let mut stream = ZlibDecoder::new(bytes).take(bound);
    stream.read_to_end(&mut out).ok()?;
    Some(out)
}
