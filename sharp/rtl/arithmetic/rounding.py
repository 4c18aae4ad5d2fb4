"""From an exact result to the nearest number of a format: normalize, round to nearest even, pack."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value

from sharp.rtl.arithmetic.floats import FloatFormat, named


def normalized(m: Module, significand: Value, exponent: Value) -> tuple[Value, Value]:
    """Shift left until the top bit is set, or the exponent is 1, below which there are subnormal numbers only.

    Each stage shifts by a power of two, from the largest on, where the bits that leave are zero and the exponent
    stays above zero; together they shift by the lesser of the leading zeros and ``exponent - 1``.

    Parameters
    ----------
    m : Module
    significand : Value
        Unsigned.
    exponent : Value
        Of the top bit; unsigned, at least 1.

    Returns
    -------
    tuple of Value
        The significand, as wide, and the exponent.
    """
    for stage in reversed(range((len(significand) - 1).bit_length())):
        by = 1 << stage
        empty = ~significand[-by:].any() & (exponent > by)
        shift = named(m, f"shift_{by}", empty)
        significand = named(m, f"shifted_{by}", Mux(shift, significand << by, significand)[: len(significand)])
        exponent = named(m, f"exponent_{by}", (exponent - Mux(shift, by, 0))[: len(exponent)])
    return significand, exponent


def moved_into_range(m: Module, significand: Value, exponent: Value) -> tuple[Value, Value]:
    """Shift right until a signed exponent is 1, bits that leave gathered in the last one; else leave all as it is."""
    width = len(significand)
    low = named(m, "low", exponent < 1)
    by = named(m, "right", (1 - exponent)[: len(exponent)].as_unsigned())
    far = named(m, "far", by >= width)
    bits = (width - 1).bit_length()
    wide = named(m, "wide", Cat(Const(0, width), significand) >> Mux(far, width - 1, by[:bits])[:bits])
    lost = Mux(far, significand.any(), wide[: width + 1].any())
    shifted = Cat(lost, Mux(far, 0, wide[width + 1 :]))
    return (
        named(m, "moved", Mux(low, shifted, significand)[:width]),
        named(m, "in_range", Mux(low, 1, exponent)[: len(exponent)].as_unsigned()),
    )


def packed(m: Module, to: FloatFormat, sign: Value, significand: Value, exponent: Value) -> Value:
    """Round a result to the nearest number of a format, ties to the even one; infinity beyond the greatest.

    Parameters
    ----------
    m : Module
    to : FloatFormat
    sign : Value
    significand : Value
        Exact but for its last bit, which says whether there is anything at or below it; so it has at least three bits
        more than the format's, unless it is exact.
    exponent : Value
        What the format's field has for a number with the significand's top bit set; signed where it may be below 1.
    """
    if exponent.shape().signed:
        significand, exponent = moved_into_range(m, significand, exponent)
    significand, exponent = normalized(m, significand, exponent)
    kept = to.fraction_bits + 1
    if len(significand) < kept:
        significand = Cat(Const(0, kept - len(significand)), significand)
    dropped, top = significand[:-kept], significand[-1]
    field = named(m, "field", Mux(top, exponent, 0))
    fraction = significand[-kept:-1]
    up = dropped[-1] & (dropped[:-1].any() | fraction[0]) if len(dropped) else Const(0, 1)
    whole = named(m, "whole", Cat(fraction, field) + named(m, "up", up))
    over = whole[to.fraction_bits :] >= to.special
    return Mux(over, to.infinity(sign), Cat(whole[: to.width - 1], sign))
