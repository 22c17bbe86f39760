//! PNG files that are odd or broken beside their pixels.

mod common;

use common::{chunk, picture, png_with, read, read_with_warnings, refusal, stored};
use kiln_picture::{
    Density, DensityUnit, Format, Limits, LoadOptions, Metadata, Picture, PictureError,
    StoreOptions, Text, Warning, load, store,
};

/// The warnings about a file whose pixels have to be those of the stored picture.
fn warnings(file: &[u8]) -> Vec<String> {
    let (picture, warnings) = read_with_warnings(file);
    assert!(picture.image == common::picture().image);
    warnings
}

#[test]
fn broken_chunks_are_dropped_one_by_one() {
    for (name, data, what) in [
        (
            b"iTXt",
            &b"XML:com.adobe.xmp\0\x01\0\0\0notzlib"[..],
            "the XMP packet",
        ),
        (b"iTXt", b"Title\0\x01\0\0\0notzlib", "a text (iTXt)"),
        (b"iTXt", b"Title\0\0\0en\0\0\xFF", "a text (iTXt)"),
        (b"tEXt", b"no end", "a text (tEXt)"),
        (b"tEXt", b"\0no keyword", "a text (tEXt)"),
        (b"zTXt", b"k\0\x07", "a text (zTXt)"),
        (b"iCCP", b"name\0\0junk", "the ICC colour profile (iCCP)"),
        (b"eXIf", b"hello", "the EXIF data (eXIf)"),
        (
            b"cICP",
            &[9, 16, 1, 1],
            "the colour description (CICP) (cICP)",
        ),
        (b"gAMA", &[0; 4], "the gamma (gAMA)"),
        (b"cHRM", &[1; 31], "the chromaticities (cHRM)"),
        (b"sRGB", &[4], "the chunk sRGB"),
        (
            b"pHYs",
            &[0, 0, 0, 1, 0, 0, 0, 1, 2],
            "the pixel density (pHYs)",
        ),
        (b"tRNS", &[0; 5], "the transparency (tRNS)"),
        (b"acTL", &[0; 8], "the animation (acTL)"),
    ] {
        let expected = format!("dropped, because it is damaged in the PNG file: {what}");
        assert_eq!(warnings(&png_with(&[chunk(name, data)])), [expected]);
    }
}

#[test]
fn a_wrong_checksum_costs_an_ancillary_chunk_and_refuses_the_others() {
    let mut gamma = chunk(b"gAMA", &[0, 0, 0xB1, 0x8F]);
    gamma[15] ^= 1;
    assert_eq!(
        warnings(&png_with(&[gamma])),
        ["dropped, because it is damaged in the PNG file: the gamma (gAMA)"]
    );
    let mut file = stored(Format::Png);
    let end = file.len() - 13;
    file[end] ^= 1;
    assert_eq!(
        load(&file, &LoadOptions::default())
            .unwrap_err()
            .to_string(),
        "damaged PNG file: the checksum of its chunk IDAT is wrong"
    );
}

#[test]
fn pixels_with_a_wrong_checksum_are_read_with_a_warning() {
    let file = stored(Format::Png);
    let idat = file.windows(4).rposition(|w| w == b"IDAT").unwrap();
    let mut data = file[idat + 4..file.len() - 16].to_vec();
    let whole = [
        &file[..idat - 4],
        &chunk(b"IDAT", &data),
        &chunk(b"IEND", b""),
    ]
    .concat();
    assert_eq!(whole, file);
    // The last four bytes are the sum over all pixels.
    let last = data.len() - 1;
    data[last] ^= 1;
    let wrong = [
        &file[..idat - 4],
        &chunk(b"IDAT", &data),
        &chunk(b"IEND", b""),
    ]
    .concat();
    let expected = Warning::Damaged {
        file: "PNG",
        reason: "the checksum over its pixels is wrong or missing".into(),
    };
    let loaded = read(&wrong);
    assert_eq!(loaded.warnings, [expected]);
    assert!(loaded.picture.image == picture().image);
}

#[test]
fn what_has_no_place_is_named_and_hints_are_not() {
    let file = png_with(&[
        chunk(b"mDCV", &[1; 24]),
        chunk(b"cLLI", &[1; 8]),
        chunk(b"sBIT", &[5, 6, 5]),
        chunk(b"tIME", &[1; 7]),
        chunk(b"prVt", b"?"),
        chunk(b"bKGD", &[0; 6]),
        chunk(b"sPLT", b"?"),
        chunk(b"hIST", b"?"),
    ]);
    assert_eq!(
        warnings(&file),
        [
            "left out of the PNG file: the mastering display (mDCV), the content light level (cLLI), the number of \
             significant bits (sBIT), the time of the last change (tIME), the chunk prVt"
        ]
    );
}

#[test]
fn a_critical_chunk_that_is_not_known_is_refused() {
    let file = png_with(&[chunk(b"ABCD", b"")]);
    assert_eq!(refusal(&file), "PNG with the chunk ABCD is not supported");
}

fn frame_control(number: u32) -> Vec<u8> {
    let mut data = number.to_be_bytes().to_vec();
    data.extend([
        0, 0, 0, 21, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 10, 0, 0,
    ]);
    chunk(b"fcTL", &data)
}

fn animation(frames: u32) -> Vec<u8> {
    chunk(b"acTL", &[frames.to_be_bytes(), [0; 4]].concat())
}

