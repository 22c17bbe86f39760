//! Standard input, output and error: pipes, and streams that are closed.

use std::fs;
use std::io::Cursor;
use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;

use super::scratch::*;

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
fn a_pipe_that_nobody_reads_is_a_failure_without_words() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    for arguments in [
        "--help",
        "info --devices",
        "encode a.png -",
        "bench . --levels 20 --json",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(cargo_bin!("kiln"))
            .args(arguments.split(' '))
            .current_dir(scratch.folder())
            .stdout(writer)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        // Graphics drivers write to stderr as they please when adapters are listed: only kiln's own lines count.
        assert_eq!(output.status.code(), Some(1), "kiln {arguments}: {stderr}");
        assert!(
            !stderr.contains("pipe") && !stderr.contains("error") && !stderr.contains("panic"),
            "{stderr}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_closed_output_is_a_failure() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    scratch.kiln("encode a.png a.kiln").assert().success();
    let run = |arguments: &str, redirection: &str| {
        Command::new("sh")
            .args(["-c", &format!("exec \"$0\" \"$@\" {redirection}")])
            .arg(cargo_bin!("kiln"))
            .args(arguments.split(' '))
            .current_dir(scratch.folder())
            .output()
            .unwrap()
    };
    for arguments in [
        "--version",
        "info a.kiln",
        "encode a.png -",
        "encode a.png b.kiln --json",
        "decode a.kiln -",
        "compare a.png a.kiln",
        "models",
    ] {
        let closed = run(arguments, ">&-");
        let stderr = String::from_utf8_lossy(&closed.stderr);
        assert_eq!(closed.status.code(), Some(1), "kiln {arguments}: {stderr}");
        assert!(
            stderr.contains("standard output: it is closed"),
            "kiln {arguments}: {stderr}"
        );
        // Thrown away on purpose.
        assert!(
            run(arguments, ">/dev/null").status.success(),
            "kiln {arguments}"
        );
        assert!(
            run(arguments, "1<>/dev/null").status.success(),
            "kiln {arguments}"
        );
    }
    // Nothing goes to standard output here.
    assert!(run("encode a.png b.kiln --quiet", ">&-").status.success());
    assert!(run("encode a.png b.kiln", "2>&-").status.success());
    assert!(!scratch.path("c.kiln").exists());
    assert_eq!(run("encode - c.kiln", "<&-").status.code(), Some(1));
}

#[test]
fn remarks_that_nobody_reads_do_not_matter() {
    let scratch = Scratch::new();
    scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(cargo_bin!("kiln"))
        .args(["encode", "a.png", "a.kiln"])
        .current_dir(scratch.folder())
        .stdout(Stdio::null())
        .stderr(writer)
        .status()
        .unwrap();
    assert!(status.success());
    assert!(scratch.path("a.kiln").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_output_is_a_failure() {
    let scratch = Scratch::new();
    for arguments in ["--help", "models"] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(cargo_bin!("kiln"))
            .args([arguments])
            .current_dir(scratch.folder())
            .stdout(full)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("cannot write standard output"), "{stderr}");
    }
}
