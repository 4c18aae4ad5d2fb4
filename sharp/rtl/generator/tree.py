"""R-Add-Reduce: the tree over the vector-scalar units, with a tap at every level that is the root of a tile height."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from sharp.rtl.generator.emitted import Parts
from sharp.rtl.generator.pipes import delayed
from sharp.rtl.generator.sizes import Sizes


def reduced(m: Module, parts: Parts, sizes: Sizes, products: list[Value], levels: Value) -> list[Value]:
    """The sums of a tile of each height; parameters as of `tapped`."""

    def node(left: Value, right: Value, name: str) -> Value:
        sums = Signal(32 * sizes.lanes, name=name)
        parts.place(m, "adder_row", f"{name}_adders", left=left, right=right, sums=sums)
        return sums

    return tapped(m, sizes, products, levels, node)


def tapped(
    m: Module, sizes: Sizes, products: list[Value], levels: Value, node: Callable[[Value, Value, str], Value]
) -> list[Value]:
    """What a tile of each height has at its roots, as vectors of its rows, all as long after the products.

    A tile of height ``lanes << s`` has its roots s levels below that of the flattest one. What comes out there waits
    until the layer's deepest tile would be out, `levels` after the products.

    Parameters
    ----------
    m : Module
    sizes : Sizes
    products : list of Value
        Of each unit, neighbours next to each other.
    levels : Value
        Of the layer's deepest tile.
    node : callable
        Of a left and a right neighbour and a name: what is made of them, ``sizes.add`` cycles later.
    """
    nodes, taps = products, []
    for level in range(sizes.levels + 1):
        doublings = sizes.levels - level
        if doublings < sizes.shapes:
            taps.append(_waiting(m, sizes, named_vector(m, nodes, f"tap_{doublings}"), doublings, levels))
        pairs = zip(nodes[0::2], nodes[1::2], strict=False)
        nodes = [node(left, right, f"node_{level}_{place}") for place, (left, right) in enumerate(pairs)]
    return taps[::-1]


def named_vector(m: Module, nodes: list[Value], name: str) -> Signal:
    """The vectors of some nodes as one."""
    vector = Signal(sum(len(node) for node in nodes), name=name)
    m.d.comb += vector.eq(Cat(nodes))
    return vector


def _waiting(m: Module, sizes: Sizes, vector: Value, doublings: int, levels: Value) -> Value:
    """A tap's vector when a result of `levels` is due: as many levels later as it has fewer than that."""
    due = vector
    for more in range(1, doublings + 1):
        vector = delayed(m, vector, sizes.add, f"tap_{doublings}_waits_{more}")
        due = Mux(levels >= sizes.levels - doublings + more, vector, due)
    return due
