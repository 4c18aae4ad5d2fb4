"""The whole machine: control, weight banks, units, tree, accumulators, activation unit, updater and their buffers."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from sharp.rtl.generator.control import Control
from sharp.rtl.generator.emitted import Parts
from sharp.rtl.generator.operands import Operands
from sharp.rtl.generator.sizes import Sizes
from sharp.rtl.generator.tree import reduced
from sharp.rtl.generator.words import LOAD_BIASES, LOAD_PLACES, LOAD_WEIGHTS


class Machine(wiring.Component):
    """SHARP with real arithmetic: a program, weights, biases and x in; h of every step out, and how long it took."""

    def __init__(self, sizes: Sizes, parts: Parts) -> None:
        self.sizes, self.parts = sizes, parts
        lanes = sizes.update_lanes
        super().__init__(
            {
                "load_select": In(3),
                "load_address": In(24),
                "load_data": In(max(16 * sizes.num_macs, 256)),
                "start": In(1),
                "done": Out(1),
                "cycles": Out(32),
                "tiles_issued": Out(32),
                "faults": Out(8),
                "values_peak": Out(8),
                "cells_peak": Out(8),
                "h_valid": Out(lanes),
                "h_step": Out(16),
                "h_places": Out(16 * lanes),
                "h_values": Out(16 * lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """The circuit."""
        m = Module()
        control = self._control(m)
        operands = Operands(m, self.sizes)
        operands.load(m, self.load_select, self.load_address, self.load_data)
        products = self._products(m, control, operands)
        taps = reduced(m, self.parts, self.sizes, products, control.registers.levels)
        sums = self._accumulated(m, control, taps)
        gates = self._activated(m, control, sums)
        self._updated(m, control, gates, operands)
        return m

    def _control(self, m: Module) -> Control:
        m.submodules.control = control = Control(self.sizes)
        m.d.comb += [
            control.load_select.eq(self.load_select),
            control.load_address.eq(self.load_address),
            control.load_data.eq(self.load_data),
            control.start.eq(self.start),
        ]
        for name in ("done", "cycles", "tiles_issued", "faults", "values_peak", "cells_peak"):
            m.d.comb += getattr(self, name).eq(getattr(control, name))
        return control

    def _products(self, m: Module, control: Control, operands: Operands) -> list[Value]:
        """Each unit reads its bank and takes a column of the tile: the place that it has in its group of units."""
        sizes, issue, products = self.sizes, control.issue, []
        columns = operands.columns(m, issue, control.tile, control.registers)
        shape = Signal(3)
        m.d.sync += shape.eq(issue.segment.doublings)
        for unit in range(sizes.num_units):
            bank = Memory(shape=16 * sizes.lanes, depth=sizes.weights, init=[])
            m.submodules[f"bank_{unit}"] = bank
            write, read = bank.write_port(), bank.read_port(domain="sync")
            scalar, result = Signal(16, name=f"scalar_{unit}"), Signal(32 * sizes.lanes, name=f"products_{unit}")
            m.d.comb += [
                write.addr.eq(self.load_address),
                write.data.eq(self.load_data.word_select(unit, 16 * sizes.lanes)),
                write.en.eq(self.load_select == LOAD_WEIGHTS),
                read.addr.eq(issue.segment.weights + control.tile),
                read.en.eq(issue.valid),
                scalar.eq(Array(columns[unit % (sizes.num_units >> s)] for s in range(sizes.shapes))[shape]),
            ]
            ports = {"scalar": scalar, "weights": read.data, "products": result}
            self.parts.place(m, "vector_scalar_unit", f"unit_{unit}", **ports)
            products.append(result)
        return products

    def _accumulated(self, m: Module, control: Control, taps: list[Value]) -> Value:
        """A tile's sums to those before it, of its sequence; unfinished ones go to the intermediate buffer."""
        sizes, arriving = self.sizes, control.arriving
        segment, width = arriving.segment, 32 * sizes.rows
        m.submodules.accumulators = accumulators = Memory(shape=width, depth=sizes.sequences, init=[])
        m.submodules.intermediate = intermediate = Memory(shape=width, depth=sizes.buffer_words, init=[])
        write, read = accumulators.write_port(), accumulators.read_port(domain="comb")
        keep, kept = intermediate.write_port(), intermediate.read_port(domain="comb")
        tile, sums, place = Signal(width), Signal(width), Signal(16)
        m.d.comb += [
            tile.eq(Array(taps)[segment.doublings]),
            place.eq(segment.sums + arriving.sequence),
            read.addr.eq(arriving.sequence),
            kept.addr.eq(place),
            write.addr.eq(arriving.sequence),
            write.data.eq(sums),
            write.en.eq(arriving.valid),
            keep.addr.eq(place),
            keep.data.eq(sums),
            keep.en.eq(arriving.valid & arriving.last & ~segment.completes),
        ]
        so_far = Signal(width)
        m.d.comb += so_far.eq(Mux(arriving.first, kept.data, read.data))
        for row in range(0, sizes.rows, sizes.lanes):
            here = slice(32 * row, 32 * (row + sizes.lanes))
            ports = {"tile": tile[here], "so_far": so_far[here], "first": arriving.first & segment.starts}
            self.parts.place(m, "accumulator_row", f"accumulators_{row}", **ports, sums=sums[here])
        return sums

    def _activated(self, m: Module, control: Control, sums: Value) -> Memory:
        """Finished sums queue for the activation lanes, whose values wait for the updater."""
        sizes, arriving, group, out = self.sizes, control.arriving, control.values, control.values_out
        m.submodules.sum_queue = queue = Memory(shape=32, depth=sizes.queue_words, init=[])
        m.submodules.biases = biases = Memory(shape=33, depth=sizes.gate_words, init=[])
        m.submodules.gates = gates = Memory(shape=16, depth=sizes.gate_words, init=[])
        tail, front = Signal(range(sizes.queue_words)), Signal(range(sizes.queue_words))
        finished = arriving.valid & arriving.last & arriving.segment.completes
        with m.If(finished):
            m.d.sync += tail.eq(tail + arriving.segment.rows)
        with m.If(group.valid):
            m.d.sync += front.eq(front + Mux(group.last, group.count, sizes.activation_lanes))
        for row in range(sizes.rows):
            port = queue.write_port()
            m.d.comb += [
                port.addr.eq(tail + row),
                port.data.eq(sums.word_select(row, 32)),
                port.en.eq(finished & (row < arriving.segment.rows)),
            ]
        load = biases.write_port()
        m.d.comb += [
            load.addr.eq(self.load_address),
            load.data.eq(self.load_data[:33]),
            load.en.eq(self.load_select == LOAD_BIASES),
        ]
        for lane in range(sizes.activation_lanes):
            sum_, bias, into = queue.read_port(domain="comb"), biases.read_port(domain="comb"), gates.write_port()
            m.d.comb += [
                sum_.addr.eq(front + lane),
                bias.addr.eq(group.address + lane),
                into.addr.eq(out.address + lane),
                into.en.eq(out.valid & (lane < out.count)),
            ]
            ports = {"sum": sum_.data, "bias": bias.data[:32], "is_tanh": bias.data[32], "value": into.data}
            self.parts.place(m, "activation_lane", f"activation_{lane}", **ports)
        return gates

    def _updated(self, m: Module, control: Control, gates: Memory, operands: Operands) -> None:
        """Cells whose gates are there: their state, and their h to where the table of places says."""
        sizes, group, out, registers = self.sizes, control.cells, control.cells_out, control.registers
        m.submodules.states = states = Memory(shape=16, depth=sizes.hidden * sizes.sequences, init=[])
        m.submodules.places = places = Memory(shape=16, depth=sizes.hidden * sizes.sequences, init=[])
        load = places.write_port()
        m.d.comb += [
            load.addr.eq(self.load_address),
            load.data.eq(self.load_data[:16]),
            load.en.eq(self.load_select == LOAD_PLACES),
            self.h_step.eq(out.queued.step),
        ]
        for lane in range(sizes.update_lanes):
            cell, state_in = Signal(16, name=f"cell_{lane}"), states.read_port(domain="comb")
            state_out, place, h = states.write_port(), places.read_port(domain="comb"), operands.hidden.write_port()
            ports = [gates.read_port(domain="comb") for _ in range(4)]
            first = cell * registers.cell_stride
            m.d.comb += [cell.eq(group.address + lane), state_in.addr.eq(cell)]
            m.d.comb += [port.addr.eq(first + gate * registers.gate_stride) for gate, port in enumerate(ports)]
            valid = self.h_valid[lane]
            m.d.comb += [
                valid.eq(out.valid & (lane < registers.update_lanes) & (lane < out.count)),
                place.addr.eq(out.address + lane),
                state_out.addr.eq(out.address + lane),
                state_out.en.eq(valid),
                h.addr.eq(operands.place(out.queued.step, place.data)),
                h.en.eq(valid),
                self.h_places.word_select(lane, 16).eq(place.data),
                self.h_values.word_select(lane, 16).eq(h.data),
            ]
            state = Mux(group.queued.step == 1, 0, state_in.data)
            signals = {"gates": Cat(port.data for port in ports), "state": state}
            self.parts.place(m, "update_lane", f"update_{lane}", **signals, new_state=state_out.data, h=h.data)
