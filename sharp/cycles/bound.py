"""A bound for every schedule: cycles that no order of a layer's segments can beat on a machine, and what sets it.

Under the barrier, whatever the order, the tile heights and the grouping of sequences and directions into chains, a
layer takes at least what each unit needs for its whole work, and at least what the steps need one after the other: no
product with h_{t-1} starts before all of h_{t-1} is out. The book proves it (page "A bound for every schedule").

The arithmetic works on Python integers, exact at any size, and on arrays of integers for many layers at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sharp.cycles.mapping import fits_weight_buffer
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.units import cycles_from_bytes
from sharp.workload.cell import UPDATES, Phase
from sharp.workload.network import RNNLayer
from sharp.workload.sequences import Sequences

Integer = Any
"""An int, or a NumPy array of integers: one of each layer."""

LIMITS = ("array", "tail", "activation lanes", "updater", "DRAM")
"""What can bind a layer: the array's whole work, the tail of every step (products with h, then the way of the last
tile to h), the lanes of the activation unit, those of the cell updater, or the bandwidth of the DRAM."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Cycles that no order of the segments takes fewer than, and what sets them.

    Examples
    --------
    >>> import sharp
    >>> from sharp.cycles.bound import bound_layer
    >>> machine = sharp.find_accelerator("sharp").with_macs("64K")
    >>> layer, sequences = sharp.RNNLayer(input_size=512, hidden_size=512), sharp.Sequences.equal(25)
    >>> bound = bound_layer(layer, sequences, machine, machine.plan)
    >>> bound.cycles, bound.binding
    (1925, 'activation lanes')
    """

    cycles: int
    """Of a layer the greatest of its limits, of layers one after the other the sum of theirs."""
    limits: Mapping[str, int]
    """Of a layer the least cycles by each of `LIMITS` that applies; of layers the cycles of those that each binds."""

    @property
    def binding(self) -> str:
        """Which of `LIMITS` binds, of layers that which binds most of their cycles; the first of equal ones."""
        return max(self.limits, key=self.limits.__getitem__)


def sum_bounds(bounds: Iterable[Bound]) -> Bound:
    """The bound of layers that run one after the other: their bounds' sum, by what binds each of them."""
    limits: dict[str, int] = {}
    for bound in bounds:
        limits[bound.binding] = limits.get(bound.binding, 0) + bound.cycles
    return Bound(limits=limits, cycles=sum(limits.values()))


class Units(NamedTuple):
    """The machine as the bound sees it, each number at its best over the tile heights; integers or arrays."""

    num_macs: Integer
    activation_lanes: Integer
    update_lanes: Integer
    mvm: Integer
    """Cycles from the last tile to the sums, those of the shallowest tree that serves all segments of a layer."""
    activation: Integer
    updates: Mapping[str, Integer]
    """Cycles of an update by the name of its latency."""


class Product(NamedTuple):
    """A phase of a layer in numbers."""

    phase: Phase
    cells: Integer
    inputs: Integer
    """Columns of x."""
    columns: Integer
    """Columns of the vector that a row multiplies."""

    @property
    def rows(self) -> Integer:
        """Rows of all gates."""
        return len(self.phase.gates) * self.cells


def bound_layer(
    layer: RNNLayer, sequences: Sequences, accelerator: Accelerator, plan: Plan, *, together: bool = False
) -> Bound:
    """Least cycles of a layer, all directions and sequences, in any order on a machine.

    Parameters
    ----------
    layer : RNNLayer
    sequences : Sequences
    accelerator : Accelerator
    plan : Plan
        Of which only reconfiguration, the forwarding of h and the place of the weights count: the bound is over all
        schedules and tile heights.
    together : bool
        Bound only the orders that take each step of all sequences together, and directions one after the other, as all
        of ours do but ``interleaved``; else those, too, in which directions and sequences take turns.

    Returns
    -------
    Bound
        Where weights are streamed and the layer does not fit, the DRAM is among the limits; the load of a layer that
        fits is not in it.
    """
    products = [
        Product(
            phase,
            layer.size(phase.size),
            layer.input_size if phase.reads_x else 0,
            layer.num_operands(phase) if phase.operand else 0,
        )
        for phase in layer.phases
    ]
    directions, tilewise = layer.num_directions, plan.forwarding == "tilewise"
    spans = sequences.spans if together else ((1, sequences.num_steps),)
    total_steps = sequences.total_steps * (1 if together else directions)
    units = units_of(accelerator, tallest_of_all(accelerator, products) if plan.reconfiguration else None)
    limits = least_cycles(products, units, spans, total_steps, tilewise=tilewise)
    limits = {name: cycles * (directions if together else 1) for name, cycles in limits.items()}
    if plan.weights != "resident" and not fits_weight_buffer(layer, accelerator):
        missing = layer.num_weights * accelerator.weight_bytes - accelerator.weight_buffer.capacity_bytes
        limits["DRAM"] = cycles_from_bytes(sequences.num_steps * missing, accelerator.dram_bytes_per_cycle)
    return Bound(limits=limits, cycles=max(limits.values()))


