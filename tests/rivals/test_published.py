"""Machines of files: of each kind, and those of which latencies are known and nothing else."""

import json
from dataclasses import replace

import pytest

from sharp import RNNLayer, SpecificationError, find_machine, find_network, square_lstm
from sharp.machines import load_any, run_on, shipped_machines, shipped_rivals
from sharp.rivals.brainwave import BrainWave, find_brainwave
from sharp.rivals.data import plasticine_latencies
from sharp.rivals.gpu import ERRORS, Gpu, gpu_models
from sharp.rivals.published import Published
from sharp.rivals.tiles import Tiles
from sharp.workload.single import single_layer

TILES = "kind: tiles\nlike: sharp\nactivation_lanes: 128\n"
VECTOR = (
    "kind: vector\nnum_macs: 24000\nnative_dimension: 200\nclock_hz: 300e6\nstep_cycles: 500\ninvocation_cycles: 1000\n"
)
GPU = (
    "kind: gpu\nprecision: fp16_tensor\nnum_macs: 40960\nclock_hz: 1.5e9\nlaunch_s: 5e-6\nstartup_s: 1e-3\n"
    "bandwidth_bytes_per_s: 7e11\nhalf_peak_size: 300\n"
)
PUBLISHED = (
    "kind: published\nlatencies:\n- {network: eesen, latency_ms: 2.5, source: a text}\n"
    "- {cell: lstm, hidden_size: 512, seq_len: 25, latency_ms: 0.08, input_product: false}\n"
)
KINDS = {"tiles": (TILES, Tiles), "vector": (VECTOR, BrainWave), "gpu": (GPU, Gpu), "published": (PUBLISHED, Published)}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine.yaml"):
        (tmp_path / name).write_text(text)
        return name

    return write


