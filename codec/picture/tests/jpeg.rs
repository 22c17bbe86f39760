//! JPEG files that are odd or broken beside their pixels, and files that decoders have read as something else.
#![cfg(feature = "libjpeg")]

mod common;

use common::{jpeg_with, picture, read, read_with_warnings, refusal, segment, stored};
use image::DynamicImage;
use kiln_picture::{
    Density, DensityUnit, Format, Metadata, Picture, StoreOptions, Text, Warning, load, store,
};

const DPI_300: Density = Density {
    x: 11_811,
    y: 11_811,
    unit: DensityUnit::Metre,
};

#[test]
fn files_of_every_layout_read_as_the_same_picture() {
    let reference = read(include_bytes!("data/jpeg-reference-420.jpg"));
    assert_eq!(reference.warnings, []);
    for (name, file) in [
        (
            "scans",
            &include_bytes!("data/jpeg-noninterleaved-420.jpg")[..],
        ),
        (
            "Adobe",
            include_bytes!("data/jpeg-jfif-and-adobe-transform-0.jpg"),
        ),
        ("profile", include_bytes!("data/jpeg-icc-segment-twice.jpg")),
        ("density", include_bytes!("data/jpeg-300-dpi.jpg")),
        ("EXIF", include_bytes!("data/jpeg-empty-exif-then-exif.jpg")),
    ] {
        let loaded = read(file);
        assert_eq!(loaded.warnings, [], "{name}");
        assert!(loaded.picture.image == reference.picture.image, "{name}");
    }
    let other_sampling = read(include_bytes!("data/jpeg-sampling-3x1.jpg"));
    assert_eq!(other_sampling.warnings, []);
    let (a, b) = (&other_sampling.picture.image, &reference.picture.image);
    let pairs = a.as_bytes().iter().zip(b.as_bytes());
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(sum < 4 * a.as_bytes().len() as u64, "off by {sum} in all");
}

#[test]
fn what_is_beside_the_pixels_is_kept() {
    let icc = read(include_bytes!("data/jpeg-icc-segment-twice.jpg"));
    assert_eq!(icc.picture.metadata.icc.unwrap().len(), 588);
    let exif = read(include_bytes!("data/jpeg-empty-exif-then-exif.jpg"));
    let exif = exif.picture.metadata.exif.unwrap();
    assert!(
        exif.windows(2)
            .any(|tag| tag == [0x01, 0x12] || tag == [0x12, 0x01])
    );
    let density = read(include_bytes!("data/jpeg-300-dpi.jpg"));
    assert_eq!(density.picture.metadata.density, Some(DPI_300));
}

#[test]
fn damaged_pixels_are_read_with_a_warning() {
    for (file, reason) in [
        (
            &include_bytes!("data/jpeg-half-missing-with-eoi.jpg")[..],
            "its coded data are incomplete or wrong",
        ),
        (
            include_bytes!("data/jpeg-no-eoi.jpg"),
            "it ends before its end-of-image marker",
        ),
    ] {
        let expected = Warning::Damaged {
            file: "JPEG",
            reason: reason.to_owned(),
        };
        assert_eq!(read(file).warnings, [expected]);
    }
}

/// The frame header (marker, length, precision, height, width, components) changed.
fn with_frame(change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut bytes = stored(Format::Jpeg);
    let at = bytes.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    change(&mut bytes[at..]);
    bytes
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let height_later = with_frame(|frame| frame[5..7].fill(0));
    assert_eq!(
        refusal(&height_later),
        "JPEG whose height stands behind its pixels is not supported"
    );
    // The first component twice as often as the third, which is once and a half as often as the second.
    let fraction = with_frame(|frame| {
        (frame[11], frame[14], frame[17]) = (0x31, 0x11, 0x21);
    });
    assert_eq!(
        refusal(&fraction),
        "JPEG with components sampled at a fraction of each other is not supported"
    );
    let hierarchical = jpeg_with(&[segment(0xDE, &[&[8, 0, 14, 0, 21, 3]])]);
    assert_eq!(refusal(&hierarchical), "hierarchical JPEG is not supported");
}

