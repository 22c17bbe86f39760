//! The exact path written a second time, from `models/EXACT.md` alone: scalar loops over the whole picture in 64-bit
//! integers, without Burn, tiles or threads. It stands for a device of another kind.
//!
//! The networks are also there in other arithmetic, to show that the comparison finds out what is not exact.
// Each test crate uses its own part of this module.
#![allow(dead_code)]

use kiln_entropy::{CodeError, Coder, Reader, Record, RowSpec, Rows, Tables, Writer};
use kiln_models::Weights;
use kiln_models::arch::base::Config;
use kiln_models::seam::Trace;
use kiln_models::seam::{Latents, Size};
use ndarray::Array3;

const MEAN_BITS: u32 = 6;
const ACT_MAX: i64 = 1023;
const LEAK_BITS: u32 = 3;
const MEAN_MAX: i64 = 32767;
const Z_MAX: i32 = 127;
const RESIDUAL_MAX: i32 = 8191;
const STEP: i32 = 80;
const STRIPE_ROWS: usize = 32;

/// How layers are computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arithmetic {
    /// In integers, as the document says.
    Integers,
    /// In integers, with an error of this size in every sum, of either sign.
    Disturbed(f64),
    /// Without rounding down: values between integers go on to the next layer.
    Unrounded,
    /// As a network of 32-bit floats computes them: activations from 0 to 1, weights in proportion. `backwards`: sums run
    /// from the last input to the first, as another device may choose to.
    Floats { backwards: bool },
}

/// Planes of one size: [channels][height * width].
#[derive(Clone)]
struct Grid {
    h: usize,
    w: usize,
    planes: Vec<Vec<f64>>,
}

impl Grid {
    fn zeros(channels: usize, h: usize, w: usize) -> Self {
        Self {
            h,
            w,
            planes: vec![vec![0.0; h * w]; channels],
        }
    }

    fn crop(&self, h: usize, w: usize) -> Self {
        let cut = |plane: &Vec<f64>| {
            (0..h)
                .flat_map(|i| plane[i * self.w..i * self.w + w].iter().copied())
                .collect()
        };
        Self {
            h,
            w,
            planes: self.planes.iter().map(cut).collect(),
        }
    }

    /// `out[c][r*i + a][r*j + b] = in[c*r*r + a*r + b][i][j]` with r = 2.
    fn shuffle(&self) -> Self {
        let mut out = Self::zeros(self.planes.len() / 4, 2 * self.h, 2 * self.w);
        for (c, plane) in out.planes.iter_mut().enumerate() {
            for i in 0..2 * self.h {
                for j in 0..2 * self.w {
                    let from = &self.planes[4 * c + 2 * (i % 2) + j % 2];
                    plane[i * 2 * self.w + j] = from[i / 2 * self.w + j / 2];
                }
            }
        }
        out
    }

    /// The sum of two grids, clamped to the range of one.
    fn plus(&self, other: &Self) -> Self {
        let (lo, hi) = (-ACT_MAX as f64, ACT_MAX as f64);
        let add = |(a, b): (&Vec<f64>, &Vec<f64>)| {
            a.iter()
                .zip(b)
                .map(|(a, b)| (a + b).clamp(lo, hi))
                .collect()
        };
        Self {
            h: self.h,
            w: self.w,
            planes: self.planes.iter().zip(&other.planes).map(add).collect(),
        }
    }
}

struct Layer {
    weight: Vec<i64>,
    bias: Vec<Vec<i64>>,
    shift: Vec<u32>,
    lo: i64,
    hi: i64,
    /// Whether negative results are divided by 2^LEAK_BITS.
    leaky: bool,
    depthwise: bool,
}

/// Where the output of a layer is clamped, and whether it leaks.
type Range = (i64, i64, bool);

impl Layer {
    /// The activation function of a leaky layer, rounded down if values are whole.
    fn leak(&self, v: f64, whole: bool) -> f64 {
        match self.leaky && v < 0.0 {
            true if whole => (v / f64::from(1 << LEAK_BITS)).floor(),
            true => v / f64::from(1 << LEAK_BITS),
            false => v,
        }
    }

