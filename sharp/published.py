"""Numbers of files: each with its value or range, unit, source and status."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sharp.checks import check_list, check_mapping, refuse, within
from sharp.provenance import Provenance, PublishedNumber
from sharp.quantities import in_unit
from sharp.shipped import DATA
from sharp.yamlfile import read_yaml

PROVENANCE_KEYS = ("unit", "source", "status", "range")
"""Keys that say where a number comes from."""


def provenance_from(entry: Mapping[str, Any]) -> Provenance:
    """Where a number comes from, as its entry says; a user's own where it does not."""
    low, high, unit = None, None, entry.get("unit", "1")
    if entry.get("range") is not None:
        bounds = [in_unit("range", bound, unit) for bound in check_list("range", entry["range"])]
        if len(bounds) != 2 or not all(isinstance(bound, int | float) for bound in bounds):
            raise refuse("range", "two numbers, the lower one first", bounds)
        low, high = bounds
    return Provenance(
        source=entry.get("source", "the user's file"),
        status=entry.get("status", "given"),
        unit=unit,
        low=low,
        high=high,
    )


def provenances_from(entries: object, known: tuple[str, ...]) -> dict[str, Provenance]:
    """Where some numbers come from, by name."""
    result = {}
    for name, entry in check_mapping("provenance", entries, known).items():
        with within(f"provenance.{name}"):
            result[name] = provenance_from(check_mapping("", entry, PROVENANCE_KEYS, ("source", "status")))
    return result


def published_numbers() -> dict[str, PublishedNumber]:
    """Numbers that the paper prints and the book compares with (``sharp/data/published.yaml``).

    Returns
    -------
    dict of str to PublishedNumber
        By id, such as "utilization_sharp_64k"; each with unit, place in the paper, and how it was read.
    """
    return load_numbers(DATA / "published.yaml")


def printed_values() -> Mapping[str, float]:
    """Values of `published_numbers` by id; not a number (NaN) for what the paper does not print.

    Figures ask for the numbers of any network or budget, a user's own included, and leave out what is none.
    """
    values = {name: number.value for name, number in published_numbers().items()}
    return defaultdict(lambda: math.nan, values)


def load_numbers(path: Path) -> dict[str, PublishedNumber]:
    """Load numbers by id, each a mapping with value, unit, source, status and, if it has one, range.

    Raises
    ------
    SpecificationError
        With the file, the number, what was expected and what was got.
    """
    return numbers_from(path, read_yaml(path))


def numbers_from(path: Path, content: Mapping[str, Any]) -> dict[str, PublishedNumber]:
    """Numbers that the content of a file lists (`load_numbers`)."""
    numbers = {}
    for name, entry in content.items():
        with within(f"{path}: {name}"):
            numbers[name] = published_from(entry)
    return numbers


def published_from(entry: object) -> PublishedNumber:
    """A number that says its unit, source and status."""
    fields = check_mapping("", entry, ("value", *PROVENANCE_KEYS), ("value", "unit", "source", "status"))
    provenance = provenance_from(fields)
    value = in_unit("value", fields["value"], provenance.unit)
    if isinstance(value, int | float) and not provenance.covers(value):
        raise refuse("value", f"a number in its own range {provenance.low} to {provenance.high}", value)
    return PublishedNumber(value=value, provenance=provenance)


def number_from(entry: object, unit: str) -> PublishedNumber:
    """A number in a unit, with where it comes from; a plain one is the user's own."""
    if not isinstance(entry, Mapping):
        entry = {"value": entry, "unit": unit, "source": "the user's file", "status": "given"}
    number = published_from(entry)
    if number.provenance.unit != unit:
        raise refuse("unit", unit, number.provenance.unit)
    return number
