"""`sharp execute`: whole ONNX models, their recurrent and dense nodes on the machine."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

CASES = sorted((Path(__file__).parents[1] / "workload" / "onnx_cases").glob("*.onnx"))
STEPS, BATCH, INPUTS, HIDDEN = 7, 2, 16, 24


def make_model(path: Path, **attributes) -> Path:
    """Two directions of an LSTM, a GRU on both, a dense layer; weights of a fixed seed."""
    rng, helper = np.random.default_rng(0), onnx.helper
    shapes = {
        "W": (2, 4 * HIDDEN, INPUTS),
        "R": (2, 4 * HIDDEN, HIDDEN),
        "B": (2, 8 * HIDDEN),
        "W2": (1, 3 * HIDDEN, 2 * HIDDEN),
        "R2": (1, 3 * HIDDEN, HIDDEN),
        "D": (HIDDEN, 10),
    }
    weights = {name: (rng.uniform(-1, 1, shape) * HIDDEN**-0.5).astype(np.float32) for name, shape in shapes.items()}
    weights |= {"shape": np.array([0, 0, -1]), "one": np.array([1])}
    nodes = [
        helper.make_node(
            "LSTM",
            ["x", "W", "R", "B"],
            ["Y"],
            name="lstm",
            hidden_size=HIDDEN,
            direction="bidirectional",
            **attributes,
        ),
        helper.make_node("Transpose", ["Y"], ["Yt"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["Yt", "shape"], ["Z"]),
        helper.make_node("GRU", ["Z", "W2", "R2"], ["Y2", "last"], name="gru", hidden_size=HIDDEN),
        helper.make_node("Squeeze", ["Y2", "one"], ["S"]),
        helper.make_node("MatMul", ["S", "D"], ["logits"], name="dense"),
    ]
    of = helper.make_tensor_value_info
    inputs = [of("x", onnx.TensorProto.FLOAT, ["T", "B", INPUTS])]
    outputs = [of(name, onnx.TensorProto.FLOAT, None) for name in ("logits", "last")]
    initializers = [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "tagger", inputs, outputs, initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tagger.onnx")


@pytest.fixture
def data(tmp_path) -> Path:
    x = np.random.default_rng(1).normal(size=(STEPS, BATCH, INPUTS)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    return tmp_path / "x.npz"


def run_json(command, *arguments) -> dict:
    outcome = command("execute", *map(str, arguments), "--json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


@pytest.mark.parametrize(
    ("label", "least", "greatest"),
    [("fp32", 0, 1e-6), ("fp16/fp32", 1e-5, 3e-3), ("bf16", 1e-4, 3e-2), ("fp8", 1e-3, 0.3), ("int8", 1e-4, 0.05)],
)
def test_the_error_of_every_layer_and_output_against_onnx_runtime(command, model, data, label, least, greatest):
    report = run_json(command, model, "--input", data, "--format", label, "--schedule", "intergate")
    assert (report["network"], report["reference"]) == ("tagger", "ONNX Runtime")
    assert [(one["name"], one["operator"]) for one in report["layers"]] == [
        ("lstm", "LSTM"),
        ("gru", "GRU"),
        ("dense", "MatMul"),
    ]
    for one in [*report["layers"], *report["outputs"].values()]:
        assert least <= one["max_abs"] <= greatest
        assert one["snr_db"] > {"fp32": 120, "fp16/fp32": 55, "bf16": 35, "fp8": 12, "int8": 25}[label]
        assert 0.9 < one["cosine"] <= 1 + 1e-12
        assert 0 <= one["argmax_agreement"] <= 1
    assert set(report["outputs"]) == {"logits", "last"}


def test_the_keys_of_the_json(command, model, data):
    report = run_json(command, model, "--input", data)
    assert set(report) == {"network", "format", "state", "layers", "outputs", "reference", "elsewhere"}
    numbers = {"max_abs", "snr_db", "cosine", "argmax_agreement"}
    assert all(set(one) == {"name", "operator", *numbers} for one in report["layers"])
    assert all(set(one) == numbers for one in report["outputs"].values())
    (row,) = run_json(command, model, "--input", data, "--formats", "fp16")["formats"]
    assert set(row) == {*report, "latency_s", "energy_j"}
    _, row = run_json(command, model, "--input", data, "--delta-threshold", "0.1")["thresholds"]
    costs = {"macs", "cycles", "energy_j", "share_of_macs", "times_as_fast", "share_of_energy"}
    tiles = {"gathered_tiles", "in_place_tiles", "fits_intermediate_buffer"}
    assert set(row) == {*report, "threshold", "share_x", "share_h", *costs, *tiles}


def test_outputs_are_written(command, model, data, tmp_path):
    outcome = command(
        "execute", str(model), "--input", str(data), "--format", "fp16/fp32", "-o", str(tmp_path / "y.npz")
    )
    assert outcome.code == 0
    assert "y.npz: 2 arrays" in outcome.out
    assert "lstm" in outcome.out
    first = (tmp_path / "y.npz").read_bytes()
    with np.load(tmp_path / "y.npz") as arrays:
        assert {name: (arrays[name].shape, str(arrays[name].dtype)) for name in arrays.files} == {
            "logits": ((STEPS, BATCH, 10), "float32"),
            "last": ((1, BATCH, HIDDEN), "float32"),
        }
    command("execute", str(model), "--input", str(data), "--format", "fp16/fp32", "-o", str(tmp_path / "y.npz"))
    assert (tmp_path / "y.npz").read_bytes() == first


def test_the_machines_own_precision_is_the_default(command, model, data):
    assert run_json(command, model, "--input", data)["format"] == "fp16/fp32"
    assert run_json(command, model, "--input", data, "--precision", "int8/int32")["format"] == "int8/int32"


def test_a_coarse_table_of_the_activation_unit_is_worse(command, model, data):
    exact = run_json(command, model, "--input", data, "--format", "fp32")
    table = run_json(command, model, "--input", data, "--format", "fp32", "--activation-table", "8")
    assert table["outputs"]["logits"]["max_abs"] > 100 * exact["outputs"]["logits"]["max_abs"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_graphs_in_nodes_layers_by_hand_and_quantized_ones(command, path, tmp_path):
    rng, arrays = np.random.default_rng(0), {}
    graph = onnx.load(path).graph
    weights = {tensor.name for tensor in graph.initializer}
    for one in (one for one in graph.input if one.name not in weights):
        shape = [dim.dim_value or 3 for dim in one.type.tensor_type.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type)
        values = rng.normal(size=shape) if dtype.kind == "f" else np.ones(shape)
        arrays[one.name] = values.astype(dtype)
    np.savez(tmp_path / "x.npz", **arrays)
    report = run_json(command, path, "--input", tmp_path / "x.npz", "--format", "fp32")
    assert report["layers"]
    for one in [*report["layers"], *report["outputs"].values()]:
        assert one["max_abs"] < 1e-5
    # ONNX Runtime does not run layers whose batch comes first; everything else it does.
    assert (report["reference"] == "ONNX Runtime") == ("batch_first" not in path.stem)


def test_what_the_units_cannot_do_runs_elsewhere(command, data, tmp_path):
    clipped = make_model(tmp_path / "clipped.onnx", clip=0.5)
    report = run_json(command, clipped, "--input", data, "--format", "fp32")
    assert report["elsewhere"] == {"lstm": "clip"}
    assert [one["name"] for one in report["layers"]] == ["gru", "dense"]
    assert report["outputs"]["logits"]["max_abs"] < 1e-6
    assert "node lstm does not run on the machine: clip" in command("execute", str(clipped), "--input", str(data)).err


X = np.zeros((STEPS, BATCH, INPUTS), np.float32)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (
            {"x": X.astype(np.float64)},
            "inputs: x: expected float32 of shape (T, B, 16), got float64 of shape (7, 2, 16)",
        ),
        ({"x": X[..., :15]}, "inputs: x: expected float32 of shape (T, B, 16), got float32 of shape (7, 2, 15)"),
        ({"x": X[0]}, "inputs: x: expected float32 of shape (T, B, 16), got float32 of shape (2, 16)"),
        ({"X": X}, "inputs: expected arrays x, got 'X'"),
        ({"x": X, "length": X}, "inputs: expected arrays x, got 'length'"),
        ({}, "inputs: expected an array 'x' (float32 of shape (T, B, 16)), got none"),
        ({"x": X[:0]}, "expected an array of shape (steps, sequences, 16), got (0, 2, 16)"),
        ({"x": np.array([None])}, "x.npz: expected a .npz file of arrays of numbers, got none that is whole"),
    ],
)
def test_inputs_that_are_not_the_models_are_refused_in_a_sentence(command, model, tmp_path, arrays, sentence):
    np.savez(tmp_path / "x.npz", **arrays)
    outcome = command("execute", str(model), "--input", str(tmp_path / "x.npz"))
    assert outcome.code == 2
    assert sentence in outcome.err
    assert outcome.err.count("\n") == 1


def test_arrays_that_unpack_to_more_than_fits_are_refused(command, model, tmp_path, monkeypatch):
    monkeypatch.setattr("sharp.values.arrays._MOST_BYTES", 2**20)
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros(2**20, np.float32))
    assert (tmp_path / "x.npz").stat().st_size < 2**14
    outcome = command("execute", str(model), "--input", str(tmp_path / "x.npz"))
    assert outcome.code == 2
    assert outcome.err.endswith("x.npz: expected arrays of at most 1 MiB, got more, compressed\n")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (["--format", "fp15"], "format: expected fp32, fp16, "),
        (["--format", "int8/fp32"], "precision: expected integers with integer sums"),
        (["--scales", "column"], "scales: expected row or tensor, got 'column'"),
        (["--activation-table", "0"], "pieces: expected a positive integer, got 0"),
        (["--tile-rows", "48"], "tile_rows: expected one of 32, 64, 128, 256"),
        (["--accelerator", "brainwave"], "brainwave"),
        (["-o", "x.npz"], "x.npz: expected another file than those that are read"),
        (["-o", "nowhere/y.npz"], "nowhere/y.npz: expected a place that can be written"),
        (["--input", "nothing.npz"], "nothing.npz: expected a .npz file of arrays, got: No such file or directory"),
        (["--input", "broken.npz"], "broken.npz: expected a .npz file of arrays of numbers, got none that is whole"),
        (["--schedule", "sequential"], "node gru: schedule: expected intergate, unfolded or interleaved"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_a_sentence(command, model, data, change, sentence, monkeypatch):
    monkeypatch.chdir(data.parent)
    Path("broken.npz").write_bytes(data.read_bytes()[:-100])
    data_given = () if "--input" in change else ("--input", "x.npz")
    outcome = command("execute", str(model), *data_given, *change)
    assert outcome.code == 2
    assert sentence in outcome.err
    assert outcome.err.count("\n") == 1


def test_what_is_no_model_is_refused(command, data):
    outcome = command("execute", str(data), "--input", str(data))
    assert outcome.code == 2
    assert f"{data}: expected an ONNX file" in outcome.err


@pytest.mark.parametrize("field", ["op_type", "output"])
def test_a_node_that_is_broken_is_refused(command, model, data, tmp_path, field):
    broken = onnx.load(model)
    broken.graph.node[0].ClearField(field)
    onnx.save(broken, tmp_path / "broken.onnx")
    outcome = command("execute", str(tmp_path / "broken.onnx"), "--input", str(data))
    assert outcome.code == 2
    assert "node 0: expected an operator, an output and names that are texts, got others" in outcome.err


def test_a_package_that_is_missing_is_named(command, model, data, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("sharp.values.onnx_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    outcome = command("execute", str(model), "--input", str(data))
    assert outcome.code == 2
    assert "expected the package onnxruntime to run it (pip install 'sharp-rnn[values]'), got none" in outcome.err


def test_formats_beside_each_other_with_time_and_energy(command, model, data):
    labels = "fp32,fp16,bf16,fp8,int8,e6m9"
    report = run_json(command, model, "--input", data, "--formats", labels)
    assert (report["network"], report["technology"]) == ("tagger", "32nm")
    assert [row["format"] for row in report["formats"]] == [
        "fp32/fp32",
        "fp16/fp32",
        "bf16/fp32",
        "e4m3/fp32",
        "int8/int32",
        "e6m9/fp32",
    ]
    single, half, brain, eight, integers, own = report["formats"]
    assert len({row["latency_s"] for row in report["formats"]}) == 1
    assert single["energy_j"] > half["energy_j"] > brain["energy_j"] > eight["energy_j"] > integers["energy_j"] > 0
    assert own["energy_j"] is None  # no energy of such numbers is known
    snr = [row["outputs"]["logits"]["snr_db"] for row in (single, half, own, brain, eight)]
    assert snr == sorted(snr, reverse=True)
    table = command("execute", str(model), "--input", str(data), "--formats", labels).out
    assert "int8/int32 logits" in table
    assert "n/a" in table


def test_the_costs_are_those_of_the_layers(command, model, data):
    import sharp

    machine = sharp.find_accelerator("sharp")
    layers = [
        sharp.RNNLayer(input_size=INPUTS, hidden_size=HIDDEN, bidirectional=True),
        sharp.RNNLayer(cell="gru", input_size=2 * HIDDEN, hidden_size=HIDDEN, linear_before_reset=False),
    ]
    cycles = sum(
        sharp.explore_layer(layer, sharp.Sequences.equal(STEPS, BATCH), machine).candidates[best].total_cycles
        for layer in layers
        for best in [sharp.explore_layer(layer, sharp.Sequences.equal(STEPS, BATCH), machine).best]
    )
    dense = sharp.RNNLayer(cell="dense", input_size=HIDDEN, hidden_size=10)
    table = sharp.explore_layer(dense, STEPS * BATCH, machine)
    cycles += table.candidates[table.best].total_cycles
    (row,) = run_json(command, model, "--input", data, "--formats", "fp16")["formats"]
    assert row["latency_s"] == pytest.approx(cycles / machine.clock_hz, rel=1e-12)


def test_thresholds_beside_everything_multiplied(command, model, data):
    report = run_json(command, model, "--input", data, "--delta-threshold", "0,0.2,2", "--macs", "1K")
    assert (report["network"], report["technology"]) == ("tagger", "32nm")
    whole, zero, some, most = report["thresholds"]
    assert [row["threshold"] for row in report["thresholds"]] == [None, 0, 0.2, 2]
    assert (whole["share_x"], whole["share_h"], whole["times_as_fast"], whole["share_of_energy"]) == (1, 1, 1, 1)
    alone = run_json(command, model, "--input", data, "--macs", "1K")
    assert whole["outputs"] == alone["outputs"]
    assert whole["layers"] == alone["layers"]
    for name in ("share_x", "share_h", "macs"):
        values = [row[name] for row in report["thresholds"]]
        assert values == sorted(values, reverse=True), name
    assert zero["outputs"]["logits"]["max_abs"] < 3e-3 < some["outputs"]["logits"]["max_abs"]
    assert most["share_of_energy"] < some["share_of_energy"]
    assert most["cycles"] < some["cycles"] < zero["cycles"]
    dense = STEPS * BATCH * 10 * HIDDEN
    assert most["macs"] > dense  # the dense node is multiplied whole
    table = command("execute", str(model), "--input", str(data), "--delta-threshold", "0.2").out
    assert "none" in table
    assert "0.2" in table


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--order", "wavefront"], "--order: expected layers, as the nodes of a model run one after the other"),
        (["--formats", "fp16", "--delta-threshold", "1"], "--delta-threshold: expected it or --formats, got both"),
        (["--delta-threshold", "1", "-o", "y.npz"], "--output: expected it or --delta-threshold, got both"),
        (["--delta-threshold", "1,x"], "--delta-threshold: expected numbers of zero or more, got 'x'"),
        (["--delta-threshold", "-1"], "--delta-threshold: expected a number from 0 to 1e+30, got -1"),
        (["--delta-threshold", "1", "--forwarding", "tilewise"], "forwarding: expected barrier"),
        (["--formats", "fp16", "--format", "fp16"], "--format: expected it or --formats, got both"),
        (["--formats", "fp16", "-o", "y.npz"], "--output: expected it or --formats, got both"),
        (["--formats", "fp16,fp15"], "format: expected fp32, fp16, "),
        (["--technology", "32nm"], "--technology: expected it with --formats"),
    ],
)
def test_formats_that_make_no_sense_are_refused(command, model, data, options, sentence):
    outcome = command("execute", str(model), "--input", str(data), *options)
    assert outcome.code == 2
    assert sentence in outcome.err
