//! A decoder written from FITTED.md and CODING.md alone, without regard to speed or damage.

fn knot(i: i64) -> i64 {
    (f64::from(1 << 20) * (-(i as f64) / 64.0).exp2()).round() as i64
}

static KNOTS: std::sync::OnceLock<Vec<i64>> = std::sync::OnceLock::new();

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

    fn quantile(&self) -> i64 {
        (self.state % 65536) as i64
    }

    fn take(&mut self, left: i64, freq: i64) {
        let q = self.quantile();
        assert!(left <= q && q < left + freq);
        self.state = freq as u64 * (self.state / 65536) + (q - left) as u64;
        if self.state < 1 << 32 && !self.words.is_empty() {
            let (word, rest) = self.words.split_at(4);
            self.words = rest;
            self.state = self.state << 32 | u64::from(u32::from_le_bytes(word.try_into().unwrap()));
        }
    }

    /// An index of `count` equally likely ones.
    fn uniform(&mut self, count: i64) -> i64 {
        let cut = |i: i64, n: i64| 65536 * i / n;
        if count == 1 {
            return 0;
        }
        if count <= 256 || count & (count - 1) == 0 {
            let index = (self.quantile() * count + count - 1) / 65536;
            self.take(cut(index, count), cut(index + 1, count) - cut(index, count));
            return index;
        }
        panic!("no such count is used");
    }

    fn laplace(&mut self, mean: i64, scale: i64, limit: i64) -> i64 {
        let ln2 = 2f64.ln();
        let b = ((scale - 320) as f64 / 64.0).exp();
        let rate = (f64::from(1 << 22) / (64.0 * b * ln2)).round() as i64;
        let knots: &[i64] = KNOTS.get_or_init(|| (0..65).map(knot).collect());
        let knot = |i: i64| knots[i as usize];
        let mass = |d: i64| {
            let h = d.abs() * rate;
            let (i, part) = (h % (1 << 22) / (1 << 16), h % (1 << 16));
            let tail = (knot(i) - (knot(i) - knot(i + 1)) * part / 65536)
                / 2i64.pow((5 + h / (1 << 22)).min(62) as u32);
            if d < 0 { tail } else { 65536 - tail }
        };
        let reach = ((1 << 20) + rate - 1) / rate;
        let reach = reach.min(255);
        let first = ((mean + 32) >> 6) - reach;
        let n = 2 * reach + 1;
        let left = |i: i64| match i {
            0 => 0,
            _ if i == n + 1 => 65536,
            _ => i + (65535 - n) * mass(64 * (first + i) - 32 - mean) / 65536,
        };
        let q = self.quantile();
        let (mut low, mut high) = (0, n + 1);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if left(middle) <= q {
                low = middle;
            } else {
                high = middle;
            }
        }
        self.take(left(low), left(low + 1) - left(low));
        let symbol = if low < n {
            first + low
        } else {
            let below = self.uniform(2) == 1;
            let q = self.quantile() as u16;
            let count = i64::from(q.leading_ones().min(15));
            let freq = if count == 15 { 2 } else { 1 << (15 - count) };
            self.take(65536 - (1 << (16 - count)), freq);
            let distance = (1 << count) + self.uniform(1 << count);
            if below {
                first - distance
            } else {
                first + n - 1 + distance
            }
        };
        assert!(symbol.abs() <= limit);
        symbol
    }

    fn finish(&self) {
        assert!(self.state == 84812 && self.words.is_empty());
    }
}

fn round(a: i64, n: i64) -> i64 {
    if n == 0 { a } else { (a + (1 << (n - 1))) >> n }
}

fn clip(a: i64) -> i64 {
    a.clamp(-32768, 32767)
}

const NEIGHBOURS: [(i64, i64); 20] = [
    (0, -1),
    (-1, 0),
    (-1, -1),
    (-1, 1),
    (0, -2),
    (-2, 0),
    (-3, 0),
    (0, -3),
    (-1, -2),
    (-2, 1),
    (-2, -1),
    (-1, 2),
    (-2, -2),
    (-1, -3),
    (-2, 2),
    (-3, 1),
    (0, -4),
    (-1, 3),
    (-2, -3),
    (-2, 3),
];

