//! Pictures of every kind through the whole codec with the bundled weights.

mod common;

use std::collections::HashSet;

use common::{KINDS, Random, alpha, decode, encode, model, of_kind, photo, plain, psnr};
use image::{DynamicImage, ImageBuffer, Luma, Rgb};
use kiln::picture::{Density, DensityUnit, Metadata, Text};
use kiln::{
    Alpha, ColorKind, Depth, EncodeOptions, Encoder, ErrorKind, Limits, Picture, Target, info,
};
use kiln_container::Container;

const HIGH: Target = Target::Quality(80);

/// A soft disc on a clear ground: every kind of alpha value.
fn disc(x: u32, y: u32) -> u16 {
    let (x, y) = (f64::from(x) - 48.0, f64::from(y) - 40.0);
    ((40.0 - x.hypot(y)).clamp(0.0, 16.0) / 16.0 * 65535.0) as u16
}

#[test]
fn every_kind_comes_back_as_it_was() {
    let photo = photo(23, 96, 80);
    for kind in KINDS {
        let original = of_kind(&photo, kind, disc);
        let options = EncodeOptions::default()
            .with_target(HIGH)
            .with_keep_hidden(true);
        let encoded = Encoder::new(model())
            .encode(&plain(original.clone()), &options)
            .unwrap();
        let decoded = decode(&encoded.bytes);
        let image = &decoded.picture.image;
        assert_eq!(image.color(), kind);
        assert_eq!((image.width(), image.height()), (96, 80), "{kind:?}");
        assert_eq!(decoded.about.level, encoded.level);
        assert_eq!(decoded.picture.metadata, Metadata::default());
        assert_eq!(alpha(image), alpha(&original), "{kind:?}");
        let psnr = psnr(&original, image);
        println!("{kind:?}: {} bytes, {psnr:.2} dB", encoded.bytes.len());
        assert!(psnr > 30.0, "{kind:?}: {psnr:.2} dB");
    }
}

#[test]
fn opaque_alpha_costs_no_byte_and_comes_back() {
    let photo = photo(3, 64, 48);
    for (with, without) in [(1, 0), (3, 2), (5, 4), (7, 6)] {
        let kind = KINDS[with];
        let opaque = plain(of_kind(&photo, kind, |_, _| u16::MAX));
        let bytes = encode(&opaque, HIGH).bytes;
        let container = Container::parse(&bytes, &kiln_container::Limits::default()).unwrap();
        assert_eq!(container.header.alpha, Alpha::Opaque);
        assert!(container.boxes.is_empty(), "{kind:?}");
        assert_eq!(container.frames[0].alpha, None, "{kind:?}");

        let bare = plain(of_kind(&photo, KINDS[without], |_, _| u16::MAX));
        assert_eq!(bytes.len(), encode(&bare, HIGH).bytes.len(), "{kind:?}");

        let image = decode(&bytes).picture.image;
        assert_eq!(image.color(), kind);
        assert!(
            alpha(&image).unwrap().iter().all(|&a| a == u16::MAX),
            "{kind:?}"
        );
    }
}

#[test]
fn one_clear_pixel_is_kept() {
    let hole = |x, y| if (x, y) == (11, 7) { 0 } else { u16::MAX };
    let original = of_kind(&photo(3, 40, 24), KINDS[3], hole);
    let bytes = encode(&plain(original.clone()), HIGH).bytes;
    assert_eq!(
        info(&bytes, &Limits::default()).unwrap().alpha,
        Alpha::Coded
    );
    let image = decode(&bytes).picture.image;
    assert_eq!(alpha(&image), alpha(&original));
}

#[test]
fn metadata_comes_back_byte_for_byte() {
    let mut random = Random(1);
    let metadata = Metadata {
        icc: Some(random.bytes(3144)),
        exif: Some(random.bytes(70_001)),
        xmp: Some(random.bytes(1)),
        extended_xmp: Some(random.bytes(300)),
        iptc: Some(random.bytes(30)),
        cicp: Some([9, 16, 0, 1]),
        gamma: Some(45_455),
        chromaticities: Some([1, 2, 3, 4, 5, 6, 7, u32::MAX]),
        density: Some(Density {
            x: 11_811,
            y: 2_835,
            unit: DensityUnit::Metre,
        }),
        text: vec![Text {
            keyword: "Title".into(),
            language: "en".into(),
            text: "a kiln".into(),
        }],
    };
    let all = Picture {
        image: photo(1, 32, 32).into(),
        metadata,
    };
    let each = [
        all.metadata.clone(),
        Metadata {
            exif: None,
            ..all.metadata.clone()
        },
        Metadata {
            xmp: all.metadata.xmp.clone(),
            ..Metadata::default()
        },
    ];
    for metadata in each {
        let picture = Picture {
            metadata,
            ..all.clone()
        };
        let bytes = encode(&picture, HIGH).bytes;
        let bare = encode(&plain(picture.image.clone()), HIGH).bytes;
        assert_eq!(decode(&bytes).picture.metadata, picture.metadata);
        assert_eq!(
            decode(&bytes).picture.image,
            decode(&bare).picture.image,
            "metadata changed the pixels"
        );
    }
}

