"""Activity: by hand, against the specification that visits every unit, by law."""

from dataclasses import asdict, fields, replace
from math import ceil

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import BY_HAND, FUSED, LARGE_BUFFER, WEIGHTS, NetworkCase, examples, network_cases

from sharp import SCHEDULES, MemoryLevel, Network, Plan, RNNLayer, find_network, simulate
from sharp.cycles.activity import Activity
from sharp.cycles.schedule import schedule_of
from sharp.workload.single import single_layer

CELL_COUNTS = ("sigmoids", "tanhs", "elementwise_multiplications", "elementwise_additions", "state_updates")


@examples(300)
@given(network_cases())
def test_activity_is_that_of_the_specification(case: NetworkCase):
    activities = case.report().activities
    assert [asdict(activity) for activity in activities] == [vars(actions) for actions in case.reference()]
    counts = [vars(activity).items() for activity in activities]
    parts = {name for entries in counts for name, value in entries if type(value) is not int}
    assert parts <= {"loaded_bytes", "held_bytes"}
    assert not parts or case.accelerator.weight_bits % 8 or case.plan.weights == "streamed"


@pytest.mark.parametrize("name", ["gmat", "eesen", "rldradspr-original", "deepbench-gru-h512-t1"])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_activity_of_shipped_networks_is_that_of_the_specification(accelerator, name, weights):
    lengths = (3, 1)
    network = find_network(name).with_lengths(lengths)
    case = NetworkCase(network, lengths, accelerator.with_macs("16K"), Plan(weights=weights))
    assert [asdict(activity) for activity in case.report().activities] == [
        vars(actions) for actions in case.reference()
    ]


def test_random_cases_vary():
    seen: list[NetworkCase] = []

    @settings(max_examples=500)
    @given(network_cases())
    def collect(case: NetworkCase):
        seen.append(case)

    collect()
    layers = [layer for case in seen for layer in case.network.layers]
    assert {case.plan.schedule_name for case in seen} == set(SCHEDULES)
    assert sum(case.plan.weights == "streamed" for case in seen) > 60
    assert sum(len(case.network.layers) > 1 for case in seen) > 60
    assert sum(len(set(case.lengths)) > 1 for case in seen) > 60
    assert len({case.accelerator.lanes_per_unit for case in seen}) > 4
    for name in ("peephole", "residual", "bidirectional", "projection_size"):
        assert sum(bool(getattr(layer, name)) for layer in layers) > 40, name
    outputs = [(case, layer.output_size) for case in seen for layer in case.network.layers[:-1]]
    spilt = [
        2 * size * sum(case.lengths) * case.accelerator.weight_bytes > case.accelerator.io_buffer.capacity_bytes
        for case, size in outputs
    ]
    assert min(sum(spilt), len(spilt) - sum(spilt)) > 40


INTERGATE = Plan(schedule="intergate")


def run(machine=BY_HAND, plan=INTERGATE, batch_size=1, **layer) -> Activity:
    """Two steps of a layer of 2 cells, its input 3 wide."""
    network = single_layer(RNNLayer(**{"input_size": 3, "hidden_size": 2, **layer}), 2, batch_size)
    (activity,) = simulate(network, machine, plan).activities
    return activity


