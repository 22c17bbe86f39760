//! Weights of `bmshj2018-hyperprior` from a seed, of any width: untrained, but their symbols have all sizes, and some
//! escape.

use kiln::{DeviceChoice, Model};
use kiln_entropy::freeze;

use crate::common::Random;

/// Rows of the bank for y, and the scales between which they lie.
const ROWS: usize = 40;
const SCALES: [f64; 2] = [0.11, 64.0];

/// The tensors of a weights file.
pub struct Seeded {
    width: usize,
    latents: usize,
    random: Random,
    tensors: Vec<Tensor>,
}

struct Tensor {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Seeded {
    /// Weights with N = `width` and M = `latents` channels.
    pub fn new(width: usize, latents: usize, seed: u64) -> Self {
        let mut seeded = Self {
            width,
            latents,
            random: Random(seed),
            tensors: Vec::new(),
        };
        seeded.transforms();
        seeded.hyper_transforms();
        seeded.tables();
        seeded
    }

    /// The same with a number of a tensor multiplied.
    #[must_use]
    pub fn scaled(mut self, name: &str, index: usize, by: f32) -> Self {
        let tensor = self.tensors.iter_mut().find(|t| t.name == name).unwrap();
        assert_eq!(tensor.dtype, "F32", "{name}");
        let bytes = &mut tensor.data[4 * index..4 * index + 4];
        let value = f32::from_le_bytes(bytes.try_into().unwrap()) * by;
        bytes.copy_from_slice(&value.to_le_bytes());
        self
    }

    /// On the CPU.
    pub fn model(&self) -> Model {
        self.model_on(&DeviceChoice::Cpu)
    }

    pub fn model_on(&self, device: &DeviceChoice) -> Model {
        Model::from_bytes("seeded weights", self.file(), device).unwrap()
    }

    /// A safetensors file: the length of the directory, the directory, the data of all tensors.
    pub fn file(&self) -> Vec<u8> {
        let config = format!(
            r#"{{\"width\":{},\"latents\":{}}}"#,
            self.width, self.latents
        );
        let mut directory = vec![format!(
            r#""__metadata__":{{"architecture":"bmshj2018-hyperprior","config":"{config}"}}"#
        )];
        let mut data: Vec<u8> = Vec::new();
        for t in &self.tensors {
            let start = data.len();
            data.extend(&t.data);
            let Tensor {
                name, dtype, shape, ..
            } = t;
            let end = data.len();
            directory.push(format!(
                r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
            ));
        }
        let directory = format!("{{{}}}", directory.join(","));
        let mut file = (directory.len() as u64).to_le_bytes().to_vec();
        file.extend(directory.as_bytes());
        file.extend(data);
        file
    }

    fn transforms(&mut self) {
        let (n, m) = (self.width, self.latents);
        // Mid-grey becomes 0, so that what a picture shows is not lost beside its mean.
        let first = self.layer("g_a.0", [n, 3, 5, 5], 75, |_| 1.0);
        let biases = first.chunks(75).map(|w| -0.5 * w.iter().sum::<f32>());
        let biases = biases.collect();
        self.floats("g_a.0.bias", &[n], biases);
        self.norm("g_a.1", [0.01, 0.03], 0.1);
        for (name, norm) in [("g_a.2", "g_a.3"), ("g_a.4", "g_a.5")] {
            self.layer(name, [n, n, 5, 5], 25 * n, |_| 1.0);
            self.biases(name, n, 0.1);
            self.norm(norm, [0.2, 0.5], 0.1);
        }
        let gains = self.logarithmic(m, [0.5, 12.0]);
        self.layer("g_a.6", [m, n, 5, 5], 25 * n, |o| gains[o]);
        self.biases("g_a.6", m, 0.5);

        // A quarter of the kernel meets each result.
        for (name, norm, inputs, gain) in [
            ("g_s.0", "g_s.1", m, 0.2),
            ("g_s.2", "g_s.3", n, 0.7),
            ("g_s.4", "g_s.5", n, 0.7),
        ] {
            self.layer(name, [inputs, n, 5, 5], 25 * inputs / 4, |_| gain);
            self.biases(name, n, 0.1);
            self.norm(norm, [0.5, 1.5], 0.01);
        }
        self.layer("g_s.6", [n, 3, 5, 5], 25 * n / 4, |_| 0.2);
        self.floats("g_s.6.bias", &[3], vec![0.5; 3]);
    }

