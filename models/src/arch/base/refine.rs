//! The encoder's search: latents of one picture, chosen for the bits they take and the error they leave, through the
//! frozen decoder. What it finds is coded as any other symbols: every decoder reads it.
//!
//! A pass takes the gradient of the squared error by the latents, adds the curvature that the linear part of g_s has, and
//! gives every chain the symbols of the least `bits + weight * error`, all of them at once. g_s is nearly an orthonormal
//! transform, so that choices hardly disturb each other; a pass that makes things worse is undone and the next one is
//! more careful. Then come rounds of annealing: passes with noise on the costs that fades.
//!
//! Means and rows come from the exact path itself in every pass, so that what is counted is what will be coded.

use std::ops::Range;

use ndarray::{Array3, s};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::code::{coding_units, fixed};
use super::stripe::{Edges, HostParameters, Known, Tile};
use super::{Base, CELL, STRIPE_ROWS};
use crate::ModelError;
use crate::latents::neighbours;
use crate::latents::steps::{self, STEPS, first_column, quarter};
use crate::nets::tensors::upload;
use crate::run::encode_known;
use crate::seam::{
    Analysed, Coded, Cost, Given, Meter, NOISY, PixelSource, QUIET, Refined, Search, Watch,
};
use crate::search::bits_per_square;
use crate::search::trellis::{BITS_PER_ERROR, Chosen, Noise, value};

/// Temperature at which a round starts, in bits.
const TEMPERATURE: f32 = 0.3;
/// Factor on the curvature after a pass that made things worse.
const CAREFUL: f32 = 1.2;
/// How far a pass moves a latent at most, before it is quantised, in units of y times its gain.
const REACH: f32 = 1.5;
/// What takes the place of a curvature of 0, in bits.
const LEAST_CURVATURE: f32 = 1e-6;

/// The symbols of a picture and what follows from them.
#[derive(Clone)]
struct State {
    /// [zh, Z, zw]
    z: Array3<i32>,
    /// [h, M, w]
    residual: Array3<i16>,
    /// [h, M, w], with [`MEAN_BITS`] fractional bits.
    y_hat: Array3<i32>,
    bits: f64,
}

/// A stripe of the grid of y with what z says about it.
struct Part {
    rows: Range<usize>,
    tiles: Vec<Tile>,
    first: HostParameters,
}

/// How symbols are chosen from what the latents should be.
enum Wish<'a> {
    /// The analysed picture.
    Analysis(&'a Array3<f32>),
    /// Latents to improve on, in fixed point, with the gradient of the squared error.
    Improve {
        y_hat: &'a Array3<i32>,
        gradient: &'a Array3<f32>,
        mood: Mood,
    },
}

/// How freely symbols are chosen.
#[derive(Clone, Copy, Debug)]
struct Mood {
    /// Factor on the curvature: more means smaller changes.
    care: f32,
    /// Size of the noise on the costs, in bits.
    temperature: f32,
    /// Of the noise.
    seed: u64,
}

impl Mood {
    fn quiet(care: f32) -> Self {
        Self {
            care,
            temperature: 0.0,
            seed: 0,
        }
    }
}

/// The picture that is coded, and who is told about each synthesised tile, in cells.
struct Watched<'a> {
    picture: &'a dyn PixelSource,
    meter: Meter<'a>,
}

/// The coding of what was found, as the end of the search.
struct LastPart<'a> {
    watch: &'a dyn Watch,
    searched: u64,
    total: u64,
}

impl Watch for LastPart<'_> {
    fn update(&self, done: u64, _: u64) -> Result<(), ModelError> {
        self.watch.update(self.searched + done, self.total)
    }
}

/// One search: the networks, what is given, and what follows from the level.
struct Run<'a> {
    base: &'a Base,
    given: &'a Given<'a>,
    level: usize,
    /// How much of the stage lies before the coding, and the whole of it, in cells.
    searched: u64,
    total: u64,
    /// Bits that a unit of squared error is worth.
    weight: f64,
    /// In bits.
    curvature: Vec<f32>,
}

