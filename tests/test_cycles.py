"""The cycle model: by hand, against the specification, by law."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import Case, cases

from sharp import InfeasibleMappingError, RNNLayer, SpecificationError, count_cycles
from sharp.cycles import SPLIT, trace_layer
from sharp.examples import WorkedExample, worked_examples
from sharp.kernels import cycles as kernel
from sharp.mapping import map_layer


def count(case: Case, **changes):
    case = replace(case, **changes)
    return count_cycles(case.layer, case.seq_len, case.accelerator, **case.options)


def test_the_compiled_core_is_the_one_in_use():
    assert kernel.__file__.endswith((".so", ".pyd"))
    expected = os.environ.get("SHARP_EXPECTED")  # `make test-checked` says which build it means
    assert expected is None or Path(kernel.__file__).is_relative_to(Path(expected).absolute())


@pytest.mark.parametrize("example", worked_examples(), ids=lambda example: example.name)
def test_worked_examples(example: WorkedExample):
    assert example.count() == example.by_hand


@pytest.mark.parametrize("example", worked_examples(), ids=lambda example: example.name)
def test_worked_examples_by_the_specification(example: WorkedExample):
    case = Case(
        example.layer,
        example.seq_len,
        example.accelerator,
        example.schedule,
        example.tile_rows,
        example.reconfiguration,
    )
    found = case.reference()
    assert found.total == example.by_hand.total_cycles
    for part in ("useful", "column_padding", "row_padding", "dependency_stall", "fill_drain"):
        assert getattr(found, part) == getattr(example.by_hand, part)


def test_smallest_layer_by_hand(accelerator):
    # 1 x 1 LSTM, one step, 1K MACs, K = 32, N = 32: 4 rows, 2 columns, one tile. Array 0-1; L_mvm = 1 + 5 + 1 = 7, sums
    # at 8; activation 8-9, values at 24; update 24-25, h at 43.
    counts = count_cycles(
        RNNLayer(input_size=1, hidden_size=1), 1, accelerator.with_macs("1K"), schedule="intergate", tile_rows=32
    )
    assert (counts.total_cycles, counts.dependency_stall, counts.fill_drain) == (43, 0, 42)
    assert (counts.useful, counts.column_padding, counts.row_padding) == (8, 4 * 30, 28 * 32)


# Kernel and specification --------------------------------------------------------------------------------------------


@settings(max_examples=2500)
@given(cases())
def test_model_equals_the_specification(case: Case):
    counts, expected = count(case), case.reference()
    assert counts.total_cycles == expected.total
    assert counts.useful == expected.useful
    assert counts.column_padding == expected.column_padding
    assert counts.row_padding == expected.row_padding
    assert counts.dependency_stall == expected.dependency_stall
    assert counts.fill_drain == expected.fill_drain


@settings(max_examples=300)
@given(cases(), st.integers(1, 6))
def test_events_equal_those_of_the_specification(case: Case, num_steps: int):
    mapping = map_layer(case.layer, case.seq_len, case.accelerator, **case.options)
    events = trace_layer(mapping, num_steps=num_steps)
    expected = np.array(case.reference().events)[: len(events)]
    np.testing.assert_array_equal(np.delete(events, 1, axis=1), expected)
    assert not events.flags.writeable


def test_random_cases_vary():
    seen: list[Case] = []

    @settings(max_examples=300, database=None)
    @given(cases())
    def collect(case: Case):
        seen.append(case)

    collect()
    assert {case.schedule for case in seen} == {"sequential", "batch", "intergate", "unfolded"}
    assert {case.reconfiguration for case in seen} == {True, False}
    sizes = {case.layer.hidden_size for case in seen} | {case.layer.input_size for case in seen}
    assert min(sizes) == 1
    assert max(sizes) > 2048
    assert sum(size & (size - 1) != 0 for size in sizes) > 50
    assert len({case.tile_rows for case in seen}) > 8
    assert sum(case.layer.hidden_size % case.tile_rows != 0 for case in seen) > 100
    assert max(case.seq_len for case in seen) > 10


# Laws ----------------------------------------------------------------------------------------------------------------


@given(cases())
def test_split_sums_to_the_total_and_no_schedule_beats_ideal(case: Case):
    counts = count(case)
    assert list(counts.split) == list(SPLIT)
    assert sum(counts.split.values()) == pytest.approx(counts.total_cycles, rel=1e-12)
    macs = case.layer.num_weights * case.seq_len
    assert counts.useful == macs
    assert counts.total_cycles >= -(-macs // case.accelerator.num_macs)
    assert 0 < counts.utilization <= 1


@given(cases(schedules=("batch",)))
def test_batch_never_loses_to_sequential(case: Case):
    assert count(case).total_cycles <= count(case, schedule="sequential").total_cycles


@given(cases())
def test_more_steps_take_longer(case: Case):
    assert count(case, seq_len=case.seq_len + 1).total_cycles > count(case).total_cycles


@given(cases())
def test_a_budget_four_times_as_large_loses_at_most_its_deeper_tree(case: Case):
    larger = replace(case.accelerator, num_macs=4 * case.accelerator.num_macs)
    deeper = 2 * case.seq_len * case.accelerator.cycles("add_ns")
    assert count(case, accelerator=larger).total_cycles <= count(case).total_cycles + deeper


@given(cases(schedules=("unfolded",)))
def test_unfolded_loses_to_intergate_at_most_by_what_splitting_costs(case: Case):
    def array_cycles(schedule: str, operand: str) -> int:
        mapping = map_layer(case.layer, case.seq_len, case.accelerator, **{**case.options, "schedule": schedule})
        rows = zip(mapping.repeats, mapping.segments, mapping.costs, strict=True)
        return sum(times * cost[0] for times, segment, cost in rows if segment.operand == operand)

    ahead, recurrent = array_cycles("unfolded", "x"), array_cycles("unfolded", "h")
    splitting = ahead + recurrent - array_cycles("intergate", "xh")
    assert count(case).total_cycles <= count(case, schedule="intergate").total_cycles + ahead + case.seq_len * splitting


def test_what_does_not_hold_has_a_counter_example(accelerator):
    # A bigger budget with best K can lose, to its deeper tree (book, page on the schedules).
    def best(macs: str) -> int:
        layer, machine = RNNLayer(hidden_size=1, input_size=5), accelerator.with_macs(macs)
        return min(
            count_cycles(layer, 2, machine, schedule="sequential", tile_rows=rows).total_cycles
            for rows in machine.tile_rows
        )

    assert (best("16K"), best("64K")) == (94, 98)


def test_two_directions_take_twice_the_cycles(accelerator):
    one = count_cycles(RNNLayer(hidden_size=340, input_size=340), 7, accelerator)
    two = count_cycles(RNNLayer(hidden_size=340, input_size=340, bidirectional=True), 7, accelerator)
    assert two == one.times(2)
    assert two.total_cycles == 2 * one.total_cycles


# Long runs and large sizes -------------------------------------------------------------------------------------------


def test_a_run_in_several_calls_tells_its_progress_and_counts_the_same(accelerator, monkeypatch):
    layer, shares = RNNLayer(hidden_size=100, input_size=70), []
    whole = count_cycles(layer, 50, accelerator)
    monkeypatch.setattr("sharp.cycles._SEGMENTS_A_CALL", 100)
    assert count_cycles(layer, 50, accelerator, progress=shares.append) == whole
    assert len(shares) > 5
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_steps_after_the_first_are_periodic_so_a_long_run_can_be_checked(accelerator):
    layer = RNNLayer(hidden_size=64, input_size=64)
    total = {steps: count_cycles(layer, steps, accelerator).total_cycles for steps in (10, 11, 1_000_000)}
    assert total[1_000_000] == total[10] + 999_990 * (total[11] - total[10])


@pytest.mark.parametrize(("hidden_size", "seq_len"), [(10**14, 1), (10**9, 10**9), (1024, 10**18), (2**62, 2**62)])
def test_sizes_that_overflow_are_refused_before_anything_runs(accelerator, hidden_size, seq_len):
    with pytest.raises(InfeasibleMappingError, match=r"cycles stay below 2\^63, got up to 2\^\d+$"):
        count_cycles(RNNLayer(hidden_size=hidden_size, input_size=hidden_size), seq_len, accelerator)


def test_the_largest_sizes_that_are_not_refused_are_exact(accelerator):
    layer = RNNLayer(hidden_size=2**13, input_size=2**31)
    counts = count_cycles(layer, 1, accelerator, schedule="intergate")
    assert counts.useful == 4 * 2**13 * (2**31 + 2**13)
    assert counts.column_padding == counts.row_padding == 0
    assert counts.total_cycles == counts.useful // counts.num_macs + counts.fill_drain


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": "unfold"}, "schedule: expected sequential, batch, intergate, unfolded, got 'unfold'"),
        ({"tile_rows": 48}, "tile_rows: expected one of 32, 64, 128, 256 or best"),
        ({"reconfiguration": "no"}, "reconfiguration: expected true or false, got 'no'"),
    ],
)
def test_bad_arguments(accelerator, changes, message):
    with pytest.raises(SpecificationError, match=message):
        count_cycles(RNNLayer(hidden_size=8, input_size=8), 1, accelerator, **changes)


def test_fused_segments_need_a_row_for_each_gate(accelerator):
    machine = replace(accelerator, tile_rows=(2,))
    with pytest.raises(InfeasibleMappingError, match="tile_rows of at least 4"):
        count_cycles(RNNLayer(hidden_size=8, input_size=8), 1, machine, schedule="unfolded", tile_rows=2)
    counts = count_cycles(RNNLayer(hidden_size=8, input_size=8), 1, machine, schedule="batch", tile_rows=2)
    assert counts.row_padding == 0


def test_too_many_events_are_refused(accelerator):
    mapping = map_layer(RNNLayer(hidden_size=2**20, input_size=1), 10**6, accelerator, tile_rows=32)
    with pytest.raises(InfeasibleMappingError, match="at most 262144 events"):
        trace_layer(mapping, num_steps=10**6)
