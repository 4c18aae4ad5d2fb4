"""A design space: points around a scenario, which says whatever they do not; columns are checked when it is made."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharp.checks import check_name, check_text, refuse, within
from sharp.cycles.schedule import loaded as loaded_plan
from sharp.cycles.schedule import schedule_of
from sharp.errors import SharpError, SpecificationError
from sharp.machine.plan import Plan
from sharp.plugins import names_code
from sharp.space.columns import Choices, Column, Numbers, is_choice
from sharp.space.points import Points
from sharp.space.scenario import COLUMNS, OPTIONS, PLAN, Scenario, bounds_of, expected_of, is_whole
from sharp.workload.cell import Cell
from sharp.workload.cells import find_cell
from sharp.workload.network import RNNLayer
from sharp.workload.single import single_layer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Places = Mapping[str, "NDArray[np.intp]"]
"""Which value of each column some points have."""

_NONE = {"projection_size": None, "tile_rows": "best"}
"""What a number may be instead; as a number it is 0."""


class Space:
    """Points whose columns have been checked, around a scenario of one layer on a machine of tiles."""

    def __init__(self, points: Points, scenario: Scenario) -> None:
        self.points, self.columns, self.scenario = points, points.columns, scenario
        self.machine = scenario.tiles
        if scenario.layer.residual:
            raise refuse("network", "one without a residual addition", scenario.network.name)
        for name in self.columns:
            if name not in COLUMNS and not is_choice(name) and scenario.technology is None:
                raise SpecificationError(f"points.{name}: expected a technology (--energy) with this column, got none")
        if "lengths" in self.columns and {"seq_len", "batch_size"} & set(self.columns):
            raise SpecificationError("points: expected lengths, or seq_len and batch_size, got both")
        self._tables = {name: self._checked(name, column) for name, column in self.columns.items()}
        self._loaded = self._load()
        budgets = [self.machine.budget(budget.num_macs) for budget in self.machine.budgets.values()]
        self._clocks = {budget["num_macs"]: budget["clock_hz"] for budget in budgets}

    def __len__(self) -> int:
        return len(self.points)

    @property
    def cautions(self) -> tuple[str, ...]:
        """What is odd of the numbers of the machine, or of columns: those outside their plausible range."""
        numbers = {name: column for name, column in self.columns.items() if isinstance(column, Numbers)}
        return self.scenario.cautions({name: column.ends for name, column in numbers.items()})

    # Values of points ------------------------------------------------------------------------------------------------

    def number(self, name: str, places: Places) -> Any:
        """A number of some points as doubles: an array, or one number where it is the same for all.

        No projection and the best tile height are 0.
        """
        column = self.columns.get(name)
        if column is None:
            value = self.scenario.value(name)
            return 0.0 if value in (None, "best") else float(value)
        alone = len(column) == 1
        if isinstance(column, Numbers):
            return float(column.value(0)) if alone else column.shown(places[name]).astype("float64")
        table = self._tables[name]
        assert table is not None, f"{name} has no numbers"
        return float(table[0]) if alone else table[column.distinct(places[name])[1]]

    def num_macs(self, places: Places) -> Any:
        """Multipliers of some points."""
        return self.number("macs", places) if "macs" in self.columns else float(self.machine.num_macs)

    def clock_hz(self, places: Places) -> Any:
        """Clock of some points in Hz: a column of its own, or that of the budget."""
        import numpy as np

        if "clock_hz" in self.columns or "macs" not in self.columns:
            return self.number("clock_hz", places)
        num_macs = self.number("macs", places)
        clocks = np.full(np.shape(num_macs), float(self.machine.clock_hz))
        for number, clock_hz in self._clocks.items():
            clocks[num_macs == number] = clock_hz
        return clocks if clocks.ndim else float(clocks)

    def point(self, places: Places, index: int) -> dict[str, Any]:
        """All columns of one of some points; a cell and a schedule are loaded once for all."""
        values = {name: column.value(int(places[name][index])) for name, column in self.columns.items()}
        return {**values, **{name: self._loaded[name][values[name]] for name in self._loaded if name in values}}

    def at(self, places: Places, index: int) -> Scenario:
        """The scenario of one of some points.

        Raises
        ------
        SpecificationError
            Where its columns do not go together.
        """
        return self.scenario.at(self.point(places, index))

    def code_files(self) -> list[Path]:
        """The Python files of cells and schedules that are none of ours; what these import is not seen."""
        named = {name: part for table in self._loaded.values() for name, part in table.items()}
        files = {name.rpartition(":")[0] for name in named if names_code(name)}
        for part in (*named.values(), getattr(self.scenario.plan, "schedule", "")):
            if isinstance(part, Cell):  # of a package: it does not say where it was made, its functions do
                functions = (part.phases, part.elementwise)
                files.update(getattr(getattr(function, "__code__", None), "co_filename", "") for function in functions)
            elif not isinstance(part, str):
                files.add(getattr(sys.modules.get(type(part).__module__), "__file__", None) or "")
        return sorted(path for path in map(Path, files) if path.is_file())

    # Checks ----------------------------------------------------------------------------------------------------------

    def _checked(self, name: str, column: Column) -> NDArray[np.float64] | None:
        """Refuse a column that holds anything that no point can have; returns the numbers of choices that are some."""
        import numpy as np

        if is_choice(name) or name == "cell_type":
            values = column.values if isinstance(column, Choices) else [column.value(0)]
            for value in values:
                _check_choice(name, value)
            return None
        if isinstance(column, Numbers):
            ends = column.shown(np.array([0, min(1, len(column) - 1), len(column) - 1]))
            if isinstance(column.values, range) and name != "tile_rows" and self._are_good(name, ends).all():
                return None  # a range lies between its ends, and is of multiples where its first two numbers are
            for first, numbers in column.blocks():
                self._check_numbers(name, first, numbers)
            return None
        if name == "macs":
            return np.array([self.machine.with_macs(value).num_macs for value in column.values], dtype=np.float64)
        none = _NONE.get(name, ...)
        table = np.zeros(len(column.values))
        for place, value in enumerate(column.values):
            if value != none:
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise refuse(f"points.{name}", expected_of(name), value)
                self._check_numbers(name, int(np.flatnonzero(column.which == place)[0]), np.array([value]))
                table[place] = value
        return table

    def _check_numbers(self, name: str, first: int, values: NDArray[Any]) -> None:
        import numpy as np

        if values.dtype.kind not in "iuf":
            raise refuse(f"points.{name}", expected_of(name), values.tolist()[0])
        good = self._are_good(name, values)
        if not good.all():
            place = int(np.flatnonzero(~good)[0])
            value = values[place].item()
            if name == "macs":
                self.machine.with_macs(value)  # says why
            expected = expected_of(name)
            if name == "tile_rows":
                expected = f"one of {', '.join(map(str, self.machine.tile_rows))} or best"
            raise refuse(f"points.{name}[{first + place}]", expected, value)

    def _are_good(self, name: str, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Which numbers a column may have."""
        import numpy as np

        if name == "tile_rows":
            return np.isin(values, self.machine.tile_rows)
        low, high = bounds_of(name)
        numbers = values.astype(np.float64)
        good: NDArray[np.bool_] = (numbers >= low) & (numbers <= high)
        if is_whole(name):
            good &= numbers == np.floor(numbers)
        if name == "macs":
            good[good] = numbers[good] % lcm(*self.machine.tile_rows) == 0
        return good

    def _load(self) -> dict[str, dict[Any, Any]]:
        """Cells and schedules of columns by what columns call them, each loaded once."""
        loaded: dict[str, dict[Any, Any]] = {}
        with within("points"):
            assert self.scenario.plan is not None, "a machine of tiles has a plan"
            self.machine.heights(self.scenario.plan)  # its own height may not be one that it still has
            self.scenario = replace(self.scenario, plan=loaded_plan(self.scenario.plan))
            for name, find in (("schedule", lambda value: schedule_of(Plan(schedule=value))), ("cell", find_cell)):
                column = self.columns.get(name)
                if isinstance(column, Choices):
                    loaded[name] = {value: find(value) for value in column.values}
            cells = loaded.get("cell") or {"": self.scenario.layer.cell}
            self._check_options([find_cell(cell) if isinstance(cell, str) else cell for cell in cells.values()])
        return loaded

    def _check_options(self, cells: list[Cell]) -> None:
        """Refuse columns of options that none of the cells has, or that have a value which it does not take."""
        known = {OPTIONS + name: name for cell in cells for name in cell.options}
        for name, column in self.columns.items():
            if name.startswith(OPTIONS):
                option = known[check_name("columns", name, known)]
                assert isinstance(column, Choices), "options are choices"
                for cell, value in product(cells, column.values):
                    if option in cell.options:
                        cell.complete({option: value})


def _check_choice(name: str, value: Any) -> None:
    """Refuse what no layer and no plan can be."""
    if name.startswith(OPTIONS):
        return  # once the cells are known
    try:
        if name in ("schedule", "cell", "cell_type"):
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
