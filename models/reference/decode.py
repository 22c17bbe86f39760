#!/usr/bin/env python3
"""A second decoder, written from FORMAT.md, CODING.md and EXACT.md alone. Slow; made to be read next to them.

    python decode.py ../weights/base.safetensors photo.kiln photo.ppm

Checks everything that the documents tell a decoder to check, but the contents of boxes, and writes a PPM or PGM (without
alpha). Exits with an error when a checksum or the end of a stream is wrong.
"""
import bisect
import hashlib
import json
import struct
import sys

import numpy as np
from safetensors import safe_open

MEAN_BITS, ACT_MAX, MEAN_MAX, Z_MAX, RESIDUAL_MAX, STRIPE_ROWS, LEAK_BITS, STEP = 6, 1023, 32767, 127, 8191, 32, 3, 80
START = 84812
STEP_COSETS = ((0,), (3,), (1, 2))
Z_EDGES = (1, 2, 4, 7)
STATES, FEEDBACK, INPUT = 64, 33, 10
KNOWN_BOXES = (1, 2, 3, 4)
BOX_LENGTHS = {1: 4, 3: 4, 4: 32, 0x84: 9}


def check(ok, what):
    if not ok:
        raise SystemExit(f"error: {what}")


# --- checksums ---

def crc_table():
    for c in range(256):
        for _ in range(8):
            c = (c >> 1) ^ (0x82F63B78 if c & 1 else 0)
        yield c


CRC = list(crc_table())


def crc32c(data):
    c = 0xFFFFFFFF
    for b in data:
        c = CRC[(c ^ b) & 255] ^ (c >> 8)
    return c ^ 0xFFFFFFFF


# --- FORMAT.md ---

class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        check(self.at + n <= len(self.data), "the file is cut short")
        self.at += n
        return self.data[self.at - n:self.at]

    def u8(self):
        return self.take(1)[0]

    def u32(self):
        return struct.unpack("<I", self.take(4))[0]

    def varint(self):
        value = shift = 0
        while True:
            b = self.u8()
            check(shift < 63 and (b or not shift), "an integer that is too long")
            value, shift = value | (b & 127) << shift, shift + 7
            if b < 128:
                return value


def parse(data):
    c, start = Cursor(data), 0

    def end_record(what):
        nonlocal start
        check(crc32c(data[start:c.at]) == c.u32(), f"checksum of {what}")
        start = c.at

    check(c.take(4) == b"\x9bKLN", "not a kiln file")
    check((c.u8(), c.u8()) == (1, 4), "another version or architecture")
    f = dict(decoder_set=c.take(8))
    form = c.u8()
    check(form & 0x20 == 0 and form & 6 != 6, "reserved bits")
    check(form & 0x40 == 0, "a sequence")
    f["grey"], f["max"], coded_alpha = not form & 1, 65535 if form & 8 else 255, form & 6 == 4
    f["width"], f["height"] = c.varint(), c.varint()
    check(all(1 <= f[side] <= 1 << 30 for side in ("width", "height")), "the size")
    boxes = c.u8() if form & 128 else 0
    check(boxes or not form & 128, "a box count of 0")
    end_record("the head")
    last = 0
    for _ in range(boxes):
        kind, length = c.u8(), c.varint()
        check(kind in KNOWN_BOXES or kind >= 128, "a box that must not be skipped")
        check(kind > last, "boxes out of order")
        check(length and length == BOX_LENGTHS.get(kind, length), "the length of a box")
        c.take(length)
        last = kind
        end_record("a box")
    f["level"] = c.u8()
    check(f["level"] < 64, "not an intra frame")
    f["symbols"], parts = c.u32(), c.varint()
    check(parts & 4 == 0, "an unknown part of a frame")
    check(parts & 1 == 0, "a graphics layer")
    check((parts & 2 != 0) == coded_alpha, "an alpha channel that the format byte denies, or none that it promises")
    alpha = c.varint() if coded_alpha else None
    check(alpha != 0, "an empty alpha channel")
    sizes = [c.varint() for _ in range(parts >> 3)]
    c.take(alpha or 0)
    f["streams"] = [c.take(n) for n in sizes]
    end_record("the frame")
    check(c.at == len(data), "bytes after the end")
    return f


# --- CODING.md ---

