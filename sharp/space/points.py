"""Points of a design space: combinations of the values of columns, or columns that go together."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from sharp.checks import MAX_INTEGER, refuse
from sharp.errors import SpecificationError
from sharp.space.columns import make_column
from sharp.space.scenario import check_column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Points:
    """Columns of points, and which of its values each point has; no table of them is ever made."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        for name in columns:
            check_column("points", name)
        self.columns = {name: make_column(name, values) for name, values in columns.items()}

    def __len__(self) -> int:
        raise NotImplementedError

    def places(self, first: int, last: int) -> dict[str, NDArray[np.intp]]:
        """Which value of each column the points `first` to ``last - 1`` have."""
        raise NotImplementedError


class Grid(Points):
    """Every combination of the values of the columns, the last one varying fastest."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        super().__init__(columns)
        number = prod(len(column) for column in self.columns.values())
        if number > MAX_INTEGER:
            raise refuse("points", "fewer than 2^63 combinations", number)

    def __len__(self) -> int:
        return prod(len(column) for column in self.columns.values())

    def places(self, first: int, last: int) -> dict[str, NDArray[np.intp]]:
        """Digits of the points' numbers, the last column the last digit."""
        import numpy as np

        shape = tuple(len(column) for column in self.columns.values())
        return dict(zip(self.columns, np.unravel_index(np.arange(first, last), shape), strict=True))


class Rows(Points):
    """Columns that go together: value k of each is point k; a column of one value is the same for all points."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        super().__init__(columns)
        self.length = max(map(len, self.columns.values()), default=0)
        for name, column in self.columns.items():
            if len(column) not in (1, self.length):
                raise SpecificationError(
                    f"points.{name}: expected {self.length} values, as another column has, got {len(column)}"
                )

    def __len__(self) -> int:
        return self.length

    def places(self, first: int, last: int) -> dict[str, NDArray[np.intp]]:
        """Value k of a column, or its only one, for point k."""
        import numpy as np

        alike, different = np.zeros(last - first, dtype=np.intp), np.arange(first, last)
        return {name: alike if len(column) == 1 else different for name, column in self.columns.items()}


def grid(**axes: Any) -> Grid:
    """Every combination of the values given for each column; a value alone is the same for all points.

    Parameters
    ----------
    **axes
        Columns by name (`sharp.space.scenario.COLUMNS`): of a layer, a plan, the machine or the technology. Each is a
        value, a list, a range or an array; the last one varies fastest.

    Returns
    -------
    Grid
        For `sharp.sweep`; it has as many points as `len` says, and no table of them is made.

    Raises
    ------
    SpecificationError
        Where there is no such column (with the nearest name), or a value does not fit it.

    Examples
    --------
    >>> import sharp
    >>> len(sharp.grid(hidden_size=range(1, 1025), macs=["1K", "4K"], schedule=["batch", "unfolded"]))
    4096
    """
    return Grid(axes)
