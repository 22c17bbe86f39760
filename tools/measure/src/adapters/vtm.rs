//! VVC by VTM, its reference software.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Adapter;
use super::pair::{self, Commands};
use super::pictures::Pictures;
use super::yuv::Chroma;
use crate::codec::CodecError;

/// Environment variable that names VTM's folder of configurations, the one with `encoder_intra_vtm.cfg`.
const FOLDER_VARIABLE: &str = "KILN_VTM_CFG";
const CONFIGURATION: &str = "encoder_intra_vtm.cfg";

/// VTM, BT.709 full range, 4:4:4, 10 bits, all intra.
pub const VTM: Adapter = Adapter {
    name: "vtm",
    about: "VVC intra by VTM (EncoderApp, DecoderApp; $KILN_VTM_CFG names its folder cfg), 4:4:4, 10 bits",
    settings: &[42.0, 37.0, 32.0, 27.0, 22.0],
    built_in: false,
    open: |name| pair::open(name, &COMMANDS),
};

const COMMANDS: Commands = Commands {
    // The configuration asks for a reconstruction, which has to go somewhere.
    encode: (
        &["EncoderApp", "EncoderAppStatic"],
        "-c {CFG} -i {IN} -wdt {WIDTH} -hgt {HEIGHT} -fr 1 -f 1 --InputChromaFormat=444 --InputBitDepth=10 \
        --OutputBitDepth=10 --ConformanceWindowMode=1 -q {Q} -b {OUT} -o {REC}",
    ),
    decode: (
        &["DecoderApp", "DecoderAppStatic"],
        "-b {IN} -o {OUT} -d 10",
    ),
    version: &[],
    setting: "qp",
    pictures: Pictures::Raw {
        chroma: Chroma::Full,
        step: 1,
    },
    extension: "vvc",
    configuration: Some(|program| configuration(env::var_os(FOLDER_VARIABLE), program)),
};

/// The configuration in the folder that the variable names, or in `cfg` near the program, as in VTM's own tree.
fn configuration(folder: Option<OsString>, program: &Path) -> Result<PathBuf, CodecError> {
    if let Some(folder) = folder {
        let path = Path::new(&folder).join(CONFIGURATION);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(lost(&format!("{} does not exist", path.display())))
        };
    }
    program
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join("cfg").join(CONFIGURATION))
        .find(|path| path.is_file())
        .ok_or_else(|| lost(&format!("{CONFIGURATION} was not found")))
}

fn lost(what: &str) -> CodecError {
    CodecError::Configuration(format!("{what}: set {FOLDER_VARIABLE} to VTM's folder cfg"))
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
