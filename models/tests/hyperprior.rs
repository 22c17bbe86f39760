//! `bmshj2018-hyperprior` against CompressAI's model of that name: fixtures written by
//! `models/reference/hyperprior_fixture.py`. All of it is floating point: the two agree within the tolerances below.

use std::collections::HashMap;

use kiln_models::seam::{
    Analysed, Architecture, Coded, Given, Latents, PixelSink, PixelSource, Places, Size, TileSize,
    Trace, Unwatched,
};
use kiln_models::{ModelError, Portability, Weights, WeightsError, arch};
use ndarray::{Array3, ArrayView3, ArrayViewMut3, s};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// Largest difference of a value of y, relative to its magnitude or to 1, whichever is more.
const Y_TOLERANCE: f32 = 1e-4;
/// Distance from a half below which y may be rounded either way.
const TIE: f32 = 1e-3;
/// Relative distance of a scale from the largest scale of a row, below which it may have either row.
const SCALE_TOLERANCE: f32 = 1e-4;
/// Largest difference of a sample in -1/2..=1/2: a tenth of a step of 8 bits.
const X_TOLERANCE: f32 = 0.1 / 255.0;
/// The fixture holds samples in integer multiples of this part.
const X_HAT_STEPS: f32 = 16_384.0;

struct Fixture {
    weights: Vec<u8>,
    /// What CompressAI's coder makes of z and y.
    bytes: Vec<f32>,
    arrays: HashMap<String, Array3<f32>>,
}

impl Fixture {
    fn read() -> Self {
        let bytes = std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/hyperprior.safetensors"
        ))
        .unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let arrays = file
            .tensors()
            .into_iter()
            .filter(|(_, t)| t.shape().len() == 3)
            .map(|(name, t)| {
                let shape: [usize; 3] = t.shape().try_into().unwrap();
                (name, Array3::from_shape_vec(shape, numbers(&t)).unwrap())
            })
            .collect();
        Self {
            weights: file.tensor("weights").unwrap().data().to_vec(),
            bytes: numbers(&file.tensor("bytes").unwrap()),
            arrays,
        }
    }

    fn get(&self, name: &str) -> &Array3<f32> {
        &self.arrays[name]
    }

    /// The same in the order of latents: [channel, row, column] -> [row, channel, column].
    fn rows_first(&self, name: &str) -> Array3<f32> {
        self.get(name)
            .view()
            .permuted_axes([1, 0, 2])
            .as_standard_layout()
            .into_owned()
    }

    fn tensor(&self, name: &str) -> Vec<f32> {
        numbers(
            &SafeTensors::deserialize(&self.weights)
                .unwrap()
                .tensor(name)
                .unwrap(),
        )
    }
}

/// The numbers of a tensor of a type that fixtures and their weights have.
fn numbers(t: &TensorView<'_>) -> Vec<f32> {
    let d = t.data();
    match t.dtype() {
        Dtype::U8 => d.iter().map(|&b| b.into()).collect(),
        Dtype::I16 => d
            .chunks_exact(2)
            .map(|b| i16::from_le_bytes(b.try_into().unwrap()).into())
            .collect(),
        Dtype::I32 => d
            .chunks_exact(4)
            .map(|b| i32::from_le_bytes(b.try_into().unwrap()) as f32)
            .collect(),
        Dtype::F32 => d
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// A picture [height, width, 3] of bytes.
struct Bytes<'a>(&'a Array3<f32>);

impl PixelSource for Bytes<'_> {
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

/// What is painted: [3, height, width] of whole cells.
struct Planes(Array3<f32>);

impl PixelSink for Planes {
    fn write(&mut self, x: usize, y: usize, planes: ArrayView3<f32>) -> Result<(), ModelError> {
        let (_, h, w) = planes.dim();
        self.0.slice_mut(s![.., y..y + h, x..x + w]).assign(&planes);
        Ok(())
    }
}

fn open(weights: &[u8], tile: usize) -> Result<Box<dyn Architecture>, WeightsError> {
    let weights = Weights::open(weights)?;
    let places = Places {
        tile: TileSize::new(tile).unwrap(),
        ..Places::cpu()
    };
    arch::open(weights, &places)
}

fn model(f: &Fixture) -> Box<dyn Architecture> {
    open(&f.weights, 768).unwrap()
}

fn given(model: &dyn Architecture, size: Size) -> Given<'static> {
    Given {
        level: model.facts().levels.last(),
        size,
        watch: &Unwatched,
    }
}

