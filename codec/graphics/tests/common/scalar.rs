//! A decoder written from GRAPHICS.md and CODING.md alone, without regard to speed or damage.

use kiln_graphics::Layout;

/// A stream of CODING.md.
struct Stream<'a> {
    state: u64,
    words: &'a [u8],
}

impl<'a> Stream<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let length = bytes.len();
        let k = if length < 5 {
            length
        } else {
            5 + (length - 5) % 4
        };
        let mut state = 0;
        for (i, &byte) in bytes[..k].iter().enumerate() {
            state |= u64::from(byte) << (8 * i);
        }
        Self {
            state: if k == 0 { 84812 } else { state },
            words: &bytes[k..],
        }
    }

    /// A decision with the probability `p`.
    fn bit(&mut self, p: i64) -> i64 {
        let q = (self.state % 65536) as i64;
        let (bit, left, freq) = if q < p { (1, 0, p) } else { (0, p, 65536 - p) };
        self.state = freq as u64 * (self.state / 65536) + (q - left) as u64;
        if self.state < 1 << 32 && !self.words.is_empty() {
            let (word, rest) = self.words.split_at(4);
            self.words = rest;
            self.state = self.state << 32 | u64::from(u32::from_le_bytes(word.try_into().unwrap()));
        }
        bit
    }

    fn field(&mut self, bits: u32) -> i64 {
        (0..bits).fold(0, |value, _| 2 * value + self.bit(32768))
    }

    fn finish(&self) {
        assert!(self.state == 84812 && self.words.is_empty());
    }
}

#[derive(Clone, Copy)]
struct Counter {
    p: i64,
    n: i64,
}

const NEW: Counter = Counter { p: 1 << 21, n: 0 };

impl Counter {
    fn learn(&mut self, bit: i64, limit: i64) {
        let t = if bit == 1 { (1 << 22) - 1 } else { 0 };
        self.p += (((t - self.p) >> 3) * (4096 / (2 * self.n + 3))) >> 8;
        self.n = (self.n + 1).min(limit);
    }

    fn alone(&mut self, stream: &mut Stream, limit: i64) -> i64 {
        let bit = stream.bit((self.p >> 6).clamp(8, 65528));
        self.learn(bit, limit);
        bit
    }
}

const K: [i64; 33] = [
    22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768,
    40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438,
    65476, 65500, 65514,
];

fn squash(x: i64) -> i64 {
    let (i, f) = (((x + 2048) >> 7) as usize, (x + 2048) & 127);
    (K[i] * (128 - f) + K[i + 1] * f + 64) >> 7
}

fn stretch(p: i64) -> i64 {
    let wanted = 16 * (p >> 10) + 8;
    let (mut low, mut high) = (-2048, 2047);
    while low < high {
        let middle = (low + high) >> 1;
        if squash(middle) >= wanted {
            high = middle
        } else {
            low = middle + 1
        }
    }
    low
}

/// A mixture: counters are named by their index.
fn mixture(
    stream: &mut Stream,
    all: &mut [Counter],
    at: &[usize],
    weights: &mut [i64],
    limit: i64,
) -> i64 {
    let inputs: Vec<i64> = at.iter().map(|&at| stretch(all[at].p)).collect();
    let sum: i64 = inputs
        .iter()
        .zip(&*weights)
        .map(|(input, weight)| input * weight)
        .sum();
    let p = squash((sum >> 14).clamp(-2047, 2047));
    let bit = stream.bit(p);
    for (input, weight) in inputs.iter().zip(weights) {
        *weight =
            (*weight + ((input * (65536 * bit - p) + (1 << 17)) >> 18)).clamp(-(1 << 17), 1 << 17);
    }
    for &at in at {
        all[at].learn(bit, limit);
    }
    bit
}

struct Numbers {
    classes: Vec<Counter>,
    bits: Vec<Counter>,
}

impl Numbers {
    fn new() -> Self {
        Self {
            classes: vec![NEW; 17],
            bits: vec![NEW; 18 * 17],
        }
    }

