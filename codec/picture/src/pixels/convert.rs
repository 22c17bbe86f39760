//! Pixels of one kind to pixels of another.

use super::rows::{Rows, RowsMut};
use super::sample::{Samples, SamplesMut};
use super::{Channels, Pixels, PixelsError, PixelsMut, Sample};

impl PixelsMut<'_> {
    /// Copies a picture of the same size. Samples become the nearest value of this depth, and grey becomes three equal
    /// samples. Alpha is opaque where `from` has none, and left out where these pixels have none.
    ///
    /// # Errors
    /// [`PixelsError::Size`] if the sizes differ, [`PixelsError::NoColor`] if these pixels are grey and `from` is not.
    pub fn copy_from(&mut self, from: Pixels<'_>) -> Result<(), PixelsError> {
        self.check_fit(from.width(), from.height(), from.channels().color())?;
        let channels = (from.channels(), self.channels());
        match (from.samples(), self.samples_mut()) {
            (Samples::Eight(from), SamplesMut::Eight(to)) => copy(from, to, channels),
            (Samples::Eight(from), SamplesMut::Sixteen(to)) => copy(from, to, channels),
            (Samples::Sixteen(from), SamplesMut::Eight(to)) => copy(from, to, channels),
            (Samples::Sixteen(from), SamplesMut::Sixteen(to)) => copy(from, to, channels),
        }
        Ok(())
    }
}

fn copy<S: Sample, T: Sample>(
    from: Rows<'_, S>,
    to: RowsMut<'_, T>,
    (source, target): (Channels, Channels),
) {
    let (from_count, to_count) = (source.count(), target.count());
    for (from, to) in from.iter().zip(to.into_iter()) {
        if source == target {
            for (to, from) in to.iter_mut().zip(from) {
                *to = T::of(*from);
            }
            continue;
        }
        for channel in 0..to_count {
            let to = to.iter_mut().skip(channel).step_by(to_count);
            match origin(channel, source, target) {
                Some(origin) => {
                    let from = from.iter().skip(origin).step_by(from_count);
                    to.zip(from).for_each(|(to, from)| *to = T::of(*from));
                }
                None => to.for_each(|to| *to = T::MAX),
            }
        }
    }
}

/// The channel of `source` that a channel of `target` is taken from; `None` for opaque alpha.
fn origin(channel: usize, source: Channels, target: Channels) -> Option<usize> {
    let is_alpha = target.has_alpha() && channel == target.count() - 1;
    match (is_alpha, source) {
        (true, _) => source.has_alpha().then(|| source.count() - 1),
        (false, Channels::Grey | Channels::GreyAlpha) => Some(0),
        (false, Channels::Rgb | Channels::Rgba) => Some(channel),
    }
}
