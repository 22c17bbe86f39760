//! The Rust networks against the PyTorch reference: fixtures written by `models/reference/export.py --fixtures`.
//!
//! The exact path must agree in every integer; the float path within the tolerances below.

use std::collections::{HashMap, VecDeque};

use kiln_entropy::{Chains, CodeError, Symbols, Tables};
use kiln_models::device::DeviceInfo;
use kiln_models::{BUNDLED, Model, ModelError, PixelSink, PixelSource};
use ndarray::{Array3, ArrayView3, ArrayViewMut3, s};
use safetensors::{Dtype, SafeTensors};

const LEVELS: [u8; 4] = [0, 21, 42, 63];

struct Fixtures(HashMap<String, (Vec<usize>, Vec<f32>)>);

impl Fixtures {
    fn read() -> Self {
        let bytes = std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/fixtures.safetensors"
        ))
        .unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let read = |d: &[u8], t| match t {
            Dtype::U8 => d.iter().map(|&b| f32::from(b)).collect(),
            Dtype::I32 => d
                .chunks_exact(4)
                .map(|b| i32::from_le_bytes(b.try_into().unwrap()) as f32)
                .collect(),
            Dtype::F32 => d
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect(),
            other => panic!("{other:?}"),
        };
        Self(
            file.tensors()
                .into_iter()
                .map(|(n, t)| (n, (t.shape().to_vec(), read(t.data(), t.dtype()))))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Array3<f32> {
        let (shape, v) = &self.0[name];
        Array3::from_shape_vec((shape[0], shape[1], shape[2]), v.clone()).unwrap()
    }
}

/// A picture [height, width, 3] of bytes.
struct Bytes(Array3<f32>);

impl PixelSource for Bytes {
    fn size(&self) -> (usize, usize) {
        let (h, w, _) = self.0.dim();
        (h, w)
    }

    fn read(&self, x: usize, y: usize, mut out: ArrayViewMut3<f32>) -> Result<(), ModelError> {
        let (h, w) = self.size();
        for ((c, i, j), o) in out.indexed_iter_mut() {
            *o = self.0[((y + i).min(h - 1), (x + j).min(w - 1), c)] / 255.0 - 0.5;
        }
        Ok(())
    }
}

struct Planes(Array3<f32>);

impl PixelSink for Planes {
    fn write(&mut self, x: usize, y: usize, planes: ArrayView3<f32>) -> Result<(), ModelError> {
        let (_, h, w) = planes.dim();
        self.0.slice_mut(s![.., y..y + h, x..x + w]).assign(&planes);
        Ok(())
    }
}

fn model() -> Model {
    Model::load(BUNDLED, &DeviceInfo::cpu()).unwrap()
}

/// [row, channel, column] -> [channel, row, column]
fn channels_first<T: Clone>(a: &Array3<T>) -> Array3<T> {
    a.view().permuted_axes([1, 0, 2]).to_owned()
}

