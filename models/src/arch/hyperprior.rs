//! `bmshj2018-hyperprior`: the scale hyperprior of Ballé, Minnen, Singh, Hwang and Johnston, "Variational image
//! compression with a scale hyperprior" (ICLR 2018), with the layers and sizes of CompressAI's model of that name.
//! `models/HYPERPRIOR.md` specifies it for other implementations.
//!
//! y is coded with zero-mean tables whose scale h_s predicts in floating point: files are **not portable**. z is coded
//! with one table for each channel. Weights have one level.

use std::ops::Range;

use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use kiln_entropy::{Coder, Rows, Tables};
use ndarray::{Array3, ArrayViewMut3, s};
use serde::Deserialize;

use super::{Description, Entry};
use crate::nets::arithmetic::{Arithmetic, Kind, Layer, Spec};
use crate::nets::count::{Count, Counted};
use crate::nets::float::{FloatConv, Floats, channels};
use crate::nets::host;
use crate::nets::tensors::{download, upload};
use crate::run::{
    self,
    tiles::{Tiling, tiles},
};
use crate::seam::{
    Analysed, Architecture, Facts, Given, Latents, Levels, Macs, Meter, Network, PixelSink,
    PixelSource, Place, Places, Reach, Size,
};
use crate::{ModelError, Weights, WeightsError};

/// Its line in the registry.
pub const ENTRY: Entry = Entry {
    id: 16,
    name: "bmshj2018-hyperprior",
    paper: "Ballé et al., ICLR 2018",
    describe,
    open,
    searches: false,
    trains: false,
};

/// Pixels along each side of a cell of y.
const CELL: usize = 16;
/// Cells of y along each side of a cell of z.
const HYPER_CELL: usize = 4;
/// Most channels of either latent.
const MAX_CHANNELS: usize = 1024;
/// Largest magnitude of a symbol of y and z.
const LIMIT: i32 = 32_767;

/// Cells around a tile that its result depends on: of y for g_a and g_s, of z for h_a and h_s. Half a kernel of 5 at
/// each of four halvings is 2 + 4 + 8 + 16 pixels on the way to y, and 1 + 1/2 + 1/4 + 1/8 cells on the way back; from
/// y to z and back there are two halvings.
const HALO: usize = 2;

/// Side of a tile of h_a and h_s in cells of z, whatever tiles the user chooses: a sum of floats may end in another
/// last bit when it is computed in other pieces, and h_s must pick the rows that it picked for the encoder.
const HYPER_TILE: usize = 16;

/// Bytes of tables and of the program around the networks.
const BASE_BYTES: u64 = 32 << 20;

/// Rows of y that one call codes, between two reports of progress.
const ROWS: usize = 16;

/// Sizes, in the metadata of a weights file.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Channels N of the transforms and of z.
    width: usize,
    /// Channels M of y.
    latents: usize,
}

impl Config {
    fn read(weights: &Weights<'_>) -> Result<Self, WeightsError> {
        let config: Self = serde_json::from_str(weights.config()?)
            .map_err(|e| WeightsError::Config(e.to_string()))?;
        for (name, value) in [("width", config.width), ("latents", config.latents)] {
            if !(1..=MAX_CHANNELS).contains(&value) {
                return Err(WeightsError::Config(format!(
                    "{name} is {value}, outside 1..={MAX_CHANNELS}"
                )));
            }
        }
        Ok(config)
    }
}

fn describe(weights: &Weights<'_>) -> Result<Description, WeightsError> {
    Config::read(weights)?;
    Ok(Description {
        levels: Levels::ONE,
    })
}

fn open(weights: Weights<'_>, places: &Places) -> Result<Box<dyn Architecture>, WeightsError> {
    run::open::<Hyperprior>(weights, places)
}

/// A convolution of 5x5 to half as many cells along each side.
fn down(inputs: usize, outputs: usize) -> Spec {
    let (kernel, stride) = (5, 2);
    Spec::new(Kind::Conv { kernel, stride }, channels(inputs), outputs)
}