    fn forward(&self, x: &Grid, level: usize, arithmetic: Arithmetic) -> Grid {
        let bias = self.bias.get(level).unwrap_or(&self.bias[0]);
        let inputs = self.weight.len() / self.shift.len();
        let mut out = Grid::zeros(self.shift.len(), x.h, x.w);
        for (o, plane) in out.planes.iter_mut().enumerate() {
            let weight = &self.weight[o * inputs..(o + 1) * inputs];
            // One term for each weight: the plane that it reads and where.
            let terms: Vec<(i64, &[f64], isize, isize)> = weight
                .iter()
                .enumerate()
                .map(|(k, &w)| {
                    if self.depthwise {
                        let (a, b) = (k as isize / 3 - 1, k as isize % 3 - 1);
                        (w, x.planes[o].as_slice(), a, b)
                    } else {
                        (w, x.planes[k].as_slice(), 0, 0)
                    }
                })
                .filter(|(w, ..)| *w != 0)
                .collect();
            let shift = self.shift[o];
            let (lo, hi) = (self.lo as f64, self.hi as f64);
            match arithmetic {
                Arithmetic::Integers => {
                    let mut acc = vec![bias[o]; x.h * x.w];
                    for (w, from, a, b) in terms {
                        // The values are integers: nothing is lost.
                        each(x.h, x.w, a, b, |to, at| acc[to] += w * from[at] as i64);
                    }
                    for (o, acc) in plane.iter_mut().zip(acc) {
                        let v = (acc >> shift).clamp(self.lo, self.hi);
                        *o = if self.leaky && v < 0 {
                            v >> LEAK_BITS
                        } else {
                            v
                        } as f64;
                    }
                }
                Arithmetic::Disturbed(_) | Arithmetic::Unrounded => {
                    let mut acc = vec![bias[o] as f64; x.h * x.w];
                    for (w, from, a, b) in terms {
                        each(x.h, x.w, a, b, |to, at| acc[to] += w as f64 * from[at]);
                    }
                    for (at, (o, acc)) in plane.iter_mut().zip(acc).enumerate() {
                        let scale = (-f64::from(shift)).exp2();
                        *o = match arithmetic {
                            Arithmetic::Disturbed(size) => {
                                let sign = if at % 2 == 0 { size } else { -size };
                                ((acc + sign) * scale).floor()
                            }
                            _ => acc * scale,
                        }
                        .clamp(lo, hi);
                        let whole = matches!(arithmetic, Arithmetic::Disturbed(_));
                        *o = self.leak(*o, whole);
                    }
                }
                Arithmetic::Floats { backwards } => {
                    let mut terms = terms;
                    if backwards {
                        terms.reverse();
                    }
                    let unit = ACT_MAX as f32;
                    let scale = (-(shift as f32)).exp2();
                    let mut acc = vec![bias[o] as f32 * scale / unit; x.h * x.w];
                    for (w, from, a, b) in terms {
                        let w = w as f32 * scale;
                        each(x.h, x.w, a, b, |to, at| {
                            acc[to] += w * (from[at] as f32 / unit)
                        });
                    }
                    for (o, acc) in plane.iter_mut().zip(acc) {
                        *o = self.leak(f64::from((acc * unit).floor()).clamp(lo, hi), true);
                    }
                }
            }
        }
        out
    }
}

/// Calls `add(to, at)` for every cell of a grid and the cell at an offset from it, where there is one.
fn each(h: usize, w: usize, a: isize, b: isize, mut add: impl FnMut(usize, usize)) {
    for i in 0..h {
        let Some(row) = i.checked_add_signed(a).filter(|r| *r < h) else {
            continue;
        };
        let columns = usize::from(b < 0)..w - usize::from(b > 0).min(w);
        for j in columns {
            let column = (j as isize + b) as usize;
            add(i * w + j, row * w + column);
        }
    }
}

/// `code(stream, row, symbol)` fills in the next symbol of a stream, which its row in the bank of the stream codes.
type Code<'a> = dyn FnMut(usize, u16, &mut i32) -> Result<(), CodeError> + 'a;

/// What a step after step 0 runs before its heads.
struct Context {
    spatial: Layer,
    energy: Layer,
    mix1: Layer,
    mix2: Layer,
}

/// Cells that a step codes of quarter g of the channels: those whose coset is g ^ k.
const COSETS: [&[usize]; 3] = [&[0], &[3], &[1, 2]];

