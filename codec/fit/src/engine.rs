//! Everything that is fitted to one picture, and one step of it.

#[cfg(test)]
use kiln_fitted::Role;
use kiln_fitted::{LATENT_MAX, Shape};
use rayon::prelude::*;

use crate::arm::Arm;
use crate::features::Features;
use crate::lattice::Lattice;
use crate::networks::Networks;
use crate::optimise::{LatentAdam, Soap, Sources};
use crate::picture::Picture;
use crate::quantise::{Latents, Rounding};
use crate::random::SplitMix;
use crate::rate;
use crate::stack::Stack;
use crate::synthesis::Synthesis;
use crate::upsample::Upsample;
use crate::{Depth, Error, Image, Options};

/// Gradients of networks are not longer than this.
const LONGEST_GRADIENT: f64 = 0.1;

/// What a step depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Learning rate.
    pub rate: f64,
    /// How latents are rounded; `None` rounds to integers, and then only the networks move.
    pub soft: Option<Soft>,
}

impl Step {
    /// The main phase, `t` from 0 to 1 on: rounding gets harder, steps get shorter (Cool-chic 5).
    pub fn main(t: f64) -> Self {
        Self {
            rate: falling(1e-2, t),
            soft: Some(Soft {
                temperature: (0.35 + (0.08 - 0.35) * t) as f32,
                noise: (0.22 + (0.15 - 0.22) * t) as f32,
            }),
        }
    }

    /// The last phase, in which the networks alone are fitted to rounded latents.
    pub(crate) fn hard(t: f64) -> Self {
        Self {
            rate: falling(1e-4, t),
            soft: None,
        }
    }
}

/// A learning rate that falls along a cosine.
fn falling(first: f64, t: f64) -> f64 {
    let cosine = 0.5 + 0.5 * (std::f64::consts::PI * t).cos();
    1e-5 + (first - 1e-5) * cosine
}

/// Rounding with gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Soft {
    /// Smaller is steeper.
    pub temperature: f32,
    /// Standard deviation of noise.
    pub noise: f32,
}

/// What the networks and latents cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// Mean squared error over channels and pixels, samples in 0..=1.
    pub mse: f64,
    /// Bits of every grid, coarse grids last.
    pub grid_bits: Vec<f64>,
}

impl Loss {
    /// Bits of all grids.
    pub fn bits(&self) -> f64 {
        self.grid_bits.iter().sum()
    }
}

/// What is fitted, without what it takes to fit it.
#[derive(Clone, Debug)]
pub struct State {
    networks: Vec<Vec<f32>>,
    lattice: Option<Lattice>,
    latents: Vec<Stack>,
}

/// A picture, its latents and networks.
#[derive(Debug)]
pub struct Engine {
    picture: Picture,
    pixels: usize,
    lambda: f64,
    largest: f32,
    gain: f32,
    networks: Networks,
    /// Whether networks are rounded as they will be in a file.
    lattice: Option<Lattice>,
    latents: Vec<Latents>,
    features: Features,
    arm: Arm,
    upsample: Upsample,
    synthesis: Synthesis,
    to_networks: Networks,
    to_latents: Vec<Stack>,
    soap: Vec<Soap>,
    adam: Vec<LatentAdam>,
    seed: u64,
    steps: u64,
}

impl Engine {
    /// All latents 0 and random networks.
    ///
    /// # Errors
    /// The picture is not in order, or `shape` is not for its channels.
    pub fn new(
        image: &Image<'_>,
        shape: Shape,
        lambda: f64,
        depth: Depth,
        seed: u64,
    ) -> Result<Self, Error> {
        image.check()?;
        if shape.channels != image.channels {
            return Err(Error::Image(
                "the networks are for another number of channels",
            ));
        }
        let grids = shape.grids(image.height, image.width);
        let latents: Vec<Latents> = grids.into_iter().map(Latents::new).collect();
        let picture = Picture::new(image);
        let networks = Networks::random(shape, seed);
        Ok(Self {
            pixels: image.pixels(),
            lambda,
            largest: f32::from(depth.largest()),
            gain: gain(lambda),
            features: Features::new(shape, &latents),
            arm: Arm::new(shape, &latents),
            upsample: Upsample::new(shape, &latents),
            synthesis: Synthesis::new(shape, image.height, image.width),
            to_networks: Networks::zeros(shape),
            to_latents: latents.iter().map(|l| Stack::new(l.values.form)).collect(),
            soap: shape.tensors().iter().map(|t| Soap::new(&t.dims)).collect(),
            adam: latents
                .iter()
                .map(|l| LatentAdam::new(l.values.form))
                .collect(),
            picture,
            networks,
            lattice: None,
            latents,
            seed,
            steps: 0,
        })
    }

