"""Rate (estimated from the rows) and distortion (on 8-bit pictures) of a model."""
import math

import numpy as np
import torch

from .data import planes
from .model import SKIP_BELOW, logistic_bits, laplace_bits
from .exact import Z_MAX, round_half_up


@torch.no_grad()
def evaluate(net, pictures, levels, tables=None):
    """[(level, mean bits per pixel, mean PSNR)] over pictures [h, w, 3] of bytes, cropped to multiples of 16."""
    device = next(net.parameters()).device
    net.eval()
    out = []
    for q in levels:
        bits, psnr = [], []
        for im in pictures:
            x = planes(im, 16, device)
            lq = torch.tensor([q], device=device)
            found = net.latents(net.analyse(x), lq, tables=tables)
            z = round_half_up(found.z).clamp(-Z_MAX, Z_MAX)
            if tables is None:
                b = logistic_bits(found.symbol, found.row)
            else:
                b = tables.bits(found.symbol, found.quantiser, found.row)
            b = (b * (found.row >= SKIP_BELOW)).sum()
            b = b + laplace_bits(z, net.z_scale(lq)[:, :, None, None]).sum()
            x_hat = ((net.synthesise(found.y_hat, lq) + 0.5).clamp(0, 1) * 255).round()
            mse = ((x_hat - (x + 0.5) * 255) ** 2).mean().item()
            bits.append(b.item() / (x.shape[2] * x.shape[3]))
            psnr.append(10 * math.log10(65025 / mse))
        out.append((q, round(float(np.mean(bits)), 4), round(float(np.mean(psnr)), 3)))
    net.train()
    return out
