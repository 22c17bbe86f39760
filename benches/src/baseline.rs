//! Plain ways to code the same symbols: constriction's coder as it comes, over models of three kinds.
//!
//! | model | what a decoder does for each symbol |
//! |---|---|
//! | [`PlainRow`] | a binary search over the left ends of all bins |
//! | [`Categorical`] | constriction's own model of frozen probabilities, a binary search as well |
//! | [`Lookup`] | constriction's table with an entry for each of the 65,536 quantiles of a row |
//!
//! The baselines leave out what escapes add after their bin; they are too rare to matter.

use std::borrow::Borrow;
use std::num::NonZeroU16;

use constriction::stream::model::{
    ContiguousCategoricalEntropyModel, ContiguousLookupDecoderModel, DecoderModel, EncoderModel,
    EntropyModel,
};
use constriction::stream::stack::DefaultAnsCoder;
use constriction::stream::{Decode, Encode};

use crate::mix::Mix;

/// constriction's model of the probabilities of a row.
pub type Categorical = ContiguousCategoricalEntropyModel<u16, Vec<u16>, 16>;
/// constriction's lookup table of a row.
pub type Lookup = ContiguousLookupDecoderModel<u16, Vec<u16>, Box<[u16]>, 16>;

/// A frozen row, searched in the plainest way.
#[derive(Clone, Debug)]
pub struct PlainRow {
    first: i32,
    freqs: Vec<u16>,
    /// Left end of each bin.
    lefts: Vec<u16>,
}

impl PlainRow {
    /// A row whose first bin stands for the symbol `first`. `freqs` add up to 65,536, and none of them is 0.
    pub fn new(first: i32, freqs: Vec<u16>) -> Self {
        let lefts = freqs
            .iter()
            .scan(0u16, |left, &f| {
                Some(std::mem::replace(left, left.wrapping_add(f)))
            })
            .collect();
        Self {
            first,
            freqs,
            lefts,
        }
    }

    /// The symbol of bin 0.
    pub fn first(&self) -> i32 {
        self.first
    }

    /// Frequencies of the bins.
    pub fn freqs(&self) -> &[u16] {
        &self.freqs
    }

    /// The last bin, which stands for all that lies beyond.
    pub fn escape(&self) -> usize {
        self.freqs.len() - 1
    }

    /// The bin that holds a quantile.
    pub fn find(&self, quantile: u16) -> usize {
        self.lefts.partition_point(|&left| left <= quantile) - 1
    }

    /// The same row as constriction's model; `None` if it is none that constriction takes.
    pub fn categorical(&self) -> Option<Categorical> {
        Categorical::from_nonzero_fixed_point_probabilities(&self.freqs, false).ok()
    }

    /// The same row as constriction's lookup table; `None` if it is none that constriction takes.
    pub fn lookup(&self) -> Option<Lookup> {
        Lookup::from_nonzero_fixed_point_probabilities(&self.freqs, false).ok()
    }
}

impl EntropyModel<16> for PlainRow {
    type Symbol = usize;
    type Probability = u16;
}

impl EncoderModel<16> for PlainRow {
    fn left_cumulative_and_probability(
        &self,
        bin: impl Borrow<usize>,
    ) -> Option<(u16, NonZeroU16)> {
        let bin = *bin.borrow();
        Some((
            *self.lefts.get(bin)?,
            NonZeroU16::new(*self.freqs.get(bin)?)?,
        ))
    }
}

impl DecoderModel<16> for PlainRow {
    fn quantile_function(&self, quantile: u16) -> (usize, u16, NonZeroU16) {
        let bin = self.find(quantile);
        // Frozen rows hold no 0.
        let freq = NonZeroU16::new(self.freqs[bin]).unwrap_or(NonZeroU16::MIN);
        (bin, self.lefts[bin], freq)
    }
}

/// Codes a mix backwards, as a stack of symbols has to be: words, last one first. `None` if a model cannot hold a symbol.
pub fn encode<M>(plain: &[PlainRow], models: &[M], mix: &Mix) -> Option<Vec<u32>>
where
    M: EncoderModel<16, Symbol = usize, Probability = u16>,
{
    let mut coder = DefaultAnsCoder::new();
    for (&index, &symbol) in mix.rows.iter().zip(&mix.symbols).rev() {
        if u16::from(index) >= mix.tables.skip_below() {
            let row = &plain[usize::from(index)];
            let bin = usize::try_from(i32::from(symbol) - row.first).ok()?;
            coder
                .encode_symbol(bin.min(row.escape()), &models[usize::from(index)])
                .ok()?;
        }
    }
    coder.into_compressed().ok()
}

/// Decodes what [`encode`] wrote. `None` if the words end in a way that no coder writes.
pub fn decode<M>(
    plain: &[PlainRow],
    models: &[M],
    mix: &Mix,
    words: &[u32],
    out: &mut [i16],
) -> Option<()>
where
    M: DecoderModel<16, Symbol = usize, Probability = u16>,
{
    let mut coder = DefaultAnsCoder::from_compressed_slice(words).ok()?;
    for (&index, symbol) in mix.rows.iter().zip(out) {
        *symbol = if u16::from(index) < mix.tables.skip_below() {
            0
        } else {
            let row = &plain[usize::from(index)];
            let Ok(bin) = coder.decode_symbol(&models[usize::from(index)]);
            (row.first + bin as i32) as i16
        };
    }
    Some(())
}
