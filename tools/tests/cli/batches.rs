//! Several files and whole folders.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::scratch::*;

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
fn a_tree_is_encoded_and_decoded_in_place() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("photos/sub/deep")).unwrap();
    scratch.picture("photos/a.png", "kodim01", [0, 0, 40, 30]);
    scratch.picture("photos/sub/b.png", "kodim02", [0, 0, 30, 40]);
    scratch.picture("photos/sub/deep/c.ppm", "kodim03", [0, 0, 20, 10]);
    // Known by its content.
    fs::rename(
        scratch.path("photos/sub/b.png"),
        scratch.path("photos/sub/b"),
    )
    .unwrap();
    scratch.file("photos/notes.txt", b"P6 is no picture here");
    scratch.file("photos/.cache/d.png", b"hidden");
    let report = scratch.json("encode photos small/new --json --quiet");
    assert_eq!(report["ignored"], 1);
    assert_eq!(
        scratch.names("small/new"),
        ["a.kiln", "sub/b.kiln", "sub/deep/c.kiln"]
    );

    let stderr = scratch.stderr("encode photos small/new", 0);
    assert!(
        stderr.contains("3 files: 3 done; ignored other files: 1 (.txt)"),
        "{stderr}"
    );
    scratch
        .kiln("decode small/ back/ --format pnm")
        .assert()
        .success();
    assert_eq!(
        scratch.names("back"),
        ["new/a.pnm", "new/sub/b.pnm", "new/sub/deep/c.pnm"]
    );
    assert_eq!(
        open(&scratch.path("back/new/sub/deep/c.pnm")).dimensions(),
        (20, 10)
    );

    // Several inputs: folders keep their names.
    scratch
        .kiln("encode photos/sub photos/a.png both")
        .assert()
        .success();
    assert_eq!(
        scratch.names("both"),
        ["a.kiln", "sub/b.kiln", "sub/deep/c.kiln"]
    );
}

#[test]
fn every_format_of_the_help_is_read() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("photos")).unwrap();
    let picture = crop("kodim01", [0, 0, 40, 30]);
    let extensions = [
        "bmp", "gif", "jpg", "pam", "pbm", "pgm", "png", "ppm", "qoi", "tga", "tiff", "webp",
    ];
    for extension in extensions {
        let path = scratch.path(&format!("photos/{extension}.{extension}"));
        match extension {
            "pbm" | "pgm" => image::DynamicImage::from(picture.clone())
                .into_luma8()
                .save(path)
                .unwrap(),
            // The writer of GIF wants alpha.
            "gif" => image::DynamicImage::from(picture.clone())
                .into_rgba8()
                .save(path)
                .unwrap(),
            _ => picture.save(path).unwrap(),
        }
    }
    scratch
        .kiln("encode photos out --quiet")
        .assert()
        .success()
        .stderr("");
    assert_eq!(
        scratch.names("out"),
        extensions.map(|extension| format!("{extension}.kiln"))
    );
}

#[test]
fn a_folder_without_anything_to_do_is_a_failure() {
    let scratch = Scratch::new();
    scratch.file("photos/notes.txt", b"x");
    scratch.fails(
        "encode photos out",
        1,
        &["no pictures that kiln reads in photos", "1 (.txt)"],
    );
    scratch.fails("decode photos out", 1, &["no kiln files in photos"]);
}

#[test]
fn clashing_names_are_settled_file_by_file() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("photos/other")).unwrap();
    for name in ["photos/a.ppm", "photos/a.png", "photos/other/a.png"] {
        scratch.picture(name, "kodim01", [0, 0, 40, 30]);
    }
    scratch.kiln("encode photos out").assert().success();
    assert_eq!(
        scratch.names("out"),
        ["a.kiln", "a.ppm.kiln", "other/a.kiln"]
    );
    let report =
        scratch.json("encode photos/a.ppm photos/a.png photos/other/a.png out --json --quiet");
    let outputs: Vec<_> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["output"].as_str().unwrap())
        .collect();
    let expected = ["a.kiln", "a.png.kiln", "a.png.2.kiln"];
    assert_eq!(outputs, expected.map(|name| scratch_path("out", name)));
}

/// A path as the system writes it.
fn scratch_path(folder: &str, name: &str) -> String {
    std::path::Path::new(folder)
        .join(name)
        .display()
        .to_string()
}

#[test]
fn a_run_is_taken_up_where_it_stopped() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("photos")).unwrap();
    for name in ["cut", "done", "missing", "old"] {
        scratch.picture(&format!("photos/{name}.png"), "kodim01", [0, 0, 40, 30]);
    }
    scratch.kiln("encode photos out").assert().success();
    let written = fs::read(scratch.path("out/cut.kiln")).unwrap();
    fs::write(scratch.path("out/cut.kiln"), &written[..written.len() - 1]).unwrap();
    fs::remove_file(scratch.path("out/missing.kiln")).unwrap();
    let later = SystemTime::now() + Duration::from_secs(60);
    let source = fs::File::options()
        .write(true)
        .open(scratch.path("photos/old.png"))
        .unwrap();
    source.set_modified(later).unwrap();

    let skipped = |report: &Value| -> Vec<bool> {
        let files = report["files"].as_array().unwrap();
        files.iter().map(|file| file["skipped"] == true).collect()
    };
    let report = scratch.json("encode photos out --resume --json --quiet");
    assert_eq!(skipped(&report), [false, true, false, false]);
    assert_eq!(
        (&report["skipped"], &report["failed"]),
        (&1.into(), &0.into())
    );
    assert_eq!(fs::read(scratch.path("out/cut.kiln")).unwrap(), written);
    let stderr = scratch.stderr("decode out pictures", 0);
    assert!(!stderr.contains("skipped"), "{stderr}");
    fs::remove_file(scratch.path("pictures/missing.png")).unwrap();
    let report = scratch.json("decode out pictures --resume --json --quiet");
    assert_eq!(skipped(&report), [true, true, false, true]);
    let stderr = scratch.stderr("decode out pictures --resume", 0);
    assert!(stderr.contains("4 files: 0 done; 4 skipped"), "{stderr}");
}

#[test]
fn a_batch_goes_on_where_one_file_cannot_be_written() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("out/a.kiln")).unwrap();
    fs::create_dir(scratch.path("photos")).unwrap();
    scratch.picture("photos/a.png", "kodim01", [0, 0, 40, 30]);
    scratch.picture("photos/b.png", "kodim01", [0, 0, 40, 30]);
    let stderr = scratch.stderr("encode photos out", 1);
    assert!(
        stderr.contains("a.kiln: it is a folder") && stderr.contains("1 done; 1 failed"),
        "{stderr}"
    );
    assert_eq!(scratch.names("out"), ["b.kiln"]);
    // An output that is its own input is one of those as well.
    fs::copy(scratch.path("photos/a.png"), scratch.path("photos/c.kiln")).unwrap();
    let stderr = scratch.stderr("encode photos/c.kiln photos/b.png photos", 1);
    assert!(
        stderr.contains("input and output at once") && stderr.contains("1 done"),
        "{stderr}"
    );
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_end() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("photos/sub")).unwrap();
    scratch.picture("photos/a.png", "kodim01", [0, 0, 40, 30]);
    std::os::unix::fs::symlink("..", scratch.path("photos/sub/up")).unwrap();
    let stderr = scratch.stderr("encode photos out", 0);
    assert!(stderr.contains("photos/sub/up: not followed"), "{stderr}");
    assert_eq!(scratch.names("out"), ["a.kiln"]);
}
