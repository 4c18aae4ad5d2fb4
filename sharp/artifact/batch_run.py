"""Run the points of a batch: each whole or not at all, and none twice."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from sharp.artifact.batch import Batch, Point
from sharp.artifact.batch_folder import SUMMARY, TIMING, BatchFolder
from sharp.artifact.executors import PARAMETERS, Executor, Result, Task
from sharp.artifact.manifest import MANIFEST, json_of, read_manifest
from sharp.artifact.parameters import write_parameters
from sharp.errors import SpecificationError
from sharp.files import csv_text, writable

FINISHED, FAILED, TIMED_OUT, NOT_RUN = "finished", "failed", "timed out", "not run"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How far a point is."""

    point: Point
    """Which point."""
    status: str = NOT_RUN
    """`FINISHED`, `FAILED`, `TIMED_OUT` or `NOT_RUN`."""
    error: str = ""
    """One sentence where it failed or timed out."""
    headline: Mapping[str, Any] = field(default_factory=dict)
    """Its headline numbers."""
    seconds: float | None = None
    """How long it took."""
    unseen: Sequence[str] = ()
    """What it read that cannot be looked at again, where it was kept from an earlier run."""


def run_batch(
    batch: Batch,
    folder: BatchFolder,
    executor: Executor,
    *,
    timeout_s: float,
    fresh: bool = False,
    note: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run the points that are not finished, and write the summary, also when interrupted.

    Parameters
    ----------
    batch : Batch
    folder : BatchFolder
        That is `claimed`; each point has a folder below ``points``.
    executor : Executor
    timeout_s : float
        How long a point's notebook may take.
    fresh : bool, optional
        Whether to run the finished points again, too.
    note : callable, optional
        Called with each point as it finishes or fails; first with those that already are finished.

    Returns
    -------
    list of Outcome
        In the order of the points.
    """
    outcomes = {point.name: Outcome(point=point) for point in batch.points}

    def settle(outcome: Outcome) -> None:
        outcomes[outcome.point.name] = outcome
        note(outcome)

    try:
        for outcome in _kept(batch, folder, executor, fresh):
            settle(outcome)
        for outcome in [outcome for outcome in outcomes.values() if outcome.status == NOT_RUN]:
            try:
                folder.check_replaceable(outcome.point.name)
            except SpecificationError as error:
                settle(Outcome(point=outcome.point, status=FAILED, error=str(error)))
        points = [outcome.point for outcome in outcomes.values() if outcome.status == NOT_RUN]
        with closing(executor.run([_task(batch, point, timeout_s) for point in points])) as results:  # type: ignore[type-var]
            for task, result in results:
                settle(_settled(batch, folder, outcomes[task.name].point, result))
    finally:
        folder.put(SUMMARY, summarize(list(outcomes.values())))
    return list(outcomes.values())


def _task(batch: Batch, point: Point, timeout_s: float) -> Task:
    return Task(
        name=point.name,
        notebook=batch.notebook.name,
        source=batch.source,
        parameters=write_parameters(point.parameters),
        timeout_s=timeout_s,
    )


def _kept(batch: Batch, folder: BatchFolder, executor: Executor, fresh: bool) -> list[Outcome]:
    """The points that are finished: whole, of this notebook and code, and what they read is as it was."""
    found = [] if fresh else [(point, _line(batch, folder, point)) for point in batch.points]
    lines = [(point, line) for point, line in found if line is not None]
    same = executor.unchanged([line for _, line in lines])
    kept = [entry for entry, unchanged in zip(lines, same, strict=True) if unchanged]
    return [_finished(batch, folder, point, unseen=line.get("unseen", ())) for point, line in kept]


def _line(batch: Batch, folder: BatchFolder, point: Point) -> Mapping[str, Any] | None:
    """The manifest's line of a point whose folder holds what this notebook and code gave for it."""
    if not folder.is_whole(point.name) or not (folder.point(point.name) / PARAMETERS).is_file():
        return None
    try:
        line = read_manifest(folder.point(point.name))[batch.notebook.stem]
    except (SpecificationError, KeyError):
        return None
    return None if _differing(line, point) else line


def _differing(line: Mapping[str, Any], point: Point) -> list[str]:
    """What a manifest's line says otherwise than the point's begins with."""
    return [name for name in point.line if line.get(name) != point.line[name]]


def _finished(batch: Batch, folder: BatchFolder, point: Point, unseen: Sequence[str] = ()) -> Outcome:
    """The outcome of a point by what its folder holds."""
    path = folder.point(point.name)
    headline = json_of(path / f"{batch.notebook.stem}.json").get("headline", {})
    timing = json_of(path / TIMING)
    seconds = timing.get("seconds") if isinstance(timing, dict) else None
    return Outcome(point=point, status=FINISHED, headline=headline, seconds=seconds, unseen=unseen)


def _settled(batch: Batch, folder: BatchFolder, point: Point, result: Result) -> Outcome:
    """Put a point's files in their place; where it failed, what was there stays."""
    error = result.error or _changed(batch, point, result)
    if not error:
        try:
            with writable(folder.point(point.name)):
                folder.put_point(point.name, result.files, result.seconds)
        except SpecificationError as problem:
            error = str(problem)
    if error:
        status = TIMED_OUT if result.timed_out else FAILED
        return Outcome(point=point, status=status, error=error, seconds=result.seconds)
    return _finished(batch, folder, point)


def _changed(batch: Batch, point: Point, result: Result) -> str:
    """An error where the notebook ran on other code than the batch began with: edited meanwhile, or a worker's own."""
    differing = _differing(json.loads(result.files[MANIFEST])[batch.notebook.stem], point)
    if not differing:
        return ""
    return f"{batch.notebook.name}: expected the sharp that the batch began with, got another {', '.join(differing)}"


def headline_names(outcomes: Sequence[Outcome]) -> list[str]:
    """Names of all headline numbers, in the order in which they come."""
    return list(dict.fromkeys(name for outcome in outcomes for name in outcome.headline))


def summarize(outcomes: Sequence[Outcome]) -> str:
    """A row a point; a headline number with the name of another column has ``headline_`` before it."""
    parameters = list(outcomes[0].point.parameters)
    names = headline_names(outcomes)
    own = {"point", "status", "error", "seconds", *parameters}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    labels = [f"headline_{name}" if name in own else name for name in names]
    writer.writerow(map(csv_text, ["point", *parameters, *labels, "status", "error", "seconds"]))
    for outcome in outcomes:
        given = [show(outcome.point.parameters[name]) for name in parameters]
        numbers = [show(outcome.headline.get(name)) for name in names]
        row = [outcome.point.name, *given, *numbers, outcome.status, outcome.error, show(outcome.seconds)]
        writer.writerow(map(csv_text, row))
    return stream.getvalue()


def show(value: Any) -> str:
    """A value as a cell shows it: a text as it is, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
