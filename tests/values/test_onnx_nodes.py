"""Recurrent nodes of ONNX on the machine: the package's own tests of them, and ONNX Runtime."""

from functools import partial

import numpy as np
import pytest

import sharp
from sharp.values.formats import numerics
from sharp.values.onnx_nodes import GATES, recurrent_node, run_dense

onnx = pytest.importorskip("onnx")

MACHINE = sharp.find_accelerator("sharp").with_macs("1K")
RUN = partial(sharp.execute_layer, accelerator=MACHINE, formats=numerics("fp32/fp32"))


def node_of(node, feeds):
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    return recurrent_node(node.op_type, attributes, [feeds.get(name) if name else None for name in node.input])


@pytest.mark.filterwarnings("ignore")
def test_onnx_own_node_tests_pass():
    from onnx.backend.test.case.node import collect_testcases

    names = []
    for operator in GATES:
        for case in collect_testcases(operator):
            (node,) = case.model.graph.node
            for inputs, outputs in case.data_sets:
                feeds = dict(zip([one.name for one in case.model.graph.input], inputs, strict=True))
                ours = node_of(node, feeds).run(RUN)
                produced = [value for name, value in zip(node.output, ours, strict=False) if name]
                for mine, theirs in zip(produced, outputs, strict=True):
                    np.testing.assert_allclose(mine, theirs, rtol=case.rtol, atol=case.atol)
                    assert mine.dtype == theirs.dtype
            names.append(case.name)
    assert len(names) >= 15, names


def model_of(operator, feeds, outputs, **attributes):
    """A model of one node, its weights as inputs."""
    of = onnx.helper.np_dtype_to_tensor_dtype
    inputs = [onnx.helper.make_tensor_value_info(name, of(value.dtype), value.shape) for name, value in feeds.items()]
    names = [name if name in feeds else "" for name in sharp.values.onnx_nodes.INPUTS[operator]]
    node = onnx.helper.make_node(operator, names, outputs, **attributes)
    out = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs]
    graph = onnx.helper.make_graph([node], "one", inputs, out)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
    return node, model


FORMS = {
    "lstm": ("LSTM", {}),
    "peephole": ("LSTM", {"P": True}),
    "lengths": ("LSTM", {"sequence_lens": True}),
    "gru after": ("GRU", {"linear_before_reset": 1}),
    "gru before": ("GRU", {}),
    "rnn": ("RNN", {"sequence_lens": True}),
    "relu": ("RNN", {"activations": ["Relu"]}),
}


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("form", FORMS)
def test_single_precision_is_onnx_runtime_to_1e_5(form, direction):
    runtime = pytest.importorskip("onnxruntime")
    operator, options = FORMS[form]
    rng = np.random.default_rng(sum(map(ord, form + direction)))
    directions, gates, hidden, inputs, steps, sequences = 2 if direction == "bidirectional" else 1, 0, 24, 17, 9, 3
    gates = len(GATES[operator])

    def floats(*shape):
        return (rng.uniform(-1, 1, shape) * hidden**-0.5).astype(np.float32)

    feeds = {
        "X": rng.normal(size=(steps, sequences, inputs)).astype(np.float32),
        "W": floats(directions, gates * hidden, inputs),
        "R": floats(directions, gates * hidden, hidden),
        "B": floats(directions, 2 * gates * hidden),
        "initial_h": floats(directions, sequences, hidden),
    }
    if options.get("sequence_lens"):
        feeds["sequence_lens"] = np.array([9, 4, 7], dtype=np.int32)
    if operator == "LSTM":
        feeds["initial_c"] = floats(directions, sequences, hidden)
        feeds |= {"P": floats(directions, 3 * hidden)} if options.get("P") else {}
    attributes = {"hidden_size": hidden, "direction": direction}
    attributes |= {"activations": options["activations"] * directions} if "activations" in options else {}
    attributes |= {"linear_before_reset": 1} if options.get("linear_before_reset") else {}
    outputs = ["Y", "Y_h", "Y_c"][: 3 if operator == "LSTM" else 2]
    node, model = model_of(operator, feeds, outputs, **attributes)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for schedule in ("intergate", "unfolded"):
        run = partial(RUN, plan=sharp.Plan(schedule=schedule, tile_rows=32))
        for mine, theirs in zip(node_of(node, feeds).run(run), session.run(outputs, feeds), strict=True):
            assert np.abs(mine - theirs).max() < 1e-5


def test_dense_is_a_product():
    rng = np.random.default_rng(1)
    x, weights, bias = rng.normal(size=(2, 5, 8)), rng.normal(size=(8, 6)), rng.normal(size=6)
    assert np.allclose(run_dense(x, weights, bias, RUN), x @ weights + bias, atol=1e-5)
    assert run_dense(x[:0].astype(np.float32), weights, None, RUN).shape == (0, 5, 6)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"activations": ["LeakyRelu"]}, "activations leakyrelu"),
        ({"activations": [b"Relu"]}, ""),
        ({"clip": 1.0}, "clip"),
        ({"activations": ["Tanh"]}, ""),
    ],
)
def test_why_the_machine_cannot_run_a_node(attributes, reason):
    assert recurrent_node("RNN", attributes, []).why_not == reason
