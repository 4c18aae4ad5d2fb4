"""The grid of a batch: a notebook, and the points that it is run at."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sharp.artifact.manifest import begin_line
from sharp.artifact.notebook import find_notebook, merge_parameters, read_notebook
from sharp.artifact.parameters import read_defaults, read_value
from sharp.checks import check_list, check_mapping, refuse, within
from sharp.yamlfile import read_yaml

MAX_POINTS = 1000
_AXIS = "each"
_LONGEST_NAME = 80


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a grid."""

    name: str
    """Name of its folder: the axes' values, and a hash of notebook name and parameters, so that no two are equal."""
    parameters: Mapping[str, Any]
    """The parameters that the grid gives."""
    line: Mapping[str, Any]
    """What its manifest begins with: notebook, all parameters, code, packages. Another one, and it runs again."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A notebook and the points that it is run at."""

    notebook: Path
    """Its stem names the outputs."""
    source: bytes
    """What the notebook holds."""
    axes: tuple[str, ...]
    """The parameters that vary."""
    points: tuple[Point, ...]
    """In the grid's order, the last axis fastest."""


def load_batch(path: Path) -> Batch:
    """Load a grid: a notebook's id or path, and parameters, each a value or ``{each: [..]}``.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got: no notebook, a parameter that it does not have or of
        another kind, an empty list, equal points, too many.
    """
    content = read_yaml(path)
    with within(f"{path}: "):
        check_mapping("grid", content, ("notebook", "parameters"), ("notebook",))
        notebook = find_notebook(content["notebook"], path.parent)
    source, cells = read_notebook(notebook)
    defaults = read_defaults(notebook, cells)
    with within(f"{path}: "):
        given = content.get("parameters", {})
        axes, values = _read_parameters(given, defaults)
    line = begin_line(notebook, source, {})
    points = []
    for choice in itertools.product(*values):
        parameters = dict(zip(given, choice, strict=True))
        merged = merge_parameters(defaults, parameters)
        name = _name(notebook.stem, axes, parameters)
        points.append(Point(name=name, parameters=parameters, line={**line, "parameters": merged}))
    return Batch(notebook=notebook, source=source, axes=axes, points=tuple(points))


def _read_parameters(given: Any, defaults: Mapping[str, str]) -> tuple[tuple[str, ...], list[list[Any]]]:
    """The axes, and for each parameter its values; that of one without an axis is one."""
    check_mapping("parameters", given, defaults)
    values = [_values(name, value, defaults[name]) for name, value in given.items()]
    number = math.prod(map(len, values))
    if number > MAX_POINTS:
        raise refuse("parameters", f"at most {MAX_POINTS} points", number)
    return tuple(name for name, value in given.items() if _is_axis(value)), values


def _is_axis(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {_AXIS}


def _values(name: str, value: Any, default: str) -> list[Any]:
    """The values of a parameter, each of which the notebook can take, no two equal."""
    where, given = f"parameters.{name}", [value]
    if _is_axis(value):
        where, given = f"{where}.{_AXIS}", value[_AXIS]
    values = [read_value(where, entry, name, default) for entry in check_list(where, given)]
    seen = set()
    for entry in values:
        text = json.dumps(entry, sort_keys=True)
        if text in seen:
            raise refuse(where, "values that differ", entry, " twice")
        seen.add(text)
    return values


def _name(stem: str, axes: Sequence[str], parameters: Mapping[str, Any]) -> str:
    readable = ",".join(f"{axis}={_slug(parameters[axis])}" for axis in axes) or "point"
    digest = hashlib.sha256(json.dumps([stem, parameters], sort_keys=True).encode()).hexdigest()
    return f"{readable[:_LONGEST_NAME]}-{digest[:8]}"


def _slug(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(map(_slug, value))
    text = value if isinstance(value, str) else json.dumps(value)
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text)
