"""Design spaces: millions of single layers on machines under plans, as a tidy table.

A point is a layer, a machine and a plan, given by columns: arrays that go together (`sweep` of a mapping) or axes whose
every combination is a point (`grid`). Points that differ only in numbers go through the closed form together, chunk by
chunk, on all cores; those to which it does not apply go through the event simulator one by one, and the table says so.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

from sharp import closed_form
from sharp.accelerator import BUFFERS, Accelerator, with_settings
from sharp.checks import GREATEST_NUMBER, LEAST_NUMBER, MAX_INTEGER, check_name, refuse
from sharp.cycles import SPLIT, Progress
from sharp.errors import InfeasibleMappingError, SharpError, SpecificationError
from sharp.plan import Plan
from sharp.simulate import simulate
from sharp.units import cycles_from_many_ns
from sharp.workload import RNNLayer, single_layer

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

CHUNK_POINTS = 2**16
"""Points evaluated at a time."""

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
"""Columns that may be left out, with what a point has then; input_size is hidden_size, the machine the one given."""

LATENCIES = ("multiply_ns", "add_ns", "accumulate_ns", "activation_ns", "update_ns")
SETTINGS = (*LATENCIES, "activation_lanes", "rows_per_update_lane", "dram_bytes_per_s", *BUFFERS)
COLUMNS = ("input_size", "hidden_size", *DEFAULTS, "macs", "clock_hz", *SETTINGS)
"""Columns that a point may have; `macs` is a budget's label or a number, and sets the clock where it is a budget."""

_PLAN = ("schedule", "reconfiguration", "forwarding", "weights")
_CHOICES = ("cell", "linear_before_reset", "bidirectional", "lengths", *_PLAN)
_WHOLE = ("activation_lanes", "rows_per_update_lane", *BUFFERS, "input_size", "hidden_size", "seq_len", "batch_size")


class Points:
    """Columns of points: the values of each, and which of them a point has."""

    def __init__(self, axes: Mapping[str, Any]) -> None:
        self.axes = {name: _values(name, values) for name, values in axes.items()}

    def __len__(self) -> int:
        raise NotImplementedError

    def codes(self, first: int, last: int) -> dict[str, NDArray[np.intp]]:
        """Which value of each column the points `first` to ``last - 1`` have."""
        raise NotImplementedError


class Grid(Points):
    """Every combination of the values of the columns, the last one varying fastest."""

    def __len__(self) -> int:
        return prod(len(values) for values in self.axes.values())

    def codes(self, first: int, last: int) -> dict[str, NDArray[np.intp]]:
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
        import numpy as np

        alike, different = np.zeros(last - first, dtype=np.intp), np.arange(first, last)
        return {name: alike if len(values) == 1 else different for name, values in self.axes.items()}


def grid(**axes: Any) -> Grid:
    """Every combination of the values given for each column (`COLUMNS`); a value alone is the same for all points.

    Examples
    --------
    >>> len(grid(hidden_size=range(1, 1025), macs=["1K", "4K"], schedule=["batch", "unfolded"]))
    4096
    """
    return Grid(axes)


def _values(name: str, values: Any) -> Any:
    """The values of a column: an array of numbers, or a list."""
    import numpy as np

    alone = isinstance(values, str) or not hasattr(values, "__iter__") or (name == "lengths" and isinstance(values, tuple))
    listed = [values] if alone else values if isinstance(values, np.ndarray) else list(values)
    if not len(listed):
        raise refuse(f"points.{name}", "at least one value", list(listed))
    if name in _CHOICES or any(isinstance(value, str | bool | None) for value in listed[:]):
        return list(listed)
    array = np.asarray(listed)
    return array if array.dtype.kind in "iuf" and array.ndim == 1 else list(listed)


