"""Recurrent layers in ONNX files in forms that need each its own care: small files by hand, one trap each."""

import random

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx_models import FLOAT, Builder, Cell, Drawn  # noqa: E402

from sharp.errors import SpecificationError  # noqa: E402
from sharp.workload.importing.files import import_file  # noqa: E402

INT, BOOL = TensorProto.INT64, TensorProto.BOOL


class Plain(Builder):
    """Weights that are initializers, so that they can be shared by name."""

    def weight(self, name, *shape):
        self.weights.setdefault(name, numpy_helper.from_array(np.ones(shape, "f4"), name))
        return name


def value(name, *shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def some(name, kind=FLOAT):
    return helper.make_value_info(name, helper.make_tensor_type_proto(kind, None))


@pytest.fixture
def b():
    return Plain(random.Random(1))


@pytest.fixture
def read(b, tmp_path):
    """Import the file of the builder: the recurrent layers, and the whole."""

    def read(inputs, outputs, functions=(), **options):
        graph = helper.make_graph(b.nodes, "g", inputs, outputs, list(b.weights.values()))
        domains = [helper.make_opsetid("", 17), *(helper.make_opsetid(entry.domain, 1) for entry in functions)]
        model = helper.make_model(graph, opset_imports=domains, ir_version=8, functions=list(functions))
        path = tmp_path / "mine.onnx"
        path.write_bytes(model.SerializeToString())
        imported = import_file(path, **options)
        layers = [layer for network in imported.networks for layer in network.layers if layer.cell != "dense"]
        return layers, imported

    return read


def shape_of(layer):
    return layer.cell, layer.input_size, layer.hidden_size, layer.seq_len, layer.batch_size


def zeros(b, *shape):
    return b.const(np.zeros(shape), "f4")


def split_lstm(b, z, c, sigmoid=None):
    """h and c of an LSTM from its stacked sums."""
    sigmoid = sigmoid or (lambda total: b.op("Sigmoid", total))
    i, f, g, o = b.op("Split", z, outputs=4, axis=1)
    c = b.op("Add", b.op("Mul", sigmoid(f), c), b.op("Mul", sigmoid(i), b.op("Tanh", g)))
    return b.op("Mul", sigmoid(o), b.op("Tanh", c)), c


def sums(b, x, h):
    return b.op("Add", b.op("MatMul", x, b.weight("W", 3, 16)), b.op("MatMul", h, b.weight("U", 4, 16)))


@pytest.mark.parametrize("cell", ["lstm", "gru", "gru before", "rnn"])
def test_one_step_written_out_with_its_state_in_and_out(b, read, cell):
    layer = Drawn(cell.split()[0], 6, 5, linear_before_reset=cell != "gru before")
    step = Cell(random.Random(3), layer, "c")
    states = [f"s{k}" for k in range(len(step.state_sizes()))]
    ends = step.step(b, "x", states)
    names = [b.op("Identity", end) for end in ends]
    y = b.op("Gemm", ends[0], b.weight("fc", 5, 2))
    outputs = [some(y), *(value(name, 1, 5) for name in names)]
    (found,), imported = read([value("x", 1, 6), *(value(state, 1, 5) for state in states)], outputs, steps=4)
    assert shape_of(found) == (layer.cell, 6, 5, 4, 1)
    assert found.linear_before_reset == layer.linear_before_reset
    assert found.reads == ("input:x",)
    assert imported.networks[0].layers[-1].macs == 4 * 10


def test_states_of_two_layers_in_one_tensor(b, read):
    x, states = "x", []
    for k, size in enumerate((6, 5)):
        step = Cell(random.Random(k), Drawn("gru", size, 5), f"c{k}")
        (x,) = step.step(b, x, [b.op("Gather", "state", b.const(k), axis=0)])
        states.append(b.op("Unsqueeze", x, b.const([0])))
    end = b.op("Concat", *states, axis=0)
    (low, high), imported = read([value("x", 1, 6), value("state", 2, 1, 5)], [some(x), value(end, 2, 1, 5)])
    assert (low.input_size, high.input_size, high.reads) == (6, 5, (low.name,))
    assert imported.one_step


def test_products_with_x_before_a_scan_and_recurrent_weights_that_are_an_input(b, read):
    ahead = b.op("Add", b.op("MatMul", "x", b.weight("W", 3, 16)), b.weight("bias", 16))
    inner = b.inner("L")
    h, c = split_lstm(inner, inner.op("Add", inner.op("MatMul", "h", "U"), "ahead"), "c")
    stacked = inner.op("Identity", h)
    starts = [value("h", 2, 4), value("c", 2, 4), value("ahead", 2, 16)]
    body = helper.make_graph(inner.nodes, "body", starts, [some(h), some(c), some(stacked)])
    outs = b.op("Scan", zeros(b, 2, 4), zeros(b, 2, 4), ahead, outputs=3, body=body, num_scan_inputs=1)
    (layer,), imported = read([value("x", "T", 2, 3), value("U", 4, 16)], [some(outs[2])], steps=7)
    assert shape_of(layer) == ("lstm", 3, 4, 7, 2)
    assert layer.reads == ("input:x",)
    assert [entry.cell for entry in imported.networks[0].layers] == ["lstm"]


def test_a_node_in_a_loop_that_carries_its_state(b, read):
    inner = b.inner("L")
    x = inner.op("Unsqueeze", inner.op("Gather", "x", "t", axis=0), b.const([0]))
    w, r = b.weight("W", 1, 16, 3), b.weight("R", 1, 16, 4)
    y, h, c = inner.op("LSTM", x, w, r, "", "", "h", "c", outputs=3, hidden_size=4)
    ends = [some(inner.op("Identity", "go"), BOOL), some(h), some(c), some(inner.op("Squeeze", y, b.const([0, 1])))]
    starts = [value("t", kind=INT), value("go", kind=BOOL), value("h", 1, 2, 4), value("c", 1, 2, 4)]
    body = helper.make_graph(inner.nodes, "body", starts, ends)
    trips = b.op("Gather", b.op("Shape", "x"), b.const(0))
    outs = b.op("Loop", trips, "", zeros(b, 1, 2, 4), zeros(b, 1, 2, 4), outputs=3, body=body)
    (layer,), _ = read([value("x", "T", 2, 3)], [some(outs[2])], steps=9)
    assert shape_of(layer) == ("lstm", 3, 4, 9, 2)


def test_nodes_that_go_on_where_another_ends(b, read):
    w, r, outputs = b.weight("W", 1, 16, 3), b.weight("R", 1, 16, 4), []
    h = c = zeros(b, 1, 2, 4)
    for t in range(5):
        x = b.op("Slice", "x", b.const([t]), b.const([t + 1]), b.const([0]))
        y, h, c = b.op("LSTM", x, w, r, "", "", h, c, outputs=3, hidden_size=4)
        outputs.append(y)
    (layer,), _ = read([value("x", 5, 2, 3)], [some(b.op("Concat", *outputs, axis=0))])
    assert shape_of(layer) == ("lstm", 3, 4, 5, 2)


def test_a_first_step_without_what_zeros_do_not_change(b, read):
    hs, h, c = [], None, None
    for t in range(5):
        z = b.op("MatMul", b.op("Gather", "x", b.const(t), axis=0), b.weight("W", 3, 16))
        if h is None:
            i, _, g, o = b.op("Split", z, outputs=4, axis=1)
            c = b.op("Mul", b.op("Sigmoid", i), b.op("Tanh", g))
            h = b.op("Mul", b.op("Sigmoid", o), b.op("Tanh", c))
        else:
            h, c = split_lstm(b, b.op("Add", z, b.op("MatMul", h, b.weight("U", 4, 16))), c)
        hs.append(h)
    (layer,), _ = read([value("x", 5, 2, 3)], [some(b.op("Concat", *hs, axis=0))])
    assert shape_of(layer) == ("lstm", 3, 4, 5, 2)


def unrolled(b, step, steps=3):
    """Steps one after the other from zeros, h of all put together."""
    h, c, hs = zeros(b, 2, 4), zeros(b, 2, 4), []
    for t in range(steps):
        h, c = step(b.op("Gather", "x", b.const(t), axis=0), h, c)
        hs.append(h)
    return [some(b.op("Concat", *hs, axis=0))]


def test_a_sigmoid_written_out(b, read):
    def sigmoid(x):
        one = b.const(1, "f4")
        return b.op("Div", one, b.op("Add", one, b.op("Exp", b.op("Neg", x))))

    (layer,), _ = read([value("x", 3, 2, 3)], unrolled(b, lambda x, h, c: split_lstm(b, sums(b, x, h), c, sigmoid)))
    assert shape_of(layer) == ("lstm", 3, 4, 3, 2)


def test_the_product_with_x_added_inside_of_a_gemm(b, read):
    def step(x, h, c):
        ahead = b.op("Gemm", x, b.weight("W", 4, 3), transB=1)
        return b.op("Tanh", b.op("Gemm", h, b.weight("U", 4, 4), ahead, transB=1)), c

    (layer,), _ = read([value("x", 3, 2, 3)], unrolled(b, step))
    assert shape_of(layer) == ("rnn", 3, 4, 3, 2)


def test_vectors_that_are_columns(b, read):
    h, hs, one = zeros(b, 4, 1), [], b.const(1, "f4")
    for t in range(4):
        x = b.op("Slice", "x", b.const([t]), b.const([t + 1]), b.const([1]))
        read_r, read_z, read_n = b.op("Split", b.op("MatMul", b.weight("W", 12, 3), x), outputs=3, axis=0)
        kept_r, kept_z, kept_n = b.op("Split", b.op("MatMul", b.weight("U", 12, 4), h), outputs=3, axis=0)
        r, z = (b.op("Sigmoid", b.op("Add", *pair)) for pair in ((read_r, kept_r), (read_z, kept_z)))
        n = b.op("Tanh", b.op("Add", read_n, b.op("Mul", r, kept_n)))
        h = b.op("Add", b.op("Mul", b.op("Sub", one, z), n), b.op("Mul", z, h))
        hs.append(h)
    (layer,), imported = read([value("x", 3, 4)], [some(b.op("Concat", *hs, axis=1))])
    assert shape_of(layer) == ("gru", 3, 4, 4, 1)
    assert imported.networks[0].not_modelled == {}


def test_products_of_integers(b, read):
    inner = b.inner("L")

    def product(x, name, rows):
        b.weights[name] = numpy_helper.from_array(np.ones((rows, 16), "i1"), name)
        quantized, scale, zero = inner.op("DynamicQuantizeLinear", x, outputs=3)
        made = inner.op("Cast", inner.op("MatMulInteger", quantized, name, zero, b.const(0, "i1")), to=FLOAT)
        return inner.op("Mul", made, inner.op("Mul", scale, b.const(0.1, "f4")))

    z = inner.op("Add", inner.op("Add", product("xt", "W", 3), product("h", "U", 4)), b.weight("bias", 16))
    h, c = split_lstm(inner, z, "c")
    stacked = inner.op("Identity", h)
    starts = [value("h", 2, 4), value("c", 2, 4), value("xt", 2, 3)]
    body = helper.make_graph(inner.nodes, "body", starts, [some(h), some(c), some(stacked)])
    outs = b.op("Scan", zeros(b, 2, 4), zeros(b, 2, 4), "x", outputs=3, body=body, num_scan_inputs=1)
    (layer,), _ = read([value("x", 6, 2, 3)], [some(outs[2])])
    assert shape_of(layer) == ("lstm", 3, 4, 6, 2)


def test_two_paths_of_which_each_has_the_other_ones_steps_as_sequences(b, read):
    x = b.op("Transpose", "x", perm=[1, 0, 2])
    y = b.op("GRU", x, b.weight("W1", 2, 12, 8), b.weight("R1", 2, 12, 4), hidden_size=4, direction="bidirectional")
    y = b.op("Reshape", b.op("Transpose", y, perm=[0, 2, 1, 3]), b.const([0, 0, -1]))
    y = b.op("Transpose", y, perm=[1, 0, 2])
    z = b.op("GRU", y, b.weight("W2", 1, 24, 8), b.weight("R2", 1, 24, 8), hidden_size=8)
    (across, along), _ = read([value("x", "T", 33, 8)], [some(z)], steps=50)
    assert (shape_of(across), shape_of(along)) == (("gru", 8, 4, 33, 50), ("gru", 8, 8, 50, 33))
    assert along.reads == (across.name,)


def rnn_in(inner, b, x, h):
    product = inner.op("MatMul", h, b.weight("U", 4, 4))
    return inner.op("Tanh", inner.op("Add", inner.op("MatMul", x, b.weight("W", 3, 4)), product))


def test_a_loop_that_its_own_counter_ends(b, read):
    inner = b.inner("L")
    h = rnn_in(inner, b, inner.op("Gather", "x", "i", axis=0), "h")
    count = inner.op("Add", "i", b.const(1))
    ends = [some(inner.op("Less", count, "n"), BOOL), some(count, INT), some(h), some(inner.op("Identity", h))]
    starts = [value("t", kind=INT), value("go", kind=BOOL), value("i", kind=INT), value("h", 2, 4)]
    body = helper.make_graph(inner.nodes, "body", starts, ends)
    b.nodes.append(helper.make_node("Gather", [b.op("Shape", "x"), b.const(0)], ["n"], axis=0))
    outs = b.op("Loop", "", b.const(True, bool), b.const(0), zeros(b, 2, 4), outputs=3, body=body)
    (layer,), _ = read([value("x", "T", 2, 3)], [some(outs[2])], steps=12)
    assert shape_of(layer) == ("rnn", 3, 4, 12, 2)


def test_a_loop_that_collects_a_sequence(b, read):
    inner = b.inner("L")
    h = rnn_in(inner, b, inner.op("Gather", "x", "t", axis=0), "h")
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, None))
    ends = [some(inner.op("Identity", "go"), BOOL), some(h)]
    ends.append(helper.make_value_info(inner.op("SequenceInsert", "seq", h), kind))
    starts = [value("t", kind=INT), value("go", kind=BOOL), value("h", 2, 4), helper.make_value_info("seq", kind)]
    body = helper.make_graph(inner.nodes, "body", starts, ends)
    outs = b.op("Loop", b.const(6), "", zeros(b, 2, 4), b.op("SequenceEmpty"), outputs=2, body=body)
    y = b.op("ConcatFromSequence", outs[1], axis=0, new_axis=1)
    z = b.op("LSTM", y, b.weight("W2", 1, 20, 4), b.weight("R2", 1, 20, 5), hidden_size=5)
    (low, high), _ = read([value("x", 6, 2, 3)], [some(z)])
    assert (shape_of(low), shape_of(high)) == (("rnn", 3, 4, 6, 2), ("lstm", 4, 5, 6, 2))
    assert high.reads == (low.name,)


