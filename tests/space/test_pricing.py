"""Energy of many points at once: every point as `evaluate_energy` has it, whatever the columns and the chunks."""

import math
import re
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Case, cases, examples, latencies

from sharp import (
    Gating,
    InfeasibleMappingError,
    Plan,
    RNNLayer,
    SpecificationError,
    evaluate_energy,
    find_accelerator,
    find_technology,
    grid,
    simulate,
    sweep,
    sweep_chunks,
)
from sharp.cycles.closed_form import evaluate, kernel, why_not
from sharp.cycles.counting import SPLIT
from sharp.energy.breakdown import ENERGY_COLUMNS
from sharp.energy.technology import SETTINGS as TECHNOLOGY_SETTINGS
from sharp.energy.technology import with_settings as with_technology_settings
from sharp.machine.accelerator import LATENCIES, with_settings
from sharp.space.columns import kinds_of
from sharp.space.pricing import closed_activity
from sharp.space.scenario import MACHINE as MACHINE_COLUMNS
from sharp.space.scenario import PLAN
from sharp.workload.single import single_layer

MACHINE = find_accelerator("sharp")
TECHNOLOGY = find_technology("32nm")
DEFAULTS = {
    **{"cell": "lstm", "projection_size": None, "linear_before_reset": True, "bidirectional": False},
    **{"seq_len": 25, "batch_size": 1, "lengths": ()},
}
PAPERS = ("sequential", "batch", "intergate", "unfolded")


def evaluated(point: dict[str, Any], gating: Gating | None = None) -> dict[str, float]:
    """Energy columns of one point, by `evaluate_energy`."""
    of = {**DEFAULTS, **vars(Plan()), "input_size": point["hidden_size"], **point}
    settings = (MACHINE.budget(of["macs"]) if "macs" in of else {}) | {
        name: of[name] for name in MACHINE_COLUMNS if name in of and name != "macs"
    }
    names = ("cell", "input_size", "hidden_size", "projection_size", "linear_before_reset", "bidirectional")
    layer = RNNLayer(**{name: of[name] for name in names})
    network = single_layer(layer, of["seq_len"], of["batch_size"])
    network = network.with_lengths(of["lengths"]) if of["lengths"] else network
    plan = Plan(**{name: of[name] for name in PLAN})
    technology = {name: of[name] for name in TECHNOLOGY_SETTINGS if name in of}
    report = simulate(network, with_settings(MACHINE, settings), plan)
    return evaluate_energy(report, with_technology_settings(TECHNOLOGY, technology), gating).as_row()


def check(table: pd.DataFrame, points: list[dict[str, Any]], gating: Gating | None = None) -> None:
    assert tuple(table.columns[-len(ENERGY_COLUMNS) :]) == ENERGY_COLUMNS
    assert len(table) == len(points)
    for place, point in enumerate(points):
        wanted = evaluated(point, gating)
        found = table.loc[place, list(ENERGY_COLUMNS)].astype(float).to_dict()
        assert found == pytest.approx(wanted, rel=1e-12, abs=0), (place, point)


# Every point as evaluate_energy has it -------------------------------------------------------------------------------

