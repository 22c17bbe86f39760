//! The graphics layer, from pictures to pictures: what is no photograph, and pictures without loss.

mod common;
#[path = "common/graphics.rs"]
mod graphics;

use common::{KINDS, encode, model, of_kind, photo, plain, psnr};
use graphics::{DRAWN, drawn, noise, paste};
use image::{DynamicImage, RgbImage};
use kiln::{
    Alpha, Channels, Decoder, DeviceChoice, EncodeOptions, Encoder, ErrorKind, Limits, Model,
    Picture, Pixels, PixelsMut, Silent, Target, info, verify,
};
use kiln_container::Container;

/// Weights for a device that no machine has.
fn nowhere() -> Model {
    Model::bundled(&DeviceChoice::Named("no such device".into())).unwrap()
}

fn lossless(picture: &Picture, keep_hidden: bool) -> Vec<u8> {
    let options = EncodeOptions::default()
        .with_target(Target::Lossless)
        .with_keep_hidden(keep_hidden);
    let encoded = Encoder::new(nowhere()).encode(picture, &options).unwrap();
    assert!(encoded.lossless);
    encoded.bytes
}

/// Red, green and blue of a picture, transparent pixels over black.
fn visible(image: &DynamicImage) -> RgbImage {
    let rgba = image.to_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        image::Rgb(if a == 0 { [0; 3] } else { [r, g, b] })
    })
}

#[test]
fn every_kind_of_picture_comes_back_exactly_without_weights_or_a_device() {
    let decoder = Decoder::new(nowhere());
    for (width, height) in [(1, 1), (17, 1), (1, 40), (33, 50)] {
        let photo = photo(5, width, height);
        for kind in KINDS {
            let alpha = |x: u32, y: u32| ((x * 977 + y * 4241) % 65_536) as u16;
            let image = of_kind(&photo, kind, alpha);
            let picture = plain(image);
            let bytes = lossless(&picture, true);
            let decoded = decoder.decode(&bytes).unwrap();
            assert!(decoded.picture == picture, "{kind:?} {width}x{height}");
            assert!(decoded.about.lossless && decoded.about.level == 0);
            let found = info(&bytes, &Limits::default()).unwrap();
            assert!(found.lossless && found.portable);
            assert_eq!(found.architecture_name, Some("lossless"));
            let blocks = u64::from(width.div_ceil(16) * height.div_ceil(16));
            assert_eq!(found.graphics_blocks, blocks);
        }
    }
}

#[test]
fn lossless_pictures_go_into_pixels_of_other_kinds() {
    let picture = plain(
        DynamicImage::ImageRgb8(photo(7, 40, 30))
            .into_rgb16()
            .into(),
    );
    let bytes = lossless(&picture, false);
    let mut rgba = vec![0_u8; 40 * 30 * 4];
    let into = PixelsMut::new(&mut rgba, 40, 30, Channels::Rgba).unwrap();
    Decoder::new(nowhere())
        .decode_into(&bytes, into, &Silent)
        .unwrap();
    assert_eq!(rgba, picture.image.to_rgba8().into_raw());

    let grey = plain(
        DynamicImage::ImageRgb8(photo(7, 40, 30))
            .into_luma8()
            .into(),
    );
    let mut rgb = vec![0_u16; 40 * 30 * 3];
    let into = PixelsMut::new(&mut rgb, 40, 30, Channels::Rgb).unwrap();
    let bytes = lossless(&grey, false);
    Decoder::new(nowhere())
        .decode_into(&bytes, into, &Silent)
        .unwrap();
    assert_eq!(rgb, grey.image.to_rgb16().into_raw());
}

#[test]
fn what_nobody_sees_costs_next_to_nothing_and_stays_if_asked_for() {
    let smooth = drawn("alpha-smooth-beneath").into_rgba8();
    let mut noisy = smooth.clone();
    let noise = noise(smooth.width(), smooth.height());
    for (pixel, noise) in noisy.pixels_mut().zip(noise.pixels()) {
        if pixel.0[3] == 0 {
            pixel.0[..3].copy_from_slice(&noise.0);
        }
    }
    let [smooth, noisy] = [smooth, noisy].map(|i| plain(DynamicImage::ImageRgba8(i)));
    for target in [Target::Quality(30), Target::Quality(90), Target::Lossless] {
        let sizes = [&smooth, &noisy].map(|p| encode(p, target).bytes.len());
        assert!(
            sizes[1] <= sizes[0] + sizes[0] / 20,
            "{target:?}: {sizes:?}"
        );
    }
    let bytes = lossless(&noisy, false);
    let decoded = common::decode(&bytes).picture.image;
    assert_eq!(visible(&decoded), visible(&noisy.image));
    assert_ne!(decoded, noisy.image);
    let kept = lossless(&noisy, true);
    assert_eq!(common::decode(&kept).picture.image, noisy.image);
    assert!(kept.len() > 10 * bytes.len());
}

