"""Prints the BD-rates that ../bd_rate.rs and ../../src/curves/pchip.rs are tested against, with SciPy's PCHIP.

    pip install scipy numpy
    python bd_rate.py ../../../../benches/anchors
"""
import json
import sys

import numpy as np
from scipy.interpolate import PchipInterpolator

measured = json.load(open(f"{sys.argv[1]}/kodak_measured.json"))
published = json.load(open(f"{sys.argv[1]}/kodak_published.json"))


def curve(codec, key):
    """(quality, log bpp), sorted by quality; MS-SSIM in decibels. Published curves are lists, measured ones points."""
    if "points" in codec:
        points = [p for p in codec["points"] if p["n_images"] == 24]
        bpp, quality = [[p[k] for p in points] for k in ("bpp", {"psnr": "psnr", "ms-ssim": "msssim"}[key])]
    else:
        bpp, quality = codec["bpp"], codec[key]
    quality = np.array(quality)
    if key == "ms-ssim":
        quality = -10 * np.log10(1 - quality)
    order = np.argsort(quality)
    return quality[order], np.log(np.array(bpp))[order]


def bd_rate(test, anchor):
    low, high = max(test[0][0], anchor[0][0]), min(test[0][-1], anchor[0][-1])
    area = [PchipInterpolator(*c).antiderivative() for c in (test, anchor)]
    difference = [a(high) - a(low) for a in area]
    return 100 * (np.exp((difference[0] - difference[1]) / (high - low)) - 1), low, high


for key in ("psnr", "ms-ssim"):
    for name in ("webp_m6", "jpeg_libjpegturbo_420", "avif_aom3.6_444_10b_s3"):
        for anchor_name, anchor in (("measured", measured["vtm_444_10b"]), ("published", published["vtm"])):
            percent, low, high = bd_rate(curve(measured[name], key), curve(anchor, key))
            print(f"{key:8} {name:24} against {anchor_name:9} vtm {percent:.9f} on {low:.6f}..{high:.6f}")
for name in ("webp", "jpeg", "hpcm-large_mse"):
    percent, low, high = bd_rate(curve(published[name], "psnr"), curve(published["vtm"], "psnr"))
    print(f"psnr     {name:24} against published vtm {percent:.9f} on {low:.6f}..{high:.6f}")

# A curve whose slope changes sharply, so that the limiter and both end rules of PCHIP matter.
x, y = np.array([0, 1, 1.5, 4, 4.25, 9.0]), np.array([0, 0, 5, 5.5, 9, 8.0])
p = PchipInterpolator(x, y)
print("slopes", [float(v) for v in p.derivative()(x)])
print("values", [float(p(v)) for v in (0.3, 1.2, 3.0, 4.1, 8.0)])
print("integral 0.5..6.5", float(p.antiderivative()(6.5) - p.antiderivative()(0.5)))
