//! Many small numbers in little memory.

/// A list of numbers that name places ([`SymbolModel::place`](crate::SymbolModel::place)). A picture has tens of
/// millions of them and most are rows of tables, so numbers below 128 take one byte, and each factor of 128 takes
/// one more.
///
/// ```
/// use kiln_entropy::Places;
///
/// let places: Places = [3, 300, u64::MAX].into_iter().collect();
/// assert_eq!(places.len(), 3);
/// assert_eq!(places.iter().collect::<Vec<_>>(), [3, 300, u64::MAX]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Seven bits of a number in each byte, lowest ones first; bit 7 says that more follow (LEB128).
    bytes: Vec<u8>,
    len: usize,
}

impl Places {
    /// Appends a number.
    #[inline]
    pub fn push(&mut self, mut place: u64) {
        while place >= 0x80 {
            self.bytes.push(place as u8 | 0x80);
            place >>= 7;
        }
        self.bytes.push(place as u8);
        self.len += 1;
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let mut bytes = self.bytes.iter();
        std::iter::from_fn(move || {
            let mut place = 0;
            let mut shift = 0;
            loop {
                let byte = bytes.next()?;
                place |= u64::from(byte & 0x7F) << shift;
                if byte & 0x80 == 0 {
                    return Some(place);
                }
                shift += 7;
            }
        })
    }
}

impl Extend<u64> for Places {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, places: I) {
        let places = places.into_iter();
        self.bytes.reserve(places.size_hint().0);
        places.for_each(|place| self.push(place));
    }
}

impl FromIterator<u64> for Places {
    fn from_iter<I: IntoIterator<Item = u64>>(places: I) -> Self {
        let mut list = Self::default();
        list.extend(places);
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_come_back() {
        let numbers: Vec<u64> = (0..64)
            .flat_map(|bit| [(1 << bit) - 1, 1 << bit])
            .chain([u64::MAX])
            .collect();
        let places: Places = numbers.iter().copied().collect();
        assert_eq!(places.len(), numbers.len());
        assert_eq!(places.iter().collect::<Vec<_>>(), numbers);
        assert!(!places.is_empty() && Places::default().is_empty());
    }

    #[test]
    fn rows_take_a_byte() {
        assert_eq!((0..128).collect::<Places>().bytes.len(), 128);
        assert_eq!((128..16_384).collect::<Places>().bytes.len(), 2 * 16_256);
    }
}
