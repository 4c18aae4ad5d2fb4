"""Checks of values that come from outside; each failure is one sentence: where, what was expected, what was got."""

from __future__ import annotations

import operator
import re
import reprlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from string import ascii_letters
from types import MappingProxyType
from typing import Any, TypeVar

from sharp.errors import SpecificationError

MAX_INTEGER = 2**63 - 1
"""Greatest integer that an input may be."""
LEAST_NUMBER, GREATEST_NUMBER = 1e-30, 1e30
"""Bounds of a positive number, far beyond what any machine has."""
_LONGEST_NAME = 200
"""Characters of a name that may be a known one, mistyped."""


Kind = TypeVar("Kind")


class _Short(reprlib.Repr):
    """A value as an error shows it: a few parts of it, each short."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxstring = self.maxlong = self.maxother = 80

    def repr_int(self, value: int, level: int) -> str:
        """An integer; Python writes out none of thousands of digits."""
        return super().repr_int(value, level) if value.bit_length() < 4096 else f"~2^{value.bit_length() - 1}"


_short = _Short()


def refuse(where: str, expected: str, got: object, hint: str = "") -> SpecificationError:
    """Make the error ``where: expected ..., got ...``, a hint behind it; the caller raises it."""
    return SpecificationError(f"{where}: expected {expected}, got {_short.repr(got)}{hint}")


@contextmanager
def within(where: str) -> Iterator[None]:
    """Put `where` in front of the sentence of a `SpecificationError` raised inside."""
    try:
        yield
    except SpecificationError as error:
        separator = "." if re.match(r"[a-z_]+(\[|\.|:)", str(error)) and not where.endswith(": ") else ""
        raise SpecificationError(f"{where}{separator}{error}") from None


def suggestion(name: object, known: Iterable[str]) -> str:
    """``" (did you mean 'x' or 'y'?)"`` with the known names nearest to `name`, or nothing."""
    import difflib  # only bad input needs it

    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        return ""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(repr(match) for match in near)}?)" if near else ""


def check_integer(where: str, value: object, minimum: int = 1) -> int:
    """Return `value` as an int if it is a whole number (8e6 is one, True is not) from `minimum` to 2^63 - 1."""
    try:
        whole = isinstance(value, float) and value.is_integer()
        number = int(value) if whole else operator.index(value)  # type: ignore[call-overload,arg-type]
    except TypeError:
        number = minimum - 1
    if isinstance(value, bool) or number < minimum:
        raise refuse(where, "a positive integer" if minimum == 1 else f"an integer of at least {minimum}", value)
    if number > MAX_INTEGER:
        raise refuse(where, "an integer below 2^63", value)
    return number


def check_number(where: str, value: object) -> float:
    """Return `value` if it is a positive number (not a bool), neither infinite nor beyond all reason."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0 or value == float("inf"):
        raise refuse(where, "a positive number", value)
    if not LEAST_NUMBER <= value <= GREATEST_NUMBER:
        raise refuse(where, f"a number from {LEAST_NUMBER:g} to {GREATEST_NUMBER:g}", value)
    return value


def check_between(where: str, value: object, low: float, high: float) -> float:
    """Return `value` if it is a number (not a bool) from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise refuse(where, f"a number from {low:g} to {high:g}", value)
    return value


def check_flag(where: str, value: object) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, bool):
        raise refuse(where, "true or false", value)
    return value


def check_text(where: str, value: object) -> str:
    """Return `value` if it is a printable text that is not empty."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise refuse(where, "a printable text", value)
    return value


def check_letters(where: str, value: object, of: str | None = None) -> str:
    """Return `value` if it is different letters of the alphabet: at least one, or any number of those of `of`."""
    expected = "different letters of the alphabet" if of is None else f"none or different ones of {of}"
    letters = set(value) if isinstance(value, str) else set()
    if (
        not isinstance(value, str)
        or len(letters) != len(value)
        or not letters <= set(ascii_letters if of is None else of)
    ):
        raise refuse(where, expected, value)
    if not value and of is None:
        raise refuse(where, expected, value)
    return value


def check_name(where: str, value: object, known: Collection[str]) -> str:
    """Return `value` if it is one of the `known` names."""
    if not isinstance(value, str) or value not in known:
        listed = ", ".join(known) if len(known) <= 20 else f"one of {len(known)} known names"
        raise refuse(where, listed, value, suggestion(value, known))
    return value


def check_mapping(
    where: str,
    value: object,
    known: Collection[str],
    required: Collection[str] = (),
    hints: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[str, Any]:
    """Return `value` if it is a mapping with only `known` keys and all `required` ones; `hints` are for some others."""
    if not isinstance(value, Mapping):
        raise refuse(where, "a mapping", value)
    for key in value:
        if key not in known:
            hint = hints.get(key, "") or suggestion(key, known) or f" (known: {', '.join(known)})"
            raise SpecificationError(f"{where}: expected no key {_short.repr(key)}{hint}")
    for name in required:
        if name not in value:
            keys = [key if isinstance(key, str) else repr(key) for key in islice(value, 20)]
            raise SpecificationError(f"{where}: expected a key {name!r}, got {', '.join(keys) or 'none'}")
    return value


def check_kind(where: str, value: object, kind: type[Kind]) -> Kind:
    """Return `value` if it is an object of a class, such as the network that a function is called with."""
    if not isinstance(value, kind):
        name = "text" if kind is str else kind.__name__
        raise refuse(where, f"{'an' if name[0] in 'AEIOU' else 'a'} {name}", value)
    return value


def check_items(where: str, value: object, what: str) -> tuple[Any, ...]:
    """Return what a list, a tuple or another iterable holds; `what` says what that has to be."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise refuse(where, what, value)
    return tuple(value)


def check_list(where: str, value: object) -> list[Any]:
    """Return `value` if it is a list that is not empty."""
    if not isinstance(value, list) or not value:
        raise refuse(where, "a list with at least one entry", value)
    return value
