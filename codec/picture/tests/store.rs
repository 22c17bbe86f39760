//! Pictures stored and loaded again: pixels, and what is lost where a format cannot hold them.

use image::{DynamicImage, ImageBuffer, Pixel};
use kiln_picture::{Format, Picture, PictureError, StoreOptions, Warning, load, store};
use std::path::Path;

/// Samples that use the whole range and compress badly.
fn noise(count: usize) -> impl Iterator<Item = u16> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u16
    })
    .take(count)
}

fn buffer<P: Pixel>(convert: impl Fn(u16) -> P::Subpixel) -> ImageBuffer<P, Vec<P::Subpixel>> {
    let (width, height) = (37, 23);
    let count = width as usize * height as usize * usize::from(P::CHANNEL_COUNT);
    ImageBuffer::from_raw(width, height, noise(count).map(convert).collect()).unwrap()
}

fn eight_kinds() -> [DynamicImage; 8] {
    let low = |v: u16| v as u8;
    [
        DynamicImage::ImageLuma8(buffer(low)),
        DynamicImage::ImageLumaA8(buffer(low)),
        DynamicImage::ImageRgb8(buffer(low)),
        DynamicImage::ImageRgba8(buffer(low)),
        DynamicImage::ImageLuma16(buffer(|v| v)),
        DynamicImage::ImageLumaA16(buffer(|v| v)),
        DynamicImage::ImageRgb16(buffer(|v| v)),
        DynamicImage::ImageRgba16(buffer(|v| v)),
    ]
}

fn round_trip(picture: &Picture, format: Format) -> (Picture, Vec<Warning>) {
    let (bytes, warnings) = store(picture, format, &StoreOptions::default()).unwrap();
    (load(&bytes, &Default::default()).unwrap().picture, warnings)
}

#[test]
fn png_and_pnm_keep_all_eight_kinds() {
    for image in eight_kinds() {
        let picture = Picture::from(image);
        for format in [Format::Png, Format::Pnm] {
            let (loaded, warnings) = round_trip(&picture, format);
            assert_eq!(loaded, picture, "{format} {:?}", picture.image.color());
            assert_eq!(warnings, []);
        }
    }
}

#[test]
fn webp_keeps_8_bit_pixels() {
    for image in eight_kinds() {
        let (loaded, warnings) = round_trip(&Picture::from(image.clone()), Format::WebP);
        let (expected, sixteen): (DynamicImage, _) = match &image {
            DynamicImage::ImageLuma8(_) => (image.to_rgb8().into(), false),
            DynamicImage::ImageLumaA8(_) => (image.to_rgba8().into(), false),
            DynamicImage::ImageLuma16(b) => {
                let narrowed = ImageBuffer::from_raw(37, 23, narrowed(b)).unwrap();
                (DynamicImage::ImageLuma8(narrowed).to_rgb8().into(), true)
            }
            DynamicImage::ImageLumaA16(b) => {
                let narrowed = ImageBuffer::from_raw(37, 23, narrowed(b)).unwrap();
                (DynamicImage::ImageLumaA8(narrowed).to_rgba8().into(), true)
            }
            DynamicImage::ImageRgb16(b) => {
                let narrowed = ImageBuffer::from_raw(37, 23, narrowed(b)).unwrap();
                (DynamicImage::ImageRgb8(narrowed), true)
            }
            DynamicImage::ImageRgba16(b) => {
                let narrowed = ImageBuffer::from_raw(37, 23, narrowed(b)).unwrap();
                (DynamicImage::ImageRgba8(narrowed), true)
            }
            _ => (image.clone(), false),
        };
        assert_eq!(loaded.image, expected, "{:?}", image.color());
        let expected_warnings: &[Warning] = match sixteen {
            true => &[Warning::ReducedTo8Bit { file: "WebP" }],
            false => &[],
        };
        assert_eq!(warnings, expected_warnings);
    }
}

/// The nearest 8-bit values, worked out in another way than the code under test.
fn narrowed(samples: &[u16]) -> Vec<u8> {
    samples
        .iter()
        .map(|&v| (f64::from(v) / 65_535.0 * 255.0).round() as u8)
        .collect()
}