/// Everything that the exact path reads of a weights file.
pub struct Integer {
    pub arithmetic: Arithmetic,
    config: Config,
    up1: Layer,
    d1: Layer,
    up2: Layer,
    d2: Layer,
    mix: Layer,
    heads: [(Layer, Layer); 3],
    contexts: [Context; 2],
    z_rows: Vec<u16>,
    shift: Vec<u32>,
    y_tables: Tables,
    z_tables: Tables,
}

impl Integer {
    pub fn load(bytes: &[u8], arithmetic: Arithmetic) -> Self {
        let mut w = Weights::open(bytes).unwrap();
        let config = Config::from_json(w.config().unwrap()).unwrap();
        let y_tables = tables(&mut w, "y", RESIDUAL_MAX);
        let z_tables = tables(&mut w, "z", Z_MAX);
        let rows = y_tables.len() as i64 / 2;
        let z_rows = w.integers("z_rows", &[0, 0]).unwrap();
        let shift = w.integers("shift", &[0, 0]).unwrap();
        let mut of = |name: &str, (lo, hi, leaky): Range| {
            let weight = w.integers(&format!("{name}.weight"), &[0, 0]).unwrap();
            let bias = w.integers(&format!("{name}.bias"), &[0, 0]).unwrap();
            let shift = w.integers(&format!("{name}.shift"), &[0]).unwrap();
            let long = |v: &[i32]| v.iter().map(|&x| x.into()).collect::<Vec<i64>>();
            Layer {
                depthwise: [".d1", ".d2", ".spatial", ".energy"]
                    .iter()
                    .any(|d| name.ends_with(d)),
                weight: long(&weight),
                bias: bias.chunks_exact(shift.len()).map(long).collect(),
                shift: shift.iter().map(|&s| s as u32).collect(),
                lo,
                hi,
                leaky,
            }
        };
        let linear = (-ACT_MAX, ACT_MAX, false);
        let active = (-ACT_MAX, ACT_MAX, true);
        let mut heads = |name: &str| {
            (
                of(&format!("{name}.mean"), (-MEAN_MAX, MEAN_MAX, false)),
                of(&format!("{name}.row"), (0, rows - 1, false)),
            )
        };
        let heads = [heads("h_s"), heads("context.0"), heads("context.1")];
        let contexts = [0, 1].map(|i| Context {
            spatial: of(&format!("context.{i}.spatial"), linear),
            energy: of(&format!("context.{i}.energy"), linear),
            mix1: of(&format!("context.{i}.mix1"), active),
            mix2: of(&format!("context.{i}.mix2"), active),
        });
        Self {
            arithmetic,
            up1: of("h_s.up1", active),
            d1: of("h_s.d1", linear),
            up2: of("h_s.up2", active),
            d2: of("h_s.d2", linear),
            mix: of("h_s.mix", active),
            heads,
            contexts,
            z_rows: z_rows.iter().map(|&r| r as u16).collect(),
            shift: shift.iter().map(|&s| s as u32).collect(),
            y_tables,
            z_tables,
            config,
        }
    }

    /// 2. Features, on the grid of y.
    fn features(&self, z: &Grid, (h, w): (usize, usize), level: usize) -> Grid {
        let run = |layer: &Layer, x: &Grid| layer.forward(x, level, self.arithmetic);
        let f = run(&self.up1, z).shuffle();
        let f = run(&self.d1, &f);
        let f = run(&self.up2, &f).shuffle();
        f.plus(&run(&self.mix, &run(&self.d2, &f))).crop(h, w)
    }

    /// 4. What the heads of a later step read: features and what is known of y_hat, shifted and clamped, zero elsewhere.
    fn context(&self, step: usize, u: &Grid, features: &Grid, level: usize) -> Grid {
        let net = &self.contexts[step - 1];
        let run = |layer: &Layer, x: &Grid| layer.forward(x, level, self.arithmetic);
        let mut s = run(&net.spatial, u);
        let mut size = u.clone();
        size.planes.iter_mut().flatten().for_each(|v| *v = v.abs());
        s.planes.extend(run(&net.energy, &size).planes);
        s.planes.extend(features.planes.iter().cloned());
        let f = run(&net.mix1, &s);
        f.plus(&run(&net.mix2, &f))
    }

