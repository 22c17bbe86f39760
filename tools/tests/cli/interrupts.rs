//! Ctrl-C and other requests to end.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;

use super::scratch::*;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Numbers and names that `kill` knows.
const INT: (i32, &str) = (2, "INT");
const TERM: (i32, &str) = (15, "TERM");
const HUP: (i32, &str) = (1, "HUP");

fn start(scratch: &Scratch, program: &mut Command, arguments: &str) -> Child {
    program
        .args(arguments.split(' '))
        .current_dir(scratch.folder())
        .env("TMPDIR", scratch.path("tmp"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until a name in the folder starts like this, while the program runs.
fn wait_for(child: &mut Child, folder: &Path, start: &str) {
    let started = Instant::now();
    loop {
        let mut names = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        if names.any(|name| name.to_string_lossy().starts_with(start)) {
            return;
        }
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before there was any {start}"
        );
        assert!(started.elapsed() < PATIENCE, "there was no {start}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn send(child: &Child, (_, signal): (i32, &str)) {
    let kill = Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
}

/// Programs started in the background by a shell without job control ignore Ctrl-C, and so do their children.
fn is_ignored((number, _): (i32, &str)) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| {
        u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (number - 1)) != 0
    })
}

/// A folder with a picture whose file lies under a temporary name for a while: until it is verified.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("tmp")).unwrap();
    scratch.picture("a.png", "kodim05", [0, 0, 768, 512]);
    scratch.file("out/old.kiln", b"old");
    scratch
}

#[test]
fn no_half_written_file_is_left_and_the_old_one_stays() {
    for signal in [INT, TERM, HUP] {
        if is_ignored(signal) {
            continue;
        }
        let scratch = scratch();
        let mut child = start(
            &scratch,
            &mut Command::new(cargo_bin!("kiln")),
            "encode a.png out/old.kiln --verify",
        );
        wait_for(&mut child, &scratch.path("out"), ".kiln-");
        // As a terminal and a parent that passes it on may both do.
        send(&child, signal);
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        // As a program that handles nothing: shells show 128 more than the number.
        assert_eq!(output.status.signal(), Some(signal.0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
        assert_eq!(scratch.names("out"), ["old.kiln"]);
        assert_eq!(fs::read(scratch.path("out/old.kiln")).unwrap(), b"old");
    }
}

#[test]
fn a_shell_shows_143_for_a_batch_that_is_ended() {
    let scratch = scratch();
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg("\"$0\" \"$@\" & child=$!; echo $child > tmp/pid; wait $child; exit $?");
    shell.arg(cargo_bin!("kiln"));
    let mut child = start(
        &scratch,
        &mut shell,
        "encode a.png a.png a.png out --verify",
    );
    wait_for(&mut child, &scratch.path("out"), "a.kiln");
    wait_for(&mut child, &scratch.path("out"), ".kiln-");
    let id = fs::read_to_string(scratch.path("tmp/pid")).unwrap();
    assert!(
        Command::new("kill")
            .arg(id.trim())
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(143));
    // What was done before is kept.
    assert!(
        !scratch
            .names("out")
            .iter()
            .any(|name| name.starts_with('.'))
    );
    assert!(scratch.path("out/a.kiln").exists());
}

#[test]
fn a_benchmark_leaves_no_temporary_folder() {
    let scratch = scratch();
    fs::create_dir(scratch.path("photos")).unwrap();
    scratch.picture("photos/a.png", "kodim05", [0, 0, 64, 64]);
    let mut child = start(
        &scratch,
        &mut Command::new(cargo_bin!("kiln")),
        "bench photos --out results",
    );
    wait_for(&mut child, &scratch.path("tmp"), "kiln-bench-");
    wait_for(&mut child, scratch.folder(), "results");
    send(&child, TERM);
    assert_eq!(child.wait().unwrap().signal(), Some(TERM.0));
    assert!(scratch.names("tmp").is_empty());
    assert_eq!(fs::read_dir(scratch.path("tmp")).unwrap().count(), 0);
    assert!(
        !scratch
            .names("results")
            .iter()
            .any(|name| name.contains(".part"))
    );
}

#[cfg(target_os = "linux")]
#[test]
fn what_nohup_has_ignored_stays_ignored() {
    let scratch = scratch();
    let mut nohup = Command::new("nohup");
    nohup.arg(cargo_bin!("kiln"));
    let mut child = start(&scratch, &mut nohup, "encode a.png out/a.kiln --verify");
    wait_for(&mut child, &scratch.path("out"), ".kiln-");
    send(&child, HUP);
    assert!(child.wait().unwrap().success());
    assert_eq!(scratch.names("out"), ["a.kiln", "old.kiln"]);
}
