//! ICC, EXIF and XMP through every format, byte for byte.

use image::DynamicImage;
use kiln_picture::{
    Format, Limits, LoadOptions, Metadata, Picture, PictureError, StoreOptions, Warning, load,
    store,
};

const TAGGED: [(&str, &[u8]); 3] = [
    ("jpg", include_bytes!("data/tagged.jpg")),
    ("png", include_bytes!("data/tagged.png")),
    ("webp", include_bytes!("data/tagged.webp")),
];

fn tags() -> Metadata {
    Metadata {
        icc: Some(include_bytes!("data/tagged.icc").to_vec()),
        exif: Some(include_bytes!("data/tagged.exif").to_vec()),
        xmp: Some(include_bytes!("data/tagged.xmp").to_vec()),
        ..Metadata::default()
    }
}

fn picture(metadata: Metadata) -> Picture {
    Picture {
        image: DynamicImage::new_rgb8(5, 4),
        metadata,
    }
}

fn load_within(bytes: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let options = LoadOptions::default().with_limits(*limits);
    load(bytes, &options).map(|loaded| loaded.picture)
}

fn round_trip(metadata: &Metadata, format: Format) -> (Metadata, Vec<Warning>) {
    let picture = picture(metadata.clone());
    let (bytes, warnings) = store(&picture, format, &StoreOptions::default()).unwrap();
    let loaded = load(&bytes, &Default::default()).unwrap().picture;
    assert_eq!((loaded.image.width(), loaded.image.height()), (5, 4));
    (loaded.metadata, warnings)
}

fn sentences(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(Warning::to_string).collect()
}

/// A TIFF structure as far as anybody looks at it.
fn exif(length: usize) -> Vec<u8> {
    [b"MM\0*", &bytes(length)[4..]].concat()
}

/// Bytes of every value.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 256) as u8).collect()
}

#[test]
fn metadata_of_another_program_is_read() {
    for (name, file) in TAGGED {
        let loaded = load(file, &Default::default()).unwrap().picture;
        assert_eq!(loaded.metadata, tags(), "{name}");
    }
}

#[test]
fn an_orientation_stays_a_tag() {
    // Orientation 6 asks for a quarter turn; the pixels stay as they are stored.
    for (name, file) in TAGGED {
        let loaded = load(file, &Default::default()).unwrap().picture;
        assert_eq!((loaded.image.width(), loaded.image.height()), (24, 16));
        for format in [Format::Jpeg, Format::Png, Format::WebP] {
            let (bytes, _) = store(&loaded, format, &StoreOptions::default()).unwrap();
            let again = load(&bytes, &Default::default()).unwrap().picture;
            assert_eq!(again.metadata, tags(), "{name} as {format}");
            assert_eq!((again.image.width(), again.image.height()), (24, 16));
        }
    }
}

#[test]
fn every_combination_survives_byte_for_byte() {
    for bits in 0..8 {
        for odd in [0, 1] {
            let metadata = Metadata {
                icc: (bits & 1 != 0).then(|| bytes(3_000 + odd)),
                exif: (bits & 2 != 0).then(|| exif(2_000 + odd)),
                xmp: (bits & 4 != 0).then(|| "<x:xmpmeta>é\0</x:xmpmeta>".repeat(40 + odd).into()),
                ..Metadata::default()
            };
            for format in [Format::Png, Format::Jpeg, Format::WebP] {
                let (loaded, warnings) = round_trip(&metadata, format);
                assert_eq!(loaded, metadata, "{format}, combination {bits}");
                assert_eq!(warnings, []);
            }
        }
    }
}

#[test]
fn an_empty_block_is_no_block() {
    let metadata = Metadata {
        icc: Some(Vec::new()),
        exif: Some(Vec::new()),
        xmp: Some(Vec::new()),
        ..Metadata::default()
    };
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Pnm] {
        assert_eq!(round_trip(&metadata, format), (Metadata::default(), vec![]));
    }
}

#[test]
fn pnm_reports_what_it_drops() {
    let (loaded, warnings) = round_trip(&tags(), Format::Pnm);
    assert_eq!(loaded, Metadata::default());
    assert_eq!(
        sentences(&warnings),
        [
            "dropped, because a PNM file cannot hold it: the ICC colour profile, the EXIF data, the XMP packet"
        ]
    );
}

#[test]
fn a_large_profile_is_split_over_jpeg_segments() {
    for length in [65_519, 65_520, 200_000] {
        let metadata = Metadata {
            icc: Some(bytes(length)),
            ..Metadata::default()
        };
        assert_eq!(round_trip(&metadata, Format::Jpeg), (metadata, vec![]));
    }
}