    /// Sizes of everything.
    pub fn shape(&self) -> Shape {
        self.networks.shape
    }

    /// Values of every tensor, in the order of [`Shape::tensors`].
    pub fn networks(&self) -> &[Vec<f32>] {
        &self.networks.values
    }

    /// Sets the values of every tensor.
    ///
    /// # Errors
    /// They are not those of this shape.
    pub fn set_networks(&mut self, values: Vec<Vec<f32>>) -> Result<(), Error> {
        let lens = |v: &[Vec<f32>]| v.iter().map(Vec::len).collect::<Vec<_>>();
        if lens(&values) != lens(&self.networks.values) {
            return Err(Error::Option("the networks have other sizes"));
        }
        self.networks.values = values;
        self.lattice = None;
        Ok(())
    }

    /// The same for values that are known to be of this shape.
    pub(crate) fn set_all_networks(&mut self, values: &[Vec<f32>]) {
        self.networks.values.clone_from_slice(values);
        self.lattice = None;
    }

    /// Pixels of the picture.
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// Random networks and latents of 0 once more.
    pub fn restart(&mut self, seed: u64) {
        self.networks = Networks::random(self.networks.shape, seed);
        self.lattice = None;
        self.latents.iter_mut().for_each(|l| l.values.clear());
    }

    /// Latents of a grid before rounding, row by row.
    pub fn latents(&self, grid: usize) -> impl Iterator<Item = &[f32]> {
        let values = &self.latents[grid].values;
        (0..values.form.height).map(|row| &values.row(row, 0)[..values.form.width])
    }

    /// What latents are multiplied with before they are rounded.
    pub fn gain(&self) -> f32 {
        self.gain
    }

    /// Rounded latents of every grid, row by row, within what a file holds.
    pub fn rounded_latents(&self) -> Vec<Vec<i16>> {
        let most = f32::from(LATENT_MAX);
        let round = |&y: &f32| (y * self.gain).round_ties_even().clamp(-most, most) as i16;
        let grid = |grid| self.latents(grid).flatten().map(round).collect();
        (0..self.latents.len()).map(grid).collect()
    }

    /// A copy of what is fitted.
    pub fn state(&self) -> State {
        State {
            networks: self.networks.values.clone(),
            lattice: self.lattice.clone(),
            latents: self.latents.iter().map(|l| l.values.clone()).collect(),
        }
    }

    /// Puts a copy back.
    pub fn set_state(&mut self, state: &State) {
        self.networks.values.clone_from(&state.networks);
        self.lattice.clone_from(&state.lattice);
        for (to, from) in self.latents.iter_mut().zip(&state.latents) {
            to.values.clone_from(from);
        }
    }

    /// Forgets what earlier steps say about the next ones.
    pub fn forget(&mut self) {
        let tensors = &self.networks.tensors;
        self.soap = tensors.iter().map(|t| Soap::new(&t.dims)).collect();
        self.adam.iter_mut().for_each(LatentAdam::reset);
    }

    /// Mean squared error plus lambda times bits per pixel; weights of networks are not counted.
    pub fn cost(&self, loss: &Loss) -> f64 {
        loss.mse + self.lambda * loss.bits() / self.pixels as f64
    }

