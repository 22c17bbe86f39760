//! Errors, by who must act.

use thiserror::Error;

/// Why a probability table was refused. Whoever made the table must act.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TableError {
    /// A row has too few bins (at least one literal and the escape) or more than 65536.
    #[error("row {row} has {bins} bins (expected 2 to 65536)")]
    BinCount {
        /// Index of the row.
        row: usize,
        /// Its bins, escape included.
        bins: usize,
    },
    /// A bin has no probability: its symbol could never be coded.
    #[error("bin {bin} of row {row} has frequency 0 (expected at least 1)")]
    ZeroFrequency {
        /// Index of the row.
        row: usize,
        /// Index of the bin in the row.
        bin: usize,
    },
    /// The frequencies of a row do not add up to 65536.
    #[error("frequencies of row {row} add up to {sum} (expected 65536)")]
    Sum {
        /// Index of the row.
        row: usize,
        /// What they add up to.
        sum: u64,
    },
    /// A row gives a bin of its own to a symbol beyond the limit.
    #[error(
        "row {row} starts at {first} and has {literals} literals: beyond the limit of ±{limit}"
    )]
    LiteralBeyondLimit {
        /// Index of the row.
        row: usize,
        /// Its first literal.
        first: i32,
        /// How many literals it has.
        literals: usize,
        /// The largest magnitude allowed.
        limit: i32,
    },
    /// A curve lies too far from its mean, or its knots lie too far apart.
    #[error(
        "row {row} has its first knot at {first}/64 and a shift of {shift} (expected knots within ±65536 and a \
         shift of at most 8)"
    )]
    Knots {
        /// Index of the row.
        row: usize,
        /// Its first knot, in 64ths of a symbol.
        first: i32,
        /// How far its knots are apart, as a power of two.
        shift: u8,
    },
    /// The limit itself is out of range.
    #[error("symbol limit {0} (expected 1 to 32767)")]
    Limit(i32),
    /// More rows are skipped than there are.
    #[error("rows below {skip_below} are skipped, but there are only {rows}")]
    SkipBelow {
        /// First row that is coded.
        skip_below: u16,
        /// Rows in the bank.
        rows: usize,
    },
    /// The bank is larger than an index can address or than memory should hold.
    #[error("{what} exceed the {limit} that one bank may hold")]
    TooLarge {
        /// What there is too much of: rows or bins.
        what: &'static str,
        /// The most that is accepted.
        limit: usize,
    },
    /// A probability to freeze is negative, infinite or not a number.
    #[error("probability of bin {bin} is {value} (expected a finite number, 0 or more)")]
    Probability {
        /// Index of the bin.
        bin: usize,
        /// Its value.
        value: f64,
    },
    /// The probabilities to freeze add up to nothing, or to more than a float holds.
    #[error("probabilities add up to {0} (expected a finite number above 0)")]
    Mass(f64),
}

/// Why symbols could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodeError {
    /// The stream starts with bytes that no writer produces. The data is damaged.
    #[error("damaged symbol stream: impossible first {bytes} bytes")]
    Start {
        /// How many bytes hold the coder's first state.
        bytes: usize,
    },
    /// More was read than was written: wrong tables, or the data is damaged or cut short.
    #[error("damaged symbol stream: ended before all symbols were read")]
    Exhausted,
    /// Less was read than was written, or something else: wrong tables, or the data is damaged.
    #[error("damaged symbol stream: does not end where its symbols end")]
    NotAtEnd,
    /// An escaped symbol is beyond the limit of the tables: wrong tables, or the data is damaged.
    #[error("damaged symbol stream: symbol {symbol} is beyond ±{limit}")]
    EscapeBeyondLimit {
        /// What was decoded.
        symbol: i32,
        /// The largest magnitude allowed.
        limit: i32,
    },
    /// The caller named a row that the bank does not have.
    #[error("row {row} does not exist (the bank has {rows})")]
    UnknownRow {
        /// The row asked for.
        row: u16,
        /// Rows in the bank.
        rows: usize,
    },
    /// The caller named a chain that there is not.
    #[error("chain {chain} does not exist (there are {chains})")]
    UnknownChain {
        /// The chain asked for.
        chain: u16,
        /// How many chains there are.
        chains: usize,
    },
    /// The caller gave slices of different lengths.
    #[error("{places} places for {symbols} symbols (expected one place for each symbol)")]
    Lengths {
        /// Length of the places.
        places: usize,
        /// Length of the symbols.
        symbols: usize,
    },
    /// The caller wants to write a symbol that a reader would refuse; clamp before writing.
    #[error("symbol {symbol} cannot be written: beyond ±{limit}")]
    SymbolBeyondLimit {
        /// The symbol.
        symbol: i32,
        /// The largest magnitude allowed.
        limit: i32,
    },
    /// The caller wants to write a symbol in a row that is not coded; zero it before writing.
    #[error(
        "symbol {symbol} cannot be written in row {row}: the row is not coded, its symbols are 0"
    )]
    SkippedNotZero {
        /// The row.
        row: u16,
        /// The symbol.
        symbol: i32,
    },
    /// The weights of a mixture do not add up. The network that computed them is at fault.
    #[error("the weights of a mixture add up to {sum} (expected 32768)")]
    Weights {
        /// What they add up to.
        sum: u64,
    },
    /// The caller wants to write a symbol that its alphabet does not have.
    #[error("symbol {symbol} is not one of an alphabet of {count}")]
    OutsideAlphabet {
        /// The symbol.
        symbol: i32,
        /// How many symbols there are.
        count: u32,
    },
    /// The caller wants to write a symbol that the model cannot code at its place.
    #[error("symbol {symbol} cannot be written: its probability is 0 here")]
    Impossible {
        /// The symbol.
        symbol: i32,
    },
    /// The model is at fault: it found no slot for a quantile, or one that does not hold it.
    #[error("the model of symbols contradicts itself: no slot holds the quantile {quantile}")]
    NoSlot {
        /// The quantile.
        quantile: u16,
    },
}
