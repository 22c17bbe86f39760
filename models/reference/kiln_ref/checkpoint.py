"""Checkpoints: whole ones (weights and optimiser) between runs on one machine, small ones to keep with the sources."""
import json

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file


def load(path):
    """{config, net, step, minutes, opt or None} of a `.pt` file, or of a small `.safetensors` one."""
    if not path.endswith(".safetensors"):
        return dict({"opt": None}, **torch.load(path, map_location="cpu", weights_only=True))
    with safe_open(path, "np") as f:
        meta = f.metadata()
        net = {k: torch.from_numpy(f.get_tensor(k).astype(np.float32)) for k in f.keys()}
    return dict(config=json.loads(meta["config"]), net=net, step=int(meta["step"]), minutes=float(meta["minutes"]), opt=None)


def save_small(state, path):
    """Weights alone: matrices as f16, the rest (biases, gains, levels) as f32."""
    tensors = {}
    for name, t in state["net"].items():
        wide = t.ndim == 2 and name.endswith("weight")
        tensors[name] = t.cpu().numpy().astype(np.float16 if wide else np.float32)
    meta = dict(config=json.dumps(state["config"], sort_keys=True), step=str(state["step"]), minutes=f"{state['minutes']:.1f}")
    save_file(tensors, path, metadata=meta)
