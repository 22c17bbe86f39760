//! What is refused before a device is opened: on a machine without the device that was asked for, everything that can be
//! found wrong without one is found wrong, and nothing else is said.

mod common;

use std::num::NonZero;

use common::{encode, of_kind, photo, plain};
use image::{ColorType, DynamicImage};
use kiln::picture::Metadata;
use kiln::{
    Channels, Decoder, DeviceChoice, EncodeOptions, Encoder, Error, ErrorKind, Limits, Model,
    Picture, Pixels, PixelsMut, Silent, Target, info,
};
use kiln_container::{Container, FrameKind, ParseError, Rate, Sequence, Writer, reseal};

/// Offsets in a file.
const ARCHITECTURE: usize = 5;
const DECODER_SET: usize = 6;
const FORMAT: usize = 14;
/// Bit of the format byte.
const NOT_PORTABLE: u8 = 1 << 4;

/// Weights for a device that no machine has.
fn nowhere() -> Model {
    Model::bundled(&DeviceChoice::Named("no such device".into())).unwrap()
}

fn file() -> Vec<u8> {
    encode(&plain(photo(3, 60, 40).into()), Target::Level(30)).bytes
}

fn refused(bytes: &[u8]) -> Error {
    let error = Decoder::new(nowhere()).decode(bytes).unwrap_err();
    // Readers and the caller's pixels are refused alike.
    let from = Decoder::new(nowhere()).decode_from(bytes, &Silent);
    assert_eq!(from.unwrap_err().to_string(), error.to_string());
    let mut pixels = vec![0_u8; 60 * 40 * 4];
    let into = PixelsMut::new(&mut pixels, 60, 40, Channels::Rgba).unwrap();
    let into = Decoder::new(nowhere()).decode_into(bytes, into, &Silent);
    assert_eq!(into.unwrap_err().to_string(), error.to_string());
    error
}

/// The file after a change that its checksums do not show.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = file();
    change(&mut bytes);
    assert!(reseal(&mut bytes));
    bytes
}