def tallest_of_all(accelerator: Accelerator, products: Iterable[Product]) -> int:
    """The tallest tile that the smallest segment of a layer can have, however its rows are cut.

    R rows make at least ``m = ceil(R / K)`` segments of at most K rows, one of which has no more than ``R // m``. It
    takes the smallest tile that holds them, and the sums of all segments take as long as its own.
    """
    parts = [product.rows // product.phase.parts for product in products]
    rows = min(part // _ceil(part, accelerator.tile_rows[-1]) for part in parts)
    return next(height for height in accelerator.tile_rows if height >= rows)


def units_of(accelerator: Accelerator, smallest_tile: int | None = None) -> Units:
    """The units of a machine, the updater's lanes those of the tallest tile, the tree that of the smallest in use."""
    tallest = accelerator.tile_rows[-1]
    return Units(
        num_macs=accelerator.num_macs,
        activation_lanes=accelerator.activation_lanes,
        update_lanes=accelerator.update_lanes(tallest),
        mvm=accelerator.mvm_cycles(smallest_tile or tallest),
        activation=accelerator.cycles("activation_ns"),
        updates={name: accelerator.cycles(name) for name in UPDATES},
    )


def least_cycles(
    products: list[Product],
    units: Units,
    spans: Iterable[tuple[Integer, Integer]],
    total_steps: Integer,
    *,
    tilewise: bool = False,
) -> dict[str, Any]:
    """Least cycles of a layer by each of `LIMITS` but the DRAM.

    A product p has g_p gates, n_p cells, X_p columns of x and V_p of a vector; its way from the last tile to the vector
    that it gives takes

    ``way_p(r, n) = L_mvm + ceil(r / W_a) + passes_p * L_a + ceil(n / W_c) + L_c``

    where r rows enter the activation unit and n cells the updater, each with its latency where p's values pass the
    unit, else without. Over the products from h to h, one after the other in each of T steps of B sequences, and S
    sequence steps in total::

        array       ceil(S * sum g_p n_p (X_p + V_p) / M) + way of the last product (1, 1)
        tail        T * sum (ceil(B g_p n_p V_p / M) + way_p(1, 1))
        activation  T * sum (1 + way_p(B g_p n_p, 1)), and 1 + the shortest way of all rows of all S steps
        updater     T * sum (1 + way_p(1, B n_p)), and 1 + the shortest way of all cells of all S steps

    Parameters
    ----------
    products : list of Product
        In the order of the cell; integers, or arrays of one shape.
    units : Units
    spans : iterable of (int, int) or of (array, array)
        Sequences B that take a step together, and steps T, one after the other.
    total_steps : int or array
        S.
    tilewise : bool
        Whether column tiles wait for their own elements of h alone: then only the last of them comes after all of h.
    """
    last, from_h = products[-1], _from_h_to_h(products)
    all_macs = total_steps * sum(p.rows * (p.inputs + p.columns) for p in products)
    limits = {
        "array": _ceil(all_macs, units.num_macs) + _way(last, units),
        "activation lanes": _all_at_once(products, units, total_steps, "activated"),
        "updater": _all_at_once(products, units, total_steps, "updated"),
    }
    tails = activated = updated = all_steps = 0
    for batch, steps in spans:
        all_steps += steps
        for p in from_h:
            early = tilewise and p.phase.operand == "h"
            parts = p.phase.parts if early else 1  # only one part's rows surely wait for the last element of h
            tails += steps * ((1 if early else _ceil(batch * p.rows * p.columns, units.num_macs)) + _way(p, units))
            activated += steps * (1 + _way(p, units, activated=batch * p.rows // parts))
            updated += steps * (1 + _way(p, units, updated=batch * p.cells // parts))
    if last.phase.update and not from_h:  # h comes from its own cells of the step before, if from nothing else
        updated = 1 + _way(last, units) + (all_steps - 1) * (1 + units.updates[last.phase.update])
    return limits | {
        "tail": tails,
        "activation lanes": _greatest(limits["activation lanes"], activated),
        "updater": _greatest(limits["updater"], updated),
    }


def _way(product: Product, units: Units, activated: Integer = 1, updated: Integer = 1) -> Integer:
    """Cycles from the last tile of a product to the vector that it gives, so many values entering each unit."""
    phase, way = product.phase, units.mvm
    if phase.activation_passes:
        way = way + _ceil(activated, units.activation_lanes) + phase.activation_passes * units.activation
    if phase.update:
        way = way + _ceil(updated, units.update_lanes) + units.updates[phase.update]
    return way


def _all_at_once(products: list[Product], units: Units, total_steps: Integer, entering: str) -> Integer:
    """Least cycles in which all values of all steps enter a unit ("activated" or "updated"); 0 where none does."""
    through = [p for p in products if (p.phase.activation_passes if entering == "activated" else p.phase.update)]
    values = total_steps * sum(p.rows if entering == "activated" else p.cells for p in through)
    ways = [_way(p, units, **{entering: values}) for p in through]
    return 1 - _greatest(*(-way for way in ways)) if ways else 0


def _from_h_to_h(products: list[Product]) -> list[Product]:
    """The products on the way from h of the step before to h; none where h does not come from it."""
    by_vector = {product.phase.gives: product for product in products}
    way = [products[-1]]
    while way[0].phase.operand not in ("", "h"):
        way.insert(0, by_vector[way[0].phase.operand])
    return way if way[0].phase.operand == "h" else []


def _ceil(amount: Integer, by: Integer) -> Integer:
    return -(-amount // by)


def _greatest(*numbers: Integer) -> Integer:
    if all(isinstance(number, int) for number in numbers):
        return max(numbers)
    import numpy as np

    greatest: Integer = np.max(np.broadcast_arrays(*numbers), axis=0)
    return greatest
