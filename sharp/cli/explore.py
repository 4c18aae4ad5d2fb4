"""The command that tries every tile height: explore."""

from __future__ import annotations

from typing import Any

import click

from sharp.cli.effects import Asked, refuse_without_effect
from sharp.cli.options import (
    json_option,
    layer_plan,
    layer_plan_options,
    machine,
    machine_options,
    print_json,
    refuse_energy_options,
    workload,
    workload_options,
)
from sharp.cli.parsing import Command
from sharp.cli.progress import progress_bar
from sharp.cycles.bandwidth import undelivered
from sharp.cycles.explore import explore
from sharp.cycles.residency import Residency
from sharp.cycles.simulate import run_settings
from sharp.rivals.machines import as_machine


@click.command("explore", cls=Command)
@workload_options
@machine_options
@layer_plan_options
@json_option
def command(as_json: bool, **options: Any) -> None:
    """Try every tile height on every layer and mark the best: the dispatcher's table."""
    network, accelerator = workload(options), machine(options)
    chosen = layer_plan(options, accelerator.plan)
    refuse_energy_options(options)
    refuse_without_effect(options, [Asked(machine=as_machine(accelerator))])
    warnings = [*accelerator.cautions, *Residency.of(network, accelerator, chosen).left_out]
    with progress_bar("exploring") as progress:
        found = explore(network, accelerator, chosen, progress=progress)
    best = {index: table.candidates[table.best].total_cycles for index, table in enumerate(found)}
    warnings += undelivered(network, accelerator, chosen, best)
    if as_json:
        layers = [
            {
                **network.layer_as_dict(index),
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
            for index, table in enumerate(found)
        ]
        settings = run_settings(network, accelerator, chosen)
        print_json({**settings, "layers": layers, "warnings": warnings})
    else:
        from sharp.cli import console, tables

        tables.print_tile_tables(network, accelerator, chosen, found)
        console.warn(warnings)