#[test]
fn weights_are_known_without_a_device() {
    let (model, known) = (nowhere(), common::model());
    assert_eq!(model.decoder_set(), known.decoder_set());
    assert_eq!(model.levels(), known.levels());
    assert_eq!(model.architecture().name, "base");
    let error = model.open().unwrap_err();
    assert!(error.to_string().contains("no such device"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Machine);
    assert!(model.device().is_err() && model.macs().is_err() && model.portability().is_err());
}

#[test]
fn a_good_file_needs_the_device() {
    let error = refused(&file());
    assert!(
        matches!(&error, Error::Device(what) if what.contains("no such device")),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::Machine);
}

#[test]
fn a_file_for_other_weights_opens_nothing() {
    // Bits 0 and 1 of the architecture would make it a lossless or a fitted picture.
    for (at, bit) in [(DECODER_SET, 1), (DECODER_SET + 7, 1), (ARCHITECTURE, 8)] {
        let error = refused(&changed(|bytes| bytes[at] ^= bit));
        assert!(matches!(error, Error::NoWeights { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Weights);
    }
}

#[test]
fn a_damaged_file_opens_nothing() {
    let file = file();
    for at in 0..file.len() {
        let mut bytes = file.clone();
        bytes[at] ^= 0x10;
        let error = refused(&bytes);
        assert!(matches!(error, Error::File(_)), "byte {at}: {error:?}");
    }
    for len in 0..file.len() {
        assert_eq!(refused(&file[..len]).kind(), ErrorKind::Damaged);
    }
}

#[test]
fn a_file_that_is_not_portable_opens_nothing_unless_allowed() {
    let mut bytes = file();
    bytes[FORMAT] |= NOT_PORTABLE;
    reseal(&mut bytes);
    let error = refused(&bytes);
    assert!(
        matches!(error, Error::NotPortable { device: None }),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::NotPortable);
    assert!(
        error.to_string().contains("a device that it does not name"),
        "{error}"
    );
    assert!(!info(&bytes, &Limits::default()).unwrap().portable);

    // The name of the writer's device is in the message.
    let mut container = Container::parse(&bytes, &Default::default()).unwrap();
    container.boxes.device = Some("a card (x86_64, linux)".into());
    let named = container.write().unwrap();
    let error = refused(&named);
    assert!(
        error.to_string().contains("a card (x86_64, linux)"),
        "{error}"
    );

    // These weights are portable, whatever the file says.
    let allowed = Decoder::new(common::model()).allow_not_portable(true);
    let found = allowed.decode(&named).unwrap();
    assert_eq!(found.picture, common::decode(&file()).picture);
    let nowhere = Decoder::new(nowhere()).allow_not_portable(true);
    assert_eq!(
        nowhere.decode(&named).unwrap_err().kind(),
        ErrorKind::Machine
    );
}

#[test]
fn a_size_over_the_limits_opens_nothing() {
    let limits = Limits::default().with_max_pixels(60 * 40 - 1);
    let error = Decoder::new(nowhere()).with_limits(limits).decode(&file());
    let error = error.unwrap_err();
    assert!(
        matches!(error, Error::File(ParseError::Limit { value: 2400, .. })),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::Limit);
}

/// A sequence of the frame of a file.
fn sequence(frames: Option<u32>, written: u32) -> Vec<u8> {
    let bytes = file();
    let still = Container::parse(&bytes, &Default::default()).unwrap();
    let mut header = still.header;
    header.sequence = Some(Sequence {
        rate: Rate::new(25.try_into().unwrap(), NonZero::<u32>::MIN),
        frames: frames.and_then(NonZero::new),
    });
    let mut writer = Writer::new(Vec::new(), &header, &still.boxes).unwrap();
    for _ in 0..written {
        writer.frame(&still.frames[0]).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn sequences_are_not_supported() {
    for (frames, written) in [(Some(1), 1), (Some(3), 3), (None, 2)] {
        let bytes = sequence(frames, written);
        let error = refused(&bytes);
        assert!(
            matches!(error, Error::Sequence { frames: f } if f == frames),
            "{error:?}"
        );
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let found = info(&bytes, &Limits::default()).unwrap();
        assert_eq!(
            (found.frames, found.intra_frames),
            (written.into(), written.into())
        );
        let counted = found.sequence.unwrap().frames.map(NonZero::get);
        assert_eq!(counted, frames);
        assert_eq!(found.streams, 2 * u64::from(written));
    }
}

#[test]
fn a_layer_that_is_none_opens_nothing() {
    let bytes = file();
    let mut container = Container::parse(&bytes, &Default::default()).unwrap();
    container.frames[0].graphics = Some(vec![0, 90, 3].into());
    let error = refused(&container.write().unwrap());
    assert!(matches!(&error, Error::Graphics(_)), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Damaged);
    // A still picture cannot be a predicted frame.
    container.frames[0].graphics = None;
    container.frames[0].kind = FrameKind::Predicted;
    assert!(container.write().is_err());
}

#[test]
fn an_encoder_refuses_pictures_and_targets_first() {
    let picture = plain(photo(3, 60, 40).into());
    let encode = |limits: Limits, picture: &Picture, target| {
        let options = EncodeOptions::default().with_target(target);
        let encoder = Encoder::new(nowhere()).with_limits(limits);
        encoder.encode(picture, &options).unwrap_err()
    };
    let defaults = Limits::default();
    for target in [Target::Quality(101), Target::Level(64), Target::Bytes(0)] {
        let error = encode(defaults, &picture, target);
        assert_eq!(error.kind(), ErrorKind::Parameter, "{error}");
    }
    let quality = Target::Quality(60);
    let error = encode(defaults.with_max_pixels(60 * 40 - 1), &picture, quality);
    assert!(
        matches!(
            error,
            Error::Limit {
                value: 2400,
                limit: 2399,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::Limit);
    let float = plain(DynamicImage::new_rgb32f(8, 8));
    assert_eq!(
        encode(defaults, &float, quality).kind(),
        ErrorKind::Unsupported
    );
    let empty = plain(DynamicImage::new_rgb8(0, 5));
    assert_eq!(
        encode(defaults, &empty, quality).kind(),
        ErrorKind::Parameter
    );
    // What is left needs the device.
    assert_eq!(
        encode(defaults, &picture, quality).kind(),
        ErrorKind::Machine
    );
}

/// Limits hold for encoding as for decoding.
#[test]
fn an_encoder_keeps_to_its_limits() {
    let encode = |width, height, limits: Limits| {
        let samples = vec![128_u8; (width * height) as usize];
        let pixels = Pixels::new(&samples, width, height, Channels::Grey).unwrap();
        let options = EncodeOptions::default().with_target(Target::Level(0));
        Encoder::new(common::model())
            .with_limits(limits)
            .encode_pixels(pixels, &Metadata::default(), &options, &Silent)
    };
    let defaults = Limits::default();
    assert!(encode(100, 100, defaults.with_max_pixels(10_000)).is_ok());
    let error = encode(100, 100, defaults.with_max_memory(1 << 20)).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Limit {
                limit: 0x10_0000,
                ..
            }
        ),
        "{error:?}"
    );
    // Sixteen times the cells of a square picture of as many pixels.
    let thin = encode(1_000_000, 1, defaults.with_max_pixels(1_000_000)).unwrap_err();
    assert!(
        matches!(
            thin,
            Error::Limit {
                value: 16_000_000,
                ..
            }
        ),
        "{thin:?}"
    );
}

/// The kinds of pixels that can be stored are eight.
#[test]
fn every_kind_that_is_loaded_can_be_encoded() {
    for kind in [ColorType::L8, ColorType::Rgba16] {
        let image = of_kind(&photo(3, 8, 8), kind, |_, _| 7);
        assert!(Pixels::try_from(&image).is_ok());
    }
}
