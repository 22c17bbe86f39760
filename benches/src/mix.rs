//! Symbols and the rows that code them.
//!
//! Symbols are drawn from the tables they are coded with. `photo` has the rows of a photograph at a middle quality,
//! mostly narrow ones, more than half of them not coded; `uniform` has all rows equally often and in random order, which
//! is the hardest mix for a search.

use kiln_entropy::{
    Chained, ChainedRow, CodeError, Coder, Reader, RowSpec, Rows, SymbolModel, Tables, Writer,
    freeze,
};

use crate::baseline::PlainRow;

/// Symbols of one chunk: a stripe of 32 latent rows of a 24 megapixel picture has 3.8 million.
pub const CHUNK: usize = 1 << 20;
/// Rows of the mixes.
const ROWS: u8 = 64;
/// First row that is coded in the mix `photo`.
const SKIP_BELOW: u16 = 6;
/// Scales of the first and the last row.
const SCALES: (f64, f64) = (0.11, 64.0);
/// Chains of a chunk, as many as `base` has channels, and how many symbols of one follow each other.
const CHAINS: usize = 192;
const RUN: usize = 24;
/// The largest symbol that an escape may carry.
const LIMIT: i32 = 32_767;

/// One chunk of symbols.
pub struct Mix {
    /// What the mix is like.
    pub name: &'static str,
    /// What the symbols are coded with: every row twice, for the two quantisers of chains.
    pub tables: Tables,
    /// The row of each symbol.
    pub rows: Vec<u8>,
    /// The symbols, 0 where a row is not coded.
    pub symbols: Vec<i16>,
}

/// Rows of normal distributions with scales on a logarithmic grid.
///
/// # Errors
/// The tables cannot be frozen.
pub fn gaussian_rows() -> Result<Vec<PlainRow>, Box<dyn std::error::Error>> {
    (0..ROWS)
        .map(|index| {
            let (first, last) = SCALES;
            let sigma = first * (last / first).powf(f64::from(index) / f64::from(ROWS - 1));
            let half_width = (5.0 * sigma).ceil() as u32 + 1;
            let freqs = freeze::row(&freeze::gaussian(sigma, half_width))?;
            Ok(PlainRow::new(-(half_width as i32), freqs))
        })
        .collect()
}

/// The two mixes over the given rows.
///
/// # Errors
/// The rows make no tables.
pub fn mixes(plain: &[PlainRow]) -> Result<[Mix; 2], Box<dyn std::error::Error>> {
    let photo = mix("photo", plain, SKIP_BELOW, |r| {
        // The product of three uniform numbers: many small scales, few large ones.
        let [a, b, c] = [r & 0xFFFF, r >> 16 & 0xFFFF, r >> 32 & 0xFFFF];
        (u64::from(ROWS) * a * b / 0xFFFF * c / 0xFFFF / 0x1_0000) as u8
    })?;
    let uniform = mix("uniform", plain, 0, |r| (r % u64::from(ROWS)) as u8)?;
    Ok([photo, uniform])
}

fn mix(
    name: &'static str,
    plain: &[PlainRow],
    skip_below: u16,
    pick_row: impl Fn(u64) -> u8,
) -> Result<Mix, Box<dyn std::error::Error>> {
    let mut random = Random(7);
    let mut rows = Vec::with_capacity(CHUNK);
    let mut symbols = Vec::with_capacity(CHUNK);
    for _ in 0..CHUNK {
        let index = pick_row(random.next());
        let row = &plain[usize::from(index)];
        let bin = row.find(random.next() as u16);
        let symbol = if u16::from(index) < skip_below {
            0
        } else if bin == row.escape() {
            row.first() + bin as i32 + (random.next() % 8) as i32
        } else {
            row.first() + bin as i32
        };
        rows.push(index);
        symbols.push(symbol as i16);
    }
    let specs = plain.iter().chain(plain).map(|row| RowSpec {
        first: row.first(),
        freqs: row.freqs(),
    });
    Ok(Mix {
        name,
        tables: Tables::new(specs, skip_below, LIMIT)?,
        rows,
        symbols,
    })
}

impl Mix {
    /// The model that codes the symbols in their rows.
    pub fn model(&self) -> Rows<'_> {
        Rows::new(&self.tables)
    }

    /// The model that codes the symbols in chains, at their beginning.
    pub fn chained_model(&self) -> Chained<'_> {
        Chained::new(&self.tables, CHAINS)
    }

    /// The places of the symbols in chains.
    pub fn chained_rows(&self) -> Vec<ChainedRow> {
        let place = |(index, &row): (usize, &u8)| ChainedRow {
            row: row.into(),
            chain: (index / RUN % CHAINS) as u16,
        };
        self.rows.iter().enumerate().map(place).collect()
    }
}

/// Codes symbols with kiln's coder. They stay as they are; the writer only asks for them to be mutable.
///
/// # Errors
/// A symbol that its place cannot hold.
pub fn encode<M: SymbolModel>(
    mut model: M,
    at: &mut [M::At],
    symbols: &mut [i16],
) -> Result<Vec<u8>, CodeError> {
    let mut writer = Writer::new();
    writer.code(&mut model, at, symbols)?;
    Ok(writer.finish())
}

/// Decodes with kiln's coder.
///
/// # Errors
/// The bytes are not those of [`encode`].
pub fn decode<M: SymbolModel>(
    mut model: M,
    at: &mut [M::At],
    bytes: &[u8],
    symbols: &mut [i16],
) -> Result<(), CodeError> {
    let mut reader = Reader::new(bytes)?;
    reader.code(&mut model, at, symbols)?;
    reader.finish()
}

/// A fixed sequence of pseudo-random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
