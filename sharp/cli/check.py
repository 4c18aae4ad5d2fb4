"""The command that says what a user's file holds: check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sharp.cli.list import network_entry
from sharp.cli.options import json_option, print_json
from sharp.machine.accelerator import Accelerator
from sharp.rivals.brainwave import BrainWave
from sharp.rivals.machines import load_any


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@json_option
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Check YAML files: networks, suites, accelerators and technologies."""
    entries: list[dict[str, Any]] = []
    for path in files:
        loaded = load_any(path)
        if isinstance(loaded, Accelerator | BrainWave):
            entry = {"kind": "accelerator", "name": loaded.name, "num_macs": loaded.num_macs}
            entries.append({"file": str(path), **entry})
        elif isinstance(loaded, tuple):
            entries += [{"file": str(path), "kind": "network", **network_entry(network)} for network in loaded]
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
