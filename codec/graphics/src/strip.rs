//! The pixels of a strip, in one body for all directions.

use kiln_entropy::Coder;

use crate::colour::Transform;
use crate::error::Error;
use crate::hits::{Around, Hits};
use crate::layout::BLOCK;
use crate::literal::Literals;
use crate::mix::Counter;
use crate::near::NearHits;
use crate::predict::{Near, Predictor, Trace};
use crate::residual::{CONTEXTS, Residuals};
use crate::rows::{PAD, Rows};

/// Which colours are expected to come again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// None: there is noise.
    #[default]
    Nothing,
    /// Those of neighbours.
    Neighbours,
    /// All.
    Colours,
}

impl Reuse {
    pub(crate) const ALL: [Self; 3] = [Self::Nothing, Self::Neighbours, Self::Colours];
}

/// How the pixels of a strip are coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) transform: Transform,
    pub(crate) reuse: Reuse,
    /// By how many bits contexts see values coarser.
    pub(crate) scale: u32,
    /// The largest sample of each channel.
    pub(crate) largest: [u16; 3],
}

/// The state of coding: everything that both sides know.
pub(crate) struct Strip<const C: usize> {
    mode: Mode,
    width: usize,
    colours: Rows<u64>,
    values: Rows<[i32; C]>,
    traces: Rows<[Trace; C]>,
    copied: Rows<u8>,
    copies: Vec<Counter>,
    fills: Vec<Counter>,
    near: Option<NearHits>,
    hits: Option<Hits>,
    smooth: Residuals,
    literals: Literals,
    drawn: Vec<bool>,
    kinds: [Counter; 8],
    predictors: Vec<Predictor>,
}

/// A sign and a magnitude in eighths of a sample, in `2 * limit + 1` steps: 0, and powers of two from half a sample.
#[inline(always)]
fn steps(value: i32, limit: i32) -> usize {
    let level = 30 - ((value.unsigned_abs() | 2).leading_zeros() as i32);
    let level = (level - 1).clamp(0, limit);
    (limit + if value < 0 { -level } else { level }) as usize
}

impl<const C: usize> Strip<C> {
    pub(crate) fn new(mode: Mode, width: usize) -> Self {
        Self {
            mode,
            width,
            colours: Rows::new(width, 0),
            values: Rows::new(width, [0; C]),
            traces: Rows::new(width, [Trace::default(); C]),
            copied: Rows::new(width.div_ceil(BLOCK as usize), 0),
            copies: vec![Counter::EVEN; 64],
            fills: vec![Counter::EVEN; 64],
            near: (mode.reuse != Reuse::Nothing).then(NearHits::new),
            hits: (mode.reuse == Reuse::Colours).then(Hits::new),
            smooth: Residuals::new([256, 1024, 1024, 4096], 32),
            literals: Literals::new(
                16 - mode
                    .largest
                    .iter()
                    .fold(1, |a, &b| a.max(b))
                    .leading_zeros(),
            ),
            drawn: vec![false; width.div_ceil(BLOCK as usize)],
            kinds: [Counter::EVEN; 8],
            predictors: vec![Predictor::new(); C],
        }
    }

    /// Codes which blocks of the next row of blocks are drawn. `drawn` says so, if it is known.
    pub(crate) fn kinds<K: Coder>(
        &mut self,
        coder: &mut K,
        marks: &[bool],
        drawn: &[bool],
    ) -> Result<(), Error> {
        if self.hits.is_none() {
            return Ok(());
        }
        for (column, &mark) in marks.iter().enumerate() {
            if mark {
                let at =
                    |column: usize| usize::from(self.drawn.get(column).is_some_and(|&drawn| drawn));
                let context = at(column.wrapping_sub(1)) << 2 | at(column) << 1 | at(column + 1);
                let given = drawn.get(column).is_some_and(|&drawn| drawn);
                self.drawn[column] = self.kinds[context].code(coder, given, 60)?;
            }
        }
        Ok(())
    }

