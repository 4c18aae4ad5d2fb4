"""Orders across layers: the simulator equals the specification on random graphs, numbers by hand, what is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    accelerators,
    batches,
    examples,
    layers,
    reference_layer,
    reference_machine,
    reference_plan,
    sizes,
)

from sharp import (
    Accelerator,
    InfeasibleMappingError,
    MemoryLevel,
    Network,
    Place,
    Plan,
    RNNLayer,
    Sequences,
    SpecificationError,
    find_accelerator,
    find_network,
    simulate,
)
from sharp.cycles.group_counts import count_group
from sharp.cycles.orders import Group, group_layers
from sharp.kernels.reference import streamed_share
from sharp.kernels.reference_orders import Together, simulate_together

CELLS = ("lstm", "gru", "rnn", "dense")
SCHEDULES = ("sequential", "batch", "intergate", "unfolded")
MACHINE = find_accelerator("sharp").with_macs("64K")


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """One to five small layers in one direction, each reading one or two before it; maybe one feeds another back."""
    stack: list[RNNLayer] = []
    places: list[Place] = []
    width = draw(sizes(20))
    for index in range(draw(st.integers(1, 5))):
        sources = draw(st.lists(st.integers(-1, index - 1), min_size=1, max_size=2, unique=True))
        read = sum(width if each < 0 else stack[each].output_size for each in sources)
        layer = draw(layers(CELLS, read, 20))
        stack.append(replace(layer, bidirectional=False, merge="concat"))
        places.append(Place(name=f"l{index}", reads=tuple("input" if each < 0 else f"l{each}" for each in sources)))
    if draw(st.booleans()):
        hears = draw(st.integers(0, len(stack) - 1))
        told, delay = f"l{draw(st.integers(hears, len(stack) - 1))}", draw(st.sampled_from([0, 1, 50, 3000]))
        places[hears] = replace(places[hears], feedback=told, feedback_ns=delay)
    return Network(name="random", layers=stack, places=places, seq_len=1).with_lengths(draw(batches(max_steps=5)))


def as_nodes(network: Network, accelerator: Accelerator) -> list[Together]:
    """The layers as the specification takes them; all of them are one group."""
    nodes = []
    for index, layer in enumerate(network.layers):
        sources = tuple(-1 if each == "input" else int(each[1:]) for each in network.places[index].reads)
        delay = network.places[index].feedback_ns
        cycles = -(-round(delay * accelerator.clock_hz) // 10**9)
        nodes.append(Together(reference_layer(layer), sources, network.graph.feedbacks[index], max(cycles, delay > 0)))
    return nodes


@examples(2000)
@given(
    network=networks(),
    accelerator=accelerators(),
    schedule=st.sampled_from(SCHEDULES),
    order=st.sampled_from(["steps", "wavefront"]),
    period=st.sampled_from([None, 0, 7, 300, 5000]),
    data=st.data(),
)
def test_orders_across_layers_equal_the_specification(network, accelerator, schedule, order, period, data):
    if order == "wavefront":
        network = replace(network, places=[replace(place, feedback="", feedback_ns=0) for place in network.places])
        period = None
    if data.draw(st.booleans()):  # half the machines keep the early sums of some blocks only
        words = data.draw(st.integers(1, 8 * 20 * network.batch_size))
        buffer = replace(accelerator.intermediate_buffer, capacity_bytes=words * accelerator.partial_sum_bytes)
        accelerator = replace(accelerator, intermediate_buffer=buffer)
    plan = Plan(schedule=schedule, tile_rows=data.draw(st.sampled_from(accelerator.tile_rows)))
    if order == "steps" and data.draw(st.booleans()):  # and some of the weights
        capacity = data.draw(st.integers(1, 4 * network.num_weights))
        accelerator = replace(accelerator, weight_buffer=MemoryLevel(capacity_bytes=capacity))
        plan = replace(plan, weights="streamed")
    machine, nodes = reference_machine(accelerator), as_nodes(network, accelerator)
    together, share = [node.layer for node in nodes], 0.0
    if plan.weights == "streamed":
        share = streamed_share(machine, together, plan.tile_rows)
    lengths = network.sequences.lengths
    try:
        expected = simulate_together(machine, nodes, lengths, reference_plan(plan), order, period or 0, share)
    except ValueError:
        expected = None
    group = Group(first=0, last=len(network.layers), order=order)
    try:
        found = count_group(network, group, accelerator, plan, period=period)
    except InfeasibleMappingError:
        assert expected is None
        return
    assert expected is not None
    sums = {name: sum(getattr(count, name) for count in found.counts) for name in PARTS}
    assert sums == {name: getattr(expected, name if name != "total_cycles" else "total") for name in PARTS}
    if period is not None:
        assert len(found.steps_out) == network.seq_len


PARTS = ("total_cycles", "useful", "column_padding", "row_padding", "dependency_stall", "weight_load", "fill_drain")


# Numbers -------------------------------------------------------------------------------------------------------------


def stack(num_layers: int, size: int, seq_len: int = 100, **first) -> Network:
    """Square LSTM layers, one above the other."""
    places = [Place(name="l0", **first), *(Place(name=f"l{index}") for index in range(1, num_layers))]
    layer = RNNLayer(input_size=size, hidden_size=size)
    return Network(name="stack", layers=(layer,) * num_layers, places=places, seq_len=seq_len)


@pytest.mark.parametrize(
    ("num_layers", "size", "macs", "utilizations"),
    [
        (5, 340, "64K", (0.21, 0.24, 0.63, 0.21)),
        (5, 340, "16K", (0.72, 0.75, 0.92, 0.72)),
        (8, 512, "64K", (0.41, 0.44, 0.99, 0.41)),
        (8, 512, "16K", (1.0, 1.0, 1.0, 1.0)),
    ],
)
def test_utilizations_of_a_prototype(num_layers, size, macs, utilizations):
    machine, network = find_accelerator("sharp").with_macs(macs), stack(num_layers, size)
    found = [simulate(network, machine, Plan(order=order)).utilization for order in ("layers", "steps", "wavefront")]
    fed_back = simulate(stack(num_layers, size, feedback=f"l{num_layers - 1}"), machine, Plan())
    assert [*found, fed_back.utilization] == pytest.approx(utilizations, abs=0.01)
    assert fed_back.groups == (Group(first=0, last=num_layers, order="steps"),)


def test_the_papers_bysdne_is_nearly_three_times_as_fast_in_a_wave():
    network = find_network("bysdne")
    layers_, wave = (
        simulate(network, MACHINE, Plan(order=order)).counts.total_cycles for order in ("layers", "wavefront")
    )
    assert layers_ / wave == pytest.approx(2.9, abs=0.05)


def test_a_wave_may_take_longer_than_steps():
    # With one step nothing overlaps in a wave, while steps multiply h of the layers above in the tail of those below.
    lower, upper = RNNLayer(input_size=16, hidden_size=100), RNNLayer(input_size=100, hidden_size=100)
    network = Network(name="short", layers=(lower, upper, upper, upper), seq_len=1)
    machine = find_accelerator("sharp").with_macs("1K")
    found = [simulate(network, machine, Plan(order=order)).counts.total_cycles for order in ("steps", "wavefront")]
    assert found == [350, 463]


# Which layers run together -------------------------------------------------------------------------------------------


def encoder_decoder(**decoder) -> Network:
    layers_ = (
        RNNLayer(input_size=8, hidden_size=8, bidirectional=True),
        RNNLayer(input_size=16, hidden_size=8),
        RNNLayer(input_size=8, hidden_size=8),
        RNNLayer(input_size=12, hidden_size=8),
        RNNLayer(input_size=12, hidden_size=8),
        RNNLayer(cell="dense", input_size=8, hidden_size=3),
    )
    places = (
        Place(name="e0"),
        Place(name="e1"),
        Place(name="e2"),
        Place(name="d0", reads=("input:words",), context_size=4, sequences=Sequences.equal(5), **decoder),
        Place(name="d1", context_size=4),
        Place(name="out", last_step=True),
    )
    return Network(name="mt", layers=layers_, places=places, seq_len=9)


def test_groups_of_layers():
    network = encoder_decoder(feedback="d1", feedback_ns=10)

    def spans(order: str) -> list[tuple[int, int, str]]:
        return [(group.first, group.last, group.order) for group in group_layers(network, Plan(order=order))]

    alone = [(index, index + 1, "layers") for index in range(3)]
    assert spans("layers") == [*alone, (3, 5, "steps"), (5, 6, "layers")]
    assert spans("wavefront") == [alone[0], (1, 3, "wavefront"), (3, 5, "steps"), (5, 6, "layers")]
    report = simulate(network, MACHINE, Plan(order="wavefront"))
    assert report.counts.total_cycles == sum(layer.counts.total_cycles for layer in report.layers)
    assert report.counts.useful == network.num_macs


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (encoder_decoder(), "mt: e0.bidirectional: expected false in order steps (a direction starts"),
        (
            replace(stack(2, 8), layers=(RNNLayer(input_size=8, hidden_size=8), RNNLayer(input_size=16, hidden_size=8)),
                    places=(Place(name="a"), Place(name="b", stack_frames=2))),
            "stack: b.stack_frames: expected 1 in order steps (it waits for several steps), got 2",
        ),
    ],
)  # fmt: skip
def test_layers_that_cannot_take_steps_are_named(network, message):
    with pytest.raises(SpecificationError) as error:
        simulate(network, MACHINE, Plan(order="steps"))
    assert str(error.value).startswith(message)


def test_a_schedule_of_ones_own_that_runs_ahead_has_no_place_among_layers():
    plan = Plan(schedule="interleaved", order="steps")
    with pytest.raises(InfeasibleMappingError, match="order: expected layers with interleaved, got steps"):
        simulate(stack(2, 8), MACHINE, plan)


def test_weights_that_do_not_fit_together_come_in_every_step_and_cannot_make_a_wave():
    network = find_network("gmat")
    network = replace(network, layers=network.layers[:8], places=network.places[:8])
    streamed = simulate(network, MACHINE, Plan(order="steps", weights="auto"))
    segment = streamed.layers[0].tile_rows / 256  # MiB
    share = (8 * 16 - 26) / (8 * 16 - 2 * segment)  # of 16 MiB a layer
    assert streamed.loaded_bytes == pytest.approx((1 - share + 75 * share) * 8 * 2**24)
    assert streamed.latency_s == pytest.approx(streamed.loaded_bytes / 30e9, rel=0.01)
    with pytest.raises(InfeasibleMappingError, match="do not fit the weight buffer of 26 MiB together, got wavefront"):
        simulate(network, MACHINE, Plan(order="wavefront", weights="auto"))


# Live input ----------------------------------------------------------------------------------------------------------


def test_live_input():
    slow, fast = (simulate(stack(5, 340), MACHINE, Plan(order="steps"), arrival_s=time).live for time in (1e-5, 1e-7))
    assert slow.keeps_up
    assert slow.first_output_s == pytest.approx(slow.latency_s, rel=0.05)
    assert not fast.keeps_up
    assert fast.latency_s > 99 * (fast.shortest_arrival_s - 1e-7)
    with pytest.raises(
        SpecificationError, match="order: expected steps with frames that arrive one by one, got 'layers'"
    ):
        simulate(stack(5, 340), MACHINE, Plan(), arrival_s=1e-5)