#[test]
fn an_animation_of_one_frame_is_a_still() {
    assert_eq!(
        warnings(&png_with(&[animation(1), frame_control(0)])),
        [""; 0]
    );
    // Here the picture is not the frame, but what programs without animations show instead.
    assert_eq!(
        warnings(&png_with(&[animation(1)])),
        ["left out of the PNG file: an animation of one frame"]
    );
}

#[test]
fn of_an_animation_the_first_frame_is_read_if_that_is_asked_for() {
    let file = png_with(&[animation(3), frame_control(0)]);
    assert_eq!(
        refusal(&file),
        "animated PNG has 3 frames; kiln stores still pictures"
    );
    let loaded = load(&file, &LoadOptions::default().with_first_frame(true)).unwrap();
    assert_eq!(
        loaded.warnings[0].to_string(),
        "only the first of 3 frames of the PNG file was read"
    );
    assert!(loaded.picture.image == picture().image);

    let beside = png_with(&[animation(3)]);
    let loaded = load(&beside, &LoadOptions::default().with_first_frame(true)).unwrap();
    assert_eq!(
        loaded.warnings[0].to_string(),
        "left out of the PNG file: an animation of 3 frames"
    );
    assert!(loaded.picture.image == picture().image);
}

fn text(keyword: &str, language: &str, text: &str) -> Text {
    Text {
        keyword: keyword.into(),
        language: language.into(),
        text: text.into(),
    }
}

fn everything() -> Metadata {
    Metadata {
        icc: Some(vec![7; 400]),
        exif: Some(b"MM\0*rest".to_vec()),
        xmp: Some(b"<x/>".to_vec()),
        cicp: Some([9, 16, 0, 1]),
        gamma: Some(45_455),
        chromaticities: Some([
            31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000,
        ]),
        density: Some(Density {
            x: 11_811,
            y: 2_835,
            unit: DensityUnit::Metre,
        }),
        text: vec![
            text("Title", "", "Käse"),
            text("Description", "", "snow ❄"),
            text("Author", "de-CH", "Anna"),
        ],
        ..Metadata::default()
    }
}

#[test]
fn everything_that_png_has_a_place_for_comes_back() {
    let picture = Picture {
        metadata: everything(),
        ..picture()
    };
    let (bytes, warnings) = store(&picture, Format::Png, &StoreOptions::default()).unwrap();
    assert_eq!(warnings, []);
    let loaded = read(&bytes);
    assert_eq!(loaded.warnings, []);
    assert!(loaded.picture == picture);
    // The text in Latin-1 is in the chunk that every program reads.
    assert!(
        bytes
            .windows(15)
            .any(|w| w == b"tEXtTitle\0K\xE4se\xFF" || w.starts_with(b"tEXtTitle\0K\xE4se"))
    );
}

#[test]
fn what_png_has_no_place_for_is_named() {
    let picture = Picture {
        metadata: Metadata {
            extended_xmp: Some(b"<y/>".to_vec()),
            iptc: Some(b"\x1C".to_vec()),
            text: vec![
                text(" spaced", "", ""),
                text("снег", "", ""),
                text("fine", "", ""),
            ],
            ..Metadata::default()
        },
        ..picture()
    };
    let (_, warnings) = store(&picture, Format::Png, &StoreOptions::default()).unwrap();
    let sentences: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            "dropped, because a PNG file cannot hold it: the texts ( spaced, снег), the extended XMP, the IPTC data"
        ]
    );
}

#[test]
fn the_chunk_srgb_stands_above_gamma_and_chromaticities() {
    let gamma = chunk(b"gAMA", &[0, 0, 0xB1, 0x8F]);
    let file = png_with(&[gamma.clone(), chunk(b"sRGB", &[0])]);
    assert_eq!(read(&file).picture.metadata, Metadata::default());
    assert_eq!(
        read(&png_with(&[gamma])).picture.metadata.gamma,
        Some(45_455)
    );
}

#[test]
fn texts_are_unpacked_within_the_limit() {
    // 100,000 zeros, compressed.
    let mut packed = Vec::new();
    let mut encoder = flate2::write::ZlibEncoder::new(&mut packed, flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &[b'x'; 100_000]).unwrap();
    encoder.finish().unwrap();
    let file = png_with(&[chunk(b"zTXt", &[b"Title\0\0", &packed[..]].concat())]);
    let options =
        |most| LoadOptions::default().with_limits(Limits::default().with_max_metadata(most));
    let loaded = load(&file, &options(100_005)).unwrap();
    assert_eq!(loaded.picture.metadata.text[0].text.len(), 100_000);
    assert!(matches!(
        load(&file, &options(99_999)),
        Err(PictureError::Limit { limit: 99_999, .. })
    ));
}

#[test]
fn transparency_counts_with_the_bits_that_samples_have() {
    // Grey of 2 bits: 0, 1, 2, 3; the transparent value is 5, which is 1 in two bits.
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 4, 1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Two);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0b0001_1011]).unwrap();
    writer.finish().unwrap();
    bytes.splice(33..33, chunk(b"tRNS", &[0, 5]));
    let image = read(&bytes).picture.image.into_luma_alpha8();
    let alpha: Vec<_> = image.pixels().map(|pixel| pixel.0[1]).collect();
    assert_eq!(alpha, [255, 0, 255, 255]);
}
