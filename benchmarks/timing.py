"""What the benchmarks share: interleaved repetitions, their medians, and tables.

Not run by itself. The work of all rivals is timed in turns, one measurement of each and then the next round, so that
what else the machine does hits all of them; a table shows the median, and the best where noise is worth seeing.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Column, Table

SHORTEST_S = 0.02
"""A measurement takes at least that long: faster work is called several times."""
WIDEST = 200
"""Columns of text that a table may take."""


class Seconds(NamedTuple):
    """Wall time of a call."""

    median: float
    best: float


def seconds_of(work: Callable[[], object], calls: int) -> float:
    """Seconds a call, of some calls in a row."""
    started = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - started) / calls


def measure(works: Mapping[str, Callable[[], object]], repetitions: int = 9) -> dict[str, Seconds]:
    """Seconds a call of each work; rounds of all works, after a call of each that does not count."""
    calls = {}
    for name, work in works.items():
        work()
        calls[name] = max(1, round(SHORTEST_S / max(seconds_of(work, 1), 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repetitions):
        for name, work in works.items():
            times[name].append(seconds_of(work, calls[name]))
    return {name: Seconds(statistics.median(values), min(values)) for name, values in times.items()}


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; the first column is text, an empty row draws a line, numbers keep three digits."""
    table = Table(*(Column(column, justify="right" if index else "left") for index, column in enumerate(columns)))
    for row in rows:
        if row:
            table.add_row(*map(text, row))
        else:
            table.add_section()
    console = Console(width=WIDEST)  # whatever the terminal: a wrapped table is harder to read than a cut one
    console.print(title, style="bold", soft_wrap=True)
    console.print(table)


def text(value: object) -> str:
    """A cell of a table: three digits of a number; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.1 else f"{value:.2g}"
    return str(value)


def ratio(value: float, other: float) -> str:
    """How many times `other` a value is."""
    return f"{text(value / other)}x"