#[test]
fn jpeg_drops_what_is_too_large_for_it() {
    let fits = Metadata {
        icc: Some(bytes(255 * 65_519)),
        exif: Some(exif(65_527)),
        xmp: Some(bytes(65_504)),
        ..Metadata::default()
    };
    assert_eq!(round_trip(&fits, Format::Jpeg), (fits, vec![]));
    let too_large = Metadata {
        icc: Some(bytes(255 * 65_519 + 1)),
        exif: Some(exif(65_528)),
        xmp: Some(bytes(65_505)),
        ..Metadata::default()
    };
    let (loaded, warnings) = round_trip(&too_large, Format::Jpeg);
    assert_eq!(loaded, Metadata::default());
    assert_eq!(
        sentences(&warnings),
        [
            "dropped, because a JPEG file cannot hold it: the EXIF data, the XMP packet, the ICC colour profile"
        ]
    );
}

#[test]
fn png_drops_xmp_that_is_not_text() {
    let metadata = Metadata {
        xmp: Some(vec![0xFE, 0xFF, 0, b'<']),
        ..Metadata::default()
    };
    let (loaded, warnings) = round_trip(&metadata, Format::Png);
    assert_eq!(loaded, Metadata::default());
    assert_eq!(
        sentences(&warnings),
        ["dropped, because a PNG file cannot hold it: the XMP packet"]
    );
    assert_eq!(round_trip(&metadata, Format::WebP), (metadata, vec![]));
}

/// The parts of a colour profile as JPEG segments, in front of a stored picture.
fn jpeg_with_profile_parts(parts: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let plain = picture(Metadata::default());
    let (mut bytes, _) = store(&plain, Format::Jpeg, &StoreOptions::default()).unwrap();
    let mut segments = Vec::new();
    for (number, count, part) in parts {
        segments.extend([0xFF, 0xE2]);
        segments.extend((2 + 14 + part.len() as u16).to_be_bytes());
        segments.extend(b"ICC_PROFILE\0");
        segments.extend([number, count]);
        segments.extend(*part);
    }
    bytes.splice(2..2, segments);
    bytes
}

#[test]
fn profile_parts_may_be_in_any_order_but_not_missing() {
    let icc = |parts: &[_]| {
        let bytes = jpeg_with_profile_parts(parts);
        load(&bytes, &Default::default())
            .unwrap()
            .picture
            .metadata
            .icc
    };
    let whole = Some(b"onetwothree".to_vec());
    assert_eq!(
        icc(&[(1, 3, b"one"), (2, 3, b"two"), (3, 3, b"three")]),
        whole
    );
    assert_eq!(
        icc(&[(3, 3, b"three"), (1, 3, b"one"), (2, 3, b"two")]),
        whole
    );
    assert_eq!(icc(&[(1, 3, b"one"), (3, 3, b"three")]), None);
    assert_eq!(icc(&[(1, 2, b"one"), (1, 2, b"one")]), None);
    assert_eq!(icc(&[(0, 1, b"one")]), None);
}

/// A PNG chunk with its checksum.
fn png_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = !0_u32;
    for byte in name.iter().chain(data) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(name);
    chunk.extend(data);
    chunk.extend((!crc).to_be_bytes());
    chunk
}

#[test]
fn png_metadata_behind_the_pixels_is_read() {
    let plain = picture(Metadata::default());
    let (mut bytes, _) = store(&plain, Format::Png, &StoreOptions::default()).unwrap();
    let end = bytes.len() - 12;
    let mut chunks = png_chunk(b"eXIf", b"Exif\0\0MM\0*late");
    chunks.extend(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<late/>"));
    bytes.splice(end..end, chunks);
    let loaded = load(&bytes, &Default::default()).unwrap().picture;
    assert_eq!(loaded.metadata.exif.as_deref(), Some(&b"MM\0*late"[..]));
    assert_eq!(loaded.metadata.xmp.as_deref(), Some(&b"<late/>"[..]));
}

#[test]
fn metadata_over_the_limit_is_refused() {
    for block in 0..3 {
        let mut metadata = Metadata::default();
        let large = Some(vec![b'x'; 1_001]);
        match block {
            0 => metadata.icc = large,
            1 => metadata.exif = Some(exif(1_001)),
            _ => metadata.xmp = large,
        }
        for format in [Format::Png, Format::Jpeg, Format::WebP] {
            let picture = picture(metadata.clone());
            let (bytes, _) = store(&picture, format, &StoreOptions::default()).unwrap();
            let mut limits = Limits::default().with_max_metadata(1_001);
            assert_eq!(load_within(&bytes, &limits).unwrap(), picture);
            limits.max_metadata = 1_000;
            assert!(
                matches!(
                    load_within(&bytes, &limits),
                    Err(PictureError::Limit {
                        value: 1_001,
                        limit: 1_000,
                        ..
                    })
                ),
                "{format} block {block}"
            );
        }
    }
}
