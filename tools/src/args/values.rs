//! Parsers of single values. Their messages name the value and what is allowed.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// `--quality`: 0..=100.
pub fn quality(text: &str) -> Result<u8, String> {
    whole("quality", text, 0..=100)
}

/// `--level`: 0..=63.
pub fn level(text: &str) -> Result<u8, String> {
    whole("level", text, 0..=63)
}

/// `--jpeg-quality`: 1..=100.
pub fn jpeg_quality(text: &str) -> Result<u8, String> {
    whole("JPEG quality", text, 1..=100)
}

/// `--threads`: 1..=1024.
pub fn threads(text: &str) -> Result<usize, String> {
    whole("number of threads", text, 1..=1024)
}

/// `--bpp`: bits per pixel. Beyond 96 no still picture of any kind needs more (four channels of 16 bits are 64).
pub fn bpp(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if value > 0.0 && value <= 96.0 {
        Ok(value)
    } else {
        Err(format!(
            "{text} bits per pixel is not above 0 and at most 96"
        ))
    }
}

/// `--size`: bytes, with an optional suffix k, M, G (thousands) or Ki, Mi, Gi (1024s); at least 1.
pub fn size(text: &str) -> Result<u64, String> {
    const SUFFIXES: [(&str, u64); 8] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("k", 1000),
        ("K", 1000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("", 1),
    ];
    let bare = text.strip_suffix(['B', 'b']).unwrap_or(text);
    let (number, unit) = SUFFIXES
        .iter()
        .find_map(|&(suffix, unit)| bare.strip_suffix(suffix).map(|number| (number, unit)))
        .unwrap_or((bare, 1));
    let value: f64 = number
        .parse()
        .map_err(|_| format!("`{text}` is no size; write 50000, 50k, 1.5M or 64Ki"))?;
    let bytes = value * unit as f64;
    // Also false for what is not a number.
    if (1.0..=1e15).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err(format!("size {text} is outside 1 byte to 1000000G"))
    }
}

/// A whole number in a range.
fn whole<T>(what: &str, text: &str, range: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display + TryFrom<i64>,
{
    let value: i64 = text
        .parse()
        .map_err(|_| format!("{what} `{text}` is no whole number"))?;
    match T::try_from(value) {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!(
            "{what} {text} is outside {}..={}",
            range.start(),
            range.end()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_they_say() {
        assert_eq!((quality("0"), quality("100")), (Ok(0), Ok(100)));
        assert_eq!(quality("101"), Err("quality 101 is outside 0..=100".into()));
        assert_eq!(quality("256"), Err("quality 256 is outside 0..=100".into()));
        assert_eq!(quality("x"), Err("quality `x` is no whole number".into()));
        assert_eq!(level("63"), Ok(63));
        assert_eq!(level("64"), Err("level 64 is outside 0..=63".into()));
        assert_eq!(
            jpeg_quality("0"),
            Err("JPEG quality 0 is outside 1..=100".into())
        );
        assert_eq!(
            threads("0"),
            Err("number of threads 0 is outside 1..=1024".into())
        );
    }

    #[test]
    fn sizes_have_suffixes() {
        let good = [
            ("1", 1),
            ("50000", 50_000),
            ("50k", 50_000),
            ("50kB", 50_000),
            ("50K", 50_000),
            ("1.5M", 1_500_000),
            ("2G", 2_000_000_000),
            ("64Ki", 65_536),
            ("2MiB", 2_097_152),
        ];
        for (text, bytes) in good {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["0", "-5", "", "k", "12x", "nan", "inf", "1e300", "0.5"] {
            assert!(size(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn bits_per_pixel_are_positive_and_finite() {
        assert_eq!(bpp("0.25"), Ok(0.25));
        for text in ["0", "-1", "nan", "inf", "97", "x"] {
            assert!(bpp(text).is_err(), "{text} was accepted");
        }
    }
}
