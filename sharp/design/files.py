"""Spaces of designs from files: axes, limits and an objective as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sharp.checks import check_kind, check_mapping, within
from sharp.design.axes import check_axes
from sharp.design.goal import LIMITS
from sharp.plugins import refuse_code
from sharp.quantities import quantity
from sharp.yamlfile import read_yaml

_KEYS = ("axes", *LIMITS, "objective")


class SpaceFile(NamedTuple):
    """What a file says of a search."""

    axes: dict[str, tuple[Any, ...]]
    goal: dict[str, Any]
    """Fields of `Goal`; those that the file does not give are left out."""


def load_space(path: Path, *, allow_code: bool = False) -> SpaceFile:
    """Load a space of designs: ``axes``, and if it likes ``deadline``, ``power``, ``area``, ``period``, ``objective``.

    Parameters
    ----------
    path : Path
    allow_code : bool
        Whether an axis may name schedules of Python files, whose code then runs.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    content = read_yaml(path)
    with within(f"{path}: "):
        check_mapping("", content, _KEYS, ("axes",))
        axes = check_axes(check_kind("axes", content["axes"], Mapping))  # type: ignore[type-abstract]
        for value in axes.get("schedule", ()):
            refuse_code("axes.schedule", value, allow_code)
        goal = goal_fields({name: content[name] for name in LIMITS if name in content})
        return SpaceFile(axes, goal | ({"objective": content["objective"]} if "objective" in content else {}))


def goal_fields(limits: Mapping[str, object]) -> dict[str, Any]:
    """Fields of `Goal` from limits as people write them, by the names of `LIMITS`: ``{"deadline": "50ms"}``.

    Raises
    ------
    SpecificationError
        Where one is no quantity of its unit.
    """
    return {field: quantity(name, limits[name], unit) for name, (field, unit) in LIMITS.items() if name in limits}
