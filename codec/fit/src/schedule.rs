//! From a random start to the best state within a budget.
//!
//! Two candidates are warmed up, and the better one is fitted with rounding that gets harder: of latents all the time, of
//! networks in the last part. In the end the networks alone are fitted to rounded latents. Everything in between depends on
//! how much of the budget is spent.

use std::time::{Duration, Instant};

use crate::engine::{Engine, Loss, Soft, State, Step, engine};
use crate::finish::{Brief, exponents};
use crate::{Budget, Error, Float, Image, Next, Options, Status, Watch};

/// Random starts.
const CANDIDATES: u32 = 2;
/// Steps of each.
const WARM_UP: u32 = 50;
/// Steps with rounded latents in the end.
const HARD: u32 = 100;
/// From this part of the main phase on networks are rounded, so that all that moves makes up for it.
const ROUNDED_FROM: f64 = 0.8;
/// How often the loss of the rounded state is measured.
const MEASUREMENTS: u32 = 50;
/// `watch` is asked after each measurement, and after the first step that ends so long after the last time: a wish to end
/// must not wait for the next measurement of a long fit.
const ASK: Duration = Duration::from_millis(200);

/// Fits networks and latents to a picture.
///
/// # Errors
/// The picture or an option is not in order, or `watch` cancelled.
pub fn fit_float(image: &Image<'_>, options: &Options, watch: &dyn Watch) -> Result<Float, Error> {
    let engine = engine(image, options)?;
    let mut run = Run {
        clock: Clock::new(options.budget),
        best: None,
        weights: engine.networks().iter().map(Vec::len).sum(),
        over: false,
        asked: Instant::now(),
        brief: Brief {
            image,
            depth: options.depth,
            lambda: options.lambda,
            shape: engine.shape(),
        },
        engine,
        watch,
    };
    let lambda = options.lambda;
    // From here on there is a state to finish with.
    run.measure()?;
    run.warm_up(options.seed, lambda)?;
    run.main()?;
    run.hard()?;
    run.finish()
}

/// How much of the budget is spent.
struct Clock {
    budget: Budget,
    start: Instant,
    steps: u32,
}

impl Clock {
    fn new(budget: Budget) -> Self {
        Self {
            budget,
            start: Instant::now(),
            steps: 0,
        }
    }

    /// Steps that the whole budget allows, as far as is known after some.
    fn estimate(&self) -> f64 {
        match self.budget {
            Budget::Iterations(n) => f64::from(n),
            Budget::Time(time) => time.as_secs_f64() / self.seconds_each().max(1e-9),
        }
    }

    fn seconds_each(&self) -> f64 {
        self.start.elapsed().as_secs_f64() / f64::from(self.steps.max(1))
    }

    /// Part of the budget that is spent.
    fn spent(&self) -> f64 {
        let part = match self.budget {
            Budget::Iterations(n) => f64::from(self.steps) / f64::from(n.max(1)),
            Budget::Time(time) => {
                self.start.elapsed().as_secs_f64() / time.max(Duration::from_nanos(1)).as_secs_f64()
            }
        };
        part.min(1.0)
    }
}

struct Run<'a> {
    engine: Engine,
    clock: Clock,
    best: Option<(f64, Loss, State)>,
    weights: usize,
    /// `watch` wants the best so far.
    over: bool,
    asked: Instant,
    brief: Brief<'a>,
    watch: &'a dyn Watch,
}

