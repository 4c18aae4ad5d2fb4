"""The ``sharp`` command: run, explore, timeline, list, check, figure."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sharp import __version__
from sharp.accelerator import Accelerator, with_settings
from sharp.checks import refuse
from sharp.errors import SharpError, SpecificationError
from sharp.explore import TileRows, explore
from sharp.files import write_text
from sharp.io import find_accelerator, find_network, load_file, parse_value, shipped_accelerators, shipped_networks
from sharp.progress import progress_bar
from sharp.schedule import SCHEDULES
from sharp.simulate import run_settings, simulate
from sharp.timeline import make_timeline
from sharp.workload import Network, single_layer

Command = TypeVar("Command", bound=Callable[..., Any])
INTERRUPTED = 130
BAD_INPUT = 2


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Stack click options into one decorator, in the order given."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


workload_options = _options(
    click.option("--network", metavar="NAME|FILE", help="A network by name (see `sharp list networks`) or YAML file."),
    click.option("--cell", help="Cell of a single layer given here.  [default: lstm]"),
    click.option("--input", "input_size", type=int, help="Its input size.  [default: the hidden size]"),
    click.option("--hidden", "hidden_size", type=int, help="Its hidden size; makes the workload a single layer."),
    click.option("--steps", type=int, help="Time steps.  [default: the network's own, or 25]"),
)
machine_options = _options(
    click.option("--accelerator", default="sharp", show_default=True, metavar="NAME|FILE", help="The machine."),
    click.option("--macs", help="Multipliers: a budget (1K, 4K, 16K, 64K, 96K) or a number.  [default: the machine's]"),
    click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change a parameter of the machine."),
)
schedule_options = _options(
    click.option("--schedule", default="unfolded", show_default=True, help=f"One of {', '.join(SCHEDULES)}."),
    click.option("--no-reconfiguration", is_flag=True, help="Keep the last row segment on the layer's own tile."),
)
tile_option = click.option(
    "--tile-rows", default="best", show_default=True, help="Tile height K of every layer, or best: layer by layer."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON (keys: the book's page on the command).")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sharp")
def cli() -> None:
    """Cycles, latency and utilization of recurrent networks on the SHARP accelerator, and where the cycles go."""


@cli.command()
@workload_options
@machine_options
@schedule_options
@tile_option
@json_option
def run(tile_rows: str, schedule: str, no_reconfiguration: bool, as_json: bool, **options: Any) -> None:
    """Run a network: cycles, latency, utilization and the split, per layer and in total."""
    network, accelerator = _workload(options), _machine(options)
    with progress_bar("simulating") as progress:
        report = simulate(
            network,
            accelerator,
            schedule=schedule,
            tile_rows=_tile_rows(tile_rows),
            reconfiguration=not no_reconfiguration,
            progress=progress,
        )
    if as_json:
        _print_json(report.as_dict())
    else:
        from sharp import console

        console.print_report(report)


@cli.command("explore")
@workload_options
@machine_options
@schedule_options
@json_option
def explore_command(schedule: str, no_reconfiguration: bool, as_json: bool, **options: Any) -> None:
    """Try every tile height on every layer and mark the best: the dispatcher's table."""
    network, accelerator = _workload(options), _machine(options)
    with progress_bar("exploring") as progress:
        tables = explore(
            network, accelerator, schedule=schedule, reconfiguration=not no_reconfiguration, progress=progress
        )
    if as_json:
        layers = [
            {
                "input_size": layer.input_size,
                "hidden_size": layer.hidden_size,
                "best_tile_rows": table.best,
                "candidates": [
                    {
                        "tile_rows": height,
                        "total_cycles": counts.total_cycles,
                        "utilization": counts.utilization,
                        "split": counts.split,
                    }
                    for height, counts in table.candidates.items()
                ],
            }
            for layer, table in zip(network.layers, tables, strict=True)
        ]
        _print_json({**run_settings(network, accelerator, schedule, not no_reconfiguration), "layers": layers})
    else:
        from sharp import console

        console.print_tile_tables(network, accelerator, schedule, not no_reconfiguration, tables)


