//! `kiln bench`, `kiln compare` and `kiln dataset`: the real binary, with the bundled weights, on small crops of Kodak
//! pictures.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;

use assert_cmd::cargo::cargo_bin_cmd;
use image::{Rgb, RgbImage, imageops};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A fresh folder where `kiln` runs.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a crop of a Kodak picture.
    fn picture(&self, name: &str, kodak: &str, [left, top, width, height]: [u32; 4]) -> RgbImage {
        let path = kiln_datasets::kodak_folder()
            .unwrap()
            .join(format!("{kodak}.png"));
        let whole = image::open(path).unwrap().into_rgb8();
        let crop = imageops::crop_imm(&whole, left, top, width, height).to_image();
        crop.save(self.path(name)).unwrap();
        crop
    }

    /// A set of two pictures.
    fn set(&self) {
        fs::create_dir(self.path("set")).unwrap();
        self.picture("set/x.png", "kodim05", [0, 0, 176, 168]);
        self.picture("set/y.png", "kodim20", [200, 100, 168, 176]);
    }

    /// Standard output of a run that succeeds.
    fn stdout(&self, arguments: &str) -> String {
        let mut command = cargo_bin_cmd!("kiln");
        let assert = command
            .current_dir(self.0.path())
            .args(arguments.split_whitespace())
            .assert()
            .success();
        String::from_utf8(assert.get_output().stdout.clone()).unwrap()
    }

    fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.stdout(arguments)).unwrap()
    }

    fn file(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }
}

fn codec<'a>(results: &'a Value, name: &str) -> &'a Value {
    let mut codecs = results["codecs"].as_array().unwrap().iter();
    codecs.find(|codec| codec["name"] == name).unwrap()
}

fn row<'a>(codec: &'a Value, image: &str, q: f64) -> &'a Value {
    let mut rows = codec["rows"].as_array().unwrap().iter();
    rows.find(|row| row["image"] == image && row["q"].as_f64() == Some(q))
        .unwrap()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is not a number"))
}

#[test]
fn bench_measures_files_and_compares_the_same_pictures() {
    let scratch = Scratch::new();
    scratch.set();
    let first = scratch.json("bench set --levels 40,10,25 --threads 1 --out first --json --quiet");
    assert_eq!(first, scratch.file("first/results.json"));
    assert_eq!(first["machine"]["threads"], 1);
    assert_eq!(first["pictures"][1]["name"], "y");
    let kiln = codec(&first, "kiln");
    assert_eq!(kiln["rows"].as_array().unwrap().len(), 6);
    assert_eq!(kiln["points"].as_array().unwrap().len(), 3);

    // A row is what encode, decode and compare give.
    let y = row(kiln, "y", 25.0);
    scratch.stdout("encode set/y.png y.kiln --level 25 --quiet");
    scratch.stdout("decode y.kiln y.png --quiet");
    let compared = scratch.json("compare set/y.png y.png --json");
    let direct = scratch.json("compare set/y.png y.kiln --json");
    assert_eq!(direct["bytes"], y["bytes"]);
    for measure in [
        "psnr",
        "mse",
        "psnr_y",
        "psnr_yuv",
        "msssim",
        "ssimulacra2",
        "butteraugli",
        "butteraugli_3norm",
    ] {
        assert_eq!(compared[measure], y[measure], "{measure}");
        assert_eq!(direct[measure], y[measure], "{measure}");
    }
    let mean = &kiln["points"][1];
    let expected = (number(&y["bpp"]) + number(&row(kiln, "x", 25.0)["bpp"])) / 2.0;
    assert!((number(&mean["bpp"]) - expected).abs() < 1e-12);
    assert!(number(&mean["enc_s"]) > 0.0 && number(&mean["decode_stages"]["synthesise"]) > 0.0);
    assert!(number(&kiln["cost"]["decode_kmac_per_pixel"]) > 1.0);
    if cfg!(target_os = "linux") {
        let memory = &kiln["memory"][0];
        assert!(number(&memory["encode_bytes"]) > 1e6 && number(&memory["decode_bytes"]) > 1e6);
    }

    // Against itself, from any of its files, the difference is nothing.
    for anchors in ["first/results.json", "first/results.csv"] {
        let again = scratch.json(&format!(
            "bench set --levels 10,25,40 --out second --json --quiet --timed 0 --anchors {anchors}"
        ));
        let comparisons = again["comparisons"].as_array().unwrap();
        assert!(comparisons.len() >= 5, "{anchors}");
        for comparison in comparisons {
            let (rate, quality) = (&comparison["rate"], &comparison["quality"]);
            assert!(
                number(&rate["value"]).abs() < 0.01,
                "{anchors}: {comparison}"
            );
            assert!(
                number(&quality["value"]).abs() < 0.01,
                "{anchors}: {comparison}"
            );
        }
    }
    // Against means over other pictures it must not be compared at all.
    let kodak =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/anchors/kodak_measured.json");
    let text = scratch.stdout(&format!(
        "bench set --only x --levels 10,40 --quiet --timed 0 --metrics psnr --anchors {}",
        kodak.display()
    ));
    let reason = "left out (it has no means over the same pictures): avif";
    assert!(text.contains(reason) && !text.contains("BD-rate"), "{text}");
    assert!(scratch.path("kiln-bench/results.csv").is_file());
}

