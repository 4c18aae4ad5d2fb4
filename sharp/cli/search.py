"""The command that searches a space for the designs that no other beats: search."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from sharp.checks import refuse
from sharp.cli.console import duration, make_table, note, show_table, terminal, warn
from sharp.cli.effects import Asked, refuse_without_effect
from sharp.cli.limits import goal_of, limit_options
from sharp.cli.options import (
    json_option,
    machine,
    machine_options,
    print_json,
    refuse_overruled,
    say_written,
    technology,
    technology_option,
    workload,
    workload_options,
)
from sharp.cli.parsing import OUTPUT_FILE, Command
from sharp.cli.progress import progress_bar
from sharp.cli.words import goal_text, missed_text
from sharp.design.axes import check_space
from sharp.design.files import OF_A_SEARCH, load_space
from sharp.design.search import SearchResult, search
from sharp.errors import SpecificationError
from sharp.workload.network import Network


@click.command("search", cls=Command)
@click.argument("space", metavar="FILE", type=click.Path(path_type=Path))
@workload_options
@limit_options
@machine_options
@technology_option
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use.  [default: all]")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Run on the workers of this Dask scheduler.")
@click.option("--resume", is_flag=True, help="Go on from what the same search has left beside the table, if anything.")
@click.option("--most", type=click.IntRange(min=1), default=10, show_default=True, help="How many designs to show.")
@click.option("--table", type=OUTPUT_FILE, metavar="FILE", help="Write all of them here (CSV).")
@json_option
def command(
    space: Path,
    threads: int | None,
    scheduler: str | None,
    resume: bool,
    most: int,
    table: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    r"""Evaluate every design of a space, and show those that no other beats.

    FILE is a YAML file of axes, and if it likes of limits, conditions and objectives:

    \b
        axes:
          macs: [1K, 4K, 16K]
          tile_rows: [32, 64, 128, 256]
          activation_lanes: {from: 16, to: 256, step: 16}
        conditions: [tile_rows <= num_macs / 16]
        objectives: [latency, energy, area]
        deadline: 1ms

    Without a network, axes may also be of a layer (hidden_size, seq_len, cell, ...).
    """
    if resume and table is None:
        raise refuse("--resume", "a table to go on with (--table)", None)
    network = _network(options)
    check = partial(check_space, of_a_layer=network is None)
    found = load_space(space, allow_code=options["allow_code"], keys=OF_A_SEARCH, check=check)
    refuse_overruled(options, found.axes)
    objectives = {"objectives": found.objectives} if found.objectives else {}
    with progress_bar("searching") as progress:
        result = search(
            found.axes,
            goal_of(found, options),
            network=network,
            conditions=found.conditions,
            accelerator=machine(options),
            technology=technology(options),
            threads=threads,
            scheduler=scheduler,
            output=table,
            resume=resume,
            progress=progress,
            note=note,
            **objectives,
        )
    refuse_without_effect(options, [_asked(result)])
    warnings = list(result.candidates.base.cautions(found.axes))
    if not result.meets and not as_json:
        raise SpecificationError(f"{space}: {_nearest(result)}")
    if as_json:
        print_json(result.as_dict() | {"warnings": warnings})
        return
    _print(result, most)
    warn(warnings)
    if table is not None:
        say_written(table, f"{len(result.found.front):,} designs")


def _network(options: dict[str, Any]) -> Network | None:
    """The network that options name; None where they name none."""
    return workload(options) if options["network"] or options["hidden_size"] else None


def _asked(result: SearchResult) -> Asked:
    return Asked(machine=result.candidates.base.machine, streams=result.candidates.may_stream, priced=True)


def _nearest(result: SearchResult) -> str:
    point, excess = result.nearest
    values = ", ".join(f"{name} {value}" for name, value in point.items())
    return f"nothing meets it; the nearest is {values}, which takes {missed_text(excess)}"


def _print(result: SearchResult, most: int) -> None:
    """The first designs of the front by the first objective, and how many there are."""
    aim, axes = result.aim, list(result.candidates.axes)
    title = f"no other beats these in {', '.join(aim.objectives)}"
    limits = goal_text(aim.goal)
    table = make_table(f"{title}; {limits}" if limits else title, *axes, "latency", "energy mJ", "power W", "area mm2")
    first = aim.objectives[0]
    for point, costs in sorted(result.designs(), key=lambda design: aim.goal.score(design[1], first))[:most]:
        cells = [str(list(value) if isinstance(value, tuple) else value) for value in point.values()]
        cells += [duration(costs.latency_s), f"{1e3 * costs.energy_j:.4g}", f"{costs.power_w:.2f}"]
        table.add_row(*cells, f"{costs.area_mm2:.1f}")
    show_table(table)
    shown, tried = len(result.found.front), result.found.tried
    terminal().print(f"{shown:,} of {tried:,} designs that could be run are beaten by none", style="bold")
    if result.found.refused:
        reason, _ = result.found.refused.most_common(1)[0]
        note(f"note: {result.found.refused.total():,} designs cannot be run; most of them: {reason}")
