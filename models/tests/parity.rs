//! The Rust networks against the PyTorch reference: fixtures written by `models/reference/export.py --fixtures`.
//!
//! The exact path must agree in every integer; the float path within the tolerances below.
#![cfg(feature = "bundled")]

use std::collections::HashMap;

use kiln_entropy::Record;
use kiln_models::nets::exact::MEAN_BITS;
use kiln_models::seam::{
    Architecture, Given, Latents, PixelSink, PixelSource, Places, Size, Trace, Unwatched,
};
use kiln_models::{BUNDLED, ModelError, Weights, arch};
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
    fn size(&self) -> Size {
        let (height, width, _) = self.0.dim();
        Size { height, width }
    }

    fn read(&self, x: usize, y: usize, mut out: ArrayViewMut3<f32>) -> Result<(), ModelError> {
        let (h, w, _) = self.0.dim();
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

fn model() -> Box<dyn Architecture> {
    arch::open(Weights::open(BUNDLED).unwrap(), &Places::cpu()).unwrap()
}

/// What is known of the picture before its symbols.
fn given(model: &dyn Architecture, fixtures: &Fixtures, level: u8) -> Given<'static> {
    Given {
        level: model.facts().levels.require(level).unwrap(),
        size: Bytes(fixtures.get("picture")).size(),
        watch: &Unwatched,
    }
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

/// Symbols of a stream, wherever they are coded.
fn symbols(symbols: Vec<i16>) -> Record {
    Record {
        symbols,
        ..Record::default()
    }
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
        let z = channels_first(&z).iter().map(|&z| z as i16).collect();
        let y = order.iter().map(|p| residual[*p] as i16).collect();
        let known = Trace {
            streams: vec![symbols(z), symbols(y)],
            latents: Latents::fixed(MEAN_BITS, channels_first(&y_hat)),
        };
        let found = model
            .retrace(&known, &given(model.as_ref(), &f, level))
            .unwrap();
        assert_eq!(found.streams[1].places.len(), order.len());
        let wrong_rows = order
            .iter()
            .zip(found.streams[1].places.iter())
            .filter(|(p, place)| row[**p] as u64 != *place)
            .count();
        let wrong = found.latents.differences(&known.latents).unwrap();
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
        let latents = Latents::fixed(MEAN_BITS, channels_first(&y_hat));
        model
            .synthesise(&latents, &given(model.as_ref(), &f, level), &mut out)
            .unwrap();
        let d = largest_difference(&out.0, &want);
        assert!(d < 0.1 / 255.0, "level {level}: {d}");
    }
}

#[test]
fn what_is_coded_comes_back() {
    let (f, model) = (Fixtures::read(), model());
    let y = model.analyse(&Bytes(f.get("picture"))).unwrap();
    let mut sizes = Vec::new();
    for level in LEVELS {
        let given = given(model.as_ref(), &f, level);
        let coded = model.encode(&y, &given).unwrap().value;
        let streams: Vec<&[u8]> = coded.streams.iter().map(Vec::as_slice).collect();
        sizes.push(streams.iter().map(|s| s.len()).sum::<usize>());
        let latents = model.decode(&streams, coded.checksum, &given).unwrap();
        assert_eq!(latents.value, coded.latents);
        // The reference chose its symbols with other tables: all but a few cells are near.
        let want = f.get(&format!("y_hat.{level}"));
        let got = channels_first(&latents.value.planes()[0]);
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
            model.decode(&streams, coded.checksum ^ 1, &given),
            Err(ModelError::Checksum { .. })
        ));
    }
    assert!(sizes.windows(2).all(|s| s[0] < s[1]), "{sizes:?}");
}
