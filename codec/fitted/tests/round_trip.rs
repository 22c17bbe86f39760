//! What is encoded comes back, for every shape and size.

mod common;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Dice, HOP, go_on, latents, parameters, picture, samples, shape, size, slices};
use kiln_fitted::{
    Depth, Error, Latents, Parameters, Size, bits, checksum, decode, encode, stream_count,
};

fn check(size: Size, dice: &mut Dice) {
    let shape = shape(dice);
    let (parameters, latents, streams) = picture(shape, size, dice);
    assert_eq!(streams.len(), stream_count(&shape, parameters.band, size));
    assert_eq!(
        Parameters::read(&streams[0], shape.channels).as_ref(),
        Ok(&parameters)
    );
    let (read, found) = decode(&slices(&streams), size, shape.channels, &go_on).unwrap();
    assert!(read == parameters && found == latents, "{shape:?} {size:?}");
    assert_eq!(checksum(&read, &found), checksum(&parameters, &latents));

    // As many bits as estimated: 2 bytes and one to fill the last for each stream.
    let estimate: f64 = bits(&parameters, size, &latents).unwrap().iter().sum();
    let bytes: usize = streams[1..].iter().map(Vec::len).sum();
    let slack = 3.1 * (streams.len() - 1) as f64;
    let ideal = estimate / 8.0;
    assert!(
        (ideal * 0.9995..=ideal * 1.0005 + slack).contains(&(bytes as f64)),
        "{bytes} bytes for {ideal}"
    );
    let ideal = parameters.bits() / 8.0;
    let bytes = streams[0].len() as f64;
    assert!(
        (ideal * 0.9995..=ideal * 1.0005 + 3.1).contains(&bytes),
        "{bytes} for {ideal}"
    );
}

#[test]
fn every_small_size() {
    let mut dice = Dice(1);
    for height in 1..=9 {
        for width in 1..=9 {
            check(size(height, width), &mut dice);
        }
    }
    for long in [33, 128, 257] {
        check(size(1, long), &mut dice);
        check(size(long, 1), &mut dice);
        check(size(2, long), &mut dice);
    }
}

#[test]
fn any_shape() {
    let mut dice = Dice(2);
    for _ in 0..150 {
        let (height, width) = (1 + dice.roll(90) as usize, 1 + dice.roll(90) as usize);
        check(size(height, width), &mut dice);
    }
}

#[test]
fn bands_change_streams_alone() {
    let mut dice = Dice(3);
    let size = size(100, 70);
    let mut parameters = parameters(HOP, &mut dice);
    let latents = latents(&HOP, size, &mut dice);
    let mut lengths = Vec::new();
    for band in [0, 16, 32, 128] {
        parameters.band = band;
        let streams = encode(&parameters, size, &latents, &go_on).unwrap();
        let (_, found) = decode(&slices(&streams), size, 3, &go_on).unwrap();
        assert!(found == latents);
        lengths.push(streams.len());
    }
    // Grids of 100, 50, 25 rows are cut into bands of 16; of 100 and 50 into bands of 32.
    assert_eq!(lengths, [2, 2 + 7 + 4 + 2, 2 + 4 + 2, 2]);
}

#[test]
fn threads_change_nothing() {
    let mut dice = Dice(7);
    let size = size(300, 90);
    let mut parameters = parameters(HOP, &mut dice);
    parameters.band = 16;
    let latents = latents(&HOP, size, &mut dice);
    let expected = samples(&parameters, &latents, size, Depth::Eight);
    let streams = encode(&parameters, size, &latents, &go_on).unwrap();
    let mut damaged = streams.clone();
    damaged[5] = vec![1, 2, 3, 4, 5, 6, 7];
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            assert_eq!(
                encode(&parameters, size, &latents, &go_on).unwrap(),
                streams
            );
            let (read, found) = decode(&slices(&streams), size, 3, &go_on).unwrap();
            assert!(found == latents);
            assert!(samples(&read, &found, size, Depth::Eight) == expected);
            // A band that fails holds up none of those that wait for it.
            assert!(decode(&slices(&damaged), size, 3, &go_on).is_err());
        });
    }
}

#[test]
fn latents_of_another_picture_are_refused() {
    let mut dice = Dice(4);
    let parameters = parameters(HOP, &mut dice);
    let mut latents = Latents::new(&HOP, size(20, 20));
    let error = encode(&parameters, size(20, 21), &latents, &go_on).unwrap_err();
    assert!(matches!(error, Error::Latents(_)));
    assert_eq!(bits(&parameters, size(20, 21), &latents), Err(error));
    latents.grid_mut(3)[1] = -128;
    let error = encode(&parameters, size(20, 20), &latents, &go_on).unwrap_err();
    assert_eq!(error, Error::Latents("a latent of -128"));
    assert!(latents.grid(99).is_empty() && latents.grid_mut(99).is_empty());
}

#[test]
fn work_can_be_watched_and_stopped() {
    let mut dice = Dice(5);
    let size = size(300, 300);
    let (parameters, latents, streams) = picture(HOP, size, &mut dice);
    let streams = slices(&streams);
    let last = AtomicU64::new(0);
    let watch = |done: u64, total: u64| {
        assert!(last.swap(done, Ordering::Relaxed) < done && done <= total);
        ControlFlow::Continue(())
    };
    decode(&streams, size, 3, &watch).unwrap();
    let all: usize = (0..10).map(|grid| latents.grid(grid).len()).sum();
    assert_eq!(last.into_inner(), all as u64);
    let stop = |_: u64, _: u64| ControlFlow::Break(());
    assert_eq!(decode(&streams, size, 3, &stop), Err(Error::Stopped));
    assert_eq!(
        encode(&parameters, size, &latents, &stop),
        Err(Error::Stopped)
    );
}

#[test]
fn a_picture_of_one_colour() {
    let mut dice = Dice(6);
    for depth in [Depth::Eight, Depth::Sixteen] {
        let mut parameters = parameters(HOP, &mut dice);
        for values in &mut parameters.values {
            values.fill(0);
        }
        parameters.exponents = [8, 8, 8, 8, 12, 12, 10];
        // The last tensor is the bias of the linear branch.
        *parameters.values.last_mut().unwrap() = vec![0, 512, 2000];
        let latents = latents(&HOP, size(5, 7), &mut dice);
        let samples = samples(&parameters, &latents, size(5, 7), depth);
        let half = depth.largest() / 2 + 1;
        assert_eq!(samples, [0, half, depth.largest()].repeat(35));
    }
}