FORMS: list[dict[str, Any]] = [
    *({"cell": "lstm", "projection_size": size} for size in (None, 1, 100, 700)),
    {"cell": "rnn"},
    {"cell": "gru"},
    {"cell": "gru", "linear_before_reset": False, "schedule": "unfolded"},
    {"cell": "gru", "linear_before_reset": False, "schedule": "intergate"},
]
FORM = {"cell": "lstm", "projection_size": None, "linear_before_reset": True}
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "input_size": st.integers(1, 3000),
    "seq_len": st.integers(1, 60),
    "batch_size": st.integers(1, 6),
    "bidirectional": st.booleans(),
    "tile_rows": st.sampled_from(["best", 32, 64, 128, 256]),
    "reconfiguration": st.booleans(),
    "forwarding": st.sampled_from(["barrier", "barrier", "tilewise"]),
    "weights": st.sampled_from(["resident", "streamed"]),
    "macs": st.sampled_from(["1K", "4K", "64K", "96K", 12288]),
    "clock_hz": st.floats(1e8, 1e9),
    **{name: st.floats(1, 50) for name in LATENCIES},
    "activation_lanes": st.integers(1, 300),
    "rows_per_update_lane": st.integers(1, 300),
    "dram_bytes_per_s": st.floats(1e9, 1e11),
    "weight_buffer": st.integers(4096 * 3000, 2**25),
    "io_buffer": st.integers(2**19, 2**23),
    "cell_state_buffer": st.integers(2**17, 2**20),
    "intermediate_buffer": st.integers(2**12, 2**20),
    "voltage_v": st.floats(0.5, 1.1),
    "cell_type": st.sampled_from(["itrs-hp", "itrs-lstp"]),
    "temperature_k": st.sampled_from([300, 330, 360]),
    "fp16_multiply_pj": st.floats(0.01, 10),
    "fp16_divide_pj": st.floats(0.01, 10),
    "register_pj_per_bit": st.floats(0.001, 1),
    "dram_pj_per_bit": st.floats(0.1, 100),
    "logic_leakage_mw_per_mm2": st.floats(0.1, 100),
    "mac_area_um2": st.floats(100, 1e4),
    "controller_area_um2_per_mac": st.floats(1, 100),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]], Gating]:
    """Columns that go together, the points that they are, and a gating: every column one value or one a point."""
    count = draw(st.integers(1, 7))
    forms = draw(st.lists(st.sampled_from(FORMS), min_size=1, max_size=3, unique_by=str))
    schedule = draw(st.sampled_from([*PAPERS, "interleaved"]))
    points = [
        {"hidden_size": draw(st.integers(1, 1500)), "schedule": schedule, **FORM, **draw(st.sampled_from(forms))}
        for _ in range(count)
    ]
    columns: dict[str, Any] = {name: [point[name] for point in points] for name in points[0]}
    chosen = draw(st.lists(st.sampled_from(sorted(COLUMNS)), max_size=9, unique=True))
    strategies = {name: COLUMNS[name] for name in chosen}
    gating = Gating(clock=draw(st.booleans()), power=draw(st.booleans()))
    if "temperature_k" not in chosen and not gating.power and draw(st.booleans()):
        strategies["node_nm"] = st.sampled_from([45, 40, 32, 30, 28, 22, 16, 10, 7])
    if not {"seq_len", "batch_size"} & set(chosen) and draw(st.booleans()):
        strategies["lengths"] = st.sampled_from([(), (5,), (9, 2, 2), (3, 3)])
    for name, values in strategies.items():
        given_once = draw(st.booleans())
        drawn = [draw(values)] * count if given_once else [draw(values) for _ in range(count)]
        columns[name] = drawn[0] if given_once else drawn
        points = [{**point, name: value} for point, value in zip(points, drawn, strict=True)]
    return columns, points, gating


@examples(200)
@given(tables(), st.integers(1, 7))
def test_every_point_is_as_evaluate_energy_has_it(table, chunk_points):
    columns, points, gating = table
    parts = sweep_chunks(columns, MACHINE, technology=TECHNOLOGY, gating=gating, chunk_points=chunk_points, threads=1)
    check(pd.concat(list(parts), ignore_index=True), points, gating)


def test_every_point_of_a_grid_is_as_evaluate_energy_has_it():
    axes = {
        "cell_type": ["itrs-hp", "itrs-lstp"],
        "hidden_size": [64, 340, 1024],
        "macs": ["1K", "64K"],
        "schedule": ["batch", "unfolded", "interleaved"],
        "temperature_k": [300, 360],
        "projection_size": [None, 96],
        "batch_size": [1, 3],
        "fp32_add_pj": [0.1, 0.9],
        "weight_buffer": [2**24, 2**25],
        "weights": ["streamed", "resident"],
    }
    points = grid(**axes)
    table = sweep(points, MACHINE, technology=TECHNOLOGY, gating=Gating(power=True))
    assert set(table["method"]) == {"closed form", "events"}
    sample = table.sample(150, random_state=1)
    rows = [{name: row[name] for name in axes} for row in sample.to_dict("records")]
    rows = [row | {name: int(row[name]) for name in ("hidden_size", "batch_size", "weight_buffer")} for row in rows]
    check(sample.reset_index(drop=True), rows, Gating(power=True))


