//! Writing PNM: PGM, PPM, or PAM where there is alpha.

use crate::pixels::{Channels, Depth, Pixels};
use crate::{Format, Metadata, PictureError, Warning};

pub(in crate::files) fn store(
    pixels: Pixels<'_>,
    metadata: &Metadata,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<u8>, PictureError> {
    warnings.extend(Warning::dropped(
        Format::Pnm.name(),
        metadata.names_but(&[]),
    ));
    let mut out = header(pixels).into_bytes();
    let samples = pixels.width() as usize * pixels.height() as usize * pixels.channels().count();
    match pixels.depth() {
        Depth::Eight => {
            out.try_reserve_exact(samples)?;
            out.extend(pixels.rows::<u8>().into_iter().flatten().flatten());
        }
        Depth::Sixteen => {
            out.try_reserve_exact(samples * 2)?;
            let samples = pixels.rows::<u16>().into_iter().flatten().flatten();
            out.extend(samples.flat_map(|sample| sample.to_be_bytes()));
        }
    }
    Ok(out)
}

fn header(pixels: Pixels<'_>) -> String {
    let (width, height) = (pixels.width(), pixels.height());
    let max = match pixels.depth() {
        Depth::Eight => 255,
        Depth::Sixteen => 65_535,
    };
    let arbitrary = |depth, kind| {
        format!(
            "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {max}\nTUPLTYPE {kind}\nENDHDR\n"
        )
    };
    match pixels.channels() {
        Channels::Grey => format!("P5\n{width} {height}\n{max}\n"),
        Channels::GreyAlpha => arbitrary(2, "GRAYSCALE_ALPHA"),
        Channels::Rgb => format!("P6\n{width} {height}\n{max}\n"),
        Channels::Rgba => arbitrary(4, "RGB_ALPHA"),
    }
}
