"""The command that computes what a model computes on the machine: execute."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sharp.cli.options import (
    json_option,
    machine,
    machine_options,
    plan,
    plan_options,
    print_json,
    say_written,
    tile_option,
)
from sharp.errors import SpecificationError
from sharp.files import file_at, write_bytes
from sharp.values.activations import Activation, Exact, Piecewise
from sharp.values.arrays import arrays_as_bytes, read_arrays
from sharp.values.execute import execute_layer
from sharp.values.formats import Numerics, numerics

if TYPE_CHECKING:
    from sharp.values.onnx_model import ModelValues


@click.command("execute")
@click.argument("model", metavar="MODEL.onnx", type=click.Path(path_type=Path))
@click.option("--input", "inputs", required=True, type=click.Path(path_type=Path), help="A .npz file of its inputs.")
@click.option(
    "--format",
    "label",
    metavar="FORMAT[/SUMS]",
    help="Of weights, x and h, and of sums: fp16/fp32, bf16, fp8, e5m2, int8, e6m9.  [default: the machine's]",
)
@click.option("--state", metavar="FORMAT", help="Of c and the gates' values.  [default: as weights, at least 16 bits]")
@click.option("--scales", default="row", show_default=True, help="Integers: a scale a row, or a tensor.")
@click.option("--table", type=int, metavar="PIECES", help="Activation unit: a table of lines.  [default: exact]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the outputs to this .npz file.")
@machine_options
@plan_options
@tile_option
@json_option
def command(model: Path, inputs: Path, output: Path | None, as_json: bool, **options: Any) -> None:
    """Run an ONNX model with its recurrent and dense layers on the machine, bit for bit; how far is it from fp32?"""
    accelerator = machine(options)
    formats = numerics(options["label"] or accelerator.precision, state=options["state"], scales=options["scales"])
    run = partial(
        execute_layer,
        accelerator=accelerator,
        plan=plan(options, accelerator.plan),
        formats=formats,
        activation=_activation(options["table"]),
    )
    arrays = read_arrays(inputs)
    if output is not None:
        file_at(output)  # refused before anything runs
    values = _execute(model, arrays, run)
    if output is not None:
        write_bytes(output, arrays_as_bytes(values.outputs))
    if as_json:
        print_json(_as_dict(values, formats))
    else:
        _print(values, formats)
    if output is not None:
        say_written(output, f"{len(values.outputs)} arrays")


def _activation(pieces: int | None) -> Activation:
    return Exact() if pieces is None else Piecewise(pieces=pieces)


def _execute(model: Path, arrays: Any, run: Any) -> ModelValues:
    try:
        from sharp.values.onnx_model import execute_model
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "sharp":
            raise
        raise SpecificationError(
            f"{model}: expected the package {error.name} to run it (pip install 'sharp-rnn[values]'), got none"
        ) from None
    return execute_model(model, arrays, run)


def _as_dict(values: ModelValues, formats: Numerics) -> dict[str, Any]:
    return {
        "network": values.name,
        "format": formats.label,
        "state": formats.state.name,
        "layers": [
            {"name": layer.name, "operator": layer.operator, **layer.difference.as_dict()} for layer in values.layers
        ],
        "outputs": {name: difference.as_dict() for name, difference in values.differences.items()},
        "reference": values.reference,
        "elsewhere": dict(values.elsewhere),
    }


def _print(values: ModelValues, formats: Numerics) -> None:
    from sharp.cli.console import make_table, note, show_table

    for name, reason in values.elsewhere.items():
        note(f"warning: node {name} does not run on the machine: {reason}")
    columns = ("values", "of", "max abs", "SNR dB", "cosine", "argmax")
    table = make_table(f"{values.name}, {formats.label} beside {values.reference}", *columns, text=(0, 1))
    rows = [(layer.name, layer.operator, layer.difference) for layer in values.layers]
    rows += [(name, "output", difference) for name, difference in values.differences.items()]
    for name, kind, d in rows:
        shown = (f"{d.max_abs:.2e}", f"{d.snr_db:.1f}", f"{d.cosine:.6f}", f"{d.argmax_agreement:.1%}")
        table.add_row(name, kind, *shown)
    show_table(table)
