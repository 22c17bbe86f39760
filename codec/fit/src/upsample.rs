//! From grids of latents to channels at full resolution.
//!
//! From the coarsest level on, all channels so far are doubled by a separable filter, and the next finer grid, filtered
//! too, is put in front of them.

use kiln_fitted::{Role, Shape};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::kernels::Aligned;
use crate::kernels::lanes::sums_of;
use crate::kernels::rows::{add_scaled, combine, cut, deinterleave, dots, interleave};
use crate::networks::Networks;
use crate::quantise::Latents;
use crate::stack::{Form, MARGIN, Stack};

/// Columns and rows that a doubling filter reaches to either side.
const REACH: usize = 2;

/// One resolution.
#[derive(Clone, Debug)]
struct Level {
    /// The place of its grid.
    grid: usize,
    /// Its channels, the grid's own in front.
    channels: Stack,
    gradients: Stack,
    /// The next coarser level's channels, doubled in width alone.
    wide: Stack,
    wide_gradients: Stack,
    /// The grid, filtered along rows alone.
    filtered: Stack,
    filtered_gradients: Stack,
}

/// All resolutions.
#[derive(Clone, Debug)]
pub(crate) struct Upsample {
    levels: Vec<Level>,
}

impl Upsample {
    /// For these latents.
    pub(crate) fn new(shape: Shape, latents: &[Latents]) -> Self {
        let grids = latents.iter().enumerate().filter(|(_, l)| !l.grid.hyper);
        let grids: Vec<(usize, Form)> = grids.map(|(i, l)| (i, l.rounded.form)).collect();
        let level = |(level, &(grid, form)): (usize, &(usize, Form))| {
            let channels = shape.levels - level;
            let coarser = grids.get(level + 1).map_or(0, |(_, f)| f.height);
            let new = |height, channels| {
                Stack::new(Form {
                    height,
                    channels,
                    ..form
                })
            };
            Level {
                grid,
                channels: new(form.height, channels),
                gradients: new(form.height, channels),
                wide: new(coarser, channels - 1),
                wide_gradients: new(coarser, channels - 1),
                filtered: new(form.height, 1),
                filtered_gradients: new(form.height, 1),
            }
        };
        Self {
            levels: grids.iter().enumerate().map(level).collect(),
        }
    }

    /// Channels at full resolution, the finest grid's first.
    pub(crate) fn channels(&self) -> &Stack {
        &self.levels[0].channels
    }

    /// [`Self::channels`], and their gradients to be filled in; what is beyond the width must be 0.
    pub(crate) fn both(&mut self) -> (&Stack, &mut Stack) {
        let level = &mut self.levels[0];
        (&level.channels, &mut level.gradients)
    }

    /// Computes [`Self::channels`].
    pub(crate) fn forward(&mut self, networks: &Networks, latents: &[Latents]) {
        for number in (0..self.levels.len()).rev() {
            let (finer, coarser) = self.levels.split_at_mut(number + 1);
            let level = &mut finer[number];
            let source = &latents[level.grid].rounded;
            let Some(coarser) = coarser.first() else {
                let form = level.channels.form;
                level.channels.parts_mut().for_each(|(from, rows)| {
                    for i in 0..rows.len() / form.row_len() {
                        form.of_mut(rows, i, 0)
                            .copy_from_slice(source.row(from + i, 0));
                        form.replicate(rows, i, 0, REACH);
                    }
                });
                continue;
            };
            let double = taps(networks.get(Role::Double(number)));
            let filter = taps(networks.get(Role::Filter(number)));
            let form = level.wide.form;
            level.wide.parts_mut().for_each(|(from, rows)| {
                Arch::new().dispatch(Widen {
                    form,
                    rows,
                    from,
                    source: &coarser.channels,
                    taps: double,
                });
            });
            let form = level.filtered.form;
            level.filtered.parts_mut().for_each(|(from, rows)| {
                for i in 0..rows.len() / form.row_len() {
                    Arch::new().dispatch(FilterRow {
                        to: form.of_mut(rows, i, 0),
                        source,
                        row: from + i,
                        taps: filter,
                    });
                }
            });
            let form = level.channels.form;
            let (wide, filtered) = (&level.wide, &level.filtered);
            level.channels.parts_mut().for_each(|(from, rows)| {
                Arch::new().dispatch(Heighten {
                    form,
                    rows,
                    from,
                    source,
                    wide,
                    filtered,
                    double,
                    filter,
                });
            });
        }
    }