struct Tensor {
    columns: usize,
    group: usize,
    values: Vec<i64>,
}

impl Tensor {
    fn at(&self, row: usize, column: usize) -> i64 {
        self.values[row * self.columns + column]
    }
}

/// A grid or a plane.
#[derive(Clone)]
struct Grid {
    height: i64,
    width: i64,
    level: i64,
    values: Vec<i64>,
}

impl Grid {
    fn is_inside(&self, r: i64, x: i64) -> bool {
        0 <= r && r < self.height && 0 <= x && x < self.width
    }

    fn get(&self, r: i64, x: i64) -> i64 {
        self.values[(r * self.width + x) as usize]
    }

    fn zero(&self, r: i64, x: i64) -> i64 {
        if self.is_inside(r, x) {
            self.get(r, x)
        } else {
            0
        }
    }

    fn nearest(&self, r: i64, x: i64) -> i64 {
        self.get(r.clamp(0, self.height - 1), x.clamp(0, self.width - 1))
    }

    fn set(&mut self, r: i64, x: i64, value: i64) {
        self.values[(r * self.width + x) as usize] = value;
    }

    fn like(height: i64, width: i64, level: i64) -> Self {
        Self {
            height,
            width,
            level,
            values: vec![0; (height * width) as usize],
        }
    }
}

/// All that the first stream says.
struct Head {
    levels: i64,
    hyper: i64,
    contexts: i64,
    features: i64,
    hidden: i64,
    width: i64,
    convolutions: i64,
    u: i64,
    j: i64,
    o: i64,
    band: i64,
    exponents: [i64; 7],
    tensors: std::collections::HashMap<(char, i64), Tensor>,
}

/// Name and number, rows, columns, group, set.
type Entry = ((char, i64), i64, i64, usize, String);

fn head(bytes: &[u8], channels: i64) -> Head {
    let mut stream = Stream::new(bytes);
    assert_eq!(stream.uniform(256), 0);
    let levels = 1 + stream.uniform(9);
    let hyper = stream.uniform(levels + 1);
    let contexts = 1 + stream.uniform(20);
    let features = stream.uniform(9);
    let hidden = stream.uniform(4);
    let width = stream.uniform(65);
    let convolutions = stream.uniform(if width == 0 { 1 } else { 4 });
    let u = 3 + stream.uniform(6);
    let j = 4 + stream.uniform(10);
    let o = 8 + stream.uniform(7);
    let band = match stream.uniform(9) {
        0 => 0,
        n => 1 << (n + 3),
    };
    let mut head = Head {
        levels,
        hyper,
        contexts,
        features,
        hidden,
        width,
        convolutions,
        u,
        j,
        o,
        band,
        exponents: [0; 7],
        tensors: Default::default(),
    };

    let mut list: Vec<Entry> = Vec::new();
    let n = contexts + features;
    let own = |name: char, i: i64| format!("{name}{i}");
    let shared = |set: &str| set.to_string();
    for i in 0..hidden {
        list.push((('P', i), n, n, 0, own('P', i)));
        list.push((('p', i), 1, n, 1, shared("a")));
    }
    if hidden > 0 {
        list.push((('Q', 0), 2, n, 0, own('Q', 0)));
    }
    list.push((('R', 0), 2, n, 0, own('R', 0)));
    list.push((('r', 0), 1, 2, 1, shared("a")));
    for g in 0..head.featured() {
        list.push((('E', g), features, levels + hyper - 1 - g, 2, shared("b")));
        list.push((('f', g), 1, features, 3, shared("c")));
    }
    for l in (0..levels - 1).rev() {
        list.push((('D', l), 1, 4, 4, shared("d")));
        list.push((('K', l), 1, 4, 4, shared("e")));
    }
    if width > 0 {
        list.push((('H', 0), width, levels, 5, own('H', 0)));
        list.push((('h', 0), 1, width, 6, own('h', 0)));
        list.push((('X', 0), channels, width, 5, own('X', 0)));
        list.push((('x', 0), 1, channels, 6, shared("f")));
        for i in 0..convolutions {
            list.push((('Z', i), channels, channels * 9, 5, shared("g")));
            list.push((('z', i), 1, channels, 6, shared("f")));
        }
    }
    list.push((('B', 0), channels, levels, 5, own('B', 0)));
    list.push((('b', 0), 1, channels, 6, shared("f")));

    for group in 0..7 {
        if list.iter().any(|entry| entry.3 == group) {
            let most = if [0, 2, 4, 5].contains(&group) {
                12
            } else {
                16
            };
            head.exponents[group] = stream.uniform(most + 1);
        }
    }
    let mut spreads = std::collections::HashMap::new();
    for (key, rows, columns, group, set) in list {
        let s = *spreads.entry(set).or_insert_with(|| stream.uniform(64));
        let scale = |n: i64| 16 * s - ((2839 * n) >> 6);
        let mut n = 0;
        while scale(n) > 448 {
            n += 1;
        }
        let default = |i: i64| {
            let fine = match key.0 {
                'D' => [144, 432, -1072, -3600][i as usize],
                'K' => [0, 0, 0, 4096][i as usize],
                _ => 0,
            };
            if fine == 0 {
                0
            } else {
                round(fine, 12 - head.exponents[group])
            }
        };
        let values = (0..rows * columns)
            .map(|i| {
                let symbol = stream.laplace((32 >> n) - 32, scale(n), 32767);
                let value = default(i) + symbol * (1 << n) + stream.uniform(1 << n);
                assert!(value.abs() <= 32767);
                value
            })
            .collect();
        let tensor = Tensor {
            columns: columns as usize,
            group,
            values,
        };
        head.tensors.insert(key, tensor);
    }
    stream.finish();
    head
}