def sweep(
    points: Points | Mapping[str, Any],
    accelerator: Accelerator,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Evaluate every point; the whole table is kept (`sweep_chunks` keeps a part).

    Parameters
    ----------
    points : Points or mapping of str to array-like
        Columns `COLUMNS`: a `grid`, or columns that go together, each of one value or as many as there are points.
    accelerator : Accelerator
        What columns do not say about the machine.
    threads : int, optional
        Cores to use; all by default.
    progress : callable, optional
        Called with the share of the points done, 0 to 1.

    Returns
    -------
    pandas.DataFrame
        A row a point, in order: its columns, then ``tile_rows`` in use, total_cycles, latency_s, utilization, the split in
        cycles (`sharp.cycles.SPLIT`) and ``method``, "closed form" or "events".

    Raises
    ------
    SpecificationError
        Where a column is not known or a value is not what it has to be.
    InfeasibleMappingError
        Where a point cannot be mapped, with its place and why.
    """
    import pandas as pd

    return pd.concat(list(sweep_chunks(points, accelerator, threads=threads, progress=progress)), ignore_index=True)


def sweep_chunks(
    points: Points | Mapping[str, Any],
    accelerator: Accelerator,
    *,
    chunk_points: int = CHUNK_POINTS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[pd.DataFrame]:
    """As `sweep`, a chunk of points at a time: however many points, memory holds a few chunks.

    Parameters and errors are those of `sweep`; `chunk_points` is the length of a chunk.
    """
    space = _Space(points if isinstance(points, Points) else Rows(points), accelerator)
    workers = threads or os.cpu_count() or 1
    pending: deque[Future[pd.DataFrame]] = deque()
    done, total = 0, len(space.points)
    with ThreadPoolExecutor(workers) as pool:
        for first in chain(range(0, total, chunk_points), [total] * 2 * workers):
            if first < total:
                pending.append(pool.submit(space.evaluate, first, min(first + chunk_points, total)))
            if pending and (len(pending) > 2 * workers or first == total):
                table = pending.popleft().result()
                done += len(table)
                if progress is not None:
                    progress(done / total)
                yield table


class _Space:
    """Points checked once, and evaluated chunk by chunk."""

    def __init__(self, points: Points, accelerator: Accelerator) -> None:
        self.points, self.axes, self.accelerator = points, points.axes, accelerator
        for name in self.axes:
            check_name("points", name, COLUMNS)
        if "hidden_size" not in self.axes:
            raise refuse("points", "a column hidden_size", list(self.axes))
        self.numbers = {
            name: _numbers(name, values, accelerator) for name, values in self.axes.items() if name not in _CHOICES
        }
        for name in _CHOICES:
            for value in self.axes.get(name, ()):
                _check_choice(name, value)
        self.clocks = _clocks(self.axes, accelerator)

    def evaluate(self, first: int, last: int) -> pd.DataFrame:
        """The table of the points `first` to ``last - 1``."""
        import numpy as np
        import pandas as pd

        chunk = _Chunk(self, first, self.points.codes(first, last), last - first)
        results, closed = chunk.evaluate()
        columns = {name: chunk.column(name) for name in self.axes if name != "tile_rows"}
        clock = chunk.clock()
        num_macs = chunk.number("macs", self.accelerator.num_macs)
        total = results[3]
        split = {name: results[closed_form.RESULTS.index(name)] for name in SPLIT[1:]}
        for name in ("column_padding", "row_padding"):
            split[name] = split[name] / num_macs
        ideal = results[0] / num_macs
        return pd.DataFrame(
            {
                **columns,
                "tile_rows": results[7].astype(np.int64),
                "total_cycles": total.astype(np.int64),
                "latency_s": total / clock,
                "utilization": ideal / total,
                "ideal": ideal,
                **split,
                "method": pd.Categorical.from_codes(np.where(closed, 0, 1), ["closed form", "events"]),
            }
        )


class _Chunk:
    """Some consecutive points."""

    def __init__(self, space: _Space, first: int, codes: Mapping[str, NDArray[np.intp]], count: int) -> None:
        self.space, self.first, self.codes, self.count = space, first, codes, count

    def number(self, name: str, default: float) -> Any:
        """A numeric column: an array, or one number where it is the same for all."""
        values = self.space.numbers.get(name)
        if values is None:
            return float(default)
        return float(values[0]) if len(values) == 1 else values[self.codes[name]]

    def clock(self) -> Any:
        """Clock in Hz: its own column, or that of the budget."""
        name, values = self.space.clocks
        return float(values[0]) if len(values) == 1 else values[self.codes[name]]

    def column(self, name: str) -> Any:
        """A column as the table shows it."""
        import numpy as np
        import pandas as pd

        values, code = self.space.axes[name], self.codes[name]
        if isinstance(values, np.ndarray):
            return values[code]
        if all(isinstance(value, str) for value in values):
            distinct = list(dict.fromkeys(values))
            return pd.Categorical.from_codes(np.array([distinct.index(value) for value in values])[code], distinct)
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array[code]

    def point(self, place: int) -> dict[str, Any]:
        """All columns of one point."""
        return {**DEFAULTS, **{name: self.space.axes[name][code[place]] for name, code in self.codes.items()}}

    def evaluate(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Results (8, count), and which of them the closed form gave."""
        import numpy as np

        results = np.full((len(closed_form.RESULTS), self.count), np.inf)
        for rows in self._alike():
            point = self.point(int(rows[0]))
            plan, layer = _plan(point), _layer({**point, "hidden_size": 1, "input_size": 1})
            heights = self.space.accelerator.tile_rows
            if not closed_form.why_not(layer.phases, plan, len(heights), not point["lengths"]):
                inputs = {name: value[rows] if isinstance(value, np.ndarray) else value for name, value in self._inputs(point)}
                weight_bytes = self.space.accelerator.weight_bytes
                results[:, rows] = closed_form.evaluate(inputs, len(rows), layer.phases, plan, heights, weight_bytes)
        closed = results[3] * self.number("macs", self.space.accelerator.num_macs) < closed_form.MAX_EXACT
        for place in np.flatnonzero(~closed).tolist():
            results[:, place] = self._simulated(place)
        return results, closed

    def _alike(self) -> Iterator[NDArray[np.intp]]:
        """Points that differ only in numbers, a group at a time."""
        import numpy as np

        label = np.zeros(self.count, dtype=np.intp)
        for name, code in self.codes.items():
            if name in _CHOICES and len(self.space.axes[name]) > 1:
                known: dict[Any, int] = {}
                of_value = np.array([known.setdefault(value, len(known)) for value in self.space.axes[name]])
                label = label * len(known) + of_value[code]
            elif name in ("projection_size", "tile_rows"):
                label = label * 2 + (self.space.numbers[name][code] > 0)
        for group in np.unique(label).tolist():
            yield np.flatnonzero(label == group)

    def _inputs(self, point: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Inputs of the closed form."""
        machine, number = self.space.accelerator, self.number
        hidden, clock = number("hidden_size", 0), self.clock()
        yield "hidden_size", hidden
        yield "input_size", number("input_size", 0) if "input_size" in self.space.numbers else hidden
        yield "recurrent_size", hidden if point["projection_size"] is None else number("projection_size", 0)
        yield "num_directions", 2.0 if point["bidirectional"] else 1.0
        yield "seq_len", number("seq_len", DEFAULTS["seq_len"])
        yield "batch_size", number("batch_size", DEFAULTS["batch_size"])
        yield "num_macs", number("macs", machine.num_macs)
        if point["tile_rows"] != "best":
            yield "tile_rows", number("tile_rows", 0)
        for name in ("activation_lanes", "rows_per_update_lane"):
            yield name, number(name, getattr(machine, name))
        for name in LATENCIES:
            yield name.removesuffix("_ns"), _cycles(number(name, getattr(machine, name)), clock)
        words = number("intermediate_buffer", machine.intermediate_buffer.capacity_bytes) // machine.partial_sum_bytes
        yield "intermediate_words", words
        yield "weight_buffer_bytes", number("weight_buffer", machine.weight_buffer.capacity_bytes)
        yield "dram_bytes_per_cycle", number("dram_bytes_per_s", machine.dram_bytes_per_s) / clock

    def _simulated(self, place: int) -> tuple[float, ...]:
        """Results of one point by the event simulator."""
        point = self.point(place)
        try:
            settings = self.space.accelerator.budget(point["macs"]) if "macs" in point else {}
            settings |= {name: _plain(point[name]) for name in ("clock_hz", *SETTINGS) if name in point}
            machine = with_settings(self.space.accelerator, settings)
            layer = _layer(point)
            network = single_layer(layer, int(point["seq_len"]), int(point["batch_size"]))
            network = network.with_lengths(point["lengths"]) if point["lengths"] else network
            report = simulate(network, machine, _plan(point))
        except SharpError as error:
            raise InfeasibleMappingError(f"points[{self.first + place}]: {error}") from None
        counts = report.counts
        return *(getattr(counts, name) for name in closed_form.RESULTS[:-1]), report.layers[0].tile_rows


def _layer(point: Mapping[str, Any]) -> RNNLayer:
    projection_size = point["projection_size"]
    return RNNLayer(
        cell=point["cell"],
        input_size=int(point.get("input_size", point["hidden_size"])),
        hidden_size=int(point["hidden_size"]),
        projection_size=None if projection_size is None else int(projection_size),
        linear_before_reset=point["linear_before_reset"],
        bidirectional=point["bidirectional"],
    )


def _plan(point: Mapping[str, Any]) -> Plan:
    tile_rows = point["tile_rows"]
    fields = {name: point[name] for name in _PLAN}
    return Plan(**fields, tile_rows="best" if tile_rows == "best" else int(tile_rows))


def _plain(value: Any) -> Any:
    """A number of Python's, as a machine takes them."""
    return value.item() if hasattr(value, "item") else value


def _cycles(duration_ns: Any, clock_hz: Any) -> Any:
    """Latencies in cycles: an array, or one number."""
    import numpy as np

    cycles = cycles_from_many_ns(np.atleast_1d(duration_ns), np.atleast_1d(clock_hz))
    return cycles if isinstance(duration_ns, np.ndarray) or isinstance(clock_hz, np.ndarray) else float(cycles[0])


def _check_choice(name: str, value: Any) -> None:
    """Refuse what no layer and no plan can be."""
    try:
        if name in _PLAN:
            Plan(**{name: value})
        elif name == "lengths":
            single_layer(RNNLayer(input_size=1, hidden_size=1), 1).with_lengths(value or (1,))
        else:
            cell = "gru" if name == "linear_before_reset" else "lstm"
            RNNLayer(**{"cell": cell, name: value}, input_size=1, hidden_size=1)
    except (SharpError, TypeError) as error:
        raise SpecificationError(f"points.{error}") from None


def _clocks(axes: Mapping[str, Any], accelerator: Accelerator) -> tuple[str, NDArray[np.float64]]:
    """The column that sets the clock, and the clock in Hz of each of its values."""
    import numpy as np

    if "clock_hz" in axes:
        return "clock_hz", np.asarray(axes["clock_hz"], dtype=np.float64)
    budgets = [accelerator.budget(_plain(value)) for value in axes.get("macs", [accelerator.num_macs])]
    default = accelerator.clock_hz
    clocks = [budget.get("clock_hz", default) for budget in budgets] if "macs" in axes else [default]
    return "macs", np.array(clocks, dtype=np.float64)


def _numbers(name: str, values: Any, accelerator: Accelerator) -> NDArray[np.float64]:
    """A numeric column as doubles, checked; no projection and the best tile height are 0."""
    import numpy as np

    if name == "macs":
        return np.array([accelerator.with_macs(_plain(value)).num_macs for value in values], dtype=np.float64)
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
    array = np.asarray(values)
    if array.dtype.kind not in ("iu" if whole else "iuf"):
        wrong = next((value for value in values if isinstance(value, bool) or not isinstance(value, int | float)), values[0])
        raise refuse(f"points.{name}", expected, _plain(wrong))
    numbers = array.astype(np.float64)
    low, high = (1, MAX_INTEGER) if whole else (LEAST_NUMBER, GREATEST_NUMBER)
    bad = ~((numbers >= low) & (numbers <= high))
    if name == "tile_rows":
        bad, expected = ~np.isin(numbers, accelerator.tile_rows), f"one of {', '.join(map(str, accelerator.tile_rows))} or best"
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        raise refuse(f"points.{name}[{place}]", expected, _plain(array[place]))
    return numbers
