"""The command that runs a figure's notebook: figure."""

from __future__ import annotations

from pathlib import Path

import click

from sharp.cli.options import json_option, print_json, timeout_option
from sharp.cli.parsing import OUTPUT_FILE, OUTPUT_FOLDER, Command


@click.command("figure", cls=Command)
@click.argument("notebook")
@click.option("-f", "--parameters", type=click.Path(path_type=Path), help="YAML file of parameters, as papermill's.")
@click.option("-o", "--output", type=OUTPUT_FOLDER, default=Path("paper_figures"), show_default=True)
@click.option("--executed", type=OUTPUT_FILE, help="Keep the executed notebook here (.ipynb).")
@timeout_option
@json_option
def command(
    notebook: str, parameters: Path | None, output: Path, executed: Path | None, timeout_s: float, as_json: bool
) -> None:
    """Run a figure's notebook, by its id or path; write its figure or table, its numbers and a line of manifest.json.

    Only files that an earlier run wrote, and nobody has changed since, are replaced.
    """
    from sharp.artifact.notebook import find_notebook, run_notebook

    path = find_notebook(notebook)
    written = run_notebook(path, parameters_file=parameters, output=output, executed=executed, timeout_s=timeout_s)
    if as_json:
        print_json({"id": path.stem, "files": [str(file) for file in written]})
    else:
        click.echo(f"{path.stem}: {', '.join(file.name for file in written)}")
