//! Weights with other numbers of levels than the bundled ones: one, and thirteen.

mod common;
#[path = "common/set.rs"]
mod set;
#[path = "common/weights.rs"]
mod weights;

use common::{photo, plain};
use kiln::{
    Decoder, DeviceChoice, Effort, EncodeOptions, Encoded, Encoder, Error, ErrorKind, Limits,
    Model, Picture, Target, info,
};
use kiln_container::Container;
use set::Case;

/// Weights with some of the bundled levels.
struct Cut {
    model: Model,
    levels: Vec<usize>,
}

impl Cut {
    fn new(levels: Vec<usize>) -> Self {
        let bytes = weights::with_levels(&levels);
        let model = Model::from_bytes("cut weights", bytes, &DeviceChoice::Cpu).unwrap();
        Self { model, levels }
    }

    fn one() -> Self {
        Self::new(vec![38])
    }

    fn thirteen() -> Self {
        Self::new((0..13).map(|i| 5 * i).collect())
    }

    fn last(&self) -> u8 {
        self.levels.len() as u8 - 1
    }

    fn try_encode(&self, picture: &Picture, target: Target) -> Result<Encoded, Error> {
        Encoder::new(self.model.clone()).encode(picture, &modelled(target))
    }

    fn encode(&self, picture: &Picture, target: Target) -> Encoded {
        self.try_encode(picture, target).unwrap()
    }
}

/// The model alone, at the level that is asked for.
fn modelled(target: Target) -> EncodeOptions {
    EncodeOptions::default()
        .with_target(target)
        .with_graphics(false)
}

fn picture() -> Picture {
    plain(photo(15, 130, 75).into())
}

/// The streams are those of the level that was kept; the rest of the file says which one it is now.
#[test]
fn every_level_codes_as_it_did_among_all() {
    let picture = picture();
    for cut in [Cut::one(), Cut::thirteen()] {
        assert_eq!(cut.model.levels().count(), cut.levels.len());
        let decoder = Decoder::new(cut.model.clone());
        for (level, &kept) in cut.levels.iter().enumerate() {
            let level = level as u8;
            let encoded = cut.encode(&picture, Target::Level(level));
            assert_eq!(encoded.level, level);
            let all = Encoder::new(common::model())
                .encode(&picture, &modelled(Target::Level(kept as u8)))
                .unwrap()
                .bytes;
            let now = Case::new("cut".into(), encoded.bytes.clone());
            let before = Case::new("bundled".into(), all.clone());
            assert!(now.streams == before.streams && now.crc == before.crc);

            let decoded = decoder.decode(&encoded.bytes).unwrap();
            assert_eq!(decoded.about.level, level);
            assert_eq!(decoded.picture, common::decode(&all).picture);
            let info = info(&encoded.bytes, &Limits::default()).unwrap();
            assert_eq!(
                (info.level, info.decoder_set),
                (level, cut.model.decoder_set())
            );
        }
    }
}

#[test]
fn qualities_name_the_levels_that_there_are() {
    let picture = picture();
    let level = |cut: &Cut, quality| cut.encode(&picture, Target::Quality(quality)).level;
    let (one, thirteen) = (Cut::one(), Cut::thirteen());
    for quality in [0, 60, 100] {
        assert_eq!(level(&one, quality), 0);
    }
    let found = [0, 4, 5, 50, 60, 95, 96, 100].map(|quality| level(&thirteen, quality));
    assert_eq!(found, [0, 0, 1, 6, 7, 11, 12, 12]);
    // The default is one of them too.
    let default = Encoder::new(one.model).encode(&picture, &EncodeOptions::default());
    assert_eq!(default.unwrap().level, 0);
}

#[test]
fn levels_beyond_the_last_are_the_callers_mistake() {
    for cut in [Cut::one(), Cut::thirteen()] {
        let beyond = cut.last() + 1;
        let error = cut
            .try_encode(&picture(), Target::Level(beyond))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameter);
        let text = format!("level {beyond} is outside 0..={}", cut.last());
        assert!(error.to_string().contains(&text), "{error}");
    }
}

#[test]
fn a_file_of_a_level_beyond_the_last_is_damaged() {
    let cut = Cut::thirteen();
    let bytes = cut.encode(&picture(), Target::Level(12)).bytes;
    let mut container = Container::parse(&bytes, &Default::default()).unwrap();
    container.frames[0].level = 13;
    let error = Decoder::new(cut.model).decode(&container.write().unwrap());
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(
        error.to_string().contains("level 13 is outside 0..=12"),
        "{error}"
    );
}

#[test]
fn budgets_take_the_best_level_that_fits() {
    let picture = picture();
    for cut in [Cut::one(), Cut::thirteen()] {
        let sizes: Vec<u64> = (0..=cut.last())
            .map(|level| cut.encode(&picture, Target::Level(level)).bytes.len() as u64)
            .collect();
        for (level, &size) in sizes.iter().enumerate() {
            // A file of its level fits its own size.
            let encoded = cut.encode(&picture, Target::Bytes(size));
            assert_eq!(
                (usize::from(encoded.level), encoded.bytes.len() as u64),
                (level, size)
            );
        }
        let most = cut.encode(&picture, Target::Bytes(u64::MAX));
        assert_eq!(most.level, cut.last());
        let error = cut
            .try_encode(&picture, Target::Bytes(sizes[0] - 1))
            .unwrap_err();
        assert!(
            matches!(error, Error::OutOfReach { budget, least } if (budget, least) == (sizes[0] - 1, sizes[0])),
            "{error:?}"
        );
    }
}

#[test]
fn a_search_works_on_them_too() {
    let picture = picture();
    for cut in [Cut::one(), Cut::thirteen()] {
        let options = EncodeOptions::default().with_effort(Effort::new(2).unwrap());
        let encoder = Encoder::new(cut.model.clone());
        for target in [Target::Quality(60), Target::Bytes(3000)] {
            let options = options.clone().with_target(target);
            let encoded = encoder.encode(&picture, &options).unwrap();
            let decoded = Decoder::new(cut.model.clone())
                .decode(&encoded.bytes)
                .unwrap();
            assert_eq!(decoded.about.level, encoded.level);
            if let Target::Bytes(budget) = target {
                assert!(encoded.bytes.len() as u64 <= budget);
            }
        }
    }
}

/// A decoder may have several sets of weights, and takes the one that a file names.
#[test]
fn a_decoder_takes_the_weights_that_a_file_names() {
    let picture = picture();
    let (one, thirteen) = (Cut::one(), Cut::thirteen());
    let decoder = Decoder::new(common::model())
        .with_model(one.model.clone())
        .with_model(thirteen.model.clone());
    let files = [
        common::encode(&picture, Target::Level(38)).bytes,
        one.encode(&picture, Target::Level(0)).bytes,
        thirteen.encode(&picture, Target::Level(7)).bytes,
    ];
    let levels = files.map(|bytes| decoder.decode(&bytes).unwrap().about.level);
    assert_eq!(levels, [38, 0, 7]);
}
