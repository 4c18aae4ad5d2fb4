"""Whether the round of a schedule is a legal order; a user's schedule is refused with the step and the tile.

Legal means: every tile of every gate is issued exactly once a step; no column of h (or of what another phase gives)
is issued before that vector is under way; no sum goes to the activation unit, and no cell updates, before all of its
columns.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from traceback import extract_tb
from typing import NoReturn

from sharp.cycles.schedule import Schedule
from sharp.cycles.task import Run, Segment, Task
from sharp.errors import InfeasibleMappingError, SpecificationError

MAX_RUNS = 2**17
"""Most runs of a user's round; some have no end."""
MAX_ROWS = 2**21
"""Most rows of all segments of a round that are checked, a second's work."""


@dataclass(frozen=True)
class _Issue:
    """One segment of the round, as it is issued."""

    segment: Segment
    order: int
    """Place in the round; early work counts as issued in the round before."""
    tile: int
    """Tiles of the same step issued before it."""
    first: int
    """First cell."""
    first_updated: int

    @property
    def cells(self) -> range:
        return range(self.first, self.first + self.segment.cells)

    @property
    def updated(self) -> range:
        return range(self.first_updated, self.first_updated + self.segment.updated_cells)


def legal_round(schedule: Schedule, task: Task) -> tuple[Run, ...]:
    """The runs of a user's schedule, if they are a legal order.

    Raises
    ------
    SpecificationError
        Where the schedule's code fails, with its line, or as `check_round`.
    InfeasibleMappingError
        Where the schedule says so itself.
    """
    try:
        given = schedule.round(task)
        runs = tuple(islice(given, MAX_RUNS + 1)) if isinstance(given, Iterable) else (given,)
    except InfeasibleMappingError:
        raise
    except (Exception, SystemExit) as error:
        what = str(error) if isinstance(error, SpecificationError) else f"{type(error).__name__}: {error}"
        raise SpecificationError(
            f"schedule {schedule.name}{_line(schedule, error)}: expected the runs of a round, got: {what}"
        ) from error
    if len(runs) > MAX_RUNS:
        raise SpecificationError(f"schedule {schedule.name}: expected a round of at most {MAX_RUNS} runs, got more")
    return check_round(schedule.name, task, runs)


def _line(schedule: Schedule, error: BaseException) -> str:
    """The last line of the schedule's own file that ran, as ", line 7"."""
    file = getattr(sys.modules.get(type(schedule).__module__), "__file__", None)
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == file]
    return f", line {lines[-1]}" if lines else ""


def check_round(name: str, task: Task, runs: Iterable[Run]) -> tuple[Run, ...]:
    """Return the runs of a round if they are a legal order.

    A round is legal where every row of every gate meets every column exactly once a step, columns of x before those
    that complete the sum, nothing before it exists, and no cell updates before all of its gates.

    Parameters
    ----------
    name : str
        Of the schedule, for the sentence.
    task : Task
    runs : iterable of Run
        What the schedule's `round` gives.

    Returns
    -------
    tuple of Run
        The same runs.

    Raises
    ------
    SpecificationError
        With the step and the tile at which the round breaks a rule.
    """
    runs = tuple(runs)
    for run in runs:
        _check_run(name, task, run)
    rows = sum(segment.rows * run.repeats for run in runs for segment in run.segments)
    if rows > MAX_ROWS:
        raise SpecificationError(f"schedule {name}: expected a round of at most {MAX_ROWS} rows to check, got {rows}")
    issues = list(_issues(name, task, runs))
    _check_coverage(name, task, issues)
    _check_order(name, task, issues)
    return runs


def _check_run(name: str, task: Task, run: object) -> None:
    """What a round is made of, whoever made it."""
    if (
        not isinstance(run, Run)
        or type(run.repeats) is not int
        or run.repeats < 1
        or not isinstance(run.segments, tuple)
        or not run.segments
    ):
        raise SpecificationError(
            f"schedule {name}: expected a round of runs with at least one segment and one repeat, got {run!r:.80}"
        )
    for segment in run.segments:
        _check_segment(name, task, segment)


def _check_segment(name: str, task: Task, segment: object) -> None:
    """A segment is as `Task.segment` makes it, fits the tile, and completes cells only where it completes sums."""
    expected, derived = "segments that Task.segment makes", ("columns", "completes")
    if isinstance(segment, Segment):
        given = {field.name: getattr(segment, field.name) for field in fields(segment) if field.name not in derived}
        try:
            alike = task.segment(**given) == segment
        except SpecificationError as error:
            raise SpecificationError(f"schedule {name}: {error}") from None
        if segment.rows > task.tile_rows:
            expected, alike = f"segments of at most {task.tile_rows} rows, as the tile has", False
        elif segment.updated_cells and not segment.completes:
            expected, alike = "updates only after segments that complete a sum", False
        if alike:
            return
    raise SpecificationError(f"schedule {name}: expected {expected}, got {segment!r:.120}")


