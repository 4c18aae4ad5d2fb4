"""The cycle model: by hand, against the specification, by law."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from strategies import BASE, LARGE_BUFFER, Case, cases, examples

from sharp import (
    SCHEDULES,
    Accelerator,
    CycleCounts,
    InfeasibleMappingError,
    Plan,
    RNNLayer,
    Sequences,
    count_cycles,
)
from sharp.artifact.examples import WorkedExample, worked_examples
from sharp.cycles.counting import SPLIT, trace_layer
from sharp.cycles.mapping import map_layer
from sharp.cycles.schedule import schedule_of
from sharp.kernels import cycles as kernel
from sharp.machine.accelerator import LATENCIES, with_settings

PARTS = ("useful", "column_padding", "row_padding", "dependency_stall", "weight_load", "fill_drain")


def count(case: Case) -> CycleCounts:
    """What the model gives; which cases it refuses is tested against the specification."""
    try:
        return case.count()
    except InfeasibleMappingError:
        reject()


def total(case: Case) -> int:
    return count(case).total_cycles


def mapping_of(case: Case):
    return map_layer(case.layer, case.sequences, case.accelerator, case.plan)


def with_buffer(case: Case, buffer=LARGE_BUFFER) -> Case:
    return replace(case, accelerator=replace(case.accelerator, intermediate_buffer=buffer))


def test_the_compiled_core_is_the_one_in_use():
    assert kernel.__file__.endswith((".so", ".pyd"))
    expected = os.environ.get("SHARP_EXPECTED")  # `make test-checked` says which build it means
    assert expected is None or Path(kernel.__file__).is_relative_to(Path(expected).absolute())


@pytest.mark.parametrize("example", worked_examples(), ids=lambda example: example.name)
def test_worked_examples(example: WorkedExample):
    assert example.count() == example.by_hand


@pytest.mark.parametrize("example", worked_examples(), ids=lambda example: example.name)
def test_worked_examples_by_the_specification(example: WorkedExample):
    found = Case(example.layer, (example.seq_len,), example.accelerator, example.plan).reference()
    assert found.total == example.by_hand.total_cycles
    assert [getattr(found, part) for part in PARTS] == [getattr(example.by_hand, part) for part in PARTS]


def test_smallest_layer_by_hand(accelerator):
    # 1 x 1 LSTM, one step, 1K MACs, K = 32, N = 32: 4 rows, 2 columns, one tile. Array 0-1; L_mvm = 1 + 5 + 1 = 7, sums
    # at 8; activation 8-9, values at 24; update 24-25, h at 43.
    plan = Plan(schedule="intergate", tile_rows=32)
    counts = count_cycles(RNNLayer(input_size=1, hidden_size=1), 1, accelerator.with_macs("1K"), plan)
    assert (counts.total_cycles, counts.dependency_stall, counts.fill_drain) == (43, 0, 42)
    assert (counts.useful, counts.column_padding, counts.row_padding) == (8, 4 * 30, 28 * 32)


# Kernel and specification --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULES)
@examples(1400)
@given(data=st.data())
def test_model_equals_the_specification(schedule: str, data: st.DataObject):
    case = data.draw(cases(schedules=(schedule,)))
    expected = case.reference()
    if expected is None:
        with pytest.raises(InfeasibleMappingError):
            case.count()
        return
    counts = case.count()
    assert counts.total_cycles == expected.total
    assert [getattr(counts, part) for part in PARTS] == [getattr(expected, part) for part in PARTS]
    assert case.count(every_step=True) == counts


@pytest.mark.parametrize("schedule", SCHEDULES)
@examples(300)
@given(data=st.data())
def test_events_equal_those_of_the_specification(schedule: str, data: st.DataObject):
    case, num_steps = data.draw(cases(schedules=(schedule,))), data.draw(st.integers(1, 8))
    expected = case.reference()
    assume(expected is not None)
    events = trace_layer(mapping_of(case), num_steps=num_steps)
    assert not events.flags.writeable
    shown = np.delete(events, 2, axis=1)  # all but the segment, which the specification does not number
    np.testing.assert_array_equal(shown, np.array(expected.events)[: len(events)])
    assert sum(step <= num_steps for _, step, *_ in expected.events) <= len(events)
    assert num_steps < case.sequences.num_steps or len(events) == len(expected.events)


@examples(300)
@given(case=cases(), times=st.integers(1, 100))
def test_a_long_run_counts_as_step_by_step(case: Case, times: int):
    case = replace(case, lengths=tuple(times * length for length in case.lengths))
    assert count(case) == case.count(every_step=True)


def test_random_cases_vary():
    seen: list[Case] = []

    @settings(max_examples=1000)
    @given(cases())
    def collect(case: Case):
        seen.append(case)

    collect()
    for field in ("schedule", "forwarding", "weights", "reconfiguration"):
        count_of = [getattr(case.plan, field) for case in seen].count
        assert min(map(count_of, {getattr(case.plan, field) for case in seen})) > 30, field
    assert {case.plan.schedule_name for case in seen} == set(SCHEDULES)
    assert len({case.plan.tile_rows for case in seen}) > 10
    sizes = {case.layer.hidden_size for case in seen} | {case.layer.input_size for case in seen}
    assert min(sizes) == 1
    assert max(sizes) > 2048
    assert sum(size & (size - 1) != 0 for size in sizes) > 50
    assert sum(case.layer.hidden_size % case.plan.tile_rows != 0 for case in seen) > 100
    assert max(max(case.lengths) for case in seen) > 20
    assert sum(len(case.lengths) == 1 for case in seen) > 50
    assert sum(len(set(case.lengths)) == 1 < len(case.lengths) for case in seen) > 50
    assert sum(len(set(case.lengths)) > 1 for case in seen) > 50
    kinds = [(case.layer.cell, case.layer.projection_size is None, case.layer.linear_before_reset) for case in seen]
    assert len(set(kinds)) == 6
    assert min(map(kinds.count, kinds)) > 20
    assert sum(case.layer.bidirectional for case in seen) > 100
    assert sum(case.share == 1 for case in seen) > 50
    assert sum(0 < case.share < 1 for case in seen) > 10
    assert sum(case.accelerator.levels_per_cycle > 1 for case in seen) > 50
    merging = [case for case in seen if case.accelerator.accumulators == "interleaved"]
    assert sum(case.accelerator.cycles("accumulate_ns") > 1 for case in merging) > 50
    unfolded = [mapping_of(case).unfolded_cells / case.layer.hidden_size for case in seen if is_unfolded(case)]
    assert unfolded.count(0) > 10
    assert unfolded.count(1) > 10
    assert sum(0 < share < 1 for share in unfolded) > 5


def is_unfolded(case: Case) -> bool:
    return case.plan.schedule_name == "unfolded" and case.reference() is not None


# Laws ----------------------------------------------------------------------------------------------------------------


@examples(500)
@given(case=cases())
def test_split_sums_to_the_total_and_no_schedule_beats_ideal(case: Case):
    counts = count(case)
    assert list(counts.split) == list(SPLIT)
    assert sum(counts.split.values()) == pytest.approx(counts.total_cycles, rel=1e-12)
    macs = case.layer.num_weights * case.sequences.total_steps
    assert counts.useful == macs
    assert counts.total_cycles >= -(-macs // case.accelerator.num_macs)
    assert 0 < counts.utilization <= 1


@examples(500)
@given(case=cases(schedules=("batch",)))
def test_batch_never_loses_to_sequential(case: Case):
    assert total(case) <= total(case.planned(schedule="sequential"))


@examples(500)
@given(case=cases(), data=st.data())
def test_one_more_step_never_takes_less(case: Case, data: st.DataObject):
    longer = replace(case, lengths=tuple(length + 1 for length in case.lengths))
    assert total(longer) > total(case)
    # Of one sequence: not where tiles of streamed weights are forwarded, see the counter-examples.
    assume(case.plan.forwarding == "barrier" or case.plan.weights == "resident")
    index = data.draw(st.integers(0, len(case.lengths) - 1))
    lengths = (*case.lengths[:index], case.lengths[index] + 1, *case.lengths[index + 1 :])
    assert total(replace(case, lengths=lengths)) >= total(case)


@examples(700)
@given(case=cases())
def test_a_budget_four_times_as_large_loses_at_most_its_deeper_tree(case: Case):
    # Two levels more on each wait: one a step, and one for each phase before h (a projection, the reset before the
    # product), there of each chain, since chains that take turns wait for each other's.
    assume(case.plan.forwarding == "barrier" or case.plan.weights == "resident")
    # What comes after a projection depends on how deep the tree is: another order, and other totals.
    assume(case.layer.projection_size is None or case.plan.schedule_name not in ("unfolded", "interleaved"))
    phases, directions = len(case.layer.phases), case.layer.num_directions
    waits = phases * directions * case.sequences.num_steps
    if schedule_of(case.plan).interleaves:
        waits = case.sequences.num_steps if phases == 1 else phases * directions * case.sequences.total_steps
    larger = replace(case.accelerator, num_macs=4 * case.accelerator.num_macs)
    deeper = 2 * waits * case.accelerator.cycles("add_ns")
    assert total(replace(case, accelerator=larger)) <= total(case) + deeper


@examples(500)
@given(case=cases(forwarding=("tilewise",)))
def test_forwarding_tile_by_tile_never_loses_to_a_barrier(case: Case):
    assert total(case) <= total(case.planned(forwarding="barrier"))


@examples(300)
@given(case=cases(weights=("streamed",)))
def test_streamed_weights_are_never_faster_than_resident_ones(case: Case):
    assert total(case) >= total(case.planned(weights="resident"))


@examples(500)
@given(case=cases(schedules=("interleaved",)))
def test_interleaved_never_loses_to_separate_runs(case: Case):
    case = with_buffer(case)
    alone = case.planned(schedule="unfolded")
    assert total(case) <= sum(total(replace(alone, lengths=(length,))) for length in case.lengths)


@examples(500)
@given(case=cases(schedules=("unfolded",), forwarding=("barrier",)))
def test_unfolded_loses_to_intergate_at_most_by_what_splitting_costs(case: Case):
    def array_cycles(case: Case, lookahead: int) -> int:
        mapping = mapping_of(case)
        return sum(
            run.repeats * mapping.task.array_cycles(segment)
            for run in mapping.runs
            for segment in run.segments
            if segment.lookahead == lookahead
        )

    intergate = case.planned(schedule="intergate")
    least = total(intergate)
    ahead = array_cycles(case, 1)
    splitting = ahead + array_cycles(case, 0) - array_cycles(intergate, 0)
    lost = case.layer.num_directions * (ahead + case.sequences.num_steps * splitting)
    assert total(case) <= least + lost


def test_a_bigger_budget_with_the_best_tile_height_can_lose(accelerator):
    # To its deeper tree (book, page on the schedules). A row takes a tile of 32, whatever K: N is 512, or 2048. Step by
    # step: array 4 cycles, sums 11 later (1 + 9 + 1), activation 1 and 15, update 1 and 18: 50; two more levels: 52.
    def best(macs: str) -> int:
        layer, machine = RNNLayer(hidden_size=1, input_size=5), accelerator.with_macs(macs)
        plan = Plan(schedule="sequential")
        return min(count_cycles(layer, 2, machine, plan.at(rows)).total_cycles for rows in machine.tile_rows)

    assert (best("16K"), best("64K")) == (100, 104)


def tiny(num_macs: int, tile_rows: int, words: int) -> Accelerator:
    """A machine with one tile height, every latency a cycle, a lane each, and weights that always stream slowly."""
    latencies = dict.fromkeys(LATENCIES, 1.0)
    widths = {"activation_lanes": 1, "rows_per_update_lane": 1, "clock_hz": 1e8, "dram_bytes_per_s": 1e7}
    machine = replace(BASE, num_macs=num_macs, tile_rows=(tile_rows,), **latencies, **widths)
    return with_settings(machine, {"intermediate_buffer": 4 * words, "weight_buffer": 1})


def test_interleaved_can_lose_to_separate_runs_where_the_buffer_holds_no_sums_of_all_chains():
    turns = Case(RNNLayer(cell="rnn", input_size=4, hidden_size=1), (1, 4), tiny(1, 1, words=1), Plan(tile_rows=1))
    alone = [replace(turns, lengths=(length,)) for length in turns.lengths]
    assert (total(turns.planned(schedule="interleaved")), sum(map(total, alone))) == (44, 43)


def test_a_longer_sequence_can_take_less_where_tiles_of_streamed_weights_are_forwarded():
    # What the weights take beyond the tiles comes after the last tile; tiles of a larger batch leave less of it.
    plan = Plan(schedule="sequential", tile_rows=2, forwarding="tilewise", weights="streamed")
    case = Case(RNNLayer(cell="rnn", input_size=2, hidden_size=1), (1, 2), tiny(2, 2, words=1), plan)
    assert (total(case), total(replace(case, lengths=(2, 2)))) == (131, 130)


def test_a_deeper_tree_can_cost_more_where_it_moves_the_projection():
    # Two levels more, for two waits in each of two steps, would be eight.
    layer = RNNLayer(input_size=1, hidden_size=3, projection_size=1)
    case = Case(layer, (2, 2, 2), tiny(20, 4, words=36), Plan(tile_rows=4))
    assert (total(case), total(replace(case, accelerator=tiny(80, 4, words=36)))) == (120, 129)


def test_two_directions_take_twice_the_cycles_unless_they_take_turns(accelerator):
    one = RNNLayer(hidden_size=340, input_size=340)
    both = replace(one, bidirectional=True)
    for schedule in ("sequential", "unfolded"):
        plan = Plan(schedule=schedule, tile_rows=64)
        single = count_cycles(one, 7, accelerator, plan)
        assert count_cycles(both, 7, accelerator, plan) == single.times(2)
    turns = count_cycles(both, 7, accelerator, Plan(schedule="interleaved", tile_rows=64))
    assert single.total_cycles < turns.total_cycles < 2 * single.total_cycles


# Long runs and large sizes -------------------------------------------------------------------------------------------


def test_a_run_in_several_calls_tells_its_progress_and_counts_the_same(accelerator, monkeypatch):
    layer, plan, shares = RNNLayer(hidden_size=100, input_size=70), Plan(tile_rows=32), []
    whole = count_cycles(layer, 50, accelerator, plan)
    monkeypatch.setattr("sharp.cycles.counting._SEGMENTS_A_CALL", 100)
    assert count_cycles(layer, 50, accelerator, plan, every_step=True, progress=shares.append) == whole
    assert len(shares) > 5
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize("forwarding", ["barrier", "tilewise"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_billion_steps_are_counted_at_once(accelerator, schedule, forwarding):
    layer, plan = RNNLayer(hidden_size=64, input_size=64), Plan(schedule=schedule, tile_rows=32, forwarding=forwarding)
    found = {steps: count_cycles(layer, steps, accelerator, plan).total_cycles for steps in (40, 41, 10**9)}
    assert found[10**9] == found[40] + (10**9 - 40) * (found[41] - found[40])  # steps after the first are periodic


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_two_billion_cells(accelerator, schedule):
    plan = Plan(schedule=schedule, tile_rows=256)
    counts = count_cycles(RNNLayer(hidden_size=2**31, input_size=1), 1, accelerator, plan)
    assert counts.useful == 4 * 2**31 * (2**31 + 1)
    assert counts.total_cycles > counts.useful // counts.num_macs
    square = RNNLayer(hidden_size=2**31, input_size=2**31)
    assert count_cycles(square, 1, accelerator, plan).useful == 2**65


def test_the_largest_sizes_that_are_not_refused_are_exact(accelerator):
    layer = RNNLayer(hidden_size=2**13, input_size=2**31)
    counts = count_cycles(layer, 1, accelerator, Plan(schedule="intergate", tile_rows=256))
    assert counts.useful == 4 * 2**13 * (2**31 + 2**13)
    assert counts.column_padding == counts.row_padding == 0
    assert counts.total_cycles == counts.useful // counts.num_macs + counts.fill_drain


@pytest.mark.parametrize("forwarding", ["barrier", "tilewise"])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("input_size", [2**31, 2**62, 2**63 - 1])
def test_wide_inputs_are_exact_or_refused(accelerator, input_size, schedule, forwarding):
    # Multipliers for so wide a tile that the specification, too, is done at once.
    machine = replace(accelerator, num_macs=2**62, tile_rows=(4, 32), intermediate_buffer=LARGE_BUFFER)
    plan = Plan(schedule=schedule, tile_rows=32, forwarding=forwarding)
    case = Case(RNNLayer(hidden_size=33, input_size=input_size), (3, 2), machine, plan)
    if input_size < 2**63 - 1:
        assert case.count().total_cycles == case.reference().total
    else:  # X + H columns are more than 64 bits hold
        with pytest.raises(InfeasibleMappingError, match=r"below 2\^63"):
            case.count()


@pytest.mark.parametrize("schedule", ["sequential", "batch", "intergate", "unfolded"])
def test_a_batch_of_two_billion(accelerator, schedule):
    layer, plan = RNNLayer(hidden_size=70, input_size=50), Plan(schedule=schedule, tile_rows=32)

    def of(batch_size: int) -> int:
        return count_cycles(layer, Sequences.equal(3, batch_size), accelerator, plan).total_cycles

    assert of(2**31) - of(2**30) == 2**10 * (of(2**21) - of(2**20))  # a large batch costs in proportion to its size


def greatest(accepts) -> int:
    """The greatest integer below 2^63 that is not refused."""
    low, high = 1, 2**63
    while high - low > 1:
        middle = (low + high) // 2
        try:
            accepts(middle)
            low = middle
        except InfeasibleMappingError:
            high = middle
    return low


@pytest.mark.parametrize("forwarding", ["barrier", "tilewise"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_just_below_the_bound_the_steps_are_exact(accelerator, schedule, forwarding):
    layer, plan = RNNLayer(hidden_size=8, input_size=8), Plan(schedule=schedule, tile_rows=32, forwarding=forwarding)

    def of(steps: int) -> int:
        return count_cycles(layer, steps, accelerator, plan).total_cycles

    most = greatest(of)
    assert 2**50 < most < 2**63 - 1
    assert of(most) == of(40) + (most - 40) * (of(41) - of(40))
    with pytest.raises(InfeasibleMappingError, match=r"seq_len, .* below 2\^63, got up to 2\^64$"):
        of(most + 1)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_just_below_the_bound_the_inputs_are_exact(accelerator, schedule):
    machine, plan = replace(accelerator, num_macs=256), Plan(schedule=schedule, tile_rows=32)

    def case(input_size: int) -> Case:
        return Case(RNNLayer(hidden_size=8, input_size=input_size), (4, 2), machine, plan)

    most = greatest(lambda input_size: case(input_size).count())
    assert 2**50 < most < 2**63 - 1
    assert case(most).count().total_cycles == case(most).reference().total


@pytest.mark.parametrize("schedule", ["sequential", "batch", "intergate", "unfolded"])
def test_just_below_the_bound_the_batch_is_exact(accelerator, schedule):
    layer, plan = RNNLayer(hidden_size=70, input_size=50), Plan(schedule=schedule, tile_rows=32)

    def of(batch_size: int) -> int:
        return count_cycles(layer, Sequences.equal(3, batch_size), accelerator, plan).total_cycles

    most = greatest(of)
    assert 2**50 < most < 2**63 - 1
    most -= most % 2**20  # in whole lanes
    assert of(most) - of(2**20) == (most // 2**20 - 1) * (of(2**21) - of(2**20))


@pytest.mark.parametrize(
    ("hidden_size", "seq_len"), [(10**14, 1), (10**9, 10**9), (1024, 10**18), (2**62, 2**62), (2**63 - 1, 2**63 - 1)]
)
def test_sizes_that_overflow_are_refused_before_anything_runs(accelerator, hidden_size, seq_len):
    layer = RNNLayer(hidden_size=hidden_size, input_size=hidden_size)
    with pytest.raises(InfeasibleMappingError, match=r"cycles stay below 2\^63, got up to 2\^\d+$"):
        count_cycles(layer, seq_len, accelerator, Plan(tile_rows=32))


def test_too_many_chains_are_refused(accelerator):
    layer, plan = RNNLayer(hidden_size=8, input_size=8, bidirectional=True), Plan(schedule="interleaved", tile_rows=32)
    assert count_cycles(layer, Sequences.equal(2, 2048), accelerator, plan).total_cycles > 2 * 4096
    for batch_size in (2049, 2**31):
        with pytest.raises(InfeasibleMappingError, match=f"at most 4096 chains .* got {2 * batch_size}$"):
            count_cycles(layer, Sequences.equal(2, batch_size), accelerator, plan)


# What is refused -----------------------------------------------------------------------------------------------------


def test_a_machine_without_the_tile_height_is_refused(accelerator):
    with pytest.raises(ValueError, match=r"tile_rows: expected one of 32, 64, 128, 256 or best"):
        count_cycles(RNNLayer(hidden_size=8, input_size=8), 1, accelerator, Plan(tile_rows=48))


def test_fused_segments_need_a_row_for_each_gate(accelerator):
    machine, layer = replace(accelerator, tile_rows=(2,)), RNNLayer(hidden_size=8, input_size=8)
    with pytest.raises(InfeasibleMappingError, match=r"at least 4 \(a row for each gate of ifgo\), got 2"):
        count_cycles(layer, 1, machine, Plan(schedule="unfolded", tile_rows=2))
    assert count_cycles(layer, 1, machine, Plan(schedule="batch", tile_rows=2)).row_padding == 0


@pytest.mark.parametrize("schedule", ["sequential", "batch"])
def test_gate_after_gate_needs_gates_that_do_not_wait_for_each_other(accelerator, schedule):
    layer = RNNLayer(cell="gru", hidden_size=8, input_size=8, linear_before_reset=False)
    with pytest.raises(InfeasibleMappingError, match=f"gate n waits for rz, got {schedule}"):
        count_cycles(layer, 1, accelerator, Plan(schedule=schedule, tile_rows=32))


def test_too_many_events_are_refused(accelerator):
    case = Case(RNNLayer(hidden_size=2**20, input_size=1), (10**6,), accelerator, Plan(tile_rows=32))
    with pytest.raises(InfeasibleMappingError, match="at most 262144 events"):
        trace_layer(mapping_of(case), num_steps=10**6)


def test_too_many_different_lengths_of_chains_are_refused(accelerator):
    layer, plan = RNNLayer(hidden_size=64, input_size=64), Plan(schedule="interleaved", tile_rows=32)
    with pytest.raises(InfeasibleMappingError, match="lengths: expected at most 262 different ones for 2000 chains"):
        count_cycles(layer, Sequences.of(range(1, 2001)), accelerator, plan)
    assert count_cycles(layer, Sequences.of([9] * 2000), accelerator, plan).total_cycles > 0
