//! y on a device, a device that computes wrong, and counts of latents and operations.
#![cfg(feature = "bundled")]

use burn::tensor::Device;
use ndarray::ArrayViewMut3;
use safetensors::SafeTensors;

use super::*;
use crate::BUNDLED;
use crate::latents::steps::{codes, quarter};
use crate::run::Placed;
use crate::seam::{Coded, TileSize, Unwatched};

const LEVEL: u8 = 40;

fn load(bytes: &[u8], tile: TileSize) -> Base {
    let place = Place {
        device: Device::flex(),
        exact: Device::flex(),
        tile,
    };
    Base::load(&mut Weights::open(bytes).unwrap(), &place).unwrap()
}

fn right() -> Base {
    load(BUNDLED, TileSize::default())
}

/// The bundled weights with 4096 more in every bias of a layer, as if a device computed it wrong.
fn wrong(layer: &str) -> Base {
    let mut bytes = BUNDLED.to_vec();
    let file = SafeTensors::deserialize(BUNDLED).unwrap();
    let bias = file.tensor(&format!("{layer}.bias")).unwrap();
    let start = bias.data().as_ptr().addr() - BUNDLED.as_ptr().addr();
    for number in bytes[start..start + bias.data().len()].chunks_exact_mut(4) {
        let value = i32::from_le_bytes([number[0], number[1], number[2], number[3]]);
        number.copy_from_slice(&(value + (1 << 12)).to_le_bytes());
    }
    load(&bytes, TileSize::default())
}

/// A network that is believed.
fn alone(network: Base) -> Placed<Base> {
    Placed::given(network, None)
}

/// A network that is checked against the right one.
fn checked(network: Base) -> Placed<Base> {
    Placed::given(network, Some(right()))
}

fn given(h: usize, w: usize) -> Given<'static> {
    Given {
        level: right_levels().require(LEVEL).unwrap(),
        size: Size {
            height: h * CELL,
            width: w * CELL,
        },
        watch: &Unwatched,
    }
}

fn right_levels() -> crate::seam::Levels {
    describe(&Weights::open(BUNDLED).unwrap()).unwrap().levels
}

/// Latents with some life in them: [h, M, w].
fn latents(h: usize, w: usize) -> Analysed {
    let mut seed = 7u64;
    let y = Array3::from_shape_simple_fn((h, 320, w), || {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((seed >> 40) as f32 / (1 << 23) as f32 - 1.0) * 0.05
    });
    y.into()
}

fn borrowed(coded: &Coded) -> Vec<&[u8]> {
    coded.streams.iter().map(Vec::as_slice).collect()
}

/// Wrong means change the latents alone, wrong rows the symbols as well.
const FAULTS: [&str; 2] = ["h_s.mean", "h_s.row"];

#[test]
fn a_right_gpu_is_believed() {
    // One stripe; and three, the last one short.
    for (h, w) in [(6, 5), (70, 5)] {
        let (y, given) = (latents(h, w), given(h, w));
        let model = checked(right());
        let coded = model.encode(&y, &given).unwrap();
        assert_eq!(coded.warning, None);
        let coded = coded.value;
        assert_eq!(coded, alone(right()).encode(&y, &given).unwrap().value);
        let found = model
            .decode(&borrowed(&coded), coded.checksum, &given)
            .unwrap();
        assert_eq!((found.value, found.warning), (coded.latents, None));
    }
}

#[test]
fn a_wrong_gpu_is_found_out_and_the_cpu_writes_the_file() {
    for layer in FAULTS {
        for (h, w) in [(6, 5), (70, 5)] {
            let (y, given) = (latents(h, w), given(h, w));
            let good = alone(right()).encode(&y, &given).unwrap().value;
            let bad = alone(wrong(layer)).encode(&y, &given).unwrap().value;
            assert!(good != bad, "the fault has no effect");

            let model = checked(wrong(layer));
            let found = model.encode(&y, &given).unwrap();
            assert_eq!(found.value, good, "{layer}");
            assert!(found.warning.unwrap().contains("on the CPU"));
            // The warning is given once; the CPU goes on.
            let again = model.encode(&y, &given).unwrap();
            assert_eq!((again.value, again.warning), (good, None));
        }
    }
}

#[test]
fn a_wrong_gpu_does_not_make_a_file_damaged() {
    for layer in FAULTS {
        for (h, w) in [(6, 5), (70, 5)] {
            let given = given(h, w);
            let coded = alone(right()).encode(&latents(h, w), &given).unwrap().value;
            let decode =
                |model: &Placed<Base>, checksum| model.decode(&borrowed(&coded), checksum, &given);
            let model = checked(wrong(layer));
            let found = decode(&model, coded.checksum).unwrap();
            assert_eq!(found.value, coded.latents, "{layer}");
            assert!(found.warning.unwrap().contains("on the CPU"));
            let again = decode(&model, coded.checksum).unwrap();
            assert_eq!((again.value, again.warning), (coded.latents.clone(), None));
            // Damage stays damage, and says nothing of the GPU.
            let model = checked(wrong(layer));
            assert!(matches!(
                decode(&model, coded.checksum ^ 1),
                Err(ModelError::Checksum { .. })
            ));
        }
    }
}

