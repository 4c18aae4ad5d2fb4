"""Layers that multiply some columns in a step: by hand, against the specification, by law."""

from dataclasses import asdict, replace
from math import ceil, gcd, lcm

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from strategies import (
    BY_HAND,
    LARGE_BUFFER,
    Case,
    cases,
    examples,
    reference_layer,
    reference_machine,
    reference_plan,
    reference_work,
)

from sharp import InfeasibleMappingError, MemoryLevel, Plan, RNNLayer, SpecificationError
from sharp.cycles.delta import StepColumns, count_delta
from sharp.kernels import reference_delta

PARTS = ("useful", "column_padding", "row_padding", "dependency_stall", "weight_load", "fill_drain")


def sizes_of(layer: RNNLayer) -> dict[str, int]:
    return {"x": layer.input_size} | {phase.gives: layer.size(phase.size) for phase in layer.phases}


@st.composite
def some_columns(draw: st.DrawFn, case: Case) -> list[StepColumns]:
    """Counts of every sequence and direction: none, some or all."""
    chains = []
    for length in case.lengths * case.layer.num_directions:
        counts = {
            name: draw(
                st.lists(st.one_of(st.just(0), st.just(size), st.integers(0, size)), min_size=length, max_size=length)
            )
            for name, size in sizes_of(case.layer).items()
        }
        chains.append(StepColumns(counts={name: tuple(steps) for name, steps in counts.items()}))
    return chains


