"""The command that runs a network on a machine: run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sharp.cli.effects import Asked, refuse_without_effect, streams
from sharp.cli.options import (
    any_machine,
    arrival_option,
    energy_options,
    implementation,
    json_option,
    locality_option,
    machine_options,
    plan,
    plan_options,
    print_json,
    refuse_energy_options,
    refuse_foreign_options,
    run_costs,
    sram_option,
    tile_option,
    workload,
    workload_options,
)
from sharp.cli.parsing import Command
from sharp.cli.progress import progress_bar
from sharp.cycles.simulate import simulate
from sharp.quantities import quantity

if TYPE_CHECKING:
    from sharp.cycles.report import MachineReport
    from sharp.energy.power import EnergyReport


@click.command("run", cls=Command)
@workload_options
@machine_options
@plan_options
@tile_option
@arrival_option
@energy_options
@locality_option
@sram_option
@json_option
def command(as_json: bool, energy: bool, arrival: str | None, **options: Any) -> None:
    """Run a network: cycles, latency, utilization and the split, per layer and in total; --energy: what it costs."""
    network, machine = workload(options), any_machine(options)
    refuse_foreign_options({**options, "energy": energy}, [machine])
    chosen = None if machine.plan is None else plan(options, machine.plan)
    if not energy:
        refuse_energy_options(options, machine.settings)
    streamed = streams(network, machine, chosen)
    refuse_without_effect(options, [Asked(machine=machine, streams=streamed, priced=energy)])
    made = implementation(options, machine) if energy else None
    arrival_s = None if arrival is None else quantity("--arrival", arrival, "s")
    with progress_bar("simulating") as progress:
        if arrival_s is None:
            report = machine.run(network, chosen, progress=progress)
        else:
            report = simulate(network, machine.as_tiles(), chosen, arrival_s=arrival_s, progress=progress)
    _print_report(report, run_costs(report, made, options), as_json)


def _print_report(report: MachineReport, costs: EnergyReport | None, as_json: bool) -> None:
    if as_json:
        print_json(report.as_dict() | ({} if costs is None else {"energy": costs.as_dict()}))
        return
    from sharp.cli import tables

    tables.print_report(report)
    if costs is not None:
        tables.print_energy(costs)