/// What another device is checked by is complete: all latents of the first stripe, and not all of the picture.
#[test]
fn a_sample_is_the_first_stripe() {
    let (h, w) = (70, 5);
    let sample = right().sample(given(h, w).size).unwrap();
    assert_eq!(sample.rows, STRIPE_ROWS);
    let [z, first, second, third] = sample.budgets.as_slice() else {
        panic!("{sample:?}")
    };
    let stripe = STRIPE_ROWS * w * 320;
    assert_eq!((*z, *first), (usize::MAX, stripe));
    // Two steps code half of the latents, one a quarter; the grid is odd, so that it is not quite so.
    assert!(second.abs_diff(stripe / 2) < stripe / 20, "{second}");
    assert!(third.abs_diff(6 * w * 320 / 4) < stripe / 20, "{third}");
}

#[test]
fn latents_of_rows_are_counted() {
    for (row, m, w) in [(0, 8, 5), (1, 8, 5), (1, 4, 1), (0, 4, 8)] {
        for step in 0..STEPS {
            let counted = (0..m)
                .flat_map(|c| (0..w).map(move |j| codes(step, row, j, quarter(c, m))))
                .filter(|coded| *coded)
                .count();
            let found = latents_of_row(step..step + 1, row, m, w);
            assert_eq!(found, counted, "{row} {m} {w}");
        }
        assert_eq!(latents_of_row(0..STEPS, row, m, w), m * w);
    }
}

/// A picture of some colours, so large that it has several tiles and cells of z that it does not fill.
struct Slopes;

impl PixelSource for Slopes {
    fn size(&self) -> Size {
        Size {
            height: 150,
            width: 203,
        }
    }

    fn read(&self, x: usize, y: usize, mut out: ArrayViewMut3<f32>) -> Result<(), ModelError> {
        let Size { height, width } = self.size();
        for ((c, i, j), o) in out.indexed_iter_mut() {
            let (i, j) = ((y + i).min(height - 1), (x + j).min(width - 1));
            *o = ((i * (c + 1) * 7 + j * 5 + i * j / 9) % 256) as f32 / 255.0 - 0.5;
        }
        Ok(())
    }
}

#[test]
fn y_left_on_the_device_gives_the_same_file() {
    let model = load(BUNDLED, TileSize::new(64).unwrap());
    let sent = model.analyse_keeping(&Slopes, false).unwrap();
    let left = model.analyse_keeping(&Slopes, true).unwrap();
    assert_eq!(sent.y(), left.y());
    let cpu = Device::flex();
    assert!(sent.on_device(&cpu, 0..1, 0..1).is_none());
    // 10 x 13 cells of y, 3 x 4 of z.
    assert!(left.on_device(&cpu, 0..12, 0..16).is_some());
    let model = alone(model);
    for level in [0, LEVEL] {
        let given = Given {
            level: right_levels().require(level).unwrap(),
            size: Slopes.size(),
            watch: &Unwatched,
        };
        assert_eq!(
            model.encode(&left, &given).unwrap().value,
            model.encode(&sent, &given).unwrap().value
        );
    }
}

#[test]
fn networks_run_in_both_arithmetics() {
    let (size, device) = (given(4, 8).size, crate::seam::DeviceInfo::cpu());
    let cost = cost::Cost::load(Weights::open(BUNDLED).unwrap(), &device, size).unwrap();
    cost.exact().unwrap();
    cost.floats().unwrap();
    assert!(cost.macs() > 0);
}

/// Multiply-accumulates per pixel, counted from the shapes in the weights file instead of by running the networks.
#[test]
fn operations_are_counted_right() {
    let file = SafeTensors::deserialize(BUNDLED).unwrap();
    let (mut encode, mut decode) = (0.0, 0.0);
    for (name, tensor) in file.tensors() {
        let Some(layer) = name.strip_suffix(".weight") else {
            continue;
        };
        // Picture pixels for each position at which the layer computes.
        let pixels = match layer {
            "g_a.inp" | "g_s.out" => 64.0,
            "h_s.up1" => 4096.0,
            "h_s.d1" | "h_s.up2" | "h_a.down1" | "h_a.d2" => 1024.0,
            "h_a.down2" => 4096.0,
            _ if layer.contains(".blocks.") => 64.0,
            // A cell takes a quarter of the last layers' outputs in each of the first two steps, a half in the last.
            "context.1.mean" | "context.1.row" => 2.0 * 256.0,
            "h_s.mean" | "h_s.row" | "context.0.mean" | "context.0.row" => 4.0 * 256.0,
            _ => 256.0,
        };
        let macs = tensor.shape().iter().product::<usize>() as f64 / pixels;
        match layer.split_once('.').map(|(network, _)| network) {
            Some("g_a" | "h_a") => encode += macs,
            Some("g_s") => decode += macs,
            _ => {
                encode += macs;
                decode += macs;
            }
        }
    }
    let stated = right().macs();
    assert!(
        (stated.encode - encode).abs() < 1.0 && (stated.decode - decode).abs() < 1.0,
        "{stated:?}, counted {encode}, {decode}"
    );
    assert!(decode < 40_000.0 && encode < 60_000.0, "{stated:?}");
}
