//! Fractional bits between the layers from latents to samples: as many as there is room for.

use kiln_fitted::Precision;

use super::judge::Judge;
use super::rounded::Rounded;
use crate::Error;

/// One of the numbers of bits.
type Field = fn(&mut Precision) -> &mut u8;

/// More bits round less and saturate sooner; they cost nothing, and the smallest error is the best.
pub(super) fn choose(rounded: &mut Rounded<'_>, judge: &Judge) -> Result<(), Error> {
    let mut best = rounded.parameters().precision;
    let mut least = judge.mse_if_valid(rounded.parameters())?;
    let fields: [(Field, u8, u8); 3] = [
        (|p| &mut p.planes, 3, 8),
        (|p| &mut p.hidden, 4, 13),
        (|p| &mut p.output, 8, 14),
    ];
    // Twice: a hidden layer with room does not help while the planes saturate.
    for _ in 0..2 {
        for (field, low, high) in fields {
            for direction in [-1, 1] {
                loop {
                    let mut precision = best;
                    let bits = field(&mut precision);
                    *bits = bits.saturating_add_signed(direction);
                    if !(low..=high).contains(bits) {
                        break;
                    }
                    rounded.set_precision(precision);
                    let found = judge.mse_if_valid(rounded.parameters())?;
                    // The first step may be one of several that are needed.
                    if found.is_none_or(|f| least.is_some_and(|l| f >= l)) {
                        break;
                    }
                    (best, least) = (precision, found);
                }
            }
        }
    }
    rounded.set_precision(best);
    Ok(())
}
