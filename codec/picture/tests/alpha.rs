//! The alpha channel through its lossless coding.

use kiln_picture::pixels::{Channels, Depth, Pixels, PixelsMut, Sample};
use kiln_picture::{Limits, PictureError, alpha};
use proptest::prelude::*;

/// Grey pixels with this alpha, which has to come back while the grey stays.
fn with_grey<S: Sample>(grey: S, alpha: &[S]) -> Vec<S> {
    alpha.iter().flat_map(|&a| [grey, a]).collect()
}

fn encode<S: Sample>(alpha: &[S], width: u32, height: u32) -> Option<Vec<u8>> {
    let samples = with_grey(S::default(), alpha);
    let pixels = Pixels::new(&samples, width, height, Channels::GreyAlpha).unwrap();
    alpha::encode(pixels).unwrap()
}

/// Decodes into a grey picture of the same depth.
fn decode<S: Sample>(bytes: &[u8], width: u32, height: u32) -> Result<Vec<S>, PictureError> {
    let mut samples = vec![S::default(); (width * height) as usize * 2];
    let mut pixels = PixelsMut::new(&mut samples, width, height, Channels::GreyAlpha).unwrap();
    alpha::decode(bytes, S::DEPTH, &Limits::default(), &mut pixels)?;
    Ok(samples)
}

