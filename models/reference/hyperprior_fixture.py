#!/usr/bin/env python3
"""What CompressAI's ScaleHyperprior makes of a picture, for models/tests/hyperprior.rs to compare with.

    python hyperprior_fixture.py --out ../tests/fixtures/hyperprior.safetensors

Needs CompressAI 1.2.8 beside the other requirements. The model is narrow and has random weights, scaled so that symbols
of all sizes occur, escapes included: with the weights of a new model nearly all of them would be 0. `convert` makes a
kiln weights file of any such model.
"""
import argparse
import json
import math

import numpy as np
import torch
import torch.nn.functional as F
from compressai.models import ScaleHyperprior
from safetensors.numpy import save, save_file

N, M = 8, 12
HEIGHT, WIDTH = 100, 150
X_HAT_STEPS = 1 << 14


def tables(name, model):
    """A bank of kiln from the cumulative frequencies of one of CompressAI's entropy models."""
    rows = [np.diff(cdf[:length]) for cdf, length in zip(model._quantized_cdf.numpy(), model._cdf_length.numpy())]
    assert all(row.sum() == 1 << 16 and row.min() > 0 for row in rows)
    return {
        f"tables.{name}.first": model._offset.numpy().astype(np.int32),
        f"tables.{name}.length": np.array([len(row) for row in rows], np.int32),
        f"tables.{name}.freqs": np.concatenate(rows).astype(np.uint16),
        f"tables.{name}.skip": np.zeros(1, np.int32),
    }


def convert(net):
    """Tensors and metadata of a weights file for a ScaleHyperprior whose tables have been made (`net.update()`)."""
    tensors = tables("y", net.gaussian_conditional) | tables("z", net.entropy_bottleneck)
    tensors["scales"] = net.gaussian_conditional.scale_table.numpy()
    tensors["medians"] = net.entropy_bottleneck._get_medians().detach().numpy().reshape(-1)
    for name, module in net.named_modules():
        if name.split(".")[0] not in ("g_a", "g_s", "h_a", "h_s"):
            continue
        if hasattr(module, "gamma_reparam"):
            # As the formula has them: CompressAI stores roots.
            tensors[f"{name}.weight"] = module.gamma_reparam(module.gamma).detach().numpy()
            tensors[f"{name}.bias"] = module.beta_reparam(module.beta).detach().numpy()
        elif hasattr(module, "weight"):
            tensors[f"{name}.weight"] = module.weight.detach().numpy()
            tensors[f"{name}.bias"] = module.bias.detach().numpy()
    config = {"width": net.N, "latents": net.M}
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    return tensors, {"architecture": "bmshj2018-hyperprior", "config": json.dumps(config)}


def rescale(layer, found, mean, std):
    """Changes a layer so that its channels, now with the values `found`, get these means and standard deviations."""
    axis = 1 if isinstance(layer, torch.nn.ConvTranspose2d) else 0
    factor = std / found.std((0, 2, 3))
    layer.bias.copy_((layer.bias - found.mean((0, 2, 3))) * factor + mean)
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    layer.weight.mul_(factor.reshape(shape))


def lively(net, x, generator):
    """Random weights with which latents, scales and pixels of this picture have the magnitudes of a trained model."""
    uniform = lambda shape, low, high: low + (high - low) * torch.rand(shape, generator=generator)
    logarithmic = lambda n, low, high: torch.exp(uniform((n,), math.log(low), math.log(high)))
    for layer in net.modules():
        if hasattr(layer, "gamma_reparam"):
            layer.beta.copy_(layer.beta_reparam.init(uniform((N,), 0.5, 1.5)))
            layer.gamma.copy_(layer.gamma_reparam.init(0.1 * torch.eye(N) + uniform((N, N), 0, 0.02)))
        elif isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) / layer.weight[0].numel() ** 0.5)
            layer.bias.copy_(uniform(layer.bias.shape, -0.1, 0.1))
    bottleneck = net.entropy_bottleneck
    for bias in bottleneck.biases:
        bias.copy_(uniform(bias.shape, -0.5, 0.5))
    medians = uniform((N, 1, 1), -2, 2)
    bottleneck.quantiles.copy_(torch.cat([medians - 6, medians, medians + 8], 2))

    rescale(net.g_a[6], net.g_a(x), uniform((M,), -1, 1), logarithmic(M, 0.3, 20))
    y = net.g_a(x)
    rescale(net.h_a[4], net.h_a(y.abs()), medians.reshape(-1), logarithmic(N, 1, 6))
    z_hat = bottleneck.quantize(net.h_a(y.abs()), "dequantize", medians.reshape(1, N, 1, 1))
    # Without the ReLU at the end, so that no channel stays without a deviation.
    means = logarithmic(M, 0.2, 20)
    rescale(net.h_s[4], net.h_s[:5](z_hat), means, means / 2)
    for layer in (net.g_s[0], net.g_s[2], net.g_s[4]):
        layer.weight.mul_(0.5)
    rescale(net.g_s[6], net.g_s(y.round()), torch.full((3,), 0.5), torch.full((3,), 0.2))
    for layer in net.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            # A weights file holds these in 16 bits.
            layer.weight.copy_(layer.weight.half().float())
            layer.bias.copy_(layer.bias.half().float())