fn size(f: &Fixture) -> Size {
    Bytes(f.get("picture")).size()
}

fn coded(model: &dyn Architecture, f: &Fixture, y: &Analysed) -> Coded {
    model.encode(y, &given(model, size(f))).unwrap().value
}

fn traced(model: &dyn Architecture, f: &Fixture, coded: &Coded) -> Trace {
    let streams: Vec<&[u8]> = coded.streams.iter().map(Vec::as_slice).collect();
    model.trace(&streams, &given(model, size(f))).unwrap()
}

fn painted(model: &dyn Architecture, f: &Fixture, latents: &Latents) -> Array3<f32> {
    let [_, h, w]: [usize; 3] = f.get("y").shape().try_into().unwrap();
    let mut planes = Planes(Array3::from_elem((3, 16 * h, 16 * w), f32::NAN));
    model
        .synthesise(latents, &given(model, size(f)), &mut planes)
        .unwrap();
    assert!(planes.0.iter().all(|x| x.is_finite()), "a hole");
    planes.0
}

fn largest_difference(a: &Array3<f32>, b: &Array3<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

#[test]
fn analysis_agrees_within_its_tolerance() {
    let f = Fixture::read();
    let y = model(&f).analyse(&Bytes(f.get("picture"))).unwrap();
    let want = f.rows_first("y");
    assert_eq!(y.y().dim(), want.dim());
    let relative = |(a, b): (&f32, &f32)| (a - b).abs() / b.abs().max(1.0);
    let largest = y.y().iter().zip(&want).map(relative).fold(0.0, f32::max);
    println!("y differs by {largest:e} of {} values", want.len());
    assert!(largest < Y_TOLERANCE, "{largest:e}");
}

#[test]
fn symbols_and_rows_are_the_same() {
    let f = Fixture::read();
    let model = model(&f);
    let y = model.analyse(&Bytes(f.get("picture"))).unwrap();
    let trace = traced(model.as_ref(), &f, &coded(model.as_ref(), &f, &y));
    let [z, y] = trace.streams.as_slice() else {
        panic!("{} streams", trace.streams.len());
    };

    // No z of the fixture is near a half, so that every symbol is the same. Rows are channels.
    let want = f.rows_first("z");
    assert!(
        z.symbols
            .iter()
            .zip(&want)
            .all(|(a, b)| f32::from(*a) == *b)
    );
    let channels = want.indexed_iter().map(|((_, c, _), _)| c as u64);
    assert!(z.places.iter().eq(channels));

    let (symbols, values) = (f.rows_first("symbols"), f.rows_first("y"));
    assert_eq!(y.symbols.len(), symbols.len());
    let mut differing = 0;
    for ((have, want), value) in y.symbols.iter().zip(&symbols).zip(&values) {
        if f32::from(*have) != *want {
            differing += 1;
            let tie = (value - value.floor() - 0.5).abs();
            assert!(tie < TIE, "{have} for {want} of {value}");
        }
    }
    let (rows, scales, table) = (
        f.rows_first("rows"),
        f.rows_first("scales"),
        f.tensor("scales"),
    );
    let mut other_rows = 0;
    for ((have, want), scale) in y.places.iter().zip(&rows).zip(&scales) {
        if have != *want as u64 {
            other_rows += 1;
            let near = |s: &f32| (scale / s - 1.0).abs() < SCALE_TOLERANCE;
            assert!(table.iter().any(near), "row {have} for {want} of {scale}");
        }
    }
    println!(
        "{} symbols of z, all the same; of {} of y {differing} symbols and {other_rows} rows are others",
        z.symbols.len(),
        symbols.len()
    );
    // The fixture has what it takes to find a difference.
    let different = |a: &Array3<f32>| {
        let mut all: Vec<i32> = a.iter().map(|v| *v as i32).collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    };
    assert!(different(&symbols) > 40 && different(&rows) > 40 && different(&want) > 8);
}

#[test]
fn synthesis_agrees_within_a_tenth_of_a_step() {
    let f = Fixture::read();
    let latents = Latents::fixed(0, f.rows_first("symbols").mapv(|v| v as i32));
    let planes = painted(model(&f).as_ref(), &f, &latents);
    let Size { height, width } = size(&f);
    let have = planes.slice(s![.., ..height, ..width]).mapv(|v| v + 0.5);
    let d = largest_difference(&have, &f.get("x_hat").mapv(|v| v / X_HAT_STEPS));
    println!("x_hat differs by {:.4} steps of 255", d * 255.0);
    assert!(d < X_TOLERANCE, "{d}");
}

#[test]
fn what_is_coded_comes_back_and_weighs_what_it_does_there() {
    let f = Fixture::read();
    let model = model(&f);
    let y = model.analyse(&Bytes(f.get("picture"))).unwrap();
    let coded = coded(model.as_ref(), &f, &y);
    let streams: Vec<&[u8]> = coded.streams.iter().map(Vec::as_slice).collect();
    let given = given(model.as_ref(), size(&f));
    let decoded = model.decode(&streams, coded.checksum, &given).unwrap();
    assert_eq!(decoded.value, coded.latents);
    let wrong = model.decode(&streams, coded.checksum ^ 1, &given);
    assert!(matches!(wrong, Err(ModelError::Checksum { .. })));
    // CompressAI's coder ends a stream with 8 bytes, and spends others on escapes.
    for (stream, theirs) in streams.iter().zip(&f.bytes) {
        println!("{} bytes, theirs {theirs}", stream.len());
        let expected = 0.9 * theirs - 8.0..=*theirs;
        assert!(expected.contains(&(stream.len() as f32)), "{expected:?}");
    }
}

#[test]
fn tiles_change_y_and_pixels_by_rounding_and_rows_not_at_all() {
    let f = Fixture::read();
    let reference = model(&f);
    let y = reference.analyse(&Bytes(f.get("picture"))).unwrap();
    let coded = coded(reference.as_ref(), &f, &y);
    let planes = painted(reference.as_ref(), &f, &coded.latents);
    let trace = traced(reference.as_ref(), &f, &coded);
    for tile in [64, 128] {
        let other = open(&f.weights, tile).unwrap();
        let analysed = other.analyse(&Bytes(f.get("picture"))).unwrap();
        let analysis = largest_difference(analysed.y(), y.y());
        let synthesis = largest_difference(&painted(other.as_ref(), &f, &coded.latents), &planes);
        println!("in tiles of {tile}: y differs by {analysis:e}, pixels by {synthesis:e}");
        assert!(analysis < 1e-4, "{analysis:e}");
        assert!(synthesis < 1e-5, "{synthesis:e}");
        assert_eq!(traced(other.as_ref(), &f, &coded), trace);
    }
}

/// Far from its edges, networks do to a part of a picture what they do there to the whole. The two are cut into other
/// tiles: with too small a halo, h_a and h_s would see the borders of these.
#[test]
fn hyper_networks_do_not_see_the_borders_of_their_tiles() {
    // Cells of z: whole, cut off at the left, and what the edge of the picture reaches.
    const WHOLE: usize = 40;
    const CUT: usize = 5;
    const EDGE: usize = 3;
    let f = Fixture::read();
    let model = model(&f);
    let (n, m) = (f.get("z").dim().0, f.get("y").dim().0);
    let mut state = 1_u32;
    let y = Array3::from_shape_simple_fn((8, m, 4 * WHOLE), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        20.0 * (state >> 8) as f32 / (1 << 24) as f32 - 10.0
    });
    // z [2, N, columns] and rows of y [8, M, columns].
    let computed = |y: Array3<f32>| {
        let w = y.dim().2;
        let size = Size {
            height: 128,
            width: 16 * w,
        };
        let given = given(model.as_ref(), size);
        let coded = model.encode(&y.into(), &given).unwrap().value;
        let streams: Vec<&[u8]> = coded.streams.iter().map(Vec::as_slice).collect();
        let trace = model.trace(&streams, &given).unwrap();
        let [z, y] = trace.streams.as_slice() else {
            panic!("{} streams", trace.streams.len());
        };
        let rows = y.places.iter().map(|p| p as i16).collect();
        (
            Array3::from_shape_vec((2, n, w / 4), z.symbols.clone()).unwrap(),
            Array3::from_shape_vec((8, m, w), rows).unwrap(),
        )
    };
    let (whole, part) = (
        computed(y.clone()),
        computed(y.slice(s![.., .., 4 * CUT..]).to_owned()),
    );
    let from = CUT + EDGE;
    assert_eq!(
        whole.0.slice(s![.., .., from..]),
        part.0.slice(s![.., .., EDGE..])
    );
    assert_eq!(
        whole.1.slice(s![.., .., 4 * from..]),
        part.1.slice(s![.., .., 4 * EDGE..])
    );
}

