//! Proving on the user's machine what the tests prove on ours: every device decodes the bundled files to the same integers,
//! and to the same pixels within one step.

mod bundle;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use kiln_container::{Container, Frame};
use kiln_models::device::{self, ExactChoice};
use kiln_models::{BUNDLED, Trace};

use crate::progress::Progress;
use crate::{Decoder, DeviceChoice, DeviceInfo, Error, Limits, Model, PixelDifference, picture};

/// Name of the stage that a self-test reports to its [`Progress`].
pub const STAGE: &str = "test";

/// What a self-test found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The weights that the bundled files are for.
    pub decoder_set: [u8; 8],
    /// One entry for each device that was tried.
    pub devices: Vec<DeviceReport>,
}

impl Report {
    /// Whether files decode as they must on every device that was tried.
    pub fn passed(&self) -> bool {
        self.devices.iter().all(DeviceReport::passed)
    }
}

/// What a self-test found on one device.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeviceReport {
    /// The device.
    pub device: DeviceInfo,
    /// Number of files decoded.
    pub files: usize,
    /// The exact networks run on this device itself, even where kiln does not do that.
    pub exact: ExactReport,
    /// The pictures, decoded as kiln does it on this device, against those stored with the files.
    pub pixels: PixelDifference,
    /// What went wrong with decoding as kiln does it; empty when all is well.
    pub problems: Vec<String>,
    /// Time of the exact networks on this device, kernel compilation included.
    pub exact_time: Duration,
    /// Time of decoding all files, kernel compilation included.
    pub decode_time: Duration,
}

impl DeviceReport {
    /// Whether files decode on this device as they must: the same symbols and latents, pixels within one step. Where the
    /// exact networks are wrong on the device itself, that is so as long as kiln runs them on the CPU.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
            && self.pixels.within_one()
            && (self.exact.identical() || (self.device.exact_on_cpu && self.device.kind != "cpu"))
    }
}

/// The exact networks on one device against the CPU, integer by integer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExactReport {
    /// Symbols of all files, each of which has a row.
    pub symbols: u64,
    /// Rows that differ, each counted with all symbols before it right.
    pub wrong_rows: u64,
    /// Values of the latents that differ.
    pub wrong_latents: u64,
    /// Files whose symbols, coded with the rows of this device, give other bytes.
    pub wrong_payloads: u64,
    /// Why it could not be run to its end.
    pub failure: Option<String>,
}

impl ExactReport {
    /// Whether everything agrees.
    pub fn identical(&self) -> bool {
        self.failure.is_none()
            && (self.wrong_rows, self.wrong_latents, self.wrong_payloads) == (0, 0, 0)
    }
}

