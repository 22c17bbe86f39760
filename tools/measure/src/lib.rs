//! Measuring codecs: how far a decoded picture is from its original, how curves of rate and distortion compare, and
//! results of benchmarks as data, tables and figures.
//!
//! - [`metrics`]: PSNR, MS-SSIM, SSIMULACRA2 and Butteraugli of 8-bit RGB pictures.
//! - [`curves`]: rate-distortion curves, their interpolation, and Bjøntegaard deltas.
//! - [`results`]: the content of a benchmark's `results.json`, means over pictures, comparisons, anchors, tables.
//! - [`codec`]: the interface of a codec that can be measured, and measuring it.
//! - `adapters` (feature `adapters`): JPEG, WebP, AVIF, JPEG XL, HEVC and VVC behind that interface.
//! - `report` (feature `report`): figures as SVG and PNG, and an HTML page.
//!
//! # Examples
//!
//! How many per cent more bytes one codec needs than another for equal PSNR:
//!
//! ```
//! use kiln_measure::curves::{Curve, Point, bd_rate};
//!
//! let curve = |points: [(f64, f64); 4]| {
//!     Curve::new(points.map(|(bpp, quality)| Point { bpp, quality }).to_vec())
//! };
//! // Bits per pixel and PSNR in decibels of two codecs, means over the same pictures.
//! let old = curve([(0.20, 28.5), (0.45, 31.9), (0.90, 35.2), (1.60, 38.4)])?;
//! let new = curve([(0.15, 28.3), (0.33, 31.6), (0.68, 35.1), (1.25, 38.6)])?;
//!
//! let delta = bd_rate(&new, &old)?;
//! assert_eq!(format!("{:.1} %", delta.value), "-22.4 %");
//! // Only where both have been measured: from 28.5 to 38.4 dB.
//! assert_eq!(delta.overlap, (28.5, 38.4));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! How far a picture is from its original:
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use kiln_measure::metrics::{ms_ssim, psnr};
//!
//! let original = RgbImage::from_fn(200, 170, |x, y| Rgb([x as u8, y as u8, (x ^ y) as u8]));
//! let mut decoded = original.clone();
//! for sample in decoded.iter_mut() {
//!     *sample = *sample / 8 * 8 + 4;
//! }
//! assert!((psnr(&original, &decoded)? - 40.7).abs() < 0.1);
//! assert!(ms_ssim(&original, &decoded)? > 0.98);
//! # Ok::<(), kiln_measure::metrics::MetricError>(())
//! ```

#[cfg(feature = "adapters")]
pub mod adapters;
pub mod codec;
pub mod curves;
pub mod metrics;
#[cfg(feature = "report")]
pub mod report;
pub mod results;
