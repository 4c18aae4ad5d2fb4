"""The command that says what a user's file holds: check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from sharp.checks import check_text, within
from sharp.cli.list import network_entry
from sharp.cli.options import json_option, print_json
from sharp.cli.parsing import Command
from sharp.machine.plan import SCHEDULES, Plan
from sharp.plugins import Registry, names_code
from sharp.rivals.machine import MACHINES
from sharp.rivals.machines import described_by
from sharp.workload.cells import CELLS
from sharp.yamlfile import read_yaml

_ENTRIES: Mapping[str, Callable[[Any], list[dict[str, Any]]]] = {
    "network": lambda networks: [network_entry(network) for network in networks],
    "accelerator": lambda machine: [
        {"name": machine.name, "num_macs": machine.num_macs, "warnings": list(machine.cautions)}
    ],
    "technology": lambda technology: [
        {"name": technology.name, "node_nm": technology.node_nm, "warnings": list(technology.cautions)}
    ],
}
"""What is said of a file's content, by its kind."""


@click.command("check", cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@json_option
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Check YAML files: networks, suites, accelerators and technologies; code that they name is not run."""
    entries: list[dict[str, Any]] = []
    for path in files:
        kind, found, code = _described(path, read_yaml(path))
        entries += [{"file": str(path), "kind": kind, **entry, "code": code} for entry in found]
    if as_json:
        print_json(entries)
        return
    from sharp.cli.console import warn

    for entry in entries:
        size = {
            "network": "{num_layers} layers" if entry["code"] else "{num_weights} weights",
            "accelerator": "n/a MACs" if entry.get("num_macs") is None else "{num_macs} MACs",
            "technology": "{node_nm:g} nm",
        }[entry["kind"]].format(**entry)
        but = f", but for {' and '.join(entry['code'])}, whose code is not run" if entry["code"] else ""
        click.echo(f"{entry['file']}: {entry['kind']} {entry['name']}, {size}: all right{but}")
        warn(f"{entry['file']}: {sentence}" for sentence in entry.get("warnings", ()))


def _described(path: Path, content: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]], list[str]]:
    """What a file describes, what is said of it, and the code that it names."""
    if names_code(content.get("kind")):  # only the code knows what else may stand there
        with within(f"{path}: "):
            entry = {"name": check_text("name", content.get("name", path.stem)), "num_macs": None}
            return "accelerator", [entry], [MACHINES.check(content["kind"])]
    content, code = _without_code(path, content)
    kind, found = described_by(path, content)
    return kind, _ENTRIES[kind](found), code


def _without_code(path: Path, content: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """The content of a file with parts of ours where it names code, and what it names: files that are there."""
    code: dict[str, None] = {}

    def replaced(entry: Any, registry: Registry[Any], ours: str, *others: str) -> Any:
        if not isinstance(entry, Mapping) or not names_code(name := entry.get(registry.kind)):
            return entry
        with within(f"{path}: "):
            code[registry.check(name)] = None
        return {key: value for key, value in entry.items() if key not in others} | {registry.kind: ours}

    def layer(entry: Any) -> Any:  # the LSTM has the field that decides how wide a layer is
        return replaced(entry, CELLS, "lstm", "options", "linear_before_reset")

    content = dict(content)
    if "plan" in content:
        content["plan"] = replaced(content["plan"], SCHEDULES, Plan().schedule_name)
    for part in ("layers", "problems"):
        if isinstance(content.get(part), list):
            content[part] = [layer(entry) for entry in content[part]]
    return content, list(code)
