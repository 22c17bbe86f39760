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

/// The name of texts that were dropped, with their keywords.
pub(crate) fn names_of_texts<'a>(texts: impl Iterator<Item = &'a Text>) -> Option<String> {
    let mut keywords: Vec<&str> = texts.map(Text::keyword).collect();
    keywords.dedup();
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

    /// Checks the size of the texts of a file, all of them together.
    pub(crate) fn accept_texts(&self, bytes: u64) -> Result<(), PictureError> {
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
