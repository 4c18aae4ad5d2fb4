"""The command that puts published numbers beside ours: claims."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from sharp.claims.claims import SAMPLES, changed_verdicts, evaluate_claims, recorded_verdicts
from sharp.cli.options import json_option, print_json
from sharp.files import note_input, write_text

CHANGED = 1


@click.command("claims")
@click.option("--samples", default=2**10, show_default=True, help="Samples of the assumed ranges.")
@click.option(
    "--verdicts", type=click.Path(path_type=Path), help="Compare with this record.  [default: the committed one]"
)
@click.option("--save", type=click.Path(path_type=Path), help="Write the verdicts to this record (JSON).")
@json_option
def command(samples: int, verdicts: Path | None, save: Path | None, as_json: bool) -> None:
    """Put every published number beside ours, with a verdict; exit code 1 where one is not as recorded."""
    if verdicts is not None:
        note_input(verdicts)
    record = recorded_verdicts(verdicts)
    outcomes = evaluate_claims(samples=samples, threads=os.cpu_count() or 1)
    if save is not None:
        content = {outcome.claim.id: outcome.verdict for outcome in outcomes}
        write_text(save, json.dumps(content, indent=2) + "\n")
    changed = changed_verdicts(outcomes, record)
    if as_json:
        print_json([outcome.as_dict() for outcome in outcomes])
    else:
        from sharp.cli import tables

        tables.print_claims(outcomes)
    for sentence in changed:
        click.echo(f"sharp: {sentence}", err=True)
    if changed:
        if verdicts is None and samples != SAMPLES:
            click.echo(f"sharp: this was with {samples} samples; the record is of {SAMPLES}", err=True)
        sys.exit(CHANGED)