/// A transposed convolution of 5x5 to twice as many cells along each side.
fn up(inputs: usize, outputs: usize) -> Spec {
    let (kernel, stride) = (5, 2);
    Spec::new(Kind::Deconv { kernel, stride }, channels(inputs), outputs)
}

/// A convolution of 3x3 to as many cells.
fn same(inputs: usize, outputs: usize) -> Spec {
    let (kernel, stride) = (3, 1);
    Spec::new(Kind::Conv { kernel, stride }, channels(inputs), outputs)
}

/// Generalised divisive normalisation (Ballé, Laparra and Simoncelli, ICLR 2016): x divided by sqrt(beta + gamma x^2),
/// or multiplied by it where a synthesis undoes the analysis.
#[derive(Debug)]
struct Gdn<L> {
    /// Makes beta + gamma x^2 of squares: gamma is its weight, beta its bias.
    norm: L,
    inverse: bool,
}

impl<L: Layer<At = ()>> Gdn<L> {
    fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        name: &str,
        n: usize,
        inverse: bool,
    ) -> Result<Self, WeightsError> {
        let spec = Spec::new(Kind::Pointwise, channels(n), n);
        Ok(Self {
            norm: a.layer(name, spec)?,
            inverse,
        })
    }

    fn forward(&self, x: Tensor<4>) -> Result<Tensor<4>, ModelError> {
        let norm = self.norm.forward(x.clone() * x.clone(), &())?;
        let here = host::is_here(&x) && host::is_here(&norm);
        Ok(match (here, self.inverse) {
            (true, false) => host::zip(norm, x, |norm, x| x / norm.sqrt()),
            (true, true) => host::zip(norm, x, |norm, x| x * norm.sqrt()),
            (false, false) => x / norm.sqrt(),
            (false, true) => x * norm.sqrt(),
        })
    }
}

/// Refuses normalisations whose root may not exist or may be 0: gamma must be 0 or more, and beta more than 0.
fn check_norms(weights: &Weights<'_>, c: Config) -> Result<(), WeightsError> {
    let n = c.width;
    let mut weights = weights.again();
    for name in ["g_a.1", "g_a.3", "g_a.5", "g_s.1", "g_s.3", "g_s.5"] {
        let (gamma, beta) = (format!("{name}.weight"), format!("{name}.bias"));
        let negative = weights
            .floats(&gamma, &[n, n])?
            .into_iter()
            .find(|v| *v < 0.0);
        let too_small = weights.floats(&beta, &[n])?.into_iter().find(|v| *v <= 0.0);
        for (name, found, needed) in [
            (gamma, negative, "0 or more"),
            (beta, too_small, "more than 0"),
        ] {
            if let Some(found) = found {
                return Err(WeightsError::Mismatch {
                    name,
                    found: found.to_string(),
                    needed: needed.into(),
                });
            }
        }
    }
    Ok(())
}

/// Four layers and a normalisation after each but the last: g_a or g_s.
#[derive(Debug)]
struct Transform<L>(Vec<(L, Option<Gdn<L>>)>);

impl<L: Layer<At = ()>> Transform<L> {
    /// g_a: a picture in 0..=1, [1, 3, 16h, 16w] -> y [1, M, h, w].
    fn analysis<A: Arithmetic<Layer = L>>(a: &mut A, c: Config) -> Result<Self, WeightsError> {
        let (n, m) = (c.width, c.latents);
        let layers = [down(3, n), down(n, n), down(n, n), down(n, m)];
        Self::load(a, "g_a", layers, false)
    }

    /// g_s: y_hat [1, M, h, w] -> a picture around 0..=1, [1, 3, 16h, 16w].
    fn synthesis<A: Arithmetic<Layer = L>>(a: &mut A, c: Config) -> Result<Self, WeightsError> {
        let (n, m) = (c.width, c.latents);
        let layers = [up(m, n), up(n, n), up(n, n), up(n, 3)];
        Self::load(a, "g_s", layers, true)
    }

    fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        name: &str,
        layers: [Spec; 4],
        inverse: bool,
    ) -> Result<Self, WeightsError> {
        let last = layers.len() - 1;
        let stages = layers.into_iter().enumerate().map(|(i, spec)| {
            let layer = a.layer(&format!("{name}.{}", 2 * i), spec)?;
            let norm = match i < last {
                true => {
                    let name = format!("{name}.{}", 2 * i + 1);
                    Some(Gdn::load(a, &name, spec.outputs, inverse)?)
                }
                false => None,
            };
            Ok((layer, norm))
        });
        stages.collect::<Result<_, _>>().map(Self)
    }

    fn forward(&self, mut x: Tensor<4>) -> Result<Tensor<4>, ModelError> {
        for (layer, norm) in &self.0 {
            x = layer.forward(x, &())?;
            if let Some(norm) = norm {
                x = norm.forward(x)?;
            }
        }
        Ok(x)
    }
}

/// Three layers with ReLU between them: h_a or h_s.
#[derive(Debug)]
struct Hyper<L>([L; 3]);

impl<L: Layer<At = ()>> Hyper<L> {
    /// h_a: magnitudes of y [1, M, 4h, 4w] -> z [1, N, h, w].
    fn analysis<A: Arithmetic<Layer = L>>(a: &mut A, c: Config) -> Result<Self, WeightsError> {
        let (n, m) = (c.width, c.latents);
        Self::load(a, "h_a", [same(m, n), down(n, n), down(n, n)])
    }

    /// h_s: z_hat [1, N, h, w] -> scales of y [1, M, 4h, 4w].
    ///
    /// The ReLU that the paper has after the last layer would change nothing: all scales up to the first one of the
    /// bank, which is above 0, have its first row.
    fn synthesis<A: Arithmetic<Layer = L>>(a: &mut A, c: Config) -> Result<Self, WeightsError> {
        let (n, m) = (c.width, c.latents);
        Self::load(a, "h_s", [up(n, n), up(n, n), same(n, m)])
    }

    fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        name: &str,
        [first, second, last]: [Spec; 3],
    ) -> Result<Self, WeightsError> {
        let mut layer = |i: usize, spec| a.layer(&format!("{name}.{i}"), spec);
        Ok(Self([layer(0, first)?, layer(2, second)?, layer(4, last)?]))
    }

    fn forward(&self, x: Tensor<4>) -> Result<Tensor<4>, ModelError> {
        let [first, second, last] = &self.0;
        let x = relu(first.forward(x, &())?);
        last.forward(relu(second.forward(x, &())?), &())
    }
}

/// The networks and tables of a set of weights.
#[derive(Debug)]
pub(crate) struct Hyperprior {
    config: Config,
    facts: Facts,
    place: Place,
    g_a: Transform<FloatConv>,
    g_s: Transform<FloatConv>,
    h_a: Hyper<FloatConv>,
    h_s: Hyper<FloatConv>,
    /// The largest scale of each row of the bank for y, rising.
    scales: Vec<f32>,
    /// What z is centred on, channel by channel.
    medians: Vec<f32>,
    y_tables: Tables,
    z_tables: Tables,
}

