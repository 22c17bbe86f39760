//! `kiln info`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use kiln::{Alpha, ColorKind, Depth, DeviceInfo, ExactChoice, FittedInfo, Info, Limits};
use serde_json::{Value, json};

use super::model;
use crate::args::InfoArgs;
use crate::console::{print, print_json};
use crate::files::{self, Source};

/// Runs the subcommand.
pub fn run(args: &InfoArgs) -> anyhow::Result<ExitCode> {
    match &args.file {
        Some(path) => {
            let limits = Limits::default();
            let most = args.max_pixels.unwrap_or(limits.max_pixels);
            file(path, limits.with_max_pixels(most), args.json)?
        }
        // clap requires one of the two.
        None => devices(args.json)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Describes one file.
fn file(path: &Path, limits: Limits, as_json: bool) -> anyhow::Result<()> {
    let source = Source::from(path);
    let bytes = files::read(&source)?;
    let info = kiln::info(&bytes, &limits)
        .map_err(model::hint)
        .with_context(|| source.to_string())?;
    if as_json {
        print_json(&to_json(&info))
    } else {
        print(&to_text(&info))
    }
}

/// Lists the devices that networks can run on.
fn devices(as_json: bool) -> anyhow::Result<()> {
    let devices = kiln::devices();
    if as_json {
        let list: Vec<Value> = devices
            .iter()
            .map(|device| {
                json!({
                    "name": device.name,
                    "kind": device.kind.to_string(),
                    "software": device.is_software(),
                    "exact_networks_on": exact_on(device),
                    "exact_networks_reason": device.exact(ExactChoice::Auto).reason,
                })
            })
            .collect();
        return print_json(&json!({ "devices": list }));
    }
    let lines: Vec<String> = devices
        .iter()
        .map(|device| {
            format!(
                "{} ({}), exact networks on the {}: {}\n",
                device.name,
                device.kind,
                exact_on(device),
                device.exact(ExactChoice::Auto).reason
            )
        })
        .collect();
    print(&lines.concat())
}

/// Where the networks run that pick probabilities, when the others run on this device.
fn exact_on(device: &DeviceInfo) -> &'static str {
    match device.exact(ExactChoice::Auto).on_device && !device.is_cpu() {
        true => "device",
        false => "cpu",
    }
}

/// The kind of the pixels, such as `RGB with alpha, 8 bits`.
fn pixels(info: &Info) -> String {
    format!(
        "{}{}, {} bits",
        color_name(info.color),
        alpha_name(info.alpha),
        bits(info.depth)
    )
}

fn color_name(color: ColorKind) -> &'static str {
    match color {
        ColorKind::Grey => "grey",
        ColorKind::Rgb => "RGB",
    }
}

fn alpha_name(alpha: Alpha) -> &'static str {
    match alpha {
        Alpha::None => "",
        Alpha::Opaque => " with an opaque alpha channel",
        Alpha::Coded => " with alpha",
    }
}

fn bits(depth: Depth) -> u8 {
    match depth {
        Depth::Eight => 8,
        Depth::Sixteen => 16,
    }
}

fn bpp(info: &Info) -> f64 {
    8.0 * info.bytes as f64 / (f64::from(info.width) * f64::from(info.height))
}

/// The architecture as people know it.
fn architecture(info: &Info) -> String {
    match info.architecture_name {
        Some(name) => format!("{name} ({})", info.architecture),
        None => format!("{}, which this version does not know", info.architecture),
    }
}

fn to_text(info: &Info) -> String {
    let (name, how) = match info.lossless {
        true => ("coding", "lossless".to_owned()),
        false => ("level", info.level.to_string()),
    };
    let mut text = format!(
        "size          {} x {}\npixels        {}\nbytes         {} ({:.4} bits per pixel)\n{:<13} {}\n\
         architecture  {}\ndecoder set   {}\nstreams       {}, {} bytes\n",
        info.width,
        info.height,
        pixels(info),
        info.bytes,
        bpp(info),
        name,
        how,
        architecture(info),
        info.decoder_set,
        info.streams,
        info.payload,
    );
    if info.graphics_bytes > 0 {
        text += &format!(
            "graphics      {} bytes, {} blocks of 16 x 16 without loss\n",
            info.graphics_bytes, info.graphics_blocks
        );
    }
    if let Some(fitted) = &info.fitted {
        text += &fitted_text(fitted, info);
    }
    if !info.portable {
        let device = info
            .device
            .as_deref()
            .unwrap_or("a device that it does not name");
        text += &format!("portable      no: written on {device}\n");
    }
    if let Some(sequence) = &info.sequence {
        text += &format!(
            "frames        {} at {}/{} per second, {} of them whole pictures\n",
            info.frames,
            sequence.rate.numerator(),
            sequence.rate.denominator(),
            info.intra_frames
        );
    }
    if info.alpha_bytes > 0 {
        text += &format!("{:<13} {} bytes\n", "alpha", info.alpha_bytes);
    }
    for (name, bytes) in &info.boxes {
        text += &format!("{name:<13} {bytes} bytes\n");
    }
    text
}

