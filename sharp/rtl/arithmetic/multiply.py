"""Multiplication of floating-point numbers."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Value

from sharp.rtl.arithmetic.floats import FloatFormat, named, unpack
from sharp.rtl.arithmetic.rounding import packed


def multiply(m: Module, a: Value, b: Value, of: tuple[FloatFormat, FloatFormat], to: FloatFormat) -> Value:
    """The product of two numbers, rounded to a format; exact where the format has the bits, as fp32 for two of fp16.

    Parameters
    ----------
    m : Module
        Gets the wires.
    a, b : Value
        The numbers' bits.
    of : tuple of FloatFormat
        Their formats.
    to : FloatFormat
        Of the product.
    """
    left, right = unpack(m, a, of[0], "a"), unpack(m, b, of[1], "b")
    sign = named(m, "sign", left.sign ^ right.sign)
    exact = named(m, "exact", left.significand * right.significand)
    offset = to.bias + 1 - of[0].bias - of[1].bias  # the product's top bit has twice the weight of the factors'
    exponent = left.exponent + right.exponent + offset
    lowest, most = 2 + offset, of[0].special + of[1].special + offset
    unsigned = named(m, "sum", exponent[: most.bit_length()]) if lowest >= 1 else named(m, "sum", exponent)
    rounded = packed(m, to, sign, exact, unsigned)
    nan = left.is_nan | right.is_nan | (left.is_special & right.is_zero) | (right.is_special & left.is_zero)
    infinite = named(m, "infinite", left.is_special | right.is_special)
    return Mux(named(m, "nan", nan), to.not_a_number, Mux(infinite, to.infinity(sign), rounded))