#[test]
fn empty_metadata_is_absent() {
    let picture = Picture {
        image: photo(1, 16, 16).into(),
        metadata: Metadata {
            icc: Some(Vec::new()),
            exif: Some(Vec::new()),
            xmp: Some(Vec::new()),
            ..Metadata::default()
        },
    };
    let bytes = encode(&picture, HIGH).bytes;
    assert!(info(&bytes, &Limits::default()).unwrap().boxes.is_empty());
    assert_eq!(decode(&bytes).picture.metadata, Metadata::default());
}

#[test]
fn gradients_of_16_bits_keep_more_steps_than_8_bits_hold() {
    let value = |x: u32, y: u32| (x * 60 + y * 16 + 8000) as u16;
    let grey = ImageBuffer::from_fn(640, 48, |x, y| Luma([value(x, y)]));
    let color = ImageBuffer::from_fn(640, 48, |x, y| {
        Rgb([value(x, y), 65535 - value(x, y), 20_000 + 40 * x as u16])
    });
    for original in [
        DynamicImage::ImageLuma16(grey),
        DynamicImage::ImageRgb16(color),
    ] {
        let bytes = encode(&plain(original.clone()), HIGH).bytes;
        let image = decode(&bytes).picture.image;
        assert_eq!(image.color(), original.color());
        let distinct: HashSet<u16> = image.to_luma16().iter().copied().collect();
        let psnr = psnr(&original, &image);
        println!(
            "{:?}: {} distinct values, {psnr:.2} dB",
            image.color(),
            distinct.len()
        );
        // Values expanded from 8 bits would be 256 at most.
        assert!(distinct.len() > 256, "{} values", distinct.len());
        assert!(psnr > 35.0, "{psnr:.2} dB");
    }
}

#[test]
fn sizes_and_likeness_rise_with_the_quality() {
    let original = plain(photo(5, 192, 128).into());
    let curve = [0, 20, 40, 60, 80, 100].map(|quality| {
        let encoded = encode(&original, Target::Quality(quality));
        let image = decode(&encoded.bytes).picture.image;
        (
            encoded.level,
            encoded.bytes.len(),
            psnr(&original.image, &image),
        )
    });
    for (level, bytes, psnr) in curve {
        println!("level {level}: {bytes} bytes, {psnr:.2} dB");
    }
    assert_eq!((curve[0].0, curve[5].0), (0, 63));
    for pair in curve.windows(2) {
        let [(_, small, low), (_, large, high)] = pair else {
            continue;
        };
        assert!(large > small && high > low, "{pair:?}");
    }
}

#[test]
fn a_file_says_what_it_is() {
    let original = plain(of_kind(&photo(7, 50, 70), KINDS[7], disc));
    let encoded = encode(&original, Target::Level(33));
    let info = info(&encoded.bytes, &Limits::default()).unwrap();
    assert_eq!((info.width, info.height), (50, 70));
    assert_eq!(info.level, encoded.level);
    assert_eq!(info.decoder_set, model().decoder_set());
    assert_eq!(info.bytes, encoded.bytes.len() as u64);
    assert_eq!(
        (info.architecture, info.architecture_name),
        (4, Some("base"))
    );
    assert!(info.portable && info.device.is_none() && info.sequence.is_none());
    assert_eq!((info.frames, info.intra_frames, info.streams), (1, 1, 2));
    assert_eq!((info.color, info.depth), (ColorKind::Rgb, Depth::Sixteen));
    assert!(info.boxes.is_empty() && info.alpha_bytes > 0 && info.payload > 0);
    assert!(info.payload + info.alpha_bytes < info.bytes);
}

#[test]
fn the_same_picture_gives_the_same_file() {
    let picture = plain(photo(9, 100, 60).into());
    let first = encode(&picture, HIGH).bytes;
    assert_eq!(encode(&picture, HIGH).bytes, first);
    assert_eq!(decode(&first).picture, decode(&first).picture);
}

#[test]
fn floating_point_pictures_are_refused() {
    let picture = plain(DynamicImage::new_rgb32f(8, 8));
    let error = Encoder::new(model())
        .encode(&picture, &EncodeOptions::default())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("8 or 16 bit"), "{error}");
}