    fn read(&mut self, stream: &mut Stream) -> i64 {
        let mut k = 0;
        while k < 17 && self.classes[k].alone(stream, 30) == 1 {
            k += 1;
        }
        (0..k).rev().fold(1, |v, bit| {
            2 * v + self.bits[k * 17 + bit].alone(stream, 30)
        }) - 1
    }
}

fn number(bytes: &mut &[u8]) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= usize::from(byte & 127) << shift;
        shift += 7;
        if byte < 128 {
            return value;
        }
    }
}

const KEYS: [u64; 10] = [
    0x9e3779b97f4a7c15,
    0xbf58476d1ce4e5b9,
    0x94d049bb133111eb,
    0xd6e8feb86659fd93,
    0xff51afd7ed558ccd,
    0xc4ceb9fe1a85ec53,
    0x87965babc0f35b2d,
    0xa3b195354a39b70d,
    0xe7037ed1a0b428db,
    0x8ebc6af09c88c6e3,
];

fn scramble(a: u64) -> u64 {
    let a = a.wrapping_mul(KEYS[0]);
    let a = (a ^ (a >> 29)).wrapping_mul(KEYS[3]);
    a ^ (a >> 32)
}

fn hash(salt: u64, items: &[u64]) -> u64 {
    let mut sum = salt;
    for (i, &item) in items.iter().enumerate() {
        sum = sum.wrapping_add(
            item.wrapping_add(1)
                .wrapping_mul(KEYS[i])
                .rotate_left(17 + i as u32),
        );
    }
    scramble(sum)
}

/// What is kept of a pixel.
#[derive(Clone, Copy, Default)]
struct Pixel {
    colour: u64,
    values: [i64; 3],
    residuals: [i64; 3],
    errors: [[i64; 6]; 3],
}

#[derive(Clone, Copy, Default)]
struct Entry {
    colour: u64,
    check: u64,
    trust: u64,
}

fn log2(a: i64) -> i64 {
    i64::from(a.ilog2())
}

fn level(a: i64) -> i64 {
    let log = log2(a + 2);
    4 * log + (((4 * (a + 2)) >> log) & 3)
}

/// The samples of the strip with these rows of blocks, and `marks` for all blocks of the picture.
struct Strip<'a> {
    stream: Stream<'a>,
    width: i64,
    channels: usize,
    transform: i64,
    scale: i64,
    largest: [i64; 3],
    rows: Vec<Vec<Pixel>>,
    near: Vec<Counter>,
    near_weights: [[i64; 3]; 4],
    memories: [Vec<Entry>; 2],
    hits: Vec<Counter>,
    hit_weights: Vec<[i64; 6]>,
    history: usize,
    groups: Vec<(u64, [Counter; 16])>,
    literal_weights: Vec<[i64; 6]>,
    nodes: Vec<Counter>,
    node_weights: Vec<[i64; 4]>,
    low: Vec<Counter>,
    taps: [[i64; 10]; 3],
}