    /// What a file would cost now, its weights left out: latents and samples rounded.
    pub fn hard_loss(&mut self) -> Loss {
        self.round(Rounding::Hard);
        self.features.forward(&self.networks, &self.latents);
        let grid_bits = self
            .arm
            .bits(&self.networks, &self.latents, &mut self.features);
        self.upsample.forward(&self.networks, &self.latents);
        self.synthesis
            .forward(&self.networks, self.upsample.channels());
        let errors = self.synthesis.errors(&self.picture, self.largest);
        Loss {
            mse: errors / self.samples(),
            grid_bits,
        }
    }

    /// One step over the whole picture towards a lower cost, in which the bits of the networks count too; the loss before
    /// it, with soft rounding if that was wished.
    pub fn step(&mut self, step: &Step) -> Loss {
        let loss = self.look(step);
        let values = match &mut self.lattice {
            Some(lattice) => &mut lattice.exact,
            None => &mut self.networks.values,
        };
        let gradients = &mut self.to_networks.values;
        let per_bit = self.lambda / self.pixels as f64;
        rate::add_gradients(&self.networks.tensors, values, per_bit, gradients);
        move_networks(values, gradients, &mut self.soap, step);
        if let Some(lattice) = &self.lattice {
            lattice.round(&mut self.networks);
        }
        self.move_latents(step);
        loss
    }

    /// From now on networks are rounded to steps of `2^-exponent`, by group; what moves is their values before that.
    pub(crate) fn round_networks(&mut self, exponents: [u8; 7]) {
        let exact = self.exact_networks().to_vec();
        let lattice = Lattice { exponents, exact };
        lattice.round(&mut self.networks);
        self.lattice = Some(lattice);
    }

    /// Exponents of the steps that networks are rounded to.
    pub(crate) fn exponents(&self) -> Option<[u8; 7]> {
        self.lattice.as_ref().map(|l| l.exponents)
    }

    /// Values of every tensor before they are rounded, if they are.
    pub(crate) fn exact_networks(&self) -> &[Vec<f32>] {
        let networks = &self.networks.values;
        self.lattice.as_ref().map_or(networks, |l| &l.exact)
    }

    /// The loss and its gradients; nothing moves.
    pub(crate) fn look(&mut self, step: &Step) -> Loss {
        let rounding = match step.soft {
            Some(Soft { temperature, noise }) => Rounding::Soft {
                temperature,
                noise,
                seed: SplitMix::of(&[self.seed, 2, self.steps]).next(),
            },
            None => Rounding::Hard,
        };
        self.steps += 1;
        self.gradients(rounding)
    }

    /// Gradients of the networks after [`Self::look`].
    pub(crate) fn network_gradients(&self) -> &[Vec<f32>] {
        &self.to_networks.values
    }

    /// Moves latents after [`Self::look`], unless they are rounded.
    pub(crate) fn move_latents(&mut self, step: &Step) {
        if step.soft.is_some() {
            let sources = self.arm.gradients.iter().zip(&self.to_latents);
            let grids = self.latents.iter_mut().zip(&mut self.adam);
            for ((latents, adam), (arm, rest)) in grids.zip(sources) {
                adam.step(latents, Sources { arm, rest }, step.rate);
            }
        }
    }

    fn round(&mut self, rounding: Rounding) {
        for (number, latents) in self.latents.iter_mut().enumerate() {
            latents.round(rounding, self.gain, number);
        }
    }

    fn samples(&self) -> f64 {
        (self.pixels * self.networks.shape.channels) as f64
    }

