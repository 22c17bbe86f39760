//! Files with networks of their own, made once and kept: every machine must decode them to the very same samples.
//!
//! `KILN_BLESS=1 cargo test --release --workspace --test fitted_conformance` makes them anew when the format changes (which
//! CHANGELOG then says).

#[path = "common/set.rs"]
mod set;

use std::path::PathBuf;
use std::sync::OnceLock;

use kiln::picture::Metadata;
use kiln::{Decoder, EncodeOptions, Encoder, FITTED, Fit, Limits, Picture, Target, Threads, info};

/// Source and level: both ends of the rates, alpha, grey of 16 bits, a long thin picture, one pixel.
const FILES: [(&str, u8); 6] = [
    ("rgb", 9),
    ("rgb", 45),
    ("rgba", 45),
    ("grey16", 55),
    ("tall", 26),
    ("one", 0),
];

fn path((source, level): (&str, u8), extension: &str) -> PathBuf {
    let folder = set::folder().join("fitted");
    folder.join(format!("{source}-{level}.{extension}"))
}

/// Makes the files anew, once, if that is asked for.
fn prepare() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        if !set::bless() {
            return;
        }
        std::fs::create_dir_all(set::folder().join("fitted")).unwrap();
        let encoder = Encoder::new(set::cpu());
        for (source, level) in FILES {
            let options = EncodeOptions::default()
                .with_graphics(false)
                .with_target(Target::Level(level))
                .with_fit(Fit::iterations(300));
            let picture = Picture {
                image: set::make(source),
                metadata: Metadata::default(),
            };
            let bytes = encoder.encode(&picture, &options).unwrap().bytes;
            let decoded = Decoder::without_weights().decode(&bytes).unwrap();
            std::fs::write(path((source, level), "kiln"), bytes).unwrap();
            set::store(&path((source, level), "png"), decoded.picture.image);
        }
    });
}

#[test]
fn files_decode_to_their_pictures_exactly() {
    prepare();
    for file in FILES {
        let bytes = std::fs::read(path(file, "kiln")).unwrap();
        let expected = set::load(&path(file, "png")).image;
        for threads in [1, 2, 5] {
            let decoder = Decoder::without_weights().with_threads(Threads::new(threads).unwrap());
            let decoded = decoder.decode(&bytes).unwrap();
            assert!(decoded.picture.image == expected, "{file:?}");
        }
        let told = info(&bytes, &Limits::default()).unwrap();
        assert_eq!((told.architecture, told.level), (FITTED, file.1));
    }
}

#[test]
fn all_kinds_of_grids_are_among_them() {
    prepare();
    let inside = FILES.map(|file| {
        let bytes = std::fs::read(path(file, "kiln")).unwrap();
        info(&bytes, &Limits::default()).unwrap()
    });
    let shapes = inside.map(|info| info.fitted.unwrap().shape);
    assert!(shapes.iter().any(|s| s.hyper > 0 && s.convolutions > 0));
    assert!(shapes.iter().any(|s| s.levels == 1));
}
