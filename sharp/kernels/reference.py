"""The executable specification: a layer of recurrent cells on the array, in plain Python, segment by segment.

This file states the rules once more and shares no code with the schedules, the mapping and the Cython core that are
used everywhere else, so that their agreement means something. It is meant to be read top to bottom:

1. Time is in whole cycles; array, activation unit and cell updater each serve the segments in the order issued.
2. A segment of r rows and C columns runs on a tile of K' x N', N' = M / K', and holds the array one cycle for each of
   its ceil(C / N') column tiles and each of the B sequences that still run. K' is K; with reconfiguration and r < K it
   is the smallest height of the set with r <= K' <= K. The columns are the x columns, then the h columns, in one run;
   for the GRU with the reset after the product they are two runs, and no tile holds columns of both.
3. The sums are out L_mvm cycles after the array is released; ceil(B*r / W_a) activation cycles and L_a later (2*L_a in
   that GRU) the values are out; ceil(B*n / W_c) update cycles and L_c later the h of the n cells are out.
4. A segment with h columns starts when all of h of the step before is out (``barrier``). With ``tilewise`` each column
   tile of a step's first such segment waits for its own last element of h, and the later ones do not wait.
5. A schedule is an order of segments. ``unfolded`` issues the x columns of the next step's first u blocks of rows after
   the h columns of this step, as many blocks as the intermediate buffer holds. ``interleaved`` does so for many chains
   that take turns in a fixed order, one chain for each direction and sequence.
6. A projection multiplies the cells' h when all of them are out; its sums are h. The last x segments of the next step,
   as few as cover L_mvm, come after it.
7. The GRU with the reset before the product runs r and z, then r*h in the cell updater (L_mul), then W_n x, then
   U_n(r*h) when all of r*h is out.
8. Weights streamed in every step: a segment holds the array until its weights have arrived; the excess is weight load.
9. Layers, and directions unless interleaved, run one after the other. A streamed layer that fits the weight buffer is
   loaded once, in layer order, as soon as the load before it is done and bytes are free.
10. useful + column padding + row padding + M*(stall + weight load + fill and drain) = M*total, and no part is negative.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import NamedTuple

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
SCHEDULES = ("sequential", "batch", "intergate", "unfolded", "interleaved")
MULTIPLIER_PARTS = ("useful", "column_padding", "row_padding")
CYCLE_PARTS = ("dependency_stall", "weight_load", "fill_drain")
Event = tuple[int, int, int, int, int, int, int, int]


@dataclass(frozen=True)
class Machine:
    """The numbers of the machine, latencies in cycles; `levels_per_cycle` levels of the tree share `add` cycles."""

    num_macs: int
    tile_heights: tuple[int, ...]
    activation_lanes: int
    rows_per_update_lane: int
    multiply: int
    add: int
    accumulate: int
    activation: int
    update: int
    levels_per_cycle: int
    intermediate_words: int
    weight_bytes: float
    weight_buffer_bytes: int
    bytes_per_cycle: float


@dataclass(frozen=True)
class Layer:
    """A layer: its cell, its sizes and the number of directions."""

    cell: str
    inputs: int
    hidden: int
    projection: int | None = None
    linear_before_reset: bool = True
    directions: int = 1

    @property
    def outputs(self) -> int:
        """Elements of h, which are the h columns of the gate matrix."""
        return self.hidden if self.projection is None else self.projection

    @property
    def resets_after(self) -> bool:
        """Whether r is applied to U_n h: W_n x and U_n h then need separate sums."""
        return self.cell == "gru" and self.linear_before_reset

    @property
    def resets_before(self) -> bool:
        """Whether r is applied to h: n then needs a second phase."""
        return self.cell == "gru" and not self.linear_before_reset

    @property
    def fused_gates(self) -> int:
        """Gates that share a segment where gates share segments: those that do not wait for each other."""
        return 2 if self.resets_before else GATES[self.cell]

    @property
    def weights(self) -> int:
        """Weights of all directions."""
        gate_matrix = GATES[self.cell] * self.hidden * (self.inputs + self.outputs)
        return self.directions * (gate_matrix + self.hidden * (self.projection or 0))


@dataclass(frozen=True)
class Plan:
    """How a layer is run; `tile_rows` is K."""

    schedule: str
    tile_rows: int
    reconfiguration: bool = True
    forwarding: str = "barrier"


@dataclass
class Counts:
    """The total and its split, in multiplier-cycles (the first three) and cycles, with the events in order of issue.

    An event is (chain, step, array start and end, activation start and end, update start and end), -1 where it did
    not go; steps count from 1, and a segment issued ahead carries the step that it works for.
    """

    useful: int = 0
    column_padding: int = 0
    row_padding: int = 0
    dependency_stall: int = 0
    weight_load: int = 0
    fill_drain: int = 0
    total: int = 0
    events: list[Event] = field(default_factory=list)

    def add(self, other: Counts, times: int = 1) -> None:
        """Let `other` follow, `times` times, without its events."""
        for part in (*MULTIPLIER_PARTS, *CYCLE_PARTS, "total"):
            setattr(self, part, getattr(self, part) + times * getattr(other, part))

    def check(self, num_macs: int) -> None:
        """Every multiplier is accounted for in every cycle, and no part is negative."""
        in_multipliers = [getattr(self, part) for part in MULTIPLIER_PARTS]
        in_cycles = [getattr(self, part) for part in CYCLE_PARTS]
        assert min(in_multipliers + in_cycles) >= 0, self
        assert sum(in_multipliers) + num_macs * sum(in_cycles) == num_macs * self.total, self


class Shape(NamedTuple):
    """Rows and columns of a segment on its tile, for one sequence; the padding is in multiplier-cycles."""

    rows: int
    x_columns: int
    h_columns: int
    width: int
    tiles: int
    load_cycles: int
    column_padding: int
    row_padding: int


class Segment(NamedTuple):
    """A segment of a step: what it waits for, where it goes after the array, and what it makes.

    It needs and makes "h", "inner" (the cells' h before a projection, or r*h) or nothing (""). With `ahead` it works
    for the step after the one in which it is issued.
    """

    shape: Shape
    needs: str = ""
    activated: bool = False
    updated_cells: int = 0
    update_latency: int = 0
    makes: str = ""
    ahead: bool = False


def ceil_div(a: int, b: int) -> int:
    """Return a / b, rounded up."""
    return -(-a // b)


def blocks(size: int, block: int) -> list[int]:
    """Sizes of the blocks that cover `size`: full ones, then what remains."""
    return [min(block, size - start) for start in range(0, size, block)]


def mvm_latency(machine: Machine, tile_rows: int) -> int:
    """Cycles from the release of the array to the sums: multiply, the tree over N columns, accumulate."""
    tree_levels = (machine.num_macs // tile_rows - 1).bit_length()  # ceil(log2 N)
    stages = ceil_div(tree_levels, machine.levels_per_cycle)
    return machine.multiply + machine.add * stages + machine.accumulate


def shape_of(machine: Machine, layer: Layer, plan: Plan, streamed: bool, rows: int, x: int, h: int) -> Shape:
    """Put `rows` by `x` + `h` columns on a tile."""
    height = plan.tile_rows
    if plan.reconfiguration and rows < height:
        height = min((k for k in machine.tile_heights if rows <= k <= plan.tile_rows), default=height)
    width = machine.num_macs // height
    tiles = ceil_div(x, width) + ceil_div(h, width) if layer.resets_after else ceil_div(x + h, width)
    load = math.ceil(rows * (x + h) * machine.weight_bytes / machine.bytes_per_cycle) if streamed else 0
    return Shape(rows, x, h, width, tiles, load, rows * (tiles * width - x - h), (height - rows) * tiles * width)


def last_h_elements(shape: Shape, separate: bool) -> Iterator[int]:
    """For each column tile the last element of h that it multiplies; negative where it holds x columns only."""
    x_tiles = ceil_div(shape.x_columns, shape.width) if separate else 0
    yield from [-1] * x_tiles
    x_before = 0 if separate else shape.x_columns
    for tile in range(1, shape.tiles - x_tiles + 1):
        yield min(tile * shape.width - x_before, shape.h_columns) - 1


class Orders:
    """The segments of a step, the same ones in every step, in the order of issue."""

    def __init__(self, machine: Machine, layer: Layer, plan: Plan, streamed: bool, sequences: int) -> None:
        self.machine, self.layer, self.plan = machine, layer, plan
        self.shape: Callable[[int, int, int], Shape] = cache(partial(shape_of, machine, layer, plan, streamed))
        interleaved = plan.schedule == "interleaved"
        self.batch = 1 if interleaved else sequences
        self.buffered = layer.directions * sequences if interleaved else sequences
        self.cells_make = "h" if layer.projection is None else "inner"

    def step(self) -> list[Segment]:
        """One step; its segments that are `ahead` work for the next one."""
        if self.plan.schedule == "sequential":
            return [*self.gate_after_gate(), *self.project()]
        if self.plan.schedule == "batch":
            return [*self.gates_of_block_after_block(), *self.project()]
        unfolded, ahead = self.fused()
        if self.layer.resets_before:
            return [*unfolded, *self.new_gate(), *ahead]
        split = len(ahead) - self.held_back(ahead)
        return [*unfolded, *ahead[:split], *self.project(), *ahead[split:]]

    def over_x_and_h(self, rows: int, updated_cells: int) -> Segment:
        """Rows of the gate matrix over all its columns."""
        shape = self.shape(rows, self.layer.inputs, self.layer.outputs)
        return Segment(shape, "h", True, updated_cells, self.machine.update, self.cells_make if updated_cells else "")

    def gate_after_gate(self) -> list[Segment]:
        """`sequential`: K rows at a time; all cells update after the last segment of all."""
        rows_of = blocks(self.layer.hidden, self.plan.tile_rows)
        segments = [self.over_x_and_h(rows, 0) for rows in rows_of] * GATES[self.layer.cell]
        segments[-1] = self.over_x_and_h(segments[-1].shape.rows, self.layer.hidden)
        return segments

    def gates_of_block_after_block(self) -> Iterator[Segment]:
        """`batch`: all gates of K cells, which then update."""
        for rows in blocks(self.layer.hidden, self.plan.tile_rows):
            for gate in reversed(range(GATES[self.layer.cell])):
                yield self.over_x_and_h(rows, rows if gate == 0 else 0)

    def fused(self) -> tuple[list[Segment], list[Segment]]:
        """All gates of a few cells in one segment: the segments that need h, and those with the next step's x."""
        layer, gates = self.layer, self.layer.fused_gates
        cells_of = blocks(layer.hidden, self.plan.tile_rows // gates)
        unfolded = self.unfolded_blocks(len(cells_of))
        then = (self.machine.multiply, "inner") if layer.resets_before else (self.machine.update, self.cells_make)
        waiting = []
        for index, cells in enumerate(cells_of):
            shape = self.shape(gates * cells, 0 if index < unfolded else layer.inputs, layer.outputs)
            waiting.append(Segment(shape, "h", True, cells, *then))
        ahead = [Segment(self.shape(gates * cells, layer.inputs, 0), ahead=True) for cells in cells_of[:unfolded]]
        return waiting, ahead

    def unfolded_blocks(self, num_blocks: int) -> int:
        """How many blocks can leave their x sums in the intermediate buffer, for all sequences that share it."""
        if self.plan.schedule == "intergate":
            return 0
        gates = self.layer.fused_gates
        words_per_cell = 4 if self.layer.resets_after else gates
        words_per_block = words_per_cell * (self.plan.tile_rows // gates) * self.buffered
        return min(num_blocks, self.machine.intermediate_words // words_per_block)

    def new_gate(self) -> Iterator[Segment]:
        """The GRU's second phase: W_n x, then U_n(r*h), K rows at a time."""
        rows_of = blocks(self.layer.hidden, self.plan.tile_rows)
        for rows in rows_of:
            yield Segment(self.shape(rows, self.layer.inputs, 0))
        for rows in rows_of:
            shape = self.shape(rows, 0, self.layer.hidden)
            yield Segment(shape, "inner", True, rows, self.machine.update, "h")

    def project(self) -> Iterator[Segment]:
        """The projection, K rows at a time, if there is one."""
        for rows in blocks(self.layer.projection or 0, self.plan.tile_rows):
            yield Segment(self.shape(rows, 0, self.layer.hidden), needs="inner", makes="h")

    def held_back(self, ahead: list[Segment]) -> int:
        """How many of the last x segments come after the projection, to cover the latency of its sums."""
        cycles = held = 0
        while held < len(ahead) and cycles < mvm_latency(self.machine, self.plan.tile_rows):
            held += 1
            shape = ahead[-held].shape
            cycles += max(self.batch * shape.tiles, shape.load_cycles)
        return held


class Chain:
    """Sequences that take their steps together: how many run in each step, and when their h is out."""

    def __init__(self, index: int, lengths: Sequence[int], longest: int, outputs: int) -> None:
        ascending = sorted(lengths)
        self.index = index
        # No sequence runs in "step 0", the turn that only issues the first step's x, nor after the longest one.
        self.running = [0] + [len(lengths) - bisect_left(ascending, step) for step in range(1, longest + 2)]
        self.h_out = [0] * outputs  # of the step before, by element; never decreasing, as every unit works in order
        self.next_h_out: list[int] = []
        self.inner_out = 0


class Engine:
    """The three units and the cycles at which they are free."""

    def __init__(self, machine: Machine, layer: Layer, plan: Plan) -> None:
        self.machine = machine
        self.tilewise = plan.forwarding == "tilewise"
        self.separate = layer.resets_after
        self.mvm = mvm_latency(machine, plan.tile_rows)
        self.activation_latency = (2 if layer.resets_after else 1) * machine.activation
        self.update_lanes = max(1, plan.tile_rows // machine.rows_per_update_lane)
        self.array_free = self.activation_free = self.update_free = 0
        self.counts = Counts()

    def take_turn(self, chain: Chain, step: int, segments: list[Segment]) -> None:
        """Serve a chain's segments of one step, and its x segments of the next one if there is a next one."""
        first = True
        for segment in segments:
            works_for = step + segment.ahead
            if batch := chain.running[works_for]:
                needs_h = segment.needs == "h"
                self.serve(chain, works_for, batch, segment, self.tilewise and needs_h and first)
                first = first and not needs_h
        if chain.next_h_out:
            chain.h_out, chain.next_h_out = chain.next_h_out, []

    def serve(self, chain: Chain, step: int, batch: int, segment: Segment, tile_by_tile: bool) -> None:
        """Send a segment through the units."""
        array_start = self.occupy_array(chain, batch, segment, tile_by_tile)
        out = self.array_free + self.mvm
        activation_start = activation_end = update_start = update_end = -1
        if segment.activated:
            activation_start = max(self.activation_free, out)
            activation_end = activation_start + ceil_div(batch * segment.shape.rows, self.machine.activation_lanes)
            self.activation_free = activation_end
            out = activation_end + self.activation_latency
        if segment.updated_cells:
            update_start = max(self.update_free, out)
            update_end = update_start + ceil_div(batch * segment.updated_cells, self.update_lanes)
            self.update_free = update_end
            out = update_end + segment.update_latency
        if segment.makes == "h":
            chain.next_h_out += [out] * (segment.updated_cells or segment.shape.rows)
        elif segment.makes == "inner":
            chain.inner_out = out
        later = activation_start, activation_end, update_start, update_end
        self.counts.events.append((chain.index, step, array_start, self.array_free, *later))

    def occupy_array(self, chain: Chain, batch: int, segment: Segment, tile_by_tile: bool) -> int:
        """Hold the array for a segment, account for every cycle until it is free again, and return its start."""
        shape, free = segment.shape, self.array_free
        cycles = batch * shape.tiles
        if tile_by_tile:
            start, end = self.issue_tiles(chain, batch, shape)
        else:
            start = free
            if segment.needs == "inner":
                start = max(free, chain.inner_out)
            elif segment.needs == "h" and not self.tilewise:
                start = max(free, chain.h_out[-1])
            end = start + cycles
        excess = max(0, shape.load_cycles - cycles)
        self.array_free = end + excess

        counts = self.counts
        counts.dependency_stall += end - cycles - free
        counts.weight_load += excess
        counts.useful += batch * shape.rows * (shape.x_columns + shape.h_columns)
        counts.column_padding += batch * shape.column_padding
        counts.row_padding += batch * shape.row_padding
        return start

    def issue_tiles(self, chain: Chain, batch: int, shape: Shape) -> tuple[int, int]:
        """Issue tile after tile, each when its own elements of h are out; return the first start and the last end."""
        start, end = -1, self.array_free
        for element in last_h_elements(shape, self.separate):
            issue = max(end, chain.h_out[element]) if element >= 0 else end
            start = issue if start < 0 else start
            end = issue + batch
        return start, end


def check_arguments(machine: Machine, layer: Layer, lengths: Sequence[int], plan: Plan) -> None:
    """Refuse what the rules do not cover."""
    if layer.cell not in GATES:
        raise ValueError(f"no cell {layer.cell!r}")
    fused = plan.schedule not in ("sequential", "batch")
    heights = [plan.tile_rows, *(k for k in machine.tile_heights if k < plan.tile_rows)]
    for refused, reason in (
        (plan.schedule not in SCHEDULES, f"no schedule {plan.schedule!r}"),
        (plan.forwarding not in ("barrier", "tilewise"), f"no forwarding {plan.forwarding!r}"),
        (layer.projection is not None and layer.cell != "lstm", "only an LSTM has a projection"),
        (layer.resets_before and not fused, f"no order {plan.schedule!r} for a GRU with the reset before the product"),
        (fused and plan.tile_rows < layer.fused_gates, "a tile needs at least one row for each gate"),
        (any(machine.num_macs % height for height in heights), "a tile height does not divide the number of MACs"),
        (min(lengths, default=0) < 1, "there must be a sequence, and every one needs at least one step"),
    ):
        if refused:
            raise ValueError(reason)


def simulate_layer(
    machine: Machine, layer: Layer, lengths: Sequence[int], plan: Plan, *, streamed: bool = False
) -> Counts:
    """Serve every segment of the layer, all directions; `lengths` has the steps of each sequence."""
    check_arguments(machine, layer, lengths, plan)
    interleaved = plan.schedule == "interleaved"
    groups: list[list[int]] = [list(lengths)]
    if interleaved:
        groups = [[length] for length in sorted(lengths, reverse=True)] * layer.directions
    longest = max(lengths)
    chains = [Chain(index, group, longest, layer.outputs) for index, group in enumerate(groups)]
    segments = Orders(machine, layer, plan, streamed, len(lengths)).step()
    engine = Engine(machine, layer, plan)
    for step in range(longest + 1):
        for chain in chains:
            engine.take_turn(chain, step, segments)

    direction = engine.counts
    direction.total = max(chain.h_out[-1] for chain in chains)
    direction.fill_drain = direction.total - engine.array_free
    direction.check(machine.num_macs)
    counts = Counts(events=direction.events)
    counts.add(direction, times=1 if interleaved else layer.directions)
    return counts


def load_end(machine: Machine, start: int, size: float, earlier: list[tuple[int, float]]) -> int:
    """When `size` bytes are in the weight buffer, which `earlier` layers fill with (end of compute, bytes)."""
    now, left = start, size
    while left > 0:
        taken = sum(held for end, held in earlier if end > now)
        chunk = min(left, machine.weight_buffer_bytes - taken - (size - left))
        if chunk > 0:
            now += math.ceil(chunk / machine.bytes_per_cycle)
            left -= chunk
        else:
            now = min(end for end, _ in earlier if end > now)
    return now


def simulate_network(
    machine: Machine, layers: Sequence[Layer], lengths: Sequence[int], plans: Sequence[Plan], weights: str
) -> Counts:
    """Run layer after layer, the weights "resident" or "streamed"; the sums, without events."""
    if weights not in ("resident", "streamed"):
        raise ValueError(f"weights are resident or streamed, not {weights!r}")
    counts = Counts()
    loaded = 0  # the cycle at which the DRAM is free for the next layer
    earlier: list[tuple[int, float]] = []
    for layer, plan in zip(layers, plans, strict=True):
        size = layer.weights * machine.weight_bytes
        fits = size <= machine.weight_buffer_bytes
        if weights == "streamed" and fits:
            loaded = load_end(machine, loaded, size, earlier)
            wait = max(0, loaded - counts.total)
            counts.weight_load += wait
            counts.total += wait
        counts.add(simulate_layer(machine, layer, lengths, plan, streamed=weights == "streamed" and not fits))
        if fits:
            earlier.append((counts.total, size))
        else:
            loaded = counts.total
    counts.check(machine.num_macs)
    return counts
