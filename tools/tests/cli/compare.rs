//! `kiln compare`.

use image::{GenericImageView, imageops};

use super::scratch::*;

#[test]
fn alpha_is_compared_and_hidden_colours_are_not() {
    let scratch = Scratch::new();
    let original = scratch.transparent("a.png", |x, _| if x < 24 { 0 } else { 200 });
    // Other colours where nothing shows.
    let mut hidden = original.clone();
    hidden
        .pixels_mut()
        .filter(|pixel| pixel.0[3] == 0)
        .for_each(|pixel| pixel.0[0] ^= 0xff);
    hidden.save(scratch.path("hidden.png")).unwrap();
    let report = scratch.json("compare a.png hidden.png --json --quiet");
    assert_eq!(
        (&report["differing_samples"], &report["alpha"]["equal"]),
        (&0.into(), &true.into())
    );

    // Alpha comes through a kiln file exactly.
    scratch.kiln("encode a.png a.kiln").assert().success();
    let report = scratch.json("compare a.png a.kiln --json --quiet");
    assert_eq!(
        (&report["alpha"]["has"], &report["alpha"]["equal"]),
        (&"both".into(), &true.into())
    );
    assert!(report["psnr"].as_f64().unwrap() > 20.0, "{report}");
    assert!(report["warnings"].as_array().unwrap().is_empty());

    // Other alpha is a difference of alpha, and of what is seen.
    scratch.transparent("more.png", |x, _| if x < 24 { 0 } else { 210 });
    let report = scratch.json("compare a.png more.png --json --quiet");
    let alpha = &report["alpha"];
    assert_eq!(
        (&alpha["equal"], alpha["differing_samples"].as_u64()),
        (&false.into(), Some(24 * 40))
    );
    assert_eq!(alpha["largest_difference"].as_f64(), Some(10.0));
    assert!(report["differing_samples"].as_u64().unwrap() > 0);
    let text = String::from_utf8(scratch.stdout("compare a.png more.png")).unwrap();
    assert!(
        text.contains("960 samples differ, by at most 10.0"),
        "{text}"
    );
}

#[test]
fn alpha_on_one_side_is_warned_about() {
    let scratch = Scratch::new();
    let original = scratch.transparent("a.png", |_, y| if y < 20 { 255 } else { 128 });
    let opaque = image::DynamicImage::from(original).into_rgb8();
    opaque.save(scratch.path("b.png")).unwrap();
    for (arguments, has) in [("a.png b.png", "A"), ("b.png a.png", "B")] {
        let report = scratch.json(&format!("compare {arguments} --json --quiet"));
        assert_eq!(report["alpha"]["has"], has);
        assert_eq!(report["alpha"]["equal"], false);
        assert_eq!(report["warnings"].as_array().unwrap().len(), 1);
        let stderr = scratch.stderr(&format!("compare {arguments} --quiet"), 0);
        assert!(
            stderr.contains("warning: b.png: it has no alpha"),
            "{stderr}"
        );
    }
    let report = scratch.json("compare b.png b.png --json --quiet");
    assert!(report["alpha"].is_null());
}

#[test]
fn the_difference_is_drawn_on_request() {
    let scratch = Scratch::new();
    let picture = scratch.picture("a.png", "kodim01", [0, 0, 40, 30]);
    imageops::flip_horizontal(&picture)
        .save(scratch.path("b.png"))
        .unwrap();
    scratch
        .kiln("compare a.png b.png --out d.png --gain 1")
        .assert()
        .success();
    let difference = open(&scratch.path("d.png"));
    let [a, b] = [picture.get_pixel(3, 4), picture.get_pixel(36, 4)];
    let expected =
        [0, 1, 2].map(|c| (128 + i32::from(b.0[c]) - i32::from(a.0[c])).clamp(0, 255) as u8);
    assert_eq!(difference.view(0, 0, 40, 30).get_pixel(3, 4).0, expected);
}
