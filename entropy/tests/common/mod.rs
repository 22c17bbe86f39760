//! Rows and symbols that several tests draw from, and short ways to code them.
// Each test crate uses its own part of this module.
#![allow(dead_code)]

use kiln_entropy::{CodeError, Coder, Reader, RowSpec, Rows, SymbolModel, Tables, Writer, freeze};

/// Symbols beyond this are refused by the tables of [`gaussian_mix`].
pub const LIMIT: i32 = 32_767;

/// A fixed sequence of pseudo-random numbers (splitmix64): the same figures in every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// The bytes of symbols at the given places.
pub fn write<M: SymbolModel>(
    mut model: M,
    at: &[M::At],
    symbols: &[i16],
) -> Result<Vec<u8>, CodeError> {
    let mut writer = Writer::new();
    writer.code(&mut model, &mut at.to_vec(), &mut symbols.to_vec())?;
    Ok(writer.finish())
}

/// The symbols at the given places, if the bytes are those of so many.
pub fn read<M: SymbolModel>(
    mut model: M,
    at: &[M::At],
    bytes: &[u8],
) -> Result<Vec<i16>, CodeError> {
    let mut symbols = vec![99; at.len()];
    let mut reader = Reader::new(bytes)?;
    reader.code(&mut model, &mut at.to_vec(), &mut symbols)?;
    reader.finish()?;
    Ok(symbols)
}

/// A bank of normal rows, and the frequencies it was made from.
pub struct GaussianMix {
    pub tables: Tables,
    rows: Vec<(i32, Vec<u16>)>,
}

/// 64 normal rows with scales from 0.11 to 64 on a logarithmic grid, as a model has them.
pub fn gaussian_mix() -> GaussianMix {
    let row = |index| {
        let sigma = 0.11 * (64.0f64 / 0.11).powf(f64::from(index) / 63.0);
        let half_width = (4.5 * sigma).ceil() as u32;
        (
            -(half_width as i32),
            freeze::row(&freeze::gaussian(sigma, half_width)).unwrap(),
        )
    };
    let rows: Vec<(i32, Vec<u16>)> = (0..64).map(row).collect();
    let specs = rows.iter().map(|(first, freqs)| RowSpec {
        first: *first,
        freqs,
    });
    GaussianMix {
        tables: Tables::new(specs, 0, LIMIT).unwrap(),
        rows,
    }
}

impl GaussianMix {
    /// The bytes of symbols in these rows.
    pub fn write(&self, rows: &[u8], symbols: &[i16]) -> Vec<u8> {
        write(Rows::new(&self.tables), rows, symbols).unwrap()
    }

    /// The symbols in these rows.
    pub fn read(&self, rows: &[u8], bytes: &[u8]) -> Result<Vec<i16>, CodeError> {
        read(Rows::new(&self.tables), rows, bytes)
    }

    /// Random rows and, from each row's own distribution, a symbol; escapes are a little beyond the
    /// literals.
    pub fn draw(&self, random: &mut Random, count: usize) -> (Vec<u8>, Vec<i16>) {
        let draw = |_| {
            let index = (random.next() % 64) as u8;
            let (first, freqs) = &self.rows[usize::from(index)];
            let mut quantile = (random.next() & 0xFFFF) as i32;
            let bin = freqs.iter().take_while(|&&f| {
                quantile -= i32::from(f);
                quantile >= 0
            });
            let bin = bin.count() as i32;
            let excess = if bin as usize == freqs.len() - 1 {
                random.next() % 16
            } else {
                0
            };
            let sign = if random.next().is_multiple_of(2) {
                -1
            } else {
                1
            };
            let symbol = if excess > 0 {
                sign * (bin + first + excess as i32)
            } else {
                first + bin
            };
            (index, symbol as i16)
        };
        (0..count).map(draw).unzip()
    }
}
