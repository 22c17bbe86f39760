//! That the comparison of devices finds out what is not exact: one weight changed by one, one table entry, a network in
//! floats. A test that could not fail would prove nothing.

#[path = "common/integer.rs"]
mod integer;
#[path = "common/set.rs"]
mod set;
#[path = "common/weights.rs"]
mod weights;

use integer::{Arithmetic, Integer};
use kiln_models::seam::Architecture;
use kiln_models::seam::{DeviceInfo, Trace};
use kiln_models::{BUNDLED, ModelError};
use safetensors::Dtype;
use set::Case;
use weights::Tensors;

fn load(bytes: &[u8]) -> Box<dyn Architecture> {
    set::networks(bytes, &DeviceInfo::cpu())
}

/// Two files of photos, at a middle and at the top level, and what they hold.
fn files() -> Vec<(Case, Trace)> {
    let right = load(BUNDLED);
    [("photo", 48), ("rgb", 63)]
        .map(|(source, level)| {
            let case = Case::read(source, level);
            let trace = case.trace(right.as_ref());
            (case, trace)
        })
        .into()
}

/// Whether decoding a file with these weights ends in an error.
fn refused(model: &dyn Architecture, case: &Case) -> bool {
    match model.decode(&case.streams(), case.crc, &case.given(model)) {
        Ok(_) => false,
        Err(ModelError::Code(_) | ModelError::Checksum { .. }) => true,
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn nothing_differs_where_nothing_is_changed() {
    let integers = Integer::load(BUNDLED, Arithmetic::Integers);
    for (case, known) in files() {
        assert!(!refused(load(BUNDLED).as_ref(), &case));
        assert_eq!(integers.retrace(&known, case.level), known);
    }
}

/// Of each layer of the exact path weights are changed by one, towards 0, each on its own. Not every weight matters to
/// two small pictures: a change by one of one weight of hundreds is often rounded away in all of their cells, and then a
/// device with that fault makes the same file. Of each layer some changes must be found.
#[test]
fn one_weight_changed_by_one_is_found() {
    const SAMPLE: usize = 8;
    const MOST: usize = 400;
    let files = files();
    let weights = Tensors::bundled();
    let layers: Vec<_> = weights
        .all
        .iter()
        .filter(|t| {
            (t.name.starts_with("h_s.") || t.name.starts_with("context."))
                && t.name.ends_with(".weight")
        })
        .collect();
    assert!(layers.len() >= 12, "{}", layers.len());
    for layer in layers {
        assert_eq!(layer.dtype, Dtype::I16, "{}", layer.name);
        let count = layer.halves();
        let mut tried = 0;
        let (mut rows, mut latents, mut stopped) = (0, 0, 0);
        // Spread over the layer; weights of 0 are left alone.
        let places = (0..count).map(|i| (i * 7919 + 13) % count);
        for index in places.filter(|&i| layer.half(i) != 0).take(MOST) {
            if tried >= SAMPLE && latents > 0 {
                break;
            }
            let mut changed = weights.clone();
            let by = -layer.half(index).signum();
            changed.get_mut(&layer.name).add(index, by);
            let model = load(&changed.file());
            tried += 1;
            let found: Vec<(u64, u64)> = files
                .iter()
                .map(|(case, known)| {
                    let now = model.retrace(known, &case.given(model.as_ref())).unwrap();
                    known.differences(&now).unwrap()
                })
                .collect();
            rows += usize::from(found.iter().any(|f| f.0 > 0));
            latents += usize::from(found.iter().any(|f| *f != (0, 0)));
            stopped += usize::from(files.iter().any(|(case, _)| refused(model.as_ref(), case)));
        }
        println!(
            "{}: of {tried} changes by one, {latents} change rows or latents, {rows} rows, {stopped} end decoding",
            layer.name
        );
        assert!(
            latents > 0,
            "{}: no change of a weight by one was found in {tried}",
            layer.name
        );
    }
}

/// One unit of probability is moved from one symbol to its neighbour, in the rows that a file uses most.
#[test]
fn one_table_entry_changed_is_found() {
    let (case, known) = files().remove(1);
    let weights = Tensors::bundled();
    let freqs = weights.get("tables.y.freqs");
    let lengths = weights.get("tables.y.length");
    assert_eq!(lengths.dtype, Dtype::I32);
    let lengths: Vec<usize> = lengths
        .data
        .chunks_exact(4)
        .map(|b| i32::from_le_bytes(b.try_into().unwrap()) as usize)
        .collect();
    let mut used = vec![0u64; lengths.len()];
    // The rows below the threshold are not coded, and so not read: those of symbols other than 0 are.
    let mut coded = vec![false; lengths.len()];
    // The first stream holds z, whose rows are of another bank.
    for stream in &known.streams[1..] {
        for (row, symbol) in stream.places.iter().zip(&stream.symbols) {
            used[row as usize] += 1;
            coded[row as usize] |= *symbol != 0;
        }
    }
    let mut rows: Vec<usize> = (0..lengths.len()).filter(|&r| coded[r]).collect();
    rows.sort_by_key(|&r| std::cmp::Reverse(used[r]));
    rows.truncate(8);
    for row in &rows {
        let start: usize = lengths[..*row].iter().sum();
        // The largest frequency gives, its right neighbour takes.
        let largest = (start..start + lengths[*row] - 1)
            .max_by_key(|&i| freqs.half(i) as u16)
            .unwrap();
        let mut changed = weights.clone();
        changed.get_mut("tables.y.freqs").add(largest, -1);
        changed.get_mut("tables.y.freqs").add(largest + 1, 1);
        assert!(
            refused(load(&changed.file()).as_ref(), &case),
            "row {row}, used {} times: the change was not found",
            used[*row]
        );
    }
    println!("tables.y: {} of {} changes found", rows.len(), rows.len());
}

/// The exact path in other arithmetic than the integers of the document.
#[test]
fn a_network_in_floats_is_found() {
    let files = files();
    let run = |arithmetic| {
        let other = Integer::load(BUNDLED, arithmetic);
        files
            .iter()
            .map(|(case, known)| other.retrace(known, case.level))
            .collect::<Vec<_>>()
    };
    let count = |a: &[Trace], b: &[Trace]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| a.differences(b).unwrap())
            .fold((0, 0), |sum, d| (sum.0 + d.0, sum.1 + d.1))
    };
    let known: Vec<Trace> = files.iter().map(|(_, known)| known.clone()).collect();
    let total: u64 = known.iter().map(Trace::symbols).sum();
    let forwards = run(Arithmetic::Floats { backwards: false });
    let backwards = run(Arithmetic::Floats { backwards: true });
    for (what, a, b) in [
        (
            "sums off by 1e-4",
            &known,
            &run(Arithmetic::Disturbed(1e-4)),
        ),
        ("without rounding down", &known, &run(Arithmetic::Unrounded)),
        ("32-bit floats", &known, &forwards),
        ("32-bit floats, sums in two orders", &forwards, &backwards),
    ] {
        let (rows, latents) = count(a, b);
        println!("{what}: {rows} of {total} rows and {latents} values of latents differ");
        assert!(rows > 0 && latents > 0, "{what}: not found");
    }
    // The control: without a disturbance the same code finds nothing.
    assert_eq!(count(&known, &run(Arithmetic::Disturbed(0.0))), (0, 0));
}