    /// From gradients of [`Self::channels`] to gradients of the networks and of rounded latents, both added to.
    pub(crate) fn backward(
        &mut self,
        networks: &Networks,
        latents: &[Latents],
        to_networks: &mut Networks,
        to_latents: &mut [Stack],
    ) {
        for number in 0..self.levels.len() {
            let (finer, coarser) = self.levels.split_at_mut(number + 1);
            let level = &mut finer[number];
            let source = &latents[level.grid].rounded;
            let target = &mut to_latents[level.grid];
            let Some(coarser) = coarser.first_mut() else {
                let form = target.form;
                for row in 0..form.height {
                    let from = level.gradients.row(row, 0);
                    for (to, v) in target.row_mut(row, 0).iter_mut().zip(from) {
                        *to += v;
                    }
                }
                continue;
            };
            let double = taps(networks.get(Role::Double(number)));
            let filter = taps(networks.get(Role::Filter(number)));
            let form = level.wide_gradients.form;
            let (gradients, wide) = (&level.gradients, &level.wide);
            let tall: Vec<[f32; 4]> = (level.wide_gradients.parts_mut())
                .map(|(from, rows)| {
                    Arch::new().dispatch(Lower {
                        form,
                        rows,
                        from,
                        gradients,
                        wide,
                        taps: double,
                    })
                })
                .collect();
            let form = coarser.gradients.form;
            let (wide_gradients, channels) = (&level.wide_gradients, &coarser.channels);
            let broad: Vec<[f32; 4]> = (coarser.gradients.parts_mut())
                .map(|(from, rows)| {
                    Arch::new().dispatch(Narrow {
                        form,
                        rows,
                        from,
                        gradients: wide_gradients,
                        channels,
                        taps: double,
                    })
                })
                .collect();
            to_networks.add(Role::Double(number), &sum(&[tall, broad]));

            let form = level.filtered_gradients.form;
            let filtered = &level.filtered;
            let tall: Vec<[f32; 4]> = (level.filtered_gradients.parts_mut())
                .map(|(from, rows)| {
                    Arch::new().dispatch(FilterBack {
                        form,
                        rows,
                        from,
                        gradients,
                        filtered,
                        taps: filter,
                    })
                })
                .collect();
            let form = target.form;
            let filtered_gradients = &level.filtered_gradients;
            let broad: Vec<[f32; 4]> = (target.parts_mut())
                .map(|(from, rows)| {
                    Arch::new().dispatch(GridBack {
                        form,
                        rows,
                        from,
                        gradients,
                        filtered_gradients,
                        source,
                        taps: filter,
                    })
                })
                .collect();
            to_networks.add(Role::Filter(number), &sum(&[tall, broad]));
        }
    }
}

fn taps(values: &[f32]) -> [f32; 4] {
    values.first_chunk().copied().unwrap_or_default()
}

/// Adds up gradients of taps.
fn sum(parts: &[Vec<[f32; 4]>]) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for part in parts.iter().flatten() {
        for (sum, v) in sums.iter_mut().zip(part) {
            *sum += f64::from(*v);
        }
    }
    sums
}

