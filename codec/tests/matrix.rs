//! The matrix device x device, encoded on / decoded on: rows, symbols, latents and bytes are identical in every cell.
//!
//! Devices: the CPU with one thread and with two, a scalar 64-bit integer program that shares no network code with the
//! library, and graphics adapters where there are some. With `KILN_REQUIRE_GPU=1` the absence of an adapter is a failure.
//! `--features kiln/ndarray` adds Burn's `ndarray` backend.

#[path = "common/integer.rs"]
mod integer;
#[path = "common/set.rs"]
mod set;

use std::fmt::Write;

use integer::{Arithmetic, Integer};
use kiln_models::device::{self, DeviceInfo, ExactChoice};
use kiln_models::{BUNDLED, Model, Trace};
use rayon::ThreadPool;
use set::{Case, FILES};

/// A way to run the exact path.
enum Runner {
    Library {
        model: Box<Model>,
        threads: ThreadPool,
    },
    Integers(Box<Integer>),
}

struct Device {
    name: String,
    runner: Runner,
}

impl Device {
    fn library(name: String, device: &DeviceInfo, threads: usize) -> Self {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        // The exact networks run on the device itself, whatever is known of it.
        let model = Box::new(Model::load_with(BUNDLED, device, ExactChoice::Gpu).unwrap());
        Self {
            name,
            runner: Runner::Library { model, threads },
        }
    }

    fn cpu(threads: usize) -> Self {
        Self::library(
            format!("cpu, threads: {threads}"),
            &DeviceInfo::cpu(),
            threads,
        )
    }

    fn integers() -> Self {
        let integer = Integer::load(BUNDLED, Arithmetic::Integers);
        Self {
            name: "scalar integers".into(),
            runner: Runner::Integers(Box::new(integer)),
        }
    }

    /// Decodes.
    fn trace(&self, case: &Case, chunks: &[Vec<u8>]) -> Trace {
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let (h, w) = (case.height(), case.width());
        match &self.runner {
            Runner::Library { model, threads } => threads
                .install(|| model.trace(&chunks, h, w, case.level))
                .unwrap(),
            Runner::Integers(i) => i.trace(&chunks, h, w, case.level).unwrap(),
        }
    }

    /// Encodes known symbols with the rows that this device comes to.
    fn encode(&self, known: &Trace, level: u8) -> (Trace, Vec<Vec<u8>>) {
        match &self.runner {
            Runner::Library { model, threads } => threads.install(|| {
                let trace = model.retrace(known, level).unwrap();
                let chunks = model.write_trace(&trace, level).unwrap();
                (trace, chunks)
            }),
            Runner::Integers(i) => {
                let trace = i.retrace(known, level);
                let chunks = i.write(&trace, level);
                (trace, chunks)
            }
        }
    }
}

/// What was compared.
#[derive(Default)]
struct Counts {
    files: u64,
    symbols: u64,
    cells: u64,
}

/// Fills the matrix for one file; panics where a cell differs.
fn compare(devices: &[Device], reference: &Model, case: &Case, counts: &mut Counts) -> Trace {
    // The checksum in the file proves the symbols of the reference.
    let known = case.trace(reference);
    for device in devices {
        let (trace, chunks) = device.encode(&known, case.level);
        let what = || format!("{}, encoded on {}", case.name, device.name);
        assert_eq!(known.differences(&trace), Some((0, 0)), "{}", what());
        assert!(chunks == case.chunks, "{}: other bytes", what());
    }
    // Whoever encoded, the bytes are the same: decoding them once on each device fills its whole column.
    for device in devices {
        let decoded = device.trace(case, &case.chunks);
        assert!(
            decoded == known,
            "{}, decoded on {}: {:?} rows and latents differ",
            case.name,
            device.name,
            known.differences(&decoded)
        );
        counts.cells += devices.len() as u64;
    }
    counts.files += 1;
    counts.symbols += known.symbols();
    known
}

fn reference() -> Model {
    Model::load(BUNDLED, &DeviceInfo::cpu()).unwrap()
}

