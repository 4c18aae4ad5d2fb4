"""Checks of values that come from outside; each failure is one sentence: where, what was expected, what was got."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sharp.errors import SpecificationError


def refuse(where: str, expected: str, got: object) -> SpecificationError:
    """Make the error ``where: expected ..., got ...``; the caller raises it."""
    return SpecificationError(f"{where}: expected {expected}, got {got!r}")


def suggestion(name: object, known: Iterable[str]) -> str:
    """``" (did you mean 'x' or 'y'?)"`` with the known names nearest to `name`, or nothing."""
    import difflib  # only bad input needs it

    near = difflib.get_close_matches(str(name), list(known), n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(repr(match) for match in near)}?)" if near else ""


def check_integer(where: str, value: object, minimum: int = 1) -> int:
    """Return `value` if it is an integer (not a bool) of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        kind = {0: "a non-negative integer", 1: "a positive integer"}.get(minimum, f"an integer of at least {minimum}")
        raise refuse(where, kind, value)
    return value


def check_number(where: str, value: object) -> float:
    """Return `value` if it is a finite positive number (not a bool)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value > 0):
        raise refuse(where, "a positive number", value)
    return value


def check_flag(where: str, value: object) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, bool):
        raise refuse(where, "true or false", value)
    return value


def check_text(where: str, value: object) -> str:
    """Return `value` if it is a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise refuse(where, "a text", value)
    return value


def check_name(where: str, value: object, known: Collection[str]) -> str:
    """Return `value` if it is one of the `known` names."""
    if not isinstance(value, str) or value not in known:
        listed = ", ".join(known) if len(known) <= 20 else f"one of {len(known)} known names"
        raise SpecificationError(f"{where}: expected {listed}, got {value!r}{suggestion(value, known)}")
    return value


def check_mapping(
    where: str, value: object, known: Collection[str], required: Collection[str] = ()
) -> Mapping[str, Any]:
    """Return `value` if it is a mapping with only `known` keys and all `required` ones."""
    if not isinstance(value, Mapping):
        raise refuse(where, "a mapping", value)
    for key in value:
        if key not in known:
            hint = suggestion(key, known) or f" (known: {', '.join(known)})"
            raise SpecificationError(f"{where}: expected no key {key!r}{hint}")
    for key in required:
        if key not in value:
            raise SpecificationError(f"{where}: expected a key {key!r}, got {', '.join(map(str, value)) or 'none'}")
    return value


def check_list(where: str, value: object) -> list[Any]:
    """Return `value` if it is a list that is not empty."""
    if not isinstance(value, list) or not value:
        raise refuse(where, "a list with at least one entry", value)
    return value
