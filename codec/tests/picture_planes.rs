//! Pixels to planes and back: exact values, edges, bands.

use image::{DynamicImage, ImageBuffer};
use kiln::picture::{AlphaPlane, Canvas, PictureError, Rect, color_kind, read_rgb};
use kiln_container::{ColorKind, Depth};
use ndarray::{Array3, Axis, s};

fn planes_of(image: &DynamicImage, rect: Rect) -> Array3<f32> {
    let mut planes = Array3::from_elem((3, rect.height as usize, rect.width as usize), f32::NAN);
    read_rgb(image, rect, planes.view_mut()).unwrap();
    planes
}

fn whole(image: &DynamicImage) -> Rect {
    Rect {
        x: 0,
        y: 0,
        width: image.width(),
        height: image.height(),
    }
}

/// A picture of 256 x 256 pixels whose samples take every value of 8 or 16 bit, and differ between channels.
fn every_value(color: ColorKind, has_alpha: bool, depth: Depth) -> DynamicImage {
    fn fill(channels: usize) -> impl Iterator<Item = u16> {
        (0..65_536 * channels)
            .map(move |i| (i / channels).wrapping_mul(1 + 2 * (i % channels)) as u16)
    }
    let low = |channels| fill(channels).map(|v| v as u8).collect();
    macro_rules! image {
        ($variant:ident, $samples:expr) => {
            DynamicImage::$variant(ImageBuffer::from_raw(256, 256, $samples).unwrap())
        };
    }
    match (color, has_alpha, depth) {
        (ColorKind::Grey, false, Depth::Eight) => image!(ImageLuma8, low(1)),
        (ColorKind::Grey, true, Depth::Eight) => image!(ImageLumaA8, low(2)),
        (ColorKind::Rgb, false, Depth::Eight) => image!(ImageRgb8, low(3)),
        (ColorKind::Rgb, true, Depth::Eight) => image!(ImageRgba8, low(4)),
        (ColorKind::Grey, false, Depth::Sixteen) => image!(ImageLuma16, fill(1).collect()),
        (ColorKind::Grey, true, Depth::Sixteen) => image!(ImageLumaA16, fill(2).collect()),
        (ColorKind::Rgb, false, Depth::Sixteen) => image!(ImageRgb16, fill(3).collect()),
        (ColorKind::Rgb, true, Depth::Sixteen) => image!(ImageRgba16, fill(4).collect()),
    }
}

fn all_kinds() -> impl Iterator<Item = (ColorKind, bool, Depth)> {
    [Depth::Eight, Depth::Sixteen]
        .into_iter()
        .flat_map(|depth| {
            [ColorKind::Grey, ColorKind::Rgb]
                .into_iter()
                .flat_map(move |color| [false, true].map(|has_alpha| (color, has_alpha, depth)))
        })
}

#[test]
fn every_value_of_every_kind_comes_back() {
    for (color, has_alpha, depth) in all_kinds() {
        let image = every_value(color, has_alpha, depth);
        assert_eq!(color_kind(&image), Some((color, has_alpha, depth)));
        let mut canvas = Canvas::new(256, 256, color, has_alpha, depth).unwrap();
        let planes = planes_of(&image, whole(&image));
        assert!(planes.iter().all(|v| (-0.5..=0.5).contains(v)));
        canvas.write_rgb(0, 0, planes.view()).unwrap();
        let alpha = kiln::picture::alpha::extract(&image);
        assert_eq!(alpha.is_some(), has_alpha);
        if let Some(alpha) = &alpha {
            canvas.set_alpha(alpha).unwrap();
        }
        assert_eq!(
            canvas.into_image(),
            image,
            "{color:?} {has_alpha} {depth:?}"
        );
    }
}

