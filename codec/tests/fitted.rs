//! Pictures whose networks are fitted to them: every kind and small size, targets, the choice between fit and weights, what
//! can be watched and stopped. Fits are as short as they can be; what long ones come to is measured elsewhere.

mod common;
#[path = "common/graphics.rs"]
mod graphics;

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{KINDS, Random, alpha, decode, encode, model, of_kind, photo, plain, psnr};
use image::{DynamicImage, RgbImage};
use kiln::picture::Metadata;
use kiln::{
    Alpha, Channels, Decoder, EncodeOptions, Encoded, Encoder, Error, ErrorKind, FITTED, Fit,
    FitStatus, LOSSLESS, Limits, Next, Picture, PixelsMut, Progress, Silent, Stage, Target,
    Threads, info, peek, verify,
};

/// Without the layer: small pictures are cheaper without loss, and nothing would be fitted.
fn options(iterations: u32) -> EncodeOptions {
    EncodeOptions::default()
        .with_graphics(false)
        .with_fit(Fit::iterations(iterations))
        .with_reconstruction(true)
}

fn fitted(picture: &Picture, options: &EncodeOptions) -> Encoded {
    let encoded = Encoder::new(model()).encode(picture, options).unwrap();
    assert_eq!(encoded.architecture, FITTED);
    encoded
}

fn without_weights(bytes: &[u8]) -> DynamicImage {
    let decoded = Decoder::without_weights().decode(bytes).unwrap();
    decoded.picture.image
}

#[test]
fn every_kind_and_size_comes_back_without_weights() {
    for (index, &(width, height)) in [(1, 1), (1, 7), (40, 33), (64, 48)].iter().enumerate() {
        let source = photo(5 + index as u32, width, height);
        for kind in KINDS {
            let what = format!("{width}x{height} {kind:?}");
            let image = of_kind(&source, kind, |x, y| ((x * 7 + y * 11 + 3) * 700) as u16);
            let picture = Picture {
                image,
                metadata: Metadata {
                    icc: Some(Random(1).bytes(50)),
                    ..Metadata::default()
                },
            };
            let encoded = fitted(&picture, &options(30));
            let decoded = Decoder::without_weights().decode(&encoded.bytes).unwrap();
            let expected = encoded.reconstruction.as_ref().unwrap();
            // Integers alone lead to these pixels.
            assert_eq!(decoded.picture.image, expected.image, "{what}");
            assert_eq!(decoded.picture.image.color(), kind);
            assert_eq!(alpha(&decoded.picture.image), alpha(&picture.image));
            assert_eq!(decoded.picture.metadata, picture.metadata);
            assert_eq!(decoded.about.latents_checksum, expected.latents_checksum);
            assert!(!decoded.about.lossless && decoded.about.warnings.is_empty());
            let proof = verify(&Decoder::new(model()), &encoded.bytes, expected, &Silent).unwrap();
            assert_eq!(proof.pixels.differing, 0);

            let told = info(&encoded.bytes, &Limits::default()).unwrap();
            assert_eq!((told.architecture, told.portable), (FITTED, true));
            assert_eq!(told.architecture_name, Some("fitted"));
            assert_eq!(told.level, encoded.level);
            let inside = told.fitted.unwrap();
            let grids: u64 = inside.grids.iter().map(|group| group.bytes).sum();
            assert_eq!(inside.weight_bytes + grids, told.payload, "{what}");
            let named: usize = inside.grids.iter().map(|group| group.grids.len()).sum();
            assert_eq!(named, inside.shape.grid_count());
            let header = peek(&encoded.bytes).unwrap();
            assert_eq!((header.width, header.height), (width, height));
            assert_eq!(header.alpha != Alpha::None, kind.has_alpha());
        }
    }
}

