"""The executable specification: what a layer does and what that costs, in plain Python, unit by unit.

This file states the rules of book/decisions/0007 once more and shares no code with the modules that are used everywhere
else, so that their agreement means something; the order of the work and its cycles come from the specification beside
it. Counts are those of a layer, all its directions, steps and sequences. It is meant to be read top to bottom:

1. In a cycle of work the array makes M products, useful where a tile has both the row and the column. Each is added
   once, in the tree or the accumulator, and passes two pipeline registers, one behind the multiplier, one the adder.
2. A column tile of K' x N' is K'/L x N' vector-scalar units of L rows and one column, each beside its own bank of the
   weight buffer. A tile reads each bank once, however many sequences pass; a read is used if the unit has a column and
   at least one row to multiply. Weights that come from the DRAM are written to the buffer.
3. Each sequence of a segment reads the segment's columns from the I/H buffer, and each phase of the cell writes what it
   gives there. The updater reads h again for z * h, and for the r * h before the product; a residual reads x
   again and writes the sum.
4. A segment over x alone writes a sum for each row and sequence to the intermediate buffer, to be read once.
5. Each row of a gate is one sigmoid or tanh. The rest is in the equations of the cell, see `CellWork`.
6. The first layer's inputs come from the DRAM, the last one's outputs go there, and both ways goes what passes between
   layers and is more than half of the I/H buffer; each direction reads that for itself, unless they take turns.
   Streamed weights are loaded once, in every step if they do not fit.
7. The controller works in every cycle of the layer, its wait for weights included.
8. In a cycle without work all multipliers, adders and registers of the array take a share of what they do in one.
9. Wires carry every sum of the tree, every element that is read from the I/H buffer, and what every bank gives. The
   clock reaches all registers of the array in every cycle of the layer.
10. Energy is a count times its price, and leakage times the time of the layer. With clock gating padding is free, and
   so are the array, the controller and the clock while the array rests; with power gating the bytes of the weight
   buffer that hold no weights sleep.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise, product
from typing import NamedTuple

from sharp.kernels.reference import Chain, Layer, Machine, Orders, Plan, Segment, Shape, streamed_share
from sharp.kernels.reference_network import chain, simulate_network, steps_of

COMPONENTS = (
    "compute_unit",
    "weight_buffer",
    "io_buffer",
    "cell_state_buffer",
    "intermediate_buffer",
    "mfu",
    "controller",
    "wires",
    "clock",
    "dram",
)


@dataclass
class Actions:
    """How often each action happens; bytes are whole unless an odd number of weights has half a byte each.

    The array works in `array_cycles` of the `total_cycles`; `dram_vectors` are elements of x and h, either way, and
    `held_bytes` are those of the weight buffer that hold weights while the layer runs.
    """

    total_cycles: int = 0
    array_cycles: int = 0
    products: int = 0
    useful_products: int = 0
    bank_reads: int = 0
    used_bank_reads: int = 0
    loaded_bytes: float = 0
    vector_reads: int = 0
    vector_writes: int = 0
    sums_kept: int = 0
    sigmoids: int = 0
    tanhs: int = 0
    elementwise_multiplications: int = 0
    elementwise_additions: int = 0
    state_updates: int = 0
    dram_vectors: int = 0
    held_bytes: float = 0


@dataclass(frozen=True)
class Prices:
    """Picojoules of each action, those of a cycle for all M multipliers; then watts.

    `leakage` is by component, nothing for one that is not there; `asleep_weight_buffer` is for the whole buffer.
    """

    multiply: float
    add: float
    product_registers: float
    idle_cycle: float
    bank_read: float
    weight_byte_written: float
    vector_read: float
    vector_write: float
    sum_read: float
    sum_write: float
    sigmoid: float
    tanh: float
    elementwise_multiply: float
    elementwise_add: float
    state_read: float
    state_write: float
    dram_byte: float
    controller_cycle: float
    sum_carried: float
    vector_carried: float
    bank_carried: float
    clock_cycle: float
    leakage: Mapping[str, float]
    asleep_weight_buffer: float


class Pass(NamedTuple):
    """What one passage through all column tiles of a segment does, for one sequence."""

    cycles: int
    products: int
    useful_products: int
    bank_reads: int
    used_bank_reads: int


class CellWork(NamedTuple):
    """What one cell does in one step of one sequence; the tanh of an LSTM's c is not that of a gate.

    Values that are `unchanged` pass the activation unit and nothing is done to them.
    """

    sigmoids: int
    tanhs: int
    multiplications: int
    additions: int
    state_tanhs: int = 0
    state_updates: int = 0
    h_reads: int = 0
    unchanged: int = 0


class Extras(NamedTuple):
    """What a layer has that costs no cycles: the work of its cells, and what is added to its output.

    That may be its input (`residual`), and of two directions the one to the other (`merged`).
    """

    work: CellWork
    residual: bool = False
    merged: bool = False


def column_tiles(shape: Shape, apart: bool) -> Iterator[list[bool]]:
    """For each column tile, which of its N' columns the segment has; if `apart`, x and the vector share no tile."""
    x, others = shape.x_columns, shape.columns
    for columns in (x, others) if apart else (x + others,):
        for first in range(0, columns, shape.width):
            yield [column < columns for column in range(first, first + shape.width)]


