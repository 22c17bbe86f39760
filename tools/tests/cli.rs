//! The real binary, with the bundled weights, on small crops of Kodak pictures.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::cargo::{cargo_bin, cargo_bin_cmd};
use image::codecs::png::PngEncoder;
use image::{ImageEncoder, RgbImage, imageops};
use serde_json::Value;
use tempfile::TempDir;

/// A fresh folder with pictures in it, where `kiln` runs.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a crop of the Kodak picture as PNG.
    fn picture(&self, name: &str, kodak: &str, [left, top, width, height]: [u32; 4]) -> RgbImage {
        let picture = crop(kodak, [left, top, width, height]);
        picture.save(self.path(name)).unwrap();
        picture
    }

    /// `kiln` with these arguments, split at spaces.
    fn kiln(&self, arguments: &str) -> Command {
        let mut command = cargo_bin_cmd!("kiln");
        command
            .current_dir(self.0.path())
            .args(arguments.split_whitespace());
        command
    }

    /// Standard output of a run that succeeds, as JSON.
    fn json(&self, arguments: &str) -> Value {
        serde_json::from_slice(&self.stdout(arguments)).unwrap()
    }

    /// Standard output of a run that succeeds.
    fn stdout(&self, arguments: &str) -> Vec<u8> {
        self.kiln(arguments)
            .assert()
            .success()
            .get_output()
            .stdout
            .clone()
    }

    /// Runs and expects this exit code and these parts of standard error, and no trace on the disk.
    fn fails(&self, arguments: &str, code: i32, parts: &[&str]) {
        let before = self.files();
        let assert = self.kiln(arguments).assert().code(code);
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        for part in parts {
            assert!(
                stderr.contains(part),
                "`kiln {arguments}` does not say `{part}`:\n{stderr}"
            );
        }
        assert!(
            assert.get_output().stdout.is_empty(),
            "`kiln {arguments}` wrote to standard output"
        );
        assert_eq!(
            self.files(),
            before,
            "`kiln {arguments}` left something behind"
        );
    }

    /// Every file below the folder with its content.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    found.push((path.clone(), fs::read(path).unwrap()))
                }
            }
        }
        found.sort();
        found
    }
}

/// A crop of a Kodak picture: left, top, width, height.
fn crop(kodak: &str, [left, top, width, height]: [u32; 4]) -> RgbImage {
    let path = kiln_datasets::kodak_folder()
        .unwrap()
        .join(format!("{kodak}.png"));
    let picture = image::open(path).unwrap().into_rgb8();
    imageops::crop_imm(&picture, left, top, width, height).to_image()
}

/// Peak signal-to-noise ratio in decibels.
fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let squares: f64 = a
        .iter()
        .zip(b.iter())
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / squares).log10()
}

fn open(path: &Path) -> RgbImage {
    image::open(path).unwrap().into_rgb8()
}

