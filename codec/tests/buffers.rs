//! Files out of readers and into writers, and pixels that lie in the caller's own buffers.

mod common;

use std::io::{self, Read, Write};

use common::{KINDS, Random, decode, encode, model, of_kind, photo, plain};
use image::{DynamicImage, RgbImage};
use kiln::picture::Metadata;
use kiln::{
    Channels, Decoder, EncodeOptions, Encoder, Error, ErrorKind, Limits, Picture, Pixels,
    PixelsMut, Silent, Target,
};
use kiln_container::ParseError;

const WIDTH: u32 = 50;
const HEIGHT: u32 = 37;
const TARGET: Target = Target::Quality(70);

fn clear(x: u32, y: u32) -> u16 {
    (x * y * 37 + x * 900) as u16
}

/// A picture of a kind with a profile.
fn picture(kind: image::ColorType) -> Picture {
    Picture {
        image: of_kind(&photo(3, WIDTH, HEIGHT), kind, clear),
        metadata: Metadata {
            icc: Some(Random(3).bytes(100)),
            ..Metadata::default()
        },
    }
}

fn decoder() -> Decoder {
    Decoder::new(model())
}

/// Hands out a byte at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match (self.0.split_first(), out.first_mut()) {
            (Some((byte, rest)), Some(out)) => {
                (*out, self.0) = (*byte, rest);
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

/// Fails after so many bytes.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("the cable was pulled"));
        }
        let file = encode(&picture(KINDS[2]), TARGET).bytes;
        let at = file.len() - self.0;
        out[0] = file[at];
        self.0 -= 1;
        Ok(1)
    }
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("the disk is full"));
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn files_come_out_of_readers_a_byte_at_a_time() {
    for kind in KINDS {
        let bytes = encode(&picture(kind), TARGET).bytes;
        let found = decoder().decode_from(Trickle(&bytes), &Silent).unwrap();
        let expected = decode(&bytes);
        assert_eq!(found.picture, expected.picture, "{kind:?}");
        assert_eq!(
            found.about.latents_checksum,
            expected.about.latents_checksum
        );
    }
}

