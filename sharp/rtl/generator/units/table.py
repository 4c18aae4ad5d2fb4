"""The table of tanh in hardware: the bits that `sharp.values.activations.LineTable` specifies."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from sharp.rtl.arithmetic.floats import HALF, SINGLE, named, unpack
from sharp.rtl.arithmetic.rounding import packed
from sharp.values.activations import LineTable

_RIGHT = SINGLE.bias + SINGLE.fraction_bits


def looked_up(m: Module, number: Value, is_tanh: Value, table: LineTable) -> Value:
    """Tanh or sigmoid of an fp32 number, in fp16.

    Parameters
    ----------
    m : Module
    number : Value
    is_tanh : Value
        Else the sigmoid, ``(1 + tanh(x / 2)) / 2``.
    table : LineTable
    """
    x = unpack(m, number, SINGLE, "x")
    place, beyond = _place(m, x.significand, x.exponent, ~is_tanh, table)
    line = _line(m, place, table)
    one = 1 << table.value_bits
    magnitude = named(m, "magnitude", Mux(beyond | x.is_special, one, line)[: table.value_bits + 1])
    above = named(m, "above", Mux(x.sign, one - magnitude, one + magnitude)[: table.value_bits + 2])
    fixed = named(m, "fixed", Mux(is_tanh, Cat(Const(0, 1), magnitude), above)[: table.value_bits + 2])
    exponent = Const(HALF.bias, HALF.exponent_bits)  # the top bit is worth one
    value = packed(m, HALF, is_tanh & x.sign, fixed, exponent)
    return Mux(x.is_nan, HALF.not_a_number, value)


def _place(m: Module, significand: Value, exponent: Value, halve: Value, table: LineTable) -> tuple[Value, Value]:
    """The magnitude, halved or not, in steps of the table, and whether it is beyond its limit."""
    bits = table.place_bits
    shift = named(m, "shift", _RIGHT - table.step_bits + halve - exponent)  # to the right
    least = _RIGHT - table.step_bits - (SINGLE.bias + table.limit_bits - 1)
    gone = named(m, "gone", shift > SINGLE.fraction_bits)
    beyond = named(m, "beyond", shift < least)
    by = named(m, "by", Mux(gone, SINGLE.fraction_bits + 1, shift)[:5])
    return named(m, "place", Mux(beyond, 0, significand >> by)[:bits]), beyond


def _line(m: Module, place: Value, table: LineTable) -> Value:
    """The height of the piece's line where the place is."""
    starts, slopes = table.lines
    width = table.value_bits + 1
    rom = Memory(
        shape=2 * width,
        depth=table.pieces,
        init=[int(a) | int(b) << width for a, b in zip(starts, slopes, strict=True)],
    )
    m.submodules.lines = rom
    port = rom.read_port(domain="comb")
    inside = place[: table.inside_bits]
    m.d.comb += port.addr.eq(place[table.inside_bits :])
    rise = Signal(width, name="rise")
    m.d.comb += rise.eq((port.data[width : 2 * width] * inside) >> table.inside_bits)
    return named(m, "line", (port.data[:width] + rise)[:width])