#[test]
fn more_scans_than_anybody_needs_are_refused() {
    let mut bytes = stored(Format::Jpeg);
    let end = bytes.len() - 2;
    let scan = segment(0xDA, &[&[3, 1, 0, 2, 17, 3, 17, 0, 63, 0]]);
    bytes.splice(end..end, scan.repeat(500));
    let error = load(&bytes, &Default::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the number of scans is 501, over the limit of 500"
    );
}

#[test]
fn filling_restarts_and_empty_segments_change_nothing() {
    let plain = read(&stored(Format::Jpeg));
    let mut filled = stored(Format::Jpeg);
    filled.splice(20..20, [0xFF; 9]);
    assert_eq!(read(&filled), plain);
    assert_eq!(read(&jpeg_with(&[segment(0xFE, &[])])), plain);
    // A preview in a segment of JFIF, with a start of image of its own.
    let preview = segment(0xE0, &[b"JFXX\0\x10", &stored(Format::Jpeg)]);
    assert_eq!(read(&jpeg_with(&[preview])), plain);
}

#[test]
fn densities_are_per_metre() {
    let with_density = |unit: u8, x: u16, y: u16| {
        let mut bytes = stored(Format::Jpeg);
        bytes[13] = unit;
        bytes[14..16].copy_from_slice(&x.to_be_bytes());
        bytes[16..18].copy_from_slice(&y.to_be_bytes());
        read(&bytes).picture.metadata.density
    };
    let metre = |x, y| {
        let unit = DensityUnit::Metre;
        Some(Density { x, y, unit })
    };
    assert_eq!(with_density(1, 300, 72), metre(11_811, 2_835));
    assert_eq!(with_density(2, 118, 1), metre(11_800, 100));
    assert_eq!(with_density(0, 1, 1), None);
    assert_eq!(with_density(1, 0, 0), None);
    assert_eq!(with_density(3, 5, 5), None);
    let unit = DensityUnit::Unknown;
    assert_eq!(with_density(0, 2, 1), Some(Density { x: 2, y: 1, unit }));
}

#[test]
fn every_density_that_is_read_is_written_as_it_was() {
    for dots in 1..=65_535_u16 {
        let per_metre = |unit: u8| {
            let [high, low] = dots.to_be_bytes();
            let mut bytes = stored_once().to_vec();
            bytes[13..18].copy_from_slice(&[unit, high, low, high, low]);
            (read(&bytes).picture.metadata.density, bytes)
        };
        // A few of all: each takes a decoding.
        if dots > 400 && dots % 997 != 0 {
            continue;
        }
        for unit in [1, 2] {
            let (density, bytes) = per_metre(unit);
            let mut picture = picture();
            picture.metadata.density = density;
            let (again, warnings) =
                store(&picture, Format::Jpeg, &StoreOptions::default()).unwrap();
            assert_eq!(warnings, []);
            let read_again = read(&again).picture.metadata.density;
            assert_eq!(
                read_again,
                density,
                "unit {unit}, {dots}: {:?}",
                &bytes[13..18]
            );
        }
    }
}

fn stored_once() -> &'static [u8] {
    static FILE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    FILE.get_or_init(|| stored(Format::Jpeg))
}

#[test]
fn comments_are_texts() {
    let file = jpeg_with(&[
        segment(0xFE, &["Grüße".as_bytes()]),
        segment(0xFE, &[b"caf\xE9\0"]),
    ]);
    let texts = read(&file).picture.metadata.text;
    let texts: Vec<_> = texts
        .iter()
        .map(|t| (&t.keyword[..], &t.text[..]))
        .collect();
    assert_eq!(texts, [("Comment", "Grüße"), ("Comment", "café")]);
}

