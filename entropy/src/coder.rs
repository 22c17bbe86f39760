//! The two traits: how probable symbols are, and what is done with them.

use crate::{CodeError, RawReader, Slots};

/// Symbols that models work on at a time where they sort out the ones that are not coded.
pub(crate) const BLOCK: usize = 1024;

/// How symbols are coded: which part of the coder's range each symbol has at a place.
///
/// Integers only: equal places and equal symbols before must give equal slots on every machine. A symbol is a number
/// that fits `i16`, positive or negative; a model with an unsigned alphabet of more than 2^15 symbols wraps
/// ([`Alphabet::symbol`](crate::Alphabet::symbol)).
///
/// A model may have a state that changes with the symbols it codes. [`write`](SymbolModel::write),
/// [`read`](SymbolModel::read) and [`follow`](SymbolModel::follow) must change it equally for equal symbols.
///
/// A model outside of this crate takes slots from [`Slot::new`](crate::Slot::new). One that contradicts itself, such
/// as a `read` that does not undo `write`, gives wrong symbols or errors and nothing worse.
///
/// ```
/// use kiln_entropy::{CodeError, Coder, RawReader, Reader, Slot, Slots, SymbolModel, Writer};
///
/// /// Coins that show 1 with a probability of `at` / 256.
/// struct Coins;
///
/// /// The slot of a symbol. 0 and 1 share the range of 65536.
/// fn slot(at: u8, symbol: i32) -> Option<Slot> {
///     let ones = u16::from(at) << 8;
///     match symbol {
///         0 => Slot::new(ones, 0u16.wrapping_sub(ones)),
///         1 => Slot::new(0, ones),
///         _ => None,
///     }
/// }
///
/// impl SymbolModel for Coins {
///     type At = u8;
///
///     fn write(&mut self, at: &mut u8, symbol: i32, out: &mut Slots) -> Result<(), CodeError> {
///         out.push(slot(*at, symbol).ok_or(CodeError::Impossible { symbol })?);
///         Ok(())
///     }
///
///     fn read(&mut self, at: &mut u8, from: &mut RawReader<'_>) -> Result<i32, CodeError> {
///         from.find(|quantile| {
///             let symbol = i32::from(quantile < u16::from(*at) << 8);
///             Some((symbol, slot(*at, symbol)?))
///         })
///     }
///
///     fn follow(&mut self, _: &mut u8, _: i32) -> Result<(), CodeError> {
///         Ok(())
///     }
///
///     fn place(at: u8) -> u64 {
///         at.into()
///     }
///
///     fn bits(&self, at: u8, symbol: i32) -> f64 {
///         slot(at, symbol).map_or(f64::INFINITY, Slot::bits)
///     }
/// }
///
/// # fn main() -> Result<(), CodeError> {
/// let (mut at, mut symbols) = ([200, 10, 128, 250], [1, 0, 1, 1]);
/// let mut writer = Writer::new();
/// writer.code(&mut Coins, &mut at, &mut symbols)?;
/// let bytes = writer.finish();
///
/// let (mut reader, mut read) = (Reader::new(&bytes)?, [0; 4]);
/// reader.code(&mut Coins, &mut at, &mut read)?;
/// reader.finish()?;
/// assert_eq!(read, symbols);
/// # Ok(())
/// # }
/// ```
pub trait SymbolModel {
    /// Where a symbol is coded: a row, a row and its chain, the parameters of a mixture, the size of a codebook.
    type At: Copy + Send + Sync;

    /// Appends the slots of a symbol. Changes `at` to the place that was really used, where that is another.
    ///
    /// # Errors
    /// The place does not exist, or the symbol cannot be coded there.
    fn write(&mut self, at: &mut Self::At, symbol: i32, out: &mut Slots) -> Result<(), CodeError>;

