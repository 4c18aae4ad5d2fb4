"""Random layers, batches, machines and plans: all cells, all schedules, sizes that are not powers of two."""

import math
import os
from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st

from sharp import SCHEDULES, Accelerator, MemoryLevel, Plan, RNNLayer, Sequences, count_cycles, find_accelerator
from sharp.accelerator import LATENCIES
from sharp.cycles import CycleCounts, is_streamed
from sharp.kernels import reference
from sharp.plan import FORWARDING, WEIGHTS

BASE = replace(find_accelerator("sharp"), budgets={}, provenance={})  # shorter where a case is printed
MAX_REFERENCE_SEGMENTS = 600
"""Segments of a case, about, so that the specification takes a millisecond for it."""
MAX_STEPS = 40
TILES_A_SEGMENT = 8
"""Tiles that the specification issues one by one in the time of a segment."""
FUSED = ("intergate", "unfolded", "interleaved")
LARGE_BUFFER = MemoryLevel(capacity_bytes=10**9)


def examples(count: int) -> settings:
    """Settings for `count` examples, times the environment variable SHARP_EXAMPLES."""
    return settings(max_examples=max(1, round(count * float(os.environ.get("SHARP_EXAMPLES", "1")))))


def reference_machine(accelerator: Accelerator) -> reference.Machine:
    """The machine as the specification takes it."""
    return reference.Machine(
        accelerator.num_macs,
        accelerator.tile_rows,
        accelerator.activation_lanes,
        accelerator.rows_per_update_lane,
        *(accelerator.cycles(latency) for latency in LATENCIES),
        accelerator.intermediate_buffer.capacity_bytes // accelerator.partial_sum_bytes,
        accelerator.weight_bytes,
        accelerator.weight_buffer.capacity_bytes,
        accelerator.dram_bytes_per_cycle,
    )


def reference_layer(layer: RNNLayer) -> reference.Layer:
    """The layer as the specification takes it."""
    return reference.Layer(
        layer.cell,
        layer.input_size,
        layer.hidden_size,
        layer.projection_size,
        layer.linear_before_reset,
        layer.num_directions,
    )


def reference_plan(plan: Plan) -> reference.Plan:
    """The plan as the specification takes it."""
    return reference.Plan(plan.order.name, plan.tile_rows, plan.reconfiguration, plan.forwarding)


@dataclass(frozen=True)
class Case:
    """A layer with everything that decides its cycles; the plan has a tile height."""

    layer: RNNLayer
    lengths: tuple[int, ...]
    accelerator: Accelerator
    plan: Plan

    @property
    def sequences(self) -> Sequences:
        return Sequences.of(self.lengths)

    @property
    def streamed(self) -> bool:
        return is_streamed(self.layer, self.accelerator, self.plan)

    def count(self, *, every_step: bool = False) -> CycleCounts:
        """What the model gives."""
        return count_cycles(self.layer, self.sequences, self.accelerator, self.plan, every_step=every_step)

    def planned(self, **fields) -> "Case":
        """The same case, planned otherwise."""
        return replace(self, plan=replace(self.plan, **fields))

    def reference(self) -> reference.Counts | None:
        """What the specification gives, None where it refuses the case."""
        try:
            return reference.simulate_layer(
                reference_machine(self.accelerator),
                reference_layer(self.layer),
                self.lengths,
                reference_plan(self.plan),
                streamed=self.streamed,
            )
        except ValueError:
            return None


heights = st.lists(
    st.sampled_from([2, 3, 4, 5, 6, 8, 12, 16, 32, 48, 64, 128, 256, 512]), min_size=1, max_size=4, unique=True
)
capacities = st.one_of(st.integers(1, 400), st.integers(1, 40_000), st.just(10**8))


