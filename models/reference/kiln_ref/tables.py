"""Tables of y counted on what the encoder sends, and rounding by rate and distortion with them in the training loop.

The networks choose one of ROWS tables for a residual. A first training takes logistic ones and additive noise; symbols that
an encoder has rounded for rate and distortion are zero more often than those, and g_s should expect their dead zone.
"""
import torch
import torch.nn as nn

from .exact import round_half_up
from .model import ROWS, logistic_bits

BITS_PER_ERROR = 12.0   # what one squared step of error is worth; the encoder in models/src/quantise.rs takes the same
LARGEST = 12            # magnitudes above are rounded to the nearest
LITERALS = 40           # magnitudes above have no count of their own
PRIOR = 2000.0          # symbols of a logistic distribution that every row starts with
MEMORY = 0.998          # share of the counts kept at each count


def logistic_shares():
    """[ROWS, LITERALS + 2]: share of each magnitude, and of larger ones, under the logistic tables."""
    row = torch.arange(ROWS, dtype=torch.float32)[:, None].expand(ROWS, LITERALS + 1)
    k = torch.arange(LITERALS + 1, dtype=torch.float32)[None]
    p = 2.0 ** -logistic_bits(k.expand_as(row), row)
    p[:, 1:] *= 2
    return torch.cat([p, (1 - p.sum(1, keepdim=True)).clamp_min(1e-7)], 1)


class SymbolTables(nn.Module):
    """Costs of symbols by row, from running counts, and the thresholds they give."""

    def __init__(self):
        super().__init__()
        self.register_buffer("prior", logistic_shares() * PRIOR)
        self.register_buffer("counts", logistic_shares() * 1e6)
        self.refresh()

    def shares(self, counts):
        """Shares of magnitudes in each row, with the prior."""
        n = counts + self.prior
        return n / n.sum(1, keepdim=True)

    @torch.no_grad()
    def refresh(self):
        """Costs [ROWS, LITERALS + 1], their slope along the rows, and from where on a magnitude is rounded up."""
        p = self.shares(self.counts)
        p[:, 1:] /= 2
        cost = -torch.log2(p[:, :LITERALS + 1])
        self.cost = cost.contiguous()
        self.slope = ((torch.cat([cost[1:], cost[-1:]]) - torch.cat([cost[:1], cost[:-1]])) / 2).contiguous()
        saved = (cost[:, 1:LARGEST + 1] - cost[:, :LARGEST]).clamp_min(0)
        up = torch.arange(LARGEST, device=cost.device) + 0.5 + saved / (2 * BITS_PER_ERROR)
        self.thresholds = torch.cat([torch.full_like(up[:, :1], -1.0), up], 1).contiguous()

    def symbols(self, r, row):
        """The symbol for each residual: the nearest integer, or the next smaller one where that is worth it."""
        r, row = r.detach(), row.detach().clamp(0, ROWS - 1).long()
        size = r.abs()
        up = round_half_up(size)
        k = up.clamp(max=LARGEST).long()
        down = (up <= LARGEST) & (size < self.thresholds.view(-1)[row * (LARGEST + 1) + k])
        return torch.sign(r) * (up - down.float())

    def bits(self, s, row):
        """Cost of symbols, with a gradient for the row that is the difference between its neighbours."""
        k = s.detach().abs().clamp(max=LITERALS).long()
        at = row.detach().long() * (LITERALS + 1) + k
        counted = self.cost.view(-1)[at] + (row - row.detach()) * self.slope.view(-1)[at]
        return torch.where(s.detach().abs() <= LITERALS, counted, logistic_bits(s.detach(), row))

    @torch.no_grad()
    def histogram(self, s, row):
        """Symbols of each magnitude, and of larger ones, in each row: [ROWS, LITERALS + 2]."""
        k = s.abs().clamp(max=LITERALS + 1).long()
        at = (row.long() * (LITERALS + 2) + k).flatten()
        return torch.bincount(at, minlength=self.counts.numel()).view_as(self.counts)

    def count(self, s, row):
        """Adds symbols to the running counts, which forget slowly."""
        self.counts.mul_(MEMORY).add_(self.histogram(s, row))