    /// Reads a symbol, which must fit `i16`. Changes `at` as [`SymbolModel::write`] does.
    ///
    /// # Errors
    /// The place does not exist, or the stream holds a symbol that no writer writes.
    fn read(&mut self, at: &mut Self::At, from: &mut RawReader<'_>) -> Result<i32, CodeError>;

    /// Does to the model and to `at` what coding this symbol does, but codes nothing. The symbol may be one that
    /// cannot be coded at this place.
    ///
    /// # Errors
    /// The place does not exist.
    fn follow(&mut self, at: &mut Self::At, symbol: i32) -> Result<(), CodeError>;

    /// A number that names a place, for records that are compared between devices. Small numbers take less memory.
    fn place(at: Self::At) -> u64;

    /// Ideal cost of a symbol in bits, infinite where it cannot be coded, at a place as `write`, `read` or `follow`
    /// left it. For estimates: coding does not use it.
    fn bits(&self, at: Self::At, symbol: i32) -> f64;

    /// Writes `symbols[i]` at `at[i]` for all `i` in order: the same as as many calls of [`SymbolModel::write`].
    ///
    /// # Errors
    /// [`CodeError::Lengths`] if the slices differ in length, and those of [`SymbolModel::write`].
    fn write_all(
        &mut self,
        at: &mut [Self::At],
        symbols: &[i16],
        out: &mut Slots,
    ) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        for (at, &symbol) in at.iter_mut().zip(symbols) {
            self.write(at, symbol.into(), out)?;
        }
        Ok(())
    }

    /// Reads `symbols[i]` at `at[i]` for all `i` in order: the same as as many calls of [`SymbolModel::read`].
    ///
    /// # Errors
    /// [`CodeError::Lengths`] if the slices differ in length, and those of [`SymbolModel::read`].
    fn read_all(
        &mut self,
        at: &mut [Self::At],
        symbols: &mut [i16],
        from: &mut RawReader<'_>,
    ) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        for (at, symbol) in at.iter_mut().zip(symbols) {
            *symbol = self.read(at, from)? as i16;
        }
        Ok(())
    }

    /// Follows `symbols[i]` at `at[i]` for all `i` in order: the same as as many calls of [`SymbolModel::follow`].
    ///
    /// # Errors
    /// [`CodeError::Lengths`] if the slices differ in length, and those of [`SymbolModel::follow`].
    fn follow_all(&mut self, at: &mut [Self::At], symbols: &[i16]) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        for (at, &symbol) in at.iter_mut().zip(symbols) {
            self.follow(at, symbol.into())?;
        }
        Ok(())
    }
}

/// What is done with symbols: [`Writer`](crate::Writer) takes them, [`Reader`](crate::Reader) fills them in, others
/// wrap one of these.
///
/// After an error a coder is of no further use: it may hold a part of the symbols.
pub trait Coder: Send {
    /// Codes `symbols[i]` at `at[i]` for all `i` in order. Each `at[i]` becomes the place that was really used.
    ///
    /// # Errors
    /// [`CodeError::Lengths`] if the slices differ in length, the errors of the model, and those that the coder
    /// names.
    fn code<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: &mut [M::At],
        symbols: &mut [i16],
    ) -> Result<(), CodeError>;

    /// Codes one symbol and returns the place that was really used: the same as [`Coder::code`] with slices of one.
    ///
    /// # Errors
    /// As [`Coder::code`].
    fn code_one<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: M::At,
        symbol: &mut i32,
    ) -> Result<M::At, CodeError>;
}

impl<C: Coder> Coder for &mut C {
    fn code<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: &mut [M::At],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        (**self).code(model, at, symbols)
    }

    fn code_one<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: M::At,
        symbol: &mut i32,
    ) -> Result<M::At, CodeError> {
        (**self).code_one(model, at, symbol)
    }
}

/// Checks that there is one place for each symbol.
pub(crate) fn check_lengths<A>(at: &[A], symbols: &[i16]) -> Result<(), CodeError> {
    if at.len() == symbols.len() {
        Ok(())
    } else {
        Err(CodeError::Lengths {
            places: at.len(),
            symbols: symbols.len(),
        })
    }
}
