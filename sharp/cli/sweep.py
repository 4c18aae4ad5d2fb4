"""The command that counts a design space into a table: sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sharp.cli.effects import Asked, refuse_without_effect
from sharp.cli.options import (
    energy_options,
    gating,
    json_option,
    machine,
    machine_options,
    print_json,
    refuse_energy_options,
    refuse_overruled,
    say_written,
    technology,
)
from sharp.cli.parsing import OUTPUT_FILE, Command
from sharp.cli.progress import progress_bar
from sharp.errors import SpecificationError
from sharp.rivals.machines import as_machine
from sharp.space.files import load_grid
from sharp.space.sweep import single_layers
from sharp.space.tables import write_table

if TYPE_CHECKING:
    from sharp.energy.technology import Technology
    from sharp.machine.accelerator import Accelerator


@click.command("sweep", cls=Command)
@click.argument("points", metavar="FILE", type=click.Path(path_type=Path))
@machine_options
@energy_options
@click.option(
    "-o", "--output", type=OUTPUT_FILE, required=True, help="Write the table here (CSV, or Parquet: table.parquet)."
)
@click.option("--strict", is_flag=True, help="End at the first row that cannot be mapped, without a table.")
@click.option("--resume", is_flag=True, help="Go on from what the same sweep has left, if anything.")
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use.  [default: all]")
@json_option
def command(
    points: Path,
    output: Path,
    strict: bool,
    resume: bool,
    threads: int | None,
    as_json: bool,
    energy: bool,
    **options: Any,
) -> None:
    r"""Count every layer, machine and plan of a grid into a table, a row for each.

    FILE is a YAML file of columns, each with a value, a list or a range of integers; their combinations are the rows:

    \b
        hidden_size: {from: 64, to: 2048, step: 64}
        macs: [4K, 64K]
        schedule: [batch, unfolded]

    Columns are of the layer (cell, input_size, seq_len, batch_size, ...), of how it is run (schedule, tile_rows, ...)
    and of the machine (macs, clock_hz, activation_ns, ...); the book has them all ("A design space").

    A combination that cannot be mapped is a row with the reason and without numbers.

    Where a sweep is ended early (Ctrl-C, a time limit, a full disk), what it has counted stays beside the table, in a
    file TABLE.*.partial: the same command with --resume goes on from there, to the same table.
    """
    from sharp.cli.console import note, warn

    found, accelerator = load_grid(points, allow_code=options["allow_code"]), machine(options)
    refuse_overruled(options, found.columns)
    if not energy:
        refuse_energy_options(options)
    places = found.columns["weights"].values if "weights" in found.columns else [accelerator.plan.weights]
    streamed = any(place != "resident" for place in places)
    swept = Asked(machine=as_machine(accelerator), streams=streamed, priced=energy, says_fit=False)
    refuse_without_effect(options, [swept])
    asked = (technology(options), gating(options)) if energy else (None, None)
    space = single_layers(found, accelerator, *asked)
    with progress_bar("sweeping") as progress:
        written = write_table(
            output, space, strict=strict, resume=resume, threads=threads, progress=progress, note=note
        )
    left_out = list(dict.fromkeys([*space.cautions, *_left_out(accelerator, asked[0])]))
    if as_json:
        print_json({"file": str(output), **written._asdict(), "warnings": left_out})
    else:
        warn(left_out)
        without = f", {written.refused:,} without numbers (column reason)" * bool(written.refused)
        say_written(output, f"{written.points:,} points{without}")


def _left_out(accelerator: Accelerator, technology: Technology | None) -> list[str]:
    """What energies of the machine leave out, before any column changes it; nothing where it has none, as rows say."""
    if technology is None:
        return []
    from sharp.energy.implementation import implement

    try:
        return implement(accelerator, technology).warnings
    except SpecificationError:
        return []
