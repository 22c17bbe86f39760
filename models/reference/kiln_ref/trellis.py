"""Trellis-coded quantisation of the residuals of y.

Two quantisers share the step: quantiser 0 has its points at k * STEP, quantiser 1 at 0 and (k - sign(k) / 2) * STEP. Which of
them a latent has depends on the parities of the symbols before it in its chain, by a code of Ungerboeck (1982), so that the points of a chain together are packed denser than those of any one quantiser: Marcellin
and Fischer, "Trellis coded quantization of memoryless and Gauss-Markov sources" (1990); with tables for each quantiser,
Fischer and Wang, "Entropy-constrained trellis-coded quantization" (1992). entropy/CODING.md has the chains,
models/EXACT.md the points.
"""
import torch

STEP_UNITS = 80   # of a quantiser, in units of 2**-ACT_BITS
STEP = STEP_UNITS / 64


class Code:
    """A code: its number of states, and what an odd state and an odd symbol change in the next one."""

    def __init__(self, states, feedback, input):
        self.states = states
        following = [[s >> 1 ^ feedback * (s & 1) ^ input * parity for parity in (0, 1)] for s in range(states)]
        # For each state, the two (state before, parity) that lead to it. Of equal costs the first is taken: the even symbol, as
        # in the encoder.
        self.before = [[(s, parity) for parity in (0, 1) for s in range(states) if following[s][parity] == t] for t in range(states)]


CODEC = Code(64, 33, 10)   # parity checks 103 and 024
QUICK = Code(8, 5, 2)      # 13 and 04: for training, where it takes an eighth of the time for nearly the same symbols


def quantiser(state):
    return state & 1


def value(symbol, quantiser):
    """What a symbol stands for."""
    return (symbol - 0.5 * torch.sign(symbol) * quantiser) * STEP


def positions(mask):
    """Places that a step codes, in the order of a chain: [M, N] for its mask [M, h, w], filled up with h * w."""
    m, h, w = mask.shape
    flat = mask.reshape(m, -1)
    n = int(flat.sum(1).max())
    places = torch.where(flat > 0, torch.arange(h * w, device=mask.device), h * w)
    return places.sort(1).values[:, :n]


@torch.no_grad()
def search(r, row, mask, live, tables):
    """The symbols of one step and the quantiser of each, [B, M, h, w] both, of the least `bits + weight * squared error`.

    r: residuals; row: their rows; mask: [M, h, w], 1 where the step codes; live: [B, M, h, w], where the row is coded at all;
    tables: SymbolTables or FrozenTables. Every channel of every picture is a chain, by Viterbi's algorithm.
    """
    b, m, h, w = r.shape
    at = positions(mask)[None].expand(b, -1, -1)

    def chains(t, fill):
        t = torch.nn.functional.pad(t.reshape(b, m, h * w), (0, 1), value=fill)
        return t.gather(2, at).reshape(b * m, -1)

    here = chains(live.to(r.dtype), 0.0) > 0
    chosen = here.any(1).nonzero()[:, 0]
    symbol, branch = torch.zeros(b, m, h * w + 1, device=r.device), torch.zeros(b, m, h * w + 1, device=r.device)
    if len(chosen):
        here = here[chosen]
        # What is coded moves to the front, so that there are as many turns as the longest chain has symbols.
        n = int(here.sum(1).max())
        order = torch.sort(~here, dim=1, stable=True).indices[:, :n]
        here = here.gather(1, order)
        x, rows = (chains(t, 0.0)[chosen].gather(1, order) for t in (r, row))
        k, q = viterbi(x, rows.long(), here, tables)
        place = at.reshape(b * m, -1)[chosen].gather(1, order)
        place = torch.where(here, place, h * w)
        for out, values in ((symbol, k), (branch, q)):
            out.view(b * m, -1)[chosen[:, None], place] = values * here
    return tuple(t[:, :, :h * w].reshape(b, m, h, w) for t in (symbol, branch))


def candidates(x, rows, tables):
    """The best symbol of each quantiser and parity, and its cost: two tensors [4, K, N], index 2 * quantiser + parity."""
    size, sign = x.abs() / STEP, torch.where(x < 0, -1.0, 1.0)
    symbols, costs = [], []
    for q in (0, 1):
        low = torch.floor(size + 0.5 * q)
        odd = torch.remainder(low, 2.0)

        def cost(k):
            e = (size - (k - 0.5 * q * (k > 0))) * STEP
            return torch.where(k < 0, torch.inf, tables.cost_of(k * sign, q, rows) + tables.bits_per_error * e * e)

        # The point below, its neighbours, and zero, which is often cheapest.
        below, above, under, zero = cost(low), cost(low + 1), cost(low - 1), cost(torch.zeros_like(low))
        k_other = torch.where(above <= under, low + 1, low - 1)
        c_other = torch.minimum(above, under)
        for parity in (0, 1):
            same = odd == parity
            c, k = torch.where(same, below, c_other), torch.where(same, low, k_other)
            if parity == 0:
                k, c = torch.where(zero < c, 0.0, k), torch.minimum(c, zero)
            symbols.append(k * sign)
            costs.append(c)
    return torch.stack(symbols), torch.stack(costs)


def viterbi(x, rows, here, tables):
    """Symbols and quantisers, [K, N] both, of K chains of at most N residuals; here: where a chain has any."""
    k, n = x.shape
    symbols, costs = candidates(x, rows, tables)
    code = tables.code
    before = torch.tensor([[s for s, _ in pair] for pair in code.before], device=x.device)
    index = torch.tensor([[2 * quantiser(s) + p for s, p in pair] for pair in code.before], device=x.device)
    total = torch.full((code.states, k), torch.inf, device=x.device)
    total[0] = 0.0
    costs = costs.permute(2, 0, 1).contiguous()
    choices = []
    for i in range(n):
        both = total[before] + costs[i][index]             # [states, 2, K]
        second = both[:, 1] < both[:, 0]
        total = torch.where(here[:, i], torch.where(second, both[:, 1], both[:, 0]), total)
        choices.append(second)
    state = total.argmin(0)
    which = torch.zeros(k, n, dtype=torch.long, device=x.device)
    column = torch.arange(k, device=x.device)
    for i in reversed(range(n)):
        second = choices[i][state, column].long()
        which[:, i] = index[state, second]
        state = torch.where(here[:, i], before[state, second], state)
    return symbols.gather(0, which[None])[0], (which >> 1).float()
