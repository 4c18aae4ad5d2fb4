"""The control of the machine: which tile, group of values or group of cells enters which unit, in every cycle.

It knows no number that is computed, so it is a machine of its own, whose cycles are those of the whole.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from sharp.rtl.generator.pipes import Queue, delayed
from sharp.rtl.generator.sizes import Sizes
from sharp.rtl.generator.words import GROUP, ISSUE, LOAD_REGISTERS, LOAD_SEGMENTS, QUEUED, REGISTERS, SEGMENT


class Control(wiring.Component):
    """Dispatcher, and what follows each segment through accumulators, activation unit and updater.

    Every unit has a cycle in which it takes its operands, then its latency; so a unit's interval of the model is that
    of the cycles in which it takes something.
    """

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.pointer = Signal(12)
        super().__init__(
            {
                "load_select": In(3),
                "load_address": In(24),
                "load_data": In(max(SEGMENT.size, REGISTERS.size)),
                "start": In(1),
                "done": Out(1),
                "cycles": Out(32),
                "tiles_issued": Out(32),
                "faults": Out(8),
                "values_peak": Out(8),
                "cells_peak": Out(8),
                "registers": Out(REGISTERS),
                "issue": Out(ISSUE),
                "tile": Out(14),
                "arriving": Out(ISSUE),
                "values": Out(GROUP),
                "values_out": Out(GROUP),
                "cells": Out(GROUP),
                "cells_out": Out(GROUP),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """The circuit."""
        m = Module()
        step_out, active = Signal(16), Signal()
        segment = self._program(m)
        self._dispatch(m, segment, step_out, active)
        self._arrive(m)
        values, cells = self._activate(m)
        self._update(m, cells, step_out)
        m.d.comb += [self.values_peak.eq(values.peak), self.cells_peak.eq(cells.peak)]
        with m.If(values.overflow | cells.overflow):
            m.d.sync += self.faults[0].eq(1)
        with m.If(active):
            m.d.sync += self.cycles.eq(self.cycles + 1)
            with m.If(step_out == self.registers.steps):
                m.d.sync += [self.done.eq(1), active.eq(0), self.cycles.eq(self.cycles)]
        with m.If(self.start):
            m.d.sync += [active.eq(1), self.done.eq(0), self.cycles.eq(0), self.tiles_issued.eq(0), step_out.eq(0)]
        return m

    def _program(self, m: Module) -> data.View:
        """The registers of the layer, and the segment that is next."""
        m.submodules.program = program = Memory(shape=SEGMENT, depth=self.sizes.segments, init=[])
        write, read = program.write_port(), program.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(self.load_address),
            write.data.eq(self.load_data[: SEGMENT.size]),
            write.en.eq(self.load_select == LOAD_SEGMENTS),
            read.addr.eq(self.pointer),
        ]
        with m.If(self.load_select == LOAD_REGISTERS):
            m.d.sync += self.registers.eq(self.load_data[: REGISTERS.size])
        return read.data

    def _dispatch(self, m: Module, segment: data.View, step_out: Signal, active: Signal) -> None:
        """Issue a tile a cycle, for one sequence after the other; a segment that needs h waits for the whole of it."""
        registers, running = self.registers, Signal()
        turn, tile, sequence, end = Signal(16), Signal(14), Signal(8), Signal(12)
        step = Signal(16)
        ready, last_tile, last_sequence = Signal(), Signal(), Signal()
        m.d.comb += [
            step.eq(turn + segment.ahead),
            ready.eq(~segment.waits | (step_out + 1 >= step)),
            last_tile.eq(tile + 1 == segment.tiles),
            last_sequence.eq(sequence + 1 == registers.sequences),
            self.tile.eq(tile),
            self.issue.valid.eq(running & ready),
            self.issue.first.eq(tile == 0),
            self.issue.last.eq(last_tile),
            self.issue.sequence.eq(sequence),
            self.issue.final_sequence.eq(last_sequence),
            self.issue.step.eq(step),
            self.issue.segment.eq(segment),
        ]
        with m.If(self.start):
            early, single = registers.first != registers.round, registers.steps == 1
            m.d.sync += [
                running.eq(1),
                turn.eq(~early),
                tile.eq(0),
                sequence.eq(0),
                self.pointer.eq(Mux(early, registers.first, Mux(single, registers.last, registers.round))),
                end.eq(Mux(early, registers.round, Mux(single, registers.end, registers.last))),
            ]
        with m.Elif(self.issue.valid):
            m.d.sync += [self.tiles_issued.eq(self.tiles_issued + 1), sequence.eq(Mux(last_sequence, 0, sequence + 1))]
            with m.If(last_sequence):
                m.d.sync += tile.eq(Mux(last_tile, 0, tile + 1))
            with m.If(last_sequence & last_tile):
                m.d.sync += self.pointer.eq(self.pointer + 1)
                with m.If(self.pointer + 1 == end):
                    final = turn + 1 == registers.steps
                    m.d.sync += [
                        turn.eq(turn + 1),
                        running.eq(turn != registers.steps),
                        self.pointer.eq(Mux(final, registers.last, registers.round)),
                        end.eq(Mux(final, registers.end, registers.last)),
                    ]

    def _arrive(self, m: Module) -> None:
        """Tell the accumulators when a tile's sums are there: after the multiplier and `levels` of the tree."""
        sizes, told = self.sizes, self.issue.as_value()
        told = delayed(m, told, 1 + sizes.multiply, "multiplied")
        with m.Switch(self.registers.levels):
            for levels in range(sizes.levels + 1):
                with m.Case(levels):
                    m.d.comb += self.arriving.eq(told)
                told = delayed(m, told, sizes.add, f"added_{levels}")

    def _activate(self, m: Module) -> tuple[Queue, Queue]:
        """Values of finished segments into the activation unit; behind it the queue of the updater."""
        values, cells = (Queue(m, QUEUED, self.sizes.waiting, name) for name in ("value_queue", "cell_queue"))
        arriving = self.arriving
        finished = arriving.valid & arriving.last & arriving.final_sequence & arriving.segment.completes
        m.d.comb += [
            values.push.eq(finished),
            values.entry.segment.eq(arriving.segment),
            values.entry.step.eq(arriving.step),
        ]
        rows = (values.head.segment.rows * self.registers.sequences)[:16]
        first = values.head.segment.values
        self._serve(m, values, rows, first, Value.cast(self.sizes.activation_lanes), self.values, "values")
        m.d.comb += self.values_out.eq(delayed(m, self.values.as_value(), self.sizes.activation, "activation"))
        out = self.values_out
        m.d.comb += [
            cells.push.eq(out.valid & out.last & (out.queued.segment.cells != 0)),
            cells.entry.eq(out.queued),
        ]
        return values, cells

    def _update(self, m: Module, cells: Queue, step_out: Signal) -> None:
        """Cells into the updater; behind it h of a step is whole when the last of its cells are out."""
        count = (cells.head.segment.cells * self.registers.sequences)[:16]
        self._serve(m, cells, count, cells.head.segment.state, self.registers.update_lanes, self.cells, "cells")
        m.d.comb += self.cells_out.eq(delayed(m, self.cells.as_value(), self.sizes.update, "update"))
        out = self.cells_out
        with m.If(out.valid & out.last & out.queued.segment.final):
            m.d.sync += step_out.eq(out.queued.step)

    @staticmethod
    def _serve(m: Module, queue: Queue, total: Value, first: Value, lanes: Value, group: data.View, name: str) -> None:
        """Take `total` of the queue's head, as many a cycle as there are lanes."""
        taken = Signal(16, name=f"{name}_taken")
        m.d.comb += [
            group.valid.eq(queue.waits),
            group.count.eq(total - taken),
            group.address.eq(first + taken),
            group.last.eq(taken + lanes >= total),
            group.queued.eq(queue.head),
            queue.pop.eq(group.valid & group.last),
        ]
        with m.If(queue.waits):
            m.d.sync += taken.eq(Mux(group.last, 0, taken + lanes))