impl Head {
    fn featured(&self) -> i64 {
        match self.features {
            0 => 0,
            _ => 3
                .min(self.levels - self.hyper)
                .min(self.levels + self.hyper - 1),
        }
    }

    fn w(&self, name: char, i: i64) -> &Tensor {
        &self.tensors[&(name, i)]
    }

    /// A bias, brought to `n` fractional bits.
    fn bias(&self, name: char, i: i64, place: usize, n: i64) -> i64 {
        let tensor = self.w(name, i);
        let (k, e) = (tensor.values[place], self.exponents[tensor.group]);
        if n >= e {
            k << (n - e)
        } else {
            round(k, e - n)
        }
    }

    fn lag(&self) -> i64 {
        let used = &NEIGHBOURS[..self.contexts as usize];
        (1..9)
            .find(|lag| used.iter().all(|(dy, dx)| dx + lag * dy <= -1))
            .unwrap()
    }

    /// Mean and scale.
    fn predict(&self, v: &[i64]) -> (i64, i64) {
        let e = self.exponents[0];
        let mut u = v.to_vec();
        for i in 0..self.hidden {
            let weights = self.w('P', i);
            u = (0..v.len())
                .map(|j| {
                    let products = u.iter().enumerate().map(|(k, u)| weights.at(j, k) * u);
                    let sum: i64 = products.sum();
                    let bias = self.bias('p', i, j, e + 8);
                    round(sum + (u[j] << e) + bias, e).clamp(0, 32767)
                })
                .collect();
        }
        let o = [0, 1].map(|j| {
            let mut sum = self.bias('r', 0, j, e + 8);
            let linear = self.w('R', 0);
            sum += (0..v.len()).map(|k| linear.at(j, k) * v[k]).sum::<i64>();
            if self.hidden > 0 {
                let last = self.w('Q', 0);
                sum += (0..v.len()).map(|k| last.at(j, k) * u[k]).sum::<i64>();
            }
            round(sum, e + 2)
        });
        (o[0].clamp(-8128, 8128), (o[1] + 64).clamp(0, 640))
    }

