//! Encoder and decoder around any network: coders, checksum, traces, and the check of a GPU against the CPU.

use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use kiln_entropy::{Checksum, CodeError, Follow, Limited, Reader, Recorder, Replay, Tally, Writer};
use ndarray::{Array3, s};

use crate::seam::{
    Analysed, Architecture, Checked, Coded, DeviceInfo, ExactChoice, Facts, Given, Latents, Level,
    Macs, Network, PixelSink, PixelSource, Place, Placement, Places, Refined, Search, Size, Trace,
    Unwatched,
};
use crate::{ModelError, Weights, WeightsError};

/// A network on its devices.
#[derive(Debug)]
pub(crate) struct Placed<N> {
    network: N,
    device: DeviceInfo,
    placement: Placement,
    /// Where portable networks run on a GPU: the same weights on the CPU, to check it against.
    twin: Option<N>,
    /// Set when the GPU was found wrong: from then on the twin does its work.
    distrusted: AtomicBool,
}

/// Places a network where its user asks for it. Where its exact networks run is decided by what is known of the device: see
/// [`DeviceInfo::exact`].
pub(crate) fn open<N: Network>(
    mut weights: Weights<'_>,
    places: &Places,
) -> Result<Box<dyn Architecture>, WeightsError> {
    let cpu = Device::flex();
    let mut placement = places.device.exact(places.exact);
    let mut twin = None;
    if placement.on_device && !places.device.is_cpu() {
        let place = Place {
            device: cpu.clone(),
            exact: cpu.clone(),
            tile: places.tile,
        };
        let on_cpu: N = load(&mut weights.again(), &place)?;
        match on_cpu.facts().portability.is_portable() {
            true => twin = Some(on_cpu),
            false => placement = in_floats(places.exact),
        }
    }
    let on_gpu = placement.on_device && !places.device.is_cpu();
    let device = places.device.device().clone();
    let place = Place {
        exact: if on_gpu { device.clone() } else { cpu },
        device,
        tile: places.tile,
    };
    Ok(Box::new(Placed::<N> {
        network: load(&mut weights, &place)?,
        device: places.device.clone(),
        placement,
        twin,
        distrusted: AtomicBool::new(false),
    }))
}

/// Where the networks run that pick probabilities, if they do so in floating point and the device is a GPU. Two devices
/// may rightly come to different floats, so that there is nothing to check a GPU against: only who asks for it gets files
/// that are bound to one.
fn in_floats(choice: ExactChoice) -> Placement {
    let (on_device, reason) = match choice {
        ExactChoice::Gpu => (
            true,
            "asked for, and in floating point: files are for this device alone",
        ),
        ExactChoice::Auto | ExactChoice::Cpu => (
            false,
            "in floating point, and files of any GPU are to decode on the CPU",
        ),
    };
    Placement {
        on_device,
        reason: reason.into(),
    }
}

/// Loads a network that has a use for every tensor.
fn load<N: Network>(weights: &mut Weights<'_>, place: &Place) -> Result<N, WeightsError> {
    let network = N::load(weights, place)?;
    weights.finish()?;
    Ok(network)
}

/// Quantises and codes an analysed picture.
fn encode<N: Network>(n: &N, y: &Analysed, given: &Given<'_>) -> Result<Coded, ModelError> {
    let mut coders: Vec<_> = (0..n.streams(given.size))
        .map(|_| Tally::new(Writer::new()))
        .collect();
    let latents = n.code(&mut coders, Some(y), given)?;
    Ok(finish(coders.into_iter().map(Tally::into_parts), latents))
}

/// The streams that were written, and their checksum.
fn finish(streams: impl Iterator<Item = (Writer, u32)>, latents: Latents) -> Coded {
    let (streams, sums): (Vec<_>, Vec<_>) =
        streams.map(|(writer, sum)| (writer.finish(), sum)).unzip();
    Coded {
        streams,
        checksum: Checksum::combine(sums),
        latents,
    }
}

