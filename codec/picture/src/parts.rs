//! The parts of metadata, as users know them.

use crate::metadata::present;
use crate::{Limits, Metadata, PictureError, Text};

/// A part of [`Metadata`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Icc,
    Exif,
    Xmp,
    ExtendedXmp,
    Iptc,
    Cicp,
    Gamma,
    Chromaticities,
    Density,
    Text,
}

impl Part {
    /// The part in a list of what was dropped.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Icc => "the ICC colour profile",
            Self::Exif => "the EXIF data",
            Self::Xmp => "the XMP packet",
            Self::ExtendedXmp => "the extended XMP",
            Self::Iptc => "the IPTC data",
            Self::Cicp => "the colour description (CICP)",
            Self::Gamma => "the gamma",
            Self::Chromaticities => "the chromaticities",
            Self::Density => "the pixel density",
            Self::Text => "the texts",
        }
    }

    /// Its size in an error of a limit.
    fn size(self) -> &'static str {
        match self {
            Self::Icc => "the size of the ICC colour profile, in bytes,",
            Self::Exif => "the size of the EXIF data, in bytes,",
            Self::Xmp => "the size of the XMP packet, in bytes,",
            Self::ExtendedXmp => "the size of the extended XMP, in bytes,",
            Self::Iptc => "the size of the IPTC data, in bytes,",
            _ => "the size of the texts, in bytes,",
        }
    }
}

impl From<Part> for String {
    fn from(part: Part) -> Self {
        part.name().to_owned()
    }
}

impl Metadata {
    /// The parts that there are, without texts.
    fn parts(&self) -> impl Iterator<Item = Part> {
        let there = [
            (Part::Icc, present(&self.icc).is_some()),
            (Part::Exif, present(&self.exif).is_some()),
            (Part::Xmp, present(&self.xmp).is_some()),
            (Part::ExtendedXmp, present(&self.extended_xmp).is_some()),
            (Part::Iptc, present(&self.iptc).is_some()),
            (Part::Cicp, self.cicp.is_some()),
            (Part::Gamma, self.gamma.is_some()),
            (Part::Chromaticities, self.chromaticities.is_some()),
            (Part::Density, self.density.is_some()),
        ];
        there
            .into_iter()
            .filter(|(_, is)| *is)
            .map(|(part, _)| part)
    }

    /// Names of what a format cannot hold, given what it can.
    pub(crate) fn names_but(&self, held: &[Part]) -> Vec<String> {
        let mut names: Vec<String> = self
            .parts()
            .filter(|part| !held.contains(part))
            .map(String::from)
            .collect();
        if !held.contains(&Part::Text) {
            names.extend(names_of_texts(self.text.iter()));
        }
        names
    }
}

/// Most names in a warning: files are not trusted, and may hold a million of anything.
const MAX_NAMES: usize = 16;
/// Most characters of a name that a file makes up.
const MAX_SHOWN: usize = 40;
/// Most texts of a file: each takes more memory than its bytes say.
pub(crate) const MAX_TEXTS: usize = 1 << 16;

/// Adds a name to a list for a warning, once, and none to a list that is long enough.
pub(crate) fn push_name(names: &mut Vec<String>, name: impl Into<String>) {
    let name = name.into();
    if names.len() > MAX_NAMES || names.contains(&name) {
        return;
    }
    names.push(match names.len() {
        MAX_NAMES => "others".to_owned(),
        _ => name,
    });
}

/// A name out of a file as it may be shown on a terminal.
pub(crate) fn shown(name: &str) -> String {
    let visible = name.chars().map(|c| if c.is_control() { '?' } else { c });
    visible.take(MAX_SHOWN).collect()
}

/// The name of texts that were dropped, with their keywords.
pub(crate) fn names_of_texts<'a>(texts: impl Iterator<Item = &'a Text>) -> Option<String> {
    let mut keywords = Vec::new();
    texts.for_each(|text| push_name(&mut keywords, shown(text.keyword())));
    let name = Part::Text.name();
    (!keywords.is_empty()).then(|| format!("{name} ({})", keywords.join(", ")))
}

impl Limits {
    /// Takes a block of metadata over, if there is one that is not empty and within the limit.
    pub(crate) fn accept_block(
        &self,
        part: Part,
        block: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, PictureError> {
        let Some(block) = block.filter(|block| !block.is_empty()) else {
            return Ok(None);
        };
        self.check_metadata(part, block.len() as u64)?;
        Ok(Some(block.to_vec()))
    }

    /// Checks the texts of a file, all of them together.
    pub(crate) fn accept_texts(&self, count: usize, bytes: u64) -> Result<(), PictureError> {
        if count > MAX_TEXTS {
            return Err(PictureError::Limit {
                what: "the number of texts",
                value: count as u64,
                limit: MAX_TEXTS as u64,
            });
        }
        self.check_metadata(Part::Text, bytes)
    }

    fn check_metadata(&self, part: Part, size: u64) -> Result<(), PictureError> {
        match size > self.max_metadata {
            true => Err(PictureError::Limit {
                what: part.size(),
                value: size,
                limit: self.max_metadata,
            }),
            false => Ok(()),
        }
    }
}

/// Bytes as text: UTF-8, or Latin-1 where they are not.
pub(crate) fn decode_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => decode_latin_1(bytes),
    }
}

/// Latin-1 as text.
pub(crate) fn decode_latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_once_and_are_few() {
        let mut names = Vec::new();
        for number in [0..10, 0..10, 0..1_000].into_iter().flatten() {
            push_name(&mut names, format!("part {number}"));
        }
        assert_eq!(names.len(), MAX_NAMES + 1);
        assert_eq!(names[MAX_NAMES - 1..], ["part 15", "others"]);
    }

    #[test]
    fn names_out_of_files_can_be_shown() {
        assert_eq!(shown("\u{1B}[2Jä\n"), "?[2Jä?");
        assert_eq!(shown(&"x".repeat(99)), "x".repeat(40));
    }
}
