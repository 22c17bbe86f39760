//! The neighbours of a pixel as whole colours, and hashes of them.

use crate::rows::PAD;

/// The samples of a pixel in one number, the first in the lowest 16 bits.
#[inline(always)]
pub(crate) fn pack<const C: usize>(samples: [u16; C]) -> u64 {
    let places = samples.iter().enumerate();
    places.fold(0, |colour, (c, &sample)| {
        colour | u64::from(sample) << (16 * c)
    })
}

/// The samples of a colour.
#[inline(always)]
pub(crate) fn unpack<const C: usize>(colour: u64) -> [u16; C] {
    std::array::from_fn(|c| (colour >> (16 * c)) as u16)
}

const KEYS: [u64; 10] = [
    0x9E37_79B9_7F4A_7C15,
    0xBF58_476D_1CE4_E5B9,
    0x94D0_49BB_1331_11EB,
    0xD6E8_FEB8_6659_FD93,
    0xFF51_AFD7_ED55_8CCD,
    0xC4CE_B9FE_1A85_EC53,
    0x8796_5BAB_C0F3_5B2D,
    0xA3B1_9535_4A39_B70D,
    0xE703_7ED1_A0B4_28DB,
    0x8EBC_6AF0_9C88_C6E3,
];

/// Spreads the bits of a number, so that its upper ones depend on all.
#[inline(always)]
pub(crate) fn scramble(number: u64) -> u64 {
    let number = number.wrapping_mul(KEYS[0]);
    let number = (number ^ number >> 29).wrapping_mul(KEYS[3]);
    number ^ number >> 32
}

/// A hash of up to ten items; `salt` tells lists apart that mean different things.
#[inline(always)]
pub(crate) fn hash(salt: u64, items: &[u64]) -> u64 {
    let mut sum = salt;
    for (i, (item, key)) in items.iter().zip(KEYS).enumerate() {
        let product = item.wrapping_add(1).wrapping_mul(key);
        sum = sum.wrapping_add(product.rotate_left(17 + i as u32));
    }
    scramble(sum)
}

/// The neighbours of a pixel: W, N, NW, NE, WW, NN, NEE, NWW, NNE, NNW.
pub(crate) struct Around(pub(crate) [u64; 10]);

impl Around {
    #[inline(always)]
    pub(crate) fn new(x: usize, cur: &[u64], up: &[u64], top: &[u64]) -> Self {
        let i = x + PAD;
        Self([
            cur[i - 1],
            up[i],
            up[i - 1],
            up[i + 1],
            cur[i - 2],
            top[i],
            up[i + 2],
            up[i - 2],
            top[i + 1],
            top[i - 1],
        ])
    }

    /// Which neighbours are equal to each other: seven bits.
    #[inline(always)]
    pub(crate) fn equal(&self) -> usize {
        let [w, n, nw, ne, ww, nn, nee, ..] = self.0;
        let pairs = [
            (w, n),
            (w, nw),
            (n, nw),
            (n, ne),
            (w, ww),
            (n, nn),
            (ne, nee),
        ];
        let bits = pairs.iter().enumerate();
        bits.fold(0, |sum, (bit, (a, b))| sum | usize::from(a == b) << bit)
    }

    /// Which neighbours have this colour: ten bits.
    #[inline(always)]
    pub(crate) fn mask(&self, colour: u64) -> usize {
        let bits = self.0.iter().enumerate();
        bits.fold(0, |sum, (bit, &near)| {
            sum | usize::from(near == colour) << bit
        })
    }

    /// A hash of the first `count` neighbours.
    #[inline(always)]
    pub(crate) fn hash(&self, salt: u64, count: usize) -> u64 {
        hash(salt, &self.0[..count])
    }
}
