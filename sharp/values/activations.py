"""The activation unit: tanh and sigmoid, exact or by a table of polynomials whose error is stated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sharp.checks import check_integer, check_number, refuse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

_GREATEST_DERIVATIVE = (1.0, 4 / (3 * math.sqrt(3)), 2.0, 4.09)
"""Greatest magnitude of tanh's first four derivatives."""


@dataclass(frozen=True, kw_only=True)
class Exact:
    """A unit whose values are those of the functions, rounded once.

    Examples
    --------
    >>> import numpy as np
    >>> from sharp.values.activations import Exact
    >>> Exact().sigmoid(np.array([-np.inf, 0.0, np.inf]))
    array([0. , 0.5, 1. ])
    """

    @property
    def max_error(self) -> float:
        """Greatest error of a value before it is rounded, beside that of doubles."""
        return 0.0

    def tanh(self, values: Doubles) -> Doubles:
        """The hyperbolic tangent."""
        import numpy as np

        return np.tanh(values)

    def sigmoid(self, values: Doubles) -> Doubles:
        """1 / (1 + exp(-values))."""
        import numpy as np

        with np.errstate(over="ignore"):
            return 1.0 / (1.0 + np.exp(-values))


@dataclass(frozen=True, kw_only=True)
class Piecewise:
    """A table of polynomials for tanh, on equal pieces from 0 to a limit, from which on it is 1; odd, as tanh is.

    The sigmoid is ``(1 + tanh(x / 2)) / 2``, so the one table serves both. A polynomial of degree d goes through tanh
    at the d + 1 Chebyshev points of its piece of width w, so there it is at most
    ``max|tanh^(d+1)| / (d+1)! * 2 * (w/4)^(d+1)`` off; from the limit on the error is ``1 - tanh(limit)`` at most.

    Examples
    --------
    >>> from sharp.values.activations import Piecewise
    >>> f"{Piecewise(pieces=256, degree=0).max_error:.4f}, {Piecewise(pieces=64, degree=2).max_error:.1e}"
    '0.0156, 2.0e-05'
    """

    pieces: int = 64
    """Entries of the table."""
    degree: int = 1
    """Of the polynomials, 0 (a table of values) to 3."""
    limit: float = 8.0
    """From where on tanh is taken as 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "pieces", check_integer("pieces", self.pieces))
        object.__setattr__(self, "degree", check_integer("degree", self.degree, minimum=0))
        if self.degree >= len(_GREATEST_DERIVATIVE):
            raise refuse("degree", "0 to 3", self.degree)
        check_number("limit", self.limit)

    @property
    def width(self) -> float:
        """Of a piece."""
        return self.limit / self.pieces

    @property
    def max_error(self) -> float:
        """Greatest error of tanh before it is rounded; of the sigmoid half of that."""
        order = self.degree + 1
        inside = _GREATEST_DERIVATIVE[self.degree] / math.factorial(order) * 2 * (self.width / 4) ** order
        return max(inside, 1 - math.tanh(self.limit)) + 2.0**-48  # doubles on the way

    @cached_property
    def _coefficients(self) -> Doubles:
        """Of each piece, highest power first, of the distance from its middle in half widths."""
        import numpy as np

        count = self.degree + 1
        points = np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count))
        middles = (np.arange(self.pieces) + 0.5) * self.width
        values = np.tanh(middles[:, None] + points * self.width / 2)
        return np.linalg.solve(np.vander(points), values.T)

    def tanh(self, values: Doubles) -> Doubles:
        """The hyperbolic tangent by the table."""
        import numpy as np

        magnitude = np.abs(values)
        inside = magnitude < self.limit
        place = np.where(inside, magnitude, 0.0) / self.width
        piece = np.minimum(place.astype(np.intp), self.pieces - 1)
        t = 2 * (place - piece) - 1
        result = np.zeros_like(values)
        for power in range(self.degree + 1):
            result = result * t + self._coefficients[power, piece]
        return np.copysign(np.where(inside, result, np.where(np.isnan(values), values, 1.0)), values)

    def sigmoid(self, values: Doubles) -> Doubles:
        """The sigmoid by the same table."""
        return (1.0 + self.tanh(values / 2)) / 2


@dataclass(frozen=True, kw_only=True)
class LineTable:
    """A table of lines for tanh in whole numbers: the activation unit as hardware, which the RTL equals bit for bit.

    The magnitude is cut off to steps of ``2^-step_bits``. Its upper bits choose one of `pieces` equal pieces from 0 to
    ``2^limit_bits``, the lower ones go along the line between tanh at the piece's ends, which is cut off to multiples
    of ``2^-value_bits``; from the limit on tanh is 1. It is odd, and the sigmoid is ``(1 + tanh(x / 2)) / 2``.

    Examples
    --------
    >>> import numpy as np
    >>> from sharp.values.activations import LineTable
    >>> unit = LineTable()
    >>> unit.pieces, f"{unit.max_error:.1e}"
    (256, '1.2e-04')
    >>> unit.sigmoid(np.array([0.0, 100.0])).tolist()
    [0.5, 1.0]
    """

    piece_bits: int = 8
    """Of the number of pieces."""
    limit_bits: int = 3
    """Of where tanh is taken as 1."""
    step_bits: int = 16
    """Of the steps of the argument below 1."""
    value_bits: int = 18
    """Of values below 1."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("piece_bits", 1, 12),
            ("limit_bits", 1, 4),
            ("step_bits", 12, 18),
            ("value_bits", 12, 20),
        ):
            bits = check_integer(name, getattr(self, name))
            if not low <= bits <= high:
                raise refuse(name, f"{low} to {high}", bits)

    @property
    def pieces(self) -> int:
        """Lines."""
        return 1 << self.piece_bits

    @property
    def place_bits(self) -> int:
        """Bits of a magnitude in steps."""
        return self.limit_bits + self.step_bits

    @property
    def inside_bits(self) -> int:
        """Those of them that say where in a piece it is."""
        return self.place_bits - self.piece_bits

    @property
    def max_error(self) -> float:
        """Greatest error of tanh before it is rounded; of the sigmoid half of that."""
        width = 2.0 ** (self.limit_bits - self.piece_bits)
        inside = _GREATEST_DERIVATIVE[1] * width**2 / 8 + 2.0**-self.step_bits + 2.5 * 2.0**-self.value_bits
        return max(inside, 1 - math.tanh(2.0**self.limit_bits))

    @cached_property
    def lines(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the lines start, and how much they rise over a piece, both in units of ``2^-value_bits``."""
        import numpy as np

        ends = np.tanh(np.arange(self.pieces + 1) * 2.0 ** (self.limit_bits - self.piece_bits))
        heights = np.rint(np.ldexp(ends, self.value_bits)).astype(np.int64)
        return heights[:-1], np.diff(heights)

    def tanh(self, values: Doubles) -> Doubles:
        """The hyperbolic tangent by the table."""
        import numpy as np

        magnitude = np.abs(values)
        inside = magnitude < 2.0**self.limit_bits
        place = np.where(inside, np.ldexp(np.where(inside, magnitude, 0.0), self.step_bits), 0.0).astype(np.int64)
        piece, along = place >> self.inside_bits, place & ((1 << self.inside_bits) - 1)
        starts, rises = self.lines
        heights = starts[piece] + (rises[piece] * along >> self.inside_bits)
        result = np.where(inside, np.ldexp(heights.astype(np.float64), -self.value_bits), 1.0)
        return np.copysign(np.where(np.isnan(values), values, result), values)

    def sigmoid(self, values: Doubles) -> Doubles:
        """The sigmoid by the same table."""
        return (1.0 + self.tanh(values / 2)) / 2


Activation = Exact | Piecewise | LineTable
