"""Design spaces: millions of single layers on machines under plans, as a tidy table.

Points that differ only in numbers go through the closed form together, chunk by chunk, on all cores; those to which it
does not apply go through the event simulator one by one, and the table says so. A point that cannot be mapped is a row
that says why.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from threading import Event
from typing import TYPE_CHECKING, Any

from sharp.checks import check_flag, check_integer, check_kind, refuse
from sharp.cycles.counting import Progress
from sharp.machine.accelerator import Accelerator
from sharp.rivals.machines import as_machine
from sharp.space.chunk import Chunk, TableColumns
from sharp.space.columns import Labels
from sharp.space.points import Points, Rows
from sharp.space.scenario import Scenario, check_column
from sharp.space.space import Space
from sharp.workload.single import square_lstm

if TYPE_CHECKING:
    import pandas as pd

    from sharp.energy.breakdown import Gating
    from sharp.energy.technology import Technology
    from sharp.space.pricing import Pricing

CHUNK_POINTS = 2**16
"""Points evaluated at a time."""
COUNTS = ("tile_rows", "total_cycles")
"""Columns of whole numbers, 0 where there is none."""


def sweep(
    points: Points | Mapping[str, Any],
    accelerator: Accelerator,
    *,
    technology: Technology | None = None,
    gating: Gating | None = None,
    strict: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Count single layers by the million: every point of a grid, or of columns that go together, as a row of a table.

    Parameters
    ----------
    points : Points or mapping of str to array-like
        Columns `sharp.space.scenario.COLUMNS`: a `sharp.grid`, or columns that go together, each of one value or one a
        point. What is left out is as in a square LSTM layer of 25 steps, and as the machine is and is run.
    accelerator : Accelerator
        What columns do not say about the machine.
    technology : Technology, optional
        Adds energy, power and area; points may then have columns of `sharp.energy.technology.SETTINGS` as well.
    gating : Gating, optional
        What is switched off while it has nothing to do; nothing by default.
    strict : bool
        Whether the first point that cannot be mapped ends the sweep; else it is a row without numbers.
    threads : int, optional
        Cores to use; all by default. Points of the event simulator take one.
    progress : callable, optional
        Called with the share of the points done, 0 to 1.

    Returns
    -------
    pandas.DataFrame
        A row a point, in order: its columns, then ``tile_rows`` in use, total_cycles, latency_s, utilization, the
        split in cycles (`sharp.cycles.counting.SPLIT`), ``method``, "closed form" or "events", and without `strict`
        ``reason``, "" or why a point has no numbers; with a technology `sharp.energy.breakdown.ENERGY_COLUMNS` after
        them. All of it is kept in memory; `sweep_chunks` keeps a part.

    Raises
    ------
    SpecificationError
        Where a column is not known or a value is not what it has to be, or, with `strict`, values do not go together.
    InfeasibleMappingError
        With `strict`, where a point cannot be mapped, with its place and why.

    Examples
    --------
    >>> import sharp
    >>> table = sharp.sweep(sharp.grid(hidden_size=[340, 1024], macs=["1K", "64K"]), sharp.find_accelerator("sharp"))
    >>> table["total_cycles"].tolist()
    [23441, 1711, 204841, 3247]
    """
    space = single_layers(points, accelerator, technology, gating)
    return sweep_space(space, strict=strict, threads=threads, progress=progress)


