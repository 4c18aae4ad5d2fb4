"""Number formats: which numbers there are, and to which of them a value is rounded.

All numbers of all formats here are doubles, too, and the double that an addition, a subtraction or a multiplication of
them gives, rounded once more to the format, is what IEEE 754 wants of the operation: 53 bits are enough for that where
the significand has 24 at most. So arrays of doubles carry values of every format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from sharp.checks import check_integer, check_text, refuse, suggestion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of numbers: floating point by its bits, or integers.

    A value is rounded to the nearest number, ties to the even one; subnormal numbers are kept. Beyond the greatest
    number there is infinity, or, where a format has none (OCP's e4m3), not-a-number; integers end there.

    Examples
    --------
    >>> import numpy as np
    >>> from sharp.values.formats import find_format
    >>> find_format("fp16").greatest, find_format("fp16").least
    (65504.0, 5.960464477539063e-08)
    >>> find_format("e4m3").round(np.array([1.06, 0.0009, 448.0, 1000.0])).tolist()
    [1.0, 0.0, 448.0, nan]
    >>> find_format("int4").round(np.array([-9.0, 2.5, 3.5])).tolist()
    [-7.0, 2.0, 4.0]
    """

    name: str
    """Such as "fp16"."""
    exponent_bits: int
    """Bits of the exponent; 0: integers."""
    significand_bits: int
    """Bits of the significand, the hidden one included; of an integer all of its bits, the sign included."""
    has_infinity: bool = True
    """Whether the greatest exponent is kept for infinities and not-a-number; else for one not-a-number alone."""

    def __post_init__(self) -> None:
        check_text("name", self.name)
        for name, low, high in (("exponent_bits", 0, 8), ("significand_bits", 2, 24 if self.exponent_bits else 32)):
            bits = check_integer(name, getattr(self, name), minimum=0)
            if not low <= bits <= high or (name, bits) == ("exponent_bits", 1):
                raise refuse(name, f"{low or 2} to {high} bits" + (" (0: integers)" if not low else ""), bits)

    @property
    def is_integer(self) -> bool:
        """Whether its numbers are whole, with a scale beside them."""
        return not self.exponent_bits

    @property
    def lowest_exponent(self) -> int:
        """Exponent of the smallest normal number."""
        return 2 - (1 << (self.exponent_bits - 1))

    @property
    def greatest(self) -> float:
        """The greatest number; of integers the same with both signs, so that zero is in the middle."""
        if self.is_integer:
            return 2.0 ** (self.significand_bits - 1) - 1
        ulp = 2.0 ** (1 - self.significand_bits)
        if self.has_infinity:
            return (2.0 - ulp) * 2.0 ** ((1 << (self.exponent_bits - 1)) - 1)
        return (2.0 - 2 * ulp) * 2.0 ** (1 << (self.exponent_bits - 1))

    @property
    def least(self) -> float:
        """The smallest number above zero."""
        return 1.0 if self.is_integer else 2.0 ** (self.lowest_exponent - self.significand_bits + 1)

    @property
    def unit_roundoff(self) -> float:
        """Greatest relative error of a rounding, u, where nothing overflows or is subnormal."""
        return 2.0**-self.significand_bits

    def round(self, values: Doubles) -> Doubles:
        """The nearest numbers of the format.

        Parameters
        ----------
        values : array of float64

        Returns
        -------
        numpy.ndarray, float64

        Raises
        ------
        SpecificationError
            Where a value is not a number and the format has none.
        """
        import numpy as np

        native = _NATIVE.get(self.name)
        if native is not None:
            with np.errstate(all="ignore"):
                return values.astype(native).astype(np.float64)
        if self.is_integer:
            if np.isnan(values).any():
                raise refuse("values", f"numbers, as {self.name} has no not-a-number", float("nan"))
            return np.clip(np.rint(values), -self.greatest, self.greatest)
        return self._nearest(values)

    def _nearest(self, values: Doubles) -> Doubles:
        """Divide by the distance of the numbers around a value, a power of two, round, and multiply again."""
        import numpy as np

        with np.errstate(all="ignore"):
            _, exponents = np.frexp(values)  # of a significand from 1/2 to 1
            places = np.maximum(exponents - 1, self.lowest_exponent) - self.significand_bits + 1
            nearest = np.ldexp(np.rint(np.ldexp(values, -places)), places)
            beyond = np.copysign(np.inf, values) if self.has_infinity else np.full_like(values, np.nan)
            return np.where(np.isfinite(values) & (np.abs(nearest) <= self.greatest), nearest, _kept(values, beyond))


def _kept(values: Doubles, beyond: Doubles) -> Doubles:
    """What a value that no number is near becomes; not-a-number stays."""
    import numpy as np

    return np.where(np.isnan(values), values, beyond)


