//! A set of weights on a device, and the float stages around the entropy coder.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use burn::tensor::{Device, Tensor};
use kiln_entropy::{RowSpec, Tables};
use ndarray::{Array3, ArrayView3, ArrayViewMut3, s};

use crate::config::{CELL, Config};
use crate::device::{DeviceInfo, ExactChoice, Placement};
use crate::exact::{RESIDUAL_MAX, SHIFT_MAX, Z_MAX};
use crate::hyper::{Context, HyperSynthesis};
use crate::hyper_rows::Z_CLASSES;
use crate::quantise::Costs;
use crate::tensors::{download, download_rgb8, upload};
use crate::tiles::tiles;
use crate::transforms::{Analysis, HyperAnalysis, Synthesis};
use crate::weights::DecoderSet;
use crate::{Analysed, ModelError, TileSize, Weights, WeightsError};

/// Where a picture to encode comes from.
pub trait PixelSource {
    /// Height and width in pixels.
    fn size(&self) -> (usize, usize);

    /// Fills `out`, [3, height, width], with the rectangle at (`x`, `y`): red, green, blue minus 1/2 in -1/2..=1/2.
    /// Pixels beyond the picture repeat its edge.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] to stop.
    fn read(&self, x: usize, y: usize, out: ArrayViewMut3<f32>) -> Result<(), ModelError>;
}

/// Where a decoded picture goes.
pub trait PixelSink {
    /// Takes planes [3, height, width] of values around -1/2..=1/2 for the rectangle at (`x`, `y`). What reaches beyond
    /// the picture is to be dropped.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] to stop.
    fn write(&mut self, x: usize, y: usize, planes: ArrayView3<f32>) -> Result<(), ModelError>;

    /// Whether all that is kept of a pixel is 8-bit red, green and blue. A GPU then rounds before it hands the pixels over,
    /// a third of the bytes, and calls [`write_rgb8`](Self::write_rgb8) instead.
    fn is_rgb8(&self) -> bool {
        false
    }

    /// Takes pixels [height, width, 3] for the rectangle at (`x`, `y`). What reaches beyond the picture is to be dropped.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn write_rgb8(&mut self, x: usize, y: usize, pixels: ArrayView3<u8>) -> Result<(), ModelError> {
        let planes = pixels.permuted_axes([2, 0, 1]);
        self.write(x, y, planes.mapv(|p| f32::from(p) / 255.0 - 0.5).view())
    }
}

/// A set of weights, ready to run on one device.
#[derive(Debug)]
pub struct Model {
    config: Config,
    decoder_set: DecoderSet,
    device: DeviceInfo,
    exact_device: Device,
    exact_placement: Placement,
    /// Where the exact networks run on a GPU: the same weights on the CPU, to check it against.
    pub(crate) twin: Option<Arc<Model>>,
    /// Set when the GPU was found wrong: from then on the twin does its work.
    distrusted: AtomicBool,
    tile: TileSize,
    g_a: Analysis,
    g_s: Synthesis,
    h_a: HyperAnalysis,
    h_s: HyperSynthesis,
    /// Of all steps but step 0.
    context: Vec<Context>,
    /// [levels][M]
    gain: Vec<Vec<f32>>,
    inverse_gain: Vec<Vec<f32>>,
    shift: Vec<Vec<i32>>,
    /// Row of the first class of neighbours: [levels][Z]
    z_rows: Vec<Vec<u16>>,
    y_tables: Tables,
    /// Of y's symbols: an encoder's, made when the first one asks for them.
    costs: OnceLock<Costs>,
    z_tables: Tables,
}

impl Model {
    /// Reads weights (safetensors in memory) and places them on a device. Where the exact networks run is decided by what
    /// is known of the device: see [`DeviceInfo::exact`].
    ///
    /// # Errors
    /// The weights are damaged, made for another architecture, or break the bounds of exactness.
    pub fn load(bytes: &[u8], device: &DeviceInfo) -> Result<Self, WeightsError> {
        Self::load_with(bytes, device, ExactChoice::Auto)
    }