/// Decodes the bundled files on one device, or on every device of this machine, and compares.
///
/// On a GPU the first run of each kernel compiles and measures variants of it, which may take minutes on a software one.
///
/// # Errors
/// There is no such device, the bundled files are not for the bundled weights (a mistake in a release), or the progress
/// callback stops. Whatever goes wrong on a device is in the report.
pub fn run(only: Option<&DeviceChoice>, progress: &dyn Progress) -> Result<Report, Error> {
    let devices = match only {
        Some(choice) => vec![device::choose(choice)?],
        None => device::devices(),
    };
    let cpu = load(&device::DeviceInfo::cpu(), ExactChoice::Cpu)?;
    let cases = bundle::FILES
        .iter()
        .map(|file| Case::open(file, &cpu))
        .collect::<Result<Vec<_>, _>>()?;
    let total = (devices.len() * cases.len() * 2) as u64;
    let mut done = 0;
    let mut step = || {
        done += 1;
        match progress.update(STAGE, done, total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    };
    let devices = devices
        .iter()
        .map(|device| examine(device, &cases, &mut step))
        .collect::<Result<_, _>>()?;
    Ok(Report {
        decoder_set: cpu.decoder_set().0,
        devices,
    })
}

/// A bundled file, and what the CPU makes of it.
struct Case {
    name: &'static str,
    bytes: &'static [u8],
    frame: Frame<'static>,
    height: usize,
    width: usize,
    trace: Trace,
    picture: image::DynamicImage,
}

impl Case {
    fn open(file: &'static bundle::File, cpu: &kiln_models::Model) -> Result<Self, Error> {
        let container = Container::parse(file.kiln, &Limits::default().container())?;
        let header = container.header;
        if header.decoder_set != cpu.decoder_set().0 {
            return Err(Error::WrongWeights {
                needed: header.decoder_set,
                have: cpu.decoder_set().0,
            });
        }
        let frame = container
            .frames
            .into_iter()
            .next()
            .ok_or_else(|| Error::Parameter(format!("{} holds no frame", file.name)))?;
        let (height, width) = (header.height as usize, header.width as usize);
        let chunks: Vec<&[u8]> = frame.chunks.iter().map(AsRef::as_ref).collect();
        // The checksum in the file proves the symbols; the trace adds their rows.
        cpu.decode_latents(&chunks, frame.symbols_crc, height, width, frame.level)?;
        let trace = cpu.trace(&chunks, height, width, frame.level)?;
        drop(chunks);
        Ok(Self {
            name: file.name,
            bytes: file.kiln,
            height,
            width,
            trace,
            frame,
            picture: picture::load(file.png, &Default::default())?.image,
        })
    }

    fn chunks(&self) -> Vec<&[u8]> {
        self.frame.chunks.iter().map(AsRef::as_ref).collect()
    }
}

fn load(device: &device::DeviceInfo, exact: ExactChoice) -> Result<kiln_models::Model, Error> {
    kiln_models::Model::load_with(BUNDLED, device, exact).map_err(|source| Error::Weights {
        name: "bundled weights".into(),
        source,
    })
}

fn examine(
    device: &device::DeviceInfo,
    cases: &[Case],
    step: &mut impl FnMut() -> Result<(), Error>,
) -> Result<DeviceReport, Error> {
    let mut report = DeviceReport {
        device: device.into(),
        files: cases.len(),
        exact: ExactReport::default(),
        pixels: PixelDifference::default(),
        problems: Vec::new(),
        exact_time: Duration::ZERO,
        decode_time: Duration::ZERO,
    };

    let start = Instant::now();
    let forced = guard(|| load(device, ExactChoice::Gpu));
    for case in cases {
        let found = forced
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|model| guard(|| compare_exact(model, case)));
        match found {
            Ok(found) => {
                report.exact.symbols += found.symbols;
                report.exact.wrong_rows += found.wrong_rows;
                report.exact.wrong_latents += found.wrong_latents;
                report.exact.wrong_payloads += found.wrong_payloads;
            }
            Err(e) => report.exact.failure = Some(format!("{}: {e}", case.name)),
        }
        step()?;
    }
    report.exact_time = start.elapsed();

    let start = Instant::now();
    let decoder = guard(|| Model::on(device).map(Decoder::new));
    for case in cases {
        let found = decoder
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|decoder| guard(|| compare_pixels(decoder, case)));
        match found {
            Ok(pixels) => report.pixels.add(&pixels),
            Err(e) => report.problems.push(format!("{}: {e}", case.name)),
        }
        step()?;
    }
    report.decode_time = start.elapsed();
    Ok(report)
}

/// Runs work on a device. Drivers fail in ways that Burn reports by a panic.
fn guard<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|e| e.to_string()),
        Err(panic) => Err(panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("the device failed")
            .to_owned()),
    }
}

fn compare_exact(model: &kiln_models::Model, case: &Case) -> Result<ExactReport, Error> {
    let level = case.frame.level;
    let chunks = case.chunks();
    let found = match model.trace(&chunks, case.height, case.width, level) {
        Ok(trace) => trace,
        // A wrong row ends in damaged symbols: start again from the right ones to count all that are wrong.
        Err(kiln_models::ModelError::Code(_)) => model.retrace(&case.trace, level)?,
        Err(e) => return Err(e.into()),
    };
    let all = case.trace.symbols();
    let (mut rows, mut latents) = case.trace.differences(&found).unwrap_or((all, all));
    if rows > 0 {
        let again = model.retrace(&case.trace, level)?;
        (rows, latents) = case.trace.differences(&again).unwrap_or((all, all));
    }
    let same_bytes = model
        .write_trace(&found, level)
        .is_ok_and(|written| written.iter().map(Vec::as_slice).eq(chunks));
    Ok(ExactReport {
        symbols: all,
        wrong_rows: rows,
        wrong_latents: latents,
        wrong_payloads: u64::from(!same_bytes),
        failure: None,
    })
}

fn compare_pixels(decoder: &Decoder, case: &Case) -> Result<PixelDifference, Error> {
    let decoded = decoder.decode(case.bytes)?;
    if decoded.latents != case.trace.latents_checksum() {
        return Err(Error::Verify("the latents are not those of the CPU".into()));
    }
    PixelDifference::between(&decoded.picture.image, &case.picture)
        .ok_or_else(|| Error::Verify("the picture has another kind or size".into()))
}
