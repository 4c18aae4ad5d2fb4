"""A node of the reduction tree, and the accumulators behind it: fp32 adders, one in each lane."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sharp.rtl.arithmetic.add import add
from sharp.rtl.arithmetic.floats import SINGLE
from sharp.rtl.generator.pipes import delayed


class AdderRow(wiring.Component):
    """A node of the tree: the sums of two vectors, lane by lane, `cycles` later."""

    def __init__(self, lanes: int, cycles: int) -> None:
        self.lanes, self.cycles = lanes, cycles
        super().__init__({"left": In(32 * lanes), "right": In(32 * lanes), "sums": Out(32 * lanes)})

    def elaborate(self, platform: object) -> Module:
        """The circuit."""
        m = Module()
        sums = []
        for lane in range(self.lanes):
            m.submodules[f"lane_{lane}"] = part = Module()
            sums.append(add(part, self.left.word_select(lane, 32), self.right.word_select(lane, 32), SINGLE))
        m.d.comb += self.sums.eq(delayed(m, Cat(sums), self.cycles, "sums"))
        return m


class AccumulatorRow(wiring.Component):
    """Sums of rows that grow by a tile a cycle: a tile's sums, added to what there is unless it is the first.

    The results are there within the cycle; where they are kept is the machine's.
    """

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        ports = {"tile": In(32 * lanes), "so_far": In(32 * lanes), "first": In(1), "sums": Out(32 * lanes)}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """The circuit."""
        m = Module()
        sums = []
        for lane in range(self.lanes):
            m.submodules[f"lane_{lane}"] = part = Module()
            tile = self.tile.word_select(lane, 32)
            sums.append(Mux(self.first, tile, add(part, self.so_far.word_select(lane, 32), tile, SINGLE)))
        m.d.comb += self.sums.eq(Cat(sums))
        return m
