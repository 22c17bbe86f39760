//! The best fit of at most so many bytes: short fits find the trade-off, long ones are for the file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use kiln_fit::Budget;

use super::Ground;
use crate::Error;
use crate::encoder::job::{Job, Made};

/// Most short fits before the long ones, and after them where those are too large.
const SHORTS: usize = 4;
/// Part of the budget that a short fit takes, and its least number of iterations.
const SHORT: f64 = 0.04;
const SHORT_ITERATIONS: u32 = 30;
/// Part of the time left that the first long fit takes. The second takes what it leaves.
const FIRST: f64 = 0.58;
/// A short fit is near enough within this part.
const NEAR: f64 = 0.08;
/// A long fit takes about so much less than a short one of the same trade-off.
const SHORTER: f64 = 1.1;
/// A further long fit is not worth it where a file takes this part of what it may.
const ENOUGH: f64 = 0.97;
/// What the second long fit aims at, since no size can be met exactly.
const AIM: f64 = 0.985;
/// Change of the logarithm of bytes with that of lambda: where nothing is known, and its bounds.
const SLOPE: f64 = -0.6;
const SLOPES: (f64, f64) = (-1.5, -0.15);
/// Most that lambda changes at a time, and all that it can be.
const STRIDE: f64 = 16.0;
const LAMBDAS: (f64, f64) = (1e-6, 1.0);

/// Kinds of fits, in their order.
#[derive(Clone, Copy)]
enum Step {
    Short,
    First,
    Second,
}

/// What fits may take together.
struct Purse {
    budget: Budget,
    started: Instant,
    /// Iterations so far, in parts of the budget.
    spent: f64,
}

impl Purse {
    /// Most iterations of all fits, in parts of the budget.
    const ALL: f64 = 2.0 + 2.0 * SHORTS as f64 * SHORT;

    /// The budget of the next fit, the part of the work before it, and its own.
    fn next(&mut self, step: Step) -> (Budget, (f64, f64)) {
        match self.budget {
            Budget::Iterations(all) => {
                let count = match step {
                    Step::Short => {
                        ((SHORT * f64::from(all)) as u32).clamp(SHORT_ITERATIONS.min(all), all)
                    }
                    _ => all,
                };
                let part = f64::from(count) / f64::from(all);
                let before = self.spent.min(Self::ALL - part);
                self.spent += part;
                let parts = (before / Self::ALL, part / Self::ALL);
                (Budget::Iterations(count), parts)
            }
            Budget::Time(all) => {
                let left = all.saturating_sub(self.started.elapsed());
                let time = match step {
                    Step::Short => all.mul_f64(SHORT),
                    Step::First => left.mul_f64(FIRST),
                    Step::Second => left,
                };
                let time = time.max(all.mul_f64(0.01));
                let share = |t: std::time::Duration| (t.as_secs_f64() / all.as_secs_f64()).min(1.0);
                let before = share(self.started.elapsed());
                (Budget::Time(time), (before, share(time).min(1.0 - before)))
            }
        }
    }
}

/// What is known of a search.
struct Search {
    /// Logarithm of lambda and of the bytes of its streams: of the fit before the last, and of the last.
    points: [Option<(f64, f64)>; 2],
    slope: f64,
    /// The mean squared error of the best file that fits, and the file.
    best: Option<(f64, Made)>,
    least: u64,
}

impl Search {
    fn note(&mut self, lambda: f64, bytes: f64) {
        let point = (lambda.ln(), bytes.max(1.0).ln());
        self.points = [self.points[1], Some(point)];
        if let [Some(a), Some(b)] = self.points
            && (a.0 - b.0).abs() > 0.05
        {
            self.slope = ((a.1 - b.1) / (a.0 - b.0)).clamp(SLOPES.0, SLOPES.1);
        }
    }

    /// Where streams of so many bytes are to be expected.
    fn lambda_for(&self, bytes: f64) -> f64 {
        let Some((lambda, found)) = self.points[1] else {
            return LAMBDAS.1;
        };
        let step = (bytes.max(1.0).ln() - found) / self.slope;
        let most = STRIDE.ln();
        (lambda + step.clamp(-most, most))
            .exp()
            .clamp(LAMBDAS.0, LAMBDAS.1)
    }
}

