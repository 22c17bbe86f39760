//! What to encode for.

use std::time::Duration;

use kiln_fit::Budget;
use kiln_models::seam::{Level, Levels, Search};

use crate::Error;

/// What the encoder aims at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// 0 (smallest) to 100 (best): one of the levels of the model, see [`Levels::of_quality`].
    Quality(u8),
    /// A level of the model, from 0.
    Level(u8),
    /// The highest level whose file has at most this many bits per pixel, everything counted.
    Bpp(f64),
    /// The highest level whose file has at most this many bytes.
    Bytes(u64),
    /// Every sample exactly as it is, whatever that takes: see [`Encoded::lossless`](crate::Encoded::lossless).
    Lossless,
}

/// How long the encoder may think: 0 (one pass) to 9. The file format and the decoder are the same for all.
///
/// Above 0 the encoder searches for latents of this one picture that cost less, counting bits and squared error at the
/// weight of the level, by tables and before samples are rounded. More effort never ends at a higher cost. A search holds
/// about 50 more bytes for each pixel, and up to 160 MB for the tile that it works on. Its time grows with the effort: 1 takes about four times as long as 0, 3 eight
/// times, 6 forty times, 9 a hundred times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effort(u8);

impl Effort {
    /// The most there is.
    pub const MAX: u8 = 9;

    /// An effort of 0..=9, or `None` beyond that.
    pub fn new(effort: u8) -> Option<Self> {
        (effort <= Self::MAX).then_some(Self(effort))
    }

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }

    /// What the encoder does for it beyond the trellis. Each effort goes on where the one before stops.
    pub(crate) fn search(self) -> Option<Search> {
        let (descents, rounds) = match self.0 {
            0 => return None,
            n @ 1..=4 => (n.into(), 0),
            n => (6, usize::from(n) - 5),
        };
        Some(Search { descents, rounds })
    }
}

/// Networks that are fitted to the one picture and travel in its file, instead of those of the weights: minutes instead of a
/// part of a second for a file that is a quarter smaller, and decodes without weights, fast, and to the same samples
/// everywhere.
///
/// The weights still say what a level is: a fit for a level trades bits for squared error as the weights do at it. They
/// code the picture too, to find blocks for the [graphics layer](EncodeOptions::graphics) and for a comparison: where they
/// would cost less, [`Encoded::warnings`](crate::Encoded::warnings) says so. Where the whole picture without loss costs no
/// more than the weights', nothing is fitted.
///
/// ```
/// use std::time::Duration;
/// use kiln::{EncodeOptions, Fit};
///
/// let five_minutes = EncodeOptions::default().with_fit(Fit::time(Duration::from_secs(300)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fit {
    /// When it is over. Time is kept within 5 %, counted from the call of the encoder. A target in bytes takes several fits,
    /// of which the last may be left out: all of them together may take a fifth more iterations, or less of the time.
    pub budget: Budget,
    /// Whether the file is that of the weights where this costs less: bits, and squared error at the weight of the level.
    pub or_weights: bool,
    /// The same seed makes the same file of the same picture under [`Budget::Iterations`], on any number of threads.
    pub seed: u64,
}

impl Fit {
    /// Most iterations.
    pub const MAX_ITERATIONS: u32 = 10_000_000;
    /// Most time: a week.
    pub const MAX_TIME: Duration = Duration::from_secs(7 * 24 * 3600);

    /// A fit of so many steps over the whole picture.
    pub fn iterations(count: u32) -> Self {
        Self::new(Budget::Iterations(count))
    }

    /// A fit of so much time.
    pub fn time(time: Duration) -> Self {
        Self::new(Budget::Time(time))
    }

    /// A fit of 300 iterations for effort 0, 4,000 for 3, 13,000 for 6 and 100,000 for 9.
    pub fn effort(effort: Effort) -> Self {
        const ITERATIONS: [u32; Effort::MAX as usize + 1] = [
            300, 1_000, 2_000, 4_000, 6_000, 9_000, 13_000, 25_000, 50_000, 100_000,
        ];
        Self::iterations(ITERATIONS[usize::from(effort.0)])
    }

    fn new(budget: Budget) -> Self {
        Self {
            budget,
            or_weights: false,
            seed: 0,
        }
    }

    /// The same, or the file of the weights where that costs less.
    #[must_use]
    pub fn or_weights(mut self) -> Self {
        self.or_weights = true;
        self
    }

    /// The same with another seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether the budget is within its range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = match self.budget {
            Budget::Iterations(n) if n == 0 || n > Self::MAX_ITERATIONS => {
                format!("{n} iterations are outside 1..={}", Self::MAX_ITERATIONS)
            }
            Budget::Time(t) if t.is_zero() || t > Self::MAX_TIME => format!(
                "a time of {} s is not above 0 and at most {} s",
                t.as_secs_f64(),
                Self::MAX_TIME.as_secs()
            ),
            _ => return Ok(()),
        };
        Err(Error::Parameter(wrong))
    }
}

