//! Streams to networks and latents.

use std::ops::ControlFlow;

use kiln_container::{Frame, Header};
use kiln_fitted::{Error as FittedError, Latents, Parameters};

use super::{channels, size};
use crate::Error;
use crate::pixels::PixelsMut;
use crate::progress::{Progress, Stage};

/// What the pixels of a frame come from.
pub(crate) struct Content {
    pub(crate) parameters: Parameters,
    pub(crate) latents: Latents,
}

/// The networks of a frame, which tell what the rest will take. Nothing else is allocated for them.
pub(crate) fn parameters(header: &Header, frame: &Frame<'_>) -> Result<Parameters, Error> {
    if header.decoder_set != [0; 8] || !header.portable {
        return Err(FittedError::Damaged("its head names weights or a device").into());
    }
    let first = frame.streams.first();
    let first = first.ok_or(FittedError::Damaged("no stream of networks"))?;
    Ok(Parameters::read(first, channels(header.color))?)
}

impl Content {
    /// Decodes the streams of a frame and holds them against their checksum, which is returned too.
    pub(crate) fn decode(
        header: &Header,
        frame: &Frame<'_>,
        progress: &dyn Progress,
    ) -> Result<(Self, u32), Error> {
        let streams: Vec<&[u8]> = frame.streams.iter().map(AsRef::as_ref).collect();
        let watch = |done, total| progress.update(Stage::Code, done, total);
        let color = channels(header.color);
        let (parameters, latents) = kiln_fitted::decode(&streams, size(header), color, &watch)?;
        let checksum = kiln_fitted::checksum(&parameters, &latents);
        if checksum != frame.symbols_crc {
            return Err(FittedError::Damaged("its values are not those that were written").into());
        }
        let content = Self {
            parameters,
            latents,
        };
        Ok((content, checksum))
    }

    /// Writes the pixels. Alpha stays as it is.
    pub(crate) fn write(
        &self,
        header: &Header,
        pixels: &mut PixelsMut<'_>,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let watch = |done, total| progress.update(Stage::Synthesise, done, total);
        super::write(
            &self.parameters,
            &self.latents,
            header.depth,
            pixels,
            &watch,
        )
    }
}

/// Whether work goes on, as a result.
pub(super) fn go_on(flow: ControlFlow<()>) -> Result<(), Error> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Cancelled),
    }
}