#[test]
fn callers_pixels_of_another_kind_get_the_same_picture() {
    let source = of_kind(&photo(9, 40, 33), KINDS[6], |_, _| u16::MAX);
    let encoded = fitted(&plain(source), &options(30));
    let own = without_weights(&encoded.bytes);
    let mut rgba = vec![7_u8; 40 * 33 * 4];
    let pixels = PixelsMut::new(&mut rgba, 40, 33, Channels::Rgba).unwrap();
    let about = Decoder::without_weights()
        .decode_into(&encoded.bytes, pixels, &Silent)
        .unwrap();
    assert_eq!(about.level, encoded.level);
    assert_eq!(rgba, own.to_rgba8().into_raw());
    // Grey has no room for colours.
    let mut grey = vec![0_u8; 40 * 33];
    let pixels = PixelsMut::new(&mut grey, 40, 33, Channels::Grey).unwrap();
    let refused = Decoder::without_weights().decode_into(&encoded.bytes, pixels, &Silent);
    assert!(matches!(refused, Err(Error::Picture(_))), "{refused:?}");
}

#[test]
fn files_do_not_depend_on_threads_but_on_the_seed() {
    let picture = plain(photo(14, 64, 48).into());
    let with = |threads, seed| {
        let mut options = options(40);
        options.fit = options.fit.map(|fit| fit.with_seed(seed));
        let encoder = Encoder::new(model()).with_threads(Threads::new(threads).unwrap());
        encoder.encode(&picture, &options).unwrap().bytes
    };
    let one = with(1, 0);
    assert!(one == with(2, 0));
    assert!(one == with(1, 0));
    assert!(one != with(1, 1));
    let by = |threads| {
        let decoder = Decoder::without_weights().with_threads(Threads::new(threads).unwrap());
        decoder.decode(&one).unwrap().picture.image
    };
    assert_eq!(by(1), by(3));
}

#[test]
fn fits_follow_the_picture_and_the_level() {
    let picture = plain(photo(23, 64, 48).into());
    let at = |level| {
        let options = options(400).with_target(Target::Level(level));
        let encoded = fitted(&picture, &options);
        let found = psnr(&without_weights(&encoded.bytes), &picture.image);
        let told = encoded.fitted.as_ref().unwrap();
        assert!((told.psnr - found).abs() < 0.02, "{told:?}, not {found}");
        assert_eq!(told.bytes, encoded.bytes.len() as u64);
        assert_eq!(encoded.level, level);
        (encoded.bytes.len(), found)
    };
    let (low, high) = (at(15), at(50));
    assert!(low.0 < high.0 && low.1 < high.1, "{low:?} {high:?}");
    // Far better than one colour.
    let flat = {
        let sum = |c: usize| {
            picture
                .image
                .to_rgb8()
                .pixels()
                .map(|p| u64::from(p.0[c]))
                .sum::<u64>()
        };
        let mean = [0, 1, 2].map(|c| (sum(c) / (64 * 48)) as u8);
        psnr(
            &RgbImage::from_pixel(64, 48, image::Rgb(mean)).into(),
            &picture.image,
        )
    };
    assert!(high.1 > flat + 6.0, "{high:?} after {flat}");
}

#[test]
fn sizes_are_kept_to_the_byte() {
    let picture = plain(photo(8, 64, 48).into());
    let mut errors = Vec::new();
    for budget in [450, 700, 1400] {
        let options = options(60).with_target(Target::Bytes(budget));
        let encoded = fitted(&picture, &options);
        assert!(encoded.bytes.len() as u64 <= budget, "{budget}");
        errors.push(psnr(&without_weights(&encoded.bytes), &picture.image));
    }
    assert!(errors[0] < errors[2], "{errors:?}");
    // The same by bits per pixel.
    let options = options(60).with_target(Target::Bpp(1.4));
    let encoded = fitted(&picture, &options);
    assert!(encoded.bytes.len() as f64 * 8.0 <= 1.4 * 64.0 * 48.0);

    let options = options.with_target(Target::Bytes(40));
    let error = Encoder::new(model())
        .encode(&picture, &options)
        .unwrap_err();
    assert!(
        matches!(error, Error::OutOfReach { budget: 40, least } if least > 40),
        "{error:?}"
    );
}