/// Which inputs an output of a doubling filter sees: the first of four, and the order of the taps there.
#[inline(always)]
fn doubling(output: usize) -> (isize, [usize; 4]) {
    let middle = (output / 2) as isize;
    match output % 2 {
        0 => (middle - 2, [0, 2, 3, 1]),
        _ => (middle - 1, [1, 3, 2, 0]),
    }
}

/// An input at a place that may be beyond the border.
#[inline(always)]
fn clamped(place: isize, len: usize) -> usize {
    place.clamp(0, len as isize - 1) as usize
}

/// Slices of a row that begin `-reach..=reach` columns beside it.
#[inline(always)]
fn shifted<const N: usize>(stack: &Stack, row: usize, channel: usize) -> [&[f32]; N] {
    let around = stack.around(row, channel, N / 2);
    std::array::from_fn(|k| &around[k..][..stack.form.span()])
}

/// Doubles the width.
struct Widen<'a> {
    form: Form,
    rows: &'a mut [f32],
    from: usize,
    source: &'a Stack,
    taps: [f32; 4],
}

impl WithSimd for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [a, b, c, d] = self.taps;
        let span = self.source.form.span();
        let (mut even, mut odd) = (Aligned::new(span), Aligned::new(span));
        for i in 0..self.rows.len() / self.form.row_len() {
            for channel in 0..self.form.channels {
                let [x0, x1, x2, x3, x4] = shifted(self.source, self.from + i, channel);
                combine(simd, &mut even, [x0, x1, x2, x3], [a, c, d, b]);
                combine(simd, &mut odd, [x1, x2, x3, x4], [b, d, c, a]);
                interleave(self.form.of_mut(self.rows, i, channel), &even, &odd);
            }
        }
    }
}

/// Filters a grid along a row.
struct FilterRow<'a> {
    to: &'a mut [f32],
    source: &'a Stack,
    row: usize,
    taps: [f32; 4],
}

impl WithSimd for FilterRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rows = shifted::<7>(self.source, self.row, 0);
        combine(simd, self.to, rows, mirrored(self.taps));
        cut(simd, self.to, self.source.form.width);
    }
}

/// All seven taps.
#[inline(always)]
fn mirrored([a, b, c, d]: [f32; 4]) -> [f32; 7] {
    [a, b, c, d, c, b, a]
}

/// Rows `-3..=3` beside a row and the taps they meet; beyond the border there is nothing.
#[inline(always)]
fn beside(stack: &Stack, row: usize, taps: [f32; 4]) -> ([&[f32]; 7], [f32; 7]) {
    let taps = mirrored(taps);
    let place = |k: usize| {
        let place = row as isize + k as isize - 3;
        (0..stack.form.height as isize)
            .contains(&place)
            .then_some(place as usize)
    };
    let rows = std::array::from_fn(|k| stack.row(place(k).unwrap_or(row), 0));
    let taps = std::array::from_fn(|k| if place(k).is_some() { taps[k] } else { 0.0 });
    (rows, taps)
}

/// Filters along columns: rows of all channels.
struct Heighten<'a> {
    form: Form,
    rows: &'a mut [f32],
    from: usize,
    source: &'a Stack,
    wide: &'a Stack,
    filtered: &'a Stack,
    double: [f32; 4],
    filter: [f32; 4],
}

impl WithSimd for Heighten<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for i in 0..self.rows.len() / self.form.row_len() {
            let row = self.from + i;
            let own = self.form.of_mut(self.rows, i, 0);
            let (rows, taps) = beside(self.filtered, row, self.filter);
            combine(simd, own, rows, taps);
            add_scaled(simd, own, self.source.row(row, 0), 1.0);
            self.form.replicate(self.rows, i, 0, REACH);
            let (first, order) = doubling(row);
            let taps = order.map(|k| self.double[k]);
            for channel in 1..self.form.channels {
                let rows = std::array::from_fn(|k| {
                    let row = clamped(first + k as isize, self.wide.form.height);
                    self.wide.row(row, channel - 1)
                });
                combine(simd, self.form.of_mut(self.rows, i, channel), rows, taps);
                self.form.replicate(self.rows, i, channel, REACH);
            }
        }
    }
}

