//! The headers of PNM files.

use super::{damaged, unsupported};
use crate::PictureError;
use crate::pixels::Channels;

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Digits, of which 1 is black: P1.
    Digits,
    /// Numbers in decimal: P2 and P3.
    Numbers,
    /// Eight to a byte, of which 1 is black: P4.
    Bits,
    /// A byte or two each: P5, P6 and P7.
    Bytes,
}

/// What stands before the samples.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: Channels,
    pub(super) coding: Coding,
    /// The value of white, 1 to 65535.
    pub(super) most: u16,
}

impl Header {
    /// The header, and what follows it.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), PictureError> {
        let (channels, coding) = match bytes.get(..2) {
            Some(b"P1") => (Channels::Grey, Coding::Digits),
            Some(b"P2") => (Channels::Grey, Coding::Numbers),
            Some(b"P3") => (Channels::Rgb, Coding::Numbers),
            Some(b"P4") => (Channels::Grey, Coding::Bits),
            Some(b"P5") => (Channels::Grey, Coding::Bytes),
            Some(b"P6") => (Channels::Rgb, Coding::Bytes),
            _ => return read_arbitrary(&bytes[2..]),
        };
        let mut rest = &bytes[2..];
        let width = take_number(&mut rest)?;
        let height = take_number(&mut rest)?;
        let most = match coding {
            Coding::Digits | Coding::Bits => 1,
            Coding::Numbers | Coding::Bytes => check_most(take_number(&mut rest)?)?,
        };
        // One white space ends the header; in ASCII files it is one more between numbers.
        let rest = rest.get(1..).unwrap_or_default();
        let header = Self {
            width,
            height,
            channels,
            coding,
            most,
        };
        Ok((header, rest))
    }
}

impl Header {
    /// Number of samples, or the largest number where there are more: no file is so long.
    pub(super) fn samples(&self) -> usize {
        let sides = [self.width as usize, self.height as usize];
        let pixels = sides[0].saturating_mul(sides[1]);
        pixels.saturating_mul(self.channels.count())
    }
}

fn check_most(most: u32) -> Result<u16, PictureError> {
    u16::try_from(most)
        .ok()
        .filter(|&most| most > 0)
        .ok_or_else(|| {
            damaged(format_args!(
                "its largest value is {most}, which has to be 1 to 65535"
            ))
        })
}

/// The next number; white space and comments stand before it, and comments may stand within it.
pub(super) fn take_number(bytes: &mut &[u8]) -> Result<u32, PictureError> {
    skip_space(bytes);
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (number, rest) = bytes.split_at(digits);
    *bytes = rest;
    if digits == 0 {
        return Err(damaged(match rest.is_empty() {
            true => "it was cut short",
            false => "there is something else where a number has to be",
        }));
    }
    let add = |sum: u32, digit: &u8| sum.checked_mul(10)?.checked_add(u32::from(digit - b'0'));
    let number = number.iter().try_fold(0, add);
    number.ok_or_else(|| damaged("a number in it is too large"))
}

/// Passes over white space and comments, which reach to the end of their line.
pub(super) fn skip_space(bytes: &mut &[u8]) {
    loop {
        match bytes {
            [b'#', ..] => {
                let end = bytes
                    .iter()
                    .position(|&byte| byte == b'\n' || byte == b'\r');
                *bytes = &bytes[end.unwrap_or(bytes.len())..];
            }
            [space, rest @ ..] if is_space(*space) => *bytes = rest,
            _ => return,
        }
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0B
}

/// The header of PAM: lines of a name and a value.
fn read_arbitrary(mut bytes: &[u8]) -> Result<(Header, &[u8]), PictureError> {
    let [mut width, mut height, mut depth, mut most] = [None; 4];
    let mut kind = String::new();
    loop {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or_else(|| damaged("it was cut short"))?;
        let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
        bytes = &bytes[end + 1..];
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = value.trim();
        let place = match name {
            "ENDHDR" => break,
            "WIDTH" => &mut width,
            "HEIGHT" => &mut height,
            "DEPTH" => &mut depth,
            "MAXVAL" => &mut most,
            "TUPLTYPE" => {
                // Several lines of it are one, with spaces between them.
                kind = format!("{kind} {value}").trim().to_owned();
                continue;
            }
            other => {
                let name: String = other.chars().take(20).collect();
                return Err(damaged(format_args!("its header has a line {name}")));
            }
        };
        let number = value.parse::<u32>();
        *place = Some(number.map_err(|_| damaged(format_args!("its {name} is not a number")))?);
    }
    let missing = |name: &str| damaged(format_args!("its header has no line {name}"));
    let depth = depth.ok_or_else(|| missing("DEPTH"))?;
    let header = Header {
        width: width.ok_or_else(|| missing("WIDTH"))?,
        height: height.ok_or_else(|| missing("HEIGHT"))?,
        channels: channels_of(&kind, depth)?,
        coding: Coding::Bytes,
        most: check_most(most.ok_or_else(|| missing("MAXVAL"))?)?,
    };
    Ok((header, bytes))
}

/// What a pixel is made of by its name, or by its number of samples where there is no name.
fn channels_of(kind: &str, depth: u32) -> Result<Channels, PictureError> {
    let channels = match (kind, depth) {
        // In a black and white PAM, unlike in a PBM, 1 is white.
        ("BLACKANDWHITE" | "GRAYSCALE" | "", 1) => Channels::Grey,
        ("BLACKANDWHITE_ALPHA" | "GRAYSCALE_ALPHA" | "", 2) => Channels::GreyAlpha,
        ("RGB" | "", 3) => Channels::Rgb,
        ("RGB_ALPHA" | "", 4) => Channels::Rgba,
        ("", _) => return Err(unsupported(&format!("PAM with {depth} channels"))),
        (
            "BLACKANDWHITE"
            | "GRAYSCALE"
            | "BLACKANDWHITE_ALPHA"
            | "GRAYSCALE_ALPHA"
            | "RGB"
            | "RGB_ALPHA",
            _,
        ) => {
            return Err(damaged(format_args!(
                "{depth} channels do not make pixels of type {kind}"
            )));
        }
        _ => {
            let kind: String = kind.chars().take(40).filter(|c| !c.is_control()).collect();
            return Err(unsupported(&format!("PAM with pixels of type {kind}")));
        }
    };
    Ok(channels)
}
