"""The deepest queues: by hand, and equal to the specification on random layers and orders."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import Case, accelerators, cases, examples, reference_machine, reference_plan
from test_counting import mapping_of
from test_orders import SCHEDULES as ACROSS
from test_orders import as_nodes, networks

from sharp import InfeasibleMappingError, Network, Plan, RNNLayer, find_accelerator, find_network, simulate, square_lstm
from sharp.cycles import queues
from sharp.cycles.group_counts import count_group
from sharp.cycles.orders import Group
from sharp.cycles.queues import Queues, deepest, follow
from sharp.kernels.reference_orders import simulate_together
from sharp.kernels.reference_queues import deepest_queues, most

MACHINE = find_accelerator("sharp").with_macs("64K")


def test_nine_segments_of_128_rows_wait_at_64k():
    # K = 128: a segment of h holds the array for a cycle (512 columns) and the unit for two. When the sixteenth's sums
    # come, fifteen cycles after the first's, seven segments have gone and the eighth is going: nine are there.
    report = simulate(square_lstm(512), MACHINE)
    assert report.layers[0].tile_rows == 128
    assert report.queues.sums == 9 * 128
    assert report.queues.gate_values == 128  # a segment's values go on before the next one's come


def test_all_gates_of_all_cells_wait_where_they_update_together():
    report = simulate(square_lstm(512), MACHINE, Plan(schedule="sequential"))
    assert report.queues.gate_values == 4 * 512
    several = simulate(square_lstm(512).with_lengths((9, 7, 7)), MACHINE, Plan(schedule="sequential"))
    assert several.queues.gate_values == 3 * 4 * 512


def test_a_word_that_leaves_makes_room():
    assert most([(0, 4, 8), (4, 6, 8)]) == 8
    assert most([(0, 5, 8), (4, 6, 8)]) == 16
    assert most([]) == 0


@examples(600)
@given(case=cases())
def test_queues_equal_those_of_the_specification(case: Case):
    expected = case.reference()
    assume(expected is not None)
    found = follow(mapping_of(case))
    assert (found.sums, found.gate_values) == deepest_queues(reference_machine(case.accelerator), expected)


@examples(200)
@given(case=cases(), times=st.integers(2, 50))
def test_a_long_run_has_the_queues_of_all_its_steps(case: Case, times: int):
    # In `follow` equal periods are left out; the specification serves every step.
    case = replace(case, lengths=tuple(min(times * length, 200) for length in case.lengths))
    expected = case.reference()
    assume(expected is not None)
    found = follow(mapping_of(case))
    assert (found.sums, found.gate_values) == deepest_queues(reference_machine(case.accelerator), expected)


@examples(300)
@given(
    network=networks(),
    accelerator=accelerators(),
    schedule=st.sampled_from(ACROSS),
    order=st.sampled_from(["steps", "wavefront"]),
    data=st.data(),
)
def test_layers_that_run_together_have_those_of_the_specification(network, accelerator, schedule, order, data):
    network = replace(network, places=[replace(place, feedback="", feedback_ns=0) for place in network.places])
    plan = Plan(schedule=schedule, tile_rows=data.draw(st.sampled_from(accelerator.tile_rows)))
    machine, nodes = reference_machine(accelerator), as_nodes(network, accelerator)
    try:
        expected = simulate_together(machine, nodes, network.sequences.lengths, reference_plan(plan), order)
        counted = count_group(network, Group(first=0, last=len(network.layers), order=order), accelerator, plan)
    except (ValueError, InfeasibleMappingError):
        assume(False)
    found = follow(counted.together)
    assert (found.sums, found.gate_values) == deepest_queues(machine, expected)


def test_the_deepest_of_a_network_are_said_and_in_json():
    report = simulate(find_network("bysdne"), MACHINE)
    assert report.queues == deepest(layer.queues for layer in report.layers)
    assert report.as_dict()["queues"] == {"sums": report.queues.sums, "gate_values": report.queues.gate_values}
    nine = simulate(square_lstm(512), MACHINE)
    said = "deepest queues: 1,152 sums before the activation unit (4.5 KiB), 128 values before the updater (0.25 KiB)"
    assert said in nine.remarks


def test_layers_in_a_wave_share_their_queues():
    report = simulate(find_network("bysdne"), MACHINE, Plan(order="wavefront"))
    assert len({layer.queues for layer in report.layers}) == 1


def test_frames_that_arrive_one_by_one_and_what_takes_too_long_are_not_known(monkeypatch):
    network = Network(name="two", layers=(RNNLayer(input_size=8, hidden_size=8),), seq_len=3)
    assert simulate(network, MACHINE, Plan(order="steps"), arrival_s=1e-3).queues is None
    monkeypatch.setattr(queues, "MAX_FOLLOWED", 1)
    report = simulate(network, MACHINE)
    assert report.queues is None
    assert report.as_dict()["queues"] is None
    assert not any("queue" in remark for remark in report.remarks)


@pytest.mark.parametrize("known", [[], [None, Queues(sums=1, gate_values=2)]])
def test_the_deepest_of_what_is_not_known_is_not_known(known):
    assert deepest(known) is None


def test_the_deepest_of_each_kind():
    assert deepest([Queues(sums=1, gate_values=9), Queues(sums=3, gate_values=2)]) == Queues(sums=3, gate_values=9)
