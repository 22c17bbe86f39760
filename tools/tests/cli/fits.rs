//! `--model fitted` and `auto`. Fits are of a few steps: what long ones come to is measured elsewhere.

use std::fs;

use super::scratch::*;

const CROP: [u32; 4] = [300, 200, 64, 48];

#[test]
fn a_fit_is_written_described_and_read_again() {
    let scratch = Scratch::new();
    let source = scratch.picture("a.png", "kodim05", CROP);
    let told = scratch
        .json("encode a.png a.kiln --model fitted --iterations 200 --no-graphics --verify --json");
    let file = &told["files"][0];
    assert_eq!(file["architecture_name"], "fitted");
    assert_eq!(file["fit"]["iterations"], 200);
    assert_eq!(file["fit"]["bytes"], file["bytes"]);
    assert_eq!(file["verified"]["differing"], 0);
    assert!(file["fit"]["base"]["bytes"].as_u64() > Some(0));
    assert_eq!(
        file["bytes"].as_u64().unwrap(),
        fs::metadata(scratch.path("a.kiln")).unwrap().len()
    );

    let info = scratch.json("info a.kiln --json");
    assert_eq!(info["architecture"], 6);
    assert_eq!(info["portable"], true);
    let inside = &info["fitted"];
    let grids = inside["grids"].as_array().unwrap();
    let sum: u64 = grids.iter().map(|g| g["bytes"].as_u64().unwrap()).sum();
    let weights = inside["weight_bytes"].as_u64().unwrap();
    assert_eq!(weights + sum, info["payload"].as_u64().unwrap());
    assert_eq!(weights, file["fit"]["weight_bytes"].as_u64().unwrap());
    let text = String::from_utf8(scratch.stdout("info a.kiln")).unwrap();
    for part in ["fitted (6)", "networks ", "latents ", "synthesis ", "64x48"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }

    scratch.stdout("decode a.kiln b.png");
    let found = psnr(&source, &open(&scratch.path("b.png")));
    let expected = file["fit"]["psnr"].as_f64().unwrap();
    assert!((found - expected).abs() < 0.02, "{found}, not {expected}");
    // A kiln file is compared as the picture that it holds.
    let compared = scratch.json("compare a.png a.kiln --json");
    let by_picture = scratch.json("compare a.png b.png --json");
    assert!(compared["psnr"].is_number());
    assert_eq!(compared["psnr"], by_picture["psnr"]);
}

#[test]
fn auto_keeps_what_costs_less() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim05", CROP);
    scratch.stdout("encode a.png base.kiln --no-graphics");
    // One step leads nowhere.
    let told =
        scratch.json("encode a.png auto.kiln --model auto --iterations 1 --no-graphics --json");
    let file = &told["files"][0];
    assert_eq!(file["architecture_name"], "base");
    assert_eq!(file["fit"]["iterations"], 1);
    assert!(
        scratch
            .files()
            .iter()
            .any(|(path, _)| path.ends_with("base.kiln"))
    );
    let read = |name: &str| fs::read(scratch.path(name)).unwrap();
    assert!(read("auto.kiln") == read("base.kiln"));
    // Who asks for the fit gets it, and a warning.
    let warned = scratch.stderr(
        "encode a.png fit.kiln --model fitted --iterations 1 --no-graphics",
        0,
    );
    assert!(warned.contains("cost less here"), "{warned}");
}

#[test]
fn sizes_are_kept_and_what_is_out_of_reach_is_said() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim05", CROP);
    scratch.stdout("encode a.png a.kiln --model fitted --iterations 60 --no-graphics --size 900");
    assert!(fs::metadata(scratch.path("a.kiln")).unwrap().len() <= 900);
    scratch.fails(
        "encode a.png b.kiln --model fitted --iterations 5 --no-graphics --size 30",
        1,
        &["a size of 30 bytes is out of reach"],
    );
}

#[test]
fn several_pictures_are_fitted_at_a_time_and_not_again() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("in")).unwrap();
    fs::create_dir(scratch.path("out")).unwrap();
    for (name, kodak) in [("a", "kodim05"), ("b", "kodim14"), ("c", "kodim20")] {
        scratch.picture(&format!("in/{name}.png"), kodak, CROP);
    }
    scratch.file("in/broken.png", b"\x89PNG\r\n\x1a\nnothing more");
    let arguments =
        "encode in out --model fitted --iterations 20 --no-graphics --threads 2 --resume --json";
    let assert = scratch.kiln(arguments).assert().code(1);
    let told: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    // In the order of the inputs, whichever was ready first.
    let names: Vec<String> = told["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["input"].to_string())
        .collect();
    assert!(names.is_sorted() && names.len() == 4, "{names:?}");
    assert_eq!((&told["failed"], &told["skipped"]), (&1.into(), &0.into()));
    let made = scratch.names("out");
    assert_eq!(made.len(), 3, "{made:?}");
    let before = scratch.files();

    fs::remove_file(scratch.path("in/broken.png")).unwrap();
    fs::remove_file(scratch.path(&format!("out/{}", made[1]))).unwrap();
    let told = scratch.json(arguments);
    assert_eq!((&told["failed"], &told["skipped"]), (&0.into(), &2.into()));
    // The same file again: a fit of so many iterations does not depend on what runs beside it.
    let after = scratch.files();
    assert!(after.iter().all(|file| before.contains(file)));
}

#[test]
fn what_is_for_fits_alone_is_refused_elsewhere() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim05", CROP);
    for (arguments, parts) in [
        ("--time 5m", &["--time", "--model fitted"][..]),
        ("--iterations 5", &["--iterations", "--model fitted"]),
        (
            "--model fitted --time 0s",
            &["time 0s is outside 1s..=168h"],
        ),
        ("--model fitted --time 5", &["`5` is not a time"]),
        (
            "--model fitted --iterations 0",
            &["number of iterations 0 is outside 1..=10000000"],
        ),
        (
            "--model fitted --effort 10",
            &["effort 10 is outside 0..=9"],
        ),
        (
            "--model fitted --time 5m --effort 3",
            &["cannot be used with"],
        ),
        ("--model fitted --lossless", &["cannot be used with"]),
        ("--model other", &["other", "base, fitted, auto"]),
    ] {
        scratch.fails(&format!("encode a.png a.kiln {arguments}"), 2, parts);
    }
}

#[test]
fn architectures_without_weights_are_listed() {
    let scratch = Scratch::new();
    let told = scratch.json("models --json");
    let find = |name: &str| {
        let all = told["architectures"].as_array().unwrap();
        all.iter().find(|a| a["name"] == name).unwrap().clone()
    };
    assert_eq!(
        (&find("fitted")["id"], &find("fitted")["weights"]),
        (&6.into(), &false.into())
    );
    assert_eq!(find("lossless")["id"], 5);
    assert_eq!(find("base")["weights"], true);
    let text = String::from_utf8(scratch.stdout("models")).unwrap();
    assert!(
        text.contains("fitted") && text.contains("needs no weights"),
        "{text}"
    );
}

#[test]
fn help_says_which_model_is_for_what() {
    let text = String::from_utf8(Scratch::new().stdout("encode --help")).unwrap();
    for part in ["Models:", "base ", "fitted ", "auto ", "Ctrl-C", "--time"] {
        assert!(text.contains(part), "{part}");
    }
}