impl Strip<'_> {
    /// The pixel at a column, `up` rows above the row that is being coded.
    fn at(&self, x: i64, up: usize) -> Pixel {
        let current = self.rows.len() - 1;
        if up == 0 && x < 0 {
            return self.at(0, 1);
        }
        match current.checked_sub(up) {
            Some(row) => self.rows[row][x.clamp(0, self.width - 1) as usize],
            None => Pixel::default(),
        }
    }

    fn forward(&self, colour: u64) -> [i64; 3] {
        let [r, g, b] = [0, 16, 32].map(|shift| (colour >> shift & 65535) as i64);
        if self.channels == 1 {
            return [r, 0, 0];
        }
        match self.transform {
            0 => [g, r, b],
            1 => [g, r - g, b - g],
            2 => {
                let t = b + ((r - b) >> 1);
                [t + ((g - t) >> 1), g - t, r - b]
            }
            3 => [g, r - g, b - ((r + g) >> 1)],
            4 => [r, g - r, b - g],
            _ => [b, g - b, r - g],
        }
    }

    fn inverse(&self, [a, b, c]: [i64; 3]) -> [i64; 3] {
        if self.channels == 1 {
            return [a, 0, 0];
        }
        match self.transform {
            0 => [b, a, c],
            1 => [a + b, a, a + c],
            2 => {
                let t = a - (b >> 1);
                [t - (c >> 1) + c, b + t, t - (c >> 1)]
            }
            3 => [a + b, a, c + ((a + b + a) >> 1)],
            4 => [a, a + b, a + b + c],
            _ => [a + b + c, a + b, a],
        }
    }

    fn pixel(&mut self, x: i64, reuse: i64, is_drawn: bool) -> Pixel {
        let places = [
            (-1, 0),
            (0, 1),
            (-1, 1),
            (1, 1),
            (-2, 0),
            (0, 2),
            (2, 1),
            (-2, 1),
            (1, 2),
            (-1, 2),
        ];
        let around = places.map(|(dx, up)| self.at(x + dx, up));
        let colours = around.map(|pixel| pixel.colour);
        let [w, n, nw, ne, ww, nn, nee, ..] = colours;
        let hashes = [hash(1, &colours[..8]), hash(2, &colours[..3])];
        let known = [0, 1].map(|memory| {
            let entry = self.memories[memory][(hashes[memory] >> 48) as usize];
            (entry.trust != 0 && entry.check == (hashes[memory] >> 32 & 255)).then_some(entry)
        });
        let mask = |colour: u64| {
            (0..10)
                .map(|i| usize::from(colours[i] == colour) << i)
                .sum::<usize>()
        };
        let pattern = [
            w == n,
            w == nw,
            n == nw,
            n == ne,
            w == ww,
            n == nn,
            ne == nee,
        ];
        let pattern: usize = (0..7).map(|i| usize::from(pattern[i]) << i).sum();
        let mut hit = None;
        if reuse == 2 && (is_drawn || known[0].or(known[1]).is_some()) {
            let class = |entry: Option<Entry>| match entry.map_or(0, |entry| entry.trust) {
                trust @ 0..=2 => trust as usize,
                3 => 2,
                15 => 4,
                _ => 3,
            };
            let trusts = 5 * class(known[0]) + class(known[1]);
            let candidates = [
                known[0].map(|e| e.colour),
                known[1].map(|e| e.colour),
                Some(w),
                Some(n),
                Some(ne),
                Some(nw),
            ];
            let mut tried = Vec::new();
            for (source, candidate) in candidates.into_iter().enumerate() {
                let Some(colour) = candidate.filter(|colour| !tried.contains(colour)) else {
                    continue;
                };
                tried.push(colour);
                let agree = usize::from(known[0].is_some_and(|e| e.colour == colour))
                    + 2 * usize::from(known[1].is_some_and(|e| e.colour == colour));
                let h = |hash: u64| {
                    (scramble(hash ^ scramble(colour * 8 + source as u64)) >> 48) as usize
                };
                let contexts = [
                    (source * 4 + agree) * 1024 + mask(colour),
                    ((source * 25 + trusts) * 8 + (self.history & 7)) * 4 + agree,
                    h(hash(3, &colours[..4])),
                    h(hash(4, &colours)),
                    (source * 128 + pattern) * 8 + tried.len(),
                    h(hash(5, &colours[..2])),
                ];
                let at: Vec<usize> = contexts
                    .iter()
                    .enumerate()
                    .map(|(i, context)| i << 16 | context)
                    .collect();
                let weights = &mut self.hit_weights[source * 25 + trusts];
                if mixture(&mut self.stream, &mut self.hits, &at, weights, 127) == 1 {
                    hit = Some(colour);
                    break;
                }
            }
            self.history =
                2 * self.history + usize::from(hit.is_none() || hit != tried.first().copied());
        } else if reuse != 0 {
            let noise: i64 = around[..4]
                .iter()
                .flat_map(|pixel| pixel.residuals)
                .map(i64::abs)
                .sum();
            let noise = level(noise >> self.scale).min(63) as usize;
            let mut tried = Vec::new();
            for (source, colour) in [w, n, ne, nw].into_iter().enumerate() {
                if tried.contains(&colour) {
                    continue;
                }
                let rank = tried.len();
                tried.push(colour);
                let at = [
                    source * 1024 + mask(colour),
                    (1 << 16) + (source * 64 + noise) * 4 + rank,
                    (2 << 16) + (source * 128 + pattern) * 4 + rank,
                ];
                if mixture(
                    &mut self.stream,
                    &mut self.near,
                    &at,
                    &mut self.near_weights[source],
                    255,
                ) == 1
                {
                    hit = Some(colour);
                    break;
                }
            }
        }
        let mut pixel = Pixel::default();
        match hit {
            Some(colour) => pixel.colour = colour,
            None if is_drawn => pixel.colour = self.literal(&around),
            None => pixel = self.predicted(x, &around),
        }
        pixel.values = self.forward(pixel.colour);
        if reuse == 2 {
            for memory in [0, 1] {
                let entry = &mut self.memories[memory][(hashes[memory] >> 48) as usize];
                match known[memory] {
                    Some(old) if old.colour == pixel.colour => {
                        entry.trust = (old.trust + 1).min(15)
                    }
                    Some(old) if old.trust > 3 => entry.trust = old.trust / 4,
                    _ => {
                        *entry = Entry {
                            colour: pixel.colour,
                            check: hashes[memory] >> 32 & 255,
                            trust: 1,
                        }
                    }
                }
            }
        }
        pixel
    }

    fn literal(&mut self, around: &[Pixel; 10]) -> u64 {
        let [w, n, nw, ne] = [0, 1, 2, 3].map(|i| around[i].colour);
        let mut values = [0, 1, 2].map(|i| around[i].values[0]);
        values[2] = values[0] + values[1] - values[2];
        values.sort_unstable();
        let most = *self.largest[..self.channels].iter().max().unwrap();
        let bits = if most == 0 { 1 } else { log2(most) + 1 };
        let (mut before, mut symbols) = (0u64, Vec::new());
        for i in 0..self.channels as u64 {
            let key = 4 * before + i;
            let median = if i == 0 { values[1] as u64 } else { 0 };
            let hashes = [
                hash(6, &[key]),
                hash(7, &[key, w]),
                hash(8, &[key, n]),
                hash(9, &[key, w, n]),
                hash(10, &[i, median]),
                hash(11, &[key, w, n, nw, ne]),
            ];
            let (mut symbol, mut counter, mut groups) = (0u64, 1, [0; 6]);
            for depth in 0..bits as u64 {
                if depth % 4 == 0 {
                    counter = 1;
                    for (group, hash) in groups.iter_mut().zip(hashes) {
                        let g = scramble(hash ^ (symbol * 256) ^ depth);
                        *group = (g >> 48) as usize;
                        if self.groups[*group].0 != g & 65535 {
                            self.groups[*group] = (g & 65535, [NEW; 16]);
                        }
                    }
                }
                // The mixture works on a copy: counters of one group that is used twice are one counter.
                let mut unique: Vec<usize> = groups.to_vec();
                unique.sort_unstable();
                unique.dedup();
                let mut counters: Vec<Counter> = unique
                    .iter()
                    .map(|&group| self.groups[group].1[counter])
                    .collect();
                let at = groups.map(|group| unique.binary_search(&group).unwrap());
                let weights = &mut self.literal_weights[(i * 16 + depth) as usize];
                let bit = mixture(&mut self.stream, &mut counters, &at, weights, 30);
                for (&group, &learned) in unique.iter().zip(&counters) {
                    self.groups[group].1[counter] = learned;
                }
                symbol = 2 * symbol + bit as u64;
                counter = 2 * counter + bit as usize;
            }
            before = before * (1 << 17) + symbol + 1;
            symbols.push(symbol);
        }
        if self.channels == 1 {
            return symbols[0];
        }
        let range = 1 << bits;
        let (g, r, b) = (
            symbols[0],
            (symbols[0] + symbols[1]) % range,
            (symbols[0] + symbols[2]) % range,
        );
        r | g << 16 | b << 32
    }

    fn predicted(&mut self, x: i64, around: &[Pixel; 10]) -> Pixel {
        let mut pixel = Pixel::default();
        for c in 0..self.channels {
            let [w, n, nw, ne, ww, nn, _, _, nne, _] = around.map(|pixel| pixel.values[c]);
            let predictions = [
                8 * (w + ne - n),
                8 * (w + n - nw),
                8 * (n + ne - nne),
                4 * (w + n) + 2 * (ne - nw),
                8 * n,
                8 * w,
            ];
            let (mut sum, mut trusts) = (0, 0);
            for (j, prediction) in predictions.iter().enumerate() {
                let wrong: i64 = around[..5].iter().map(|pixel| pixel.errors[c][j]).sum();
                let q = (wrong >> 2).min(1023);
                let trust = (1 << 21) / ((q + 4) * (q + 4));
                sum += trust * prediction;
                trusts += trust;
            }
            let blend = sum / trusts;
            let r = around.map(|pixel| pixel.residuals[c]);
            let first = if c == 0 { 0 } else { pixel.residuals[0] };
            let second = if c == 2 { pixel.residuals[1] } else { 0 };
            let mut taps: Vec<i64> = [w, n, nw, ne, ww, nn, nne]
                .iter()
                .map(|a| 8 * a - blend)
                .collect();
            taps.extend([8 * first, 8 * second, 8 * r[0]]);
            let sum: i64 = taps
                .iter()
                .zip(&self.taps[c])
                .map(|(tap, weight)| tap * weight)
                .sum();
            let exact = blend + ((sum + (1 << 15)) >> 16);
            let rounded = (exact + 4) >> 3;

            let a = r.map(i64::abs);
            let energy = level((2 * (a[0] + a[1]) + a[2] + a[3] + a[4] + a[5]) >> self.scale);
            let coarse = (energy >> 2).min(7) as usize;
            let step = |a: i64| {
                let a = a >> self.scale;
                let k = (log2(a.abs() | 2) - 1).clamp(0, 7);
                (if a < 0 { 7 - k } else { 7 + k }) as usize
            };
            let contexts = [
                energy.min(63) as usize,
                step(8 * if c == 0 { r[3] } else { first }) * 8 + coarse,
                step(8 * w - exact) * 15 + step(8 * n - exact),
                (step(predictions[0] - exact) * 15 + step(predictions[1] - exact)) * 4
                    + (exact & 7) as usize / 2,
            ];
            let mut node = |node: usize| {
                let at: Vec<usize> = (0..4)
                    .map(|i| ((i * 3 + c) * 1024 + contexts[i]) * 20 + node)
                    .collect();
                let weights = &mut self.node_weights[(c * 8 + coarse) * 20 + node];
                mixture(&mut self.stream, &mut self.nodes, &at, weights, 255)
            };
            let mut residual = 0;
            if node(0) == 1 {
                let negative = node(1) as usize;
                let mut k = 0;
                while k < 19 && node(2 + k.min(8) + 9 * negative) == 1 {
                    k += 1;
                }
                residual = 1;
                for bit in (0..k).rev() {
                    let place = match k - bit {
                        1 => negative,
                        2 => 2 + (residual & 1) as usize,
                        _ => 4 + bit,
                    };
                    let counter = &mut self.low[(c * 20 + k) * 32 + place];
                    residual = 2 * residual + counter.alone(&mut self.stream, 255);
                }
                if negative == 1 {
                    residual = -residual;
                }
            }
            let value = rounded + residual;
            let power: i64 = 1 + taps.iter().map(|tap| tap * tap).sum::<i64>();
            for (weight, tap) in self.taps[c].iter_mut().zip(&taps) {
                let change = (tap * (8 * value - exact) * 1024) >> (log2(power) + 1);
                *weight = (*weight + change).clamp(-(1 << 17), 1 << 17);
            }
            pixel.values[c] = value;
            pixel.residuals[c] = residual;
            for (error, prediction) in pixel.errors[c].iter_mut().zip(predictions) {
                *error = ((8 * value - prediction).abs() >> self.scale).min(65535);
            }
        }
        let samples = self.inverse(pixel.values);
        for (sample, most) in samples.iter().zip(self.largest) {
            assert!((0..=most).contains(sample), "column {x}");
        }
        pixel.colour = (samples[0] | samples[1] << 16 | samples[2] << 32) as u64;
        pixel
    }
}