def test_threads_change_nothing():
    points = grid(hidden_size=range(1, 60), node_nm=[32, 22, 7], macs=["1K", "64K"], cell=["gru", "rnn"])
    whole = sweep(points, MACHINE, technology=TECHNOLOGY, threads=1)
    parts = sweep_chunks(points, MACHINE, technology=TECHNOLOGY, chunk_points=50, threads=2)
    pd.testing.assert_frame_equal(pd.concat(list(parts), ignore_index=True), whole)


def test_cycles_are_the_same_with_and_without_energy():
    points = grid(
        hidden_size=[8, 300], schedule=["unfolded", "interleaved"], cell=["lstm", "gru"], lengths=[(), (4, 2)]
    )
    with_energy = sweep(points, MACHINE, technology=TECHNOLOGY)
    pd.testing.assert_frame_equal(with_energy.drop(columns=list(ENERGY_COLUMNS)), sweep(points, MACHINE))


def test_more_kinds_of_machines_than_a_table_holds():
    # 9^4 machines could be, 9 are.
    places = np.arange(9)
    columns = {
        "hidden_size": 64,
        "weight_buffer": 2**24 + 2**20 * places,
        "io_buffer": (2**22 - 2**18 * places).tolist(),
        "intermediate_buffer": 2**14 + 2**10 * (places * 2 % 9),
        "voltage_v": 0.6 + 0.05 * (places * 4 % 9),
    }
    points = [{name: np.broadcast_to(values, 9)[k].item() for name, values in columns.items()} for k in places]
    check(sweep(columns, MACHINE, technology=TECHNOLOGY), points)


@examples(200)
@given(st.lists(st.lists(st.integers(0, 3) | st.integers(0, 10**8), min_size=6, max_size=6), min_size=1, max_size=8))
def test_points_are_of_one_kind_where_all_columns_are_equal(columns):
    points = list(zip(*columns, strict=True))
    kinds, which = kinds_of([np.array(column) for column in columns])
    assert [points[kinds[kind]] for kind in which.tolist()] == points
    assert sorted(kinds) == [place for place, point in enumerate(points) if point not in points[:place]]


@pytest.mark.parametrize("rank", [2**11, 2**12])
def test_kinds_of_machines_that_64_bits_do_not_tell_apart(rank):
    # Points 0 and 1 differ in the weight buffer alone; 5 columns of 2^13 values each could be 2^65 machines.
    others = np.array([0, *range(2**13)])
    columns = {
        "hidden_size": 64,
        "weight_buffer": 2**24 + 2**10 * np.array([0, rank, *range(1, 2**13)]),
        "io_buffer": 2**21 + 8 * others,
        "cell_state_buffer": 2**18 + 8 * others,
        "intermediate_buffer": 2**14 + others,
        "voltage_v": 0.7 + others / 2**15,
    }
    points = [{name: np.ravel(values)[:2][-1 * k].item() for name, values in columns.items()} for k in (0, 1)]
    check(next(sweep_chunks(columns, MACHINE, technology=TECHNOLOGY, chunk_points=2, threads=1)), points)


def test_whole_numbers_may_be_doubles_as_without_energy():
    # pandas makes them so where a column had a gap.
    columns = {"hidden_size": [64.0, 128.0], "io_buffer": [2.0**21, 2.0**22], "rows_per_update_lane": [4.0, 2.0]}
    points = [{name: int(values[place]) for name, values in columns.items()} for place in (0, 1)]
    assert list(sweep(columns, MACHINE)["method"]) == ["closed form"] * 2
    check(sweep({name: pd.Series(values) for name, values in columns.items()}, MACHINE, technology=TECHNOLOGY), points)


