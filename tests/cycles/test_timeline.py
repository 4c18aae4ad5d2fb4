"""Timelines and trace files."""

import json
from itertools import pairwise

import pytest

from sharp import Plan, RNNLayer, Sequences, count_cycles, make_timeline, square_lstm
from sharp.cycles.timeline import STAGES


@pytest.fixture
def timeline(accelerator):
    return make_timeline(square_lstm(64).layers[0], 25, accelerator, Plan(tile_rows=32), num_steps=2)


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


@pytest.mark.parametrize(
    "plan", [Plan(), Plan(schedule="intergate"), Plan(schedule="interleaved", forwarding="tilewise")]
)
@pytest.mark.parametrize(
    "fields",
    [{}, {"projection_size": 16}, {"cell": "gru"}, {"cell": "gru", "linear_before_reset": False}, {"cell": "rnn"}],
)
def test_the_last_h_is_out_at_the_end_of_the_layer(accelerator, fields, plan):
    layer = RNNLayer(**{"input_size": 64, "hidden_size": 64, **fields})
    plan = plan.at(32)
    timeline = make_timeline(layer, 3, accelerator, plan, num_steps=3)
    assert len(timeline.h_out) == 3
    assert timeline.h_out[-1] == count_cycles(layer, 3, accelerator, plan).total_cycles
    assert list(timeline.h_out) == sorted(set(timeline.h_out))


def test_chains_that_take_turns_are_told_apart(accelerator):
    layer, sequences = RNNLayer(input_size=64, hidden_size=64, bidirectional=True), Sequences.of([4, 2])
    plan = Plan(schedule="interleaved", tile_rows=32)
    timeline = make_timeline(layer, sequences, accelerator, plan, num_steps=4)
    steps = {(event.chain, event.step) for event in timeline.events}
    assert steps == {(chain, step) for chain in range(4) for step in range(1, 3 if chain % 2 else 5)}
    assert timeline.h_out[-1] == count_cycles(layer, sequences, accelerator, plan).total_cycles
    names = {entry["name"] for entry in json.loads(timeline.as_trace())["traceEvents"] if entry["ph"] == "X"}
    assert {"ifgo h step 1", "ifgo h step 1 chain 1"} <= names


def test_of_directions_one_after_the_other_the_first_is_shown(accelerator):
    one = RNNLayer(input_size=64, hidden_size=64)
    both = RNNLayer(input_size=64, hidden_size=64, bidirectional=True)
    plan = Plan(tile_rows=32)
    assert make_timeline(both, 5, accelerator, plan) == make_timeline(one, 5, accelerator, plan)