/// Codes symbols that were chosen before: those of each stream, in the order of coding. A list that is too short goes on
/// with zeros.
pub(crate) fn encode_known<N: Network>(
    n: &N,
    symbols: Vec<Vec<i16>>,
    given: &Given<'_>,
) -> Result<Coded, ModelError> {
    let mut coders: Vec<_> = symbols
        .into_iter()
        .map(|s| Tally::new(Replay::padded(s, Writer::new())))
        .collect();
    let latents = n.code(&mut coders, None, given)?;
    let streams = coders.into_iter().map(|tally| {
        let (replay, sum) = tally.into_parts();
        (replay.into_parts().0, sum)
    });
    Ok(finish(streams, latents))
}

fn decode<N: Network>(
    n: &N,
    streams: &[&[u8]],
    checksum: u32,
    given: &Given<'_>,
) -> Result<Latents, ModelError> {
    let mut coders = readers(n, streams, given)?
        .into_iter()
        .map(Tally::new)
        .collect::<Vec<_>>();
    let latents = n.code(&mut coders, None, given)?;
    let (readers, sums): (Vec<_>, Vec<_>) = coders.into_iter().map(Tally::into_parts).unzip();
    readers.into_iter().try_for_each(Reader::finish)?;
    let found = Checksum::combine(sums);
    if found != checksum {
        return Err(ModelError::Checksum {
            found,
            needed: checksum,
        });
    }
    Ok(latents)
}

/// A reader for each stream of a picture.
fn readers<'a, N: Network>(
    n: &N,
    streams: &[&'a [u8]],
    given: &Given<'_>,
) -> Result<Vec<Reader<'a>>, ModelError> {
    let (found, needed) = (streams.len(), n.streams(given.size));
    if found != needed {
        return Err(ModelError::Streams { found, needed });
    }
    Ok(streams
        .iter()
        .map(|s| Reader::new(s))
        .collect::<Result<_, CodeError>>()?)
}

/// Whether a network, decoding a part of a picture, comes to the given latents.
fn agrees<N: Network>(
    n: &N,
    streams: &[&[u8]],
    latents: &Latents,
    given: &Given<'_>,
) -> Result<bool, ModelError> {
    // The check is no stage of its own: it reports nothing, and cannot be stopped on its way.
    let given = &Given {
        watch: &Unwatched,
        ..*given
    };
    let readers = readers(n, streams, given)?;
    let found = match n.sample(given.size) {
        Some(sample) => {
            let mut coders: Vec<_> = sample
                .budgets
                .iter()
                .zip(readers)
                .map(|(&budget, reader)| Limited::new(reader, budget))
                .collect();
            n.code(&mut coders, None, given).map(|found| {
                let part = |l: &Latents| -> Option<Array3<i32>> {
                    let plane = l.planes().first()?;
                    let rows = sample.rows.min(plane.dim().0);
                    Some(plane.slice(s![..rows, .., ..]).to_owned())
                };
                part(&found) == part(latents)
            })
        }
        None => {
            let mut coders = readers;
            n.code(&mut coders, None, given)
                .map(|found| found == *latents)
        }
    };
    match found {
        // Rows that differ make the coder stumble.
        Err(ModelError::Code(_)) => Ok(false),
        found => found,
    }
}

#[cfg(test)]
impl<N> Placed<N> {
    /// A network as it is, and the one that it is checked against, if any.
    pub(crate) fn given(network: N, twin: Option<N>) -> Self {
        let device = DeviceInfo::cpu();
        Self {
            network,
            placement: device.exact(ExactChoice::Gpu),
            device,
            twin,
            distrusted: AtomicBool::new(false),
        }
    }
}

impl<N: Network> Placed<N> {
    /// The network that works: the CPU's where the GPU was found wrong.
    fn working(&self) -> &N {
        match &self.twin {
            Some(twin) if self.distrusted.load(Ordering::Relaxed) => twin,
            _ => &self.network,
        }
    }

    /// The network to check against, where there is one and the GPU is still trusted.
    fn witness(&self) -> Option<&N> {
        self.twin
            .as_ref()
            .filter(|_| !self.distrusted.load(Ordering::Relaxed))
    }

    fn distrust(&self, doing: &str) -> String {
        self.distrusted.store(true, Ordering::Relaxed);
        format!(
            "{} does not compute the exact path right: {doing} was done again on the CPU. Please report this device, and \
             let it not run the exact networks",
            self.device.name
        )
    }
}

impl<N: Network> Architecture for Placed<N> {
    fn facts(&self) -> &Facts {
        self.network.facts()
    }

    fn device(&self) -> &DeviceInfo {
        &self.device
    }

