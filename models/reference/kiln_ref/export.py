"""From a trained model to what the Rust crate runs: f16 transforms, integer networks, frozen tables."""
import json
import math

import numpy as np
import torch

from . import trellis
from .data import planes
from .exact import ACC_LIMIT, ACT_MAX, WEIGHT_MAX, Z_MAX, ExactConv, round_half_up
from .model import PIXEL_SCALE, ROW_STEP, ROWS, SIGMA_MIN, SKIP_BELOW
from .tables import LITERALS, QUANTISERS

TABLE_TOTAL = 1 << 16
Z_BAND = 8           # levels that share the tables of z
Z_LEVELS = 2         # levels of a band that are counted
Z_EDGES = (1, 2, 4, 7)  # magnitudes of the sum of two neighbours of z at which the next class begins
Z_CLASSES = 2 * len(Z_EDGES) + 1
Z_PRIOR = 40.0       # symbols of the channel as a whole that every class starts with
CROP, BATCH = 512, 4  # of the pictures that y is counted on: a stripe of the codec is as high
BITS_OF_A_LEVEL = 1e7  # weight of a level's counts of y against the prior of tables.PRIOR symbols


def freeze(p):
    """Probabilities -> integers >= 1 that sum to 2**16, by greedy repair of the rounded values."""
    p = np.asarray(p, np.float64)
    p = p / p.sum()
    f = np.maximum(1, np.floor(p * TABLE_TOTAL + 0.5)).astype(np.int64)
    while f.sum() != TABLE_TOTAL:
        if f.sum() > TABLE_TOTAL:  # take one where it costs least
            cost = np.where(f > 1, p * np.log(f / np.maximum(f - 1, 1)), np.inf)
            f[np.argmin(cost)] -= 1
        else:
            f[np.argmax(p * np.log((f + 1) / f))] += 1
    return f.astype(np.uint16)


def y_row(row, quantiser, shares=None):
    """(first symbol, frequencies): literals -k..k and an escape bin for both tails.

    Logistic, or after `shares` of magnitudes 0..=LITERALS and of larger ones, among which the logistic shape is kept.
    """
    sigma = math.exp(SIGMA_MIN_LOG + row * ROW_STEP)
    # Literals reach to where a tail is rarer than the resolution of the table.
    k = max(1, math.ceil(6 * sigma / trellis.STEP))
    slope = math.pi / (sigma * math.sqrt(3))
    size = torch.arange(k + 2, dtype=torch.float64)
    point = trellis.value(size, quantiser).numpy()
    tail = 1 / (1 + np.exp(np.minimum((point[1:] + point[:-1]) / 2 * slope, 700.0)))  # beyond the outer edge of each magnitude
    half = -np.diff(tail)
    p = np.concatenate([half[::-1], [1 - 2 * tail[0]], half])
    if shares is not None:
        size = np.abs(np.arange(-k, k + 1))
        inner = size <= LITERALS
        beyond = max(1 - p[inner].sum(), 1e-12)
        p = np.where(inner, shares[np.minimum(size, LITERALS)] / np.where(size > 0, 2, 1), p / beyond * shares[-1])
    return -k, freeze(np.append(p, max(1 - p.sum(), 1e-7)))


SIGMA_MIN_LOG = math.log(SIGMA_MIN)


def histogram_row(counts):
    """(first symbol, frequencies) of z from counts of -Z_MAX..Z_MAX: literals where anything was seen, then an escape."""
    seen = np.nonzero(counts > 0.5)[0]
    lo, hi = (min(seen[0], Z_MAX), max(seen[-1], Z_MAX)) if len(seen) else (Z_MAX, Z_MAX)
    p = counts[lo:hi + 1] + 0.05
    return int(lo) - Z_MAX, freeze(np.append(p, max(0.5, 2e-4 * p.sum())))


def z_classes(z):
    """The class of every symbol of z [Z, h, w]: by the sum of its left and its upper neighbour, the one that is there
    counting twice at an edge, 0 in the corner."""
    left, above = np.zeros_like(z), np.zeros_like(z)
    left[:, :, 1:], above[:, 1:] = z[:, :, :-1], z[:, :-1]
    left[:, :, 0], above[:, 0] = above[:, :, 0], left[:, 0]
    total = left + above
    return Z_CLASSES // 2 + np.sign(total) * np.searchsorted(Z_EDGES, np.abs(total), side="right")