#[test]
fn other_codecs_are_measured_in_the_same_run() {
    let scratch = Scratch::new();
    scratch.set();
    let results = scratch.json(
        "bench set --levels 5,25,45 --out out --json --quiet --live crates --against jpeg --metrics psnr,msssim --timed 1",
    );
    let names: Vec<_> = results["codecs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|codec| codec["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["kiln", "mozjpeg", "jpeg", "webp"]);
    for name in names {
        let codec = codec(&results, name);
        let points = codec["points"].as_array().unwrap();
        assert!(points.windows(2).all(|pair| {
            number(&pair[0]["bpp"]) < number(&pair[1]["bpp"])
                && number(&pair[0]["psnr"]) < number(&pair[1]["psnr"])
        }));
        assert!(number(&points[0]["dec_s"]) > 0.0, "{name}");
        assert!(
            row(codec, "y", number(&points[0]["q"]))["enc_s"].is_null(),
            "{name}"
        );
        assert!(!codec["version"].as_str().unwrap().is_empty(), "{name}");
        // What CompressAI's plots read.
        let plot = &scratch.file(&format!("out/compressai/{name}.json"))["results"];
        for (list, of) in [
            ("bpp", "bpp"),
            ("psnr-rgb", "psnr"),
            ("ms-ssim-rgb", "msssim"),
        ] {
            let expected: Vec<_> = points.iter().map(|point| point[of].clone()).collect();
            assert_eq!(plot[list], Value::Array(expected), "{name}, {list}");
        }
    }
    // mozjpeg needs fewer bytes than the older JPEG for equal PSNR: a fact of the field.
    let found = results["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["codec"] == "mozjpeg" && c["anchor"] == "jpeg" && c["metric"] == "psnr")
        .unwrap();
    let rate = number(&found["rate"]["value"]);
    assert!((-40.0..0.0).contains(&rate), "{rate}");
}

#[test]
fn a_run_goes_on_where_it_stopped() {
    let scratch = Scratch::new();
    scratch.set();
    let run = "bench set --live jpeg --metrics psnr --json --quiet --out out --resume";
    let first = scratch.json(&format!("{run} --levels 10,30"));
    // A mark that a second measurement would not make.
    let journal = scratch.path("out/measured/jpeg.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let bytes = row(codec(&first, "jpeg"), "x", 50.0)["bytes"].to_string();
    let marked = text.replace(&format!("\"bytes\":{bytes}"), "\"bytes\":123456789");
    assert_ne!(text, marked);
    fs::write(&journal, marked).unwrap();
    let second = scratch.json(&format!("{run} --levels 10,20,30"));
    let found = row(codec(&second, "jpeg"), "x", 50.0);
    assert_eq!(found["bytes"], 123_456_789);
    // Seconds, which no second measurement would repeat.
    let seconds = |results| number(&row(codec(results, "kiln"), "y", 30.0)["enc_s"]);
    assert!((seconds(&first) - seconds(&second)).abs() < 1e-12);
    assert_eq!(
        codec(&second, "kiln")["points"].as_array().unwrap().len(),
        3
    );
}

#[test]
fn compare_shows_where_pictures_differ() {
    let scratch = Scratch::new();
    let mut picture = scratch.picture("a.png", "kodim13", [10, 10, 40, 30]);
    let pixel = picture.get_pixel_mut(7, 5);
    let level = pixel[1];
    pixel[1] = if level > 127 { level - 3 } else { level + 3 };
    picture.save(scratch.path("b.png")).unwrap();
    let text = scratch.stdout("compare a.png b.png --out d.png --gain 10");
    assert!(
        text.contains("40x30") && text.contains("by at most 3"),
        "{text}"
    );
    assert!(text.contains("MS-SSIM             none"), "{text}");
    let difference = image::open(scratch.path("d.png")).unwrap().into_rgb8();
    let other = if level > 127 { 98 } else { 158 };
    for (x, y, pixel) in difference.enumerate_pixels() {
        let expected = if (x, y) == (7, 5) {
            [128, other, 128]
        } else {
            [128; 3]
        };
        assert_eq!(pixel, &Rgb(expected));
    }
    let json = scratch.json("compare a.png a.png --json");
    assert_eq!(
        (&json["psnr"], &json["differing_samples"]),
        (&100.0.into(), &0.into())
    );

    RgbImage::new(40, 31).save(scratch.path("c.png")).unwrap();
    let mut command = cargo_bin_cmd!("kiln");
    let assert = command
        .current_dir(scratch.0.path())
        .args(["compare", "a.png", "c.png"])
        .assert()
        .code(1);
    let error = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        error.contains("40x30") && error.contains("40x31"),
        "{error}"
    );
}

#[test]
fn a_data_set_is_fetched_by_manifest_and_measured() {
    let scratch = Scratch::new();
    let picture = scratch.picture("a.png", "kodim02", [0, 0, 64, 48]);
    let bytes = fs::read(scratch.path("a.png")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = bytes.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                answer.len()
            );
            // The client is the test itself, which notices what is missing.
            let _ = stream.read(&mut request);
            let _ = stream.write_all(&[head.as_bytes(), &answer].concat());
        }
    });
    let hash: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let manifest = format!(
        r#"{{"name": "small", "licence": "CC0", "files": [
            {{"name": "one.png", "url": "http://{address}/one.png", "bytes": {}, "sha256": "{hash}"}}]}}"#,
        bytes.len()
    );
    fs::write(scratch.path("small.json"), manifest).unwrap();
    let json = scratch.json("dataset fetch small.json --to small --json --quiet");
    assert_eq!(
        (&json["pictures"], &json["licence"]),
        (&1.into(), &"CC0".into())
    );
    let fetched = image::open(scratch.path("small/one.png"))
        .unwrap()
        .into_rgb8();
    assert_eq!(fetched, picture);
    let results = scratch.json("bench small --levels 30 --metrics psnr --timed 0 --json --quiet");
    assert_eq!(results["pictures"][0]["sha256"], hash.as_str());
    assert!(number(&codec(&results, "kiln")["rows"][0]["bytes"]) > 100.0);
    assert!(scratch.stdout("dataset list").contains("kodak: "));
}