def test_a_sequence_taken_apart_and_put_together(b, read):
    parts, h, hs = b.op("SplitToSequence", "x", axis=0, keepdims=0), zeros(b, 2, 4), []
    for t in range(4):
        h = rnn_in(b, b, b.op("SequenceAt", parts, b.const(t)), h)
        hs.append(h)
    whole = b.op("ConcatFromSequence", b.op("SequenceConstruct", *hs), axis=0, new_axis=1)
    (layer,), _ = read([value("x", 4, 2, 3)], [some(whole)])
    assert shape_of(layer) == ("rnn", 3, 4, 4, 2)
    assert layer.reads == ("input:x",)


def test_a_decoder_that_reads_its_own_words(b, read):
    inner = b.inner("L")
    step = Cell(random.Random(4), Drawn("gru", 6, 5), "c")
    (h,) = step.step(inner, inner.op("Gather", b.weight("table", 20, 6), "word", axis=0), ["h"])
    word = inner.op("ArgMax", inner.op("MatMul", h, b.weight("fc", 5, 20)), axis=1, keepdims=0)
    ends = [some(inner.op("Identity", "go"), BOOL), some(h), some(word, INT), some(inner.op("Identity", word), INT)]
    starts = [value("t", kind=INT), value("go", kind=BOOL), value("h", 1, 5), value("word", 1, kind=INT)]
    body = helper.make_graph(inner.nodes, "body", starts, ends)
    outs = b.op("Loop", b.const(8), "", "h0", b.const([1]), outputs=3, body=body)
    (layer,), imported = read([value("h0", 1, 5)], [some(outs[2], INT)])
    dense = imported.networks[0].layers[1]
    assert shape_of(layer) == ("gru", 6, 5, 8, 1)
    assert (layer.feedback, dense.reads, dense.macs) == ((dense.name,), (layer.name,), 800)


