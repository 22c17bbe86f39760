//! One file at a time: what comes out, and what is said about it.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use image::ImageEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;

use super::scratch::*;

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
fn a_file_larger_than_its_source_is_remarked() {
    let scratch = Scratch::new();
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, 5);
    crop("kodim01", [0, 0, 64, 48])
        .write_with_encoder(encoder)
        .unwrap();
    scratch.file("a.jpg", &jpeg);
    let stderr = scratch.stderr("encode a.jpg a.kiln -q 100", 0);
    assert!(
        stderr.contains("note: a.kiln: the file is larger than its source"),
        "{stderr}"
    );
    scratch
        .kiln("encode a.jpg a.kiln -q 100 --quiet")
        .assert()
        .success()
        .stderr("");
    let report = scratch.json("encode a.jpg a.kiln -q 100 --json --quiet");
    assert_eq!(report["files"][0]["larger_than_source"], true);
    assert_eq!(
        report["files"][0]["source_bytes"].as_u64(),
        Some(jpeg.len() as u64)
    );

    scratch.picture("a.png", "kodim01", [0, 0, 64, 48]);
    let stderr = scratch.stderr("encode a.png a.kiln -q 10", 0);
    assert!(!stderr.contains("note"), "{stderr}");
    let report = scratch.json("encode a.png a.kiln -q 10 --json --quiet");
    assert_eq!(report["files"][0]["larger_than_source"], false);
}

#[test]
fn times_are_kept_where_that_is_asked_for() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    let set = |name: &str, time: SystemTime| {
        let file = fs::File::options()
            .write(true)
            .open(scratch.path(name))
            .unwrap();
        file.set_modified(time).unwrap();
    };
    let time_of = |name: &str| {
        fs::metadata(scratch.path(name))
            .unwrap()
            .modified()
            .unwrap()
    };
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    set("a.png", then);
    scratch.kiln("encode a.png now.kiln").assert().success();
    scratch.kiln("encode a.png a.kiln -p").assert().success();
    scratch
        .kiln("encode a.png b.kiln --preserve-times --verify")
        .assert()
        .success();
    scratch
        .kiln("decode a.kiln b.png --preserve-times")
        .assert()
        .success();
    assert!(time_of("now.kiln") > then);
    assert_eq!(
        [time_of("a.kiln"), time_of("b.kiln"), time_of("b.png")],
        [then; 3]
    );
    scratch.fails("decode a.kiln - -p", 2, &["--preserve-times", "stream"]);
}

#[test]
fn limits_are_named_with_what_raises_them() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    scratch.kiln("encode a.png a.kiln").assert().success();
    for arguments in [
        "encode a.png b.kiln --max-pixels 1.1k",
        "decode a.kiln b.png --max-pixels 1199",
        "info a.kiln --max-pixels 1Ki",
        "compare a.png a.kiln --max-pixels 1000",
    ] {
        scratch.fails(arguments, 1, &["1200", "--max-pixels raises it"]);
    }
    scratch.fails(
        "encode a.png b.kiln --max-memory 1M",
        1,
        &["--max-memory raises it"],
    );
    scratch
        .kiln("encode a.png b.kiln --max-pixels 1.2k")
        .assert()
        .success();
    scratch
        .kiln("decode a.kiln b.png --max-pixels 1200")
        .assert()
        .success();
}

#[test]
fn of_an_animation_the_first_frame_is_taken_on_request() {
    let scratch = Scratch::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codec/picture/tests/data");
    for name in ["animated.png", "animated.webp"] {
        fs::copy(data.join(name), scratch.path(name)).unwrap();
        let refused = ["animated", "--first-frame takes the first"];
        scratch.fails(&format!("encode {name} {name}.kiln"), 1, &refused);
        let report = scratch.json(&format!(
            "encode {name} {name}.kiln --first-frame --json --quiet"
        ));
        let warnings = report["files"][0]["warnings"].to_string();
        assert!(warnings.contains("frame"), "{name}: {warnings}");
        let stderr = scratch.stderr(
            &format!("encode {name} {name}.kiln --first-frame --quiet"),
            0,
        );
        assert!(
            stderr.starts_with(&format!("warning: {name}: ")),
            "{stderr}"
        );
        let report = scratch.json(&format!(
            "compare {name} {name}.kiln --first-frame --json --quiet"
        ));
        assert!(report["warnings"].to_string().contains(name), "{report}");
    }
}

#[test]
fn lossless_keeps_every_sample_and_says_so() {
    let scratch = Scratch::new();
    let original = scratch.picture("a.png", "kodim05", [100, 100, 61, 43]);
    let report = scratch.json("encode a.png a.kiln --lossless --verify --json --quiet");
    let file = &report["files"][0];
    assert_eq!(
        (&file["lossless"], file["level"].is_null()),
        (&true.into(), true)
    );
    let info = scratch.json("info a.kiln --json");
    assert_eq!(
        (&info["lossless"], info["level"].is_null()),
        (&true.into(), true)
    );
    let text = String::from_utf8(scratch.stdout("info a.kiln")).unwrap();
    assert!(
        text.contains("coding        lossless\n") && !text.contains("level"),
        "{text}"
    );
    let report = scratch.json("decode a.kiln b.png --json --quiet");
    assert_eq!(report["files"][0]["lossless"], true);
    assert_eq!(open(&scratch.path("b.png")), original);
    let report = scratch.json("encode a.png a.kiln -q 20 --json --quiet");
    assert_eq!(report["files"][0]["lossless"], false);
}

#[test]
fn hidden_colours_are_kept_on_request() {
    let scratch = Scratch::new();
    let original = scratch.transparent("a.png", |x, _| if x < 24 { 0 } else { 255 });
    scratch
        .kiln("encode a.png a.kiln --lossless --keep-hidden")
        .assert()
        .success();
    scratch.kiln("decode a.kiln b.png").assert().success();
    let decoded = image::open(scratch.path("b.png")).unwrap().into_rgba8();
    assert!(decoded == original);
    scratch
        .kiln("encode a.png a.kiln --lossless")
        .assert()
        .success();
    let report = scratch.json("compare a.png a.kiln --json --quiet");
    assert_eq!(
        (&report["differing_samples"], &report["alpha"]["equal"]),
        (&0.into(), &true.into())
    );
}