#[test]
fn the_cheaper_of_fit_and_weights_is_known() {
    let picture = plain(photo(2, 64, 48).into());
    let base = encode(&picture, Target::Quality(60));
    // One step leads nowhere.
    let fit = Fit::iterations(1);
    let options = options(1).with_fit(fit);
    let encoded = fitted(&picture, &options);
    assert!(
        encoded
            .warnings
            .iter()
            .any(|w| w.contains("cost less here")),
        "{:?}",
        encoded.warnings
    );
    let told = encoded.fitted.unwrap();
    let (bytes, found) = told.by_weights.unwrap();
    assert!(bytes > 0 && found > told.psnr);

    let either = options.with_fit(fit.or_weights());
    let chosen = Encoder::new(model()).encode(&picture, &either).unwrap();
    assert_eq!(chosen.architecture, base.architecture);
    assert_eq!(chosen.bytes.len() as u64, bytes);
    assert!(chosen.warnings.is_empty(), "{:?}", chosen.warnings);
    assert_eq!(chosen.fitted.map(|f| f.bytes), Some(told.bytes));
    decode(&chosen.bytes);
}

#[test]
fn drawings_are_left_to_the_layer() {
    let text = graphics::drawn("text-coloured").into_rgb8();
    let text = image::imageops::crop_imm(&text, 0, 0, 64, 48).to_image();
    let mixed = graphics::paste(photo(20, 160, 112), &text, 32, 32);
    let picture = plain(mixed.clone().into());
    let options = options(30)
        .with_graphics(true)
        .with_target(Target::Quality(80));
    let encoded = fitted(&picture, &options);
    let told = info(&encoded.bytes, &Limits::default()).unwrap();
    assert!(told.graphics_blocks > 0);
    let found = without_weights(&encoded.bytes);
    assert_eq!(found, encoded.reconstruction.unwrap().image);
    // A block in the middle of the text.
    let cut = |image: &RgbImage| image::imageops::crop_imm(image, 48, 48, 16, 16).to_image();
    assert!(cut(&found.into_rgb8()) == cut(&mixed));

    // The whole of a drawing needs no networks.
    let lines = plain(graphics::drawn("lineart"));
    let encoded = Encoder::new(model()).encode(&lines, &options).unwrap();
    assert_eq!((encoded.architecture, encoded.lossless), (LOSSLESS, true));
    assert_eq!(encoded.fitted, None);
    let exact = Encoder::new(model())
        .encode(&lines, &options.with_target(Target::Lossless))
        .unwrap();
    assert_eq!(exact.architecture, LOSSLESS);
}

/// Notes what a fit reports, and answers.
struct Notes {
    seen: Mutex<Vec<FitStatus>>,
    calls: AtomicUsize,
    /// What to answer from which call on.
    then: (usize, Next),
}

impl Notes {
    fn new(call: usize, then: Next) -> Self {
        Self {
            seen: Mutex::default(),
            calls: AtomicUsize::new(0),
            then: (call, then),
        }
    }
}

impl Progress for Notes {
    fn update(&self, stage: Stage, _: u64, _: u64) -> ControlFlow<()> {
        assert_ne!(stage, Stage::Fit, "these come with numbers");
        ControlFlow::Continue(())
    }

    fn fit(&self, status: &FitStatus) -> Next {
        self.seen.lock().unwrap().push(*status);
        match self.calls.fetch_add(1, Ordering::Relaxed) >= self.then.0 {
            true => self.then.1,
            false => Next::GoOn,
        }
    }
}

