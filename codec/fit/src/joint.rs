//! Networks that several pictures share: what other pictures may start from.

use rayon::prelude::*;

use crate::engine::{Engine, Step, move_networks};
use crate::optimise::Soap;
use crate::{Depth, Error, Image};
use kiln_fitted::Shape;

/// Several pictures, each with latents of its own, and the networks that they share.
#[derive(Debug)]
pub struct Joint {
    engines: Vec<Engine>,
    networks: Vec<Vec<f32>>,
    soap: Vec<Soap>,
    pixels: f64,
}

/// Means over the pixels of all pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Means {
    /// Squared error, samples in 0..=1.
    pub mse: f64,
    /// Bits of latents for each pixel.
    pub bpp: f64,
}

impl Joint {
    /// Random networks, latents of 0.
    ///
    /// # Errors
    /// A picture is not in order, or `shape` is not for its channels or size; there is none.
    pub fn new(images: &[Image<'_>], shape: Shape, lambda: f64, seed: u64) -> Result<Self, Error> {
        let engine = |image| Engine::new(image, shape, lambda, Depth::Eight, seed);
        let engines: Vec<Engine> = images.iter().map(engine).collect::<Result<_, _>>()?;
        let first = engines.first().ok_or(Error::Image("there is no picture"))?;
        Ok(Self {
            networks: first.networks().to_vec(),
            soap: shape.tensors().iter().map(|t| Soap::new(&t.dims)).collect(),
            pixels: images.iter().map(|i| i.pixels() as f64).sum(),
            engines,
        })
    }

    /// Values of every tensor, in the order of [`Shape::tensors`].
    pub fn networks(&self) -> &[Vec<f32>] {
        &self.networks
    }

    /// One step over all pictures; the loss before it.
    pub fn step(&mut self, step: &Step) -> Means {
        let networks = &self.networks;
        let each: Vec<_> = self
            .engines
            .par_iter_mut()
            .map(|engine| {
                engine.set_all_networks(networks);
                let loss = engine.look(step);
                engine.move_latents(step);
                (loss, engine.pixels() as f64)
            })
            .collect();
        let mut gradients: Vec<Vec<f32>> = networks
            .iter()
            .map(|values| vec![0.0; values.len()])
            .collect();
        let mut means = Means::default();
        for (engine, (loss, pixels)) in self.engines.iter().zip(each) {
            let share = pixels / self.pixels;
            means.mse += share * loss.mse;
            means.bpp += loss.bits() / self.pixels;
            let sums = gradients.iter_mut().flatten();
            for (sum, gradient) in sums.zip(engine.network_gradients().iter().flatten()) {
                *sum += share as f32 * gradient;
            }
        }
        move_networks(&mut self.networks, &mut gradients, &mut self.soap, step);
        means
    }

    /// Forgets what earlier steps say about the next ones.
    pub fn forget(&mut self) {
        let shape = self.engines[0].shape();
        self.soap = shape.tensors().iter().map(|t| Soap::new(&t.dims)).collect();
        self.engines.iter_mut().for_each(Engine::forget);
    }
}
