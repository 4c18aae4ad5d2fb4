"""A sweep into a Parquet file, chunk by chunk: columns with types, a tenth of the size of text."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from sharp.errors import SpecificationError
from sharp.files import replacing
from sharp.space.chunk import TableColumns
from sharp.space.columns import Labels
from sharp.space.space import Space
from sharp.space.sweep import COUNTS

SUFFIX = ".parquet"


def write_parquet(output: Path, space: Space, parts: Iterable[TableColumns]) -> tuple[int, int]:
    """Write the columns of a sweep as they come; memory holds a chunk.

    Parameters
    ----------
    output : Path
    space : Space
    parts : iterable of TableColumns
        As `sharp.space.sweep.swept` gives them.

    Returns
    -------
    tuple of int
        Rows, and of these points without numbers.

    Raises
    ------
    SpecificationError
        Where pyarrow is not installed or the file cannot be written.
    """
    arrow = _arrow()
    points = refused = 0
    writer: Any = None
    with replacing(output) as stream:
        sink: Any = getattr(stream, "buffer", None)
        for columns in parts:
            arrays = {name: _array(arrow, space, name, column) for name, column in columns.items()}
            table = arrow.table(arrays)
            writer = writer or import_module("pyarrow.parquet").ParquetWriter(sink, table.schema)
            writer.write_table(table)
            points += table.num_rows
            refused += int((columns["reason"].codes > 0).sum()) if "reason" in columns else 0
        writer.close()
    return points, refused


def _arrow() -> Any:
    """The package, which has no types; imported only when it is asked for."""
    try:
        return import_module("pyarrow")
    except ImportError:
        raise SpecificationError(
            f"--output: expected the package pyarrow for a {SUFFIX} file (pip install 'sharp-rnn[parquet]'), got none"
        ) from None


def _array(arrow: Any, space: Space, name: str, column: Any) -> Any:
    """A column, its type the same in every chunk."""
    if isinstance(column, Labels):
        codes = arrow.array(column.codes, mask=column.codes < 0)
        return arrow.DictionaryArray.from_arrays(codes, column.labels or [""]).cast(arrow.string())
    if name in COUNTS:
        return arrow.array(column, mask=column == 0)
    if column.dtype != object:
        return arrow.array(column)
    values = getattr(space.columns[name], "values", [])
    try:
        return arrow.array(column.tolist(), type=arrow.array(list(values)).type)
    except (arrow.ArrowInvalid, arrow.ArrowTypeError):  # numbers among texts
        return arrow.array([None if value is None else str(value) for value in column], type=arrow.string())