    /// Means and rows of a step.
    fn parameters(&self, step: usize, f: &Grid, level: usize) -> (Grid, Grid) {
        let run = |layer: &Layer| layer.forward(f, level, self.arithmetic);
        (run(&self.heads[step].0), run(&self.heads[step].1))
    }

    /// Decodes streams.
    pub fn trace(&self, streams: &[&[u8]], size: Size, level: u8) -> Result<Trace, CodeError> {
        let mut readers = streams
            .iter()
            .map(|s| Reader::new(s))
            .collect::<Result<Vec<_>, _>>()?;
        let trace = self.run(grid(size), level, &mut |stream, row, symbol| {
            let mut rows = Rows::<u16>::new(self.tables(stream));
            readers[stream].code_one(&mut rows, row, symbol).map(drop)
        })?;
        readers.into_iter().try_for_each(Reader::finish)?;
        Ok(trace)
    }

    /// Rows and y_hat for the symbols of a trace.
    pub fn retrace(&self, known: &Trace, level: u8) -> Trace {
        let (h, _, w) = known.latents.planes()[0].dim();
        let mut done = vec![0; known.streams.len()];
        self.run((h, w), level, &mut |stream, _, symbol| {
            *symbol = known.streams[stream].symbols[done[stream]].into();
            done[stream] += 1;
            Ok(())
        })
        .unwrap()
    }

    /// The streams of a trace.
    pub fn write(&self, trace: &Trace) -> Vec<Vec<u8>> {
        let write = |(stream, record): (usize, &Record)| {
            let mut writer = Writer::new();
            let mut rows = Rows::<u16>::new(self.tables(stream));
            for (row, &symbol) in record.places.iter().zip(&record.symbols) {
                let (row, mut symbol) = (row as u16, symbol.into());
                writer.code_one(&mut rows, row, &mut symbol).unwrap();
            }
            writer.finish()
        };
        trace.streams.iter().enumerate().map(write).collect()
    }

    /// The bank of tables of a stream: the first one holds z.
    fn tables(&self, stream: usize) -> &Tables {
        match stream {
            0 => &self.z_tables,
            _ => &self.y_tables,
        }
    }

    /// 1. The row of a symbol of z, by what is to its left and above it.
    fn z_row(&self, level: u8, z: &Array3<i32>, (i, c, j): (usize, usize, usize)) -> u16 {
        let sum = match (i, j) {
            (0, 0) => 0,
            (0, j) => 2 * z[(0, c, j - 1)],
            (i, 0) => 2 * z[(i - 1, c, 0)],
            (i, j) => z[(i, c, j - 1)] + z[(i - 1, c, j)],
        };
        let class = match sum {
            ..=-7 => 0,
            -6..=-4 => 1,
            -3..=-2 => 2,
            -1 => 3,
            0 => 4,
            1 => 5,
            2..=3 => 6,
            4..=6 => 7,
            7.. => 8,
        };
        self.z_rows[usize::from(level) * self.config.hyper + c] + class
    }

