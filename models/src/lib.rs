//! The networks of kiln, in [Burn](https://burn.dev), and the exact integer path that makes its files portable.
//!
//! | folder | what |
//! |---|---|
//! | [`nets`] | layers, and the arithmetic that a network is written for |
//! | `latents` | orders in which latents are coded |
//! | [`seam`] | what networks and their users know of each other: [`Network`](seam::Network), [`Architecture`](seam::Architecture) |
//! | [`search`] | the encoder's choice of symbols |
//! | `run` | tiles, encoder and decoder around any network, the check of GPUs |
//! | [`arch`] | what papers describe, a file each, and their registry |
//! | `train` | fine-tuning (feature `train`) |
//!
//! A folder uses those above it in this table, and never one below. Errors and weights files are below all of them.
//!
//! Stages carry the names of the literature: analysis `g_a` and `h_a` of the encoder, entropy networks such as the hyper
//! synthesis `h_s` on both sides, synthesis `g_s`. In a portable architecture everything that picks a probability is
//! integer-valued and checked for exactness when weights load: see [`nets::exact`] and `models/EXACT.md`, which specifies
//! it for other implementations. The transforms are float: a last-bit difference moves a pixel by at most one step.
//!
//! ```no_run
//! use kiln_models::seam::{Given, Places, Size, Unwatched};
//! use kiln_models::{Weights, arch};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes = std::fs::read("weights.safetensors")?;
//! let model = arch::open(Weights::open(&bytes)?, &Places::cpu())?;
//! let facts = model.facts();
//! println!("{}: {} levels, {:?}", facts.name, facts.levels.count(), facts.portability);
//! # let (streams, checksum) = (Vec::<&[u8]>::new(), 0);
//! let given = Given {
//!     level: facts.levels.last(),
//!     size: Size { height: 512, width: 768 },
//!     watch: &Unwatched,
//! };
//! let latents = model.decode(&streams, checksum, &given)?.value;
//! # Ok(())
//! # }
//! ```

pub mod arch;
mod error;
mod latents;
pub mod nets;
mod run;
pub mod seam;
pub mod search;
#[cfg(feature = "train")]
mod train;
mod weights;

pub use error::{ModelError, WeightsError};
pub use latents::neighbours::{Z_CLASSES, Z_EDGES};
#[cfg(feature = "train")]
pub use train::{CROP_UNIT, ROWS, SIGMA_MAX, SIGMA_MIN, StepReport, TrainError, Trainer};
#[cfg(feature = "bundled")]
pub use weights::BUNDLED;
pub use weights::{DecoderSet, Portability, Weights};