def picture(rng):
    """Slow waves, an edge and noise that grows to the right: bytes [HEIGHT, WIDTH, 3]."""
    i, j = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = 127 + 60 * np.sin(i / 17) * np.cos(j / 23) + 40 * (i + j > 110)
    noise = rng.normal(0, 1, (HEIGHT, WIDTH, 3)) * (j / 5)[:, :, None]
    return np.clip(np.round(waves[:, :, None] + (-20, 0, 25) + noise), 0, 255).astype(np.uint8)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    pixels = picture(np.random.default_rng(16))
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    # As kiln fills up pictures. CompressAI's own programs put zeros on all sides.
    x = F.pad(x, (0, -WIDTH % 64, 0, -HEIGHT % 64), mode="replicate")

    net = ScaleHyperprior(N, M).eval()
    lively(net, x, torch.Generator().manual_seed(16))
    net.update()
    bottleneck, conditional = net.entropy_bottleneck, net.gaussian_conditional
    y = net.g_a(x)
    medians = bottleneck._get_medians().reshape(1, N, 1, 1)
    centred = net.h_a(y.abs()) - medians
    # A symbol of z that another program rounds the other way would change rows all around it.
    assert (centred - centred.floor() - 0.5).abs().min() > 1e-3
    z = bottleneck.quantize(net.h_a(y.abs()), "symbols", medians)
    z_hat = z + medians
    scales = net.h_s(z_hat)
    rows = conditional.build_indexes(scales)
    symbols = conditional.quantize(y, "symbols")
    x_hat = net.g_s(symbols.float())

    # CompressAI itself comes to the same through its own files.
    coded = net.compress(x)
    decoded = net.decompress(coded["strings"], coded["shape"])["x_hat"]
    assert torch.equal(decoded, x_hat.clamp(0, 1))

    tensors, metadata = convert(net)
    for name, value in tensors.items():
        if value.dtype == np.float32 and np.array_equal(value.astype(np.float16).astype(np.float32), value):
            tensors[name] = value.astype(np.float16)
    channels_first = lambda t, dtype: t[0].numpy().astype(dtype)
    cropped = x_hat[:, :, :HEIGHT, :WIDTH]
    assert cropped.abs().max() * X_HAT_STEPS < 1 << 15
    out = {
        "weights": np.frombuffer(save(tensors, metadata=metadata), np.uint8),
        "picture": pixels,
        "y": channels_first(y, np.float32),
        "z": channels_first(z, np.int32),
        "symbols": channels_first(symbols, np.int32),
        "scales": channels_first(scales, np.float32),
        "rows": channels_first(rows, np.int32),
        "x_hat": channels_first((cropped * X_HAT_STEPS).round(), np.int16),
        "bytes": np.array([len(s[0]) for s in coded["strings"][::-1]], np.int32),
    }
    save_file({name: np.ascontiguousarray(value) for name, value in out.items()}, args.out)

    def escapes(values, indexes, model):
        first, literals = model._offset[indexes.long()], model._cdf_length[indexes.long()] - 2
        return int(((values < first) | (values >= first + literals)).sum())

    channels = torch.arange(N).reshape(1, N, 1, 1).expand_as(z)
    print(f"y: {symbols.numel()} symbols, {symbols.unique().numel()} different in {symbols.min()}..{symbols.max()}, "
          f"{(symbols == 0).float().mean():.2f} are 0, {escapes(symbols, rows, conditional)} escapes, "
          f"{rows.unique().numel()} rows")
    print(f"z: {z.numel()} symbols in {z.min()}..{z.max()}, {escapes(z, channels, bottleneck)} escapes")
    print(f"x_hat: {cropped.min():.3f}..{cropped.max():.3f}; {out['bytes'].tolist()} bytes of z and y")
    kilobytes = sum(v.nbytes for v in out.values()) / 1e3
    print(f"{args.out}: weights {out['weights'].nbytes / 1e3:.0f} kB, all {kilobytes:.0f} kB")


if __name__ == "__main__":
    main()
