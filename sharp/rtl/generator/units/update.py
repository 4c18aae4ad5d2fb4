"""A lane of the cell updater: the gates of a cell and its state in, its new state and h out."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sharp.rtl.arithmetic.add import add
from sharp.rtl.arithmetic.convert import convert
from sharp.rtl.arithmetic.floats import HALF, SINGLE, named
from sharp.rtl.arithmetic.multiply import multiply
from sharp.rtl.generator.pipes import delayed
from sharp.rtl.generator.units.table import looked_up
from sharp.values.activations import LineTable


class UpdateLane(wiring.Component):
    """``c = f * c + i * g`` in fp32, kept in fp16; ``h = o * tanh(c)`` in fp16; both `cycles` later.

    Gates come in the order i, f, g, o. Products of two fp16 numbers are exact in fp32.
    """

    def __init__(self, table: LineTable, cycles: int) -> None:
        self.table, self.cycles = table, cycles
        super().__init__({"gates": In(64), "state": In(16), "new_state": Out(16), "h": Out(16)})

    def elaborate(self, platform: object) -> Module:
        """The circuit."""
        m = Module()
        i, f, g, o = (self.gates.word_select(place, 16) for place in range(4))
        kept = _product(m, "kept", f, self.state)
        added = _product(m, "added", i, g)
        m.submodules.sum = adder = Module()
        m.submodules.narrow = narrow = Module()
        m.submodules.tanh = tanh = Module()
        c = named(m, "c", add(adder, kept, added, SINGLE))
        state = convert(narrow, c, SINGLE, HALF)
        squashed = named(m, "squashed", looked_up(tanh, c, Const(1, 1), self.table))
        m.submodules.out = out = Module()
        h = multiply(out, o, squashed, (HALF, HALF), HALF)
        m.d.comb += [
            self.new_state.eq(delayed(m, state, self.cycles, "state")),
            self.h.eq(delayed(m, h, self.cycles, "h")),
        ]
        return m


def _product(m: Module, name: str, a: Value, b: Value) -> Value:
    m.submodules[name] = part = Module()
    return named(m, name, multiply(part, a, b, (HALF, HALF), SINGLE))