#[test]
fn planes_hold_the_scaled_values() {
    let image = DynamicImage::ImageRgba8(
        ImageBuffer::from_raw(2, 1, vec![0, 51, 255, 9, 102, 204, 1, 0]).unwrap(),
    );
    let planes = planes_of(&image, whole(&image));
    let expected = [0.0, 102.0, 51.0, 204.0, 255.0, 1.0].map(|v: f32| v / 255.0 - 0.5);
    assert_eq!(planes.as_slice().unwrap(), expected);

    let grey = DynamicImage::ImageLuma16(ImageBuffer::from_raw(1, 1, vec![13_107]).unwrap());
    let value = 13_107.0_f32 / 65_535.0 - 0.5;
    assert_eq!(
        planes_of(&grey, whole(&grey)).as_slice().unwrap(),
        [value; 3]
    );
}

#[test]
fn rounding_is_half_up_and_clamped() {
    let values = [
        (f32::NEG_INFINITY, 0),
        (-0.6, 0),
        (-0.5, 0),
        (-0.5 + 0.49 / 255.0, 0),
        (-0.5 + 0.51 / 255.0, 1),
        // Exactly between two steps, without rounding on the way.
        (0.0, 128),
        (0.5 - 0.51 / 255.0, 254),
        (0.5 - 0.49 / 255.0, 255),
        (0.5, 255),
        (7.0, 255),
        (f32::INFINITY, 255),
        (f32::NAN, 0),
    ];
    let planes = Array3::from_shape_fn((3, 1, values.len()), |(_, _, x)| values[x].0);
    let width = values.len() as u32;
    let mut canvas = Canvas::new(width, 1, ColorKind::Rgb, false, Depth::Eight).unwrap();
    canvas.write_rgb(0, 0, planes.view()).unwrap();
    for (pixel, (value, expected)) in canvas.into_image().as_bytes().chunks(3).zip(values) {
        assert_eq!(pixel, [expected; 3], "{value}");
    }
}

#[test]
fn grey_is_the_mean_of_the_planes() {
    let mut planes = Array3::zeros((3, 1, 1));
    planes
        .as_slice_mut()
        .unwrap()
        .copy_from_slice(&[-0.5, 0.0, 0.2]);
    let mut canvas = Canvas::new(1, 1, ColorKind::Grey, false, Depth::Sixteen).unwrap();
    canvas.write_rgb(0, 0, planes.view()).unwrap();
    // (0 + 0.5 + 0.7) / 3 = 0.4
    let DynamicImage::ImageLuma16(buffer) = canvas.into_image() else {
        panic!("another kind");
    };
    assert_eq!(buffer.as_raw(), &[26_214]);
}

#[test]
fn edges_are_repeated() {
    let (width, height) = (5_i64, 4_i64);
    let image = DynamicImage::ImageRgb8(ImageBuffer::from_fn(5, 4, |x, y| {
        image::Rgb([(x * 40) as u8, (y * 50) as u8, (x * 7 + y * 11) as u8])
    }));
    let inside = planes_of(&image, whole(&image));
    let far = i64::from(u32::MAX);
    for x in [-9, -3, -1, 0, 1, 4, 5, 8, i64::MIN, -far, far, i64::MAX] {
        for y in [-7, -1, 0, 2, 3, 4, 6, i64::MIN, i64::MAX] {
            for (w, h) in [(1, 1), (3, 2), (5, 4), (20, 17)] {
                let rect = Rect {
                    x,
                    y,
                    width: w,
                    height: h,
                };
                for ((c, i, j), &value) in planes_of(&image, rect).indexed_iter() {
                    let row = y.saturating_add(i as i64).clamp(0, height - 1) as usize;
                    let column = x.saturating_add(j as i64).clamp(0, width - 1) as usize;
                    assert_eq!(value, inside[[c, row, column]], "{rect:?} at {i} {j}");
                }
            }
        }
    }
}

