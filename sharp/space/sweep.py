"""Design spaces: millions of single layers on machines under plans, as a tidy table.

Points that differ only in numbers go through the closed form together, chunk by chunk, on all cores; those to which it
does not apply go through the event simulator one by one, and the table says so.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from sharp.checks import check_integer, check_kind, refuse
from sharp.cycles import closed_form
from sharp.cycles.counting import SPLIT, Progress
from sharp.cycles.simulate import simulate
from sharp.errors import InfeasibleMappingError, SharpError
from sharp.machine.accelerator import LATENCIES, Accelerator, with_settings
from sharp.machine.plan import Plan
from sharp.space.points import DEFAULTS, PLAN, SETTINGS, Points, Rows, Space, is_choice, number_of
from sharp.units import cycles_from_many_ns, many_stages_per_cycle, words_from_bytes
from sharp.workload.network import single_layer

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from sharp.energy.breakdown import Gating
    from sharp.energy.technology import Technology
    from sharp.space.pricing import Pricing

CHUNK_POINTS = 2**16
"""Points evaluated at a time."""

Columns = dict[str, Any]
"""Columns by name: arrays, or `Labels`."""


class Labels(NamedTuple):
    """A column of texts, each kept once."""

    codes: NDArray[np.intp]
    """Which label each point has."""
    labels: list[str]
    """The labels."""


def sweep(
    points: Points | Mapping[str, Any],
    accelerator: Accelerator,
    *,
    technology: Technology | None = None,
    gating: Gating | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Count single layers by the million: every point of a grid, or of columns that go together, as a row of a table.

    Parameters
    ----------
    points : Points or mapping of str to array-like
        Columns `sharp.space.points.COLUMNS`: a `sharp.grid`, or columns that go together, each of one value or one a
        point.
    accelerator : Accelerator
        What columns do not say about the machine.
    technology : Technology, optional
        Adds energy, power and area; points may then have columns of `sharp.energy.technology.SETTINGS` as well.
    gating : Gating, optional
        What is switched off while it has nothing to do; nothing by default.
    threads : int, optional
        Cores to use; all by default.
    progress : callable, optional
        Called with the share of the points done, 0 to 1.

    Returns
    -------
    pandas.DataFrame
        A row a point, in order: its columns, then ``tile_rows`` in use, total_cycles, latency_s, utilization, the
        split in cycles (`sharp.cycles.counting.SPLIT`) and ``method``, "closed form" or "events"; with a technology
        `sharp.energy.breakdown.ENERGY_COLUMNS` after them. All of it is kept in memory; `sweep_chunks` keeps a part.

    Raises
    ------
    SpecificationError
        Where a column is not known or a value is not what it has to be.
    InfeasibleMappingError
        Where a point cannot be mapped, with its place and why.

    Examples
    --------
    >>> import sharp
    >>> table = sharp.sweep(sharp.grid(hidden_size=[340, 1024], macs=["1K", "64K"]), sharp.find_accelerator("sharp"))
    >>> table["total_cycles"].tolist()
    [23440, 1711, 204841, 3247]
    """
    space, pricing = _prepared(points, accelerator, technology, gating)
    whole: dict[str, Any] = {}
    first, total = 0, len(space.points)
    for chunk in _chunks(space, pricing, CHUNK_POINTS, threads, progress):
        for name, values in chunk.items():
            if first == 0:
                whole[name] = _empty(values, total)
            last = first + len(_array(values))
            _array(whole[name])[first:last] = _array(values)
        first = last
    return _table(whole)


