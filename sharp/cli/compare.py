"""The command that runs a network on several machines: compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sharp.cli.effects import Asked, refuse_without_effect, streams
from sharp.cli.options import (
    energy_options,
    json_option,
    locality_option,
    machines,
    plan,
    plan_options,
    print_json,
    refuse_energy_options,
    refuse_foreign_options,
    run_costs,
    setting_options,
    sram_option,
    technology,
    workload,
    workload_options,
)
from sharp.cli.parsing import Command
from sharp.cli.progress import progress_bar
from sharp.errors import SharpError, SpecificationError
from sharp.space.comparison import compare, try_on

if TYPE_CHECKING:
    from sharp.energy.implementation import Implementation
    from sharp.rivals.machine import Machine


@click.command("compare", cls=Command)
@workload_options
@click.option(
    "--accelerators", default="sharp,epur,epur-intergate", show_default=True, metavar="NAME|FILE,...", help="Machines."
)
@setting_options
@plan_options
@energy_options
@locality_option
@sram_option
@json_option
def command(accelerators: str, as_json: bool, energy: bool, **options: Any) -> None:
    """Run a network on several machines, each as it is run, and compare the first with the others."""
    network = workload(options)
    found = machines([name.strip() for name in accelerators.split(",")], options)
    plans = [None if entry.plan is None else plan(options, entry.plan) for entry in found]
    refuse_foreign_options({**options, "energy": energy}, found)
    if not energy:
        refuse_energy_options(options, {name for entry in found for name in entry.settings})
    asked = [
        Asked(machine=entry, streams=streams(network, entry, chosen), priced=energy)
        for entry, chosen in zip(found, plans, strict=True)
    ]
    refuse_without_effect(options, asked)
    made = _implementations(options, found) if energy else [(None, "")] * len(found)
    with progress_bar("simulating") as progress:
        reports = [
            try_on(entry, network, chosen, progress=progress) for entry, chosen in zip(found, plans, strict=True)
        ]
    if not any(report.has_run for report in reports):
        raise SpecificationError(reports[0].warnings[0])
    ran = [entry if report.has_run else None for report, (entry, _) in zip(reports, made, strict=True)]
    costs = [run_costs(report, entry, options) for report, entry in zip(reports, ran, strict=True)]
    rows = compare(reports, costs if energy else [])
    for row, (_, reason) in zip(rows, made, strict=True):
        row["notes"] += [reason] * bool(reason)
    if as_json:
        print_json({"network": network.name, "machines": rows})
    else:
        from sharp.cli import tables

        tables.print_comparison(network, rows)


def _implementations(options: dict[str, Any], found: list[Machine]) -> list[tuple[Implementation | None, str]]:
    """Each machine in the technology; None where its energy is not known, with the reason where it cannot be priced."""
    chosen, source = technology(options), options["sram"] or "table"
    made: list[tuple[Implementation | None, str]] = []
    for entry in found:
        try:
            made.append((entry.implement(chosen, sram_source=source) if entry.knows_energy else None, ""))
        except SharpError as error:
            made.append((None, str(error)))
    if all(one is None for one, _ in made):
        name, reason = next((entry.name, reason) for entry, (_, reason) in zip(found, made, strict=True) if reason)
        raise SpecificationError(f"{name}: {reason}")
    return made
