//! `kiln report`, the real binary.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use image::imageops;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with results in it, where `kiln` runs.
struct Scratch(TempDir);

impl Scratch {
    fn new(results: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("results.json"), results.to_string()).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `kiln report` with these arguments, split at spaces.
    fn report(&self, arguments: &str) -> Command {
        let mut command = cargo_bin_cmd!("kiln");
        command
            .current_dir(self.0.path())
            .arg("report")
            .args(arguments.split_whitespace());
        command
    }

    fn fails(&self, arguments: &str, code: i32, parts: &[&str]) {
        let assert = self.report(arguments).assert().code(code);
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        for part in parts {
            assert!(
                stderr.contains(part),
                "`{arguments}` does not say `{part}`:\n{stderr}"
            );
        }
    }
}

/// A curve of kiln and one of WebP.
fn results() -> Value {
    let curve = |name: &str, origin: &str, below: f64| {
        let points: Vec<Value> = [0.1, 0.3, 0.8, 1.4]
            .iter()
            .map(|bpp: &f64| {
                json!({
                    "q": null, "n_images": 24, "bpp": bpp, "psnr": 36.0 + 5.0 * bpp.log2() - below,
                    "msssim": 1.0 - 0.02 / bpp / (1.0 + bpp), "enc_s": 0.1, "dec_s": 0.2,
                })
            })
            .collect();
        json!({ "name": name, "origin": origin, "points": points })
    };
    json!({
        "schema": "kiln-bench/1", "program": "kiln 0", "dataset": "kodak",
        "machine": { "os": "linux", "arch": "x86_64", "cpu": null, "threads": 1, "device": "cpu" },
        "pictures": [{ "name": "kodim01", "width": 768, "height": 512, "sha256": "00" }],
        "codecs": [curve("kiln", "kiln", 0.0), curve("webp_m6", "file", 1.0)],
        "comparisons": [], "skipped": [],
    })
}

/// What the script of a page reads.
fn data(page: &Path) -> Value {
    let page = fs::read_to_string(page).unwrap();
    let mark = "id=\"data\">";
    let start = page.find(mark).unwrap() + mark.len();
    let end = start + page[start..].find("</script>").unwrap();
    serde_json::from_str(&page[start..end]).unwrap()
}

