//! Training in Rust: one step agrees with the PyTorch reference, the loss falls, and what is exported runs.
//!
//! The fixture is made by `models/reference/step_fixture.py`.

use std::collections::HashMap;

use kiln_models::device::DeviceInfo;
use kiln_models::{Model, ModelError, PixelSource, TrainError, Trainer};
use ndarray::{Array4, ArrayViewMut3, s};
use safetensors::{Dtype, SafeTensors};

/// Largest relative difference of a gradient (Euclidean norm over a parameter) and of the loss.
const TOLERANCE: f64 = 1e-3;
const LOSS_TOLERANCE: f64 = 1e-5;

struct Fixture {
    weights: Vec<u8>,
    crops: Array4<f32>,
    levels: Vec<usize>,
    noise_y: Vec<f32>,
    noise_z: Vec<f32>,
    loss: f64,
    gradients: HashMap<String, Vec<f32>>,
}

fn floats(file: &SafeTensors, name: &str) -> Vec<f32> {
    let t = file.tensor(name).unwrap();
    assert_eq!(t.dtype(), Dtype::F32, "{name}");
    t.data()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

fn fixture() -> Fixture {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/step.safetensors"
    );
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let shape = file.tensor("crops").unwrap().shape().to_vec();
    let gradients = file
        .names()
        .iter()
        .filter_map(|n| Some((n.strip_prefix("gradient.")?.to_owned(), floats(&file, n))))
        .collect();
    Fixture {
        weights: file.tensor("weights").unwrap().data().to_vec(),
        crops: Array4::from_shape_vec(
            (shape[0], shape[1], shape[2], shape[3]),
            floats(&file, "crops"),
        )
        .unwrap(),
        levels: (file.tensor("levels").unwrap().data().chunks_exact(4))
            .map(|b| i32::from_le_bytes(b.try_into().unwrap()) as usize)
            .collect(),
        noise_y: floats(&file, "noise_y"),
        noise_z: floats(&file, "noise_z"),
        loss: floats(&file, "loss")[0].into(),
        gradients,
    }
}

#[test]
fn one_step_agrees_with_the_reference() {
    let f = fixture();
    let trainer = Trainer::new(&f.weights, &DeviceInfo::cpu(), 0).unwrap();
    let (loss, gradients) = trainer
        .gradients(&f.crops, &f.levels, f.noise_y, f.noise_z)
        .unwrap();
    assert!(
        (loss / f.loss - 1.0).abs() < LOSS_TOLERANCE,
        "{loss}, the reference has {}",
        f.loss
    );
    let norm = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let mut unseen: Vec<&String> = f.gradients.keys().collect();
    let mut wrong = Vec::new();
    for (name, got) in &gradients {
        let want = &f.gradients[name];
        unseen.retain(|n| *n != name);
        assert_eq!(got.len(), want.len(), "{name}");
        let difference: Vec<f32> = got.iter().zip(want).map(|(a, b)| a - b).collect();
        let relative = norm(&difference) / norm(want);
        assert!(norm(want) > 0.0, "{name} has no gradient");
        if relative > TOLERANCE {
            wrong.push(format!("{name}: {relative:.1e}"));
        }
    }
    assert!(unseen.is_empty(), "no gradient for {unseen:?}");
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn untrained_weights_come_out_as_they_went_in() {
    let f = fixture();
    let trainer = Trainer::new(&f.weights, &DeviceInfo::cpu(), 0).unwrap();
    let out = trainer.weights().unwrap();
    let (old, new) = (
        SafeTensors::deserialize(&f.weights).unwrap(),
        SafeTensors::deserialize(&out).unwrap(),
    );
    assert_eq!(old.names().len(), new.names().len());
    for (name, t) in old.tensors() {
        let n = new.tensor(&name).unwrap();
        assert_eq!((t.dtype(), t.shape()), (n.dtype(), n.shape()), "{name}");
        // Gains pass through a logarithm.
        if !name.ends_with("gain") {
            assert!(t.data() == n.data(), "{name} changed");
        }
    }
}

/// The first crop of a batch as a picture.
struct Crop<'a>(&'a Array4<f32>);