#[test]
fn a_picture_survives_and_is_described() {
    let scratch = Scratch::new();
    let original = scratch.picture("a.png", "kodim01", [100, 100, 97, 83]);
    let report = scratch.json("encode a.png a.kiln -q 80 --json --quiet");
    let bytes = fs::metadata(scratch.path("a.kiln")).unwrap().len();
    let file = &report["files"][0];
    assert_eq!(
        (file["input"].as_str(), file["output"].as_str()),
        (Some("a.png"), Some("a.kiln"))
    );
    assert_eq!(file["bytes"].as_u64(), Some(bytes));
    assert!(
        bytes < 97 * 83 * 3 / 2,
        "{bytes} bytes is hardly compression"
    );
    let bpp = file["bpp"].as_f64().unwrap();
    assert!((bpp - 8.0 * bytes as f64 / (97.0 * 83.0)).abs() < 1e-9);
    assert!(!file["stages"].as_object().unwrap().is_empty());

    let info = scratch.json("info a.kiln --json");
    assert_eq!(
        (info["width"].as_u64(), info["height"].as_u64()),
        (Some(97), Some(83))
    );
    assert_eq!(
        (info["color"].as_str(), info["alpha"].as_str()),
        (Some("rgb"), Some("none"))
    );
    assert_eq!(
        (info["bits"].as_u64(), info["bytes"].as_u64()),
        (Some(8), Some(bytes))
    );
    assert_eq!(info["level"], file["level"]);
    let text = String::from_utf8(scratch.stdout("info a.kiln")).unwrap();
    assert!(
        text.contains("97 x 83") && text.contains(info["decoder_set"].as_str().unwrap()),
        "{text}"
    );

    scratch.kiln("decode a.kiln b.png").assert().success();
    let quality = psnr(&original, &open(&scratch.path("b.png")));
    assert!(quality > 25.0, "{quality} dB at quality 80");
    for output in ["b.jpg", "b.webp", "b.ppm"] {
        scratch
            .kiln(&format!("decode a.kiln {output} --quiet"))
            .assert()
            .success()
            .stderr("");
        assert_eq!(
            open(&scratch.path(output)).dimensions(),
            (97, 83),
            "{output}"
        );
    }
    assert_eq!(open(&scratch.path("b.webp")), open(&scratch.path("b.png")));
}

#[test]
fn higher_quality_is_larger_and_better() {
    let scratch = Scratch::new();
    let original = scratch.picture("a.png", "kodim05", [0, 0, 128, 96]);
    let mut last = (0, 0.0);
    for arguments in ["-q 10", "-q 50", "--level 60"] {
        scratch
            .kiln(&format!("encode a.png a.kiln {arguments}"))
            .assert()
            .success();
        scratch.kiln("decode a.kiln b.png").assert().success();
        let bytes = fs::metadata(scratch.path("a.kiln")).unwrap().len();
        let quality = psnr(&original, &open(&scratch.path("b.png")));
        assert!(
            bytes > last.0 && quality > last.1,
            "{arguments}: {bytes} bytes, {quality} dB after {last:?}"
        );
        last = (bytes, quality);
    }
}

#[test]
fn target_sizes_are_kept_and_used() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim05", [0, 0, 128, 96]);
    scratch
        .kiln("encode a.png most.kiln --level 63")
        .assert()
        .success();
    let most = fs::metadata(scratch.path("most.kiln")).unwrap().len();
    let half = most / 2;
    scratch
        .kiln(&format!("encode a.png size.kiln --size {half}"))
        .assert()
        .success();
    let bytes = fs::metadata(scratch.path("size.kiln")).unwrap().len();
    assert!(
        bytes <= half && bytes > half / 2,
        "{bytes} bytes for a target of {half}"
    );
    let bpp = 8.0 * half as f64 / (128.0 * 96.0);
    scratch
        .kiln(&format!("encode a.png bpp.kiln --bpp {bpp}"))
        .assert()
        .success();
    assert_eq!(
        fs::read(scratch.path("bpp.kiln")).unwrap(),
        fs::read(scratch.path("size.kiln")).unwrap()
    );
}

#[test]
fn pipes_give_the_same_bytes_as_files() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim20", [50, 60, 64, 48]);
    scratch.kiln("encode a.png a.kiln").assert().success();
    scratch.kiln("decode a.kiln b.ppm").assert().success();

    let input = fs::read(scratch.path("a.png")).unwrap();
    let encoded = scratch
        .kiln("encode - -")
        .write_stdin(input)
        .assert()
        .success();
    let encoded = &encoded.get_output().stdout;
    assert_eq!(*encoded, fs::read(scratch.path("a.kiln")).unwrap());
    let decoded = scratch
        .kiln("decode - - --format pnm")
        .write_stdin(encoded.clone())
        .assert()
        .success();
    assert_eq!(
        decoded.get_output().stdout,
        fs::read(scratch.path("b.ppm")).unwrap()
    );
    let decoded = scratch
        .kiln("decode - -")
        .write_stdin(encoded.clone())
        .assert()
        .success();
    let png = image::load(
        Cursor::new(&decoded.get_output().stdout),
        image::ImageFormat::Png,
    )
    .unwrap();
    assert_eq!(png.into_rgb8(), open(&scratch.path("b.ppm")));
    scratch
        .kiln("info -")
        .write_stdin(encoded.clone())
        .assert()
        .success();
}

