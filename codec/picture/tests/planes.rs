//! Pixels to planes and back: exact values, edges, kinds of buffers.

use image::{DynamicImage, ImageBuffer};
use kiln_container::ColorKind;
use kiln_picture::pixels::{
    Channels, Depth, Pixels, PixelsError, PixelsMut, Rect, is_rgb8, new_image, read_rgb, write_rgb,
    write_rgb8,
};
use ndarray::{Array3, ArrayView3, Axis, s};

fn planes_of(image: &DynamicImage, rect: Rect) -> Array3<f32> {
    let mut planes = Array3::from_elem((3, rect.height as usize, rect.width as usize), f32::NAN);
    let pixels = Pixels::try_from(image).unwrap();
    read_rgb(pixels, rect, planes.view_mut()).unwrap();
    planes
}

/// A new picture of a size and kind, and how planes are written to it in its own kind.
struct Canvas(DynamicImage);

impl Canvas {
    fn new(width: u32, height: u32, channels: Channels, depth: Depth) -> Self {
        Self(new_image(width, height, channels, depth).unwrap())
    }

    fn pixels(&mut self) -> PixelsMut<'_> {
        PixelsMut::try_from(&mut self.0).unwrap()
    }

    fn write(&mut self, x: u32, y: u32, planes: ArrayView3<f32>) {
        let mut pixels = self.pixels();
        let color = pixels.channels().color();
        write_rgb(&mut pixels, color, (x, y), planes).unwrap();
    }
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
fn every_value(channels: Channels, depth: Depth) -> DynamicImage {
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
    match (channels, depth) {
        (Channels::Grey, Depth::Eight) => image!(ImageLuma8, low(1)),
        (Channels::GreyAlpha, Depth::Eight) => image!(ImageLumaA8, low(2)),
        (Channels::Rgb, Depth::Eight) => image!(ImageRgb8, low(3)),
        (Channels::Rgba, Depth::Eight) => image!(ImageRgba8, low(4)),
        (Channels::Grey, Depth::Sixteen) => image!(ImageLuma16, fill(1).collect()),
        (Channels::GreyAlpha, Depth::Sixteen) => image!(ImageLumaA16, fill(2).collect()),
        (Channels::Rgb, Depth::Sixteen) => image!(ImageRgb16, fill(3).collect()),
        (Channels::Rgba, Depth::Sixteen) => image!(ImageRgba16, fill(4).collect()),
    }
}

const CHANNELS: [Channels; 4] = [
    Channels::Grey,
    Channels::GreyAlpha,
    Channels::Rgb,
    Channels::Rgba,
];

fn all_kinds() -> impl Iterator<Item = (Channels, Depth)> {
    [Depth::Eight, Depth::Sixteen]
        .into_iter()
        .flat_map(|depth| CHANNELS.map(|channels| (channels, depth)))
}

