"""The command that reads a network from the file of another tool: import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sharp.checks import refuse
from sharp.cli.options import json_option, print_json, say_written
from sharp.cli.parsing import OUTPUT_FILE, Command
from sharp.files import write_text
from sharp.workload.importing.conversion import as_content, as_network
from sharp.workload.importing.files import import_file

if TYPE_CHECKING:
    from sharp.workload.importing.imported import Imported


@click.command("import", cls=Command)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=OUTPUT_FILE, help="Write a network to this YAML file.")
@click.option("--alternative", type=int, default=1, show_default=True, help="Which, where the file chooses one.")
@click.option("--steps", type=int, help="Time steps, where the file leaves them open.")
@click.option(
    "--size", "sizes", multiple=True, metavar="NAME=N", help="Another size that it leaves open.  [default: 1]"
)
@json_option
def command(
    file: Path, output: Path | None, alternative: int, steps: int | None, sizes: tuple[str, ...], as_json: bool
) -> None:
    """Read a network from a file of ONNX, PyTorch or Keras: its layers, what feeds what, what else it computes."""
    imported = import_file(file, steps=steps, sizes=_sizes(sizes))
    if output is not None:
        _write(imported, alternative, output)
    if as_json:
        print_json(imported.as_dict())
    elif output is None:
        _print(imported)


def _sizes(texts: tuple[str, ...]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for text in texts:
        name, _, size = text.rpartition("=")
        if not name or not (size.isascii() and size.isdigit() and len(size) < 20):
            raise refuse("--size", "NAME=N, such as batch=1", text)
        if name in sizes:
            raise refuse("--size", "each name once", text)
        sizes[name] = int(size)
    return sizes


def _write(imported: Imported, alternative: int, output: Path) -> None:
    import yaml  # only a file that is written needs it

    count = len(imported.networks)
    if not 1 <= alternative <= count:
        raise refuse("--alternative", f"a number from 1 to {count}", alternative)
    network = as_network(imported.networks[alternative - 1])
    write_text(output, yaml.safe_dump(as_content(network), sort_keys=False, width=120, allow_unicode=True))
    say_written(output, f"{len(network.layers)} layers, {network.num_weights:,} weights")


def _print(imported: Imported) -> None:
    from sharp.cli.console import make_table, note, show_table

    for warning in imported.warnings:
        note(f"warning: {warning}")
    for network in imported.networks:
        columns = ("layer", "cell", "X", "H", "steps", "batch", "weights", "MACs", "reads")
        table = make_table(network.name, *columns, text=(0, 1, 8))
        for layer in network.layers:
            table.add_row(
                layer.name,
                layer.cell + ", 2 directions" * layer.bidirectional,
                str(layer.input_size),
                str(layer.hidden_size),
                str(layer.seq_len),
                str(layer.batch_size),
                f"{layer.num_weights:,}",
                f"{layer.macs:,}",
                ", ".join(layer.reads),
            )
        show_table(table)
        for name, work in network.not_modelled.items():
            click.echo(f"not modelled: {work.count} {name}, {work.macs:,} MACs")
