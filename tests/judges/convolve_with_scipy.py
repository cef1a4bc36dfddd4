"""A convolution and its gradients by scipy, in double precision.

Usage: convolve_with_scipy.py FOLDER
Reads FOLDER/case.json ({"x": shape, "weight": shape, "stride": n}) and x, weight, bias, pull (raw float32); writes out,
by_x, by_weight and by_bias (raw float64): the value, and the gradients of sum(value * pull).
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.signal import convolve, correlate


def main():
    folder = Path(sys.argv[1])
    case = json.loads((folder / "case.json").read_text())
    read = lambda name, shape: np.fromfile(folder / name, dtype=np.float32).astype(np.float64).reshape(shape)
    x, weight = read("x", case["x"]), read("weight", case["weight"])
    bias = read("bias", [weight.shape[0]])
    border = [k // 2 for k in weight.shape[2:]]
    step = [case["stride"] if n > 1 else 1 for n in x.shape[2:]]
    kept = tuple(slice(None, None, s) for s in step)
    padded = np.pad(x, [(0, 0), (0, 0)] + [(b, b) for b in border])
    full = np.zeros((x.shape[0], weight.shape[0]) + x.shape[2:])
    for n in range(x.shape[0]):
        for o in range(weight.shape[0]):
            for i in range(x.shape[1]):
                full[n, o] += correlate(padded[n, i], weight[o, i], mode="valid", method="direct")
            full[n, o] += bias[o]
    out = full[(slice(None), slice(None)) + kept]
    pull = read("pull", out.shape)
    wide = np.zeros_like(full)
    wide[(slice(None), slice(None)) + kept] = pull
    by_x, by_weight = np.zeros_like(x), np.zeros_like(weight)
    inner = tuple(slice(b, b + n) for b, n in zip(border, x.shape[2:]))
    for n in range(x.shape[0]):
        for o in range(weight.shape[0]):
            for i in range(x.shape[1]):
                by_x[n, i] += convolve(wide[n, o], weight[o, i], mode="full", method="direct")[inner]
                by_weight[o, i] += correlate(padded[n, i], wide[n, o], mode="valid", method="direct")
    for name, values in [("out", out), ("by_x", by_x), ("by_weight", by_weight), ("by_bias", pull.sum((0, 2, 3, 4)))]:
        np.ascontiguousarray(values).tofile(folder / name)


main()
