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
    technology,
    technology_option,
    tile_option,
)
from sharp.cli.parsing import OUTPUT_FILE, Command
from sharp.errors import SpecificationError
from sharp.files import file_at, note_input, write_bytes
from sharp.values.activations import Activation, Exact, Piecewise
from sharp.values.arrays import arrays_as_bytes, read_arrays
from sharp.values.execute import execute_layer
from sharp.values.formats import Numerics, numerics

if TYPE_CHECKING:
    from sharp.values.onnx_model import ModelValues


@click.command("execute", cls=Command)
@click.argument("model", metavar="MODEL.onnx", type=click.Path(path_type=Path))
@click.option("--input", "inputs", required=True, type=click.Path(path_type=Path), help="A .npz file of its inputs.")
@click.option(
    "--format",
    "label",
    metavar="FORMAT[/SUMS]",
    help="Of weights, x and h, and of sums: fp16/fp32, bf16, fp8, e5m2, int8, e6m9.  [default: the machine's]",
)
@click.option("--formats", "labels", metavar="A,B,...", help="A table of several, with the layers' time and energy.")
@click.option("--state", metavar="FORMAT", help="Of c and the gates' values.  [default: as weights, at least 16 bits]")
@click.option("--scales", default="row", show_default=True, help="Integers: a scale a row, or a tensor.")
@click.option(
    "--activation-table", type=int, metavar="PIECES", help="Activation unit: a table of lines.  [default: exact]"
)
@click.option("-o", "--output", type=OUTPUT_FILE, help="Write the outputs to this .npz file.")
@machine_options
@plan_options
@tile_option
@technology_option
@json_option
def command(model: Path, inputs: Path, output: Path | None, as_json: bool, **options: Any) -> None:
    """Run an ONNX model with its recurrent and dense layers on the machine, bit for bit; how far is it from fp32?"""
    note_input(model)
    if options["labels"] is not None:
        _refuse_with_formats(options["label"], output)
        _compare(model, inputs, as_json, options)
        return
    if options["technology"] is not None:
        raise SpecificationError("--technology: expected it with --formats, whose energies it prices, got it alone")
    setup = _Setup(options, options["label"])
    arrays = read_arrays(inputs)
    if output is not None:
        file_at(output)  # refused before anything runs
    values = _execute(model, arrays, setup.run, setup.single)
    if output is not None:
        write_bytes(output, arrays_as_bytes(values.outputs))
    if as_json:
        print_json(_as_dict(values, setup.formats))
    else:
        _print(values, setup.formats)
    if output is not None:
        say_written(output, f"{len(values.outputs)} arrays")


class _Setup:
    """Machine, plan and formats that the options name."""

    def __init__(self, options: dict[str, Any], label: str | None) -> None:
        self.accelerator = machine(options)
        self.plan = plan(options, self.accelerator.plan)
        self.formats = numerics(label or self.accelerator.precision, state=options["state"], scales=options["scales"])
        pieces = options["activation_table"]
        unit: Activation = Exact() if pieces is None else Piecewise(pieces=pieces)
        self.run = partial(
            execute_layer, accelerator=self.accelerator, plan=self.plan, formats=self.formats, activation=unit
        )
        self.single = partial(self.run, formats=numerics("fp32"), activation=Exact())


def _refuse_with_formats(label: str | None, output: Path | None) -> None:
    for option, value in (("--format", label), ("--output", output)):
        if value is not None:
            raise SpecificationError(f"{option}: expected it or --formats, got both")


def _compare(model: Path, inputs: Path, as_json: bool, options: dict[str, Any]) -> None:
    from sharp.space.formats import Calls

    arrays, prices = read_arrays(inputs), technology(options)
    setups = [_Setup(options, label.strip()) for label in options["labels"].split(",")]
    rows: list[dict[str, Any]] = []
    for setup in setups:
        calls = Calls(setup.run)
        values = _execute(model, arrays, calls, setup.single)
        costs = calls.costs(setup.accelerator, setup.plan, setup.formats, prices)
        rows.append({**_as_dict(values, setup.formats), "latency_s": costs.latency_s, "energy_j": costs.energy_j})
    if as_json:
        print_json({"network": model.stem, "technology": prices.name, "formats": rows})
    else:
        _print_formats(model.stem, rows)


def _print_formats(name: str, rows: list[dict[str, Any]]) -> None:
    from sharp.cli.console import make_table, show_table

    columns = ("format", "output", "max abs", "SNR dB", "cosine", "argmax", "latency", "energy")
    table = make_table(f"{name}, its layers on the machine", *columns, text=(0, 1))
    for row in rows:
        energy = "n/a" if row["energy_j"] is None else f"{row['energy_j'] * 1e6:.3g} uJ"
        ends = (f"{row['latency_s'] * 1e6:.4g} us", energy)
        for output, numbers in row["outputs"].items():
            table.add_row(row["format"], output, *_shown(numbers), *ends)
    show_table(table)


def _shown(numbers: dict[str, float | None]) -> tuple[str, ...]:
    """The four numbers of a difference in a table; nothing for one that is not finite."""
    shown = {"max_abs": "{:.2e}", "snr_db": "{:.1f}", "cosine": "{:.6f}", "argmax_agreement": "{:.1%}"}
    return tuple("" if numbers[name] is None else form.format(numbers[name]) for name, form in shown.items())


def _execute(model: Path, arrays: Any, run: Any, single: Any) -> ModelValues:
    try:
        from sharp.values.onnx_model import execute_model
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "sharp":
            raise
        raise SpecificationError(
            f"{model}: expected the package {error.name} to run it (pip install 'sharp-rnn[values]'), got none"
        ) from None
    return execute_model(model, arrays, run, single)


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
    for name, kind, difference in rows:
        table.add_row(name, kind, *_shown(difference.as_dict()))
    show_table(table)
