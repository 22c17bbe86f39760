#!/usr/bin/env python3
"""Loss, symbols and gradients of one training step of a narrow model, for the Rust trainer to compare with.

    python step_fixture.py --out ../tests/fixtures/step.safetensors

The model has random weights. The fixture holds its weights file as bytes, crops as bytes, levels, the noise of the likelihood,
the loss, the symbols that the trellis chose with their quantisers, and the gradient of every parameter in the form that a
weights file has.

Every float program has sums of its own, and a choice between two chains of nearly the same cost may fall otherwise. So a seed
is looked for with which the symbols stay as they are when y is moved by far more than that.
"""
import argparse

import numpy as np
import torch
from safetensors.numpy import save, save_file

from kiln_ref.exact import ExactConv, Z_MAX, round_half_up
from kiln_ref.export import Z_CLASSES, export, histogram_row
from kiln_ref.frozen import FrozenTables
from kiln_ref.model import PIXEL_SCALE, ROWS, SKIP_BELOW, Codec, lambda_of

CONFIG = dict(levels=64, latents=8, width=8, hyper=4, features=12, hyper_mid=6, analysis_blocks=1, synthesis_blocks=2, expansion=2)
LEVELS = (3, 40, 63)
CROP = 128
BANDS = 2            # of levels, each with tables of z of its own
MOVED, TRIES = 2e-5, 12  # by which part of its size y is moved, and how often


def picture(rng, side):
    """Waves and noise, of so little contrast that the error does not drown the bits: bytes [3, side, side]."""
    i, j = np.mgrid[0:side, 0:side]
    base = 127 + 8 * np.sin(i / rng.uniform(3, 9)) * np.cos(j / rng.uniform(3, 9))
    x = base[None] + rng.uniform(-3, 3, (3, 1, 1)) + rng.normal(0, 2, (3, side, side))
    return np.clip(np.round(x), 0, 255).astype(np.uint8)


