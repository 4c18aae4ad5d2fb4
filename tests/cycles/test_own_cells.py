"""Cells of one's own: the worked examples, and any cell that makes sense, equal the specification in every order."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    BASE,
    BY_HAND,
    OWN_CELLS,
    SHIPPED_CELLS,
    Case,
    cases,
    examples,
    network_cases,
    reference_cell_work,
    reference_products,
)
from test_closed_form import PAPERS, check, equal_batches

from sharp import SCHEDULES, InfeasibleMappingError, Plan, RNNLayer, simulate, sweep
from sharp.cycles.closed_form import why_not
from sharp.cycles.counting import trace_layer
from sharp.cycles.mapping import map_layer
from sharp.cycles.schedule import schedule_of
from sharp.cycles.timeline import make_timeline
from sharp.kernels.reference import Product
from sharp.kernels.reference_energy import CellWork
from sharp.shipped import DATA
from sharp.workload.single import single_layer

PARTS = ("useful", "column_padding", "row_padding", "dependency_stall", "weight_load", "fill_drain")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OWN_CELLS)
@examples(120)
@given(data=st.data())
def test_model_equals_the_specification(name, schedule, data):
    case = data.draw(cases(schedules=(schedule,), cells=(name,)))
    expected = case.reference()
    if expected is None:
        with pytest.raises(InfeasibleMappingError):
            case.count()
        return
    counts = case.count()
    assert counts.total_cycles == expected.total
    assert [getattr(counts, part) for part in PARTS] == [getattr(expected, part) for part in PARTS]
    assert case.count(every_step=True) == counts


@pytest.mark.parametrize("name", OWN_CELLS)
@examples(100)
@given(data=st.data())
def test_events_equal_those_of_the_specification(name, data):
    case, num_steps = data.draw(cases(cells=(name,))), data.draw(st.integers(1, 8))
    expected = case.reference()
    assume(expected is not None)
    events = trace_layer(map_layer(case.layer, case.sequences, case.accelerator, case.plan), num_steps=num_steps)
    shown = np.delete(events, 2, axis=1)  # all but the segment, which the specification does not number
    np.testing.assert_array_equal(shown, np.array(expected.events)[: len(events)])


@pytest.mark.parametrize("name", OWN_CELLS)
@examples(60)
@given(data=st.data())
def test_activity_equals_the_specification(name, data):
    case = data.draw(network_cases(cells=(name,)))
    assert [asdict(activity) for activity in case.report().activities] == [vars(each) for each in case.reference()]


@pytest.mark.parametrize("name", OWN_CELLS)
@examples(80)
@given(data=st.data())
def test_a_long_run_counts_as_step_by_step(name, data):
    case, times = data.draw(cases(cells=(name,))), data.draw(st.integers(1, 100))
    assume(case.reference() is not None)
    case = replace(case, lengths=tuple(times * length for length in case.lengths))
    assert case.count() == case.count(every_step=True)


@pytest.mark.parametrize("name", OWN_CELLS)
@examples(60)
@given(data=st.data())
def test_ours_count_the_same_as_a_users_that_is_checked(name, data):
    case = data.draw(cases(cells=(name,)))
    ours = schedule_of(case.plan)
    theirs = type("Theirs", (type(ours),), {"name": "theirs"})()
    assume(case.reference() is not None)
    assert case.count() == case.planned(schedule=theirs).count()


@examples(400)
@given(case=cases(PAPERS, OWN_CELLS, forwarding=("barrier",)).map(equal_batches), best=st.booleans())
def test_the_closed_form_is_the_event_simulator_where_it_applies(case: Case, best: bool):
    assume(not why_not(case.layer.phases, case.plan, len(case.accelerator.tile_rows)))
    check(case, best)


@examples(200)
@given(case=cases(cells=OWN_CELLS, forwarding=("tilewise",)))
def test_forwarding_tile_by_tile_never_loses_to_a_barrier(case: Case):
    assume(case.reference() is not None)
    assert case.count().total_cycles <= case.planned(forwarding="barrier").count().total_cycles


# The worked examples -------------------------------------------------------------------------------------------------

STATED = {  # from their equations, as the specification would have them
    "cifg": ((Product(3, 12, 7, "h", 12),), CellWork(2, 1, 3, 5, state_tanhs=1, state_updates=1)),
    "heads": ((Product(4, 12, 7, "h", 12, parts=3),), CellWork(3, 1, 3, 5, state_tanhs=1, state_updates=1)),
    "mingru": ((Product(2, 12, 7, ""),), CellWork(1, 0, 2, 4, h_reads=1, unchanged=1)),
}


def layer(name, input_size=7, hidden_size=12, heads=3, **fields):
    options = {"heads": heads} if name == "heads" else {}
    return RNNLayer(cell=SHIPPED_CELLS[name], input_size=input_size, hidden_size=hidden_size, options=options, **fields)


@pytest.mark.parametrize("name", SHIPPED_CELLS)
def test_what_a_cell_says_is_what_its_equations_do(name):
    assert (reference_products(layer(name)), reference_cell_work(layer(name))) == STATED[name]


def count(name, steps=2, schedule="intergate", forwarding="barrier", **fields):
    plan = Plan(schedule=schedule, tile_rows=4, forwarding=forwarding)
    return Case(layer(name, **fields), (steps,), BY_HAND, plan).count()


def test_heads_by_hand():
    # Two heads of one cell: a segment is the 4 gates of a cell over 3 of x and 1 of h, 2 tiles of 2 columns.
    # A step: the array to 2 and 4, sums at 5 and 7, activations to 6 and 8, out at 8 and 10, updates to 9 and 11, h at
    # 12 and 14, behind which the next step starts.
    counts = count("heads", input_size=3, hidden_size=2, heads=2)
    assert counts.total_cycles == 2 * 14
    assert (counts.useful, counts.column_padding, counts.row_padding) == (2 * 2 * 4 * 4, 0, 0)
    assert (counts.dependency_stall, counts.fill_drain) == (10, 10)
    # Tile by tile each head waits for its own h: the first tile is of x alone and issues at 4, the second for h at 12.
    # The second head's tiles follow at 13, when its h is not out, and at 14, when it is.
    tilewise = count("heads", input_size=2, hidden_size=2, heads=2, forwarding="tilewise")
    assert tilewise.dependency_stall == 7
    assert tilewise.total_cycles == 4 + 7 + 4 + 10
    whole = count("heads", input_size=3, hidden_size=2, heads=1)  # 5 columns: 3 tiles, the last of them half
    assert (whole.useful, whole.column_padding) == (2 * 2 * 4 * 5, 2 * 2 * 4)


def test_what_is_nothing_is_neither_stored_nor_multiplied():
    blocks = layer("heads", 100, 96, heads=4)
    assert blocks.num_weights == 4 * 96 * (100 + 24)
    report = simulate(single_layer(blocks, 5), BASE)
    assert report.counts.useful == 5 * blocks.num_weights
    assert report.activities[0].used_bank_reads * BASE.lanes_per_unit == 5 * blocks.num_weights


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("forwarding", ["barrier", "tilewise"])
def test_one_head_is_an_lstm(schedule, forwarding):
    plan = Plan(schedule=schedule, forwarding=forwarding, tile_rows=64)
    lstm = RNNLayer(input_size=300, hidden_size=340)
    assert Case(layer("heads", 300, 340, heads=1), (9, 4), BASE, plan).count() == Case(lstm, (9, 4), BASE, plan).count()


def test_mingru_by_hand():
    # A segment is the 2 gates of 2 cells over 3 of x, 2 tiles; the array ends a step's two segments every 4 cycles and
    # never waits. Sums at 5 and 7, activations to 6 and 8, out at 8 and 10, updates to 10 and 12 (2 cells, one lane),
    # h at 13 and 15. Step 2: out at 12 and 14, but its first cells read h at 13 and update to 15, and the others, whose
    # h is out at 15, to 17; h is out at 18 and 20.
    counts = count("mingru", input_size=3, hidden_size=4)
    assert counts.total_cycles == 20
    assert (counts.dependency_stall, counts.fill_drain) == (0, 20 - 8)
    assert (counts.useful, counts.column_padding, counts.row_padding) == (2 * 2 * 4 * 3, 2 * 2 * 4, 0)
    # Each step takes 5 cycles more: what the first cells wait for themselves.
    assert [count("mingru", steps, input_size=3, hidden_size=4).total_cycles for steps in (3, 4, 10**12)] == [
        25,
        30,
        20 + 5 * (10**12 - 2),
    ]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_nothing_makes_the_array_wait_for_mingru(schedule):
    for height in BASE.tile_rows:
        case = Case(layer("mingru", 300, 340), (9, 4, 4), BASE, Plan(schedule=schedule, tile_rows=height))
        assert case.count().dependency_stall == 0
        assert map_layer(case.layer, case.sequences, BASE, case.plan).unfolded_cells == 0
        assert simulate(single_layer(case.layer, 9), BASE, case.plan).warnings == []


def test_units_that_fall_behind_catch_up_when_there_is_less_to_do():
    # On one activation lane three sequences fall behind the array for ever; one alone catches up.
    slow = replace(BASE, activation_lanes=2, num_macs=4096, tile_rows=(32,))
    plan = Plan(schedule="intergate", tile_rows=32)
    for lengths in ((3000, 200, 200), (3000, 1500, 1), (500, 499, 498)):
        case = Case(layer("mingru", 600, 64), lengths, slow, plan)
        assert case.count() == case.count(every_step=True)
        assert case.count().total_cycles == case.reference().total


@pytest.mark.parametrize("name", SHIPPED_CELLS)
def test_a_timeline_and_a_sweep_of_each(name):
    plan = Plan(tile_rows=64)
    timeline = make_timeline(layer(name), 9, BASE, plan, num_steps=3)
    case = Case(layer(name), (9,), BASE, plan)
    events = [event for event in timeline.events if event.unit == "update" and event.step <= 3]
    assert len(timeline.h_out) == 3
    assert timeline.h_out[-1] == max(event.end for event in events) + BASE.cycles("update_ns")
    columns = {"options.heads": [1, 3]} if name == "heads" else {}
    points = {"cell": f"{DATA}/cells/{name}.py:CELL", "hidden_size": 12, "input_size": 7, "seq_len": 9, **columns}
    table = sweep(points | {"tile_rows": 64}, BASE)
    assert table["total_cycles"].iloc[-1] == case.count().total_cycles
    assert set(table["method"]) == {"closed form"} if name == "cifg" else {*table["method"]} >= {"events"}
