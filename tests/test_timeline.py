"""Timelines and trace files."""

import json
from itertools import pairwise

import pytest

from sharp import RNNLayer, make_timeline, square_lstm
from sharp.timeline import STAGES


@pytest.fixture
def timeline(accelerator):
    return make_timeline(square_lstm(64).layers[0], 25, accelerator, tile_rows=32, num_steps=2)


def test_units_never_overlap_themselves(timeline):
    for unit in STAGES:
        events = [event for event in timeline.events if event.unit == unit]
        assert events
        assert all(before.end <= after.start for before, after in pairwise(events))


def test_steps_and_h_out(timeline):
    assert len(timeline.h_out) == 2
    last = max(event.end for event in timeline.events if event.unit == "update" and event.step == 1)
    assert timeline.h_out[0] == last + 18
    starts = [event.start for event in timeline.events if event.step == 2 and event.operand == "h"]
    assert min(starts) == timeline.h_out[0]
    assert {event.step for event in timeline.events if event.operand == "x"} == {1, 2, 3}


def test_trace_file_is_in_the_trace_event_format(timeline):
    content = json.loads(timeline.as_trace())
    slices = [event for event in content["traceEvents"] if event["ph"] == "X"]
    names = [event["args"]["name"] for event in content["traceEvents"] if event["name"] == "thread_name"]
    assert names == list(STAGES)
    assert len(slices) == len(timeline.events)
    first = timeline.events[0]
    assert slices[0]["dur"] == pytest.approx((first.end - first.start) / 500)  # microseconds at 500 MHz
    assert {event["pid"] for event in slices} == {1}


def test_short_sequences_show_all_their_steps(accelerator):
    timeline = make_timeline(RNNLayer(hidden_size=8, input_size=8), 1, accelerator, num_steps=5)
    assert len(timeline.h_out) == 1
