"""The control alone: in every cycle its three units are at work where the model says."""

import numpy as np
import pytest
from rtl_cases import small

import sharp
from sharp.rtl.cosimulate import count_on_control
from sharp.workload.sequences import Sequences

pytestmark = pytest.mark.rtl


@pytest.mark.parametrize("schedule", ["sequential", "batch", "intergate", "unfolded"])
def test_units_work_in_the_cycles_of_the_timeline(tmp_path, schedule):
    layer, plan = sharp.RNNLayer(input_size=40, hidden_size=52), sharp.Plan(schedule=schedule, tile_rows=32)
    result = count_on_control(layer, Sequences.equal(3), small(), plan, busy=tmp_path / "busy")
    timeline = sharp.make_timeline(layer, 3, small(), plan, num_steps=3)
    units = np.zeros((3, result.cycles + 1), bool)
    for event in timeline.events:
        units[("array", "activation", "update").index(event.unit), event.start : event.end] = True
    seen = np.fromfile(tmp_path / "busy", np.uint8)[: result.cycles + 1]
    np.testing.assert_array_equal(
        np.stack([seen & 1, seen >> 1 & 1, seen >> 2 & 1]).astype(bool), units[:, : len(seen)]
    )
    assert result.is_equal
