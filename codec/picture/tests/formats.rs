//! WebP, PNM and the formats that are only read: kinds of files, and what is refused by name.

mod common;

use common::{picture, read, read_with_warnings, refusal, riff, stored};
use image::{DynamicImage, ImageFormat};
use kiln_picture::{
    Density, DensityUnit, Format, LoadOptions, Metadata, PictureError, StoreOptions, Text, load,
    store,
};
use std::io::Cursor;

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn formats_that_are_only_read_give_the_pixels_that_were_written() {
    let image = picture().image;
    let grey: DynamicImage = image.to_luma8().into();
    let mut alpha = image.to_rgba8();
    alpha
        .pixels_mut()
        .enumerate()
        .for_each(|(i, p)| p.0[3] = i as u8);
    let alpha: DynamicImage = alpha.into();
    let deep: DynamicImage = image.to_rgb16().into();
    use ImageFormat::{Bmp, Qoi, Tga, Tiff};
    for (format, images) in [
        (Bmp, &[&image, &alpha][..]),
        (Qoi, &[&image, &alpha]),
        (Tga, &[&image, &grey, &alpha]),
        (Tiff, &[&image, &grey, &alpha, &deep]),
    ] {
        for image in images {
            let bytes = written(image, format);
            let (loaded, warnings) = read_with_warnings(&bytes);
            assert!(loaded.image == **image, "{format:?} {:?}", image.color());
            assert_eq!(warnings, [""; 0], "{format:?}");
            for end in 0..bytes.len() {
                // Some decoders do not miss what is behind the pixels.
                if let Ok(cut) = load(&bytes[..end], &LoadOptions::default()) {
                    assert!(cut.picture.image == **image, "{format:?} cut at {end}");
                }
            }
        }
    }
}

#[test]
fn formats_that_are_only_read_are_not_written() {
    for name in ["bmp", "gif", "qoi", "tga", "tif"] {
        let format = Format::from_name(name).unwrap();
        let error = store(&picture(), format, &StoreOptions::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot write this picture as {format}: kiln only reads this format")
        );
    }
}

#[test]
fn gif_gives_its_first_frame_and_its_comments() {
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, 3, 2, &[255, 0, 0, 0, 255, 0]).unwrap();
    let frame = gif::Frame {
        width: 2,
        height: 1,
        left: 1,
        buffer: vec![0, 1].into(),
        ..gif::Frame::default()
    };
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    let at = bytes.len() - 1;
    bytes.splice(at..at, *b"\x21\xFE\x05hello\x00");
    let (loaded, warnings) = read_with_warnings(&bytes);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(loaded.metadata.text[0].text, "hello");
    let pixels: Vec<_> = loaded.image.to_rgba8().pixels().map(|p| p.0).collect();
    let (clear, red, green) = ([0; 4], [255, 0, 0, 255], [0, 255, 0, 255]);
    assert_eq!(pixels, [clear, red, green, clear, clear, clear]);

    // A second frame makes it an animation.
    let descriptor = bytes.iter().rposition(|&byte| byte == 0x2C).unwrap();
    let block = bytes[descriptor..at].to_vec();
    let mut animated = bytes.clone();
    animated.splice(at..at, block);
    assert_eq!(
        refusal(&animated),
        "animated GIF has 2 frames; kiln stores still pictures"
    );
    let first = load(&animated, &LoadOptions::default().with_first_frame(true)).unwrap();
    assert_eq!(first.picture, loaded);
    assert_eq!(
        first.warnings[0].to_string(),
        "only the first of 2 frames of the GIF file was read"
    );
    for end in 0..bytes.len() {
        assert!(
            load(&bytes[..end], &LoadOptions::default()).is_err(),
            "cut at {end}"
        );
    }
}

/// A TIFF file of one pixel with these tags of 16 bits, and three samples at its end.
fn tiff(tags: &[(u16, u16)]) -> Vec<u8> {
    let mut all = vec![
        (256, 1),
        (257, 1),
        (258, 8),
        (259, 1),
        (262, 2),
        (277, 3),
        (278, 1),
        (279, 3),
    ];
    for &(tag, value) in tags {
        all.retain(|(known, _)| *known != tag);
        all.push((tag, value));
    }
    let end = 8 + 2 + 12 * (all.len() + 1) + 4;
    all.push((273, end as u16));
    all.sort();
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((all.len() as u16).to_le_bytes());
    for (tag, value) in all {
        file.extend(tag.to_le_bytes());
        file.extend([3, 0, 1, 0, 0, 0]);
        file.extend(value.to_le_bytes());
        file.extend([0, 0]);
    }
    file.extend([0; 4]);
    file.extend([10, 20, 30, 40, 50, 60, 70, 80]);
    file
}

