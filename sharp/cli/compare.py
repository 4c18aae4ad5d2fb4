"""The command that runs a network on several machines: compare."""

from __future__ import annotations

from typing import Any

import click

from sharp.cli.options import (
    any_machine,
    energy_options,
    implementation,
    json_option,
    locality_option,
    print_json,
    refuse_energy_options,
    refuse_tile_options,
    run_costs,
    setting_options,
    sram_option,
    workload,
    workload_options,
)
from sharp.cli.progress import progress_bar
from sharp.machine.accelerator import Accelerator
from sharp.rivals.machines import run_on
from sharp.space.comparison import compare


@click.command("compare")
@workload_options
@click.option(
    "--accelerators", default="sharp,epur,epur-intergate", show_default=True, metavar="NAME|FILE,...", help="Machines."
)
@setting_options
@energy_options
@locality_option
@sram_option
@json_option
def command(accelerators: str, as_json: bool, energy: bool, **options: Any) -> None:
    """Run a network on several machines, each as it is run, and compare the first with the others."""
    network = workload(options)
    machines = [any_machine({**options, "accelerator": name.strip()}) for name in accelerators.split(",")]
    if not any(isinstance(entry, Accelerator) for entry in machines):
        refuse_tile_options({**options, "energy": energy}, machines[0].name)
    if not energy:
        refuse_energy_options(options)
    made = [implementation(options, entry) if energy and isinstance(entry, Accelerator) else None for entry in machines]
    with progress_bar("simulating") as progress:
        reports = [run_on(entry, network, progress=progress) for entry in machines]
    costs = [run_costs(report, entry, options) for report, entry in zip(reports, made, strict=True)]
    rows = compare(reports, costs if energy else [])
    if as_json:
        print_json({"network": network.name, "machines": rows})
    else:
        from sharp.cli import tables

        tables.print_comparison(network, rows)
