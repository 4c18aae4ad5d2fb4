"""What a run costs: derived figures by definition, the report as JSON, the paper's power."""

import json
import math
from dataclasses import asdict, fields, replace
from statistics import mean

import pytest

from sharp import (
    Gating,
    Network,
    Plan,
    RNNLayer,
    SpecificationError,
    evaluate_energy,
    find_accelerator,
    find_network,
    find_technology,
    implement,
    simulate,
    square_lstm,
)
from sharp.cycles.activity import Activity
from sharp.energy import power as module
from sharp.energy.breakdown import ENERGY_COLUMNS, EnergyBreakdown, full_speed
from sharp.energy.implementation import COMPONENTS
from sharp.energy.power import EnergyReport, implementation_dict, peak_power
from sharp.machine.memories import BUFFERS

TECHNOLOGY = find_technology("32nm-paper")
BUDGETS = ("1K", "4K", "16K", "64K")
PAPERS = ("eesen", "gmat", "bysdne", "rldradspr")
"""The paper's four networks."""
MADE = {label: implement(find_accelerator("sharp").with_macs(label), TECHNOLOGY) for label in BUDGETS}
GATINGS = [Gating(), Gating(clock=True), Gating(power=True), Gating(clock=True, power=True)]


def evaluate(name="eesen", budget="64K", gating=None, plan=None) -> EnergyReport:
    made = MADE[budget]
    return evaluate_energy(simulate(find_network(name), made.accelerator, plan), made, gating)


@pytest.fixture(scope="module")
def batch():
    """Four sequences of a layer of each cell, streamed; more than one thing is divided by."""
    layers = (RNNLayer(input_size=100, hidden_size=200, projection_size=64), RNNLayer(input_size=64, hidden_size=90))
    network = Network(name="batch", layers=(*layers, RNNLayer(input_size=90, hidden_size=33, cell="gru")), seq_len=7)
    report = simulate(network.with_lengths([7, 7, 3, 1]), MADE["4K"].accelerator, Plan(weights="streamed"))
    return evaluate_energy(report, MADE["4K"], Gating(clock=True, power=True))


# By definition -------------------------------------------------------------------------------------------------------


def test_derived_figures_by_definition(batch):
    energy, seconds = batch.energy.total_j, batch.report.counts.total_cycles / 5e8
    operations = (4 * 200 * 164 + 200 * 64 + 4 * 90 * 154 + 3 * 33 * 123) * (7 + 7 + 3 + 1)
    assert batch.power_w == pytest.approx(energy / seconds, rel=1e-12)
    assert batch.energy_per_sequence_j == pytest.approx(energy / 4, rel=1e-12)
    assert batch.energy_delay_js == pytest.approx(energy * seconds, rel=1e-12)
    assert batch.gflops_per_w == pytest.approx(2 * operations / seconds / 1e9 / batch.power_w, rel=1e-12)
    # One operation a multiply-accumulate, in units of 2^40 / 1000 a second.
    assert batch.gflops_per_w_paper == pytest.approx(operations / seconds / (2**40 / 1000) / batch.power_w, rel=1e-12)
    assert batch.gflops_per_w / batch.gflops_per_w_paper == pytest.approx(2 * 2**40 / 1e12, rel=1e-12)


@pytest.mark.parametrize("gating", GATINGS)
@pytest.mark.parametrize("plan", [Plan(), Plan(weights="streamed")])
def test_layers_sum_to_the_energy_of_the_run(gating, plan):
    costs = evaluate(gating=gating, plan=plan)
    assert len(costs.layers) == 5
    assert costs.energy.total_j == pytest.approx(sum(layer.total_j for layer in costs.layers), rel=1e-12)
    for name in COMPONENTS:
        assert costs.energy.of(name) == pytest.approx(sum(layer.of(name) for layer in costs.layers), rel=1e-12)