impl Run<'_> {
    /// Leaves the better one of some random starts in the engine.
    fn warm_up(&mut self, seed: u64, lambda: f64) -> Result<(), Error> {
        // Published for Cool-chic 5: less noise where files are large.
        let noise = ((0.747 - 0.432 * lambda.log10()) / 10.0).max(0.0) as f32;
        let step = Step {
            rate: 1e-2,
            soft: Some(Soft {
                temperature: 0.35,
                noise,
            }),
        };
        let mut kept: Option<(f64, State)> = None;
        for candidate in 0..CANDIDATES {
            // A tenth of a short budget for all of them.
            let share = 0.1 * f64::from(candidate + 1) / f64::from(CANDIDATES);
            if candidate > 0 {
                if self.over || self.clock.spent() >= share {
                    break;
                }
                self.engine.restart(seed.wrapping_add(u64::from(candidate)));
            }
            self.engine.forget();
            for _ in 0..WARM_UP {
                if self.over || self.clock.spent() >= share {
                    break;
                }
                self.step(&step)?;
            }
            let loss = self.measure()?;
            let cost = self.engine.cost(&loss);
            if kept.as_ref().is_none_or(|(least, _)| cost < *least) {
                kept = Some((cost, self.engine.state()));
            }
        }
        if let Some((_, state)) = kept {
            self.engine.set_state(&state);
        }
        Ok(())
    }

    fn main(&mut self) -> Result<(), Error> {
        self.engine.forget();
        let start = self.clock.spent();
        let mut next = self.clock.steps;
        while !self.over {
            let end = 1.0 - self.hard_part();
            let spent = self.clock.spent();
            if spent >= end {
                break;
            }
            let t = ((spent - start) / (end - start)).clamp(0.0, 1.0);
            if t >= ROUNDED_FROM && self.engine.exponents().is_none() {
                self.round_networks()?;
            }
            self.step(&Step::main(t))?;
            if self.clock.steps >= next {
                self.measure()?;
                next = self.clock.steps + self.interval();
            }
        }
        self.measure()?;
        Ok(())
    }

    /// From here on networks are rounded as they will be in a file.
    fn round_networks(&mut self) -> Result<(), Error> {
        let loss = self.engine.hard_loss();
        let float = self.float(loss);
        self.engine.round_networks(exponents(&self.brief, &float)?);
        // The best state so far is better than what a file could hold.
        self.best = None;
        self.measure()?;
        Ok(())
    }

    /// Networks alone, from the best state on.
    fn hard(&mut self) -> Result<(), Error> {
        if let Some((_, _, state)) = &self.best {
            self.engine.set_state(state);
        }
        self.engine.forget();
        let start = self.clock.spent();
        let mut next = self.clock.steps + self.interval();
        while !self.over && self.clock.spent() < 1.0 {
            let t = (self.clock.spent() - start) / (1.0 - start);
            self.step(&Step::hard(t))?;
            if self.clock.steps >= next {
                self.measure()?;
                next = self.clock.steps + self.interval();
            }
        }
        self.measure()?;
        Ok(())
    }

    fn finish(mut self) -> Result<Float, Error> {
        let loss = match self.best.take() {
            Some((_, loss, state)) => {
                self.engine.set_state(&state);
                loss
            }
            None => self.engine.hard_loss(),
        };
        Ok(self.float(loss))
    }

    /// The engine's state, whose loss is known.
    fn float(&self, loss: Loss) -> Float {
        Float {
            shape: self.engine.shape(),
            networks: self.engine.exact_networks().to_vec(),
            exponents: self.engine.exponents(),
            latents: self.engine.rounded_latents(),
            mse: loss.mse,
            grid_bits: loss.grid_bits,
            iterations: self.clock.steps,
        }
    }

    /// Part of the budget for rounded latents.
    fn hard_part(&self) -> f64 {
        (f64::from(HARD) / self.clock.estimate()).min(0.05)
    }

    /// Steps between measurements.
    fn interval(&self) -> u32 {
        ((self.clock.estimate() / f64::from(MEASUREMENTS)) as u32).max(10)
    }

    fn step(&mut self, step: &Step) -> Result<(), Error> {
        self.engine.step(step);
        self.clock.steps += 1;
        match self.asked.elapsed() >= ASK {
            true => self.ask(),
            false => Ok(()),
        }
    }

    /// Measures the rounded state, keeps it if it is the best, and asks `watch`.
    fn measure(&mut self) -> Result<Loss, Error> {
        let loss = self.engine.hard_loss();
        let cost = self.engine.cost(&loss);
        if self.best.as_ref().is_none_or(|(least, ..)| cost < *least) {
            self.best = Some((cost, loss.clone(), self.engine.state()));
        }
        self.ask()?;
        Ok(loss)
    }

    /// Asks `watch` whether to go on.
    fn ask(&mut self) -> Result<(), Error> {
        if let Some((_, best, _)) = &self.best {
            let (done, steps) = (self.clock.spent(), self.clock.steps);
            let status = Status::estimated(done, steps, best.bits(), self.weights, best.mse);
            match self.watch.update(&status) {
                Next::GoOn => {}
                Next::Finish => self.over = true,
                Next::Cancel => return Err(Error::Stopped),
            }
        }
        self.asked = Instant::now();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Depth, Preset};

    const SIDE: usize = 48;

    /// A part of a photograph.
    fn samples() -> Vec<f32> {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../datasets/kodak/kodim14.png"
        );
        let rgb = image::open(path).unwrap().to_rgb8();
        let mut samples = Vec::new();
        for c in 0..3 {
            for (y, x) in (0..SIDE * SIDE).map(|i| (i / SIDE, i % SIDE)) {
                let pixel = rgb.get_pixel(300 + x as u32, 200 + y as u32);
                samples.push(f32::from(pixel.0[c]) / 255.0);
            }
        }
        samples
    }

    fn image(samples: &[f32]) -> Image<'_> {
        Image {
            height: SIDE,
            width: SIDE,
            channels: 3,
            samples,
            weights: None,
        }
    }

    fn options(budget: Budget) -> Options {
        Options {
            lambda: 1e-3,
            budget,
            seed: 1,
            preset: Some(Preset::Low),
            depth: Depth::Eight,
        }
    }

    #[test]
    fn a_photograph_is_fitted_the_same_on_any_number_of_threads() {
        let samples = samples();
        let fit = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let options = options(Budget::Iterations(300));
            pool.install(|| fit_float(&image(&samples), &options, &|_: &Status| Next::GoOn))
                .unwrap()
        };
        let one = fit(1);
        assert_eq!(one, fit(3));
        assert_eq!(one.iterations, 300);
        assert!(one.exponents.is_some());
        let bits: f64 = one.grid_bits.iter().sum();
        let cost = one.mse + 1e-3 * bits / (SIDE * SIDE) as f64;
        // A constant picture has an error of 6e-3 or more here.
        assert!(cost < 3.5e-3, "{cost}");
        let again = {
            let mut engine = engine(&image(&samples), &options(Budget::Iterations(1))).unwrap();
            engine.set_networks(one.networks.clone()).unwrap();
            engine.networks() == one.networks
        };
        assert!(again);
    }

    #[test]
    fn the_watch_ends_the_work() {
        let samples = samples();
        let budget = options(Budget::Iterations(100_000));
        let finish = fit_float(&image(&samples), &budget, &|s: &Status| {
            if s.iterations > 40 {
                Next::Finish
            } else {
                Next::GoOn
            }
        });
        assert!(finish.unwrap().iterations < 2_000);
        let cancelled = fit_float(&image(&samples), &budget, &|_: &Status| Next::Cancel);
        assert_eq!(cancelled, Err(Error::Stopped));
    }

    #[test]
    fn time_is_kept() {
        let samples = samples();
        let time = Duration::from_millis(1500);
        let start = Instant::now();
        let float = fit_float(
            &image(&samples),
            &options(Budget::Time(time)),
            &|_: &Status| Next::GoOn,
        );
        let taken = start.elapsed();
        assert!(float.unwrap().iterations > 10);
        // One step or measurement more, on a busy machine.
        assert!(taken >= time && taken < time * 3 / 2, "{taken:?}");
    }
}