/// Fills the matrix for files of the conformance set and says what was compared.
fn compare_files(devices: &[Device], files: &[(&str, u8)]) {
    let started = std::time::Instant::now();
    let reference = reference();
    let mut counts = Counts::default();
    for &(source, level) in files {
        compare(devices, &reference, &Case::read(source, level), &mut counts);
    }
    let names: Vec<&str> = devices.iter().map(|d| d.name.as_str()).collect();
    println!(
        "{}: {} files, {} symbols, {} cells identical, {:.1} s",
        names.join(" x "),
        counts.files,
        counts.symbols,
        counts.cells,
        started.elapsed().as_secs_f64()
    );
}

/// The devices that need no graphics adapter.
fn processors() -> Vec<Device> {
    vec![
        Device::cpu(1),
        Device::cpu(2),
        Device::integers(),
        #[cfg(feature = "ndarray")]
        Device::library("ndarray".into(), &DeviceInfo::ndarray(), 1),
    ]
}

#[test]
fn cpu_threads_and_scalar_integers_agree_on_the_conformance_set() {
    compare_files(&processors(), &FILES);
}

/// Every graphics adapter; on a machine without one this says so and passes, unless one is required.
#[test]
fn graphics_adapters_agree_on_the_small_files() {
    let adapters: Vec<DeviceInfo> = device::devices()
        .into_iter()
        .filter(|d| d.kind.ends_with("gpu"))
        .collect();
    if adapters.is_empty() {
        assert!(
            std::env::var_os("KILN_REQUIRE_GPU").is_none_or(|v| v.is_empty() || v == "0"),
            "KILN_REQUIRE_GPU is set, and there is no graphics adapter: install a driver for Vulkan, such as \
             mesa-vulkan-drivers"
        );
        println!("NOT TESTED: this machine has no graphics adapter");
        return;
    }
    for adapter in adapters {
        let devices = [
            Device::cpu(1),
            Device::library(adapter.name.clone(), &adapter, 1),
        ];
        compare_files(&devices, &set::SMALL);
    }
}

/// All of Kodak at four levels. Takes minutes: `KILN_BLESS=1 cargo test --release --workspace --test matrix -- --ignored
/// --nocapture` runs it and writes what was compared.
#[test]
#[ignore = "takes minutes"]
fn cpu_threads_and_scalar_integers_agree_on_kodak() {
    const LEVELS: [u8; 4] = [0, 21, 42, 63];
    let devices = processors();
    let (model, reference) = (set::cpu(), reference());
    let mut counts = Counts::default();
    let mut files = Vec::new();
    for number in 1..=24 {
        let path = format!(
            "{}/../datasets/kodak/kodim{number:02}.png",
            env!("CARGO_MANIFEST_DIR")
        );
        let image = set::load(path.as_ref()).image;
        for level in LEVELS {
            let bytes = set::encode(&model, image.clone(), level);
            let case = Case::new(format!("kodim{number:02}-{level}"), bytes);
            let trace = compare(&devices, &reference, &case, &mut counts);
            files.push(format!(
                "    {{ \"picture\": \"kodim{number:02}\", \"level\": {level}, \"symbols\": {}, \"crc32c\": {{ \
                 \"symbols\": \"{:08x}\", \"rows\": \"{:08x}\", \"latents\": \"{:08x}\" }} }}",
                trace.symbols(),
                case.crc,
                trace.rows_checksum(),
                trace.latents_checksum()
            ));
        }
        println!("kodim{number:02}: {} symbols so far", counts.symbols);
    }
    assert_eq!(counts.files, 96);
    println!(
        "{} files, {} symbols, {} cells identical",
        counts.files, counts.symbols, counts.cells
    );
    if set::bless() {
        let names: Vec<String> = devices.iter().map(|d| format!("\"{}\"", d.name)).collect();
        let mut text = String::from("{\n");
        writeln!(text, "  \"decoder_set\": \"{}\",", reference.decoder_set()).unwrap();
        writeln!(text, "  \"devices\": [{}],", names.join(", ")).unwrap();
        writeln!(text, "  \"symbols\": {},", counts.symbols).unwrap();
        writeln!(text, "  \"differences\": 0,").unwrap();
        writeln!(text, "  \"files\": [\n{}\n  ]\n}}", files.join(",\n")).unwrap();
        std::fs::write(set::folder().join("kodak-matrix.json"), text).unwrap();
    }
}