def test_the_row_of_a_table_by_definition(batch):
    row = batch.as_row()
    assert tuple(row) == ENERGY_COLUMNS
    assert row["energy_j"] == pytest.approx(sum(row[f"{name}_j"] for name in COMPONENTS), rel=1e-12)
    assert row["leakage_j"] == pytest.approx(sum(batch.energy.static_j.values()), rel=1e-12)
    assert {name: row[f"{name}_j"] for name in COMPONENTS} == {name: batch.energy.of(name) for name in COMPONENTS}
    assert (row["power_w"], row["gflops_per_w"]) == (batch.power_w, batch.gflops_per_w)
    assert row["area_mm2"] == pytest.approx(sum(MADE["4K"].area_mm2.values()), rel=1e-12)


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_peak_by_hand(budget):
    # Every multiplier and bank; N = M/32 elements read; 64 cells updated, each written, c read and written; 64 lanes of
    # tanh, and the cells' own; 256 sums kept and read; 60 bytes of weights a cycle from the DRAM; no energy gated.
    made, of = MADE[budget], MADE[budget].prices
    macs = made.accelerator.num_macs
    picojoules = (
        macs * (of.multiply_pj + of.add_pj + of.register_pj)
        + macs / 32 * (of.bank_read_pj + of.vector_read_pj)
        + 64 * (of.vector_write_pj + of.state_read_pj + of.state_write_pj)
        + 256 * (of.sum_read_pj + of.sum_write_pj)
        + 128 * of.tanh_pj
        + 3 * 64 * of.elementwise_multiply_pj
        + 128 * of.elementwise_add_pj
        + of.controller_pj
        + 60 * (of.dram_byte_pj + of.weight_write_pj)
    )
    assert peak_power(made) == pytest.approx(picojoules * 1e-12 * 5e8 + made.leakage_w, rel=1e-12)
    assert evaluate(budget=budget, gating=GATINGS[3]).peak_power_w == peak_power(made)
    assert full_speed(made.accelerator).idle_cycles == 0


# Work done once ------------------------------------------------------------------------------------------------------


def test_an_implementation_gives_what_its_technology_gives():
    report = simulate(find_network("gmat"), MADE["16K"].accelerator)
    by_technology, reused = evaluate_energy(report, TECHNOLOGY), evaluate_energy(report, MADE["16K"])
    assert by_technology.as_dict() == reused.as_dict()
    assert reused.implementation is MADE["16K"]


def test_equal_layers_are_evaluated_once(monkeypatch):
    counted: list[Activity] = []

    def count(activity: Activity, *arguments) -> EnergyBreakdown:
        counted.append(activity)
        return break_down(activity, *arguments)

    break_down = module.break_down
    monkeypatch.setattr(module, "break_down", count)
    costs = evaluate("gmat")  # 17 layers
    assert len(costs.layers) == 17
    assert len(counted) == len(set(costs.report.activities)) < 17
    for activity, layer in zip(costs.report.activities, costs.layers, strict=True):
        assert layer is costs.layers[costs.report.activities.index(activity)]


def test_what_cannot_be_gated_is_refused():
    report = simulate(square_lstm(64), MADE["1K"].accelerator)
    with pytest.raises(SpecificationError, match=r"^power_gating: expected .*, got '22 nm, itrs-hp, 360 K'$"):
        evaluate_energy(report, TECHNOLOGY.scaled(22), Gating(power=True))


# As JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gating", GATINGS)
def test_the_report_is_json_and_its_parts_sum_to_what_it_says(gating):
    content = evaluate("bysdne", gating=gating, plan=Plan(weights="streamed")).as_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert (content["clock_gating"], content["power_gating"]) == (gating.clock, gating.power)
    dynamic = {name: entry["dynamic_j"] for name, entry in content["components"].items()}
    static = [entry["static_j"] for entry in content["components"].values()]
    for name, joules in dynamic.items():
        actions = [action for action in content["actions"] if action["component"] == name]
        assert joules == pytest.approx(sum(action["energy_j"] for action in actions), rel=1e-12)
        for action in actions:
            assert action["energy_j"] == pytest.approx(action["count"] * action["price_pj"] * 1e-12, rel=1e-12)
    assert content["energy_j"] == pytest.approx(sum(dynamic.values()) + math.fsum(static), rel=1e-12)
    assert content["energy_j"] == pytest.approx(sum(layer["energy_j"] for layer in content["layers"]), rel=1e-12)


