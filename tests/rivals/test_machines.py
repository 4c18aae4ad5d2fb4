"""Machines of every kind: by name, from a file, and a network on any of them."""

from itertools import product

import pytest

from sharp import (
    Plan,
    RNNLayer,
    SpecificationError,
    find_accelerator,
    find_network,
    simulate,
    square_lstm,
)
from sharp.cycles.simulate import Report
from sharp.energy.files import shipped_technologies
from sharp.energy.power import evaluate_energy
from sharp.machine.files import accelerator_names
from sharp.rivals.brainwave import BrainWave, find_brainwave
from sharp.rivals.cpu import Cpu, cpu_models
from sharp.rivals.gpu import Gpu, gpu_models
from sharp.rivals.machines import find_machine, load_any, run_on, shipped_rivals
from sharp.rivals.npu.machine import Npu, find_npu
from sharp.rivals.tiles import Tiles
from sharp.shipped import DATA
from sharp.space.comparison import compare
from sharp.workload.files import shipped_networks
from sharp.workload.single import single_layer

BRAINWAVE_YAML = DATA / "rivals" / "brainwave.yaml"
TILES = ["epur", "epur-intergate", "epur-own", "sharp"]


# Names ---------------------------------------------------------------------------------------------------------------


def test_each_name_is_of_one_machine():
    assert accelerator_names() == TILES
    rivals = shipped_rivals()
    assert list(rivals) == ["brainwave", "npu", *gpu_models(), *cpu_models()]
    assert not set(rivals) & set(TILES)
    for name in (*TILES, *rivals):
        assert find_machine(name).name == name


def test_a_name_gives_a_machine_of_its_kind():
    assert find_machine("sharp") == find_accelerator("sharp")
    assert find_machine("brainwave") == find_brainwave()
    assert find_machine("npu") == find_npu()
    assert find_machine("titan-xp") == gpu_models()["titan-xp"]
    kinds = {type(machine) for machine in map(find_machine, (*TILES, *shipped_rivals()))}
    assert kinds == {Tiles, BrainWave, Npu, Gpu, Cpu}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("titan-xq", "onnx-runtime or a YAML file, got 'titan-xq' (did you mean 'titan-xp'"),
        ("brainwav", "accelerator: expected epur, epur-intergate, epur-own, sharp, brainwave, "),
        ("", "or a YAML file, got ''"),
        ("none.yaml", "none.yaml: expected a readable YAML file, got: No such file"),
        ("./none", "none: expected a readable YAML file, got: No such file"),
        (str(DATA / "networks" / "eesen.yaml"), "eesen.yaml: expected an accelerator, got a file of another kind"),
    ],
)
def test_an_unknown_machine_gets_one_sentence(name, sentence):
    with pytest.raises(SpecificationError) as error:
        find_machine(name)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


# Files ---------------------------------------------------------------------------------------------------------------


def test_files_of_both_kinds(tmp_path):
    tiles, copy = tmp_path / "mine.yaml", tmp_path / "copy.yml"
    tiles.write_text("name: mine\nlike: sharp\nactivation_lanes: 128\n")
    copy.write_text(BRAINWAVE_YAML.read_text())
    assert find_machine(str(tiles)) == find_accelerator(str(tiles))
    assert find_machine(str(tiles)).activation_lanes == 128
    assert find_machine(str(copy)) == find_brainwave(copy)
    assert find_machine(str(copy)).name == "copy"


def test_a_name_that_ships_is_no_file_of_the_same_name(tmp_path, monkeypatch):
    (tmp_path / "sharp").write_text("name: other\nlike: sharp\n")
    monkeypatch.chdir(tmp_path)
    assert find_machine("sharp") == find_accelerator("sharp")
    assert find_machine("./sharp").name == "other"


def test_a_file_of_any_kind_is_told_by_its_keys():
    technology = DATA / "technology" / "32nm.yaml"
    assert load_any(BRAINWAVE_YAML) == find_brainwave()
    assert load_any(DATA / "accelerators" / "epur-own.yaml") == find_accelerator("epur-own")
    assert load_any(DATA / "networks" / "eesen.yaml") == (find_network("eesen"),)
    assert load_any(technology) in shipped_technologies()


