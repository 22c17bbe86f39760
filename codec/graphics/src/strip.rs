//! The pixels of a strip, in one body for all directions.

use std::ops::Range;

use kiln_entropy::Coder;

use crate::around::{Around, pack, unpack};
use crate::colour::Transform;
use crate::error::Error;
use crate::hits::{Hits, Memories};
use crate::layout::BLOCK;
use crate::literal::Literals;
use crate::mix::Counter;
use crate::near::NearHits;
use crate::predict::{Near, Trace};
use crate::rows::{PAD, Rows};
use crate::smooth::Smooth;

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

/// How a row of a block was coded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Segment {
    /// Pixel by pixel.
    Pixels,
    /// As the pixels above, or not at all.
    Above,
    /// As the pixel on its left.
    Left,
}

/// Models of colours that come again anywhere.
struct Drawings {
    hits: Hits,
    literals: Literals,
    /// Which blocks look drawn; the colours of their pixels are not predicted.
    blocks: Vec<bool>,
    counters: [Counter; 8],
}

/// The state of coding: all that both sides know.
pub(crate) struct Strip<const C: usize> {
    mode: Mode,
    width: usize,
    colours: Rows<u64>,
    values: Rows<[i32; C]>,
    traces: Rows<[Trace; C]>,
    segments: Rows<Segment>,
    above: [Counter; 64],
    left: [Counter; 64],
    near: Option<NearHits>,
    drawings: Option<Drawings>,
    smooth: Smooth<C>,
}

impl<const C: usize> Strip<C> {
    pub(crate) fn new(mode: Mode, width: usize) -> Self {
        let columns = width.div_ceil(BLOCK as usize);
        let largest = mode.largest[..C]
            .iter()
            .fold(0, |most, &largest| most.max(largest));
        Self {
            mode,
            width,
            colours: Rows::new(width, 0),
            values: Rows::new(width, [0; C]),
            traces: Rows::new(width, [Trace::default(); C]),
            segments: Rows::new(columns, Segment::Pixels),
            above: [Counter::EVEN; 64],
            left: [Counter::EVEN; 64],
            near: (mode.reuse != Reuse::Nothing).then(NearHits::new),
            drawings: (mode.reuse == Reuse::Colours).then(|| Drawings {
                hits: Hits::new(),
                literals: Literals::new(largest),
                blocks: vec![false; columns],
                counters: [Counter::EVEN; 8],
            }),
            smooth: Smooth::new(mode.scale),
        }
    }

    /// Codes which marked blocks of the next row of blocks look drawn. `drawn` says so, if it is known.
    pub(crate) fn kinds<K: Coder>(
        &mut self,
        coder: &mut K,
        marks: &[bool],
        drawn: &[bool],
    ) -> Result<(), Error> {
        let Some(drawings) = &mut self.drawings else {
            return Ok(());
        };
        for (column, _) in marks.iter().enumerate().filter(|&(_, &mark)| mark) {
            let at = |column: usize| usize::from(drawings.blocks.get(column) == Some(&true));
            let context = at(column.wrapping_sub(1)) << 2 | at(column) << 1 | at(column + 1);
            let given = drawn.get(column) == Some(&true);
            drawings.blocks[column] = drawings.counters[context].code(coder, given, 60)?;
        }
        Ok(())
    }

