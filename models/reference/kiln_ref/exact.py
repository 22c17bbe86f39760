"""Integer-valued layers, trained with their rounding in the loop.

Every activation is an integer divided by 2**ACT_BITS, every weight an integer divided by 2**shift (a shift per output
channel), so a float32 convolution of them is exact while the sum of magnitudes stays below 2**24: the value computed here is,
bit for bit, the integer that the decoder computes. models/EXACT.md is the normative description of the integer form.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

ACT_BITS = 6          # fractional bits of activations, means and quantised latents
ACT_MAX = 1023        # |activation| as an integer
WEIGHT_MAX = 2047     # |weight| as an integer
ACC_LIMIT = 1 << 24   # bound on sum|w|*max|a| + |b|
Z_MAX = 127           # |z_hat|
MEAN_MAX = 32767      # |mean| as an integer, before its shift
MAX_SHIFT = 16
LEAK_BITS = 3         # the activation function divides what is negative by 2**LEAK_BITS; the float networks do the same


class _Ste(torch.autograd.Function):
    """Forward one tensor, send the gradient to another."""

    @staticmethod
    def forward(ctx, value, x):
        return value

    @staticmethod
    def backward(ctx, g):
        return None, g


def ste(value, x):
    return _Ste.apply(value, x)


class _SoftClamp(torch.autograd.Function):
    """Clamp whose gradient is kept where it would bring the value back into the range."""

    @staticmethod
    def forward(ctx, x, lo, hi):
        ctx.save_for_backward(x)
        ctx.lo, ctx.hi = lo, hi
        return x.clamp(lo, hi)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        keep = ((x >= ctx.lo) | (g < 0)) & ((x <= ctx.hi) | (g > 0))
        return g * keep, None, None


def soft_clamp(x, lo, hi):
    return _SoftClamp.apply(x, lo, hi)


def leaky(x):
    """max(x, x / 8): a unit that is negative for every input still learns; plain ReLU lost up to all units of a layer."""
    return F.leaky_relu(x, 2.0 ** -LEAK_BITS)


def round_half_up(x):
    return torch.floor(x + 0.5)


class LevelTable(nn.Module):
    """A value per (level, channel), learned at a few knots and interpolated between them, so that neighbouring levels
    learn from each other. The exporter writes out all levels."""

    def __init__(self, levels, channels, knots=9, init=None):
        super().__init__()
        self.levels, self.knots = levels, knots
        start = torch.zeros(knots, channels)
        if init is not None:  # init: values at the two ends
            lo, hi = init
            start = lo + (hi - lo) * torch.linspace(0, 1, knots)[:, None].expand(knots, channels)
        self.value = nn.Parameter(start.clone())

    def forward(self, q):
        pos = q.float() * ((self.knots - 1) / (self.levels - 1))
        lo = pos.floor().long().clamp(0, self.knots - 2)
        w = (pos - lo)[:, None]
        return self.value[lo] * (1 - w) + self.value[lo + 1] * w

    def all(self):
        return self(torch.arange(self.levels, device=self.value.device))


class ExactConv(nn.Module):
    """Integer convolution (1x1, or 3x3 depthwise) with a power-of-two requantisation.

    out = clamp(floor((sum w*a + b) / 2**shift + 1/2)); `kind` picks the range: linear [-ACT_MAX, ACT_MAX], leaky the same and
    then floor(out / 8) where it is negative, mean [-MEAN_MAX, MEAN_MAX], row (left to the caller, who clamps after choosing the step). `out_bits` are the fractional bits of the result, `in_bits`/`in_max` those of the input.
    """

    def __init__(self, cin, cout, kind="leaky", depthwise=False, in_bits=ACT_BITS, in_max=ACT_MAX, out_bits=ACT_BITS,
                 levels=0, gain=1.0):
        super().__init__()
        self.kind, self.depthwise = kind, depthwise
        self.in_bits, self.in_max, self.out_bits = in_bits, in_max, out_bits
        if depthwise:
            assert cin == cout
            w = torch.randn(cout, 9) * 0.1
            w[:, 4] += 1.0
        else:
            w = torch.randn(cout, cin) * (gain / cin) ** 0.5
        self.weight = nn.Parameter(w)
        self.bias = nn.Parameter(torch.zeros(cout))
        self.level_bias = LevelTable(levels, cout) if levels else None

    def biases(self):
        """All biases that can occur: [levels or 1, cout]."""
        b = self.bias[None]
        return b + self.level_bias.all() if self.level_bias is not None else b

    @torch.no_grad()
    def shifts(self):
        """Fractional bits of the weights per output channel: the most that keep the bounds of the exact path."""
        w, b = self.weight.detach().double(), self.biases().detach().double()
        total = w.abs().sum(1) * self.in_max + b.abs().amax(0) * 2 ** self.in_bits
        by_sum = torch.floor(torch.log2(0.95 * ACC_LIMIT / total.clamp_min(1e-9)))
        by_max = torch.floor(torch.log2(WEIGHT_MAX / w.abs().amax(1).clamp_min(1e-9)))
        # The requantisation divides by 2**(s + in_bits - out_bits), at least by two.
        return torch.minimum(by_sum, by_max).clamp(self.out_bits - self.in_bits + 1, MAX_SHIFT)

    def quantised(self):
        """(integer weights [cout, cin or 9], integer biases [levels or 1, cout] without the rounding half, shifts)."""
        s = self.shifts().float()
        w = torch.round(self.weight * 2 ** s[:, None]).clamp(-WEIGHT_MAX, WEIGHT_MAX)
        b = torch.round(self.biases() * 2 ** (s + self.in_bits))
        return w, b, s

    def forward(self, a, q=None):
        s = self.shifts().float()
        scale = 2 ** s
        w = ste((torch.round(self.weight * scale[:, None]).clamp(-WEIGHT_MAX, WEIGHT_MAX)) / scale[:, None], self.weight)
        b = self.bias[None] + self.level_bias(q) if self.level_bias is not None else self.bias[None]
        bs = scale * 2 ** self.in_bits
        b = ste(torch.round(b * bs) / bs, b)
        if self.depthwise:
            acc = F.conv2d(a, w.view(-1, 1, 3, 3), padding=1, groups=w.shape[0])
        else:
            acc = F.conv2d(a, w[:, :, None, None])
        acc = acc + b[:, :, None, None]
        unit = 2.0 ** self.out_bits
        out = ste(round_half_up(acc * unit) / unit, acc)
        if self.kind in ("linear", "leaky"):
            out = out.clamp(-ACT_MAX / unit, ACT_MAX / unit)
            if self.kind == "linear":
                return out
            return ste(torch.maximum(out, torch.floor(out * (unit / 2 ** LEAK_BITS)) / unit), leaky(out))
        if self.kind == "mean":
            return out.clamp(-MEAN_MAX / unit, MEAN_MAX / unit)
        return out


def clamp_act(x):
    """Sum of two activations, brought back into the range of one."""
    return x.clamp(-ACT_MAX / 2 ** ACT_BITS, ACT_MAX / 2 ** ACT_BITS)
