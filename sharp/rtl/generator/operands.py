"""The buffers of x and h, and the run of columns that a tile takes from them."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.memory import Memory

from sharp.rtl.generator.sizes import Sizes
from sharp.rtl.generator.words import LOAD_INPUTS


class Operands:
    """x of all steps, h of two steps; as many read ports as a tile has columns, as a tile may start anywhere."""

    def __init__(self, m: Module, sizes: Sizes) -> None:
        self.sizes = sizes
        self.inputs = Memory(shape=16, depth=sizes.inputs, init=[])
        self.hidden = Memory(shape=16, depth=2 * sizes.hidden * sizes.sequences, init=[])
        m.submodules.inputs, m.submodules.hidden = self.inputs, self.hidden

    def load(self, m: Module, select: Value, address: Value, words: Value) -> None:
        """X from outside, an element a cycle."""
        port = self.inputs.write_port()
        m.d.comb += [port.addr.eq(address), port.data.eq(words[:16]), port.en.eq(select == LOAD_INPUTS)]

    def place(self, step: Value, element: Value) -> Value:
        """Where an element of h of a step is, or of all sequences one after the other: even and odd steps apart."""
        return Cat(element[: (self.sizes.hidden * self.sizes.sequences - 1).bit_length()], step[0])

    def columns(self, m: Module, issue: data.View, tile: Value, registers: data.View) -> list[Value]:
        """The elements of x and h that a tile multiplies, registered; zeros beyond the last column, and h of step 0."""
        sizes, segment = self.sizes, issue.segment
        log = Signal(5, name="width_log")
        first, origin = Signal(16, name="first_column"), Signal(24, name="origin")
        m.d.comb += [
            log.eq(sizes.levels - segment.doublings),
            first.eq(segment.column + (tile << log)),
            origin.eq(((issue.step - 1) * registers.sequences + issue.sequence) * registers.inputs),
        ]
        elements = []
        for column in range(sizes.num_units):
            x, h = self.inputs.read_port(domain="comb"), self.hidden.read_port(domain="comb")
            place, element = Signal(16, name=f"place_{column}"), Signal(16, name=f"element_{column}")
            h_place = issue.sequence * sizes.hidden + (place - registers.inputs)
            m.d.comb += [
                place.eq(first + column),
                x.addr.eq(origin + place),
                h.addr.eq(self.place(issue.step - 1, h_place)),
            ]
            in_h = (place < registers.columns) & (issue.step != 1)
            m.d.sync += element.eq(Mux(place < registers.inputs, x.data, Mux(in_h, h.data, 0)))
            elements.append(element)
        return elements
