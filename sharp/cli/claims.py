"""The command that puts published numbers beside ours: claims."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from sharp.claims.claims import (
    SAMPLES,
    changed_verdicts,
    evaluate_claims,
    evaluate_jointly,
    recorded_verdicts,
    settings,
)
from sharp.cli.options import json_option, print_json
from sharp.cli.parsing import OUTPUT_FILE, Command
from sharp.files import note_input, write_text

CHANGED = 1


@click.command("claims", cls=Command)
@click.option("--samples", default=2**12, show_default=True, help="Samples of the assumed ranges.")
@click.option("--joint", is_flag=True, help="Ask all claims of one setting at a time: the best, and what none meets.")
@click.option(
    "--verdicts", type=click.Path(path_type=Path), help="Compare with this record.  [default: the committed one]"
)
@click.option("--save", type=OUTPUT_FILE, help="Write the verdicts to this record (JSON).")
@json_option
def command(samples: int, joint: bool, verdicts: Path | None, save: Path | None, as_json: bool) -> None:
    """Put every published number beside ours, with a verdict; exit code 1 where one is not as recorded."""
    from sharp.cli import tables

    if verdicts is not None:
        note_input(verdicts)
    record = recorded_verdicts(verdicts)
    outcomes = evaluate_claims(samples=samples, threads=os.cpu_count() or 1)
    together = evaluate_jointly(outcomes)
    if save is not None:
        content = {outcome.claim.id: outcome.verdict for outcome in outcomes}
        write_text(save, json.dumps(content, indent=2) + "\n")
    setting = {name: values[together.setting].item() for name, values in settings(samples=samples).items()}
    if as_json:
        entries = [outcome.as_dict(together) for outcome in outcomes]
        print_json({**together.as_dict(), "setting": setting, "claims": entries} if joint else entries)
    elif joint:
        tables.print_joint(outcomes, together, setting)
    else:
        tables.print_claims(outcomes, together)
    changed = changed_verdicts(outcomes, record)
    for sentence in changed:
        click.echo(f"sharp: {sentence}", err=True)
    if changed:
        if verdicts is None and samples != SAMPLES:
            click.echo(f"sharp: this was with {samples} samples; the record is of {SAMPLES}", err=True)
        sys.exit(CHANGED)