def test_an_lstm_by_hand():
    # A step is two segments, each the 4 gates of a cell over 5 columns: 3 tiles of 2 columns.
    # Cycles of a step: the array to 6, sums at 9, activations to 10 and out at 12, update to 13, h at 16.
    assert run() == Activity(
        total_cycles=2 * 16,
        array_cycles=2 * 2 * 3,
        products=2 * 2 * 3 * 8,
        useful_products=2 * 2 * 4 * 5,
        bank_reads=2 * 2 * 3 * 4,
        used_bank_reads=2 * 2 * 5 * 2,  # a column is 2 banks of 2 rows
        vector_reads=2 * 2 * 5 + 2 * 2,  # and both h again, on their way to the DRAM
        vector_writes=2 * 2 + 2 * 3,  # and both x
        sums_kept=0,
        sigmoids=2 * 2 * 3,
        tanhs=2 * 2 * 2,
        elementwise_multiplications=2 * 2 * 3,
        elementwise_additions=2 * 2 * 5,
        state_updates=2 * 2,
        loaded_bytes=0,
        dram_vectors=2 * (3 + 2),
        held_bytes=2 * 4 * 2 * 5,
    )
    assert run().idle_cycles == 32 - 12


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Two sequences pass together: the banks are read no more often.
        ({"batch_size": 2}, {"array_cycles": 24, "bank_reads": 48, "used_bank_reads": 40, "vector_reads": 48}),
        # In turns each reads them.
        (
            {"batch_size": 2, "plan": Plan(schedule="interleaved")},
            {"array_cycles": 24, "bank_reads": 96, "used_bank_reads": 80, "vector_reads": 48},
        ),
        # The sums over x of one cell of the two fit: 4 a step, on 2 tiles, and 1 tile over h.
        (
            {"plan": Plan(), "machine": replace(BY_HAND, intermediate_buffer=MemoryLevel(capacity_bytes=4 * 4))},
            {"sums_kept": 8, "array_cycles": 12, "used_bank_reads": 40, "vector_reads": 24},
        ),
        # Of each gate 2 rows of a tile's 4, 4 times a step; the column of a gate is in one bank.
        (
            {"plan": Plan(schedule="sequential")},
            {"array_cycles": 24, "useful_products": 80, "used_bank_reads": 40, "vector_reads": 2 * 4 * 5 + 4},
        ),
        ({"peephole": True}, {"elementwise_multiplications": 24, "elementwise_additions": 32, "vector_reads": 24}),
        # Both directions read the same x from the DRAM, each its own from the I/H buffer.
        (
            {"bidirectional": True},
            {"vector_reads": 40 + 8, "vector_writes": 8 + 6, "dram_vectors": 6 + 8, "held_bytes": 160},
        ),
        # 4 columns, then 1 row over the 2 cells' outputs, which are written too.
        (
            {"projection_size": 1},
            {
                "array_cycles": 2 * (2 * 2 + 1),
                "useful_products": 2 * 34,
                "used_bank_reads": 2 * (2 * 2 * 4 + 2),
                "vector_reads": 2 * (2 * 4 + 2) + 2,
                "vector_writes": 2 * (2 + 1) + 6,
                "tanhs": 8,
                "dram_vectors": 8,
            },
        ),
        # x is 2 wide: 2 tiles a segment; it is read once more, and added to h.
        (
            {"input_size": 2, "residual": True},
            {
                "array_cycles": 8,
                "vector_reads": 2 * (2 * 4 + 2) + 4,
                "vector_writes": 2 * (2 + 2) + 4,
                "elementwise_additions": 20 + 4,
            },
        ),
        # One segment of 2 rows: the banks of the other two rows have nothing to multiply.
        (
            {"cell": "rnn"},
            {"array_cycles": 6, "useful_products": 20, "bank_reads": 24, "used_bank_reads": 10, "tanhs": 4}
            | {"sigmoids": 0, "elementwise_multiplications": 0, "elementwise_additions": 4, "state_updates": 0},
        ),
        # Two segments of 3 rows, x and h on tiles of their own; the updater reads h for z * h.
        (
            {"cell": "gru"},
            {"array_cycles": 12, "useful_products": 60, "used_bank_reads": 40, "vector_reads": 2 * (10 + 2) + 4}
            | {"sigmoids": 8, "tanhs": 4, "elementwise_multiplications": 12, "elementwise_additions": 28},
        ),
        # r and z in a segment of 4 rows; W_n x, whose 2 sums are kept, on 2 tiles; U_n (r * h) on 1. r * h is written.
        (
            {"cell": "gru", "linear_before_reset": False},
            {"array_cycles": 12, "used_bank_reads": 2 * (10 + 3 + 2), "vector_reads": 2 * (5 + 3 + 2 + 4) + 4}
            | {"vector_writes": 2 * 4 + 6, "sums_kept": 4, "elementwise_additions": 20},
        ),
    ],
)
def test_variants_by_hand(changes, expected):
    activity = run(**changes)
    assert {name: getattr(activity, name) for name in expected} == expected


@pytest.mark.parametrize(("capacity_bytes", "spills"), [(40, False), (39, True)])
def test_what_passes_between_layers_leaves_the_chip_where_half_the_buffer_is_too_small(capacity_bytes, spills):
    # 2 outputs, 5 steps of two sequences: 10 elements of 2 bytes.
    layers = RNNLayer(input_size=3, hidden_size=2), RNNLayer(input_size=2, hidden_size=4, cell="rnn")
    network = Network(name="two", layers=layers, seq_len=1).with_lengths([2, 3])
    machine = replace(BY_HAND, io_buffer=MemoryLevel(capacity_bytes=capacity_bytes))
    below, above = simulate(network, machine, INTERGATE).activities
    assert (below.dram_vectors, above.dram_vectors) == (15 + 10 * spills, 20 + 10 * spills)
    assert (below.vector_writes, below.vector_reads) == (10 + 15, 5 * 2 * 5 + 10 * spills)
    assert (above.vector_writes, above.vector_reads) == (20 + 10 * spills, 5 * 6 + 20)


