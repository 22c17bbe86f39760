#!/usr/bin/env python3
"""Train the base model: warm-up, stable, decay. Time-boxed and resumable.

    python train.py --data PHOTOS --valid PHOTOS --out RUN --minutes 60 --decay-minutes 15 [--resume RUN/stable.pt | checkpoints/base.safetensors]

RUN/stable.pt     the state to resume from (weights and optimiser), rewritten every few minutes and before the decay
RUN/decayed.pt    the weights to export
RUN/curve.csv     step, minutes, lr, loss, bits per pixel and PSNR on the validation pictures (estimated bits)
`touch RUN/decay` starts the decay branch early. Runs on CUDA (bf16) when there is one, else on the CPU.
"""
import argparse
import csv
import math
import os
import time

import numpy as np
import torch

from kiln_ref import checkpoint, data, trellis
from kiln_ref.evaluate import evaluate
from kiln_ref.model import Codec, lambda_of
from kiln_ref.tables import SymbolTables

COUNT_EVERY, REFRESH_EVERY = 4, 100   # steps between two counts of symbols, and between two uses of what was counted


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--valid", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--decay-minutes", type=float, default=15)
    p.add_argument("--resume")
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--crop", type=int, default=128)
    p.add_argument("--last-crop", type=int, help="crop size once the learning rate has fallen to 0.4, with as many pixels (and half more) a step")
    p.add_argument("--tables", action="store_true", help="quantise as the encoder does and count the tables of y: for runs that go on from trained weights")
    p.add_argument("--only", help="train the entropy networks whose names begin so (context.0, say) and leave everything else as it is")
    p.add_argument("--fresh", help="parameters whose names begin so are new: three times the learning rate")
    p.add_argument("--balance", type=float, default=0.5, help="a level's loss is divided by this power of its lambda: more than 0.5 favours low levels")
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--linear-pace", type=float, default=0.3, help="learning rate of the linear branches, as a share of --lr")
    p.add_argument("--muon", type=float, default=0.0, help="learning rate of Muon for the float matrices (0: AdamW for all)")
    p.add_argument("--soap", action="store_true", help="SOAP for all matrices but the linear branches, AdamW for the rest")
    p.add_argument("--warmup", type=int, default=300)
    p.add_argument("--crops", choices=("host", "device"), help="where crops are cut (default: on the device if it is CUDA)")
    p.add_argument("--width", type=int, help="channels at 1/8 of a new model (default: as in model.CONFIG; so the next two)")
    p.add_argument("--analysis-blocks", type=int, help="also with --resume, which then appends blocks that add nothing at first")
    p.add_argument("--synthesis-blocks", type=int)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--eval-minutes", type=float, default=5)
    p.add_argument("--no-bf16", action="store_true")
    args = p.parse_args()
    if args.soap and args.muon:
        p.error("--soap and --muon are two optimisers for the same matrices: choose one")
    return args


def grown(state, args):
    """The model of a checkpoint, with as many blocks more as asked for. New blocks add nothing at first."""
    blocks = {k: getattr(args, k) for k in ("analysis_blocks", "synthesis_blocks") if getattr(args, k)}
    net = Codec({**state["config"], **blocks})
    missing, unexpected = net.load_state_dict(state["net"], strict=False)
    if unexpected:
        raise SystemExit(f"the checkpoint has more than the model asked for: {unexpected[0]}")
    if other := [name for name in missing if ".blocks." not in name]:
        raise SystemExit(f"the checkpoint is of another architecture: it has no {other[0]}")
    for name, p in net.named_parameters():
        if name in missing and name.endswith((".b.weight", ".f2.weight")):
            torch.nn.init.zeros_(p)
    if missing:
        state["opt"] = None  # what the optimiser remembers is of fewer parameters
    return net


# SOAP: sides of a matrix above the first number stay as they are; steps between two turns of the bases.
SOAP_SIDE, SOAP_TURN = 520, 50


class Optimisers:
    """AdamW, with Muon for the matrices of the float transforms, or SOAP for matrices in general, where asked for."""

    def __init__(self, net, args):
        muon, soap, adam, linear, fresh = [], [], [], [], []
        for name, p in net.named_parameters():
            matrix = p.ndim == 2 and name.endswith("weight")
            if args.only and not name.startswith(args.only):
                p.requires_grad_(False)
            elif args.fresh and name.startswith(args.fresh):
                fresh.append(p)
            elif ".linear." in name:
                linear.append(p)
            elif args.soap and matrix:
                soap.append(p)
            elif args.muon and matrix and min(p.shape) >= 64 and name.startswith(("g_a", "g_s")):
                muon.append(p)
            else:
                adam.append(p)
        # The linear branches carry the picture: the noise of their steps bounds the quality of the highest levels.
        groups = [dict(params=p, pace=pace) for p, pace in ((adam, 1.0), (linear, args.linear_pace), (fresh, 3.0)) if p]
        self.all = [torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.0, fused=True)]
        self.base = [args.lr]
        if muon:
            self.all.append(torch.optim.Muon(muon, lr=args.muon, weight_decay=0.0, momentum=0.95, ns_steps=5))
            self.base.append(args.muon)
        if soap:
            # Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam" (2024).
            from pytorch_optimizer import SOAP
            self.all.append(SOAP(soap, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.0, precondition_frequency=SOAP_TURN,
                                 max_precondition_dim=SOAP_SIDE))
            self.base.append(args.lr)

    def set(self, factor):
        for o, lr in zip(self.all, self.base):
            for g in o.param_groups:
                g["lr"] = lr * factor * g.get("pace", 1.0)

    def step(self):
        for o in self.all:
            o.step()

    def zero(self):
        for o in self.all:
            o.zero_grad(set_to_none=True)


