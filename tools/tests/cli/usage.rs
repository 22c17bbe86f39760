//! Arguments, exit codes and help.

use std::fs;

use super::scratch::*;

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
            "encode a.png a.kiln --lossless -q 5",
            &["cannot be used with"],
        ),
        (
            "encode a.png a.kiln --max-pixels 12x",
            &["`12x` is not a number of pixels", "50M"],
        ),
        ("encode - a.kiln -p", &["--preserve-times"]),
        (
            "encode a.png a.kiln --threads 0",
            &["number of threads 0 is outside 1..=1024"],
        ),
        ("encode a.png b.png", &["b.kiln", "--force"]),
        ("encode a.png a.png", &["input and output at once"]),
        ("encode a.png - --json", &["--json"]),
        ("encode a.png a.png -", &["several inputs"]),
        ("encode sub -", &["several inputs"]),
        ("encode sub a.kiln", &["a.kiln has the name of a file"]),
        ("encode - out", &["standard input has no name"]),
        ("decode a.kiln a.xyz", &["xyz", "png"]),
        (
            "decode a.kiln a",
            &["a: the name has no extension", "--format"],
        ),
        (
            "decode a.kiln a.gif",
            &["a.gif: GIF is read, but not written"],
        ),
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
        ("encode folder new", &["no pictures", "folder"]),
        ("info folder", &["folder: it is a folder"]),
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
        ("encode --help", "kiln encode photos/ small/ --resume"),
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