impl PixelSource for Crop<'_> {
    fn size(&self) -> (usize, usize) {
        (self.0.dim().2, self.0.dim().3)
    }

    fn read(&self, x: usize, y: usize, mut out: ArrayViewMut3<f32>) -> Result<(), ModelError> {
        let (_, h, w) = out.dim();
        out.assign(&self.0.slice(s![0, .., y..y + h, x..x + w]));
        Ok(())
    }
}

#[test]
fn the_loss_falls_and_exported_weights_code() {
    let f = fixture();
    let mut trainer = Trainer::new(&f.weights, &DeviceInfo::cpu(), 1).unwrap();
    let losses: Vec<f64> = (0..40)
        .map(|_| {
            let report = trainer.step(&f.crops, &f.levels, 5e-3).unwrap();
            assert!(report.applied && report.norm > 0.0, "{report:?}");
            report.loss
        })
        .collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[35..]));
    assert!(last < 0.7 * first, "{first} {last}");

    let weights = trainer.weights().unwrap();
    let model = Model::load(&weights, &DeviceInfo::cpu()).unwrap();
    let old = Model::load(&f.weights, &DeviceInfo::cpu()).unwrap();
    assert_ne!(model.decoder_set(), old.decoder_set());
    let y = model.analyse(&Crop(&f.crops)).unwrap();
    for level in [0, 40, 63] {
        let coded = model.encode_latents(&y, level).unwrap();
        let chunks: Vec<&[u8]> = coded.chunks.iter().map(Vec::as_slice).collect();
        let (h, w) = Crop(&f.crops).size();
        model
            .decode_latents(&chunks, coded.checksum, h, w, level)
            .unwrap();
    }
}

#[test]
fn a_state_goes_on_where_it_stopped() {
    let f = fixture();
    let cpu = DeviceInfo::cpu();
    let mut trainer = Trainer::new(&f.weights, &cpu, 1).unwrap();
    for _ in 0..3 {
        trainer.step(&f.crops, &f.levels, 1e-3).unwrap();
    }
    let state = trainer.state().unwrap();
    let mut again = [7, 7].map(|seed| Trainer::resume(&state, &cpu, seed).unwrap());
    assert_eq!(again[0].steps(), 3);
    // With equal noise the same steps follow, so that weights and the optimiser's memory are all there is. A new
    // optimiser steps otherwise.
    let fresh = Trainer::new(&trainer.weights().unwrap(), &cpu, 7).unwrap();
    let [first, second] = &mut again;
    let mut fresh = fresh;
    let mut loss = [0.0; 3];
    for _ in 0..3 {
        for (t, loss) in [&mut *first, &mut *second, &mut fresh]
            .into_iter()
            .zip(&mut loss)
        {
            *loss = t.step(&f.crops, &f.levels, 1e-3).unwrap().loss;
        }
    }
    let apart = |i: usize| (loss[i] / loss[0] - 1.0).abs();
    assert!(apart(1) < 1e-6 && apart(2) > 1e-4, "{loss:?}");
    assert!(matches!(
        Trainer::resume(&state[..state.len() / 2], &cpu, 0),
        Err(TrainError::State(_))
    ));
}

#[test]
fn what_does_not_fit_is_named() {
    let f = fixture();
    let mut trainer = Trainer::new(&f.weights, &DeviceInfo::cpu(), 1).unwrap();
    let mut error = |crops: &Array4<f32>, levels: &[usize]| {
        trainer.step(crops, levels, 1e-3).unwrap_err().to_string()
    };
    let small = Array4::zeros((1, 3, 64, 48));
    assert!(error(&small, &[0]).contains("3x64x48"));
    assert!(error(&f.crops, &[0, 1]).contains("2 levels for 3 crops"));
    assert!(error(&f.crops, &[0, 1, 64]).contains("level 64 is outside 0..=63"));
}
