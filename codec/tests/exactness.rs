//! That the comparison of devices finds out what is not exact: one weight changed by one, one table entry, a network in
//! floats. A test that could not fail would prove nothing.

#[path = "common/integer.rs"]
mod integer;
#[path = "common/set.rs"]
mod set;

use std::ops::Range;

use integer::{Arithmetic, Integer};
use kiln_models::device::DeviceInfo;
use kiln_models::{BUNDLED, Model, ModelError, Trace};
use set::Case;

/// One tensor of a safetensors file: name, type and place of its data in the file.
struct Entry {
    name: String,
    dtype: String,
    data: Range<usize>,
}

/// The directory of a safetensors file. Its JSON has no spaces and no escapes in names.
fn entries(file: &[u8]) -> Vec<Entry> {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let start = 8 + length;
    let json = std::str::from_utf8(&file[8..start]).unwrap();
    json.split("\":{\"dtype\":\"")
        .collect::<Vec<_>>()
        .windows(2)
        .map(|pair| {
            let name = pair[0].rsplit('"').next().unwrap();
            let dtype = pair[1].split('"').next().unwrap();
            let offsets = pair[1].split("\"data_offsets\":[").nth(1).unwrap();
            let numbers: Vec<usize> = offsets
                .split([',', ']'])
                .take(2)
                .map(|n| n.parse().unwrap())
                .collect();
            Entry {
                name: name.into(),
                dtype: dtype.into(),
                data: start + numbers[0]..start + numbers[1],
            }
        })
        .collect()
}

fn entry(name: &str) -> Entry {
    entries(BUNDLED)
        .into_iter()
        .find(|e| e.name == name)
        .unwrap_or_else(|| panic!("no tensor {name}"))
}

fn load(bytes: &[u8]) -> Model {
    Model::load(bytes, &DeviceInfo::cpu()).unwrap()
}

/// The bundled weights with one number of 16 bits changed.
fn changed(entry: &Entry, index: usize, by: i16) -> Vec<u8> {
    let mut bytes = BUNDLED.to_vec();
    add(&mut bytes, entry, index, by);
    bytes
}

fn add(bytes: &mut [u8], entry: &Entry, index: usize, by: i16) {
    let at = entry.data.start + 2 * index;
    assert!(at + 2 <= entry.data.end);
    let value = i16::from_le_bytes([bytes[at], bytes[at + 1]]).wrapping_add(by);
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

fn value(entry: &Entry, index: usize) -> i16 {
    let at = entry.data.start + 2 * index;
    i16::from_le_bytes([BUNDLED[at], BUNDLED[at + 1]])
}

/// Two files of photos, at a middle and at the top level, and what they hold.
fn files() -> Vec<(Case, Trace)> {
    let right = load(BUNDLED);
    [("photo", 48), ("rgb", 63)]
        .map(|(source, level)| {
            let case = Case::read(source, level);
            let trace = case.trace(&right);
            (case, trace)
        })
        .into()
}

/// Whether decoding a file with these weights ends in an error.
fn refused(model: &Model, case: &Case) -> bool {
    let (h, w) = (case.height(), case.width());
    match model.decode_latents(&case.chunks(), case.crc, h, w, case.level) {
        Ok(_) => false,
        Err(ModelError::Code(_) | ModelError::Checksum { .. }) => true,
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn nothing_differs_where_nothing_is_changed() {
    let integers = Integer::load(BUNDLED, Arithmetic::Integers);
    for (case, known) in files() {
        assert!(!refused(&load(BUNDLED), &case));
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
    let layers: Vec<Entry> = entries(BUNDLED)
        .into_iter()
        .filter(|e| {
            (e.name.starts_with("h_s.") || e.name.starts_with("context."))
                && e.name.ends_with(".weight")
        })
        .collect();
    assert!(layers.len() >= 12, "{}", layers.len());
    for layer in layers {
        assert_eq!(layer.dtype, "I16", "{}", layer.name);
        let count = layer.data.len() / 2;
        let mut tried = 0;
        let (mut rows, mut latents, mut stopped) = (0, 0, 0);
        // Spread over the layer; weights of 0 are left alone.
        let places = (0..count).map(|i| (i * 7919 + 13) % count);
        for index in places.filter(|&i| value(&layer, i) != 0).take(MOST) {
            if tried >= SAMPLE && latents > 0 {
                break;
            }
            let by = -value(&layer, index).signum();
            let model = load(&changed(&layer, index, by));
            tried += 1;
            let found: Vec<(u64, u64)> = files
                .iter()
                .map(|(case, known)| {
                    let now = model.retrace(known, case.level).unwrap();
                    known.differences(&now).unwrap()
                })
                .collect();
            rows += usize::from(found.iter().any(|f| f.0 > 0));
            latents += usize::from(found.iter().any(|f| *f != (0, 0)));
            stopped += usize::from(files.iter().any(|(case, _)| refused(&model, case)));
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
    let freqs = entry("tables.y.freqs");
    let lengths = entry("tables.y.length");
    assert_eq!(lengths.dtype, "I32");
    let lengths: Vec<usize> = BUNDLED[lengths.data]
        .chunks_exact(4)
        .map(|b| i32::from_le_bytes(b.try_into().unwrap()) as usize)
        .collect();
    let mut used = vec![0u64; lengths.len()];
    for row in known.stripes.iter().flat_map(|s| &s.rows) {
        used[usize::from(*row)] += 1;
    }
    // The rows below the threshold are not coded, and so not read: those of symbols other than 0 are.
    let mut coded = vec![false; lengths.len()];
    for s in &known.stripes {
        for (row, symbol) in s.rows.iter().zip(&s.symbols) {
            coded[usize::from(*row)] |= *symbol != 0;
        }
    }
    let mut rows: Vec<usize> = (0..lengths.len()).filter(|&r| coded[r]).collect();
    rows.sort_by_key(|&r| std::cmp::Reverse(used[r]));
    rows.truncate(8);
    for row in &rows {
        let start: usize = lengths[..*row].iter().sum();
        // The largest frequency gives, its right neighbour takes.
        let largest = (start..start + lengths[*row] - 1)
            .max_by_key(|&i| value(&freqs, i) as u16)
            .unwrap();
        let mut bytes = BUNDLED.to_vec();
        add(&mut bytes, &freqs, largest, -1);
        add(&mut bytes, &freqs, largest + 1, 1);
        assert!(
            refused(&load(&bytes), &case),
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
