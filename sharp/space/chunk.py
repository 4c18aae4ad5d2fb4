"""Some points of a space: all that the closed form knows at once, the others one by one, none of them lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sharp.cycles import closed_form
from sharp.cycles.counting import SPLIT
from sharp.errors import OrderError, SharpError
from sharp.space.columns import Labels, is_choice, kinds_of
from sharp.space.inputs import inputs_of
from sharp.space.space import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sharp.space.pricing import Pricing

TableColumns = dict[str, Any]
"""Columns of a table by name: arrays, or `Labels`."""

METHODS = ["closed form", "events"]
_CLOSED_FORM, _EVENTS, _REFUSED = 0, 1, -1
"""What becomes of a point: how its cycles are counted (places in `METHODS`), or that it has none."""
_PART_S = 0.3
"""Seconds after which points that are done one by one are given away."""
_FEW_MACHINES = 64
"""Most that are priced at once, in some tenths of a second."""


class Chunk:
    """The points `first` to ``last - 1`` of a space; `evaluate` and then `parts` give their columns."""

    def __init__(self, space: Space, first: int, last: int, pricing: Pricing | None, *, strict: bool) -> None:
        import numpy as np

        self.space, self.first, self.count = space, first, last - first
        self.pricing, self.strict = pricing, strict
        self.places = space.points.places(first, last)
        self.status = np.full(self.count, _EVENTS, dtype=np.intp)
        self.results = {name: np.zeros(self.count) for name in closed_form.kernel().RESULTS}
        self.totals = np.zeros(self.count, dtype=np.int64)
        self.activity: dict[str, Any] = {} if pricing is None else pricing.nothing_done()
        self.reasons, self._reason_of = {"": 0}, np.zeros(self.count, dtype=np.intp)
        self._kind_of = np.zeros(self.count, dtype=np.intp)
        self._machines: list[int] = []
        self._whole: TableColumns | None = None

    def evaluate(self, is_stopped: Callable[[], bool]) -> Chunk:
        """Evaluate what the closed form knows; any thread may do it, and leaves off where it is stopped."""
        import numpy as np

        alike = [self._code_of(name) for name in self.places]
        firsts, self._kind_of = kinds_of([code for code in alike if code is not None])
        if len(self._kind_of) != self.count:
            self._kind_of = np.zeros(self.count, dtype=np.intp)
        order = np.argsort(self._kind_of, kind="stable")
        groups: list[Any] = [slice(None)]
        if len(firsts) > 1:
            groups = np.split(order, np.cumsum(np.bincount(self._kind_of))[:-1])
        for first, rows in zip(firsts, groups, strict=True):
            if is_stopped():
                return self
            self._evaluate_alike(first, rows)
        if self.pricing is not None:
            self._machines = self.pricing.machines(self.places)
        if not (self.status == _EVENTS).any() and len(self._machines) <= _FEW_MACHINES:
            self._whole = self.columns(0, self.count)
        return self

    def parts(self) -> Iterator[TableColumns]:
        """The columns of the points, in order: all at once, or some as soon as they are there."""
        if self._whole is not None:
            yield self._whole
            return
        first = 0
        for last in self._one_by_one():
            yield self.columns(first, last)
            first = last

    # The closed form -------------------------------------------------------------------------------------------------

    def _code_of(self, name: str) -> NDArray[np.intp] | None:
        """What tells points apart that do not go through the formula together; None: nothing does."""
        column, places = self.space.columns[name], self.places[name]
        if len(column) == 1:
            return None
        if is_choice(name):
            return column.distinct(places)[1]
        if name in ("projection_size", "tile_rows"):
            code: NDArray[np.intp] = (self.space.number(name, self.places) > 0).astype("intp")
            return code
        return None

    def _evaluate_alike(self, first: int, rows: NDArray[np.intp] | slice) -> None:
        """Evaluate points that differ only in numbers, where the closed form applies."""
        import numpy as np

        try:
            scenario = self.space.at(self.places, first)
        except SharpError:
            return  # said of each point that it is, one by one
        plan, layer, machine = scenario.plan, scenario.layer, self.space.machine
        assert plan is not None, "a machine of tiles has a plan"
        if closed_form.why_not(layer.phases, plan, len(machine.tile_rows), not scenario.network.lengths):
            return
        inputs = {
            name: value[rows] if isinstance(value, np.ndarray) else value
            for name, value in inputs_of(self.space, self.places, scenario)
        }
        count = self.status[rows].size
        found = closed_form.evaluate(inputs, count, layer.phases, plan, machine.tile_rows, machine.weight_bytes)
        known = closed_form.are_exact(inputs, found) & (found["chosen_tile_rows"] > 0)
        for name, values in found.items():
            self.results[name][rows] = values
        self.status[rows] = np.where(known, _CLOSED_FORM, _EVENTS)
        self.totals[rows] = np.where(known, found["total_cycles"], 0)
        if self.pricing is not None:
            from sharp.space.pricing import closed_activity

            self._keep(rows, closed_activity(inputs, found, layer, plan, machine))

    # Point by point --------------------------------------------------------------------------------------------------

    def _one_by_one(self) -> Iterator[int]:
        """Simulate the points that are left, price machines; says now and then up to which all is done, and at the end.

        In the thread that asks: Python code gains nothing from another one, and Ctrl-C reaches this one alone.
        """
        import numpy as np

        since, machines = time.monotonic(), set(self._machines)
        for place in sorted(machines.union(np.flatnonzero(self.status == _EVENTS).tolist())):
            if self.status[place] == _EVENTS:  # and not refused with another one
                try:
                    self._simulate(place)
                except SharpError as error:
                    self.refuse(place, error)
            if place in machines and self.pricing is not None:
                self.pricing.work_out(self.places, place)  # kept for all points on this machine
            if time.monotonic() > since + _PART_S and place + 1 < self.count:
                yield place + 1
                since = time.monotonic()
        yield self.count

    def _simulate(self, place: int) -> None:
        report: Any = self.space.at(self.places, place).run()
        for name, value in (vars(report.counts) | {"chosen_tile_rows": report.layers[0].tile_rows}).items():
            if name in self.results:
                self.results[name][place] = value
        self.totals[place] = report.counts.total_cycles
        if self.pricing is not None:
            self._keep(place, vars(report.activities[0]))

    def refuse(self, place: int, error: SharpError) -> None:
        """Keep why a point, and all to which the same applies, has no numbers; or end with it, where that is asked."""
        if self.strict:
            raise error.at(f"points[{self.first + place}]") from None
        where: Any = place
        if isinstance(error, OrderError) and self._is_ours(place):  # a matter of cell, schedule and tile alone
            tile_rows = self.space.number("tile_rows", self.places)
            where = (self.status == _EVENTS) & (self._kind_of == self._kind_of[place])
            where &= tile_rows == (tile_rows if isinstance(tile_rows, float) else tile_rows[place])
        self.status[where] = _REFUSED
        self._reason_of[where] = self.reasons.setdefault(error.reason, len(self.reasons))

    def _is_ours(self, place: int) -> bool:
        plan = self.space.at(self.places, place).plan
        return plan is not None and plan.is_ours

    def _keep(self, rows: Any, found: Mapping[str, Any]) -> None:
        """Keep the activity of all points, or of some."""
        import numpy as np

        for name, values in found.items():
            if isinstance(rows, slice):
                self.activity[name] = values
            else:
                kept = self.activity[name]
                if not isinstance(kept, np.ndarray):
                    kept = self.activity[name] = np.full(self.count, kept)
                kept[rows] = values

    # The table -------------------------------------------------------------------------------------------------------

    def columns(self, first: int, last: int) -> TableColumns:
        """The columns of some of the points, all of which have been evaluated."""
        import numpy as np

        part = slice(first, last)
        places = {name: codes[part] for name, codes in self.places.items()}
        clock = self.space.clock_hz(places)
        with np.errstate(all="ignore"):  # of points without numbers
            numbers = self._measures(part, clock, self.space.num_macs(places))
            energy = {} if self.pricing is None else self._priced(part, places, clock)
        refused = self.status[part] == _REFUSED
        if refused.any():
            numbers, energy = (_emptied(columns, refused) for columns in (numbers, energy))
        asked = self.space.number("tile_rows", places)
        return {
            **{name: self.space.columns[name].shown(places[name]) for name in places if name != "tile_rows"},
            "tile_rows": np.where(refused, asked, self.results["chosen_tile_rows"][part]).astype(np.int64),
            "total_cycles": np.where(refused, 0, self.totals[part]),
            **numbers,
            "method": Labels(self.status[part], METHODS),
            **({} if self.strict else {"reason": Labels(self._reason_of[part], list(self.reasons))}),
            **energy,
        }

    def _measures(self, part: slice, clock: Any, num_macs: Any) -> TableColumns:
        measures = {name: values[part] for name, values in self.results.items()}
        totals = self.totals[part]
        measures["ideal"] = measures["useful"] / num_macs
        for name in ("column_padding", "row_padding"):
            measures[name] = measures[name] / num_macs
        return {
            "latency_s": totals / clock,
            "utilization": measures["ideal"] / totals,
            **{name: measures[name] for name in SPLIT},
        }

    def _priced(self, part: slice, places: Mapping[str, NDArray[np.intp]], clock: Any) -> TableColumns:
        """Energy of some points; some may be refused for their machine's sake."""
        import numpy as np

        assert self.pricing is not None
        activity = {
            name: values[part] if isinstance(values, np.ndarray) else values for name, values in self.activity.items()
        }
        columns, errors = self.pricing.columns(places, activity, clock)
        for rows, error in errors:
            for row in rows.tolist():
                if self.status[part][row] != _REFUSED:
                    self.refuse(part.start + row, error)
        return columns


def _emptied(columns: TableColumns, refused: NDArray[np.bool_]) -> TableColumns:
    """Columns with no number where a point is refused."""
    import numpy as np

    return {name: np.where(refused, np.nan, values) for name, values in columns.items()}
