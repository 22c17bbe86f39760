//! Properties that hold for any bytes: the bodies of fuzz targets, run on seeded inputs by ordinary tests too.
//!
//! Each function panics when its property does not hold.

use kiln_container::{Alpha, peek};

use crate::picture::color_kind;
use crate::{Decoded, Decoder, Error, ErrorKind};

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
                ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::Limit | ErrorKind::Weights
            );
            assert!(blames_the_file, "{error:?}");
            return Err(error);
        }
    };
    let image = &decoded.picture.image;
    let announced = peek(bytes).map(|h| {
        let kind = (h.color, h.alpha != Alpha::None, h.depth);
        (h.width, h.height, Some(kind))
    });
    assert_eq!(
        announced,
        Ok((image.width(), image.height(), color_kind(image)))
    );
    match decoder.decode(bytes) {
        Ok(again) => assert!(
            again.picture == decoded.picture && again.level == decoded.level,
            "another picture the second time"
        ),
        Err(error) => panic!("refused the second time: {error}"),
    }
    Ok(decoded)
}
