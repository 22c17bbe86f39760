"""Writes perceptual.json: what the tests in ../metrics expect.

    pip install pillow numpy
    apt-get install libjxl-devtools     # 0.11 or newer: `ssimulacra2` and `butteraugli_main`, the reference programs
    python perceptual.py ../../../../datasets/kodak "libjxl 0.11.2 (Debian)" > perceptual.json

Both programs see PNG files without colour chunks, which they take for sRGB, and butteraugli_main its default of 80 nits
for such files.
"""
import json
import re
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

# name, (left, top, width, height), damage. Odd sizes exercise the borders of each scale.
CASES = [
    ("kodim01", (0, 0, 768, 512), "step 16"),
    ("kodim05", (100, 50, 333, 241), "step 48"),
    ("kodim20", (17, 33, 161, 164), "step 96"),
    ("kodim23", (200, 100, 256, 192), "blur 1"),
    ("kodim13", (31, 7, 255, 255), "blur 3"),
    ("kodim03", (300, 200, 64, 48), "step 24"),
    ("kodim15", (250, 120, 320, 200), "tint 9"),
    ("kodim24", (400, 10, 200, 300), "step 4"),
]


def damage(original, kind):
    """The same as `damage` in ../metrics/fixtures.rs: integers only."""
    name, amount = kind.split()
    amount, x = int(amount), original.astype(np.int64)
    if name == "step":
        return np.minimum(x // amount * amount + amount // 2, 255)
    if name == "blur":
        for _ in range(amount):
            p = np.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
            h, w = x.shape[:2]
            x = (sum(p[i : i + h, j : j + w] for i in range(3) for j in range(3)) + 4) // 9
        return x
    if name == "tint":  # colour alone: red up, blue down
        return np.clip(x + np.array([amount, 0, -amount]), 0, 255)
    raise ValueError(kind)


def yuv_psnr(a, b):
    """BT.709, full range, 4:4:4, not rounded: PSNR of each plane with peak 255, then of luma and (6 Y + Cb + Cr) / 8."""
    m = np.array([[0.2126, 0.7152, 0.0722], [0, 0, 0], [0, 0, 0]])
    m[1] = (np.array([0, 0, 1]) - m[0]) / 1.8556
    m[2] = (np.array([1, 0, 0]) - m[0]) / 1.5748
    mse = (((a - b).astype(np.float64) @ m.T) ** 2).mean(axis=(0, 1))
    y, cb, cr = np.minimum(100, 10 * np.log10(255**2 / np.maximum(mse, 1e-300)))
    return y, (6 * y + cb + cr) / 8


def run(*command):
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


cases = []
with tempfile.TemporaryDirectory() as folder:
    for name, (left, top, width, height), kind in CASES:
        picture = Image.open(f"{sys.argv[1]}/{name}.png").convert("RGB")
        original = np.asarray(picture)[top : top + height, left : left + width]
        damaged = damage(original, kind).astype(np.uint8)
        paths = [f"{folder}/{n}.png" for n in "ab"]
        for pixels, path in zip((original, damaged), paths):
            Image.fromarray(np.ascontiguousarray(pixels)).save(path)
        ssimulacra2 = float(run("ssimulacra2", *paths))
        largest, norm = re.findall(r"[\d.]+\d", run("butteraugli_main", *paths, "--pnorm", "3").replace("3-norm", ""))
        y, yuv = yuv_psnr(original.astype(np.int64), damaged.astype(np.int64))
        cases.append({
            "image": name, "crop": [left, top, width, height], "damage": kind,
            "ssimulacra2": ssimulacra2, "butteraugli": float(largest), "butteraugli_3norm": float(norm),
            "psnr_y": round(y, 9), "psnr_yuv": round(yuv, 9),
        })
print(json.dumps({"reference": sys.argv[2], "cases": cases}, indent=1))