/// Gradients of [`Level::wide`], and of the taps along columns.
struct Lower<'a> {
    form: Form,
    rows: &'a mut [f32],
    from: usize,
    gradients: &'a Stack,
    wide: &'a Stack,
    taps: [f32; 4],
}

impl WithSimd for Lower<'_> {
    type Output = [f32; 4];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 4] {
        let mut sums = [simd.splat_f32s(0.0); 4];
        let (height, tall) = (self.form.height, self.gradients.form.height);
        for i in 0..self.rows.len() / self.form.row_len() {
            let row = self.from + i;
            // Outputs that may see this row, and with which sum of taps: at the border more than once.
            let mut seen = [(0, 0.0); 8];
            let mut count = 0;
            let first = (2 * row).saturating_sub(2 * REACH + 1);
            for output in first..(2 * row + 2 * REACH + 2).min(tall) {
                let (start, order) = doubling(output);
                let mut taps = 0.0;
                let mut sees = false;
                for (k, tap) in order.into_iter().enumerate() {
                    if clamped(start + k as isize, height) == row {
                        taps += self.taps[tap];
                        sees = true;
                    }
                }
                if sees {
                    seen[count] = (output, taps);
                    count += 1;
                }
            }
            for channel in 0..self.form.channels {
                let to = self.form.of_mut(self.rows, i, channel);
                let rows = seen.map(|(output, _)| self.gradients.row(output, channel + 1));
                combine(simd, to, rows, seen.map(|(_, taps)| taps));
                // Each pair of outputs meets the taps once.
                for output in [2 * row, 2 * row + 1] {
                    if output >= tall {
                        continue;
                    }
                    let (start, order) = doubling(output);
                    let mut products = sums;
                    for (product, k) in products.iter_mut().zip(order) {
                        *product = sums[k];
                    }
                    let inputs = std::array::from_fn(|k| {
                        self.wide.row(clamped(start + k as isize, height), channel)
                    });
                    dots(
                        simd,
                        self.gradients.row(output, channel + 1),
                        inputs,
                        &mut products,
                    );
                    for (k, product) in order.into_iter().zip(products) {
                        sums[k] = product;
                    }
                }
            }
        }
        sums_of(simd, sums)
    }
}

/// Gradients of a level's channels from those of [`Level::wide`], and of the taps along rows.
struct Narrow<'a> {
    form: Form,
    rows: &'a mut [f32],
    from: usize,
    gradients: &'a Stack,
    channels: &'a Stack,
    taps: [f32; 4],
}

