//! GIF: the first frame by the crate `image`, blocks by our own walk.
//!
//! The walk counts frames without unpacking them, and finds comments.

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::gif::GifDecoder;

use super::{check_frames, decode_within, trailing};
use crate::parts::{Part, decode_text, push_name};
use crate::{Format, LoadOptions, Metadata, Picture, PictureError, Text, Warning};

pub(super) fn load(
    bytes: &[u8],
    options: &LoadOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Picture, PictureError> {
    let limits = &options.limits;
    let blocks = Blocks::read(bytes).ok_or_else(|| damaged("it was cut short"))?;
    if blocks.frames == 0 {
        return Err(damaged("there is no picture in it"));
    }
    let frames = Some(blocks.frames).filter(|&frames| frames > 1);
    check_frames(Format::Gif, frames, options, warnings)?;
    let comments = &blocks.comments;
    limits.accept_texts(comments.len(), comments.iter().map(Text::size).sum())?;
    let mut decoder = GifDecoder::new(Cursor::new(bytes))
        .map_err(|error| PictureError::from_decoder(Format::Gif, error))?;
    let icc = decoder.icc_profile().ok().flatten();
    let xmp = decoder.xmp_metadata().ok().flatten();
    let metadata = Metadata {
        icc: limits.accept_block(Part::Icc, icc.as_deref())?,
        xmp: limits.accept_block(Part::Xmp, xmp.as_deref())?,
        text: blocks.comments,
        ..Metadata::default()
    };
    let mut left_out = blocks.left_out;
    left_out.extend(trailing(&bytes[blocks.end..]));
    warnings.extend(Warning::left_out(Format::Gif.name(), left_out));
    // A frame that is smaller than the screen is unpacked on its own first.
    let image = decode_within(Format::Gif, decoder, 8, limits)?;
    Ok(Picture { image, metadata })
}

fn damaged(reason: &str) -> PictureError {
    PictureError::damaged(Format::Gif, reason)
}

/// What the blocks of a file say.
#[derive(Default)]
struct Blocks {
    frames: u32,
    comments: Vec<Text>,
    left_out: Vec<String>,
    end: usize,
}

impl Blocks {
    /// Walks the blocks up to the trailer; `None` if the file ends before it.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut blocks = Self::default();
        let mut rest = bytes.get(13..)?;
        rest = rest.get(table_bytes(bytes[10])..)?;
        loop {
            let (&kind, after) = rest.split_first()?;
            rest = match kind {
                0x3B => {
                    blocks.end = bytes.len() - after.len();
                    return Some(blocks);
                }
                0x2C => {
                    blocks.frames = blocks.frames.saturating_add(1);
                    let flags = *after.get(8)?;
                    // The image descriptor, its table of colours, and the size of the first code.
                    let data = after.get(9 + table_bytes(flags) + 1..)?;
                    join_blocks(data, None)?
                }
                0x21 => blocks.take_extension(after)?,
                // Filling between blocks is passed over by all decoders.
                0x00 => after,
                _ => return None,
            };
        }
    }

    fn take_extension<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (&kind, data) = bytes.split_first()?;
        match kind {
            0xFE => {
                let mut comment = Vec::new();
                let rest = join_blocks(data, Some(&mut comment))?;
                self.comments.push(Text {
                    keyword: Text::COMMENT.to_owned(),
                    language: String::new(),
                    text: decode_text(&comment),
                });
                Some(rest)
            }
            0x01 => {
                push_name(&mut self.left_out, "a text that is drawn over the picture");
                join_blocks(data, None)
            }
            _ => join_blocks(data, None),
        }
    }
}

/// Bytes of the table of colours that these flags announce.
fn table_bytes(flags: u8) -> usize {
    match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    }
}

/// What follows a chain of blocks, whose contents go to `out`.
fn join_blocks<'a>(mut bytes: &'a [u8], mut out: Option<&mut Vec<u8>>) -> Option<&'a [u8]> {
    loop {
        let (&length, rest) = bytes.split_first()?;
        let (data, rest) = rest.split_at_checked(usize::from(length))?;
        bytes = rest;
        if length == 0 {
            return Some(bytes);
        }
        if let Some(out) = &mut out {
            out.extend(data);
        }
    }
}
