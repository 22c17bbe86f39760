"""Prints the MS-SSIM constants that ../metrics/main.rs tests against.

    pip install torch pytorch-msssim==1.0.0 pillow numpy
    python ms_ssim.py ../../../../datasets/kodak

Computed in double precision with a window in double precision, so that the tolerance of the test says how exact the
Rust code is, and not how exact float is.
"""
import sys

import numpy as np
import torch
from PIL import Image
from pytorch_msssim import ms_ssim

# name, (left, top, width, height), quantiser step. Odd sizes exercise the padding of the 2x2 mean.
CASES = [
    ("kodim01", (0, 0, 768, 512), 16),
    ("kodim05", (100, 50, 333, 241), 48),
    ("kodim20", (17, 33, 161, 164), 96),
]


def window():
    x = torch.arange(11, dtype=torch.float64) - 5
    g = torch.exp(-(x**2) / (2 * 1.5**2))
    return (g / g.sum()).view(1, 1, 1, -1).repeat(3, 1, 1, 1)


for name, (left, top, width, height), step in CASES:
    picture = Image.open(f"{sys.argv[1]}/{name}.png").convert("RGB")
    original = np.asarray(picture)[top : top + height, left : left + width].astype(np.int64)
    damaged = np.minimum(original // step * step + step // 2, 255)
    planes = [torch.from_numpy(a.transpose(2, 0, 1)[None].astype(np.float64)) for a in (original, damaged)]
    value = ms_ssim(*planes, data_range=255, win=window()).item()
    mse = ((original - damaged) ** 2).mean()
    print(name, (left, top, width, height), step, f"ms_ssim {value:.12f} psnr {10 * np.log10(255**2 / mse):.12f}")
