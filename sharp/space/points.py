"""Points of a design space: layers, machines and plans given by columns, checked before any is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from sharp.checks import GREATEST_NUMBER, LEAST_NUMBER, MAX_INTEGER, check_name, check_text, refuse, within
from sharp.cycles.schedule import schedule_of
from sharp.errors import SharpError, SpecificationError
from sharp.machine.accelerator import LATENCIES, Accelerator
from sharp.machine.memories import BUFFERS
from sharp.machine.plan import Plan
from sharp.workload.cell import Cell
from sharp.workload.cells import find_cell
from sharp.workload.network import RNNLayer, single_layer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULTS: dict[str, Any] = {
    "cell": "lstm",
    "projection_size": None,
    "linear_before_reset": True,
    "bidirectional": False,
    "seq_len": 25,
    "batch_size": 1,
    "lengths": (),
    "schedule": "unfolded",
    "tile_rows": "best",
    "reconfiguration": True,
    "forwarding": "barrier",
    "weights": "resident",
}
"""Columns that may be left out, with what a point has then; input_size is hidden_size, the machine the one given.

The machine's own plan goes before these.
"""

SETTINGS = (*LATENCIES, "chained_levels", "activation_lanes", "rows_per_update_lane", "dram_bytes_per_s", *BUFFERS)
COLUMNS = ("input_size", "hidden_size", *DEFAULTS, "macs", "clock_hz", *SETTINGS)
"""Columns that a point may have; `macs` is a budget's label or a number, and sets the clock where it is a budget.

Options that a cell declares itself are columns, too: ``options.heads``. Where energy is asked for, those of
`sharp.energy.technology.SETTINGS` are.
"""

PLAN = ("schedule", "reconfiguration", "forwarding", "weights")
CHOICES = ("cell", "linear_before_reset", "bidirectional", "lengths", *PLAN)
OPTIONS = "options."
"""How columns of a cell's own options begin."""
MAX_VALUES = 10**8
"""Most values of a column."""

_WHOLE = (
    *("chained_levels", "activation_lanes", "rows_per_update_lane", *BUFFERS),
    *("input_size", "hidden_size", "seq_len", "batch_size"),
)


class Points:
    """Columns of points: the values of each, an array of numbers or a list, and which of them a point has."""

    def __init__(self, axes: Mapping[str, Any]) -> None:
        self.axes = {name: _values(name, values) for name, values in axes.items()}

    def __len__(self) -> int:
        raise NotImplementedError

    def codes(self, first: int, last: int) -> dict[str, NDArray[np.intp]]:
        """Which value of each column the points `first` to ``last - 1`` have."""
        raise NotImplementedError


class Grid(Points):
    """Every combination of the values of the columns, the last one varying fastest."""

    def __init__(self, axes: Mapping[str, Any]) -> None:
        super().__init__(axes)
        number = prod(len(values) for values in self.axes.values())
        if number > MAX_INTEGER:
            raise refuse("points", "fewer than 2^63 combinations", number)

    def __len__(self) -> int:
        return prod(len(values) for values in self.axes.values())

    def codes(self, first: int, last: int) -> dict[str, NDArray[np.intp]]:
        """Digits of the points' numbers, the last column the last digit."""
        import numpy as np

        shape = tuple(len(values) for values in self.axes.values())
        return dict(zip(self.axes, np.unravel_index(np.arange(first, last), shape), strict=True))


class Rows(Points):
    """Columns that go together: value k of each is point k; a column of one value is the same for all points."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        super().__init__(columns)
        self.length = max(map(len, self.axes.values()), default=0)
        for name, values in self.axes.items():
            if len(values) not in (1, self.length):
                raise SpecificationError(
                    f"points.{name}: expected {self.length} values, as another column has, got {len(values)}"
                )

    def __len__(self) -> int:
        return self.length

    def codes(self, first: int, last: int) -> dict[str, NDArray[np.intp]]:
        """Value k of a column, or its only one, for point k."""
        import numpy as np

        alike, different = np.zeros(last - first, dtype=np.intp), np.arange(first, last)
        return {name: alike if len(values) == 1 else different for name, values in self.axes.items()}


def grid(**axes: Any) -> Grid:
    """Every combination of the values given for each column; a value alone is the same for all points.

    Parameters
    ----------
    **axes
        Columns by name (`sharp.space.points.COLUMNS`): of a layer, a plan, the machine or the technology. Each is a
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


