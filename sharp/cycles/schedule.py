"""The schedules: orders of row segments, and nothing else.

A schedule puts a layer's segments into the runs of one *round*. Round t holds the work of time step t and, for
segments with ``lookahead = 1``, work of step t + 1 that is issued early; round 0 holds only such early work. The
simulator issues each segment in the order given here and knows no schedule by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from sharp.checks import check_kind
from sharp.cycles.task import Run, Task
from sharp.errors import OrderError, SpecificationError
from sharp.machine.plan import SCHEDULES, Plan
from sharp.workload.cell import Phase


class Schedule:
    """Base of all schedules: the order in which a layer's segments are issued, and nothing else.

    Derive from it, give it a `name` and a `round`, and pass an object of it as ``Plan(schedule=...)``, or its class by
    name to ``--schedule mine.py:MySchedule`` (book, page "Your own schedule"). A round is checked before it runs:
    whatever it does, every weight is used exactly once a step and nothing is used before it exists.

    Examples
    --------
    All four gates of a block of cells in one segment, block after block:

    >>> import sharp
    >>> class BlockByBlock(sharp.Schedule):
    ...     name = "block-by-block"
    ...
    ...     def round(self, task):
    ...         (phase,) = task.phases
    ...         for first, cells, repeats in task.blocks(task.size_of(phase), task.fused_block(phase)):
    ...             block = task.segment(phase.gates, "xh", first, cells, updated_cells=cells)
    ...             yield sharp.Run(segments=(block,), repeats=repeats)
    >>> machine = sharp.find_accelerator("sharp").with_macs("4K")
    >>> for schedule in (BlockByBlock(), "intergate", "unfolded"):
    ...     sharp.simulate(sharp.square_lstm(256), machine, sharp.Plan(schedule=schedule)).counts.total_cycles
    4275
    4275
    3243
    """

    name: ClassVar[str]
    """As printed in reports."""
    interleaves: ClassVar[bool] = False
    """Whether chains (directions, sequences of a batch) take turns, each with a round of its own."""

    def round(self, task: Task) -> Iterable[Run]:
        """The runs of a round of one chain, in the order of issue.

        Parameters
        ----------
        task : Task
            The layer on its tile.

        Raises
        ------
        InfeasibleMappingError
            Where the schedule cannot order this layer on this tile.
        """
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self))


def product(
    task: Task,
    phase: Phase,
    operand: str,
    blocks: list[tuple[int, int, int]],
    lookahead: int = 0,
    completes: bool | None = None,
) -> list[Run]:
    """Runs over some blocks of cells with all gates of a phase in each segment.

    Parameters
    ----------
    task : Task
    phase : Phase
        One of `Task.phases`.
    operand : str
        "x", the phase's own operand ("h"), or both ("xh"). Where it holds what the phase waits for, the cells of a
        block are complete after it.
    blocks : list of (int, int, int)
        First cell, cells and repeats of each, as `Task.blocks` cuts them.
    lookahead : int
        Time steps ahead of its round that this work is for; 1 for products with x_{t+1}.
    completes : bool, optional
        As in `Task.segment`.
    """
    complete = phase.columns.endswith(operand[-1:]) if completes is None else completes
    return [
        Run(
            segments=(
                task.segment(
                    phase.gates,
                    operand,
                    first,
                    cells,
                    updated_cells=cells if complete else 0,
                    lookahead=lookahead,
                    completes=complete,
                ),
            ),
            repeats=repeats,
        )
        for first, cells, repeats in blocks
    ]


def dependent(task: Task, phases: Iterable[Phase]) -> list[Run]:
    """Runs of the phases that wait for an earlier one of the same step: what they multiply x_t with fills the wait.

    Parameters
    ----------
    task : Task
    phases : iterable of Phase
        `Task.phases` after the first: a projection, the second product of a GRU with the reset before it.
    """
    runs = []
    for phase in phases:
        blocks = task.blocks_of(phase, task.fused_block(phase))
        for letter in phase.columns:
            runs += product(task, phase, letter, blocks)
    return runs


class Sequential(Schedule):
    """Gate after gate; all cells update after the last gate's last segment."""

    name = "sequential"

    def round(self, task: Task) -> Iterable[Run]:
        """All segments of the first gate, of the second, and so on."""
        first, *rest = _gate_by_gate(self, task)
        size = task.size_of(first)
        segments = [
            (task.segment(gate, first.columns, start, cells), repeats)
            for gate in first.gates
            for start, cells, repeats in task.blocks_of(first, task.tile_rows)
        ]
        segment, repeats = segments.pop()
        start = segment.first_cell + (repeats - 1) * segment.cells
        last = task.segment(segment.gates, first.columns, start, segment.cells, updated_cells=size, first_updated=0)
        if repeats > 1:
            segments.append((segment, repeats - 1))
        runs = [Run(segments=(segment,), repeats=repeats) for segment, repeats in segments]
        return [*runs, Run(segments=(last,), repeats=1), *dependent(task, rest)]