    fn feature(&self, g: usize, i: usize, grids: &[Grid], r: i64, x: i64) -> i64 {
        let e = self.exponents[2];
        let mut sum = self.bias('f', g as i64, i, e + 8);
        let weights = self.w('E', g as i64);
        for (j, grid) in grids[g + 1..].iter().enumerate() {
            let q = grid.level - g as i64 - 1;
            sum += weights.at(i, j) * (grid.get(r >> q, x >> q) << 8);
        }
        clip(round(sum, e))
    }
}

/// Latents of each grid, and samples, those of a pixel next to each other.
pub fn decode(
    streams: &[&[u8]],
    height: usize,
    width: usize,
    channels: usize,
    largest: i64,
) -> (Vec<Vec<i64>>, Vec<i64>) {
    let (height, width, channels) = (height as i64, width as i64, channels as i64);
    let head = head(streams[0], channels);
    let at = |size: i64, l: i64| (size + (1 << l) - 1) >> l;
    let mut grids = Vec::new();
    let mut level_grids = Vec::new();
    for l in 0..head.levels {
        level_grids.push(grids.len());
        grids.push(Grid::like(at(height, l), at(width, l), l));
        if l >= head.levels - head.hyper {
            grids.push(Grid::like(at(height, l), at(width, l), l));
        }
    }

    let lag = head.lag();
    let mut stream = Stream::new(streams[1]);
    let mut next = 2;
    for g in (0..grids.len()).rev() {
        let (rows, columns) = (grids[g].height, grids[g].width);
        let cut = head.band > 0 && rows > head.band;
        let step = if cut { head.band } else { rows };
        for first in (0..rows).step_by(step as usize) {
            if cut {
                stream.finish();
                stream = Stream::new(streams[next]);
                next += 1;
            }
            let count = step.min(rows - first);
            for t in 0..columns + lag * (count - 1) {
                for row in first..first + count {
                    let x = t - lag * (row - first);
                    if x < 0 || x >= columns {
                        continue;
                    }
                    let mut v: Vec<i64> = NEIGHBOURS[..head.contexts as usize]
                        .iter()
                        .map(|(dy, dx)| grids[g].zero(row + dy, x + dx) << 8)
                        .collect();
                    for i in 0..head.features as usize {
                        v.push(if (g as i64) < head.featured() {
                            head.feature(g, i, &grids, row >> 1, x >> 1)
                        } else {
                            0
                        });
                    }
                    let (mean, scale) = head.predict(&v);
                    let y = stream.laplace(mean, scale, 127);
                    grids[g].set(row, x, y);
                }
            }
        }
    }
    stream.finish();
    assert_eq!(next, streams.len());

    let planes = planes(&head, &grids, &level_grids);
    let samples = samples(&head, &planes, channels, largest);
    (grids.into_iter().map(|g| g.values).collect(), samples)
}

fn planes(head: &Head, grids: &[Grid], level_grids: &[usize]) -> Vec<Grid> {
    let e = head.exponents[4];
    let scaled = |l: i64| {
        let mut grid = grids[level_grids[l as usize]].clone();
        grid.values.iter_mut().for_each(|y| *y <<= head.u);
        grid
    };
    let mut planes = vec![scaled(head.levels - 1)];
    for l in (0..head.levels - 1).rev() {
        let own = scaled(l);
        let taps = &head.w('D', l).values;
        let [a, b, c, d] = [taps[0], taps[1], taps[2], taps[3]];
        let double = |x: &dyn Fn(i64) -> i64, place: i64| {
            let n = place / 2;
            clip(round(
                if place % 2 == 0 {
                    a * x(n - 2) + c * x(n - 1) + d * x(n) + b * x(n + 1)
                } else {
                    b * x(n - 1) + d * x(n) + c * x(n + 1) + a * x(n + 2)
                },
                e,
            ))
        };
        let mut now = Vec::new();
        let k = &head.w('K', l).values;
        let filter = |x: &dyn Fn(i64) -> i64, place: i64| {
            let sum = (-3..=3i64)
                .map(|i| k[(3 - i.abs()) as usize] * x(place + i))
                .sum();
            clip(round(sum, e))
        };
        let mut rows = own.clone();
        let mut filtered = own.clone();
        for r in 0..own.height {
            for x in 0..own.width {
                rows.set(r, x, filter(&|x| own.zero(r, x), x));
            }
        }
        for r in 0..own.height {
            for x in 0..own.width {
                let value = filter(&|r| rows.zero(r, x), r);
                filtered.set(r, x, clip(value + own.get(r, x)));
            }
        }
        now.push(filtered);
        for plane in &planes {
            let mut rows = Grid::like(plane.height, own.width, l);
            for r in 0..plane.height {
                for x in 0..own.width {
                    rows.set(r, x, double(&|x| plane.nearest(r, x), x));
                }
            }
            let mut doubled = Grid::like(own.height, own.width, l);
            for r in 0..own.height {
                for x in 0..own.width {
                    doubled.set(r, x, double(&|r| rows.nearest(r, x), r));
                }
            }
            now.push(doubled);
        }
        planes = now;
    }
    planes
}

