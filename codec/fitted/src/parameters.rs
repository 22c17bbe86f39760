//! Everything of a file but the latents.

use crate::error::Error;
use crate::networks::Networks;
use crate::shape::{GROUPS, Group, Role, Shape, Tensor};

/// The largest magnitude of an integer that stands for a weight or a bias.
pub(crate) const VALUE_MAX: i32 = 32_767;

/// Rows of a band, if there are bands, are a power of two from this one on.
pub(crate) const BAND_MIN: usize = 16;
/// The most rows of a band.
pub(crate) const BAND_MAX: usize = 2048;

/// Fractional bits between upsampling and pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Precision {
    /// Of the upsampled latents, 3 to 8.
    pub planes: u8,
    /// Of the hidden layer of the synthesis, 4 to 13.
    pub hidden: u8,
    /// Of its output and of the convolutions, 8 to 14.
    pub output: u8,
}

/// The networks of a picture, as they are in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Sizes of everything.
    pub shape: Shape,
    /// Fractional bits of the planes.
    pub precision: Precision,
    /// For each of [`GROUPS`]: its values count in steps of `2^-exponent`. At most 12, of biases at most 16; 0 for a
    /// group without tensors.
    pub exponents: [u8; 7],
    /// The values of each of [`Shape::tensors`], within ±32767.
    pub values: Vec<Vec<i32>>,
    /// Grids of more rows than this are cut into bands of so many rows, a stream each, which several threads can decode.
    /// 0 for never, or a power of two from 16 to 2048.
    pub band: usize,
}

impl Parameters {
    /// Checks that a file can hold these parameters, and that no sum of theirs leaves 32 bits.
    ///
    /// # Errors
    /// [`Error::Parameters`], and [`Error::Bound`] if a sum could leave 32 bits.
    pub fn check(&self) -> Result<(), Error> {
        self.check_form()?;
        Networks::new(self).map(drop)
    }

    /// Everything but sums.
    pub(crate) fn check_form(&self) -> Result<(), Error> {
        self.shape.check()?;
        let Precision {
            planes,
            hidden,
            output,
        } = self.precision;
        if !(3..=8).contains(&planes) || !(4..=13).contains(&hidden) || !(8..=14).contains(&output)
        {
            return Err(Error::Parameters("fractional bits out of range"));
        }
        let bands = self.band.is_power_of_two() && (BAND_MIN..=BAND_MAX).contains(&self.band);
        if self.band != 0 && !bands {
            return Err(Error::Parameters("rows of a band out of range"));
        }
        let tensors = self.shape.tensors();
        for (&group, &exponent) in GROUPS.iter().zip(&self.exponents) {
            let used = tensors.iter().any(|t| t.group == group);
            let most = if used { group.largest_exponent() } else { 0 };
            if exponent > most {
                return Err(Error::Parameters("an exponent out of range"));
            }
        }
        let sizes = tensors.iter().map(Tensor::len);
        if !sizes.eq(self.values.iter().map(Vec::len)) {
            return Err(Error::Parameters("tensors of another shape"));
        }
        let mut values = self.values.iter().flatten();
        if values.any(|value| !(-VALUE_MAX..=VALUE_MAX).contains(value)) {
            return Err(Error::Parameters("a value beyond 32767"));
        }
        Ok(())
    }

    /// The exponent of a group.
    pub fn exponent(&self, group: Group) -> u32 {
        self.exponents[group as usize].into()
    }

    /// The values of a tensor; none if there is no such tensor.
    pub fn tensor(&self, role: Role) -> &[i32] {
        let tensors = self.shape.tensors();
        let place = tensors.iter().position(|t| t.role == role);
        place
            .and_then(|place| self.values.get(place))
            .map_or(&[], Vec::as_slice)
    }
}

/// The value that costs a file nothing or little: place `index` of the tensor of a role, in steps of `2^-exponent`.
pub fn default_value(role: Role, index: usize, exponent: u32) -> i32 {
    // In steps of 2^-12.
    let fine = match role {
        Role::Double(_) => [144, 432, -1072, -3600].get(index),
        Role::Filter(_) => [0, 0, 0, 4096].get(index),
        _ => None,
    };
    let shift = 12 - exponent.min(12);
    fine.map_or(0, |&fine| (fine + half(shift)) >> shift)
}

/// What is added before a shift to the right, so that it rounds.
pub(crate) const fn half(shift: u32) -> i32 {
    match shift {
        0 => 0,
        _ => 1 << (shift - 1),
    }
}