def _values(name: str, values: Any) -> Any:
    """The values of a column: an array of numbers, or a list."""
    import numpy as np

    if isinstance(values, np.ndarray) and values.ndim != 1:
        values = values.item() if values.ndim == 0 else values.tolist()
    if isinstance(values, np.ndarray) and not is_choice(name) and values.dtype.kind in "iuf" and len(values):
        return values
    if isinstance(values, range) and values and (values[-1] - values[0]) // values.step >= MAX_VALUES:
        raise refuse(f"points.{name}", f"at most {MAX_VALUES} values", values)
    alone = isinstance(values, str | bytes) or not hasattr(values, "__iter__")
    alone = alone or (name == "lengths" and isinstance(values, tuple))
    listed = [values] if alone else [plain(value) for value in values]
    if not listed:
        raise refuse(f"points.{name}", "at least one value", listed)
    if name == "lengths":
        return [_lengths(value) for value in listed]
    if is_choice(name) or any(isinstance(value, bool) or not isinstance(value, int | float) for value in listed):
        return listed
    array = np.array(listed)
    return array if array.dtype.kind in "iuf" else listed


def _lengths(value: Any) -> tuple[int, ...]:
    """The lengths of the sequences of a point."""
    if not isinstance(value, tuple | list):
        raise refuse("points.lengths", "a list of lengths for each point, such as [[30, 28, 12]]", value)
    return tuple(value)


class Space:
    """Points whose columns have been checked, with their numbers as doubles; some columns ask `with_energy`."""

    def __init__(self, points: Points, accelerator: Accelerator, *, with_energy: bool = False) -> None:
        self.points, self.axes, self.accelerator = points, points.axes, accelerator
        for name in self.axes:
            check_column(name)
            if name not in COLUMNS and not is_choice(name) and not with_energy:
                raise SpecificationError(f"points.{name}: expected a technology (--energy) with this column, got none")
        if "hidden_size" not in self.axes:
            raise refuse("points", "a column hidden_size", list(self.axes))
        self.numbers = {
            name: _numbers(name, values, accelerator)
            for name, values in self.axes.items()
            if not is_choice(name) and name != "cell_type"
        }
        self.choices = {name: _distinct(name, values) for name, values in self.axes.items() if isinstance(values, list)}
        for name in CHOICES:
            for value in self.choices.get(name, ((), ()))[0]:
                _check_choice(name, value)
        if "lengths" in self.axes and {"seq_len", "batch_size"} & set(self.axes):
            raise SpecificationError("points: expected lengths, or seq_len and batch_size, got both")
        own = accelerator.plan
        self.defaults = {**DEFAULTS, **{name: getattr(own, name) for name in (*PLAN, "tile_rows")}}
        accelerator.heights(own)  # its own height may not be one that it still has
        names = self.choices["schedule"][0] if "schedule" in self.choices else [self.defaults["schedule"]]
        with within("points"):
            self.schedules = {name: schedule_of(Plan(schedule=name)) for name in names}
            self.cells = self._cells()
        self.clock_column, self.clocks = _clocks(self.axes, accelerator)

    def _cells(self) -> dict[str, Cell]:
        """The cells of the points, each loaded once, if they have the options that columns give."""
        names = self.choices["cell"][0] if "cell" in self.choices else [self.defaults["cell"]]
        cells = {name: find_cell(name) for name in names}
        known = {OPTIONS + name: name for cell in cells.values() for name in cell.options}
        for column in self.axes:
            if column.startswith(OPTIONS):
                option = known[check_name("columns", column, known)]
                for cell, value in product(cells.values(), self.choices[column][0]):
                    if option in cell.options:
                        cell.complete({option: value})
        return cells

    def layer(self, point: Mapping[str, Any]) -> RNNLayer:
        """The layer of a point, all columns of which are given.

        Raises
        ------
        SpecificationError
            Where its columns do not go together.
        """
        projection_size = point["projection_size"]
        return RNNLayer(
            cell=self.cells[point["cell"]],
            input_size=int(point.get("input_size", point["hidden_size"])),
            hidden_size=int(point["hidden_size"]),
            projection_size=None if projection_size is None else int(projection_size),
            linear_before_reset=point["linear_before_reset"],
            bidirectional=point["bidirectional"],
            options={name.removeprefix(OPTIONS): value for name, value in point.items() if name.startswith(OPTIONS)},
        )


def is_choice(name: str) -> bool:
    """Whether points of one value of a column go through a formula together, and those of two do not."""
    return name in CHOICES or name.startswith(OPTIONS)