def test_the_last_states_of_two_directions_are_one_layer(b, read):
    ends = []
    for way in ("forward", "reverse"):
        _, h = b.op("GRU", "x", b.weight(f"W{way}", 1, 12, 3), b.weight(f"R{way}", 1, 12, 4), outputs=2, hidden_size=4, direction=way)  # fmt: skip  # noqa: E501
        ends.append(b.op("Squeeze", h, b.const([0])))
    (layer,), _ = read([value("x", 6, 2, 3)], [some(b.op("Concat", *ends, axis=1))])
    assert layer.bidirectional


def test_steps_inside_of_a_function(b, read):
    inner = Plain(random.Random(1))
    h, c = Cell(random.Random(7), Drawn("lstm", 3, 4), "c").step(inner, "fx", ["fh", "fc"])
    weights = list(inner.weights)
    function = helper.make_function(
        "my", "Step", ["fx", "fh", "fc", *weights], [h, c], inner.nodes, [helper.make_opsetid("", 17)]
    )
    b.weights = inner.weights
    outputs = unrolled(b, lambda x, h, c: b.op("Step", x, h, c, *weights, outputs=2, domain="my"), steps=4)
    (layer,), _ = read([value("x", 4, 2, 3)], outputs, [function])
    assert shape_of(layer) == ("lstm", 3, 4, 4, 2)


