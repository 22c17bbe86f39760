//! Views of buffers: what they accept, what they refuse and why, and pixels of one kind as another.

use image::{DynamicImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba};
use kiln_container::ColorKind;
use kiln_picture::pixels::{Channels, Depth, Pixels, PixelsError, PixelsMut, new_image};

#[test]
fn short_buffers_and_strides_are_refused_with_what_they_need() {
    let samples = [0_u8; 100];
    let length = |samples, stride| {
        Pixels::with_stride(samples, 5, 4, stride, Channels::Rgb).map(|pixels| pixels.stride())
    };
    // 3 rows of 20 samples and one of 15.
    assert_eq!(length(&samples[..75], 20), Ok(20));
    assert_eq!(
        length(&samples[..74], 20),
        Err(PixelsError::Buffer {
            length: 74,
            least: 75
        })
    );
    assert_eq!(
        length(&samples, 14),
        Err(PixelsError::Stride {
            stride: 14,
            least: 15
        })
    );
    let error = Pixels::new(&samples[..59], 5, 4, Channels::Rgb).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a buffer of 59 samples is too short: the picture takes 60"
    );
    assert_eq!(
        length(&samples, 0).unwrap_err().to_string(),
        "a stride of 0 samples is too short: one row takes 15"
    );
}

#[test]
fn sizes_without_pixels_or_beyond_the_machine_are_refused() {
    for (width, height) in [(0, 1), (1, 0), (0, 0)] {
        let empty = PixelsError::Empty { width, height };
        let samples: &mut [u16] = &mut [0; 4];
        for channels in [Channels::Grey, Channels::Rgba] {
            let read = Pixels::new(samples, width, height, channels);
            assert_eq!(read.map(|_| ()), Err(empty.clone()));
            let written = PixelsMut::new(samples, width, height, channels);
            assert_eq!(written.map(|_| ()), Err(empty.clone()));
        }
        assert_eq!(
            new_image(width, height, Channels::Rgb, Depth::Eight).map(|_| ()),
            Err(empty)
        );
    }
    assert_eq!(
        PixelsError::Empty {
            width: 0,
            height: 7
        }
        .to_string(),
        "a picture of 0x7 pixels is empty: each side has to be 1 or more"
    );
    let too_large = |width, height, stride| {
        let view = Pixels::with_stride(&[0_u8; 9], width, height, stride, Channels::Rgba);
        matches!(view, Err(PixelsError::TooLarge { .. }))
    };
    assert!(too_large(1, 3, usize::MAX));
    assert!(too_large(1, u32::MAX, usize::MAX / 1_000));
    // The largest that does not overflow is too long for the buffer, not for the machine.
    assert!(!too_large(1, 2, usize::MAX - 4));
    assert!(too_large(1, 2, usize::MAX - 3));
}

#[test]
fn a_picture_beyond_memory_is_an_error() {
    let new = |channels| new_image(u32::MAX, u32::MAX, channels, Depth::Eight);
    // A machine of 32 bits cannot even address the smaller one.
    let smaller = match new(Channels::Grey) {
        Err(PixelsError::OutOfMemory(_)) => 64,
        Err(PixelsError::TooLarge { .. }) => 32,
        other => panic!("{other:?}"),
    };
    assert_eq!(smaller, usize::BITS);
    assert!(matches!(
        new(Channels::Rgba),
        Err(PixelsError::TooLarge { .. })
    ));
}

#[test]
fn new_pictures_are_black_and_opaque() {
    let image = new_image(3, 2, Channels::GreyAlpha, Depth::Sixteen).unwrap();
    let black = ImageBuffer::from_pixel(3, 2, LumaA([0_u16, 65_535]));
    assert_eq!(image, DynamicImage::ImageLumaA16(black));
    let image = new_image(2, 3, Channels::Rgb, Depth::Eight).unwrap();
    assert_eq!(image, DynamicImage::new_rgb8(2, 3));
}