def sweep_chunks(
    points: Points | Mapping[str, Any],
    accelerator: Accelerator,
    *,
    technology: Technology | None = None,
    gating: Gating | None = None,
    chunk_points: int = CHUNK_POINTS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[pd.DataFrame]:
    """As `sweep`, a chunk of points at a time: however many points, memory holds a few chunks.

    Parameters and errors are those of `sweep`; `chunk_points` is the length of a chunk.

    Examples
    --------
    >>> import sharp
    >>> points = sharp.grid(hidden_size=range(1, 1001), seq_len=range(1, 101))
    >>> chunks = sharp.sweep_chunks(points, sharp.find_accelerator("sharp"))
    >>> sum(len(chunk) for chunk in chunks)
    100000
    """
    space, pricing = _prepared(points, accelerator, technology, gating)
    for chunk in _chunks(space, pricing, check_integer("chunk_points", chunk_points), threads, progress):
        yield _table(chunk)


def _prepared(
    points: Points | Mapping[str, Any],
    accelerator: Accelerator,
    technology: Technology | None,
    gating: Gating | None,
) -> tuple[Space, Pricing | None]:
    """The points, checked, and what prices them."""
    if not isinstance(points, Points | Mapping):
        raise refuse("points", "a grid or a mapping of columns", points)
    check_kind("accelerator", accelerator, Accelerator)
    points = points if isinstance(points, Points) else Rows(points)
    space = Space(points, accelerator, with_energy=technology is not None)
    if technology is None and gating is not None:
        raise refuse("gating", "a technology with it", technology)
    if technology is None:
        return space, None
    from sharp.space.pricing import Pricing  # with SRAM and technology, only for energy

    return space, Pricing(space, technology, gating)


def _chunks(
    space: Space, pricing: Pricing | None, chunk_points: int, threads: int | None, progress: Progress | None
) -> Iterator[Columns]:
    """The columns of chunk after chunk, in order; some chunks ahead are evaluated meanwhile."""
    workers = (os.cpu_count() or 1) if threads is None else check_integer("threads", threads)
    pending: deque[Future[Columns]] = deque()
    done, total = 0, len(space.points)
    with ThreadPoolExecutor(workers) as pool:
        for first in chain(range(0, total, chunk_points), [total] * 2 * workers):
            if first < total:
                pending.append(pool.submit(_evaluate, space, pricing, first, min(first + chunk_points, total)))
            if pending and (len(pending) > 2 * workers or first == total):
                yield pending.popleft().result()
                done = min(done + chunk_points, total)
                if progress is not None:
                    progress(done / total)


def _evaluate(space: Space, pricing: Pricing | None, first: int, last: int) -> Columns:
    """The columns of the points `first` to ``last - 1``."""
    import numpy as np

    chunk = _Chunk(space, first, space.points.codes(first, last), last - first, pricing)
    results, totals, closed = chunk.evaluate()
    measures = {**results, "tile_rows": results["chosen_tile_rows"]}
    num_macs = chunk.number("macs", space.accelerator.num_macs)
    measures["ideal"] = measures["useful"] / num_macs
    for name in ("column_padding", "row_padding"):
        measures[name] = measures[name] / num_macs
    return {
        **{name: chunk.column(name) for name in space.axes if name != "tile_rows"},
        "tile_rows": measures["tile_rows"].astype(np.int64),
        "total_cycles": totals,
        "latency_s": totals / chunk.clock(),
        "utilization": measures["ideal"] / totals,
        **{name: measures[name] for name in SPLIT},
        "method": Labels(np.where(closed, 0, 1), ["closed form", "events"]),
        **({} if pricing is None else pricing.columns(first, chunk.codes, chunk.counts or {}, chunk.clock())),
    }


def _array(column: Any) -> Any:
    """The array of a column."""
    return column.codes if isinstance(column, Labels) else column


def _empty(column: Any, length: int) -> Any:
    """A column of the same kind, still empty."""
    import numpy as np

    array = np.empty(length, dtype=_array(column).dtype)
    return Labels(array, column.labels) if isinstance(column, Labels) else array


def _table(columns: Columns) -> pd.DataFrame:
    """Columns as a table of pandas, without a copy."""
    import pandas as pd

    data = {
        name: pd.Categorical.from_codes(column.codes, pd.Index(column.labels)) if isinstance(column, Labels) else column
        for name, column in columns.items()
    }
    return pd.DataFrame(data, copy=False)


class _Chunk:
    """Some consecutive points."""

    def __init__(
        self,
        space: Space,
        first: int,
        codes: Mapping[str, NDArray[np.intp]],
        count: int,
        pricing: Pricing | None,
    ) -> None:
        self.space, self.first, self.codes, self.count = space, first, codes, count
        self.counts: dict[str, Any] | None = None if pricing is None else {}

    def number(self, name: str, default: float) -> Any:
        """A numeric column: an array, or one number where it is the same for all."""
        values = self.space.numbers.get(name)
        if values is None:
            return float(default)
        return float(values[0]) if len(values) == 1 else values[self.codes[name]]

    def clock(self) -> Any:
        """Clock in Hz: its own column, or that of the budget."""
        values = self.space.clocks
        return float(values[0]) if len(values) == 1 else values[self.codes[self.space.clock_column]]

    def column(self, name: str) -> Any:
        """A column as the table shows it."""
        import numpy as np

        values, code = self.space.axes[name], self.codes[name]
        if isinstance(values, np.ndarray):
            return values[code]
        distinct, places = self.space.choices[name]
        if all(isinstance(value, str) for value in distinct):
            return Labels(places[code], distinct)
        array = np.empty(len(distinct), dtype=object)
        array[:] = distinct
        return array[places[code]]

    def point(self, place: int) -> dict[str, Any]:
        """All columns of one point."""
        return {
            **self.space.defaults,
            **{name: self.space.axes[name][code[place]] for name, code in self.codes.items()},
        }

    def _plan(self, point: Mapping[str, Any]) -> Plan:
        """The plan of a point, its schedule looked up once for all."""
        fields = {name: point[name] for name in PLAN} | {"schedule": self.space.schedules[point["schedule"]]}
        tile_rows = point["tile_rows"]
        return Plan(**fields, tile_rows="best" if tile_rows == "best" else int(tile_rows))

    def evaluate(self) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64], NDArray[np.bool_]]:
        """Results by name, the totals as integers, and which points the closed form gave."""
        import numpy as np

        results = {name: np.zeros(self.count) for name in closed_form.kernel().RESULTS}
        closed = np.zeros(self.count, dtype=np.bool_)
        for first, rows in self._alike():
            point = self.point(first)
            try:
                plan, layer = self._plan(point), self.space.layer(point)
            except SharpError:
                continue  # said of the point that it is, one by one
            heights = self.space.accelerator.tile_rows
            if not closed_form.why_not(layer.phases, plan, len(heights), not point["lengths"]):
                inputs = dict(self._inputs(point))
                inputs = {
                    name: value[rows] if isinstance(value, np.ndarray) else value for name, value in inputs.items()
                }
                weight_bytes = self.space.accelerator.weight_bytes
                count = closed[rows].size
                found = closed_form.evaluate(inputs, count, layer.phases, plan, heights, weight_bytes)
                for name, values in found.items():
                    results[name][rows] = values
                closed[rows] = closed_form.are_exact(inputs, found) & (found["chosen_tile_rows"] > 0)
                if self.counts is not None:
                    from sharp.space.pricing import closed_activity

                    self._put(rows, closed_activity(inputs, found, layer, plan, self.space.accelerator))
        totals = np.where(closed, results["total_cycles"], 0).astype(np.int64)
        for place in np.flatnonzero(~closed).tolist():
            simulated = self._simulated(place)
            totals[place] = simulated["total_cycles"]
            for name, values in results.items():
                values[place] = simulated[name]
        return results, totals, closed

    def _put(self, rows: Any, found: Mapping[str, Any]) -> None:
        """Keep the activity of all points, or of some."""
        import numpy as np

        assert self.counts is not None
        for name, values in found.items():
            if isinstance(rows, slice):
                self.counts[name] = values
            else:
                kept = self.counts.get(name, 0.0)
                if not isinstance(kept, np.ndarray):
                    kept = self.counts[name] = np.full(self.count, kept)
                kept[rows] = values

    def _alike(self) -> Iterator[tuple[int, NDArray[np.intp] | slice]]:
        """Points that differ only in numbers, a group at a time, after the first of them."""
        import numpy as np

        label = np.zeros(self.count, dtype=np.intp)
        for name, code in self.codes.items():
            if is_choice(name):
                distinct, places = self.space.choices[name]
                label = label * len(distinct) + places[code]
            elif name in ("projection_size", "tile_rows"):
                label = label * 2 + (self.space.numbers[name][code] > 0)
        groups = np.unique(label).tolist()
        for group in groups:
            rows = np.flatnonzero(label == group) if len(groups) > 1 else slice(None)
            yield int(np.argmax(label == group)), rows

    def _inputs(self, point: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Inputs of the closed form."""
        import numpy as np

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
            yield "tile_rows", number("tile_rows", point["tile_rows"])
        for name in ("activation_lanes", "rows_per_update_lane"):
            yield name, number(name, getattr(machine, name))
        for name in LATENCIES:
            yield name.removesuffix("_ns"), _convert(cycles_from_many_ns, number(name, getattr(machine, name)), clock)
        fitting = _convert(many_stages_per_cycle, number("add_ns", machine.add_ns), clock)
        yield "levels_per_cycle", np.minimum(number("chained_levels", machine.chained_levels), fitting)
        sums_bytes = number("intermediate_buffer", machine.intermediate_buffer.capacity_bytes)
        yield "intermediate_buffer_bytes", sums_bytes  # for its size alone
        yield "intermediate_words", words_from_bytes(sums_bytes, machine.partial_sum_bits)
        yield "io_buffer_bytes", number("io_buffer", machine.io_buffer.capacity_bytes)  # energy only
        yield "weight_buffer_bytes", number("weight_buffer", machine.weight_buffer.capacity_bytes)
        yield "dram_bytes_per_cycle", number("dram_bytes_per_s", machine.dram_bytes_per_s) / clock

    def _simulated(self, place: int) -> dict[str, int]:
        """Results of one point by the event simulator."""
        point = self.point(place)
        try:
            settings = self.space.accelerator.budget(point["macs"]) if "macs" in point else {}
            settings |= {name: number_of(name, point[name]) for name in ("clock_hz", *SETTINGS) if name in point}
            machine = with_settings(self.space.accelerator, settings)
            layer = self.space.layer(point)
            network = single_layer(layer, int(point["seq_len"]), int(point["batch_size"]))
            network = network.with_lengths(point["lengths"]) if point["lengths"] else network
            report = simulate(network, machine, self._plan(point))
        except SharpError as error:
            raise InfeasibleMappingError(f"points[{self.first + place}]: {error}") from None
        if self.counts is not None:
            self._put(place, vars(report.activities[0]))
        return vars(report.counts) | {"chosen_tile_rows": report.layers[0].tile_rows}


def _convert(conversion: Callable[..., NDArray[np.float64]], duration_ns: Any, clock_hz: Any) -> Any:
    """What latencies are at a clock: an array, or one number."""
    import numpy as np

    found = conversion(np.atleast_1d(duration_ns), np.atleast_1d(clock_hz))
    return found if isinstance(duration_ns, np.ndarray) or isinstance(clock_hz, np.ndarray) else float(found[0])