def test_keys_of_the_report(batch):
    content = batch.as_dict()
    assert list(content) == [
        *("technology", "node_nm", "voltage_v", "cell_type", "temperature_k", "precision"),
        *("clock_gating", "power_gating", "weight_locality", "energy_j", "energy_per_sequence_j", "power_w"),
        *("peak_power_w", "gflops_per_w", "gflops_per_w_paper", "energy_delay_js", "area_mm2"),
        *("components", "actions", "layers", "warnings"),
    ]
    assert (content["technology"], content["node_nm"], content["precision"]) == ("32nm-paper", 32, "fp16/fp32")
    assert list(content["components"]) == list(COMPONENTS)
    assert {tuple(entry) for entry in content["components"].values()} == {("dynamic_j", "static_j")}
    assert {tuple(entry) for entry in content["actions"]} == {("component", "action", "count", "price_pj", "energy_j")}
    layer = content["layers"][2]
    assert list(layer) == ["energy_j", "components", "activity"]
    assert list(layer["activity"]) == [field.name for field in fields(Activity)]
    assert layer["activity"] == asdict(batch.report.activities[2])


def test_a_machine_in_a_technology_is_json_where_nothing_is_known_of_sleep():
    made = implement(MADE["16K"].accelerator, TECHNOLOGY.scaled(7))
    content = implementation_dict(made)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["area_mm2"] == pytest.approx(sum(part["area_mm2"] for part in content["components"].values()))
    assert content["leakage_w"] == pytest.approx(sum(part["leakage_w"] for part in content["components"].values()))
    assert content["memories"]["io_buffer"]["leakage_low_w"] is None
    report = simulate(square_lstm(64), made.accelerator)
    json.dumps(evaluate_energy(report, made).as_dict(), allow_nan=False)


def test_a_warning_is_passed_on():
    machine = MADE["1K"].accelerator
    costs = evaluate_energy(simulate(square_lstm(8), machine), TECHNOLOGY)
    assert (costs.warnings, costs.as_dict()["warnings"]) == ([], [])
    warned = evaluate_energy(simulate(square_lstm(8), replace(machine, clock_hz=1e10)), TECHNOLOGY)
    assert warned.as_dict()["warnings"] == warned.implementation.warnings != []


# The paper -----------------------------------------------------------------------------------------------------------


# Tolerance: ours are 21 to 29 % above, with no number chosen after looking at the paper's. Energies of arithmetic have
# ranges of -20 % and more than twice, SRAM at another temperature leaks 3.5 times less, and the paper does not say what
# its watts count.
@pytest.mark.paper
@pytest.mark.parametrize(("budget", "paper"), [("1K", 8.11), ("4K", 11.36), ("16K", 22.13), ("64K", 47.7)])
def test_mean_power_of_the_papers_networks(budget, paper):
    assert mean(evaluate(name, budget).power_w for name in PAPERS) == pytest.approx(paper, rel=0.35)


# No tolerance: the order in which the paper's breakdown has them.
@pytest.mark.paper
@pytest.mark.parametrize("name", PAPERS)
def test_sram_comes_first_on_small_machines_and_the_compute_unit_on_the_largest(name):
    first = {}
    for budget in BUDGETS:
        energy = evaluate(name, budget).energy
        shares = {part: energy.of(part) for part in ("compute_unit", "mfu", "controller", "dram")}
        shares["sram"] = sum(energy.of(buffer) for buffer in BUFFERS)
        first[budget] = max(shares, key=shares.__getitem__)
    assert (first["1K"], first["4K"], first["64K"]) == ("sram", "sram", "compute_unit")
