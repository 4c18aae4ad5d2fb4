"""Schedules: every row of every gate once, columns of h never early."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharp import SCHEDULES, InfeasibleMappingError, RNNLayer
from sharp.schedule import batch, intergate, sequential, unfolded


def expand(runs):
    return [segment for run in runs for _ in range(run.repeats) for segment in run.segments]


@pytest.mark.parametrize("name", SCHEDULES)
@given(hidden=st.integers(1, 600), inputs=st.integers(1, 600), tile_rows=st.integers(4, 300))
def test_every_weight_is_issued_once_and_every_cell_updated_once(name, hidden, inputs, tile_rows):
    layer = RNNLayer(hidden_size=hidden, input_size=inputs)
    segments = expand(SCHEDULES[name](layer, tile_rows))
    rows: Counter[tuple[str, str]] = Counter()
    for segment in segments:
        assert 0 < segment.rows <= tile_rows
        assert segment.columns == {"x": inputs, "h": hidden, "xh": inputs + hidden}[segment.operand]
        for gate in segment.gates:
            for operand in segment.operand:
                rows[gate, operand] += segment.rows // len(segment.gates)
    assert rows == {(gate, operand): hidden for gate in "ifgo" for operand in "xh"}
    assert sum(segment.updated_cells for segment in segments) == hidden


@given(hidden=st.integers(1, 600), tile_rows=st.integers(4, 300))
def test_no_cell_updates_before_all_its_gates(hidden, tile_rows):
    layer = RNNLayer(hidden_size=hidden, input_size=9)
    for order in (sequential, batch, intergate, unfolded):
        done: Counter[str] = Counter()
        updated = 0
        for segment in expand(order(layer, tile_rows)):
            if segment.activates:
                for gate in segment.gates:
                    done[gate] += segment.rows // len(segment.gates)
            updated += segment.updated_cells
            assert updated <= min(done[gate] for gate in "ifgo")


def test_orders_of_a_small_layer():
    layer = RNNLayer(hidden_size=6, input_size=3)
    assert [segment.gates for segment in expand(sequential(layer, 4))] == list("iiffggoo")
    assert [segment.gates for segment in expand(batch(layer, 4))] == list("ifgoifgo")
    assert [segment.rows for segment in expand(intergate(layer, 16))] == [16, 8]
    assert [segment.operand for segment in expand(unfolded(layer, 16))] == ["h", "h", "x", "x"]
    assert [segment.lookahead for segment in expand(unfolded(layer, 16))] == [0, 0, 1, 1]


def test_the_size_of_a_layer_does_not_lengthen_its_runs():
    assert max(len(SCHEDULES[name](RNNLayer(hidden_size=10**9, input_size=1), 32)) for name in SCHEDULES) <= 9


@pytest.mark.parametrize("order", [intergate, unfolded])
def test_fused_gates_need_a_row_each(order):
    with pytest.raises(InfeasibleMappingError, match="expected tile_rows of at least 4"):
        order(RNNLayer(hidden_size=6, input_size=3), 3)