#[test]
fn views_with_gaps_work_like_others() {
    let image = every_value(ColorKind::Rgb, true, Depth::Sixteen);
    let rect = Rect {
        x: -2,
        y: 250,
        width: 11,
        height: 9,
    };
    let expected = planes_of(&image, rect);

    // [height, width, 3] in memory, as some arrays come.
    let mut interleaved = Array3::zeros((9, 11, 3));
    read_rgb(
        &image,
        rect,
        interleaved.view_mut().permuted_axes([2, 0, 1]),
    )
    .unwrap();
    assert_eq!(interleaved.view().permuted_axes([2, 0, 1]), expected);

    // A window of a larger array: gaps between rows only.
    let mut large = Array3::from_elem((3, 20, 30), 9.0);
    read_rgb(&image, rect, large.slice_mut(s![.., 4..13, 7..18])).unwrap();
    assert_eq!(large.slice(s![.., 4..13, 7..18]), expected);
    assert_eq!(
        large.iter().filter(|&&v| v == 9.0).count(),
        3 * (20 * 30 - 9 * 11)
    );

    let draw = |planes| {
        let mut canvas = Canvas::new(13, 10, ColorKind::Rgb, false, Depth::Sixteen).unwrap();
        canvas.write_rgb(1, 1, planes).unwrap();
        canvas.into_image()
    };
    let drawn = draw(expected.view());
    assert_eq!(draw(interleaved.view().permuted_axes([2, 0, 1])), drawn);
    assert_eq!(draw(large.slice(s![.., 4..13, 7..18])), drawn);
}

#[test]
fn rounded_pixels_make_the_same_picture_as_planes() {
    for has_alpha in [false, true] {
        let image = every_value(ColorKind::Rgb, has_alpha, Depth::Eight);
        let planes = planes_of(&image, whole(&image));
        let rgb = image.to_rgb8();
        let pixels = Array3::from_shape_vec((256, 256, 3), rgb.into_raw()).unwrap();
        // Beyond the canvas on two sides, and beside it.
        for (x, y) in [(0, 0), (30, 190), (300, 0), (0, 300)] {
            let new = || Canvas::new(250, 200, ColorKind::Rgb, has_alpha, Depth::Eight).unwrap();
            let (mut a, mut b) = (new(), new());
            assert!(a.is_rgb8());
            a.write_rgb(x, y, planes.view()).unwrap();
            b.write_rgb8(x, y, pixels.view()).unwrap();
            assert_eq!(a.into_image(), b.into_image());
        }
    }
    for (color, has_alpha, depth) in all_kinds() {
        let mut canvas = Canvas::new(4, 4, color, has_alpha, depth).unwrap();
        let fits = color == ColorKind::Rgb && depth == Depth::Eight;
        assert_eq!(canvas.is_rgb8(), fits);
        let written = canvas.write_rgb8(0, 0, Array3::zeros((4, 4, 3)).view());
        assert_eq!(written.is_ok(), fits);
    }
}

#[test]
fn tiles_and_bands_make_the_same_picture_as_one_write() {
    for (color, has_alpha, depth) in all_kinds() {
        let planes = Array3::from_shape_fn((3, 50, 70), |(c, y, x)| {
            ((x * 31 + y * 17 + c * 97) % 101) as f32 / 100.0 - 0.5
        });
        let new = || Canvas::new(61, 43, color, has_alpha, depth).unwrap();
        let mut at_once = new();
        at_once.write_rgb(0, 0, planes.view()).unwrap();
        let at_once = at_once.into_image();

        // Tiles that do not divide the picture, some beyond it.
        let mut tiled = new();
        for y in (0..50).step_by(16) {
            for x in (0..70).step_by(32) {
                let tile = planes.slice(s![.., y..(y + 16).min(50), x..(x + 32).min(70)]);
                tiled.write_rgb(x as u32, y as u32, tile).unwrap();
            }
        }
        assert_eq!(tiled.into_image(), at_once);

        for rows in [0, 1, 7, 43, 1_000] {
            let mut banded = new();
            let mut bands = banded.bands(rows);
            let mut next = 0;
            for band in &bands {
                assert_eq!(band.rows().start, next);
                next = band.rows().end;
            }
            assert_eq!(next, 43);
            std::thread::scope(|scope| {
                for band in &mut bands {
                    scope.spawn(|| band.write_rgb(0, 0, planes.view()).unwrap());
                }
            });
            drop(bands);
            assert_eq!(banded.into_image(), at_once, "bands of {rows}");
        }
    }
}

