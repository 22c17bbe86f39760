//! The encoder's search: latents of one picture, chosen for the bits they take and the error they leave, through the
//! frozen decoder. What it finds is coded as any other symbols: every decoder reads it.
//!
//! A pass takes the gradient of the squared error by the latents, adds the curvature that the linear part of g_s has, and
//! gives every chain the symbols of the least `bits + weight * error`, all of them at once. g_s is nearly an orthonormal
//! transform, so that choices hardly disturb each other; a pass that makes things worse is undone and the next one is
//! more careful. Then come rounds of annealing: passes with noise on the costs that fades.
//!
//! Means and rows come from the exact path itself in every pass, so that what is counted is what will be coded.

mod distortion;
mod replay;

use std::ops::Range;

use kiln_entropy::Writer;
use ndarray::{Array3, s};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::hyper_rows;
use crate::latents::{CodedLatents, HostParameters, Known, STRIPE_ROWS, Tile, fixed};
use crate::model::{Model, PixelSource};
use crate::objective::bits_per_square;
use crate::quantise::{BITS_PER_ERROR, Chosen, Noise, value};
use crate::steps::{self, STEPS, first_column, quarter};
use crate::tensors::upload;
use crate::{Analysed, ModelError};

use replay::Replay;

/// Passes of a round with noise, its fading included.
const NOISY: usize = 6;
/// Passes without noise that end a round.
const QUIET: usize = 2;
/// Temperature at which a round starts, in bits.
const TEMPERATURE: f32 = 0.3;
/// Factor on the curvature after a pass that made things worse.
const CAREFUL: f32 = 1.2;
/// How far a pass moves a latent at most, before it is quantised, in units of y times its gain.
const REACH: f32 = 1.5;
/// What takes the place of a curvature of 0, in bits.
const LEAST_CURVATURE: f32 = 1e-6;

/// How long to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// Passes that only take what is better.
    pub descents: usize,
    /// Rounds of annealing after them, each of 8 passes. The first comes with a new hyper latent.
    pub rounds: usize,
}

impl Search {
    /// How often the picture is synthesised, with a gradient mostly: what the time is spent on.
    pub fn evaluations(self) -> usize {
        let hyper = if self.rounds > 0 { 1 + QUIET } else { 0 };
        1 + self.descents + hyper + self.rounds * (NOISY + QUIET)
    }
}

/// What symbols cost: bits, and the squared error summed over pixels and channels, samples in a range of 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Bits of all symbols by their tables.
    pub bits: f64,
    /// Sum of squared errors, before samples are rounded.
    pub squared_error: f64,
    /// `bits` plus the error in bits, at the weight of the level.
    pub total: f64,
}

/// Coded latents and what the search made of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Refined {
    /// The symbols, coded.
    pub coded: CodedLatents,
    /// What a decoder must come to: [h, M, w] in fixed point.
    pub y_hat: Array3<i32>,
    /// What the symbols of the analysis would have cost.
    pub start: Cost,
    /// What the coded symbols cost: never a greater total than at the start.
    pub end: Cost,
}

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
struct Watch<'a> {
    picture: &'a dyn PixelSource,
    turn: &'a mut dyn FnMut(usize) -> Result<(), ModelError>,
}

/// One search: the model and the level.
struct Run<'a> {
    model: &'a Model,
    level: usize,
    weight: f64,
    /// In bits.
    curvature: Vec<f32>,
}

impl Model {
    /// Codes an analysed picture as [`Model::encode_latents`] does, and then searches for symbols that cost less.
    ///
    /// `y`: as [`Model::analyse`] returns it for the same picture. `progress` is told how many of how many
    /// units are done, and may stop the search. Memory is bounded by the tiles, as for the other stages, and by a few
    /// arrays of the size of `y`.
    ///
    /// # Errors
    /// The level does not exist, `progress` or the picture stops, or the device fails.
    pub fn refine_latents(
        &self,
        y: &Analysed,
        picture: &dyn PixelSource,
        level: u8,
        search: Search,
        progress: &mut dyn FnMut(u64, u64) -> Result<(), ModelError>,
    ) -> Result<Refined, ModelError> {
        // A search goes through the exact networks many times: never on a device that would have to be checked each time.
        if let Some(twin) = self.twin() {
            return twin.refine_latents(y, picture, level, search, progress);
        }
        let level = self.check_level(level)?;
        let weight = bits_per_square(level, self.config().levels);
        let mut curvature = self.curvature(level)?;
        curvature.iter_mut().for_each(|c| *c *= weight as f32);
        let run = Run {
            model: self,
            level,
            weight,
            curvature,
        };
        let cells = (y.y().dim().0 * y.y().dim().2) as u64;
        let total = cells * (search.evaluations() as u64).max(1);
        let mut done = 0;
        let mut turn = |n: usize| {
            done += n as u64;
            progress(done.min(total), total)
        };
        let mut watch = Watch {
            picture,
            turn: &mut turn,
        };
        run.search(y, search, &mut watch)
    }
}

