//! Properties that hold for any bytes: the bodies of fuzz targets, run on seeded inputs by ordinary tests too.
//!
//! Each function panics when its property does not hold.

use kiln_container::{Alpha, peek};

use crate::pixels::{Channels, Pixels};
use crate::{Decoded, Decoder, Error, ErrorKind};
#[cfg(feature = "bundled")]
use crate::{DeviceChoice, Limits, Model, Threads};

/// A decoder of small pictures with the bundled weights, on one thread of the CPU.
///
/// # Panics
/// When there are no threads to be had.
#[cfg(feature = "bundled")]
pub fn small_decoder() -> Decoder {
    let model = Model::bundled(&DeviceChoice::Cpu).expect("the bundled weights are right");
    Decoder::new(model)
        .with_limits(Limits::default().with_max_pixels(1 << 16))
        .with_threads(Threads::new(1).expect("a thread"))
}

/// Decodes, and checks that a picture is the one that the header announces, that it comes out the same again, and
/// that an error blames the file. Returns what came of it, for callers that count.
///
/// Give the decoder small limits: a file may ask for all that they allow.
///
/// # Errors
/// As [`Decoder::decode`].
///
/// # Panics
/// When a property does not hold.
pub fn decode_any(decoder: &Decoder, bytes: &[u8]) -> Result<Decoded, Error> {
    let decoded = match decoder.decode(bytes) {
        Ok(decoded) => decoded,
        Err(error) => {
            let blames_the_file = matches!(
                error.kind(),
                ErrorKind::Damaged
                    | ErrorKind::Unsupported
                    | ErrorKind::Limit
                    | ErrorKind::Weights
                    | ErrorKind::NotPortable
            );
            assert!(blames_the_file, "{error:?}");
            return Err(error);
        }
    };
    let found = Pixels::try_from(&decoded.picture.image).map(|p| {
        let kind = (p.channels(), p.depth());
        (p.width(), p.height(), kind)
    });
    let announced = peek(bytes).map(|h| {
        let channels = Channels::of(h.color, h.alpha != Alpha::None);
        (h.width, h.height, (channels, h.depth))
    });
    assert_eq!(announced.ok(), found.ok());
    match decoder.decode(bytes) {
        Ok(again) => assert!(
            again.picture == decoded.picture && again.about.level == decoded.about.level,
            "another picture the second time"
        ),
        Err(error) => panic!("refused the second time: {error}"),
    }
    Ok(decoded)
}
