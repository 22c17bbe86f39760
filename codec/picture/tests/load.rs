//! Files of every kind that reach `load`: odd ones, foreign ones, damaged ones, greedy ones.

mod common;

use common::{Random, png_crc};
use image::{DynamicImage, ImageBuffer, Luma, LumaA, Rgb, Rgba};
use kiln_picture::{
    Format, Limits, LoadOptions, Metadata, Picture, PictureError, StoreOptions, load, store,
};

fn load_default(bytes: &[u8]) -> Result<Picture, PictureError> {
    load(bytes, &Default::default()).map(|loaded| loaded.picture)
}

fn load_within(bytes: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let options = LoadOptions::default().with_limits(*limits);
    load(bytes, &options).map(|loaded| loaded.picture)
}

/// A PNG written as it is asked for: 4 x 2 pixels.
fn png_file(
    color: png::ColorType,
    depth: png::BitDepth,
    palette: Option<&[u8]>,
    transparency: Option<&[u8]>,
    data: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 4, 2);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if let Some(palette) = palette {
        encoder.set_palette(palette.to_vec());
    }
    if let Some(transparency) = transparency {
        encoder.set_trns(transparency.to_vec());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

fn image_of(bytes: &[u8]) -> DynamicImage {
    load_default(bytes).unwrap().image
}

#[test]
fn a_palette_becomes_colours() {
    use png::{BitDepth, ColorType};
    let palette = [255, 0, 0, 0, 255, 0, 0, 0, 255];
    let indices = [0b0001_1000, 0b1000_0001];
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];
    let order = [0, 1, 2, 0, 2, 0, 0, 1];
    let opaque = png_file(
        ColorType::Indexed,
        BitDepth::Two,
        Some(&palette),
        None,
        &indices,
    );
    let expected = ImageBuffer::from_fn(4, 2, |x, y| Rgb(colours[order[(y * 4 + x) as usize]]));
    assert_eq!(image_of(&opaque), DynamicImage::ImageRgb8(expected));

    // Entries without an alpha value are opaque.
    let alpha = [7, 100];
    let clear = png_file(
        ColorType::Indexed,
        BitDepth::Two,
        Some(&palette),
        Some(&alpha),
        &indices,
    );
    let expected = ImageBuffer::from_fn(4, 2, |x, y| {
        let index = order[(y * 4 + x) as usize];
        let [r, g, b] = colours[index];
        Rgba([r, g, b, [7, 100, 255][index]])
    });
    assert_eq!(image_of(&clear), DynamicImage::ImageRgba8(expected));
}

#[test]
fn grey_of_few_bits_becomes_8_bit() {
    use png::{BitDepth, ColorType};
    for (depth, data, expected) in [
        (
            BitDepth::One,
            &[0b0110_0000, 0b1000_0000][..],
            [0, 255, 255, 0, 255, 0, 0, 0],
        ),
        (
            BitDepth::Two,
            &[0b0001_1011, 0b1110_0100],
            [0, 85, 170, 255, 255, 170, 85, 0],
        ),
        (
            BitDepth::Four,
            &[0x01, 0x2F, 0xF0, 0x8A],
            [0, 17, 34, 255, 255, 0, 136, 170],
        ),
    ] {
        let bytes = png_file(ColorType::Grayscale, depth, None, None, data);
        let expected: ImageBuffer<Luma<u8>, _> =
            ImageBuffer::from_raw(4, 2, expected.to_vec()).unwrap();
        assert_eq!(
            image_of(&bytes),
            DynamicImage::ImageLuma8(expected),
            "{depth:?}"
        );
    }
}

#[test]
fn a_transparent_grey_becomes_alpha() {
    use png::{BitDepth, ColorType};
    let data = [10, 20, 30, 40, 50, 20, 70, 80];
    let bytes = png_file(
        ColorType::Grayscale,
        BitDepth::Eight,
        None,
        Some(&[0, 20]),
        &data,
    );
    let expected = ImageBuffer::from_fn(4, 2, |x, y| {
        let v = data[(y * 4 + x) as usize];
        LumaA([v, if v == 20 { 0 } else { 255 }])
    });
    assert_eq!(image_of(&bytes), DynamicImage::ImageLumaA8(expected));
}