class Stream:
    def __init__(self, data):
        n = len(data)
        k = n if n < 5 else 5 + (n - 5) % 4
        self.state = int.from_bytes(data[:k], "little") if n else START
        check(not n or (data[k - 1] and self.state > START), "first state of a stream")
        self.words = list(struct.unpack(f"<{(n - k) // 4}I", data[k:]))[::-1]
        self.symbols = []

    def step(self, left, freq):
        self.state = freq * (self.state >> 16) + (self.state & 65535) - left
        if self.state < 1 << 32 and self.words:
            self.state = (self.state << 32) + self.words.pop()

    def symbol(self, bank, row):
        """The next symbol: 0 where the row is not coded."""
        self.symbols.append(self.coded(bank, row) if row >= bank[1] else 0)
        return self.symbols[-1]

    def coded(self, bank, row):
        rows, _, limit = bank
        first, lefts = rows[row]
        b = bisect.bisect_right(lefts, self.state & 65535) - 1
        self.step(lefts[b], lefts[b + 1] - lefts[b])
        if b < len(lefts) - 2:
            return first + b
        side = (self.state & 65535) >> 15
        self.step(side << 15, 1 << 15)
        q, c = self.state & 65535, 0
        while c < 15 and q >> (15 - c) & 1:
            c += 1
        self.step(65536 - (1 << 16 - c), 2 if c == 15 else 1 << 15 - c)
        rest = (self.state & 65535) >> (16 - c) if c else 0
        if c:
            self.step(rest << 16 - c, 1 << 16 - c)
        distance = (1 << c) + rest
        symbol = first - distance if side else first + len(lefts) - 3 + distance
        check(abs(symbol) <= limit, "a symbol beyond the limit")
        return symbol

    def finish(self):
        """The checksum of the symbols."""
        check(self.state == START and not self.words, "the end of a stream")
        return crc32c(struct.pack(f"<{len(self.symbols)}h", *self.symbols))


# --- EXACT.md ---

