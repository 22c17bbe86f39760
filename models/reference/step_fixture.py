#!/usr/bin/env python3
"""Loss and gradients of one training step of a narrow model, for the Rust trainer to compare with.

    python step_fixture.py --out ../tests/fixtures/step.safetensors

The model has random weights. The fixture holds its weights file as bytes, crops, levels, the noise of the likelihoods, the
loss, and the gradient of every parameter in the form that a weights file has.
"""
import argparse
import math

import numpy as np
import torch
from safetensors.numpy import save, save_file

from kiln_ref.exact import ExactConv, Z_MAX
from kiln_ref.export import Z_CLASSES, export, histogram_row
from kiln_ref.model import PIXEL_SCALE, Codec, lambda_of, laplace_bits, logistic_bits

CONFIG = dict(levels=64, latents=8, width=8, hyper=4, features=12, hyper_mid=6, analysis_blocks=1, synthesis_blocks=2, expansion=2)
LEVELS = (3, 40, 63)
CROP = 64


def picture(rng, side):
    """Waves and noise: floats [3, side, side] in -1/2..1/2, bytes divided by 255."""
    i, j = np.mgrid[0:side, 0:side]
    base = 127 + 80 * np.sin(i / rng.uniform(3, 9)) * np.cos(j / rng.uniform(3, 9))
    x = base[None] + rng.uniform(-30, 30, (3, 1, 1)) + rng.normal(0, 10, (3, side, side))
    return (np.clip(np.round(x), 0, 255) / 255 - 0.5).astype(np.float32)


def mean_of_row(first, freqs):
    """Mean magnitude of the literals of a row, and of its rare rest as the tables' cost function sees it."""
    p = np.asarray(freqs[:-1], np.float64)
    s = np.arange(first, first + len(p))
    return (np.abs(s) * p).sum() / p.sum()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.manual_seed(5)
    torch.set_num_threads(1)
    rng = np.random.default_rng(5)
    net = Codec(CONFIG)
    with torch.no_grad():
        for name, p in net.named_parameters():
            # Nothing stays zero: every gradient shall be seen.
            if name.endswith("bias") or name.endswith("value"):
                p.add_(torch.randn_like(p) * 0.1)
            if name in ("g_a.out.weight", "g_s.out.weight"):
                p.add_(torch.randn_like(p) * 0.05)
            if name.endswith("row.bias"):
                p.add_(2.0)
        net.g_a.linear.weight.mul_(3.0)
        net.g_s.linear.weight.mul_(0.1)
        net.g_s.scale.copy_(2.0 ** torch.randint(-1, 2, net.g_s.scale.shape).float())
        net.shift.copy_(torch.randint(0, 3, (CONFIG["latents"],)).float().expand_as(net.shift))
        # Wide rows of z cover everything that can occur, the same for all levels and classes, so that one scale serves all.
        s = np.arange(-Z_MAX, Z_MAX + 1)
        rows = [histogram_row(1e6 * np.exp(-np.abs(s) / (2.0 + c))) for c in range(CONFIG["hyper"])]
        for c, (first, freqs) in enumerate(rows):
            net.z_scale.value[:, c] = math.log(0.5 / math.asinh(0.5 / mean_of_row(first, freqs)))
    tensors, meta = export(net, [np.uint8(127 + 50 * rng.standard_normal((64, 64, 3)))])
    rows = [row for row in rows for _ in range(Z_CLASSES)]
    tensors["tables.z.first"] = np.array([r[0] for r in rows], np.int32)
    tensors["tables.z.length"] = np.array([len(r[1]) for r in rows], np.int32)
    tensors["tables.z.freqs"] = np.concatenate([r[1] for r in rows]).astype(np.uint16)
    tensors["z_rows"] = np.tile(np.arange(CONFIG["hyper"], dtype=np.uint16) * Z_CLASSES, (CONFIG["levels"], 1))

    # The network as the weights file holds it.
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

    net.train()
    x = torch.from_numpy(np.stack([picture(rng, CROP) for _ in LEVELS]))
    q = torch.tensor(LEVELS)
    noise_y = torch.rand(len(LEVELS), CONFIG["latents"], CROP // 16, CROP // 16) - 0.5
    noise_z = torch.rand(len(LEVELS), CONFIG["hyper"], CROP // 64, CROP // 64) - 0.5
    found = net.latents(net.analyse(x), q)
    y_bits = logistic_bits(found.residual + noise_y, found.row).sum((1, 2, 3))
    z_bits = laplace_bits(found.z + noise_z, net.z_scale(q)[:, :, None, None]).sum((1, 2, 3))
    bpp = (y_bits + z_bits) / CROP ** 2
    mse = ((net.synthesise(found.y_hat, q) - x) ** 2).mean((1, 2, 3)) * 65025
    lam = lambda_of(q)
    loss = ((bpp + lam * mse) / lam ** 0.5).mean() * 0.1
    loss.backward()

    out = {"weights": np.frombuffer(save(tensors, metadata=meta), np.uint8), "crops": x.numpy(), "levels": np.array(LEVELS, np.int32),
           "noise_y": noise_y.numpy(), "noise_z": noise_z.numpy(), "loss": np.array([loss.item()], np.float32)}
    for name, p in net.named_parameters():
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
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, args.out)
    clipped = ((found.row <= 0) | (found.row >= 63)).float().mean().item()
    print(f"{args.out}: loss {loss.item():.5f}, bpp {bpp.tolist()}, mse {mse.tolist()}, rows at an end {clipped:.3f}, {sum(v.nbytes for v in out.values()) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
