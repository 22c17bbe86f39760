//! Parameters and latents to streams, and back.

use std::ops::Range;

use kiln_entropy::{Checksum, Coder, Reader, Writer};

use crate::error::Error;
use crate::features::FeaturePlane;
use crate::latents::Latents;
use crate::networks::Networks;
use crate::parameters::Parameters;
use crate::progress::{Watch, report};
use crate::shape::{Grid, Shape, Size};
use crate::wave::Band;

/// Latents between two reports.
const REPORT: usize = 1 << 16;

/// All streams of a picture: the networks, the grids that are not cut, and the bands of those that are.
///
/// # Errors
/// [`Error::Parameters`] and [`Error::Bound`], [`Error::Latents`] if the latents are those of another shape or size or
/// one is -128, and [`Error::Stopped`].
pub fn encode(
    parameters: &Parameters,
    size: Size,
    latents: &Latents,
    watch: Watch<'_>,
) -> Result<Vec<Vec<u8>>, Error> {
    latents.check(&parameters.shape, size)?;
    let mut streams = vec![parameters.write()?];
    let mut latents = latents.clone();
    let mut progress = Progress::new(&latents, watch);
    let networks = Networks::new(parameters)?;
    let mut writer = Writer::new();
    for piece in pieces(&parameters.shape, parameters.band, size) {
        if piece.own_stream {
            let before = std::mem::take(&mut writer);
            streams.push(before.finish());
        }
        code(
            &networks,
            &parameters.shape,
            &piece,
            &mut latents,
            &mut writer,
            &mut progress,
        )?;
    }
    streams.push(writer.finish());
    Ok(streams)
}

/// Undoes [`encode`]. The streams must be all that there are, in order.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Symbols`], [`Error::Start`] and [`Error::Bound`] if these bytes were not written for a
/// picture of this size, and [`Error::Stopped`].
pub fn decode(
    streams: &[&[u8]],
    size: Size,
    channels: usize,
    watch: Watch<'_>,
) -> Result<(Parameters, Latents), Error> {
    let (first, rest) = streams
        .split_first()
        .ok_or(Error::Damaged("no stream of networks"))?;
    let parameters = Parameters::read(first, channels)?;
    let shape = parameters.shape;
    if streams.len() != stream_count(&shape, parameters.band, size) {
        return Err(Error::Damaged("another number of streams"));
    }
    let networks = Networks::new(&parameters)?;
    let mut latents = Latents::new(&shape, size);
    let mut progress = Progress::new(&latents, watch);
    let mut rest = rest.iter();
    let mut next = || {
        let stream = rest.next().ok_or(Error::Damaged("a stream is missing"))?;
        Ok::<_, Error>(Reader::new(stream)?)
    };
    let mut reader = next()?;
    for piece in pieces(&shape, parameters.band, size) {
        if piece.own_stream {
            std::mem::replace(&mut reader, next()?).finish()?;
        }
        code(
            &networks,
            &shape,
            &piece,
            &mut latents,
            &mut reader,
            &mut progress,
        )?;
    }
    reader.finish()?;
    Ok((parameters, latents))
}

/// How many streams a picture has, the first one, of the networks, included.
pub fn stream_count(shape: &Shape, band: usize, size: Size) -> usize {
    let own = |grid: &Grid| match is_cut(grid, band) {
        true => grid.height.div_ceil(band),
        false => 0,
    };
    let grids = shape.grids(size.height, size.width);
    2 + grids.iter().map(own).sum::<usize>()
}

/// The checksum of all values of a file, networks and latents.
pub fn checksum(parameters: &Parameters, latents: &Latents) -> u32 {
    let mut values = Checksum::new();
    for tensor in &parameters.values {
        values.update_i32(tensor);
    }
    Checksum::combine([values.finish(), latents.checksum()])
}

fn is_cut(grid: &Grid, band: usize) -> bool {
    band > 0 && grid.height > band
}

/// Rows of a grid that are coded together.
struct Piece {
    grid: usize,
    rows: Range<usize>,
    /// Whether a stream begins with it.
    own_stream: bool,
}

/// All pieces in the order of coding.
fn pieces(shape: &Shape, band: usize, size: Size) -> Vec<Piece> {
    let grids = shape.grids(size.height, size.width);
    let mut pieces = Vec::new();
    // Grids do not become lower from coarse to fine: those that are cut come last.
    for (grid, form) in grids.iter().enumerate().rev() {
        let own_stream = is_cut(form, band);
        let rows = if own_stream { band } else { form.height };
        pieces.extend((0..form.height).step_by(rows).map(|first| Piece {
            grid,
            rows: first..(first + rows).min(form.height),
            own_stream,
        }));
    }
    pieces
}

struct Progress<'a> {
    done: u64,
    reported: u64,
    total: u64,
    watch: Watch<'a>,
}

impl<'a> Progress<'a> {
    fn new(latents: &Latents, watch: Watch<'a>) -> Self {
        let sizes = latents.grids().iter().map(|g| (g.height * g.width) as u64);
        Self {
            done: 0,
            reported: 0,
            total: sizes.sum(),
            watch,
        }
    }

    fn add(&mut self, latents: usize) -> Result<(), Error> {
        self.done += latents as u64;
        if self.done == self.total || self.done - self.reported >= REPORT as u64 {
            self.reported = self.done;
            report(self.watch, self.done, self.total)?;
        }
        Ok(())
    }
}

fn code(
    networks: &Networks,
    shape: &Shape,
    piece: &Piece,
    latents: &mut Latents,
    coder: &mut impl Coder,
    progress: &mut Progress<'_>,
) -> Result<(), Error> {
    let features = FeaturePlane::new(networks, shape, latents, piece.grid);
    let band = Band {
        arm: &networks.arm,
        lag: shape.lag(),
        contexts: shape.contexts,
        features: features.as_ref(),
        grid: latents.grids()[piece.grid],
        first: piece.rows.start,
        rows: piece.rows.len(),
    };
    band.code(coder, latents.grid_mut(piece.grid), |lanes| {
        progress.add(lanes)
    })
}