def rows_of_units(height: int, lanes: int, rows: int) -> list[int]:
    """For each unit along the height of a tile, how many of its L rows are rows of the segment."""
    if height % lanes:
        raise ValueError("the multipliers of a vector-scalar unit do not divide a tile height")
    return [sum(row < rows for row in range(first, first + lanes)) for first in range(0, height, lanes)]


def pass_through(machine: Machine, lanes: int, apart: bool, shape: Shape) -> Pass:
    """Visit every vector-scalar unit of every column tile."""
    cycles = products = useful = reads = used = 0
    units = rows_of_units(machine.num_macs // shape.width, lanes, shape.rows)
    for columns in column_tiles(shape, apart):
        cycles += 1
        for has_column, rows in product(columns, units):
            products += lanes
            reads += 1
            if has_column and rows:
                useful += rows
                used += 1
    return Pass(cycles, products, useful, reads, used)


def issued(machine: Machine, layer: Layer, plan: Plan, lengths: Sequence[int]) -> Iterator[tuple[Segment, int]]:
    """Every segment that the array is given, as often as it is, with the number of sequences that pass.

    What is issued ahead counts for the step that it works for. The order of chains and segments does not matter here.
    """
    groups = [[length] for length in lengths] if plan.schedule == "interleaved" else [list(lengths)]
    segments = Orders(machine, layer, plan, 0.0, len(lengths)).step()
    longest = max(lengths)
    for _direction, group in product(range(layer.directions), groups):
        chain = Chain(0, group, longest, layer.products)
        for step, segment in product(range(longest + 1), segments):
            if batch := chain.running[step + segment.ahead]:
                yield segment, batch


def count_segments(machine: Machine, layer: Layer, plan: Plan, lengths: Sequence[int], lanes: int) -> Actions:
    """What the array, its memories and the writes of what the cells give do; rules 1 to 4."""
    tiles_of = cache(partial(pass_through, machine, lanes))
    actions = Actions()
    for segment, batch in issued(machine, layer, plan, lengths):
        shape, tiles = segment.shape, tiles_of(segment.product.apart, segment.shape)
        actions.array_cycles += batch * tiles.cycles
        actions.products += batch * tiles.products
        actions.useful_products += batch * tiles.useful_products
        actions.bank_reads += tiles.bank_reads
        actions.used_bank_reads += tiles.used_bank_reads
        actions.vector_reads += batch * (shape.x_columns + shape.columns)
        actions.vector_writes += batch * segment.given
        if not segment.complete:
            actions.sums_kept += batch * shape.rows
    return actions


def lstm_work(peephole: bool = False) -> CellWork:
    """Count what the equations ask for, beside the sums W x and U h; `s` is the sigmoid here and below."""
    # i = s(W_i x + U_i h + b_i), f = s(W_f x + U_f h + b_f), o = s(W_o x + U_o h + b_o)   3 additions
    # g = tanh(W_g x + U_g h + b_g)                                                        1 addition
    # c = f * c + i * g                                                   2 multiplications, 1 addition
    # h = o * tanh(c)                                                     1 multiplication
    # The i and f of a peephole add P * c of the step before, o that of this one: 3 multiplications, 3 additions.
    more = 3 if peephole else 0
    return CellWork(3, 1, multiplications=2 + 1 + more, additions=3 + 1 + 1 + more, state_tanhs=1, state_updates=1)


def gru_work(linear_before_reset: bool = True) -> CellWork:
    """As `lstm_work`, in both forms."""
    # r = s(W_r x + U_r h + b_r), z = s(W_z x + U_z h + b_z)                               2 additions
    # h = (1 - z) * n + z * h                                             2 multiplications, 2 additions, reads h
    if linear_before_reset:
        # n = tanh((W_n x + b_n) + r * (U_n h + b_m))                     1 multiplication, 3 additions
        return CellWork(2, 1, multiplications=1 + 2, additions=2 + 3 + 2, h_reads=1)
    # n = tanh(W_n x + U_n (r * h) + b_n)                                 1 multiplication, 1 addition, reads h
    return CellWork(2, 1, multiplications=1 + 2, additions=2 + 1 + 2, h_reads=2)


def rnn_work() -> CellWork:
    """As `lstm_work`."""
    # h = tanh(W x + U h + b)                                             1 addition
    return CellWork(0, 1, multiplications=0, additions=1)


def dense_work(activation: str) -> CellWork:
    """As `lstm_work`; a linear one does not pass the activation unit, a rectifier passes it unchanged."""
    # y = f(W x + b)                                                      1 addition
    is_one = {name: int(activation == name) for name in ("sigmoid", "tanh", "relu")}
    return CellWork(is_one["sigmoid"], is_one["tanh"], multiplications=0, additions=1, unchanged=is_one["relu"])


def count_cells(actions: Actions, layer: Layer, extras: Extras, lengths: Sequence[int]) -> None:
    """Add what the activation units and the cell updater do; rule 5 and what they read again of rule 3."""
    work = extras.work
    for length in lengths:
        for _step, _direction in product(range(length), range(layer.directions)):
            actions.sigmoids += layer.hidden * work.sigmoids
            actions.tanhs += layer.hidden * (work.tanhs + work.state_tanhs)
            actions.elementwise_multiplications += layer.hidden * work.multiplications
            actions.elementwise_additions += layer.hidden * work.additions
            actions.state_updates += layer.hidden * work.state_updates
            actions.vector_reads += layer.hidden * work.h_reads
        added = layer.outputs * (1 if extras.merged else layer.directions)
        for _step, _sum in product(range(length), range(extras.residual + extras.merged)):  # h + x, h + h
            actions.elementwise_additions += added
            actions.vector_reads += added
            actions.vector_writes += added


def check_activations(
    actions: Actions, work: CellWork, machine: Machine, layer: Layer, plan: Plan, lengths: Sequence[int]
) -> None:
    """The segments send to the activation units just the rows that the equations activate, but for an LSTM's c."""
    served = issued(machine, layer, plan, lengths)
    rows = sum(batch * segment.shape.rows for segment, batch in served if segment.complete and segment.product.passes)
    others = layer.directions * sum(lengths) * layer.hidden * (work.unchanged - work.state_tanhs)
    assert rows == actions.sigmoids + actions.tanhs + others, (rows, actions)


def count_loads(machine: Machine, layer: Layer, plan: Plan, lengths: Sequence[int]) -> float:
    """Bytes of weights that a streamed layer loads: those that stay on chip once, the others with every segment."""
    share = streamed_share(machine, [layer], plan.tile_rows)
    size = layer.weights * machine.weight_bytes
    if not share:
        return size
    shapes = (segment.shape for segment, _ in issued(machine, layer, plan, lengths))
    passing = sum(shape.rows * (shape.x_columns + shape.columns) for shape in shapes)
    return size - math.ceil(size * share) + passing * (machine.weight_bytes * share)


def count_passing(
    counted: list[Actions],
    machine: Machine,
    layers: Sequence[Layer],
    lengths: Sequence[int],
    plans: Sequence[Plan],
    outputs: int,
    io_buffer_bytes: int,
) -> None:
    """Add what goes to the DRAM below and above each layer, through the I/H buffer; rule 6."""
    boundaries = [layer.inputs for layer in layers] + [outputs]
    for level, size in enumerate(boundaries):
        elements = size * sum(lengths)
        fits = elements * machine.weight_bytes <= io_buffer_bytes / 2
        if level > 0 and (not fits or level == len(layers)):
            to_dram(counted[level - 1], elements)
        if level < len(layers) and (not fits or level == 0):
            passes = 1 if fits or plans[level].schedule == "interleaved" else layers[level].directions
            for _pass in range(passes):
                from_dram(counted[level], elements)


def from_dram(actions: Actions, elements: int) -> None:
    """Read elements of the DRAM and write them to the I/H buffer."""
    actions.dram_vectors += elements
    actions.vector_writes += elements


def to_dram(actions: Actions, elements: int) -> None:
    """Read elements of the I/H buffer and write them to the DRAM."""
    actions.dram_vectors += elements
    actions.vector_reads += elements


def count_network(
    machine: Machine,
    layers: Sequence[Layer],
    extras: Sequence[Extras],
    lengths: Sequence[int],
    plans: Sequence[Plan],
    weights: str,
    lanes_per_unit: int,
    io_buffer_bytes: int,
) -> list[Actions]:
    """Count the actions of each layer, the weights "resident" or "streamed"; what is streamed shares the buffer."""
    # No layer changes what those below it do: how long one takes is how much longer the network is with it.
    each = steps_of(chain(len(layers)), lengths)
    ends = [simulate_network(machine, layers[:n], each[:n], plans[:n], weights).total for n in range(len(layers) + 1)]
    streamed = weights == "streamed"
    counted = []
    for layer, extra, plan, (start, end) in zip(layers, extras, plans, pairwise(ends), strict=True):
        actions = count_segments(machine, layer, plan, lengths, lanes_per_unit)
        count_cells(actions, layer, extra, lengths)
        check_activations(actions, extra.work, machine, layer, plan, lengths)
        actions.total_cycles = end - start
        actions.loaded_bytes = count_loads(machine, layer, plan, lengths) if streamed else 0
        held = sum(other.weights for other in (layers if streamed else [layer])) * machine.weight_bytes
        actions.held_bytes = min(held, machine.weight_buffer_bytes)
        counted.append(actions)
    outputs = layers[-1].outputs * (1 if extras[-1].merged else layers[-1].directions)
    count_passing(counted, machine, layers, lengths, plans, outputs, io_buffer_bytes)
    return counted


def energy(
    actions: Actions,
    machine: Machine,
    prices: Prices,
    clock_hz: float,
    *,
    clock_gating: bool = False,
    power_gating: bool = False,
) -> dict[str, tuple[float, float]]:
    """Joules of each component, dynamic and static; rules 7 to 10."""
    multiplied = actions.useful_products if clock_gating else actions.products
    banks = actions.used_bank_reads if clock_gating else actions.bank_reads
    clocked = actions.array_cycles if clock_gating else actions.total_cycles
    idle = 0 if clock_gating else actions.total_cycles - actions.array_cycles
    picojoules = {
        "compute_unit": multiplied * (prices.multiply + prices.add + prices.product_registers)
        + idle * prices.idle_cycle,
        "weight_buffer": banks * prices.bank_read + actions.loaded_bytes * prices.weight_byte_written,
        "io_buffer": actions.vector_reads * prices.vector_read + actions.vector_writes * prices.vector_write,
        "cell_state_buffer": actions.state_updates * (prices.state_read + prices.state_write),
        "intermediate_buffer": actions.sums_kept * (prices.sum_read + prices.sum_write),
        "mfu": actions.sigmoids * prices.sigmoid
        + actions.tanhs * prices.tanh
        + actions.elementwise_multiplications * prices.elementwise_multiply
        + actions.elementwise_additions * prices.elementwise_add,
        "controller": clocked * prices.controller_cycle,
        "wires": multiplied * prices.sum_carried
        + actions.vector_reads * prices.vector_carried
        + banks * prices.bank_carried,
        "clock": clocked * prices.clock_cycle,
        "dram": (actions.loaded_bytes + actions.dram_vectors * machine.weight_bytes) * prices.dram_byte,
    }
    watts = {component: prices.leakage.get(component, 0.0) for component in COMPONENTS}
    if power_gating:
        awake = actions.held_bytes / machine.weight_buffer_bytes
        watts["weight_buffer"] = awake * watts["weight_buffer"] + (1 - awake) * prices.asleep_weight_buffer
    seconds = actions.total_cycles / clock_hz
    return {component: (picojoules[component] * 1e-12, watts[component] * seconds) for component in COMPONENTS}
