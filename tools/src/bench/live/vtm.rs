//! VVC by VTM, its reference software.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use image::RgbImage;

use super::tool::{Scratch, Tool, arguments};
use super::yuv::{self, Chroma};
use super::{Adapter, about};
use crate::bench::codec::{About, Codec, Decoded, Encoded};
use crate::bench::results::Stages;

/// Environment variable that names VTM's folder of configurations, the one with `encoder_intra_vtm.cfg`.
const FOLDER_VARIABLE: &str = "KILN_VTM_CFG";
const CONFIGURATION: &str = "encoder_intra_vtm.cfg";

const ENCODE: &str = "-c {CFG} -i {IN} -wdt {WIDTH} -hgt {HEIGHT} -fr 1 -f 1 --InputChromaFormat=444 --InputBitDepth=10 \
    --OutputBitDepth=10 --ConformanceWindowMode=1 -q {Q} -b {OUT} -o {REC}";
const DECODE: &str = "-b {IN} -o {OUT} -d 10";

/// VTM, BT.709 full range, 4:4:4, 10 bits, all intra.
pub const VTM: Adapter = Adapter {
    name: "vtm",
    about: "VVC intra by VTM (EncoderApp, DecoderApp; $KILN_VTM_CFG names its folder cfg), 4:4:4, 10 bits",
    settings: &[42.0, 37.0, 32.0, 27.0, 22.0],
    built_in: false,
    open: |name| {
        let encoder = Tool::find(&["EncoderApp", "EncoderAppStatic"])?;
        let decoder = Tool::find(&["DecoderApp", "DecoderAppStatic"])?;
        let configuration = configuration(env::var_os(FOLDER_VARIABLE), encoder.path())?;
        let plain = |line: &str| line.replace(['{', '}'], "").replace("CFG", CONFIGURATION);
        let command = format!(
            "EncoderApp {} ; DecoderApp {}",
            plain(ENCODE),
            plain(DECODE)
        );
        Ok(Box::new(Vtm {
            about: about(name, "qp", encoder.version(&[]), command),
            encoder,
            decoder,
            configuration,
        }))
    },
};

struct Vtm {
    about: About,
    encoder: Tool,
    decoder: Tool,
    configuration: PathBuf,
}

/// The configuration in the folder that the variable names, or in `cfg` near the program, as in VTM's own tree.
fn configuration(folder: Option<OsString>, program: &Path) -> anyhow::Result<PathBuf> {
    if let Some(folder) = folder {
        let path = Path::new(&folder).join(CONFIGURATION);
        ensure!(
            path.is_file(),
            "{} does not exist: set {FOLDER_VARIABLE} to VTM's folder cfg",
            path.display()
        );
        return Ok(path);
    }
    program
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join("cfg").join(CONFIGURATION))
        .find(|path| path.is_file())
        .with_context(|| {
            format!("{CONFIGURATION} was not found: set {FOLDER_VARIABLE} to VTM's folder cfg")
        })
}

impl Codec for Vtm {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, picture: &RgbImage, q: f64) -> anyhow::Result<Encoded> {
        let scratch = Scratch::new()?;
        let input = scratch.write("in.yuv", &yuv::encode(picture, Chroma::Full))?;
        let (width, height) = (picture.width().to_string(), picture.height().to_string());
        let (q, out) = (q.to_string(), scratch.path("out.vvc"));
        // The configuration asks for a reconstruction; nobody reads it.
        let reconstruction = scratch.path("rec.yuv");
        let values = [
            ("CFG", self.configuration.as_ref()),
            ("Q", q.as_ref()),
            ("WIDTH", width.as_ref()),
            ("HEIGHT", height.as_ref()),
            ("IN", input.as_ref()),
            ("OUT", out.as_ref()),
            ("REC", reconstruction.as_ref()),
        ];
        let seconds = self.encoder.run(arguments(ENCODE, &values))?;
        Ok(Encoded {
            bytes: scratch.read("out.vvc")?,
            seconds,
            stages: Stages::new(),
        })
    }

    fn decode(&self, bytes: &[u8], size: (u32, u32)) -> anyhow::Result<Decoded> {
        let scratch = Scratch::new()?;
        let (input, out) = (scratch.write("in.vvc", bytes)?, scratch.path("out.yuv"));
        let values = [("IN", input.as_ref()), ("OUT", out.as_ref())];
        let seconds = self.decoder.run(arguments(DECODE, &values))?;
        Ok(Decoded {
            picture: yuv::decode(&scratch.read("out.yuv")?, size, Chroma::Full)?,
            seconds,
            stages: Stages::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_configuration_is_found_near_the_program() {
        let tree = tempfile::tempdir().unwrap();
        let program = tree.path().join("bin").join("EncoderAppStatic");
        let error = configuration(None, &program).unwrap_err().to_string();
        assert!(error.contains(FOLDER_VARIABLE), "{error}");
        let folder = tree.path().join("cfg");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(CONFIGURATION), "").unwrap();
        let expected = folder.join(CONFIGURATION);
        assert_eq!(configuration(None, &program).unwrap(), expected);
        let named = Some(folder.into_os_string());
        assert_eq!(configuration(named, Path::new("x")).unwrap(), expected);
        let wrong = Some(tree.path().join("bin").into_os_string());
        assert!(configuration(wrong, &program).is_err());
    }
}