def z_tables():
    """Tables of z for each band, channel and class of neighbours, of Laplace distributions around a place that follows the
    class; symbols far from it are escapes."""
    s = np.arange(-Z_MAX, Z_MAX + 1)
    rows = []
    for band in range(BANDS):
        for c in range(CONFIG["hyper"]):
            for k in range(Z_CLASSES):
                counts = 1e6 * np.exp(-np.abs(s - (k - Z_CLASSES // 2)) / (2.0 + c + 2 * band))
                rows.append(histogram_row(np.where(np.abs(s) <= 12 + c, counts, 0.0)))
    levels = np.arange(CONFIG["levels"])
    first = (levels * BANDS // CONFIG["levels"])[:, None] * CONFIG["hyper"] + np.arange(CONFIG["hyper"])
    return {"tables.z.first": np.array([r[0] for r in rows], np.int32),
            "tables.z.length": np.array([len(r[1]) for r in rows], np.int32),
            "tables.z.freqs": np.concatenate([r[1] for r in rows]).astype(np.uint16),
            "z_rows": (first * Z_CLASSES).astype(np.uint16)}


def model(rng):
    """A narrow model of random weights such as its weights file holds, the file's tensors and metadata, and what the file holds
    of some parameters for each unit of them."""
    net = Codec(CONFIG)
    with torch.no_grad():
        for name, p in net.named_parameters():
            # Nothing stays zero: every gradient shall be seen.
            if name.endswith("bias") or name.endswith("value"):
                p.add_(torch.randn_like(p) * 0.1)
            if name in ("g_a.out.weight", "g_s.out.weight"):
                p.add_(torch.randn_like(p) * 0.05)
            if name.endswith("row.bias"):
                # Rows of all kinds: below those that are coded, and beyond both ends.
                p.add_(torch.linspace(-2.5, 6.0, len(p)))
        net.g_a.linear.weight.mul_(20.0)
        net.g_s.linear.weight.mul_(0.01)
        net.g_s.out.weight.mul_(0.3)
        net.g_s.out.bias.mul_(0.1)
        net.h_a.down2.weight.mul_(20.0)
        net.g_s.scale.copy_(2.0 ** torch.randint(-1, 2, net.g_s.scale.shape).float())
        net.shift.copy_(torch.randint(0, 3, (CONFIG["latents"],)).float().expand_as(net.shift))
    tensors, meta = export(net, [np.uint8(127 + 50 * rng.standard_normal((64, 64, 3)))])
    tensors.update(z_tables())
    moved = {"g_a.inp.weight": PIXEL_SCALE, "g_s.linear.weight": 1 / net.g_s.scale}
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name.startswith(("g_a.", "g_s.", "h_a.")):
                p.copy_(torch.from_numpy(tensors[name].astype(np.float32)) / moved.get(name, 1.0))
        for name, layer in net.named_modules():
            if isinstance(layer, ExactConv):
                w, _, s = layer.quantised()
                layer.weight.copy_(w / 2 ** s[:, None])
                assert torch.equal(layer.quantised()[0], w) and torch.equal(layer.shifts().float(), s), name
    return net.train(), tensors, meta, moved


@torch.no_grad()
def is_stable(net, x, q, tables):
    """Whether symbols and rows stay as they are when y is moved a little."""
    y = net.analyse(x)
    first = net.latents(y, q, tables=tables)
    for _ in range(TRIES):
        size = y.square().mean((2, 3), keepdim=True).sqrt()
        other = net.latents(y + MOVED * size * torch.randn_like(y), q, tables=tables)
        same = [torch.equal(a, b) for a, b in ((first.symbol, other.symbol), (first.quantiser, other.quantiser),
                                               (first.row, other.row), (round_half_up(first.z), round_half_up(other.z)))]
        if not all(same):
            return False
    return True


def gradients(net, moved):
    """The gradient of every parameter by its name in the Rust trainer."""
    out = {}
    for name, p in net.named_parameters():
        if name.startswith("z_scale."):
            continue  # tables stand in its place
        g = p.grad / moved[name] if name in moved else p.grad
        if name.endswith(".level_bias.value"):
            name = name.replace(".level_bias.value", ".bias.change")
        elif name.endswith(".value"):
            name = name.replace(".value", ".change")
        elif name.startswith(("h_s.", "context.")) and name.endswith(".bias"):
            if net.get_submodule(name[:-5]).level_bias is not None:
                continue  # the knots hold it
            name += ".change"
        out["gradient." + name] = g.numpy().reshape(-1)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    q = torch.tensor(LEVELS)
    for seed in range(1000):
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        net, tensors, meta, moved = model(rng)
        crops = np.stack([picture(rng, CROP) for _ in LEVELS])
        x = torch.from_numpy(crops).float() / 255 - 0.5
        tables = FrozenTables(tensors)
        if is_stable(net, x, q, tables):
            break
    else:
        raise SystemExit("no seed gives symbols that stay as they are")

    noise = torch.rand(len(LEVELS), CONFIG["latents"], CROP // 16, CROP // 16) - 0.5
    x_hat, y_bits, z_bits, found = net(x, q, tables=tables, noise=noise)
    bpp = (y_bits + z_bits) / CROP ** 2
    mse = ((x_hat - x) ** 2).mean((1, 2, 3)) * 65025
    lam = lambda_of(q)
    loss = ((bpp + lam * mse) / lam ** 0.5).mean() * 0.1
    loss.backward()

    out = {"weights": np.frombuffer(save(tensors, metadata=meta), np.uint8), "crops": crops, "levels": np.array(LEVELS, np.int32),
           "noise": noise.numpy(), "loss": np.array([loss.item()], np.float32),
           "symbols": found.symbol.detach().numpy().astype(np.int16), "quantisers": found.quantiser.numpy().astype(np.uint8),
           **gradients(net, moved)}
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, args.out)

    def share(t):
        return f"{t.float().mean().item():.3f}"

    coded = found.row >= SKIP_BELOW
    print(f"{args.out}: seed {seed}, loss {loss.item():.5f}, bpp {bpp.tolist()}, z {z_bits.tolist()}, mse {mse.tolist()}, "
          f"{sum(v.nbytes for v in out.values()) / 1e3:.0f} kB")
    print(f"shares: coded {share(coded)}, of them zero {share(found.symbol[coded] == 0)} and second quantiser "
          f"{share(found.quantiser[coded])}; lost {share(~coded & (found.symbol != 0))}; rows at an end "
          f"{share(found.row <= 0)} {share(found.row >= ROWS - 1)}; largest symbol {found.symbol.abs().max().item():.0f}, "
          f"of z {round_half_up(found.z).abs().max().item():.0f}")


if __name__ == "__main__":
    main()