    /// Codes a row of the marked blocks. What lies elsewhere in `samples` is neither used nor changed.
    pub(crate) fn row<K: Coder>(
        &mut self,
        coder: &mut K,
        marks: &[bool],
        samples: &mut [u16],
        after: &mut impl FnMut(usize, &mut K),
    ) -> Result<(), Error> {
        self.colours.begin();
        self.values.begin();
        self.traces.begin();
        self.copied.begin();
        let (samples, _) = samples.as_chunks_mut::<C>();
        for (column, &mark) in marks.iter().enumerate() {
            let start = column * BLOCK as usize;
            let end = (start + BLOCK as usize).min(self.width);
            let mut copied = 1;
            if mark {
                copied = match self.near.is_some() {
                    true => self.segment(coder, column, start..end, samples)?,
                    false => 0,
                };
                if copied == 0 {
                    for (x, sample) in (start..end).zip(&mut samples[start..end]) {
                        *sample = self.pixel(coder, x, self.drawn[column], *sample)?;
                    }
                }
                after(column, coder);
            } else {
                self.copy(start..end);
            }
            self.copied.all().0[column + PAD] = copied;
        }
        self.colours.end();
        self.values.end();
        self.traces.end();
        self.copied.end();
        Ok(())
    }

    /// Pixels that are not coded are as those above.
    fn copy(&mut self, range: std::ops::Range<usize>) {
        let range = range.start + PAD..range.end + PAD;
        let (cur, up, _) = self.colours.all();
        cur[range.clone()].copy_from_slice(&up[range.clone()]);
        let (cur, up, _) = self.values.all();
        cur[range.clone()].copy_from_slice(&up[range.clone()]);
        self.traces.all().0[range].fill([Trace::default(); C]);
    }

    /// Whether a row of a block is equal to the one above (1) or to the pixel on its left (2).
    fn segment<K: Coder>(
        &mut self,
        coder: &mut K,
        column: usize,
        range: std::ops::Range<usize>,
        samples: &mut [[u16; C]],
    ) -> Result<u8, Error> {
        let (cur, up, _) = self.colours.all();
        let at = range.start + PAD;
        let (left, above) = (cur[at - 1], &up[at..range.end + PAD]);
        let flat = above.iter().all(|&colour| colour == above[0]);
        let (_, flags, top) = {
            let f = self.copied.all();
            (
                f.0[column + PAD - 1],
                [
                    f.0[column + PAD - 1],
                    f.1[column + PAD],
                    f.1[column + PAD + 1],
                ],
                f.2[column + PAD],
            )
        };
        let context = usize::from(flags[0] == 1)
            | usize::from(flags[1] == 1) << 1
            | usize::from(flags[2] == 1) << 2
            | usize::from(left == up[at - 1]) << 3
            | usize::from(flat) << 4
            | usize::from(top == 1) << 5;
        let same = samples[range.clone()]
            .iter()
            .zip(above)
            .all(|(&s, &colour)| pack(s) == colour);
        if self.copies[context].code(coder, same, 255)? {
            for (sample, &colour) in samples[range.clone()].iter_mut().zip(above) {
                *sample = unpack(colour);
            }
            self.copy(range);
            return Ok(1);
        }
        let context = usize::from(flags[0] == 2)
            | usize::from(flags[1] == 2) << 1
            | usize::from(flags[2] == 2) << 2
            | usize::from(left == up[at - 1]) << 3
            | usize::from(flat) << 4
            | usize::from(left == above[0]) << 5;
        let same = samples[range.clone()].iter().all(|&s| pack(s) == left);
        if self.fills[context].code(coder, same, 255)? {
            samples[range.clone()].fill(unpack(left));
            let range = range.start + PAD..range.end + PAD;
            let (cur, ..) = self.colours.all();
            cur[range.clone()].fill(left);
            let (cur, ..) = self.values.all();
            let value = cur[range.start - 1];
            cur[range.clone()].fill(value);
            self.traces.all().0[range].fill([Trace::default(); C]);
            return Ok(2);
        }
        Ok(0)
    }

