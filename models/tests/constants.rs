//! Facts that are written down more than once agree: Rust, the PyTorch reference, the documents, the weights.

use kiln_entropy::{FEEDBACK, INPUT, STATES};
use kiln_models::arch::ARCHITECTURES;
use kiln_models::arch::base::STRIPE_ROWS;
use kiln_models::nets::exact::{
    ACC_LIMIT, ACT_MAX, LEAK_BITS, MEAN_BITS, MEAN_MAX, RESIDUAL_MAX, SHIFT_MAX, STEP, WEIGHT_MAX,
    Z_MAX,
};
use kiln_models::search::trellis::BITS_PER_ERROR;
use kiln_models::search::{LAMBDA_MAX, LAMBDA_MIN};
use kiln_models::{Z_CLASSES, Z_EDGES};

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
}

/// Each channel of a band of levels has as many rows of the bank for z.
#[test]
#[cfg(feature = "bundled")]
fn channels_of_z_have_a_row_for_each_class() {
    let mut weights = kiln_models::Weights::open(kiln_models::BUNDLED).unwrap();
    let rows = weights.integers("z_rows", &[0, 0]).unwrap();
    let step = Z_CLASSES as i32;
    assert!(rows.windows(2).all(|r| r[1] - r[0] == step || r[1] < r[0]));
}

/// Training, the search of the encoder and the reference trade bits for error alike, over the same tables.
#[test]
fn training_uses_the_same_constants() {
    let model = read("reference/kiln_ref/model.py");
    let line = format!("LAMBDA_MIN, LAMBDA_MAX = {LAMBDA_MIN}, {LAMBDA_MAX}");
    assert!(model.lines().any(|l| l == line), "{line}");
    let tables = read("reference/kiln_ref/tables.py");
    let line = format!("BITS_PER_ERROR = {BITS_PER_ERROR:.1}");
    assert!(tables.lines().any(|l| l.starts_with(&line)), "{line}");
}

/// The tables that training counts bits by.
#[test]
#[cfg(feature = "train")]
fn likelihoods_use_the_same_constants() {
    use kiln_models::{ROWS, SIGMA_MAX, SIGMA_MIN};
    let model = read("reference/kiln_ref/model.py");
    let line = format!("SIGMA_MIN, SIGMA_MAX = {SIGMA_MIN}, {SIGMA_MAX:.1}");
    assert!(model.lines().any(|l| l == line), "{line}");
    assert_eq!(assigned(&model, "ROWS"), ROWS as i64);
}

#[test]
fn the_specification_lists_every_architecture() {
    let text = read("EXACT.md");
    for entry in ARCHITECTURES {
        let start = format!("| {} | `{}` |", entry.id, entry.name);
        assert!(text.lines().any(|l| l.starts_with(&start)), "{start}");
    }
    let numbers: std::collections::HashSet<u8> = ARCHITECTURES.iter().map(|e| e.id).collect();
    assert!(numbers.len() == ARCHITECTURES.len() && !numbers.contains(&0));
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
        ("SHIFT_MAX", SHIFT_MAX.into()),
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
#[cfg(feature = "bundled")]
fn weights_in_the_library_stay_small() {
    let bytes = kiln_models::BUNDLED.len();
    assert!(bytes < 11_000_000, "{bytes} bytes");
}
