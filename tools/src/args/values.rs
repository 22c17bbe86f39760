//! Parsers of single values. Their messages name the value and what is allowed.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use kiln::{Effort, Fit};

/// `--quality`: 0..=100.
pub fn quality(text: &str) -> Result<u8, String> {
    whole("quality", text, 0..=100)
}

/// `--level`: 0..=63.
pub fn level(text: &str) -> Result<u8, String> {
    whole("level", text, 0..=63)
}

/// `--effort`: 0..=9.
pub fn effort(text: &str) -> Result<Effort, String> {
    let number = whole("effort", text, 0..=Effort::MAX)?;
    // The range was just checked.
    Ok(Effort::new(number).unwrap_or_default())
}

/// `--iterations`: 1 to ten million.
pub fn iterations(text: &str) -> Result<u32, String> {
    whole("number of iterations", text, 1..=Fit::MAX_ITERATIONS)
}

/// `--time`: seconds, minutes or hours, such as 30s, 5m or 1.5h; from a second to a week.
pub fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; write 30s, 5m or 1h");
    let (number, unit) = ["s", "m", "h"]
        .into_iter()
        .zip([1.0, 60.0, 3600.0])
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, unit)))
        .ok_or_else(wrong)?;
    let seconds = unit * number.parse::<f64>().map_err(|_| wrong())?;
    // Also false for what is not a number.
    match (1.0..=Fit::MAX_TIME.as_secs_f64()).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(format!("time {text} is outside 1s..=168h")),
    }
}

/// `--jpeg-quality`: 1..=100.
pub fn jpeg_quality(text: &str) -> Result<u8, String> {
    whole("JPEG quality", text, 1..=100)
}

/// `--threads`: 1..=1024.
pub fn threads(text: &str) -> Result<usize, String> {
    whole("number of threads", text, 1..=1024)
}

/// `--gain`: 1..=128.
pub fn gain(text: &str) -> Result<u8, String> {
    whole("gain", text, 1..=128)
}

/// `--batch`: 1..=1024.
pub fn batch(text: &str) -> Result<usize, String> {
    whole("number of crops", text, 1..=1024)
}

/// `--crop`: a multiple of 64 up to 1024.
pub fn crop(text: &str) -> Result<usize, String> {
    let side: usize = whole("side of crops", text, 64..=1024)?;
    if side.is_multiple_of(64) {
        Ok(side)
    } else {
        Err(format!("side of crops {side} is not a multiple of 64"))
    }
}

/// `--steps`: 1 to a billion.
pub fn steps(text: &str) -> Result<u64, String> {
    whole("number of steps", text, 1..=1_000_000_000)
}

/// `--minutes`: above 0, at most a year.
pub fn minutes(text: &str) -> Result<f64, String> {
    positive("number of minutes", text, 525_600.0)
}

/// `--lr`: above 0, at most 1.
pub fn learning_rate(text: &str) -> Result<f64, String> {
    positive("learning rate", text, 1.0)
}

/// A number above 0 and at most `max`.
fn positive(what: &str, text: &str, max: f64) -> Result<f64, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| format!("`{text}` is not a number"))?;
    if value > 0.0 && value <= max {
        Ok(value)
    } else {
        Err(format!("{what} {text} is not above 0 and at most {max}"))
    }
}

/// `--levels`: `A..B`, both included, or a single level.
pub fn levels(text: &str) -> Result<(u8, u8), String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (level(first)?, level(last)?);
    if first <= last {
        Ok((first, last))
    } else {
        Err(format!("levels {text}: the first is above the last"))
    }
}

/// `--bpp`: bits per pixel. Beyond 96 no still picture of any kind needs more (four channels of 16 bits are 64).
pub fn bpp(text: &str) -> Result<f64, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| format!("`{text}` is not a number"))?;
    if value > 0.0 && value <= 96.0 {
        Ok(value)
    } else {
        Err(format!(
            "{text} bits per pixel is not above 0 and at most 96"
        ))
    }
}

/// `--bpp MIN-MAX` of figures: two rates in bits per pixel, the first below the second.
pub fn bpp_range(text: &str) -> Result<RangeInclusive<f64>, String> {
    let wrong = || format!("`{text}` is not a range of rates; write 0-1.5");
    let (low, high) = text.split_once('-').ok_or_else(wrong)?;
    let low: f64 = low.parse().map_err(|_| wrong())?;
    let high: f64 = high.parse().map_err(|_| wrong())?;
    if low >= 0.0 && low < high && high <= 96.0 {
        Ok(low..=high)
    } else {
        Err(format!(
            "{text} is not within 0-96 bits per pixel, the lower rate first"
        ))
    }
}