#[test]
fn the_loader_finds_what_is_not_portable() {
    let f = Fixture::read();
    let facts = model(&f).facts().clone();
    assert_eq!((facts.id, facts.name), (16, "bmshj2018-hyperprior"));
    let Portability::NotPortable { because } = &facts.portability else {
        panic!("{:?}", facts.portability);
    };
    assert_eq!(
        because,
        "h_s.0 and 2 more pick probabilities in floating point"
    );
    assert!(!facts.searches && facts.levels.count() == 1);
}

/// The weights of the fixture after a change, as a file.
fn changed(
    f: &Fixture,
    change: impl FnOnce(&mut Vec<(String, Dtype, Vec<usize>, Vec<u8>)>),
) -> Vec<u8> {
    let (_, meta) = SafeTensors::read_metadata(&f.weights).unwrap();
    let file = SafeTensors::deserialize(&f.weights).unwrap();
    let mut tensors = file
        .tensors()
        .into_iter()
        .map(|(n, t)| (n, t.dtype(), t.shape().to_vec(), t.data().to_vec()))
        .collect();
    change(&mut tensors);
    let views = tensors
        .iter()
        .map(|(n, d, s, b)| (n, TensorView::new(*d, s.clone(), b).unwrap()));
    safetensors::serialize(views, meta.metadata().clone()).unwrap()
}

