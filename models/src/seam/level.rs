//! Quality levels: how many a set of weights has, and one of them.

use crate::ModelError;

/// A quality level that its weights have, 0 for the smallest files. Made by [`Levels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// The number, as a file stores it.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The number as an index into tables of levels.
    pub fn index(self) -> usize {
        self.0.into()
    }
}

/// The quality levels of a set of weights: 0 up to one less than their count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels(u8);

impl Levels {
    /// Most levels that a file can tell apart.
    pub const MAX: usize = 64;
    /// A single level: weights for one rate.
    pub const ONE: Self = Self(1);

    /// So many levels, 1 to [`Levels::MAX`]; `None` for other counts.
    pub fn new(count: usize) -> Option<Self> {
        (1..=Self::MAX)
            .contains(&count)
            .then_some(Self(count as u8))
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.0.into()
    }

    /// The level of a number, if these weights have it.
    pub fn get(self, number: u8) -> Option<Level> {
        (number < self.0).then_some(Level(number))
    }

    /// The level of a number.
    ///
    /// # Errors
    /// [`ModelError::Level`] if these weights do not have it.
    pub fn require(self, number: u8) -> Result<Level, ModelError> {
        self.get(number).ok_or(ModelError::Level {
            level: number,
            max: self.0 - 1,
        })
    }

    /// The highest level.
    pub fn last(self) -> Level {
        Level(self.0 - 1)
    }

    /// The level that a quality of 0 to 100 stands for, halves up; `None` beyond that range. Files store the level, so
    /// that this is no part of the format.
    pub fn of_quality(self, quality: u8) -> Option<Level> {
        let last = usize::from(self.0 - 1);
        (quality <= 100).then(|| Level(((usize::from(quality) * last + 50) / 100) as u8))
    }

    /// All levels, from the lowest.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Level> + ExactSizeIterator {
        (0..self.0).map(Level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities_reach_every_level_in_order() {
        for count in [1, 2, 13, 64] {
            let levels = Levels::new(count).unwrap();
            let all: Vec<Level> = (0..=100).map(|q| levels.of_quality(q).unwrap()).collect();
            assert!(all.is_sorted(), "{count}");
            assert!(levels.iter().all(|l| all.contains(&l)), "{count}");
            assert_eq!((all[0].number(), all[100]), (0, levels.last()));
            assert_eq!(levels.of_quality(101), None);
        }
        let all = Levels::new(64).unwrap();
        assert_eq!(all.of_quality(60).map(Level::number), Some(38));
    }

    #[test]
    fn numbers_beyond_the_last_are_no_levels() {
        let levels = Levels::new(13).unwrap();
        assert_eq!(levels.iter().len(), 13);
        assert!(levels.get(12).is_some() && levels.get(13).is_none());
        let text = levels.require(13).unwrap_err().to_string();
        assert_eq!(text, "level 13 is outside 0..=12");
        assert!(Levels::new(0).is_none() && Levels::new(65).is_none());
    }
}
