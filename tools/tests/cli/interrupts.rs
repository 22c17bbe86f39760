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

/// Waits until a program has worked for so many seconds, all its threads together.
#[cfg(target_os = "linux")]
fn wait_for_work(child: &mut Child, seconds: f64) {
    let started = Instant::now();
    loop {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        // The name may hold spaces and ends with a bracket; user and system time are fields 14 and 15, a hundredth each.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split(' ').collect();
        let ticks: f64 = fields[12].parse::<f64>().unwrap() + fields[13].parse::<f64>().unwrap();
        if ticks / 100.0 > seconds {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before");
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not work");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Far longer than the test waits.
const FIT: &str = "encode a.png out --model fitted --time 168h --no-graphics";

#[cfg(target_os = "linux")]
#[test]
fn the_first_ctrl_c_has_a_fit_write_what_it_has() {
    if is_ignored(INT) {
        return;
    }
    let scratch = scratch();
    scratch.picture("a.png", "kodim05", [0, 0, 64, 48]);
    let mut child = start(&scratch, &mut Command::new(cargo_bin!("kiln")), FIT);
    wait_for_work(&mut child, 2.0);
    // As a terminal and a parent that passes it on may both do.
    send(&child, INT);
    send(&child, INT);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("finishing: the best so far"), "{text}");
    scratch.stdout("decode out/a.kiln b.png");
    assert_eq!(open(&scratch.path("b.png")).dimensions(), (64, 48));
}

#[cfg(target_os = "linux")]
#[test]
fn the_second_ctrl_c_ends_a_fit_without_a_file() {
    use std::io::{BufRead, BufReader};

    if is_ignored(INT) {
        return;
    }
    let scratch = scratch();
    let mut child = start(&scratch, &mut Command::new(cargo_bin!("kiln")), FIT);
    wait_for_work(&mut child, 2.5);
    send(&child, INT);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("finishing"));
    // It stands still until it is clear that this is another one.
    send(&child, (19, "STOP"));
    thread::sleep(Duration::from_millis(700));
    send(&child, INT);
    send(&child, (18, "CONT"));
    assert_eq!(child.wait().unwrap().signal(), Some(INT.0));
    assert_eq!(scratch.names("out"), ["old.kiln"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_batch_of_fits_that_is_ended_goes_on_later() {
    if is_ignored(INT) {
        return;
    }
    let scratch = scratch();
    fs::create_dir(scratch.path("in")).unwrap();
    for name in ["a", "b", "c"] {
        scratch.picture(&format!("in/{name}.png"), "kodim05", [0, 0, 64, 48]);
    }
    let mut child = start(
        &scratch,
        &mut Command::new(cargo_bin!("kiln")),
        "encode in out --model fitted --time 168h --no-graphics --threads 2",
    );
    wait_for_work(&mut child, 2.0);
    send(&child, INT);
    let output = child.wait_with_output().unwrap();
    // Something is left undone: a shell leaves its loop.
    assert_eq!(output.status.signal(), Some(INT.0), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("3 files: 2 done; 1 not begun"), "{text}");
    assert_eq!(scratch.names("out").len(), 3);
    let told =
        scratch.json("encode in out --model fitted --iterations 5 --no-graphics --resume --json");
    assert_eq!((&told["failed"], &told["skipped"]), (&0.into(), &2.into()));
    assert_eq!(scratch.names("out").len(), 4);
}

#[cfg(target_os = "linux")]
#[test]
fn a_request_to_end_ends_a_fit_at_once() {
    let scratch = scratch();
    scratch.picture("a.png", "kodim05", [0, 0, 64, 48]);
    let mut child = start(&scratch, &mut Command::new(cargo_bin!("kiln")), FIT);
    wait_for_work(&mut child, 1.0);
    send(&child, TERM);
    assert_eq!(child.wait().unwrap().signal(), Some(TERM.0));
    assert_eq!(scratch.names("out"), ["old.kiln"]);
}
