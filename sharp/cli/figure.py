"""The command that runs a figure's notebook: figure."""

from __future__ import annotations

from pathlib import Path

import click

from sharp.cli.options import json_option, print_json


@click.command("figure")
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("-f", "--parameters", type=click.Path(path_type=Path), help="YAML file of parameters, as papermill's.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("paper_figures"), show_default=True)
@click.option("--executed", type=click.Path(path_type=Path), help="Keep the executed notebook here (.ipynb).")
@json_option
def command(notebook: Path, parameters: Path | None, output: Path, executed: Path | None, as_json: bool) -> None:
    """Run a figure's notebook with papermill; write its figure or table, its numbers and a line of manifest.json."""
    from sharp.artifact.notebook import run_notebook

    written = run_notebook(notebook, parameters_file=parameters, output=output, executed=executed)
    if as_json:
        print_json({"id": notebook.stem, "files": [str(path) for path in written]})
    else:
        click.echo(f"{notebook.stem}: {', '.join(path.name for path in written)}")