/// Decodes a layer: samples of all pixels, those of blocks that are not marked being 0.
pub fn decode(mut bytes: &[u8], layout: &Layout) -> Vec<u16> {
    let (width, height) = (layout.width as usize, layout.height as usize);
    let (columns, block_rows) = (width.div_ceil(16), height.div_ceil(16));
    let channels = layout.channels.count();
    let kind = bytes[0];
    bytes = &bytes[1..];
    let mut marks = vec![vec![true; columns]; block_rows];
    if kind == 0 {
        marks = vec![vec![false; columns]; block_rows];
        let length = number(&mut bytes);
        let mut stream = Stream::new(&bytes[..length]);
        bytes = &bytes[length..];
        let mut counters = [NEW; 64];
        for row in 0..block_rows as i64 {
            for column in 0..columns as i64 {
                let at = |dx: i64, dy: i64| {
                    let (x, y) = (column + dx, row + dy);
                    x >= 0 && y >= 0 && x < columns as i64 && marks[y as usize][x as usize]
                };
                let near = [
                    at(-1, 0),
                    at(0, -1),
                    at(-1, -1),
                    at(1, -1),
                    at(-2, 0),
                    at(0, -2),
                ];
                let context = near
                    .iter()
                    .fold(0, |context, &near| 2 * context + usize::from(near));
                marks[row as usize][column as usize] =
                    counters[context].alone(&mut stream, 60) == 1;
            }
        }
        stream.finish();
    }
    let strips = block_rows.min((width * height).div_ceil(1 << 20));
    let ranges: Vec<_> = (0..strips)
        .map(|i| i * block_rows / strips..(i + 1) * block_rows / strips)
        .filter(|rows| rows.clone().any(|row| marks[row].contains(&true)))
        .collect();
    let mut lengths: Vec<usize> = (1..ranges.len()).map(|_| number(&mut bytes)).collect();
    lengths.push(bytes.len() - lengths.iter().sum::<usize>());
    let mut samples = vec![0; width * height * channels];
    for (range, length) in ranges.into_iter().zip(lengths) {
        let rows = range.start * 16..(range.end * 16).min(height);
        let out = &mut samples[rows.start * width * channels..rows.end * width * channels];
        strip(&bytes[..length], layout, &marks[range], out);
        bytes = &bytes[length..];
    }
    samples
}

