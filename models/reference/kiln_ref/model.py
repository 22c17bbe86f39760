"""The production image model "base": transforms in float, everything between decoded symbols and a table row in integers.

    x --g_a--> y --gain[level]--> round(y - mu) --g_s--> x_hat
                 \\--h_a--> z_hat --h_s--> features --> mu, row (step 0) --context--> mu, row (steps 1 and 2)
"""
import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from . import trellis
from .exact import (ACT_BITS, ACT_MAX, Z_MAX, ExactConv, LevelTable, clamp_act, leaky, round_half_up, soft_clamp, ste)

CONFIG = dict(levels=64, latents=320, width=128, hyper=64, features=256, hyper_mid=96, analysis_blocks=2, synthesis_blocks=4,
              expansion=2)
ROWS = 64                       # logistic tables, their standard deviation sigma log-spaced
SIGMA_MIN, SIGMA_MAX = 0.06, 64.0
ROW_STEP = math.log(SIGMA_MAX / SIGMA_MIN) / (ROWS - 1)
ROW_BITS = 3                    # one unit of the network moves the row by 2**ROW_BITS
SKIP_BELOW = 6                  # rows under this one are not coded: their residual is zero
QUARTERS = 4                    # of the channels; a step codes quarter g on cells whose coset is g ^ k, for these k:
STEP_COSETS = ((0,), (3,), (1, 2))
STEPS = len(STEP_COSETS)
LAMBDA_MIN, LAMBDA_MAX = 0.0005, 0.4
# The networks read pixels and latents brought to a size near 1, so that biases, which learn at the pace of weights, do not
# outrun what they are added to. Both factors are powers of two and vanish into the weights at export.
PIXEL_SCALE = 4.0
SCALE_FLOOR = 0.05


def lambda_of(q, levels=64):
    """Weight of the squared error (on the 0..255 scale) against bits per pixel."""
    return LAMBDA_MIN * (LAMBDA_MAX / LAMBDA_MIN) ** (q / (levels - 1))


# Mean energy of each 16x16 DCT coefficient on opponent colours decides which become latents: the order is found on the
# training photographs (data.dct_energy) and kept with the weights, as the linear branches' start.
def opponent():
    c = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], float)
    return c / np.linalg.norm(c, axis=1, keepdims=True)


def dct_matrix(n=16):
    k = np.arange(n)
    d = np.sqrt(2 / n) * np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / (2 * n))
    d[0] /= np.sqrt(2)
    return d


def basis(energy, latents):
    """Rows of the start of the linear analysis, and the standard deviation of each: ([latents, 768], [latents]).

    energy: [3, 16, 16] mean squares with pixels in 0..1. The strongest are taken and dealt in turn to the four quarters
    that a step codes on different cells.
    """
    order = np.argsort(-energy.reshape(-1), kind="stable")[:latents]
    order = np.concatenate([order[i::QUARTERS] for i in range(QUARTERS)])
    d, col, rows = dct_matrix(), opponent(), []
    for i in order:
        c, u, v = np.unravel_index(i, energy.shape)
        rows.append(np.einsum("c,i,j->cij", col[c], d[u], d[v]).reshape(-1))
    return np.array(rows, np.float32), np.sqrt(energy.reshape(-1)[order])


class Conv1(nn.Module):
    """1x1 convolution with a matrix for a weight."""

    def __init__(self, cin, cout, bias=True, zero=False):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(cout, cin) if zero else torch.randn(cout, cin) / cin ** 0.5)
        self.bias = nn.Parameter(torch.zeros(cout)) if bias else None

    def forward(self, x):
        return F.conv2d(x, self.weight[:, :, None, None], self.bias)


class Depthwise(nn.Module):
    def __init__(self, c):
        super().__init__()
        w = torch.randn(c, 9) * 0.15
        w[:, 4] += 0.7
        self.weight = nn.Parameter(w)
        self.bias = nn.Parameter(torch.zeros(c))

    def forward(self, x):
        return F.conv2d(x, self.weight.view(-1, 1, 3, 3), self.bias, padding=1, groups=x.shape[1])


class Block(nn.Module):
    """Depth-wise convolution block: x += B dw(leaky(A x)), then x += F2 leaky(F1 x)."""

    def __init__(self, c, expansion):
        super().__init__()
        self.a, self.d, self.b = Conv1(c, c), Depthwise(c), Conv1(c, c)
        self.f1, self.f2 = Conv1(c, expansion * c), Conv1(expansion * c, c)
        with torch.no_grad():
            self.b.weight.mul_(0.3)
            self.f2.weight.mul_(0.3)

    def forward(self, x):
        x = x + self.b(self.d(leaky(self.a(x))))
        return x + self.f2(leaky(self.f1(x)))


