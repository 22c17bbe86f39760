//! Files made once and kept: every machine must decode them to the same symbols, and to the same picture within one step.
//!
//! The sources and their `.kiln` files lie in `golden/`; `KILN_BLESS=1 cargo test --release --workspace --test golden` writes the
//! files anew when weights or format change (which CHANGELOG then says).

use std::path::{Path, PathBuf};

use kiln::picture::{self, Format};
use kiln::{Decoder, DeviceChoice, EncodeOptions, Encoder, Model, Picture, Target};

/// Name, level. One per band of qualities and kind of pixels.
const FILES: [(&str, u8); 6] = [
    ("rgb", 8),
    ("rgb", 30),
    ("rgb", 63),
    ("grey", 40),
    ("rgba", 45),
    ("grey16", 55),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn load(path: &Path) -> Picture {
    picture::load(&std::fs::read(path).unwrap(), &Default::default()).unwrap()
}

/// Largest difference of any sample, in steps of 8 bit.
fn difference(a: &Picture, b: &Picture) -> f64 {
    assert_eq!(a.image.color(), b.image.color());
    let (a, b) = (a.image.to_rgba16(), b.image.to_rgba16());
    assert_eq!(a.dimensions(), b.dimensions());
    let largest = a
        .as_raw()
        .iter()
        .zip(b.as_raw())
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    f64::from(largest.unwrap_or(0)) / 257.0
}

#[test]
fn golden_files_decode_as_they_always_did() {
    let model = Model::bundled(&DeviceChoice::Cpu).unwrap();
    let bless = std::env::var_os("KILN_BLESS").is_some();
    for (name, level) in FILES {
        let path = folder().join(format!("{name}-{level}"));
        let (file, decoded) = (path.with_extension("kiln"), path.with_extension("png"));
        if bless {
            let source = load(&folder().join(format!("{name}.png")));
            let options = EncodeOptions::default().with_target(Target::Level(level));
            let bytes = Encoder::new(model.clone())
                .encode(&source, &options)
                .unwrap()
                .bytes;
            let picture = Decoder::new(model.clone()).decode(&bytes).unwrap().picture;
            std::fs::write(&file, bytes).unwrap();
            std::fs::write(
                &decoded,
                picture::store(&picture, Format::Png, &Default::default())
                    .unwrap()
                    .0,
            )
            .unwrap();
        }
        // The checksum in the file proves every symbol; a wrong one is an error.
        let got = Decoder::new(model.clone())
            .decode(&std::fs::read(&file).unwrap())
            .unwrap();
        assert_eq!(got.level, level);
        let d = difference(&got.picture, &load(&decoded));
        assert!(d <= 1.0, "{name} at level {level}: {d} steps of 8 bit");
    }
}

#[test]
fn encoding_a_golden_source_gives_about_the_golden_size() {
    let model = Model::bundled(&DeviceChoice::Cpu).unwrap();
    for (name, level) in FILES {
        let source = load(&folder().join(format!("{name}.png")));
        let options = EncodeOptions::default().with_target(Target::Level(level));
        let size = Encoder::new(model.clone())
            .encode(&source, &options)
            .unwrap()
            .bytes
            .len() as f64;
        let golden = std::fs::metadata(folder().join(format!("{name}-{level}.kiln")))
            .unwrap()
            .len() as f64;
        // g_a is float: a symbol may round the other way on another machine.
        assert!(
            (size - golden).abs() <= 0.01 * golden + 4.0,
            "{name} at level {level}: {size} bytes, golden {golden}"
        );
    }
}
