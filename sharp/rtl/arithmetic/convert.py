"""A floating-point number in another format."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value

from sharp.rtl.arithmetic.floats import FloatFormat, named, unpack
from sharp.rtl.arithmetic.rounding import packed


def convert(m: Module, a: Value, of: FloatFormat, to: FloatFormat) -> Value:
    """The nearest number of another format, ties to the even one.

    Parameters
    ----------
    m : Module
        Gets the wires.
    a : Value
        The number's bits.
    of, to : FloatFormat
        Its format, and the one wanted.
    """
    number = unpack(m, a, of, "a")
    exponent = number.exponent + (to.bias - of.bias)
    wider = to.bias >= of.bias
    rounded = packed(
        m,
        to,
        number.sign,
        Cat(Const(0, 2), number.significand),
        named(m, "rebiased", exponent[: to.exponent_bits] if wider else exponent),
    )
    infinite = Mux(number.is_special, to.infinity(number.sign), rounded)
    return Mux(number.is_nan, to.not_a_number, infinite)
