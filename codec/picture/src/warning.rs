//! What can get lost on the way from one file to another.

use std::fmt;

/// Something that did not make it from a file or to a file, while the rest did. `Display` gives a sentence for users.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Warning {
    /// The file that was read is damaged: some of its pixels may be made up.
    Damaged {
        /// The kind of file.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The file that was read holds parts beside the pixels that break their rules. They were dropped.
    Unreadable {
        /// The kind of file.
        file: &'static str,
        /// The parts, each as a user knows it.
        parts: Vec<String>,
    },
    /// The file that was read holds more than kiln keeps: further pictures, parts without a place.
    LeftOut {
        /// The kind of file.
        file: &'static str,
        /// The parts, each as a user knows it.
        parts: Vec<String>,
    },
    /// Of an animation, only the first frame was read.
    FirstFrame {
        /// The kind of file.
        file: &'static str,
        /// How many frames the animation has, where that is known.
        frames: Option<u32>,
    },
    /// The file that was written cannot hold these parts of the metadata. They were dropped.
    Dropped {
        /// The kind of file.
        file: &'static str,
        /// The parts, each as a user knows it.
        parts: Vec<String>,
    },
    /// The alpha channel was left out. Pixels show the colours they had beneath it.
    DroppedAlpha {
        /// The kind of file that was written.
        file: &'static str,
    },
    /// 16 bits per sample were rounded to 8.
    ReducedTo8Bit {
        /// The kind of file that was written.
        file: &'static str,
    },
}

impl Warning {
    /// [`Warning::Unreadable`], if there are any parts.
    pub(crate) fn unreadable(file: &'static str, parts: Vec<String>) -> Option<Self> {
        (!parts.is_empty()).then_some(Self::Unreadable { file, parts })
    }

    /// [`Warning::LeftOut`], if there are any parts.
    pub(crate) fn left_out(file: &'static str, parts: Vec<String>) -> Option<Self> {
        (!parts.is_empty()).then_some(Self::LeftOut { file, parts })
    }

    /// [`Warning::Dropped`], if there are any parts.
    pub(crate) fn dropped(file: &'static str, parts: Vec<String>) -> Option<Self> {
        (!parts.is_empty()).then_some(Self::Dropped { file, parts })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { file, reason } => write!(
                f,
                "the {file} file is damaged, some pixels may be wrong: {reason}"
            ),
            Self::Unreadable { file, parts } => write!(
                f,
                "dropped, because it is damaged in the {file} file: {}",
                parts.join(", ")
            ),
            Self::LeftOut { file, parts } => {
                write!(f, "left out of the {file} file: {}", parts.join(", "))
            }
            Self::FirstFrame {
                file,
                frames: Some(frames),
            } => write!(
                f,
                "only the first of {frames} frames of the {file} file was read"
            ),
            Self::FirstFrame { file, frames: None } => {
                write!(f, "only the first frame of the {file} file was read")
            }
            Self::Dropped { file, parts } => write!(
                f,
                "dropped, because a {file} file cannot hold it: {}",
                parts.join(", ")
            ),
            Self::DroppedAlpha { file } => {
                write!(f, "the alpha channel was dropped: {file} cannot hold it")
            }
            Self::ReducedTo8Bit { file } => write!(
                f,
                "16 bits per sample were reduced to 8: {file} cannot hold more"
            ),
        }
    }
}
