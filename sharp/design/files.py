"""Spaces of designs from files: axes, limits and an objective as YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sharp.checks import check_kind, check_mapping, check_text, within
from sharp.design.axes import check_axes
from sharp.design.goal import LIMITS
from sharp.plugins import refuse_code
from sharp.quantities import quantity
from sharp.space.files import axis_of
from sharp.yamlfile import read_yaml

OF_A_CHOICE = ("axes", *LIMITS, "objective")
OF_A_SEARCH = ("axes", *LIMITS, "objectives", "conditions")
"""Keys of a file."""

Check = Callable[[Mapping[str, Any]], dict[str, tuple[Any, ...]]]


class SpaceFile(NamedTuple):
    """What a file says of a search."""

    axes: dict[str, tuple[Any, ...]]
    goal: dict[str, Any]
    """Fields of `Goal`; those that the file does not give are left out."""
    objectives: tuple[str, ...] = ()
    """In what no design of a search's front is beaten; none: as `sharp.design.search` has it."""
    conditions: tuple[str, ...] = ()
    """What designs have to meet to be in the space."""


def load_space(
    path: Path, *, allow_code: bool = False, keys: tuple[str, ...] = OF_A_CHOICE, check: Check = check_axes
) -> SpaceFile:
    """Load a space of designs: ``axes``, and if it likes limits, and what a choice or a search has beside them.

    Parameters
    ----------
    path : Path
    allow_code : bool
        Whether an axis may name schedules or cells of Python files, whose code then runs.
    keys : tuple of str
        `OF_A_CHOICE` or `OF_A_SEARCH`.
    check : callable
        What axes have to be: those of a choice (`check_axes`), or of a search (`check_space`).

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    content = read_yaml(path)
    with within(f"{path}: "):
        check_mapping("", content, keys, ("axes",))
        given = check_kind("axes", content["axes"], Mapping)  # type: ignore[type-abstract]
        axes = check({name: axis_of("axes", name, values) for name, values in given.items()})
        for name in ("schedule", "cell"):
            for value in axes.get(name, ()):
                refuse_code(f"axes.{name}", value, allow_code)
        goal = goal_fields({name: content[name] for name in LIMITS if name in content})
        goal |= {"objective": content["objective"]} if "objective" in content else {}
        return SpaceFile(axes, goal, _texts(content, "objectives"), _texts(content, "conditions"))


def _texts(content: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts, or one alone."""
    given = content.get(name, ())
    return tuple(check_text(name, each) for each in (given if isinstance(given, list | tuple) else (given,)))


def goal_fields(limits: Mapping[str, object]) -> dict[str, Any]:
    """Fields of `Goal` from limits as people write them, by the names of `LIMITS`: ``{"deadline": "50ms"}``.

    Raises
    ------
    SpecificationError
        Where one is no quantity of its unit.
    """
    return {field: quantity(name, limits[name], unit) for name, (field, unit) in LIMITS.items() if name in limits}
