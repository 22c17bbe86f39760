//! Probabilities in the logistic domain: `stretch(p) = ln(p / (1 - p))` in 256ths, and `squash`, its inverse.

/// Entries of both tables.
const SIZE: usize = 4096;

/// The largest stretched probability.
pub(crate) const LIMIT: i32 = 2047;

/// `65536 / (1 + exp(-x))`, rounded, for x = -8, -7.5 .. 8.
const KNOTS: [u16; 33] = [
    22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11_955, 17_625, 24_743,
    32_768, 40_793, 47_911, 53_581, 57_724, 60_565, 62_428, 63_615, 64_357, 64_816, 65_097, 65_269,
    65_374, 65_438, 65_476, 65_500, 65_514,
];

const fn make_squash() -> [u16; SIZE] {
    let mut table = [0; SIZE];
    let mut i = 0;
    while i < SIZE {
        let (knot, part) = (i >> 7, (i & 127) as u32);
        let sum = KNOTS[knot] as u32 * (128 - part) + KNOTS[knot + 1] as u32 * part;
        table[i] = ((sum + 64) >> 7) as u16;
        i += 1;
    }
    table
}

const fn make_stretch() -> [i16; SIZE] {
    let mut table = [0; SIZE];
    let (mut i, mut x) = (0, 0);
    while i < SIZE {
        while x < SIZE - 1 && (SQUASH[x] as usize) < 16 * i + 8 {
            x += 1;
        }
        table[i] = x as i16 - 2048;
        i += 1;
    }
    table
}

static SQUASH: [u16; SIZE] = make_squash();
static STRETCH: [i16; SIZE] = make_stretch();

/// The probability, out of 65536, of a stretched one, which is limited to -2047 ..= [`LIMIT`]. Never 0.
#[inline(always)]
pub(crate) fn squash(x: i32) -> u16 {
    SQUASH[(x.clamp(-LIMIT, LIMIT) + 2048) as usize & (SIZE - 1)]
}

/// The stretched value of a probability out of 65536.
#[inline(always)]
pub(crate) fn stretch(p: u32) -> i32 {
    STRETCH[(p >> 4) as usize & (SIZE - 1)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squash_is_the_logistic_function() {
        for x in -LIMIT..=LIMIT {
            let exact = 65536.0 / (1.0 + (-f64::from(x) / 256.0).exp());
            let found = f64::from(squash(x));
            assert!(
                (found - exact).abs() < 1.0 + 0.05 * exact.min(65536.0 - exact),
                "{x}"
            );
        }
        assert_eq!(
            (squash(-9999), squash(0), squash(9999)),
            (squash(-LIMIT), 32768, squash(LIMIT))
        );
    }

    #[test]
    fn stretch_undoes_squash() {
        for x in -LIMIT..=LIMIT {
            let p = u32::from(squash(x));
            // One step of the table of 4096 probabilities.
            let (low, high) = (stretch(p.saturating_sub(24)), stretch((p + 24).min(65535)));
            assert!(
                (low..=high).contains(&x) || x.abs() > 1800,
                "{x} {low} {high}"
            );
        }
    }
}