#[test]
fn several_files_go_into_a_folder() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    scratch.picture("b.v2.png", "kodim02", [0, 0, 30, 40]);
    fs::create_dir(scratch.path("out")).unwrap();
    let report = scratch.json("encode a.png b.v2.png out --json --quiet");
    assert_eq!(report["files"].as_array().unwrap().len(), 2);
    scratch
        .kiln("decode out/a.kiln out/b.v2.kiln out/ --format webp")
        .assert()
        .success();
    assert_eq!(open(&scratch.path("out/a.webp")).dimensions(), (40, 30));
    assert_eq!(open(&scratch.path("out/b.v2.webp")).dimensions(), (30, 40));
    // One file into an existing folder, PNG unless asked.
    scratch.kiln("decode out/a.kiln out").assert().success();
    assert_eq!(open(&scratch.path("out/a.png")).dimensions(), (40, 30));
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    fs::write(scratch.path("bad.png"), "no picture").unwrap();
    fs::create_dir(scratch.path("out")).unwrap();
    let assert = scratch
        .kiln("encode bad.png missing.png a.png out --json --quiet")
        .assert()
        .code(1);
    let report: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let files = report["files"].as_array().unwrap();
    assert!(
        files[0]["error"].is_string()
            && files[1]["error"].is_string()
            && files[2]["error"].is_null()
    );
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        stderr.contains("bad.png") && stderr.contains("missing.png"),
        "{stderr}"
    );
    let names: Vec<_> = fs::read_dir(scratch.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["a.kiln"]);
}

#[test]
fn an_existing_output_is_replaced() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    fs::write(scratch.path("a.kiln"), "old").unwrap();
    scratch.kiln("encode a.png a.kiln").assert().success();
    assert_ne!(fs::read(scratch.path("a.kiln")).unwrap(), b"old");
    assert_eq!(scratch.files().len(), 2);
}

#[test]
fn what_a_format_cannot_carry_is_warned_about() {
    let scratch = Scratch::new();
    let picture = crop("kodim01", [0, 0, 40, 30]);
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder
        .set_icc_profile(b"not really a profile, but carried all the same".to_vec())
        .unwrap();
    encoder
        .write_image(&picture, 40, 30, image::ExtendedColorType::Rgb8)
        .unwrap();
    fs::write(scratch.path("a.png"), file).unwrap();
    scratch.kiln("encode a.png a.kiln").assert().success();
    let assert = scratch
        .kiln("decode a.kiln a.ppm --quiet")
        .assert()
        .success();
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        stderr.starts_with("warning: a.ppm: ") && stderr.contains("ICC"),
        "{stderr}"
    );
    scratch
        .kiln("decode a.kiln b.png --quiet")
        .assert()
        .success()
        .stderr("");
}