#[test]
fn drawn_pictures_are_better_and_smaller_than_their_png_at_every_quality() {
    for name in DRAWN {
        let image = drawn(name);
        let png = std::fs::metadata(format!(
            "{}/tests/data/graphics/{name}.png",
            env!("CARGO_MANIFEST_DIR")
        ));
        let png = png.unwrap().len() as usize;
        let picture = plain(image);
        for quality in [60, 90] {
            let encoded = encode(&picture, Target::Quality(quality));
            let decoded = common::decode(&encoded.bytes).picture.image;
            let found = psnr(&picture.image, &decoded);
            let size = encoded.bytes.len();
            assert!(
                size <= png,
                "{name} at {quality}: {size} bytes, the PNG {png}"
            );
            assert!(found > 40.0, "{name} at {quality}: {found:.2} dB");
        }
        assert!(lossless(&picture, false).len() < png, "{name}");
    }
}

#[test]
fn photographs_have_no_layer() {
    for number in [3, 5, 13, 23] {
        let picture = plain(photo(number, 200, 150).into());
        for level in [0, 20, 40, 63] {
            let bytes = encode(&picture, Target::Level(level)).bytes;
            let found = info(&bytes, &Limits::default()).unwrap();
            assert_eq!(
                (found.graphics_bytes, found.lossless),
                (0, false),
                "{number} {level}"
            );
        }
    }
}

/// Text on a photograph.
fn mixed() -> RgbImage {
    let text = drawn("text-coloured").into_rgb8();
    let text = image::imageops::crop_imm(&text, 0, 0, 112, 64).to_image();
    paste(photo(20, 240, 160), &text, 64, 48)
}

/// A file of `data/graphics`, written when the layer was made: it decodes as long as files of this version do.
fn stored(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/graphics");
    std::fs::read(format!("{folder}/{name}.kiln")).unwrap()
}

#[test]
fn stored_files_decode_to_what_they_were_made_from() {
    let whole = common::decode(&stored("lossless")).picture.image;
    assert_eq!(visible(&whole), visible(&drawn("alpha-smooth-beneath")));
    let (source, bytes) = (mixed(), stored("mixed"));
    let decoded = common::decode(&bytes).picture.image.into_rgb8();
    let layer = Container::parse(&bytes, &Default::default())
        .unwrap()
        .frames[0]
        .graphics
        .as_deref()
        .map(<[u8]>::to_vec)
        .unwrap();
    let layout = kiln_graphics::Layout {
        width: 240,
        height: 160,
        channels: kiln_graphics::Channels::Three,
        depth: kiln_graphics::Depth::Eight,
    };
    let blocks = kiln_graphics::blocks(&layer, &layout).unwrap();
    assert!(blocks.count() >= 14);
    for (x, y, pixel) in decoded.enumerate_pixels() {
        let exact = blocks.get(x as usize / 16, y as usize / 16);
        assert!(!exact || pixel == source.get_pixel(x, y), "{x} {y}");
    }
    assert!(psnr(&source.into(), &decoded.into()) > 30.0);
}

/// Its blocks come back exactly, the photograph as ever.
#[test]
fn blocks_of_a_mixed_picture_come_back_exactly() {
    let image = mixed();
    let picture = plain(image.clone().into());
    let options = EncodeOptions::default()
        .with_target(Target::Quality(70))
        .with_reconstruction(true);
    let encoded = Encoder::new(model()).encode(&picture, &options).unwrap();
    let found = info(&encoded.bytes, &Limits::default()).unwrap();
    assert!(
        !found.lossless && (8..=40).contains(&found.graphics_blocks),
        "{found:?}"
    );

    let expected = encoded.reconstruction.unwrap();
    let verified = verify(&Decoder::new(model()), &encoded.bytes, &expected, &Silent).unwrap();
    let decoded = verified.image.into_rgb8();
    let container = Container::parse(&encoded.bytes, &Default::default()).unwrap();
    assert!(!container.frames[0].streams.is_empty());
    // Blocks that are all text.
    let exact = |x: u32, y: u32| {
        (0..256).all(|i| {
            let at = (16 * x + i % 16, 16 * y + i / 16);
            decoded.get_pixel(at.0, at.1) == image.get_pixel(at.0, at.1)
        })
    };
    let inside = (4..11).flat_map(|x| (3..7).map(move |y| (x, y)));
    let exact = inside.filter(|&(x, y)| exact(x, y)).count();
    assert!(exact >= 14, "{exact} of 28 blocks");
}

