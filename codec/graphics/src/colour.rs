//! Reversible colour transforms.

/// How three samples become the three values that are coded, in this order. One channel is coded as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Transform {
    /// G, R, B.
    #[default]
    None,
    /// G, R - G, B - G.
    Green,
    /// YCoCg-R.
    YCoCg,
    /// G, R - G, B - (R + G) / 2.
    Both,
    /// R, G - R, B - G.
    Red,
    /// B, G - B, R - G.
    Blue,
}

impl Transform {
    pub(crate) const ALL: [Self; 6] = [
        Self::None,
        Self::Green,
        Self::YCoCg,
        Self::Both,
        Self::Red,
        Self::Blue,
    ];

    #[inline(always)]
    pub(crate) fn forward<const C: usize>(self, px: [u16; C]) -> [i32; C] {
        let mut v = px.map(i32::from);
        if let [r, g, b] = v[..] {
            let to = match self {
                Self::None => [g, r, b],
                Self::Green => [g, r - g, b - g],
                Self::YCoCg => {
                    let co = r - b;
                    let t = b + (co >> 1);
                    let cg = g - t;
                    [t + (cg >> 1), cg, co]
                }
                Self::Both => [g, r - g, b - ((r + g) >> 1)],
                Self::Red => [r, g - r, b - g],
                Self::Blue => [b, g - b, r - g],
            };
            v.copy_from_slice(&to);
        }
        v
    }

    /// Samples, which may lie outside of their range if the values were not made by [`Transform::forward`].
    #[inline(always)]
    pub(crate) fn inverse<const C: usize>(self, mut v: [i32; C]) -> [i32; C] {
        if let [a, b, c] = v[..] {
            let to = match self {
                Self::None => [b, a, c],
                Self::Green => [b + a, a, c + a],
                Self::YCoCg => {
                    let t = a - (b >> 1);
                    let g = b + t;
                    let blue = t - (c >> 1);
                    [blue + c, g, blue]
                }
                Self::Both => [b + a, a, c + ((b + 2 * a) >> 1)],
                Self::Red => [a, b + a, c + b + a],
                Self::Blue => [c + b + a, b + a, a],
            };
            v.copy_from_slice(&to);
        }
        v
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_are_reversible() {
        for transform in Transform::ALL {
            for r in [0, 1, 2, 100, 254, 255, 65535] {
                for g in [0, 1, 3, 101, 255, 65534] {
                    for b in [0, 1, 4, 255, 65535] {
                        let samples = transform.inverse(transform.forward([r, g, b]));
                        assert_eq!(samples, [r, g, b].map(i32::from), "{transform:?}");
                    }
                }
            }
            assert_eq!(transform.inverse(transform.forward([77])), [77]);
        }
    }
}