    /// The same with a choice of where the exact networks run.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load_with(
        bytes: &[u8],
        device: &DeviceInfo,
        exact: ExactChoice,
    ) -> Result<Self, WeightsError> {
        let exact_placement = device.exact(exact);
        let on_gpu = exact_placement.on_device && !device.is_cpu();
        let twin = match on_gpu {
            true => Some(Arc::new(Self::load(bytes, &DeviceInfo::cpu())?)),
            false => None,
        };
        let mut w = Weights::open(bytes)?;
        let config = w.config().clone();
        let decoder_set = w.decoder_set();
        let d = device.device();
        let exact_device = if on_gpu { d.clone() } else { Device::flex() };
        let (n, m) = (config.levels, config.latents);
        let y_tables = tables(&mut w, "y", RESIDUAL_MAX)?;
        let z_tables = tables(&mut w, "z", Z_MAX)?;
        let y_rows = Some(y_tables.len())
            .filter(|n| (2..=256).contains(n) && n.is_multiple_of(2))
            .map(|n| (n / 2) as u16)
            .ok_or_else(|| {
                let found = y_tables.len();
                WeightsError::Config(format!(
                    "{found} rows of y tables, not two for each of 1 to 128"
                ))
            })?;
        let z_rows = w.integers("z_rows", &[n, config.hyper])?;
        if let Some(r) = z_rows
            .iter()
            .find(|r| usize::try_from(**r).map_or(true, |r| r + Z_CLASSES > z_tables.len()))
        {
            return Err(WeightsError::Config(format!(
                "z has no {Z_CLASSES} rows from {r} on"
            )));
        }
        let shift = w.integers("shift", &[n, m])?;
        if let Some(s) = shift.iter().find(|s| !(0..=SHIFT_MAX).contains(*s)) {
            return Err(WeightsError::Inexact {
                layer: "shift".into(),
                what: format!("{s} is outside 0..={SHIFT_MAX}"),
            });
        }
        let per_level = |v: Vec<f32>| v.chunks_exact(m).map(<[f32]>::to_vec).collect::<Vec<_>>();
        let model = Self {
            g_a: Analysis::load(&mut w, &config, d)?,
            g_s: Synthesis::load(&mut w, &config, d)?,
            h_a: HyperAnalysis::load(&mut w, &config, d)?,
            h_s: HyperSynthesis::load(&mut w, &config, y_rows, &exact_device)?,
            context: Context::load_all(&mut w, &config, y_rows, &exact_device)?,
            gain: per_level(w.floats("gain", &[n, m])?),
            inverse_gain: per_level(w.floats("inverse_gain", &[n, m])?),
            shift: shift.chunks_exact(m).map(<[i32]>::to_vec).collect(),
            z_rows: z_rows
                .chunks_exact(config.hyper)
                .map(|r| r.iter().map(|&x| x as u16).collect())
                .collect(),
            device: device.clone(),
            tile: TileSize::default(),
            config,
            decoder_set,
            exact_device,
            exact_placement,
            twin,
            distrusted: AtomicBool::new(false),
            costs: OnceLock::new(),
            y_tables,
            z_tables,
        };
        w.finish()?;
        Ok(model)
    }

    /// The same model computing in tiles of another size.
    #[must_use]
    pub fn with_tile(mut self, tile: TileSize) -> Self {
        self.tile = tile;
        if let Some(twin) = self.twin.as_mut().and_then(Arc::get_mut) {
            twin.tile = tile;
        }
        self
    }

    /// The sizes of the architecture.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The name of what a decoder needs of these weights.
    pub fn decoder_set(&self) -> DecoderSet {
        self.decoder_set
    }

    /// Where the float networks run.
    pub fn device_info(&self) -> &DeviceInfo {
        &self.device
    }

    /// Where the exact networks run, and why.
    pub fn exact_placement(&self) -> &Placement {
        &self.exact_placement
    }

    /// Runs g_a over a picture: y before any gain.
    ///
    /// # Errors
    /// The source stops, or the device fails.
    pub fn analyse(&self, source: &dyn PixelSource) -> Result<Analysed, ModelError> {
        let (height, width) = source.size();
        let (h, w) = crate::grid(height, width);
        let m = self.config.latents;
        self.analyse_keeping(source, Analysed::stays(self.device(), h, m, w))
    }

    /// The same, with y left on the device as well if `keep`.
    fn analyse_keeping(
        &self,
        source: &dyn PixelSource,
        keep: bool,
    ) -> Result<Analysed, ModelError> {
        let (height, width) = source.size();
        let (h, w) = crate::grid(height, width);
        let m = self.config.latents;
        let mut y = Array3::zeros((h, m, w));
        let mut kept: Vec<Vec<Tensor<4>>> = Vec::new();
        for (v, u) in tiles(h, w, self.tile.cells(), self.g_a.halo()) {
            let mut x = Array3::zeros((3, v.read.len() * CELL, u.read.len() * CELL));
            source.read(u.read.start * CELL, v.read.start * CELL, x.view_mut())?;
            let out = self.g_a.forward(upload(x, self.device()));
            let core = out.slice([0..1, 0..m, v.inner(1), u.inner(1)]);
            if keep {
                // The first tile of a row of tiles.
                if u.core.start == 0 {
                    kept.push(Vec::new());
                }
                if let Some(row) = kept.last_mut() {
                    row.push(core.clone());
                }
            }
            y.slice_mut(s![v.core, .., u.core])
                .assign(&download(core)?.permuted_axes([1, 0, 2]));
        }
        Ok(match keep {
            true => Analysed::with_tiles(y, kept),
            false => y.into(),
        })
    }

    /// Runs g_s over y_hat [h, M, w], as [`Model::decode_latents`] returns it, and hands the tiles to `sink`.
    ///
    /// # Errors
    /// The level does not exist, the sink stops, or the device fails.
    pub fn synthesise(
        &self,
        y_hat: &Array3<i32>,
        level: u8,
        sink: &mut dyn PixelSink,
    ) -> Result<(), ModelError> {
        let level = self.check_level(level)?;
        let (h, _, w) = y_hat.dim();
        for (v, u) in tiles(h, w, self.tile.cells(), self.g_s.halo()) {
            let y = self.synthesis_input(y_hat, level, v.read.clone(), u.read.clone());
            let out = self.g_s.forward(upload(y, self.device()));
            let (x0, y0) = (u.core.start * CELL, v.core.start * CELL);
            let (rows, columns) = (v.inner(CELL), u.inner(CELL));
            if sink.is_rgb8() && !self.device.is_cpu() {
                let core = out.slice([0..1, 0..3, rows, columns]);
                sink.write_rgb8(x0, y0, download_rgb8(core)?.view())?;
            } else {
                sink.write(x0, y0, download(out)?.slice(s![.., rows, columns]))?;
            }
        }
        Ok(())
    }

    pub(crate) fn check_level(&self, level: u8) -> Result<usize, ModelError> {
        match usize::from(level) {
            l if l < self.config.levels => Ok(l),
            _ => Err(ModelError::Level {
                level,
                max: (self.config.levels - 1) as u8,
            }),
        }
    }

    pub(crate) fn device(&self) -> &Device {
        self.device.device()
    }

    pub(crate) fn twin(&self) -> Option<&Model> {
        self.twin.as_deref()
    }

    pub(crate) fn distrusted(&self) -> &AtomicBool {
        &self.distrusted
    }

    pub(crate) fn exact_device(&self) -> &Device {
        &self.exact_device
    }

    pub(crate) fn tile(&self) -> TileSize {
        self.tile
    }

    pub(crate) fn gain(&self, level: usize) -> &[f32] {
        &self.gain[level]
    }

    pub(crate) fn inverse_gain(&self, level: usize) -> &[f32] {
        &self.inverse_gain[level]
    }

    pub(crate) fn g_s(&self) -> &Synthesis {
        &self.g_s
    }

    pub(crate) fn shift(&self, level: usize) -> &[i32] {
        &self.shift[level]
    }

    pub(crate) fn z_rows(&self, level: usize) -> &[u16] {
        &self.z_rows[level]
    }

    pub(crate) fn y_tables(&self) -> &Tables {
        &self.y_tables
    }

    pub(crate) fn costs(&self) -> &Costs {
        self.costs.get_or_init(|| Costs::new(&self.y_tables))
    }

    /// The quantiser that a row of the bank of y belongs to: 0 or 1.
    pub(crate) fn quantiser(&self, row: u8) -> u8 {
        u8::from(usize::from(row) >= self.y_tables.len() / 2)
    }

    pub(crate) fn z_tables(&self) -> &Tables {
        &self.z_tables
    }

    pub(crate) fn h_a(&self) -> &HyperAnalysis {
        &self.h_a
    }

    pub(crate) fn h_s(&self) -> &HyperSynthesis {
        &self.h_s
    }

    /// The network of a step after step 0.
    pub(crate) fn context(&self, step: usize) -> &Context {
        &self.context[step - 1]
    }
}