def _issues(name: str, task: Task, runs: tuple[Run, ...]) -> Iterator[_Issue]:
    """All segments of the round one by one."""
    total = sum(len(run.segments) * run.repeats for run in runs)
    order, tiles = 0, [0, 0]
    for run in runs:
        for repeat in range(run.repeats):
            for segment in run.segments:
                ahead = segment.lookahead
                issue = _Issue(
                    segment=segment,
                    order=order - total * ahead,
                    tile=tiles[min(ahead, 1)],
                    first=segment.first_cell + repeat * segment.cells,
                    first_updated=segment.first_updated + repeat * segment.updated_cells,
                )
                if ahead and not segment.waits_for and segment.completes:
                    _refuse(
                        name, issue, "the whole sums of another step", "nothing ahead, as its gates wait for nothing"
                    )
                if ahead > 1 or (ahead and segment.waits_for):
                    _refuse(name, issue, f"column of {segment.waits_for or 'x'} before it exists", "x one step ahead")
                if not task.is_of_one_part(segment, issue.first):
                    _refuse(name, issue, "cells of two", "cells of one part, which multiply the same columns")
                yield issue
                order += 1
                tiles[ahead] += task.tiles(segment)


def _refuse(name: str, issue: _Issue, got: str, expected: str, step: int | None = None) -> NoReturn:
    step = 1 + issue.segment.lookahead if step is None else step
    raise SpecificationError(
        f"schedule {name}: step {step}, tile {issue.tile} (gates {issue.segment.gates}, cells {issue.first} to "
        f"{issue.cells[-1]}, columns of {issue.segment.operand}): expected {expected}, got {got}"
    )


def _check_coverage(name: str, task: Task, issues: list[_Issue]) -> None:
    """Every row of every gate meets every column once, and every cell is complete once."""
    parts: defaultdict[tuple[str, str], list[tuple[range, _Issue]]] = defaultdict(list)
    for issue in issues:
        for gate in issue.segment.gates:
            for letter in issue.segment.operand:
                parts[gate, letter].append((issue.cells, issue))
        if issue.segment.updated_cells:
            parts["update", task.phase_of(issue.segment.gates).gives].append((issue.updated, issue))
    for phase in task.phases:
        size = task.size_of(phase)
        for gate in phase.gates:
            for letter in phase.columns:
                _check_once(name, f"columns of {letter} for gate {gate}", parts[gate, letter], size)
        _check_once(name, f"updates that give {phase.gives}", parts["update", phase.gives], size)


def _check_once(name: str, what: str, covered: list[tuple[range, _Issue]], size: int) -> None:
    """The ranges follow each other without gap or overlap from 0 to `size`."""
    end, last = 0, None
    for cells, issue in sorted(covered, key=lambda entry: (entry[0].start, entry[1].order)):
        if cells.stop > size:
            _refuse(name, issue, f"{what} up to cell {cells.stop - 1}", f"cells 0 to {size - 1}")
        if cells.start < end:
            _refuse(name, issue, f"{what} of cell {cells.start} twice", "every tile exactly once")
        if cells.start > end:
            _refuse(name, issue, f"no {what} of cell {end}", "every tile exactly once")
        end, last = cells.stop, issue
    if end < size:
        if last is not None:
            _refuse(name, last, f"no {what} of cell {end}", "every tile exactly once")
        raise SpecificationError(
            f"schedule {name}: step 1, tile 0: expected every tile exactly once, got no {what} of cell 0"
        )


def _check_order(name: str, task: Task, issues: list[_Issue]) -> None:
    """Columns of x before those that complete the sum, gates before updates, updates before who waits for them."""
    for phase in task.phases:
        mine = [issue for issue in issues if issue.segment.gates[0] in phase.gates]
        size = task.size_of(phase)
        complete = [-(2**62)] * size  # order at which all columns of all gates of a cell are issued
        for issue in mine:
            for cell in issue.cells:
                complete[cell] = max(complete[cell], issue.order)
        if phase.runs_ahead:
            _check_x_first(name, mine)
        last_update = max(issue.order for issue in mine if issue.segment.updated_cells)
        for issue in mine:
            for cell in issue.updated:
                if complete[cell] > issue.order:
                    _refuse(name, issue, f"update of cell {cell} before its gates", "all gates of a cell before it")
        for issue in issues:
            if issue.segment.waits_for == phase.gives != "h" and issue.order < last_update:
                _refuse(
                    name,
                    issue,
                    f"column of {phase.gives} before it exists",
                    f"all updates that give {phase.gives} first",
                )


def _check_x_first(name: str, issues: list[_Issue]) -> None:
    """Where a row's columns are split, those of x are issued first: the others complete the sum."""
    x_order: dict[tuple[str, int], int] = {}
    for issue in issues:
        if "x" in issue.segment.operand:
            x_order |= {(gate, cell): issue.order for gate in issue.segment.gates for cell in issue.cells}
    for issue in issues:
        for gate in issue.segment.gates if issue.segment.waits_for else "":
            for cell in issue.cells:
                if x_order[gate, cell] > issue.order:
                    _refuse(
                        name, issue, f"sums of gate {gate} of cell {cell} without x", "columns of x before the others"
                    )