impl Network for Hyperprior {
    fn load(w: &mut Weights<'_>, place: &Place) -> Result<Self, WeightsError> {
        let config = Config::read(w)?;
        check_norms(w, config)?;
        let y_tables = w.tables("y", LIMIT)?;
        let z_tables = w.tables("z", LIMIT)?;
        if z_tables.len() != config.width {
            return Err(WeightsError::Config(format!(
                "{} rows of tables for the {} channels of z",
                z_tables.len(),
                config.width
            )));
        }
        if y_tables.skip_below().max(z_tables.skip_below()) > 0 {
            return Err(WeightsError::Config(
                "`skip` of tables must be 0: every symbol is coded".into(),
            ));
        }
        let scales = w.floats("scales", &[y_tables.len()])?;
        if !(scales.first() > Some(&0.0) && scales.is_sorted_by(|a, b| a < b)) {
            return Err(WeightsError::Config(
                "`scales` must hold one number or more, above 0 and rising".into(),
            ));
        }
        let medians = w.floats("medians", &[config.width])?;
        let mut transforms = Floats::transform(w, &place.device);
        let g_a = Transform::analysis(&mut transforms, config)?;
        let g_s = Transform::synthesis(&mut transforms, config)?;
        let h_a = Hyper::analysis(&mut transforms, config)?;
        let h_s = Hyper::synthesis(&mut Floats::entropy(w, &place.exact), config)?;
        let facts = Facts {
            id: ENTRY.id,
            name: ENTRY.name,
            decoder_set: w.decoder_set(),
            levels: Levels::ONE,
            portability: w.portability(),
            cell: CELL * HYPER_CELL,
            // 30 pixels and two cells of y.
            reach: Reach::Cells(1),
            searches: ENTRY.searches,
        };
        Ok(Self {
            config,
            facts,
            place: place.clone(),
            g_a,
            g_s,
            h_a,
            h_s,
            scales,
            medians,
            y_tables,
            z_tables,
        })
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn macs(&self) -> Macs {
        // The networks have been loaded with these sizes: counting cannot fail where they can run.
        count(self.config).unwrap_or(Macs {
            encode: f64::NAN,
            decode: f64::NAN,
        })
    }

    fn streams(&self, _: Size) -> usize {
        2
    }

    fn decode_bytes(&self, size: Size) -> u64 {
        self.bytes(size, 0)
    }

    fn encode_bytes(&self, size: Size) -> u64 {
        // y in floating point, and what a writer keeps of a symbol until its stream ends.
        self.bytes(size, 16)
    }

    fn analyse(&self, picture: &dyn PixelSource) -> Result<Analysed, ModelError> {
        // Pixels come in -1/2..=1/2, and networks of this kind have been trained on 0..=1.
        self.tiling()
            .analyse(picture, self.grid(picture.size()), false, |x| {
                self.g_a.forward(x + 0.5)
            })
    }

    fn code<C: Coder>(
        &self,
        streams: &mut [C],
        y: Option<&Analysed>,
        given: &Given<'_>,
    ) -> Result<Latents, ModelError> {
        let grid @ (h, m, w) = self.grid(given.size);
        let y = y.map(|y| checked(y, grid)).transpose()?;
        let mut symbols = Array3::<i32>::zeros(grid);
        let [hyper, rest @ ..] = streams else {
            return Ok(Latents::fixed(0, symbols));
        };
        let mut z = match y {
            Some(y) => self.hyper_analyse(y)?,
            None => Array3::zeros((h / HYPER_CELL, self.config.width, w / HYPER_CELL)),
        };
        self.code_hyper(hyper, &mut z)?;
        if let [latents, ..] = rest {
            // Each cell counts twice: when its rows are known, and when its symbols are.
            let meter = Meter::new(given.watch, 2 * (h * w) as u64);
            let rows = self.rows(&z, &meter)?;
            if let Some(y) = y {
                symbols.zip_mut_with(y, |s, y| *s = rounded(*y));
            }
            let mut model = Rows::<u16>::new(&self.y_tables);
            for first in (0..h).step_by(ROWS) {
                let part = s![first..(first + ROWS).min(h), .., ..];
                let mut at: Vec<u16> = rows.slice(part).iter().copied().collect();
                code(latents, &mut model, &mut at, symbols.slice_mut(part))?;
                meter.add((at.len() / m) as u64)?;
            }
        }
        Ok(Latents::fixed(0, symbols))
    }

    fn synthesise(
        &self,
        latents: &Latents,
        given: &Given<'_>,
        out: &mut dyn PixelSink,
    ) -> Result<(), ModelError> {
        let grid @ (h, _, w) = self.grid(given.size);
        let y_hat = latents.plane(grid)?;
        self.tiling().synthesise(
            (h, w),
            |rows, columns| {
                let part = y_hat.slice(s![rows, .., columns]);
                part.permuted_axes([1, 0, 2]).mapv(|y| y as f32)
            },
            |y| Ok(self.g_s.forward(y)? - 0.5),
            out,
        )
    }
}

/// y, if it is that of a grid.
fn checked(y: &Analysed, needed: (usize, usize, usize)) -> Result<&Array3<f32>, ModelError> {
    match y.y().dim() == needed {
        true => Ok(y.y()),
        false => Err(ModelError::Latents {
            found: vec![y.y().dim()],
            needed,
        }),
    }
}

/// The nearest integer, of two the even one, as a symbol.
fn rounded(value: f32) -> i32 {
    // NaN becomes 0.
    (value.round_ties_even() as i32).clamp(-LIMIT, LIMIT)
}

/// Codes symbols in the order of memory, each with its row.
fn code(
    coder: &mut impl Coder,
    model: &mut Rows<'_, u16>,
    at: &mut [u16],
    mut symbols: ArrayViewMut3<'_, i32>,
) -> Result<(), ModelError> {
    // Symbols are within LIMIT.
    let mut values: Vec<i16> = symbols.iter().map(|&s| s as i16).collect();
    coder.code(model, at, &mut values)?;
    symbols
        .iter_mut()
        .zip(values)
        .for_each(|(o, v)| *o = v.into());
    Ok(())
}

/// The cells of y that belong to cells of z.
fn cells_of(hyper_cells: &Range<usize>) -> Range<usize> {
    hyper_cells.start * HYPER_CELL..hyper_cells.end * HYPER_CELL
}

impl Hyperprior {
    /// The grid of y, whole cells of z: rows, channels, columns.
    fn grid(&self, size: Size) -> (usize, usize, usize) {
        let (zh, zw) = size.cells(CELL * HYPER_CELL);
        (zh * HYPER_CELL, self.config.latents, zw * HYPER_CELL)
    }