#[test]
fn weights_that_break_a_rule_are_refused_in_words() {
    let f = Fixture::read();
    // The place of a number of a tensor of f32, and what it becomes.
    let refused = |name: &str, at: usize, value: f32, words: &str| {
        let bytes = changed(&f, |tensors| {
            let (.., dtype, _, data) = tensors.iter_mut().find(|t| t.0 == name).unwrap();
            assert_eq!(*dtype, Dtype::F32, "{name}");
            data[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
        });
        let error = open(&bytes, 768).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused("g_a.3.weight", 5, -1e-3, "`g_a.3.weight` is -0.001");
    refused("g_s.5.bias", 7, 0.0, "`g_s.5.bias` is 0");
    refused("scales", 0, 0.0, "above 0 and rising");
    refused("scales", 9, 1e9, "above 0 and rising");
    refused("medians", 2, f32::NAN, "`medians` is holds NaN");
    let bytes = changed(&f, |tensors| {
        let (.., data) = tensors.iter_mut().find(|t| t.0 == "tables.y.skip").unwrap();
        data.copy_from_slice(&1_i32.to_le_bytes());
    });
    let error = open(&bytes, 768).err().unwrap().to_string();
    assert!(error.contains("`skip` of tables must be 0"), "{error}");
    let bytes = changed(&f, |t| t.retain(|t| t.0 != "h_s.4.bias"));
    let error = open(&bytes, 768).err().unwrap();
    assert!(matches!(error, WeightsError::Missing(name) if name == "h_s.4.bias"));
}

#[test]
fn latents_of_another_picture_are_refused() {
    let f = Fixture::read();
    let model = model(&f);
    let given = given(model.as_ref(), size(&f));
    let [m, h, w]: [usize; 3] = f.get("y").shape().try_into().unwrap();
    for (h, m, w) in [(h + 4, m, w), (h, m + 1, w), (h, m, w - 4)] {
        let y = Analysed::from(Array3::zeros((h, m, w)));
        let error = model.encode(&y, &given).err().unwrap();
        assert!(matches!(error, ModelError::Latents { .. }), "{error}");
        let mut planes = Planes(Array3::zeros((3, 0, 0)));
        let latents = Latents::fixed(0, Array3::zeros((h, m, w)));
        let error = model
            .synthesise(&latents, &given, &mut planes)
            .err()
            .unwrap();
        assert!(matches!(error, ModelError::Latents { .. }), "{error}");
    }
}
