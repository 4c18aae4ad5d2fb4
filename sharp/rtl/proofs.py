"""What is proved of the control, in all programs of its kind, up to a number of cycles: bounded model checks by yosys.

A small instance is given any program that has the form of ours: segments that wait for h, one after the other, the
last of which makes h of the step whole, then segments that run ahead. The checker keeps its own account of what goes
in and out, so that what it asserts is not what the control itself decides by.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from sharp.rtl.generator.control import Control
from sharp.rtl.generator.sizes import Sizes
from sharp.rtl.generator.tree import tapped
from sharp.rtl.generator.words import LOAD_REGISTERS, REGISTERS, SEGMENT
from sharp.rtl.tools import without_zeros, yosys

SMALL = Sizes(
    num_units=4,
    lanes=2,
    shapes=2,
    activation_lanes=2,
    update_lanes=1,
    multiply=1,
    add=1,
    activation=2,
    update=2,
    sequences=1,
    hidden=4,
    inputs=4,
    weights=8,
    segments=8,
    waiting=4,
)
"""The instance that is checked: eight multipliers, tiles of two and four rows, queues of four segments."""

PROPERTIES = {
    "order": "no tile is issued twice, and none is left out",
    "barrier": "no tile that needs h of a step is issued before all cells of that step are out",
    "queues": "no queue has more segments than it has places",
    "taps": "the sums that a tap gives are those of the tile that is due, so no two results collide",
}
"""What is proved, by name."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The outcome of a check."""

    name: str
    """One of `PROPERTIES`."""
    cycles: int
    """So many cycles from any start were looked at."""
    holds: bool
    """Whether no counterexample was found."""