/// `--size`: bytes, with an optional suffix k, M, G (thousands) or Ki, Mi, Gi (1024s); at least 1.
pub fn size(text: &str) -> Result<u64, String> {
    let bare = text.strip_suffix(['B', 'b']).unwrap_or(text);
    let bytes = scaled(bare)
        .ok_or_else(|| format!("`{text}` is not a size; write 50000, 50k, 1.5M or 64Ki"))?;
    at_least_one(bytes).ok_or_else(|| format!("size {text} is outside 1 byte to 1000000G"))
}

/// `--max-pixels`: a count, with the same suffixes.
pub fn pixels(text: &str) -> Result<u64, String> {
    let count = scaled(text).ok_or_else(|| {
        format!("`{text}` is not a number of pixels; write 50000000, 50M or 64Mi")
    })?;
    at_least_one(count).ok_or_else(|| format!("number of pixels {text} is outside 1 to 1000000G"))
}

/// A number with an optional suffix k, M, G or Ki, Mi, Gi.
fn scaled(text: &str) -> Option<f64> {
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
    let (number, unit) = SUFFIXES
        .iter()
        .find_map(|&(suffix, unit)| text.strip_suffix(suffix).map(|number| (number, unit)))?;
    number.parse().ok().map(|number: f64| number * unit as f64)
}

/// A whole number of 1 to 10^15.
fn at_least_one(value: f64) -> Option<u64> {
    // Also false for what is not a number.
    (1.0..=1e15).contains(&value).then_some(value as u64)
}

/// A whole number in a range.
fn whole<T>(what: &str, text: &str, range: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display + TryFrom<i64>,
{
    let value: i64 = text
        .parse()
        .map_err(|_| format!("{what} `{text}` is not a whole number"))?;
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
        assert_eq!(
            quality("x"),
            Err("quality `x` is not a whole number".into())
        );
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
    fn times_have_units() {
        for (text, seconds) in [
            ("30s", 30.0),
            ("5m", 300.0),
            ("1.5h", 5400.0),
            ("168h", 604_800.0),
        ] {
            assert_eq!(time(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "5", "m", "-5m", "nanm", "infh", "5 min"] {
            assert!(time(text).is_err(), "{text} was accepted");
        }
        for text in ["0s", "0.5s", "169h"] {
            let expected = format!("time {text} is outside 1s..=168h");
            assert_eq!(time(text), Err(expected));
        }
        assert_eq!(iterations("300"), Ok(300));
        assert_eq!(
            iterations("0"),
            Err("number of iterations 0 is outside 1..=10000000".into())
        );
    }

    #[test]
    fn pixels_have_suffixes() {
        for (text, count) in [
            ("1", 1),
            ("50M", 50_000_000),
            ("0.5G", 500_000_000),
            ("64Mi", 64 << 20),
        ] {
            assert_eq!(pixels(text), Ok(count), "{text}");
        }
        for text in ["0", "-5", "", "50MB", "nan", "many"] {
            assert!(pixels(text).unwrap_err().contains("pixels"), "{text}");
        }
    }

    #[test]
    fn levels_are_a_range_or_one() {
        assert_eq!((levels("0..63"), levels("7")), (Ok((0, 63)), Ok((7, 7))));
        for text in ["9..3", "0..64", "..", "a..b", ""] {
            assert!(levels(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn training_values_have_ranges() {
        assert_eq!(
            (crop("128"), batch("8"), steps("1")),
            (Ok(128), Ok(8), Ok(1))
        );
        for text in ["100", "0", "2048"] {
            assert!(crop(text).is_err(), "{text} was accepted");
        }
        for text in ["0", "-1", "nan", "2"] {
            assert!(learning_rate(text).is_err(), "{text} was accepted");
        }
        assert!(minutes("0.5").is_ok() && minutes("1e9").is_err());
    }

    #[test]
    fn bits_per_pixel_are_positive_and_finite() {
        assert_eq!(bpp("0.25"), Ok(0.25));
        for text in ["0", "-1", "nan", "inf", "97", "x"] {
            assert!(bpp(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn ranges_of_rates_rise() {
        assert_eq!(bpp_range("0-1.5"), Ok(0.0..=1.5));
        for text in [
            "1", "2-1", "1-1", "-1-2", "0-97", "nan-1", "0-nan", "a-b", "",
        ] {
            assert!(bpp_range(text).is_err(), "{text} was accepted");
        }
    }
}
