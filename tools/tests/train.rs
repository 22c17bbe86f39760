//! `kiln train` and `kiln encode --effort`: the real binary, the bundled weights, small crops of Kodak pictures.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use image::{RgbImage, imageops};
use kiln_models::search::lambda_of;
use serde_json::Value;
use tempfile::TempDir;

/// Pictures to train on, and others. What is trained on them here is thrown away.
const PHOTOS: [&str; 2] = ["kodim05", "kodim23"];
const OTHERS: [&str; 2] = ["kodim08", "kodim15"];

/// A folder with crops of pictures in `photos/` and `others/`, where `kiln` runs.
fn scratch() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (part, names) in [("photos", PHOTOS), ("others", OTHERS)] {
        fs::create_dir(folder.path().join(part)).unwrap();
        for name in names {
            let path = format!(
                "{}/../datasets/kodak/{name}.png",
                env!("CARGO_MANIFEST_DIR")
            );
            let whole: RgbImage = image::open(path).unwrap().into_rgb8();
            let crop = imageops::crop_imm(&whole, 200, 150, 144, 128).to_image();
            crop.save(folder.path().join(format!("{part}/{name}.png")))
                .unwrap();
        }
    }
    folder
}

fn kiln(folder: &Path, arguments: &str) -> Command {
    let mut command = cargo_bin_cmd!("kiln");
    command
        .current_dir(folder)
        .args(arguments.split_whitespace());
    command
}

fn json(folder: &Path, arguments: &str) -> Value {
    let output = kiln(folder, arguments).assert().success();
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

const SMALL: &str = "train --data photos --batch 4 --crop 64 --device cpu --json";

/// What pictures cost at some levels, as training counts it but with real files: bits per pixel and the squared error of
/// decoded pixels times the lambda of the level.
fn costs(at: &Path, pictures: &[String], options: &str) -> Vec<f64> {
    let mut out = Vec::new();
    for level in [12, 44] {
        for picture in pictures {
            kiln(
                at,
                &format!("encode {picture} c.kiln --level {level} {options}"),
            )
            .assert()
            .success();
            kiln(at, &format!("decode c.kiln c.png {options}"))
                .assert()
                .success();
            let [a, b] =
                [picture.as_str(), "c.png"].map(|p| image::open(at.join(p)).unwrap().into_rgb8());
            let squares: f64 = (a.as_raw().iter().zip(b.as_raw()))
                .map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2))
                .sum();
            let bits = 8.0 * fs::metadata(at.join("c.kiln")).unwrap().len() as f64;
            let pixels = f64::from(a.width() * a.height());
            out.push(bits / pixels + lambda_of(level, 64) * squares / (3.0 * pixels));
        }
    }
    out
}

/// Mean of what costs are in parts of others.
fn ratio(new: &[f64], old: &[f64]) -> f64 {
    let sum: f64 = new.iter().zip(old).map(|(n, o)| n / o).sum();
    sum / old.len() as f64
}

#[test]
fn training_lowers_the_cost_of_real_files() {
    let folder = scratch();
    let at = folder.path();
    let run = json(at, &format!("{SMALL} --out w.safetensors --steps 200"));
    assert_eq!((&run["steps"], &run["pictures"]), (&200.into(), &2.into()));
    let curve = fs::read_to_string(at.join("w.csv")).unwrap();
    assert!(
        curve.starts_with("step,minutes,rate,loss,bpp,mse\n10,"),
        "{curve}"
    );
    // 0.990 and 1.000. Training that rounded and counted otherwise than the encoder gave 1.01 and more.
    for (part, names, most) in [("photos", PHOTOS, 0.996), ("others", OTHERS, 1.004)] {
        let pictures = names.map(|n| format!("{part}/{n}.png"));
        let new = costs(at, &pictures, "--weights w.safetensors");
        let old = costs(at, &pictures, "");
        let ratio = ratio(&new, &old);
        assert!(ratio < most, "{part}: {ratio}, {new:?}, before {old:?}");
    }
    // The bundled weights are another decoder set.
    kiln(
        at,
        "encode photos/kodim05.png c.kiln --weights w.safetensors",
    )
    .assert()
    .success();
    kiln(at, "decode c.kiln d.png").assert().code(1);

    let run = json(
        at,
        &format!("{SMALL} --out w2.safetensors --steps 2 --resume w.state"),
    );
    assert_eq!(
        (&run["steps"], &run["steps_in_all"]),
        (&2.into(), &202.into())
    );
}

#[test]
fn arguments_that_do_not_fit_are_named() {
    let folder = scratch();
    for (arguments, code, part) in [
        ("train --data photos --out w.safetensors", 2, "--minutes"),
        (
            "train --data photos --out w.csv --steps 1",
            2,
            ".safetensors",
        ),
        (
            "train --data photos --out w.safetensors --steps 1 --crop 100",
            2,
            "multiple of 64",
        ),
        (
            "train --data photos --out w.safetensors --steps 1 --levels 9..3",
            2,
            "above the last",
        ),
        (
            "train --data photos --out w.safetensors --steps 1 --crop 256",
            1,
            "256x256",
        ),
        (
            "train --data photos --out w.safetensors --steps 1 --crop 64 --init photos/kodim05.png",
            1,
            "kodim05",
        ),
        (
            "encode photos/kodim05.png a.kiln --effort 10",
            2,
            "effort 10 is outside 0..=9",
        ),
    ] {
        let output = kiln(folder.path(), arguments).assert().code(code);
        let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(text.contains(part), "{arguments}: {text}");
        // The two folders alone.
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "{arguments}"
        );
    }
}

#[test]
fn effort_changes_the_file_but_not_the_decoder() {
    let folder = scratch();
    let at = folder.path();
    let report = json(
        at,
        "encode photos/kodim05.png a.kiln -q 30 --effort 2 --json",
    );
    assert!(
        report["files"][0]["stages"]["refine"].as_f64() > Some(0.0),
        "{report}"
    );
    kiln(at, "encode photos/kodim05.png b.kiln -q 30")
        .assert()
        .success();
    assert_ne!(
        fs::read(at.join("a.kiln")).unwrap(),
        fs::read(at.join("b.kiln")).unwrap()
    );
    kiln(at, "decode a.kiln a.png").assert().success();
}
