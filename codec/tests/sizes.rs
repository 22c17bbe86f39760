//! Pictures of every size: less than a cell, long and thin, several stripes, nothing divisible by anything.

mod common;

use common::{decode, encode, model, of_kind, photo, plain, psnr};
use image::{ColorType, DynamicImage};
use kiln::{EncodeOptions, Encoder, ErrorKind, Limits, Target, info};

/// Encodes and decodes at a high quality, checks size and kind, and returns the likeness in dB.
fn round_trip(image: DynamicImage) -> f64 {
    let encoded = encode(&plain(image.clone()), Target::Quality(80));
    let decoded = decode(&encoded.bytes).picture.image;
    assert_eq!(
        (decoded.width(), decoded.height()),
        (image.width(), image.height())
    );
    assert_eq!(decoded.color(), image.color());
    psnr(&image, &decoded)
}

#[test]
fn unusual_sizes_come_back() {
    for (width, height) in [
        (1, 1),
        (1, 400),
        (400, 1),
        (1, 4000),
        (4000, 1),
        (2, 3),
        (17, 31),
        (16, 16),
        (64, 64),
        (65, 63),
        (700, 500),
    ] {
        let photo = photo(20, width, height);
        for kind in [ColorType::Rgb8, ColorType::L8] {
            let psnr = round_trip(of_kind(&photo, kind, |_, _| u16::MAX));
            println!("{width}x{height} {kind:?}: {psnr:.2} dB");
            assert!(psnr > 28.0, "{width}x{height} {kind:?}: {psnr:.2} dB");
        }
    }
}

#[test]
fn every_remainder_of_a_hyper_cell_comes_back() {
    // Both sides take every value from 1 to 65: all remainders of 16 and of 64.
    let photo = photo(20, 65, 65);
    for width in 1..=65 {
        let height = 66 - width;
        let cut = image::imageops::crop_imm(&photo, 0, 0, width, height).to_image();
        let psnr = round_trip(cut.into());
        assert!(psnr > 28.0, "{width}x{height}: {psnr:.2} dB");
    }
}

#[test]
fn stripes_follow_from_the_height() {
    for (height, stripes) in [(512, 1), (513, 2), (1025, 3)] {
        let original = DynamicImage::from(photo(20, 40, height));
        let encoded = encode(&plain(original.clone()), Target::Quality(80));
        assert_eq!(
            info(&encoded.bytes, &Limits::default()).unwrap().streams,
            1 + stripes
        );
        let psnr = psnr(&original, &decode(&encoded.bytes).picture.image);
        assert!(psnr > 28.0, "40x{height}: {psnr:.2} dB");
    }
}

#[test]
fn a_picture_without_pixels_is_refused() {
    for (width, height) in [(0, 0), (0, 5), (5, 0)] {
        let picture = plain(DynamicImage::new_rgb8(width, height));
        let error = Encoder::new(model())
            .encode(&picture, &EncodeOptions::default())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameter);
        assert!(
            error.to_string().contains(&format!("{width}x{height}")),
            "{error}"
        );
    }
}
