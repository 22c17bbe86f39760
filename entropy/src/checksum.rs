//! CRC-32C over symbols: the proof that a reader found what the writer wrote.

/// CRC-32C (Castagnoli) over integers, each in little-endian bytes of its own width, in the order given.
///
/// The checksum of a stream is that of its symbols, 16 bits each ([`Tally`](crate::Tally) keeps it), and
/// [`Checksum::combine`] makes one of those of several streams.
///
/// ```
/// use kiln_entropy::Checksum;
///
/// let mut a = Checksum::new();
/// a.update_i16(&[1, -2]);
/// let mut b = Checksum::new();
/// b.update_i16(&[1]);
/// b.update_i16(&[-2]);
/// let streams = [a.finish(), b.finish()];
/// assert_eq!(streams[0], streams[1]);
/// let picture = Checksum::combine(streams);
/// # assert_ne!(picture, Checksum::combine([streams[0]]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Checksum(u32);

/// Integers converted at a time: a few KiB on the stack, long enough for the CRC to run at its full speed.
const BLOCK: usize = 1024;

impl Checksum {
    /// The checksum of nothing, which is 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The checksum of a picture: that over the checksums of its streams, in their order, 4 bytes each.
    pub fn combine(streams: impl IntoIterator<Item = u32>) -> u32 {
        let mut all = Self::new();
        for checksum in streams {
            all.update(&[checksum], |c| c.to_le_bytes());
        }
        all.finish()
    }

    /// Appends symbols, 2 bytes each.
    pub fn update_i16(&mut self, symbols: &[i16]) {
        self.update(symbols, |s| s.to_le_bytes());
    }

    /// Appends integers, 4 bytes each: for values that do not fit a symbol.
    pub fn update_i32(&mut self, values: &[i32]) {
        self.update(values, |v| v.to_le_bytes());
    }

    /// The checksum of all that was appended.
    pub fn finish(self) -> u32 {
        self.0
    }

    fn update<T: Copy, const N: usize>(&mut self, values: &[T], to_bytes: impl Fn(T) -> [u8; N]) {
        let mut bytes = [[0; N]; BLOCK];
        for block in values.chunks(BLOCK) {
            for (b, &v) in bytes.iter_mut().zip(block) {
                *b = to_bytes(v);
            }
            self.0 = crc32c::crc32c_append(self.0, bytes[..block.len()].as_flattened());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(symbols: &[i16]) -> u32 {
        let mut sum = Checksum::new();
        sum.update_i16(symbols);
        sum.finish()
    }

    #[test]
    fn matches_the_published_vector() {
        // RFC 3720, B.4: 32 bytes of incrementing 00..1f.
        let symbols: Vec<i16> = (0..16).map(|i| 0x0100 + 0x0202 * i).collect();
        assert_eq!(of(&symbols), 0x46DD_794E);
        let mut sum = Checksum::new();
        let words: Vec<i32> = (0..8).map(|i| 0x0302_0100 + 0x0404_0404 * i).collect();
        sum.update_i32(&words);
        assert_eq!(sum.finish(), 0x46DD_794E);
        assert_eq!(
            Checksum::combine(words.iter().map(|&w| w as u32)),
            0x46DD_794E
        );
    }

    #[test]
    fn cuts_do_not_matter_but_order_does() {
        let symbols: Vec<i16> = (0..5000)
            .map(|i| (i * 37 % 65_536 - 32_768) as i16)
            .collect();
        let mut cut = Checksum::new();
        symbols.chunks(7).for_each(|part| cut.update_i16(part));
        assert_eq!(cut.finish(), of(&symbols));
        let reversed: Vec<i16> = symbols.iter().rev().copied().collect();
        assert_ne!(of(&reversed), of(&symbols));
    }
}