#[test]
fn wrong_usage_ends_with_2() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    fs::create_dir_all(scratch.path("out")).unwrap();
    fs::create_dir_all(scratch.path("sub")).unwrap();
    fs::copy(scratch.path("a.png"), scratch.path("sub/a.png")).unwrap();
    for (arguments, parts) in [
        ("", &["Usage"][..]),
        ("frobnicate", &["frobnicate"]),
        ("encode", &["IN", "OUT"]),
        ("encode a.png", &["OUT"]),
        (
            "encode a.png a.kiln -q 101",
            &["quality 101 is outside 0..=100"],
        ),
        (
            "encode a.png a.kiln -q -1",
            &["quality -1 is outside 0..=100"],
        ),
        (
            "encode a.png a.kiln -q high",
            &["quality `high` is not a whole number"],
        ),
        (
            "encode a.png a.kiln --level 64",
            &["level 64 is outside 0..=63"],
        ),
        ("encode a.png a.kiln --bpp 0", &["0 bits per pixel"]),
        (
            "encode a.png a.kiln --size 12x",
            &["`12x` is not a size", "50k"],
        ),
        (
            "encode a.png a.kiln --size 10k -q 5",
            &["cannot be used with"],
        ),
        (
            "encode a.png a.kiln --threads 0",
            &["number of threads 0 is outside 1..=1024"],
        ),
        ("encode a.png b.png", &["b.kiln", "--force"]),
        ("encode a.png a.png", &["input and output at once"]),
        ("encode a.png - --json", &["--json"]),
        ("encode a.png a.png -", &["several inputs"]),
        ("encode a.png sub/a.png out", &["would both be written to"]),
        ("encode - out", &["standard input has no name"]),
        ("decode a.kiln a.xyz", &["xyz", "png"]),
        ("decode a.kiln a", &["--format"]),
        ("decode a.kiln a.jpg --format png", &["--format", "--force"]),
        ("decode a.kiln a.png --format gif", &["gif", "png"]),
        (
            "decode a.kiln a.jpg --jpeg-quality 0",
            &["JPEG quality 0 is outside 1..=100"],
        ),
        ("info", &["FILE"]),
        ("info a.kiln --devices", &["cannot be used with"]),
        (
            "bench sub --only b",
            &["--only b", "no picture of that name"],
        ),
        ("bench sub --levels 1,64", &["level 64 is outside 0..=63"]),
        ("bench sub --live none", &["`none` is not one of mozjpeg"]),
        ("bench sub --against vtm", &["--against vtm", "--live"]),
        ("bench sub --models a --weights b", &["cannot be used with"]),
        ("compare a.png", &["<B>"]),
        (
            "compare a.png a.png --gain 0",
            &["gain 0 is outside 1..=128"],
        ),
        ("dataset fetch none --to d", &["none of the names kodak"]),
    ] {
        scratch.fails(arguments, 2, parts);
    }
}

#[test]
fn failures_end_with_1_and_leave_nothing() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 64, 64]);
    scratch.kiln("encode a.png good.kiln").assert().success();
    let good = fs::read(scratch.path("good.kiln")).unwrap();
    fs::write(scratch.path("text.png"), "no picture").unwrap();
    fs::write(scratch.path("text.kiln"), "no kiln file").unwrap();
    fs::write(scratch.path("empty.kiln"), "").unwrap();
    fs::write(scratch.path("cut.kiln"), &good[..good.len() - 1]).unwrap();
    fs::write(scratch.path("long.kiln"), [&good[..], b"x"].concat()).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(scratch.path("flipped.kiln"), flipped).unwrap();
    fs::create_dir(scratch.path("folder")).unwrap();
    fs::create_dir(scratch.path("empty-folder")).unwrap();

    for (arguments, parts) in [
        (
            "encode missing.png a.kiln",
            &["cannot read missing.png"][..],
        ),
        ("encode folder a.kiln", &["folder", "name the files in it"]),
        ("encode text.png a.kiln", &["text.png", "PNG, JPEG, WebP"]),
        ("encode good.kiln a.kiln", &["good.kiln", "kiln file"]),
        ("encode a.png missing/a.kiln", &["missing does not exist"]),
        ("encode a.png missing/", &["missing/ does not exist"]),
        ("encode a.png text.png missing", &["missing does not exist"]),
        ("encode a.png text.png/a.kiln", &["text.png"]),
        ("encode a.png a.kiln --weights text.png", &["text.png"]),
        ("encode a.png a.kiln --size 1", &[]),
        ("decode missing.kiln b.png", &["cannot read missing.kiln"]),
        (
            "decode good.kiln missing/b.png",
            &["missing does not exist"],
        ),
        ("decode text.kiln b.png", &["text.kiln"]),
        ("decode empty.kiln b.png", &["empty.kiln"]),
        ("decode cut.kiln b.png", &["cut.kiln"]),
        ("decode long.kiln b.png", &["long.kiln"]),
        ("decode flipped.kiln b.png", &["flipped.kiln"]),
        ("decode flipped.kiln -", &["flipped.kiln"]),
        ("info missing.kiln", &["missing.kiln"]),
        ("info text.kiln", &["text.kiln"]),
        ("bench empty-folder --out results", &["holds no picture"]),
        ("bench missing --out results", &["missing"]),
        (
            "bench folder --out results --anchors missing.json",
            &["holds no picture"],
        ),
        ("compare a.png missing.png", &["missing.png"]),
        ("compare a.png text.png", &["text.png"]),
        ("compare flipped.kiln a.png", &["flipped.kiln"]),
        ("compare a.png a.png --out missing/d.png", &["missing"]),
        (
            "dataset fetch text.kiln --to d",
            &["text.kiln", "not valid"],
        ),
    ] {
        scratch.fails(arguments, 1, parts);
    }
}

