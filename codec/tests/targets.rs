//! Targets of size, and following and stopping a run.

mod common;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;

use common::{decode, encode, model, photo, plain};
use kiln::{
    Decoder, EncodeOptions, Encoder, Error, ErrorKind, LEVELS, Model, Picture, Progress, Target,
    TileSize, stage,
};

fn picture() -> Picture {
    plain(photo(15, 160, 112).into())
}

fn try_encode(picture: &Picture, target: Target) -> Result<kiln::Encoded, Error> {
    let options = EncodeOptions::default().with_target(target);
    Encoder::new(model()).encode(picture, &options)
}

/// Checks that a file fits, that it is the file of its level, and that the next level would not fit.
fn check_best(picture: &Picture, encoded: &kiln::Encoded, budget: u64) {
    let size = |level| encode(picture, Target::Level(level)).bytes;
    assert!(encoded.bytes.len() as u64 <= budget);
    assert_eq!(encoded.bytes, size(encoded.level));
    if encoded.level + 1 < LEVELS {
        let next = size(encoded.level + 1).len() as u64;
        assert!(next > budget, "level {} fits, too", encoded.level + 1);
    }
}

#[test]
fn a_budget_of_bytes_is_used_up_to_a_level() {
    let picture = picture();
    let smallest = encode(&picture, Target::Level(0)).bytes.len() as u64;
    let largest = encode(&picture, Target::Level(LEVELS - 1)).bytes.len() as u64;
    let mut budgets = [
        smallest,
        smallest + 1,
        700,
        1500,
        2500,
        largest - 1,
        largest,
        u64::MAX,
    ]
    .map(|budget| budget.max(smallest));
    budgets.sort();
    let mut levels = Vec::new();
    for budget in budgets {
        let encoded = encode(&picture, Target::Bytes(budget));
        println!(
            "{budget} bytes: level {}, {} bytes",
            encoded.level,
            encoded.bytes.len()
        );
        check_best(&picture, &encoded, budget);
        levels.push(encoded.level);
    }
    assert!(levels.is_sorted(), "{levels:?}");
    assert_eq!(levels.last(), Some(&(LEVELS - 1)));
}

#[test]
fn a_rate_counts_every_byte_of_the_file() {
    let mut picture = picture();
    let pixels = 160.0 * 112.0;
    let bare = try_encode(&picture, Target::Bpp(1.0)).unwrap();
    check_best(&picture, &bare, (pixels / 8.0) as u64);
    // A profile takes its bytes from the picture.
    picture.metadata.icc = Some(vec![7; 1000]);
    let tagged = try_encode(&picture, Target::Bpp(1.0)).unwrap();
    check_best(&picture, &tagged, (pixels / 8.0) as u64);
    assert!(tagged.level < bare.level);
    for bpp in [0.5, 2.0] {
        let encoded = try_encode(&plain(picture.image.clone()), Target::Bpp(bpp)).unwrap();
        assert!(encoded.bytes.len() as f64 * 8.0 / pixels <= bpp);
    }
}

#[test]
fn a_target_out_of_reach_names_the_smallest_size() {
    let picture = picture();
    let smallest = encode(&picture, Target::Level(0)).bytes.len() as u64;
    for target in [
        Target::Bytes(smallest - 1),
        Target::Bytes(1),
        Target::Bpp(1e-6),
    ] {
        let error = try_encode(&picture, target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameter);
        let message = error.to_string();
        assert!(
            message.contains(&format!("takes {smallest} bytes")),
            "{message}"
        );
    }
}

#[test]
fn targets_out_of_range_are_refused() {
    let picture = picture();
    for target in [
        Target::Quality(101),
        Target::Level(LEVELS),
        Target::Bpp(f64::INFINITY),
        Target::Bpp(-1.0),
        Target::Bytes(0),
    ] {
        let error = try_encode(&picture, target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameter, "{error}");
    }
}

/// Notes every call; asks to stop at the first of one stage.
#[derive(Default)]
struct Recorder {
    stop_at: Option<&'static str>,
    calls: Mutex<Vec<(&'static str, u64, u64)>>,
}

impl Recorder {
    fn stopping_at(stage: &'static str) -> Self {
        Self {
            stop_at: Some(stage),
            ..Self::default()
        }
    }