def test_what_doubles_do_not_hold_is_counted_in_integers():
    columns = {"hidden_size": 2**12, "seq_len": [25, 10**9], "macs": "1K"}
    table = sweep(columns, MACHINE, technology=TECHNOLOGY)
    assert list(table["method"]) == ["closed form", "events"]
    check(table, [{"hidden_size": 2**12, "seq_len": steps, "macs": "1K"} for steps in (25, 10**9)])


# The closed form of activity -----------------------------------------------------------------------------------------


@st.composite
def closed_cases(draw: st.DrawFn) -> Case:
    case = draw(cases(PAPERS, forwarding=("barrier",)))
    common = math.gcd(*case.accelerator.tile_rows)
    lanes = draw(st.sampled_from([lanes for lanes in range(1, common + 1) if common % lanes == 0]))
    lengths = (case.lengths[0],) * len(case.lengths)
    return replace(case, lengths=lengths, accelerator=replace(case.accelerator, lanes_per_unit=lanes))


def check_closed(case: Case, best: bool) -> None:
    machine, layer = case.accelerator, case.layer
    network = single_layer(layer, case.lengths[0], len(case.lengths))
    plan = replace(case.plan, tile_rows="best") if best else case.plan
    if why_not(layer.phases, plan, len(machine.tile_rows)):
        return
    try:
        (activity,) = simulate(network, machine, plan).activities
    except InfeasibleMappingError:
        return
    inputs = {
        **{name: getattr(layer, name) for name in ("input_size", "hidden_size", "recurrent_size", "num_directions")},
        **{name: getattr(machine, name) for name in ("num_macs", "activation_lanes", "rows_per_update_lane")},
        **latencies(machine),
        "seq_len": network.seq_len,
        "batch_size": network.batch_size,
        "tile_rows": case.plan.tile_rows,
        "levels_per_cycle": machine.levels_per_cycle,
        "intermediate_words": machine.intermediate_buffer.capacity_bytes // machine.partial_sum_bytes,
        "weight_buffer_bytes": machine.weight_buffer.capacity_bytes,
        "dram_bytes_per_cycle": machine.dram_bytes_per_cycle,
    }
    assert set(inputs) == set(kernel().INPUTS)
    inputs["io_buffer_bytes"] = machine.io_buffer.capacity_bytes
    if best:
        del inputs["tile_rows"]
    # Every other input is an array, so that constants and arrays are both used; of two equal rows one is looked at.
    columns = {
        name: np.full(2, float(value)) if k % 2 else float(value) for k, (name, value) in enumerate(inputs.items())
    }
    results = evaluate(columns, 2, layer.phases, plan, machine.tile_rows, machine.weight_bytes)
    found = closed_activity(columns, results, layer, plan, machine)
    assert {name: np.broadcast_to(values, 2)[1] for name, values in found.items()} == asdict(activity)


@pytest.mark.parametrize("level", ["0", "3", "4"])
def test_closed_activity_is_that_of_the_events_on_every_build(level, monkeypatch):
    monkeypatch.setenv("SHARP_LEVEL", level)
    kernel.cache_clear()
    try:
        kernel()
    except SpecificationError:
        monkeypatch.undo()
        kernel.cache_clear()
        pytest.skip(f"this processor does not run x86-64-v{level}")

    @examples(300)
    @given(closed_cases(), st.booleans())
    def run(case, best):
        check_closed(case, best)

    try:
        run()
    finally:
        monkeypatch.undo()
        kernel.cache_clear()


