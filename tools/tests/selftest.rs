//! The real binary: `kiln selftest`, `kiln encode --verify` and `--exact-device`.

use std::fs;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use image::{RgbaImage, imageops};
use serde_json::Value;
use tempfile::TempDir;

fn kiln(folder: &TempDir, arguments: &str) -> Command {
    let mut command = cargo_bin_cmd!("kiln");
    command
        .current_dir(folder.path())
        .args(arguments.split_whitespace());
    command
}

fn json(folder: &TempDir, arguments: &str) -> Value {
    let assert = kiln(folder, arguments).assert().success();
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

/// A folder with a crop of a Kodak picture with some transparency in it, `a.png`.
fn scratch() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = kiln_datasets::kodak_folder().unwrap().join("kodim05.png");
    let photo = image::open(path).unwrap().into_rgba8();
    let mut crop: RgbaImage = imageops::crop_imm(&photo, 100, 100, 75, 61).to_image();
    crop.enumerate_pixels_mut()
        .for_each(|(x, y, pixel)| pixel.0[3] = (2 * x + y) as u8);
    crop.save(folder.path().join("a.png")).unwrap();
    folder
}

#[test]
fn selftest_passes_on_the_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let report = json(&folder, "selftest --device cpu --json --quiet");
    assert_eq!(report["pass"], true);
    let [cpu] = report["devices"].as_array().unwrap().as_slice() else {
        panic!("{report}")
    };
    assert_eq!((&cpu["name"], &cpu["pass"]), (&"cpu".into(), &true.into()));
    assert_eq!(cpu["exact"]["identical"], true);
    assert!(cpu["exact"]["symbols"].as_u64().unwrap() > 100_000);
    assert!(cpu["pixels"]["samples"].as_u64().unwrap() > 100_000);
    assert!(cpu["pixels"]["largest"].as_u64().unwrap() <= 1);

    let assert = kiln(&folder, "selftest --device cpu").assert().success();
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(text.starts_with("cpu (cpu): pass\n"), "{text}");
}

#[test]
fn selftest_names_the_devices_when_one_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let assert = kiln(&folder, "selftest --device no-such-device").assert();
    let output = assert.code(1).get_output().clone();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("no-such-device") && stderr.contains("cpu (cpu)"),
        "{stderr}"
    );
}

#[test]
fn verify_decodes_the_file_again() {
    let folder = scratch();
    for target in ["-q 40", "--size 3k"] {
        let report = json(
            &folder,
            &format!("encode a.png a.kiln --verify --json --quiet {target}"),
        );
        let file = &report["files"][0];
        assert_eq!(file["verified"]["samples"].as_u64(), Some(75 * 61 * 4));
        let stated = file["verified"]["psnr"].as_f64().unwrap();

        // The stated PSNR is that of the file.
        kiln(&folder, "decode a.kiln b.png").assert().success();
        let open = |name: &str| image::open(folder.path().join(name)).unwrap().into_rgb8();
        let (a, b) = (open("a.png"), open("b.png"));
        let squares: f64 = a
            .iter()
            .zip(b.iter())
            .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
            .sum();
        let psnr = 10.0 * (255.0 * 255.0 * a.len() as f64 / squares).log10();
        assert!((stated - psnr).abs() < 0.01, "{stated} {psnr}");
    }
    // The file is the one that is written without.
    kiln(&folder, "encode a.png plain.kiln -q 40")
        .assert()
        .success();
    kiln(&folder, "encode a.png a.kiln -q 40 --verify")
        .assert()
        .success();
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("a.kiln"), read("plain.kiln"));
    assert_eq!(
        json(&folder, "encode a.png a.kiln --json --quiet")["files"][0]["verified"],
        Value::Null
    );
}

#[test]
fn what_makes_no_sense_is_wrong_usage() {
    let folder = scratch();
    for (arguments, part) in [
        ("encode a.png - --verify", "name an output file"),
        (
            "encode a.png a.kiln --device cpu --exact-device gpu",
            "choose another device",
        ),
        (
            "encode a.png a.kiln --exact-device tpu",
            "possible values: auto, cpu, gpu",
        ),
    ] {
        let output = kiln(&folder, arguments)
            .assert()
            .code(2)
            .get_output()
            .clone();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(part), "{arguments}: {stderr}");
        assert!(!folder.path().join("a.kiln").exists());
    }
    kiln(&folder, "encode a.png a.kiln --exact-device cpu")
        .assert()
        .success();
}

#[test]
fn devices_say_where_the_exact_networks_run() {
    let folder = tempfile::tempdir().unwrap();
    let report = json(&folder, "info --devices --json");
    for device in report["devices"].as_array().unwrap() {
        assert!(!device["exact_networks_reason"].as_str().unwrap().is_empty());
        let on = device["exact_networks_on"].as_str().unwrap();
        assert!(["cpu", "device"].contains(&on), "{on}");
        if device["kind"] == "cpu" {
            assert_eq!(on, "cpu");
        }
    }
}