def check_column(name: str) -> None:
    """Refuse a column that no point has."""
    if name not in COLUMNS and not name.startswith(OPTIONS):
        from sharp.energy.technology import SETTINGS as TECHNOLOGY  # only energy needs it, and start-up counts

        check_name("points", name, (*COLUMNS, *TECHNOLOGY))


def plain(value: Any) -> Any:
    """A number of Python's, as layers and machines take them."""
    return value.item() if hasattr(value, "item") else value


def number_of(name: str, value: Any) -> Any:
    """The value of a column as machines take it: whole numbers as integers, also where they came as doubles."""
    value = plain(value)
    return int(value) if name in _WHOLE and isinstance(value, float) else value


def _distinct(name: str, values: list[Any]) -> tuple[list[Any], NDArray[np.intp]]:
    """The distinct values of a column, and which of them each value is."""
    import numpy as np

    try:
        known = {value: index for index, value in enumerate(dict.fromkeys(values))}
    except TypeError:
        raise refuse(f"points.{name}", "texts, numbers, or tuples of numbers", values) from None
    return list(known), np.array([known[value] for value in values], dtype=np.intp)


def _check_choice(name: str, value: Any) -> None:
    """Refuse what no layer and no plan can be."""
    try:
        if name in ("schedule", "cell"):
            check_text(name, value)
        elif name in PLAN:
            Plan(**{name: value})
        elif name == "lengths":
            single_layer(RNNLayer(input_size=1, hidden_size=1), 1).with_lengths(value or (1,))
        else:
            cell = "gru" if name == "linear_before_reset" else "lstm"
            RNNLayer(cell=cell, **{name: value}, input_size=1, hidden_size=1)
    except (SharpError, TypeError) as error:
        raise SpecificationError(f"points.{error}") from None


def _clocks(axes: Mapping[str, Any], accelerator: Accelerator) -> tuple[str, NDArray[np.float64]]:
    """The column that sets the clock, and the clock in Hz of each of its values."""
    import numpy as np

    if "clock_hz" in axes:
        return "clock_hz", np.asarray(axes["clock_hz"], dtype=np.float64)
    if "macs" not in axes:
        return "macs", np.array([accelerator.clock_hz])
    machines = _budgets(axes["macs"], accelerator)
    return "macs", np.array([machines[plain(value)].clock_hz for value in axes["macs"]])


def _budgets(values: Any, accelerator: Accelerator) -> dict[Any, Accelerator]:
    """The machine on each budget."""
    for value in map(plain, values):
        if not isinstance(value, str | int | float):
            raise refuse("points.macs", "a budget such as 64K or a number", value)
    return {value: accelerator.with_macs(value) for value in dict.fromkeys(plain(value) for value in values)}


def _numbers(name: str, values: Any, accelerator: Accelerator) -> NDArray[np.float64]:
    """A numeric column as doubles, checked; no projection and the best tile height are 0."""
    import numpy as np

    if name == "macs":
        machines = _budgets(values, accelerator)
        return np.array([machines[plain(value)].num_macs for value in values], dtype=np.float64)
    none = {"projection_size": None, "tile_rows": "best"}.get(name, ...)
    is_none = np.array([value == none for value in values]) if isinstance(values, list) else np.zeros(len(values), bool)
    kept = [value for value, left_out in zip(values, is_none, strict=True) if not left_out] if is_none.any() else values
    numbers = np.zeros(len(values))
    numbers[~is_none] = _checked(name, kept, accelerator)
    return numbers


def _checked(name: str, values: Any, accelerator: Accelerator) -> NDArray[np.float64]:
    """The numbers of a column, if they are what it takes."""
    import numpy as np

    whole = name in (*_WHOLE, "projection_size", "tile_rows")
    expected = "a positive integer" if whole else "a positive number"
    if isinstance(values, list):
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise refuse(f"points.{name}", expected, value)
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" or array.ndim != 1:
        raise refuse(f"points.{name}", expected, plain(values[0]))
    numbers = array.astype(np.float64)
    low, high = (1, MAX_INTEGER) if whole else (LEAST_NUMBER, GREATEST_NUMBER)
    bad = ~((numbers >= low) & (numbers <= high) & ((numbers == np.floor(numbers)) | (not whole)))
    if name == "tile_rows":
        bad, expected = (
            ~np.isin(numbers, accelerator.tile_rows),
            f"one of {', '.join(map(str, accelerator.tile_rows))} or best",
        )
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        raise refuse(f"points.{name}[{place}]", expected, plain(array[place]))
    return numbers
