//! Damaged bytes end in an error or in some picture, never in a panic.

mod common;

use common::{Dice, HOP, go_on, parameters, picture, samples, shape, size, slices};
use kiln_entropy::{Alphabet, Coder, Laplace, LaplaceAt, Uniform, Writer};
use kiln_fitted::{Depth, Error, Group, Parameters, Role, Shape, Size, checksum, decode};

/// Decodes, and makes samples of what is accepted.
fn decoded(streams: &[Vec<u8>], size: Size, channels: usize) -> Result<(), Error> {
    let (parameters, latents) = decode(&slices(streams), size, channels, &go_on)?;
    samples(&parameters, &latents, size, Depth::Eight);
    Ok(())
}

fn pictures() -> Vec<(Shape, Size, Vec<Vec<u8>>)> {
    let mut dice = Dice(11);
    (0..12)
        .map(|round| {
            let shape = if round % 2 == 0 {
                HOP
            } else {
                shape(&mut dice)
            };
            let size = size(1 + dice.roll(60) as usize, 1 + dice.roll(60) as usize);
            let (_, _, streams) = picture(shape, size, &mut dice);
            (shape, size, streams)
        })
        .collect()
}

#[test]
fn cut_short_or_longer() {
    for (shape, size, streams) in pictures() {
        for stream in 0..streams.len() {
            let mut damaged = streams.clone();
            let length = streams[stream].len();
            for length in (0..length).step_by(1 + length / 30) {
                damaged[stream] = streams[stream][..length].to_vec();
                assert!(decoded(&damaged, size, shape.channels).is_err(), "{length}");
            }
            damaged[stream] = [&streams[stream][..], &[1]].concat();
            assert!(decoded(&damaged, size, shape.channels).is_err());
        }
        let mut more = streams.clone();
        more.push(Vec::new());
        let another = Err(Error::Damaged("another number of streams"));
        assert_eq!(decoded(&more, size, shape.channels), another);
        assert_eq!(decoded(&streams[..1], size, shape.channels), another);
        assert!(decoded(&[], size, shape.channels).is_err());
    }
}

/// Where raw bits alone are flipped, all else may be read as before: then the checksum tells.
#[test]
fn flipped_bits() {
    let mut dice = Dice(12);
    let (mut errors, mut tries) = (0, 0);
    for (shape, size, streams) in pictures() {
        let (parameters, latents) =
            decode(&slices(&streams), size, shape.channels, &go_on).unwrap();
        let right = checksum(&parameters, &latents);
        for _ in 0..150 {
            let mut damaged = streams.clone();
            let stream = dice.roll(streams.len() as u64) as usize;
            let length = damaged[stream].len() as u64;
            if length == 0 {
                continue;
            }
            damaged[stream][dice.roll(length) as usize] ^= 1 << dice.roll(8);
            tries += 1;
            match decode(&slices(&damaged), size, shape.channels, &go_on) {
                Ok((parameters, latents)) => {
                    assert_ne!(checksum(&parameters, &latents), right);
                    samples(&parameters, &latents, size, Depth::Eight);
                }
                Err(_) => errors += 1,
            }
        }
    }
    assert!(errors > tries * 9 / 10, "{errors} of {tries}");
}

#[test]
fn other_sizes_and_channels() {
    for (shape, right, streams) in pictures() {
        for wrong in [size(1, 1), size(61, 61), size(300, 400), size(1, 10_000)] {
            assert!(decoded(&streams, wrong, shape.channels).is_err());
        }
        assert!(decoded(&streams, right, 4 - shape.channels).is_err());
        assert!(decoded(&streams, right, 2).is_err());
    }
}

#[test]
fn any_bytes() {
    let mut dice = Dice(13);
    let mut read = 0;
    for _ in 0..20_000 {
        let length = dice.roll(12) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| dice.roll(256) as u8).collect();
        read += usize::from(Parameters::read(&bytes, 3).is_ok());
    }
    assert_eq!(read, 0);
}

/// Codes numbers of ranges, and values at a spread.
struct Crafted(Writer);

impl Crafted {
    fn number(&mut self, index: u16, count: u32) {
        let alphabet = Alphabet::new(count).unwrap();
        let mut symbol = Alphabet::symbol(index).into();
        self.0
            .code_one(&mut Uniform, alphabet, &mut symbol)
            .unwrap();
    }

