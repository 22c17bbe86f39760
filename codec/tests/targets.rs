//! Targets of size, and following and stopping a run.

mod common;
#[path = "common/graphics.rs"]
mod graphics;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;

use common::{decode, encode, model, photo, plain};
use kiln::{
    Decoder, Effort, EncodeOptions, Encoder, Error, ErrorKind, Model, Picture, Progress, Stage,
    Target, Threads, TileSize,
};

/// Levels of the bundled weights.
const LEVELS: u8 = 64;

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
    if encoded.lossless {
        // There is nothing better.
        return;
    }
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
        let message = error.to_string();
        assert!(
            message.contains(&format!("takes {smallest} bytes")),
            "{message}"
        );
        assert_eq!(error.kind(), ErrorKind::Parameter);
        let budget = match target {
            Target::Bytes(n) => n,
            _ => 0,
        };
        assert!(
            matches!(error, Error::OutOfReach { budget: b, least } if b == budget && least == smallest),
            "{error:?}"
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

/// Notes every call; asks to stop at one of them, counted among those of a stage.
#[derive(Default)]
struct Recorder {
    stop_at: Option<(Stage, usize)>,
    calls: Mutex<Vec<(Stage, u64, u64)>>,
}

impl Recorder {
    fn stopping_at(stage: Stage, call: usize) -> Self {
        Self {
            stop_at: Some((stage, call)),
            ..Self::default()
        }
    }

    fn calls(self) -> Vec<(Stage, u64, u64)> {
        self.calls.into_inner().unwrap()
    }
}

impl Progress for Recorder {
    fn update(&self, stage: Stage, done: u64, total: u64) -> ControlFlow<()> {
        let mut calls = self.calls.lock().unwrap();
        calls.push((stage, done, total));
        match self.stop_at {
            Some((s, call)) if s == stage && count(&calls, s) >= call => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Calls of a stage.
fn count(calls: &[(Stage, u64, u64)], stage: Stage) -> usize {
    calls.iter().filter(|(s, ..)| *s == stage).count()
}

/// Checks that each stage goes forward from above 0 to its total, and returns the totals. Only for runs on one thread:
/// several threads may report out of order.
fn check_course(calls: &[(Stage, u64, u64)]) -> BTreeMap<&'static str, u64> {
    let mut last: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for &(stage, done, total) in calls {
        assert!(0 < done && done <= total, "{stage}: {done} of {total}");
        if let Some((before, same)) = last.insert(stage.name(), (done, total)) {
            assert!(before <= done && same == total, "{stage}: {calls:?}");
        }
    }
    assert!(
        last.values().all(|(done, total)| done == total),
        "{calls:?}"
    );
    last.into_iter().map(|(s, (_, total))| (s, total)).collect()
}

fn one_thread() -> Threads {
    Threads::new(1).unwrap()
}

#[test]
fn progress_tells_the_course_of_a_run() {
    // Several tiles: more than one call for each network.
    let model = model().with_tile(TileSize::new(256).unwrap());
    let picture = plain(photo(15, 700, 500).into());
    let options = EncodeOptions::default()
        .with_graphics(false)
        .with_target(Target::Level(20));
    let recorder = Recorder::default();
    let encoded = Encoder::new(model.clone())
        .with_threads(one_thread())
        .encode_with(&picture, &options, &recorder)
        .unwrap();
    // 44 x 32 cells, for z and for each of three steps.
    let code = 4 * 44 * 32;
    assert_eq!(
        check_course(&recorder.calls()),
        BTreeMap::from([("analyse", 350_000), ("code", code)])
    );

    let recorder = Recorder::default();
    let decoded = Decoder::new(model)
        .with_threads(one_thread())
        .decode_with(&encoded.bytes, &recorder)
        .unwrap();
    assert_eq!(
        check_course(&recorder.calls()),
        BTreeMap::from([("code", code), ("synthesise", 350_000)])
    );
    // That somebody watches changes nothing.
    assert_eq!(decoded.picture, decode(&encoded.bytes).picture);
    let stages = |stages: &kiln::StageTimes| stages.iter().map(|(s, _)| s).collect::<Vec<_>>();
    assert_eq!(
        stages(&encoded.stages),
        [Stage::Analyse, Stage::Code, Stage::Pack]
    );
    assert_eq!(
        stages(&decoded.about.stages),
        [Stage::Parse, Stage::Code, Stage::Synthesise]
    );
}

#[test]
fn every_level_that_is_tried_is_reported() {
    let recorder = Recorder::default();
    let options = EncodeOptions::default().with_target(Target::Bytes(2000));
    Encoder::new(model())
        .with_threads(one_thread())
        .encode_with(&picture(), &options, &recorder)
        .unwrap();
    // The lowest level and a bisection of 64, each of them 10 x 7 cells, for z and for each of three steps.
    assert_eq!(check_course(&recorder.calls())["code"], 7 * 4 * 70);
}

/// Three stripes.
fn tall() -> Picture {
    plain(photo(15, 40, 1100).into())
}

/// A run that is stopped at each call of a stage in turn, as often as that stage calls: it ends there, with nothing after.
fn check_stops(stage: Stage, run: impl Fn(&Recorder) -> Result<(), Error>) -> usize {
    let recorder = Recorder::default();
    run(&recorder).unwrap();
    let total = count(&recorder.calls(), stage);
    for call in 1..=total {
        let recorder = Recorder::stopping_at(stage, call);
        let error = run(&recorder).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let calls = recorder.calls();
        assert_eq!(
            calls.last().map(|(s, ..)| *s),
            Some(stage),
            "the run went on"
        );
        assert_eq!(count(&calls, stage), call, "the run went on: {calls:?}");
    }
    total
}

/// Text on a photograph: blocks are tried in the layer.
fn drawn() -> Picture {
    let text = graphics::drawn("text-coloured").into_rgb8();
    let text = image::imageops::crop_imm(&text, 0, 0, 80, 48).to_image();
    plain(graphics::paste(photo(15, 96, 80), &text, 16, 16).into())
}

#[test]
fn the_choice_of_blocks_is_reported_and_stops() {
    let encoder = Encoder::new(model()).with_threads(one_thread());
    let options = EncodeOptions::default().with_target(Target::Level(40));
    let run = |recorder: &Recorder| encoder.encode_with(&drawn(), &options, recorder).map(drop);
    let recorder = Recorder::default();
    run(&recorder).unwrap();
    let totals = check_course(&recorder.calls());
    assert!(
        totals.contains_key("graphics") && totals.contains_key("code"),
        "{totals:?}"
    );
    assert!(check_stops(Stage::Graphics, run) > 20);
}

#[test]
fn an_encoder_can_be_stopped_in_every_step_of_every_stage() {
    let picture = tall();
    let encoder = Encoder::new(model().with_tile(TileSize::new(256).unwrap()));
    let encoder = encoder.with_threads(one_thread());
    let check = |stage, options: EncodeOptions| {
        check_stops(stage, |recorder| {
            encoder.encode_with(&picture, &options, recorder).map(drop)
        })
    };
    let level = EncodeOptions::default()
        .with_target(Target::Level(20))
        .with_graphics(false);
    // Five tiles of the picture; z, and three steps of three stripes.
    assert_eq!(check(Stage::Analyse, level.clone()), 5);
    assert_eq!(check(Stage::Code, level.clone()), 10);
    assert_eq!(
        check(Stage::Code, level.clone().with_target(Target::Bytes(1500))),
        70
    );
    assert_eq!(
        check(Stage::Synthesise, level.clone().with_reconstruction(true)),
        5
    );
    // A search synthesises in tiles, and then codes what it has found.
    let effort = level.with_effort(Effort::new(1).unwrap());
    let evaluations = 2;
    assert_eq!(check(Stage::Refine, effort), 5 * evaluations + 10);
    // It can be used again.
    assert!(encoder.encode(&picture, &EncodeOptions::default()).is_ok());
}

#[test]
fn a_decoder_can_be_stopped_in_every_step_of_every_stage() {
    let bytes = encode(&tall(), Target::Level(20)).bytes;
    let decoder = Decoder::new(model().with_tile(TileSize::new(256).unwrap()));
    let decoder = decoder.with_threads(one_thread());
    let check = |stage| {
        check_stops(stage, |recorder| {
            decoder.decode_with(&bytes, recorder).map(drop)
        })
    };
    assert_eq!(check(Stage::Code), 10);
    assert_eq!(check(Stage::Synthesise), 5);
    assert!(decoder.decode(&bytes).is_ok());
}

/// Threads that are at work when another one is told to stop end what they are at, and no more.
#[test]
fn several_threads_stop_together() {
    let picture = tall();
    let bytes = encode(&picture, Target::Level(20)).bytes;
    let threads = Threads::new(3).unwrap();
    let encoder = Encoder::new(model()).with_threads(threads.clone());
    let decoder = Decoder::new(model()).with_threads(threads);
    let options = EncodeOptions::default().with_target(Target::Level(20));
    for call in 1..=10 {
        let (write, read) = (
            Recorder::stopping_at(Stage::Code, call),
            Recorder::stopping_at(Stage::Code, call),
        );
        let errors = [
            encoder.encode_with(&picture, &options, &write).unwrap_err(),
            decoder.decode_with(&bytes, &read).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::Cancelled), "{error:?}");
        }
        for calls in [write.calls(), read.calls()] {
            let found = count(&calls, Stage::Code);
            assert!((call..call + 3).contains(&found), "{found} of {call}");
            assert_eq!(count(&calls, Stage::Synthesise), 0);
        }
    }
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
