//! Facts that are written down more than once agree: Rust, the PyTorch reference, the documents, the weights.

use kiln_entropy::{FEEDBACK, INPUT, STATES};
use kiln_models::exact::{
    ACC_LIMIT, ACT_MAX, LEAK_BITS, MEAN_BITS, MEAN_MAX, RESIDUAL_MAX, STEP, WEIGHT_MAX, Z_MAX,
};
use kiln_models::{
    BITS_PER_ERROR, BUNDLED, LAMBDA_MAX, LAMBDA_MIN, ROWS, SIGMA_MAX, SIGMA_MIN, STRIPE_ROWS,
    Weights, Z_CLASSES, Z_EDGES,
};
use safetensors::SafeTensors;

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The number that a Python file assigns to a name, written as `NAME = 123` or `NAME = 1 << 24`.
fn assigned(source: &str, name: &str) -> i64 {
    let line = source
        .lines()
        .find(|l| l.starts_with(&format!("{name} = ")))
        .unwrap_or_else(|| panic!("{name} is not assigned"));
    let value = line
        .split(" = ")
        .nth(1)
        .unwrap()
        .split('#')
        .next()
        .unwrap()
        .trim();
    match value.split_once(" << ") {
        Some((a, b)) => a.parse::<i64>().unwrap() << b.parse::<u32>().unwrap(),
        None => value.parse().unwrap(),
    }
}

#[test]
fn the_reference_uses_the_same_constants() {
    let exact = read("reference/kiln_ref/exact.py");
    for (name, value) in [
        ("ACT_BITS", MEAN_BITS.into()),
        ("ACT_MAX", ACT_MAX.into()),
        ("WEIGHT_MAX", WEIGHT_MAX.into()),
        ("ACC_LIMIT", ACC_LIMIT),
        ("Z_MAX", Z_MAX.into()),
        ("MEAN_MAX", MEAN_MAX.into()),
        ("LEAK_BITS", LEAK_BITS.into()),
    ] {
        assert_eq!(assigned(&exact, name), value, "{name}");
    }
}

/// The classes of neighbours of z: the tables are counted in PyTorch and chosen in Rust.
#[test]
fn classes_of_z_are_the_same() {
    let edges = Z_EDGES.map(|e| e.to_string()).join(", ");
    for path in ["reference/kiln_ref/export.py", "reference/decode.py"] {
        let line = format!("Z_EDGES = ({edges})");
        assert!(read(path).lines().any(|l| l.starts_with(&line)), "{path}");
    }
    assert!(read("EXACT.md").contains(&format!("n = how many of {edges} are at most |t|")));
    assert!(read("EXACT.md").contains(&format!("plus {} is a row", Z_CLASSES - 1)));
    // Each channel of a band of levels has as many rows.
    let mut weights = Weights::open(BUNDLED).unwrap();
    let rows = weights.integers("z_rows", &[0, 0]).unwrap();
    let step = Z_CLASSES as i32;
    assert!(rows.windows(2).all(|r| r[1] - r[0] == step || r[1] < r[0]));
}

/// Training, the search of the encoder and the reference trade bits for error alike, over the same tables.
#[test]
fn training_uses_the_same_constants() {
    let model = read("reference/kiln_ref/model.py");
    for line in [
        format!("LAMBDA_MIN, LAMBDA_MAX = {LAMBDA_MIN}, {LAMBDA_MAX}"),
        format!("SIGMA_MIN, SIGMA_MAX = {SIGMA_MIN}, {SIGMA_MAX:.1}"),
    ] {
        assert!(model.lines().any(|l| l == line), "{line}");
    }
    assert_eq!(assigned(&model, "ROWS"), ROWS as i64);
    let tables = read("reference/kiln_ref/tables.py");
    let line = format!("BITS_PER_ERROR = {BITS_PER_ERROR:.1}");
    assert!(tables.lines().any(|l| l.starts_with(&line)), "{line}");
}