fn strip(bytes: &[u8], layout: &Layout, marks: &[Vec<bool>], out: &mut [u16]) {
    let largest = i64::from(layout.depth.largest());
    let (width, samples) = (layout.width as usize, layout.channels.count());
    let mut stream = Stream::new(bytes);
    let (mut palette, mut lists) = (Vec::new(), vec![None; samples]);
    if samples == 3 && stream.field(1) == 1 {
        let count = stream.field(8) + 1;
        let (mut last, mut models) = ([0; 3], [Numbers::new(), Numbers::new(), Numbers::new()]);
        for _ in 0..count {
            for c in [1, 0, 2] {
                let u = models[c].read(&mut stream);
                last[c] += if u % 2 == 0 { u / 2 } else { -(u + 1) / 2 };
                assert!((0..=largest).contains(&last[c]));
            }
            palette.push(last);
        }
    } else {
        for list in &mut lists {
            if stream.field(1) == 1 {
                let count = stream.field(16) + 1;
                let (mut last, mut model) = (-1, Numbers::new());
                let values: Vec<i64> = (0..count)
                    .map(|_| {
                        last += 1 + model.read(&mut stream);
                        last
                    })
                    .collect();
                *list = Some(values);
            }
        }
    }
    let reuse = stream.field(2);
    let scale = stream.field(4);
    let transform = if samples == 3 && palette.is_empty() {
        stream.field(3)
    } else {
        0
    };
    let channels = if palette.is_empty() { samples } else { 1 };
    let largest = [0, 1, 2].map(|c| match (palette.len() as i64, lists.get(c)) {
        (0, Some(Some(list))) => list.len() as i64 - 1,
        (0, _) => largest,
        (count, _) => count - 1,
    });
    let columns = marks[0].len();
    let mut strip = Strip {
        stream,
        width: width as i64,
        channels,
        transform,
        scale,
        largest,
        rows: Vec::new(),
        near: vec![NEW; 3 << 16],
        near_weights: [[7000; 3]; 4],
        memories: [
            vec![Entry::default(); 1 << 16],
            vec![Entry::default(); 1 << 16],
        ],
        hits: vec![NEW; 6 << 16],
        hit_weights: vec![[5000; 6]; 6 * 25],
        history: 0,
        groups: vec![(0, [NEW; 16]); 1 << 16],
        literal_weights: vec![[4500; 6]; 3 * 16],
        nodes: vec![NEW; 4 * 3 * 1024 * 20],
        node_weights: vec![[6000; 4]; 3 * 8 * 20],
        low: vec![NEW; 3 * 20 * 32],
        taps: [[0; 10]; 3],
    };
    // 0: pixels, 1: copied from above, 2: copied from the left.
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let (mut above, mut left, mut kinds) = ([NEW; 64], [NEW; 64], [NEW; 8]);
    let mut drawn = vec![false; columns];
    for y in 0..out.len() / (width * samples) {
        let marks = &marks[y / 16];
        if y % 16 == 0 && reuse == 2 {
            for column in (0..columns).filter(|&column| marks[column]) {
                let at = |column: usize| usize::from(drawn.get(column).is_some_and(|&drawn| drawn));
                let context = 4 * at(column.wrapping_sub(1)) + 2 * at(column) + at(column + 1);
                drawn[column] = kinds[context].alone(&mut strip.stream, 60) == 1;
            }
        }
        strip.rows.push(vec![Pixel::default(); width]);
        segments.push(vec![0; columns]);
        for column in 0..columns {
            let range = 16 * column..(16 * column + 16).min(width);
            let x = range.start as i64;
            let copy = |pixel: Pixel| Pixel {
                colour: pixel.colour,
                values: pixel.values,
                ..Pixel::default()
            };
            let segment = |column: i64, up: usize| {
                let column = column.min(columns as i64 - 1);
                let (column, up) = if column < 0 {
                    (0, if up == 0 { 1 } else { up })
                } else {
                    (column, up)
                };
                y.checked_sub(up)
                    .map_or(0, |row| segments[row][column as usize])
            };
            let mut kind = 1;
            if marks[column] {
                kind = 0;
                if reuse != 0 {
                    let around = [
                        segment(column as i64 - 1, 0),
                        segment(column as i64, 1),
                        segment(column as i64 + 1, 1),
                        segment(column as i64, 2),
                    ];
                    let (w, nw) = (strip.at(x - 1, 0).colour, strip.at(x - 1, 1).colour);
                    let n: Vec<u64> = range
                        .clone()
                        .map(|x| strip.at(x as i64, 1).colour)
                        .collect();
                    let context = |kind: u8, last: bool| {
                        let flags = [
                            around[0] == kind,
                            around[1] == kind,
                            around[2] == kind,
                            w == nw,
                            n.iter().all(|&colour| colour == n[0]),
                            last,
                        ];
                        (0..6).map(|i| usize::from(flags[i]) << i).sum::<usize>()
                    };
                    if above[context(1, around[3] == 1)].alone(&mut strip.stream, 255) == 1 {
                        kind = 1;
                    } else if left[context(2, w == n[0])].alone(&mut strip.stream, 255) == 1 {
                        kind = 2;
                    }
                }
            }
            let w = strip.at(x - 1, 0);
            for x in range {
                strip.rows[y][x] = match kind {
                    0 => strip.pixel(x as i64, reuse, drawn[column]),
                    1 => copy(strip.at(x as i64, 1)),
                    _ => copy(w),
                };
                if marks[column] {
                    let colour = strip.rows[y][x].colour;
                    for c in 0..samples {
                        let index = (colour >> (16 * c) & 65535) as usize;
                        out[(y * width + x) * samples + c] = match lists.get(c) {
                            _ if !palette.is_empty() => palette[colour as usize][c] as u16,
                            Some(Some(list)) => list[index] as u16,
                            _ => index as u16,
                        };
                    }
                }
            }
            segments[y][column] = kind;
        }
    }
    strip.stream.finish();
}
