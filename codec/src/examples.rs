//! Programs that embed kiln, in the lines that they write for it.
//!
//! # A thumbnailer
//! Decodes into its own RGBA pixels, whose rows are further apart than they are long, within 128 MiB.
//!
//! ```
//! use kiln::{Channels, Decoder, Limits, PixelsMut, Silent, peek};
//!
//! fn thumbnail_source(decoder: &Decoder, file: &[u8]) -> Result<(u32, u32, Vec<u8>), kiln::Error> {
//!     let header = peek(file)?;
//!     let stride = (header.width as usize * 4).next_multiple_of(64);
//!     Limits::default().with_max_memory(128 << 20).check(&header)?;
//!     let mut rgba = vec![0; stride * header.height as usize];
//!     let pixels =
//!         PixelsMut::with_stride(&mut rgba, header.width, header.height, stride, Channels::Rgba)?;
//!     decoder.decode_into(file, pixels, &Silent)?;
//!     Ok((header.width, header.height, rgba))
//! }
//! # #[cfg(feature = "bundled")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use kiln::{DeviceChoice, Model};
//! # let file = include_bytes!("../conformance/rgb-9.kiln");
//! let decoder = Decoder::new(Model::bundled(&DeviceChoice::Cpu)?)
//!     .with_limits(Limits::default().with_max_memory(128 << 20));
//! let (width, height, rgba) = thumbnail_source(&decoder, file)?;
//! # assert!(width > 0 && rgba.len() >= 4 * width as usize * height as usize);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "bundled"))]
//! # fn main() {}
//! ```
//!
//! # An upload server
//! Encodes to a size on a few threads of its own, for a request that may be given up.
//!
//! ```
//! use std::ops::ControlFlow;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use kiln::{Channels, EncodeOptions, Encoder, Pixels, Progress, Stage, Target, Threads};
//!
//! struct Request { gone: AtomicBool }
//! impl Progress for Request {
//!     fn update(&self, _: Stage, _: u64, _: u64) -> ControlFlow<()> {
//!         match self.gone.load(Ordering::Relaxed) {
//!             true => ControlFlow::Break(()),
//!             false => ControlFlow::Continue(()),
//!         }
//!     }
//! }
//!
//! fn upload(
//!     encoder: &Encoder, rgb: &[u8], width: u32, height: u32, request: &Request,
//! ) -> Result<Vec<u8>, kiln::Error> {
//!     let pixels = Pixels::new(rgb, width, height, Channels::Rgb)?;
//!     let options = EncodeOptions::default().with_target(Target::Bytes(200_000));
//!     Ok(encoder.encode_pixels(pixels, &Default::default(), &options, request)?.bytes)
//! }
//! # #[cfg(feature = "bundled")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use kiln::{DeviceChoice, Model};
//! let encoder = Encoder::new(Model::bundled(&DeviceChoice::Cpu)?).with_threads(Threads::new(2)?);
//! let request = Request { gone: AtomicBool::new(false) };
//! let file = upload(&encoder, &[128; 64 * 64 * 3], 64, 64, &request)?;
//! # assert!(file.len() < 200_000);
//! # request.gone.store(true, Ordering::Relaxed);
//! # assert!(matches!(upload(&encoder, &[128; 64 * 64 * 3], 64, 64, &request), Err(kiln::Error::Cancelled)));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "bundled"))]
//! # fn main() {}
//! ```
//!
//! # A viewer
//! Lays out its window from the first bytes of a file, then decodes the rest as it comes.
//!
//! ```
//! use std::io::{Cursor, Read};
//! use kiln::{Decoder, MAX_PEEK_BYTES, Silent, peek};
//!
//! fn view(decoder: &Decoder, mut file: impl Read) -> Result<image::DynamicImage, kiln::Error> {
//!     let mut head = Vec::new();
//!     let failed = |source| kiln::Error::Io { path: "the file".into(), source };
//!     file.by_ref().take(MAX_PEEK_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
//!     let header = peek(&head)?;
//!     println!("a window of {} x {} pixels", header.width, header.height);
//!     Ok(decoder.decode_from(Cursor::new(head).chain(file), &Silent)?.picture.image)
//! }
//! # #[cfg(feature = "bundled")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use kiln::{DeviceChoice, Model};
//! # let file = include_bytes!("../conformance/rgb-9.kiln");
//! let image = view(&Decoder::new(Model::bundled(&DeviceChoice::Cpu)?), &file[..])?;
//! # assert!(image.width() > 0);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "bundled"))]
//! # fn main() {}
//! ```