#[test]
fn readers_meet_the_same_damage() {
    let bytes = encode(&picture(KINDS[3]), TARGET).bytes;
    let from = |bytes: &[u8]| decoder().decode_from(Trickle(bytes), &Silent).unwrap_err();
    for len in 0..bytes.len() {
        let error = from(&bytes[..len]);
        assert!(
            matches!(error, Error::File(ParseError::Truncated { .. })),
            "{len} bytes: {error:?}"
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    for damaged in [longer, {
        let mut bytes = bytes.clone();
        bytes[30] ^= 1;
        bytes
    }] {
        let (error, whole) = (from(&damaged), decoder().decode(&damaged).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert_eq!(error.to_string(), whole.to_string());
    }
    let limited = decoder().with_limits(Limits::default().with_max_pixels(100));
    let error = limited.decode_from(Trickle(&bytes), &Silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

#[test]
fn a_reader_or_writer_that_fails_is_the_machines_fault() {
    let error = decoder().decode_from(Failing(0), &Silent).unwrap_err();
    assert!(
        error.to_string().contains("the cable was pulled"),
        "{error}"
    );
    assert!(matches!(error, Error::Io { .. }) && error.kind() == ErrorKind::Machine);

    let picture = picture(KINDS[2]);
    let options = EncodeOptions::default();
    let to = |writer: Failing| {
        let pixels = picture.pixels().unwrap();
        Encoder::new(model()).encode_to(writer, pixels, &picture.metadata, &options, &Silent)
    };
    for room in [0, 10] {
        let error = to(Failing(room)).unwrap_err();
        assert!(error.to_string().contains("the disk is full"), "{error}");
        assert!(matches!(error, Error::Io { .. }) && error.kind() == ErrorKind::Machine);
    }
    assert!(to(Failing(1 << 20)).is_ok());
}

#[test]
fn writers_get_the_file() {
    let picture = picture(KINDS[3]);
    let options = EncodeOptions::default().with_target(TARGET);
    let mut file = Vec::new();
    let encoded = Encoder::new(model())
        .encode_to(
            &mut file,
            picture.pixels().unwrap(),
            &picture.metadata,
            &options,
            &Silent,
        )
        .unwrap();
    let expected = encode(&picture, TARGET);
    assert!(file == expected.bytes && encoded.bytes.is_empty());
    assert_eq!(encoded.level, expected.level);
}

/// Rows further apart than they are long are read where they lie, whatever is between them.
#[test]
fn views_encode_like_pictures() {
    let options = EncodeOptions::default().with_target(TARGET);
    let encoder = Encoder::new(model());
    for kind in KINDS {
        let picture = picture(kind);
        let expected = encode(&picture, TARGET).bytes;
        let image = &picture.image;
        let channels = Pixels::try_from(image).unwrap().channels();
        let row = WIDTH as usize * channels.count();
        let found = match kind.bytes_per_pixel() / kind.channel_count() {
            1 => {
                let packed = image.as_bytes();
                let mut samples = vec![99_u8; (row + 13) * HEIGHT as usize];
                for (to, from) in samples.chunks_mut(row + 13).zip(packed.chunks(row)) {
                    to[..row].copy_from_slice(from);
                }
                let view = Pixels::with_stride(&samples, WIDTH, HEIGHT, row + 13, channels);
                encoder.encode_pixels(view.unwrap(), &picture.metadata, &options, &Silent)
            }
            _ => {
                let packed: Vec<u16> = image
                    .as_bytes()
                    .chunks(2)
                    .map(|b| u16::from_ne_bytes([b[0], b[1]]))
                    .collect();
                let mut samples = vec![999_u16; (row + 5) * HEIGHT as usize];
                for (to, from) in samples.chunks_mut(row + 5).zip(packed.chunks(row)) {
                    to[..row].copy_from_slice(from);
                }
                let view = Pixels::with_stride(&samples, WIDTH, HEIGHT, row + 5, channels);
                encoder.encode_pixels(view.unwrap(), &picture.metadata, &options, &Silent)
            }
        };
        assert!(found.unwrap().bytes == expected, "{kind:?}");
    }
}

/// A part of a larger picture is a view as well.
#[test]
fn a_part_of_a_picture_encodes_like_a_copy_of_it() {
    let whole = photo(7, 200, 100);
    let part = image::imageops::crop_imm(&whole, 30, 20, WIDTH, HEIGHT).to_image();
    let first = (20 * 200 + 30) * 3;
    let view = Pixels::with_stride(
        &whole.as_raw()[first..],
        WIDTH,
        HEIGHT,
        200 * 3,
        Channels::Rgb,
    );
    let options = EncodeOptions::default().with_target(TARGET);
    let found = Encoder::new(model())
        .encode_pixels(view.unwrap(), &Metadata::default(), &options, &Silent)
        .unwrap();
    assert!(found.bytes == encode(&plain(part.into()), TARGET).bytes);
}

/// What lies between the rows of a screen.
const GAP: u8 = 171;
const STRIDE: usize = WIDTH as usize * 4 + 24;

/// Decodes into RGBA of 8 bits whose rows are further apart than they are long, and returns it without the gaps.
fn on_screen(bytes: &[u8]) -> Vec<u8> {
    let mut screen = vec![GAP; STRIDE * HEIGHT as usize];
    let view = PixelsMut::with_stride(&mut screen, WIDTH, HEIGHT, STRIDE, Channels::Rgba);
    let about = decoder()
        .decode_into(bytes, view.unwrap(), &Silent)
        .unwrap();
    let expected = decode(bytes);
    assert_eq!(about.metadata, expected.picture.metadata);
    assert_eq!(about.latents_checksum, expected.about.latents_checksum);
    assert_eq!(about.level, expected.about.level);
    screen
        .chunks(STRIDE)
        .flat_map(|row| {
            let (pixels, gap) = row.split_at(WIDTH as usize * 4);
            assert!(gap.iter().all(|&g| g == GAP), "a gap was written to");
            pixels.to_vec()
        })
        .collect()
}

#[test]
fn every_kind_of_file_decodes_to_a_screen() {
    for kind in KINDS {
        let bytes = encode(&picture(kind), TARGET).bytes;
        let expected = decode(&bytes).picture.image;
        let sixteen = kind.bytes_per_pixel() / kind.channel_count() == 2;
        let expected = expected.to_rgba8().into_raw();
        let found = on_screen(&bytes);
        for (i, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
            // Colours of 16 bits come from the same planes, rounded once instead of twice. Alpha is stored.
            let is_alpha = i % 4 == 3;
            let allowed = u8::from(sixteen && !is_alpha);
            assert!(
                found.abs_diff(expected) <= allowed,
                "{kind:?}, sample {i}: {found} for {expected}"
            );
        }
        if !kind.has_alpha() {
            assert!(
                found.iter().skip(3).step_by(4).all(|&a| a == 255),
                "{kind:?}"
            );
        }
    }
}

#[test]
fn other_kinds_of_pixels_take_what_they_have_room_for() {
    // Alpha is left out.
    let clear = encode(&picture(KINDS[3]), TARGET).bytes;
    let mut rgb = RgbImage::new(WIDTH, HEIGHT);
    let view = PixelsMut::try_from(&mut rgb).unwrap();
    decoder().decode_into(&clear, view, &Silent).unwrap();
    assert_eq!(rgb, decode(&clear).picture.image.to_rgb8());

    // 8 bits become 16, finer than the 8 bits themselves.
    let mut wide = vec![0_u16; (WIDTH * HEIGHT) as usize * 4];
    let view = PixelsMut::new(&mut wide, WIDTH, HEIGHT, Channels::Rgba).unwrap();
    decoder().decode_into(&clear, view, &Silent).unwrap();
    let narrow = decode(&clear).picture.image.to_rgba8();
    for (i, (&wide, &narrow)) in wide.iter().zip(narrow.as_raw()).enumerate() {
        let difference = wide.abs_diff(u16::from(narrow) * 257);
        let allowed = if i % 4 == 3 { 0 } else { 129 };
        assert!(difference <= allowed, "sample {i}: {wide} for {narrow}");
    }
    assert!(wide.iter().any(|w| w % 257 != 0));

    // Opaque alpha costs no byte and is written.
    let opaque = of_kind(&photo(3, WIDTH, HEIGHT), KINDS[3], |_, _| u16::MAX);
    let found = on_screen(&encode(&plain(opaque), TARGET).bytes);
    assert!(found.iter().skip(3).step_by(4).all(|&a| a == 255));

    // Grey fits grey.
    let grey = encode(&picture(KINDS[0]), TARGET).bytes;
    let mut luma = DynamicImage::new_luma8(WIDTH, HEIGHT);
    let view = PixelsMut::try_from(&mut luma).unwrap();
    decoder().decode_into(&grey, view, &Silent).unwrap();
    assert_eq!(luma, decode(&grey).picture.image);
}

#[test]
fn pixels_that_do_not_fit_are_the_callers_mistake() {
    let bytes = encode(&picture(KINDS[2]), TARGET).bytes;
    let mut samples = vec![GAP; 4 * (WIDTH * HEIGHT) as usize];
    let mut refused = |width, height, channels| {
        let view = PixelsMut::new(&mut samples, width, height, channels).unwrap();
        let error = decoder().decode_into(&bytes, view, &Silent).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameter);
        assert!(samples.iter().all(|&s| s == GAP), "pixels were written");
        error.to_string()
    };
    let text = refused(HEIGHT, WIDTH, Channels::Rgba);
    assert!(text.contains("37x50") && text.contains("50x37"), "{text}");
    refused(WIDTH - 1, HEIGHT, Channels::Rgba);
    refused(WIDTH, HEIGHT - 1, Channels::Rgb);
    let text = refused(WIDTH, HEIGHT, Channels::Grey);
    assert!(text.contains("picture in colour"), "{text}");

    // A buffer that is too short is no view at all.
    let short = &mut samples[1..];
    let error: Error = PixelsMut::new(short, WIDTH, HEIGHT, Channels::Rgba)
        .unwrap_err()
        .into();
    assert_eq!(error.kind(), ErrorKind::Parameter);
    assert!(error.to_string().contains("7399"), "{error}");
}
