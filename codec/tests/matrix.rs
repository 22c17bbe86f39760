//! The matrix device x device, encoded on / decoded on: places, symbols, latents and bytes are identical in every cell.
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
use kiln_models::BUNDLED;
use kiln_models::seam::Architecture;
use kiln_models::seam::{DeviceInfo, DeviceKind, Trace, devices};
use rayon::ThreadPool;
use set::{Case, FILES};

/// A way to run the exact path.
enum Runner {
    Library {
        model: Box<dyn Architecture>,
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
        let model = set::networks(BUNDLED, device);
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
    fn trace(&self, case: &Case) -> Trace {
        let streams = case.streams();
        match &self.runner {
            Runner::Library { model, threads } => threads
                .install(|| model.trace(&streams, &case.given(model.as_ref())))
                .unwrap(),
            Runner::Integers(i) => {
                let trace = i.trace(&streams, case.size(), case.level).unwrap();
                // Its own arithmetic for the checksum as well.
                assert_eq!(integer::checksum(&trace), case.crc, "{}", case.name);
                trace
            }
        }
    }

    /// Encodes known symbols with the places that this device comes to.
    fn encode(&self, known: &Trace, case: &Case) -> (Trace, Vec<Vec<u8>>) {
        match &self.runner {
            Runner::Library { model, threads } => threads.install(|| {
                let given = case.given(model.as_ref());
                let trace = model.retrace(known, &given).unwrap();
                let streams = model.rewrite(&trace, &given).unwrap();
                (trace, streams)
            }),
            Runner::Integers(i) => {
                let trace = i.retrace(known, case.level);
                let streams = i.write(&trace);
                (trace, streams)
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
fn compare(
    devices: &[Device],
    reference: &dyn Architecture,
    case: &Case,
    counts: &mut Counts,
) -> Trace {
    // The checksum in the file proves the symbols of the reference.
    let known = case.trace(reference);
    for device in devices {
        let (trace, streams) = device.encode(&known, case);
        let what = || format!("{}, encoded on {}", case.name, device.name);
        assert_eq!(known.differences(&trace), Some((0, 0)), "{}", what());
        assert!(streams == case.streams, "{}: other bytes", what());
    }
    // Whoever encoded, the bytes are the same: decoding them once on each device fills its whole column.
    for device in devices {
        let decoded = device.trace(case);
        assert!(
            decoded == known,
            "{}, decoded on {}: {:?} places and latents differ",
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

/// Fills the matrix for files of the conformance set and says what was compared.
fn compare_files(devices: &[Device], files: &[(&str, u8)]) {
    let started = std::time::Instant::now();
    let reference = set::reference();
    let mut counts = Counts::default();
    for &(source, level) in files {
        let case = Case::read(source, level);
        compare(devices, reference.as_ref(), &case, &mut counts);
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
    let adapters: Vec<DeviceInfo> = devices()
        .into_iter()
        .filter(|d| matches!(d.kind, DeviceKind::Gpu | DeviceKind::SoftwareGpu))
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
    let (model, reference) = (set::cpu(), set::reference());
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
            let trace = compare(&devices, reference.as_ref(), &case, &mut counts);
            files.push(format!(
                "    {{ \"picture\": \"kodim{number:02}\", \"level\": {level}, \"symbols\": {}, \"crc32c\": {{ \
                 \"symbols\": \"{:08x}\", \"places\": \"{:08x}\", \"latents\": \"{:08x}\" }} }}",
                trace.symbols(),
                case.crc,
                trace.places_checksum(),
                trace.latents.checksum()
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
        writeln!(
            text,
            "  \"decoder_set\": \"{}\",",
            reference.facts().decoder_set
        )
        .unwrap();
        writeln!(text, "  \"devices\": [{}],", names.join(", ")).unwrap();
        writeln!(text, "  \"symbols\": {},", counts.symbols).unwrap();
        writeln!(text, "  \"differences\": 0,").unwrap();
        writeln!(text, "  \"files\": [\n{}\n  ]\n}}", files.join(",\n")).unwrap();
        std::fs::write(set::folder().join("kodak-matrix.json"), text).unwrap();
    }
}