#[test]
fn jpeg_drops_alpha_and_depth_and_says_so() {
    let alpha = Warning::DroppedAlpha { file: "JPEG" };
    let depth = Warning::ReducedTo8Bit { file: "JPEG" };
    let both = [depth.clone(), alpha.clone()];
    let expected: [(&[Warning], image::ColorType); 8] = [
        (&[], image::ColorType::L8),
        (std::slice::from_ref(&alpha), image::ColorType::L8),
        (&[], image::ColorType::Rgb8),
        (std::slice::from_ref(&alpha), image::ColorType::Rgb8),
        (std::slice::from_ref(&depth), image::ColorType::L8),
        (&both, image::ColorType::L8),
        (std::slice::from_ref(&depth), image::ColorType::Rgb8),
        (&both, image::ColorType::Rgb8),
    ];
    for (image, (warnings, color)) in eight_kinds().into_iter().zip(expected) {
        let (loaded, got) = round_trip(&Picture::from(image), Format::Jpeg);
        assert_eq!(got, warnings);
        assert_eq!(loaded.image.color(), color);
        assert_eq!((loaded.image.width(), loaded.image.height()), (37, 23));
    }
}

#[test]
fn jpeg_quality_is_used_and_colours_are_right() {
    let smooth = ImageBuffer::from_fn(64, 48, |x, y| {
        image::Rgba([(x * 4) as u8, (y * 5) as u8, 128, (x + y) as u8])
    });
    let picture = Picture::from(DynamicImage::ImageRgba8(smooth.clone()));
    let size_and_error = |quality| {
        let options = StoreOptions::default().with_jpeg_quality(quality);
        let (bytes, _) = store(&picture, Format::Jpeg, &options).unwrap();
        let loaded = load(&bytes, &Default::default()).unwrap().picture;
        let worst = loaded
            .image
            .to_rgb8()
            .pixels()
            .zip(smooth.pixels())
            .flat_map(|(a, b)| a.0.into_iter().zip(b.0).map(|(a, b)| a.abs_diff(b)))
            .max();
        (bytes.len(), worst.unwrap())
    };
    let (large, exact) = size_and_error(100);
    let (small, rough) = size_and_error(20);
    assert!(exact <= 3, "quality 100 is off by {exact}");
    assert!(small < large && rough > exact, "{small} {large} {rough}");
    // Out of range counts as the nearest.
    assert_eq!(size_and_error(200), (large, exact));
    assert_eq!(size_and_error(0), size_and_error(1));
}

#[test]
fn float_pixels_are_refused_by_name() {
    let picture = Picture::from(DynamicImage::new_rgb32f(2, 2));
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Pnm] {
        let error = store(&picture, format, &StoreOptions::default()).unwrap_err();
        assert!(matches!(&error, PictureError::Unsupported(s) if s.contains("floating-point")));
    }
}

#[test]
fn sizes_a_format_cannot_hold_are_errors() {
    for (width, height, formats) in [
        (
            0,
            5,
            &[Format::Png, Format::Jpeg, Format::WebP, Format::Pnm][..],
        ),
        (16_385, 1, &[Format::WebP][..]),
        (1, 65_536, &[Format::WebP, Format::Jpeg][..]),
    ] {
        let picture = Picture::from(DynamicImage::new_rgb8(width, height));
        for &format in formats {
            let error = store(&picture, format, &StoreOptions::default()).unwrap_err();
            assert!(
                matches!(error, PictureError::Encode { format: f, .. } if f == format),
                "{format} {width}x{height}: {error}"
            );
        }
    }
}

#[test]
fn one_pixel_fits_everywhere() {
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Pnm] {
        let (loaded, _) = round_trip(&Picture::from(DynamicImage::new_rgb8(1, 1)), format);
        assert_eq!(loaded.image, DynamicImage::new_rgb8(1, 1), "{format}");
    }
}

#[test]
fn formats_are_found_by_name_and_extension() {
    for (path, format) in [
        ("a/b.png", Format::Png),
        ("b.JPG", Format::Jpeg),
        ("b.jpeg", Format::Jpeg),
        ("x.y.webp", Format::WebP),
        ("c.ppm", Format::Pnm),
        ("c.pgm", Format::Pnm),
        ("c.pam", Format::Pnm),
        ("c.pnm", Format::Pnm),
    ] {
        assert_eq!(Format::from_path(Path::new(path)).unwrap(), format);
    }
    let error = Format::from_path(Path::new("photo.heic")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("\"heic\"") && text.contains("webp") && text.contains("png"));
    assert!(matches!(
        Format::from_path(Path::new("photo")),
        Err(PictureError::UnknownFormat { name }) if name.is_empty()
    ));
}

#[test]
fn warnings_are_sentences() {
    for (warning, text) in [
        (
            Warning::DroppedAlpha { file: "JPEG" },
            "the alpha channel was dropped: JPEG cannot hold it",
        ),
        (
            Warning::ReducedTo8Bit { file: "WebP" },
            "16 bits per sample were reduced to 8: WebP cannot hold more",
        ),
    ] {
        assert_eq!(warning.to_string(), text);
    }
}
