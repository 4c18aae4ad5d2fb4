"""The command that counts a design space into a table: sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
from sharp.cli.progress import progress_bar
from sharp.errors import SpecificationError
from sharp.files import csv_text, replacing
from sharp.space.files import load_grid
from sharp.space.sweep import sweep_chunks

if TYPE_CHECKING:
    import pandas as pd

    from sharp.energy.technology import Technology
    from sharp.machine.accelerator import Accelerator


@click.command("sweep")
@click.argument("points", metavar="FILE", type=click.Path(path_type=Path))
@machine_options
@energy_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Write the table here (CSV).")
@click.option("--strict", is_flag=True, help="End at the first point that cannot be mapped; else it is a row.")
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use.  [default: all]")
@json_option
def command(
    points: Path, output: Path, strict: bool, threads: int | None, as_json: bool, energy: bool, **options: Any
) -> None:
    """Count every layer, machine and plan of a grid (YAML: columns and their values) into a table."""
    found, accelerator = load_grid(points, allow_code=options["allow_code"]), machine(options)
    refuse_overruled(options, found.columns)
    asked: dict[str, Any] = {}
    if energy:
        asked = {"technology": technology(options), "gating": gating(options)}
    else:
        refuse_energy_options(options)
    left_out = _left_out(accelerator, asked["technology"]) if energy else []
    count = refused = 0
    with progress_bar("sweeping") as progress, replacing(output) as stream:
        for table in sweep_chunks(found, accelerator, **asked, strict=strict, threads=threads, progress=progress):
            _without_formulas(table).to_csv(stream, index=False, header=not count)
            count += len(table)
            refused += int((table["reason"] != "").sum())
    if as_json:
        print_json({"file": str(output), "points": count, "refused": refused, "warnings": left_out})
    else:
        from sharp.cli.console import note

        for sentence in left_out:
            note(f"warning: {sentence}")
        say_written(output, f"{count:,} points" + f", {refused:,} without numbers (column reason)" * bool(refused))


def _left_out(accelerator: Accelerator, technology: Technology) -> list[str]:
    """What energies of the machine leave out, before any column changes it; nothing where it has none, as rows say."""
    from sharp.energy.implementation import implement

    try:
        return implement(accelerator, technology).warnings
    except SpecificationError:
        return []


def _without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts no spreadsheet runs: a schedule's name may be that of any file."""
    texts = table.select_dtypes("category")
    return table.assign(**{str(name): texts[name].map(csv_text, na_action="ignore") for name in texts})
