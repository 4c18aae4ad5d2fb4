"""Registers in a row, and queues."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.memory import Memory


def delayed(m: Module, value: Value, cycles: int, name: str) -> Value:
    """A value so many cycles later."""
    for stage in range(cycles):
        register = Signal(value.shape(), name=f"{name}_{stage}", reset_less=True)
        m.d.sync += register.eq(value)
        value = register
    return value


class Queue:
    """First in, first out; what is pushed in a cycle is at the head in the next one, where nothing is before it.

    Its depth is a power of two. Nothing stops a push into a full queue; `overflow` says that it happened.
    """

    def __init__(self, m: Module, shape: object, depth: int, name: str) -> None:
        memory = Memory(shape=shape, depth=depth, init=[])
        m.submodules[name] = memory
        write, read = memory.write_port(), memory.read_port(domain="comb")
        self.push, self.pop = Signal(name=f"{name}_push"), Signal(name=f"{name}_pop")
        self.entry, self.head = write.data, read.data
        self.count = Signal(range(depth + 1), name=f"{name}_count")
        self.peak = Signal(range(depth + 1), name=f"{name}_peak")
        self.overflow = Signal(name=f"{name}_overflow")
        tail, front = Signal(range(depth), name=f"{name}_tail"), Signal(range(depth), name=f"{name}_front")
        m.d.comb += [write.addr.eq(tail), write.en.eq(self.push), read.addr.eq(front)]
        m.d.sync += [
            tail.eq(tail + self.push),
            front.eq(front + self.pop),
            self.count.eq(self.count + self.push - self.pop),
            self.overflow.eq(self.overflow | ((self.count == depth) & self.push & ~self.pop)),
        ]
        with m.If(self.count > self.peak):
            m.d.sync += self.peak.eq(self.count)

    @property
    def waits(self) -> Value:
        """Whether anything is in it."""
        return self.count != 0