def sweep_chunks(
    points: Points | Mapping[str, Any],
    accelerator: Accelerator,
    *,
    technology: Technology | None = None,
    gating: Gating | None = None,
    strict: bool = False,
    chunk_points: int = CHUNK_POINTS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[pd.DataFrame]:
    """As `sweep`, a chunk of points at a time: however many points, memory holds a few chunks.

    Parameters and errors are those of `sweep`; `chunk_points` is the length of a chunk, at most: points that take long
    come sooner.

    Examples
    --------
    >>> import sharp
    >>> points = sharp.grid(hidden_size=range(1, 1001), seq_len=range(1, 101))
    >>> chunks = sharp.sweep_chunks(points, sharp.find_accelerator("sharp"))
    >>> sum(len(chunk) for chunk in chunks)
    100000
    """
    space = single_layers(points, accelerator, technology, gating)
    length = check_integer("chunk_points", chunk_points)
    for columns in swept(space, chunk_points=length, strict=strict, threads=threads, progress=progress):
        yield table_of(columns)


def single_layers(
    points: Points | Mapping[str, Any],
    accelerator: Accelerator,
    technology: Technology | None = None,
    gating: Gating | None = None,
) -> Space:
    """The design space of `sweep`: points around the paper's synthetic workload on a machine."""
    if not isinstance(points, Points | Mapping):
        raise refuse("points", "a grid or a mapping of columns", points)
    check_kind("accelerator", accelerator, Accelerator)
    points = points if isinstance(points, Points) else Rows(points)
    for name in points.columns:
        check_column("points", name)
    if "hidden_size" not in points.columns:
        raise refuse("points", "a column hidden_size", list(points.columns))
    machine = as_machine(accelerator)
    return Space(points, Scenario(network=square_lstm(1), machine=machine, technology=technology, gating=gating))


def sweep_space(
    space: Space, *, strict: bool = False, threads: int | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """Evaluate every point of a space into one table."""
    whole: TableColumns = {}
    first = 0
    for part in swept(space, strict=strict, threads=threads, progress=progress):
        for name, values in part.items():
            if first == 0:
                whole[name] = _empty(values, len(space))
            last = first + len(_array(values))
            _array(whole[name])[first:last] = _array(_relabelled(values, whole[name]))
        first = last
    return table_of(whole)


def swept(
    space: Space,
    *,
    first: int = 0,
    chunk_points: int = CHUNK_POINTS,
    strict: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[TableColumns]:
    """The columns of the points from `first` on, chunk by chunk; some chunks ahead are evaluated meanwhile."""
    workers = (os.cpu_count() or 1) if threads is None else check_integer("threads", threads)
    check_flag("strict", strict)
    pricing, total, stopped = _pricing(space), len(space), Event()
    pending: deque[Future[Chunk]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for start in chain(range(first, total, chunk_points), [total] * 2 * workers):
            if start < total:
                chunk = Chunk(space, start, min(start + chunk_points, total), pricing, strict=strict)
                pending.append(pool.submit(chunk.evaluate, stopped.is_set))
            if pending and (len(pending) > 2 * workers or start == total):
                for part in pending.popleft().result().parts():
                    first += len(part["total_cycles"])
                    yield part
                    if progress is not None:
                        progress(first / total)
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def _pricing(space: Space) -> Pricing | None:
    """What prices the points of a space, where it has a technology."""
    if space.scenario.technology is None:
        return None
    from sharp.space.pricing import Pricing  # with SRAM and technology, only for energy

    return Pricing(space)


def table_of(columns: TableColumns) -> pd.DataFrame:
    """Columns as a table of pandas, without a copy; whole numbers are nullable where a point has none."""
    import pandas as pd

    data: dict[str, Any] = {}
    for name, column in columns.items():
        if isinstance(column, Labels):
            data[name] = pd.Categorical.from_codes(column.codes, pd.Index(column.labels))
        elif name in COUNTS and not column.all():
            data[name] = pd.arrays.IntegerArray(column, column == 0)
        else:
            data[name] = column
    return pd.DataFrame(data, copy=False)


def _array(column: Any) -> Any:
    """The array of a column."""
    return column.codes if isinstance(column, Labels) else column


def _empty(column: Any, length: int) -> Any:
    """A column of the same kind, still empty."""
    import numpy as np

    array = np.empty(length, dtype=_array(column).dtype)
    return Labels(array, list(column.labels)) if isinstance(column, Labels) else array


def _relabelled(column: Any, whole: Any) -> Any:
    """A column with its labels as another one has them, which then has all of them."""
    import numpy as np

    if not isinstance(column, Labels) or column.labels == whole.labels:
        return column
    known = {label: code for code, label in enumerate(whole.labels)}
    codes = [known.setdefault(label, len(known)) for label in column.labels]
    whole.labels[:] = known
    return Labels(np.array(codes, dtype=np.intp)[column.codes], whole.labels)
