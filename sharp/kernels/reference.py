"""The executable specification: a layer of recurrent cells on the array, in plain Python, segment by segment.

This file states the rules once more and shares no code with the schedules, the mapping and the Cython core that are
used everywhere else, so that their agreement means something. It is meant to be read top to bottom:

1. Time is in whole cycles; array, activation unit and cell updater each serve the segments in the order issued.
2. A step of a cell is one product or more: rows of some gates over x_t and a vector, h of the step before or what an
   earlier product of the step gives. The cells may fall into equal parts, whose rows multiply their part of the vector.
3. A segment, of r rows of one part and C columns, runs on a tile of K' x N', N' = M / K', and holds the array one cycle
   for each of its ceil(C / N') column tiles and each of the B sequences that still run. K' is K; with reconfiguration
   and r < K it is the smallest height of the set with r <= K' <= K. The columns are those of x, then the vector's, in
   one run; where the two sums stay apart they are two runs, and no tile holds columns of both.
4. The sums are out L_mvm cycles after the array is released, one latency for all segments of a layer: that of the tree
   over the columns of the widest tile that any of them has (with interleaved accumulators a row has as many sums as an
   addition takes cycles, which the tiles add to in turn, and a tree merges them). When all columns are summed,
   ceil(B*r / W_a) activation cycles and L_a later (2*L_a where one gate waits for another in the unit) the values are
   out; ceil(B*n / W_c) update cycles and L_c later the vector of the n cells is. An update waits for what the cells'
   last one gave, their state.
5. A segment with columns of h starts when all of h of the step before is out (``barrier``). With ``tilewise`` each of
   its column tiles waits for its own last element of h. With columns of another vector it starts when all of that is.
6. A schedule is an order of segments. ``unfolded`` issues the x columns of the next step's first u blocks of rows after
   this step's other columns, as many blocks as the intermediate buffer holds. ``interleaved`` does so for many chains
   that take turns in a fixed order, one chain for each direction and sequence.
7. Later products follow the first, x columns before the others. If the second has none of x, the last x segments of the
   next step, as few as cover L_mvm, come after it, and the others before.
8. Of weights that do not fit the buffer, a share streams in every step, the same of each segment: the last of its rows.
   The buffer holds the others, and beside them what streams of two segments of K of the longest rows. A segment holds
   the array until what streams of it has arrived; the excess is weight load.
9. Directions, unless interleaved, run one after the other; so do the layers of a network (reference_network.py).
10. useful + column padding + row padding + M*(stall + weight load + fill and drain) = M*total, and no part is negative.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import NamedTuple

SCHEDULES = ("sequential", "batch", "intergate", "unfolded", "interleaved")
MULTIPLIER_PARTS = ("useful", "column_padding", "row_padding")
CYCLE_PARTS = ("dependency_stall", "weight_load", "fill_drain")
Event = tuple[int, int, int, int, int, int, int, int]


@dataclass(frozen=True)
class Machine:
    """The numbers of the machine, latencies in cycles; `levels_per_cycle` levels of a tree share `add` cycles.

    A row has one sum, or with `accumulators` "interleaved" one for each cycle of `accumulate`, merged at the end.
    """

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
    accumulators: str
    intermediate_words: int
    weight_bytes: float
    weight_buffer_bytes: int
    bytes_per_cycle: float


class Product(NamedTuple):
    """Products of a step that wait for the same vector: `gates` rows for each cell, over x and the vector.

    Without `inputs` it does not read x; without a `vector` it waits for nothing. `parts` divides the cells and the
    vector; with `apart` the sums over the two do not share a tile. The values pass the activation unit `passes` times
    and the updater with a latency of the machine, or not at all ("").
    """

    gates: int
    cells: int
    inputs: int = 0
    vector: str = "h"
    columns: int = 0
    gives: str = "h"
    parts: int = 1
    apart: bool = False
    passes: int = 1
    update: str = "update"

    @property
    def row(self) -> int:
        """Weights of a row."""
        return self.inputs + self.columns // self.parts


@dataclass(frozen=True)
class Layer:
    """A layer: its sizes, the products of a step, of which the last gives h, and the number of directions."""

    inputs: int
    hidden: int
    products: tuple[Product, ...]
    directions: int = 1

    @property
    def outputs(self) -> int:
        """Elements of h."""
        return self.products[-1].cells

    @property
    def weights(self) -> int:
        """Weights of all directions."""
        return self.directions * sum(product.gates * product.cells * product.row for product in self.products)


def lstm(inputs: int, hidden: int, projection: int | None = None, directions: int = 1) -> Layer:
    """i, f, g, o over x and h; with a projection h = P m, m what the cells give."""
    if projection is None:
        return Layer(inputs, hidden, (Product(4, hidden, inputs, "h", hidden),), directions)
    cells = Product(4, hidden, inputs, "h", projection, gives="m")
    return Layer(inputs, hidden, (cells, Product(1, projection, 0, "m", hidden, passes=0, update="")), directions)


def gru(inputs: int, hidden: int, linear_before_reset: bool = True, directions: int = 1) -> Layer:
    """r, z, n over x and h, n waiting for r in the unit; or r and z, s = r * h in the updater, then n over x and s."""
    if linear_before_reset:
        return Layer(inputs, hidden, (Product(3, hidden, inputs, "h", hidden, apart=True, passes=2),), directions)
    first = Product(2, hidden, inputs, "h", hidden, gives="s", update="multiply")
    return Layer(inputs, hidden, (first, Product(1, hidden, inputs, "s", hidden)), directions)


def rnn(inputs: int, hidden: int, directions: int = 1) -> Layer:
    """One gate over x and h."""
    return Layer(inputs, hidden, (Product(1, hidden, inputs, "h", hidden),), directions)


def dense(inputs: int, outputs: int, activated: bool = False) -> Layer:
    """One product over x that waits for nothing, through the activation unit or not; no cells update."""
    return Layer(inputs, outputs, (Product(1, outputs, inputs, "", passes=int(activated), update=""),))


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
    not go; steps count from 1, and a segment issued ahead carries the step that it works for. `served` has the number
    of sequences and the segment of each event.
    """

    useful: int = 0
    column_padding: int = 0
    row_padding: int = 0
    dependency_stall: int = 0
    weight_load: int = 0
    fill_drain: int = 0
    total: int = 0
    events: list[Event] = field(default_factory=list)
    served: list[tuple[int, Segment]] = field(default_factory=list)

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
    columns: int
    width: int
    tiles: int
    load_cycles: int
    column_padding: int
    row_padding: int


