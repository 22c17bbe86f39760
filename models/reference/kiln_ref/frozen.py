"""The tables of a weights file in the training loop: what a fine-tuning that keeps them counts bits with.

`kiln train` does the same (models/src/train); step_fixture.py compares the two. A training in PyTorch counts its tables while
it runs (tables.py) and freezes them when it exports.
"""
import numpy as np
import torch

from . import trellis
from .exact import Z_MAX, round_half_up
from .export import z_classes
from .model import ROWS
from .tables import BITS_PER_ERROR

REACH = 320         # magnitudes of y whose costs are kept
UNARY_MAX = 15      # entropy/CODING.md


def escape_bits(distance):
    """Bits of the side and of the Exp-Golomb code of a symbol so far beyond the literals, 1 or more."""
    count = np.floor(np.log2(np.maximum(distance, 1)))
    return 1 + np.minimum(count + 1, UNARY_MAX) + count


def costs(tensors, name, reach):
    """Bits of the symbols -reach..=reach in each row of a bank: [rows, 2 * reach + 1]."""
    symbol, out, at = np.arange(-reach, reach + 1), [], 0
    for first, length in zip(tensors[f"tables.{name}.first"], tensors[f"tables.{name}.length"]):
        bits = 16 - np.log2(tensors[f"tables.{name}.freqs"][at:at + length].astype(np.float64))
        last = first + length - 2
        beyond = np.maximum(first - symbol, symbol - last)
        literal = bits[np.clip(symbol - first, 0, length - 2)]
        out.append(np.where(beyond <= 0, literal, bits[-1] + escape_bits(beyond)))
        at += length
    return torch.from_numpy(np.array(out, np.float32))


class FrozenTables:
    """Costs of symbols in the tables of a weights file (tensors by name, as export.export returns them)."""

    def __init__(self, tensors, code=trellis.CODEC):
        self.code, self.bits_per_error = code, BITS_PER_ERROR
        self.y, self.z = costs(tensors, "y", REACH), costs(tensors, "z", Z_MAX)
        self.z_rows = torch.from_numpy(tensors["z_rows"].astype(np.int64))
        bank = self.y.view(2, ROWS, -1)
        after, before = torch.cat([bank[:, 1:], bank[:, -1:]], 1), torch.cat([bank[:, :1], bank[:, :-1]], 1)
        self.slope = ((after - before) / 2).flatten(0, 1)

    def cost_of(self, symbol, quantiser, rows):
        """Bits of a symbol; those out of reach cost like the last within. rows: integers."""
        return self.y[quantiser * ROWS + rows, symbol.clamp(-REACH, REACH).long() + REACH]

    def symbols(self, r, row, mask, live):
        """Symbols of one step and the quantiser of each: trellis.search."""
        return trellis.search(r.detach(), row.detach().clamp(0, ROWS - 1), mask, live, self)

    def bits(self, s, quantiser, row):
        """Cost of symbols, with a gradient for the row that is half the difference between its neighbours."""
        at = quantiser.long() * ROWS + row.detach().long(), s.detach().clamp(-REACH, REACH).long() + REACH
        return self.y[at] + (row - row.detach()) * self.slope[at]

    def z_bits(self, z, q):
        """Cost of the symbols of z [B, Z, h, w], which is not rounded yet, in the tables that their neighbours choose; with a
        gradient that is half the difference between the next symbols."""
        symbol = round_half_up(z.detach()).clamp(-Z_MAX, Z_MAX)
        classes = np.stack([z_classes(s) for s in symbol.numpy().astype(np.int64)])
        rows = self.z_rows[q][:, :, None, None] + torch.from_numpy(classes)
        above, below = (symbol + 1).clamp(max=Z_MAX), (symbol - 1).clamp(min=-Z_MAX)
        cost = [self.z[rows, s.long() + Z_MAX] for s in (symbol, above, below)]
        return cost[0] + (z - z.detach()) * ((cost[1] - cost[2]) / (above - below))