@st.composite
def accelerators(draw: st.DrawFn) -> Accelerator:
    tile_rows = tuple(sorted(draw(heights)))
    return replace(
        BASE,
        num_macs=math.lcm(*tile_rows) * draw(st.one_of(st.integers(1, 64), st.integers(1, 4096))),
        tile_rows=tile_rows,
        clock_hz=draw(st.sampled_from([1e8, 2.5e8, 5e8, 7e8, 1e9])),
        activation_lanes=draw(st.integers(1, 300)),
        rows_per_update_lane=draw(st.integers(1, 9)),
        multiply_ns=draw(st.floats(0.5, 6)),
        add_ns=draw(st.floats(0.5, 4)),
        accumulate_ns=draw(st.floats(0.5, 8)),
        activation_ns=draw(st.floats(1, 60)),
        update_ns=draw(st.floats(1, 80)),
        intermediate_buffer=MemoryLevel(capacity_bytes=draw(capacities)),
        weight_buffer=MemoryLevel(capacity_bytes=draw(capacities)),
        dram_bytes_per_s=draw(st.floats(1e7, 6e10)),
    )


def sizes(greatest: int) -> st.SearchStrategy[int]:
    """Half of them small, where blocks do not fill a tile, half anywhere up to the greatest."""
    return st.one_of(st.integers(1, min(128, greatest)), st.integers(1, greatest))


@st.composite
def layers(draw: st.DrawFn, cells: tuple[str, ...], input_size: int, greatest: int) -> RNNLayer:
    cell = draw(st.sampled_from(cells))
    return RNNLayer(
        cell=cell,
        input_size=input_size,
        hidden_size=draw(sizes(greatest)),
        bidirectional=draw(st.booleans()),
        projection_size=draw(st.none() | sizes(greatest)) if cell == "lstm" else None,
        linear_before_reset=cell != "gru" or draw(st.booleans()),
    )


@st.composite
def batches(draw: st.DrawFn, max_steps: int = MAX_STEPS) -> tuple[int, ...]:
    """Lengths of one to five sequences, half of them equal."""
    batch_size = draw(st.integers(1, 5))
    steps = st.integers(1, max_steps)
    if draw(st.booleans()):
        return (draw(steps),) * batch_size
    return tuple(draw(st.lists(steps, min_size=batch_size, max_size=batch_size)))


@st.composite
def cases(
    draw: st.DrawFn,
    schedules: tuple[str, ...] = tuple(SCHEDULES),
    cells: tuple[str, ...] = ("lstm", "gru", "rnn"),
    forwarding: tuple[str, ...] = FORWARDING,
    weights: tuple[str, ...] = WEIGHTS,
) -> Case:
    accelerator = draw(accelerators())
    plan = Plan(
        schedule=draw(st.sampled_from(schedules)),
        tile_rows=draw(st.sampled_from(accelerator.tile_rows)),
        reconfiguration=draw(st.booleans()),
        forwarding=draw(st.sampled_from(forwarding)),
        weights=draw(st.sampled_from(weights)),
    )
    layer = draw(layers(cells, draw(sizes(4096)), min(4096, MAX_REFERENCE_SEGMENTS // 25 * plan.tile_rows)))
    steps = MAX_REFERENCE_SEGMENTS // _segments_a_step(layer, accelerator, plan)
    lengths = draw(batches(max(1, min(MAX_STEPS, steps))))
    if draw(st.booleans()):  # half the machines keep the early sums of some blocks of cells, and not of all
        most = 4 * layer.hidden_size * accelerator.partial_sum_bytes * len(lengths)
        buffer = MemoryLevel(capacity_bytes=draw(st.integers(1, most)))
        accelerator = replace(accelerator, intermediate_buffer=buffer)
    return Case(layer, lengths, accelerator, plan)


def _segments_a_step(layer: RNNLayer, accelerator: Accelerator, plan: Plan) -> int:
    """What the specification does in a step, in segments, about."""
    rows = 4 * layer.hidden_size + (layer.projection_size or 0)
    work = 2 * -(-rows // plan.tile_rows) + 4
    if plan.forwarding == "tilewise":
        columns = layer.input_size + layer.recurrent_size
        work += columns * plan.tile_rows // accelerator.num_macs // TILES_A_SEGMENT
    return 3 * layer.num_directions * work if plan.order.interleaves else work