# Files of every kind -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_says_its_kind(write, command, kind):
    text, type_ = KINDS[kind]
    machine = find_machine(write(text))
    assert type(machine) is type_
    assert machine.name == "mine"
    assert find_machine(write(f"{text}name: other\n", "x.yaml")).name == "other"
    outcome = command("run", "--network", "eesen", "--accelerator", "mine.yaml", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["latency_s"] == run_on(machine, find_network("eesen")).latency_s
    macs = "n/a" if machine.num_macs is None else machine.num_macs
    assert command("check", "mine.yaml").out == f"mine.yaml: accelerator mine, {macs} MACs: all right\n"


def test_numbers_of_a_file_are_the_machines(write):
    assert find_machine(write(TILES)).activation_lanes == 128
    vector = find_machine(write(VECTOR))
    numbers = {"num_macs": 24_000, "native_dimension": 200, "clock_hz": 300e6}
    assert vector == replace(find_brainwave(), name="mine", **numbers, step_cycles=500, invocation_cycles=1000)
    assert vector.provenance["step_cycles"].source == "the user's file"
    gpu = find_machine(write(GPU))
    assert (gpu.launch_s, gpu.half_peak_size, gpu.weight_bytes) == (5e-6, 300, 2)


def test_a_gpu_of_a_file_runs_as_one_that_is_fitted(write):
    fitted = gpu_models()["tesla-v100-fp16"]
    lines = [f"{name}: {getattr(fitted, name)!r}" for name in fitted.settings]
    lines += [f"{name}: {getattr(fitted, name)!r}" for name in ("num_points", *ERRORS)]
    lines += ["ranges:", *(f"  {name}: {list(bounds)}" for name, bounds in fitted.ranges.items())]
    lines += ["kind: gpu", "precision: fp16_tensor", "cells: [gru, lstm]", "device: Tesla V100", "status: derived"]
    mine = find_machine(write("\n".join(lines)))
    assert mine == replace(fitted, name="mine", source="the user's file")
    network = find_network("eesen")
    assert mine.run(network).counts == fitted.run(network).counts
    assert mine.run(network).notes == tuple(note.replace(fitted.name, "mine") for note in fitted.run(network).notes)
    bare = find_machine(write(GPU, "bare.yaml"))
    assert bare.run(network).notes == ("the numbers of bare are not fitted to measurements here: the user's file",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kind: gpus\n", "kind: expected tiles, vector, "),
        ("kind: gpus\n", "got 'gpus' (did you mean 'gpu'"),
        ("kind: [gpu]\n", "kind: expected a printable text, got"),
        ("kind: null\n", "kind: expected a printable text, got None"),
        (f"{VECTOR}kernel: 3\n", "brainwave: expected num_macs, native_dimension, clock_hz, step_cycles, "),
        (VECTOR.replace("24000", "{value: 24000}"), "num_macs: expected a key 'unit', got value"),
        (VECTOR.replace("24000", "-1"), "num_macs: expected a positive integer, got -1"),
        (VECTOR.replace("step_cycles: 500\n", ""), "brainwave: expected a number step_cycles, got none"),
        (f"{VECTOR}name: 3\n", "name: expected a printable text, got 3"),
        (GPU.replace("precision: fp16_tensor\n", ""), "gpu: expected a key 'precision'"),
        (GPU.replace("fp16_tensor", "fp15"), "precision: expected fp32, tf32, fp16, "),
        (GPU.replace("launch_s: 5e-6\n", ""), "gpu: expected a number launch_s, got none"),
        (GPU.replace("launch_s:", "lunch_s:"), "gpu: expected no key 'lunch_s' (did you mean 'launch_s'?)"),
        (GPU.replace("300", "no"), "half_peak_size: expected a positive number, got False"),
        (f"{GPU}cells: lstm\n", "cells: expected a list with at least one entry, got 'lstm'"),
        (f"{GPU}cells: [lstn]\n", "(did you mean 'lstm'"),
        (f"{GPU}ranges: {{hidden_size: [1, 2]}}\n", "ranges: expected a key 'batch_size'"),
        (f"{GPU}ranges: 3\n", "ranges: expected a mapping, got 3"),
        (f"{GPU}num_points: many\n", "num_points: expected an integer of at least 0, got 'many'"),
        (f"{GPU}inputs_measured: 3\n", "inputs_measured: expected true or false, got 3"),
        (f"{TILES}kind_: 3\n", "accelerator: expected no key 'kind_'"),
        ("kind: published\n", "published: expected a key 'latencies', got none"),
        ("kind: published\nlatencies: []\n", "latencies: expected a list with at least one entry, got []"),
        ("kind: published\nlatencies: 3\n", "latencies: expected a list with at least one entry, got 3"),
        ("kind: published\nlatencies: none.csv\n", "none.csv: expected a readable CSV file"),
        ("kind: published\nlatencies: [3]\n", "latencies[0].latency: expected a mapping, got 3"),
        ("kind: published\nlatencies: [{latency_ms: 3}]\n", "latencies[0].cell: expected a value, or a network in its"),
        (f"{PUBLISHED}- {{network: eesen, latency_ms: 3}}\n", "latencies: expected each network once, got 'eesen'"),
        (PUBLISHED.replace("2.5", "-2.5"), "latencies[0].latency_ms: expected a positive number"),
        (PUBLISHED.replace("eesen", "esen"), "(did you mean 'eesen'"),
        (PUBLISHED.replace("eesen", "[1]"), "network: expected a text or a number, got [1]"),
        (f"{PUBLISHED}clock_hz: 0\n", "clock_hz: expected a positive number, got 0"),
        (f"{PUBLISHED}step_cycles: 0\n", "published: expected no key 'step_cycles'"),
    ],
)
def test_a_bad_file_gets_one_sentence(write, command, text, sentence):
    name = write(text)
    for arguments in (("check", name), ("run", "--hidden", "8", "--accelerator", name)):
        outcome = command(*arguments)
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
        assert outcome.err.startswith("sharp: mine.yaml: ") or "none.csv" in outcome.err
        assert sentence in outcome.err


def test_a_file_of_another_kind_is_no_accelerator_of_tiles(write):
    from sharp import find_accelerator

    with pytest.raises(SpecificationError, match=r"kind: expected tiles, got 'vector'|accelerator: expected no key"):
        find_accelerator(write(VECTOR))


# Published latencies -------------------------------------------------------------------------------------------------


def test_a_published_machine_knows_its_networks_and_no_other(write):
    machine = find_machine(write(PUBLISHED))
    report = machine.run(find_network("eesen"))
    assert (report.latency_s, report.counts, report.utilization, report.layers) == (0.0025, None, None, ())
    assert report.notes == ("a latency that is given, nothing more is known (a text; unknown)",)
    same = single_layer(RNNLayer(input_size=512, hidden_size=512), 25)
    assert machine.run(same).latency_s == machine.run(replace(same, name="any")).latency_s == 8e-5
    assert machine.run(same).notes[1] == "it is without the products with x"
    for other in (square_lstm(512, 26), replace(same, batch_size=2), square_lstm(8)):
        with pytest.raises(
            SpecificationError, match=r"^network: expected one whose latency is known of mine \(eesen, "
        ):
            machine.run(other)