def test_weights_written_down_in_both_branches_are_one_layer(b, read):
    arrays = [numpy_helper.from_array(np.full((1, 16, size), size, "f4")) for size in (3, 4)]
    graphs = []
    for k in range(2):
        nodes = [
            helper.make_node("Constant", [], [f"{name}{k}"], value=array)
            for name, array in zip("wr", arrays, strict=True)
        ]
        state = ["", "", "h"] if k else []
        nodes.append(helper.make_node("LSTM", ["x", f"w{k}", f"r{k}", *state], [f"y{k}"], hidden_size=4))
        graphs.append(helper.make_graph(nodes, f"branch{k}", [], [some(f"y{k}")]))
    y = b.op("If", "flag", then_branch=graphs[0], else_branch=graphs[1])
    (layer,), imported = read([value("x", 5, 2, 3), value("flag", kind=BOOL), value("h", 1, 2, 4)], [some(y)])
    assert (layer.macs, len(layer.nodes), imported.alternatives) == (112 * 10, 2, ())


@pytest.mark.parametrize("kind", ["coupled gates", "normalised sums"])
def test_cells_that_are_none_of_ours_are_refused(b, read, kind):
    def step(x, h, c):
        if kind == "normalised sums":
            kept = b.op("LayerNormalization", b.op("MatMul", h, b.weight("U", 4, 16)), b.weight("scale", 16))
            return split_lstm(b, b.op("Add", b.op("MatMul", x, b.weight("W", 3, 16)), kept), c)
        _, f, g, o = b.op("Split", sums(b, x, h), outputs=4, axis=1)
        f = b.op("Sigmoid", f)
        new = b.op("Mul", b.op("Sub", b.const(1, "f4"), f), b.op("Tanh", g))
        c = b.op("Add", b.op("Mul", f, c), new)
        return b.op("Mul", b.op("Sigmoid", o), b.op("Tanh", c)), c

    with pytest.raises(SpecificationError, match=r"mine\.onnx: node '\w+' \(\w+\): expected a cell of"):
        read([value("x", 3, 2, 3)], unrolled(b, step))


def test_a_highway_is_no_recurrence(b, read):
    y = b.op("LSTM", "x", b.weight("W", 1, 16, 3), b.weight("R", 1, 16, 4), hidden_size=4)
    y = b.op("Squeeze", y, b.const([1]))
    gate = b.op("Sigmoid", b.op("MatMul", y, b.weight("gate", 4, 4)))
    new = b.op("Tanh", b.op("MatMul", y, b.weight("new", 4, 4)))
    out = b.op("Add", b.op("Mul", gate, new), b.op("Mul", b.op("Sub", b.const(1, "f4"), gate), y))
    _, imported = read([value("x", 5, 2, 3)], [some(out)])
    assert [layer.cell for layer in imported.networks[0].layers] == ["lstm", "dense", "dense"]
