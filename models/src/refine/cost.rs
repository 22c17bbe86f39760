//! Bits of symbols, looked up, and the choice of a symbol by its share of bits and error.

use kiln_entropy::Tables;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::exact::RESIDUAL_MAX;

/// Magnitudes that are kept ready: all literals of the widest row in use so far.
const READY: i32 = 320;

/// Bits of every likely symbol of every row of y.
pub(crate) struct Costs<'a> {
    tables: &'a Tables,
    /// [rows][2 * READY + 1]
    bits: Vec<f32>,
}

impl<'a> Costs<'a> {
    pub(crate) fn new(tables: &'a Tables) -> Self {
        let bits = (0..tables.len() as u16)
            .flat_map(|row| (-READY..=READY).map(move |s| tables.cost_bits(row, s) as f32))
            .collect();
        Self { tables, bits }
    }

    /// Bits of a symbol; infinite where it cannot be coded.
    pub(crate) fn bits(&self, row: u8, symbol: i32) -> f32 {
        if (-READY..=READY).contains(&symbol) {
            let width = 2 * READY as usize + 1;
            self.bits[usize::from(row) * width + (symbol + READY) as usize]
        } else {
            self.tables.cost_bits(row.into(), symbol) as f32
        }
    }

    /// Whether symbols of the row are coded at all.
    pub(crate) fn is_coded(&self, row: u8) -> bool {
        u16::from(row) >= self.tables.skip_below()
    }
}

/// The error that the picture makes of a change of one latent, as a parabola around where it stands, in bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parabola {
    /// Slope by the latent, in the quantiser's steps.
    pub(crate) slope: f32,
    /// Second derivative.
    pub(crate) curvature: f32,
}

/// Chooses symbols; at a temperature above 0 a worse one at times, by Gumbel noise on the costs.
pub(crate) struct Chooser<'a> {
    pub(crate) costs: &'a Costs<'a>,
    /// Bits.
    pub(crate) temperature: f32,
    random: Xoshiro256PlusPlus,
}

impl<'a> Chooser<'a> {
    /// `seed` makes the noise: equal seeds choose alike.
    pub(crate) fn new(costs: &'a Costs<'a>, temperature: f32, seed: u64) -> Self {
        Self {
            costs,
            temperature,
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
        }
    }

    /// The symbol near `wanted` (a real number of steps, where the latent stands now) of the least cost.
    pub(crate) fn symbol(&mut self, wanted: f32, row: u8, error: Parabola) -> i16 {
        if !self.costs.is_coded(row) {
            return 0;
        }
        let limit = RESIDUAL_MAX as f32;
        // Beyond the limit all symbols would seem equally far.
        let wanted = wanted.clamp(-limit, limit);
        let nearest = (wanted + 0.5).floor() as i32;
        let mut best = (f32::INFINITY, nearest);
        for symbol in nearest - 1..=nearest + 1 {
            if symbol.abs() > RESIDUAL_MAX {
                continue;
            }
            let e = symbol as f32 - wanted;
            let mut cost =
                self.costs.bits(row, symbol) + e * (error.slope + 0.5 * error.curvature * e);
            if self.temperature > 0.0 {
                let u: f32 = self.random.random::<f32>().clamp(1e-9, 1.0 - 1e-7);
                cost += self.temperature * (-u.ln()).ln();
            }
            if cost < best.0 {
                best = (cost, symbol);
            }
        }
        best.1 as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_entropy::{RowSpec, freeze};

    fn tables() -> Tables {
        let rows: Vec<Vec<u16>> = [0.3, 1.0]
            .iter()
            .map(|s| freeze::row(&freeze::gaussian(*s, 14)).unwrap())
            .collect();
        let specs = rows.iter().map(|freqs| RowSpec { first: -14, freqs });
        Tables::new(specs, 1, RESIDUAL_MAX).unwrap()
    }

    #[test]
    fn bits_and_error_are_weighed() {
        let tables = tables();
        let costs = Costs::new(&tables);
        let mut c = Chooser::new(&costs, 0.0, 1);
        let flat = Parabola {
            slope: 0.0,
            curvature: 0.0,
        };
        let steep = Parabola {
            slope: 0.0,
            curvature: 1000.0,
        };
        // Without any error the cheaper neighbour is taken, with much of it the nearer.
        assert_eq!((c.symbol(2.6, 1, flat), c.symbol(2.6, 1, steep)), (2, 3));
        // A slope pulls: an error that falls with the latent takes it up.
        let up = Parabola {
            slope: -800.0,
            curvature: 1000.0,
        };
        assert_eq!(c.symbol(2.6, 1, up), 3);
        assert_eq!(c.symbol(2.4, 1, up), 3);
        // What is not coded is 0, whatever it costs.
        assert_eq!(c.symbol(7.0, 0, steep), 0);
    }

    #[test]
    fn symbols_stay_in_range() {
        let tables = tables();
        let costs = Costs::new(&tables);
        let steep = Parabola {
            slope: 0.0,
            curvature: 1e6,
        };
        let mut c = Chooser::new(&costs, 0.5, 1);
        for wanted in [1e9, -1e9, 8191.4] {
            assert!(i32::from(c.symbol(wanted, 1, steep)).abs() <= RESIDUAL_MAX);
        }
        assert_eq!(c.symbol(1e9, 1, steep), RESIDUAL_MAX as i16);
    }

    #[test]
    fn noise_is_that_of_the_seed() {
        let tables = tables();
        let costs = Costs::new(&tables);
        let p = Parabola {
            slope: 0.0,
            curvature: 4.0,
        };
        let run = |seed| {
            let mut c = Chooser::new(&costs, 1.0, seed);
            (0..200)
                .map(|i| c.symbol(i as f32 / 50.0, 1, p))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }
}