    fn hyper_transforms(&mut self) {
        let (n, m) = (self.width, self.latents);
        self.layer("h_a.0", [n, m, 3, 3], 9 * m, |_| 0.5);
        self.biases("h_a.0", n, 0.1);
        for (name, gain) in [("h_a.2", 1.0), ("h_a.4", 5.0)] {
            self.layer(name, [n, n, 5, 5], 25 * n, |_| gain);
            self.biases(name, n, 0.1);
        }
        for name in ["h_s.0", "h_s.2"] {
            self.layer(name, [n, n, 5, 5], 25 * n / 4, |_| 1.0);
            self.biases(name, n, 0.1);
        }
        // Around the size of y for most channels, and far from it for others.
        let scales = self.logarithmic(m, [0.2, 12.0]);
        self.layer("h_s.4", [m, n, 3, 3], 9 * n, |o| 0.5 * scales[o]);
        self.floats("h_s.4.bias", &[m], scales);
    }

    fn tables(&mut self) {
        let ratio = (SCALES[1] / SCALES[0]).powf(1.0 / (ROWS - 1) as f64);
        let scales: Vec<f64> = (0..ROWS)
            .map(|i| SCALES[0] * ratio.powi(i as i32))
            .collect();
        let half_width = |scale: f64| (4.0 * scale).ceil() as u32;
        let y = scales.iter().map(|&s| (s, half_width(s))).collect();
        self.bank("y", y);
        self.bank("z", vec![(2.0, 6); self.width]);
        self.floats(
            "scales",
            &[ROWS],
            scales.iter().map(|&s| s as f32).collect(),
        );
        let medians = (0..self.width)
            .map(|_| self.random.signed() * 2.0)
            .collect();
        self.floats("medians", &[self.width], medians);
    }

    /// Normal tables of given scales and half widths.
    fn bank(&mut self, name: &str, rows: Vec<(f64, u32)>) {
        let first = rows.iter().map(|(_, half)| -(*half as i32));
        self.integers(&format!("tables.{name}.first"), first.collect());
        let lengths = rows.iter().map(|(_, half)| 2 * *half as i32 + 2);
        self.integers(&format!("tables.{name}.length"), lengths.collect());
        self.integers(&format!("tables.{name}.skip"), vec![0]);
        let freqs: Vec<u16> = rows
            .into_iter()
            .flat_map(|(scale, half)| freeze::row(&freeze::gaussian(scale, half)).unwrap())
            .collect();
        self.tensors.push(Tensor {
            name: format!("tables.{name}.freqs"),
            dtype: "U16",
            shape: vec![freqs.len()],
            data: freqs.iter().flat_map(|f| f.to_le_bytes()).collect(),
        });
    }

    /// Weights with which a result, of `inputs` values of variance 1, has the standard deviation `gain` of its channel.
    fn layer(
        &mut self,
        name: &str,
        shape: [usize; 4],
        inputs: usize,
        gain: impl Fn(usize) -> f32,
    ) -> Vec<f32> {
        let deviation = (3.0 / inputs as f32).sqrt();
        let count = shape.iter().product::<usize>();
        let channel = shape[1..].iter().product::<usize>();
        let values: Vec<f32> = (0..count)
            .map(|i| self.random.signed() * deviation * gain(i / channel))
            .collect();
        self.floats(&format!("{name}.weight"), &shape, values.clone());
        values
    }

    fn biases(&mut self, name: &str, count: usize, scale: f32) {
        let values = (0..count).map(|_| self.random.signed() * scale).collect();
        self.floats(&format!("{name}.bias"), &[count], values);
    }

    /// beta within a range, gamma on the diagonal, and a little of it elsewhere.
    fn norm(&mut self, name: &str, [low, high]: [f32; 2], gamma: f32) {
        let n = self.width;
        let gammas = (0..n * n)
            .map(|i| match i % (n + 1) == 0 {
                true => gamma,
                false => gamma / n as f32 * self.random.fraction(),
            })
            .collect();
        self.floats(&format!("{name}.weight"), &[n, n], gammas);
        let betas = (0..n).map(|_| low + (high - low) * self.random.fraction());
        let betas = betas.collect();
        self.floats(&format!("{name}.bias"), &[n], betas);
    }

    /// Numbers between two, as many in each octave.
    fn logarithmic(&mut self, count: usize, [low, high]: [f32; 2]) -> Vec<f32> {
        (0..count)
            .map(|_| low * (high / low).powf(self.random.fraction()))
            .collect()
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: Vec<f32>) {
        self.tensors.push(Tensor {
            name: name.into(),
            dtype: "F32",
            shape: shape.to_vec(),
            data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        });
    }

    fn integers(&mut self, name: &str, values: Vec<i32>) {
        self.tensors.push(Tensor {
            name: name.into(),
            dtype: "I32",
            shape: vec![values.len()],
            data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        });
    }
}

impl Random {
    /// A number in 0..1.
    fn fraction(&mut self) -> f32 {
        (self.word() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// A number in -1..1.
    fn signed(&mut self) -> f32 {
        2.0 * self.fraction() - 1.0
    }
}
