"""The command that shows when the units work: timeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sharp.checks import refuse
from sharp.cli.effects import Asked, refuse_without_effect
from sharp.cli.options import (
    json_option,
    layer_plan,
    layer_plan_options,
    machine,
    machine_options,
    print_json,
    refuse_energy_options,
    tile_option,
    workload,
    workload_options,
)
from sharp.cli.parsing import OUTPUT_FILE, Command
from sharp.cli.progress import progress_bar
from sharp.cycles.bandwidth import undelivered
from sharp.cycles.counting import count_cycles
from sharp.cycles.residency import Residency
from sharp.cycles.timeline import make_timeline
from sharp.files import write_text
from sharp.rivals.machines import as_machine


@click.command("timeline", cls=Command)
@workload_options
@machine_options
@layer_plan_options
@tile_option
@click.option("--layer", default=0, show_default=True, help="Which layer of the network, from 0.")
@click.option("--show-steps", default=2, show_default=True, help="Time steps to show.")
@click.option("--trace", type=OUTPUT_FILE, help="Write a trace for Perfetto or chrome://tracing.")
@json_option
def command(layer: int, show_steps: int, trace: Path | None, as_json: bool, **options: Any) -> None:
    """Show when array, activation unit and cell updater work, in the first time steps of a layer."""
    network, accelerator = workload(options), machine(options)
    chosen = layer_plan(options, accelerator.plan)
    refuse_energy_options(options)
    refuse_without_effect(options, [Asked(machine=as_machine(accelerator))])
    warnings = [*accelerator.cautions, *Residency.of(network, accelerator, chosen).left_out]
    if not 0 <= layer < len(network.layers):
        raise refuse("--layer", f"a layer of {network.name}, 0 to {len(network.layers) - 1}", layer)
    if show_steps < 1:
        raise refuse("--show-steps", "a positive integer", show_steps)
    with progress_bar("simulating") as progress:
        work = network.layers[layer], network.layer_sequences[layer], accelerator
        result = make_timeline(*work, chosen, num_steps=show_steps, progress=progress)
    counts = count_cycles(*work, chosen.at(result.tile_rows))
    warnings += undelivered(network, accelerator, chosen, {layer: counts.total_cycles})
    if trace is not None:
        write_text(trace, result.as_trace())
    if as_json:
        named = {"network": network.name, "accelerator": accelerator.name, "layer": layer}
        print_json({**named, **result.as_dict(), "warnings": warnings})
    else:
        from sharp.cli import console, drawing

        drawing.print_timeline(result)
        console.warn(warnings)
        if trace is not None:
            console.note(f"wrote {trace}; open it in Perfetto or chrome://tracing")