/// Another level is another file, but never a worse picture: at most 0.05 dB for what rounding does.
#[test]
fn a_higher_level_is_never_a_worse_picture() {
    let text = drawn("text-coloured").into_rgb8();
    let crop = |image: &RgbImage, x, y| image::imageops::crop_imm(image, x, y, 96, 64).to_image();
    let mixed = paste(photo(8, 128, 96), &crop(&text, 0, 0), 16, 16);
    let pictures = [
        ("photo", photo(14, 128, 96)),
        ("fine photo", photo(8, 128, 96)),
        ("text", crop(&text, 32, 16)),
        ("lines", crop(&drawn("lineart").into_rgb8(), 40, 40)),
        ("dither", crop(&drawn("dither-fs").into_rgb8(), 64, 64)),
        ("checkers", crop(&drawn("screen-checker").into_rgb8(), 0, 0)),
        ("mixed", mixed),
        ("noise", noise(64, 48)),
    ];
    let mut falls = Vec::new();
    for (name, image) in pictures {
        let picture = plain(image.clone().into());
        let mut best = f64::NEG_INFINITY;
        for level in 0..64 {
            let bytes = encode(&picture, Target::Level(level)).bytes;
            let decoded = common::decode(&bytes).picture.image.into_rgb8();
            let found = psnr(&image.clone().into(), &decoded.into());
            if found < best - 0.05 {
                falls.push(format!(
                    "{name} at level {level}: {found:.2} dB after {best:.2}"
                ));
            }
            best = best.max(found);
        }
    }
    assert!(falls.is_empty(), "{falls:#?}");
}

#[test]
fn a_budget_that_holds_the_whole_picture_gets_it() {
    let picture = plain(drawn("text-coloured"));
    let whole = lossless(&picture, false).len() as u64;
    let encoded = encode(&picture, Target::Bytes(whole));
    assert!(encoded.lossless && encoded.bytes.len() as u64 == whole);
    let less = encode(&picture, Target::Bytes(whole - 1));
    assert!(!less.lossless && (less.bytes.len() as u64) < whole);
    // A photograph takes its highest level as ever, as long as that is smaller.
    let photo = plain(photo(20, 96, 64).into());
    let best = encode(&photo, Target::Level(63));
    assert!(!encode(&photo, Target::Bytes(best.bytes.len() as u64)).lossless);
}

#[test]
fn lossless_files_that_contradict_themselves_are_damaged() {
    let picture = plain(photo(2, 40, 40).into());
    let bytes = lossless(&picture, false);
    let decoder = Decoder::new(nowhere());
    let refused = |change: &dyn Fn(&mut Container)| {
        let mut container = Container::parse(&bytes, &Default::default()).unwrap();
        change(&mut container);
        let error = decoder.decode(&container.write().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    };
    refused(&|c| c.frames[0].symbols_crc ^= 1);
    refused(&|c| c.frames[0].level = 3);
    refused(&|c| c.frames[0].streams.push(vec![].into()));
    refused(&|c| c.frames[0].graphics = None);
    refused(&|c| c.header.decoder_set[0] = 1);
    refused(&|c| c.header.portable = false);
    refused(&|c| c.header.width += 1);
    refused(&|c| c.header.height = 16);
    refused(&|c| c.header.color = kiln::ColorKind::Grey);
    refused(&|c| {
        let whole = c.frames[0].graphics.take().unwrap().into_owned();
        c.frames[0].graphics = Some(whole[..whole.len() / 2].to_vec().into());
    });
}

/// Alpha was stored as PNG before, and such files are read.
#[test]
fn alpha_in_a_png_is_still_read() {
    let image = of_kind(&photo(4, 30, 20), image::ColorType::Rgba8, |x, y| {
        (x * 2000 + y * 100) as u16
    });
    let picture = plain(image.clone());
    let bytes = encode(&picture, Target::Level(30)).bytes;
    let mut container = Container::parse(&bytes, &Default::default()).unwrap();
    assert_eq!(container.header.alpha, Alpha::Coded);
    let alpha: Vec<u8> = image.to_rgba8().pixels().map(|p| p.0[3]).collect();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 30, 20);
    encoder.set_color(png::ColorType::Grayscale);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&alpha)
        .unwrap();
    container.frames[0].alpha = Some(png.into());
    let older = common::decode(&container.write().unwrap());
    assert!(older.picture == common::decode(&bytes).picture);
}

#[test]
fn pixels_without_a_layer_in_the_way_of_memory() {
    let picture = plain(drawn("text-coloured"));
    let pixels = Pixels::try_from(&picture.image).unwrap();
    let limits = Limits::default().with_max_memory(1 << 20);
    let options = EncodeOptions::default().with_target(Target::Lossless);
    let error = Encoder::new(nowhere())
        .with_limits(limits)
        .encode_pixels(pixels, &Default::default(), &options, &Silent)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}
