//! Weights that are not what the architecture needs are refused, each in words.
#![cfg(feature = "bundled")]

use std::collections::HashMap;

use kiln_models::seam::{Architecture, Places};
use kiln_models::{BUNDLED, Weights, WeightsError, arch};
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

/// The bundled weights with another entry of their metadata.
fn described(entry: &str, content: Option<&str>) -> Vec<u8> {
    let (tensors, meta) = parts();
    let mut meta = meta.unwrap_or_default();
    match content {
        Some(content) => meta.insert(entry.into(), content.into()),
        None => meta.remove(entry),
    };
    let views = tensors
        .iter()
        .map(|(n, d, s, b)| (n.clone(), TensorView::new(*d, s.clone(), b).unwrap()));
    safetensors::serialize(views, Some(meta)).unwrap()
}

/// The configuration of the bundled weights with another number.
fn configured(field: &str, value: u64) -> String {
    let weights = Weights::open(BUNDLED).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(weights.config().unwrap()).unwrap();
    config[field] = value.into();
    config.to_string()
}

fn load(bytes: &[u8]) -> Result<Box<dyn Architecture>, WeightsError> {
    arch::open(Weights::open(bytes)?, &Places::cpu())
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
fn weights_name_their_architecture() {
    // Those that name none are for `base`.
    for name in [None, Some("base")] {
        let bytes = described("architecture", name);
        let model = load(&bytes).unwrap();
        assert_eq!((model.facts().id, model.facts().name), (4, "base"));
        assert_eq!(
            model.facts().decoder_set,
            Weights::open(BUNDLED).unwrap().decoder_set()
        );
    }
    let bytes = described("architecture", Some("tenth"));
    let error = load(&bytes).unwrap_err();
    assert!(matches!(&error, WeightsError::Architecture(name) if name == "tenth"));
    assert!(error.to_string().contains("`tenth`"), "{error}");
    // The tensors of one architecture are not those of another.
    assert!(load(&described("architecture", Some("bmshj2018-hyperprior"))).is_err());
}

#[test]
fn a_configuration_that_cannot_be_run_is_refused() {
    let refused = |config: Option<&str>| {
        let bytes = described("config", config);
        let weights = Weights::open(&bytes).unwrap();
        // Before a device is opened, and when it is.
        let described = (arch::by_name("base").unwrap().describe)(&weights).is_err();
        match load(&bytes).unwrap_err() {
            WeightsError::Config(what) => (described, what),
            other => panic!("{other:?}"),
        }
    };
    assert!(refused(None).1.contains("no `config`"));
    assert!(refused(Some("{}")).1.contains("levels"));
    for (field, value, text) in [
        ("levels", 0, "levels is 0, outside 1..=64"),
        ("levels", 65, "levels is 65, outside 1..=64"),
        ("latents", 322, "latents is 322, it must be a multiple of 4"),
        (
            "synthesis_blocks",
            1000,
            "synthesis_blocks is 1000, outside 1..=64",
        ),
        ("another", 1, "unknown field `another`"),
    ] {
        let (described, what) = refused(Some(&configured(field, value)));
        assert!(described && what.contains(text), "{what}");
    }
    // A size that can be run, but is not that of the tensors.
    let bytes = described("config", Some(&configured("levels", 63)));
    assert!(matches!(load(&bytes), Err(WeightsError::Mismatch { .. })));
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
