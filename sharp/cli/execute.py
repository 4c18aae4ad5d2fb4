"""The command that computes what a model computes on the machine: execute."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sharp.checks import refuse
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
from sharp.values.delta import check_threshold
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
@click.option(
    "--delta-threshold",
    "thresholds",
    metavar="A[,B,...]",
    help="Multiply only what changed of x and h by more than A: error, cycles and energy beside everything multiplied.",
)
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
        _refuse_with("--formats", {"--format": options["label"], "--output": output})
        _refuse_with("--formats", {"--delta-threshold": options["thresholds"]})
        _compare(model, inputs, as_json, options)
        return
    if options["thresholds"] is not None:
        _refuse_with("--delta-threshold", {"--output": output})
        _compare_thresholds(model, inputs, as_json, options)
        return
    if options["technology"] is not None:
        raise SpecificationError(
            "--technology: expected it with --formats or --delta-threshold, whose energies it prices, got it alone"
        )
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
        if options["order"] not in (None, "layers"):
            raise SpecificationError(
                "--order: expected layers, as the nodes of a model run one after the other here (sharp import gives "
                f"the network that sharp run takes in other orders), got {options['order']}"
            )
        self.accelerator = machine(options)
        self.plan = plan(options, self.accelerator.plan)
        self.formats = numerics(label or self.accelerator.precision, state=options["state"], scales=options["scales"])
        pieces = options["activation_table"]
        unit: Activation = Exact() if pieces is None else Piecewise(pieces=pieces)
        self.run = partial(
            execute_layer, accelerator=self.accelerator, plan=self.plan, formats=self.formats, activation=unit
        )
        self.single = partial(self.run, formats=numerics("fp32"), activation=Exact())


def _refuse_with(other: str, given: dict[str, object]) -> None:
    for option, value in given.items():
        if value is not None:
            raise SpecificationError(f"{option}: expected it or {other}, got both")


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


def _compare_thresholds(model: Path, inputs: Path, as_json: bool, options: dict[str, Any]) -> None:
    from sharp.space.delta import DeltaCalls, costs_dict, shares_of

    arrays, prices, setup = read_arrays(inputs), technology(options), _Setup(options, options["label"])
    asked = [None, *(_threshold(text) for text in options["thresholds"].split(","))]
    rows: list[dict[str, Any]] = []
    whole = None
    for threshold in asked:
        calls = DeltaCalls(setup.run, threshold)
        values = _execute(model, arrays, calls, setup.single)
        costs = calls.costs(setup.accelerator, setup.plan, setup.formats, prices)
        whole = whole or costs
        shares = {f"share_{name}": share for name, share in shares_of(calls).items()}
        row = {"threshold": threshold, **_as_dict(values, setup.formats), **shares, **costs_dict(costs, whole)}
        rows.append({**row, "fits_intermediate_buffer": costs.fits_intermediate_buffer})
    if as_json:
        print_json({"network": model.stem, "technology": prices.name, "thresholds": rows})
    else:
        _print_thresholds(model.stem, rows)


def _threshold(text: str) -> float:
    """A number of zero or more."""
    try:
        value = float(text)
    except ValueError:
        raise refuse("--delta-threshold", "numbers of zero or more", text.strip()) from None
    return check_threshold(value, "--delta-threshold")


def _print_thresholds(name: str, rows: list[dict[str, Any]]) -> None:
    from sharp.cli.console import make_table, note, show_table

    if not all(row["fits_intermediate_buffer"] for row in rows):
        note(
            "warning: the intermediate buffer does not hold all sums from step to step; the cycles assume that it does"
        )
    columns = (
        "threshold",
        "output",
        "max abs",
        "SNR dB",
        "cosine",
        "argmax",
        "of x",
        "of h",
        "cycles",
        "fast",
        "energy",
    )
    table = make_table(f"{name}, only what changed is multiplied", *columns, text=(0, 1))
    for row in rows:
        share = "n/a" if row["share_of_energy"] is None else f"{row['share_of_energy']:.1%}"
        shares = (f"{row['share_x']:.1%}", f"{row['share_h']:.1%}")
        ends = (*shares, f"{row['cycles']:,}", f"{row['times_as_fast']:.2f}x", share)
        for output, numbers in row["outputs"].items():
            threshold = "none" if row["threshold"] is None else f"{row['threshold']:g}"
            table.add_row(threshold, output, *_shown(numbers), *ends)
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
