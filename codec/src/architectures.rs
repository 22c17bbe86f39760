//! Architectures by number: those with weights, and those whose files need none.

use kiln_models::arch;

/// The number in the head of a file that has no model: the graphics layer holds every pixel. See `models/EXACT.md`.
pub const LOSSLESS: u8 = 5;

/// The number in the head of a file whose networks are in its streams. See `codec/fitted/FITTED.md`.
pub const FITTED: u8 = 6;

/// An architecture whose files need no weights. They are all portable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Weightless {
    /// Its number in the head of a file.
    pub id: u8,
    /// Its name, for people.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
}

/// Every architecture that this version runs without weights. Those with weights are
/// [`ARCHITECTURES`](crate::ARCHITECTURES).
pub static WEIGHTLESS: &[Weightless] = &[
    Weightless {
        id: LOSSLESS,
        name: "lossless",
        about: "every sample as it is, without networks",
    },
    Weightless {
        id: FITTED,
        name: "fitted",
        about: "networks fitted to the one picture, in its file (after Ladune et al., COOL-CHIC, 2023)",
    },
];

/// The name of an architecture that this version decodes, with weights or without.
pub fn architecture_name(id: u8) -> Option<&'static str> {
    let weightless = WEIGHTLESS.iter().find(|w| w.id == id).map(|w| w.name);
    weightless.or_else(|| arch::by_id(id).map(|entry| entry.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_and_name_is_there_once() {
        let with = arch::ARCHITECTURES.iter().map(|e| (e.id, e.name));
        let without = WEIGHTLESS.iter().map(|w| (w.id, w.name));
        let all: Vec<(u8, &str)> = with.chain(without).collect();
        for (i, (id, name)) in all.iter().enumerate() {
            assert_eq!(architecture_name(*id), Some(*name));
            let others = all.iter().enumerate().filter(|(j, _)| *j != i);
            assert!(others.map(|(_, o)| o).all(|o| o.0 != *id && o.1 != *name));
        }
        assert_eq!(architecture_name(0), None);
    }
}
