"""Weights from the DRAM: by hand, against the specification, by law."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import BASE, FUSED, accelerators, batches, examples, layers, sizes
from strategies import reference_layer as as_layer
from strategies import reference_machine as as_machine
from strategies import reference_plan as as_plan

from sharp import Accelerator, CycleCounts, InfeasibleMappingError, MemoryLevel, Network, Plan, RNNLayer, simulate
from sharp.cycles.streaming import add_weight_loads
from sharp.kernels import reference
from sharp.kernels.reference_network import chain, simulate_network, steps_of
from sharp.machine.plan import FORWARDING

MAX_CELLS = 60


@dataclass(frozen=True)
class NetworkCase:
    """A network with everything that decides its cycles; the weights are streamed."""

    network: Network
    lengths: tuple[int, ...]
    accelerator: Accelerator
    plan: Plan

    def best_plan(self, layer: RNNLayer) -> reference.Plan:
        """The tile height that the specification finds best, of equals the smallest."""
        machine, taken = as_machine(self.accelerator), {}
        for tile_rows in self.accelerator.heights(self.plan):
            plan = as_plan(self.plan.at(tile_rows))
            share = reference.streamed_share(machine, [as_layer(layer)], tile_rows)
            try:
                counts = reference.simulate_layer(machine, as_layer(layer), self.lengths, plan, share=share)
            except ValueError:
                continue
            taken[counts.total, tile_rows] = plan
        if not taken:
            raise ValueError("no tile height will do")
        return taken[min(taken)]

    def reference(self) -> reference.Counts | None:
        """What the specification gives, None where it refuses the network."""
        layers = self.network.layers
        try:
            plans = [self.best_plan(layer) for layer in layers]
        except ValueError:
            return None
        machine = as_machine(self.accelerator)
        steps = steps_of(chain(len(layers)), self.lengths)
        return simulate_network(machine, list(map(as_layer, layers)), steps, plans, self.plan.weights)


@st.composite
def networks(draw: st.DrawFn) -> NetworkCase:
    """Two to five small layers, some alike; a weight buffer that holds none of them, some, or all."""
    stack = [draw(layers(("lstm", "gru", "rnn", "dense"), draw(sizes(MAX_CELLS)), MAX_CELLS))]
    for _ in range(draw(st.integers(1, 4))):
        stack.append(draw(layers(("lstm", "gru", "rnn", "dense"), stack[-1].output_size, MAX_CELLS)))
    lengths = draw(batches(max_steps=5))
    network = Network(name="random", layers=stack, seq_len=1).with_lengths(lengths)
    accelerator = draw(accelerators())
    weights = network.num_weights  # of 2 bytes
    capacity = draw(st.one_of(st.integers(1, weights), st.integers(weights, 4 * weights)))
    accelerator = replace(accelerator, weight_buffer=MemoryLevel(capacity_bytes=capacity))
    plan = Plan(
        schedule=draw(st.sampled_from(("sequential", *FUSED))),
        tile_rows=draw(st.sampled_from((*accelerator.tile_rows, "best"))),
        reconfiguration=draw(st.booleans()),
        forwarding=draw(st.sampled_from(FORWARDING)),
        weights="streamed",
    )
    return NetworkCase(network, lengths, accelerator, plan)


@examples(1000)
@given(case=networks())
def test_a_streamed_network_equals_the_specification(case: NetworkCase):
    expected = case.reference()
    if expected is None:
        with pytest.raises(InfeasibleMappingError):
            simulate(case.network, case.accelerator, case.plan)
        return
    counts = simulate(case.network, case.accelerator, case.plan).counts
    assert counts.total_cycles == expected.total
    for name in (*reference.MULTIPLIER_PARTS, *reference.CYCLE_PARTS):
        assert getattr(counts, name) == getattr(expected, name)


def test_random_networks_vary():
    seen: list[NetworkCase] = []

    @settings(max_examples=400)
    @given(networks())
    def collect(case: NetworkCase):
        seen.append(case)

    collect()
    fitting = [[2 * layer.num_weights <= buffer_of(case) for layer in case.network.layers] for case in seen]
    assert sum(all(fits) for fits in fitting) > 20
    assert sum(not any(fits) for fits in fitting) > 20
    assert sum(len(set(fits)) == 2 for fits in fitting) > 20
    held = [sum(2 * layer.num_weights for layer in case.network.layers) <= buffer_of(case) for case in seen]
    assert sum(held) > 20
    assert sum(all(fits) for fits in fitting) - sum(held) > 10  # each fits, but not all at once
    assert {len(case.network.layers) for case in seen} == {2, 3, 4, 5}


def buffer_of(case: NetworkCase) -> int:
    return case.accelerator.weight_buffer.capacity_bytes


# By hand -------------------------------------------------------------------------------------------------------------


def machine(capacity_bytes: int, bytes_per_cycle: float) -> Accelerator:
    return replace(
        BASE, weight_buffer=MemoryLevel(capacity_bytes=capacity_bytes), dram_bytes_per_s=bytes_per_cycle * BASE.clock_hz
    )


# Of 10 x 5 weights, 100 bytes; each takes 30 cycles to compute.
LAYER = RNNLayer(cell="rnn", input_size=5, hidden_size=5)
COUNTS = CycleCounts(
    num_macs=1,
    total_cycles=30,
    useful=30,
    column_padding=0,
    row_padding=0,
    dependency_stall=0,
    weight_load=0,
    fill_drain=0,
)


@pytest.mark.parametrize(
    ("capacity_bytes", "bytes_per_cycle", "waits"),
    [
        # All three fit at once: loads end at 10, 20, 30; computes from 10, 40 and 70.
        (300, 10, [10, 0, 0]),
        # Slower than the compute: loads end at 50, 100, 150; computes end at 80, 130, 180.
        (300, 2, [50, 20, 20]),
        # One at a time: the next load starts when a layer ends. 10 + 30, 10 + 30, 10 + 30.
        (100, 10, [10, 10, 10]),
        # One and a half: half of the second at 10 to 15, the other half when the first ends at 40, to 45; half of the
        # third at 45 to 50, the other half from 75 to 80.
        (150, 10, [10, 5, 5]),
    ],
)
def test_loads_by_hand(capacity_bytes, bytes_per_cycle, waits):
    accelerator = machine(capacity_bytes, bytes_per_cycle)
    loaded = add_weight_loads([100] * 3, [0] * 3, [COUNTS] * 3, accelerator)
    assert [counts.weight_load for counts in loaded] == waits
    assert [counts.total_cycles for counts in loaded] == [30 + wait for wait in waits]


@pytest.mark.parametrize(
    ("share", "waits"),
    [
        # 0 to 10 load, to 40 compute; the large one from 40 to 70; then another load, 70 to 80.
        (1, [10, 0, 10]),
        # The large one keeps 180 of its 360 bytes: 100 of them come while the first one computes, 80 from 40 to 48.
        (0.5, [10, 8, 10]),
    ],
)
def test_a_layer_that_does_not_fit_keeps_the_memory_and_the_buffer(share, waits):
    loaded = add_weight_loads([100, 360, 100], [0, share, 0], [COUNTS] * 3, machine(200, 10))
    assert [counts.weight_load for counts in loaded] == waits


STEP_CYCLES = 200
"""More than the computing of a step below."""


def test_a_byte_less_of_buffer_costs_about_a_byte_a_step(accelerator):
    # Of 16 MiB in segments of 1 MiB, 16/14 bytes more pass in each step for each byte that the buffer is smaller.
    network = Network(name="one", layers=(RNNLayer(input_size=1024, hidden_size=1024),), seq_len=25)
    whole, each = 2**24, 60  # bytes of all weights, and in a cycle
    totals, previous = {}, 0
    for less in [0, 1, 2, 100, 10**4, 10**5, 10**6, 4 * 10**6, 10**7, 14 * 2**20, 2**24 - 1]:
        machine = replace(accelerator.with_macs("64K"), weight_buffer=MemoryLevel(capacity_bytes=whole - less))
        report = simulate(network, machine, Plan(weights="streamed", tile_rows=256))
        totals[less] = report.counts.total_cycles
        assert totals[less] >= report.bound.cycles
        assert totals[less] >= previous - STEP_CYCLES  # what streams in the first step hides some of its computing
        previous = totals[less]
        passing = min(less * 16 / 14, whole)
        assert report.loaded_bytes == pytest.approx(whole + 24 * passing, abs=2)
    assert totals[1] - totals[0] <= 25  # a cycle a step, where there was a cliff of 24 times the whole load
    assert totals[10**6] == pytest.approx(totals[0] + 24 * 10**6 * 16 / 14 / each, rel=0.03)
    assert totals[14 * 2**20] == totals[2**24 - 1]


def test_a_segment_waits_for_its_weights(accelerator):
    # rnn of 32 cells and 32 inputs on 32 x 32: one segment of 2 tiles and 32 * 64 * 2 = 4096 bytes a step.
    network = Network(name="n", layers=(RNNLayer(cell="rnn", input_size=32, hidden_size=32),), seq_len=3)
    slow = replace(
        accelerator.with_macs("1K"), weight_buffer=MemoryLevel(capacity_bytes=4095), dram_bytes_per_s=64 * 5e8
    )
    resident, plan = (Plan(schedule="intergate", tile_rows=32, weights=weights) for weights in ("resident", "streamed"))
    resident, streamed = simulate(network, slow, resident), simulate(network, slow, plan)
    assert streamed.counts.weight_load == 3 * (4096 // 64 - 2)
    assert streamed.counts.total_cycles == resident.counts.total_cycles + 3 * 62
    fits = simulate(network, replace(slow, weight_buffer=MemoryLevel(capacity_bytes=4096)), plan)
    assert fits.counts.weight_load == 64
    assert fits.counts.total_cycles == resident.counts.total_cycles + 64


def test_resident_weights_do_not_depend_on_the_memory(accelerator):
    network = Network(name="n", layers=(RNNLayer(input_size=64, hidden_size=64),), seq_len=5)
    slow = replace(accelerator, dram_bytes_per_s=1.0, weight_buffer=MemoryLevel(capacity_bytes=1))
    assert simulate(network, slow).counts == simulate(network, accelerator).counts
    assert simulate(network, slow).counts.weight_load == 0