#[test]
fn images_are_views_without_a_copy() {
    let image = RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8, y as u8, 9]));
    let pixels = Pixels::try_from(&image).unwrap();
    assert_eq!(pixels.as_slice::<u8>().unwrap().as_ptr(), image.as_ptr());
    assert_eq!((pixels.width(), pixels.height()), (7, 5));
    assert_eq!(
        (pixels.channels(), pixels.depth()),
        (Channels::Rgb, Depth::Eight)
    );
    let dynamic = DynamicImage::from(image.clone());
    assert_eq!(Pixels::try_from(&dynamic).unwrap(), pixels);

    // A buffer that is borrowed and longer than the picture.
    let samples = [1_u16, 2, 3, 4, 5, 6, 7, 8, 9];
    let grey: ImageBuffer<Luma<u16>, &[u16]> = ImageBuffer::from_raw(4, 2, &samples[..]).unwrap();
    let pixels = Pixels::try_from(&grey).unwrap();
    assert_eq!(pixels.as_slice::<u16>(), Some(&samples[..8]));

    let mut rgba = ImageBuffer::from_pixel(2, 2, Rgba([1_u8, 2, 3, 4]));
    PixelsMut::try_from(&mut rgba).unwrap().set_opaque();
    assert!(rgba.pixels().all(|p| p.0 == [1, 2, 3, 255]));
}

#[test]
fn images_that_kiln_does_not_store_are_refused_by_name() {
    let mut float = DynamicImage::new_rgb32f(2, 2);
    let error = Pixels::try_from(&float).unwrap_err();
    assert_eq!(
        error.to_string(),
        "floating-point pixels are not supported; use integers of 8 or 16 bits"
    );
    assert_eq!(PixelsMut::try_from(&mut float).map(|_| ()), Err(error));
    assert_eq!(
        Pixels::try_from(&DynamicImage::new_luma8(0, 4)),
        Err(PixelsError::Empty {
            width: 0,
            height: 4
        })
    );
}

#[test]
fn rows_have_the_depth_and_length_of_the_view() {
    let mut samples: Vec<u8> = (0..23).collect();
    let mut pixels = PixelsMut::with_stride(&mut samples, 2, 3, 9, Channels::Grey).unwrap();
    assert!(pixels.rows_mut::<u16>().is_none());
    assert!(pixels.as_pixels().rows::<u16>().is_none());
    assert!(pixels.as_pixels().as_slice::<u8>().is_none());
    let rows = pixels.as_pixels().rows::<u8>().unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.eq([[0, 1], [9, 10], [18, 19]]));
    for row in pixels.rows_mut().unwrap() {
        row.fill(100_u8);
    }
    let changed: Vec<usize> = (0..23).filter(|&i| samples[i] == 100).collect();
    assert_eq!(changed, [0, 1, 9, 10, 18, 19]);
}

#[test]
fn opaque_means_every_pixel() {
    let of = |samples: &[u8], channels| Pixels::new(samples, 2, 1, channels).unwrap().is_opaque();
    assert!(of(&[1, 2], Channels::Grey));
    assert!(of(&[1, 2, 3, 4, 5, 6], Channels::Rgb));
    assert!(of(&[1, 255, 3, 255], Channels::GreyAlpha));
    assert!(!of(&[255, 255, 255, 254], Channels::GreyAlpha));
    assert!(of(&[1, 2, 3, 255, 4, 5, 6, 255], Channels::Rgba));
    assert!(!of(
        &[255, 255, 255, 254, 255, 255, 255, 255],
        Channels::Rgba
    ));
    let wide = [1_u16, 65_535, 1, 255];
    assert!(
        !Pixels::new(&wide, 2, 1, Channels::GreyAlpha)
            .unwrap()
            .is_opaque()
    );
    assert!(
        Pixels::with_stride(&wide, 1, 1, 4, Channels::GreyAlpha)
            .unwrap()
            .is_opaque()
    );
}

