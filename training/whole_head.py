"""A residual U-Net of published size on whole heads, in cells of 4 mm: what it knows of missing bone that the program's
answer (the field of docs/reconstruction.md) does not. An experiment; nothing of it ships.

    CALVARIA_WHOLE_HEADS=CELLS cargo test --release --lib -- --ignored cells_of_whole_heads
    python training/whole_head.py CELLS OUT --start field     # corrects the field's answer
    python training/whole_head.py CELLS OUT --start nothing   # makes the bone from the defective head alone

CELLS holds atlas/ (trained on), ten/ (looked at while training; the share of the answer is chosen there) and held-out/
(asked once, at the end). A run that was stopped goes on from OUT/checkpoint.pt.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file
from torch import nn

DIMS = (48, 64, 48)  # z, y, x
CELL_MM = 4.0
FIRST_MM = (-98.0, -126.0, -94.0)  # z, y, x of the first cell's middle: src/train/whole_heads.rs
CHANNELS = ("bone", "other", "hole", "field", "sd", "fade", "whole")
BONE, OTHER, HOLE, FIELD, SD, FADE, WHOLE = range(7)
NEAR_MM = 7.0  # only bone this near to the field's tables is compared
SOFT_MM = 1.0  # a cell this far from the surface in its middle keeps a quarter of its bone
WIDTHS = (64, 128, 256, 384)
BATCH, RATE, WARM_UP, DECAY, CLIP, SEED = 2, 6e-4, 100, 0.02, 1.0, 7
SHARES = [k / 20 for k in range(21)]


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a, self.b = (nn.Conv3d(width, width, 3, padding=1) for _ in range(2))
        self.na, self.nb = (nn.GroupNorm(8, width) for _ in range(2))

    def forward(self, x):
        return F.leaky_relu(x + self.nb(self.b(F.leaky_relu(self.na(self.a(x)), 0.1))), 0.1)


class Net(nn.Module):
    """Cells of 2×2×2 become channels; four levels down to 32 mm, whose deepest kernels see the whole head."""

    def __init__(self, inputs):
        super().__init__()
        pairs = list(zip(WIDTHS, WIDTHS[1:]))
        self.stem = nn.Conv3d(8 * inputs, WIDTHS[0], 3, padding=1)
        self.down = nn.ModuleList(Block(w) for w in WIDTHS)
        self.step = nn.ModuleList(nn.Conv3d(a, b, 2, stride=2) for a, b in pairs)
        self.join = nn.ModuleList(nn.Conv3d(b, a, 1) for a, b in pairs)
        self.up = nn.ModuleList(Block(w) for w in WIDTHS[:-1])
        self.head = nn.Conv3d(WIDTHS[0], 8, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, 0.1)
                nn.init.zeros_(module.bias)
        nn.init.zeros_(self.head.weight)  # the untrained net changes nothing

    def forward(self, x):
        n, c, d, h, w = x.shape
        x = x.reshape(n, c, d // 2, 2, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 7, 2, 4, 6)
        x = F.leaky_relu(self.stem(x.reshape(n, 8 * c, d // 2, h // 2, w // 2)), 0.1)
        kept = []
        for level, block in enumerate(self.down):
            x = block(x)
            if level < len(self.step):
                kept.append(x)
                x = self.step[level](x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](F.interpolate(self.join[level](x), scale_factor=2, mode="nearest") + kept[level])
        x = self.head(x).reshape(n, 1, 2, 2, 2, d // 2, h // 2, w // 2).permute(0, 1, 5, 2, 6, 3, 7, 4)
        return x.reshape(n, d, h, w)


def heads(cells, part):
    """Holes of each head, `[hole][channel][z][y][x]`, kept as half floats beside the cells."""
    found = {}
    for file in sorted((cells / part).glob("*.safetensors")):
        half = file.with_suffix(".half.npy")
        if not half.exists():
            arrays = load_file(file)
            views = np.stack([arrays[name].reshape(-1, *DIMS) for name in CHANNELS], 1)
            assert np.isfinite(views).all(), file
            np.save(half.with_suffix(".part.npy"), views.astype(np.float16))
            os.replace(half.with_suffix(".part.npy"), half)
        found[file.stem] = np.load(half, mmap_mode="r")
    return found


AXES = [torch.arange(n, dtype=torch.float32) * CELL_MM + first for n, first in zip(DIMS, FIRST_MM)]
Z, Y, X = torch.meshgrid(*AXES, indexing="ij")
PLACE = torch.stack([X.abs(), Y, Z]) / 100.0
UNIT = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, n) for n in DIMS], indexing="ij")[::-1], -1)
SPAN_MM = torch.tensor([(n - 1) * CELL_MM / 2 for n in DIMS[::-1]])


def warped(view, rng):
    """Turned by up to 15° about any axis, zoomed by up to 8 %, bent by 3 mm (knots 24 mm apart), all channels together."""
    axis = rng.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    angle, zoom = np.deg2rad(rng.uniform(-15, 15)), rng.uniform(0.92, 1.08)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = torch.tensor(np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k, dtype=torch.float32)
    knots = torch.tensor(rng.normal(size=(1, 3, 9, 12, 9)), dtype=torch.float32) * 3.0
    bend = F.interpolate(knots, size=DIMS, mode="trilinear", align_corners=True)[0].permute(1, 2, 3, 0)
    at = ((UNIT * SPAN_MM) @ turn.T / zoom + bend) / SPAN_MM
    view = F.grid_sample(view[None], at[None], mode="bilinear", padding_mode="border", align_corners=True)[0]
    view[FIELD : SD + 1] *= zoom
    return view


def sample(training, step, number):
    rng = np.random.default_rng([SEED, step, number])
    holes = training[rng.integers(len(training))]
    view = torch.from_numpy(holes[rng.integers(len(holes))].astype(np.float32))
    if rng.random() < 0.5:
        view = view.flip(-1)
    return warped(view, rng) if rng.random() < 0.7 else view


class Start:
    """What the network is shown, and what its answer means."""

    def __init__(self, field):
        self.field = field
        self.inputs = 8 if field else 6

    def shown(self, view):
        place = PLACE[None].expand(view.shape[0], -1, -1, -1, -1)
        seen = [view[:, : HOLE + 1]]
        if self.field:
            seen += [view[:, FIELD : FIELD + 1] / 4, view[:, SD : SD + 1] / 2]
        return torch.cat([*seen, place], 1).contiguous(memory_format=torch.channels_last_3d)

    def logit(self, out, view):
        return -(view[:, FIELD] + view[:, FADE] * out) / SOFT_MM if self.field else out

    def loss(self, out, view):
        """Cross entropy and one less the soft Dice of the share of bone that is missing in the hole."""
        weight, whole, logit = asked(view, self.field), view[:, WHOLE], self.logit(out, view)
        entropy = (F.binary_cross_entropy_with_logits(logit, whole, reduction="none") * weight).sum()
        made = torch.sigmoid(logit)
        over = lambda t: (t * weight).flatten(1).sum(1)
        dice = (2 * over(made * whole) + 1) / (over(made * made) + over(whole * whole) + 1)
        return entropy / weight.sum().clamp(min=1) + (1 - dice).mean()

    def dices(self, out, view):
        """Dice of the missing bone near the field's tables (shares as weights), by the share of the network's answer."""
        weight, whole, field = asked(view, True), view[:, WHOLE], view[:, FIELD]
        start = (0.5 - field / CELL_MM).clamp(0, 1)
        for share in SHARES:
            if self.field:
                made = (0.5 - (field + share * view[:, FADE] * out) / CELL_MM).clamp(0, 1)
            else:
                made = (1 - share) * start + share * torch.sigmoid(out)
            both = (weight * torch.minimum(made, whole)).sum()
            yield (2 * both / (weight * (made + whole)).sum().clamp(min=1e-9)).item()


def asked(view, near):
    weight = (view[:, HOLE] >= 0.5) * (1 - view[:, BONE]).clamp(0, 1)
    return weight * (view[:, FIELD] < NEAR_MM) if near else weight


def look(start, weights, asked_heads, every):
    """Mean loss, and for every hole the head and the Dice by share."""
    net = Net(start.inputs).to(memory_format=torch.channels_last_3d)
    net.load_state_dict(weights)
    losses, rows = [], []
    with torch.no_grad():
        for name, holes in asked_heads.items():
            for hole in holes[::every]:
                view = torch.from_numpy(hole.astype(np.float32))[None]
                with torch.autocast("cpu", torch.bfloat16):
                    out = net(start.shown(view))
                losses.append(start.loss(out.float(), view).item())
                rows.append((name, asked(view, True).sum().item(), list(start.dices(out.float(), view))))
    return float(np.mean(losses)), rows


def told(rows, share):
    """Dice by the field, with a share of the answer and with all of it; the gain's standard error is by head."""
    dice = np.array([row[2] for row in rows])
    gain = dice[:, share] - dice[:, 0]
    names = np.array([row[0] for row in rows])
    by_head = np.array([gain[names == name].mean() for name in np.unique(names)])
    error = by_head.std(ddof=1) / np.sqrt(len(by_head))
    return (
        f"{len(rows)} holes in {len(by_head)} heads: field {dice[:, 0].mean():.4f}, whole answer {dice[:, -1].mean():.4f}, "
        f"share {SHARES[share]:.2f} {dice[:, share].mean():.4f} ({gain.mean():+.4f} ± {error:.4f})"
    )


