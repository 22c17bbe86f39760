//! `kiln train` and `kiln encode --effort`: the real binary, the bundled weights, small crops of Kodak pictures.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use image::{RgbImage, imageops};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with crops of pictures in `photos/`, where `kiln` runs.
fn scratch() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("photos")).unwrap();
    for name in ["kodim05", "kodim23"] {
        let path = format!(
            "{}/../datasets/kodak/{name}.png",
            env!("CARGO_MANIFEST_DIR")
        );
        let whole: RgbImage = image::open(path).unwrap().into_rgb8();
        let crop = imageops::crop_imm(&whole, 200, 150, 144, 128).to_image();
        crop.save(folder.path().join(format!("photos/{name}.png")))
            .unwrap();
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

const SMALL: &str = "train --data photos --batch 1 --crop 64 --device cpu --json";

#[test]
fn trained_weights_encode_and_decode() {
    let folder = scratch();
    let at = folder.path();
    let run = json(
        at,
        &format!("{SMALL} --out w.safetensors --steps 12 --lr 1e-4"),
    );
    assert_eq!((&run["steps"], &run["pictures"]), (&12.into(), &2.into()));
    let curve = fs::read_to_string(at.join("w.csv")).unwrap();
    assert!(
        curve.starts_with("step,minutes,rate,loss,bpp,mse\n10,"),
        "{curve}"
    );

    let picture = "photos/kodim05.png";
    kiln(
        at,
        &format!("encode {picture} a.kiln --weights w.safetensors -q 40"),
    )
    .assert()
    .success();
    kiln(at, "decode a.kiln a.png --weights w.safetensors")
        .assert()
        .success();
    let (a, b) = (at.join(picture), at.join("a.png"));
    let [a, b] = [a, b].map(|p| image::open(p).unwrap().into_rgb8());
    let difference: u64 = (a.as_raw().iter().zip(b.as_raw()))
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    assert!(difference < 12 * a.as_raw().len() as u64, "{difference}");
    // The bundled weights are another decoder set.
    kiln(at, "decode a.kiln b.png").assert().code(1);

    let run = json(
        at,
        &format!("{SMALL} --out w2.safetensors --steps 2 --resume w.state"),
    );
    assert_eq!(
        (&run["steps"], &run["steps_in_all"]),
        (&2.into(), &14.into())
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
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
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