proptest! {
    #[test]
    fn any_plane_comes_back(width in 1_u32..40, height in 1_u32..40, seed in any::<u64>()) {
        let count = u64::from(width * height);
        let sixteen: Vec<u16> = (0..count).map(|i| (seed.wrapping_mul(i * 2 + 1) >> 40) as u16).collect();
        let eight: Vec<u8> = sixteen.iter().map(|&v| v as u8).collect();
        if let Some(bytes) = encode(&eight, width, height) {
            prop_assert_eq!(decode::<u8>(&bytes, width, height).unwrap(), with_grey(0, &eight));
        } else {
            prop_assert!(eight.iter().all(|&a| a == 255));
        }
        if let Some(bytes) = encode(&sixteen, width, height) {
            prop_assert_eq!(decode::<u16>(&bytes, width, height).unwrap(), with_grey(0, &sixteen));
        } else {
            prop_assert!(sixteen.iter().all(|&a| a == 65_535));
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        file.extend(bytes);
        prop_assert!(decode::<u8>(&file, 3, 3).is_err());
    }
}

#[test]
fn nothing_is_coded_where_nothing_is_transparent() {
    assert_eq!(encode(&[255_u8; 9], 3, 3), None);
    assert_eq!(encode(&[65_535_u16; 9], 3, 3), None);
    assert!(encode(&[65_535_u16, 255], 2, 1).is_some());
    for channels in [Channels::Grey, Channels::Rgb] {
        let pixels = Pixels::new(&[0_u8; 6], 2, 1, channels).unwrap();
        assert_eq!(alpha::encode(pixels).unwrap(), None);
    }
}

#[test]
fn the_last_channel_is_coded_whatever_the_stride() {
    let mut padded = vec![9_u8; 100];
    for (i, pixel) in
        [(0, 10), (1, 20), (2, 30)].map(|(y, a)| (y * 40, [1, 2, 3, a, 1, 2, 3, a + 1]))
    {
        padded[i..i + 8].copy_from_slice(&pixel);
    }
    let pixels = Pixels::with_stride(&padded, 2, 3, 40, Channels::Rgba).unwrap();
    let bytes = alpha::encode(pixels).unwrap().unwrap();
    assert_eq!(bytes, encode(&[10_u8, 11, 20, 21, 30, 31], 2, 3).unwrap());

    let mut samples = vec![7_u8; 90];
    let mut pixels = PixelsMut::with_stride(&mut samples, 2, 3, 40, Channels::Rgba).unwrap();
    alpha::decode(&bytes, Depth::Eight, &Limits::default(), &mut pixels).unwrap();
    for (i, &sample) in samples.iter().enumerate() {
        let alpha = [(3, 10), (7, 11), (43, 20), (47, 21), (83, 30), (87, 31)];
        let expected = alpha.iter().find(|(at, _)| *at == i).map_or(7, |(_, a)| *a);
        assert_eq!(sample, expected, "at {i}");
    }
}

#[test]
fn alpha_is_rounded_to_the_depth_of_the_buffer() {
    let limits = Limits::default();
    let alpha = [0_u16, 128, 129, 32_767, 65_406, 65_407, 65_535, 257];
    let bytes = encode(&alpha, 4, 2).unwrap();
    let mut samples = vec![0_u8; 16];
    let mut pixels = PixelsMut::new(&mut samples, 4, 2, Channels::GreyAlpha).unwrap();
    alpha::decode(&bytes, Depth::Sixteen, &limits, &mut pixels).unwrap();
    assert_eq!(samples, with_grey(0, &[0, 0, 1, 127, 254, 255, 255, 1]));

    let bytes = encode(&[0_u8, 1, 128, 255], 4, 1).unwrap();
    let mut samples = vec![0_u16; 8];
    let mut pixels = PixelsMut::new(&mut samples, 4, 1, Channels::GreyAlpha).unwrap();
    alpha::decode(&bytes, Depth::Eight, &limits, &mut pixels).unwrap();
    assert_eq!(samples, with_grey(0, &[0, 257, 32_896, 65_535]));
}

#[test]
fn hard_and_soft_masks_are_small() {
    let size = |value: &dyn Fn(i64, i64) -> u8| {
        let plane: Vec<u8> = (0..256 * 256_i64)
            .map(|i| value(i % 256 - 128, i / 256 - 128))
            .collect();
        let bytes = encode(&plane, 256, 256).unwrap();
        assert_eq!(
            decode::<u8>(&bytes, 256, 256).unwrap(),
            with_grey(0, &plane)
        );
        bytes.len()
    };
    let disc = size(&|x, y| if x * x + y * y < 100 * 100 { 255 } else { 0 });
    let ramp = size(&|x, y| (x + 128 + y / 8).clamp(0, 255) as u8);
    assert!(disc < 1_500, "a disc takes {disc} bytes");
    assert!(ramp < 1_500, "a ramp takes {ramp} bytes");
}

#[test]
fn what_does_not_fit_the_picture_is_damage() {
    let bytes = encode(&[7_u8; 12], 4, 3).unwrap();
    fn damaged<S: Sample>(bytes: &[u8], width: u32, height: u32) -> bool {
        matches!(
            decode::<S>(bytes, width, height),
            Err(PictureError::Decode { .. })
        )
    }
    assert!(!damaged::<u8>(&bytes, 4, 3));
    assert!(damaged::<u8>(&bytes, 3, 4));
    assert!(damaged::<u16>(&bytes, 4, 3));
    for end in 0..bytes.len() {
        assert!(damaged::<u8>(&bytes[..end], 4, 3), "cut at {end}");
    }
    let mut coloured = Vec::new();
    let mut encoder = png::Encoder::new(&mut coloured, 4, 3);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0; 36]).unwrap();
    writer.finish().unwrap();
    assert!(damaged::<u8>(&coloured, 4, 3));
}

#[test]
fn limits_and_kinds_are_checked_first() {
    let bytes = encode(&[7_u8; 12], 4, 3).unwrap();
    let mut samples = [0_u8; 24];
    let limits = Limits::default().with_max_pixels(11);
    let mut pixels = PixelsMut::new(&mut samples, 4, 3, Channels::GreyAlpha).unwrap();
    assert!(matches!(
        alpha::decode(&bytes, Depth::Eight, &limits, &mut pixels),
        Err(PictureError::Limit {
            value: 12,
            limit: 11,
            ..
        })
    ));
    let mut grey = PixelsMut::new(&mut samples, 4, 3, Channels::Grey).unwrap();
    let error = alpha::decode(&bytes, Depth::Eight, &Limits::default(), &mut grey);
    assert_eq!(
        error.unwrap_err().to_string(),
        "wrong argument: pixels that are grey cannot hold alpha: use grey with alpha, or RGBA"
    );
}
