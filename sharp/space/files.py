"""Design spaces from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sharp.checks import check_integer, check_mapping, refuse, within
from sharp.plugins import refuse_code
from sharp.space.points import Grid, grid
from sharp.space.scenario import check_column, value_of
from sharp.yamlfile import read_yaml


def load_grid(path: Path, *, allow_code: bool = False) -> Grid:
    """Load a grid of points: a mapping of columns (`scenario.COLUMNS`) to a value, a list, or from, to and step.

    With `allow_code` schedules and cells may be those of Python files, whose code then runs.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    content = read_yaml(path)
    with within(f"{path}: "):
        for name in ("schedule", "cell"):
            values = content.get(name)
            for value in values if isinstance(values, list) else [values]:
                refuse_code(f"points.{name}", value, allow_code)
        for name in content:
            check_column("points", name)
        return grid(**{name: axis_of("points", name, values) for name, values in content.items()})


def axis_of(where: str, name: str, values: Any) -> Any:
    """The values of a column as a file has them: a value, a list, or a range of integers."""
    if isinstance(values, Mapping):
        with within(f"{where}.{name}"):
            check_mapping("", values, ("from", "to", "step"), ("from", "to"))
            given = {key: value_of(name, value, key) for key, value in values.items()}
            first, last = check_integer("from", given["from"]), check_integer("to", given["to"])
            if last < first:
                raise refuse("to", f"at least {first}, as from", last)
            return range(first, last + 1, check_integer("step", given.get("step", 1)))
    if name == "lengths" and isinstance(values, list):
        return [tuple(value) if isinstance(value, list) else value for value in values]
    return values