def test_with_a_peak_there_is_a_utilization(write):
    network = find_network("eesen")
    report = find_machine(write(f"{PUBLISHED}num_macs: 4096\nclock_hz: 1e9\n")).run(network)
    assert report.utilization == network.num_macs / (4096 * 1e9 * 0.0025)
    assert report.as_dict()["total_cycles"] is None


def test_what_was_measured_without_the_products_with_x_has_fewer_of_them(write):
    same = single_layer(RNNLayer(input_size=512, hidden_size=512), 25)
    report = find_machine(write(f"{PUBLISHED}num_macs: 4096\nclock_hz: 1e9\n")).run(same)
    assert report.macs == same.num_macs // 2
    assert report.utilization == same.num_macs / 2 / (4096 * 1e9 * 8e-5)
    assert report.as_dict()["ops_per_s"] == same.num_macs / 8e-5


def test_no_latency_is_shorter_than_the_multipliers_allow(write):
    with pytest.raises(SpecificationError, match=r"latencies: expected at least 0\.0258944 s of eesen, "):
        find_machine(write(f"{PUBLISHED}num_macs: 1000\nclock_hz: 250e6\n"))


def test_a_row_without_energy_and_one_that_did_not_run(command):
    arguments = ("--network", "eesen", "--accelerators", "sharp,plasticine,epur", "--energy", "--macs", "4K", "--json")
    mine, other, epur = json.loads(command("compare", *arguments).out)["machines"]
    assert mine["energy_ratio"] == 1 != epur["energy_ratio"] > 0
    assert [other[name] for name in ("latency_s", "energy_j", "power_w", "energy_ratio")] == [None] * 4


def test_latencies_of_a_table_lie_beside_the_file(tmp_path, write):
    (tmp_path / "folder").mkdir()
    table = "device,network,latency_ms\nboard,eesen,2\ncard,eesen,3\n"
    write(table, "folder/mine.csv")
    name = write("kind: published\nlatencies: mine.csv\ndevice: card\n", "folder/mine.yaml")
    assert find_machine(name).run(find_network("eesen")).latency_s == 0.003
    write("kind: published\nlatencies: mine.csv\n", "folder/mine.yaml")
    with pytest.raises(SpecificationError, match=r"^folder/mine.yaml: device: expected one of board, card, got none$"):
        find_machine(name)


def test_plasticine_ships_as_what_its_paper_prints(command):
    machine = shipped_machines("published")["plasticine"]
    assert machine == find_machine("plasticine")
    for latency in plasticine_latencies():
        assert run_on(machine, latency.network).latency_s == latency.latency_s
    assert "plasticine" not in shipped_rivals()
    listed = command("list", "accelerators").out
    assert [line.strip() for line in listed.splitlines()[-4:]] == [
        *("machines of which latencies are published", "name", "plasticine", ""),
    ]
    assert json.loads(command("list", "--json").out)["published"] == ["plasticine"]


def test_what_is_not_known_is_said_so(command):
    problem = ("--network", "deepbench-lstm-h512-t25")
    outcome = command("run", *problem, "--accelerator", "plasticine")
    assert outcome.out.splitlines() == [
        "deepbench-lstm-h512-t25 on plasticine",
        "52,428,800 MACs, 7,544 GFLOPS (2 operations each)",
        "latency 13.900 us, 25 time steps",
    ]
    rows = command("compare", *problem, "--accelerators", "sharp,plasticine,epur").out.splitlines()[3:]
    assert rows[1].split() == ["plasticine", "n/a", "n/a", "13.900", "us", "n/a", "3.54x"]
    outcome = command("compare", "--network", "eesen", "--accelerators", "sharp,plasticine")
    assert outcome.code == 0
    assert "note: plasticine: network: expected one whose latency is known of plasticine (" in outcome.err
    assert command("run", *problem, "--accelerator", "plasticine", "--set", "clock_hz=1e9").err == (
        "sharp: --set: expected a machine of tiles with it, such as sharp, got plasticine\n"
    )


def test_a_file_of_latencies_is_loaded_as_any(write):
    from pathlib import Path

    assert load_any(Path(write(PUBLISHED))) == find_machine("mine.yaml")