#[test]
fn an_interlaced_16_bit_png_is_read() {
    // Passes 1, 4 and 6 of Adam7 hold the first row of 4 x 2 pixels, pass 7 the second.
    let pixel = |x: u16, y: u16| 0x1000 * x + 0x0101 * y + 3;
    let mut rows: Vec<u8> = Vec::new();
    for (y, columns) in [(0, &[0][..]), (0, &[2]), (0, &[1, 3]), (1, &[0, 1, 2, 3])] {
        rows.push(0);
        rows.extend(columns.iter().flat_map(|&x| pixel(x, y).to_be_bytes()));
    }
    let mut data = vec![0x78, 0x01, 1];
    data.extend((rows.len() as u16).to_le_bytes());
    data.extend((!(rows.len() as u16)).to_le_bytes());
    data.extend(&rows);
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in &rows {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    data.extend((b << 16 | a).to_be_bytes());

    let mut bytes = Vec::new();
    let mut info = png::Info::with_size(4, 2);
    info.color_type = png::ColorType::Grayscale;
    info.bit_depth = png::BitDepth::Sixteen;
    info.interlaced = true;
    let mut writer = png::Encoder::with_info(&mut bytes, info)
        .unwrap()
        .write_header()
        .unwrap();
    writer.write_chunk(png::chunk::IDAT, &data).unwrap();
    drop(writer);
    let expected = ImageBuffer::from_fn(4, 2, |x, y| Luma([pixel(x as u16, y as u16)]));
    assert_eq!(image_of(&bytes), DynamicImage::ImageLuma16(expected));
}

#[test]
fn netpbm_files_of_other_depths_are_scaled() {
    let grey = |values: [u8; 4]| {
        DynamicImage::ImageLuma8(ImageBuffer::from_raw(2, 2, values.to_vec()).unwrap())
    };
    assert_eq!(
        image_of(b"P1\n# note\n2 2\n0 1 1 0\n"),
        grey([255, 0, 0, 255])
    );
    assert_eq!(image_of(b"P4\n2 2\n\x40\x80"), grey([255, 0, 0, 255]));
    assert_eq!(image_of(b"P2 2 2 15 0 5 10 15\n"), grey([0, 85, 170, 255]));
    assert_eq!(
        image_of(b"P5 2 2 100\n\x00\x14\x32\x64"),
        grey([0, 51, 128, 255])
    );
}

#[test]
fn alpha_of_a_lossy_webp_is_exact() {
    let image = image_of(include_bytes!("data/tagged.webp"));
    let DynamicImage::ImageRgba8(buffer) = image else {
        panic!("{:?}", image.color());
    };
    assert!(
        buffer
            .enumerate_pixels()
            .all(|(x, _, p)| u32::from(p.0[3]) == x * 255 / 23)
    );
}

fn refusal(bytes: &[u8]) -> String {
    match load_default(bytes) {
        Err(PictureError::Unsupported(text)) => text,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn unsupported_kinds_are_refused_by_name() {
    assert_eq!(
        refusal(include_bytes!("data/cmyk.jpg")),
        "CMYK JPEG is not supported"
    );
    assert_eq!(
        refusal(include_bytes!("data/animated.webp")),
        "animated WebP has 3 frames; kiln stores still pictures"
    );
    assert_eq!(
        refusal(include_bytes!("data/animated.png")),
        "animated PNG has 3 frames; kiln stores still pictures"
    );
    for (frame, name) in [
        (0xC3, "lossless or hierarchical JPEG is not supported"),
        (0xC9, "JPEG with arithmetic coding is not supported"),
    ] {
        assert_eq!(refusal(&jpeg_with_frame(|header| header[1] = frame)), name);
    }
    for (at, value, name) in [
        (4, 12, "JPEG with 12 bits per sample is not supported"),
        (9, 2, "JPEG with 2 components is not supported"),
    ] {
        assert_eq!(refusal(&jpeg_with_frame(|header| header[at] = value)), name);
    }
}

/// A small JPEG whose frame header (marker, length, precision, height, width, components) is changed.
fn jpeg_with_frame(change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut bytes = stored(Format::Jpeg);
    let at = bytes.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    change(&mut bytes[at..]);
    bytes
}

#[test]
fn foreign_files_are_named() {
    for (bytes, name) in [
        (&b"BM...."[..], "BMP"),
        (b"II+\0", "BigTIFF"),
        (b"PF\n2 2\n", "PFM"),
        (b"\0\0\0\x20ftypavif", "AVIF"),
        (b"\0\0\0\x20ftypheic", "HEIF"),
        (b"\0\0\0\x20ftypisom", "video"),
        (b"\xFF\x0A\0", "JPEG XL"),
        (b"\x9BKLN", "kiln file"),
        (b"", "not a picture"),
        (b"hello", "not a picture"),
        (b"P6", "not a picture"),
    ] {
        let text = refusal(bytes);
        assert!(text.contains(name), "{text}");
        assert!(
            text.contains("only PNG, JPEG, WebP, PNM, GIF, TIFF, BMP, QOI and TGA are read"),
            "{text}"
        );
    }
}

fn sample() -> Picture {
    Picture {
        image: DynamicImage::ImageRgba8(ImageBuffer::from_fn(19, 13, |x, y| {
            Rgba([
                (x * 13) as u8,
                (y * 19) as u8,
                (x * y) as u8,
                (x + y) as u8 * 7,
            ])
        })),
        metadata: Metadata {
            icc: Some(vec![1; 50]),
            exif: Some(b"MM\0*\0\0\0\x08\0\0".to_vec()),
            xmp: Some(b"<x/>".to_vec()),
            ..Metadata::default()
        },
    }
}

fn stored(format: Format) -> Vec<u8> {
    store(&sample(), format, &StoreOptions::default())
        .unwrap()
        .0
}

/// Small files of every format and some of its variants.
fn corpus() -> Vec<Vec<u8>> {
    let mut files: Vec<_> = [Format::Png, Format::Jpeg, Format::WebP, Format::Pnm]
        .into_iter()
        .map(stored)
        .collect();
    for file in [
        &include_bytes!("data/tagged.jpg")[..],
        include_bytes!("data/tagged.webp"),
        include_bytes!("data/tagged.png"),
        include_bytes!("data/cmyk.jpg"),
        include_bytes!("data/animated.webp"),
        include_bytes!("data/animated.png"),
        b"P1 3 3 0 1 0 1 0 1 0 1 0\n",
        b"P2 2 2 15 0 5 10 15\n",
    ] {
        files.push(file.to_vec());
    }
    files
}

#[test]
fn every_truncation_is_an_error() {
    for format in [Format::Png, Format::WebP, Format::Pnm] {
        let bytes = stored(format);
        load_default(&bytes).unwrap();
        for end in 0..bytes.len() {
            assert!(
                load_default(&bytes[..end]).is_err(),
                "{format} cut at {end}"
            );
        }
        let error = load_default(&bytes[..bytes.len() * 3 / 4]).unwrap_err();
        assert!(
            matches!(error, PictureError::Decode { format: f, .. } if f == format),
            "{format}: {error}"
        );
    }
    for file in [
        &include_bytes!("data/tagged.webp")[..],
        include_bytes!("data/tagged.png"),
    ] {
        for end in 0..file.len() {
            assert!(load_default(&file[..end]).is_err(), "cut at {end}");
        }
    }
}

/// As libjpeg does, where there is anything of the picture.
#[cfg(feature = "libjpeg")]
#[test]
fn a_truncated_jpeg_is_read_with_a_warning() {
    for file in [
        stored(Format::Jpeg),
        include_bytes!("data/tagged.jpg").to_vec(),
    ] {
        let whole = load(&file, &Default::default()).unwrap();
        assert_eq!(whole.warnings, []);
        let scan = file.windows(2).position(|w| w == [0xFF, 0xDA]).unwrap();
        for end in 0..file.len() {
            match load(&file[..end], &Default::default()) {
                Ok(loaded) => {
                    assert!(end > scan, "cut at {end}");
                    assert_eq!(
                        loaded.warnings[0].to_string(),
                        "the JPEG file is damaged, some pixels may be wrong: it ends before its end-of-image marker"
                    );
                    assert_eq!(loaded.picture.metadata, whole.picture.metadata);
                }
                Err(error) => assert!(end < scan + 16, "cut at {end}: {error}"),
            }
        }
    }
}

#[test]
fn damage_never_panics_and_never_breaks_the_limits() {
    let limits = Limits::default()
        .with_max_pixels(1 << 16)
        .with_max_memory(1 << 20)
        .with_max_metadata(1 << 12);
    let mut random = Random(1);
    let (mut read, mut refused) = (0, 0);
    for file in corpus() {
        for _ in 0..400 {
            let mut bytes = file.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] ^= 1 << random.below(8),
                    1 => bytes[at] = [0x00, 0x01, 0x7F, 0x80, 0xFF][random.below(5)],
                    2 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, random.below(256) as u8),
                }
            }
            match load_within(&bytes, &limits) {
                Ok(picture) => {
                    read += 1;
                    let pixels =
                        u64::from(picture.image.width()) * u64::from(picture.image.height());
                    assert!((1..=limits.max_pixels).contains(&pixels));
                }
                Err(_) => refused += 1,
            }
        }
    }
    // Both happen, or the mutations test nothing.
    assert!(
        read > 100 && refused > 1_000,
        "{read} read, {refused} refused"
    );
}

