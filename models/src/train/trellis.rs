//! The symbols that an encoder would send for a batch: its own search, on values without gradients.

use rayon::prelude::*;

use super::likelihood::ROWS;
use super::tables::FrozenTables;
use crate::arch::base::{STRIPE_ROWS, fixed};
use crate::latents::steps::{self, quarter};
use crate::nets::exact::RESIDUAL_MAX;
use crate::search::trellis::{BITS_PER_ERROR, Chosen, Link, Trellis, value};

/// A residual of so many steps is taken for lost where its row is not coded: the dead zone of an encoder ends about there.
const LOST_FROM: f32 = 0.8;

/// What is sent of y, all arrays of [B, M, h, w] in the order of memory. Steps fill it one after another.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    dims: [usize; 4],
    /// Symbols, and what rows that are not coded lose.
    pub(crate) symbol: Vec<i16>,
    /// 0 or 1.
    pub(crate) quantiser: Vec<u8>,
    /// What the symbols stand for, in units of y times its gain.
    pub(crate) value: Vec<f32>,
    /// Row of the tables of one quantiser, 0..=63.
    pub(crate) row: Vec<f32>,
    pub(crate) bits: Vec<f32>,
    /// Of the bits along the rows. 0 where a row lies beyond the tables and would go on.
    pub(crate) slope: Vec<f32>,
}

/// The symbols of one chain at their places.
struct Chain {
    /// The first place of its plane.
    base: usize,
    places: Vec<(usize, usize)>,
    chosen: Vec<Chosen>,
}

impl Sent {
    pub(crate) fn new(dims: [usize; 4]) -> Self {
        let n = dims.iter().product();
        Self {
            dims,
            symbol: vec![0; n],
            quantiser: vec![0; n],
            value: vec![0.0; n],
            row: vec![0.0; n],
            bits: vec![0.0; n],
            slope: vec![0.0; n],
        }
    }

    /// Chooses the symbols of a step, and fills in what it codes. `residual`: what the symbols should stand for; `row`: whole
    /// numbers, rows of tables before they are brought into range. Both [B, M, h, w]; what other steps code is not read.
    pub(crate) fn step(
        &mut self,
        tables: &FrozenTables,
        step: usize,
        residual: &[f32],
        row: &[f32],
    ) {
        let [b, m, h, w] = self.dims;
        let last = (ROWS - 1) as f32;
        // As the encoder cuts them: a chain is a channel of a stripe.
        let chains: Vec<(usize, usize, usize)> = (0..b)
            .flat_map(|b| (0..m).map(move |c| (b, c)))
            .flat_map(|(b, c)| (0..h).step_by(STRIPE_ROWS).map(move |top| (b, c, top)))
            .collect();
        let found: Vec<Chain> = chains
            .into_par_iter()
            .map_init(
                || Trellis::new(tables.encoder()),
                |search, (b, c, top)| {
                    let base = (b * m + c) * h * w;
                    let rows = top..(top + STRIPE_ROWS).min(h);
                    let places: Vec<_> = steps::chain(step, rows, quarter(c, m), w).collect();
                    let links: Vec<Link> = (places.iter())
                        .map(|(i, j)| base + i * w + j)
                        .map(|at| Link {
                            target: residual[at],
                            row: row[at].clamp(0.0, last) as u8,
                        })
                        .collect();
                    let mut chosen = Vec::with_capacity(links.len());
                    search.run(&links, BITS_PER_ERROR as f32, None, &mut chosen);
                    Chain {
                        base,
                        places,
                        chosen,
                    }
                },
            )
            .collect();
        for chain in found {
            for ((i, j), chosen) in chain.places.into_iter().zip(chain.chosen) {
                let at = chain.base + i * w + j;
                self.put(at, tables, chosen, residual[at], row[at]);
            }
        }
    }

    fn put(&mut self, at: usize, tables: &FrozenTables, chosen: Chosen, residual: f32, row: f32) {
        let inside = row.clamp(0.0, (ROWS - 1) as f32);
        let quantiser = u8::from(usize::from(chosen.row) >= ROWS);
        let symbol = match tables.encoder().is_coded(chosen.row) {
            true => chosen.symbol,
            false => lost(residual),
        };
        let cost = tables.y(inside as u8, quantiser, symbol);
        // Beyond the tables only the way back counts.
        let outwards = (row < 0.0 && cost.slope >= 0.0) || (row > inside && cost.slope <= 0.0);
        self.symbol[at] = symbol;
        self.quantiser[at] = quantiser;
        self.value[at] = fixed(value(symbol, quantiser));
        self.row[at] = inside;
        self.bits[at] = cost.bits;
        self.slope[at] = if outwards { 0.0 } else { cost.slope };
    }
}

/// The symbol that a residual would have had in a row that is not coded. An encoder sends nothing there. In training its cost
/// falls with wider rows, up to those that are coded.
fn lost(residual: f32) -> i16 {
    let size = residual.abs() / fixed(value(1, 0));
    let symbol = (size + 1.0 - LOST_FROM)
        .floor()
        .clamp(0.0, RESIDUAL_MAX as f32);
    symbol.copysign(residual) as i16
}

#[cfg(all(test, feature = "bundled"))]
mod tests {
    use ndarray::{Array4, ArrayViewMut3};