fn samples(head: &Head, planes: &[Grid], channels: i64, largest: i64) -> Vec<i64> {
    let e = head.exponents[5];
    let (height, width) = (planes[0].height, planes[0].width);
    let mut t = vec![Grid::like(height, width, 0); channels as usize];
    let mut w = t.clone();
    let linear = head.w('B', 0);
    for r in 0..height {
        for x in 0..width {
            let u: Vec<i64> = planes.iter().map(|plane| plane.get(r, x)).collect();
            for (c, t) in t.iter_mut().enumerate() {
                let products = u.iter().enumerate().map(|(l, u)| linear.at(c, l) * u);
                let sum = products.sum::<i64>() + head.bias('b', 0, c, e + head.u);
                let bits = e + head.u;
                let value = if bits >= 16 {
                    round(sum, bits - 16).clamp(-(1 << 20), 1 << 20)
                } else {
                    sum.clamp(-(1 << (4 + bits)), 1 << (4 + bits)) << (16 - bits)
                };
                t.set(r, x, value);
            }
            if head.width == 0 {
                continue;
            }
            let (hidden, mix) = (head.w('H', 0), head.w('X', 0));
            let s: Vec<i64> = (0..head.width as usize)
                .map(|i| {
                    let products = u.iter().enumerate().map(|(l, u)| hidden.at(i, l) * u);
                    let sum = products.sum::<i64>() + head.bias('h', 0, i, e + head.u);
                    round(sum, e + head.u - head.j).clamp(0, 32767)
                })
                .collect();
            for (c, w) in w.iter_mut().enumerate() {
                let products = s.iter().enumerate().map(|(i, s)| mix.at(c, i) * s);
                let sum = products.sum::<i64>() + head.bias('x', 0, c, e + head.j);
                w.set(r, x, clip(round(sum, e + head.j - head.o)));
            }
        }
    }
    for i in 0..head.convolutions {
        let low = if i == head.convolutions - 1 {
            -32768
        } else {
            0
        };
        let old = w.clone();
        let weights = head.w('Z', i);
        for c in 0..channels as usize {
            for r in 0..height {
                for x in 0..width {
                    let mut sum = (old[c].get(r, x) << e) + head.bias('z', i, c, e + head.o);
                    for (d, old) in old.iter().enumerate() {
                        for dy in 0..3 {
                            for dx in 0..3 {
                                let weight = weights.at(c, d * 9 + dy * 3 + dx);
                                sum += weight * old.nearest(r + dy as i64 - 1, x + dx as i64 - 1);
                            }
                        }
                    }
                    w[c].set(r, x, round(sum, e).clamp(low, 32767));
                }
            }
        }
    }
    let mut samples = Vec::new();
    for place in 0..(height * width) as usize {
        for c in 0..channels as usize {
            let w = if head.width > 0 {
                w[c].values[place] << (16 - head.o)
            } else {
                0
            };
            let value = (t[c].values[place] + w).clamp(0, 65536);
            samples.push((value * largest + 32768) >> 16);
        }
    }
    samples
}
