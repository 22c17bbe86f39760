//! Stands in for the decoder until it is there: a picture of one colour.

use std::ops::ControlFlow;

use crate::{Role, Shape};

/// Size of a picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Damaged.
    #[error("damaged fitted picture: {0}")]
    Damaged(&'static str),
    /// Newer.
    #[error("networks start from number {0} (this program knows 0, from nothing)")]
    Start(u8),
    /// Parameters that no file can hold.
    #[error("parameters of a fitted picture: {0}")]
    Parameters(&'static str),
    /// Latents that no file can hold.
    #[error("latents of a fitted picture: {0}")]
    Latents(&'static str),
    /// Stopped.
    #[error("stopped")]
    Stopped,
}

/// Watches.
pub type Watch<'a> = &'a (dyn Fn(u64, u64) -> ControlFlow<()> + Sync);

/// Depth of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 8 bits.
    Eight,
    /// 16 bits.
    Sixteen,
}

/// Networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Shape.
    pub shape: Shape,
    /// Values.
    pub values: Vec<Vec<i32>>,
    /// Band.
    pub band: usize,
}

impl Parameters {
    /// Writes.
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        let s = self.shape;
        let mut out: Vec<u8> = [
            s.levels,
            s.hyper,
            s.contexts,
            s.features,
            s.hidden,
            s.width,
            s.convolutions,
        ]
        .map(|v| v as u8)
        .to_vec();
        for v in self.tensor(Role::LinearBias) {
            out.extend((*v as i16).to_le_bytes());
        }
        Ok(out)
    }

    /// Reads.
    pub fn read(bytes: &[u8], channels: usize) -> Result<Self, Error> {
        let (head, values) = bytes.split_at_checked(7).ok_or(Error::Damaged("short"))?;
        let n: Vec<usize> = head.iter().map(|v| usize::from(*v)).collect();
        let good = (1..=9).contains(&n[0])
            && n[1] <= n[0]
            && (1..=20).contains(&n[2])
            && n[3] <= 8
            && n[4] <= 3
            && n[5] <= 64
            && n[6] <= 3
            && values.len() == 2 * channels;
        if !good {
            return Err(Error::Damaged("a shape out of range"));
        }
        let shape = Shape {
            channels,
            levels: n[0],
            hyper: n[1],
            contexts: n[2],
            features: n[3],
            hidden: n[4],
            width: n[5],
            convolutions: n[6],
        };
        let mut all: Vec<Vec<i32>> = shape.tensors().iter().map(|t| vec![0; t.len()]).collect();
        if let Some(last) = all.last_mut() {
            for (out, v) in last.iter_mut().zip(values.chunks_exact(2)) {
                *out = i16::from_le_bytes([v[0], v[1]]).into();
            }
        }
        Ok(Self {
            shape,
            values: all,
            band: 0,
        })
    }

    /// A tensor.
    pub fn tensor(&self, role: Role) -> &[i32] {
        let tensors = self.shape.tensors();
        let place = tensors.iter().position(|t| t.role == role);
        place
            .and_then(|p| self.values.get(p))
            .map_or(&[], Vec::as_slice)
    }
}

/// Latents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latents(Vec<Vec<i8>>);

impl Latents {
    /// All zero.
    pub fn new(shape: &Shape, size: Size) -> Self {
        let grids = shape.grids(size.height, size.width);
        Self(grids.iter().map(|g| vec![0; g.height * g.width]).collect())
    }
}

/// Streams.
pub fn stream_count(_: &Shape, _: usize, _: Size) -> usize {
    2
}

/// Checksum.
pub fn checksum(parameters: &Parameters, _: &Latents) -> u32 {
    let mut sum = kiln_entropy::Checksum::default();
    for t in &parameters.values {
        let t: Vec<i16> = t.iter().map(|v| *v as i16).collect();
        sum.update_i16(&t);
    }
    sum.finish()
}

/// Encodes.
pub fn encode(
    parameters: &Parameters,
    _: Size,
    _: &Latents,
    _: Watch<'_>,
) -> Result<Vec<Vec<u8>>, Error> {
    Ok(vec![parameters.write()?, Vec::new()])
}

/// Decodes.
pub fn decode(
    streams: &[&[u8]],
    size: Size,
    channels: usize,
    watch: Watch<'_>,
) -> Result<(Parameters, Latents), Error> {
    let first = streams.first().ok_or(Error::Damaged("no streams"))?;
    let parameters = Parameters::read(first, channels)?;
    if streams.len() != 2 {
        return Err(Error::Damaged("another number of streams"));
    }
    let latents = Latents::new(&parameters.shape, size);
    match watch(1, 1) {
        ControlFlow::Continue(()) => Ok((parameters, latents)),
        ControlFlow::Break(()) => Err(Error::Stopped),
    }
}

/// Pixels, interleaved rows.
pub fn synthesise(
    parameters: &Parameters,
    _: &Latents,
    size: Size,
    depth: Depth,
    sink: &mut dyn FnMut(usize, &[u16]),
) {
    let largest = match depth {
        Depth::Eight => 255.0,
        Depth::Sixteen => 65535.0,
    };
    let color: Vec<u16> = parameters
        .tensor(Role::LinearBias)
        .iter()
        .map(|v| (f64::from(*v) / 32767.0 * largest).round() as u16)
        .collect();
    let row = color.repeat(size.width);
    for y in 0..size.height {
        sink(y, &row);
    }
}

/// Memory.
pub fn decode_bytes(shape: &Shape, size: Size) -> u64 {
    (8 * size.height * size.width * shape.grid_count()) as u64 + (1 << 20)
}
