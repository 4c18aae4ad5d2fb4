"""The executable specification of layers that multiply only some columns in a step, as delta networks do.

As reference.py and reference_energy.py, which it goes on from, this states the rules once more and shares no code with
what is used elsewhere.

1. In each step a number of elements of x, of h and of what other products give changed. A segment has these columns of
   its operands, side by side, in place of all of them; without any it holds the array for no cycle.
2. Whatever it has, it waits for its vector as in reference.py, and its sums pass the other units.
3. Each sequence and each direction is a run of its own, one after the other.
4. What streams of the weights in every step is that of the columns that changed; the rest is on chip at the start.
5. A row's sum starts with that of the step before: each segment reads a sum for each row, and writes it, two for the
   rows of the gate whose sums stay apart, where it has columns of both.
6. Of every element of x and of what the products give, the reference is read and subtracted, of x also the element;
   of what changed a difference and a reference are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from sharp.kernels.reference import Chain, Counts, Engine, Layer, Machine, Orders, Plan, Segment, shape_of
from sharp.kernels.reference_energy import Actions, CellWork, Extras, count_cells, pass_through

Changed = Mapping[str, Sequence[int]]
"""By vector, how many of its elements changed in each step."""


def cut(machine: Machine, plan: Plan, share: float, segment: Segment, changed: Changed, step: int) -> Segment:
    """A segment with the columns of a step; rule 1."""
    product, shape = segment.product, segment.shape
    x = changed["x"][step - 1] if shape.x_columns else 0
    columns = changed[product.vector][step - 1] if shape.columns else 0
    return segment._replace(shape=shape_of(machine, plan, share, product.apart, shape.rows, x, columns))


def simulate_delta(
    machine: Machine, layer: Layer, chains: Sequence[Changed], plan: Plan, *, share: float = 0.0
) -> Counts:
    """Serve every segment of every run; rules 1 to 4."""
    counts = Counts()
    one_way = Layer(layer.inputs, layer.hidden, layer.products)
    for changed in chains:
        num_steps = len(changed["x"])
        order = Orders(machine, one_way, plan, share, 1).step()
        engine, chain = Engine(machine, plan, order), Chain(0, [num_steps], num_steps, layer.products)
        for step in range(num_steps + 1):
            for segment in order:
                if chain.running[step + segment.ahead]:
                    at = step + segment.ahead
                    engine.serve(chain, at, 1, cut(machine, plan, share, segment, changed, at))
            chain.h_before = chain.out["h"].copy()
        engine.counts.total = chain.out["h"][-1]
        engine.counts.fill_drain = engine.counts.total - engine.array_free
        engine.counts.check(machine.num_macs)
        counts.add(engine.counts)
    return counts


def count_delta(
    machine: Machine, layer: Layer, work: CellWork, chains: Sequence[Changed], plan: Plan, lanes: int, share: float
) -> Actions:
    """What array, units and memories do in all runs, but for what passes the DRAM beside weights; rules 4 to 6."""
    actions = Actions()
    one_way = Layer(layer.inputs, layer.hidden, layer.products)
    for changed in chains:
        num_steps = len(changed["x"])
        for step in range(1, num_steps + 1):
            apart = Fraction()
            for whole in Orders(machine, one_way, plan, 0.0, 1).step():
                segment = cut(machine, plan, 0.0, whole, changed, step)
                tiles = pass_through(machine, lanes, segment.product.apart, segment.shape)
                actions.array_cycles += tiles.cycles
                actions.products += tiles.products
                actions.useful_products += tiles.useful_products
                actions.bank_reads += tiles.bank_reads
                actions.used_bank_reads += tiles.used_bank_reads
                actions.vector_reads += segment.shape.x_columns + segment.shape.columns
                actions.vector_writes += segment.given
                actions.loaded_bytes += (machine.weight_bytes * share) * tiles.useful_products
                actions.sums_kept += segment.shape.rows
                if segment.product.apart and whole.shape.x_columns and whole.shape.columns:
                    apart += Fraction(segment.shape.rows, segment.product.gates)  # one gate of them has two sums
            actions.sums_kept += int(apart)
            encode(actions, layer, changed, step)
        count_cells(actions, one_way, Extras(work), [num_steps])
    return actions


def encode(actions: Actions, layer: Layer, changed: Changed, step: int) -> None:
    """Find out what changed of each vector in a step; rule 6."""
    sizes = {"x": layer.inputs, **{product.gives: product.cells for product in layer.products}}
    for name, size in sizes.items():
        actions.vector_reads += size * (2 if name == "x" else 1)
        actions.elementwise_additions += size
        actions.vector_writes += 2 * changed[name][step - 1]