#[test]
fn a_fit_can_be_watched_ended_and_cancelled() {
    let picture = plain(photo(17, 64, 48).into());
    let run = |notes: &Notes, options: &EncodeOptions| {
        Encoder::new(model()).encode_with(&picture, options, notes)
    };
    let notes = Notes::new(usize::MAX, Next::GoOn);
    run(&notes, &options(60)).unwrap();
    let seen = notes.seen.into_inner().unwrap();
    assert!(!seen.is_empty());
    assert!(seen.is_sorted_by(|a, b| a.done <= b.done), "{seen:?}");
    for status in &seen {
        assert!((0.0..=1.0).contains(&status.done), "{status:?}");
        assert!(status.bytes > 20.0 && status.psnr > 0.0, "{status:?}");
    }

    // Far more iterations than there is patience for.
    let endless = options(Fit::MAX_ITERATIONS);
    let started = Instant::now();
    let encoded = run(&Notes::new(1, Next::Finish), &endless).unwrap();
    assert_eq!(encoded.architecture, FITTED);
    assert_eq!(
        without_weights(&encoded.bytes),
        encoded.reconstruction.unwrap().image
    );
    let cancelled = run(&Notes::new(1, Next::Cancel), &endless);
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    // Within a search for a size too: what fits by then, or the file of the weights.
    let small = endless.with_target(Target::Bytes(900));
    let encoded = run(&Notes::new(0, Next::Finish), &small).unwrap();
    assert!(encoded.bytes.len() <= 900);
    decode(&encoded.bytes);
    assert!(started.elapsed() < Duration::from_secs(60));

    // Who implements updates alone is told by those, and may stop.
    struct Stops(Mutex<Vec<(u64, u64)>>);
    impl Progress for Stops {
        fn update(&self, stage: Stage, done: u64, total: u64) -> ControlFlow<()> {
            if stage != Stage::Fit {
                return ControlFlow::Continue(());
            }
            self.0.lock().unwrap().push((done, total));
            ControlFlow::Break(())
        }
    }
    let stops = Stops(Mutex::default());
    let result = Encoder::new(model()).encode_with(&picture, &small, &stops);
    assert!(matches!(result, Err(Error::Cancelled)));
    assert!(!stops.0.into_inner().unwrap().is_empty());
}

#[test]
fn time_is_kept() {
    let picture = plain(photo(10, 64, 48).into());
    // Opened and warm.
    encode(&picture, Target::Quality(60));
    let options = options(1).with_fit(Fit::time(Duration::from_secs(3)));
    let started = Instant::now();
    fitted(&picture, &options);
    let spent = started.elapsed().as_secs_f64();
    // 5 % are for an idle machine; this one may be busy.
    assert!((2.5..4.5).contains(&spent), "{spent} s");
}

#[test]
fn budgets_and_limits_are_refused_by_name() {
    let picture = plain(photo(10, 64, 48).into());
    let refused = |fit| {
        let options = EncodeOptions::default().with_fit(fit);
        Encoder::new(model())
            .encode(&picture, &options)
            .unwrap_err()
    };
    for (fit, text) in [
        (Fit::iterations(0), "0 iterations are outside 1..=10000000"),
        (
            Fit::time(Duration::ZERO),
            "a time of 0 s is not above 0 and at most 604800 s",
        ),
    ] {
        let error = refused(fit);
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Parameter, text)
        );
    }
    let encoded = fitted(&picture, &options(30));
    let limits = Limits::default().with_max_memory(1 << 16);
    let encoder = Encoder::new(model()).with_limits(limits);
    for kind in [
        encoder.encode(&picture, &options(30)).unwrap_err().kind(),
        Decoder::without_weights()
            .with_limits(limits)
            .decode(&encoded.bytes)
            .unwrap_err()
            .kind(),
    ] {
        assert_eq!(kind, ErrorKind::Limit);
    }
}

#[test]
fn without_weights_the_others_are_named_as_missing() {
    let base = encode(&plain(photo(3, 40, 33).into()), Target::Quality(50));
    let error = Decoder::without_weights().decode(&base.bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Weights);
    let text = error.to_string();
    assert!(
        text.contains("the architecture base") && text.contains("there are none"),
        "{text}"
    );
    // Pictures without loss need none.
    let lines = plain(graphics::drawn("lineart"));
    let exact = encode(&lines, Target::Lossless);
    assert_eq!(without_weights(&exact.bytes), lines.image);
}
