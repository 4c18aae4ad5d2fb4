"""Cells of one's own: the worked examples, and any cell that makes sense, equal the specification in every order."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import OWN_CELLS, cases, examples, network_cases

from sharp import SCHEDULES, InfeasibleMappingError
from sharp.cycles.counting import trace_layer
from sharp.cycles.mapping import map_layer

PARTS = ("useful", "column_padding", "row_padding", "dependency_stall", "weight_load", "fill_drain")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OWN_CELLS)
@examples(150)
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
@examples(150)
@given(data=st.data())
def test_events_equal_those_of_the_specification(name, data):
    case, num_steps = data.draw(cases(cells=(name,))), data.draw(st.integers(1, 8))
    expected = case.reference()
    assume(expected is not None)
    events = trace_layer(map_layer(case.layer, case.sequences, case.accelerator, case.plan), num_steps=num_steps)
    shown = np.delete(events, 2, axis=1)  # all but the segment, which the specification does not number
    np.testing.assert_array_equal(shown, np.array(expected.events)[: len(events)])


@pytest.mark.parametrize("name", OWN_CELLS)
@examples(80)
@given(data=st.data())
def test_activity_equals_the_specification(name, data):
    case = data.draw(network_cases(cells=(name,)))
    assert [asdict(activity) for activity in case.report().activities] == [vars(each) for each in case.reference()]
