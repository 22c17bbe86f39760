//! The alpha channel through its lossless coding.

use image::{DynamicImage, ImageBuffer};
use kiln::picture::{AlphaPlane, PictureError, PictureLimits, alpha};
use kiln_container::Depth;
use proptest::prelude::*;

fn round_trip(plane: &AlphaPlane, width: u32, height: u32, depth: Depth) -> AlphaPlane {
    let bytes = alpha::encode(plane, width, height).unwrap();
    alpha::decode(&bytes, width, height, depth, &PictureLimits::default()).unwrap()
}

proptest! {
    #[test]
    fn any_plane_comes_back(width in 1_u32..40, height in 1_u32..40, seed in any::<u64>()) {
        let count = (width * height) as usize;
        let values = (0..count as u64).map(|i| (seed.wrapping_mul(i * 2 + 1) >> 40) as u16);
        let eight = AlphaPlane::U8(values.clone().map(|v| v as u8).collect());
        let sixteen = AlphaPlane::U16(values.collect());
        prop_assert_eq!(&round_trip(&eight, width, height, Depth::Eight), &eight);
        prop_assert_eq!(&round_trip(&sixteen, width, height, Depth::Sixteen), &sixteen);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        file.extend(bytes);
        prop_assert!(alpha::decode(&file, 3, 3, Depth::Eight, &PictureLimits::default()).is_err());
    }
}

#[test]
fn extraction_takes_the_last_channel() {
    let la = DynamicImage::ImageLumaA8(ImageBuffer::from_raw(2, 1, vec![1, 2, 3, 4]).unwrap());
    assert_eq!(alpha::extract(&la), Some(AlphaPlane::U8(vec![2, 4])));
    let rgba = DynamicImage::ImageRgba16(ImageBuffer::from_raw(1, 1, vec![1, 2, 3, 400]).unwrap());
    assert_eq!(alpha::extract(&rgba), Some(AlphaPlane::U16(vec![400])));
    for image in [
        DynamicImage::new_luma8(1, 1),
        DynamicImage::new_rgb8(1, 1),
        DynamicImage::new_luma16(1, 1),
        DynamicImage::new_rgb16(1, 1),
    ] {
        assert_eq!(alpha::extract(&image), None);
    }
}

#[test]
fn opaque_means_every_pixel() {
    assert!(AlphaPlane::U8(vec![255; 9]).is_opaque());
    assert!(!AlphaPlane::U8(vec![255, 254, 255]).is_opaque());
    assert!(AlphaPlane::U16(vec![65_535; 9]).is_opaque());
    assert!(!AlphaPlane::U16(vec![65_535, 255]).is_opaque());
}

#[test]
fn hard_and_soft_masks_are_small() {
    let size = |value: &dyn Fn(i64, i64) -> u8| {
        let samples = (0..256 * 256_i64).map(|i| value(i % 256 - 128, i / 256 - 128));
        let plane = AlphaPlane::U8(samples.collect());
        assert_eq!(round_trip(&plane, 256, 256, Depth::Eight), plane);
        alpha::encode(&plane, 256, 256).unwrap().len()
    };
    let disc = size(&|x, y| if x * x + y * y < 100 * 100 { 255 } else { 0 });
    let ramp = size(&|x, y| (x + 128 + y / 8).clamp(0, 255) as u8);
    assert!(disc < 1_500, "a disc takes {disc} bytes");
    assert!(ramp < 1_500, "a ramp takes {ramp} bytes");
}

#[test]
fn what_does_not_fit_the_picture_is_damage() {
    let plane = AlphaPlane::U8(vec![7; 12]);
    let bytes = alpha::encode(&plane, 4, 3).unwrap();
    let limits = PictureLimits::default();
    let damaged = |bytes: &[u8], width, height, depth| {
        matches!(
            alpha::decode(bytes, width, height, depth, &limits),
            Err(PictureError::Decode { .. })
        )
    };
    assert!(!damaged(&bytes, 4, 3, Depth::Eight));
    assert!(damaged(&bytes, 3, 4, Depth::Eight));
    assert!(damaged(&bytes, 4, 3, Depth::Sixteen));
    for end in 0..bytes.len() {
        assert!(damaged(&bytes[..end], 4, 3, Depth::Eight), "cut at {end}");
    }
    let mut coloured = Vec::new();
    let mut encoder = png::Encoder::new(&mut coloured, 4, 3);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0; 36]).unwrap();
    writer.finish().unwrap();
    assert!(damaged(&coloured, 4, 3, Depth::Eight));
}

#[test]
fn sizes_are_checked_on_both_sides() {
    let plane = AlphaPlane::U8(vec![7; 12]);
    for (width, height) in [(3, 3), (0, 0), (12, 0)] {
        assert!(matches!(
            alpha::encode(&plane, width, height),
            Err(PictureError::Parameter(_))
        ));
    }
    assert!(alpha::encode(&AlphaPlane::U8(Vec::new()), 0, 0).is_err());
    let bytes = alpha::encode(&plane, 4, 3).unwrap();
    let limits = PictureLimits {
        max_pixels: 11,
        ..PictureLimits::default()
    };
    assert!(matches!(
        alpha::decode(&bytes, 4, 3, Depth::Eight, &limits),
        Err(PictureError::Limit {
            value: 12,
            limit: 11,
            ..
        })
    ));
}