/// Writes the checksum of every chunk of a PNG anew, so that what was changed in it reaches the decoder.
fn reseal(png: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = png.get(at..at + 4).and_then(|l| l.try_into().ok()) {
        let data = at + 4;
        let end = (data + 4).saturating_add(u32::from_be_bytes(length) as usize);
        let Some(body) = png.get(data..end).filter(|_| png.len() >= end + 4) else {
            return;
        };
        let crc = png_crc(body).to_be_bytes();
        png[end..end + 4].copy_from_slice(&crc);
        at = end + 4;
    }
}

/// PNGs of kinds that take ways of their own through the decoder.
fn png_kinds() -> Vec<Vec<u8>> {
    use png::{BitDepth, ColorType};
    let palette = [255, 0, 0, 0, 255, 0, 0, 0, 255];
    let grey = [10, 20, 30, 40, 50, 20, 70, 80];
    let mut kinds = vec![
        png_file(
            ColorType::Indexed,
            BitDepth::Two,
            Some(&palette),
            None,
            &[0x18, 0x81],
        ),
        png_file(
            ColorType::Indexed,
            BitDepth::Eight,
            Some(&palette),
            Some(&[7, 100]),
            &[1; 8],
        ),
        png_file(
            ColorType::Grayscale,
            BitDepth::One,
            None,
            Some(&[0, 1]),
            &[0x60, 0x80],
        ),
        png_file(
            ColorType::Grayscale,
            BitDepth::Eight,
            None,
            Some(&[0, 20]),
            &grey,
        ),
        png_file(
            ColorType::Rgb,
            BitDepth::Eight,
            None,
            Some(&[0, 1, 0, 2, 0, 3]),
            &[9; 24],
        ),
        png_file(ColorType::Rgba, BitDepth::Sixteen, None, None, &[200; 64]),
        include_bytes!("data/tagged.png").to_vec(),
        include_bytes!("data/animated.png").to_vec(),
        include_bytes!("data/palette-of-4-bytes.png").to_vec(),
    ];
    kinds.push(stored(Format::Png));
    kinds
}