@cli.command()
@workload_options
@machine_options
@schedule_options
@tile_option
@click.option("--layer", default=0, show_default=True, help="Which layer of the network, from 0.")
@click.option("--show-steps", default=2, show_default=True, help="Time steps to show.")
@click.option("--trace", type=click.Path(path_type=Path), help="Write a trace for Perfetto or chrome://tracing.")
@json_option
def timeline(
    tile_rows: str,
    schedule: str,
    no_reconfiguration: bool,
    layer: int,
    show_steps: int,
    trace: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show when array, activation unit and cell updater work, in the first time steps of a layer."""
    network, accelerator = _workload(options), _machine(options)
    if not 0 <= layer < len(network.layers):
        raise refuse("--layer", f"a layer of {network.name}, 0 to {len(network.layers) - 1}", layer)
    if show_steps < 1:
        raise refuse("--show-steps", "a positive integer", show_steps)
    with progress_bar("simulating") as progress:
        result = make_timeline(
            network.layers[layer],
            network.seq_len,
            accelerator,
            schedule=schedule,
            tile_rows=_tile_rows(tile_rows),
            reconfiguration=not no_reconfiguration,
            num_steps=show_steps,
            progress=progress,
        )
    if trace is not None:
        write_text(trace, result.as_trace())
    if as_json:
        _print_json({"network": network.name, "accelerator": accelerator.name, "layer": layer, **result.as_dict()})
    else:
        from sharp import console

        console.print_timeline(result)
        if trace is not None:
            console.note(f"wrote {trace}; open it in Perfetto or chrome://tracing")


@cli.command("list")
@click.argument("kind", type=click.Choice(["all", "networks", "accelerators", "schedules"]), default="all")
@json_option
def list_command(kind: str, as_json: bool) -> None:
    """List the networks, accelerators and schedules that ship with sharp."""
    networks = shipped_networks() if kind in ("all", "networks") else ()
    accelerators = shipped_accelerators() if kind in ("all", "accelerators") else ()
    schedules = SCHEDULES if kind in ("all", "schedules") else {}
    if not as_json:
        from sharp import console

        console.print_lists(networks, accelerators, schedules)
        return
    content = {
        "networks": [_network_entry(network) for network in networks],
        "accelerators": [{"name": machine.name, "budgets": _budgets(machine)} for machine in accelerators],
        "schedules": list(schedules),
    }
    _print_json(content if kind == "all" else {kind: content[kind]})


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@json_option
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Check YAML files: networks, suites and accelerators."""
    entries: list[dict[str, Any]] = []
    for path in files:
        loaded = load_file(path)
        if isinstance(loaded, Accelerator):
            entry = {"kind": "accelerator", "name": loaded.name, "num_macs": loaded.num_macs}
            entries.append({"file": str(path), **entry})
        else:
            entries += [{"file": str(path), "kind": "network", **_network_entry(network)} for network in loaded]
    if as_json:
        _print_json(entries)
    for entry in entries if not as_json else ():
        size = f"{entry['num_weights']} weights" if entry["kind"] == "network" else f"{entry['num_macs']} MACs"
        click.echo(f"{entry['file']}: {entry['kind']} {entry['name']}, {size}: all right")


@cli.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("-f", "--parameters", type=click.Path(path_type=Path), help="YAML file of parameters, as papermill's.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("paper_figures"), show_default=True)
@click.option("--executed", type=click.Path(path_type=Path), help="Keep the executed notebook here (.ipynb).")
@json_option
def figure(notebook: Path, parameters: Path | None, output: Path, executed: Path | None, as_json: bool) -> None:
    """Run a figure's notebook with papermill; write its figure or table, its numbers and a line of manifest.json."""
    from sharp.notebook import run_notebook

    written = run_notebook(notebook, parameters_file=parameters, output=output, executed=executed)
    if as_json:
        _print_json({"id": notebook.stem, "files": [str(path) for path in written]})
    else:
        click.echo(f"{notebook.stem}: {', '.join(path.name for path in written)}")


def _workload(options: dict[str, Any]) -> Network:
    """The network that the options name: a shipped one, a file, or a single layer."""
    name, steps, hidden_size = options["network"], options["steps"], options["hidden_size"]
    if name is None and hidden_size is None:
        raise SpecificationError("workload: expected --network NAME or --hidden SIZE, got neither")
    if name is not None:
        for option in ("cell", "input_size", "hidden_size"):
            if options[option] is not None:
                raise SpecificationError(
                    f"workload: expected --network or a layer, got both --network and --{option.removesuffix('_size')}"
                )
        network = find_network(name)
        return network if steps is None else dataclasses.replace(network, seq_len=steps)
    input_size = hidden_size if options["input_size"] is None else options["input_size"]
    return single_layer(
        "lstm" if options["cell"] is None else options["cell"], input_size, hidden_size, 25 if steps is None else steps
    )


def _machine(options: dict[str, Any]) -> Accelerator:
    """The accelerator that the options name, with its budget and settings."""
    accelerator = find_accelerator(options["accelerator"])
    settings = {} if options["macs"] is None else accelerator.budget(options["macs"])
    for setting in options["settings"]:
        name, separator, value = setting.partition("=")
        if not separator:
            raise refuse("--set", "NAME=VALUE, such as activation_lanes=128", setting)
        settings[name.strip()] = parse_value("--set", value)
    return with_settings(accelerator, settings)


def _tile_rows(text: str) -> TileRows:
    if text == "best":
        return "best"
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise refuse("tile_rows", "a tile height such as 32, or best", text)
    return int(text)


def _budgets(machine: Accelerator) -> dict[str, dict[str, float]]:
    return {
        label: {"num_macs": budget.num_macs, "clock_hz": budget.clock_hz} for label, budget in machine.budgets.items()
    }


def _network_entry(network: Network) -> dict[str, Any]:
    return {
        "name": network.name,
        "title": network.title,
        "num_layers": len(network.layers),
        "cells": sorted({layer.cell for layer in network.layers}),
        "hidden_sizes": sorted({layer.hidden_size for layer in network.layers}),
        "seq_len": network.seq_len,
        "batch_size": network.batch_size,
        "num_weights": network.num_weights,
    }


def _print_json(content: object) -> None:
    click.echo(json.dumps(content, indent=2, allow_nan=False))


def main() -> None:
    """Run the command; bad input ends in one sentence on the error stream and exit code 2."""
    try:
        cli.main(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        sys.exit(BAD_INPUT)
    except click.ClickException as error:
        _fail(error.format_message())
    except SharpError as error:
        _fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        click.echo("sharp: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing more can be printed
        if not isinstance(error, BrokenPipeError):  # whoever read us has gone: not our concern
            _fail(f"standard output: expected a place that can be written, got: {error.strerror or error}")


def _fail(sentence: str) -> None:
    click.echo(f"sharp: {' '.join(sentence.split())}", err=True)
    sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
