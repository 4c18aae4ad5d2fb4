"""The closed form equals the event simulator to the cycle, wherever it says that it applies, on every processor."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Case, cases, examples, latencies

from sharp import SCHEDULES, InfeasibleMappingError, Plan, RNNLayer, Schedule, SpecificationError, simulate
from sharp.cycles.closed_form import MAX_EXACT, evaluate, kernel, why_not
from sharp.machine.accelerator import with_settings
from sharp.workload.cell import Phase
from sharp.workload.cells import CELLS
from sharp.workload.single import single_layer

PAPERS = ("sequential", "batch", "intergate", "unfolded")
ROWS = 3
"""Equal rows of a call, of which the last is looked at."""


def equal_batches(case: Case) -> Case:
    return replace(case, lengths=(case.lengths[0],) * len(case.lengths))


closed_cases = cases(PAPERS, ("lstm", "gru", "rnn"), forwarding=("barrier",)).map(equal_batches)


def closed(case: Case, best: bool) -> dict[str, float]:
    """What the closed form gives for a case."""
    machine, layer = case.accelerator, case.layer
    inputs = {
        "input_size": layer.input_size,
        "hidden_size": layer.hidden_size,
        "recurrent_size": layer.recurrent_size,
        "num_directions": layer.num_directions,
        "seq_len": case.lengths[0],
        "batch_size": len(case.lengths),
        "num_macs": machine.num_macs,
        "tile_rows": case.plan.tile_rows,
        "activation_lanes": machine.activation_lanes,
        "rows_per_update_lane": machine.rows_per_update_lane,
        **latencies(machine),
        "levels_per_cycle": machine.levels_per_cycle,
        "intermediate_words": machine.intermediate_buffer.capacity_bytes // machine.partial_sum_bytes,
        "weight_buffer_bytes": machine.weight_buffer.capacity_bytes,
        "dram_bytes_per_cycle": machine.dram_bytes_per_cycle,
    }
    assert set(inputs) == set(kernel().INPUTS)
    if best:
        del inputs["tile_rows"]
    # Every other input is an array, so that constants and arrays are both used.
    columns = {name: np.full(ROWS, float(value)) if k % 2 else value for k, (name, value) in enumerate(inputs.items())}
    heights, weight_bytes = machine.tile_rows, machine.weight_bytes
    results = evaluate(columns, ROWS, layer.phases, case.plan, heights, weight_bytes)
    return {name: values[-1].item() for name, values in results.items()}


def check(case: Case, best: bool) -> None:
    network = replace(single_layer(case.layer, case.lengths[0]), batch_size=len(case.lengths))
    plan = replace(case.plan, tile_rows="best") if best else case.plan
    reason = why_not(case.layer.phases, plan, len(case.accelerator.tile_rows))
    if reason:
        with pytest.raises(InfeasibleMappingError, match="waits for"):
            simulate(network, case.accelerator, plan)
        return
    try:
        report = simulate(network, case.accelerator, plan)
    except InfeasibleMappingError:
        return  # no tile takes a row for each gate
    found = closed(case, best)
    assert found.pop("chosen_tile_rows") == report.layers[0].tile_rows
    assert found.pop("streamed_share") == report.layers[0].mapping.task.streamed_share
    assert 0 <= found.pop("first_load") <= report.counts.weight_load
    assert found == {name: getattr(report.counts, name) for name in found}


@given(closed_cases, st.booleans())
@examples(2500)
def test_closed_form_is_the_event_simulator_for_lstm_like_cells(case, best):
    check(case, best)


@given(closed_cases.filter(lambda case: len(case.layer.phases) > 1), st.booleans())
@examples(1200)
def test_closed_form_is_the_event_simulator_for_cells_of_two_phases(case, best):
    check(case, best)


@given(closed_cases.map(lambda case: case.planned(schedule="unfolded")), st.booleans())
@examples(1500)
def test_closed_form_is_the_event_simulator_under_unfolded(case, best):
    check(case, best)


@pytest.fixture(params=["0", "3", "4"])
def level(request, monkeypatch):
    """Each build of the kernel that this processor runs."""
    monkeypatch.setenv("SHARP_LEVEL", request.param)
    kernel.cache_clear()
    try:
        kernel()
    except SpecificationError:
        pytest.skip(f"this processor does not run x86-64-v{request.param}")
    yield request.param
    monkeypatch.undo()
    kernel.cache_clear()


def test_every_build_gives_the_same(level):
    module = kernel()
    assert module.__name__.endswith({"0": "closed_form", "3": "closed_form_v3", "4": "closed_form_v4"}[level])
    assert module.__file__.endswith(".so")

    @given(closed_cases, st.booleans())
    @examples(500)
    def run(case, best):
        check(case, best)

    run()


def test_a_wait_that_the_last_products_cover_more_than_once(level, accelerator):
    """A difference that is negative, and rounded up: once wrong where the processor has no rounding instruction."""
    machine = with_settings(accelerator.with_macs("4K"), {"intermediate_buffer": 10**9})
    layer = RNNLayer(input_size=416, hidden_size=94, projection_size=59)
    check(Case(layer, (10,), machine, Plan(tile_rows=128)), best=False)


def test_quotients_next_to_whole_numbers(level, accelerator):
    """Widths that are no power of two: a column less than whole tiles, none, and one more, up to the bound."""
    machine = with_settings(accelerator, {"num_macs": 3 * 5 * 7 * 256, "tile_rows": [256], "intermediate_buffer": 4})
    width = 3 * 5 * 7
    for tiles in (1, 3, 2**20 - 1, 2**31 + 11, 2**40 // width):
        for columns in (tiles * width - 1, tiles * width, tiles * width + 1):
            case = Case(RNNLayer(input_size=columns - 1, hidden_size=1, cell="rnn"), (1,), machine, Plan(tile_rows=256))
            assert case.count().useful < MAX_EXACT
            check(case, best=False)


def test_an_unknown_level_is_refused(monkeypatch):
    monkeypatch.setenv("SHARP_LEVEL", "5")
    kernel.cache_clear()
    with pytest.raises(SpecificationError, match=r"SHARP_LEVEL: expected 0.*, got '5'"):
        kernel()
    kernel.cache_clear()


class Mine(Schedule):
    """A user's, so not known to the closed form."""

    name = "mine"


