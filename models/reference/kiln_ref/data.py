"""Pictures as bytes in memory, and random crops of them."""
import glob
import os

import numpy as np
import torch
from PIL import Image

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp")


def load_folder(folder, smallest=256):
    out = []
    for f in sorted(glob.glob(os.path.join(folder, "*"))):
        if f.lower().endswith(EXTENSIONS):
            im = np.array(Image.open(f).convert("RGB"))
            if min(im.shape[:2]) >= smallest:
                out.append(im)
    if not out:
        raise SystemExit(f"no pictures of at least {smallest} pixels a side in {folder}")
    return out


def planes(im, cell, device):
    """A picture [h, w, 3] of bytes, cut to whole cells of `cell` pixels, as the networks read it: [1, 3, h, w] minus 1/2."""
    h, w = im.shape[0] // cell * cell, im.shape[1] // cell * cell
    return torch.from_numpy(im[:h, :w].copy()).to(device).permute(2, 0, 1)[None].float() / 255 - 0.5


def draw(rng, h, w, size):
    """What a crop of a picture is to be: (side to cut, places to choose from by their texture, flip, turn).

    Scaled down at times, and every other time the more textured one of two places.
    """
    scale = rng.uniform(1.0, min(2.0, min(h, w) / size)) if rng.random() < 0.3 else 1.0
    n = int(size * scale)
    places = [(rng.integers(h - n + 1), rng.integers(w - n + 1)) for _ in range(1 + int(rng.random() < 0.5))]
    return n, places, rng.random() < 0.5, rng.random() < 0.5


class HostCrops:
    """Random crops of pictures in the host's memory."""

    def __init__(self, images, device):
        self.images, self.device = images, device

    def _crop(self, size, rng):
        im = self.images[rng.integers(len(self.images))]
        n, places, flip, turn = draw(rng, *im.shape[:2], size)

        def texture(place):
            g = im[place[0]:place[0] + n:4, place[1]:place[1] + n:4, 1].astype(np.float32)
            return np.abs(np.diff(g, axis=0)).mean() + np.abs(np.diff(g, axis=1)).mean()

        i, j = max(places, key=texture)
        c = im[i:i + n, j:j + n]
        if n != size:
            c = np.asarray(Image.fromarray(c).resize((size, size), Image.LANCZOS))
        if flip:
            c = c[:, ::-1]
        return c.transpose(1, 0, 2) if turn else c

    def batch(self, count, size, rng):
        """[count, 3, size, size], pixels minus 1/2."""
        x = np.stack([self._crop(size, rng) for _ in range(count)])
        return torch.from_numpy(x).to(self.device).permute(0, 3, 1, 2).float() / 255 - 0.5


class DeviceCrops:
    """The same as HostCrops, cut on the device from pictures held there as bytes: a GPU must not wait for the host."""

    CELL = 16  # pixels a side of the cells whose texture is known beforehand

    def __init__(self, images, device):
        self.pictures = [torch.from_numpy(im).to(device).permute(2, 0, 1) for im in images]
        self.texture = [self._texture(im) for im in images]

    def _texture(self, im):
        g = im[::4, ::4, 1].astype(np.float32)
        d = np.abs(np.diff(g, axis=0))[:, :-1] + np.abs(np.diff(g, axis=1))[:-1]
        n = self.CELL // 4
        h, w = d.shape[0] // n * n, d.shape[1] // n * n
        return d[:h, :w].reshape(h // n, n, w // n, n).mean((1, 3))

    def batch(self, count, size, rng):
        out = []
        for _ in range(count):
            k = rng.integers(len(self.pictures))
            im, t = self.pictures[k], self.texture[k]
            n, places, flip, turn = draw(rng, *im.shape[1:], size)
            c = self.CELL
            i, j = max(places, key=lambda p: t[p[0] // c:(p[0] + n) // c, p[1] // c:(p[1] + n) // c].mean())
            x = im[:, i:i + n, j:j + n].float()
            if n != size:
                x = torch.nn.functional.interpolate(x[None], (size, size), mode="bicubic", antialias=True)[0].round().clamp(0, 255)
            if flip:
                x = x.flip(2)
            if turn:
                x = x.transpose(1, 2)
            out.append(x)
        return torch.stack(out) / 255 - 0.5


def dct_energy(images, step=12):
    """Mean square of every 16x16 DCT coefficient on opponent colours, pixels in 0..1: [3, 16, 16]."""
    from .model import dct_matrix, opponent
    d, col = dct_matrix(), opponent()
    total, n = 0, 0
    for im in images[::step]:
        h, w = im.shape[0] // 16 * 16, im.shape[1] // 16 * 16
        x = ((im[:h, :w] / 255.0 - 0.5) @ col.T).reshape(h // 16, 16, w // 16, 16, 3)
        c = np.einsum("ui,aibjc,vj->abcuv", d, x, d, optimize=True)
        total = total + (c ** 2).sum((0, 1))
        n += c.shape[0] * c.shape[1]
    return total / n