    /// A value at spread 63: 13 raw bits, and a scale of 1008 - 576.
    fn value(&mut self, value: i32) {
        let at = LaplaceAt {
            mean: -32,
            scale: 432,
        };
        let mut upper = value >> 13;
        self.0
            .code_one(&mut Laplace::new(32_767), at, &mut upper)
            .unwrap();
        self.number((value & 8191) as u16, 1 << 13);
    }
}

/// The smallest picture of one channel: two weights and two biases for the prediction, a weight and a bias for samples.
fn smallest(start: u16, planes: u16, biases: u16, values: [i32; 6]) -> Result<Parameters, Error> {
    let mut crafted = Crafted(Writer::new());
    crafted.number(start, 256);
    for (index, count) in [(0, 9), (0, 2), (0, 20), (0, 9), (0, 4), (0, 65)] {
        crafted.number(index, count);
    }
    for (index, count) in [(planes, 6), (4, 10), (4, 7), (0, 9)] {
        crafted.number(index, count);
    }
    for (index, count) in [(8, 13), (biases, 17), (8, 13), (8, 17)] {
        crafted.number(index, count);
    }
    // Spreads of the weights, the biases, the weight and the bias of samples.
    let [w0, w1, b0, b1, w2, b2] = values;
    for group in [&[w0, w1][..], &[b0, b1], &[w2], &[b2]] {
        crafted.number(63, 64);
        group.iter().for_each(|&value| crafted.value(value));
    }
    Parameters::read(&crafted.0.finish(), 1)
}

#[test]
fn weights_that_break_bounds() {
    let good = smallest(0, 3, 8, [32_767, -5, 900, -900, 77, 3]).unwrap();
    assert_eq!(good.tensor(Role::ArmLinear), [32_767, -5]);
    assert_eq!(good.tensor(Role::LinearBias), [3]);
    assert_eq!(good.exponent(Group::SynthesisWeights), 8);
    assert_eq!(smallest(9, 3, 8, [0; 6]).unwrap_err(), Error::Start(9));
    assert_eq!(
        smallest(0, 3, 8, [40_000, 0, 0, 0, 0, 0]).unwrap_err(),
        Error::Damaged("a value beyond 32767")
    );
    // 20000 in steps of 1, where sums have 16 fractional bits, is more than 2^30.
    let bound = Error::Bound {
        role: Role::ArmLinear,
        row: 1,
    };
    let values = [32_000, 32_000, 0, 20_000, 0, 0];
    assert_eq!(smallest(0, 3, 0, values).unwrap_err(), bound);
    assert!(smallest(0, 3, 1, values).is_ok());
}

#[test]
fn writers_refuse_what_readers_do() {
    let mut dice = Dice(14);
    let good = parameters(HOP, &mut dice);
    let error = |change: &dyn Fn(&mut Parameters)| {
        let mut bad = good.clone();
        change(&mut bad);
        let error = bad.write().unwrap_err();
        assert_eq!(bad.check(), Err(error.clone()));
        error
    };
    let place = |role: Role| HOP.tensors().iter().position(|t| t.role == role).unwrap();
    let roles = [
        Role::ArmWeight(1),
        Role::ArmOut,
        Role::FeatureWeight(0),
        Role::Double(2),
        Role::Filter(0),
        Role::Hidden,
        Role::Mix,
        Role::Convolution(1),
        Role::Linear,
    ];
    for role in roles {
        let bound = error(&|bad| bad.values[place(role)].fill(32_767));
        assert_eq!(bound, Error::Bound { role, row: 0 });
    }
    let form = |error: Error| assert!(matches!(error, Error::Parameters(_)), "{error}");
    form(error(&|bad| bad.values[0][0] = 32_768));
    form(error(&|bad| bad.values[3].truncate(1)));
    form(error(&|bad| bad.band = 24));
    form(error(&|bad| bad.band = 8));
    form(error(&|bad| bad.exponents[0] = 13));
    form(error(&|bad| bad.exponents[6] = 17));
    form(error(&|bad| bad.precision.planes = 9));
    form(error(&|bad| bad.precision.hidden = 3));
    form(error(&|bad| bad.precision.output = 15));
    form(error(&|bad| bad.shape.width = 65));
    form(error(&|bad| bad.shape.hyper = 8));
    form(error(&|bad| bad.shape.channels = 2));
    // 3 fractional bits and a weight of none do not make 13.
    form(error(&|bad| {
        bad.precision.planes = 3;
        bad.precision.hidden = 13;
        bad.exponents[Group::SynthesisWeights as usize] = 0;
    }));
}
