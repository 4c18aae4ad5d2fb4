"""Floating-point formats as bits: sign, exponent, fraction, and what a pattern stands for."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Signal, Value


@dataclass(frozen=True)
class FloatFormat:
    """An IEEE 754 binary format: a sign, `exponent_bits`, then `fraction_bits` with a hidden one before them.

    Examples
    --------
    >>> from sharp.rtl.arithmetic.floats import HALF, SINGLE
    >>> HALF.width, SINGLE.bias
    (16, 127)
    """

    exponent_bits: int
    """Bits of the exponent."""
    fraction_bits: int
    """Bits of the fraction, the hidden one not among them."""

    @property
    def width(self) -> int:
        """Bits of a number."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def bias(self) -> int:
        """What the exponent's field has for 2^0."""
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def special(self) -> int:
        """The exponent's field of infinities and of not-a-number."""
        return (1 << self.exponent_bits) - 1

    @property
    def not_a_number(self) -> Const:
        """The quiet not-a-number that every operation gives."""
        return Const((self.special << self.fraction_bits) | 1 << (self.fraction_bits - 1), self.width)

    def infinity(self, sign: Value) -> Value:
        """The infinity of a sign."""
        return Cat(Const(0, self.fraction_bits), Const(self.special, self.exponent_bits), sign)

    def zero(self, sign: Value) -> Value:
        """The zero of a sign."""
        return Cat(Const(0, self.width - 1), sign)


HALF = FloatFormat(5, 10)
"""fp16."""
SINGLE = FloatFormat(8, 23)
"""fp32."""


@dataclass(frozen=True)
class Unpacked:
    """A number in parts: its value is ``significand * 2^(exponent - bias - fraction_bits)``."""

    sign: Value
    """1: negative."""
    exponent: Value
    """The field, and 1 of subnormal numbers, which have that exponent."""
    significand: Value
    """Fraction and hidden bit."""
    is_special: Value
    """Whether it is an infinity or not a number."""
    is_nan: Value
    """Whether it is not a number."""
    is_zero: Value
    """Whether it is zero."""


def named(m: Module, name: str, value: Value) -> Signal:
    """A wire with a name and a value, so that what is used twice is there once."""
    wire = Signal(value.shape(), name=name)
    m.d.comb += wire.eq(value)
    return wire


def unpack(m: Module, number: Value, of: FloatFormat, name: str) -> Unpacked:
    """The parts of a number."""
    fraction, field = number[: of.fraction_bits], number[of.fraction_bits : of.width - 1]
    tiny = named(m, f"{name}_tiny", field == 0)
    nonzero = named(m, f"{name}_nonzero", fraction.any())
    special = named(m, f"{name}_special", field == of.special)
    return Unpacked(
        sign=number[of.width - 1],
        exponent=named(m, f"{name}_exponent", Cat(field[0] | tiny, field[1:])),
        significand=Cat(fraction, ~tiny),
        is_special=special,
        is_nan=special & nonzero,
        is_zero=tiny & ~nonzero,
    )