@pytest.mark.parametrize(
    ("plan", "heights", "equal", "reason"),
    [
        (Plan(), 4, True, ""),
        (Plan(schedule=Mine()), 4, True, "the schedule is a user's"),
        (Plan(schedule="interleaved"), 4, True, "take turns"),
        (Plan(forwarding="tilewise"), 4, True, "tile by tile"),
        (Plan(), 4, False, "not equally long"),
        (Plan(), 9, True, "more than 8 tile heights"),
    ],
)
def test_where_it_does_not_apply_it_says_why(plan, heights, equal, reason):
    said = why_not(RNNLayer(input_size=8, hidden_size=8).phases, plan, heights, equal)
    assert reason in said
    assert bool(said) == bool(reason)


@pytest.mark.parametrize(
    "phases",
    [
        (Phase(gates="abcde"),),
        (Phase(gates="a", update="multiply_ns"),),
        (Phase(gates="a", reads_x=False),),
        (Phase(gates="ab", gives="s"), Phase(gates="c", operand="s", gives="t"), Phase(gates="d", operand="t")),
        (Phase(gates="ab", gives="s"), Phase(gates="cd", operand="s")),
        (Phase(gates="ab", gives="s", separate_sums=True), Phase(gates="c", operand="s")),
        (Phase(gates="ab", gives="s"), Phase(gates="c", operand="s", reads_x=False)),
    ],
)
def test_a_cell_of_another_shape_is_left_to_the_event_simulator(phases):
    assert why_not(phases, Plan(), 4) == "the cell has another shape than ours"


def test_every_recurrent_cell_of_ours_has_a_shape():
    forms = [layer for cell in CELLS if (layer := RNNLayer(cell=cell, input_size=8, hidden_size=8)).is_recurrent]
    forms.append(RNNLayer(input_size=8, hidden_size=8, projection_size=4))
    forms.append(RNNLayer(cell="gru", input_size=8, hidden_size=8, linear_before_reset=False))
    assert {why_not(layer.phases, Plan(), 4) for layer in forms} == {""}
    dense = RNNLayer(cell="dense", input_size=8, hidden_size=8)
    assert why_not(dense.phases, Plan(), 4) == "the cell has another shape than ours"
    assert why_not(forms[0].phases, Plan(weights="auto"), 4).startswith("whether weights stay on chip is decided")
    assert set(PAPERS) == set(SCHEDULES) - {"interleaved"}