fn largest_difference(a: &Array3<f32>, b: &Array3<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn analysis_agrees_within_1e_4() {
    let f = Fixtures::read();
    let y = model().analyse(&Bytes(f.get("picture"))).unwrap();
    let d = largest_difference(&channels_first(y.y()), &f.get("y"));
    assert!(d < 1e-4, "{d}");
}

/// Hands out given symbols and keeps the rows it was asked for.
struct Replay {
    symbols: VecDeque<i16>,
    rows: Vec<u8>,
}

impl Symbols for Replay {
    fn code(&mut self, _: &Tables, _: u16, _: &mut i32) -> Result<(), CodeError> {
        unreachable!("y is coded in chains")
    }

    fn code_all(&mut self, _: &Tables, _: &[u8], _: &mut [i16]) -> Result<(), CodeError> {
        unreachable!("y is coded in chains")
    }

    fn code_chained(
        &mut self,
        tables: &Tables,
        rows: &mut [u8],
        chain: &[u16],
        chains: &mut Chains,
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        symbols
            .iter_mut()
            .for_each(|s| *s = self.symbols.pop_front().unwrap());
        chains.resolve(tables, rows, chain, symbols)?;
        self.rows.extend_from_slice(rows);
        Ok(())
    }
}

/// Places [channel, row, column] of a grid in the order of coding: step, row, channel, column.
fn coding_order(m: usize, h: usize, w: usize) -> Vec<[usize; 3]> {
    let cells = |step| {
        (0..h)
            .flat_map(move |i| (0..m).flat_map(move |c| (0..w).map(move |j| [c, i, j])))
            .filter(move |[c, i, j]| {
                let coset = 2 * (i % 2) + j % 2;
                step == [0, 2, 2, 1][coset ^ (c / (m / 4))]
            })
    };
    (0..3).flat_map(cells).collect()
}

#[test]
fn exact_path_agrees_in_every_integer() {
    let (f, model) = (Fixtures::read(), model());
    let mut compared = 0;
    for level in LEVELS {
        let int = |name: &str| f.get(&format!("{name}.{level}")).mapv(|v| v as i32);
        let (z, residual, row, y_hat) = (int("z_hat"), int("residual"), int("row"), int("y_hat"));
        let (m, h, w) = residual.dim();
        let order = coding_order(m, h, w);
        let symbols = order.iter().map(|p| residual[*p] as i16).collect();
        let (got, coders) = model
            .code_with(
                vec![Replay {
                    symbols,
                    rows: Vec::new(),
                }],
                &channels_first(&z),
                (h, w),
                level,
            )
            .unwrap();
        let wrong_rows = order
            .iter()
            .zip(&coders[0].rows)
            .filter(|(p, r)| row[**p] != i32::from(**r))
            .count();
        let wrong = channels_first(&got)
            .iter()
            .zip(&y_hat)
            .filter(|(a, b)| a != b)
            .count();
        assert_eq!(
            (wrong_rows, wrong),
            (0, 0),
            "rows and y_hat at level {level}, of {}",
            y_hat.len()
        );
        compared += 2 * y_hat.len();
    }
    assert!(compared > 80_000, "{compared}");
}

#[test]
fn synthesis_agrees_within_a_tenth_of_a_step() {
    let (f, model) = (Fixtures::read(), model());
    for level in LEVELS {
        let y_hat = f.get(&format!("y_hat.{level}")).mapv(|v| v as i32);
        let want = f.get(&format!("x_hat.{level}"));
        let mut out = Planes(Array3::zeros(want.dim()));
        model
            .synthesise(&channels_first(&y_hat), level, &mut out)
            .unwrap();
        let d = largest_difference(&out.0, &want);
        assert!(d < 0.1 / 255.0, "level {level}: {d}");
    }
}

#[test]
fn what_is_coded_comes_back() {
    let (f, model) = (Fixtures::read(), model());
    let picture = Bytes(f.get("picture"));
    let (h, w) = picture.size();
    let y = model.analyse(&picture).unwrap();
    let mut sizes = Vec::new();
    for level in LEVELS {
        let coded = model.encode_latents(&y, level).unwrap();
        let chunks: Vec<&[u8]> = coded.chunks.iter().map(Vec::as_slice).collect();
        sizes.push(chunks.iter().map(|c| c.len()).sum::<usize>());
        let y_hat = model
            .decode_latents(&chunks, coded.checksum, h, w, level)
            .unwrap();
        // The reference chose its symbols with other tables: all but a few cells are near.
        let want = f.get(&format!("y_hat.{level}"));
        let got = channels_first(&y_hat);
        let near = got
            .iter()
            .zip(&want)
            .filter(|(a, b)| (**a as f32 - **b).abs() <= 64.0)
            .count();
        assert!(
            near as f64 > 0.97 * want.len() as f64,
            "level {level}: {near} of {}",
            want.len()
        );
        assert!(matches!(
            model.decode_latents(&chunks, coded.checksum ^ 1, h, w, level),
            Err(ModelError::Checksum { .. })
        ));
    }
    assert!(sizes.windows(2).all(|s| s[0] < s[1]), "{sizes:?}");
}
