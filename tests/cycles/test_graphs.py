"""Random graphs of layers, one after the other: the simulator equals the specification."""

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
    SCHEDULES,
    Accelerator,
    InfeasibleMappingError,
    Network,
    NotModelled,
    Place,
    Plan,
    RNNLayer,
    find_accelerator,
    simulate,
)
from sharp.kernels.reference_network import Reads, simulate_network, steps_of

CELLS = ("lstm", "gru", "rnn", "dense")


@st.composite
def graphs(draw: st.DrawFn, max_layers: int = 5, max_steps: int = 6) -> Network:
    """Small layers, each of which reads one or two of those before it, or the input, stacked or the last step only."""
    lengths = draw(batches(max_steps))
    stack, places, read, widths = [], [], [], {-1: draw(sizes(40))}
    for index in range(draw(st.integers(1, max_layers))):
        first = draw(st.integers(-1, index - 1))
        steps = steps_of([*read, Reads((first,))], lengths)[-1]
        alike = [
            other for other in widths if other != first and steps_of([*read, Reads((other,))], lengths)[-1] == steps
        ]
        sources = (first, *draw(st.lists(st.sampled_from(alike), max_size=1))) if alike else (first,)
        join = draw(st.sampled_from(["concat", "sum"])) if len({widths[each] for each in sources}) == 1 else "concat"
        stacked, last = draw(st.sampled_from([(1, False), (1, False), (2, False), (3, False), (1, True)]))
        read.append(Reads(sources, stacked, last))
        width = stacked * (widths[first] if join == "sum" else sum(widths[each] for each in sources))
        stack.append(draw(layers(CELLS, width, 40)))
        widths[index] = stack[-1].output_size
        names = tuple("input" if each < 0 else f"l{each}" for each in sources)
        places.append(Place(name=f"l{index}", reads=names, join=join, stack_frames=stacked, last_step=last))
    network = Network(name="random", layers=stack, places=places, seq_len=1).with_lengths(lengths)
    assert [list(entry.lengths) for entry in network.layer_sequences] == [
        sorted(steps, reverse=True) for steps in steps_of(read, lengths)
    ]
    return network


@examples(400)
@given(network=graphs(), accelerator=accelerators(), schedule=st.sampled_from(list(SCHEDULES)), data=st.data())
def test_a_graph_of_layers_equals_the_specification(
    network: Network, accelerator: Accelerator, schedule: str, data: st.DataObject
):
    plan = Plan(schedule=schedule, tile_rows=data.draw(st.sampled_from(accelerator.tile_rows)))
    steps = [entry.lengths for entry in network.layer_sequences]
    plans = [reference_plan(plan)] * len(steps)
    shapes = [reference_layer(entry) for entry in network.layers]
    try:
        expected = simulate_network(reference_machine(accelerator), shapes, steps, plans, "resident")
    except ValueError:
        expected = None
    try:
        counts = simulate(network, accelerator, plan).counts
    except InfeasibleMappingError:
        assert expected is None
        return
    assert (counts.total_cycles, counts.dependency_stall, counts.useful) == (
        expected.total,
        expected.dependency_stall,
        expected.useful,
    )


def test_a_report_says_what_it_is_about_and_names_its_layers():
    lower, upper = RNNLayer(input_size=8, hidden_size=4, bidirectional=True), RNNLayer(input_size=16, hidden_size=4)
    out = RNNLayer(cell="dense", input_size=4, hidden_size=3)
    places = (Place(name="a"), Place(name="b", stack_frames=2), Place(name="c", last_step=True))
    conv = {"Conv": NotModelled(count=1, macs=16164)}
    network = Network(name="n", layers=(lower, upper, out), places=places, seq_len=5, not_modelled=conv)
    report = simulate(network, find_accelerator("sharp").with_macs("1K"))
    found = report.as_dict()
    assert [(layer["name"], layer["reads"], layer["seq_len"]) for layer in found["layers"]] == [
        ("a", ["input"], 5),
        ("b", ["a"], 3),
        ("c", ["b"], 1),
    ]
    work = [5 * 2 * 16 * 12, 3 * 16 * 20, 12]
    assert [layer["macs"] for layer in found["layers"]] == work
    assert found["macs"] == sum(work) == report.counts.useful
    assert found["warnings"] == ["the layers are 15% of this network's multiply-accumulates; Conv not modelled"]
    assert (found["x_bytes"], found["h_bytes"]) == (2 * 5 * 8, 2 * 3)
    # The frames of a's last step are padded to two: nothing more comes from the DRAM for them.
    assert [activity.dram_vectors for activity in report.activities] == [40, 0, 3]
