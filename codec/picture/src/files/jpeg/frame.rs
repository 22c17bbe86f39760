//! The frame header of a JPEG file: what kind of picture it is.

use super::damaged;
use super::segments::unsupported;
use crate::PictureError;

/// Samples of a block, along each side.
const BLOCK: u64 = 8;

/// A frame of a kind that is read: 8 bits, Huffman coded, grey or in colour.
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) width: u16,
    /// 0 if the height stands behind the pixels.
    pub(super) height: u16,
    /// How often each component is sampled, from left to right and from top to bottom, 1 to 4.
    pub(super) sampling: Vec<(u8, u8)>,
    /// The names of the components, by which a decoder may guess colours.
    #[cfg(any(test, not(feature = "libjpeg")))]
    pub(super) names: Vec<u8>,
}

impl Frame {
    /// Refuses by name the kinds of JPEG that are not read.
    pub(super) fn read(marker: u8, payload: &[u8]) -> Result<Self, PictureError> {
        let &[precision, h1, h0, w1, w0, count, ref components @ ..] = payload else {
            return Err(damaged("its frame header is cut short"));
        };
        match (marker, precision, count) {
            (0xC3 | 0xC5..=0xC7, ..) => {
                return Err(unsupported("lossless or hierarchical JPEG"));
            }
            (0xC9..=0xCF, ..) => return Err(unsupported("JPEG with arithmetic coding")),
            (_, _, 4) => return Err(unsupported("CMYK JPEG")),
            (_, 8, 1 | 3) => {}
            (_, 8, n) => return Err(unsupported(&format!("JPEG with {n} components"))),
            (_, bits, _) => {
                return Err(unsupported(&format!("JPEG with {bits} bits per sample")));
            }
        }
        let components = components.as_chunks::<3>().0;
        let components = components
            .get(..usize::from(count))
            .ok_or_else(|| damaged("its frame header is cut short"))?;
        let sampling: Vec<_> = components.iter().map(|c| (c[1] >> 4, c[1] & 15)).collect();
        if sampling
            .iter()
            .any(|(h, v)| !(1..=4).contains(h) || !(1..=4).contains(v))
        {
            return Err(damaged("a component is sampled outside of 1 to 4 times"));
        }
        let frame = Self {
            progressive: marker == 0xC2,
            width: u16::from_be_bytes([w1, w0]),
            height: u16::from_be_bytes([h1, h0]),
            #[cfg(any(test, not(feature = "libjpeg")))]
            names: components.iter().map(|c| c[0]).collect(),
            sampling,
        };
        let (h_most, v_most) = frame.most();
        if frame
            .sampling
            .iter()
            .any(|(h, v)| h_most % h != 0 || v_most % v != 0)
        {
            return Err(unsupported(
                "JPEG with components sampled at a fraction of each other",
            ));
        }
        Ok(frame)
    }

    /// The most samples along each side.
    pub(super) fn most(&self) -> (u8, u8) {
        self.sampling
            .iter()
            .fold((1, 1), |(h, v), &(h2, v2)| (h.max(h2), v.max(v2)))
    }

    /// Coefficients of all components, filled up to whole blocks as they are coded.
    pub(super) fn coefficients(&self) -> u64 {
        let (h_most, v_most) = self.most();
        let units = |side: u16, most: u8| u64::from(side).div_ceil(BLOCK * u64::from(most));
        let blocks: u64 = self
            .sampling
            .iter()
            .map(|(h, v)| u64::from(*h) * u64::from(*v))
            .sum();
        units(self.width, h_most) * units(self.height, v_most) * blocks * BLOCK * BLOCK
    }
}
