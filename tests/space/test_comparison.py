"""Machines with their own plan, and machines side by side."""

import json
from dataclasses import replace

import pytest

from sharp import (
    Plan,
    RNNLayer,
    SpecificationError,
    explore,
    find_accelerator,
    find_network,
    simulate,
    square_lstm,
    sweep,
)
from sharp.machine.files import load_accelerator, shipped_accelerators
from sharp.published import published_numbers
from sharp.space.survey import survey
from sharp.workload.single import single_layer

NETWORKS = ("eesen", "gmat", "bysdne", "rldradspr")
BUDGETS = ("1K", "4K", "16K", "64K")


@pytest.mark.parametrize(("name", "schedule"), [("epur", "sequential"), ("epur-intergate", "intergate")])
def test_epur_is_sharp_but_for_tile_and_plan(name, schedule):
    epur, sharp = find_accelerator(name), find_accelerator("sharp")
    different = [field for field in vars(sharp) if getattr(epur, field) != getattr(sharp, field)]
    assert set(different) == {"name", "tile_rows", "plan", "provenance"}
    assert epur.tile_rows == (32,)
    assert epur.plan == Plan(schedule=schedule, reconfiguration=False)
    assert sharp.plan == Plan()
    network = square_lstm(340)
    fixed = Plan(schedule=schedule, tile_rows=32, reconfiguration=False)
    assert simulate(network, epur).counts == simulate(network, sharp, fixed).counts


def test_everything_runs_a_machine_as_it_is_run():
    epur, network = find_accelerator("epur").with_macs("4K"), square_lstm(340)
    report = simulate(network, epur)
    assert report.plan.schedule_name == "sequential"
    assert explore(network, epur)[0].candidates[32] == report.counts
    for table in (survey([network], epur, macs=["4K"]), sweep({"hidden_size": 340}, epur)):
        assert table["total_cycles"].tolist() == [report.counts.total_cycles]
    asked = sweep({"hidden_size": 340, "schedule": "batch", "reconfiguration": True}, epur)
    plan = replace(epur.plan, schedule="batch", reconfiguration=True)
    assert asked["total_cycles"].tolist() == [simulate(network, epur, plan).counts.total_cycles]


def test_a_sweep_keeps_to_the_tile_height_of_the_machines_own_plan():
    sharp = find_accelerator("sharp").with_macs("16K")
    mine = replace(sharp, plan={"schedule": "batch", "tile_rows": 64, "weights": "streamed"})
    table = sweep({"hidden_size": [100, 340, 1024], "bidirectional": [True, False, False]}, mine)
    layers = [RNNLayer(input_size=h, hidden_size=h, bidirectional=h == 100) for h in (100, 340, 1024)]
    expected = [simulate(single_layer(layer, 25), mine).counts.total_cycles for layer in layers]
    assert table["total_cycles"].tolist() == expected
    assert set(table["tile_rows"]) == {64}
    assert set(table["method"]) == {"closed form"}
    with pytest.raises(SpecificationError, match="tile_rows: expected one of 32 or best"):
        sweep({"hidden_size": 64}, replace(mine, tile_rows=(32,)))


@pytest.mark.paper
@pytest.mark.parametrize(("name", "error"), [("epur", 0.12), ("epur-intergate", 0.17)])
def test_table_6(name, error):
    # Mean absolute relative error of the sixteen speedups: 11.0 % and 16.4 %. Two of its rows, of layers of equal size,
    # contradict each other at 4K and 64K, so that no model can come much nearer.
    numbers, errors = published_numbers(), []
    for network in NETWORKS:
        for budget in BUDGETS:
            here = [simulate(find_network(network), find_accelerator(of).with_macs(budget)) for of in (name, "sharp")]
            speedup = here[0].latency_s / here[1].latency_s
            errors.append(abs(speedup / numbers[f"speedup_epur_{network}_{budget.lower()}"].value - 1))
    assert 0.9 * error < sum(errors) / len(errors) < error