#[test]
fn a_file_of_other_weights_is_refused_by_name() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    scratch.kiln("encode a.png a.kiln").assert().success();
    let mut bytes = fs::read(scratch.path("a.kiln")).unwrap();
    // After magic, version and architecture.
    bytes[6] ^= 0xff;
    fs::write(scratch.path("broken.kiln"), &bytes).unwrap();
    scratch.fails("decode broken.kiln b.png", 1, &["broken.kiln"]);

    assert!(
        kiln_container::reseal(&mut bytes),
        "the file cannot be followed any more"
    );
    fs::write(scratch.path("other.kiln"), &bytes).unwrap();
    scratch.fails("decode other.kiln b.png", 1, &["other.kiln", "weights"]);
    // Its structure can still be shown.
    let info = scratch.json("info other.kiln --json");
    let own = scratch.json("info a.kiln --json");
    assert_ne!(info["decoder_set"], own["decoder_set"]);
}

#[test]
fn devices_include_the_cpu() {
    let scratch = Scratch::new();
    let json = scratch.json("info --devices --json");
    assert!(!json["devices"].as_array().unwrap().is_empty());
    let text = String::from_utf8(scratch.stdout("info --devices")).unwrap();
    assert_eq!(
        text.lines().count(),
        json["devices"].as_array().unwrap().len()
    );
}

#[test]
fn help_teaches_by_example() {
    let scratch = Scratch::new();
    for (command, example) in [
        ("--help", "kiln encode photo.jpg photo.kiln"),
        ("encode --help", "--size 50k"),
        ("decode --help", "--jpeg-quality 90"),
        ("info --help", "kiln info --devices"),
        ("bench --help", "kiln bench kodak"),
        ("compare --help", "kiln compare photo.png photo.kiln"),
        ("dataset fetch --help", "kiln dataset fetch kodak"),
    ] {
        let help = String::from_utf8(scratch.stdout(command)).unwrap();
        assert!(
            help.contains("Examples:") && help.contains(example),
            "{help}"
        );
    }
}

#[test]
fn a_closed_pipe_is_success() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    for arguments in [
        "info --devices",
        "encode a.png -",
        "bench . --levels 20 --json",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = std::process::Command::new(cargo_bin!("kiln"))
            .args(arguments.split(' '))
            .current_dir(scratch.0.path())
            .stdout(writer)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        // Graphics drivers write to stderr as they please when adapters are listed: only kiln's own lines count.
        assert!(
            output.status.success() && !stderr.contains("pipe"),
            "kiln {arguments}: {stderr}"
        );
    }
}
