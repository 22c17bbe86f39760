//! Bytes to symbols.

use std::convert::Infallible;
use std::fmt;

use constriction::Stack;
use constriction::backends::ReadWords;
use constriction::stream::stack::AnsCoder;
use constriction::stream::{Code, Decode};

use crate::symbols::{BLOCK, check_lengths, coded_indices};
use crate::{Chains, CodeError, START, Symbols, Tables, escape};

/// Words of a stream, read from the front, without a copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a>(&'a [u8]);

impl ReadWords<u32, Stack> for Words<'_> {
    type ReadError = Infallible;

    #[inline(always)]
    fn read(&mut self) -> Result<Option<u32>, Infallible> {
        Ok(self.0.split_first_chunk().map(|(word, rest)| {
            self.0 = rest;
            u32::from_le_bytes(*word)
        }))
    }
}

/// Reads symbols from a stream of bytes, in the order in which they were written.
///
/// Any bytes are safe to read: they give symbols within the limit of the tables, or an error. That
/// all symbols were read without an error and [`Reader::finish`] agrees makes damage improbable;
/// only the [`Checksum`](crate::Checksum) of the symbols rules it out.
#[derive(Clone)]
pub struct Reader<'a> {
    coder: Coder<'a>,
}

/// The coder that reads the words of a stream.
pub(crate) type Coder<'a> = AnsCoder<u32, u64, Words<'a>>;

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("state", &self.coder.state())
            .field("bytes_left", &self.coder.bulk().0.len())
            .finish()
    }
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of a stream, which is all of `bytes`.
    ///
    /// # Errors
    /// [`CodeError::Start`] if no writer makes a stream of this length that starts like this.
    pub fn new(bytes: &'a [u8]) -> Result<Self, CodeError> {
        // Whole words follow the state, which takes at least 5 bytes where words follow it.
        let len = bytes.len();
        let used = if len < 5 { len } else { 5 + (len - 5) % 4 };
        let (head, words) = bytes.split_at(used);
        let mut state = [0; 8];
        state[..used].copy_from_slice(head);
        let state = if used == 0 {
            START
        } else {
            u64::from_le_bytes(state)
        };
        // A state that is too small or begins with zeros would be a second way to write a stream.
        if used > 0 && (state <= START || head.last() == Some(&0)) {
            return Err(CodeError::Start { bytes: used });
        }
        Ok(Reader {
            coder: AnsCoder::from_raw_parts(Words(words), state),
        })
    }

    /// Checks that exactly what was written has been read.
    ///
    /// # Errors
    /// [`CodeError::NotAtEnd`] if bytes are left over or the coder is not in the state in which
    /// every writer starts.
    pub fn finish(self) -> Result<(), CodeError> {
        let (words, state) = self.coder.into_raw_parts();
        if state == START && words.0.is_empty() {
            Ok(())
        } else {
            Err(CodeError::NotAtEnd)
        }
    }
}

/// Reads one symbol of a row that exists and is coded.
#[inline(always)]
fn read(coder: &mut Coder<'_>, tables: &Tables, row: u16) -> Result<i32, CodeError> {
    let view = tables.row(row).ok_or_else(|| tables.unknown(row))?;
    let Ok(bin) = coder.decode_symbol(view.search);
    if bin != view.escape {
        return Ok(view.first + bin as i32);
    }
    let symbol = escape::read(coder, view.first, view.last());
    if tables.is_beyond_limit(symbol) {
        return Err(CodeError::EscapeBeyondLimit {
            symbol,
            limit: tables.limit(),
        });
    }
    Ok(symbol)
}

/// Nothing read from an undamaged stream takes the state below its start; past the end it soon
/// falls there.
fn check_not_exhausted(coder: &Coder<'_>) -> Result<(), CodeError> {
    if coder.state() < START {
        Err(CodeError::Exhausted)
    } else {
        Ok(())
    }
}