class AnyProgram(Control):
    """A control that reads any word as its next segment, the same one as long as it works on it."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.word = Signal(SEGMENT)

    def _program(self, m: Module) -> data.View:
        with m.If(self.load_select == LOAD_REGISTERS):
            m.d.sync += self.registers.eq(self.load_data[: REGISTERS.size])
        held, works = Signal(SEGMENT), Signal()
        m.d.sync += [held.eq(self.word), works.eq(~(self.issue.valid & self.issue.last))]
        m.d.comb += Assume(~works | (held.as_value() == self.word.as_value()))
        return self.word


class Checker(wiring.Component):
    """A control with what is assumed of its program, and the assertions of a property."""

    def __init__(self, name: str, sizes: Sizes = SMALL) -> None:
        self.name, self.sizes = name, sizes
        super().__init__({"registers": In(REGISTERS), "word": In(SEGMENT)})

    def elaborate(self, platform: object) -> Module:
        """The circuit."""
        m = Module()
        m.submodules.control = control = AnyProgram(self.sizes)
        age = Signal(2)
        m.d.sync += age.eq(age + (age != 2))
        m.d.comb += [
            control.load_data.eq(self.registers),
            control.load_select.eq(Mux(age == 0, LOAD_REGISTERS, 0)),
            control.start.eq(age == 1),
            control.word.eq(self.word),
        ]
        self._assume(m, control, age != 0)
        getattr(self, f"_{self.name}")(m, control)
        return m

    def _assume(self, m: Module, control: Control, started: Value) -> None:
        """The form of a program: sizes that the machine has, and segments that wait before those that run ahead."""
        registers, issue, sizes = control.registers, control.issue, self.sizes
        segment = issue.segment
        waits = ~segment.ahead
        waiting = registers.end - registers.last
        layer = [
            registers.sequences == 1,
            registers.steps.any() & (registers.steps < 8),
            registers.update_lanes == sizes.update_lanes,
            (registers.first == 0) & (registers.end <= sizes.segments) & (registers.last < registers.end),
            registers.levels <= sizes.levels,
            (registers.last == waiting + 2 * registers.round) & (waiting <= sizes.waiting),
        ]
        rules = [
            segment.tiles.any() & (segment.tiles < 4),
            segment.rows.any() & (segment.rows <= sizes.rows),
            (segment.doublings < sizes.shapes) & (segment.doublings >= sizes.levels - registers.levels),
            (segment.waits == waits) & (segment.completes == waits),
            (segment.cells < 4) & (waits | ~segment.cells.any()) & (~segment.final | segment.cells.any()),
            segment.final == self._is_final(m, control),
        ]
        m.d.comb += [Assume(~started | rule) for rule in layer] + [Assume(~issue.valid | rule) for rule in rules]

    def _is_final(self, m: Module, control: Control) -> Signal:
        """Whether a segment is the last one that waits, in its round: the next one is ahead, or of the next round."""
        registers, pointer = control.registers, control.pointer
        ends = Signal()
        place = Mux(pointer >= registers.last, pointer - registers.last, pointer - registers.round)
        waiting = registers.end - registers.last
        m.d.comb += ends.eq((place + 1 == waiting) & (pointer >= registers.round))
        early = (pointer < registers.round) | ((pointer < registers.last) & (place >= waiting))
        m.d.comb += Assume(~control.issue.valid | (control.issue.segment.ahead == early))
        return ends

    def _order(self, m: Module, control: Control) -> None:
        """Every tile is the one after the tile before it: of the same segment, or the first of the next one."""
        issue, started, pointer = control.issue, Signal(), control.pointer
        tile, tiles, before = Signal(14), Signal(14), Signal(12)
        with m.If(issue.valid):
            m.d.sync += [started.eq(1), tile.eq(control.tile), tiles.eq(issue.segment.tiles), before.eq(pointer)]
        goes_on = (pointer == before) & (control.tile == tile + 1)
        jumps = (pointer == control.registers.round) | (pointer == control.registers.last)
        begins = (control.tile == 0) & (tile + 1 == tiles) & ((pointer == before + 1) | jumps)
        m.d.comb += Assert(~(issue.valid & started) | goes_on | begins)

    def _barrier(self, m: Module, control: Control) -> None:
        """Cells that came out are all cells of the steps before, as counted where tiles are issued and h comes out."""
        issue, out, segment = control.issue, control.cells_out, control.issue.segment
        asked, of_steps_before, came, step = Signal(12), Signal(12), Signal(12), Signal(16)
        done = issue.valid & issue.last & ~segment.ahead
        with m.If(done):
            m.d.sync += asked.eq(asked + segment.cells)
        with m.If(out.valid):
            m.d.sync += came.eq(came + Mux(out.count < self.sizes.update_lanes, out.count, self.sizes.update_lanes))
        fresh = issue.valid & segment.waits & (issue.step != step)
        with m.If(fresh):
            m.d.sync += [step.eq(issue.step), of_steps_before.eq(asked)]
        m.d.comb += Assert(~(issue.valid & segment.waits) | (came >= Mux(fresh, asked, of_steps_before)))

    def _queues(self, m: Module, control: Control) -> None:
        """The queues are as deep as a round has segments that wait, which is what a machine is built with."""
        waiting = control.registers.end - control.registers.last
        m.d.comb += Assert(control.faults == 0)
        m.d.comb += Assert(~control.issue.valid | (control.values_peak <= waiting))

    def _reached(self, m: Module, control: Control) -> None:
        """Fails where a program gets to its end: what is assumed leaves some programs that do."""
        m.d.comb += Assert(
            ~control.done | (control.registers.steps < 2) | (control.registers.first == control.registers.round)
        )

    def _taps(self, m: Module, control: Control) -> None:
        """Each tile's number goes up the tree in place of its sums, and has to be the one that is due."""
        issue, number, due = control.issue, Signal(8), Signal(8)
        m.d.sync += [number.eq(number + issue.valid), due.eq(due + control.arriving.valid)]
        told = Signal(8)
        m.d.sync += told.eq(number)
        products = [self._later(m, told, f"product_{unit}") for unit in range(self.sizes.num_units)]
        taps = tapped(
            m, self.sizes, products, control.registers.levels, lambda left, right, name: self._later(m, left, name)
        )
        with m.Switch(control.arriving.segment.doublings):
            for doublings, tap in enumerate(taps):
                with m.Case(doublings):
                    m.d.comb += Assert(~control.arriving.valid | (tap[:8] == due))

    @staticmethod
    def _later(m: Module, value: Signal, name: str) -> Signal:
        register = Signal(len(value), name=name)
        m.d.sync += register.eq(value)
        return register


def prove(name: str, cycles: int) -> Proof:
    """Look for a run of some cycles in which a property does not hold.

    Parameters
    ----------
    name : str
        One of `PROPERTIES`.
    cycles : int

    Raises
    ------
    SpecificationError
        Where yosys is not installed.
    """
    text = without_zeros(rtlil.convert(Checker(name), name="top", emit_src=False))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "top.il").write_text(text)
        script = (
            "read_rtlil top.il\nhierarchy -top top\nproc\nflatten\nchformal -lower\nmemory_map\nopt -full\n"
            f"sat -prove-asserts -set-assumes -set rst 0 -tempinduct-baseonly -tempinduct -maxsteps {cycles + 2} top\n"
        )
        said = yosys(script, Path(folder))
    return Proof(name=name, cycles=cycles, holds=not re.search(r"model found|FAIL", said))
