//! Proving on the user's machine what the tests prove on ours: every device decodes the bundled files to the same integers,
//! and to the same pixels within one step.

mod bundle;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kiln_container::{Container, Frame};
use kiln_models::DecoderSet;
use kiln_models::seam::{self, Architecture, ExactChoice, Given, Size, Trace, Unwatched};

use crate::limits::Costs;
use crate::progress::{Progress, Stage};
use crate::{Decoder, DeviceChoice, DeviceInfo, Error, Limits, Model, PixelDifference, picture};

/// What a self-test found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The weights that the bundled files are for.
    pub decoder_set: DecoderSet,
    /// One entry for each device that was tried.
    pub devices: Vec<DeviceReport>,
    /// Files with networks of their own, which no device plays a part in.
    pub fitted: FittedReport,
}

impl Report {
    /// Whether files decode as they must on every device that was tried.
    pub fn passed(&self) -> bool {
        self.devices.iter().all(DeviceReport::passed) && self.fitted.problems.is_empty()
    }
}

/// What a self-test found of files with networks of their own: every sample must be the one that is stored beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FittedReport {
    /// Number of files decoded.
    pub files: usize,
    /// Samples compared.
    pub samples: u64,
    /// What went wrong; empty when all is well.
    pub problems: Vec<String>,
    /// Time of decoding all files.
    pub time: Duration,
}

/// What a self-test found on one device.
#[derive(Clone, Debug)]
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
            && (self.exact.identical() || self.exact_on_cpu())
    }
}

impl DeviceReport {
    /// Whether kiln runs the exact networks on the CPU when the float networks run on this device.
    fn exact_on_cpu(&self) -> bool {
        !self.device.is_cpu() && !self.device.exact(ExactChoice::Auto).on_device
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
        Some(choice) => vec![seam::choose(choice)?],
        None => seam::devices(),
    };
    let cpu = load(&DeviceInfo::cpu(), ExactChoice::Cpu)?;
    let cases = bundle::FILES
        .iter()
        .map(|file| Case::open(file, cpu.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    let total = (devices.len() * cases.len() * 2 + 1) as u64;
    let mut done = 0;
    let mut step = || {
        done += 1;
        match progress.update(Stage::Test, done, total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    };
    let fitted = fitted();
    step()?;
    let devices = devices
        .iter()
        .map(|device| examine(device, &cases, &mut step))
        .collect::<Result<_, _>>()?;
    Ok(Report {
        decoder_set: cpu.facts().decoder_set,
        devices,
        fitted,
    })
}

/// A bundled file, and what the CPU makes of it.
struct Case {
    name: &'static str,
    bytes: &'static [u8],
    frame: Frame<'static>,
    size: Size,
    trace: Trace,
    picture: image::DynamicImage,
}

impl Case {
    fn open(file: &'static bundle::File, cpu: &dyn Architecture) -> Result<Self, Error> {
        let container = Container::parse(file.kiln, &Limits::default().container())?;
        let header = container.header;
        let (needed, have) = (DecoderSet(header.decoder_set), cpu.facts());
        if needed != have.decoder_set {
            return Err(Error::NoWeights {
                architecture: header.architecture,
                needed,
                have: vec![(have.name, have.decoder_set)],
            });
        }
        let frame = container
            .frames
            .into_iter()
            .next()
            .ok_or(Error::Sequence { frames: Some(0) })?;
        let size = Size {
            height: header.height as usize,
            width: header.width as usize,
        };
        let streams: Vec<&[u8]> = frame.streams.iter().map(AsRef::as_ref).collect();
        let given = given(cpu, &frame, size)?;
        // The checksum in the file proves the symbols; the trace adds their rows.
        cpu.decode(&streams, frame.symbols_crc, &given)?;
        let trace = cpu.trace(&streams, &given)?;
        drop(streams);
        Ok(Self {
            name: file.name,
            bytes: file.kiln,
            size,
            trace,
            frame,
            picture: picture::load(file.png, &Default::default())?.picture.image,
        })
    }

    fn streams(&self) -> Vec<&[u8]> {
        self.frame.streams.iter().map(AsRef::as_ref).collect()
    }
}

/// What is known of a frame before its symbols.
fn given(
    architecture: &dyn Architecture,
    frame: &Frame<'_>,
    size: Size,
) -> Result<Given<'static>, Error> {
    Ok(Given {
        level: architecture.facts().levels.require(frame.level)?,
        size,
        watch: &Unwatched,
    })
}

/// The bundled weights on a device.
fn load(device: &DeviceInfo, exact: ExactChoice) -> Result<Arc<dyn Architecture>, Error> {
    // The choice says nothing here: the device is given.
    Model::bundled(&DeviceChoice::Auto)?
        .with_exact(exact)?
        .place(device.clone())
}

fn examine(
    device: &DeviceInfo,
    cases: &[Case],
    step: &mut impl FnMut() -> Result<(), Error>,
) -> Result<DeviceReport, Error> {
    let mut report = DeviceReport {
        device: device.clone(),
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
            .and_then(|model| guard(|| compare_exact(model.as_ref(), case)));
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
    let choice = match device.is_cpu() {
        true => DeviceChoice::Cpu,
        false => DeviceChoice::Named(device.name.clone()),
    };
    let decoder = guard(|| Model::bundled(&choice).map(Decoder::new));
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

/// Decodes the files with networks of their own.
fn fitted() -> FittedReport {
    let start = Instant::now();
    let mut report = FittedReport::default();
    let decoder = Decoder::without_weights();
    for file in &bundle::FITTED {
        let found = guard(|| {
            let stored = picture::load(file.png, &Default::default())?.picture.image;
            let decoded = decoder.decode(file.kiln)?.picture.image;
            PixelDifference::between(&decoded, &stored)
                .ok_or_else(|| Error::Verify("the picture has another kind or size".into()))
        });
        report.files += 1;
        match found {
            Ok(found) if found.differing == 0 => report.samples += found.samples,
            Ok(found) => report.problems.push(format!(
                "{}: {} of {} samples differ",
                file.name, found.differing, found.samples
            )),
            Err(e) => report.problems.push(format!("{}: {e}", file.name)),
        }
    }
    report.time = start.elapsed();
    report
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

fn compare_exact(model: &dyn Architecture, case: &Case) -> Result<ExactReport, Error> {
    let given = given(model, &case.frame, case.size)?;
    let streams = case.streams();
    let found = match model.trace(&streams, &given) {
        Ok(trace) => trace,
        // A wrong row ends in damaged symbols: start again from the right ones to count all that are wrong.
        Err(kiln_models::ModelError::Code(_)) => model.retrace(&case.trace, &given)?,
        Err(e) => return Err(e.into()),
    };
    let all = case.trace.symbols();
    let (mut rows, mut latents) = case.trace.differences(&found).unwrap_or((all, all));
    if rows > 0 {
        let again = model.retrace(&case.trace, &given)?;
        (rows, latents) = case.trace.differences(&again).unwrap_or((all, all));
    }
    let same_bytes = model
        .rewrite(&case.trace, &given)
        .is_ok_and(|written| written.iter().map(Vec::as_slice).eq(streams));
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
    if decoded.about.latents_checksum != case.trace.latents.checksum() {
        return Err(Error::Verify("the latents are not those of the CPU".into()));
    }
    PixelDifference::between(&decoded.picture.image, &case.picture)
        .ok_or_else(|| Error::Verify("the picture has another kind or size".into()))
}
