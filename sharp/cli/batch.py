"""The command that runs a notebook over a grid of parameters: batch."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sharp.checks import refuse
from sharp.cli.options import json_option, print_json, timeout_option
from sharp.cli.parsing import OUTPUT_FOLDER, Command
from sharp.cli.progress import progress_bar

if TYPE_CHECKING:
    from sharp.artifact.batch import Batch
    from sharp.artifact.batch_folder import BatchFolder
    from sharp.artifact.batch_run import Outcome
    from sharp.artifact.executors import Executor

SOME_FAILED = 1
INTERRUPTED_S = 0.5
"""For the report's pictures where the batch is interrupted."""


@click.command("batch", cls=Command)
@click.argument("grid", metavar="FILE", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=OUTPUT_FOLDER, required=True, help="Folder of the points.")
@click.option("--jobs", type=click.IntRange(min=1), help="Points at a time on this machine.  [default: its cores]")
@click.option("--scheduler", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler (tcp://...).")
@click.option("--first", type=click.IntRange(min=1), help="Only this many points, from the first: a trial.")
@click.option("--fresh", is_flag=True, help="Run all points, also those that are finished.")
@timeout_option
@json_option
def command(
    grid: Path,
    output: Path,
    jobs: int | None,
    scheduler: str | None,
    first: int | None,
    fresh: bool,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Run a notebook over a grid of parameters (YAML); finished points are kept. Exit code 1 where one fails."""
    from sharp.artifact.batch import load_batch
    from sharp.artifact.batch_folder import REPORT, SUMMARY, claimed
    from sharp.artifact.batch_run import FAILED, TIMED_OUT, run_batch

    batch = load_batch(grid)
    batch = dataclasses.replace(batch, points=batch.points[:first])
    with _executor(jobs, scheduler) as executor, claimed(output) as folder:
        outcomes = _reported(
            batch,
            folder,
            lambda note: run_batch(batch, folder, executor, timeout_s=timeout_s, fresh=fresh, note=note),
        )
    failed = [outcome for outcome in outcomes if outcome.status in (FAILED, TIMED_OUT)]
    if as_json:
        files = {"summary": str(output / SUMMARY), "report": str(output / REPORT)}
        print_json({"points": len(outcomes), "failed": len(failed), **files})
    else:
        click.echo(f"{output / REPORT}: {len(outcomes)} points, {len(failed)} failed")
    _say(outcomes, failed)
    if failed:
        sys.exit(SOME_FAILED)


def _executor(jobs: int | None, scheduler: str | None) -> AbstractContextManager[Executor]:
    if scheduler is None:
        from sharp.artifact.executors import LocalProcesses

        return nullcontext(LocalProcesses(jobs or os.cpu_count() or 1))
    if jobs is not None:
        raise refuse("--jobs", "it without --scheduler, which has its own workers", jobs)
    from sharp.artifact.dask_cluster import dask_cluster

    return dask_cluster(scheduler)


def _reported(
    batch: Batch, folder: BatchFolder, run: Callable[[Callable[[Outcome], None]], list[Outcome]]
) -> list[Outcome]:
    """Run with a progress bar; the report is written also when interrupted, without waiting for all pictures."""
    from sharp.artifact.batch_report import write_report
    from sharp.artifact.batch_run import Outcome

    known = {point.name: Outcome(point=point) for point in batch.points}
    done = 0
    try:
        with progress_bar(f"running {len(known)} points") as progress:

            def note(outcome: Outcome) -> None:
                nonlocal done
                known[outcome.point.name] = outcome
                done += 1
                if progress is not None:
                    progress(done / len(known))

            outcomes = run(note)
    except BaseException:
        write_report(batch, list(known.values()), folder, pictures_s=INTERRUPTED_S)
        raise
    write_report(batch, outcomes, folder)
    return outcomes


def _say(outcomes: Sequence[Outcome], failed: Sequence[Outcome]) -> None:
    """Say on the error stream what failed, and what was kept although not all that it read can be looked at again."""
    for outcome in failed:
        click.echo(f"sharp: {outcome.point.name}: {outcome.error}", err=True)
    unsure = [outcome for outcome in outcomes if outcome.unseen]
    if unsure:
        read = sorted({name for outcome in unsure for name in outcome.unseen})
        click.echo(
            f"sharp: {len(unsure)} of {len(outcomes)} points are kept that read from {', '.join(read)}, "
            "where no change can be seen; --fresh runs them again",
            err=True,
        )
