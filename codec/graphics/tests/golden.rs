//! Bytes that were written once must keep their meaning, and stay the ones that are written.

mod common;

use common::{layout, picture, round_trip};
use kiln_graphics::{Blocks, Channels, Depth, Layout};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(kind: u8, layout: Layout, skip: bool) -> String {
    let mut blocks = Blocks::all(&layout);
    blocks.set(1, 0, !skip);
    hex(&round_trip(&picture(layout, kind, 7), &blocks))
}

#[test]
fn a_palette() {
    let layout = layout(40, 20, Channels::Three, Depth::Eight);
    assert_eq!(
        bytes(5, layout, true),
        "00034c4b41fa3f9058019a8edf032416581116f855fe7f0b95ef0cb8985dbcd76890d9153e68"
    );
}

#[test]
fn colours_that_come_again() {
    let layout = layout(34, 24, Channels::Three, Depth::Sixteen);
    assert_eq!(
        bytes(7, layout, false),
        concat!(
            "0120043f19136c2f04416015c0a65865b0a9d8c2a9e420c201e2fd16c5375a27a20173dd3a46922a42c6adfbedc2346a",
            "df014d10f89e65b1930f30c0ee6978eb0e2a782f631c0b5e3732ef24e89cce3ec1d424aa39b4d45df177167e16dee4cb",
            "56cabb08d2de52444422",
        )
    );
}

#[test]
fn predicted_pixels() {
    let layout = layout(14, 9, Channels::Three, Depth::Eight);
    assert_eq!(
        bytes(4, layout, false),
        concat!(
            "01d81ba120103e7a211b068d8aed519c57cf22284067e19fff29e3cea93f23e2c5c2b8ef1bac920c8443ac5fa6193be5",
            "461dc6fc3112d94b4b7f41ea4b3e4f30479f3f0358e2991ea8e02eeeac731074094c2d63445e254f67ee374b08b776eb",
            "c03a5367b7186d058f8cac21174665b3e9762b255d7768eea433d8f9688a68662aff4131d728b64b6ad2b52ca0684960",
            "6a197a3d54acb395c1d93478b96f38a9badd14ab14d2f25cdfffe034e6bf2710e3aa611d27c37f5a6ff65faafb549f5e",
            "9839b898a89094d3872afe61e49f0f",
        )
    );
}

#[test]
fn a_list_of_values() {
    let layout = layout(33, 17, Channels::One, Depth::Sixteen);
    assert_eq!(
        bytes(6, layout, false),
        concat!(
            "01de2fff0fd5d9171ee90798548f3eead95638a2d05edb9ad9b7a4df68f9e7600f06288dee161f6b97f6dd70a589dfc5",
            "19f82fd6d7dc05e5c041a65a3bd3200275df63b0b3d3b54a03e139f51ecde4fb3a323bc293c71541195444e922c64f",
        )
    );
}