def main():
    words = argparse.ArgumentParser()
    words.add_argument("cells", type=Path)
    words.add_argument("out", type=Path)
    words.add_argument("--start", choices=("field", "nothing"), required=True)
    words.add_argument("--steps", type=int, default=4000)
    words.add_argument("--threads", type=int, default=1)
    given = words.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(SEED)
    given.out.mkdir(parents=True, exist_ok=True)
    start = Start(given.start == "field")
    training, ten = (heads(given.cells, part) for part in ("atlas", "ten"))
    holes = list(training.values())
    net = Net(start.inputs).to(memory_format=torch.channels_last_3d)
    print(f"{sum(p.numel() for p in net.parameters())} weights, {sum(map(len, holes))} holes in {len(holes)} heads", flush=True)
    steps = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    mean = {name: value.detach().clone() for name, value in net.state_dict().items()}
    done, curve, running = 0, [], []
    checkpoint = given.out / "checkpoint.pt"
    if checkpoint.exists():
        kept = torch.load(checkpoint)
        net.load_state_dict(kept["net"])
        steps.load_state_dict(kept["steps"])
        mean, done, curve, running = kept["mean"], kept["done"], kept["curve"], kept["running"]
    began = time.monotonic()
    while done < given.steps:
        along = (done - WARM_UP) / max(1, given.steps - WARM_UP)
        cosine = 0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * max(0.0, along)))
        for group in steps.param_groups:
            group["lr"] = RATE * min(cosine, (done + 1) / WARM_UP)
        view = torch.stack([sample(holes, done, number) for number in range(BATCH)])
        with torch.autocast("cpu", torch.bfloat16):
            out = net(start.shown(view))
        loss = start.loss(out.float(), view)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        steps.step()
        steps.zero_grad()
        done += 1
        running.append(loss.item())
        keep = min(0.999, (1 + done) / (10 + done))
        with torch.no_grad():
            for name, value in net.state_dict().items():
                mean[name].mul_(keep).add_(value, alpha=1 - keep)
        if done == 100 or done % 400 == 0 or done == given.steps:
            validation, rows = look(start, mean, ten, 4)
            curve.append((done, float(np.mean(running)), validation))
            running = []
            share = int(np.mean([row[2] for row in rows], 0).argmax())
            print(f"{done} {time.monotonic() - began:.0f} s: loss {curve[-1][1]:.4f} → {validation:.4f}; {told(rows, share)}", flush=True)
            kept = dict(net=net.state_dict(), steps=steps.state_dict(), mean=mean, done=done, curve=curve, running=running)
            torch.save(kept, checkpoint.with_suffix(".part"))
            os.replace(checkpoint.with_suffix(".part"), checkpoint)
    _, rows = look(start, mean, ten, 1)
    share = int(np.mean([row[2] for row in rows], 0).argmax())
    _, asked_once = look(start, mean, heads(given.cells, "held-out"), 1)
    print("the ten,", told(rows, share), flush=True)
    print("held out,", told(asked_once, share), flush=True)
    (given.out / "scores.json").write_text(json.dumps(dict(curve=curve, share=SHARES[share], ten=rows, held_out=asked_once)))


if __name__ == "__main__":
    main()