/// Networks and latents that were fitted to the picture, with the bytes of each.
fn fitted_text(fitted: &FittedInfo, info: &Info) -> String {
    let s = &fitted.shape;
    let mut text = format!(
        "networks      {} values in {} bytes, {}\n\
         latents       {} resolutions, {} of them twice; from {} neighbours and {} features by {} hidden layers\n\
         synthesis     {} wide, {} convolutions\n",
        fitted.values,
        fitted.weight_bytes,
        match fitted.start {
            0 => "from nothing".to_owned(),
            n => format!("from the bundled ones number {n}"),
        },
        s.levels,
        s.hyper,
        s.contexts,
        s.features,
        s.hidden,
        s.width,
        s.convolutions,
    );
    let grids = s.grids(info.height as usize, info.width as usize);
    let name = |place: &usize| {
        let grid = &grids[*place];
        let hyper = if grid.hyper { " hyper" } else { "" };
        format!("{}x{}{hyper}", grid.width, grid.height)
    };
    for group in fitted.grids.iter().filter(|group| !group.grids.is_empty()) {
        let names: Vec<String> = group.grids.iter().map(name).collect();
        text += &format!(
            "{:<13} {} bytes: {}\n",
            if names.len() == 1 { "grid" } else { "grids" },
            group.bytes,
            names.join(", ")
        );
    }
    text
}

fn fitted_json(fitted: &FittedInfo, info: &Info) -> Value {
    let s = &fitted.shape;
    let all = s.grids(info.height as usize, info.width as usize);
    let grid = |place: &usize| {
        let grid = &all[*place];
        json!({ "width": grid.width, "height": grid.height, "hyper": grid.hyper })
    };
    let groups = fitted.grids.iter().map(|group| {
        json!({
            "grids": group.grids.iter().map(grid).collect::<Vec<_>>(),
            "streams": group.streams,
            "bytes": group.bytes,
        })
    });
    json!({
        "start": fitted.start,
        "values": fitted.values,
        "weight_bytes": fitted.weight_bytes,
        "shape": {
            "channels": s.channels,
            "levels": s.levels,
            "hyper": s.hyper,
            "contexts": s.contexts,
            "features": s.features,
            "hidden": s.hidden,
            "width": s.width,
            "convolutions": s.convolutions,
        },
        "grids": groups.collect::<Vec<_>>(),
    })
}

fn to_json(info: &Info) -> Value {
    let boxes: Vec<Value> = info
        .boxes
        .iter()
        .map(|(name, bytes)| json!({ "name": name, "bytes": bytes }))
        .collect();
    json!({
        "width": info.width,
        "height": info.height,
        "color": color_name(info.color).to_lowercase(),
        "alpha": match info.alpha {
            Alpha::None => "none",
            Alpha::Opaque => "opaque",
            Alpha::Coded => "coded",
        },
        "bits": bits(info.depth),
        "bytes": info.bytes,
        "bpp": bpp(info),
        "level": (!info.lossless).then_some(info.level),
        "lossless": info.lossless,
        "architecture": info.architecture,
        "architecture_name": info.architecture_name,
        "decoder_set": info.decoder_set.to_string(),
        "portable": info.portable,
        "device": info.device,
        "frames": info.frames,
        "streams": info.streams,
        "payload": info.payload,
        "alpha_bytes": info.alpha_bytes,
        "graphics_bytes": info.graphics_bytes,
        "graphics_blocks": info.graphics_blocks,
        "fitted": info.fitted.as_ref().map(|fitted| fitted_json(fitted, info)),
        "boxes": boxes,
    })
}
