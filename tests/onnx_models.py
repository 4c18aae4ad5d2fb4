"""Random ONNX files with recurrent layers in all the forms that exporters write, and what is in them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


class Builder:
    """Nodes and weights of a graph."""

    def __init__(self, rng, prefix="", weights=None):
        self.rng, self.prefix = rng, prefix
        self.nodes, self.weights, self.count = [], {} if weights is None else weights, 0

    def inner(self, name):
        """A graph inside of a node, its weights those of the whole."""
        return Builder(self.rng, f"{self.prefix}{name}.", self.weights)

    def fresh(self, stem="v"):
        self.count += 1
        return f"{self.prefix}{stem}{self.count}"

    def op(self, kind, *inputs, outputs=1, domain="", **attributes):
        names = [self.fresh(kind.lower()) for _ in range(outputs)]
        self.nodes.append(
            helper.make_node(kind, list(inputs), names, name=self.fresh(kind), domain=domain, **attributes)
        )
        return names[0] if outputs == 1 else names

    def const(self, values, dtype=np.int64):
        array = np.asarray(values, dtype)
        name = f"k{len(self.weights)}"
        self.weights[name] = numpy_helper.from_array(array, name)
        return name

    def weight(self, name, *shape):
        """Weights of a shape: an initializer, a constant, dequantized, a slice or a transpose of another."""
        form = self.rng.choice(["initializer", "constant", "int8", "slice", "transpose"])
        random_floats = np.random.default_rng(self.rng.randrange(2**32)).standard_normal
        if form == "constant":
            out = f"{self.prefix}{name}"
            self.nodes.append(
                helper.make_node(
                    "Constant", [], [out], value=numpy_helper.from_array(random_floats(shape).astype("f4"))
                )
            )
            return out
        if form == "int8":
            self.weights[name] = numpy_helper.from_array((random_floats(shape) * 20).astype("i1"), name)
            return self.op("DequantizeLinear", name, self.const(0.05, "f4"), self.const(0, "i1"))
        if form == "slice":
            whole = (shape[0] + 3, *shape[1:])
            self.weights[name] = numpy_helper.from_array(random_floats(whole).astype("f4"), name)
            return self.op("Slice", name, self.const([2]), self.const([2 + shape[0]]), self.const([0]))
        if form == "transpose" and len(shape) > 1:
            self.weights[name] = numpy_helper.from_array(random_floats(shape[::-1]).astype("f4"), name)
            return self.op("Transpose", name, perm=list(range(len(shape)))[::-1])
        self.weights[name] = numpy_helper.from_array(random_floats(shape).astype("f4"), name)
        return name

    def product(self, x, name, size, rows):
        """W x + b, W being kept either way."""
        form = self.rng.choice(["gemm", "gemm", "matmul", "matmul_t"])
        if form == "gemm":
            return self.op("Gemm", x, self.weight(name, rows, size), self.weight(f"{name}_b", rows), transB=1)
        w = self.weight(name, size, rows) if form == "matmul" else self.op("Transpose", self.weight(name, rows, size))
        made = self.op("MatMul", x, w)
        return self.op("Add", made, self.weight(f"{name}_b", rows)) if self.rng.random() < 0.5 else made


@dataclass
class Drawn:
    """A layer as it was drawn, and what of it an import has to say."""

    cell: str
    input_size: int
    hidden_size: int
    bidirectional: bool = False
    projection_size: int | None = None
    peephole: bool = False
    linear_before_reset: bool = True
    merge: str = "concat"
    expected: dict = field(default_factory=dict)

    @property
    def output_size(self):
        size = self.projection_size or self.hidden_size
        return size * 2 if self.bidirectional and self.merge == "concat" else size


class Cell:
    """The step of a cell written out, its choices drawn once and used in each step."""

    def __init__(self, rng, layer, name):
        self.layer, self.name = layer, name
        self.order = rng.sample(
            {"lstm": "ifgo", "gru": "rz", "rnn": "h"}[layer.cell],
            k=len({"lstm": "ifgo", "gru": "rz", "rnn": "h"}[layer.cell]),
        )
        self.fused, self.apart, self.stacked = rng.random() < 0.4, rng.random() < 0.3, rng.random() < 0.5
        self.update, self.cut = rng.randrange(4), rng.choice(["split", "slice"])
        self.x_first = rng.random() < 0.5
        self.seed = rng.randrange(2**32)
        self.made = {}

    def state_sizes(self):
        layer = self.layer
        return [layer.projection_size or layer.hidden_size] + [layer.hidden_size] * (layer.cell == "lstm")

    def gates(self, b, x, h, names, tag):
        """The sums of some gates, each a name."""
        layer = self.layer
        size, kept, rows = layer.input_size, self.state_sizes()[0], layer.hidden_size
        groups = [[name] for name in names] if self.apart else [names]
        sums = {}
        for group in groups:
            key = f"{self.name}.{tag}{''.join(group)}"
            if self.fused:
                parts = [x, h] if self.x_first else [h, x]
                total = b.product(b.op("Concat", *parts, axis=-1), key, size + kept, rows * len(group))
            else:
                total = b.op(
                    "Add",
                    b.product(x, f"{key}.ih", size, rows * len(group)),
                    b.product(h, f"{key}.hh", kept, rows * len(group)),
                )
            sums.update(zip(group, self.pieces(b, total, len(group)), strict=True))
        return sums

    def pieces(self, b, total, count):
        rows = self.layer.hidden_size
        if count == 1:
            return [total]
        if self.cut == "split":
            return b.op("Split", total, b.const([rows] * count), outputs=count, axis=-1)
        return [
            b.op("Slice", total, b.const([k * rows]), b.const([(k + 1) * rows]), b.const([-1])) for k in range(count)
        ]

    def step(self, b, x, states):
        """The states after a step; all steps multiply the same weights."""
        b.rng = random.Random(self.seed)
        return getattr(self, self.layer.cell)(b, x, states)

    def lstm(self, b, x, states):
        h, c = states
        sums = self.gates(b, x, h, self.order, "")
        if self.layer.peephole:
            for gate in "if":
                sums[gate] = b.op(
                    "Add", sums[gate], b.op("Mul", c, b.weight(f"{self.name}.p{gate}", self.layer.hidden_size))
                )
        i, f, g = b.op("Sigmoid", sums["i"]), b.op("Sigmoid", sums["f"]), b.op("Tanh", sums["g"])
        c = (
            b.op("Add", b.op("Mul", f, c), b.op("Mul", i, g))
            if self.update % 2
            else b.op("Add", b.op("Mul", g, i), b.op("Mul", c, f))
        )
        if self.layer.peephole:
            sums["o"] = b.op("Add", b.op("Mul", c, b.weight(f"{self.name}.po", self.layer.hidden_size)), sums["o"])
        h = b.op("Mul", b.op("Sigmoid", sums["o"]), b.op("Tanh", c))
        if self.layer.projection_size:
            h = b.op("MatMul", h, b.weight(f"{self.name}.proj", self.layer.hidden_size, self.layer.projection_size))
        return [h, c]

    def gru(self, b, x, states):
        (h,) = states
        rows, size = self.layer.hidden_size, self.layer.input_size
        sums = self.gates(b, x, h, self.order, "")
        r, z = b.op("Sigmoid", sums["r"]), b.op("Sigmoid", sums["z"])
        if self.layer.linear_before_reset:
            read = b.product(x, f"{self.name}.n.ih", size, rows)
            n = b.op("Tanh", b.op("Add", read, b.op("Mul", r, b.product(h, f"{self.name}.n.hh", rows, rows))))
        else:
            n = b.op("Tanh", self.gates(b, x, b.op("Mul", r, h), ["n"], "")["n"])
        one = b.const(1, "f4")
        if self.update == 0:
            return [b.op("Add", b.op("Mul", b.op("Sub", one, z), n), b.op("Mul", z, h))]
        if self.update == 1:
            return [b.op("Add", n, b.op("Mul", z, b.op("Sub", h, n)))]
        if self.update == 2:
            return [b.op("Add", b.op("Mul", b.op("Sub", one, z), h), b.op("Mul", z, n))]
        return [b.op("Sub", n, b.op("Mul", b.op("Sub", n, h), z))]

    def rnn(self, b, x, states):
        total = self.gates(b, x, states[0], ["h"], "")["h"]
        return [b.op("Tanh", total)]


class Stack:
    """A file: layers one above the other, all steps of a sequence in [steps, batch, size]."""

    def __init__(self, rng, steps, batch, open_steps):
        self.rng, self.steps, self.batch = rng, steps, batch
        self.open = open_steps
        self.b = Builder(rng)
        self.layers = []
        self.loops = 0

    def add(self, x, layer, form):
        k = len(self.layers)
        made = getattr(self, form)(x, layer, f"layer{k}")
        self.layers.append(layer)
        return made

    def node(self, x, layer, name, *, split=False):
        b, hidden = self.b, layer.hidden_size
        gates = {"lstm": 4, "gru": 3, "rnn": 1}[layer.cell]
        ways = (
            ["forward", "reverse"]
            if split
            else ["bidirectional" if layer.bidirectional else self.rng.choice(["forward", "reverse"])]
        )
        outputs = []
        for k, way in enumerate(ways):
            count = 2 if way == "bidirectional" else 1
            key = f"{name}.{k}"
            inputs = [
                x,
                b.weight(f"{key}.W", count, gates * hidden, layer.input_size),
                b.weight(f"{key}.R", count, gates * hidden, hidden),
            ]
            inputs += (
                [b.weight(f"{key}.B", count, 2 * gates * hidden)] if layer.peephole or self.rng.random() < 0.5 else []
            )
            if layer.peephole:
                inputs += ["", "", "", b.weight(f"{key}.P", count, 3 * hidden)]
            extra = {"linear_before_reset": int(layer.linear_before_reset)} if layer.cell == "gru" else {}
            y = b.op(layer.cell.upper(), *inputs, direction=way, hidden_size=hidden, **extra)
            if way != "bidirectional":
                outputs.append(b.op("Squeeze", y, b.const([1])))
            elif layer.merge == "sum":
                outputs.append(b.op("ReduceSum", y, b.const([1]), keepdims=0))
            else:
                outputs.append(b.op("Reshape", b.op("Transpose", y, perm=[0, 2, 1, 3]), b.const([0, 0, -1])))
        return self.joined(outputs, layer)

    def joined(self, outputs, layer):
        if len(outputs) == 1:
            return outputs[0]
        return self.b.op("Concat", *outputs, axis=-1) if layer.merge == "concat" else self.b.op("Add", *outputs)

    def two_nodes(self, x, layer, name):
        return self.node(x, layer, name, split=True)

    def reversed(self, x):
        b = self.b
        return b.op("Slice", x, b.const([-1]), b.const([-(2**31)]), b.const([0]), b.const([-1]))

    def directions(self, x, layer, name, run):
        """Once as it is, once more between reversals where the layer has two directions."""
        outputs = [run(x, f"{name}.f")]
        if layer.bidirectional:
            outputs.append(self.reversed(run(self.reversed(x), f"{name}.b")))
        return self.joined(outputs, layer)

    def starts(self, cell):
        return [self.b.const(np.zeros((self.batch, size)), "f4") for size in cell.state_sizes()]

    def unrolled(self, x, layer, name):
        def run(x, name):
            b, cell = self.b, Cell(self.rng, layer, name)
            states, rng, outputs = self.starts(cell), b.rng, []
            known = {}
            for t in range(self.steps):
                inner = _Remembering(b, known)
                states = cell.step(inner, b.op("Gather", x, b.const(t), axis=0), states)
                outputs.append(b.op("Unsqueeze", states[0], b.const([0])))
            b.rng = rng
            return b.op("Concat", *outputs, axis=0)

        return self.directions(x, layer, name, run)

    def loop(self, x, layer, name):
        def run(x, name):
            b, cell = self.b, Cell(self.rng, layer, name)
            inner, starts = b.inner(name), self.starts(cell)
            states = [f"{name}.s{k}" for k in range(len(starts))]
            xt = inner.op("Gather", x, f"{name}.t", axis=0)
            ends = cell.step(inner, xt, states)
            going, stacked = inner.op("Identity", f"{name}.go"), inner.op("Identity", ends[0])
            body = self.body(
                inner,
                name,
                [(f"{name}.t", TensorProto.INT64, ()), (f"{name}.go", TensorProto.BOOL, ())],
                states,
                cell,
                [],
                [going, *ends, stacked],
            )
            trips = b.op("Gather", b.op("Shape", x), b.const(0), axis=0)
            self.b.rng = self.rng
            outs = b.op("Loop", trips, b.const(True, bool), *starts, outputs=len(starts) + 1, body=body)
            return outs[-1]

        return self.directions(x, layer, name, run)

    def scan(self, x, layer, name):
        def run(x, name, back=0):
            b, cell = self.b, Cell(self.rng, layer, name)
            inner, starts = b.inner(name), self.starts(cell)
            states = [f"{name}.s{k}" for k in range(len(starts))]
            ends = cell.step(inner, f"{name}.x", states)
            stacked = inner.op("Identity", ends[0])
            body = self.body(
                inner, name, [], states, cell, [(f"{name}.x", FLOAT, (self.batch, layer.input_size))], [*ends, stacked]
            )
            outs = b.op(
                "Scan",
                *starts,
                x,
                outputs=len(starts) + 1,
                body=body,
                num_scan_inputs=1,
                scan_input_directions=[back],
                scan_output_directions=[back],
            )
            return outs[-1]

        outputs = [run(x, f"{name}.f")]
        if layer.bidirectional:
            outputs.append(run(x, f"{name}.b", 1))
        return self.joined(outputs, layer)

    def body(self, inner, name, before, states, cell, after, outputs):
        infos = [helper.make_tensor_value_info(*entry) for entry in before]
        infos += [
            helper.make_tensor_value_info(state, FLOAT, (self.batch, size))
            for state, size in zip(states, cell.state_sizes(), strict=True)
        ]
        infos += [helper.make_tensor_value_info(*entry) for entry in after]
        kinds = [TensorProto.BOOL if before and k == 0 else FLOAT for k in range(len(outputs))]
        return helper.make_graph(
            inner.nodes,
            name,
            infos,
            [
                helper.make_value_info(out, helper.make_tensor_type_proto(kind, None))
                for out, kind in zip(outputs, kinds, strict=True)
            ],
        )

    def model(self, output, input_size, opset=17):
        steps = "T" if self.open else self.steps
        x = helper.make_tensor_value_info("x", FLOAT, [steps, self.batch, input_size])
        y = helper.make_value_info(output, helper.make_tensor_type_proto(FLOAT, None))
        graph = helper.make_graph(self.b.nodes, "g", [x], [y], list(self.b.weights.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


class _Remembering:
    """A builder that makes each weight once, however many steps ask for it."""

    def __init__(self, b, known):
        self.b, self.known, self.rng = b, known, b.rng

    def __getattr__(self, name):
        return getattr(self.b, name)

    def weight(self, name, *shape):
        if name not in self.known:
            self.b.rng = self.rng
            self.known[name] = self.b.weight(name, *shape)
        return self.known[name]

    def product(self, x, name, size, rows):
        self.b.rng = self.rng
        if name not in self.known:
            self.known[name] = self.rng.choice(["gemm", "matmul"])
        if self.known[name] == "gemm":
            return self.b.op("Gemm", x, self.weight(f"{name}.w", rows, size), self.weight(f"{name}_b", rows), transB=1)
        return self.b.op("MatMul", x, self.weight(f"{name}.w", size, rows))


FORMS = ("node", "two_nodes", "unrolled", "loop", "scan")


def draw(seed):
    """A random file with its layers; the steps to ask for, where the file leaves them open."""
    rng = random.Random(seed)
    forms = [rng.choice(FORMS) for _ in range(rng.randint(1, 3))]
    steps, batch = rng.randint(2, 5), rng.randint(1, 3)
    stack = Stack(rng, steps, batch, "unrolled" not in forms and rng.random() < 0.6)
    size = first = rng.randint(3, 12)
    x = "x"
    for form in forms:
        layer = draw_layer(rng, form, size)
        x = stack.add(x, layer, form)
        if rng.random() < 0.3:
            x = stack.b.op("Relu", x)
        size = layer.output_size
    if rng.random() < 0.5:
        x = stack.b.op("Softmax", stack.b.op("MatMul", x, stack.b.weight("fc", size, 5)))
    return stack.model(x, first), stack, steps


def draw_layer(rng, form, size):
    cell = rng.choice(["lstm", "gru", "rnn"])
    layer = Drawn(cell, size, rng.choice([4, 5, 7, 8]))
    layer.bidirectional = form == "two_nodes" or rng.random() < 0.4
    if layer.bidirectional:
        layer.merge = rng.choice(["concat", "sum"])
    if cell == "gru":
        layer.linear_before_reset = rng.random() < 0.5
    if cell == "lstm":
        layer.peephole = rng.random() < 0.3
        if "node" not in form and rng.random() < 0.3:
            layer.projection_size = 3
    return layer
