"""What the command prints for people, by rich: the terminal, remarks, tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from sharp.units import GIGA

PIPED_WIDTH = 110
MAX_WIDTH = 400


def terminal(stderr: bool = False) -> Console:
    """The terminal that standard output or the error stream is, or a page of a width of our own."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream is not None and stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, highlight=False, markup=False, width=width)


def note(sentence: str) -> None:
    """Print a remark on the error stream, out of the way of results."""
    terminal(stderr=True).print(sentence, style="yellow", soft_wrap=True)


def warn(sentences: Iterable[str]) -> None:
    """Print what a reader has to know of results, a line a sentence, on the error stream."""
    for sentence in sentences:
        note(f"warning: {sentence}")


def make_table(title: str, *columns: str, text: Iterable[int] = (0,)) -> Table:
    """An empty table; the columns `text` stand to the left, numbers to the right."""
    left = set(text)
    table = Table(title=title, box=None, collapse_padding=True, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index in left else "right", no_wrap=True)
    return table


def show_table(table: Table) -> None:
    """Print a table whole: where the terminal is narrower, its lines fold, but no number is cut."""
    console = terminal()
    needed = Measurement.get(console, console.options.update(max_width=MAX_WIDTH), table).maximum
    console.width = max(console.width, needed)
    console.print(table.title or "", style="bold")
    table.title = None
    console.print(table)


def duration(seconds: float) -> str:
    """A duration in the unit in which it is no small number."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3f} {unit}"
    return f"{seconds * GIGA:.0f} ns"