#[test]
fn every_value_of_every_kind_comes_back() {
    for (channels, depth) in all_kinds() {
        let mut image = every_value(channels, depth);
        let pixels = Pixels::try_from(&image).unwrap();
        assert_eq!((pixels.channels(), pixels.depth()), (channels, depth));
        let planes = planes_of(&image, whole(&image));
        assert!(planes.iter().all(|v| (-0.5..=0.5).contains(v)));
        let mut canvas = Canvas::new(256, 256, channels, depth);
        canvas.write(0, 0, planes.view());
        // The colours come back; alpha is opaque as nothing else has been said.
        PixelsMut::try_from(&mut image).unwrap().set_opaque();
        assert_eq!(canvas.0, image, "{channels} {depth:?}");
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
    let mut canvas = Canvas::new(width, 1, Channels::Rgb, Depth::Eight);
    canvas.write(0, 0, planes.view());
    for (pixel, (value, expected)) in canvas.0.as_bytes().chunks(3).zip(values) {
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
    let mut canvas = Canvas::new(1, 1, Channels::Grey, Depth::Sixteen);
    canvas.write(0, 0, planes.view());
    // (0 + 0.5 + 0.7) / 3 = 0.4
    let DynamicImage::ImageLuma16(buffer) = canvas.0 else {
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
    let image = every_value(Channels::Rgba, Depth::Sixteen);
    let rect = Rect {
        x: -2,
        y: 250,
        width: 11,
        height: 9,
    };
    let expected = planes_of(&image, rect);

    // [height, width, 3] in memory, as some arrays come.
    let mut interleaved = Array3::zeros((9, 11, 3));
    let pixels = Pixels::try_from(&image).unwrap();
    read_rgb(
        pixels,
        rect,
        interleaved.view_mut().permuted_axes([2, 0, 1]),
    )
    .unwrap();
    assert_eq!(interleaved.view().permuted_axes([2, 0, 1]), expected);

    // A window of a larger array: gaps between rows only.
    let mut large = Array3::from_elem((3, 20, 30), 9.0);
    read_rgb(pixels, rect, large.slice_mut(s![.., 4..13, 7..18])).unwrap();
    assert_eq!(large.slice(s![.., 4..13, 7..18]), expected);
    assert_eq!(
        large.iter().filter(|&&v| v == 9.0).count(),
        3 * (20 * 30 - 9 * 11)
    );

    let draw = |planes| {
        let mut canvas = Canvas::new(13, 10, Channels::Rgb, Depth::Sixteen);
        canvas.write(1, 1, planes);
        canvas.0
    };
    let drawn = draw(expected.view());
    assert_eq!(draw(interleaved.view().permuted_axes([2, 0, 1])), drawn);
    assert_eq!(draw(large.slice(s![.., 4..13, 7..18])), drawn);
}

#[test]
fn rounded_pixels_make_the_same_picture_as_planes() {
    for channels in [Channels::Rgb, Channels::Rgba] {
        let image = every_value(channels, Depth::Eight);
        let planes = planes_of(&image, whole(&image));
        let rgb = Array3::from_shape_vec((256, 256, 3), image.to_rgb8().into_raw()).unwrap();
        // [3, height, width] in memory, as some arrays come.
        let planar = rgb.view().permuted_axes([2, 0, 1]).to_owned();
        // Beyond the canvas on two sides, and beside it.
        for (x, y) in [(0, 0), (30, 190), (300, 0), (0, 300)] {
            let new = || Canvas::new(250, 200, channels, Depth::Eight);
            let (mut a, mut b, mut c) = (new(), new(), new());
            a.write(x, y, planes.view());
            write_rgb8(&mut b.pixels(), (x, y), rgb.view()).unwrap();
            assert_eq!(a.0, b.0);
            let planar = planar.view().permuted_axes([1, 2, 0]);
            write_rgb8(&mut c.pixels(), (x, y), planar).unwrap();
            assert_eq!(a.0, c.0);
        }
    }
    for (channels, depth) in all_kinds() {
        let mut canvas = Canvas::new(4, 4, channels, depth);
        let colour = channels.color() == ColorKind::Rgb;
        let pixels = &mut canvas.pixels();
        assert_eq!(
            is_rgb8(pixels, ColorKind::Rgb),
            colour && depth == Depth::Eight
        );
        // The mean of a grey picture is taken before it is rounded.
        assert!(!is_rgb8(pixels, ColorKind::Grey));
        let written = write_rgb8(pixels, (0, 0), Array3::zeros((4, 4, 3)).view());
        assert_eq!(written.is_ok(), colour);
    }
}

#[test]
fn tiles_make_the_same_picture_as_one_write() {
    for (channels, depth) in all_kinds() {
        let planes = Array3::from_shape_fn((3, 50, 70), |(c, y, x)| {
            ((x * 31 + y * 17 + c * 97) % 101) as f32 / 100.0 - 0.5
        });
        let mut at_once = Canvas::new(61, 43, channels, depth);
        at_once.write(0, 0, planes.view());

        // Tiles that do not divide the picture, some beyond it.
        let mut tiled = Canvas::new(61, 43, channels, depth);
        for y in (0..50).step_by(16) {
            for x in (0..70).step_by(32) {
                let tile = planes.slice(s![.., y..(y + 16).min(50), x..(x + 32).min(70)]);
                tiled.write(x as u32, y as u32, tile);
            }
        }
        assert_eq!(tiled.0, at_once.0);
    }
}

/// Samples of every kind of buffer for what the networks say, worked out pixel by pixel.
fn expected(
    planes: ArrayView3<f32>,
    color: ColorKind,
    channels: Channels,
    largest: f32,
) -> Vec<u16> {
    let (_, height, width) = planes.dim();
    let sample = |value: f32| ((value + 0.5).clamp(0.0, 1.0) * largest + 0.5) as u16;
    let mut samples = Vec::new();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let [r, g, b] = [0, 1, 2].map(|c| planes[[c, y, x]]);
        let mean = (r + g + b) / 3.0;
        match (channels.color(), color) {
            (ColorKind::Grey, _) => samples.push(sample(mean)),
            (ColorKind::Rgb, ColorKind::Grey) => samples.extend([sample(mean); 3]),
            (ColorKind::Rgb, ColorKind::Rgb) => samples.extend([r, g, b].map(sample)),
        }
        if channels.has_alpha() {
            samples.push(7);
        }
    }
    samples
}

#[test]
fn any_kind_of_buffer_takes_a_picture_that_fits_with_gaps_between_its_rows() {
    let planes = Array3::from_shape_fn((3, 5, 9), |(c, y, x)| {
        ((x * 31 + y * 17 + c * 97) % 103) as f32 / 100.0 - 0.51
    });
    let rows_of = |samples: &[u16], channels: Channels| -> Vec<Vec<u16>> {
        samples
            .chunks(9 * channels.count())
            .map(<[u16]>::to_vec)
            .collect()
    };
    for (channels, color) in CHANNELS
        .into_iter()
        .flat_map(|c| [(c, ColorKind::Grey), (c, ColorKind::Rgb)])
    {
        let stride = 9 * channels.count() + 3;
        let length = 4 * stride + 9 * channels.count();
        let mut eight = vec![7_u8; length + 2];
        let mut sixteen = vec![7_u16; length + 2];
        let mut views = [
            PixelsMut::with_stride(&mut eight, 9, 5, stride, channels).unwrap(),
            PixelsMut::with_stride(&mut sixteen, 9, 5, stride, channels).unwrap(),
        ];
        for view in &mut views {
            let fits = (channels.color(), color) != (ColorKind::Grey, ColorKind::Rgb);
            assert_eq!(view.check_fit(9, 5, color).is_ok(), fits);
            let written = write_rgb(view, color, (0, 0), planes.view());
            assert_eq!(written.is_ok(), fits);
        }
        if views[0].check_fit(9, 5, color).is_err() {
            assert!(eight.iter().all(|&v| v == 7));
            continue;
        }
        let wide: Vec<u16> = eight.iter().map(|&v| v.into()).collect();
        for (buffer, largest) in [(wide, 255.0), (sixteen, 65_535.0)] {
            let expected = rows_of(&expected(planes.view(), color, channels, largest), channels);
            let rows: Vec<&[u16]> = buffer[..length].chunks(stride).collect();
            for (row, expected) in rows.iter().zip(&expected) {
                let (row, gap) = row.split_at(9 * channels.count());
                assert_eq!(row, expected, "{channels} {color:?}");
                assert!(gap.iter().all(|&v| v == 7), "a gap was written");
            }
            assert_eq!(buffer[length..], [7, 7]);
        }
    }
}

#[test]
fn gaps_between_rows_are_not_read() {
    for (channels, depth) in all_kinds() {
        let image = every_value(channels, depth);
        let pixels = Pixels::try_from(&image).unwrap();
        let (stride, count) = (256 * channels.count(), channels.count());
        // A part of the picture: what is beyond it belongs to others.
        let (skip, crop) = (10 * stride + 20 * count, image.crop_imm(20, 10, 30, 40));
        let part = match depth {
            Depth::Eight => {
                let samples = &pixels.as_slice::<u8>().unwrap()[skip..];
                Pixels::with_stride(samples, 30, 40, stride, channels).unwrap()
            }
            Depth::Sixteen => {
                let samples = &pixels.as_slice::<u16>().unwrap()[skip..];
                Pixels::with_stride(samples, 30, 40, stride, channels).unwrap()
            }
        };
        assert_eq!(part, Pixels::try_from(&crop).unwrap());
        let rect = Rect {
            x: -3,
            y: -2,
            width: 40,
            height: 50,
        };
        let mut planes = Array3::zeros((3, 50, 40));
        read_rgb(part, rect, planes.view_mut()).unwrap();
        assert_eq!(planes, planes_of(&crop, rect));
    }
}

#[test]
fn writing_leaves_the_rest_alone() {
    let mut canvas = Canvas::new(4, 3, Channels::Rgba, Depth::Eight);
    let white = Array3::from_elem((3, 2, 2), 0.5);
    for (x, y) in [(3, 2), (4, 0), (0, 3), (u32::MAX, u32::MAX)] {
        canvas.write(x, y, white.view());
    }
    for (x, y, pixel) in canvas.0.to_rgba8().enumerate_pixels() {
        let colour = if (x, y) == (3, 2) { 255 } else { 0 };
        assert_eq!(pixel.0, [colour, colour, colour, 255], "{x} {y}");
    }
}

#[test]
fn arrays_of_another_shape_are_errors() {
    let shape = |result| matches!(result, Err(PixelsError::Shape { .. }));
    let mut image = DynamicImage::new_rgb8(4, 4);
    let rect = whole(&image);
    for (c, h, w) in [(4, 4, 4), (3, 3, 4), (3, 4, 5)] {
        let pixels = Pixels::try_from(&image).unwrap();
        let mut wrong = Array3::zeros((c, h, w));
        assert!(shape(read_rgb(pixels, rect, wrong.view_mut())));
    }
    let mut pixels = PixelsMut::try_from(&mut image).unwrap();
    let planes = Array3::zeros((3, 4, 4));
    let one = planes.index_axis(Axis(0), 0).insert_axis(Axis(0));
    assert!(shape(write_rgb(&mut pixels, ColorKind::Rgb, (0, 0), one)));
    let four = Array3::zeros((4, 4, 4));
    assert!(shape(write_rgb8(&mut pixels, (0, 0), four.view())));
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
