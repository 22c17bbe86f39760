//! What to encode for.

use kiln_models::Search;

use crate::Error;

/// Number of quality levels in format version 1.
pub const LEVELS: u8 = 64;

/// Level of each quality 0..=100. Part of the interface, not of the format: files store the level.
const QUALITY: [u8; 101] = {
    let mut table = [0; 101];
    let mut q = 0;
    while q <= 100 {
        table[q] = ((q * (LEVELS as usize - 1) + 50) / 100) as u8;
        q += 1;
    }
    table
};

/// The level that a quality of 0..=100 stands for, or `None` beyond that range.
pub fn level_of_quality(quality: u8) -> Option<u8> {
    QUALITY.get(usize::from(quality)).copied()
}

/// What the encoder aims at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// 0 (smallest) to 100 (best).
    Quality(u8),
    /// A level of the model, 0..=63.
    Level(u8),
    /// The highest level whose file has at most this many bits per pixel, everything counted.
    Bpp(f64),
    /// The highest level whose file has at most this many bytes.
    Bytes(u64),
}

/// How long the encoder may think: 0 (one pass) to 9. The file format and the decoder are the same for all.
///
/// Above 0 the encoder searches for latents of this one picture that cost less, counting bits and squared error at the
/// weight of the level, by tables and before samples are rounded. More effort never ends at a higher cost. A search holds
/// about 33 more bytes for each pixel. Its time grows with the effort: 1 takes about four times as long as 0, 3 eight
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
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self {
            target: Target::Quality(60),
            reconstruction: false,
            effort: Effort::default(),
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
}

/// A target resolved for one picture.
pub(crate) enum Aim {
    Level(u8),
    Bytes(u64),
}

impl Target {
    pub(crate) fn aim(self, pixels: u64) -> Result<Aim, Error> {
        match self {
            Self::Quality(q) => level_of_quality(q)
                .map(Aim::Level)
                .ok_or_else(|| Error::Parameter(format!("quality {q} is outside 0..=100"))),
            Self::Level(l) if l < LEVELS => Ok(Aim::Level(l)),
            Self::Level(l) => Err(Error::Parameter(format!(
                "level {l} is outside 0..={}",
                LEVELS - 1
            ))),
            Self::Bpp(bpp) if bpp.is_finite() && bpp > 0.0 => {
                Ok(Aim::Bytes((bpp * pixels as f64 / 8.0).floor() as u64))
            }
            Self::Bpp(bpp) => Err(Error::Parameter(format!(
                "{bpp} bits per pixel is not a positive number"
            ))),
            Self::Bytes(0) => Err(Error::Parameter("a size of 0 bytes is not possible".into())),
            Self::Bytes(n) => Ok(Aim::Bytes(n)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities_cover_all_levels_in_order() {
        assert_eq!((QUALITY[0], QUALITY[60], QUALITY[100]), (0, 38, 63));
        assert!(QUALITY.windows(2).all(|w| w[0] <= w[1] && w[1] - w[0] <= 1));
        assert_eq!(level_of_quality(101), None);
    }

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
            assert_eq!(
                target.aim(100).err().map(|e| e.to_string()).as_deref(),
                Some(text)
            );
        }
    }
}
