"""Search: equal to a sweep and a filter on layers, to runs one by one on networks; what it refuses."""

import json

import numpy as np
import pytest

from sharp import (
    Plan,
    SpecificationError,
    find_accelerator,
    find_network,
    find_technology,
    grid,
    square_lstm,
    sweep,
)
from sharp.design import Goal, search
from sharp.design.axes import MAX_SEARCHED
from sharp.design.goal import run_costs
from sharp.machine.accelerator import with_settings

MACHINE, TECHNOLOGY = find_accelerator("sharp"), find_technology("32nm")
MEASURES = {"latency": "latency_s", "energy": "energy_j", "area": "area_mm2", "power": "power_w"}
MACHINES = {
    "macs": ["1K", "4K", "16K", 6144],
    "clock_hz": [250e6, 333e6, 500e6],
    "activation_lanes": range(16, 129, 16),
    "activation_ns": [14.0, 29.14],
    "weight_buffer": [2**23, 26 * 2**20],
}
LAYERS = {
    "hidden_size": range(100, 500, 50),
    "projection_size": [None, 64],
    "seq_len": [5, 25],
    "tile_rows": ["best", 32, 64],
    "schedule": ["sequential", "batch", "intergate", "unfolded"],
    "macs": ["1K", "16K"],
}
GATES = {
    "cell": ["lstm", "gru", "rnn"],
    "hidden_size": [64, 340],
    "bidirectional": [False, True],
    "macs": ["1K", "64K"],
}


def plain_front(table, names):
    """The rows that no other beats, row by row; costs to 12 digits."""
    costs = table[[MEASURES[name] for name in names]].to_numpy()
    costs = np.array([[float(f"{value:.11e}") for value in row] for row in costs])
    kept = []
    for place, row in enumerate(costs):
        no_worse = (costs <= row).all(axis=1)
        better = (costs < row).any(axis=1) | (np.arange(len(costs)) < place)
        if not np.isnan(row).any() and not (no_worse & better).any():
            kept.append(place)
    return kept


@pytest.mark.parametrize("names", [("latency",), ("latency", "energy"), ("latency", "energy", "area", "power")])
@pytest.mark.parametrize(
    "axes", [MACHINES | {"hidden_size": [340]}, LAYERS, GATES], ids=["machines", "layers", "cells"]
)
def test_front_is_that_of_a_sweep_and_a_filter(axes, names):
    table = sweep(grid(**axes), MACHINE, technology=TECHNOLOGY)
    expected = plain_front(table, names)
    result = search(axes, objectives=names, threads=2)
    assert result.found.front.numbers.tolist() == expected
    assert result.found.tried == table["energy_j"].notna().sum()
    for row, (point, costs) in zip(expected, result.designs(), strict=True):
        assert {name: table[name][row] for name in ("macs", "hidden_size")} == {
            k: point[k] for k in ("macs", "hidden_size")
        }
        for name, value in costs._asdict().items():
            assert value == pytest.approx(table[name][row], rel=1e-12)
    if len(names) > 2:
        assert 1 < len(expected) < len(table) / 2


@pytest.mark.parametrize("name", ["eesen", "bysdne", "gmat"])
def test_a_network_costs_what_a_run_of_it_costs(name):
    network = find_network(name)
    axes = {"macs": ["4K", "64K"], "activation_lanes": [32, 64], "io_buffer": [2**13, 2**20], "weights": ["resident"]}
    result = search(axes, network=network, objectives=["latency", "energy", "area"])
    assert not [part.reason for part in result.candidates.parts if part.alike is None]
    assert len(result.found.front) > 1
    for point, costs in result.designs():
        number = next(n for n in range(16) if result.candidates.point(n) == point)
        _, expected = run_costs(result.candidates.scenario(number), Goal())
        assert costs == pytest.approx(expected, rel=1e-12)


def test_threads_and_pieces_change_nothing(monkeypatch):
    whole = search(MACHINES, network=square_lstm(340), threads=1).as_dict()
    monkeypatch.setattr("sharp.space.cutting.PIECE_POINTS", 7)
    monkeypatch.setattr("sharp.design.evaluation._TASK_PIECES", 2)
    assert search(MACHINES, network=square_lstm(340), threads=2).as_dict() == whole
    json.dumps(whole)


def test_prices_that_are_too_many_to_keep_are_worked_out_piece_by_piece(monkeypatch):
    whole = search(LAYERS).as_dict()
    monkeypatch.setattr("sharp.space.alike._MAX_TABLE", 1)
    assert search(LAYERS).as_dict() == whole