class Batch(Schedule):
    """A block of cells at a time, gate after gate; the block's cells update after its last gate."""

    name = "batch"

    def round(self, task: Task) -> Iterable[Run]:
        """For each block of cells a segment of each gate."""
        first, *rest = _gate_by_gate(self, task)
        runs = []
        for start, cells, repeats in task.blocks_of(first, task.tile_rows):
            segments = [task.segment(gate, first.columns, start, cells) for gate in first.gates[:-1]]
            segments.append(task.segment(first.gates[-1], first.columns, start, cells, updated_cells=cells))
            runs.append(Run(segments=tuple(segments), repeats=repeats))
        return [*runs, *dependent(task, rest)]


class Intergate(Schedule):
    """A block of cells at a time, all its gates in one segment."""

    name = "intergate"

    def round(self, task: Task) -> Iterable[Run]:
        """For each block of cells one segment; x of the next step after them, where it runs ahead."""
        first, *rest = task.phases
        split, whole = _cut(task, first, self.num_unfolded(task, first))
        runs = product(task, first, first.operand, split) + product(task, first, first.columns, whole)
        ahead = product(task, first, "x", split, lookahead=1)
        later = dependent(task, rest)
        if rest and not rest[0].reads_x:  # the wait for the first phase has nothing else to fill it
            segments = [segment for run in [*runs, *ahead, *later] for segment in run.segments]
            early, ahead = leave(task, ahead, task.mvm_cycles(segments))
            runs += early
        return [*runs, *later, *ahead]

    def num_unfolded(self, task: Task, first: Phase) -> int:
        """Cells of the first phase whose products with x_{t+1} are issued in round t."""
        del task, first
        return 0


class Unfolded(Intergate):
    """As `intergate`, with the input product of the next step issued while this step's h is still in the tail.

    As many blocks run ahead as the intermediate buffer holds the sums of, in row order.
    """

    name = "unfolded"

    def num_unfolded(self, task: Task, first: Phase) -> int:
        """As many as the intermediate buffer holds the sums of."""
        return task.num_unfolded(first)


class Interleaved(Unfolded):
    """As `unfolded`, with the directions of a layer and the sequences of a batch taking turns, each with its own h."""

    name = "interleaved"
    interleaves = True


def _gate_by_gate(schedule: Schedule, task: Task) -> tuple[Phase, ...]:
    """The phases, where no gate waits for another one."""
    if any(phase.activation_passes for phase in task.phases[1:]):
        raise OrderError(
            f"schedule: expected intergate, unfolded or interleaved for a cell in which gate {task.phases[-1].gates} "
            f"waits for {task.phases[0].gates}, got {schedule.name}"
        )
    return task.phases


def _cut(task: Task, phase: Phase, cells: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    """The blocks of the first `cells` cells (whole blocks, or all), and the blocks of the others."""
    block = task.fused_block(phase)
    return task.blocks_of(phase, block, last=cells), task.blocks_of(phase, block, first=cells)


def leave(task: Task, runs: list[Run], cycles: int) -> tuple[list[Run], list[Run]]:
    """Cut runs of one segment in two, the second part as short as covers some cycles of the array, or all of them."""
    before: list[Run] = list(runs)
    after: list[Run] = []
    while before and cycles > 0:
        run = before.pop()
        (segment,) = run.segments
        each = task.array_cycles(segment)
        taken = min(run.repeats, -(-cycles // each))
        cycles -= taken * each
        if taken < run.repeats:
            before.append(Run(segments=(segment,), repeats=run.repeats - taken))
        after.insert(0, Run(segments=(segment.moved(run.repeats - taken),), repeats=taken))
    return before, after


for _schedule in (Sequential(), Batch(), Intergate(), Unfolded(), Interleaved()):
    SCHEDULES.add(_schedule.name, _schedule)  # the paper's four, from the least to the most overlap, and one beyond it


def find_schedule(name: str) -> Schedule:
    """The schedule of a name.

    Parameters
    ----------
    name : str
        One of ours ("unfolded"), an entry point of an installed package ("just-enough"), or a class in a file
        ("mine.py:MySchedule"), whose code runs when it is loaded.

    Returns
    -------
    Schedule

    Raises
    ------
    SpecificationError
        Where there is no such schedule (with the nearest names), the file cannot be loaded, or it has no such class.

    Examples
    --------
    >>> from sharp.schedule import SCHEDULES, find_schedule
    >>> list(SCHEDULES)
    ['sequential', 'batch', 'intergate', 'unfolded', 'interleaved']
    >>> find_schedule("interleaved").interleaves
    True
    """
    if name in SCHEDULES:
        return SCHEDULES[name]  # type: ignore[return-value]
    where, content = SCHEDULES.load(name)
    if not (isinstance(content, type) and issubclass(content, Schedule) and isinstance(vars(content).get("name"), str)):
        raise SpecificationError(
            f"schedule: {where}: expected a class derived from sharp.Schedule with a name, got {content!r:.80}"
        )
    try:
        return content()
    except (Exception, SystemExit) as error:
        raise SCHEDULES.broken(where, error) from None


def schedule_of(plan: Plan) -> Schedule:
    """The schedule that a plan names, loaded."""
    return find_schedule(plan.schedule) if isinstance(plan.schedule, str) else plan.schedule  # type: ignore[return-value]


def loaded(plan: Plan) -> Plan:
    """The plan with a user's schedule loaded, so that its code is read once in a run.

    Raises
    ------
    SpecificationError
        As `find_schedule`.
    """
    check_kind("plan", plan, Plan)
    return plan if plan.is_ours else replace(plan, schedule=schedule_of(plan))
