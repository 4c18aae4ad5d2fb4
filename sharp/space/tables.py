"""A sweep into a file: rows as they are counted, and what a signal ends goes on where it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from sharp.checks import refuse
from sharp.cycles import closed_form
from sharp.cycles.counting import Progress
from sharp.errors import SharpError, SpecificationError
from sharp.files import csv_text, file_at, replacing, writable
from sharp.space.chunk import TableColumns
from sharp.space.columns import Choices
from sharp.space.parquet import SUFFIX, write_parquet
from sharp.space.partial import Partial
from sharp.space.space import Space
from sharp.space.sweep import swept, table_of
from sharp.version import code_sha256

if TYPE_CHECKING:
    import pandas as pd

_LINES = 2**18
"""Lines of a part that are read at a time."""


class Written(NamedTuple):
    """What is in a table."""

    points: int
    """Rows."""
    refused: int
    """Of these, points without numbers."""


def write_table(
    output: Path,
    space: Space,
    *,
    strict: bool = False,
    resume: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    note: Callable[[str], object] = lambda sentence: None,
) -> Written:
    """Sweep a space into a CSV file, or a Parquet file where its name ends in ``.parquet``.

    The rows of a CSV file are written to a part beside it, which becomes the output at the end. A signal leaves the
    part: with `resume` the same sweep goes on from there, and its table is byte for byte that of one go.

    Parameters
    ----------
    output : Path
        A file; or a device or a pipe, which is just written to.
    space : Space
        As `sharp.space.sweep.single_layers` makes it.
    strict, threads, progress
        As `sharp.sweep` takes them.
    resume : bool
        Whether to go on from a part that is there.
    note : callable
        Told in a sentence what becomes of parts that are there, and which is left.

    Raises
    ------
    SpecificationError
        Where the output cannot be written, another process sweeps the same, or there is a part of another sweep only.
    SharpError
        As `sharp.sweep` with `strict`; no part is left then, as the point would end it again.
    """
    if output.suffix == SUFFIX:
        if resume:
            raise refuse("--resume", "a CSV table, which can be gone on with", str(output))
        return Written(*write_parquet(output, space, swept(space, strict=strict, threads=threads, progress=progress)))
    target = file_at(output)
    if target is None:
        if resume:
            raise refuse("--resume", "a file as output, which can be resumed", str(output))
        with replacing(output) as stream:
            return _write(stream, None, swept(space, strict=strict, threads=threads, progress=progress))
    partial = Partial(output, target, identity(space, strict=strict))
    _look_around(partial, resume, note)
    try:
        with partial.opened(resume=resume) as stream:
            before = _count(partial.path, len(space), strict=strict)
            first = before.points if before else 0
            parts = swept(space, first=first, strict=strict, threads=threads, progress=progress)
            return _write(stream, before, _or_removed(parts, partial))
    except BaseException:  # of a signal too
        if partial.is_left:
            note(f"{partial.path}: what was counted so far; the same command with --resume goes on from it")
        raise


def identity(space: Space, *, strict: bool) -> str:
    """16 hexadecimal digits of everything that decides a table: points, their scenario, our code and a user's."""
    around = space.scenario
    assert around.plan is not None, "a machine of tiles has a plan"
    plan = {**vars(around.plan), "schedule": around.plan.schedule_name}
    facts: list[object] = [code_sha256(), *_number_libraries(), strict, around.network, plan]
    facts += [compared(space.machine), space.machine.budgets, compared(around.technology), around.gating]
    facts += [around.sram_source, type(space.points).__name__]
    facts += [path.read_bytes() for path in space.code_files()]
    for name, column in space.columns.items():
        if isinstance(column, Choices):
            facts += [name, column.values, column.which.tobytes()]
        elif isinstance(column.values, range):
            facts += [name, column.values]
        else:
            facts += [name, column.values.dtype.str, column.values.tobytes()]
    return digits_of(facts)


def digits_of(facts: Iterable[object]) -> str:
    """16 hexadecimal digits of some facts, the same in every process where their texts are."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(fact if isinstance(fact, bytes) else repr(fact).encode("utf-8", "surrogateescape"))
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def compared(value: Any) -> dict[str, object]:
    """The fields of a value that count when it is compared: not where a number comes from."""
    return {} if value is None else {entry.name: getattr(value, entry.name) for entry in fields(value) if entry.compare}


def _number_libraries() -> list[str]:
    """What else decides the last digit of a number and how it is written."""
    import numpy as np
    import pandas as pd

    return [closed_form.kernel().__name__, np.__version__, pd.__version__]


def _look_around(partial: Partial, resume: bool, note: Callable[[str], object]) -> None:
    """Say what becomes of parts that are there; refuse to resume where all are of other sweeps."""
    with writable(partial.output):
        others = partial.others()
    if partial.path.exists():
        if not resume:
            note(f"{partial.path}: a part of this sweep, not used (--resume would go on from it)")
    elif others and resume:
        raise SpecificationError(
            f"{others[0]}: expected a part of this sweep, got that of another grid, machine, technology, option or "
            f"version of sharp (without --resume the sweep starts anew)"
        )
    for path in others:
        note(f"{path}: a part of another sweep, left as it is")


def _count(path: Path, most: int, *, strict: bool) -> Written | None:
    """The rows of a part; None where not even its header is there."""
    import pandas as pd

    if not path.stat().st_size:
        return None
    points = refused = 0
    options: dict[str, Any] = {"usecols": [0] if strict else ["reason"], "keep_default_na": False, "dtype": str}
    try:
        with pd.read_csv(path, chunksize=_LINES, **options) as chunks:
            for chunk in chunks:
                points += len(chunk)
                refused += 0 if strict else int((chunk["reason"] != "").sum())
    except ValueError as error:
        raise SpecificationError(f"{path}: expected a part that sharp wrote, got: {error}") from None
    if points > most:
        raise SpecificationError(f"{path}: expected at most {most} rows, got {points}")
    return Written(points, refused)


def _or_removed(parts: Iterator[TableColumns], partial: Partial) -> Iterator[TableColumns]:
    """Rows as they come; an error in one of them, which would come again, leaves no part."""
    try:
        yield from parts
    except SharpError:
        partial.remove()
        raise


def _write(stream: TextIO, before: Written | None, parts: Iterable[TableColumns]) -> Written:
    """Write rows after those that are there, or after a header."""
    points, refused = before or (0, 0)
    header = before is None
    for columns in parts:
        table = table_of(columns)
        _without_formulas(table).to_csv(stream, index=False, header=header)
        stream.flush()
        header = False
        points += len(table)
        refused += int((table["reason"] != "").sum()) if "reason" in table else 0
    return Written(points, refused)


def _without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts no spreadsheet runs: a schedule's name may be that of any file."""
    texts = table.select_dtypes("category")
    return table.assign(**{str(name): texts[name].map(csv_text, na_action="ignore") for name in texts})
