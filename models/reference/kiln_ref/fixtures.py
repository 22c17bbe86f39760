"""Inputs and outputs of every stage, computed here, for the Rust tests to compare with."""
import os

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

from .exact import ACT_BITS, Z_MAX, round_half_up
from .model import PIXEL_SCALE, ROWS
from .tables import SymbolTables

LEVELS = (0, 21, 42, 63)


def picture(h=80, w=112):
    """A small picture made of waves, edges and noise, the same on every machine: bytes [h, w, 3]."""
    i, j = np.mgrid[0:h, 0:w].astype(np.float64)
    base = 127 + 60 * np.sin(i / 7.3) * np.cos(j / 11.1) + 50 * ((i + j) % 37 > 18)
    noise = np.random.default_rng(7).integers(-20, 21, (h, w, 3))
    tint = np.stack([0 * i, 25 * np.sin(j / 5.0), -30 * (i > h / 2)], -1)
    return np.clip(np.round(base[..., None] + tint + noise), 0, 255).astype(np.uint8)


def with_exported_weights(net, tensors):
    """The network as the decoder sees it: its float weights rounded to f16."""
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name in tensors and tensors[name].dtype == np.float16:
                p.copy_(torch.from_numpy(tensors[name].astype(np.float32)))
        net.g_a.inp.weight.div_(PIXEL_SCALE)
        net.g_s.linear.weight.mul_(net.g_s.scale)
    return net


@torch.no_grad()
def write_fixtures(net, tensors, folder):
    """fixtures.safetensors: the picture, and y, and per level z, the symbols, rows of the bank, y_hat and the picture out."""
    os.makedirs(folder, exist_ok=True)
    net = with_exported_weights(net, tensors).eval()
    im = picture()
    h, w = im.shape[:2]
    x = torch.from_numpy(im.copy()).permute(2, 0, 1)[None].float() / 255 - 0.5
    x = F.pad(x, (0, -w % 16, 0, -h % 16), mode="replicate")
    y = net.analyse(x)
    out = {"picture": im, "y": y[0].numpy()}
    tables = SymbolTables()  # any will do to choose symbols
    for level in LEVELS:
        q = torch.tensor([level])
        found = net.latents(y, q, tables=tables)
        z_hat = round_half_up(found.z).clamp(-Z_MAX, Z_MAX)
        out[f"z_hat.{level}"] = z_hat[0].numpy().astype(np.int32)
        out[f"row.{level}"] = (found.row + ROWS * found.quantiser)[0].numpy().astype(np.int32)
        out[f"y_hat.{level}"] = (found.y_hat[0] * 2 ** ACT_BITS).numpy().astype(np.int32)
        out[f"residual.{level}"] = found.symbol[0].numpy().astype(np.int32)
        out[f"x_hat.{level}"] = net.synthesise(found.y_hat, q)[0].numpy()
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, os.path.join(folder, "fixtures.safetensors"))
    print(f"{folder}/fixtures.safetensors: {sum(v.nbytes for v in out.values()) / 1e6:.2f} MB")