class Segment(NamedTuple):
    """A segment: what it needs, from which element on, whether all is then summed, and which elements it gives.

    With `ahead` it works for the step after the one in which it is issued.
    """

    product: Product
    shape: Shape
    needs: str
    first_needed: int
    complete: bool
    first_given: int
    given: int
    ahead: bool


def ceil_div(a: int, b: int) -> int:
    """Return a / b, rounded up."""
    return -(-a // b)


def blocks(product: Product, block: int) -> list[tuple[int, int]]:
    """First cell and size of the blocks that cover the cells, part after part: full ones, then what remains."""
    part = product.cells // product.parts
    starts = range(0, product.cells, part)
    return [(start + first, min(block, part - first)) for start in starts for first in range(0, part, block)]


def mvm_latency(machine: Machine, segments: Iterable[Segment]) -> int:
    """Cycles from the release of the array to the sums of a segment among these: multiply, the tree, accumulate."""
    columns = max(segment.shape.width for segment in segments)
    sums = machine.accumulate if machine.accumulators == "interleaved" else 1
    trees = tree_latency(machine, columns) + tree_latency(machine, sums)
    return machine.multiply + trees + machine.accumulate


def tree_latency(machine: Machine, inputs: int) -> int:
    """Cycles of a tree of adders."""
    levels = (inputs - 1).bit_length()  # ceil(log2 inputs)
    return machine.add * ceil_div(levels, machine.levels_per_cycle)


def streamed_share(machine: Machine, layers: Sequence[Layer], tile_rows: int) -> float:
    """Share of the weights of layers that streams in every step, as the buffer does not hold all of them; rule 8.

    With a share s of W bytes, and S bytes a segment, ``(1 - s) W + 2 s S`` fill the buffer; all streams where not even
    two segments fit.
    """
    size = sum(layer.weights for layer in layers) * machine.weight_bytes
    longest = max(min(tile_rows, p.gates * p.cells) * p.row for layer in layers for p in layer.products)
    missing, room = size - machine.weight_buffer_bytes, size - 2 * longest * machine.weight_bytes
    if missing <= 0:
        return 0.0
    return missing / room if missing < room else 1.0


def shape_of(machine: Machine, plan: Plan, share: float, apart: bool, rows: int, x: int, columns: int) -> Shape:
    """Put `rows` by `x` + `columns` columns on a tile; a share of their weights streams."""
    height = plan.tile_rows
    if plan.reconfiguration and rows < height:
        height = min((k for k in machine.tile_heights if rows <= k <= plan.tile_rows), default=height)
    width, row = machine.num_macs // height, x + columns
    tiles = ceil_div(x, width) + ceil_div(columns, width) if apart else ceil_div(row, width)
    load = math.ceil(rows * row * (machine.weight_bytes * share) / machine.bytes_per_cycle)
    return Shape(rows, x, columns, width, tiles, load, rows * (tiles * width - row), (height - rows) * tiles * width)


def last_elements(shape: Shape, apart: bool) -> Iterator[int]:
    """For each column tile the last element of the vector that it multiplies; negative where it holds x columns."""
    x_tiles = ceil_div(shape.x_columns, shape.width) if apart else 0
    yield from [-1] * x_tiles
    x_before = 0 if apart else shape.x_columns
    for tile in range(1, shape.tiles - x_tiles + 1):
        yield min(tile * shape.width - x_before, shape.columns) - 1


class Orders:
    """The segments of a step, the same ones in every step, in the order of issue."""

    def __init__(self, machine: Machine, layer: Layer, plan: Plan, share: float, sequences: int) -> None:
        self.machine, self.layer, self.plan = machine, layer, plan
        self.shape: Callable[[bool, int, int, int], Shape] = cache(partial(shape_of, machine, plan, share))
        interleaved = plan.schedule == "interleaved"
        self.batch = 1 if interleaved else sequences
        self.buffered = layer.directions * sequences if interleaved else sequences

    def step(self) -> list[Segment]:
        """One step; its segments that are `ahead` work for the next one."""
        first, *rest = self.layer.products
        if self.plan.schedule == "sequential":
            return [*self.gate_after_gate(first), *self.later(rest)]
        if self.plan.schedule == "batch":
            return [*self.gates_of_block_after_block(first), *self.later(rest)]
        (waiting, ahead), later = self.fused(first), list(self.later(rest))
        before = 0
        if rest and not rest[0].inputs:
            before = len(ahead) - self.held_back(ahead, mvm_latency(self.machine, [*waiting, *ahead, *later]))
        return [*waiting, *ahead[:before], *later, *ahead[before:]]

    def segment(
        self,
        product: Product,
        gates: int,
        block: tuple[int, int],
        operand: str = "xv",
        given: tuple[int, int] = (0, 0),
        ahead: bool = False,
    ) -> Segment:
        """Rows of some gates of a block of cells over x ("x"), the vector ("v") or both, and what is given then."""
        first, cells = block
        over_x, over_vector = "x" in operand, "v" in operand and bool(product.vector)
        columns = product.columns // product.parts
        shape = self.shape(product.apart, gates * cells, product.inputs if over_x else 0, columns if over_vector else 0)
        return Segment(
            product,
            shape,
            needs=product.vector if over_vector else "",
            first_needed=first // (product.cells // product.parts) * columns,
            complete="v" in operand,
            first_given=given[0],
            given=given[1],
            ahead=ahead,
        )

    def gate_after_gate(self, product: Product) -> list[Segment]:
        """`sequential`: K rows at a time; all cells update after the last segment of all."""
        blocks_of_gate = blocks(product, self.plan.tile_rows)
        segments = [self.segment(product, 1, block) for block in blocks_of_gate] * product.gates
        segments[-1] = self.segment(product, 1, blocks_of_gate[-1], given=(0, product.cells))
        return segments

    def gates_of_block_after_block(self, product: Product) -> Iterator[Segment]:
        """`batch`: all gates of K cells, which then update."""
        for block in blocks(product, self.plan.tile_rows):
            for gate in reversed(range(product.gates)):
                yield self.segment(product, 1, block, given=(0, 0) if gate else block)

    def fused(self, product: Product) -> tuple[list[Segment], list[Segment]]:
        """All gates of a few cells in one segment: those that are complete, and those with the next step's x."""
        gates, cells_of = product.gates, blocks(product, self.plan.tile_rows // product.gates)
        unfolded = self.unfolded_blocks(product, len(cells_of))
        waiting = [self.segment(product, gates, block, "v", given=block) for block in cells_of[:unfolded]]
        waiting += [self.segment(product, gates, block, given=block) for block in cells_of[unfolded:]]
        return waiting, [self.segment(product, gates, block, "x", ahead=True) for block in cells_of[:unfolded]]

    def unfolded_blocks(self, product: Product, num_blocks: int) -> int:
        """How many blocks can leave their x sums in the intermediate buffer, for all sequences that share it."""
        if self.plan.schedule == "intergate" or not (product.inputs and product.vector):
            return 0
        words_per_cell = product.gates + product.apart
        words_per_block = words_per_cell * (self.plan.tile_rows // product.gates) * self.buffered
        return min(num_blocks, self.machine.intermediate_words // words_per_block)

    def later(self, products: Sequence[Product]) -> Iterator[Segment]:
        """The later products, all gates of a few cells at a time: x columns, which fill the wait, then the others."""
        for product in products:
            gates, cells_of = product.gates, blocks(product, self.plan.tile_rows // product.gates)
            if product.inputs and product.vector:
                yield from (self.segment(product, gates, block, "x") for block in cells_of)
            operand = "v" if product.vector else "xv"
            yield from (self.segment(product, gates, block, operand, given=block) for block in cells_of)

    def held_back(self, ahead: list[Segment], latency: int) -> int:
        """How many of the last x segments come after a product without x, to cover the latency of its sums."""
        cycles = held = 0
        while held < len(ahead) and cycles < latency:
            held += 1
            shape = ahead[-held].shape
            cycles += max(self.batch * shape.tiles, shape.load_cycles)
        return held


class Chain:
    """Sequences that take their steps together: how many run in each step, and when their vectors are out."""

    def __init__(self, index: int, lengths: Sequence[int], longest: int, products: Sequence[Product]) -> None:
        ascending = sorted(lengths)
        self.index = index
        # No sequence runs in "step 0", the turn that only issues the first step's x, nor after the longest one.
        self.running = [0] + [len(lengths) - bisect_left(ascending, step) for step in range(1, longest + 2)]
        # By element, of the last step that gave it; never decreasing along a vector, as every unit works in order.
        self.out = {product.gives: [0] * product.cells for product in products}
        self.h_before = self.out["h"].copy()  # of the step before


class Engine:
    """The three units and the cycles at which they are free."""

    def __init__(self, machine: Machine, plan: Plan, segments: Iterable[Segment]) -> None:
        self.machine = machine
        self.tilewise = plan.forwarding == "tilewise"
        self.mvm = mvm_latency(machine, segments)
        self.update_lanes = max(1, plan.tile_rows // machine.rows_per_update_lane)
        self.array_free = self.activation_free = self.update_free = 0
        self.counts = Counts()

    def take_turn(self, chain: Chain, step: int, segments: list[Segment]) -> None:
        """Serve a chain's segments of one step, and its x segments of the next one if there is a next one."""
        for segment in segments:
            works_for = step + segment.ahead
            if batch := chain.running[works_for]:
                self.serve(chain, works_for, batch, segment)
        chain.h_before = chain.out["h"].copy()

    def serve(self, chain: Chain, step: int, batch: int, segment: Segment) -> None:
        """Send a segment through the units."""
        array_start = self.occupy_array(chain, batch, segment)
        product, out = segment.product, self.array_free + self.mvm
        given = slice(segment.first_given, segment.first_given + segment.given)
        activation_start = activation_end = update_start = update_end = -1
        if segment.complete and product.passes:
            activation_start = max(self.activation_free, out)
            activation_end = activation_start + ceil_div(batch * segment.shape.rows, self.machine.activation_lanes)
            self.activation_free = activation_end
            out = activation_end + product.passes * self.machine.activation
        if segment.given and product.update:
            update_start = max(self.update_free, out, *chain.out[product.gives][given])
            update_end = update_start + ceil_div(batch * segment.given, self.update_lanes)
            self.update_free = update_end
            out = update_end + getattr(self.machine, product.update)
        if segment.given:
            chain.out[product.gives][given] = [out] * segment.given
        later = activation_start, activation_end, update_start, update_end
        self.counts.events.append((chain.index, step, array_start, self.array_free, *later))
        self.counts.served.append((batch, segment))

    def occupy_array(self, chain: Chain, batch: int, segment: Segment) -> int:
        """Hold the array for a segment, account for every cycle until it is free again, and return its start."""
        shape, free = segment.shape, self.array_free
        cycles, start, h_out = batch * shape.tiles, free, chain.h_before[-1]
        if segment.needs == "h" and self.tilewise and h_out > free:
            start, end = self.issue_tiles(chain, batch, segment)
        else:
            if segment.needs:
                start = max(free, h_out if segment.needs == "h" else chain.out[segment.needs][-1])
            end = start + cycles
        excess = max(0, shape.load_cycles - cycles)
        self.array_free = end + excess

        counts = self.counts
        counts.dependency_stall += end - cycles - free
        counts.weight_load += excess
        counts.useful += batch * shape.rows * (shape.x_columns + shape.columns)
        counts.column_padding += batch * shape.column_padding
        counts.row_padding += batch * shape.row_padding
        return start

    def issue_tiles(self, chain: Chain, batch: int, segment: Segment) -> tuple[int, int]:
        """Issue tile after tile, each when its own elements of h are out; return the first start and the last end."""
        start, end = -1, self.array_free
        for element in last_elements(segment.shape, segment.product.apart):
            issue = max(end, chain.h_before[segment.first_needed + element]) if element >= 0 else end
            start = issue if start < 0 else start
            end = issue + batch
        return start, end


def check_arguments(machine: Machine, layer: Layer, lengths: Sequence[int], plan: Plan) -> None:
    """Refuse what the rules do not cover."""
    rest = layer.products[1:]
    fused = plan.schedule not in ("sequential", "batch")
    heights = [plan.tile_rows, *(k for k in machine.tile_heights if k < plan.tile_rows)]
    for refused, reason in (
        (plan.schedule not in SCHEDULES, f"no schedule {plan.schedule!r}"),
        (plan.forwarding not in ("barrier", "tilewise"), f"no forwarding {plan.forwarding!r}"),
        (not fused and any(product.passes for product in rest), f"no order {plan.schedule!r} for gates that wait"),
        (
            any(plan.tile_rows < product.gates for product in (layer.products if fused else rest)),
            "a tile needs at least one row for each gate",
        ),
        (any(machine.num_macs % height for height in heights), "a tile height does not divide the number of MACs"),
        (min(lengths, default=0) < 1, "there must be a sequence, and every one needs at least one step"),
    ):
        if refused:
            raise ValueError(reason)


def simulate_layer(machine: Machine, layer: Layer, lengths: Sequence[int], plan: Plan, *, share: float = 0.0) -> Counts:
    """Serve every segment of the layer, all directions; `lengths` has the steps of each sequence, `share` streams."""
    check_arguments(machine, layer, lengths, plan)
    interleaved = plan.schedule == "interleaved"
    groups: list[list[int]] = [list(lengths)]
    if interleaved:
        groups = [[length] for length in sorted(lengths, reverse=True)] * layer.directions
    longest = max(lengths)
    chains = [Chain(index, group, longest, layer.products) for index, group in enumerate(groups)]
    segments = Orders(machine, layer, plan, share, len(lengths)).step()
    engine = Engine(machine, plan, segments)
    for step in range(longest + 1):
        for chain in chains:
            engine.take_turn(chain, step, segments)

    direction = engine.counts
    direction.total = max(chain.out["h"][-1] for chain in chains)
    direction.fill_drain = direction.total - engine.array_free
    direction.check(machine.num_macs)
    counts = Counts(events=direction.events, served=direction.served)
    counts.add(direction, times=1 if interleaved else layer.directions)
    return counts