/// Takes `tables.NAME.{first,length,freqs,skip}`: the rows of a bank one after the other.
fn tables(w: &mut Weights, name: &'static str, limit: i32) -> Result<Tables, WeightsError> {
    let first = w.integers(&format!("tables.{name}.first"), &[0])?;
    let lengths = w.integers(&format!("tables.{name}.length"), &[first.len()])?;
    let freqs = w.integers(&format!("tables.{name}.freqs"), &[0])?;
    let skip = w.integers(&format!("tables.{name}.skip"), &[1])?;
    let narrow = |v: i32| {
        u16::try_from(v).map_err(|_| {
            WeightsError::Config(format!("tables of {name} hold {v}, outside 16 bits"))
        })
    };
    let freqs = freqs
        .into_iter()
        .map(narrow)
        .collect::<Result<Vec<u16>, _>>()?;
    let mut rest = freqs.as_slice();
    let mut rows = Vec::with_capacity(first.len());
    for (&first, &length) in first.iter().zip(&lengths) {
        let (row, tail) = usize::try_from(length)
            .ok()
            .and_then(|n| rest.split_at_checked(n))
            .ok_or_else(|| {
                WeightsError::Config(format!(
                    "tables of {name} are shorter than their lengths say"
                ))
            })?;
        rows.push(RowSpec { first, freqs: row });
        rest = tail;
    }
    if !rest.is_empty() {
        return Err(WeightsError::Config(format!(
            "tables of {name} are longer than their lengths say"
        )));
    }
    Tables::new(rows, narrow(skip[0])?, limit)
        .map_err(|source| WeightsError::Tables { name, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BUNDLED;

    /// A picture of some colours, so large that it has several tiles and cells of z that it does not fill.
    struct Slopes;

    impl PixelSource for Slopes {
        fn size(&self) -> (usize, usize) {
            (150, 203)
        }

        fn read(&self, x: usize, y: usize, mut out: ArrayViewMut3<f32>) -> Result<(), ModelError> {
            let (height, width) = self.size();
            for ((c, i, j), o) in out.indexed_iter_mut() {
                let (i, j) = ((y + i).min(height - 1), (x + j).min(width - 1));
                *o = ((i * (c + 1) * 7 + j * 5 + i * j / 9) % 256) as f32 / 255.0 - 0.5;
            }
            Ok(())
        }
    }

    #[test]
    fn y_left_on_the_device_gives_the_same_file() {
        let tile = TileSize::new(64).unwrap();
        let model = Model::load(BUNDLED, &DeviceInfo::cpu())
            .unwrap()
            .with_tile(tile);
        let sent = model.analyse_keeping(&Slopes, false).unwrap();
        let left = model.analyse_keeping(&Slopes, true).unwrap();
        assert_eq!(sent.y(), left.y());
        let cpu = Device::flex();
        assert!(sent.on_device(&cpu, 0..1, 0..1).is_none());
        // 10 x 13 cells of y, 3 x 4 of z.
        assert!(left.on_device(&cpu, 0..12, 0..16).is_some());
        for level in [0, 40] {
            assert_eq!(
                model.encode_latents(&left, level).unwrap(),
                model.encode_latents(&sent, level).unwrap()
            );
        }
    }
}
