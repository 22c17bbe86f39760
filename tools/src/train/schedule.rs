//! How long training lasts, and the learning rate on the way.

use std::time::{Duration, Instant};

/// Steps in which the rate rises: the optimiser has to see gradients first.
const WARM_UP: u64 = 20;
/// Part of the run in which it falls, at the end: nearly all of it, as steps of full size leave noise in weights that were
/// trained to the end before.
const DECAY: f64 = 0.85;
/// What is left of it then.
const LEFT: f64 = 0.01;

/// The length of a run.
#[derive(Clone, Copy, Debug)]
pub enum Length {
    /// So many steps.
    Steps(u64),
    /// So much time.
    Time(Duration),
}

impl Length {
    /// The part of the run that is over, 0 to 1, after `steps` steps since `start`.
    pub fn part(self, steps: u64, start: Instant) -> f64 {
        let part = match self {
            Self::Steps(all) => steps as f64 / all as f64,
            Self::Time(all) => start.elapsed().as_secs_f64() / all.as_secs_f64(),
        };
        part.min(1.0)
    }
}

/// Factor on the learning rate for the step after `steps` steps, when `part` of the run is over.
pub fn factor(steps: u64, part: f64) -> f64 {
    let rise = ((steps + 1) as f64 / WARM_UP as f64).min(1.0);
    let left = ((1.0 - part) / DECAY).min(1.0);
    rise * (LEFT + (1.0 - LEFT) * left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_stays_and_falls() {
        assert!(factor(0, 0.0) < factor(10, 0.05) && factor(10, 0.05) < 1.0);
        assert_eq!(factor(20, 1.0 - DECAY), 1.0);
        let falling = [0.2, 0.5, 0.9, 1.0].map(|part| factor(100, part));
        assert!(falling.is_sorted_by(|a, b| a > b), "{falling:?}");
        assert!(falling[0] < 1.0 && (falling[3] - LEFT).abs() < 1e-12);
    }

    #[test]
    fn parts_end_at_one() {
        let start = Instant::now();
        assert_eq!(Length::Steps(4).part(1, start), 0.25);
        assert_eq!(Length::Steps(4).part(9, start), 1.0);
        assert_eq!(Length::Time(Duration::from_nanos(1)).part(0, start), 1.0);
    }
}
