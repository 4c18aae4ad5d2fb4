"""The commands that say what ships and what a user's file holds: list, check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sharp.cli.options import json_option, print_json
from sharp.machine.accelerator import Accelerator
from sharp.machine.files import shipped_accelerators
from sharp.machine.plan import SCHEDULES
from sharp.workload.files import shipped_networks
from sharp.workload.network import Network


@click.command("list")
@click.argument(
    "kind", type=click.Choice(["all", "networks", "accelerators", "schedules", "technologies"]), default="all"
)
@json_option
def list_command(kind: str, as_json: bool) -> None:
    """List the networks, accelerators, schedules and technologies that ship with sharp."""
    from sharp.energy.files import shipped_technologies  # as have technologies
    from sharp.rivals.machines import shipped_rivals  # rivals have data of their own, and start-up counts

    networks = shipped_networks() if kind in ("all", "networks") else ()
    accelerators = shipped_accelerators() if kind in ("all", "accelerators") else ()
    rivals = list(shipped_rivals().values()) if kind in ("all", "accelerators") else []
    schedules = SCHEDULES if kind in ("all", "schedules") else {}
    technologies = shipped_technologies() if kind in ("all", "technologies") else ()
    if not as_json:
        from sharp.cli import console

        console.print_lists(networks, accelerators, rivals, schedules, technologies)
        return
    content = {
        "networks": [_network_entry(network) for network in networks],
        "accelerators": [{"name": entry.name, "budgets": _budgets(entry)} for entry in accelerators],
        "rivals": [{"name": entry.name, "num_macs": entry.num_macs, "clock_hz": entry.clock_hz} for entry in rivals],
        "schedules": list(schedules),
        "technologies": [
            {"name": entry.name, "node_nm": entry.node_nm, "voltage_v": entry.voltage_v} for entry in technologies
        ],
    }
    shown = {kind, "rivals"} if kind == "accelerators" else {kind}
    print_json({name: entries for name, entries in content.items() if kind == "all" or name in shown})


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@json_option
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Check YAML files: networks, suites, accelerators and technologies."""
    from sharp.rivals.brainwave import BrainWave
    from sharp.rivals.machines import load_any

    entries: list[dict[str, Any]] = []
    for path in files:
        loaded = load_any(path)
        if isinstance(loaded, Accelerator | BrainWave):
            entry = {"kind": "accelerator", "name": loaded.name, "num_macs": loaded.num_macs}
            entries.append({"file": str(path), **entry})
        elif isinstance(loaded, tuple):
            entries += [{"file": str(path), "kind": "network", **_network_entry(network)} for network in loaded]
        else:
            entries.append({"file": str(path), "kind": "technology", "name": loaded.name, "node_nm": loaded.node_nm})
    if as_json:
        print_json(entries)
    for entry in entries if not as_json else ():
        size = {
            "network": "{num_weights} weights",
            "accelerator": "{num_macs} MACs",
            "technology": "{node_nm:g} nm",
        }[str(entry["kind"])].format(**entry)
        click.echo(f"{entry['file']}: {entry['kind']} {entry['name']}, {size}: all right")


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
