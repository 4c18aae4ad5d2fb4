"""The command that compares figures and tables with their record: verify."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from sharp.checks import refuse
from sharp.cli.options import json_option, print_json
from sharp.cli.parsing import Command

CHANGED = 1


@click.command("verify", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path), default=Path("paper_figures"))
@click.option("--update", "updating", is_flag=True, help="Write the record anew from the files as they are.")
@click.option("--only", metavar="ID", multiple=True, help="Only this figure or table; may be given again.")
@json_option
def command(folder: Path, updating: bool, only: tuple[str, ...], as_json: bool) -> None:
    """Compare figures and tables with the committed record of them; exit code 1 where one differs."""
    from sharp.artifact.verify import RECORD, compare, update

    if updating and only:
        raise refuse("--only", "it without --update, as a record is of all figures and tables", ", ".join(only))
    files, changes = (update(folder), []) if updating else compare(folder, only)
    if as_json:
        print_json({"files": files, "changes": [asdict(change) for change in changes]})
    elif changes:
        _print_table([("file", "difference", "made with"), *((c.file, c.difference, c.made_with) for c in changes)])
    else:
        said = "written anew" if updating else "all as recorded"
        click.echo(f"{folder / RECORD}: {files} files, {said}")
    if changes:
        click.echo(f"sharp: {len(changes)} of {files} files differ from {folder / RECORD}", err=True)
        sys.exit(CHANGED)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
