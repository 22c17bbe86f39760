//! `kiln models`.

use std::process::ExitCode;

use anyhow::Context;
use kiln::{ARCHITECTURES, DeviceChoice, Model, Portability, WEIGHTLESS};
use serde_json::{Value, json};

use crate::args::ModelsArgs;
use crate::console::{print, print_json};

/// What a set of weights is.
struct Described {
    name: String,
    architecture: &'static str,
    decoder_set: String,
    levels: usize,
    portability: Portability,
    encode_kmac: f64,
    decode_kmac: f64,
}

/// Runs the subcommand.
pub fn run(args: &ModelsArgs) -> anyhow::Result<ExitCode> {
    let mut weights = vec![describe(&Model::bundled(&DeviceChoice::Cpu)?)?];
    for path in &args.weights {
        let model = Model::from_file(path, &DeviceChoice::Cpu)?;
        weights.push(describe(&model).with_context(|| path.display().to_string())?);
    }
    if args.json {
        print_json(&to_json(&weights))?;
    } else {
        print(&to_text(&weights))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(model: &Model) -> anyhow::Result<Described> {
    let macs = model.macs()?;
    Ok(Described {
        name: model.name().to_owned(),
        architecture: model.architecture().name,
        decoder_set: model.decoder_set().to_string(),
        levels: model.levels().count(),
        portability: model.portability()?,
        encode_kmac: macs.encode / 1000.0,
        decode_kmac: macs.decode / 1000.0,
    })
}

fn to_text(weights: &[Described]) -> String {
    let mut text = String::from("architectures\n");
    for entry in ARCHITECTURES {
        let able = match (entry.searches, entry.trains) {
            (true, true) => "; has efforts and training",
            (true, false) => "; has efforts",
            (false, true) => "; has training",
            (false, false) => "",
        };
        text += &format!("  {:3}  {}: {}{able}\n", entry.id, entry.name, entry.paper);
    }
    for w in WEIGHTLESS {
        text += &format!(
            "  {:3}  {}: {}; portable, needs no weights\n",
            w.id, w.name, w.about
        );
    }
    text += "weights\n";
    for w in weights {
        let portable = match &w.portability {
            Portability::Portable => "files decode alike on every machine".to_owned(),
            Portability::NotPortable { because } => format!("not portable: {because}"),
        };
        let levels = match w.levels {
            1 => "1 level".to_owned(),
            n => format!("{n} levels"),
        };
        text += &format!(
            "  {}: {}, decoder set {}, {levels}, {:.1} kMAC per pixel to encode and {:.1} to decode\n    {portable}\n",
            w.name, w.architecture, w.decoder_set, w.encode_kmac, w.decode_kmac
        );
    }
    text
}

fn to_json(weights: &[Described]) -> Value {
    let weightless = WEIGHTLESS.iter().map(|w| {
        json!({
            "id": w.id,
            "name": w.name,
            "paper": w.about,
            "searches": false,
            "trains": false,
            "weights": false,
        })
    });
    let architectures: Vec<Value> = ARCHITECTURES
        .iter()
        .map(|e| {
            json!({
                "id": e.id,
                "name": e.name,
                "paper": e.paper,
                "searches": e.searches,
                "trains": e.trains,
                "weights": true,
            })
        })
        .chain(weightless)
        .collect();
    let weights: Vec<Value> = weights
        .iter()
        .map(|w| {
            let because = match &w.portability {
                Portability::Portable => None,
                Portability::NotPortable { because } => Some(because),
            };
            json!({
                "name": w.name,
                "architecture": w.architecture,
                "decoder_set": w.decoder_set,
                "levels": w.levels,
                "portable": because.is_none(),
                "not_portable_because": because,
                "encode_kmac_per_pixel": w.encode_kmac,
                "decode_kmac_per_pixel": w.decode_kmac,
            })
        })
        .collect();
    json!({ "architectures": architectures, "weights": weights })
}
