//! Samples as indices: palettes, and lists of the values that occur.

use kiln_entropy::{CodeError, Coder};

use crate::binary::decide;
use crate::error::Error;
use crate::mix::Counter;

/// Colours that a palette has at most.
pub(crate) const PALETTE: usize = 256;

/// What the numbers of a strip stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Map {
    /// Samples, or for each channel with a list indices into it.
    Samples([Option<Vec<u16>>; 3]),
    /// Indices into a list of colours.
    Palette(Vec<[u16; 3]>),
}

/// Codes `count` bits, each as probable as its opposite.
pub(crate) fn field<K: Coder>(coder: &mut K, count: u32, value: u32) -> Result<u32, CodeError> {
    let mut found = 0;
    for bit in (0..count).rev() {
        found = found << 1 | u32::from(decide(coder, 1 << 15, value >> bit & 1 == 1)?);
    }
    Ok(found)
}

/// Adaptive model of numbers up to 2^17 - 2.
struct Numbers {
    classes: [Counter; 18],
    bits: [[Counter; 17]; 18],
}

impl Numbers {
    fn new() -> Self {
        Self {
            classes: [Counter::EVEN; 18],
            bits: [[Counter::EVEN; 17]; 18],
        }
    }

    fn code<K: Coder>(&mut self, coder: &mut K, value: u32) -> Result<u32, CodeError> {
        let value = value + 1;
        let mut class = 0;
        while class < 17 && self.classes[class].code(coder, value >> class > 1, 30)? {
            class += 1;
        }
        let mut found = 1;
        for bit in (0..class).rev() {
            let one = value >> bit & 1 == 1;
            let one = self.bits[class][bit].code(coder, one, 30)?;
            found = found << 1 | u32::from(one);
        }
        Ok(found - 1)
    }
}

impl Map {
    /// Every sample stands for itself.
    pub(crate) const NONE: Self = Self::Samples([None, None, None]);

    /// Whether there is one index for all channels.
    pub(crate) fn is_palette(&self) -> bool {
        matches!(self, Self::Palette(_))
    }

    /// Makes samples of what was coded.
    pub(crate) fn undo<const C: usize>(&self, samples: &mut Vec<u16>) {
        match self {
            Self::Palette(colours) => {
                let mut mapped = Vec::with_capacity(samples.len() * C);
                mapped.extend(
                    samples
                        .iter()
                        .flat_map(|&index| colours[usize::from(index)]),
                );
                *samples = mapped;
            }
            Self::Samples(lists) => {
                for (c, list) in lists.iter().enumerate() {
                    let Some(list) = list else { continue };
                    for sample in samples.iter_mut().skip(c).step_by(C) {
                        *sample = list[usize::from(*sample)];
                    }
                }
            }
        }
    }

    /// Codes the map itself.
    pub(crate) fn code<K: Coder>(
        &self,
        coder: &mut K,
        channels: usize,
        largest: u16,
    ) -> Result<Self, Error> {
        if channels == 3 && field(coder, 1, self.is_palette().into())? == 1 {
            let colours = match self {
                Self::Palette(colours) => colours.as_slice(),
                Self::Samples(_) => &[],
            };
            return Ok(Self::Palette(code_palette(coder, colours, largest)?));
        }
        let mut lists = [None, None, None];
        for (c, list) in lists.iter_mut().enumerate().take(channels) {
            let given = match self {
                Self::Samples(lists) => lists[c].as_deref(),
                Self::Palette(_) => None,
            };
            if field(coder, 1, given.is_some().into())? == 1 {
                *list = Some(code_list(coder, given.unwrap_or(&[]), largest)?);
            }
        }
        Ok(Self::Samples(lists))
    }

    /// The largest number of each channel.
    pub(crate) fn largest(&self, largest: u16) -> [u16; 3] {
        match self {
            Self::Samples(lists) => std::array::from_fn(|c| {
                lists[c]
                    .as_ref()
                    .map_or(largest, |list| (list.len() - 1) as u16)
            }),
            Self::Palette(colours) => [(colours.len() - 1) as u16; 3],
        }
    }
}

fn code_palette<K: Coder>(
    coder: &mut K,
    colours: &[[u16; 3]],
    largest: u16,
) -> Result<Vec<[u16; 3]>, Error> {
    let count = field(coder, 8, (colours.len() as u32).wrapping_sub(1))? as usize + 1;
    let mut models = [Numbers::new(), Numbers::new(), Numbers::new()];
    let (mut last, mut result) = ([0u16; 3], Vec::with_capacity(count));
    for i in 0..count {
        let colour = colours.get(i).copied().unwrap_or_default();
        for c in [1, 0, 2] {
            let step = i32::from(colour[c]) - i32::from(last[c]);
            let folded = (step << 1 ^ step >> 31) as u32;
            let folded = models[c].code(coder, folded)? as i32;
            let value = i32::from(last[c]) + (folded >> 1 ^ -(folded & 1));
            last[c] = u16::try_from(value)
                .ok()
                .filter(|&v| v <= largest)
                .ok_or(Error::Damaged("a colour of the palette is out of range"))?;
        }
        result.push(last);
    }
    Ok(result)
}

fn code_list<K: Coder>(coder: &mut K, values: &[u16], largest: u16) -> Result<Vec<u16>, Error> {
    let count = field(coder, 16, (values.len() as u32).wrapping_sub(1))? as usize + 1;
    let mut model = Numbers::new();
    let (mut last, mut result) = (-1i32, Vec::new());
    for i in 0..count {
        let value = values.get(i).map_or(0, |&value| i32::from(value));
        let gap = model.code(coder, (value - last - 1).max(0) as u32)? as i32;
        last += 1 + gap;
        result.push(
            u16::try_from(last)
                .ok()
                .filter(|&v| v <= largest)
                .ok_or(Error::Damaged("a value that occurs is out of range"))?,
        );
    }
    Ok(result)
}