impl Job<'_> {
    /// The best file of at most so many bytes. `lambda`: where to begin.
    pub(super) fn fit_within(
        &mut self,
        ground: &Ground,
        most: u64,
        lambda: f64,
        budget: Budget,
        finish: &AtomicBool,
    ) -> Result<Made, Error> {
        let mut purse = Purse {
            budget,
            started: Instant::now(),
            spent: 0.0,
        };
        let mut search = Search {
            points: [None; 2],
            slope: SLOPE,
            best: None,
            least: u64::MAX,
        };
        let room = most.saturating_sub(ground.around) as f64;
        let ended = || finish.load(Ordering::Relaxed);
        let mut lambda = lambda.clamp(LAMBDAS.0, LAMBDAS.1);
        for _ in 0..SHORTS {
            let part = purse.next(Step::Short);
            let bytes = self.attempt(&mut search, ground, most, lambda, part, finish)?;
            lambda = search.lambda_for(SHORTER * room);
            if ended() || (bytes / (SHORTER * room)).ln().abs() < NEAR {
                break;
            }
        }
        for step in [Step::First, Step::Second] {
            if ended() {
                break;
            }
            let part = purse.next(step);
            let bytes = self.attempt(&mut search, ground, most, lambda, part, finish)?;
            if bytes <= room && bytes > ENOUGH * room {
                break;
            }
            lambda = search.lambda_for(AIM * room);
        }
        for _ in 0..SHORTS {
            if ended() || search.best.is_some() {
                break;
            }
            lambda = search.lambda_for(0.8 * room);
            let part = purse.next(Step::Short);
            self.attempt(&mut search, ground, most, lambda, part, finish)?;
        }
        match search.best {
            Some((_, made)) => Ok(made),
            None => Err(Error::OutOfReach {
                budget: most,
                least: search.least,
            }),
        }
    }

    /// One fit of a search; returns the bytes of its streams.
    fn attempt(
        &mut self,
        search: &mut Search,
        ground: &Ground,
        most: u64,
        lambda: f64,
        (budget, part): (Budget, (f64, f64)),
        finish: &AtomicBool,
    ) -> Result<f64, Error> {
        let fit = self.fit(ground, lambda, budget, part, finish)?;
        let error = fit.mse;
        let made = self.own(fit, ground, lambda, self.levels.last())?;
        let length = made.bytes.len() as u64;
        let bytes = length.saturating_sub(ground.around) as f64;
        search.note(lambda, bytes);
        search.least = search.least.min(length);
        if length <= most && search.best.as_ref().is_none_or(|best| error < best.0) {
            search.best = Some((error, made));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn search() -> Search {
        Search {
            points: [None; 2],
            slope: SLOPE,
            best: None,
            least: u64::MAX,
        }
    }

    #[test]
    fn a_power_law_is_met_by_the_third_fit() {
        let bytes = |lambda: f64| 300.0 * lambda.powf(-0.45);
        let (mut search, mut lambda) = (search(), 1e-3);
        for _ in 0..2 {
            search.note(lambda, bytes(lambda));
            lambda = search.lambda_for(20_000.0);
        }
        assert!((bytes(lambda) / 20_000.0 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn sizes_that_say_nothing_move_lambda_a_bounded_step() {
        let mut search = search();
        for bytes in [0.0, 5e9, 1.0] {
            search.note(1e-3, bytes);
            for aim in [0.0, 1.0, 1e12] {
                let lambda = search.lambda_for(aim);
                let near = 1e-3 / (1.01 * STRIDE)..=1e-3 * 1.01 * STRIDE;
                assert!(near.contains(&lambda), "{lambda}");
            }
        }
    }

    #[test]
    fn parts_of_the_work_follow_each_other_and_end_at_all_of_it() {
        let steps = [vec![Step::Short; SHORTS], vec![Step::First, Step::Second]].concat();
        for budget in [
            Budget::Iterations(1),
            Budget::Iterations(4000),
            Budget::Time(Duration::from_secs(60)),
        ] {
            let mut purse = Purse {
                budget,
                started: Instant::now(),
                spent: 0.0,
            };
            for step in &steps {
                let (given, (before, share)) = purse.next(*step);
                assert!(before >= 0.0 && share > 0.0 && before + share <= 1.0 + 1e-9);
                match given {
                    Budget::Iterations(n) => assert!(n > 0),
                    Budget::Time(t) => assert!(!t.is_zero()),
                }
            }
        }
    }
}