#[test]
fn writing_leaves_the_rest_alone() {
    let mut canvas = Canvas::new(4, 3, ColorKind::Rgb, true, Depth::Eight).unwrap();
    assert_eq!((canvas.width(), canvas.height()), (4, 3));
    let white = Array3::from_elem((3, 2, 2), 0.5);
    canvas.write_rgb(3, 2, white.view()).unwrap();
    canvas.write_rgb(4, 0, white.view()).unwrap();
    canvas.write_rgb(0, 3, white.view()).unwrap();
    canvas.write_rgb(u32::MAX, u32::MAX, white.view()).unwrap();
    let image = canvas.into_image().to_rgba8();
    for (x, y, pixel) in image.enumerate_pixels() {
        let colour = if (x, y) == (3, 2) { 255 } else { 0 };
        assert_eq!(pixel.0, [colour, colour, colour, 255], "{x} {y}");
    }
}

#[test]
fn contradictions_are_errors() {
    let parameter =
        |result: Result<(), PictureError>| matches!(result, Err(PictureError::Parameter(_)));
    let image = DynamicImage::new_rgb8(4, 4);
    let mut planes = Array3::zeros((3, 4, 4));
    for (c, h, w) in [(4, 4, 4), (3, 3, 4), (3, 4, 5)] {
        let mut wrong = Array3::zeros((c, h, w));
        assert!(parameter(read_rgb(&image, whole(&image), wrong.view_mut())));
    }
    let empty = DynamicImage::new_rgb8(0, 4);
    let rect = whole(&image);
    assert!(parameter(read_rgb(&empty, rect, planes.view_mut())));
    assert!(matches!(
        read_rgb(&DynamicImage::new_rgb32f(4, 4), rect, planes.view_mut()),
        Err(PictureError::Unsupported(_))
    ));
    assert_eq!(color_kind(&DynamicImage::new_rgba32f(1, 1)), None);

    let mut canvas = Canvas::new(4, 4, ColorKind::Rgb, true, Depth::Eight).unwrap();
    assert!(parameter(canvas.write_rgb(
        0,
        0,
        planes.index_axis(Axis(0), 0).insert_axis(Axis(0))
    )));
    assert!(parameter(canvas.set_alpha(&AlphaPlane::U8(vec![0; 15]))));
    assert!(parameter(canvas.set_alpha(&AlphaPlane::U16(vec![0; 16]))));
    assert!(!parameter(canvas.set_alpha(&AlphaPlane::U8(vec![0; 16]))));
    let mut without = Canvas::new(4, 4, ColorKind::Rgb, false, Depth::Eight).unwrap();
    assert!(parameter(without.set_alpha(&AlphaPlane::U8(vec![0; 16]))));
    assert!(parameter(
        Canvas::new(0, 4, ColorKind::Rgb, false, Depth::Eight).map(drop)
    ));
}

#[test]
fn a_canvas_beyond_memory_is_an_error() {
    let side = u32::MAX;
    assert!(matches!(
        Canvas::new(side, side, ColorKind::Rgb, true, Depth::Sixteen),
        Err(PictureError::OutOfMemory(_))
    ));
}

#[test]
fn empty_rectangles_are_fine() {
    let image = DynamicImage::new_rgb8(4, 4);
    for (width, height) in [(0, 3), (3, 0), (0, 0)] {
        let rect = Rect {
            x: 1,
            y: 1,
            width,
            height,
        };
        assert!(planes_of(&image, rect).is_empty());
    }
}