#[test]
fn damage_behind_the_checksums_of_a_png_is_an_error_too() {
    let limits = Limits::default()
        .with_max_pixels(1 << 16)
        .with_max_memory(1 << 20)
        .with_max_metadata(1 << 12);
    let mut random = Random(2);
    let (mut read, mut refused) = (0, 0);
    for file in png_kinds() {
        for _ in 0..400 {
            let mut bytes = file.clone();
            for _ in 0..=random.below(3) {
                let at = 8 + random.below(bytes.len() - 8);
                bytes[at] = match random.below(3) {
                    0 => bytes[at] ^ 1 << random.below(8),
                    1 => [0, 1, 2, 4, 0x7F, 0x80, 0xFF][random.below(7)],
                    _ => random.below(256) as u8,
                };
            }
            reseal(&mut bytes);
            match load_within(&bytes, &limits) {
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        read > 400 && refused > 1_000,
        "{read} read, {refused} refused"
    );
}

#[test]
fn a_palette_with_a_part_of_a_colour_is_damage() {
    let file = include_bytes!("data/palette-of-4-bytes.png");
    assert_eq!(
        load_default(file).unwrap_err().to_string(),
        "damaged PNG file: its palette takes 4 bytes, which have to be 3 for each of 1 to 256 colours"
    );
}

#[test]
fn limits_are_exact() {
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Pnm] {
        let bytes = stored(format);
        let mut limits = Limits::default().with_max_pixels(19 * 13);
        load_within(&bytes, &limits).unwrap();
        limits.max_pixels -= 1;
        assert!(
            matches!(
                load_within(&bytes, &limits),
                Err(PictureError::Limit {
                    value: 247,
                    limit: 246,
                    ..
                })
            ),
            "{format}"
        );
        let limits = Limits::default().with_max_memory(19 * 13 * 2);
        assert!(
            matches!(
                load_within(&bytes, &limits),
                Err(PictureError::Limit { .. })
            ),
            "{format}"
        );
    }
}

#[test]
fn huge_claims_are_refused_before_anything_is_allocated() {
    // Each claims far more than the machine has; allocating it would end the test.
    let claim = 0x00FF_FFFF_u32;
    let mut png = stored(Format::Png);
    png[16..20].copy_from_slice(&claim.to_be_bytes());
    png[20..24].copy_from_slice(&claim.to_be_bytes());
    png.truncate(29);
    let crc = png_crc(&png[12..29]);
    png.extend(crc.to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xAF\x06\x1E");

    let jpeg = jpeg_with_frame(|header| header[5..9].fill(0xFF));

    let mut webp = stored(Format::WebP);
    assert_eq!(&webp[12..16], b"VP8X");
    webp[24..30].copy_from_slice(&[0xFF, 0xFF, 0, 0xFF, 0xFF, 0]);

    let pam =
        b"P7\nWIDTH 100000\nHEIGHT 100000\nDEPTH 4\nMAXVAL 65535\nTUPLTYPE RGB_ALPHA\nENDHDR\n";

    for (name, bytes) in [("png", &png[..]), ("jpeg", &jpeg), ("pnm", pam)] {
        let error = load_default(bytes).unwrap_err();
        assert!(
            matches!(error, PictureError::Limit { .. }),
            "{name}: {error}"
        );
    }
    // Here the canvas contradicts the picture inside, which is found first.
    let error = load_default(&webp).unwrap_err();
    assert!(matches!(error, PictureError::Decode { .. }), "{error}");
}

#[test]
fn bytes_after_the_picture_are_ignored() {
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Pnm] {
        let mut bytes = stored(format);
        let expected = load_default(&bytes).unwrap();
        bytes.extend(b"\xFF\xD8 more \xFF");
        assert_eq!(load_default(&bytes).unwrap(), expected, "{format}");
    }
}
