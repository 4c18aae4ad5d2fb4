"""A lane of the activation unit: a sum, its bias, then tanh or the sigmoid by the table."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sharp.rtl.arithmetic.add import add
from sharp.rtl.arithmetic.floats import SINGLE, named
from sharp.rtl.generator.pipes import delayed
from sharp.rtl.generator.units.table import looked_up
from sharp.values.activations import LineTable


class ActivationLane(wiring.Component):
    """fp32 in, fp16 out, `cycles` later."""

    def __init__(self, table: LineTable, cycles: int) -> None:
        self.table, self.cycles = table, cycles
        super().__init__({"sum": In(32), "bias": In(32), "is_tanh": In(1), "value": Out(16)})

    def elaborate(self, platform: object) -> Module:
        """The circuit."""
        m = Module()
        m.submodules.bias = adder = Module()
        m.submodules.table = table = Module()
        biased = named(m, "biased", add(adder, self.sum, self.bias, SINGLE))
        value = looked_up(table, biased, self.is_tanh, self.table)
        m.d.comb += self.value.eq(delayed(m, value, self.cycles, "value"))
        return m
