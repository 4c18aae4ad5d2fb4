"""The command of the machine as hardware: rtl emit, rtl run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sharp.checks import check_integer
from sharp.cli.options import (
    json_option,
    machine,
    machine_options,
    plan,
    plan_options,
    print_json,
    refuse_energy_options,
    say_written,
    tile_option,
    workload,
    workload_options,
)
from sharp.cli.parsing import OUTPUT_FILE, OUTPUT_FOLDER, Command
from sharp.errors import SpecificationError
from sharp.files import file_at, make_folder, write_text

if TYPE_CHECKING:
    from sharp.rtl.cosimulate import Comparison
    from sharp.workload.network import Network

control_option = click.option("--control-only", is_flag=True, help="The control alone: cycles, and no arithmetic.")
build_option = click.option(
    "--build", type=OUTPUT_FOLDER, help="Where compiled machines are kept.  [default: ~/.cache/sharp/rtl]"
)


@click.group("rtl")
def command() -> None:
    """The machine as hardware: its Verilog, and layers on it beside the model (needs the extra rtl)."""


@command.command("emit", cls=Command)
@machine_options
@control_option
@click.option("-o", "--output", required=True, type=OUTPUT_FOLDER, help="The folder for the Verilog.")
def emit(output: Path, control_only: bool, **options: Any) -> None:
    """Write the Verilog of a machine: the whole, its control, each of its units."""
    from sharp.rtl.design import Design
    from sharp.rtl.generator.sizes import Sizes

    refuse_energy_options(options)
    sizes = Sizes.of(machine(options))
    make_folder(output)
    modules = dict(Design(sizes=sizes, control_only=True).verilog())
    if not control_only:
        modules = {**Design(sizes=sizes).verilog(), **modules}
    for name, text in modules.items():
        write_text(output / f"{name}.v", text)
    say_written(output, f"{len(modules)} modules")


@command.command("run", cls=Command)
@workload_options
@machine_options
@plan_options
@tile_option
@control_option
@click.option("--seed", type=int, default=1, show_default=True, help="Of the weights and of x.")
@click.option("--vcd", type=OUTPUT_FILE, help="Write the waveforms of the last layer to this file.")
@build_option
@json_option
def run(as_json: bool, control_only: bool, seed: int, vcd: Path | None, build: Path | None, **options: Any) -> None:
    """Run a network's layers on the hardware and in the model: are cycles and bits the same?"""
    network, accelerator = workload(options), machine(options)
    refuse_energy_options(options)
    check_integer("--seed", seed, minimum=0)
    if control_only and vcd is not None:
        raise SpecificationError("--vcd: expected it without --control-only, got both")
    chosen = plan(options, accelerator.plan)
    if vcd is not None:
        file_at(vcd)  # refused before anything runs
    rows = list(_compared(network, accelerator, chosen, control_only, seed, vcd, build))
    if as_json:
        layers = [row.as_dict() for row in rows]
        named = {"network": network.name, "accelerator": accelerator.name, "num_macs": accelerator.num_macs}
        print_json({**named, "control_only": control_only, "equal": all(r.is_equal for r in rows), "layers": layers})
        return
    _print(network.name, rows)


def _compared(
    network: Network, accelerator: Any, chosen: Any, control_only: bool, seed: int, vcd: Path | None, build: Path | None
) -> Iterator[Comparison]:
    """Each layer, on random weights and a random input of its own."""
    import numpy as np

    from sharp.rtl.tools import check_generator

    check_generator()
    from sharp.rtl.cosimulate import cosimulate, count_on_control, mapped
    from sharp.values.weights import random_weights

    layers = [dataclasses.replace(layer, residual=False) for layer in network.layers]  # added outside of the layer
    for layer, sequences in zip(layers, network.layer_sequences, strict=True):
        mapped(layer, sequences, accelerator, chosen)  # refused before anything runs
    for place, (layer, sequences) in enumerate(zip(layers, network.layer_sequences, strict=True)):
        if control_only:
            yield count_on_control(layer, sequences, accelerator, chosen, folder=build)
            continue
        generator = np.random.default_rng([seed, place])
        x = generator.normal(size=(sequences.num_steps, sequences.batch_size, layer.input_size))
        waves = vcd if place == len(network.layers) - 1 else None
        weights = random_weights(layer, seed=seed)
        yield cosimulate(layer, weights, x, accelerator, chosen, folder=build, waves=waves)


def _print(name: str, rows: list[Comparison]) -> None:
    from sharp.cli.console import make_table, show_table

    columns = ("layer", "K", "cycles", "model", "tiles", "model", "h", "different", "equal")
    table = make_table(f"{name} on the hardware and in the model", *columns)
    for place, row in enumerate(rows):
        numbers = (row.tile_rows, row.cycles, row.model_cycles, row.tiles, row.model_tiles, row.values, row.different)
        table.add_row(str(place), *map(str, numbers), "yes" if row.is_equal else "no")
    show_table(table)