# Runs ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TILES)
def test_a_machine_of_tiles_is_simulated(name):
    machine, network = find_accelerator(name).with_macs("4K"), find_network("bysdne")
    report = run_on(machine, network)
    assert isinstance(report, Report)
    assert report.as_dict() == simulate(network, machine).as_dict()


def test_a_plan_and_progress_are_for_tiles():
    machine, network, told = find_accelerator("sharp"), square_lstm(340), []
    plan = Plan(schedule="batch", tile_rows=64)
    report = run_on(machine, network, plan, progress=told.append)
    assert report.counts == simulate(network, machine, plan).counts
    assert report.counts != run_on(machine, network).counts
    assert told[-1] == 1


@pytest.mark.parametrize("name", shipped_rivals())
def test_a_rival_runs_as_it_runs_alone(name):
    machine, network = find_machine(name), find_network("eesen")
    report = run_on(machine, network)
    assert report.as_dict() == machine.run(network).as_dict()
    assert not isinstance(report, Report)
    assert (report.order, report.accelerator) == ("", machine)
    assert report.latency_s == report.counts.total_cycles / machine.clock_hz
    assert report.counts.useful == network.num_macs
    with pytest.raises(SpecificationError, match=rf"^plan: expected none, as {name} has no schedule to choose, got"):
        run_on(machine, network, Plan())


@pytest.mark.parametrize("name", ["brainwave", "titan-xp"])
def test_what_was_not_measured_is_refused(name):
    with pytest.raises(SpecificationError, match=r"cell: expected .*, got 'rnn'"):
        run_on(find_machine(name), single_layer(RNNLayer(cell="rnn", input_size=8, hidden_size=8), 3))


def test_every_network_that_ships_runs_on_every_kind_but_for_what_was_not_measured_there():
    # No run is faster than the multipliers at their peak.
    refused = {}
    for network, machine in product(
        shipped_networks(), map(find_machine, ("epur-own", "brainwave", "tesla-v100-fp16"))
    ):
        try:
            report = run_on(machine, network)
        except SpecificationError as error:
            refused[network.name, machine.name] = str(error)
            others = {layer.cell_name for layer in network.layers} - {"lstm", "gru"}
            projected = machine.name == "brainwave" and any(layer.projection_size for layer in network.layers)
            assert machine.name != "epur-own"
            assert others or projected
        else:
            assert report.latency_s * machine.num_macs * machine.clock_hz >= network.num_macs * (1 - 1e-12)
    sentence = refused["rldradspr-original", "brainwave"]
    assert sentence.endswith("projection_size: expected none on BrainWave (no latency is published), got 512")
    assert {name for name, _ in refused if not name.startswith("real-")} == {"rldradspr-original"}


# Side by side --------------------------------------------------------------------------------------------------------


def test_machines_of_all_kinds_side_by_side():
    network = square_lstm(512)
    reports = [run_on(find_machine(name), network) for name in ("sharp", "brainwave", "titan-xp")]
    sharp, brainwave, gpu = compare(reports)
    assert [row["accelerator"] for row in (sharp, brainwave, gpu)] == ["sharp", "brainwave", "titan-xp"]
    assert (sharp["schedule"], brainwave["schedule"], gpu["schedule"]) == ("unfolded", "", "")
    assert brainwave["total_cycles"] == 25 * 650 + 2605
    assert brainwave["speedup"] == 18_855 / 250e6 / reports[0].latency_s
    assert sharp["notes"] == []
    assert brainwave["notes"] == list(reports[1].notes) != []
    assert "energy_j" not in sharp


@pytest.mark.parametrize("first", [0, 1])
def test_an_energy_that_is_not_known_is_null(first):
    network = square_lstm(64)
    tiles, rival = run_on(find_machine("sharp"), network), run_on(find_machine("brainwave"), network)
    costs = evaluate_energy(tiles, shipped_technologies()[0])
    pairs = [(tiles, costs), (rival, None)]
    rows = compare(*map(list, zip(*(pairs if first == 0 else pairs[::-1]), strict=True)))
    mine, other = rows[first], rows[1 - first]
    assert (mine["energy_j"], mine["power_w"]) == (costs.energy.total_j, costs.power_w)
    assert mine["energy_ratio"] == (1 if first == 0 else None)
    assert (other["energy_j"], other["power_w"], other["energy_ratio"]) == (None, None, None)