    #[inline(always)]
    fn pixel<K: Coder>(
        &mut self,
        coder: &mut K,
        x: usize,
        drawn: bool,
        sample: [u16; C],
    ) -> Result<[u16; C], Error> {
        let i = x + PAD;
        let mut memory = None;
        let mut around = None;
        if let Some(near_hits) = &mut self.near {
            let (cur, up, top) = self.colours.all();
            let seen = Around::of(x, cur, up, top);
            if let Some(hits) = &mut self.hits {
                memory = Some(hits.look(&seen));
            }
            let hit = match (&mut self.hits, &memory) {
                (Some(hits), Some(memory))
                    if drawn || memory[0].trust > 0 || memory[1].trust > 0 =>
                {
                    hits.code(coder, &seen, memory, pack(sample))?
                }
                _ => {
                    let (traces, traces_up, _) = self.traces.all();
                    let mut noise = 0;
                    for c in 0..C {
                        for trace in [
                            &traces[i - 1],
                            &traces_up[i],
                            &traces_up[i - 1],
                            &traces_up[i + 1],
                        ] {
                            noise += trace[c].residual.unsigned_abs();
                        }
                    }
                    near_hits.code(coder, &seen, noise >> self.mode.scale, pack(sample))?
                }
            };
            if let Some(colour) = hit {
                if let (Some(hits), Some(memory)) = (&mut self.hits, &memory) {
                    hits.learn(memory, colour);
                }
                let sample = unpack(colour);
                cur[i] = colour;
                self.values.all().0[i] = self.mode.transform.forward(sample);
                self.traces.all().0[i] = [Trace::default(); C];
                return Ok(sample);
            }
            if drawn {
                around = Some(seen);
            }
        }
        if let Some(around) = &around {
            let near = {
                let (cur, up, top) = self.values.all();
                Near::of(0, x, cur, up, top)
            };
            let result = self.literals.code(coder, around, near.median(), sample)?;
            for c in 0..C {
                if result[c] > self.mode.largest[c] {
                    return Err(Error::Damaged("a sample is out of range"));
                }
            }
            let colour = pack(result);
            self.colours.all().0[i] = colour;
            self.values.all().0[i] = self.mode.transform.forward(result);
            self.traces.all().0[i] = [Trace::default(); C];
            if let (Some(hits), Some(memory)) = (&mut self.hits, memory) {
                hits.learn(&memory, colour);
            }
            return Ok(result);
        }
        let scale = self.mode.scale;
        let wanted = self.mode.transform.forward(sample);
        let (values, values_up, values_top) = self.values.all();
        let (traces, traces_up, traces_top) = self.traces.all();
        let mut value = [0; C];
        let mut residuals = [0; 2];
        for c in 0..C {
            let near = Near::of(c, x, values, values_up, values_top);
            let mut trace = Trace::default();
            {
                let p = self.predictors[c].predict(c, x, &near, residuals, traces, traces_up);
                let predicted = (p.value + 4) >> 3;
                let r = |t: &[Trace; C]| t[c].residual;
                let [w, n, nw, ne, ww, nn] = [
                    traces[i - 1],
                    traces_up[i],
                    traces_up[i - 1],
                    traces_up[i + 1],
                    traces[i - 2],
                    traces_top[i],
                ]
                .map(|t| r(&t));
                let energy =
                    (2 * (w.abs() + n.abs()) + nw.abs() + ne.abs() + ww.abs() + nn.abs()) >> scale;
                let energy = energy as u32 + 2;
                let log = 31 - energy.leading_zeros();
                let level = ((log << 2) + ((energy << 2 >> log) & 3)) as usize;
                let coarse = (level >> 2).min(7);
                let q = |v: i32, limit| steps(v >> scale, limit);
                let e = |v: i32, limit| steps((v << 3) >> scale, limit);
                let v = p.value;
                let at: [usize; CONTEXTS] = [
                    c << 6 | level.min(63),
                    c << 8
                        | if c == 0 {
                            e(ne, 7) << 4 | coarse
                        } else {
                            e(residuals[0], 7) << 4 | coarse
                        },
                    c << 8 | q((near.w << 3) - v, 7) << 4 | q((near.n << 3) - v, 7),
                    c << 10
                        | q(p.subs[0] - v, 7) << 6
                        | q(p.subs[1] - v, 7) << 2
                        | (v & 7) as usize >> 1,
                ];
                let residual =
                    self.smooth
                        .code(coder, &at, c << 3 | coarse, wanted[c] - predicted)?;
                value[c] = predicted + residual;
                trace.residual = residual;
                self.predictors[c].learn(&p, value[c], scale, &mut trace);
                residuals[c.min(1)] = residual;
            }
            traces[i][c] = trace;
        }
        let samples = self.mode.transform.inverse(value);
        let mut result = [0; C];
        for c in 0..C {
            result[c] = u16::try_from(samples[c])
                .ok()
                .filter(|&s| s <= self.mode.largest[c])
                .ok_or(Error::Damaged("a sample is out of range"))?;
        }
        values[i] = value;
        let colour = pack(result);
        self.colours.all().0[i] = colour;
        if let (Some(hits), Some(memory)) = (&mut self.hits, memory) {
            hits.learn(&memory, colour);
        }
        Ok(result)
    }
}

#[inline(always)]
fn pack<const C: usize>(sample: [u16; C]) -> u64 {
    let mut colour = 0;
    for (c, &s) in sample.iter().enumerate() {
        colour |= u64::from(s) << (16 * c);
    }
    colour
}

#[inline(always)]
fn unpack<const C: usize>(colour: u64) -> [u16; C] {
    std::array::from_fn(|c| (colour >> (16 * c)) as u16)
}
