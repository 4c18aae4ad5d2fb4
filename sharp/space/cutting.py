"""A grid in pieces of some ten thousand points, and tables over some of its axes read for one of them."""

from __future__ import annotations

from math import ceil, prod
from typing import Any, NamedTuple

PIECE_POINTS = 2**15
"""Most points of a piece: its columns then stay in a core's caches."""


class Piece(NamedTuple):
    """Some points of a grid: ranges of its axes."""

    ranges: tuple[slice, ...]
    """Which values of each axis."""
    shape: tuple[int, ...]
    """How many."""

    def of(self, table: Any) -> Any:
        """A table for these points; it still broadcasts over the axes that it does not depend on."""
        if not getattr(table, "shape", ()):
            return table
        return table[
            tuple(part if size > 1 else slice(0, 1) for part, size in zip(self.ranges, table.shape, strict=True))
        ]

    @property
    def inside(self) -> Piece:
        """The same of a grid that is no more than the piece."""
        return Piece(tuple(slice(0, length) for length in self.shape), self.shape)


class Cut:
    """A grid of a shape, cut into pieces: whole along its last axes, a range along one, single values before that.

    Parameters
    ----------
    shape : tuple of int
        Of at least one axis.

    Examples
    --------
    >>> from sharp.space.cutting import Cut
    >>> cut = Cut((3, 1000, 100))
    >>> len(cut), cut.piece(1).shape  # 327 values of the second axis at a time
    (12, (1, 327, 100))
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._axis = len(shape) - 1
        while self._axis > 0 and prod(shape[self._axis :]) <= PIECE_POINTS:
            self._axis -= 1
        self._step = max(1, PIECE_POINTS // prod(shape[self._axis + 1 :]))
        self._ranges = ceil(shape[self._axis] / self._step)

    def __len__(self) -> int:
        return prod(self.shape[: self._axis]) * self._ranges

    def piece(self, number: int) -> Piece:
        """The piece of a number, 0 to ``len - 1``."""
        outer, which = divmod(number, self._ranges)
        first, most = which * self._step, self.shape[self._axis]
        index = [slice(first, min(first + self._step, most))]
        for length in reversed(self.shape[: self._axis]):
            outer, digit = divmod(outer, length)
            index.insert(0, slice(digit, digit + 1))
        index += (slice(0, length) for length in self.shape[self._axis + 1 :])
        return Piece(tuple(index), tuple(part.stop - part.start for part in index))


class Reader:
    """Reads tables that broadcast to a grid for one piece after the other; what did not change is not read again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[list[int], Any, Any]] = {}

    def read(self, table: Any, piece: Piece) -> Any:
        """A table's numbers for the points of a piece, flat, or one number where it is the same for all."""
        import numpy as np

        if not getattr(table, "shape", ()):
            return table
        axes, place, value = self._known.get(id(table), (None, None, None))
        if axes is None:
            axes = [axis for axis, length in enumerate(table.shape) if length > 1]
        now = piece.shape, [piece.ranges[axis] for axis in axes]
        if place != now:
            part = piece.of(table)
            value = part.reshape(-1)[0].item() if part.size == 1 else np.broadcast_to(part, piece.shape).reshape(-1)
            self._known[id(table)] = axes, now, value
        return value