#[test]
fn a_report_has_a_page_and_figures() {
    let scratch = Scratch::new(&results());
    let assert = scratch
        .report("results.json --out a/b --json")
        .assert()
        .success();
    let printed: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let names: Vec<String> = printed["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file.as_str().unwrap().replace('\\', "/"))
        .collect();
    for name in [
        "report.html",
        "rd.svg",
        "rd.png",
        "rd-psnr.svg",
        "rd-msssim.png",
    ] {
        assert!(names.contains(&format!("a/b/{name}")), "{names:?}");
        assert!(fs::metadata(scratch.path("a/b").join(name)).unwrap().len() > 1000);
    }
    assert_eq!(
        fs::read_dir(scratch.path("a/b")).unwrap().count(),
        names.len()
    );
    assert_eq!(
        data(&scratch.path("a/b/report.html"))["results"]["dataset"],
        "kodak"
    );
    let rd = image::open(scratch.path("a/b/rd.png")).unwrap();
    assert!(rd.width() > rd.height() && rd.height() >= 800);
}

#[test]
fn the_figure_alone() {
    let scratch = Scratch::new(&results());
    scratch
        .report(
            "results.json --figure x.svg --figure x.png --metrics psnr --bpp 0-1 --curves webp_m6",
        )
        .assert()
        .success();
    let svg = fs::read_to_string(scratch.path("x.svg")).unwrap();
    assert!(svg.contains("WebP") && svg.contains("PSNR") && !svg.contains("MS-SSIM"));
    assert!(image::open(scratch.path("x.png")).is_ok());
    assert!(!scratch.path("report.html").exists());
}

#[test]
fn crops_are_encoded_at_about_the_same_size() {
    let scratch = Scratch::new(&results());
    fs::create_dir(scratch.path("pictures")).unwrap();
    let kodak = kiln_datasets::kodak_folder().unwrap();
    for (name, left) in [("one", 0), ("two & <b>", 300)] {
        let whole = image::open(kodak.join("kodim20.png")).unwrap().into_rgb8();
        let part = imageops::crop_imm(&whole, left, 150, 300, 200).to_image();
        part.save(scratch.path(&format!("pictures/{name}.png")))
            .unwrap();
    }
    scratch
        .report("results.json --out out --pictures pictures --at 0.7 --quiet")
        .assert()
        .success();
    let data = data(&scratch.path("out/report.html"));
    let samples = data["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 2);
    assert_eq!(samples[1]["picture"], "two & <b>");
    for sample in samples {
        let images = sample["images"].as_array().unwrap();
        assert_eq!(images[0]["name"], "Original");
        let [kiln, webp] = [1, 2].map(|i| images[i]["coded"]["bpp"].as_f64().unwrap());
        // A level changes the size by about 6 %.
        assert!((kiln - 0.7).abs() < 0.04, "{kiln}");
        assert!((webp / kiln - 1.0).abs() < 0.03, "{webp} and {kiln}");
        let psnr = images[1]["coded"]["psnr"].as_f64().unwrap();
        assert!((25.0..50.0).contains(&psnr), "{psnr}");
        for image in images {
            assert!(
                image["url"]
                    .as_str()
                    .unwrap()
                    .starts_with("data:image/webp;base64,UklGR")
            );
        }
    }
    scratch.fails(
        "results.json --out out --pictures pictures --only three",
        2,
        &["three"],
    );
}

#[test]
fn wrong_usage_and_wrong_files_are_named() {
    let scratch = Scratch::new(&results());
    scratch.fails("results.json", 2, &["--out"]);
    scratch.fails("results.json --figure x.pdf", 2, &["x.pdf", ".svg"]);
    scratch.fails(
        "results.json --out o --metrics ssim",
        2,
        &["ssim", "psnr_yuv"],
    );
    scratch.fails("results.json --out o --bpp 2-1", 2, &["2-1"]);
    scratch.fails(
        "results.json --out o --curves none",
        2,
        &["none", "webp_m6"],
    );
    scratch.fails("missing.json --out o", 1, &["missing.json"]);

    fs::write(scratch.path("other.json"), "{\"schema\": \"kiln-bench/9\"}").unwrap();
    scratch.fails("other.json --out o", 1, &["kiln-bench/9", "kiln-bench/1"]);
    fs::write(scratch.path("text.json"), "hello").unwrap();
    scratch.fails("text.json --out o", 1, &["text.json"]);
    fs::write(scratch.path("bare.json"), "{}").unwrap();
    scratch.fails("bare.json --out o", 1, &["bare.json", "kiln bench"]);
}

#[test]
fn results_with_nothing_in_them_make_a_page() {
    let mut bare = results();
    bare["codecs"] = json!([]);
    bare["pictures"] = json!([]);
    let scratch = Scratch::new(&bare);
    scratch.report("results.json --out o").assert().success();
    assert!(scratch.path("o/report.html").exists() && !scratch.path("o/rd.svg").exists());
    scratch.fails("results.json --figure rd.svg", 1, &["no curve"]);

    let mut one = results();
    let first = one["codecs"][0]["points"][0].clone();
    one["codecs"] = json!([{ "name": "kiln", "origin": "kiln", "points": [first] }]);
    one["codecs"][0]["points"][0]["msssim"] = Value::Null;
    let scratch = Scratch::new(&one);
    scratch.report("results.json --out o").assert().success();
    assert!(scratch.path("o/rd.svg").exists() && !scratch.path("o/rd-msssim.svg").exists());
}
