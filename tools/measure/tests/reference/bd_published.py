"""Writes bd_published.json: BD-rate and BD-PSNR of published curves, by another implementation than SciPy's and ours.

    pip install bjontegaard==1.3.0 numpy
    python bd_published.py ../../../../benches/anchors/kodak_published.json > bd_published.json

`quoted` is the value that the field quotes for the pair, to a tenth of a per cent or to a whole one.
"""
import json
import sys
import warnings

import bjontegaard
import numpy as np

warnings.filterwarnings("ignore")  # it warns of overlaps below 75 %
QUOTED = {
    "vtm": {
        "hpcm-large_mse": -20.0, "dcae_mse": -17.0, "hpcm-base_mse": -16.0, "lalic_mse": -15.3, "mlicplusplus_mse": -15.0,
        "ftic_mse": -14.6, "mlicplus_mse": -13.1, "tcm-large_mse": -11.7, "mlic_mse": -9.7, "tcm-middle_mse": -9.1,
        "paper-elic2022_mse": -7.0, "tcm-small_mse": -6.7, "coolchic-v5.0": -6.6, "tinylic_mse": -3.5, "evc-LL": -1.0,
        "evc-MM": 1.0, "paper-minnen2020-cc10_mse": 1.1, "compressai-cheng2020-anchor_mse_cuda": 3.7, "evc-SS": 7.1,
        "compressai-mbt2018_mse_cuda": 11.0, "av1": 16.2, "paper-mbt2018-mean": 16.4,
        "compressai-mbt2018-mean_mse_cuda": 21.3, "bpg_444_x265_ycbcr": 22.0, "hm": 23.3,
        "compressai-bmshj2018-hyperprior_mse_cuda": 30.5, "shallow-ntc/2-layer_syn": 34.7,
        "shallow-ntc/2-layer_syn+SGA": 20.1, "compressai-bmshj2018-factorized_mse_cuda": 68.0, "webp": 78.7,
        "jpeg2000": 98.0, "jpeg": 208.5,
    },
    "jpeg": {
        "webp": -36.2, "compressai-bmshj2018-hyperprior_mse_cuda": -55.0, "shallow-ntc/2-layer_syn": -55.5,
        "compressai-mbt2018-mean_mse_cuda": -58.0, "paper-elic2022_mse": -67.9, "hpcm-large_mse": -72.5,
    },
}
published = json.load(open(sys.argv[1]))


def curve(name):
    """bpp and PSNR, sorted."""
    bpp, psnr = (np.array(published[name][key]) for key in ("bpp", "psnr"))
    order = np.argsort(psnr)
    return bpp[order], psnr[order]


cases = []
for anchor, codecs in QUOTED.items():
    for codec, quoted in codecs.items():
        curves = *curve(anchor), *curve(codec)
        options = dict(method="pchip", require_matching_points=False)
        cases.append({
            "codec": codec, "anchor": anchor, "quoted": quoted,
            "rate": round(float(bjontegaard.bd_rate(*curves, **options)), 9),
            "psnr": round(float(bjontegaard.bd_psnr(*curves, **options)), 9),
        })
print(json.dumps(cases, indent=1))