/// How to encode. Start from `default()`, which aims at quality 60.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// What to aim at.
    pub target: Target,
    /// Whether to return what a decoder must make of the file, at the cost of a synthesis: see
    /// [`verify`](crate::verify()).
    pub reconstruction: bool,
    /// How long to think about it.
    pub effort: Effort,
    /// Whether to fit networks to the picture, and for how long. Says nothing for [`Target::Lossless`]. Without
    /// [`Fit::or_weights`] the effort says nothing.
    pub fit: Option<Fit>,
    /// Whether blocks and pictures that the model codes badly may be coded without loss, where that costs less. Without it
    /// files show what the model alone does.
    pub graphics: bool,
    /// Whether to keep the colours beneath fully transparent pixels. Nobody sees them, and without this they become
    /// whatever costs least.
    pub keep_hidden: bool,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self {
            target: Target::Quality(60),
            reconstruction: false,
            effort: Effort::default(),
            fit: None,
            graphics: true,
            keep_hidden: false,
        }
    }
}

impl EncodeOptions {
    /// The same with another target.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// The same with or without a reconstruction.
    #[must_use]
    pub fn with_reconstruction(mut self, reconstruction: bool) -> Self {
        self.reconstruction = reconstruction;
        self
    }

    /// The same with another effort.
    #[must_use]
    pub fn with_effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// The same with networks fitted to the picture.
    #[must_use]
    pub fn with_fit(mut self, fit: Fit) -> Self {
        self.fit = Some(fit);
        self
    }

    /// The same with or without blocks that are coded without loss.
    #[must_use]
    pub fn with_graphics(mut self, graphics: bool) -> Self {
        self.graphics = graphics;
        self
    }

    /// The same with or without the colours beneath fully transparent pixels.
    #[must_use]
    pub fn with_keep_hidden(mut self, keep_hidden: bool) -> Self {
        self.keep_hidden = keep_hidden;
        self
    }
}

/// A target resolved for one picture.
pub(crate) enum Aim {
    Level(Level),
    Bytes(u64),
}

impl Target {
    /// The target for a picture of so many pixels and weights of these levels; `None` for all of the picture.
    pub(crate) fn aim(self, pixels: u64, levels: Levels) -> Result<Option<Aim>, Error> {
        let aim = match self {
            Self::Quality(q) => levels
                .of_quality(q)
                .map(Aim::Level)
                .ok_or_else(|| Error::Parameter(format!("quality {q} is outside 0..=100")))?,
            Self::Level(l) => Aim::Level(levels.require(l)?),
            Self::Bpp(bpp) if bpp.is_finite() && bpp > 0.0 => {
                Aim::Bytes((bpp * pixels as f64 / 8.0).floor() as u64)
            }
            Self::Bpp(bpp) => {
                let text = format!("{bpp} bits per pixel is not a positive number");
                return Err(Error::Parameter(text));
            }
            Self::Bytes(0) => {
                return Err(Error::Parameter("a size of 0 bytes is not possible".into()));
            }
            Self::Bytes(n) => Aim::Bytes(n),
            Self::Lossless => return Ok(None),
        };
        Ok(Some(aim))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efforts_end_at_nine_and_grow() {
        assert_eq!(
            (Effort::new(9).map(Effort::get), Effort::new(10)),
            (Some(9), None)
        );
        let spent = |e| {
            Effort::new(e)
                .and_then(Effort::search)
                .map_or(0, Search::evaluations)
        };
        assert!((0..9).all(|e| spent(e) < spent(e + 1)));
    }

    #[test]
    fn targets_out_of_range_say_so() {
        let levels = Levels::new(64).unwrap();
        for (target, text) in [
            (Target::Quality(101), "quality 101 is outside 0..=100"),
            (Target::Level(64), "level 64 is outside 0..=63"),
            (
                Target::Bpp(f64::NAN),
                "NaN bits per pixel is not a positive number",
            ),
            (
                Target::Bpp(0.0),
                "0 bits per pixel is not a positive number",
            ),
            (Target::Bytes(0), "a size of 0 bytes is not possible"),
        ] {
            let error = target.aim(100, levels).err().map(|e| e.to_string());
            assert_eq!(error.as_deref(), Some(text));
        }
        // Weights of one level know no other, and every quality is that one.
        assert!(Target::Level(1).aim(100, Levels::ONE).is_err());
        for quality in [0, 60, 100] {
            let aim = Target::Quality(quality).aim(100, Levels::ONE);
            assert!(matches!(aim, Ok(Some(Aim::Level(l))) if l.number() == 0));
        }
    }
}
