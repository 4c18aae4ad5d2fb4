"""What a notebook leaves behind: its figure or table, and its headline numbers as JSON and as text for the book."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharp.files import csv_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FIGURE_SUFFIXES = (".svg", ".pdf", ".png")
TABLE_SUFFIXES = (".csv", ".tex")
SIGNIFICANT_DIGITS = 10
"""Of every number written: a processor that rounds its sums otherwise moves the sixteenth, a sensitivity's eleventh."""
Headline = Mapping[str, float | int | str]
"""Headline numbers by name; a dimensional name ends in its unit."""

_METADATA: dict[str, dict[str, str | None]] = {
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    ".png": {"Software": None},
}
"""What would differ from one run to the next is left out, so that equal figures are equal files."""


def save_figure(name: str, figure: Figure, headline: Headline, data: pd.DataFrame) -> None:
    """Write a figure (svg, pdf, png), the data it shows (csv) and its headline numbers (json) to the working folder.

    Parameters
    ----------
    name : str
        The notebook's id, such as "fig_tile_exploration".
    figure : matplotlib.figure.Figure
    headline : mapping of str to number
        Also glued, so that the book's text can quote them.
    data : pandas.DataFrame
        Every number in the figure, a row a point; written to `SIGNIFICANT_DIGITS`.
    """
    for suffix in FIGURE_SUFFIXES:
        figure.savefig(f"{name}{suffix}", metadata=_METADATA[suffix], dpi=200)
    _write_csv(name, _rounded(data))
    _save_headline(name, headline)


def save_table(name: str, table: pd.DataFrame, headline: Headline) -> None:
    """Write a table (csv, tex) and its headline numbers (json) to the working folder."""
    table = _rounded(table)
    _write_csv(name, table)
    latex = table.to_latex(index=False, escape=True, na_rep="")
    Path(f"{name}.tex").write_text(latex, encoding="utf-8")
    _save_headline(name, headline)


def _write_csv(name: str, table: pd.DataFrame) -> None:
    """Write a table without a cell that a spreadsheet would run: a network may have any name."""
    table = _each(table, lambda value: csv_text(value) if isinstance(value, str) else value)
    table.rename(columns=lambda column: csv_text(str(column))).to_csv(f"{name}.csv", index=False)


def _save_headline(name: str, headline: Headline) -> None:
    from myst_nb import glue

    numbers = {key: _plain(value) for key, value in headline.items()}
    text = json.dumps({"id": name, "headline": numbers}, indent=2, allow_nan=False)
    Path(f"{name}.json").write_text(text + "\n", encoding="utf-8")
    for key, value in numbers.items():
        glue(key, value, display=False)


def _rounded(data: pd.DataFrame) -> pd.DataFrame:
    """The table with every float, also among texts and integers, to `SIGNIFICANT_DIGITS`."""
    return _each(data, _round)


def _each(data: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    """The table with every value changed; each column's type stays."""
    import pandas as pd

    columns = [
        pd.Series([change(value) for value in column], index=data.index, dtype=column.dtype)
        for _, column in data.items()
    ]
    return pd.concat(columns, axis=1, keys=data.columns) if columns else data


def _round(value: Any) -> Any:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if isinstance(value, float) else value


def _plain(value: Any) -> float | int | str | None:
    """A number as JSON has it: rounded, no NumPy scalar, and null where there is none."""
    number: float | int | str = _round(value.item() if hasattr(value, "item") else value)
    return None if isinstance(number, float) and math.isnan(number) else number
