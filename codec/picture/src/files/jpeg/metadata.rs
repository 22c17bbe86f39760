//! What travels beside the pixels of a JPEG file, out of its segments.

use super::segments::Segments;
use crate::files::is_tiff;
use crate::parts::{Part, decode_text};
use crate::{Density, DensityUnit, Limits, Metadata, PictureError, Text, Warning};

/// Photoshop's number for the resource that holds IPTC.
pub(super) const IPTC_RESOURCE: u16 = 0x0404;
/// Resources that say nothing of their own: resolution, thumbnails, and the digest of IPTC.
const SILENT_RESOURCES: [u16; 4] = [0x03ED, 0x0409, 0x040C, 0x0425];

/// Bytes of a TIFF structure with an empty directory.
const EMPTY_EXIF: usize = 14;

/// What in an XMP packet says that the file has a gain map behind its picture.
const GAIN_MAP: &[u8] = b"http://ns.adobe.com/hdr-gain-map/1.0/";
/// What in an XMP packet names its extension.
pub(super) const HAS_EXTENSION: &[u8] = b"HasExtendedXMP";
/// Characters of the name of an extension.
pub(super) const GUID: usize = 32;

pub(super) fn read(
    mut segments: Segments<'_>,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Result<Metadata, PictureError> {
    let mut broken = Vec::new();
    let icc = join_profile(&segments.icc);
    if icc.is_none() && !segments.icc.is_empty() {
        broken.push(Part::Icc.into());
    }
    let xmp = segments.xmp.iter().copied().find(|xmp| !xmp.is_empty());
    let extended = join_extension(xmp.unwrap_or_default(), &segments.extensions);
    if extended.is_none() && !segments.extensions.is_empty() {
        broken.push(Part::ExtendedXmp.into());
    }
    if xmp.is_some_and(|xmp| find(xmp, GAIN_MAP).is_some()) {
        segments.leave_out_once("a gain map");
    }
    let exif = pick_exif(&segments.exif);
    if exif.is_none() && segments.exif.iter().any(|block| !block.is_empty()) {
        broken.push(Part::Exif.into());
    }
    if segments.exif.iter().any(|other| is_other(other, exif)) {
        segments.leave_out_once("a second block of EXIF data");
    }
    if segments.xmp.iter().any(|other| is_other(other, xmp)) {
        segments.leave_out_once("a second XMP packet");
    }
    let photoshop = std::mem::take(&mut segments.photoshop);
    let resources = Resources::read(&photoshop);
    if resources.has_others {
        segments.leave_out_once("image resources of Photoshop");
    }
    if resources.is_broken {
        broken.push(Part::Iptc.into());
    }
    warnings.extend(Warning::unreadable("JPEG", broken));
    warnings.extend(Warning::left_out("JPEG", segments.left_out));

    let comments = segments.comments.iter().map(|comment| {
        let comment = comment.strip_suffix(b"\0").unwrap_or(comment);
        Text {
            keyword: Text::COMMENT.to_owned(),
            language: String::new(),
            text: decode_text(comment),
        }
    });
    let text: Vec<_> = comments
        .filter(|comment| !comment.text.is_empty())
        .collect();
    limits.accept_texts(text.len(), text.iter().map(Text::size).sum())?;
    Ok(Metadata {
        icc: limits.accept_block(Part::Icc, icc.as_deref())?,
        exif: limits.accept_block(Part::Exif, exif)?,
        xmp: limits.accept_block(Part::Xmp, xmp)?,
        extended_xmp: limits.accept_block(Part::ExtendedXmp, extended.as_deref())?,
        iptc: limits.accept_block(Part::Iptc, resources.iptc)?,
        density: segments.jfif.and_then(density),
        text,
        ..Metadata::default()
    })
}

/// Of several blocks the first that is a TIFF structure, since some programs leave an empty one in front.
fn pick_exif<'a>(blocks: &[&'a [u8]]) -> Option<&'a [u8]> {
    let first_of = |accept: &dyn Fn(&[u8]) -> bool| blocks.iter().copied().find(|b| accept(b));
    first_of(&|block| is_tiff(block) && block.len() > EMPTY_EXIF).or_else(|| first_of(&is_tiff))
}

/// Whether a block says something that the one which was picked does not.
fn is_other(block: &[u8], picked: Option<&[u8]>) -> bool {
    block.len() > EMPTY_EXIF && picked.is_some_and(|picked| picked != block)
}