def main():
    args = parse()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    os.makedirs(args.out, exist_ok=True)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    images = data.load_folder(args.data)
    valid = data.load_folder(args.valid)
    if args.resume:
        state = checkpoint.load(args.resume)
        net = grown(state, args)
    else:
        state = None
        sizes = {k: getattr(args, k) for k in ("width", "analysis_blocks", "synthesis_blocks") if getattr(args, k)}
        net = Codec(sizes, energy=data.dct_energy(images))
    if args.only:
        chosen = [n for n, _ in net.named_parameters() if n.startswith(args.only)]
        if not chosen or not all(n.startswith(("h_a.", "h_s.", "context.", "z_scale.")) for n in chosen):
            raise SystemExit(f"--only {args.only}: not a name of entropy networks alone")
    net = net.to(device, memory_format=torch.channels_last)
    on_device = args.crops == "device" or (args.crops is None and device == "cuda")
    crops = (data.DeviceCrops if on_device else data.HostCrops)(images, device)
    opt = Optimisers(net, args)
    tables = SymbolTables(trellis.QUICK).to(device) if args.tables else None
    step, spent = 0, 0.0
    if state:
        step, spent = state["step"], state["minutes"]
        for o, s in zip(opt.all, state["opt"] or []):
            o.load_state_dict(s)
        rng = np.random.default_rng(args.seed + step)
        # Counts made before there were two quantisers are of no use.
        if tables is not None and "tables" in state and state["tables"].shape == tables.counts.shape:
            tables.counts.copy_(state["tables"])
            tables.refresh()
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, {len(images)} pictures, {device}", flush=True)

    def save(name, with_opt=True):
        s = dict(config=net.config, net=net.state_dict(), step=step, minutes=spent + (time.time() - start) / 60)
        if tables is not None:
            s["tables"] = tables.counts
        if with_opt:
            s["opt"] = [o.state_dict() for o in opt.all]
        torch.save(s, os.path.join(args.out, name + ".tmp"))
        os.replace(os.path.join(args.out, name + ".tmp"), os.path.join(args.out, name))

    curve = os.path.join(args.out, "curve.csv")
    fresh = not os.path.exists(curve)
    log = open(curve, "a", newline="")
    writer = csv.writer(log)
    if fresh:
        writer.writerow(["step", "minutes", "lr_factor", "loss"] + [f"{k}_{q}" for q in (4, 24, 44, 63) for k in ("bpp", "psnr")])
    start = time.time()
    decay_from, last_eval, average = None, 0.0, None
    # Warm-up: from the start, and again where the optimiser's memory was not kept.
    warm_from = step if not (state and state["opt"]) else -args.warmup
    flag = os.path.join(args.out, "decay")
    while True:
        minutes = (time.time() - start) / 60
        if decay_from is None and (minutes >= args.minutes - args.decay_minutes or os.path.exists(flag)):
            decay_from = minutes
            save("stable.pt")
        factor = min(1.0, (step - warm_from + 1) / args.warmup)
        if decay_from is not None:
            left = 1 - (minutes - decay_from) / args.decay_minutes
            if left <= 0:
                break
            factor *= 0.01 + 0.99 * left
        opt.set(factor)
        batch, crop = args.batch, args.crop
        if args.last_crop and decay_from is not None and left < 0.4:
            batch, crop = max(1, round(1.5 * batch * (crop / args.last_crop) ** 2)), args.last_crop
        x = crops.batch(batch, crop, rng).to(memory_format=torch.channels_last)
        # One level from each of as many equal parts of their range: uniform, with less noise than independent ones.
        q = ((torch.arange(batch, device=device) + torch.rand(batch, device=device)) * (net.config["levels"] / batch)).long().clamp_(max=net.config["levels"] - 1)
        x_hat, y_bits, z_bits, found = net(x, q, bf16=not args.no_bf16, tables=tables, rate_only=bool(args.only))
        if tables is not None and step % COUNT_EVERY == 0:
            tables.count(found.symbol, found.quantiser, found.row.detach())
        bpp = (y_bits + z_bits) / crop ** 2
        mse = 0.0 if x_hat is None else ((x_hat - x) ** 2).mean((1, 2, 3)) * 65025
        lam = lambda_of(q)
        # Divided by a power of lambda so that no level drowns the others.
        loss = ((bpp + lam * mse) / lam ** args.balance).mean() * 0.1
        opt.zero()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        if torch.isfinite(norm):
            opt.step()
        step += 1
        if tables is not None and step % REFRESH_EVERY == 0:
            tables.refresh()
        if step % 50 == 0:
            value = loss.item()
            average = value if average is None else 0.95 * average + 0.05 * value
        if step % 500 == 0:
            print(f"{step} {minutes:.1f} min loss {average:.4f} lr x{factor:.3f}", flush=True)
        if minutes - last_eval >= args.eval_minutes:
            last_eval = minutes
            points = evaluate(net, valid[::8], (4, 24, 44, 63), tables)
            writer.writerow([step, f"{spent + minutes:.1f}", f"{factor:.3f}", f"{average or 0:.4f}"] + [f"{v:.4f}" for p in points for v in p[1:]])
            log.flush()
            print("valid", step, points, flush=True)
            if decay_from is None:
                save("stable.pt")
    points = evaluate(net, valid[::8], (4, 24, 44, 63), tables)
    writer.writerow([step, f"{spent + (time.time() - start) / 60:.1f}", "0.000", f"{average or 0:.4f}"] + [f"{v:.4f}" for p in points for v in p[1:]])
    log.close()
    save("decayed.pt", with_opt=False)
    print("decayed", step, points, flush=True)


if __name__ == "__main__":
    main()
