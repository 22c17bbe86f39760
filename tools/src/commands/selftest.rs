//! `kiln selftest`.

use std::process::ExitCode;

use kiln::selftest::{self, DeviceReport, FittedReport, Report};
use kiln::{DeviceChoice, DeviceInfo, ExactChoice, PixelDifference};
use serde_json::{Value, json};

use super::model;
use crate::args::SelftestArgs;
use crate::console::{check_stdout, print, print_json};
use crate::progress::Progress;
use crate::usage::UsageError;

/// Runs the subcommand. The exit code is 1 when a device fails.
pub fn run(args: &SelftestArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    check_stdout()?;
    let only = args
        .device
        .as_deref()
        .map(|name| {
            name.parse::<DeviceChoice>()
                .map_err(|error| UsageError(format!("--device {name}: {error}")))
        })
        .transpose()?;
    model::threads(args.threads)?;
    let report = selftest::run(only.as_ref(), &Progress::new("selftest", quiet))?;
    if args.json {
        print_json(&to_json(&report))?;
    } else {
        let devices: String = report.devices.iter().map(to_text).collect();
        print(&(devices + &fitted_text(&report.fitted)))?;
    }
    Ok(match report.passed() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn verdict(device: &DeviceReport) -> &'static str {
    if device.passed() { "pass" } else { "FAIL" }
}

/// Whether kiln runs the exact networks on this device itself when the float networks run on it.
fn uses_exact(device: &DeviceInfo) -> bool {
    device.exact(ExactChoice::Auto).on_device
}

fn to_text(report: &DeviceReport) -> String {
    let device = &report.device;
    let mut text = format!(
        "{} ({}): {}\n  exact networks on this device: {} ({:.1} s)\n",
        device.name,
        device.kind,
        verdict(report),
        exact(report),
        report.exact_time.as_secs_f64(),
    );
    if !uses_exact(device) {
        text += &format!(
            "  kiln runs them on the CPU here: {}\n",
            device.exact(ExactChoice::Auto).reason
        );
    }
    text += &format!(
        "  decoding {} files: {} ({:.1} s)\n",
        report.files,
        pixels(&report.pixels),
        report.decode_time.as_secs_f64()
    );
    for problem in &report.problems {
        text += &format!("  failed: {problem}\n");
    }
    text
}

/// Networks in the file: integers alone, so that there is one answer whatever the device.
fn fitted_text(report: &FittedReport) -> String {
    let verdict = match report.problems.is_empty() {
        true => "pass",
        false => "FAIL",
    };
    let mut text = format!(
        "fitted networks: {verdict}\n  decoding {} files: {} samples are those that are stored ({:.1} s)\n",
        report.files,
        report.samples,
        report.time.as_secs_f64()
    );
    for problem in &report.problems {
        text += &format!("  failed: {problem}\n");
    }
    text
}

fn exact(report: &DeviceReport) -> String {
    let found = &report.exact;
    if let Some(failure) = &found.failure {
        format!("failed: {failure}")
    } else if found.identical() {
        format!(
            "{} symbols, all rows, latents and bytes identical",
            found.symbols
        )
    } else {
        format!(
            "WRONG: {} of {} rows, {} values of latents, the bytes of {} of {} files",
            found.wrong_rows,
            found.symbols,
            found.wrong_latents,
            found.wrong_payloads,
            report.files
        )
    }
}

fn pixels(found: &PixelDifference) -> String {
    if found.differing == 0 {
        return format!("{} samples, all equal", found.samples);
    }
    format!(
        "{} of {} samples differ ({:.2e}), colours by at most {} of 255{}",
        found.differing,
        found.samples,
        found.share(),
        found.largest,
        match found.alpha {
            0 => String::new(),
            n => format!(", {n} samples of alpha"),
        }
    )
}

fn to_json(report: &Report) -> Value {
    let devices: Vec<Value> = report
        .devices
        .iter()
        .map(|d| {
            json!({
                "name": d.device.name,
                "kind": d.device.kind.to_string(),
                "pass": d.passed(),
                "files": d.files,
                "exact": {
                    "identical": d.exact.identical(),
                    "symbols": d.exact.symbols,
                    "wrong_rows": d.exact.wrong_rows,
                    "wrong_latents": d.exact.wrong_latents,
                    "wrong_payloads": d.exact.wrong_payloads,
                    "failure": d.exact.failure,
                    "seconds": d.exact_time.as_secs_f64(),
                    "used": uses_exact(&d.device),
                    "reason": d.device.exact(ExactChoice::Auto).reason,
                },
                "pixels": {
                    "samples": d.pixels.samples,
                    "differing": d.pixels.differing,
                    "share": d.pixels.share(),
                    "largest": d.pixels.largest,
                    "alpha": d.pixels.alpha,
                    "seconds": d.decode_time.as_secs_f64(),
                },
                "problems": d.problems,
            })
        })
        .collect();
    json!({
        "program": format!("kiln {}", env!("CARGO_PKG_VERSION")),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "decoder_set": report.decoder_set.to_string(),
        "pass": report.passed(),
        "devices": devices,
        "fitted": {
            "pass": report.fitted.problems.is_empty(),
            "files": report.fitted.files,
            "samples": report.fitted.samples,
            "seconds": report.fitted.time.as_secs_f64(),
            "problems": report.fitted.problems,
        },
    })
}