# Refused -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        ({"fp16_multipy_pj": 1.0}, r"points: expected .*got 'fp16_multipy_pj' \(did you mean 'fp16_multiply_pj'"),
        ({"cell_typ": "itrs-hp"}, r"points: expected .*did you mean 'cell_type'"),
        ({"fp16_multiply_pj": [1.0, -1.0]}, r"points.fp16_multiply_pj\[1\]: expected a positive number, got -1.0"),
        ({"node_nm": [32, 5]}, r"points\[1\]: node_nm: expected 7 to 45 nm .*, got 5"),
        ({"cell_type": ["itrs-hp", "itrs"]}, r"points\[1\]: cell_type: expected .*did you mean 'itrs-hp'"),
        ({"voltage_v": [0.85, 3.0]}, r"points\[1\]: voltage_v: expected 0.5 to 1.1 V .*, got 3.0"),
        ({"intermediate_buffer": [24576, 8]}, r"points\[1\]: intermediate_buffer.capacity_bytes: expected 4096 to"),
        (
            {"cell": "gru", "linear_before_reset": False, "schedule": ["unfolded", "batch"]},
            r"points\[1\]: .*gate n waits for rz, got batch",
        ),
    ],
)
def test_a_wrong_point_is_refused_in_one_sentence_with_its_place(points, sentence):
    columns = {"hidden_size": [8, 9], **points}
    with pytest.raises((SpecificationError, InfeasibleMappingError), match=f"^{sentence}") as refusal:
        sweep(columns, MACHINE, technology=TECHNOLOGY, strict=True)
    assert "\n" not in str(refusal.value)
    if sentence.startswith(r"points\[1\]: "):  # and not a column that no point has
        table = sweep(columns, MACHINE, technology=TECHNOLOGY)
        good, bad = table["reason"]
        assert good == ""
        assert re.match(sentence.removeprefix(r"points\[1\]: "), bad)
        assert table.loc[1, ["total_cycles", "latency_s", "method", *ENERGY_COLUMNS]].isna().all()
        alone = {name: values[:1] if isinstance(values, list) else values for name, values in columns.items()}
        kept = [*SPLIT, "total_cycles", "tile_rows", "latency_s", *ENERGY_COLUMNS]
        first = sweep(alone, MACHINE, technology=TECHNOLOGY)
        assert table.loc[0, kept].tolist() == first.loc[0, kept].tolist()


def test_the_place_of_a_wrong_point_is_that_in_the_whole_table():
    columns = {"hidden_size": 8, "intermediate_buffer": [24576] * 7 + [8]}
    with pytest.raises(SpecificationError, match=r"^points\[7\]: intermediate_buffer"):
        list(sweep_chunks(columns, MACHINE, technology=TECHNOLOGY, chunk_points=3, strict=True))
    whole = sweep(columns, MACHINE, technology=TECHNOLOGY)
    assert np.flatnonzero(whole["reason"] != "").tolist() == [7]


def test_power_gating_is_refused_with_the_point_that_has_no_data():
    columns = {"hidden_size": 8, "node_nm": [32, 22]}
    with pytest.raises(SpecificationError, match=r"^points\[1\]: power_gating: expected a technology with data"):
        sweep(columns, MACHINE, technology=TECHNOLOGY, gating=Gating(power=True), strict=True)
    gated = sweep(columns, MACHINE, technology=TECHNOLOGY, gating=Gating(power=True))
    assert [reason.partition(":")[0] for reason in gated["reason"]] == ["", "power_gating"]
    assert not sweep(columns, MACHINE, technology=TECHNOLOGY, gating=Gating(clock=True)).isna().any(axis=None)


@pytest.mark.parametrize("name", TECHNOLOGY_SETTINGS)
def test_a_column_of_technology_needs_one(name):
    value = getattr(TECHNOLOGY, name)
    with pytest.raises(
        SpecificationError, match=rf"^points.{name}: expected a technology \(--energy\) with this column"
    ):
        sweep({"hidden_size": 8, name: value}, MACHINE)
    check(sweep({"hidden_size": 8, name: value}, MACHINE, technology=TECHNOLOGY), [{"hidden_size": 8}])
