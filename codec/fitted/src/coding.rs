//! Parameters and latents to streams, and back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kiln_entropy::{Checksum, Coder, Reader, Writer};

use crate::error::Error;
use crate::features::FeaturePlane;
use crate::latents::Latents;
use crate::networks::Networks;
use crate::parameters::Parameters;
use crate::progress::{Watch, report};
use crate::shape::{Grid, Shape, Size};
use crate::wave::{Band, Border};

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
    code(
        parameters,
        &mut latents.clone(),
        watch,
        &mut || Ok(Writer::new()),
        &mut |writer| {
            streams.push(writer.finish());
            Ok(())
        },
    )?;
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
    let mut latents = Latents::new(&shape, size);
    let mut rest = rest.iter();
    code(
        &parameters,
        &mut latents,
        watch,
        &mut || {
            let stream = rest.next().ok_or(Error::Damaged("a stream is missing"))?;
            Ok(Reader::new(stream)?)
        },
        &mut |reader| Ok(reader.finish()?),
    )?;
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

/// Codes all latents. `next` gives the coder of each stream, `end` takes it when all of its symbols are coded.
fn code<C: Coder>(
    parameters: &Parameters,
    latents: &mut Latents,
    watch: Watch<'_>,
    next: &mut dyn FnMut() -> Result<C, Error>,
    end: &mut dyn FnMut(C) -> Result<(), Error>,
) -> Result<(), Error> {
    let networks = Networks::new(parameters)?;
    let progress = Progress::new(latents, watch);
    let grids = latents.grids().to_vec();
    let mut shared = Some(next()?);
    // Grids do not become lower from coarse to fine: those that are cut come last.
    for (grid, form) in grids.iter().enumerate().rev() {
        let rows = if is_cut(form, parameters.band) {
            if let Some(coder) = shared.take() {
                end(coder)?;
            }
            parameters.band
        } else {
            form.height
        };
        let coders = match shared.take() {
            Some(coder) => vec![coder],
            None => {
                let bands = form.height.div_ceil(rows);
                (0..bands).map(|_| next()).collect::<Result<_, _>>()?
            }
        };
        let coded = Bands {
            networks: &networks,
            shape: &parameters.shape,
            grid,
            form: *form,
            rows,
            progress: &progress,
        }
        .code(latents, coders)?;
        let is_shared = !is_cut(form, parameters.band);
        for coder in coded {
            if is_shared {
                shared = Some(coder);
            } else {
                end(coder)?;
            }
        }
    }
    shared.map_or(Ok(()), end)
}

/// All bands of a grid.
struct Bands<'a> {
    networks: &'a Networks,
    shape: &'a Shape,
    grid: usize,
    form: Grid,
    /// Of a band.
    rows: usize,
    progress: &'a Progress<'a>,
}

/// What a thread needs for a band, and gives back.
struct Job<'a, C> {
    coder: C,
    values: &'a mut [i8],
}

impl Bands<'_> {
    /// Codes the bands from the top, on several threads, each as soon as the one above is far enough. Gives back the
    /// coders.
    fn code<C: Coder>(&self, latents: &mut Latents, coders: Vec<C>) -> Result<Vec<C>, Error> {
        let features = FeaturePlane::new(self.networks, self.shape, latents, self.grid);
        let height = self.form.height;
        let starts: Vec<usize> = (0..height).step_by(self.rows).collect();
        let borders: Vec<Border> = starts[1..]
            .iter()
            .map(|_| Border::new(self.rows, self.form.width))
            .collect();
        let values = latents.grid_mut(self.grid);
        let chunks = values.chunks_mut(self.rows * self.form.width);
        let jobs: Vec<Mutex<Option<Job<'_, C>>>> = chunks
            .zip(coders)
            .map(|(values, coder)| Mutex::new(Some(Job { coder, values })))
            .collect();
        let done: Vec<Mutex<Option<Result<C, Error>>>> =
            jobs.iter().map(|_| Mutex::new(None)).collect();

        let run = |number: usize| {
            let Some(Job { mut coder, values }) = lock(&jobs[number]).take() else {
                return;
            };
            let band = Band {
                arm: &self.networks.arm,
                lag: self.shape.lag(),
                contexts: self.shape.contexts,
                features: features.as_ref(),
                grid: self.form,
                first: starts[number],
                rows: values.len() / self.form.width,
                above: number.checked_sub(1).map(|above| &borders[above]),
                below: borders.get(number),
            };
            let coded = band.code(&mut coder, values, |lanes| self.progress.add(lanes));
            *lock(&done[number]) = Some(coded.map(|()| coder));
        };
        // Bands are taken in order: the band that one waits for is over, or another thread is at it.
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= jobs.len() {
                    break;
                }
                run(number);
            }
        };
        let threads = rayon::current_num_threads().min(jobs.len());
        if threads < 2 {
            work();
        } else {
            rayon::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|_| work());
                }
            });
        }
        let coded = done.into_iter().map(|result| {
            let result = result.into_inner().unwrap_or_else(PoisonError::into_inner);
            result.unwrap_or(Err(Error::Damaged("a band that was not coded")))
        });
        coded.collect()
    }
}

/// What a thread left behind that panicked is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts latents of all threads.
struct Progress<'a> {
    /// Latents so far, and how many of them have been reported.
    counts: Mutex<(u64, u64)>,
    total: u64,
    watch: Watch<'a>,
}

impl<'a> Progress<'a> {
    fn new(latents: &Latents, watch: Watch<'a>) -> Self {
        let sizes = latents.grids().iter().map(|g| (g.height * g.width) as u64);
        Self {
            counts: Mutex::new((0, 0)),
            total: sizes.sum(),
            watch,
        }
    }

    fn add(&self, latents: usize) -> Result<(), Error> {
        let mut counts = lock(&self.counts);
        let (done, reported) = &mut *counts;
        *done += latents as u64;
        if *done == self.total || *done - *reported >= REPORT as u64 {
            *reported = *done;
            report(self.watch, *done, self.total)?;
        }
        Ok(())
    }
}
