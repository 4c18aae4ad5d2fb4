"""The command that says what ships: list."""

from __future__ import annotations

from typing import Any

import click

from sharp.cli.options import json_option, print_json
from sharp.cli.parsing import Command
from sharp.energy.files import shipped_technologies
from sharp.machine.accelerator import Accelerator
from sharp.machine.files import shipped_accelerators
from sharp.machine.plan import SCHEDULES
from sharp.rivals.machines import shipped_machines, shipped_rivals
from sharp.workload.files import shipped_networks
from sharp.workload.network import Network


@click.command("list", cls=Command)
@click.argument(
    "kind", type=click.Choice(["all", "networks", "accelerators", "schedules", "technologies"]), default="all"
)
@json_option
def command(kind: str, as_json: bool) -> None:
    """List the networks, accelerators, schedules and technologies that ship with sharp."""
    networks = shipped_networks() if kind in ("all", "networks") else ()
    accelerators = shipped_accelerators() if kind in ("all", "accelerators") else ()
    rivals = list(shipped_rivals().values()) if kind in ("all", "accelerators") else []
    published = list(shipped_machines("published").values()) if kind in ("all", "accelerators") else []
    schedules = SCHEDULES if kind in ("all", "schedules") else {}
    technologies = shipped_technologies() if kind in ("all", "technologies") else ()
    if not as_json:
        from sharp.cli import tables

        tables.print_lists(networks, accelerators, rivals, published, schedules, technologies)
        return
    content = {
        "networks": [network_entry(network) for network in networks],
        "accelerators": [{"name": entry.name, "budgets": _budgets(entry)} for entry in accelerators],
        "rivals": [{"name": entry.name, "num_macs": entry.num_macs, "clock_hz": entry.clock_hz} for entry in rivals],
        "published": [entry.name for entry in published],
        "schedules": list(schedules),
        "technologies": [
            {"name": entry.name, "node_nm": entry.node_nm, "voltage_v": entry.voltage_v} for entry in technologies
        ],
    }
    shown = {kind, "rivals", "published"} if kind == "accelerators" else {kind}
    print_json({name: entries for name, entries in content.items() if kind == "all" or name in shown})


def _budgets(accelerator: Accelerator) -> dict[str, dict[str, float]]:
    return {
        label: {"num_macs": budget.num_macs, "clock_hz": budget.clock_hz}
        for label, budget in accelerator.budgets.items()
    }


def network_entry(network: Network) -> dict[str, Any]:
    """What JSON says of a network."""
    return {
        "name": network.name,
        "title": network.title,
        "num_layers": len(network.layers),
        "cells": sorted({layer.cell_name for layer in network.layers}),
        "hidden_sizes": sorted({layer.hidden_size for layer in network.layers}),
        "seq_len": network.seq_len,
        "batch_size": network.batch_size,
        "num_weights": network.num_weights,
    }
