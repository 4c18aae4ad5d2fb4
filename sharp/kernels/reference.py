"""The executable specification: a layer of LSTM cells on the array, in plain Python, segment by segment.

This file states the rules once more and shares no code with the schedules, the mapping and the Cython core that are
used everywhere else, so that their agreement means something. It is meant to be read top to bottom:

1. time is in whole cycles; array, activation unit and cell updater each serve the segments in the order issued;
2. a segment of r rows and C columns takes ``ceil(C / N')`` array cycles on a tile of K' x N', N' = M / K';
3. its sums are out L_mvm cycles after its last tile; ``ceil(r / W_a)`` activation cycles and L_a later the values are
   out; ``ceil(n / W_c)`` update cycles and L_c later the h of its n cells are out;
4. a segment with h columns starts when all of h of the step before is out, not earlier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

NUM_GATES = 4


@dataclass(frozen=True)
class Machine:
    """The numbers of the machine, latencies in cycles."""

    num_macs: int
    tile_heights: tuple[int, ...]
    activation_lanes: int
    rows_per_update_lane: int
    multiply: int
    add: int
    accumulate: int
    activation: int
    update: int


@dataclass(frozen=True)
class Segment:
    """Rows and columns of a segment, the cells updated after it, and the time step it works for."""

    rows: int
    columns: int
    has_h: bool
    updated_cells: int
    step: int


@dataclass
class Counts:
    """The total and its split, in multiplier-cycles (the first three) and cycles, with the events in order.

    An event is (step, array start and end, activation start and end, update start and end), -1 where it did not go.
    """

    useful: int = 0
    column_padding: int = 0
    row_padding: int = 0
    dependency_stall: int = 0
    fill_drain: int = 0
    total: int = 0
    events: list[tuple[int, int, int, int, int, int, int]] = field(default_factory=list)


def blocks(size: int, block: int) -> Iterator[int]:
    """Sizes of the blocks that cover `size`: full ones, then what remains."""
    while size > 0:
        yield min(size, block)
        size -= block


def order(schedule: str, hidden: int, inputs: int, tile_rows: int, steps: int) -> Iterator[Segment]:
    """All segments of a layer in the order of issue."""
    fused = max(1, tile_rows // NUM_GATES)
    if schedule == "unfolded":
        yield from ahead(hidden, inputs, fused, step=1)
    for step in range(1, steps + 1):
        if schedule == "sequential":
            for gate in range(NUM_GATES):
                left = hidden
                for rows in blocks(hidden, tile_rows):
                    left -= rows
                    last = gate == NUM_GATES - 1 and left == 0
                    yield Segment(rows, inputs + hidden, True, hidden if last else 0, step)
        elif schedule == "batch":
            for rows in blocks(hidden, tile_rows):
                for gate in range(NUM_GATES):
                    yield Segment(rows, inputs + hidden, True, rows if gate == NUM_GATES - 1 else 0, step)
        elif schedule == "intergate":
            for cells in blocks(hidden, fused):
                yield Segment(NUM_GATES * cells, inputs + hidden, True, cells, step)
        elif schedule == "unfolded":
            for cells in blocks(hidden, fused):
                yield Segment(NUM_GATES * cells, hidden, True, cells, step)
            if step < steps:
                yield from ahead(hidden, inputs, fused, step=step + 1)
        else:
            raise ValueError(f"no schedule {schedule!r}")


def ahead(hidden: int, inputs: int, fused: int, step: int) -> Iterator[Segment]:
    """The input product of a step: its sums stay in the intermediate buffer until the h columns come."""
    for cells in blocks(hidden, fused):
        yield Segment(NUM_GATES * cells, inputs, False, 0, step)


def simulate(
    machine: Machine, schedule: str, hidden: int, inputs: int, steps: int, tile_rows: int, reconfiguration: bool
) -> Counts:
    """Serve every segment of the layer and account for every multiplier in every cycle."""
    tree_levels = (machine.num_macs // tile_rows - 1).bit_length()  # ceil(log2 N)
    mvm = machine.multiply + machine.add * tree_levels + machine.accumulate
    update_lanes = max(1, tile_rows // machine.rows_per_update_lane)

    counts = Counts()
    array_free = activation_free = update_free = 0
    h_out = {0: 0}  # step -> cycle at which all of its h is out
    for segment in order(schedule, hidden, inputs, tile_rows, steps):
        height = tile_rows
        if reconfiguration and segment.rows < tile_rows:
            height = min(k for k in machine.tile_heights if segment.rows <= k <= tile_rows)
        width = machine.num_macs // height
        tiles = -(-segment.columns // width)

        start = max(array_free, h_out[segment.step - 1]) if segment.has_h else array_free
        counts.dependency_stall += start - array_free
        array_free = start + tiles
        event = [segment.step, start, array_free, -1, -1, -1, -1]

        counts.useful += segment.rows * segment.columns
        counts.column_padding += segment.rows * (tiles * width - segment.columns)
        counts.row_padding += (height - segment.rows) * tiles * width

        if segment.has_h:
            activation_start = max(activation_free, array_free + mvm)
            activation_free = activation_start + -(-segment.rows // machine.activation_lanes)
            event[3:5] = activation_start, activation_free
        if segment.updated_cells:
            update_start = max(update_free, activation_free + machine.activation)
            update_free = update_start + -(-segment.updated_cells // update_lanes)
            event[5:7] = update_start, update_free
            h_out[segment.step] = update_free + machine.update
        counts.events.append((event[0], event[1], event[2], event[3], event[4], event[5], event[6]))

    counts.total = h_out[steps]
    counts.fill_drain = counts.total - array_free
    return counts