#[test]
fn parts_of_a_profile_are_put_together_or_dropped_with_a_warning() {
    let profile = |parts: &[(u8, u8, &[u8])]| {
        let parts: Vec<_> = parts
            .iter()
            .map(|(number, count, part)| {
                segment(0xE2, &[b"ICC_PROFILE\0", &[*number, *count], part])
            })
            .collect();
        let (picture, warnings) = read_with_warnings(&jpeg_with(&parts));
        (picture.metadata.icc, warnings)
    };
    let whole = |warnings: &[&str]| {
        let warnings = warnings.iter().map(|w| (*w).to_owned()).collect();
        (Some(b"onetwo".to_vec()), warnings)
    };
    assert_eq!(profile(&[(2, 2, b"two"), (1, 2, b"one")]), whole(&[]));
    let twice = [
        (1, 2, &b"one"[..]),
        (1, 2, b"one"),
        (2, 2, b"two"),
        (2, 2, b"two"),
    ];
    assert_eq!(profile(&twice), whole(&[]));
    let dropped = "dropped, because it is damaged in the JPEG file: the ICC colour profile";
    for parts in [
        &[(1, 2, &b"one"[..])][..],
        &[(1, 2, b"one"), (1, 2, b"eno"), (2, 2, b"two")],
        &[(1, 1, b"one"), (2, 2, b"two")],
        &[(0, 2, b"one"), (1, 2, b"two")],
    ] {
        assert_eq!(
            profile(parts),
            (None, vec![dropped.to_owned()]),
            "{parts:?}"
        );
    }
}

#[test]
fn of_several_blocks_of_exif_the_real_one_is_kept() {
    let exif = |blocks: &[&[u8]]| {
        let blocks: Vec<_> = blocks
            .iter()
            .map(|block| segment(0xE1, &[b"Exif\0\0", block]))
            .collect();
        let (picture, warnings) = read_with_warnings(&jpeg_with(&blocks));
        (picture.metadata.exif, warnings)
    };
    let empty = b"MM\0*\0\0\0\x08\0\0\0\0\0\0";
    let real = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let other = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0";
    assert_eq!(
        exif(&[b"", empty, real, real]),
        (Some(real.to_vec()), vec![])
    );
    assert_eq!(exif(&[empty]), (Some(empty.to_vec()), vec![]));
    assert_eq!(
        exif(&[real, other]),
        (
            Some(real.to_vec()),
            vec!["left out of the JPEG file: a second block of EXIF data".to_owned()]
        )
    );
    assert_eq!(
        exif(&[b"hello"]),
        (
            None,
            vec!["dropped, because it is damaged in the JPEG file: the EXIF data".to_owned()]
        )
    );
}

const GUID: &[u8; 32] = b"0123456789ABCDEF0123456789ABCDEF";

fn main_packet() -> Vec<u8> {
    let name = String::from_utf8(GUID.to_vec()).unwrap();
    format!("<x xmpNote:HasExtendedXMP=\"{name}\"/>").into_bytes()
}

fn extension(guid: &[u8; 32], whole: u32, offset: u32, part: &[u8]) -> Vec<u8> {
    let prefix = b"http://ns.adobe.com/xmp/extension/\0";
    let numbers = [whole.to_be_bytes(), offset.to_be_bytes()].concat();
    segment(0xE1, &[prefix, guid, &numbers, part])
}

#[test]
fn extended_xmp_is_put_together() {
    let main = segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", &main_packet()]);
    let extended = |parts: &[Vec<u8>]| {
        let segments = [std::slice::from_ref(&main), parts].concat();
        let (picture, warnings) = read_with_warnings(&jpeg_with(&segments));
        assert_eq!(picture.metadata.xmp, Some(main_packet()));
        (picture.metadata.extended_xmp, warnings)
    };
    let first = extension(GUID, 6, 0, b"<y>");
    let second = extension(GUID, 6, 3, b"</>");
    let foreign = extension(&[b'F'; 32], 2, 0, b"no");
    let whole = (Some(b"<y></>".to_vec()), vec![]);
    assert_eq!(extended(&[second.clone(), foreign, first.clone()]), whole);
    assert_eq!(
        extended(&[first.clone(), first.clone(), second.clone()]),
        whole
    );
    let dropped = "dropped, because it is damaged in the JPEG file: the extended XMP".to_owned();
    assert_eq!(extended(&[first]), (None, vec![dropped.clone()]));
    assert_eq!(extended(&[second]), (None, vec![dropped.clone()]));
    assert_eq!(
        extended(&[extension(GUID, 6, 0, b"")]),
        (None, vec![dropped])
    );
}

