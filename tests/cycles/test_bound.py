"""The bound for every schedule: by hand, below every order that is tried, and equal to the best of all orders."""

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import assume, given
from strategies import OWN_CELLS, cases, examples, reference_machine

from sharp import Plan, RNNLayer, Sequences, find_accelerator, find_network, simulate, square_lstm
from sharp.cycles.bound import LIMITS, Product, Units, bound_layer, least_cycles, tallest_of_all, units_of
from sharp.cycles.closed_form import evaluate, kernel
from sharp.kernels import reference
from sharp.workload.cell import UPDATES

MACHINE = find_accelerator("sharp")


def test_by_hand():
    machine, layer = MACHINE.with_macs("64K"), RNNLayer(input_size=512, hidden_size=512)
    bound = bound_layer(layer, Sequences.equal(25), machine, machine.plan)
    way = (1 + 8 + 1) + 1 + 15 + 1 + 18  # products, tree of 256 columns, sum; activation; update
    assert bound.limits == {
        "array": 25 * 4 * 512 * 1024 // 65536 + way,
        "tail": 25 * (4 * 512 * 512 // 65536 + way),
        "activation lanes": 25 * (1 + 10 + 4 * 512 // 64 + 15 + 1 + 18),
        "updater": 25 * (1 + 10 + 1 + 15 + 512 // 64 + 18),
    }
    assert (bound.cycles, bound.binding) == (25 * 77, "activation lanes")


@given(cases(cells=("lstm", "gru", "rnn", *OWN_CELLS)))
@examples(400)
def test_no_schedule_takes_fewer_cycles(case):
    counts = case.reference()
    assume(counts is not None)
    bound = bound_layer(case.layer, case.sequences, case.accelerator, case.plan)
    assert set(bound.limits) <= set(LIMITS)
    assert bound.cycles <= counts.total
    if case.plan.schedule != "interleaved":
        grouped = bound_layer(case.layer, case.sequences, case.accelerator, case.plan, together=True)
        assert bound.cycles <= grouped.cycles <= counts.total


COUNT = 100_000


def random_layers(seed: int) -> dict[str, np.ndarray]:
    """Sizes of many layers and machines, by the closed form's names."""
    chance = np.random.default_rng(seed)

    def sizes(low: int, high: int) -> np.ndarray:
        return np.floor(np.exp(chance.uniform(np.log(low), np.log(high), COUNT)))

    hidden = sizes(1, 3000)
    latencies = {name: chance.integers(1, 30, COUNT).astype(float) for name in ("multiply", "add", "accumulate")}
    return {
        "input_size": sizes(1, 3000),
        "hidden_size": hidden,
        "recurrent_size": hidden,
        "num_directions": np.ones(COUNT),
        "seq_len": sizes(1, 200),
        "batch_size": sizes(1, 9),
        "num_macs": 256 * 2 ** chance.integers(0, 9, COUNT).astype(float),
        "activation_lanes": sizes(1, 500),
        "rows_per_update_lane": sizes(1, 9),
        **latencies,
        "activation": chance.integers(1, 40, COUNT).astype(float),
        "update": chance.integers(1, 40, COUNT).astype(float),
        "levels_per_cycle": np.ones(COUNT),
        "intermediate_words": sizes(1, 100_000),
        "weight_buffer_bytes": np.full(COUNT, 1e12),
        "dram_bytes_per_cycle": np.full(COUNT, 64.0),
    }


@pytest.mark.parametrize("schedule", ["sequential", "batch", "intergate", "unfolded"])
@pytest.mark.parametrize(
    "fields", [{}, {"cell": "gru"}, {"cell": "rnn"}, {"cell": "gru", "linear_before_reset": False}]
)
def test_the_closed_form_of_many_layers_takes_no_fewer_cycles(schedule, fields):
    layer, heights = RNNLayer(input_size=1, hidden_size=1, **fields), (4, 32, 64, 128, 256)
    if len(layer.phases) > 1 and schedule in ("sequential", "batch"):
        pytest.skip("the schedule cannot order the cell")
    inputs = random_layers(len(schedule))
    assert set(inputs) == set(kernel().INPUTS) - {"tile_rows"}
    totals = evaluate(inputs, COUNT, layer.phases, Plan(schedule=schedule), heights, 2)["total_cycles"]
    exact = {name: values.astype(np.int64) for name, values in inputs.items()}
    levels = np.ceil(np.log2(exact["num_macs"] // heights[-1])).astype(np.int64)
    units = Units(
        num_macs=exact["num_macs"],
        activation_lanes=exact["activation_lanes"],
        update_lanes=np.maximum(1, heights[-1] // exact["rows_per_update_lane"]),
        mvm=exact["multiply"] + exact["add"] * levels + exact["accumulate"],
        activation=exact["activation"],
        updates={"update_ns": exact["update"], "multiply_ns": exact["multiply"]},
    )
    hidden, steps, batch = (exact[name] for name in ("hidden_size", "seq_len", "batch_size"))
    products = [Product(phase, hidden, exact["input_size"], hidden) for phase in layer.phases]
    for spans in ([(1, steps)], [(batch, steps)]):
        limits = least_cycles(products, units, spans, steps * batch)
        least = np.maximum.reduce(list(limits.values()))
        assert (least <= totals).all()
        assert (least > 0.4 * totals).mean() > 0.5  # a bound of zero would pass, too


def partitions(rows: int, largest: int):
    """Every way to cut `rows` rows, in order, into blocks of at most so many."""
    if not rows:
        yield []
    for first in range(1, min(rows, largest) + 1):
        yield from ([first, *rest] for rest in partitions(rows - first, largest))


def every_order(orders: reference.Orders, rnn: reference.Product, tile_rows: int):
    """Every legal list of a step's segments of one gate: any blocks, x with the vector, before it or a step ahead."""
    for sizes in partitions(rnn.cells, tile_rows):
        blocks = [(sum(sizes[:place]), size) for place, size in enumerate(sizes)]
        for ways in product(("xv", "x v", "x ahead"), repeat=len(blocks)):
            segments = []
            for block, way in zip(blocks, ways, strict=True):
                final = orders.segment(rnn, 1, block, "xv" if way == "xv" else "v", given=block)
                early = [] if way == "xv" else [orders.segment(rnn, 1, block, "x", ahead=way == "x ahead")]
                segments.append([*early, final])
            flat = [(place, segment) for place, group in enumerate(segments) for segment in group]
            for order in permutations(flat):
                # Blocks of other sizes come first in another of the partitions: the cells' own order is no loss.
                finals = [place for place, segment in order if segment.complete]
                at_hand = {place for place, group in enumerate(segments) if len(group) == 1 or group[0].ahead}
                legal = finals == sorted(finals)
                for place, segment in order:
                    at_hand |= set() if segment.complete else {place}
                    legal = legal and (not segment.complete or place in at_hand)
                if legal:
                    yield [segment for _, segment in order]


def least_of_all_orders(machine: reference.Machine, layer: reference.Layer, steps: int) -> int:
    """The fewest cycles of any order on any tile height."""
    totals = []
    for tile_rows in machine.tile_heights:
        plan = reference.Plan("unfolded", tile_rows)
        orders = reference.Orders(machine, layer, plan, 0.0, 1)
        for segments in every_order(orders, layer.products[0], tile_rows):
            engine = reference.Engine(machine, plan, segments)
            chain = reference.Chain(0, [steps], steps, layer.products)
            for step in range(steps + 1):
                engine.take_turn(chain, step, segments)
            totals.append(chain.out["h"][-1])
    return min(totals)


def test_the_best_of_all_orders_is_never_below_and_often_equal():
    gaps = []
    for macs, hidden, inputs, steps, lanes in product((2, 4), (1, 2, 3), (1, 4), (1, 3), (1, 3)):
        machine = replace(
            MACHINE, budgets={}, num_macs=macs, tile_rows=(1, 2), activation_lanes=lanes, rows_per_update_lane=1
        )
        latencies = replace(machine, activation_ns=machine.multiply_ns, update_ns=2 * machine.multiply_ns)
        layer = RNNLayer(cell="rnn", input_size=inputs, hidden_size=hidden)
        bound = bound_layer(layer, Sequences.equal(steps), latencies, Plan())
        best = least_of_all_orders(reference_machine(latencies), reference.rnn(inputs, hidden), steps)
        assert bound.cycles <= best
        gaps.append(best - bound.cycles)
    assert gaps.count(0) > len(gaps) // 3
    assert max(gaps) < 10


@pytest.mark.parametrize(("macs", "within"), [("1K", 0.0365), ("4K", 0.0717), ("16K", 0.1105), ("64K", 0.0215)])
def test_unfolded_comes_close(macs, within):
    networks = [find_network(name) for name in ("eesen", "gmat", "bysdne", "rldradspr")]
    machine = MACHINE.with_macs(macs)
    gaps = []
    for network in [*networks, *map(square_lstm, (340, 512, 1024, 2048))]:
        report = simulate(network, machine)
        layers = [bound_layer(e.layer, network.sequences, machine, report.plan, together=True) for e in report.layers]
        gaps.append(report.counts.total_cycles / sum(bound.cycles for bound in layers) - 1)
    assert 0.5 * within < max(gaps) < within


def test_a_report_says_it():
    report = simulate(find_network("eesen"), MACHINE.with_macs("64K"))
    data = report.as_dict()
    assert (data["bound_cycles"], data["binding"]) == (167_500, "activation lanes")
    assert data["bound_cycles"] == sum(layer["bound_cycles"] for layer in data["layers"])
    _, first, second = report.remarks
    assert first == "no order takes fewer than 167,500 cycles (activation lanes); this one 103.1% more"
    assert second.endswith("do not take turns fewer than 335,000; this one 1.6% more")
    taking_turns = simulate(report.network, report.accelerator, Plan(schedule="interleaved"))
    assert len(taking_turns.remarks) == 2


def test_weights_that_do_not_fit_are_bound_by_the_dram():
    layer, sequences = RNNLayer(input_size=4096, hidden_size=4096), Sequences.equal(10)
    machine = MACHINE.with_macs("64K")
    streamed = bound_layer(layer, sequences, machine, Plan(weights="streamed"))
    assert streamed.binding == "DRAM"
    assert "DRAM" not in bound_layer(layer, sequences, machine, Plan()).limits
    missing = layer.num_weights * 2 - machine.weight_buffer.capacity_bytes
    assert streamed.cycles == -(-10 * missing // 60)  # 30 GB/s at 500 MHz


def test_units_are_at_their_best():
    machine = MACHINE.with_macs("4K")
    units = units_of(machine)
    assert (units.mvm, units.update_lanes) == (1 + 4 + 1, 64)
    assert set(units.updates) == set(UPDATES)
    # One row on a tile of 32 x 128, a tree of seven levels; the latency of the layer, without reconfiguration as above.
    assert units_of(machine, 32).mvm == 1 + 7 + 1


@pytest.mark.parametrize(
    ("hidden", "projection", "height"),
    # 4H rows in segments of at most 256: 8; 128; 132; 1 of 260 in two of 130; 1360 in six of 226; P's own two rows.
    [(2, None, 32), (32, None, 128), (33, None, 256), (65, None, 256), (340, None, 256), (340, 2, 32)],
)
def test_the_tallest_tile_that_the_smallest_segment_can_have(hidden, projection, height):
    layer = RNNLayer(input_size=5, hidden_size=hidden, projection_size=projection)
    products = [Product(phase, layer.size(phase.size), 5, layer.num_operands(phase)) for phase in layer.phases]
    assert tallest_of_all(MACHINE, products) == height
