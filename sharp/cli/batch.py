"""The command that runs a notebook over a grid of parameters: batch."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sharp.checks import refuse
from sharp.cli.options import json_option, print_json
from sharp.cli.progress import progress_bar

if TYPE_CHECKING:
    from sharp.artifact.batch import Batch, Outcome
    from sharp.artifact.executors import Executor

SOME_FAILED = 1


@click.command("batch")
@click.argument("grid", metavar="FILE", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder of the points.")
@click.option("--jobs", type=click.IntRange(min=1), help="Points at a time on this machine.  [default: its cores]")
@click.option("--scheduler", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler (tcp://...).")
@click.option("--first", type=click.IntRange(min=1), help="Only this many points, from the first: a trial.")
@json_option
def command(
    grid: Path, output: Path, jobs: int | None, scheduler: str | None, first: int | None, as_json: bool
) -> None:
    """Run a notebook over a grid of parameters (YAML); finished points are kept. Exit code 1 where one fails."""
    from sharp.artifact.batch import FAILED, REPORT, SUMMARY, claimed, load_batch
    from sharp.artifact.executors import dask_cluster, local_processes

    if jobs is not None and scheduler is not None:
        raise refuse("--jobs", "it without --scheduler, which has its own workers", jobs)
    batch = load_batch(grid)
    batch = dataclasses.replace(batch, points=batch.points[:first])
    with (
        dask_cluster(scheduler) if scheduler is not None else local_processes(jobs or os.cpu_count() or 1) as executor,
        claimed(output),
    ):
        outcomes = _run(batch, output, executor)
    failed = [outcome for outcome in outcomes if outcome.status == FAILED]
    if as_json:
        files = {"summary": str(output / SUMMARY), "report": str(output / REPORT)}
        print_json({"points": len(outcomes), "failed": len(failed), **files})
    else:
        click.echo(f"{output / REPORT}: {len(outcomes)} points, {len(failed)} failed")
    for outcome in failed:
        click.echo(f"sharp: {outcome.point.name}: {outcome.error}", err=True)
    if failed:
        sys.exit(SOME_FAILED)


def _run(batch: Batch, output: Path, executor: Executor) -> list[Outcome]:
    """Run with a progress bar; the report is written also when interrupted."""
    from sharp.artifact.batch import Outcome, run_batch
    from sharp.artifact.batch_report import write_report

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

            return run_batch(batch, output, executor, note)
    finally:
        write_report(batch, list(known.values()), output)
