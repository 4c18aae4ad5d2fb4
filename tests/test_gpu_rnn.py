"""The benchmark of GPUs: what it selects and writes, and what it says where there is no PyTorch."""

import importlib.util
import sys
from pathlib import Path

import pytest

from sharp import RNNLayer, SpecificationError, find_network
from sharp.rivals.data import PRECISIONS, load_latencies
from sharp.workload.network import Network
from sharp.workload.single import single_layer

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu_rnn.py"


def load_script():
    spec = importlib.util.spec_from_file_location("gpu_rnn", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu_rnn"] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


gpu_rnn = load_script()


# Without PyTorch -----------------------------------------------------------------------------------------------------


def test_without_pytorch_it_says_so_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert gpu_rnn.main(["-o", str(tmp_path / "mine.csv"), "--device", "cpu"]) == 2
    assert capsys.readouterr() == (
        "",
        "gpu_rnn.py: expected PyTorch (pip install torch) in this Python, got none\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [[], ["-o", "x", "--batch", "0"], ["-o", "x", "--precision", "fp12"], ["-o", "x", "--repeats", "no"]]
)
def test_bad_options(arguments, capsys):
    with pytest.raises(SystemExit) as error:
        gpu_rnn.parse(arguments)
    assert error.value.code == 2
    assert "error: " in capsys.readouterr().err


# Problems ------------------------------------------------------------------------------------------------------------


def test_it_measures_the_papers_networks_and_deepbench_by_default():
    names = gpu_rnn.default_names()
    assert names[:4] == ["eesen", "gmat", "bysdne", "rldradspr"]
    assert len(names) == 4 + 23
    assert {find_network(name).batch_size for name in names} == {1}
    problems, notes = gpu_rnn.select(names, [1, 8])
    assert len(problems) == 27 + 23
    assert notes == [f"{name} is left out in batches of 8: a file of latencies cannot say that." for name in names[:4]]


def test_another_batch_is_the_same_layer():
    name = "deepbench-gru-h512-t1"
    (one, eight), notes = gpu_rnn.select([name], [1, 8])
    assert (one.name, one.network, notes) == (name, find_network(name), [])
    assert (eight.name, eight.network) == ("", single_layer(one.network.layers[0], 1, 8))
    assert eight.columns() == {"network": "", "cell": "gru", "hidden_size": 512, "seq_len": 1, "batch_size": 8}


def test_what_cudnn_does_not_have_is_left_out_once():
    problems, notes = gpu_rnn.select(["eesen-original", "gmat-original"], [1, 8])
    assert problems == []
    assert notes == [
        "eesen-original is left out: cuDNN has no peephole layers.",
        "gmat-original is left out: cuDNN has no residual layers.",
    ]
    with pytest.raises(SpecificationError, match="network: expected a name"):
        gpu_rnn.select(["esen"], [1])


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({}, ""),
        ({"projection_size": 2}, ""),
        ({"bidirectional": True}, ""),
        ({"cell": "gru"}, ""),
        ({"cell": "rnn"}, "the cell rnn"),
        ({"peephole": True}, "peephole layers"),
        ({"residual": True}, "residual layers"),
        ({"cell": "gru", "linear_before_reset": False}, "a GRU that resets before the product"),
    ],
)
def test_obstacles(changes, lacking):
    layer = RNNLayer(**{"input_size": 4, "hidden_size": 4, **changes})
    assert gpu_rnn.obstacle(single_layer(layer, 2)) == lacking


def test_sequences_of_different_lengths_are_an_obstacle():
    network = single_layer(RNNLayer(input_size=4, hidden_size=4), 3).with_lengths([3, 1])
    assert gpu_rnn.obstacle(network) == "sequences of different lengths"


def test_equal_layers_are_one_stack():
    assert [(layer.input_size, count) for layer, count in gpu_rnn.stacks(find_network("eesen"))] == [(340, 5)]
    layers = (
        RNNLayer(input_size=3, hidden_size=4, bidirectional=True),
        RNNLayer(input_size=8, hidden_size=4),
        RNNLayer(input_size=4, hidden_size=4),
        RNNLayer(cell="gru", input_size=4, hidden_size=4),
    )
    found = list(gpu_rnn.stacks(Network(name="n", layers=layers, seq_len=2)))
    assert found == [(layers[0], 1), (layers[1], 2), (layers[3], 1)]


# The file ------------------------------------------------------------------------------------------------------------