#[test]
fn tiff_of_kinds_that_would_come_out_wrong_are_refused_by_name() {
    let plain = read(&tiff(&[]));
    assert_eq!(plain.picture.image.as_bytes(), [10, 20, 30]);
    for (tags, name) in [
        (&[(262, 5), (277, 4)][..], "CMYK TIFF"),
        (&[(262, 3), (277, 1)], "TIFF with a palette"),
        (&[(262, 6)], "TIFF with YCbCr colours"),
        (&[(262, 8)], "TIFF with Lab colours"),
        (&[(277, 4), (338, 1)], "TIFF with premultiplied alpha"),
        (&[(277, 4), (338, 0)], "TIFF with additional channels"),
        (&[(277, 5)], "TIFF with additional channels"),
        (&[(339, 3)], "TIFF with floating-point pixels"),
        (&[(339, 2)], "TIFF with signed samples"),
        (&[(258, 12)], "TIFF with 12 bits per sample"),
        (&[(259, 7)], "TIFF with JPEG inside"),
    ] {
        assert_eq!(refusal(&tiff(tags)), format!("{name} is not supported"));
    }
}

#[test]
fn an_orientation_of_a_tiff_becomes_exif() {
    let exif = read(&tiff(&[(274, 6)])).picture.metadata.exif.unwrap();
    assert_eq!(
        exif,
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    );
    assert_eq!(read(&tiff(&[(274, 1)])).picture.metadata.exif, None);
}

#[test]
fn a_bmp_has_a_density() {
    let mut bytes = written(&picture().image, ImageFormat::Bmp);
    bytes[38..42].copy_from_slice(&11_811_u32.to_le_bytes());
    bytes[42..46].copy_from_slice(&2_835_u32.to_le_bytes());
    let density = Density {
        x: 11_811,
        y: 2_835,
        unit: DensityUnit::Metre,
    };
    assert_eq!(read(&bytes).picture.metadata.density, Some(density));
}

/// Name and content of the picture in a stored WebP file.
fn webp_picture() -> Vec<u8> {
    let file = stored(Format::WebP);
    assert_eq!(&file[12..16], b"VP8L");
    let length = u32::from_le_bytes(file[16..20].try_into().unwrap()) as usize;
    file[20..20 + length].to_vec()
}

fn extended(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let mut header = vec![flags, 0, 0, 0];
    header.extend(&(width - 1).to_le_bytes()[..3]);
    header.extend(&(height - 1).to_le_bytes()[..3]);
    header
}

#[test]
fn a_webp_that_announces_alpha_without_any_is_read() {
    let file = include_bytes!("data/webp-alpha-flag-without-alph.webp");
    let (picture, warnings) = read_with_warnings(file);
    assert_eq!(warnings, [""; 0]);
    assert_eq!((picture.image.width(), picture.image.height()), (130, 98));
}

#[test]
fn chunks_of_a_webp_may_be_misplaced_or_unknown() {
    let image = webp_picture();
    let header = extended(0x3C, 21, 14);
    let file = riff(&[
        (b"VP8X", &header),
        (b"EXIF", b"MM\0*early"),
        (b"ABCD", b"?"),
        (b"VP8L", &image),
        (b"ICCP", b"late"),
        (b"VP8L", &image),
    ]);
    let (loaded, warnings) = read_with_warnings(&file);
    assert!(loaded.image == picture().image);
    assert_eq!(loaded.metadata.exif.as_deref(), Some(&b"MM\0*early"[..]));
    assert_eq!(loaded.metadata.icc.as_deref(), Some(&b"late"[..]));
    assert_eq!(
        warnings,
        ["left out of the WebP file: the chunk ABCD, a second picture"]
    );
    let broken = riff(&[(b"VP8X", &header), (b"VP8L", &image), (b"EXIF", b"hello")]);
    assert_eq!(
        read_with_warnings(&broken).1,
        ["dropped, because it is damaged in the WebP file: the EXIF data"]
    );
}

