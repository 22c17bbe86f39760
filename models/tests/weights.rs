//! Weights that are not what the architecture needs are refused, each in words.

use std::collections::HashMap;

use kiln_models::device::DeviceInfo;
use kiln_models::{BUNDLED, Model, Weights, WeightsError};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

type Tensors = Vec<(String, Dtype, Vec<usize>, Vec<u8>)>;

fn parts() -> (Tensors, Option<HashMap<String, String>>) {
    let (_, meta) = SafeTensors::read_metadata(BUNDLED).unwrap();
    let file = SafeTensors::deserialize(BUNDLED).unwrap();
    let all = file
        .tensors()
        .into_iter()
        .map(|(n, t)| (n, t.dtype(), t.shape().to_vec(), t.data().to_vec()))
        .collect();
    (all, meta.metadata().clone())
}

/// The bundled weights after a change, as a file.
fn changed(change: impl FnOnce(&mut Tensors)) -> Vec<u8> {
    let (mut tensors, meta) = parts();
    change(&mut tensors);
    let views = tensors
        .iter()
        .map(|(n, d, s, b)| (n.clone(), TensorView::new(*d, s.clone(), b).unwrap()));
    safetensors::serialize(views, meta).unwrap()
}

fn load(bytes: &[u8]) -> Result<Model, WeightsError> {
    Model::load(bytes, &DeviceInfo::cpu())
}

fn tensor<'a>(
    tensors: &'a mut Tensors,
    name: &str,
) -> &'a mut (String, Dtype, Vec<usize>, Vec<u8>) {
    tensors.iter_mut().find(|t| t.0 == name).unwrap()
}

#[test]
fn a_missing_tensor_is_named() {
    let bytes = changed(|t| t.retain(|t| t.0 != "h_s.mix.weight"));
    assert!(matches!(load(&bytes), Err(WeightsError::Missing(name)) if name == "h_s.mix.weight"));
}

#[test]
fn an_unused_tensor_is_named() {
    let bytes = changed(|t| t.push(("g_s.extra".into(), Dtype::U8, vec![1], vec![0])));
    assert!(matches!(load(&bytes), Err(WeightsError::Unused(names)) if names == "g_s.extra"));
}

#[test]
fn a_wrong_shape_is_named() {
    let bytes = changed(|t| tensor(t, "g_s.out.bias").2 = vec![96, 2]);
    assert!(
        matches!(load(&bytes), Err(WeightsError::Mismatch { name, .. }) if name == "g_s.out.bias")
    );
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let bytes =
        changed(|t| tensor(t, "g_s.out.bias").3[..2].copy_from_slice(&0x7E00u16.to_le_bytes()));
    assert!(
        matches!(load(&bytes), Err(WeightsError::Mismatch { name, .. }) if name == "g_s.out.bias")
    );
}

#[test]
fn a_layer_that_is_not_exact_is_refused() {
    let bytes = changed(|t| {
        tensor(t, "context.0.mix1.weight")
            .3
            .chunks_exact_mut(2)
            .for_each(|w| w.copy_from_slice(&2047i16.to_le_bytes()))
    });
    assert!(
        matches!(load(&bytes), Err(WeightsError::Inexact { layer, .. }) if layer == "context.0.mix1")
    );
}

#[test]
fn tables_are_validated() {
    let bytes = changed(|t| tensor(t, "tables.y.freqs").3[0] ^= 1);
    assert!(matches!(
        load(&bytes),
        Err(WeightsError::Tables { name: "y", .. })
    ));
    let bytes = changed(|t| tensor(t, "tables.z.length").3[0] ^= 1);
    assert!(load(&bytes).is_err());
}

#[test]
fn every_truncation_is_an_error() {
    for n in (0..BUNDLED.len()).step_by(BUNDLED.len() / 40) {
        assert!(load(&BUNDLED[..n]).is_err(), "{n}");
    }
}

#[test]
fn the_decoder_set_names_what_a_decoder_reads() {
    let set = |bytes: &[u8]| Weights::open(bytes).unwrap().decoder_set();
    let same = changed(|_| ());
    assert_eq!(set(&same), set(BUNDLED));
    for name in ["g_a.linear.weight", "h_a.inp.bias", "gain"] {
        assert_eq!(
            set(&changed(|t| tensor(t, name).3[0] ^= 1)),
            set(BUNDLED),
            "{name} belongs to the encoder"
        );
    }
    for name in [
        "g_s.linear.weight",
        "h_s.up1.weight",
        "context.1.row.bias",
        "inverse_gain",
        "shift",
        "z_rows",
        "tables.y.freqs",
    ] {
        assert_ne!(
            set(&changed(|t| tensor(t, name).3[0] ^= 1)),
            set(BUNDLED),
            "{name} belongs to the decoder"
        );
    }
}