class Analysis(nn.Module):
    """g_a: picture - 1/2 -> y at 1/16, as a linear transform plus a network."""

    def __init__(self, c):
        super().__init__()
        m, w, e = c["latents"], c["width"], c["expansion"]
        self.linear = Conv1(768, m, bias=False)
        self.inp = Conv1(192, w)
        self.blocks = nn.ModuleList(Block(w, e) for _ in range(c["analysis_blocks"]))
        self.down = Conv1(4 * w, m)
        self.low = Block(m, 1)
        self.out = Conv1(m, m, zero=True)

    def net(self, x):
        f = self.inp(F.pixel_unshuffle(x * PIXEL_SCALE, 8))
        for b in self.blocks:
            f = b(f)
        return self.out(self.low(self.down(F.pixel_unshuffle(f, 2))))


class Synthesis(nn.Module):
    """g_s: y_hat (gain undone) -> picture - 1/2."""

    def __init__(self, c):
        super().__init__()
        m, w, e = c["latents"], c["width"], c["expansion"]
        self.linear = Conv1(m, 768, bias=False)
        self.low = Block(m, 1)
        self.up = Conv1(m, 4 * w)
        self.blocks = nn.ModuleList(Block(w, e) for _ in range(c["synthesis_blocks"]))
        self.out = Conv1(w, 192, zero=True)
        self.register_buffer("scale", torch.ones(m))

    def net(self, y):
        f = F.pixel_shuffle(self.up(self.low(y * self.scale[:, None, None])), 2)
        for b in self.blocks:
            f = b(f)
        return F.pixel_shuffle(self.out(f), 8)


class HyperAnalysis(nn.Module):
    """h_a: y times gain, compressed by a signed logarithm -> z at 1/64."""

    def __init__(self, c):
        super().__init__()
        m, f, z = c["latents"], c["features"], c["hyper"]
        self.inp = Conv1(m, f)
        self.d = Depthwise(f)
        self.down1 = Conv1(4 * f, f)
        self.d2 = Depthwise(f)
        self.down2 = Conv1(4 * f, z)

    def forward(self, y):
        t = torch.sign(y) * torch.log1p(y.abs())
        f = leaky(self.d(leaky(self.inp(t))))
        f = leaky(self.d2(leaky(self.down1(F.pixel_unshuffle(f, 2)))))
        return self.down2(F.pixel_unshuffle(f, 2))


class HyperSynthesis(nn.Module):
    """h_s (exact): z_hat -> features at 1/16 -> means and rows of step 0."""

    def __init__(self, c):
        super().__init__()
        m, f, h, z, n = c["latents"], c["features"], c["hyper_mid"], c["hyper"], c["levels"]
        self.up1 = ExactConv(z, 4 * h, in_bits=0, in_max=Z_MAX, levels=n, gain=2.0)
        self.d1 = ExactConv(h, h, "linear", depthwise=True)
        self.up2 = ExactConv(h, 4 * f, levels=n, gain=2.0)
        self.d2 = ExactConv(f, f, "linear", depthwise=True)
        self.mix = ExactConv(f, f, gain=1.0)
        self.mean = ExactConv(f, m, "mean", gain=0.01)
        self.row = ExactConv(f, m, "row", out_bits=ROW_BITS, levels=n, gain=0.05)

    def features(self, z, q):
        f = self.d1(F.pixel_shuffle(self.up1(z, q), 2))
        f = F.pixel_shuffle(self.up2(f, q), 2)
        return clamp_act(f + self.mix(self.d2(f)))

    def heads(self, f, q):
        return self.mean(f), self.row(f, q)


class Context(nn.Module):
    """A later step (exact): what is already decoded and the features -> means and rows of the rest."""

    def __init__(self, c):
        super().__init__()
        m, f, n = c["latents"], c["features"], c["levels"]
        self.spatial = ExactConv(m, m, "linear", depthwise=True)
        self.energy = ExactConv(m, m, "linear", depthwise=True)
        self.mix1 = ExactConv(2 * m + f, f, levels=n, gain=2.0)
        self.mix2 = ExactConv(f, f, gain=1.0)
        self.mean = ExactConv(f, m, "mean", gain=0.01)
        self.row = ExactConv(f, m, "row", out_bits=ROW_BITS, levels=n, gain=0.05)

    def forward(self, u, f, q):
        # Magnitudes have an input of their own: signs of neighbours are nearly random and would cancel them.
        h = self.mix1(torch.cat([self.spatial(u), self.energy(u.abs()), f], 1), q)
        h = clamp_act(h + self.mix2(h))
        return self.mean(h), self.row(h, q)