    fn tiling(&self) -> Tiling<'_> {
        Tiling {
            device: &self.place.device,
            cell: CELL,
            core: self.place.tile.cells(CELL),
            halo: HALO,
        }
    }

    /// Symbols of z for y, [zh, N, zw].
    fn hyper_analyse(&self, y: &Array3<f32>) -> Result<Array3<i32>, ModelError> {
        let (h, _, w) = y.dim();
        let (zh, zw) = (h / HYPER_CELL, w / HYPER_CELL);
        let mut z = Array3::zeros((zh, self.config.width, zw));
        for (v, u) in tiles(zh, zw, HYPER_TILE, HALO) {
            let part = y.slice(s![cells_of(&v.read), .., cells_of(&u.read)]);
            let magnitudes = part.permuted_axes([1, 0, 2]).mapv(f32::abs);
            let out = self.h_a.forward(upload(magnitudes, &self.place.device))?;
            let out = download(out)?;
            let core = out.slice(s![.., v.inner(1), u.inner(1)]);
            let mut z = z.slice_mut(s![v.core, .., u.core]);
            for ((i, c, j), z) in z.indexed_iter_mut() {
                *z = rounded(core[(c, i, j)] - self.medians[c]);
            }
        }
        Ok(z)
    }

    /// Codes z, each channel with its row.
    fn code_hyper(&self, coder: &mut impl Coder, z: &mut Array3<i32>) -> Result<(), ModelError> {
        let mut at: Vec<u16> = z.indexed_iter().map(|((_, c, _), _)| c as u16).collect();
        let mut model = Rows::new(&self.z_tables);
        code(coder, &mut model, &mut at, z.view_mut())
    }