impl Base {
    /// Codes an analysed picture as the encoder does without a search, and then searches for symbols that cost less. Memory
    /// is bounded by the tiles, as for the other stages, and by a few arrays of the size of `y`.
    pub(super) fn search(
        &self,
        y: &Analysed,
        picture: &dyn PixelSource,
        given: &Given<'_>,
        search: Search,
    ) -> Result<Refined, ModelError> {
        let level = given.level.index();
        let weight = bits_per_square(level, self.config.levels);
        let mut curvature = self.curvature(level)?;
        curvature.iter_mut().for_each(|c| *c *= weight as f32);
        let (h, w) = given.size.cells(CELL);
        let searched = (h * w * search.evaluations()) as u64;
        let total = searched + coding_units(h, w);
        let run = Run {
            base: self,
            given,
            level,
            searched,
            total,
            weight,
            curvature,
        };
        let watched = Watched {
            picture,
            meter: Meter::new(given.watch, total),
        };
        run.search(y, search, &watched)
    }
}

impl Run<'_> {
    fn search(
        &self,
        analysed: &Analysed,
        search: Search,
        watched: &Watched,
    ) -> Result<Refined, ModelError> {
        let z = self.base.hyper_analyse(analysed, self.level)?;
        let y = analysed.y();
        let mut parts = self.parts(&z, y.dim())?;
        let mut now = self.choose(&z, &parts, y.dim(), &Wish::Analysis(y))?;
        let mut gradient = Array3::zeros(y.dim());
        let searches = search.descents + search.rounds > 0;
        let mut cost = self.cost(&now, searches.then_some(&mut gradient), watched)?;
        let start = cost;
        let mut best = (cost, now.clone());

        let mut care = 1.0;
        for pass in 1..=search.descents {
            let next = self.improve(&now, &now.z, &parts, &gradient, Mood::quiet(care))?;
            // Nothing follows the last pass: its gradient would be for nothing.
            let follows = pass < search.descents || search.rounds > 0;
            let mut slope = Array3::zeros(if follows { y.dim() } else { (0, 0, 0) });
            let after = self.cost(&next, follows.then_some(&mut slope), watched)?;
            if after.total < cost.total {
                (now, cost, gradient) = (next, after, slope);
                if cost.total < best.0.total {
                    best = (cost, now.clone());
                }
            } else {
                care *= CAREFUL;
            }
        }
        if search.rounds > 0 {
            // What is left of the picture in y_hat may be told better by another z.
            let z = self.hyper_of(&now)?;
            let others = self.parts(&z, y.dim())?;
            let mut trial = self.improve(&now, &z, &others, &gradient, Mood::quiet(care))?;
            let mut slope = Array3::zeros(y.dim());
            let mut after = self.cost(&trial, Some(&mut slope), watched)?;
            for _ in 0..QUIET {
                trial = self.improve(&trial, &z, &others, &slope, Mood::quiet(care))?;
                after = self.cost(&trial, Some(&mut slope), watched)?;
            }
            if after.total < cost.total {
                (now, gradient, parts) = (trial, slope, others);
                if after.total < best.0.total {
                    best = (after, now.clone());
                }
            }
        }
        for round in 0..search.rounds {
            for pass in 0..NOISY + QUIET {
                let mood = Mood {
                    care,
                    temperature: TEMPERATURE * (1.0 - pass as f32 / NOISY as f32).max(0.0),
                    seed: (round * (NOISY + QUIET) + pass) as u64,
                };
                now = self.improve(&now, &now.z, &parts, &gradient, mood)?;
                let follows = round + 1 < search.rounds || pass + 1 < NOISY + QUIET;
                let cost = self.cost(&now, follows.then_some(&mut gradient), watched)?;
                if cost.total < best.0.total {
                    best = (cost, now.clone());
                }
            }
        }
        let (end, state) = best;
        Ok(Refined {
            coded: self.code(state)?,
            start,
            end,
        })
    }

    /// Features and the parameters of step 0 of every stripe.
    fn parts(
        &self,
        z: &Array3<i32>,
        (h, _, w): (usize, usize, usize),
    ) -> Result<Vec<Part>, ModelError> {
        let base = self.base;
        (0..h.div_ceil(STRIPE_ROWS))
            .into_par_iter()
            .map(|i| {
                let rows = i * STRIPE_ROWS..((i + 1) * STRIPE_ROWS).min(h);
                let tiles = base.features(z, rows.clone(), (h, w), self.level)?;
                let first = base.host_parameters(rows.clone(), w, &tiles, |t| {
                    base.h_s.parameters(t.features.clone(), &self.level)
                })?;
                Ok(Part { rows, tiles, first })
            })
            .collect()
    }

    /// z that h_a finds in latents as a decoder knows them.
    fn hyper_of(&self, state: &State) -> Result<Array3<i32>, ModelError> {
        let gain = &self.base.rates[self.level].gain;
        let mut y = Array3::zeros(state.y_hat.dim());
        for (mut to, from) in y.outer_iter_mut().zip(state.y_hat.outer_iter()) {
            for ((mut to, from), gain) in to.outer_iter_mut().zip(from.outer_iter()).zip(gain) {
                to.zip_mut_with(&from, |o, &y| *o = fixed(y) / gain);
            }
        }
        self.base.hyper_analyse(&y.into(), self.level)
    }

    fn cost(
        &self,
        state: &State,
        gradient: Option<&mut Array3<f32>>,
        watched: &Watched,
    ) -> Result<Cost, ModelError> {
        let squared_error = self.base.squared_error(
            &state.y_hat,
            self.level,
            watched.picture,
            gradient,
            &watched.meter,
        )?;
        Ok(Cost {
            bits: state.bits,
            squared_error,
            total: state.bits + self.weight * squared_error,
        })
    }

    /// Symbols under a z for latents that improve on those of `state`.
    fn improve(
        &self,
        state: &State,
        z: &Array3<i32>,
        parts: &[Part],
        gradient: &Array3<f32>,
        mood: Mood,
    ) -> Result<State, ModelError> {
        let wish = Wish::Improve {
            y_hat: &state.y_hat,
            gradient,
            mood,
        };
        self.choose(z, parts, state.y_hat.dim(), &wish)
    }

    /// All context steps: symbols, what a decoder makes of them, and their bits.
    fn choose(
        &self,
        z: &Array3<i32>,
        parts: &[Part],
        (h, m, w): (usize, usize, usize),
        wish: &Wish,
    ) -> Result<State, ModelError> {
        let mut state = State {
            z: z.clone(),
            residual: Array3::zeros((h, m, w)),
            y_hat: Array3::zeros((h, m, w)),
            bits: self.hyper_bits(z),
        };
        let first: Vec<_> = parts
            .par_iter()
            .map(|p| self.step(0, p.rows.clone(), &p.first, wish))
            .collect();
        for (p, chosen) in parts.iter().zip(first) {
            self.place(0, &mut state, p.rows.clone(), &p.first, chosen);
        }
        for step in 1..STEPS {
            let known = Known {
                rows: 0..h,
                y_hat: state.y_hat.view(),
                edges: Edges {
                    above: None,
                    below: None,
                },
                shift: &self.base.rates[self.level].shift,
            };
            let network = self.base.context(step);
            let chosen = parts
                .par_iter()
                .map(|p| {
                    let predicted =
                        self.base
                            .host_parameters(p.rows.clone(), w, &p.tiles, |t| {
                                let u = upload(known.context(t, w), &self.base.place.exact);
                                network.parameters(u, t.features.clone(), &self.level)
                            })?;
                    let chosen = self.step(step, p.rows.clone(), &predicted, wish);
                    Ok((predicted, chosen))
                })
                .collect::<Result<Vec<_>, ModelError>>()?;
            for (p, (predicted, chosen)) in parts.iter().zip(chosen) {
                self.place(step, &mut state, p.rows.clone(), &predicted, chosen);
            }
        }
        Ok(state)
    }

    /// Chooses the symbols of one step of a stripe: those of every channel.
    fn step(
        &self,
        step: usize,
        rows: Range<usize>,
        p: &HostParameters,
        wish: &Wish,
    ) -> Vec<Vec<Chosen>> {
        let gain = &self.base.rates[self.level].gain;
        // Latents that nothing depends on have no curvature.
        let curved = |c: usize, mood: &Mood| (self.curvature[c] * mood.care).max(LEAST_CURVATURE);
        let from = rows.start as u64;
        self.base.choose_chains(
            step,
            rows,
            p,
            self.level,
            |c| match wish {
                Wish::Analysis(_) => (BITS_PER_ERROR as f32, None),
                Wish::Improve { mood, .. } => {
                    // Every stripe, channel, step and pass has noise of its own.
                    let seed = from << 32
                        ^ c as u64
                        ^ (mood.seed * STEPS as u64 + step as u64)
                            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    let noise = (mood.temperature > 0.0).then(|| Noise {
                        temperature: mood.temperature,
                        random: Xoshiro256PlusPlus::seed_from_u64(seed),
                    });
                    // Half the second derivative is what a squared unit costs.
                    (0.5 * curved(c, mood), noise)
                }
            },
            |at| match wish {
                Wish::Analysis(y) => y[at] * gain[at.1],
                // To the bottom of the parabola.
                Wish::Improve {
                    y_hat,
                    gradient,
                    mood,
                } => {
                    let slope = self.weight as f32 / curved(at.1, mood);
                    fixed(y_hat[at]) + (-gradient[at] * slope).clamp(-REACH, REACH)
                }
            },
        )
    }

    /// Puts the symbols of one step of a stripe in their place, and counts their bits.
    fn place(
        &self,
        step: usize,
        state: &mut State,
        rows: Range<usize>,
        p: &HostParameters,
        chosen: Vec<Vec<Chosen>>,
    ) {
        let (_, m, w) = p.mean.dim();
        let costs = self.base.costs();
        for (c, (chosen, shift)) in chosen
            .iter()
            .zip(&self.base.rates[self.level].shift)
            .enumerate()
        {
            let places = steps::chain(step, rows.clone(), quarter(c, m), w);
            for ((i, j), &Chosen { symbol, row }) in places.zip(chosen) {
                let mean = i32::from(p.mean[(i - rows.start, c, j)]) << shift;
                state.residual[(i, c, j)] = symbol;
                state.y_hat[(i, c, j)] = value(symbol, self.base.quantiser(row.into())) + mean;
                state.bits += f64::from(costs.bits(row, symbol.into()));
            }
        }
    }

    /// Bits of z.
    fn hyper_bits(&self, z: &Array3<i32>) -> f64 {
        let (rows, tables) = (&self.base.rates[self.level].z_rows, &self.base.z_tables);
        z.indexed_iter()
            .map(|((i, c, j), &s)| tables.cost_bits(rows[c] + neighbours::class(z, i, c, j), s))
            .sum()
    }

    /// Codes the symbols of a state, by the path that all pictures take.
    fn code(&self, state: State) -> Result<Coded, ModelError> {
        let State { z, residual, .. } = state;
        let (h, m, w) = residual.dim();
        let first: Vec<i16> = z.iter().map(|&z| z as i16).collect();
        let stripes = (0..h.div_ceil(STRIPE_ROWS)).map(|i| {
            let rows = i * STRIPE_ROWS..((i + 1) * STRIPE_ROWS).min(h);
            let mut symbols = Vec::with_capacity(rows.len() * m * w);
            for step in 0..STEPS {
                for row in rows.clone() {
                    for c in 0..m {
                        if let Some(start) = first_column(step, row, quarter(c, m)) {
                            symbols.extend(residual.slice(s![row, c, start..;2]));
                        }
                    }
                }
            }
            symbols
        });
        let symbols = std::iter::once(first).chain(stripes).collect();
        let given = Given {
            watch: &LastPart {
                watch: self.given.watch,
                searched: self.searched,
                total: self.total,
            },
            ..*self.given
        };
        encode_known(self.base, symbols, &given)
    }
}