#[test]
fn a_webp_animation_of_one_frame_is_a_still() {
    let image = webp_picture();
    let frame = |x: u8| {
        let mut content = vec![x, 0, 0, 0, 0, 0, 20, 0, 0, 13, 0, 0, 50, 0, 0, 0];
        content.extend(b"VP8L");
        content.extend((image.len() as u32).to_le_bytes());
        content.extend(&image);
        content
    };
    let file = |width, frames: &[Vec<u8>]| {
        let header = extended(2, width, 14);
        let mut chunks: Vec<(&[u8; 4], &[u8])> = vec![(b"VP8X", &header), (b"ANIM", &[0; 6])];
        chunks.extend(frames.iter().map(|frame| (b"ANMF", &frame[..])));
        riff(&chunks)
    };
    let (loaded, warnings) = read_with_warnings(&file(21, &[frame(0)]));
    assert_eq!(warnings, [""; 0]);
    assert!(loaded.image == picture().image);

    // Where the frame does not reach, there is nothing.
    let (loaded, _) = read_with_warnings(&file(25, &[frame(2)]));
    let loaded = loaded.image.into_rgba8();
    assert_eq!(loaded.dimensions(), (25, 14));
    assert_eq!(loaded.get_pixel(3, 5).0, [0; 4]);
    let [r, g, b] = picture().image.to_rgb8().get_pixel(9, 5).0;
    assert_eq!(loaded.get_pixel(13, 5).0, [r, g, b, 255]);

    let several = file(21, &[frame(0), frame(0)]);
    assert_eq!(
        refusal(&several),
        "animated WebP has 2 frames; kiln stores still pictures"
    );
    let first = load(&several, &LoadOptions::default().with_first_frame(true)).unwrap();
    assert!(first.picture.image == picture().image);
    let beyond = load(&file(20, &[frame(0)]), &LoadOptions::default());
    assert!(matches!(beyond, Err(PictureError::Decode { .. })));
}

#[test]
fn what_webp_and_pnm_have_no_place_for_is_named() {
    let density = Density {
        x: 1,
        y: 2,
        unit: DensityUnit::Unknown,
    };
    let mut picture = picture();
    picture.metadata = Metadata {
        icc: Some(vec![1]),
        exif: Some(b"MM\0*".to_vec()),
        xmp: Some(b"<x/>".to_vec()),
        extended_xmp: Some(b"<y/>".to_vec()),
        iptc: Some(vec![0x1C]),
        cicp: Some([9, 16, 0, 1]),
        gamma: Some(1),
        chromaticities: Some([1; 8]),
        density: Some(density),
        text: vec![Text {
            keyword: "\u{1B}[2J".into(),
            ..Text::default()
        }],
    };
    let rest = "the extended XMP, the IPTC data, the colour description (CICP), the gamma, the chromaticities, the \
                pixel density, the texts (?[2J)";
    for (format, parts) in [
        (Format::WebP, rest.to_owned()),
        (
            Format::Pnm,
            format!("the ICC colour profile, the EXIF data, the XMP packet, {rest}"),
        ),
    ] {
        let (_, warnings) = store(&picture, format, &StoreOptions::default()).unwrap();
        let sentences: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        let expected = format!("dropped, because a {format} file cannot hold it: {parts}");
        assert_eq!(sentences, [expected]);
    }
}

#[test]
fn a_pam_without_a_type_goes_by_its_channels() {
    let loaded = read(include_bytes!("data/pam-no-tupltype-16.pam"))
        .picture
        .image;
    let reference = read(include_bytes!("data/pam-reference.png")).picture.image;
    assert!(loaded.to_rgb8() == reference.to_rgb8());
}

#[test]
fn samples_of_pnm_are_scaled_with_halves_rounded_up() {
    let grey = |file: &[u8]| read(file).picture.image.into_luma8().into_raw();
    assert_eq!(grey(b"P5 3 1 2\n\x00\x01\x02"), [0, 128, 255]);
    assert_eq!(grey(b"P2 3 1 #c\n 2 0 # c\n 1 2"), [0, 128, 255]);
    assert_eq!(grey(b"P1 3 1 0#c\n10"), [255, 0, 255]);
    let deep = read(b"P5 2 1 1000\n\x01\xF4\x03\xE8").picture.image;
    assert_eq!(deep.into_luma16().into_raw(), [32_768, 65_535]);
}

#[test]
fn pnm_that_breaks_the_rules_is_refused() {
    for (file, reason) in [
        (&b"P5 2 2 255\n123"[..], "it was cut short"),
        (b"P2 2 1 255 12", "it was cut short"),
        (
            b"P2 2 1 9 5 x",
            "there is something else where a number has to be",
        ),
        (
            b"P5 1 1 9\nx",
            "a sample is 120, over its largest value of 9",
        ),
        (
            b"P5 1 1 0\nx",
            "its largest value is 0, which has to be 1 to 65535",
        ),
        (
            b"P5 1 1 70000\nxx",
            "its largest value is 70000, which has to be 1 to 65535",
        ),
        (b"P5 0 1 9\nx", "the picture has no pixels"),
        (b"P5 99999999999 1 9\nx", "a number in it is too large"),
        (b"P7\nWIDTH 1\nENDHDR\n", "its header has no line DEPTH"),
        (
            b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 9\nTUPLTYPE RGB\nENDHDR\nxxxx",
            "4 channels do not make pixels of type RGB",
        ),
    ] {
        let error = load(file, &LoadOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), format!("damaged PNM file: {reason}"));
    }
    let cmyk = b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 9\nTUPLTYPE CMYK\nENDHDR\nxxxx";
    assert_eq!(
        refusal(cmyk),
        "PAM with pixels of type CMYK is not supported"
    );
}