/// The colour profile, if all its parts are there. They may be in any order, and twice if they are equal.
fn join_profile(parts: &[(u8, u8, &[u8])]) -> Option<Vec<u8>> {
    let mut parts = parts.to_vec();
    parts.sort_by_key(|&(number, ..)| number);
    parts.dedup();
    let complete = parts.iter().enumerate().all(|(i, &(number, count, _))| {
        usize::from(number) == i + 1 && usize::from(count) == parts.len()
    });
    let whole = || parts.iter().flat_map(|&(.., part)| part).copied();
    (complete && !parts.is_empty()).then(|| whole().collect())
}

/// The extension that the main packet names, put together.
fn join_extension(main: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    let guid = extension_name(main)?;
    let mut found = Vec::new();
    let mut length = None;
    for part in parts {
        let (name, rest) = part.split_at_checked(GUID)?;
        if name != guid {
            continue;
        }
        let (numbers, data) = rest.split_first_chunk::<8>()?;
        let [l3, l2, l1, l0, o3, o2, o1, o0] = *numbers;
        length = Some(u32::from_be_bytes([l3, l2, l1, l0]) as usize);
        found.push((u32::from_be_bytes([o3, o2, o1, o0]) as usize, data));
    }
    found.sort();
    found.dedup();
    let mut whole = Vec::new();
    for (offset, data) in found {
        if offset != whole.len() {
            return None;
        }
        whole.extend(data);
    }
    (length == Some(whole.len())).then_some(whole)
}

/// The name of the extension in a main packet: 32 hexadecimal digits, as a value of an attribute or of an element.
pub(super) fn extension_name(main: &[u8]) -> Option<&[u8]> {
    let after = &main[find(main, HAS_EXTENSION)? + HAS_EXTENSION.len()..];
    let start = after.iter().position(u8::is_ascii_hexdigit)?;
    let only_marks = |bytes: &[u8]| bytes.iter().all(|b| b" \t\r\n=\"'>".contains(b));
    let name = after.get(start..start + GUID)?;
    (only_marks(&after[..start]) && name.iter().all(u8::is_ascii_hexdigit)).then_some(name)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The image resources of Photoshop.
#[derive(Default)]
struct Resources<'a> {
    iptc: Option<&'a [u8]>,
    has_others: bool,
    is_broken: bool,
}

impl<'a> Resources<'a> {
    fn read(mut bytes: &'a [u8]) -> Self {
        let mut resources = Self::default();
        while bytes.iter().any(|&byte| byte != 0) {
            let Some((number, data, rest)) = take_resource(bytes) else {
                resources.is_broken = true;
                break;
            };
            match number {
                IPTC_RESOURCE => resources.iptc = resources.iptc.or(Some(data)),
                number => resources.has_others |= !SILENT_RESOURCES.contains(&number),
            }
            bytes = rest;
        }
        resources.iptc = resources.iptc.filter(|iptc| iptc.first() == Some(&0x1C));
        resources
    }
}

/// Number and content of the first resource, and what follows it.
fn take_resource(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (&[n1, n0], rest) = bytes.strip_prefix(b"8BIM")?.split_first_chunk::<2>()?;
    // Name and content are filled up to even lengths; the length of the name counts with it.
    let name = usize::from(*rest.first()?) + 1;
    let rest = rest.get(name + (name & 1)..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length) as usize;
    let (data, rest) = rest.split_at_checked(length)?;
    let rest = rest.get(length & 1..).unwrap_or_default();
    Some((u16::from_be_bytes([n1, n0]), data, rest))
}

/// Pixels per metre from those per inch or centimetre; nothing for squares of unknown size, which every picture has.
fn density([unit, x1, x0, y1, y0]: [u8; 5]) -> Option<Density> {
    let (x, y) = (u16::from_be_bytes([x1, x0]), u16::from_be_bytes([y1, y0]));
    let (x, y) = (u32::from(x), u32::from(y));
    let per_inch = |n: u32| (n * 10_000 + 127) / 254;
    let (x, y, unit) = match unit {
        0 if x == y => return None,
        0 => (x, y, DensityUnit::Unknown),
        1 => (per_inch(x), per_inch(y), DensityUnit::Metre),
        2 => (x * 100, y * 100, DensityUnit::Metre),
        _ => return None,
    };
    (x > 0 && y > 0).then_some(Density { x, y, unit })
}
