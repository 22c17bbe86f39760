"""Tables of y counted on what the encoder sends, and its trellis-coded quantisation with them in the training loop.

The networks choose one of ROWS tables for a residual, the trellis one of two for the row. A first training takes logistic
ones, rounding to integers and additive noise; symbols that an encoder has chosen for rate and distortion are zero more often
than those, and g_s should expect their errors.
"""
import torch
import torch.nn as nn

from . import trellis
from .model import ROWS, logistic_bits, logistic_cdf

BITS_PER_ERROR = 9.0    # what one unit of squared error of y is worth; the encoder in models/src/search/trellis.rs takes the same
LITERALS = 40           # magnitudes above have no count of their own
PRIOR = 2000.0          # symbols of a logistic distribution that every row starts with
MEMORY = 0.998          # share of the counts kept at each count
QUANTISERS = 2


def edges(quantiser, largest):
    """Where a magnitude ends and the next one begins, for magnitudes 0 to `largest`: [largest + 1]."""
    k = torch.arange(largest + 2, dtype=torch.float64)
    points = trellis.value(k, quantiser)
    return (points[1:] + points[:-1]) / 2


def logistic_shares():
    """[QUANTISERS, ROWS, LITERALS + 2]: share of each magnitude, and of larger ones, under the logistic tables."""
    row = torch.arange(ROWS, dtype=torch.float64)[:, None]
    shares = []
    for q in range(QUANTISERS):
        within = 2 * logistic_cdf(edges(q, LITERALS)[None], row) - 1
        ends = torch.cat([torch.zeros(ROWS, 1), within, torch.ones(ROWS, 1)], 1)
        shares.append(ends.diff(dim=1).clamp_min(1e-9))
    return torch.stack(shares).float()


class SymbolTables(nn.Module):
    """Costs of symbols by quantiser and row, from running counts."""

    z_bits = None  # tables of z are counted at the export

    def __init__(self, code=trellis.CODEC):
        super().__init__()
        self.code, self.bits_per_error = code, BITS_PER_ERROR
        self.register_buffer("prior", logistic_shares() * PRIOR)
        self.register_buffer("counts", torch.zeros_like(self.prior))
        self.refresh()

    def shares(self, counts):
        """Shares of magnitudes in each row, with the prior."""
        n = counts + self.prior
        return n / n.sum(2, keepdim=True)

    @torch.no_grad()
    def refresh(self):
        """Costs [QUANTISERS * ROWS, LITERALS + 1] and their slope along the rows."""
        p = self.shares(self.counts)
        p[..., 1:] /= 2
        cost = -torch.log2(p[..., :LITERALS + 1])
        slope = (torch.cat([cost[:, 1:], cost[:, -1:]], 1) - torch.cat([cost[:, :1], cost[:, :-1]], 1)) / 2
        self.cost, self.slope = cost.flatten(0, 1).contiguous(), slope.flatten(0, 1).contiguous()

    def cost_of(self, symbol, quantiser, rows):
        """Bits of a symbol, by its magnitude; those beyond the literals cost like the last of them. rows: integers."""
        k = symbol.abs().clamp(max=LITERALS).long()
        return self.cost.view(-1)[(quantiser * ROWS + rows) * (LITERALS + 1) + k]

    def symbols(self, r, row, mask, live):
        """Symbols of one step and the quantiser of each: trellis.search."""
        return trellis.search(r.detach(), row.detach().clamp(0, ROWS - 1), mask, live, self)

    def bits(self, s, quantiser, row):
        """Cost of symbols, with a gradient for the row that is the difference between its neighbours."""
        s = s.detach()
        k = s.abs().clamp(max=LITERALS).long()
        at = (quantiser.long() * ROWS + row.detach().long()) * (LITERALS + 1) + k
        counted = self.cost.view(-1)[at] + (row - row.detach()) * self.slope.view(-1)[at]
        far = s.abs() > LITERALS
        return torch.where(far, logistic_bits(trellis.value(s, quantiser), row, trellis.STEP), counted) if far.any() else counted

    @torch.no_grad()
    def histogram(self, s, quantiser, row):
        """Symbols of each magnitude, and of larger ones, in each row: [QUANTISERS, ROWS, LITERALS + 2]."""
        k = s.abs().clamp(max=LITERALS + 1).long()
        at = ((quantiser.long() * ROWS + row.long()) * (LITERALS + 2) + k).flatten()
        return torch.bincount(at, minlength=self.counts.numel()).view_as(self.counts)

    def count(self, s, quantiser, row):
        """Adds symbols to the running counts, which forget slowly."""
        self.counts.mul_(MEMORY).add_(self.histogram(s, quantiser, row))