# By law --------------------------------------------------------------------------------------------------------------


@examples(300)
@given(network_cases())
def test_every_multiplier_is_accounted_for(case: NetworkCase):
    report = case.report()
    assert sum(activity.useful_products for activity in report.activities) == case.network.num_macs
    for activity, entry in zip(report.activities, report.layers, strict=True):
        counts = entry.counts
        assert activity.products == case.accelerator.num_macs * activity.array_cycles
        assert activity.products - activity.useful_products == counts.column_padding + counts.row_padding
        assert activity.idle_cycles == counts.dependency_stall + counts.weight_load + counts.fill_drain
        assert activity.used_bank_reads <= activity.bank_reads


@examples(200)
@given(network_cases(max_layers=1))
def test_with_a_bank_for_each_multiplier_a_weight_is_read_once_a_pass(case: NetworkCase):
    single = replace(case, accelerator=replace(case.accelerator, lanes_per_unit=1))
    (activity,) = single.report().activities
    passes = sum(case.lengths) if schedule_of(case.plan).interleaves else max(case.lengths)
    assert activity.used_bank_reads == passes * case.network.num_weights
    if len(set(case.lengths)) == 1:
        reuse = 1 if schedule_of(case.plan).interleaves else len(case.lengths)
        assert activity.bank_reads * reuse == activity.products
        assert activity.used_bank_reads * reuse == activity.useful_products


@examples(200)
@given(network_cases(max_layers=1), st.sampled_from(FUSED), st.sampled_from(WEIGHTS))
def test_work_of_the_cells_is_the_same_however_it_is_run(case: NetworkCase, schedule, weights):
    # In a small I/H buffer it would matter whether directions take turns.
    case = replace(case, accelerator=replace(case.accelerator, io_buffer=LARGE_BUFFER))
    other = replace(case, plan=Plan(schedule=schedule, weights=weights))
    (here,), (there,) = case.report().activities, other.report().activities
    for name in (*CELL_COUNTS, "useful_products", "vector_writes", "dram_vectors"):
        assert getattr(here, name) == getattr(there, name), name
    (layer,) = case.network.layers
    if layer.cell == "lstm":
        steps = layer.num_directions * sum(case.lengths)
        assert here.sigmoids == 3 * layer.hidden_size * steps
        assert here.sigmoids + here.tanhs == 5 * layer.hidden_size * steps


@examples(200)
@given(network_cases())
def test_where_layers_fit_only_inputs_outputs_and_streamed_weights_pass_the_dram(case: NetworkCase):
    machine = replace(case.accelerator, io_buffer=LARGE_BUFFER, weight_buffer=LARGE_BUFFER)
    report = replace(case, accelerator=machine).report()
    network, streamed = case.network, case.plan.weights == "streamed"
    ends = network.layers[0].input_size + network.layers[-1].output_size
    assert sum(activity.dram_vectors for activity in report.activities) == ends * sum(case.lengths)
    assert report.loaded_bytes == streamed * network.num_weights * machine.weight_bytes
    for activity, layer in zip(report.activities, network.layers, strict=True):
        held = network if streamed else layer
        assert activity.held_bytes == held.num_weights * machine.weight_bytes


@examples(200)
@given(network_cases(max_layers=1))
def test_a_layer_that_does_not_fit_is_loaded_in_every_step(case: NetworkCase):
    num_bytes = case.network.num_weights * case.accelerator.weight_bytes
    assume(num_bytes > 1)
    capacity = ceil(num_bytes) - 1
    small = replace(case.accelerator, weight_buffer=MemoryLevel(capacity_bytes=capacity))
    report = replace(case, accelerator=small, plan=replace(case.plan, weights="streamed")).report()
    (activity,), share = report.activities, report.layers[0].mapping.task.streamed_share
    passes = sum(case.lengths) if schedule_of(case.plan).interleaves else max(case.lengths)
    assert share > 0
    assert activity.loaded_bytes == pytest.approx(num_bytes - ceil(num_bytes * share) + passes * num_bytes * share)
    assert activity.held_bytes == capacity


def test_equal_layers_that_wait_differently_are_counted_apart():
    layers = (RNNLayer(input_size=2, hidden_size=2),) * 3
    network = Network(name="three", layers=layers, seq_len=2)
    first, second, third = simulate(network, BY_HAND, replace(INTERGATE, weights="streamed")).activities
    assert first.total_cycles > second.total_cycles == third.total_cycles
    for field in fields(Activity):
        if field.name not in ("total_cycles", "dram_vectors", "vector_reads", "vector_writes"):
            assert getattr(first, field.name) == getattr(third, field.name), field.name
