//! What to encode for.

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