    /// Codes a row of the marked blocks, and calls `after` with the column of each. What lies elsewhere in `samples`
    /// is neither used nor changed.
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
        self.segments.begin();
        let (samples, _) = samples.as_chunks_mut::<C>();
        for (column, &mark) in marks.iter().enumerate() {
            let start = column * BLOCK as usize;
            let range = start..(start + BLOCK as usize).min(self.width);
            let segment = match mark {
                true => self.block_row(coder, column, range, samples)?,
                false => {
                    self.copy_above(range);
                    Segment::Above
                }
            };
            self.segments.all().0[column + PAD] = segment;
            if mark {
                after(column, coder);
            }
        }
        self.colours.end();
        self.values.end();
        self.traces.end();
        self.segments.end();
        Ok(())
    }

    /// Codes a row of a marked block.
    fn block_row<K: Coder>(
        &mut self,
        coder: &mut K,
        column: usize,
        range: Range<usize>,
        samples: &mut [[u16; C]],
    ) -> Result<Segment, Error> {
        if self.near.is_some() {
            let segment =
                self.segment(coder, column, range.clone(), &mut samples[range.clone()])?;
            if segment != Segment::Pixels {
                return Ok(segment);
            }
        }
        let is_drawn = self
            .drawings
            .as_ref()
            .is_some_and(|drawings| drawings.blocks[column]);
        for (x, samples) in range.clone().zip(&mut samples[range]) {
            *samples = self.pixel(coder, x, is_drawn, *samples)?;
        }
        Ok(Segment::Pixels)
    }

    /// Codes whether all pixels are as those above, or as the one on their left, and fills them in if so.
    fn segment<K: Coder>(
        &mut self,
        coder: &mut K,
        column: usize,
        range: Range<usize>,
        samples: &mut [[u16; C]],
    ) -> Result<Segment, Error> {
        let (cur, up, _) = self.colours.all();
        let (w, nw) = (cur[range.start + PAD - 1], up[range.start + PAD - 1]);
        let above = &up[range.start + PAD..range.end + PAD];
        let is_flat = above.iter().all(|&colour| colour == above[0]);
        let (segments, segments_up, segments_top) = self.segments.all();
        let around = [
            segments[column + PAD - 1],
            segments_up[column + PAD],
            segments_up[column + PAD + 1],
            segments_top[column + PAD],
        ];
        let context = |kind: Segment, last: bool| {
            let [left, up, right, _] = around.map(|segment| usize::from(segment == kind));
            let flags = [w == nw, is_flat, last].map(usize::from);
            left | up << 1 | right << 2 | flags[0] << 3 | flags[1] << 4 | flags[2] << 5
        };
        let at = context(Segment::Above, around[3] == Segment::Above);
        let is_above = samples
            .iter()
            .zip(above)
            .all(|(&samples, &colour)| pack(samples) == colour);
        if self.above[at].code(coder, is_above, 255)? {
            for (samples, &colour) in samples.iter_mut().zip(above) {
                *samples = unpack(colour);
            }
            self.copy_above(range);
            return Ok(Segment::Above);
        }
        let at = context(Segment::Left, w == above[0]);
        let is_left = samples.iter().all(|&samples| pack(samples) == w);
        if self.left[at].code(coder, is_left, 255)? {
            samples.fill(unpack(w));
            self.copy_left(range);
            return Ok(Segment::Left);
        }
        Ok(Segment::Pixels)
    }

    /// Remembers pixels that are as those above.
    fn copy_above(&mut self, range: Range<usize>) {
        let range = range.start + PAD..range.end + PAD;
        let (cur, up, _) = self.colours.all();
        cur[range.clone()].copy_from_slice(&up[range.clone()]);
        let (cur, up, _) = self.values.all();
        cur[range.clone()].copy_from_slice(&up[range.clone()]);
        self.traces.all().0[range].fill([Trace::default(); C]);
    }

    /// Remembers pixels that are as the one on their left.
    fn copy_left(&mut self, range: Range<usize>) {
        let range = range.start + PAD..range.end + PAD;
        let (cur, ..) = self.colours.all();
        let left = cur[range.start - 1];
        cur[range.clone()].fill(left);
        let (cur, ..) = self.values.all();
        cur[range.clone()].fill(self.mode.transform.forward(unpack(left)));
        self.traces.all().0[range].fill([Trace::default(); C]);
    }

    /// Codes a pixel: as a colour that was there before, else as a literal in drawn blocks, else by prediction.
    #[inline(always)]
    fn pixel<K: Coder>(
        &mut self,
        coder: &mut K,
        x: usize,
        is_drawn: bool,
        samples: [u16; C],
    ) -> Result<[u16; C], Error> {
        let i = x + PAD;
        let (cur, up, top) = self.colours.all();
        let around = Around::new(x, cur, up, top);
        let memories = self
            .drawings
            .as_ref()
            .map(|drawings| drawings.hits.look(&around));
        let hit = self.hit(
            coder,
            x,
            is_drawn,
            &around,
            memories.as_ref(),
            pack(samples),
        )?;
        let colour = match (hit, &mut self.drawings) {
            (Some(colour), _) => colour,
            (None, Some(drawings)) if is_drawn => {
                let (values, values_up, values_top) = self.values.all();
                let median = Near::new(0, x, values, values_up, values_top).median();
                let samples = drawings.literals.code(coder, &around, median, samples)?;
                pack(self.mode.check(samples.map(i32::from))?)
            }
            _ => {
                let wanted = self.mode.transform.forward(samples);
                let (values, traces) = (&mut self.values, &mut self.traces);
                let values = self.smooth.code(coder, x, values, traces, wanted)?;
                let colour = pack(self.mode.check(self.mode.transform.inverse(values))?);
                self.remember(i, memories.as_ref(), colour);
                return Ok(unpack(colour));
            }
        };
        self.remember(i, memories.as_ref(), colour);
        self.values.all().0[i] = self.mode.transform.forward(unpack(colour));
        self.traces.all().0[i] = [Trace::default(); C];
        Ok(unpack(colour))
    }

    /// Codes whether the colour was there before: that colour if so.
    #[inline(always)]
    fn hit<K: Coder>(
        &mut self,
        coder: &mut K,
        x: usize,
        is_drawn: bool,
        around: &Around,
        memories: Option<&Memories>,
        actual: u64,
    ) -> Result<Option<u64>, Error> {
        if let (Some(drawings), Some(memories)) = (&mut self.drawings, memories)
            && (is_drawn || memories.any())
        {
            return Ok(drawings.hits.code(coder, around, memories, actual)?);
        }
        let Some(near) = &mut self.near else {
            return Ok(None);
        };
        let (traces, traces_up, _) = self.traces.all();
        let i = x + PAD;
        let mut noise = 0;
        for traces in [
            &traces[i - 1],
            &traces_up[i],
            &traces_up[i - 1],
            &traces_up[i + 1],
        ] {
            noise += traces
                .iter()
                .map(|trace| trace.residual.unsigned_abs())
                .sum::<u32>();
        }
        Ok(near.code(coder, around, noise >> self.mode.scale, actual)?)
    }

    #[inline(always)]
    fn remember(&mut self, i: usize, memories: Option<&Memories>, colour: u64) {
        self.colours.all().0[i] = colour;
        if let (Some(drawings), Some(memories)) = (&mut self.drawings, memories) {
            drawings.hits.learn(memories, colour);
        }
    }
}

impl Mode {
    /// Samples that are in range, or an error.
    #[inline(always)]
    fn check<const C: usize>(&self, samples: [i32; C]) -> Result<[u16; C], Error> {
        let is_good = samples
            .iter()
            .zip(self.largest)
            .all(|(sample, most)| (0..=i32::from(most)).contains(sample));
        match is_good {
            true => Ok(samples.map(|sample| sample as u16)),
            false => Err(Error::Damaged("a sample is out of range")),
        }
    }
}