    /// Rows of the bank for y, [h, M, w]: for each latent the first whose scale is not below the one that h_s predicts
    /// from z, else the last.
    fn rows(&self, z: &Array3<i32>, meter: &Meter<'_>) -> Result<Array3<u16>, ModelError> {
        let (zh, _, zw) = z.dim();
        let mut rows = Array3::zeros((zh * HYPER_CELL, self.config.latents, zw * HYPER_CELL));
        let last = self.scales.len() - 1;
        for (v, u) in tiles(zh, zw, HYPER_TILE, HALO) {
            let part = z.slice(s![v.read.clone(), .., u.read.clone()]);
            let mut z_hat = part.permuted_axes([1, 0, 2]).mapv(|z| z as f32);
            for (mut channel, median) in z_hat.outer_iter_mut().zip(&self.medians) {
                channel += *median;
            }
            let out = download(self.h_s.forward(upload(z_hat, &self.place.exact))?)?;
            let core = out.slice(s![.., v.inner(HYPER_CELL), u.inner(HYPER_CELL)]);
            let mut rows = rows.slice_mut(s![cells_of(&v.core), .., cells_of(&u.core)]);
            rows.zip_mut_with(&core.permuted_axes([1, 0, 2]), |row, scale| {
                *row = self.scales.partition_point(|s| s < scale).min(last) as u16;
            });
            meter.add((cells_of(&v.core).len() * cells_of(&u.core).len()) as u64)?;
        }
        Ok(rows)
    }

    /// Bytes that are held at once at most, with `extra` more for each latent.
    fn bytes(&self, size: Size, extra: u64) -> u64 {
        let (h, m, w) = self.grid(size);
        let (n, m, cells) = (self.config.width as u64, m as u64, (h * w) as u64);
        // Of all layers, as their shapes add up.
        let weights = 4 * (206 * n * n + 68 * n * m);
        // A symbol and its row, and both once more for the rows at work.
        let latents = cells.saturating_mul(m * (10 + extra));
        // At most three times N channels at a quarter of the pixels, and a few copies of the pixels.
        let side = (self.place.tile.cells(CELL) + 2 * HALO) as u64;
        let tile = cells.min(side * side) * (CELL * CELL) as u64 * (3 * n + 40);
        // y as h_a reads it and scales as h_s makes them, and a copy.
        let side = ((HYPER_TILE + 2 * HALO) * HYPER_CELL) as u64;
        let hyper_tile = cells.min(side * side) * 8 * (m + n);
        // A thread lays out what 512 results of a convolution read: 25 values of each channel.
        let threads = 512 * 4 * 26 * n.max(m) * rayon::current_num_threads() as u64;
        latents.saturating_add(BASE_BYTES + weights + tile.max(hyper_tile) + threads)
    }
}

/// Counts the operations of networks of these sizes, by running them on the shapes of a picture of one cell of z.
fn count(c: Config) -> Result<Macs, ModelError> {
    let zeros = |channels: usize, side: usize| -> Tensor<4> {
        Tensor::zeros([1, channels, side, side], &Device::flex())
    };
    let mut counter = Count::default();
    let load = |counter: &mut Count| -> Result<_, WeightsError> {
        Ok((
            (
                Transform::<Counted>::analysis(counter, c)?,
                Hyper::analysis(counter, c)?,
            ),
            Transform::<Counted>::synthesis(counter, c)?,
            Hyper::<Counted>::synthesis(counter, c)?,
        ))
    };
    let ((g_a, h_a), g_s, h_s) =
        load(&mut counter).map_err(|e| ModelError::Device(e.to_string()))?;
    let side = CELL * HYPER_CELL;
    g_a.forward(zeros(3, side))?;
    h_a.forward(zeros(c.latents, HYPER_CELL))?;
    let analysis = counter.take();
    g_s.forward(zeros(c.latents, HYPER_CELL))?;
    let synthesis = counter.take();
    h_s.forward(zeros(c.width, 1))?;
    let entropy = counter.take();
    Ok(Macs::of(analysis, synthesis, entropy, side * side))
}
