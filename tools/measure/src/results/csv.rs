//! Rows as a table.

use serde::Serialize;

use super::ResultsError;
use super::codec::CodecResults;

/// A line of `results.csv`. The first columns are those of per-picture tables of other codecs.
#[derive(Serialize)]
struct Line<'a> {
    codec: &'a str,
    image: &'a str,
    q: f64,
    bytes: u64,
    bpp: f64,
    psnr: Option<f64>,
    msssim: Option<f64>,
    enc_s: Option<f64>,
    dec_s: Option<f64>,
    mse: Option<f64>,
    psnr_y: Option<f64>,
    psnr_yuv: Option<f64>,
    ssimulacra2: Option<f64>,
    butteraugli: Option<f64>,
    butteraugli_3norm: Option<f64>,
}

/// The rows of all codecs as CSV: the content of `results.csv`.
///
/// # Errors
/// The table cannot be written.
pub fn to_csv(codecs: &[CodecResults]) -> Result<Vec<u8>, ResultsError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for codec in codecs {
        for row in &codec.rows {
            let (quality, times) = (&row.quality, &row.times);
            let line = Line {
                codec: &codec.name,
                image: &row.image,
                q: row.q,
                bytes: row.bytes,
                bpp: row.bpp,
                psnr: quality.psnr,
                msssim: quality.msssim,
                enc_s: times.enc_s,
                dec_s: times.dec_s,
                mse: quality.mse,
                psnr_y: quality.psnr_y,
                psnr_yuv: quality.psnr_yuv,
                ssimulacra2: quality.ssimulacra2,
                butteraugli: quality.butteraugli,
                butteraugli_3norm: quality.butteraugli_3norm,
            };
            writer
                .serialize(line)
                .map_err(|error| ResultsError::Write(error.into()))?;
        }
    }
    writer
        .into_inner()
        .map_err(|error| ResultsError::Write(error.into_error().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Origin;
    use crate::results::fixtures::{codec_of, row};

    #[test]
    fn csv_quotes_what_needs_it_and_leaves_gaps() {
        let rows = vec![row("a, \"b\"", 3.0, 1.0, 30.0, None)];
        let text =
            String::from_utf8(to_csv(&[codec_of("kiln", Origin::Own, rows)]).unwrap()).unwrap();
        let mut lines = text.lines();
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("codec,image,q,bytes,bpp,psnr,msssim,enc_s,dec_s")
        );
        let line = lines.next().unwrap();
        assert!(
            line.starts_with("kiln,\"a, \"\"b\"\"\",3.0,1000,1.0,30.0,,,,"),
            "{line}"
        );
    }
}