    /// Gradients of the loss: of the networks in `to_networks`, of rounded latents in `arm` and `to_latents`.
    pub(crate) fn gradients(&mut self, rounding: Rounding) -> Loss {
        self.round(rounding);
        let networks = &self.networks;
        self.to_networks.values.iter_mut().for_each(|v| v.fill(0.0));
        self.to_latents.iter_mut().for_each(Stack::clear);
        let latents = &self.latents;
        self.features.forward(networks, latents);
        let per_bit = (self.lambda / self.pixels as f64) as f32;
        let to_networks = &mut self.to_networks;
        let grid_bits =
            self.arm
                .gradients(networks, latents, &mut self.features, per_bit, to_networks);
        self.features
            .backward(networks, latents, to_networks, &mut self.to_latents);
        self.upsample.forward(networks, latents);
        let (channels, to_channels) = self.upsample.both();
        self.synthesis.forward(networks, channels);
        let samples = (self.pixels * networks.shape.channels) as f64;
        let errors = self.synthesis.backward(
            networks,
            &self.picture,
            channels,
            (1.0 / samples) as f32,
            to_networks,
            to_channels,
        );
        self.upsample
            .backward(networks, latents, to_networks, &mut self.to_latents);
        Loss {
            mse: errors / samples,
            grid_bits,
        }
    }
}

/// Moves networks along their gradients, which are shortened if they are too long.
pub(crate) fn move_networks(
    values: &mut [Vec<f32>],
    gradients: &mut [Vec<f32>],
    soap: &mut [Soap],
    step: &Step,
) {
    let squares = gradients.iter().flatten().map(|&g| f64::from(g).powi(2));
    let length = squares.sum::<f64>().sqrt();
    if length > LONGEST_GRADIENT {
        let scale = (LONGEST_GRADIENT / length) as f32;
        gradients.iter_mut().flatten().for_each(|g| *g *= scale);
    }
    let tensors = values.par_iter_mut().zip(&*gradients).zip(soap);
    tensors.for_each(|((values, gradients), soap)| {
        soap.step(values, gradients, step.rate);
    });
}

/// What latents are multiplied with before they are rounded (Cool-chic 5): finer steps for larger files.
fn gain(lambda: f64) -> f32 {
    match lambda {
        l if l < 2e-4 => 24.0,
        l if l < 5e-4 => 20.0,
        _ => 16.0,
    }
}

/// An engine for a picture under options.
pub(crate) fn engine(image: &Image<'_>, options: &Options) -> Result<Engine, Error> {
    options.check()?;
    image.check()?;
    let preset = options.preset.unwrap_or_default();
    let shape = preset.shape(image.channels, image.height, image.width);
    Engine::new(image, shape, options.lambda, options.depth, options.seed)
}

#[cfg(test)]
impl Engine {
    /// Random networks and latents.
    pub(crate) fn disturb(&mut self, random: &mut SplitMix) {
        for v in self.networks.values.iter_mut().flatten() {
            *v += 0.05 * random.normal() as f32;
        }
        // Wide distributions: a narrow one's bits bend within the steps that differences need.
        if let Some(bias) = self.networks.place(Role::ArmOutBias) {
            self.networks.values[bias][1] += 4.0;
        }
        for latents in &mut self.latents {
            let form = latents.values.form;
            for row in 0..form.height {
                for v in &mut latents.values.row_mut(row, 0)[..form.width] {
                    *v = 0.08 * random.normal() as f32;
                }
            }
        }
    }

    /// The loss of [`Self::gradients`].
    pub(crate) fn soft_cost(&mut self, rounding: Rounding) -> f64 {
        let loss = self.gradients(rounding);
        self.cost(&loss)
    }

    /// By latents before rounding.
    pub(crate) fn latent_gradients(&self, grid: usize) -> Vec<f64> {
        let form = self.latents[grid].values.form;
        let mut all = Vec::new();
        for row in 0..form.height {
            let (own, reaching) = self.arm.gradients[grid].rows(row);
            let rest = self.to_latents[grid].row(row, 0);
            for x in 0..form.width {
                let sum = own[x] + rest[x] + reaching.map_or(0.0, |r| r[x]);
                all.push(f64::from(sum * self.latents[grid].slope.row(row, 0)[x]));
            }
        }
        all
    }

    pub(crate) fn add_to_network(&mut self, tensor: usize, place: usize, by: f32) {
        self.networks.values[tensor][place] += by;
    }

    pub(crate) fn add_to_latent(&mut self, grid: usize, row: usize, column: usize, by: f32) {
        self.latents[grid].values.row_mut(row, 0)[column] += by;
    }
}
