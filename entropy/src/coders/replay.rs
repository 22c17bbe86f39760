//! Symbols that were chosen or recorded before.

use crate::{CodeError, Coder, SymbolModel};

/// Hands out symbols from a list, in the order of coding, and passes them on to the coder inside: a
/// [`Writer`](crate::Writer) writes them, [`Follow`](crate::Follow) only lets networks and models see them.
///
/// The list is anything that holds symbols: a vector, or a borrowed slice.
///
/// ```
/// use kiln_entropy::{Alphabet, Coder, Follow, Replay, Uniform};
///
/// let known: [i16; 3] = [4, 0, 7];
/// let mut coder = Replay::new(&known, Follow);
/// let mut symbols = [0; 2];
/// coder.code(&mut Uniform, &mut [Alphabet::bits(3).unwrap(); 2], &mut symbols).unwrap();
/// assert_eq!((symbols, coder.left()), ([4, 0], 1));
/// ```
#[derive(Clone, Debug)]
pub struct Replay<S, C> {
    symbols: S,
    next: usize,
    is_padded: bool,
    inner: C,
}

impl<S: AsRef<[i16]>, C> Replay<S, C> {
    /// A list that must be long enough: more symbols than it has are an error.
    pub fn new(symbols: S, inner: C) -> Self {
        Self {
            symbols,
            next: 0,
            is_padded: false,
            inner,
        }
    }

    /// A list that zeros follow without end.
    pub fn padded(symbols: S, inner: C) -> Self {
        Self {
            is_padded: true,
            ..Self::new(symbols, inner)
        }
    }

    /// How many symbols of the list have not been handed out yet.
    pub fn left(&self) -> usize {
        self.symbols.as_ref().len() - self.next
    }

    /// The coder inside, and the whole list.
    pub fn into_parts(self) -> (C, S) {
        (self.inner, self.symbols)
    }

    /// Fills in the next symbols of the list.
    fn hand_out(&mut self, symbols: &mut [i16]) -> Result<(), CodeError> {
        let known = &self.symbols.as_ref()[self.next..];
        let count = known.len().min(symbols.len());
        if count < symbols.len() && !self.is_padded {
            return Err(CodeError::Exhausted);
        }
        let (first, rest) = symbols.split_at_mut(count);
        first.copy_from_slice(&known[..count]);
        rest.fill(0);
        self.next += count;
        Ok(())
    }
}

/// [`CodeError::Exhausted`] if the list is too short.
impl<S: AsRef<[i16]> + Send, C: Coder> Coder for Replay<S, C> {
    fn code<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: &mut [M::At],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        self.hand_out(symbols)?;
        self.inner.code(model, at, symbols)
    }

    fn code_one<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: M::At,
        symbol: &mut i32,
    ) -> Result<M::At, CodeError> {
        let mut one = [0];
        self.hand_out(&mut one)?;
        *symbol = one[0].into();
        self.inner.code_one(model, at, symbol)
    }
}