    fn exact_placement(&self) -> &Placement {
        &self.placement
    }

    fn macs(&self) -> Macs {
        self.network.macs()
    }

    fn weight(&self, level: Level) -> Option<f64> {
        self.network.weight(level)
    }

    fn streams(&self, size: Size) -> usize {
        self.network.streams(size)
    }

    fn decode_bytes(&self, size: Size) -> u64 {
        self.network.decode_bytes(size)
    }

    fn encode_bytes(&self, size: Size) -> u64 {
        self.network.encode_bytes(size)
    }

    fn search_bytes(&self, size: Size, search: Search) -> u64 {
        self.network.search_bytes(size, search)
    }

    fn analyse(&self, picture: &dyn PixelSource) -> Result<Analysed, ModelError> {
        self.network.analyse(picture)
    }

    fn encode(&self, y: &Analysed, given: &Given<'_>) -> Result<Checked<Coded>, ModelError> {
        let Some(twin) = self.witness() else {
            return Ok(encode(self.working(), y, given)?.into());
        };
        let coded = encode(&self.network, y, given)?;
        let streams: Vec<&[u8]> = coded.streams.iter().map(Vec::as_slice).collect();
        if agrees(twin, &streams, &coded.latents, given)? {
            return Ok(coded.into());
        }
        Ok(Checked {
            value: encode(twin, y, given)?,
            warning: Some(self.distrust("encoding")),
        })
    }

    fn refine(
        &self,
        y: &Analysed,
        picture: &dyn PixelSource,
        given: &Given<'_>,
        search: Search,
    ) -> Result<Refined, ModelError> {
        // A search goes through the exact networks many times: never on a device that would have to be checked each time.
        let network = self.twin.as_ref().unwrap_or(&self.network);
        network.refine(y, picture, given, search)
    }

    fn decode(
        &self,
        streams: &[&[u8]],
        checksum: u32,
        given: &Given<'_>,
    ) -> Result<Checked<Latents>, ModelError> {
        let Some(twin) = self.witness() else {
            return Ok(decode(self.working(), streams, checksum, given)?.into());
        };
        match decode(&self.network, streams, checksum, given) {
            Ok(latents) if agrees(twin, streams, &latents, given)? => return Ok(latents.into()),
            Err(ModelError::Cancelled) => return Err(ModelError::Cancelled),
            Ok(_) | Err(_) => {}
        }
        let value = decode(twin, streams, checksum, given)?;
        Ok(Checked {
            value,
            warning: Some(self.distrust("decoding")),
        })
    }

    fn synthesise(
        &self,
        latents: &Latents,
        given: &Given<'_>,
        out: &mut dyn PixelSink,
    ) -> Result<(), ModelError> {
        self.network.synthesise(latents, given, out)
    }

    fn trace(&self, streams: &[&[u8]], given: &Given<'_>) -> Result<Trace, ModelError> {
        let mut coders: Vec<_> = readers(&self.network, streams, given)?
            .into_iter()
            .map(Recorder::new)
            .collect();
        let latents = self.network.code(&mut coders, None, given)?;
        let streams = coders
            .into_iter()
            .map(|c| {
                let (reader, record) = c.into_parts();
                reader.finish().map(|()| record)
            })
            .collect::<Result<_, CodeError>>()?;
        Ok(Trace { streams, latents })
    }

    fn retrace(&self, known: &Trace, given: &Given<'_>) -> Result<Trace, ModelError> {
        let mut coders: Vec<_> = known
            .streams
            .iter()
            .map(|s| Recorder::new(Replay::new(s.symbols.as_slice(), Follow)))
            .collect();
        let latents = self.network.code(&mut coders, None, given)?;
        let streams = coders.into_iter().map(|c| c.into_parts().1).collect();
        Ok(Trace { streams, latents })
    }

    fn rewrite(&self, known: &Trace, given: &Given<'_>) -> Result<Vec<Vec<u8>>, ModelError> {
        let mut coders: Vec<_> = known
            .streams
            .iter()
            .map(|s| Replay::new(s.symbols.as_slice(), Writer::new()))
            .collect();
        self.network.code(&mut coders, None, given)?;
        Ok(coders
            .into_iter()
            .map(|c| c.into_parts().0.finish())
            .collect())
    }
}
