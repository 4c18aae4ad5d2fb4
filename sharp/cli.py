"""The ``sharp`` command: run, compare, area, explore, timeline, sweep, list, check, figure."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from sharp import __version__
from sharp.accelerator import Accelerator
from sharp.checks import refuse
from sharp.errors import SharpError
from sharp.explore import explore
from sharp.files import replacing, write_text
from sharp.io import load_file, load_grid, shipped_accelerators, shipped_networks, shipped_technologies
from sharp.options import (
    energy_options,
    gating,
    implementation,
    json_option,
    machine,
    machine_options,
    plan,
    plan_options,
    refuse_energy_options,
    setting_options,
    sram_option,
    technology,
    technology_option,
    tile_option,
    workload,
    workload_options,
)
from sharp.progress import progress_bar
from sharp.schedule import SCHEDULES
from sharp.simulate import run_settings, simulate
from sharp.sweep import sweep_chunks
from sharp.timeline import make_timeline
from sharp.workload import Network

INTERRUPTED = 130
BAD_INPUT = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sharp")
def cli() -> None:
    """Cycles, energy, power and area of recurrent networks on the SHARP accelerator, and where they go."""


@cli.command()
@workload_options
@machine_options
@plan_options
@tile_option
@energy_options
@sram_option
@json_option
def run(as_json: bool, energy: bool, **options: Any) -> None:
    """Run a network: cycles, latency, utilization and the split, per layer and in total; --energy: what it costs."""
    network, accelerator = workload(options), machine(options)
    chosen = plan(options, accelerator)
    if not energy:
        refuse_energy_options(options)
    made = implementation(options, accelerator) if energy else None
    with progress_bar("simulating") as progress:
        report = simulate(network, accelerator, chosen, progress=progress)
    costs = None
    if made is not None:
        from sharp.power import evaluate_energy

        costs = evaluate_energy(report, made, gating(options))
    if as_json:
        _print_json(report.as_dict() | ({} if costs is None else {"energy": costs.as_dict()}))
        return
    from sharp import console

    console.print_report(report)
    if costs is not None:
        console.print_energy(costs)


@cli.command("compare")
@workload_options
@click.option(
    "--accelerators", default="sharp,epur,epur-intergate", show_default=True, metavar="NAME|FILE,...", help="Machines."
)
@setting_options
@energy_options
@sram_option
@json_option
def compare_command(accelerators: str, as_json: bool, energy: bool, **options: Any) -> None:
    """Run a network on several machines, each as it is run, and compare the first with the others."""
    from sharp.comparison import compare

    network = workload(options)
    machines = [machine({**options, "accelerator": name.strip()}) for name in accelerators.split(",")]
    if not energy:
        refuse_energy_options(options)
    made = [implementation(options, entry) for entry in machines] if energy else []
    with progress_bar("simulating") as progress:
        reports = [simulate(network, entry, progress=progress) for entry in machines]
    costs = []
    if energy:
        from sharp.power import evaluate_energy

        costs = [evaluate_energy(report, entry, gating(options)) for report, entry in zip(reports, made, strict=True)]
    rows = compare(reports, costs)
    if as_json:
        _print_json({"network": network.name, "machines": rows})
    else:
        from sharp import console

        console.print_comparison(network, rows)


@cli.command()
@machine_options
@technology_option
@sram_option
@json_option
def area(as_json: bool, **options: Any) -> None:
    """Show a machine's area and leakage by component, its memories and its peak power."""
    from sharp.power import implementation_dict

    made = implementation(options, machine(options))
    if as_json:
        _print_json(implementation_dict(made))
    else:
        from sharp import console

        console.print_area(made)