# Files ---------------------------------------------------------------------------------------------------------------


def load(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return load_accelerator(path)


def test_a_machine_like_another(tmp_path):
    mine = load(tmp_path, "name: mine\nlike: sharp\nactivation_lanes: 128\nplan: {forwarding: tilewise, tile_rows: 64}")
    sharp = find_accelerator("sharp")
    assert (mine.name, mine.activation_lanes, mine.multiply_ns) == ("mine", 128, sharp.multiply_ns)
    assert mine.provenance["activation_lanes"].status == "given"
    assert mine.provenance["multiply_ns"] == sharp.provenance["multiply_ns"]
    assert mine.plan == Plan(forwarding="tilewise", tile_rows=64)
    assert mine.with_macs("1K").plan == mine.plan


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("like: shrp", "like: expected epur, epur-intergate, epur-own, sharp, got 'shrp' (did you mean 'sharp'"),
        ("like: epur", "like: expected a machine that is not itself like another, such as sharp, got 'epur'"),
        ("like: sharp\nplan: {scedule: batch}", "plan: expected no key 'scedule' (did you mean 'schedule'"),
        ("like: sharp\nplan: {schedule: bach}", "plan.schedule: expected"),
        ("like: sharp\nplan: {tile_rows: 48}", "plan.tile_rows: expected one of 32, 64, 128, 256 or best"),
        ("like: sharp\nplan: 3", "plan: expected a mapping, got 3"),
    ],
)
def test_bad_machines(tmp_path, text, sentence):
    with pytest.raises(SpecificationError) as error:
        load(tmp_path, f"name: mine\n{text}")
    assert sentence in str(error.value)


# The command ---------------------------------------------------------------------------------------------------------


def test_compare_json(command):
    report = json.loads(command("compare", "--network", "eesen", "--macs", "64K", "--energy", "--json").out)
    sharp, epur, _ = rows = report["machines"]
    assert [row["accelerator"] for row in rows] == ["sharp", "epur", "epur-intergate"]
    assert [row["schedule"] for row in rows] == ["unfolded", "sequential", "intergate"]
    assert (sharp["speedup"], sharp["energy_ratio"]) == (1, 1)
    assert epur["speedup"] == epur["latency_s"] / sharp["latency_s"] > 1
    assert epur["energy_ratio"] == sharp["energy_j"] / epur["energy_j"] < 1


def test_compare_for_people(command):
    out = command("compare", "--hidden", "512", "--accelerators", "epur, sharp").out
    assert "lstm-512x512-t25, 25 time steps" in out
    assert "of epur" in out
    assert "energy" not in out


def test_run_takes_the_plan_of_the_machine_unless_asked(command):
    epur = ("run", "--hidden", "64", "--accelerator", "epur", "--json")
    own, asked = (json.loads(command(*epur, *more).out) for more in ((), ("--schedule", "batch", "--reconfiguration")))
    assert (own["schedule"], own["reconfiguration"]) == ("sequential", False)
    assert (asked["schedule"], asked["reconfiguration"]) == ("batch", True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--accelerators", "sharp,epr"),
            "or a YAML file, got 'epr' (did you mean 'epur'?)",
        ),
        (("--accelerators", ""), "accelerator: expected epur,"),
        (("--power-gating",), "--power-gating: expected --energy with it, got none"),
        (("--set", "tile_rows=[48]", "--macs", "1K"), "num_macs: expected a multiple of every tile height (48)"),
    ],
)
def test_bad_comparisons(command, arguments, sentence):
    outcome = command("compare", "--hidden", "64", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert sentence in outcome.err


def test_every_machine_that_ships_has_all_budgets():
    for machine in shipped_accelerators():
        other = "64" if machine.name == "epur-own" else "96K"  # E-PUR's own 64 multipliers; BrainWave's
        assert set(machine.budgets) == {*BUDGETS, other}