def test_precisions_are_those_of_a_file_of_latencies():
    assert set(gpu_rnn.DTYPES) <= set(PRECISIONS)
    assert gpu_rnn.precision_label("fp16", (9, 0)) == gpu_rnn.precision_label("fp16", (7, 0)) == "fp16_tensor"
    assert gpu_rnn.precision_label("fp16", (6, 1)) == gpu_rnn.precision_label("fp16", None) == "fp16"
    assert gpu_rnn.precision_label("fp32", (9, 0)) == "fp32"


def test_rows_are_what_load_latencies_reads(tmp_path):
    problems, _ = gpu_rnn.select(["eesen", "deepbench-lstm-h512-t25"], [1, 64])
    devices = ["NVIDIA H200", "NVIDIA H200 (CUDA graph)", "A, with a comma"]
    rows = [
        gpu_rnn.row_of(problem, device, "fp16_tensor", 1.25, "a test, in it")
        for problem, device in zip(problems, devices, strict=True)
    ]
    path = tmp_path / "mine.csv"
    path.write_text(gpu_rnn.file_text(["device: H200", "torch: 2"], rows))
    latencies = load_latencies(path)
    assert path.read_text().startswith("# device: H200\n# torch: 2\ndevice,network,cell,")
    assert [latency.network for latency in latencies] == [problem.network for problem in problems]
    assert [latency.device for latency in latencies] == devices
    for latency in latencies:
        assert (latency.latency_s, latency.precision) == (0.00125, "fp16_tensor")
        assert (latency.input_product, latency.source, latency.status) == (True, "a test, in it", "given")


def test_what_nvidia_smi_says(monkeypatch):
    class Answer:
        stdout = "550.1, 1980 MHz, 3201 MHz, 1980 MHz, 3201 MHz, 700.00 W\n"

    monkeypatch.setattr(gpu_rnn.subprocess, "run", lambda *_, **__: Answer)
    lines = gpu_rnn.query_gpu()
    assert (lines[0], lines[1], lines[-1]) == ("driver_version: 550.1", "clocks.sm: 1980 MHz", "power.limit: 700.00 W")


def test_without_nvidia_smi_the_head_goes_without(monkeypatch):
    def absent(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(gpu_rnn.subprocess, "run", absent)
    assert gpu_rnn.query_gpu() == []


def test_this_processor_has_a_name():
    assert gpu_rnn.cpu_name().strip()


# With PyTorch --------------------------------------------------------------------------------------------------------

OWN = """\
name: own
seq_len: 3
layers:
  - {cell: lstm, input_size: 5, hidden_size: 8, bidirectional: true}
  - {cell: lstm, input_size: 16, hidden_size: 6, projection_size: 4}
  - {cell: gru, input_size: 4, hidden_size: 7}
"""


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_a_run_on_the_cpu(tmp_path, capsys):
    pytest.importorskip("torch")
    own, path = tmp_path / "own.yaml", tmp_path / "mine.csv"
    own.write_text(OWN)
    names = [str(own), "deepbench-lstm-h256-t150", "deepbench-gru-h512-t1"]
    arguments = ["-o", str(path), "--device", "cpu", "--networks", *names, "--batch", "1", "8", "--repeats", "3"]
    assert gpu_rnn.main(arguments) == 0
    latencies = load_latencies(path)
    assert [(latency.network.name, latency.network.batch_size) for latency in latencies] == [
        ("own", 1),
        ("deepbench-lstm-h256-t150", 1),
        ("lstm-256x256-t150-b8", 8),
        ("deepbench-gru-h512-t1", 1),
        ("gru-512x512-t1-b8", 8),
    ]
    assert {(latency.precision, latency.input_product) for latency in latencies} == {("fp32", True)}
    assert path.read_text().startswith("# Measured by benchmarks/gpu_rnn.py: median of 3 runs, each alone;")
    assert "own.yaml is left out in batches of 8" in capsys.readouterr().err


def test_with_pytorch_bad_input_gets_one_sentence(tmp_path, capsys):
    pytest.importorskip("torch")
    assert gpu_rnn.main(["-o", str(tmp_path / "x.csv"), "--device", "cpu", "--networks", "esen"]) == 2
    assert capsys.readouterr().err.startswith("gpu_rnn.py: network: expected a name that `sharp list networks` prints")
    absent = ["-o", str(tmp_path / "no" / "x.csv"), "--device", "cpu", "--networks", "deepbench-gru-h512-t1"]
    assert gpu_rnn.main([*absent, "--batch", "1", "--repeats", "1"]) == 2
    assert "expected a place that can be written, got: No such file or directory" in capsys.readouterr().err
