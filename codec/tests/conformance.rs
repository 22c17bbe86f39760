//! Files made once and kept: every machine must decode them to the same integers, and to the same picture within one step.
//!
//! `codec/CONFORMANCE.md` describes the set. `KILN_BLESS=1 cargo test --release --workspace --test conformance` makes it
//! anew when weights or format change (which CHANGELOG then says).

#[path = "common/set.rs"]
mod set;

use std::fmt::Write;
use std::sync::OnceLock;

use kiln::{Decoder, Pixels, Silent};
use set::{Case, FILES};

/// Makes the set anew, once, if that is asked for.
fn prepare() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        if !set::bless() {
            return;
        }
        let sources = set::folder().join("source");
        std::fs::create_dir_all(&sources).unwrap();
        // Files that are no longer in the list go.
        for folder in [set::folder(), sources] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|e| e == "png" || e == "kiln") {
                    std::fs::remove_file(path).unwrap();
                }
            }
        }
        let model = set::cpu();
        for (source, level) in FILES {
            let image = set::make(source);
            set::store(&set::source_path(source), image.clone());
            let bytes = set::encode(&model, image, level);
            let decoded = Decoder::new(model.clone()).decode(&bytes).unwrap();
            std::fs::write(set::path(source, level, "kiln"), bytes).unwrap();
            set::store(&set::path(source, level, "png"), decoded.picture.image);
        }
        std::fs::write(set::folder().join("manifest.json"), manifest()).unwrap();
    });
}

/// What the CPU of this machine makes of the files, in words that are compared as a whole.
fn manifest() -> String {
    let model = set::reference();
    let mut files = Vec::new();
    let mut total = 0;
    for (source, level) in FILES {
        let case = Case::read(source, level);
        let trace = case.trace(model.as_ref());
        total += trace.symbols();
        files.push(format!(
            "    {{ \"file\": \"{0}.kiln\", \"source\": \"source/{source}.png\", \"decoded\": \"{0}.png\", \
             \"level\": {level}, \"width\": {1}, \"height\": {2}, \"bytes\": {3}, \"symbols\": {4}, \
             \"crc32c\": {{ \"symbols\": \"{5:08x}\", \"places\": \"{6:08x}\", \"latents\": \"{7:08x}\" }} }}",
            case.name,
            case.header.width,
            case.header.height,
            case.bytes.len(),
            trace.symbols(),
            case.crc,
            trace.places_checksum(),
            trace.latents.checksum(),
        ));
    }
    let mut text = String::new();
    writeln!(text, "{{").unwrap();
    writeln!(
        text,
        "  \"decoder_set\": \"{}\",",
        model.facts().decoder_set
    )
    .unwrap();
    writeln!(text, "  \"symbols\": {total},").unwrap();
    writeln!(text, "  \"files\": [\n{}\n  ]\n}}", files.join(",\n")).unwrap();
    text
}

#[test]
fn files_decode_to_the_integers_of_the_manifest() {
    prepare();
    let stored = std::fs::read_to_string(set::folder().join("manifest.json")).unwrap();
    let now = manifest();
    for (now, stored) in now.lines().zip(stored.lines()) {
        assert_eq!(now, stored);
    }
    assert_eq!(now.lines().count(), stored.lines().count());
}

#[test]
fn files_decode_to_their_pictures_within_one_step() {
    prepare();
    let decoder = Decoder::new(set::cpu());
    let mut all = kiln::PixelDifference::default();
    for (source, level) in FILES {
        let case = Case::read(source, level);
        let found = set::pixels(&decoder, &case, &set::path(source, level, "png"));
        assert!(found.within_one(), "{}: {found:?}", case.name);
        all.add(&found);
    }
    println!(
        "{} of {} samples differ from the stored pictures",
        all.differing, all.samples
    );
}

#[test]
fn sources_are_what_makes_them() {
    prepare();
    for (source, _) in FILES {
        let stored = set::load(&set::source_path(source)).image;
        assert!(
            stored == set::make(source),
            "{source}: the stored picture is not the one that is made"
        );
    }
}

#[test]
fn encoding_a_source_gives_about_its_size() {
    prepare();
    let model = set::cpu();
    for (source, level) in FILES {
        let image = set::load(&set::source_path(source)).image;
        let has_alpha = image.color().has_alpha();
        let size = set::encode(&model, image, level).len() as f64;
        let stored = Case::read(source, level).bytes.len() as f64;
        // g_a is float: a symbol may round the other way on another machine. Alpha was larger when the set was made.
        let saved = match has_alpha {
            true => 0.5 * stored,
            false => 0.0,
        };
        let least = 0.99 * stored - 4.0 - saved;
        assert!(
            (least..=1.01 * stored + 4.0).contains(&size),
            "{source} at level {level}: {size} bytes, stored {stored}"
        );
    }
}

/// What the documents say of the set: every kind of pixels and band of quality is in it, and it stays small.
#[test]
fn the_set_covers_what_it_claims() {
    prepare();
    let kinds: std::collections::HashSet<_> = FILES
        .iter()
        .map(|(source, _)| set::make(source).color())
        .collect();
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    assert!(
        FILES
            .iter()
            .all(|(s, _)| Pixels::try_from(&set::make(s)).is_ok())
    );
    let mut bands = [false; 8];
    FILES
        .iter()
        .for_each(|(_, level)| bands[usize::from(level / 8)] = true);
    assert_eq!(bands, [true; 8]);
    let bytes = |folder: std::path::PathBuf| -> u64 {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().metadata().unwrap())
            .filter(|m| m.is_file())
            .map(|m| m.len())
            .sum()
    };
    let total = bytes(set::folder()) + bytes(set::folder().join("source"));
    println!("{total} bytes");
    assert!(total < 1_500_000, "{total} bytes");
    assert!(Case::read("tall", 26).streams.len() == 4, "three stripes");
}

#[test]
fn the_bundled_self_test_passes_on_the_cpu() {
    prepare();
    if set::bless() {
        // The files inside this program are those from before.
        return;
    }
    let report = kiln::selftest::run(Some(&kiln::DeviceChoice::Cpu), &Silent).unwrap();
    assert!(report.passed(), "{report:?}");
    let [cpu] = report.devices.as_slice() else {
        panic!("{report:?}")
    };
    assert!(cpu.exact.identical() && cpu.exact.symbols > 100_000 && cpu.pixels.samples > 100_000);
}
