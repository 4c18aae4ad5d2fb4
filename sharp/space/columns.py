"""Columns of points: their values, of which none is made before it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sharp.checks import MAX_INTEGER, check_integer, refuse
from sharp.space.scenario import BATCH, LAYER, OPTIONS, PLAN, expected_of, is_whole, value_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHOICES = tuple(name for name in (*LAYER, *BATCH, *PLAN) if not is_whole(name))
"""Columns whose values go through a formula one after the other; so do options of a cell's own."""
MAX_VALUES = 10**8
"""Most values of a range of numbers."""
MAX_CHOICES = 10**5
"""Most of a range of choices, each of which is kept."""

_BLOCK = 2**16
_MAX_LABELS = 2**20


def is_choice(name: str) -> bool:
    """Whether points of one value of a column go through a formula together, and those of two do not."""
    return name in CHOICES or name.startswith(OPTIONS)


class Labels(NamedTuple):
    """A column of texts as a table has it, each kept once."""

    codes: NDArray[np.intp]
    """Which label each point has; -1: none."""
    labels: list[str]
    """The labels."""


class Numbers:
    """A column of numbers: an array, or a range, of which no number is kept."""

    def __init__(self, values: range | NDArray[Any]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    @property
    def ends(self) -> tuple[float, ...]:
        """The least and the greatest number; one, where all are equal."""
        if isinstance(self.values, range):
            ends = sorted((self.values[0], self.values[-1]))
        else:
            ends = [self.values.min().item(), self.values.max().item()]
        return tuple(dict.fromkeys(ends))

    def shown(self, places: NDArray[np.intp]) -> NDArray[Any]:
        """The numbers at some places, as a table shows them."""
        if isinstance(self.values, range):
            numbers: NDArray[Any] = self.values.start + self.values.step * places
            return numbers
        return self.values[places]

    def value(self, place: int) -> Any:
        """The number at a place, one of Python's."""
        number = self.values[place]
        return number.item() if hasattr(number, "item") else number

    def distinct(self, places: NDArray[np.intp]) -> tuple[list[Any], NDArray[np.intp]]:
        """The different numbers that there are, or those at the places, and which of them each place has."""
        import numpy as np

        if len(self) <= len(places):
            values, which = np.unique(self.shown(np.arange(len(self))), return_inverse=True)
            return values.tolist(), which.reshape(-1)[places]
        values, which = np.unique(self.shown(places), return_inverse=True)
        return values.tolist(), which.reshape(-1)

    def blocks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """All numbers, some at a time, after the place of the first of them."""
        import numpy as np

        for first in range(0, len(self), _BLOCK):
            yield first, self.shown(np.arange(first, min(first + _BLOCK, len(self))))


class Choices:
    """A column of names, flags, or numbers among them; each different value is kept once."""

    def __init__(self, values: Sequence[Any]) -> None:
        import numpy as np

        keys = [(type(value), value) for value in values]  # 1 equals true
        known = {key: index for index, key in enumerate(dict.fromkeys(keys))}
        self.values = [value for _, value in known]
        self.which = np.array([known[key] for key in keys], dtype=np.intp)

    def __len__(self) -> int:
        return len(self.which)

    def shown(self, places: NDArray[np.intp]) -> Labels | NDArray[np.object_]:
        """The values at some places, as a table shows them."""
        import numpy as np

        if all(isinstance(value, str) for value in self.values):
            return Labels(self.which[places], self.values)
        array = np.empty(len(self.values), dtype=object)
        array[:] = self.values
        return array[self.which[places]]

    def value(self, place: int) -> Any:
        """The value at a place."""
        return self.values[self.which[place]]

    def distinct(self, places: NDArray[np.intp]) -> tuple[list[Any], NDArray[np.intp]]:
        """The different values, and which of them each place has."""
        return self.values, self.which[places]


Column = Numbers | Choices


def make_column(name: str, values: Any) -> Column:
    """The column of some values: a value alone, a list, a range, or an array of numbers.

    Raises
    ------
    SpecificationError
        Where there is none, there are too many, or they are of no use to any column.
    """
    import numpy as np

    if isinstance(values, np.ndarray) and values.ndim != 1:
        values = values.item() if values.ndim == 0 else values.tolist()
    if isinstance(values, np.ndarray) and not is_choice(name) and values.dtype.kind in "iuf" and len(values):
        return Numbers(values)
    if isinstance(values, range) and values:
        most = MAX_CHOICES if is_choice(name) else MAX_VALUES
        if (values[-1] - values[0]) // values.step >= most:
            raise refuse(f"points.{name}", f"at most {most} values", values)
        if not is_choice(name) and max(abs(values[0]), abs(values[-1])) <= MAX_INTEGER:
            return Numbers(values)
    alone = isinstance(values, str | bytes) or not hasattr(values, "__iter__")
    alone = alone or (name == "lengths" and isinstance(values, tuple))
    listed = [values] if alone else [value.item() if hasattr(value, "item") else value for value in values]
    if not listed:
        raise refuse(f"points.{name}", "at least one value", listed)
    if name == "lengths":
        return Choices([_lengths(value) for value in listed])
    for value in listed:
        if value.__hash__ is None:
            raise refuse(f"points.{name}", "a text" if is_choice(name) else expected_of(name), value)
    if any(isinstance(value, str) for value in listed):
        listed = [value_of(name, value, f"points.{name}") for value in listed]
    if not is_choice(name) and all(isinstance(value, int | float) for value in listed):
        array = np.array(listed)
        if array.dtype.kind in "iuf" and not any(isinstance(value, bool) for value in listed):
            return Numbers(array)
    return Choices(listed)


def _lengths(value: Any) -> tuple[int, ...]:
    """The lengths of the sequences of a point."""
    if not isinstance(value, tuple | list):
        raise refuse("points.lengths", "a list of lengths for each point, such as [[30, 28, 12]]", value)
    return tuple(check_integer("points.lengths", length) for length in value)


def kinds_of(columns: Sequence[NDArray[np.intp]]) -> tuple[list[int], NDArray[np.intp]]:
    """The first point of each kind, points being of one where all columns are equal, and which kind each point is.

    Parameters
    ----------
    columns : sequence of numpy.ndarray, intp, (points,)
        Small numbers, at least 0.
    """
    import numpy as np

    label, span = np.zeros(len(columns[0]) if columns else 1, dtype=np.intp), 1
    for column in columns:
        label, span = label * (column.max() + 1) + column, span * (int(column.max()) + 1)
        if span > _MAX_LABELS:  # that there are no more labels than points
            kinds, label = np.unique(label, return_inverse=True)
            label, span = label.reshape(-1), len(kinds)
    there = np.bincount(label) > 0
    which = (np.cumsum(there) - 1)[label]
    first = np.zeros(int(there.sum()), dtype=np.intp)
    first[which[::-1]] = np.arange(len(which))[::-1]
    return first.tolist(), which
