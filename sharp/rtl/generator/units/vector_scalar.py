"""The vector-scalar unit: a scalar of x or h times a weight in each of its lanes."""

from __future__ import annotations

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sharp.rtl.arithmetic.floats import HALF, SINGLE
from sharp.rtl.arithmetic.multiply import multiply
from sharp.rtl.generator.pipes import delayed


class VectorScalarUnit(wiring.Component):
    """`lanes` fp16 multipliers that share one operand; the products are fp32, and exact, `cycles` later."""

    def __init__(self, lanes: int, cycles: int) -> None:
        self.lanes, self.cycles = lanes, cycles
        super().__init__({"scalar": In(16), "weights": In(16 * lanes), "products": Out(32 * lanes)})

    def elaborate(self, platform: object) -> Module:
        """The circuit."""
        m = Module()
        products = []
        for lane in range(self.lanes):
            m.submodules[f"lane_{lane}"] = part = Module()
            weight = self.weights.word_select(lane, 16)
            products.append(multiply(part, weight, self.scalar, (HALF, HALF), SINGLE))
        m.d.comb += self.products.eq(delayed(m, Cat(products), self.cycles, "products"))
        return m
