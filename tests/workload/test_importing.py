"""Networks from ONNX files: known answers, random files in all forms, files that are broken."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx_models import FORMS, draw  # noqa: E402

from sharp.errors import SpecificationError  # noqa: E402
from sharp.workload.files import load_networks  # noqa: E402
from sharp.workload.importing.conversion import as_content, as_network  # noqa: E402
from sharp.workload.importing.files import import_file  # noqa: E402

CASES = sorted((Path(__file__).parent / "onnx_cases").glob("*.onnx"))
OPEN = {"h02_two_way_by_hand": 9, "h03_scan_projection": 6, "h04_loop_gru_reset_before": 5, "h06_quantized": 11}
"""Steps of those that leave them open."""
DEFAULTS = {
    "bidirectional": False,
    "projection_size": None,
    "peephole": False,
    "linear_before_reset": True,
}


def recurrent(imported):
    return [layer for network in imported.networks for layer in network.layers if layer.cell != "dense"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_files_whose_layers_are_known(path):
    truth = json.loads(path.with_suffix(".json").read_text())
    imported = import_file(path, steps=OPEN.get(path.stem))
    found = recurrent(imported)
    names = dict(zip([entry["id"] for entry in truth["layers"]], [layer.name for layer in found], strict=True))
    for entry, layer in zip(truth["layers"], found, strict=True):
        for name, value in {**DEFAULTS, **entry["layer"]}.items():
            assert getattr(layer, name) == value, (layer.name, name)
        for name in ("seq_len", "batch_size", "num_weights", "macs"):
            assert getattr(layer, name) == entry[name], (layer.name, name)
        assert layer.merge == entry.get("merge", "concat")
        assert layer.reverse == entry.get("reverse", False)
        assert list(layer.lengths) == entry.get("lengths", [])
        assert through_dense(layer.reads, imported) == {names.get(name, name) for name in entry["reads"]}
    assert [list(group) for group in imported.alternatives] == [
        [names[name] for name in group] for group in truth["alternatives"]
    ]
    first = imported.networks[0]
    dense = sum(layer.macs for layer in first.layers if layer.cell == "dense")
    assert dense + sum(work.macs for work in first.not_modelled.values()) == truth["totals"]["non_rnn_macs"]


def through_dense(reads, imported):
    """What is read, dense layers replaced by what they read."""
    dense = {layer.name: layer for network in imported.networks for layer in network.layers if layer.cell == "dense"}
    found = set()
    for name in reads:
        found |= through_dense(dense[name].reads, imported) if name in dense else {name}
    return found


def check_drawn(seed, folder):
    model, stack, steps = draw(seed)
    path = folder / "drawn.onnx"
    path.write_bytes(model.SerializeToString())
    found = recurrent(import_file(path, steps=steps if stack.open else None))
    assert len(found) == len(stack.layers)
    below = "input:x"
    for wanted, layer in zip(stack.layers, found, strict=True):
        for name in ("cell", "input_size", "hidden_size", "merge", *DEFAULTS):
            assert getattr(layer, name) == getattr(wanted, name), (seed, layer.name, name)
        assert (layer.seq_len, layer.batch_size) == (steps, stack.batch)
        assert layer.reads == (below,)
        below = layer.name


@pytest.mark.parametrize("seed", range(round(16 * float(os.environ.get("SHARP_EXAMPLES", "1")))))
def test_random_files(seed, tmp_path):
    check_drawn(seed, tmp_path)


def test_random_files_vary():
    layers = [(layer, stack) for seed in range(16) for _, stack, _ in [draw(seed)] for layer in stack.layers]
    assert {layer.cell for layer, _ in layers} == {"lstm", "gru", "rnn"}
    assert {layer.merge for layer, _ in layers} == {"concat", "sum"}
    assert any(layer.projection_size for layer, _ in layers)
    assert any(layer.peephole for layer, _ in layers)
    assert {layer.linear_before_reset for layer, _ in layers} == {True, False}
    assert {stack.open for _, stack in layers} == {True, False}
    assert len(FORMS) == 5


# Files by hand -------------------------------------------------------------------------------------------------------


def value(name, *shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def weights(**shapes):
    return [numpy_helper.from_array(np.ones(shape, "f4"), name) for name, shape in shapes.items()]


def write(folder, nodes, inputs, outputs, initializers=(), opset=17, functions=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    domains = [helper.make_opsetid("", opset), *(helper.make_opsetid(entry.domain, 1) for entry in functions)]
    model = helper.make_model(graph, opset_imports=domains, ir_version=8, functions=list(functions))
    path = folder / "mine.onnx"
    path.write_bytes(model.SerializeToString())
    return path


LSTM = helper.make_node("LSTM", ["x", "w", "r"], ["y"], name="rnn", hidden_size=4)
SMALL = {"inputs": [value("x", 5, 2, 3)], "outputs": [value("y", 5, 1, 2, 4)]}


@pytest.mark.parametrize("opset", [1, 7, 9, 14, 21, 22])
def test_nodes_of_every_opset(opset, tmp_path):
    path = write(tmp_path, [LSTM], **SMALL, initializers=weights(w=(1, 16, 3), r=(1, 16, 4)), opset=opset)
    (layer,) = recurrent(import_file(path))
    assert (layer.name, layer.input_size, layer.hidden_size, layer.macs) == ("rnn", 3, 4, 16 * 7 * 10)


def test_weights_that_are_an_input(tmp_path):
    inputs = [value("x", 5, 2, 3), value("w", 1, 16, 3), value("r", 1, 16, 4)]
    (layer,) = recurrent(import_file(write(tmp_path, [LSTM], inputs, SMALL["outputs"])))
    assert (layer.num_weights, layer.reads) == (112, ("input:x",))


def test_nodes_inside_of_functions(tmp_path):
    function = helper.make_function("mine", "Twice", ["x", "w", "r"], ["y"], [LSTM], [helper.make_opsetid("", 17)])
    call = helper.make_node("Twice", ["x", "w", "r"], ["y"], domain="mine", name="call")
    path = write(tmp_path, [call], **SMALL, initializers=weights(w=(1, 16, 3), r=(1, 16, 4)), functions=[function])
    (layer,) = recurrent(import_file(path))
    assert layer.num_weights == 112


def test_the_same_weights_on_two_inputs_are_one_layer_with_twice_the_sequences(tmp_path):
    nodes = [helper.make_node("LSTM", [f"x{k}", "w", "r"], [f"y{k}"], name=f"rnn{k}", hidden_size=4) for k in range(2)]
    path = write(
        tmp_path,
        nodes,
        [value("x0", 5, 2, 3), value("x1", 5, 2, 3)],
        [value("y0", 5, 1, 2, 4), value("y1", 5, 1, 2, 4)],
        weights(w=(1, 16, 3), r=(1, 16, 4)),
    )
    (layer,) = recurrent(import_file(path))
    assert (layer.batch_size, layer.reads, layer.macs) == (4, ("input:x0", "input:x1"), 112 * 20)


def test_a_recurrence_that_is_no_known_cell_is_refused_by_its_node(tmp_path):
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["h", "u"], ["p"], name="again"),
            helper.make_node("Sin", ["p"], ["hn"], name="squash"),
            helper.make_node("Identity", ["go"], ["gon"]),
        ],
        "body",
        [value("t", kind=TensorProto.INT64), value("go", kind=TensorProto.BOOL), value("h", 1, 4)],
        [value("gon", kind=TensorProto.BOOL), value("hn", 1, 4)],
    )
    nodes = [LSTM, helper.make_node("Loop", ["n", "", "h0"], ["end"], name="odd", body=body)]
    start = [numpy_helper.from_array(np.array(6), "n")]
    path = write(
        tmp_path,
        nodes,
        [*SMALL["inputs"], value("h0", 1, 4)],
        [*SMALL["outputs"], value("end", 1, 4)],
        [*weights(w=(1, 16, 3), r=(1, 16, 4), u=(4, 4)), *start],
    )
    with pytest.raises(SpecificationError, match=r"mine\.onnx: node 'odd/again' \(MatMul\): expected a cell of"):
        import_file(path)


def test_one_step_a_call(tmp_path):
    node = helper.make_node("LSTM", ["x", "w", "r", "", "", "h", "c"], ["", "hn", "cn"], name="rnn", hidden_size=4)
    states = [value("h", 1, 1, 4), value("c", 1, 1, 4)]
    path = write(
        tmp_path, [node], [value("x", 1, 1, 3), *states], [value("hn", 1, 1, 4), value("cn", 1, 1, 4)],
        weights(w=(1, 16, 3), r=(1, 16, 4)),
    )  # fmt: skip
    once, often = import_file(path), import_file(path, steps=30)
    assert "--steps" in once.warnings[0]
    assert [recurrent(entry)[0].seq_len for entry in (once, often)] == [1, 30]
    assert recurrent(often)[0].macs == 30 * 112


# Files that are broken -----------------------------------------------------------------------------------------------


def refused(path, **options):
    with pytest.raises(SpecificationError) as caught:
        import_file(path, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.fixture
def good(tmp_path):
    return write(tmp_path, [LSTM], **SMALL, initializers=weights(w=(1, 16, 3), r=(1, 16, 4)))


def test_truncated_files_are_refused(good):
    whole = good.read_bytes()
    for size in range(0, len(whole), 37):
        good.write_bytes(whole[:size])
        assert "expected" in refused(good)


def test_a_text_with_the_name_of_a_model_is_refused(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_text("This is no model.\n" * 100)
    assert "expected an ONNX file" in refused(path)


def test_a_claim_of_two_gigabytes_is_refused_at_once(good):
    model = onnx.load(good)
    model.graph.initializer[0].dims[:] = [2**20, 2**9]
    good.write_bytes(model.SerializeToString())
    assert "expected 2147483648 bytes of data, got 192" in refused(good)
    good.write_bytes(b"\x3a\xff\xff\xff\xff\x07" + b"x" * 100)  # a graph of 2 GB
    assert "cut off" in refused(good)


def test_weights_in_a_file_that_is_not_there_are_refused(good):
    model = onnx.load(good)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    good.write_bytes(model.SerializeToString())
    assert "expected their file 'weights.bin'" in refused(good)
    entry.value = "../../etc/passwd"
    good.write_bytes(model.SerializeToString())
    assert "in a file beside it" in refused(good)


def test_versions_of_the_future_are_refused(tmp_path):
    path = write(tmp_path, [LSTM], **SMALL, initializers=weights(w=(1, 16, 3), r=(1, 16, 4)), opset=999)
    assert "got 999" in refused(path)


def test_open_steps_are_asked_for_and_fixed_ones_kept(tmp_path, good):
    assert "expected 5, which the file fixes, got 6" in refused(good, steps=6)
    path = write(
        tmp_path, [LSTM], [value("x", "T", "N", 3)], [value("y", None, 1, None, 4)],
        weights(w=(1, 16, 3), r=(1, 16, 4)),
    )  # fmt: skip
    assert "expected --steps with it, as the file leaves 'T' open" in refused(path)
    (layer,) = recurrent(import_file(path, steps=7, sizes={"N": 3}))
    assert (layer.seq_len, layer.batch_size) == (7, 3)
    assert "expected T, N, x, got 'M'" in refused(path, steps=7, sizes={"M": 3})


def test_a_domain_that_is_not_known_is_refused_by_its_node(tmp_path):
    node = helper.make_node("Magic", ["x"], ["y"], domain="com.mine", name="magic")
    graph = helper.make_graph([node], "g", **SMALL)
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("com.mine", 1)]
    path = tmp_path / "mine.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=domains, ir_version=8).SerializeToString())
    assert "node 'magic' (Magic)" in refused(path)


def test_what_reads_onnx_is_not_loaded_before():
    script = "import sharp, sharp.workload.files, sys; print('onnx' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_a_run_of_a_file_loads_no_framework():
    run = f"sys.argv = ['sharp', 'run', '--network', {str(CASES[3])!r}, '--steps', '5', '--json']"
    script = f"import sys; {run}\nfrom sharp.cli import main; main()\nprint(*sys.modules, file=sys.stderr)"
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(outcome.stderr.split())
    assert "onnx" in loaded
    assert not loaded & {"torch", "onnxruntime", "tensorflow", "keras", "pandas", "matplotlib"}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_networks_of_files_say_what_was_found_and_survive_a_file(path, tmp_path):
    for imported in import_file(path, steps=OPEN.get(path.stem)).networks:
        network = as_network(imported)
        assert network.num_macs == sum(layer.macs for layer in imported.layers)
        written = tmp_path / "network.yaml"
        written.write_text(yaml.safe_dump(as_content(network), sort_keys=False))
        assert load_networks(written) == (network,)


def test_the_command_runs_files(command, tmp_path):
    path, written = str(CASES[3]), tmp_path / "mine.yaml"
    outcome = command("run", "--network", path, "--steps", "5", "--json")
    assert command("import", path, "--steps", "5", "-o", str(written)).code == 0
    assert json.loads(outcome.out) == json.loads(command("run", "--network", str(written), "--json").out)
    assert "--steps" in command("run", "--network", path).err
    assert "expected one network, got 2" in command("run", "--network", str(CASES[0]), "--steps", "1").err
    assert "takes one step a call" in command("run", "--network", str(CASES[7])).err
    assert command("run", "--network", str(CASES[7]), "--steps", "9").code == 0


def test_the_command_imports(command):
    outcome = command("import", str(CASES[-1]), "--json")
    content = json.loads(outcome.out)
    assert outcome.code == 0
    assert set(content) == {"networks", "alternatives", "not_modelled", "warnings"}
    assert command("import", str(CASES[1])).code == 2
    assert "LSTM_9" in command("import", str(CASES[1]), "--steps", "9").out
    assert "expected NAME=N" in command("import", str(CASES[1]), "--size", "T").err
    assert command("import", "nothing.onnx").err.startswith("sharp: nothing.onnx: expected an ONNX file, got: No such")
