//! Samples of 8 and 16 bits.

use kiln_container::Depth;

use super::rows::{Rows, RowsMut};

/// A sample of a pixel, `u8` or `u16`. Samples of 16 bits are in the byte order of the machine.
pub trait Sample: sealed::Values + Copy + Default + Into<f32> + Send + Sync + 'static {
    /// Bits of the sample.
    const DEPTH: Depth;
}

impl Sample for u8 {
    const DEPTH: Depth = Depth::Eight;
}

impl Sample for u16 {
    const DEPTH: Depth = Depth::Sixteen;
}

pub(super) mod sealed {
    use super::{Samples, SamplesMut};
    use crate::pixels::rows::{Rows, RowsMut};

    /// What the views do with a sample. Nobody else can name it.
    pub trait Values: Sized {
        /// The largest value: white, opaque.
        const MAX: Self;
        /// The largest value as a number.
        const SCALE: f32;

        /// The nearest sample to `value` in 0..=1, halves rounded up. Values outside are clamped, NaN becomes 0.
        fn from_unit(value: f32) -> Self;
        /// The nearest sample of 8 bits.
        fn to_eight(self) -> u8;
        /// The same in 16 bits.
        fn to_sixteen(self) -> u16;
        /// The nearest sample of this depth.
        fn of(sample: impl Values) -> Self;

        fn wrap(rows: Rows<'_, Self>) -> Samples<'_>;
        fn unwrap(samples: Samples<'_>) -> Option<Rows<'_, Self>>;
        fn wrap_mut(rows: RowsMut<'_, Self>) -> SamplesMut<'_>;
        fn unwrap_mut<'a>(samples: &'a mut SamplesMut<'_>) -> Option<RowsMut<'a, Self>>;
    }
}

use sealed::Values;

/// The nearest sample to a number that is a sample of `depth`.
#[inline]
pub fn nearest<S: Sample>(number: u16, depth: Depth) -> S {
    match depth {
        Depth::Eight => S::of(number as u8),
        Depth::Sixteen => S::of(number),
    }
}

/// The rows of a view, by depth.
#[derive(Clone, Copy)]
pub enum Samples<'a> {
    Eight(Rows<'a, u8>),
    Sixteen(Rows<'a, u16>),
}

/// The rows of a view that may be written, by depth.
pub enum SamplesMut<'a> {
    Eight(RowsMut<'a, u8>),
    Sixteen(RowsMut<'a, u16>),
}

impl Values for u8 {
    const MAX: Self = Self::MAX;
    const SCALE: f32 = 255.0;

    #[inline]
    fn from_unit(value: f32) -> Self {
        (value.clamp(0.0, 1.0) * Self::SCALE + 0.5) as u8
    }

    #[inline]
    fn to_eight(self) -> u8 {
        self
    }

    #[inline]
    fn to_sixteen(self) -> u16 {
        u16::from(self) * 257
    }

    #[inline]
    fn of(sample: impl Values) -> Self {
        sample.to_eight()
    }

    fn wrap(rows: Rows<'_, Self>) -> Samples<'_> {
        Samples::Eight(rows)
    }

    fn unwrap(samples: Samples<'_>) -> Option<Rows<'_, Self>> {
        match samples {
            Samples::Eight(rows) => Some(rows),
            Samples::Sixteen(_) => None,
        }
    }

    fn wrap_mut(rows: RowsMut<'_, Self>) -> SamplesMut<'_> {
        SamplesMut::Eight(rows)
    }

    fn unwrap_mut<'a>(samples: &'a mut SamplesMut<'_>) -> Option<RowsMut<'a, Self>> {
        match samples {
            SamplesMut::Eight(rows) => Some(rows.reborrow()),
            SamplesMut::Sixteen(_) => None,
        }
    }
}

impl Values for u16 {
    const MAX: Self = Self::MAX;
    const SCALE: f32 = 65_535.0;

    #[inline]
    fn from_unit(value: f32) -> Self {
        (value.clamp(0.0, 1.0) * Self::SCALE + 0.5) as u16
    }

    #[inline]
    fn to_eight(self) -> u8 {
        // 65535 = 257 * 255, and a remainder of an odd divisor is never exactly one half.
        ((u32::from(self) + 128) / 257) as u8
    }

    #[inline]
    fn to_sixteen(self) -> u16 {
        self
    }

    #[inline]
    fn of(sample: impl Values) -> Self {
        sample.to_sixteen()
    }

    fn wrap(rows: Rows<'_, Self>) -> Samples<'_> {
        Samples::Sixteen(rows)
    }

    fn unwrap(samples: Samples<'_>) -> Option<Rows<'_, Self>> {
        match samples {
            Samples::Sixteen(rows) => Some(rows),
            Samples::Eight(_) => None,
        }
    }

    fn wrap_mut(rows: RowsMut<'_, Self>) -> SamplesMut<'_> {
        SamplesMut::Sixteen(rows)
    }

    fn unwrap_mut<'a>(samples: &'a mut SamplesMut<'_>) -> Option<RowsMut<'a, Self>> {
        match samples {
            SamplesMut::Sixteen(rows) => Some(rows.reborrow()),
            SamplesMut::Eight(_) => None,
        }
    }
}
