#!/usr/bin/env python3
"""Write the weights file that the Rust crate runs, and fixtures for its parity tests.

    python export.py --checkpoint RUN/decayed.pt --data PHOTOS --out ../weights/base.safetensors [--fixtures ../tests/fixtures]
"""
import argparse
import os
from pathlib import Path

import torch
from safetensors.numpy import save_file

from kiln_ref import checkpoint, data
from kiln_ref.export import export
from kiln_ref.fixtures import write_fixtures
from kiln_ref.model import Codec
from kiln_ref.tables import SymbolTables

KEPT = Path(__file__).parent / "checkpoints" / "base.safetensors"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--checkpoint", required=True)
    p.add_argument("--data", required=True, help="training photographs: tables of z are counted on every fourth, those of y on every twelfth")
    p.add_argument("--out", required=True)
    p.add_argument("--fixtures", help="folder for the parity fixtures")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--keep", metavar="CHECKPOINT.pt", help="also write the weights of this checkpoint, small, beside this script: the next run goes on from them")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    if args.keep:
        os.makedirs(KEPT.parent, exist_ok=True)
        checkpoint.save_small(checkpoint.load(args.keep), str(KEPT))
    state = checkpoint.load(args.checkpoint)
    net = Codec(state["config"])
    net.load_state_dict(state["net"])
    tables = None
    if "tables" in state:
        tables = SymbolTables()
        if state["tables"].shape != tables.counts.shape:
            raise SystemExit("the checkpoint counted symbols of one quantiser: train on with --tables")
        tables.counts.copy_(state["tables"])
        tables.refresh()
    tensors, meta = export(net, data.load_folder(args.data)[::4], tables)
    save_file(tensors, args.out, metadata=meta)
    print(f"{args.out}: {len(tensors)} tensors, {sum(t.nbytes for t in tensors.values()) / 1e6:.2f} MB, step {state['step']}")
    if args.fixtures:
        write_fixtures(net, tensors, args.fixtures)


if __name__ == "__main__":
    main()
