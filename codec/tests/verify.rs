//! `verify` accepts what the encoder wrote and nothing else.

#[path = "common/set.rs"]
mod set;

use kiln::picture::Metadata;
use kiln::{
    Decoder, EncodeOptions, Encoded, Encoder, Error, ErrorKind, ExactChoice, Picture, Silent,
    Target, verify,
};

fn encode(source: &str, level: u8) -> Encoded {
    let picture = Picture {
        image: set::make(source),
        metadata: Metadata::default(),
    };
    let options = EncodeOptions::default()
        .with_target(Target::Level(level))
        .with_graphics(false)
        .with_reconstruction(true);
    Encoder::new(set::cpu()).encode(&picture, &options).unwrap()
}

fn decoder() -> Decoder {
    Decoder::new(set::cpu().with_exact(ExactChoice::Cpu).unwrap())
}

#[test]
fn every_kind_of_picture_is_what_its_encoder_has() {
    for source in ["rgba", "greya", "grey16", "rgba16", "opaque", "one", "tall"] {
        let encoded = encode(source, 40);
        let expected = encoded.reconstruction.as_ref().unwrap();
        let found = verify(&decoder(), &encoded.bytes, expected, &Silent).unwrap();
        assert_eq!(found.pixels.differing, 0, "{source}");
        assert!(found.pixels.samples > 0 && encoded.warnings.is_empty());
        // Without being asked for it, nothing is kept.
        let plain = set::encode(&set::cpu(), set::make(source), 40);
        assert!(plain == encoded.bytes, "{source}: other bytes");
    }
}

#[test]
fn other_latents_are_refused() {
    let (one, other) = (encode("rgb", 36), encode("rgb", 37));
    let expected = one.reconstruction.as_ref().unwrap();
    let error = verify(&decoder(), &other.bytes, expected, &Silent).unwrap_err();
    assert!(
        matches!(&error, Error::Verify(what) if what.contains("latents")),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Machine);
}

#[test]
fn damage_is_refused() {
    let mut encoded = encode("rgb", 36);
    let last = encoded.bytes.len() - 1;
    encoded.bytes[last] ^= 1;
    let expected = encoded.reconstruction.as_ref().unwrap();
    let error = verify(&decoder(), &encoded.bytes, expected, &Silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
}

#[test]
fn a_picture_off_by_two_steps_is_refused() {
    let encoded = encode("grey", 36);
    let mut expected = encoded.reconstruction.clone().unwrap();
    let change = |expected: &mut kiln::Reconstruction, by: i16| {
        let image::DynamicImage::ImageLuma8(image) = &mut expected.image else {
            panic!("not grey")
        };
        let sample = &mut image.get_pixel_mut(7, 9).0[0];
        *sample = (i16::from(*sample) + by) as u8;
    };
    change(&mut expected, -1);
    let found = verify(&decoder(), &encoded.bytes, &expected, &Silent).unwrap();
    assert_eq!((found.pixels.differing, found.pixels.largest), (1, 1));
    change(&mut expected, -1);
    let error = verify(&decoder(), &encoded.bytes, &expected, &Silent).unwrap_err();
    assert!(
        matches!(&error, Error::Verify(what) if what.contains("2 steps")),
        "{error}"
    );
}