def test_weights_that_may_or_may_not_fit():
    axes = {"weight_buffer": [2**20, 2**22, 2**24], "macs": ["1K", "4K"]}
    result = search(axes, network=square_lstm(512), objectives=["energy", "area"])
    assert {part.alike is None for part in result.candidates.parts} == {False, True}  # streamed, or not
    for point, costs in result.designs():
        machine = with_settings(MACHINE.with_macs(point["macs"]), {"weight_buffer": point["weight_buffer"]})
        plain = sweep({"hidden_size": [512], "weights": ["auto"]}, machine, technology=TECHNOLOGY)
        assert costs.energy_j == pytest.approx(plain["energy_j"][0], rel=1e-12)


def test_limits_and_idle_leakage_as_a_choice_has_them():
    goal = Goal(deadline_s=2e-5, area_mm2=150, period_s=1e-3)
    axes = {"macs": ["1K", "4K", "16K", "64K"], "activation_lanes": [16, 64]}
    result = search(axes, goal, network=square_lstm(340))
    found = {}
    for number in range(8):
        _, costs = run_costs(result.candidates.scenario(number), goal)
        if not goal.excess(costs):
            found[number] = costs
    assert 0 < len(found) < 8
    assert set(result.found.front.numbers.tolist()) <= set(found)
    best = min(found, key=lambda number: found[number].energy_j)
    assert best in result.found.front.numbers


def test_conditions_leave_designs_out():
    axes = {"tile_rows": [32, 64, 128, 256], "macs": ["1K", "4K", "16K"]}
    result = search(axes, network=square_lstm(340), conditions=["tile_rows <= num_macs / 16"])
    assert result.found.tried == 2 + 4 + 4
    assert all(point["tile_rows"] <= 64 or point["macs"] != "1K" for point, _ in result.designs())
    with pytest.raises(SpecificationError, match="none meets the conditions"):
        search(axes, network=square_lstm(340), conditions=["tile_rows > num_macs"])


def test_what_the_closed_form_does_not_know_is_simulated():
    axes = {"schedule": ["unfolded", "interleaved"], "macs": ["16K", "64K"]}
    network = find_network("eesen")
    result = search(axes, network=network, objectives=["latency"])
    assert [bool(part.alike) for part in result.candidates.parts].count(False) >= 1
    ((point, costs),) = result.designs()
    assert point == {"schedule": "interleaved", "macs": "64K"}
    from sharp import simulate

    expected = simulate(network, MACHINE.with_macs("64K"), Plan(schedule="interleaved", weights="auto")).latency_s
    assert costs.latency_s == expected


def test_tile_sets_and_formats_are_axes():
    axes = {"tile_set": [(64,), (32, 64, 128)], "precision": ["fp16/fp32", "int8/int32"], "macs": ["1K", "4K"]}
    result = search(axes, network=square_lstm(340), objectives=["latency", "energy"])
    assert result.found.tried == 8
    for number, costs in zip(result.found.front.numbers.tolist(), result.found.front.facts.T, strict=True):
        assert tuple(costs) == pytest.approx(run_costs(result.candidates.scenario(number), Goal())[1], rel=1e-12)


def test_nothing_meets_it():
    result = search({"macs": ["1K", "4K"]}, Goal(deadline_s=1e-7), network=square_lstm(340))
    assert not result.meets
    point, excess = result.nearest
    assert point == {"macs": "4K"}
    assert excess["latency_s"] > 1
    assert result.as_dict()["nearest"]["point"] == {"macs": "4K"}


@pytest.mark.parametrize(
    ("axes", "options", "message"),
    [
        ({"macs": []}, {}, r"axes\.macs: expected at least one value"),
        ({"mac": ["1K"]}, {}, r"did you mean 'macs'"),
        ({}, {}, "at least one axis"),
        ({"macs": ["1K"]}, {"objectives": ["speed"]}, "objectives: expected energy"),
        ({"macs": ["1K"]}, {"objectives": []}, "one to four"),
        ({"clock_hz": range(1, 10**9)}, {}, "at most 1,000,000 values"),
        ({"clock_hz": range(1, 10**6), "activation_lanes": range(1, 10**6), "macs": ["1K", "4K"]}, {}, "at most 1e"),
        ({"macs": ["1K"], "hidden_size": [5]}, {"network": find_network("eesen")}, "a name of the machine"),
        ({"macs": ["1K"]}, {"conditions": ["macs2 < 5"]}, "macs2"),
        ({"macs": ["1K"]}, {"conditions": ["__import__('os')"]}, "a comparison"),
    ],
)
def test_spaces_that_make_no_sense(axes, options, message):
    with pytest.raises(SpecificationError, match=message):
        search(axes, **options)
    assert MAX_SEARCHED == 10**12


def test_designs_to_simulate_are_numbered_some_at_a_time():
    axes = {"schedule": ["interleaved"], "activation_lanes": range(1, 10**5), "rows_per_update_lane": range(1, 10**5)}
    with pytest.raises(SpecificationError, match="at most 20,000 designs that have to be simulated"):
        search(axes)
