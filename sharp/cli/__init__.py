"""The ``sharp`` command: run, compare, area, explore, timeline, sweep, claims, list, check, figure, batch, verify."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sharp import __version__
from sharp.checks import refuse
from sharp.cli.batch_command import batch_command
from sharp.cli.catalogue import check, list_command
from sharp.cli.options import (
    any_machine,
    energy_options,
    gating,
    implementation,
    json_option,
    locality_option,
    machine,
    machine_options,
    plan,
    plan_options,
    print_json,
    refuse_energy_options,
    refuse_tile_options,
    setting_options,
    sram_option,
    technology,
    technology_option,
    tile_option,
    workload,
    workload_options,
)
from sharp.cli.progress import progress_bar
from sharp.cli.verify_command import verify
from sharp.cycles.explore import explore
from sharp.cycles.simulate import Report, run_settings, simulate
from sharp.cycles.timeline import make_timeline
from sharp.errors import SharpError
from sharp.files import replacing, write_text
from sharp.machine.accelerator import Accelerator
from sharp.space.files import load_grid
from sharp.space.sweep import sweep_chunks

if TYPE_CHECKING:
    from sharp.cycles.report import MachineReport
    from sharp.energy.implementation import Implementation
    from sharp.energy.power import EnergyReport

INTERRUPTED = 130
BAD_INPUT = 2
CHANGED = 1


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
@locality_option
@sram_option
@json_option
def run(as_json: bool, energy: bool, **options: Any) -> None:
    """Run a network: cycles, latency, utilization and the split, per layer and in total; --energy: what it costs."""
    network, accelerator = workload(options), any_machine(options)
    if not isinstance(accelerator, Accelerator):
        refuse_tile_options({**options, "energy": energy}, accelerator.name)
        _print_report(accelerator.run(network), None, as_json)
        return
    chosen = plan(options, accelerator)
    if not energy:
        refuse_energy_options(options)
    made = implementation(options, accelerator) if energy else None
    with progress_bar("simulating") as progress:
        report = simulate(network, accelerator, chosen, progress=progress)
    _print_report(report, _costs(report, made, options), as_json)


def _costs(report: MachineReport, made: Implementation | None, options: dict[str, Any]) -> EnergyReport | None:
    """What a run costs, where it is asked for and known: on machines of tiles."""
    if made is None or not isinstance(report, Report):
        return None
    from sharp.energy.power import evaluate_energy

    return evaluate_energy(report, made, gating(options), weight_locality=options["weight_locality"])


def _print_report(report: MachineReport, costs: EnergyReport | None, as_json: bool) -> None:
    if as_json:
        print_json(report.as_dict() | ({} if costs is None else {"energy": costs.as_dict()}))
        return
    from sharp.cli import console

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
@locality_option
@sram_option
@json_option
def compare_command(accelerators: str, as_json: bool, energy: bool, **options: Any) -> None:
    """Run a network on several machines, each as it is run, and compare the first with the others."""
    from sharp.rivals.machines import run_on
    from sharp.space.comparison import compare

    network = workload(options)
    machines = [any_machine({**options, "accelerator": name.strip()}) for name in accelerators.split(",")]
    if not any(isinstance(entry, Accelerator) for entry in machines):
        refuse_tile_options({**options, "energy": energy}, machines[0].name)
    if not energy:
        refuse_energy_options(options)
    made = [implementation(options, entry) if energy and isinstance(entry, Accelerator) else None for entry in machines]
    with progress_bar("simulating") as progress:
        reports = [run_on(entry, network, progress=progress) for entry in machines]
    costs = [_costs(report, entry, options) for report, entry in zip(reports, made, strict=True)]
    rows = compare(reports, costs if energy else [])
    if as_json:
        print_json({"network": network.name, "machines": rows})
    else:
        from sharp.cli import console

        console.print_comparison(network, rows)


@cli.command()
@machine_options
@technology_option
@sram_option
@json_option
def area(as_json: bool, **options: Any) -> None:
    """Show a machine's area and leakage by component, its memories and its peak power."""
    from sharp.energy.power import implementation_dict

    made = implementation(options, machine(options))
    if as_json:
        print_json(implementation_dict(made))
    else:
        from sharp.cli import console

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
        print_json({**run_settings(network, accelerator, chosen), "layers": layers})
    else:
        from sharp.cli import console

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
        print_json({"network": network.name, "accelerator": accelerator.name, "layer": layer, **result.as_dict()})
    else:
        from sharp.cli import console

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
    count = 0
    with progress_bar("sweeping") as progress, replacing(output) as stream:
        for table in sweep_chunks(space, accelerator, **asked, threads=threads, progress=progress):
            table.to_csv(stream, index=False, header=not count)
            count += len(table)
    if as_json:
        print_json({"file": str(output), "points": count})
    else:
        click.echo(f"{output}: {count:,} points")


cli.add_command(list_command)
cli.add_command(check)
cli.add_command(verify)
cli.add_command(batch_command)


@cli.command("claims")
@click.option("--samples", default=2**10, show_default=True, help="Samples of the assumed ranges.")
@click.option(
    "--verdicts", type=click.Path(path_type=Path), help="Compare with this record.  [default: the committed one]"
)
@click.option("--save", type=click.Path(path_type=Path), help="Write the verdicts to this record (JSON).")
@json_option
def claims_command(samples: int, verdicts: Path | None, save: Path | None, as_json: bool) -> None:
    """Put every published number beside ours, with a verdict; exit code 1 where one is not as recorded."""
    from sharp.claims.claims import SAMPLES, changed_verdicts, evaluate_claims, recorded_verdicts

    record = recorded_verdicts(verdicts)
    outcomes = evaluate_claims(samples=samples, threads=os.cpu_count() or 1)
    if save is not None:
        content = {outcome.claim.id: outcome.verdict for outcome in outcomes}
        write_text(save, json.dumps(content, indent=2) + "\n")
    changed = changed_verdicts(outcomes, record)
    if as_json:
        print_json([outcome.as_dict() for outcome in outcomes])
    else:
        from sharp.cli import console

        console.print_claims(outcomes)
    for sentence in changed:
        click.echo(f"sharp: {sentence}", err=True)
    if changed:
        if verdicts is None and samples != SAMPLES:
            click.echo(f"sharp: this was with {samples} samples; the record is of {SAMPLES}", err=True)
        sys.exit(CHANGED)


@cli.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("-f", "--parameters", type=click.Path(path_type=Path), help="YAML file of parameters, as papermill's.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("paper_figures"), show_default=True)
@click.option("--executed", type=click.Path(path_type=Path), help="Keep the executed notebook here (.ipynb).")
@json_option
def figure(notebook: Path, parameters: Path | None, output: Path, executed: Path | None, as_json: bool) -> None:
    """Run a figure's notebook with papermill; write its figure or table, its numbers and a line of manifest.json."""
    from sharp.artifact.notebook import run_notebook

    written = run_notebook(notebook, parameters_file=parameters, output=output, executed=executed)
    if as_json:
        print_json({"id": notebook.stem, "files": [str(path) for path in written]})
    else:
        click.echo(f"{notebook.stem}: {', '.join(path.name for path in written)}")


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
