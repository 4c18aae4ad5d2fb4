"""Options that the commands share, and what they name: a workload, a machine, a plan."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sharp.checks import check_name, refuse
from sharp.cycles.schedule import loaded
from sharp.cycles.simulate import Report
from sharp.errors import SpecificationError
from sharp.machine.accelerator import UNITS, Accelerator, precision_settings, with_settings
from sharp.machine.files import accelerator_names, find_accelerator
from sharp.machine.plan import FORWARDING, SCHEDULES, WEIGHTS, Plan, TileRows
from sharp.workload.cells import CELLS
from sharp.workload.files import find_network
from sharp.workload.network import Network, RNNLayer, single_layer
from sharp.yamlfile import parse

if TYPE_CHECKING:
    from sharp.cycles.report import MachineReport
    from sharp.energy.breakdown import Gating
    from sharp.energy.implementation import Implementation
    from sharp.energy.power import EnergyReport
    from sharp.energy.technology import Technology
    from sharp.rivals.machines import AnyMachine

Command = TypeVar("Command", bound=Callable[..., Any])

_OF_ENERGY = ("technology", "sram", "clock_gating", "power_gating", "weight_locality")
_OF_TILES = (
    *("macs", "precision", "settings", "schedule", "reconfiguration", "forwarding", "weights", "tile_rows"),
    *("energy", *_OF_ENERGY),
)
_LAYER_OPTIONS = {
    "cell": "--cell",
    "input_size": "--input",
    "hidden_size": "--hidden",
    "projection_size": "--projection",
    "bidirectional": "--bidirectional",
    "linear_before_reset": "--reset-before",
    "options": "--option",
}


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Stack click options into one decorator, in the order given."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


workload_options = _options(
    click.option("--network", metavar="NAME|FILE", help="A network by name (see `sharp list networks`) or YAML file."),
    click.option(
        "--cell",
        metavar="NAME|FILE:NAME",
        help=f"Cell of a single layer given here: {', '.join(CELLS)}, or your own (mine.py:CELL).  [default: lstm]",
    ),
    click.option(
        "--option", "options", multiple=True, metavar="NAME=VALUE", help="An option that its cell declares itself."
    ),
    click.option("--input", "input_size", type=int, help="Its input size.  [default: the hidden size]"),
    click.option("--hidden", "hidden_size", type=int, help="Its hidden size; makes the workload a single layer."),
    click.option("--projection", "projection_size", type=int, help="Its projection size (LSTM)."),
    click.option("--bidirectional", is_flag=True, default=None, help="It has two directions."),
    click.option(
        "--reset-before",
        "linear_before_reset",
        flag_value=False,
        type=bool,
        default=None,
        help="Its reset gate multiplies h before the product (GRU).",
    ),
    click.option("--steps", type=int, help="Time steps.  [default: the network's own, or 25]"),
    click.option("--batch", type=int, help="Sequences of a batch.  [default: the network's own, or 1]"),
    click.option("--lengths", metavar="N,N,...", help="Length of each sequence of a batch, instead of both."),
)
setting_options = _options(
    click.option("--macs", help="Multipliers: a budget (1K, 4K, 16K, 64K, 96K) or a number.  [default: the machine's]"),
    click.option(
        "--precision", metavar="MUL/SUM", help="Formats, such as fp16/fp32 or int8/int32.  [default: its own]"
    ),
    click.option(
        "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change a number of machine or technology."
    ),
    click.option(
        "--allow-code", is_flag=True, help="YAML files may name Python files (mine.py:NAME): their code runs."
    ),
)
machine_options = _options(
    click.option("--accelerator", default="sharp", show_default=True, metavar="NAME|FILE", help="The machine."),
    setting_options,
)
technology_option = click.option("--technology", metavar="NAME|FILE", help="The technology.  [default: 32nm]")
sram_option = click.option("--sram", help="Where SRAM comes from: table or hwcomponents.  [default: table]")
energy_options = _options(
    click.option("--energy", is_flag=True, help="Energy, power and area as well; options below only with it."),
    technology_option,
    click.option("--clock-gating", is_flag=True, help="Padding, and control of a waiting array, cost no energy."),
    click.option("--power-gating", is_flag=True, help="The part of the weight buffer without weights sleeps."),
)
plan_options = _options(
    click.option(
        "--schedule",
        metavar="NAME|FILE:CLASS",
        help=f"{', '.join(SCHEDULES)}, or your own (mine.py:MySchedule).  [default: the machine's; of SHARP unfolded]",
    ),
    click.option(
        "--reconfiguration/--no-reconfiguration",
        default=None,
        help="Whether the last row segment may take a smaller tile.  [default: the machine's; SHARP does]",
    ),
    click.option("--forwarding", help=f"Of h: {' or '.join(FORWARDING)}.  [default: the machine's, barrier]"),
    click.option("--weights", help=f"{' or '.join(WEIGHTS)} (from the DRAM).  [default: the machine's, resident]"),
)
locality_option = click.option(
    "--weight-locality", is_flag=True, help="Products with x first, each weight read once for many steps (E-PUR's MWL)."
)
tile_option = click.option(
    "--tile-rows", help="Tile height K of every layer, or best: layer by layer.  [default: best]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON (keys: the book's page on the command).")


def workload(options: dict[str, Any]) -> Network:
    """The network that the options name: a shipped one, a file, or a single layer."""
    given = {name: options[name] for name in _LAYER_OPTIONS if options[name] not in (None, ())}
    steps, batch = options["steps"], options["batch"]
    lengths = () if options["lengths"] is None else _lengths(options["lengths"])
    if lengths and (steps is not None or batch is not None):
        raise SpecificationError("workload: expected --lengths, or --steps and --batch, got both")
    if options["network"] is not None:
        for name in given:
            raise SpecificationError(
                f"workload: expected --network or a layer, got both --network and {_LAYER_OPTIONS[name]}"
            )
        network = find_network(options["network"], allow_code=options["allow_code"])
    elif "hidden_size" in given:
        own = _pairs("--option", given.pop("options", ()), "heads=4")
        layer = RNNLayer(**{"input_size": given["hidden_size"], **given, "options": own})
        network = single_layer(layer, max(lengths, default=25 if steps is None else steps), len(lengths) or batch or 1)
    else:
        raise SpecificationError("workload: expected --network NAME or --hidden SIZE, got neither")
    if lengths:
        return network.with_lengths(lengths)
    changes = {"seq_len": steps, "batch_size": batch}
    changes = {name: value for name, value in changes.items() if value is not None}
    return dataclasses.replace(network, **changes, lengths=()) if changes else network


def _lengths(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() and len(part) < 20 for part in parts):
        raise refuse("--lengths", "numbers of steps such as 30,28,12", text)
    return [int(part) for part in parts]


def any_machine(options: dict[str, Any]) -> AnyMachine:
    """The machine that the options name; budget and settings are for those of tiles."""
    found: AnyMachine
    if options["accelerator"] in accelerator_names():
        found = find_accelerator(options["accelerator"])
    else:
        from sharp.rivals.machines import find_machine  # rivals have data of their own, and start-up counts

        found = find_machine(options["accelerator"], allow_code=options["allow_code"])
    return _set_up(found, options) if isinstance(found, Accelerator) else found


def refuse_tile_options(options: dict[str, Any], name: str) -> None:
    """Refuse what has no meaning but for a machine of tiles."""
    for option in _OF_TILES:
        if options.get(option) not in ((None,) if option == "reconfiguration" else (None, (), False)):
            words = option.replace("settings", "set").replace("_", "-")
            raise SpecificationError(f"--{words}: expected a machine of tiles with it, such as sharp, got {name}")


def machine(options: dict[str, Any]) -> Accelerator:
    """The accelerator of tiles that the options name, with its budget and settings."""
    found = any_machine(options)
    if not isinstance(found, Accelerator):
        raise refuse("accelerator", "a machine of tiles, such as sharp", found.name)
    return found


def _set_up(accelerator: Accelerator, options: dict[str, Any]) -> Accelerator:
    settings = {} if options["macs"] is None else accelerator.budget(options["macs"])
    given = _settings(options)
    if options["precision"] is not None:
        formats = precision_settings(options["precision"])
        for name in given.keys() & formats.keys():
            raise SpecificationError(f"--precision: expected it or --set {name}, got both")
        settings |= formats
    settings |= {name: value for name, value in given.items() if name in UNITS}
    return with_settings(accelerator, settings)


def technology(options: dict[str, Any]) -> Technology:
    """The technology that the options name, with its settings."""
    from sharp.energy.files import find_technology
    from sharp.energy.technology import with_settings

    found = find_technology("32nm" if options["technology"] is None else options["technology"])
    settings = {name: value for name, value in _settings(options).items() if name not in UNITS}
    return with_settings(found, settings)


def implementation(options: dict[str, Any], accelerator: Accelerator) -> Implementation:
    """The accelerator in the technology that the options name."""
    from sharp.energy.implementation import implement

    return implement(accelerator, technology(options), sram_source=options["sram"] or "table")


def gating(options: dict[str, Any]) -> Gating:
    """What the options switch off."""
    from sharp.energy.breakdown import Gating

    return Gating(clock=options["clock_gating"], power=options["power_gating"])


def run_costs(report: MachineReport, made: Implementation | None, options: dict[str, Any]) -> EnergyReport | None:
    """What a run costs, where it is asked for and known: on machines of tiles."""
    if made is None or not isinstance(report, Report):
        return None
    from sharp.energy.power import evaluate_energy

    return evaluate_energy(report, made, gating(options), weight_locality=options["weight_locality"])


def refuse_energy_options(options: dict[str, Any]) -> None:
    """Refuse what has no meaning but for energy."""
    given = [f"--{name.replace('_', '-')}" for name in _OF_ENERGY if options.get(name)]
    given += [f"--set {name}" for name in _settings(options) if name not in UNITS]
    for option in given:
        raise SpecificationError(f"{option}: expected --energy with it, got none")


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    """The settings of machine and technology, by name."""
    settings = _pairs("--set", options["settings"], "activation_lanes=128")
    for name in settings:
        if name not in UNITS:
            from sharp.energy.technology import SETTINGS

            check_name("parameter", name, (*UNITS, *SETTINGS))
    return settings


def _pairs(option: str, texts: Iterable[str], example: str) -> dict[str, Any]:
    """The values of an option that is given as NAME=VALUE, by name."""
    values = {}
    for text in texts:
        name, separator, value = (part.strip() for part in text.partition("="))
        if not separator:
            raise refuse(option, f"NAME=VALUE, such as {example}", text)
        values[name] = parse(option, value)
    return values


def plan(options: dict[str, Any], accelerator: Accelerator) -> Plan:
    """The plan that the options name, the machine's own where they do not."""
    given = {name: options[name] for name in ("schedule", "reconfiguration", "forwarding", "weights")}
    if options.get("tile_rows") is not None:
        given["tile_rows"] = _tile_rows(options["tile_rows"])
    given = {name: value for name, value in given.items() if value is not None}
    return loaded(dataclasses.replace(accelerator.plan, **given))


def _tile_rows(text: str) -> TileRows:
    if text == "best":
        return "best"
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise refuse("tile_rows", "a tile height such as 32, or best", text)
    return int(text)


def say_written(output: Path, what: str) -> None:
    """Say what was written where; on the error stream where standard output itself holds it."""
    try:
        place = output.stat()
        mixed = os.path.samestat(place, os.fstat(1)) and not stat.S_ISCHR(place.st_mode)
    except OSError:
        mixed = False
    click.echo(f"{output}: {what}", err=mixed)


def print_json(content: object) -> None:
    """Print what JSON can hold."""
    click.echo(json.dumps(content, indent=2, allow_nan=False))
