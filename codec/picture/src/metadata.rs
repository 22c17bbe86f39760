//! What travels beside pixels.

/// What image files carry beside their pixels. Blocks of bytes are passed on as they are, never parsed.
///
/// An empty block means the same as an absent one. Where several parts describe the colours of samples, the first of
/// these counts: [`cicp`](Self::cicp), [`icc`](Self::icc), [`gamma`](Self::gamma) and
/// [`chromaticities`](Self::chromaticities). Without any of them samples are sRGB.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// An ICC colour profile.
    pub icc: Option<Vec<u8>>,
    /// EXIF: the TIFF block alone, without the `Exif\0\0` some containers put in front of it.
    pub exif: Option<Vec<u8>>,
    /// The XMP packet. Of a packet that JPEG splits, the main part.
    pub xmp: Option<Vec<u8>>,
    /// The rest of a packet that JPEG splits ("extended XMP"), put together again.
    pub extended_xmp: Option<Vec<u8>>,
    /// Data sets of IPTC-IIM, each beginning with `1C`, without the resource that Photoshop puts around them.
    pub iptc: Option<Vec<u8>>,
    /// Code points of ITU-T H.273: colour primaries, transfer characteristics, matrix coefficients (0: samples are
    /// grey, or red, green and blue), and 1 for full or 0 for narrow range.
    pub cicp: Option<[u8; 4]>,
    /// 100,000 times the exponent that takes linear light to samples.
    pub gamma: Option<u32>,
    /// 100,000 times x and y of the white point, of red, of green and of blue.
    pub chromaticities: Option<[u32; 8]>,
    /// How densely pixels lie.
    pub density: Option<Density>,
    /// Texts, in the order of the file.
    pub text: Vec<Text>,
}

/// How densely pixels lie on paper or on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Density {
    /// Pixels per unit from left to right, 1 or more.
    pub x: u32,
    /// Pixels per unit from top to bottom, 1 or more.
    pub y: u32,
    /// What the pixels are counted along.
    pub unit: DensityUnit,
}

/// The unit of a [`Density`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DensityUnit {
    /// It is not known: the numbers say the shape of a pixel alone.
    Unknown,
    /// The metre.
    Metre,
}

/// A text and what it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text {
    /// What the text is about, in a word or two: `Title`, `Author`, `Comment`. An empty one counts as `Comment`.
    pub keyword: String,
    /// The language of the text, a tag of BCP 47, or nothing.
    pub language: String,
    /// The text.
    pub text: String,
}

impl Text {
    /// The keyword of a text that has none of its own.
    pub(crate) const COMMENT: &str = "Comment";

    /// The keyword to write: never empty.
    pub(crate) fn keyword(&self) -> &str {
        match self.keyword.as_str() {
            "" => Self::COMMENT,
            keyword => keyword,
        }
    }

    /// Bytes of all three strings.
    pub(crate) fn size(&self) -> u64 {
        (self.keyword.len() + self.language.len() + self.text.len()) as u64
    }
}

/// A block of metadata that is worth writing.
pub(crate) fn present(block: &Option<Vec<u8>>) -> Option<&[u8]> {
    block.as_deref().filter(|block| !block.is_empty())
}