impl Symbols for Reader<'_> {
    fn code(&mut self, tables: &Tables, row: u16, symbol: &mut i32) -> Result<(), CodeError> {
        if row < tables.skip_below() {
            *symbol = 0;
            return Ok(());
        }
        *symbol = read(&mut self.coder, tables, row)?;
        check_not_exhausted(&self.coder)
    }

    fn code_all(
        &mut self,
        tables: &Tables,
        rows: &[u8],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        check_lengths(rows, symbols)?;
        // A copy on the stack, so that its state stays in a register through the loop.
        let mut coder = self.coder.clone();
        let mut coded = [0; BLOCK];
        for (rows, symbols) in rows.chunks(BLOCK).zip(symbols.chunks_mut(BLOCK)) {
            symbols.fill(0);
            for &index in coded_indices(tables, rows, &mut coded) {
                let index = usize::from(index);
                // Literals and, by the check of the limit, escapes fit 16 bits.
                symbols[index] = read(&mut coder, tables, rows[index].into())? as i16;
            }
        }
        self.coder = coder;
        check_not_exhausted(&self.coder)
    }

    fn code_chained(
        &mut self,
        tables: &Tables,
        rows: &mut [u8],
        chain: &[u16],
        chains: &mut Chains,
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        chains.check(tables, rows, chain, symbols)?;
        let half = (tables.len() / 2) as u8;
        let mut coder = self.coder.clone();
        let mut coded = [0; BLOCK];
        let blocks = rows.chunks_mut(BLOCK).zip(chain.chunks(BLOCK));
        for ((rows, chain), symbols) in blocks.zip(symbols.chunks_mut(BLOCK)) {
            symbols.fill(0);
            for &index in coded_indices(tables, rows, &mut coded) {
                let index = usize::from(index);
                rows[index] += half * chains.quantiser(chain[index]);
                symbols[index] = read(&mut coder, tables, rows[index].into())? as i16;
                chains.advance(chain[index], symbols[index]);
            }
        }
        self.coder = coder;
        check_not_exhausted(&self.coder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RowSpec, Writer};

    fn tables(limit: i32) -> Tables {
        let spec = RowSpec {
            first: -1,
            freqs: &[16_384, 32_768, 8_192, 8_192],
        };
        Tables::new([spec; 3], 1, limit).unwrap()
    }

    fn stream(symbols: &mut [i16]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer
            .code_all(&tables(100), &vec![1; symbols.len()], symbols)
            .unwrap();
        writer.finish()
    }

    #[test]
    fn impossible_starts_are_refused() {
        let error = |bytes: &[u8]| Reader::new(bytes).err();
        assert_eq!(error(&[0x4D]), Some(CodeError::Start { bytes: 1 }));
        // The start itself would be a second way to write nothing.
        assert_eq!(
            error(&[0x4C, 0x4B, 0x01]),
            Some(CodeError::Start { bytes: 3 })
        );
        assert_eq!(error(&[0x4D, 0x4B, 0x01]), None);
        assert_eq!(
            error(&[0x4D, 0x4B, 0x01, 0x00]),
            Some(CodeError::Start { bytes: 4 })
        );
        assert_eq!(error(&[0xFF; 12]), None);
        let mut bytes = [0xFF; 12];
        bytes[7] = 0;
        assert_eq!(error(&bytes), Some(CodeError::Start { bytes: 8 }));
    }

    #[test]
    fn each_error_of_the_caller() {
        let reader = Reader::new(&[]).unwrap();
        let unknown = |row| Err(CodeError::UnknownRow { row, rows: 3 });
        assert_eq!(reader.clone().code(&tables(9), 3, &mut 0), unknown(3));
        assert_eq!(
            reader.clone().code_all(&tables(9), &[200], &mut [0]),
            unknown(200)
        );
        assert_eq!(
            reader.clone().code_all(&tables(9), &[], &mut [0]),
            Err(CodeError::Lengths {
                rows: 0,
                symbols: 1
            })
        );
    }

    #[test]
    fn reading_on_past_the_end_is_an_error() {
        let bytes = stream(&mut [0; 50]);
        let mut reader = Reader::new(&bytes).unwrap();
        reader
            .code_all(&tables(100), &[1; 50], &mut [0; 50])
            .unwrap();
        assert_eq!(reader.clone().finish(), Ok(()));
        assert_eq!(
            reader.code(&tables(100), 1, &mut 0),
            Err(CodeError::Exhausted)
        );
        let mut reader = Reader::new(&bytes).unwrap();
        let result = reader.code_all(&tables(100), &[1; 51], &mut [0; 51]);
        assert_eq!(result, Err(CodeError::Exhausted));
    }

    #[test]
    fn stopping_early_is_an_error() {
        let bytes = stream(&mut [0; 50]);
        let mut reader = Reader::new(&bytes).unwrap();
        reader
            .code_all(&tables(100), &[1; 49], &mut [0; 49])
            .unwrap();
        assert_eq!(reader.finish(), Err(CodeError::NotAtEnd));
    }

    #[test]
    fn escapes_beyond_the_limit_are_an_error() {
        for symbol in [-60, 60] {
            let bytes = stream(&mut [0, symbol as i16]);
            let mut symbols = [0; 2];
            let mut reader = Reader::new(&bytes).unwrap();
            reader.code_all(&tables(60), &[1; 2], &mut symbols).unwrap();
            assert_eq!(symbols, [0, symbol as i16]);
            let mut reader = Reader::new(&bytes).unwrap();
            let expected = Err(CodeError::EscapeBeyondLimit { symbol, limit: 59 });
            assert_eq!(
                reader.code_all(&tables(59), &[1; 2], &mut symbols),
                expected
            );
        }
    }

    #[test]
    fn skipped_rows_are_zero_and_read_nothing() {
        let mut reader = Reader::new(&[]).unwrap();
        let (mut symbols, mut symbol) = ([7; 3], 7);
        reader.code_all(&tables(9), &[0; 3], &mut symbols).unwrap();
        reader.code(&tables(9), 0, &mut symbol).unwrap();
        assert_eq!((symbols, symbol), ([0; 3], 0));
        assert_eq!(reader.finish(), Ok(()));
    }
}