    /// z, features, and all steps.
    fn run(&self, (h, w): (usize, usize), level: u8, code: &mut Code) -> Result<Trace, CodeError> {
        let mut streams = vec![Record::default(); 1 + h.div_ceil(STRIPE_ROWS)];
        let mut code = |stream: usize, row: u16| -> Result<i32, CodeError> {
            let mut symbol = 0;
            code(stream, row, &mut symbol)?;
            streams[stream].places.push(row.into());
            streams[stream].symbols.push(symbol as i16);
            Ok(symbol)
        };
        let (zh, zc, zw) = (h.div_ceil(4), self.config.hyper, w.div_ceil(4));
        let mut z = Array3::zeros((zh, zc, zw));
        for i in 0..zh {
            for c in 0..zc {
                for j in 0..zw {
                    z[(i, c, j)] = code(0, self.z_row(level, &z, (i, c, j)))?;
                }
            }
        }
        let level = usize::from(level);
        let m = self.config.latents;
        let shift = &self.shift[level * m..(level + 1) * m];
        let mut grid = Grid::zeros(zc, zh, zw);
        for ((i, c, j), v) in z.indexed_iter() {
            grid.planes[c][i * zw + j] = f64::from(*v);
        }
        let features = self.features(&grid, (h, w), level);
        let mut y_hat = Array3::<i32>::zeros((h, m, w));
        for (step, cosets) in COSETS.iter().enumerate() {
            let in_step = |c: usize, i: usize, j: usize| {
                let coset = 2 * (i % 2) + j % 2;
                cosets.iter().any(|k| coset == (c / (m / 4)) ^ k)
            };
            let (mean, row) = if step == 0 {
                self.parameters(0, &features, level)
            } else {
                let mut u = Grid::zeros(m, h, w);
                // What is not decoded yet is still 0.
                for ((i, c, j), y) in y_hat.indexed_iter() {
                    let v = i64::from(*y) >> shift[c];
                    u.planes[c][i * w + j] = v.clamp(-ACT_MAX, ACT_MAX) as f64;
                }
                self.parameters(step, &self.context(step, &u, &features, level), level)
            };
            let half = (self.y_tables.len() / 2) as u16;
            let mut states = vec![0u8; m];
            for i in 0..h {
                if i % STRIPE_ROWS == 0 {
                    states.fill(0);
                }
                for c in 0..m {
                    for j in (0..w).filter(|&j| in_step(c, i, j)) {
                        let at = |grid: &Grid| grid.planes[c][i * w + j].floor() as i32;
                        let row = at(&row) as u16;
                        // A cell that is not coded leaves its chain where it is.
                        let coded = row >= self.y_tables.skip_below();
                        let odd = coded && states[c] % 2 == 1;
                        let row = row + if odd { half } else { 0 };
                        let symbol = code(1 + i / STRIPE_ROWS, row)?;
                        let mut value = 0;
                        if coded {
                            states[c] = next_state(states[c], symbol);
                            value =
                                STEP * symbol - if odd { symbol.signum() * STEP / 2 } else { 0 };
                        }
                        y_hat[(i, c, j)] = value + (at(&mean) << shift[c]);
                    }
                }
            }
        }
        // The order within a stripe is step, row, channel; rows were visited in that order.
        Ok(Trace {
            streams,
            latents: Latents::fixed(MEAN_BITS, y_hat),
        })
    }
}

/// Rows and columns of the grid of y.
fn grid(size: Size) -> (usize, usize) {
    (size.height.div_ceil(16), size.width.div_ceil(16))
}

/// The checksum of the symbols of a picture.
pub fn checksum(trace: &Trace) -> u32 {
    let of_stream = |record: &Record| crc32c(record.symbols.iter().flat_map(|s| s.to_le_bytes()));
    let sums = trace.streams.iter().map(of_stream);
    crc32c(sums.flat_map(u32::to_le_bytes))
}

/// CRC-32C, a bit at a time.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0x82F6_3B78 * (crc & 1))
        })
    })
}

/// The state of a chain after a symbol, bit by bit from the parity checks 103 and 024 of the code.
fn next_state(state: u8, symbol: i32) -> u8 {
    let (quantiser, parity) = (state & 1, symbol.rem_euclid(2) as u8);
    (1..=6)
        .map(|i| {
            let above = if i < 6 { state >> i & 1 } else { 0 };
            (above ^ (0o103 >> i & 1 & quantiser) ^ (0o024 >> i & 1 & parity)) << (i - 1)
        })
        .sum()
}

fn tables(w: &mut Weights, name: &str, limit: i32) -> Tables {
    let first = w.integers(&format!("tables.{name}.first"), &[0]).unwrap();
    let length = w.integers(&format!("tables.{name}.length"), &[0]).unwrap();
    let freqs: Vec<u16> = w
        .integers(&format!("tables.{name}.freqs"), &[0])
        .unwrap()
        .iter()
        .map(|&f| f as u16)
        .collect();
    let skip = w.integers(&format!("tables.{name}.skip"), &[1]).unwrap();
    let mut rest = freqs.as_slice();
    let rows = first.iter().zip(&length).map(|(&first, &length)| {
        let (freqs, tail) = rest.split_at(length as usize);
        rest = tail;
        RowSpec { first, freqs }
    });
    Tables::new(rows.collect::<Vec<_>>(), skip[0] as u16, limit).unwrap()
}