@torch.no_grad()
def z_histograms(net, pictures):
    """Counts of z_hat per (band of levels, channel, class, value), with a prior of the channel in that band."""
    n, z = net.config["levels"], net.config["hyper"]
    bands, values = -(-n // Z_BAND), 2 * Z_MAX + 1
    counts = np.zeros((bands, z, Z_CLASSES, values))
    device = next(net.parameters()).device
    for im in pictures:
        y = net.analyse(planes(im, 64, device))
        for b in range(bands):
            for k in range(Z_LEVELS):
                q = torch.tensor([min(b * Z_BAND + (2 * k + 1) * Z_BAND // (2 * Z_LEVELS), n - 1)], device=device)
                v = y * net.gain(q).exp()[:, :, None, None]
                s = round_half_up(net.hyper(v)).clamp(-Z_MAX, Z_MAX)[0].cpu().numpy().astype(np.int64)
                at = (np.arange(z)[:, None, None] * Z_CLASSES + z_classes(s)) * values + s + Z_MAX
                counts[b] += np.bincount(at.ravel(), minlength=counts[b].size).reshape(counts[b].shape)
    whole = counts.sum(2, keepdims=True)
    return counts + Z_PRIOR * whole / whole.sum(3, keepdims=True)


@torch.no_grad()
def y_shares(net, tables, pictures):
    """Shares of magnitudes in each row, [QUANTISERS, ROWS, LITERALS + 2], of what the encoder sends with `tables`.

    Levels count alike, each by what it costs, so that the many symbols of high levels do not decide for low ones.
    """
    levels = range(2, net.config["levels"], 8)
    device = next(net.parameters()).device
    counts = [torch.zeros_like(tables.counts) for _ in levels]
    bits = [0.0 for _ in levels]
    # Equal crops, so that the trellis runs over several pictures at a time.
    crops = [im[:CROP, :CROP] for im in pictures if min(im.shape[:2]) >= CROP]
    for at in range(0, len(crops), BATCH):
        y = torch.cat([net.analyse(planes(im, CROP, device)) for im in crops[at:at + BATCH]])
        for i, level in enumerate(levels):
            found = net.latents(y, torch.full((len(y),), level, device=device), tables=tables)
            counts[i] += tables.histogram(found.symbol, found.quantiser, found.row)
            bits[i] += (tables.bits(found.symbol, found.quantiser, found.row) * (found.row >= SKIP_BELOW)).sum().item()
    total = sum(c * (BITS_OF_A_LEVEL / b) for c, b in zip(counts, bits))
    return tables.shares(total).cpu().double().numpy()


@torch.no_grad()
def export(net, pictures, tables=None):
    """All tensors of a weights file, and its metadata. `pictures` (bytes, training set) give the tables of z, and with
    `tables`, which say how the encoder rounds, those of y: without they are logistic."""
    net.eval()
    out = {}

    def put(name, t, kind):
        a = t.detach().cpu().numpy() if isinstance(t, torch.Tensor) else np.asarray(t)
        out[name] = np.ascontiguousarray(a.astype(kind))

    # Factors of two on what the networks read move into the weights, without rounding.
    scale = net.g_s.scale
    moved = {"g_a.inp.weight": net.g_a.inp.weight * PIXEL_SCALE, "g_s.linear.weight": net.g_s.linear.weight / scale}
    for name, p in net.named_parameters():
        if name.startswith(("g_a.", "g_s.", "h_a.")):
            put(name, moved.get(name, p), np.float16)
    for name, layer in net.named_modules():
        if isinstance(layer, ExactConv):
            w, b, s = layer.quantised()
            shift = s + layer.in_bits - layer.out_bits
            b = b + 2 ** (shift - 1)  # turns floor into rounding
            total = w.double().abs().sum(1) * layer.in_max + b.double().abs().amax(0)
            assert total.max() < ACC_LIMIT and w.abs().max() <= WEIGHT_MAX and shift.min() >= 1, name
            put(f"{name}.weight", w, np.int16)
            put(f"{name}.bias", b, np.int32)
            put(f"{name}.shift", shift, np.uint8)
    put("gain", net.gain.all().exp(), np.float32)
    put("inverse_gain", net.inverse_gain.all().exp() * scale, np.float32)
    put("shift", net.shift, np.uint8)
    shares = None if tables is None else y_shares(net, tables, pictures[::3])
    y_rows = [y_row(r, k, None if shares is None else shares[k, r]) for k in range(QUANTISERS) for r in range(ROWS)]
    counts = z_histograms(net, pictures)
    z_rows = [histogram_row(c) for c in counts.reshape(-1, counts.shape[-1])]
    for name, rows, skip in (("y", y_rows, SKIP_BELOW), ("z", z_rows, 0)):
        put(f"tables.{name}.first", [r[0] for r in rows], np.int32)
        put(f"tables.{name}.length", [len(r[1]) for r in rows], np.int32)
        put(f"tables.{name}.freqs", np.concatenate([r[1] for r in rows]), np.uint16)
        put(f"tables.{name}.skip", [skip], np.int32)
    levels = np.arange(net.config["levels"])
    z = net.config["hyper"]
    put("z_rows", ((levels // Z_BAND)[:, None] * z + np.arange(z)[None]) * Z_CLASSES, np.uint16)
    return out, {"config": json.dumps(net.config, sort_keys=True), "format": "kiln base"}