    use super::*;
    use crate::arch::{self, base::CELL};
    use crate::latents::steps::{STEPS, first_column};
    use crate::seam::{DeviceInfo, Given, PixelSource, Places, Size, Unwatched};
    use crate::{BUNDLED, ModelError, Trainer, Weights};

    #[test]
    fn what_lies_outside_the_dead_zone_is_lost() {
        let step = fixed(value(1, 0));
        let found = [0.0, 0.5, 0.79, 0.81, -0.81, -1.9, 1e9].map(|r| lost(r * step));
        assert_eq!(found, [0, 0, 0, 1, -1, -2, RESIDUAL_MAX as i16]);
    }

    /// Pixels of a picture of whole cells of z: [1, 3, height, width].
    struct Picture(Array4<f32>);

    impl Picture {
        /// Waves, edges and grain.
        fn new(height: usize, width: usize) -> Self {
            let pixel = |(_, c, i, j): (usize, usize, usize, usize)| {
                let wave = (i as f32 / 7.0).sin() * (j as f32 / 11.0 + c as f32).cos();
                let edge = if (i / 40 + j / 56) % 2 == 0 {
                    0.1
                } else {
                    -0.05
                };
                let grain = ((i * 7919 + j * 104_729) % 61) as f32 / 61.0 - 0.5;
                (0.15 * wave + edge + 0.04 * grain).clamp(-0.5, 0.5)
            };
            Self(Array4::from_shape_fn((1, 3, height, width), pixel))
        }
    }

    impl PixelSource for Picture {
        fn size(&self) -> Size {
            let (_, _, height, width) = self.0.dim();
            Size { height, width }
        }

        fn read(&self, x: usize, y: usize, mut out: ArrayViewMut3<f32>) -> Result<(), ModelError> {
            let Size { height, width } = self.size();
            for ((c, i, j), o) in out.indexed_iter_mut() {
                *o = self.0[(0, c, (y + i).min(height - 1), (x + j).min(width - 1))];
            }
            Ok(())
        }
    }

    /// Symbols, their quantisers and their bits are those of a file, but for steps after one that lost a residual: they read
    /// it in training, and not in a file. (Two programs add up sums of floats in different orders, so that a choice on the
    /// edge may fall otherwise, with others of its chain.)
    #[test]
    fn training_sends_what_the_encoder_sends() {
        // More than one stripe.
        let (height, width) = (576, 128);
        let size = Size { height, width };
        let (h, w) = size.cells(CELL);
        let picture = Picture::new(height, width);
        let model = arch::open(Weights::open(BUNDLED).unwrap(), &Places::cpu()).unwrap();
        let trainer = Trainer::new(BUNDLED, &DeviceInfo::cpu(), 0).unwrap();
        let bank = Weights::open(BUNDLED)
            .unwrap()
            .tables("y", RESIDUAL_MAX)
            .unwrap();
        let m = trainer.config().latents;
        let y = model.analyse(&picture).unwrap();
        for level in [8, 50] {
            let given = Given {
                level: model.facts().levels.get(level).unwrap(),
                size,
                watch: &Unwatched,
            };
            let coded = model.encode(&y, &given).unwrap().value;
            let streams: Vec<&[u8]> = coded.streams.iter().map(Vec::as_slice).collect();
            let trace = model.trace(&streams, &given).unwrap();
            let noise = vec![0.0; m * h * w];
            let look = trainer.look(&picture.0, &[level.into()], noise).unwrap();

            // The first stream is z.
            let mut files: Vec<_> = (trace.streams[1..].iter())
                .map(|s| s.places.iter().zip(&s.symbols))
                .collect();
            let mut lost = 0;
            for step in 0..STEPS {
                let (mut symbols, mut different, mut lost_here) = (0, 0, 0);
                for (i, c) in (0..h).flat_map(|i| (0..m).map(move |c| (i, c))) {
                    let first = first_column(step, i, quarter(c, m)).unwrap_or(w);
                    for j in (first..w).step_by(2) {
                        let (row, &symbol) = files[i / STRIPE_ROWS].next().unwrap();
                        let at = (c * h + i) * w + j;
                        let found = (look.symbols[at], look.quantisers[at]);
                        if row >= u64::from(bank.skip_below()) {
                            let quantiser = u8::from(row >= bank.len() as u64 / 2);
                            symbols += 1;
                            different += u32::from(found != (symbol, quantiser));
                        } else {
                            lost_here += u32::from(found.0 != 0);
                        }
                    }
                }
                let most = if lost == 0 {
                    symbols / 500
                } else {
                    symbols / 10
                };
                assert!(
                    symbols > 1000 && different <= most,
                    "level {level}, step {step}: {different} of {symbols} differ, {lost} lost before"
                );
                lost += lost_here;
            }
            assert!(files.iter_mut().all(|f| f.next().is_none()));
            let bits = 8.0 * coded.streams.iter().map(Vec::len).sum::<usize>() as f64;
            let counted = look.bpp * (height * width) as f64;
            // A stream has an end, on a whole byte.
            let ends = 32.0 * coded.streams.len() as f64;
            assert!(
                (counted - bits).abs() < 0.01 * bits + ends,
                "{counted} bits were counted, the file has {bits}"
            );
        }
    }
}
