"""Addition of floating-point numbers."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value

from sharp.rtl.arithmetic.floats import FloatFormat, named, unpack
from sharp.rtl.arithmetic.rounding import packed

_BELOW = 3
"""Bits below the last one of a sum: two to round by, and one that says whether there is more."""


def add(m: Module, a: Value, b: Value, of: FloatFormat) -> Value:
    """The sum of two numbers of a format, rounded to nearest even, subnormal numbers included.

    The smaller number is moved to the right of the larger one, so that the sum is not negative; a difference that is
    exactly zero is positive.

    Parameters
    ----------
    m : Module
        Gets the wires.
    a, b : Value
        The numbers' bits.
    of : FloatFormat
    """
    bits = of.fraction_bits + 1 + _BELOW
    swap = named(m, "swap", a[: of.width - 1] < b[: of.width - 1])
    large = unpack(m, named(m, "large", Mux(swap, b, a)), of, "large")
    small = unpack(m, named(m, "small", Mux(swap, a, b)), of, "small")
    minus = named(m, "minus", large.sign ^ small.sign)
    aligned = _aligned(m, small.significand, large.exponent - small.exponent, of, bits)
    first = Cat(Const(0, _BELOW), large.significand)
    other = aligned ^ minus.replicate(bits)
    total = named(m, "total", (first + other + minus)[: bits + 1])
    magnitude = named(m, "magnitude", Cat(total[:bits], total[bits] & ~minus))
    rounded = packed(m, of, large.sign, magnitude, named(m, "top_exponent", large.exponent + 1))
    clash = large.is_special & small.is_special & minus
    vanished = minus & ~magnitude.any()
    sum_ = Mux(vanished, of.zero(Const(0, 1)), rounded)
    finite_or_infinite = Mux(large.is_special, of.infinity(large.sign), sum_)
    return Mux(named(m, "nan", large.is_nan | small.is_nan | clash), of.not_a_number, finite_or_infinite)


def _aligned(m: Module, significand: Value, distance: Value, of: FloatFormat, bits: int) -> Value:
    """A significand moved right by the distance of the exponents; what leaves is gathered in the last bit."""
    far = named(m, "distance", distance[: of.exponent_bits])
    most = bits - 1
    by = named(m, "by", Mux(far > most, most, far)[: most.bit_length()])
    wide = named(m, "wide", Cat(Const(0, bits + _BELOW), significand) >> by)
    return named(m, "aligned", Cat(wide[: bits + 1].any(), wide[bits + 1 : 2 * bits]))