/// What pixels become as another kind; by way of 16 bits they have to become the same.
fn converted(from: &[u8], source: Channels, target: Channels) -> Vec<u8> {
    let width = (from.len() / source.count()) as u32;
    let length = width as usize * target.count();
    let view = Pixels::new(from, width, 1, source).unwrap();
    let (mut direct, mut wide, mut back) =
        (vec![0_u8; length], vec![0_u16; length], vec![0_u8; length]);
    let to = PixelsMut::new(&mut direct, width, 1, target);
    to.unwrap().copy_from(view).unwrap();
    let mut to_wide = PixelsMut::new(&mut wide, width, 1, target).unwrap();
    to_wide.copy_from(view).unwrap();
    let to = PixelsMut::new(&mut back, width, 1, target);
    to.unwrap().copy_from(to_wide.as_pixels()).unwrap();
    assert_eq!(direct, back);
    direct
}

#[test]
fn pixels_become_those_of_another_kind() {
    use Channels::{Grey, GreyAlpha, Rgb, Rgba};
    let cases: [(&[u8], Channels, Channels, &[u8]); 10] = [
        (&[5, 6], Grey, Grey, &[5, 6]),
        (&[5, 6], Grey, GreyAlpha, &[5, 255, 6, 255]),
        (&[5, 6], Grey, Rgba, &[5, 5, 5, 255, 6, 6, 6, 255]),
        (&[5, 6], GreyAlpha, Grey, &[5]),
        (&[5, 6], GreyAlpha, Rgb, &[5, 5, 5]),
        (&[5, 6], GreyAlpha, Rgba, &[5, 5, 5, 6]),
        (&[5, 6, 7], Rgb, Rgba, &[5, 6, 7, 255]),
        (&[5, 6, 7], Rgb, Rgb, &[5, 6, 7]),
        (&[5, 6, 7, 8], Rgba, Rgb, &[5, 6, 7]),
        (&[5, 6, 7, 8], Rgba, Rgba, &[5, 6, 7, 8]),
    ];
    for (from, source, target, expected) in cases {
        assert_eq!(
            converted(from, source, target),
            expected,
            "{source} to {target}"
        );
    }
}

#[test]
fn sixteen_bits_are_rounded_to_the_nearest_eight() {
    let wide: Vec<u16> = (0..=u16::MAX).collect();
    let view = Pixels::new(&wide, 256, 256, Channels::Grey).unwrap();
    let mut narrow = vec![0_u8; 65_536];
    let mut pixels = PixelsMut::new(&mut narrow, 256, 256, Channels::Grey).unwrap();
    pixels.copy_from(view).unwrap();
    for (wide, narrow) in wide.iter().zip(&narrow) {
        let nearest = (f64::from(*wide) / 65_535.0 * 255.0).round();
        assert_eq!(f64::from(*narrow), nearest, "{wide}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let colour = DynamicImage::new_rgb8(4, 3);
    let view = Pixels::try_from(&colour).unwrap();
    let mut samples = [7_u8; 64];
    let mut grey = PixelsMut::new(&mut samples, 4, 3, Channels::GreyAlpha).unwrap();
    let error = grey.copy_from(view).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pixels that are grey with alpha cannot hold a picture in colour: use RGB or RGBA"
    );
    let mut small = PixelsMut::new(&mut samples, 3, 3, Channels::Rgb).unwrap();
    let error = small.copy_from(view).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pixels for 3x3 do not fit a picture of 4x3: sizes have to be equal"
    );
    assert_eq!(small.check_fit(4, 3, ColorKind::Rgb), Err(error));
    assert_eq!(samples, [7; 64]);
}

#[test]
fn a_view_says_what_it_is_and_not_what_it_holds() {
    let mut samples = vec![0_u16; 1 << 16];
    let view = PixelsMut::with_stride(&mut samples, 100, 20, 320, Channels::Rgb).unwrap();
    let text = "width: 100, height: 20, channels: Rgb, depth: Sixteen, stride: 320, ..";
    assert_eq!(format!("{view:?}"), format!("PixelsMut {{ {text} }}"));
    assert_eq!(
        format!("{:?}", view.as_pixels()),
        format!("Pixels {{ {text} }}")
    );
}
