"""Tables of what is known of rivals: CSV files whose lines beginning with ``#`` say where the numbers come from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from sharp.checks import check_integer, check_mapping, check_number, refuse
from sharp.errors import SpecificationError


def read_rows(
    path: Path, known: Collection[str] | None = None, required: Collection[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and fields by column of each row; `known` columns only, each once, all `required` ones there."""
    columns: list[str] = []
    for line, fields in _records(path):
        where = f"{path}: line {line}"
        if not columns:
            columns = fields
            check_mapping(where, dict.fromkeys(columns), known or columns, required)
            if len(set(columns)) < len(columns):
                raise refuse(where, "each column once", ",".join(columns))
        elif len(fields) != len(columns):
            raise refuse(where, f"{len(columns)} columns", len(fields))
        else:
            yield line, dict(zip(columns, fields, strict=True))


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped fields of each line that is neither empty nor a comment."""
    import csv  # only a table needs it

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SpecificationError(f"{path}: expected a readable CSV file, got: {reason}") from None
    for line, content in enumerate(text.splitlines(), start=1):
        if content.strip(" \t,") and not content.startswith("#"):
            try:
                fields = next(csv.reader([content], strict=True, skipinitialspace=True))
            except csv.Error as error:
                raise SpecificationError(f"{path}: line {line}: expected CSV, got: {error}") from None
            yield line, [value.strip() for value in fields]


def integer(row: Mapping[str, str], name: str, minimum: int = 1) -> int:
    """A column of a row as an integer of at least `minimum`."""
    value = row[name]
    return check_integer(name, int(value) if re.fullmatch(r"[0-9]{1,18}", value) else value, minimum)


def number(row: Mapping[str, str], name: str) -> float:
    """A column of a row as a positive number."""
    value = row[name]
    try:
        found: object = float(value) if value.isascii() and "_" not in value else value
    except ValueError:
        found = value
    return check_number(name, found)
