"""Our residual U-Net in onnxruntime, timed on request.

Usage: onnx_unet.py FOLDER
Reads FOLDER/net.json (the net's shape), net.safetensors (its weights) and x.raw (float32) with x's shape in net.json;
says its version; then reads a number of threads a line and answers with milliseconds of one pass, and writes the
output of the last pass to FOLDER/theirs.raw. Ends at the end of input.
"""

import json
import struct
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def tensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    body = data[8 + length :]
    return {
        name: np.frombuffer(body[t["data_offsets"][0] : t["data_offsets"][1]], dtype=np.float32).reshape(t["shape"])
        for name, t in header.items()
    }


class Graph:
    def __init__(self, weights):
        self.weights, self.nodes, self.constants, self.count = weights, [], [], 0

    def node(self, kind, inputs, **attributes):
        self.count += 1
        name = f"t{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def layer(self, name, x, stride=1, leaky=False):
        weight = self.weights[f"{name}.weight"]
        w, b = self.constant(weight), self.constant(self.weights[f"{name}.bias"])
        border = [k // 2 for k in weight.shape[2:]]
        # A flat map has depth 1 and stays so.
        strides = [1 if k == 1 and weight.shape[3] > 1 else stride for k in weight.shape[2:]]
        x = self.node("Conv", [x, w, b], kernel_shape=list(weight.shape[2:]), pads=border + border, strides=strides)
        return self.node("LeakyRelu", [x], alpha=0.1) if leaky else x

    def rearranged(self, x, first, order, last):
        x = self.node("Reshape", [x, self.constant(np.array(first, dtype=np.int64))])
        x = self.node("Transpose", [x], perm=order)
        return self.node("Reshape", [x, self.constant(np.array(last, dtype=np.int64))])


def build(shape, weights, dims):
    g = Graph(weights)
    n, c, d, h, w = dims
    flat, fold, levels = shape["dimensions"] == 2, shape["fold"], len(shape["widths"])
    x = "x"
    if fold and flat:
        x = g.rearranged(x, [n, c, h // 2, 2, w // 2, 2], [0, 1, 3, 5, 2, 4], [n, 4 * c, 1, h // 2, w // 2])
    elif fold:
        split = [n, c, d // 2, 2, h // 2, 2, w // 2, 2]
        x = g.rearranged(x, split, [0, 1, 3, 5, 7, 2, 4, 6], [n, 8 * c, d // 2, h // 2, w // 2])
    x = g.layer("stem", x, leaky=True)

    def blocks(way, level, x):
        for b in range(shape["blocks"]):
            name = f"{way}{level}.block{b}"
            x = g.node("Add", [x, g.layer(f"{name}.b", g.layer(f"{name}.a", x, leaky=True))])
        return x

    kept = []
    for level in range(levels):
        x = blocks("down", level, x)
        if level + 1 < levels:
            kept.append(x)
            x = g.layer(f"step{level}", x, stride=2, leaky=True)
    none = g.constant(np.array([], dtype=np.float32))
    scales = g.constant(np.array([1, 1, 1 if flat else 2, 2, 2], dtype=np.float32))
    for level in reversed(range(levels - 1)):
        x = g.layer(f"join{level}", x)
        x = g.node("Resize", [x, none, scales], mode="linear", coordinate_transformation_mode="half_pixel")
        x = blocks("up", level, g.node("Add", [x, kept[level]]))
    x = g.layer("head", x)
    o = shape["outputs"]
    if fold and flat:
        x = g.rearranged(x, [n, o, 2, 2, h // 2, w // 2], [0, 1, 4, 2, 5, 3], [n, o, 1, h, w])
    elif fold:
        split = [n, o, 2, 2, 2, d // 2, h // 2, w // 2]
        x = g.rearranged(x, split, [0, 1, 5, 2, 6, 3, 7, 4], [n, o, d, h, w])
    graph = helper.make_graph(
        g.nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [n, o, d, h, w])],
        g.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def main():
    folder = Path(sys.argv[1])
    about = json.loads((folder / "net.json").read_text())
    model = build(about["shape"], tensors(folder / "net.safetensors"), about["x"])
    x = np.fromfile(folder / "x.raw", dtype=np.float32).reshape(about["x"])
    print("onnxruntime", onnxruntime.__version__, flush=True)
    sessions = {}
    for line in sys.stdin:
        threads = int(line)
        if threads not in sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            sessions[threads] = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        start = time.perf_counter()
        (out,) = sessions[threads].run(None, {"x": x})
        milliseconds = 1e3 * (time.perf_counter() - start)
        # Before the answer: the other side reads the file when it has it.
        np.ascontiguousarray(out).tofile(folder / "theirs.raw")
        print(milliseconds, flush=True)


main()
