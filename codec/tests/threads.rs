//! Whose threads do the work, and that it does not matter to what comes out.

mod common;

use std::ops::ControlFlow;
use std::sync::Mutex;

use common::{model, photo, plain};
use kiln::{Decoder, Effort, EncodeOptions, Encoder, Picture, Progress, Stage, Target, Threads};

/// Notes how many threads the pool has that a stage runs in.
#[derive(Default)]
struct Pools(Mutex<Vec<usize>>);

impl Progress for Pools {
    fn update(&self, _: Stage, _: u64, _: u64) -> ControlFlow<()> {
        self.0.lock().unwrap().push(rayon::current_num_threads());
        ControlFlow::Continue(())
    }
}

impl Pools {
    /// The size of the one pool that was in use.
    fn only(self) -> usize {
        let all = self.0.into_inner().unwrap();
        assert!(
            !all.is_empty() && all.iter().all(|n| *n == all[0]),
            "{all:?}"
        );
        all[0]
    }
}

/// Three stripes.
fn picture() -> Picture {
    plain(photo(15, 70, 1100).into())
}

/// A file, what it decodes to, and the pools that both ran in.
fn round_trip(threads: Threads, effort: u8) -> (Vec<u8>, Picture, [usize; 2]) {
    let options = EncodeOptions::default()
        .with_target(Target::Quality(60))
        .with_effort(Effort::new(effort).unwrap());
    let (write, read) = (Pools::default(), Pools::default());
    let encoder = Encoder::new(model()).with_threads(threads.clone());
    let bytes = encoder
        .encode_with(&picture(), &options, &write)
        .unwrap()
        .bytes;
    let decoder = Decoder::new(model()).with_threads(threads);
    let decoded = decoder.decode_with(&bytes, &read).unwrap();
    (bytes, decoded.picture, [write.only(), read.only()])
}

#[test]
fn the_file_and_the_picture_do_not_depend_on_threads() {
    let (bytes, picture, pools) = round_trip(Threads::new(1).unwrap(), 0);
    assert_eq!(pools, [1, 1]);
    let caller = rayon::ThreadPoolBuilder::new().num_threads(4).build();
    let caller = caller.unwrap();
    for (name, (again, seen, pools), expected) in [
        (
            "three of its own",
            round_trip(Threads::new(3).unwrap(), 0),
            3,
        ),
        (
            "a pool of the caller's",
            caller.install(|| round_trip(Threads::current(), 0)),
            4,
        ),
        (
            "its own within the caller's",
            caller.install(|| round_trip(Threads::new(2).unwrap(), 0)),
            2,
        ),
        (
            "the threads of the process",
            round_trip(Threads::current(), 0),
            rayon::current_num_threads(),
        ),
    ] {
        assert_eq!(pools, [expected; 2], "{name}");
        assert!(again == bytes, "{name}: another file");
        assert!(seen == picture, "{name}: another picture");
    }
}

#[test]
fn a_search_does_not_depend_on_threads() {
    let (one, _, pools) = round_trip(Threads::new(1).unwrap(), 1);
    assert_eq!(pools, [1, 1]);
    let (three, _, pools) = round_trip(Threads::new(3).unwrap(), 1);
    assert_eq!(pools, [3, 3]);
    assert!(one == three, "another file");
}
