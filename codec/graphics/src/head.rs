//! What comes before the strips: the version, which blocks are marked, and the lengths of the strips.

use kiln_entropy::{Coder, Reader, Writer};

use crate::error::Error;
use crate::layout::{Blocks, Layout};
use crate::mix::Counter;

/// First byte of a layer in which some blocks are not marked.
const SOME: u8 = 0;
/// First byte of a layer in which all blocks are marked.
const ALL: u8 = 1;

const CUT: Error = Error::Damaged("cut short");

/// Writes the head; `lengths` are those of all strips but the last.
pub(crate) fn write(blocks: &Blocks, lengths: &[usize]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    if blocks.is_all() {
        bytes.push(ALL);
    } else {
        let mut writer = Writer::new();
        code_blocks(&mut blocks.clone(), &mut writer)?;
        let marks = writer.finish();
        bytes.push(SOME);
        write_number(&mut bytes, marks.len());
        bytes.extend(marks);
    }
    for &length in lengths {
        write_number(&mut bytes, length);
    }
    Ok(bytes)
}

/// Reads the blocks, and what is left after them.
pub(crate) fn read<'a>(bytes: &'a [u8], layout: &Layout) -> Result<(Blocks, &'a [u8]), Error> {
    let (&first, mut rest) = bytes.split_first().ok_or(CUT)?;
    match first {
        ALL => Ok((Blocks::all(layout), rest)),
        SOME => {
            let marks = take(&mut rest)?;
            let mut blocks = Blocks::none(layout);
            let mut reader = Reader::new(marks)?;
            code_blocks(&mut blocks, &mut reader)?;
            reader.finish()?;
            Ok((blocks, rest))
        }
        _ => Err(Error::Version(first)),
    }
}

/// The streams of `count` strips. The last takes all that is left.
pub(crate) fn streams(mut rest: &[u8], count: usize) -> Result<Vec<&[u8]>, Error> {
    let Some(lengths) = count.checked_sub(1) else {
        let error = Error::Damaged("bytes follow although no block is marked");
        return if rest.is_empty() {
            Ok(Vec::new())
        } else {
            Err(error)
        };
    };
    let lengths = (0..lengths)
        .map(|_| read_number(&mut rest))
        .collect::<Result<Vec<_>, _>>()?;
    let mut streams = Vec::with_capacity(count);
    for length in lengths {
        let (stream, after) = rest.split_at_checked(length).ok_or(CUT)?;
        streams.push(stream);
        rest = after;
    }
    streams.push(rest);
    Ok(streams)
}

/// Codes marks from the marks around them.
fn code_blocks<K: Coder>(blocks: &mut Blocks, coder: &mut K) -> Result<(), Error> {
    let mut counters = [Counter::EVEN; 64];
    for row in 0..blocks.rows() {
        for column in 0..blocks.columns() {
            let context = {
                let at = |left: usize, up: usize| {
                    let place = (column + 1).checked_sub(left).zip(row.checked_sub(up));
                    place.is_some_and(|(column, row)| blocks.get(column, row))
                };
                let near = [at(2, 0), at(1, 1), at(2, 1), at(0, 1), at(3, 0), at(1, 2)];
                near.iter()
                    .fold(0, |context, &mark| context << 1 | usize::from(mark))
            };
            let mark = counters[context].code(coder, blocks.get(column, row), 60)?;
            blocks.set(column, row, mark);
        }
    }
    Ok(())
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn write_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Result<usize, Error> {
    let mut number = 0u64;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(CUT)?;
        *bytes = rest;
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            if byte == 0 && shift > 0 {
                break;
            }
            return usize::try_from(number).map_err(|_| CUT);
        }
    }
    Err(Error::Damaged(
        "a length is not written in its shortest form",
    ))
}

/// Takes as many bytes as the number before them says.
fn take<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Error> {
    let length = read_number(bytes)?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(CUT)?;
    *bytes = rest;
    Ok(taken)
}