    fn calls(self) -> Vec<(&'static str, u64, u64)> {
        self.calls.into_inner().unwrap()
    }
}

impl Progress for Recorder {
    fn update(&self, stage: &'static str, done: u64, total: u64) -> ControlFlow<()> {
        self.calls.lock().unwrap().push((stage, done, total));
        if self.stop_at == Some(stage) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Checks that each stage goes forward from above 0 to its total, and returns the totals.
fn check_course(calls: &[(&'static str, u64, u64)]) -> BTreeMap<&'static str, u64> {
    let mut last: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for &(stage, done, total) in calls {
        assert!(0 < done && done <= total, "{stage}: {done} of {total}");
        if let Some((before, same)) = last.insert(stage, (done, total)) {
            assert!(before <= done && same == total, "{stage}: {calls:?}");
        }
    }
    assert!(
        last.values().all(|(done, total)| done == total),
        "{calls:?}"
    );
    last.into_iter().map(|(s, (_, total))| (s, total)).collect()
}

#[test]
fn progress_tells_the_course_of_a_run() {
    // Several tiles: more than one call for each network.
    let model = model().with_tile(TileSize::new(256).unwrap()).unwrap();
    let picture = plain(photo(15, 700, 500).into());
    let options = EncodeOptions::default().with_target(Target::Level(20));
    let recorder = Recorder::default();
    let encoded = Encoder::new(model.clone())
        .encode_with(&picture, &options, &recorder)
        .unwrap();
    let totals = check_course(&recorder.calls());
    assert_eq!(
        totals,
        BTreeMap::from([(stage::ANALYSE, 350_000), (stage::CODE, 1)])
    );

    let recorder = Recorder::default();
    let decoded = Decoder::new(model)
        .decode_with(&encoded.bytes, &recorder)
        .unwrap();
    let calls = recorder.calls();
    assert!(calls.len() > 1);
    assert_eq!(
        check_course(&calls),
        BTreeMap::from([(stage::SYNTHESISE, 350_000)])
    );
    // That somebody watches changes nothing.
    assert_eq!(decoded.picture, decode(&encoded.bytes).picture);
    let names = |stages: &kiln::StageTimes| stages.iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(
        names(&encoded.stages),
        [stage::ANALYSE, stage::PACK, stage::CODE]
    );
    assert_eq!(
        names(&decoded.stages),
        [stage::PARSE, stage::CODE, stage::SYNTHESISE]
    );
}

#[test]
fn a_search_reports_every_level_it_tries() {
    let recorder = Recorder::default();
    let options = EncodeOptions::default().with_target(Target::Bytes(2000));
    Encoder::new(model())
        .encode_with(&picture(), &options, &recorder)
        .unwrap();
    let calls = recorder.calls();
    let tried = calls.iter().filter(|(s, ..)| *s == stage::CODE).count() as u64;
    assert_eq!(check_course(&calls)[stage::CODE], tried);
    assert_eq!(tried, 7, "the lowest level and a bisection of 64");
}

#[test]
fn a_run_can_be_stopped_in_every_stage() {
    let picture = picture();
    let encoder = Encoder::new(model());
    for target in [Target::Level(20), Target::Bytes(2000)] {
        let options = EncodeOptions::default().with_target(target);
        for stage in [stage::ANALYSE, stage::CODE] {
            let recorder = Recorder::stopping_at(stage);
            let error = encoder
                .encode_with(&picture, &options, &recorder)
                .unwrap_err();
            assert!(matches!(error, Error::Cancelled), "{error:?}");
            assert_eq!(error.kind(), ErrorKind::Cancelled);
            let calls = recorder.calls();
            let stops = calls.iter().filter(|(s, ..)| *s == stage).count();
            assert_eq!(stops, 1, "the run went on: {calls:?}");
        }
    }
    let decoder = Decoder::new(model());
    let bytes = encode(&picture, Target::Level(20)).bytes;
    let recorder = Recorder::stopping_at(stage::SYNTHESISE);
    let error = decoder.decode_with(&bytes, &recorder).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    assert_eq!(recorder.calls().len(), 1);
    // Both can be used again.
    assert!(encoder.encode(&picture, &EncodeOptions::default()).is_ok());
    assert!(decoder.decode(&bytes).is_ok());
}

const _: () = {
    const fn crosses_threads<T: Send + Sync + Clone>() {}
    crosses_threads::<Model>();
    crosses_threads::<Encoder>();
    crosses_threads::<Decoder>();
};

#[test]
fn several_threads_share_one_encoder_and_decoder() {
    let (encoder, decoder) = (Encoder::new(model()), Decoder::new(model()));
    let (picture, options) = (picture(), EncodeOptions::default());
    let expected = encoder.encode(&picture, &options).unwrap().bytes;
    let pixels = decoder.decode(&expected).unwrap().picture;
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let bytes = encoder.encode(&picture, &options).unwrap().bytes;
                assert!(bytes == expected);
                assert!(decoder.decode(&bytes).unwrap().picture == pixels);
            });
        }
    });
}