#[test]
fn the_specification_states_the_same_constants() {
    let text = read("EXACT.md");
    for (name, value) in [
        ("MEAN_BITS", i64::from(MEAN_BITS)),
        ("ACT_MAX", ACT_MAX.into()),
        ("WEIGHT_MAX", WEIGHT_MAX.into()),
        ("Z_MAX", Z_MAX.into()),
        ("MEAN_MAX", MEAN_MAX.into()),
        ("RESIDUAL_MAX", RESIDUAL_MAX.into()),
        ("STEP", STEP.into()),
        ("STRIPE_ROWS", STRIPE_ROWS as i64),
        ("LEAK_BITS", LEAK_BITS.into()),
    ] {
        let line = text
            .lines()
            .find(|l| l.starts_with(&format!("| `{name}`")))
            .unwrap_or_else(|| panic!("{name} is not stated"));
        assert!(line.contains(&format!("| {value} |")), "{line}");
    }
}

#[test]
fn the_second_decoder_uses_the_same_constants() {
    let line = format!(
        "MEAN_BITS, ACT_MAX, MEAN_MAX, Z_MAX, RESIDUAL_MAX, STRIPE_ROWS, LEAK_BITS, STEP = {MEAN_BITS}, {ACT_MAX}, {MEAN_MAX}, {Z_MAX}, {RESIDUAL_MAX}, {STRIPE_ROWS}, {LEAK_BITS}, {STEP}"
    );
    let decoder = read("reference/decode.py");
    assert!(decoder.lines().any(|l| l == line));
    let line = format!("STATES, FEEDBACK, INPUT = {STATES}, {FEEDBACK}, {INPUT}");
    assert!(decoder.lines().any(|l| l == line), "{line}");
}

#[test]
fn chains_are_the_same_everywhere() {
    let text = read("../entropy/CODING.md");
    let line =
        format!("3. `state = (state >> 1) ^ ({FEEDBACK} * (state % 2)) ^ ({INPUT} * parity)`");
    assert!(text.contains(&line), "{line}");
    assert!(text.contains(&format!("A chain has a state, 0 to {}", STATES - 1)));
    let trellis = read("reference/kiln_ref/trellis.py");
    let line = format!("CODEC = Code({STATES}, {FEEDBACK}, {INPUT})");
    assert!(trellis.lines().any(|l| l.starts_with(&line)), "{line}");
    assert_eq!(assigned(&trellis, "STEP_UNITS"), i64::from(STEP));
}

#[test]
fn the_container_cuts_the_same_stripes() {
    let format = read("../codec/container/src/frame.rs");
    assert!(format.contains(&format!("pub const STRIPE_ROWS: u32 = {STRIPE_ROWS};")));
}

/// Multiply-accumulates per pixel, counted from the shapes in the weights file instead of from the configuration.
#[test]
fn operations_are_counted_right() {
    let file = SafeTensors::deserialize(BUNDLED).unwrap();
    let (mut encoder, mut decoder) = (0.0, 0.0);
    for (name, tensor) in file.tensors() {
        let Some(layer) = name.strip_suffix(".weight") else {
            continue;
        };
        // Picture pixels for each position at which the layer computes.
        let pixels = match layer {
            "g_a.inp" | "g_s.out" => 64.0,
            "h_s.up1" => 4096.0,
            "h_s.d1" | "h_s.up2" | "h_a.down1" | "h_a.d2" => 1024.0,
            "h_a.down2" => 4096.0,
            _ if layer.contains(".blocks.") => 64.0,
            // A cell takes a quarter of the last layers' outputs in each of the first two steps, a half in the last.
            "context.1.mean" | "context.1.row" => 2.0 * 256.0,
            "h_s.mean" | "h_s.row" | "context.0.mean" | "context.0.row" => 4.0 * 256.0,
            _ => 256.0,
        };
        let macs = tensor.shape().iter().product::<usize>() as f64 / pixels;
        match layer.split_once('.').map(|(network, _)| network) {
            Some("g_a" | "h_a") => encoder += macs,
            Some("g_s") => decoder += macs,
            _ => {
                encoder += macs;
                decoder += macs;
            }
        }
    }
    let stated = Weights::open(BUNDLED).unwrap().config().macs_per_pixel();
    assert!(
        (stated.0 - encoder).abs() < 1.0 && (stated.1 - decoder).abs() < 1.0,
        "{stated:?}, counted {encoder}, {decoder}"
    );
    assert!(
        decoder < 40_000.0 && encoder < 60_000.0,
        "{encoder} {decoder}"
    );
}

#[test]
fn weights_in_the_library_stay_small() {
    assert!(BUNDLED.len() < 11_000_000, "{} bytes", BUNDLED.len());
}