class Latents(NamedTuple):
    """z before rounding [B, Z, h/4, w/4]; of y [B, M, h, w] the residual before it is quantised, its symbol, the quantiser of
    the symbol, its row, and y_hat."""
    z: torch.Tensor
    residual: torch.Tensor
    symbol: torch.Tensor
    quantiser: torch.Tensor
    row: torch.Tensor
    y_hat: torch.Tensor


class Codec(nn.Module):
    def __init__(self, config=None, energy=None):
        super().__init__()
        self.config = c = dict(CONFIG, **(config or {}))
        n, m, z = c["levels"], c["latents"], c["hyper"]
        self.g_a, self.g_s = Analysis(c), Synthesis(c)
        self.h_a, self.h_s = HyperAnalysis(c), HyperSynthesis(c)
        self.context = nn.ModuleList(Context(c) for _ in range(1, STEPS))
        lo, hi = (math.log(50 * math.sqrt(v)) for v in (LAMBDA_MIN, LAMBDA_MAX))
        self.gain = LevelTable(n, m, init=(lo, hi))            # log of the encoder's gain
        self.inverse_gain = LevelTable(n, m, init=(-lo, -hi))  # log of the decoder's gain
        self.z_scale = LevelTable(n, z)                        # log of a Laplace scale, replaced by tables at export
        self.register_buffer("shift", torch.zeros(n, m))       # of the latents a context net reads, and of means
        with torch.no_grad():
            for net in (self.h_s, *self.context):
                net.row.bias.fill_(2.0)
        if energy is not None:
            rows, sigma = basis(energy, m)
            with torch.no_grad():
                self.g_a.linear.weight.copy_(torch.from_numpy(rows))
                self.g_s.linear.weight.copy_(torch.from_numpy(rows.T.copy()))
                self.g_s.scale.copy_(torch.exp2(torch.round(-torch.log2(torch.from_numpy(sigma).float() + SCALE_FLOOR))))
                # Seven deviations must fit the integer range; the darkest or lightest block bounds them.
                amp = torch.from_numpy(np.minimum(7 * sigma, 14.0)).float()
                gains = self.gain.all().exp()
                need = torch.log2(amp[None] * gains * 2 ** ACT_BITS / ACT_MAX)
                self.shift.copy_(torch.ceil(need).clamp(0, 7))

    def masks(self, h, w, device):
        """1 where a step codes: [STEPS, 1, M, h, w]. A cell's coset is twice the parity of its row plus that of its column."""
        m = self.config["latents"]
        coset = 2 * (torch.arange(h, device=device)[:, None] % 2) + torch.arange(w, device=device)[None] % 2
        quarter = (torch.arange(m, device=device) // (m // QUARTERS))[:, None, None]
        return torch.stack([sum((coset == quarter ^ k).float() for k in ks) for ks in STEP_COSETS])[:, None]

    def analyse(self, x, bf16=False):
        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=bf16):
            net = self.g_a.net(x)
        return self.g_a.linear(F.pixel_unshuffle(x, 16)) + net.float()

    def synthesise(self, y_hat, q, bf16=False):
        y = y_hat * self.inverse_gain(q).exp()[:, :, None, None]
        with torch.autocast(y.device.type, dtype=torch.bfloat16, enabled=bf16):
            net = self.g_s.net(y)
        return F.pixel_shuffle(self.g_s.linear(y), 16) + net.float()

    def hyper(self, y_scaled):
        """z before rounding; the grid of y is padded to whole cells of z with zeros."""
        h, w = y_scaled.shape[-2:]
        return self.h_a(F.pad(y_scaled, (0, -w % 4, 0, -h % 4))).float()

    def latents(self, y, q, z=None, bf16=False, tables=None):
        """All context steps: Latents.

        With `tables` (tables.SymbolTables or frozen.FrozenTables) residuals are quantised as the encoder does, without rounded to the nearest
        integer. Outside training, what is not coded is zero.
        """
        with torch.autocast(y.device.type, dtype=torch.bfloat16, enabled=bf16):
            v = y * self.gain(q).exp()[:, :, None, None]
            z = self.hyper(v) if z is None else z
        v = v.float()
        z_hat = ste(round_half_up(z).clamp(-Z_MAX, Z_MAX), z)
        h, w = y.shape[-2:]
        unit = 2.0 ** self.shift[q][:, :, None, None]
        f = self.h_s.features(z_hat, q)[:, :, :h, :w]
        masks = self.masks(h, w, y.device)
        residual = symbol = quantiser = rows = y_hat = 0.0
        for step, mask in enumerate(masks):
            if step == 0:
                mu, row = self.h_s.heads(f, q)
            else:
                # floor of the fixed-point value over 2**shift, as the decoder shifts it
                u = y_hat / unit
                u = ste(torch.floor(u * 2 ** ACT_BITS) / 2 ** ACT_BITS, u)
                mu, row = self.context[step - 1](clamp_act(u), f, q)
            mu = mu * unit
            r, coded = (v - mu) * mask, row * 2 ** ROW_BITS >= SKIP_BELOW
            if not self.training:
                r = r * coded
            if tables is None:
                s, branch = round_half_up(r), torch.zeros_like(r)
                value = s
            else:
                s, branch = tables.symbols(r, row * 2 ** ROW_BITS, mask[0], coded)
                if self.training:  # what would be lost in a row that is too narrow to be coded must tell on the row
                    s = s + torch.where(coded, 0.0, torch.sign(r) * round_half_up(r.abs() / trellis.STEP - 0.3)).detach()
                value = trellis.value(s, branch)
            residual, symbol, quantiser, rows = residual + r, symbol + s, quantiser + branch, rows + row * mask
            y_hat = y_hat + (ste(value, r) + mu) * mask
        return Latents(z, residual, symbol, quantiser, soft_clamp(rows * 2 ** ROW_BITS, 0.0, float(ROWS - 1)), y_hat)

    def forward(self, x, q, bf16=False, tables=None, rate_only=False, noise=None):
        """Training pass: (x_hat, bits of y, bits of z, latents), the bits with additive noise, summed per picture.

        With `tables` the value of y's bits and the gradient of its rows are those of the symbols sent; the noise is left to
        give the residuals theirs. Tables that know z (frozen.FrozenTables) count its symbols too, without noise. With
        `rate_only` x_hat is None: no gradient of the error reaches entropy networks. `noise` for y, in -1/2..1/2, is drawn
        where it is not given.
        """
        found = self.latents(self.analyse(x, bf16), q, bf16=bf16, tables=tables)
        step = 1.0 if tables is None else trellis.STEP
        noise = torch.rand_like(found.residual) - 0.5 if noise is None else noise
        noisy = found.residual + noise * step
        if tables is None:
            y_bits = logistic_bits(noisy, found.row)
        else:
            soft = logistic_bits(noisy, found.row.detach(), step)
            y_bits = tables.bits(found.symbol, found.quantiser, found.row) + (soft - soft.detach())
        if tables is not None and tables.z_bits:
            z_bits = tables.z_bits(found.z, q)
        else:
            z_bits = laplace_bits(found.z + torch.rand_like(found.z) - 0.5, self.z_scale(q)[:, :, None, None])
        z_bits = z_bits.sum((1, 2, 3))
        x_hat = None if rate_only else self.synthesise(found.y_hat, q, bf16)
        return x_hat, y_bits.sum((1, 2, 3)), z_bits, found


def logistic_cdf(x, row):
    """Share of a logistic distribution below x, with the deviation of a row: its tails fit better than those of a Gaussian."""
    slope = torch.exp(-row * ROW_STEP - math.log(SIGMA_MIN)) * (math.pi / math.sqrt(3))
    return torch.sigmoid(x * slope)


def logistic_bits(r, row, step=1.0):
    """Bits of the multiple of `step` that is nearest to r."""
    a = -r.abs()
    p = logistic_cdf(a + 0.5 * step, row) - logistic_cdf(a - 0.5 * step, row)
    return -torch.log2(soft_clamp(p, 1e-7, 2.0))


def laplace_bits(z, log_scale):
    scale = soft_clamp(log_scale, -3.0, 5.0).exp()

    def cdf(t):
        return 0.5 - 0.5 * torch.sign(t) * torch.expm1(-t.abs() / scale)

    a = -z.abs()
    return -torch.log2(soft_clamp(cdf(a + 0.5) - cdf(a - 0.5), 1e-6, 2.0))
