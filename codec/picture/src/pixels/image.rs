//! The types of the crate `image`: the one place that tells them apart.

use std::ops::{Deref, DerefMut};

use image::{DynamicImage, ImageBuffer, Luma, LumaA, Rgb, Rgba};
use kiln_container::Depth;

use super::rows::Layout;
use super::sample::sealed::Values;
use super::{Channels, Pixels, PixelsError, PixelsMut, Sample};

/// Views of buffers of one type of pixels.
macro_rules! view_buffers {
    ($($pixel:ident<$sample:ty> is $channels:ident;)*) => {$(
        impl<'a, C: Deref<Target = [$sample]>> TryFrom<&'a ImageBuffer<$pixel<$sample>, C>> for Pixels<'a> {
            type Error = PixelsError;

            fn try_from(image: &'a ImageBuffer<$pixel<$sample>, C>) -> Result<Self, PixelsError> {
                let (width, height) = image.dimensions();
                Pixels::new(&**image, width, height, Channels::$channels)
            }
        }

        impl<'a, C: DerefMut<Target = [$sample]>> TryFrom<&'a mut ImageBuffer<$pixel<$sample>, C>>
            for PixelsMut<'a>
        {
            type Error = PixelsError;

            fn try_from(image: &'a mut ImageBuffer<$pixel<$sample>, C>) -> Result<Self, PixelsError> {
                let (width, height) = image.dimensions();
                PixelsMut::new(&mut **image, width, height, Channels::$channels)
            }
        }
    )*};
}

view_buffers! {
    Luma<u8> is Grey;
    LumaA<u8> is GreyAlpha;
    Rgb<u8> is Rgb;
    Rgba<u8> is Rgba;
    Luma<u16> is Grey;
    LumaA<u16> is GreyAlpha;
    Rgb<u16> is Rgb;
    Rgba<u16> is Rgba;
}

/// Runs the same expression on the buffer of each kind that kiln stores; the others are an error.
macro_rules! any_kind {
    ($image:expr, $buffer:ident => $run:expr) => {
        match $image {
            DynamicImage::ImageLuma8($buffer) => $run,
            DynamicImage::ImageLumaA8($buffer) => $run,
            DynamicImage::ImageRgb8($buffer) => $run,
            DynamicImage::ImageRgba8($buffer) => $run,
            DynamicImage::ImageLuma16($buffer) => $run,
            DynamicImage::ImageLumaA16($buffer) => $run,
            DynamicImage::ImageRgb16($buffer) => $run,
            DynamicImage::ImageRgba16($buffer) => $run,
            other => Err(PixelsError::Unsupported(other.color())),
        }
    };
}

impl<'a> TryFrom<&'a DynamicImage> for Pixels<'a> {
    type Error = PixelsError;

    /// # Errors
    /// The picture is empty, or of floats.
    fn try_from(image: &'a DynamicImage) -> Result<Self, PixelsError> {
        any_kind!(image, buffer => buffer.try_into())
    }
}

impl<'a> TryFrom<&'a mut DynamicImage> for PixelsMut<'a> {
    type Error = PixelsError;

    /// # Errors
    /// The picture is empty, or of floats.
    fn try_from(image: &'a mut DynamicImage) -> Result<Self, PixelsError> {
        any_kind!(image, buffer => buffer.try_into())
    }
}

/// A black, opaque picture.
///
/// # Errors
/// [`PixelsError::Empty`] if a side is 0, [`PixelsError::OutOfMemory`] if the machine cannot hold it.
pub fn new_image(
    width: u32,
    height: u32,
    channels: Channels,
    depth: Depth,
) -> Result<DynamicImage, PixelsError> {
    let mut image = match depth {
        Depth::Eight => image_of(
            blank::<u8>(width, height, channels)?,
            width,
            height,
            channels,
        )?,
        Depth::Sixteen => image_of(
            blank::<u16>(width, height, channels)?,
            width,
            height,
            channels,
        )?,
    };
    PixelsMut::try_from(&mut image)?.set_opaque();
    Ok(image)
}

/// As many samples as a picture without gaps has, all 0.
///
/// # Errors
/// As [`new_image`].
pub(crate) fn blank<S: Sample>(
    width: u32,
    height: u32,
    channels: Channels,
) -> Result<Vec<S>, PixelsError> {
    let length = Layout::new(width, height, channels, None)?.length;
    let mut samples = Vec::new();
    samples.try_reserve_exact(length)?;
    samples.resize(length, S::default());
    Ok(samples)
}

/// The picture whose samples these are, without gaps.
///
/// # Errors
/// [`PixelsError::Empty`] if a side is 0, [`PixelsError::Buffer`] if there are fewer samples than the picture has.
pub(crate) fn image_of<S: Owned>(
    samples: Vec<S>,
    width: u32,
    height: u32,
    channels: Channels,
) -> Result<DynamicImage, PixelsError> {
    let layout = Layout::new(width, height, channels, None)?;
    let length = samples.len();
    S::own(samples, width, height, channels).ok_or(PixelsError::Buffer {
        length,
        least: layout.length,
    })
}

/// Samples that can become a picture of the crate `image`.
pub(crate) trait Owned: Values {
    fn own(samples: Vec<Self>, width: u32, height: u32, channels: Channels)
    -> Option<DynamicImage>;
}

macro_rules! owned {
    ($sample:ty: $grey:ident, $grey_alpha:ident, $rgb:ident, $rgba:ident) => {
        impl Owned for $sample {
            fn own(
                samples: Vec<Self>,
                width: u32,
                height: u32,
                channels: Channels,
            ) -> Option<DynamicImage> {
                Some(match channels {
                    Channels::Grey => {
                        DynamicImage::$grey(ImageBuffer::from_raw(width, height, samples)?)
                    }
                    Channels::GreyAlpha => {
                        DynamicImage::$grey_alpha(ImageBuffer::from_raw(width, height, samples)?)
                    }
                    Channels::Rgb => {
                        DynamicImage::$rgb(ImageBuffer::from_raw(width, height, samples)?)
                    }
                    Channels::Rgba => {
                        DynamicImage::$rgba(ImageBuffer::from_raw(width, height, samples)?)
                    }
                })
            }
        }
    };
}

owned!(u8: ImageLuma8, ImageLumaA8, ImageRgb8, ImageRgba8);
owned!(u16: ImageLuma16, ImageLumaA16, ImageRgb16, ImageRgba16);
