//! CRC-32C over symbols: the proof that a reader found what the writer wrote.

/// CRC-32C (Castagnoli) over symbols, each as a little-endian `i32`, in the order given.
///
/// The width of the integers that hold the symbols does not matter: `update_i16` and `update_i32`
/// give the same checksum for the same values, however they are cut into calls.
///
/// ```
/// let mut a = kiln_entropy::Checksum::new();
/// a.update_i16(&[1, -2]);
/// let mut b = kiln_entropy::Checksum::new();
/// b.update_i32(&[1]);
/// b.update_i32(&[-2]);
/// assert_eq!(a.finish(), b.finish());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Checksum(u32);

/// Symbols converted at a time: 4 KiB on the stack, long enough for the CRC to run at its full
/// speed.
const BLOCK: usize = 1024;

impl Checksum {
    /// The checksum of no symbols.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends symbols.
    pub fn update_i16(&mut self, symbols: &[i16]) {
        self.update(symbols, |&s| i32::from(s));
    }

    /// Appends symbols.
    pub fn update_i32(&mut self, symbols: &[i32]) {
        self.update(symbols, |&s| s);
    }

    /// The checksum of all symbols so far.
    pub fn finish(self) -> u32 {
        self.0
    }

    fn update<T>(&mut self, symbols: &[T], value: impl Fn(&T) -> i32) {
        let mut bytes = [[0; 4]; BLOCK];
        for block in symbols.chunks(BLOCK) {
            for (b, s) in bytes.iter_mut().zip(block) {
                *b = value(s).to_le_bytes();
            }
            self.0 = crc32c::crc32c_append(self.0, bytes[..block.len()].as_flattened());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_published_vector() {
        // RFC 3720, B.4: 32 bytes of incrementing 00..1f.
        let mut sum = Checksum::new();
        let words: Vec<i32> = (0..8).map(|i| 0x0302_0100 + 0x0404_0404 * i).collect();
        sum.update_i32(&words);
        assert_eq!(sum.finish(), 0x46DD_794E);
    }

    #[test]
    fn neither_width_nor_cuts_matter_but_order_does() {
        let narrow: Vec<i16> = (0..5000)
            .map(|i| (i * 37 % 65_536 - 32_768) as i16)
            .collect();
        let wide: Vec<i32> = narrow.iter().map(|&s| s.into()).collect();
        let (mut a, mut b, mut c) = (Checksum::new(), Checksum::new(), Checksum::new());
        a.update_i16(&narrow);
        wide.chunks(7).for_each(|part| b.update_i32(part));
        c.update_i16(&narrow.iter().rev().copied().collect::<Vec<_>>());
        let (a, b, c) = (a.finish(), b.finish(), c.finish());
        assert_eq!(a, b);
        assert_ne!(a, c);
    }
}