fn resource(number: u16, data: &[u8]) -> Vec<u8> {
    let length = data.len() as u32;
    let head = [
        &b"8BIM"[..],
        &number.to_be_bytes(),
        b"\0\0",
        &length.to_be_bytes(),
    ]
    .concat();
    [&head[..], data, &[0][..data.len() % 2]].concat()
}

#[test]
fn iptc_is_taken_out_of_what_photoshop_puts_around_it() {
    let iptc = b"\x1C\x02\x05\0\x05title";
    let read = |resources: &[Vec<u8>]| {
        let all = resources.concat();
        // A resource may be split over segments.
        let (a, b) = all.split_at(all.len() / 2);
        let segments = [a, b].map(|part| segment(0xED, &[b"Photoshop 3.0\0", part]));
        let (picture, warnings) = read_with_warnings(&jpeg_with(&segments));
        (picture.metadata.iptc, warnings)
    };
    let silent = resource(0x03ED, &[1; 16]);
    let whole = Some(iptc.to_vec());
    assert_eq!(
        read(&[silent, resource(0x0404, iptc)]),
        (whole.clone(), vec![])
    );
    let left_out = "left out of the JPEG file: image resources of Photoshop".to_owned();
    let path = resource(2_000, b"odd");
    assert_eq!(
        read(&[path, resource(0x0404, iptc)]),
        (whole, vec![left_out])
    );
    let dropped = "dropped, because it is damaged in the JPEG file: the IPTC data".to_owned();
    assert_eq!(read(&[b"8BIM?".to_vec()]), (None, vec![dropped]));
}

#[test]
fn further_pictures_are_named_in_one_warning() {
    let mut file = jpeg_with(&[
        segment(0xE2, &[b"MPF\0", b"MM\0*"]),
        segment(
            0xE1,
            &[
                b"http://ns.adobe.com/xap/1.0/\0",
                b"<x xmlns:hdrgm=\"http://ns.adobe.com/hdr-gain-map/1.0/\"/>",
            ],
        ),
        segment(0xEB, &[b"JP\0\x01"]),
    ]);
    let second = stored(Format::Jpeg);
    file.extend(&second);
    let (_, warnings) = read_with_warnings(&file);
    let count = second.len();
    assert_eq!(
        warnings,
        [format!(
            "left out of the JPEG file: further pictures (MPF), the segment APP11 (JP), \
             {count} bytes behind the picture, a gain map"
        )]
    );
}

#[test]
fn everything_that_jpeg_has_a_place_for_comes_back() {
    let metadata = Metadata {
        icc: Some(vec![7; 400]),
        exif: Some(b"MM\0*rest".to_vec()),
        xmp: Some(main_packet()),
        extended_xmp: Some(b"<y/>".repeat(40_000)),
        iptc: Some(b"\x1C\x02\x05\0\x01t".to_vec()),
        density: Some(DPI_300),
        text: vec![Text {
            keyword: "Comment".into(),
            language: String::new(),
            text: "käse".into(),
        }],
        ..Metadata::default()
    };
    let picture = Picture {
        metadata,
        ..picture()
    };
    let (bytes, warnings) = store(&picture, Format::Jpeg, &StoreOptions::default()).unwrap();
    assert_eq!(warnings, []);
    let loaded = read(&bytes);
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.picture.metadata, picture.metadata);
}

#[test]
fn what_jpeg_has_no_place_for_is_named() {
    let text = |keyword: &str| Text {
        keyword: keyword.into(),
        ..Text::default()
    };
    let picture = Picture {
        image: DynamicImage::new_luma8(3, 3),
        metadata: Metadata {
            cicp: Some([9, 16, 0, 1]),
            gamma: Some(45_455),
            chromaticities: Some([1; 8]),
            density: Some(Density {
                x: u32::MAX,
                ..DPI_300
            }),
            // No packet names it.
            extended_xmp: Some(b"<y/>".to_vec()),
            text: vec![text("Title"), text("Comment"), text("Author")],
            ..Metadata::default()
        },
    };
    let (_, warnings) = store(&picture, Format::Jpeg, &StoreOptions::default()).unwrap();
    let sentences: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            "dropped, because a JPEG file cannot hold it: the colour description (CICP), the gamma, \
             the chromaticities, the pixel density, the extended XMP, the texts (Title, Author)"
        ]
    );
}