impl Run<'_> {
    fn search(
        &self,
        analysed: &Analysed,
        search: Search,
        watch: &mut Watch,
    ) -> Result<Refined, ModelError> {
        let z = self.model.hyper_analyse(analysed, self.level)?;
        let y = analysed.y();
        let mut parts = self.parts(&z, y.dim())?;
        let mut now = self.choose(&z, &parts, y.dim(), &Wish::Analysis(y))?;
        let mut gradient = Array3::zeros(y.dim());
        let searches = search.descents + search.rounds > 0;
        let mut cost = self.cost(&now, searches.then_some(&mut gradient), watch)?;
        let start = cost;
        let mut best = (cost, now.clone());

        let mut care = 1.0;
        for pass in 1..=search.descents {
            let next = self.improve(&now, &now.z, &parts, &gradient, Mood::quiet(care))?;
            // Nothing follows the last pass: its gradient would be for nothing.
            let follows = pass < search.descents || search.rounds > 0;
            let mut slope = Array3::zeros(if follows { y.dim() } else { (0, 0, 0) });
            let after = self.cost(&next, follows.then_some(&mut slope), watch)?;
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
            let mut after = self.cost(&trial, Some(&mut slope), watch)?;
            for _ in 0..QUIET {
                trial = self.improve(&trial, &z, &others, &slope, Mood::quiet(care))?;
                after = self.cost(&trial, Some(&mut slope), watch)?;
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
                let cost = self.cost(&now, follows.then_some(&mut gradient), watch)?;
                if cost.total < best.0.total {
                    best = (cost, now.clone());
                }
            }
        }
        let (end, state) = best;
        let (coded, y_hat) = self.code(state)?;
        Ok(Refined {
            coded,
            y_hat,
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
        let model = self.model;
        (0..h.div_ceil(STRIPE_ROWS))
            .into_par_iter()
            .map(|i| {
                let rows = i * STRIPE_ROWS..((i + 1) * STRIPE_ROWS).min(h);
                let tiles = model.features(z, rows.clone(), (h, w), self.level)?;
                let first = model.host_parameters(rows.clone(), w, &tiles, |t| {
                    Ok(model.h_s().parameters(t.features.clone(), self.level))
                })?;
                Ok(Part { rows, tiles, first })
            })
            .collect()
    }

    /// z that h_a finds in latents as a decoder knows them.
    fn hyper_of(&self, state: &State) -> Result<Array3<i32>, ModelError> {
        let gain = self.model.gain(self.level);
        let mut y = Array3::zeros(state.y_hat.dim());
        for (mut to, from) in y.outer_iter_mut().zip(state.y_hat.outer_iter()) {
            for ((mut to, from), gain) in to.outer_iter_mut().zip(from.outer_iter()).zip(gain) {
                to.zip_mut_with(&from, |o, &y| *o = fixed(y) / gain);
            }
        }
        self.model.hyper_analyse(&y.into(), self.level)
    }

    fn cost(
        &self,
        state: &State,
        gradient: Option<&mut Array3<f32>>,
        watch: &mut Watch,
    ) -> Result<Cost, ModelError> {
        let squared_error = self.model.squared_error(
            &state.y_hat,
            self.level,
            watch.picture,
            gradient,
            watch.turn,
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
                above: None,
                below: None,
                shift: self.model.shift(self.level),
            };
            let net = self.model.context(step);
            let chosen = parts
                .par_iter()
                .map(|p| {
                    let predicted =
                        self.model
                            .host_parameters(p.rows.clone(), w, &p.tiles, |t| {
                                let u = upload(known.context(t, w), self.model.exact_device());
                                Ok(net.parameters(u, t.features.clone(), self.level))
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
        let gain = self.model.gain(self.level);
        // Latents that nothing depends on have no curvature.
        let curved = |c: usize, mood: &Mood| (self.curvature[c] * mood.care).max(LEAST_CURVATURE);
        let from = rows.start as u64;
        self.model.choose_chains(
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
        let costs = self.model.costs();
        for (c, (chosen, shift)) in chosen.iter().zip(self.model.shift(self.level)).enumerate() {
            let places = steps::chain(step, rows.clone(), quarter(c, m), w);
            for ((i, j), &Chosen { symbol, row }) in places.zip(chosen) {
                let mean = i32::from(p.mean[(i - rows.start, c, j)]) << shift;
                state.residual[(i, c, j)] = symbol;
                state.y_hat[(i, c, j)] = value(symbol, self.model.quantiser(row)) + mean;
                state.bits += f64::from(costs.bits(row, symbol.into()));
            }
        }
    }

    /// Bits of z.
    fn hyper_bits(&self, z: &Array3<i32>) -> f64 {
        let (rows, tables) = (self.model.z_rows(self.level), self.model.z_tables());
        z.indexed_iter()
            .map(|((i, c, j), &s)| tables.cost_bits(rows[c] + hyper_rows::class(z, i, c, j), s))
            .sum()
    }

    /// Codes the symbols of a state, by the path that all pictures take.
    fn code(&self, state: State) -> Result<(CodedLatents, Array3<i32>), ModelError> {
        let State {
            mut z, residual, ..
        } = state;
        let mut first = Writer::new();
        self.model.code_hyper(&mut first, &mut z, self.level)?;
        let (h, m, w) = residual.dim();
        let coders = (0..h.div_ceil(STRIPE_ROWS))
            .map(|i| {
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
                Replay::new(symbols)
            })
            .collect();
        let (latents, coders) = self.model.code(coders, &z, (h, w), self.level, None)?;
        let chunks = std::iter::once(first.finish())
            .chain(coders.into_iter().map(Replay::finish))
            .collect();
        let coded = CodedLatents {
            chunks,
            checksum: latents.checksum,
        };
        Ok((coded, latents.y_hat))
    }
}