TYPES = {"float16": "F16", "float32": "F32", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32"}


class Weights:
    def __init__(self, path):
        with safe_open(path, "np") as f:
            meta = f.metadata()
            check(meta.get("architecture", "base") == "base", "weights of another architecture")
            self.config = json.loads(meta["config"])
            self.t = {k: f.get_tensor(k) for k in f.keys()}

    def decoder_set(self):
        h = hashlib.sha256()
        for name in sorted(self.t):
            if name.startswith(("g_a.", "h_a.")) or name == "gain":
                continue
            t = self.t[name]
            h.update(name.encode() + b"\0" + TYPES[str(t.dtype)].encode() + b"\0")
            h.update(b"".join(struct.pack("<Q", n) for n in t.shape) + np.ascontiguousarray(t).tobytes())
        return h.digest()[:8]

    def bank(self, name, limit):
        rows, at = [], 0
        for first, n in zip(self.t[f"tables.{name}.first"], self.t[f"tables.{name}.length"]):
            freqs = self.t[f"tables.{name}.freqs"][at:at + n].astype(int)
            check(freqs.min() >= 1 and freqs.sum() == 65536, "a table")
            rows.append((int(first), [0] + np.cumsum(freqs).tolist()))
            at += n
        return rows, int(self.t[f"tables.{name}.skip"][0]), limit


def shuffle(x, r):
    c, h, w = x.shape
    out = np.zeros((c // (r * r), h * r, w * r), x.dtype)
    for a in range(r):
        for b in range(r):
            out[:, a::r, b::r] = x[a * r + b::r * r]
    return out


def per_channel(x, w):
    """3x3, zeros outside. w: [channels, 9]."""
    _, h, n = x.shape
    p = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    return sum(w[:, 3 * a + b, None, None] * p[:, a:a + h, b:b + n] for a in range(3) for b in range(3))


def pointwise(x, w):
    # Sums stay below 2**24, so that double precision adds integers exactly.
    return np.einsum("oi,ihw->ohw", w.astype(np.float64), x.astype(np.float64), optimize=True)


def exact_layer(t, name, x, q, lo, hi):
    w, bias, shift = (t[f"{name}.{k}"].astype(np.int64) for k in ("weight", "bias", "shift"))
    in_max = Z_MAX if name == "h_s.up1" else ACT_MAX
    check((np.abs(w).sum(1) * in_max + np.abs(bias).max(0)).max() < 1 << 24, f"{name} is not exact")
    b = bias[q if len(bias) > 1 else 0]
    acc = per_channel(x, w) if w.shape[1] == 9 else pointwise(x, w).astype(np.int64)
    return np.clip((acc + b[:, None, None]) >> shift[:, None, None], lo, hi)


def decode_symbols(f, weights):
    """y_hat in fixed point: [M, h, w]."""
    t, c, q = weights.t, weights.config, f["level"]
    check(q < c["levels"], "the level")
    m = c["latents"]
    h, w = -(-f["height"] // 16), -(-f["width"] // 16)
    zh, zw = -(-h // 4), -(-w // 4)
    y_bank, z_bank = weights.bank("y", RESIDUAL_MAX), weights.bank("z", Z_MAX)
    half = len(y_bank[0]) // 2
    last_row = half - 1
    shift = t["shift"][q].astype(np.int64)[:, None, None]

    def layer(name, x, lo=-ACT_MAX, hi=ACT_MAX):
        return exact_layer(t, name, x, q, lo, hi)

    def leaky_layer(name, x):
        out = layer(name, x)
        return np.where(out < 0, out >> LEAK_BITS, out)

    def heads(name, x):
        return layer(f"{name}.mean", x, -MEAN_MAX, MEAN_MAX) << shift, layer(f"{name}.row", x, 0, last_row)

    check(len(f["streams"]) == 1 - (-h // STRIPE_ROWS), "the number of streams")
    first, *streams = [Stream(data) for data in f["streams"]]
    z = np.zeros((zh, c["hyper"], zw), np.int64)
    for i in range(zh):
        for ch, row in enumerate(t["z_rows"][q].tolist()):
            for j in range(zw):
                left, above = z[i, ch, j - 1] if j else None, z[i - 1, ch, j] if i else None
                known = [n for n in (left, above) if n is not None]
                total = int(sum(known)) * (2 if len(known) == 1 else 1)
                size = sum(abs(total) >= e for e in Z_EDGES)
                z[i, ch, j] = first.symbol(z_bank, row + 4 + (size if total >= 0 else -size))

    a = shuffle(leaky_layer("h_s.up1", z.transpose(1, 0, 2)), 2)
    a = shuffle(leaky_layer("h_s.up2", layer("h_s.d1", a)), 2)
    a = np.clip(a + leaky_layer("h_s.mix", layer("h_s.d2", a)), -ACT_MAX, ACT_MAX)
    features = a[:, :h, :w]

    y_hat = np.zeros((m, h, w), np.int64)

    def step(cosets, mean, row):
        states = np.zeros(m, int)
        for i in range(h):
            if i % STRIPE_ROWS == 0:
                states[:] = 0
            for ch in range(m):
                for j in range(w):
                    if 2 * (i % 2) + j % 2 not in [ch // (m // 4) ^ k for k in cosets]:
                        continue
                    named, value, stream = int(row[ch, i, j]), 0, streams[i // STRIPE_ROWS]
                    if named >= y_bank[1]:
                        odd = states[ch] % 2
                        r = stream.symbol(y_bank, named + half * odd)
                        states[ch] = states[ch] >> 1 ^ FEEDBACK * odd ^ INPUT * (r % 2)
                        value = STEP * r - STEP // 2 * odd * ((r > 0) - (r < 0))
                    else:
                        stream.symbol(y_bank, named)
                    y_hat[ch, i, j] = value + mean[ch, i, j]

    step(STEP_COSETS[0], *heads("h_s", features))
    for k, cosets in enumerate(STEP_COSETS[1:]):
        # Cells that are not decoded yet hold 0.
        u, net = np.clip(y_hat >> shift, -ACT_MAX, ACT_MAX), f"context.{k}"
        s, e = layer(f"{net}.spatial", u), layer(f"{net}.energy", np.abs(u))
        b = leaky_layer(f"{net}.mix1", np.concatenate([s, e, features]))
        b = np.clip(b + leaky_layer(f"{net}.mix2", b), -ACT_MAX, ACT_MAX)
        step(cosets, *heads(net, b))
    sums = [stream.finish() for stream in (first, *streams)]
    check(crc32c(struct.pack(f"<{len(sums)}I", *sums)) == f["symbols"], "checksum of symbols")
    return y_hat


def synthesise(y_hat, q, weights):
    """Pixels minus 1/2: [3, 16h, 16w]."""
    t = {k: v.astype(np.float64) for k, v in weights.t.items() if k.startswith("g_s.")}

    def conv(name, x):
        w = t[f"{name}.weight"]
        out = per_channel(x, w) if w.shape[1] == 9 else pointwise(x, w)
        return out + t[f"{name}.bias"][:, None, None] if f"{name}.bias" in t else out

    def leaky(x):
        return np.maximum(x, x / 2 ** LEAK_BITS)

    def block(name, x):
        x = x + conv(f"{name}.b", conv(f"{name}.d", leaky(conv(f"{name}.a", x))))
        return x + conv(f"{name}.f2", leaky(conv(f"{name}.f1", x)))

    v = y_hat * (weights.t["inverse_gain"][q].astype(np.float64) / 2 ** MEAN_BITS)[:, None, None]
    f = shuffle(conv("g_s.up", block("g_s.low", v)), 2)
    for i in range(weights.config["synthesis_blocks"]):
        f = block(f"g_s.blocks.{i}", f)
    return shuffle(conv("g_s.linear", v), 16) + shuffle(conv("g_s.out", f), 8)


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    weights = Weights(sys.argv[1])
    f = parse(open(sys.argv[2], "rb").read())
    check(f["decoder_set"] == weights.decoder_set(), "the file needs other weights")
    x = synthesise(decode_symbols(f, weights), f["level"], weights)[:, :f["height"], :f["width"]]
    if f["grey"]:
        x = x.mean(0, keepdims=True)
    pixels = np.floor(np.clip(x + 0.5, 0, 1) * f["max"] + 0.5).transpose(1, 2, 0)
    with open(sys.argv[3], "wb") as out:
        out.write(f"{'P5' if f['grey'] else 'P6'}\n{f['width']} {f['height']}\n{f['max']}\n".encode())
        out.write(pixels.astype(">u2" if f["max"] > 255 else np.uint8).tobytes())


if __name__ == "__main__":
    main()