_NATIVE = {"fp16": "float16", "fp32": "float32"}  # NumPy rounds doubles to these itself, and at once

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "fp32": Format(name="fp32", exponent_bits=8, significand_bits=24),
        "fp16": Format(name="fp16", exponent_bits=5, significand_bits=11),
        "bf16": Format(name="bf16", exponent_bits=8, significand_bits=8),
        "e4m3": Format(name="e4m3", exponent_bits=4, significand_bits=4, has_infinity=False),
        "e5m2": Format(name="e5m2", exponent_bits=5, significand_bits=3),
        "int8": Format(name="int8", exponent_bits=0, significand_bits=8),
        "int4": Format(name="int4", exponent_bits=0, significand_bits=4),
        "int16": Format(name="int16", exponent_bits=0, significand_bits=16),
        "int32": Format(name="int32", exponent_bits=0, significand_bits=32),
    }
)
"""Formats by name: IEEE 754's, bfloat16, the two of OCP in eight bits, integers."""
_ALIASES = {"fp8": "e4m3", "bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


def find_format(name: str) -> Format:
    """The format of a name: one of `FORMATS`, or any IEEE-like one by its bits.

    Parameters
    ----------
    name : str
        "fp16", "bf16", "int8" and so on, or ``eXmY`` with X bits of exponent and Y of fraction, such as "e6m9".

    Raises
    ------
    SpecificationError
        Where there is no such format.

    Examples
    --------
    >>> from sharp.values.formats import find_format
    >>> find_format("e6m9").significand_bits
    10
    """
    known = _ALIASES.get(name, name) if isinstance(name, str) else name
    if isinstance(known, str) and known in FORMATS:
        return FORMATS[known]
    bits = re.fullmatch(r"e(\d)m(\d{1,2})", known) if isinstance(known, str) else None
    if bits and 2 <= int(bits[1]) <= 8 and 1 <= int(bits[2]) <= 23:
        return Format(name=known, exponent_bits=int(bits[1]), significand_bits=int(bits[2]) + 1)
    expected = f"{', '.join(FORMATS)} or eXmY with 2 to 8 bits of exponent and 1 to 23 of fraction"
    raise refuse("format", expected, name, suggestion(name, FORMATS))


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """Which numbers have which format in a run.

    Examples
    --------
    >>> from sharp.values.formats import numerics
    >>> chosen = numerics("fp16/fp32")
    >>> chosen.operands.name, chosen.sums.name, chosen.state.name
    ('fp16', 'fp32', 'fp16')
    """

    operands: Format
    """Weights, and the vectors that the array multiplies: x, h, and what another phase gives."""
    sums: Format
    """Products and their sums; of integers exact, at most 32 bits."""
    state: Format
    """Values of the activation unit, and c where it is kept."""
    scales: str = "row"
    """Integers: a scale for each "row" of the gate matrix, or one for the whole "tensor" of a gate's weights."""

    def __post_init__(self) -> None:
        if self.operands.is_integer != self.sums.is_integer:
            raise refuse("precision", "integers with integer sums, floating point with the same", self.label)
        if self.state.is_integer:
            raise refuse("state", "a floating-point format", self.state.name)
        if self.scales not in ("row", "tensor"):
            raise refuse("scales", "row or tensor", self.scales)

    @property
    def label(self) -> str:
        """As `--format` takes it: "fp16/fp32"."""
        return f"{self.operands.name}/{self.sums.name}"

    @property
    def elementwise(self) -> Format:
        """Format of the additions and multiplications of the cell updater: that of sums, fp32 beside integers."""
        return FORMATS["fp32"] if self.sums.is_integer else self.sums


def numerics(label: str, *, state: str | None = None, scales: str = "row") -> Numerics:
    """The formats of a label.

    Parameters
    ----------
    label : str
        Formats of operands and of sums, "fp16/fp32", "int8/int32"; without sums these are fp32, or int32.
    state : str, optional
        Format of the activation unit's values and of c; by default that of the operands where it has 16 bits or more,
        else fp16, as the machine keeps c in 16 bits.
    scales : str
        "row" or "tensor", for integers.

    Raises
    ------
    SpecificationError
        Where there are no such formats.
    """
    first, _, second = check_text("format", label).partition("/")
    operands = find_format(first)
    sums = find_format(second or ("int32" if operands.is_integer else "fp32"))
    wide = not operands.is_integer and operands.exponent_bits + operands.significand_bits >= 16
    kept = find_format(state) if state is not None else operands if wide else FORMATS["fp16"]
    return Numerics(operands=operands, sums=sums, state=kept, scales=scales)