@examples(100)
@given(data=st.data())
def test_counts_are_those_of_the_specification(data):
    case = data.draw(cases())
    layer = replace(case.layer, residual=False, merge="concat")
    heights = case.accelerator.tile_rows
    lanes = gcd(*heights)
    machine = replace(  # the specification visits every multiplier of every tile
        case.accelerator,
        num_macs=data.draw(st.integers(1, max(1, 2048 // lcm(*heights)))) * lcm(*heights),
        lanes_per_unit=data.draw(st.sampled_from([1, lanes])),
    )
    lengths = tuple(min(length, 5) for length in case.lengths[:2])
    case = replace(case, layer=layer, accelerator=machine, lengths=lengths).planned(forwarding="barrier")
    if any(phase.parts > 1 for phase in layer.phases):
        with pytest.raises(InfeasibleMappingError, match=r"cell: expected one whose cells multiply whole vectors"):
            count_delta(layer, data.draw(some_columns(case)), case.accelerator, case.plan)
        return
    chains = data.draw(some_columns(case))
    machine, plan = reference_machine(case.accelerator), reference_plan(case.plan)
    changed = [chain.counts for chain in chains]
    try:
        counted = count_delta(layer, chains, case.accelerator, case.plan)
    except InfeasibleMappingError:
        reject()
    share, lanes = case.share, case.accelerator.lanes_per_unit
    expected = reference_delta.simulate_delta(machine, reference_layer(layer), changed, plan, share=share)
    num_bytes = layer.num_weights * case.accelerator.weight_bytes
    kept = num_bytes - ceil(num_bytes * share) if case.plan.weights == "streamed" else 0
    wait = counted.counts.weight_load - expected.weight_load
    assert wait == ceil(kept / case.accelerator.dram_bytes_per_cycle)  # once, before the first step
    assert counted.counts.total_cycles == expected.total + wait
    assert [getattr(counted.counts, part) for part in PARTS if part != "weight_load"] == [
        getattr(expected, part) for part in PARTS if part != "weight_load"
    ]
    work = reference_work(layer)
    actions = reference_delta.count_delta(machine, reference_layer(layer), work, changed, plan, lanes, share)
    known = {name: value for name, value in vars(actions).items() if name not in ("total_cycles", "held_bytes")}
    found = asdict(counted.activity)
    assert found["loaded_bytes"] == pytest.approx(known.pop("loaded_bytes") + kept)
    assert {name: found[name] for name in known} == known


@examples(60)
@given(case=cases())
def test_with_all_columns_it_counts_as_ever(case: Case):
    case = replace(case, lengths=case.lengths[:1], layer=replace(case.layer, bidirectional=False, merge="concat"))
    case = case.planned(forwarding="barrier", weights="resident")
    if any(phase.parts > 1 for phase in case.layer.phases):
        reject()
    (length,) = case.lengths
    whole = StepColumns(counts={name: (size,) * length for name, size in sizes_of(case.layer).items()})
    try:
        expected = case.count()
    except InfeasibleMappingError:
        reject()
    assert count_delta(case.layer, [whole], case.accelerator, case.plan).counts == expected


@examples(60)
@given(data=st.data())
def test_fewer_columns_never_take_more_tiles_and_useful_is_what_changed(data):
    case = data.draw(cases(schedules=("intergate",)))
    layer = replace(case.layer, bidirectional=False, merge="concat")
    case = replace(case, layer=layer, lengths=case.lengths[:1]).planned(forwarding="barrier", weights="resident")
    if any(phase.parts > 1 for phase in layer.phases):
        reject()
    (some,) = data.draw(some_columns(case))
    fewer = StepColumns(counts={name: tuple(count // 2 for count in steps) for name, steps in some.counts.items()})
    try:
        more, less = (count_delta(layer, [columns], case.accelerator, case.plan) for columns in (some, fewer))
    except InfeasibleMappingError:
        reject()
    assert less.activity.array_cycles <= more.activity.array_cycles
    assert less.counts.total_cycles <= more.counts.total_cycles
    useful = 0
    for phase in layer.phases:
        read = ("x" if phase.reads_x else "") + phase.operand
        columns = sum(sum(some.counts[letter]) for letter in read)
        useful += len(phase.gates) * layer.size(phase.size) * columns
    assert more.counts.useful == useful


MACHINE = replace(BY_HAND, intermediate_buffer=MemoryLevel(capacity_bytes=40))
INTERGATE = Plan(schedule="intergate")


def test_two_steps_by_hand():
    # An LSTM of 2 cells over 3 inputs, a segment a cell. Step 1: 3 columns of x, 2 tiles each; the array to 4, sums at
    # 7, activations to 8 and out at 10, update to 11, h at 14. Step 2: 1 column of h, 1 tile each; the array from 14 to
    # 16, sums at 19, activations to 20, out at 22, update to 23, h at 26.
    layer = RNNLayer(input_size=3, hidden_size=2)
    steps = StepColumns(counts={"x": (3, 0), "h": (0, 1)})
    counted = count_delta(layer, [steps], MACHINE, INTERGATE)
    assert counted.counts.total_cycles == 26
    assert counted.counts.useful == 4 * 2 * 4
    assert counted.activity.array_cycles == 4 + 2
    assert counted.activity.sums_kept == 2 * 8
    assert counted.activity.vector_reads == 2 * 3 + 2 * 1 + 2 * (3 + 2) + 2 * 3
    assert counted.activity.vector_writes == 2 * 2 + 2 * 4
    assert (counted.sum_words, counted.fits_intermediate_buffer) == (8, True)
    # Nothing changed: a step's sums pass the units all the same.
    still = StepColumns(counts={"x": (0,), "h": (0,)})
    assert count_delta(layer, [still], MACHINE, INTERGATE).counts.total_cycles == 3 + 1 + 1 + 2 + 1 + 3


def test_the_best_height_is_taken_and_directions_follow_each_other():
    layer = RNNLayer(cell="gru", input_size=3, hidden_size=2, bidirectional=True)
    machine = replace(MACHINE, num_macs=32, tile_rows=(4, 8), intermediate_buffer=LARGE_BUFFER)
    steps = StepColumns(counts={"x": (3, 1), "h": (0, 2)})
    each = [count_delta(layer, [steps] * 2, machine, Plan(tile_rows=rows)).counts.total_cycles for rows in (4, 8)]
    best = count_delta(layer, [steps] * 2, machine)
    assert best.counts.total_cycles == min(each)
    assert best.counts.total_cycles == 2 * count_delta(layer, [steps], machine).counts.total_cycles


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"x": (3, 0)}, r"columns\[0\]: expected counts of at most 2 elements of h"),
        ({"x": (4, 0), "h": (0, 0)}, r"columns\[0\]: expected counts of at most 3 elements of x"),
        ({"x": (3, 0), "h": (0,)}, r"columns: expected counts of the same steps for each vector"),
        ({"x": (3, -1), "h": (0, 0)}, r"columns\['x'\]: expected an integer of at least 0, got -1"),
        ({}, r"columns: expected"),
    ],
)
def test_wrong_columns_are_refused(counts, message):
    with pytest.raises(SpecificationError, match=message):
        count_delta(RNNLayer(input_size=3, hidden_size=2), [StepColumns(counts=counts)], MACHINE, INTERGATE)


def test_what_it_cannot_count_is_refused():
    steps = StepColumns(counts={"x": (3, 0), "h": (0, 1)})
    layer = RNNLayer(input_size=3, hidden_size=2)
    with pytest.raises(InfeasibleMappingError, match="forwarding: expected barrier"):
        count_delta(layer, [steps], MACHINE, replace(INTERGATE, forwarding="tilewise"))
    with pytest.raises(SpecificationError, match="those of one direction"):
        count_delta(layer, [], MACHINE, INTERGATE)