@cli.command("explore")
@workload_options
@machine_options
@plan_options
@json_option
def explore_command(as_json: bool, **options: Any) -> None:
    """Try every tile height on every layer and mark the best: the dispatcher's table."""
    network, accelerator = workload(options), machine(options)
    chosen = plan(options, accelerator)
    refuse_energy_options(options)
    with progress_bar("exploring") as progress:
        tables = explore(network, accelerator, chosen, progress=progress)
    if as_json:
        layers = [
            {
                **dataclasses.asdict(layer),
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
        _print_json({**run_settings(network, accelerator, chosen), "layers": layers})
    else:
        from sharp import console

        console.print_tile_tables(network, accelerator, chosen, tables)


@cli.command()
@workload_options
@machine_options
@plan_options
@tile_option
@click.option("--layer", default=0, show_default=True, help="Which layer of the network, from 0.")
@click.option("--show-steps", default=2, show_default=True, help="Time steps to show.")
@click.option("--trace", type=click.Path(path_type=Path), help="Write a trace for Perfetto or chrome://tracing.")
@json_option
def timeline(layer: int, show_steps: int, trace: Path | None, as_json: bool, **options: Any) -> None:
    """Show when array, activation unit and cell updater work, in the first time steps of a layer."""
    network, accelerator = workload(options), machine(options)
    chosen = plan(options, accelerator)
    refuse_energy_options(options)
    if not 0 <= layer < len(network.layers):
        raise refuse("--layer", f"a layer of {network.name}, 0 to {len(network.layers) - 1}", layer)
    if show_steps < 1:
        raise refuse("--show-steps", "a positive integer", show_steps)
    with progress_bar("simulating") as progress:
        result = make_timeline(
            network.layers[layer], network.sequences, accelerator, chosen, num_steps=show_steps, progress=progress
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


@cli.command("sweep")
@click.argument("points", metavar="FILE", type=click.Path(path_type=Path))
@machine_options
@energy_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Write the table here (CSV).")
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use.  [default: all]")
@json_option
def sweep_command(points: Path, output: Path, threads: int | None, as_json: bool, energy: bool, **options: Any) -> None:
    """Count every layer, machine and plan of a grid (YAML: columns and their values) into a table."""
    space, accelerator = load_grid(points), machine(options)
    asked: dict[str, Any] = {}
    if energy:
        asked = {"technology": technology(options), "gating": gating(options)}
    else:
        refuse_energy_options(options)
    if output.resolve() == points.resolve():
        raise refuse("--output", "another file than the grid", str(output))
    count = 0
    with progress_bar("sweeping") as progress, replacing(output) as stream:
        for table in sweep_chunks(space, accelerator, **asked, threads=threads, progress=progress):
            table.to_csv(stream, index=False, header=not count)
            count += len(table)
    if as_json:
        _print_json({"file": str(output), "points": count})
    else:
        click.echo(f"{output}: {count:,} points")


@cli.command("list")
@click.argument(
    "kind", type=click.Choice(["all", "networks", "accelerators", "schedules", "technologies"]), default="all"
)
@json_option
def list_command(kind: str, as_json: bool) -> None:
    """List the networks, accelerators, schedules and technologies that ship with sharp."""
    networks = shipped_networks() if kind in ("all", "networks") else ()
    accelerators = shipped_accelerators() if kind in ("all", "accelerators") else ()
    schedules = SCHEDULES if kind in ("all", "schedules") else {}
    technologies = shipped_technologies() if kind in ("all", "technologies") else ()
    if not as_json:
        from sharp import console

        console.print_lists(networks, accelerators, schedules, technologies)
        return
    content = {
        "networks": [_network_entry(network) for network in networks],
        "accelerators": [{"name": entry.name, "budgets": _budgets(entry)} for entry in accelerators],
        "schedules": list(schedules),
        "technologies": [
            {"name": entry.name, "node_nm": entry.node_nm, "voltage_v": entry.voltage_v} for entry in technologies
        ],
    }
    _print_json(content if kind == "all" else {kind: content[kind]})


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@json_option
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Check YAML files: networks, suites, accelerators and technologies."""
    entries: list[dict[str, Any]] = []
    for path in files:
        loaded = load_file(path)
        if isinstance(loaded, Accelerator):
            entry = {"kind": "accelerator", "name": loaded.name, "num_macs": loaded.num_macs}
            entries.append({"file": str(path), **entry})
        elif isinstance(loaded, tuple):
            entries += [{"file": str(path), "kind": "network", **_network_entry(network)} for network in loaded]
        else:
            entries.append({"file": str(path), "kind": "technology", "name": loaded.name, "node_nm": loaded.node_nm})
    if as_json:
        _print_json(entries)
    for entry in entries if not as_json else ():
        size = {
            "network": "{num_weights} weights",
            "accelerator": "{num_macs} MACs",
            "technology": "{node_nm:g} nm",
        }[str(entry["kind"])].format(**entry)
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


def _budgets(accelerator: Accelerator) -> dict[str, dict[str, float]]:
    return {
        label: {"num_macs": budget.num_macs, "clock_hz": budget.clock_hz}
        for label, budget in accelerator.budgets.items()
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
    except MemoryError:
        _fail("memory: expected enough for what was asked, got too little")
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