impl WithSimd for Narrow<'_> {
    type Output = [f32; 4];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 4] {
        let [a, b, c, d] = self.taps;
        let (span, width) = (self.form.span(), self.form.width);
        let wide = self.gradients.form;
        // Gradients with zeros around them, and what they make, with room for what falls beyond the border.
        let mut memory = [(); 3].map(|()| Aligned::new(span + 4 * MARGIN));
        let [even, odd, made] = &mut memory;
        let made_span = span + 2 * MARGIN;
        let mut sums = [simd.splat_f32s(0.0); 4];
        for i in 0..self.rows.len() / self.form.row_len() {
            for channel in 0..self.form.channels {
                let gradients = &self.gradients.row(self.from + i, channel)[..wide.width];
                let (whole, rest) = gradients.split_at(wide.width & !1);
                deinterleave(whole, &mut even[2 * MARGIN..], &mut odd[2 * MARGIN..]);
                if let Some(&last) = rest.first() {
                    even[2 * MARGIN + wide.width / 2] = last;
                }
                let x: [&[f32]; 5] = shifted(self.channels, self.from + i, channel);
                let (e, o) = (&even[2 * MARGIN..][..span], &odd[2 * MARGIN..][..span]);
                let [sa, sb, sc, sd] = &mut sums;
                let mut by = [*sa, *sc, *sd, *sb];
                dots(simd, e, [x[0], x[1], x[2], x[3]], &mut by);
                [*sa, *sc, *sd, *sb] = by;
                let mut by = [*sb, *sd, *sc, *sa];
                dots(simd, o, [x[1], x[2], x[3], x[4]], &mut by);
                [*sb, *sd, *sc, *sa] = by;

                let e = |by: isize| &even[MARGIN.wrapping_add_signed(by)..][..made_span];
                let o = |by: isize| &odd[MARGIN.wrapping_add_signed(by)..][..made_span];
                combine(
                    simd,
                    &mut made[..made_span],
                    [e(2), e(1), e(0), e(-1), o(1), o(0), o(-1), o(-2)],
                    [a, c, d, b, b, d, c, a],
                );
                let to = self.form.of_mut(self.rows, i, channel);
                to.copy_from_slice(&made[MARGIN..][..span]);
                to[0] += made[MARGIN - 1] + made[MARGIN - 2];
                to[width - 1] += made[MARGIN + width] + made[MARGIN + width + 1];
                cut(simd, to, width);
            }
        }
        sums_of(simd, sums)
    }
}

/// Gradients of [`Level::filtered`], and of the filter's taps along columns.
struct FilterBack<'a> {
    form: Form,
    rows: &'a mut [f32],
    from: usize,
    gradients: &'a Stack,
    filtered: &'a Stack,
    taps: [f32; 4],
}

impl WithSimd for FilterBack<'_> {
    type Output = [f32; 4];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 4] {
        let mut sums = [simd.splat_f32s(0.0); 7];
        for i in 0..self.rows.len() / self.form.row_len() {
            let row = self.from + i;
            let (rows, taps) = beside(self.gradients, row, self.taps);
            combine(simd, self.form.of_mut(self.rows, i, 0), rows, taps);
            // The other way round: what this row was made from. A row beyond the border counts nothing.
            let (rows, counts) = beside(self.filtered, row, [1.0; 4]);
            let mut products = [simd.splat_f32s(0.0); 7];
            dots(simd, self.gradients.row(row, 0), rows, &mut products);
            for k in 0..7 {
                let count = simd.splat_f32s(counts[k]);
                sums[k] = simd.mul_add_e_f32s(count, products[k], sums[k]);
            }
        }
        unmirrored(sums_of(simd, sums))
    }
}

/// Gradients of a grid, added to, and of the filter's taps along rows.
struct GridBack<'a> {
    form: Form,
    rows: &'a mut [f32],
    from: usize,
    gradients: &'a Stack,
    filtered_gradients: &'a Stack,
    source: &'a Stack,
    taps: [f32; 4],
}

impl WithSimd for GridBack<'_> {
    type Output = [f32; 4];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 4] {
        let mut sums = [simd.splat_f32s(0.0); 7];
        let mut made = Aligned::new(self.form.span());
        for i in 0..self.rows.len() / self.form.row_len() {
            let row = self.from + i;
            let gradients = shifted::<7>(self.filtered_gradients, row, 0);
            combine(simd, &mut made, gradients, mirrored(self.taps));
            cut(simd, &mut made, self.form.width);
            let to = self.form.of_mut(self.rows, i, 0);
            add_scaled(simd, to, &made, 1.0);
            add_scaled(simd, to, self.gradients.row(row, 0), 1.0);
            dots(
                simd,
                gradients[3],
                shifted::<7>(self.source, row, 0),
                &mut sums,
            );
        }
        unmirrored(sums_of(simd, sums))
    }
}

/// Sums for the four taps that are fitted.
#[inline(always)]
fn unmirrored(s: [f32; 7]) -> [f32; 4] {
    [s[0] + s[6], s[1] + s[5], s[2] + s[4], s[3]]
}
