"""Options that the commands share, and what they name: a workload, a machine, a plan."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sharp.artifact.limits import TIMEOUT_S, check_timeout
from sharp.checks import check_name, refuse
from sharp.cycles.residency import as_users_run
from sharp.cycles.schedule import loaded
from sharp.errors import SpecificationError
from sharp.machine.accelerator import UNITS, Accelerator
from sharp.machine.plan import FORWARDING, ORDERS, SCHEDULES, WEIGHTS, Plan, TileRows
from sharp.machine.precision import precision_settings
from sharp.workload.cells import CELLS
from sharp.workload.files import find_network
from sharp.workload.importing.endings import is_importable
from sharp.workload.network import Network, RNNLayer
from sharp.workload.single import single_layer
from sharp.yamlfile import parse

if TYPE_CHECKING:
    from sharp.energy.breakdown import Gating
    from sharp.energy.implementation import Implementation
    from sharp.energy.power import EnergyReport
    from sharp.energy.technology import Technology
    from sharp.rivals.machine import Machine

Command = TypeVar("Command", bound=Callable[..., Any])

_OF_ENERGY = ("technology", "sram", "clock_gating", "power_gating", "weight_locality")
_OF_PLAN = ("schedule", "reconfiguration", "forwarding", "weights", "order", "tile_rows")
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
    click.option(
        "--network",
        metavar="NAME|FILE",
        help="A network by name (see `sharp list networks`), or a file: YAML, ONNX, PyTorch, Keras.",
    ),
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
    click.option(
        "--accelerator",
        default="sharp",
        show_default=True,
        metavar="NAME|FILE",
        help="The machine: a name (see `sharp list accelerators`), a YAML file, or your own (mine.py:MyMachine).",
    ),
    setting_options,
)
technology_option = click.option("--technology", metavar="NAME|FILE", help="The technology.  [default: 32nm]")
sram_option = click.option(
    "--sram", help="Where SRAM comes from: table, smooth (areas by a fit) or hwcomponents.  [default: table]"
)
energy_options = _options(
    click.option("--energy", is_flag=True, help="Energy, power and area as well; options below only with it."),
    technology_option,
    click.option("--clock-gating", is_flag=True, help="Padding, and control of a waiting array, cost no energy."),
    click.option("--power-gating", is_flag=True, help="The part of the weight buffer without weights sleeps."),
)
layer_plan_options = _options(
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
)
plan_options = _options(
    layer_plan_options,
    click.option(
        "--weights", help=f"{', '.join(WEIGHTS)} (from the DRAM); auto: on chip where all fit.  [default: auto]"
    ),
    click.option("--order", help=f"Of layers: {', '.join(ORDERS)}.  [default: the machine's, layers]"),
)
arrival_option = click.option(
    "--arrival",
    metavar="TIME",
    help="Live input: a frame every so often (10ms), in order steps.  [default: the whole input is there]",
)
locality_option = click.option(
    "--weight-locality", is_flag=True, help="Products with x first, each weight read once for many steps (E-PUR's MWL)."
)
tile_option = click.option(
    "--tile-rows", help="Tile height K of every layer, or best: layer by layer.  [default: best]"
)
timeout_option = click.option(
    "--timeout",
    "timeout_s",
    type=float,
    callback=lambda context, parameter, value: check_timeout("--timeout", value),
    default=TIMEOUT_S,
    show_default=True,
    metavar="SECONDS",
    help="How long a notebook may take.",
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
        network = find_network(options["network"], allow_code=options["allow_code"], steps=max(lengths, default=steps))
        steps = None if is_importable(options["network"]) else steps
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


def any_machine(options: dict[str, Any]) -> Machine:
    """The machine that the options name, with its budget and settings."""
    (found,) = machines([options["accelerator"]], options)
    return found


def machines(names: list[str], options: dict[str, Any]) -> list[Machine]:
    """Machines by name, each with what it has of budget, precision and settings; one of them has to have it."""
    from sharp.rivals.machines import find_machine  # only commands that run something need machines

    found = [find_machine(name, allow_code=options["allow_code"]) for name in names]
    changes = [_changes(entry, options) for entry in found]
    _refuse_unused(found, set().union(*changes), options)
    changed = [{name: value for part in parts.values() for name, value in part.items()} for parts in changes]
    return [entry.with_settings(part) if part else entry for entry, part in zip(found, changed, strict=True)]


def _changes(machine: Machine, options: dict[str, Any]) -> dict[str, Mapping[str, object]]:
    """What each option that has a meaning for a machine sets on it."""
    changes: dict[str, Mapping[str, object]] = {}
    if options["macs"] is not None:
        changes["--macs"] = machine.budget(options["macs"]) or {}
    if options["precision"] is not None:
        formats = precision_settings(options["precision"])
        changes["--precision"] = formats if formats.keys() <= machine.settings.keys() else {}
    for name, value in settings(options).items():
        changes[f"--set {name}"] = {name: value} if name in machine.settings else {}
    given = {option: part for option, part in changes.items() if part}
    for first, second in combinations(given, 2):
        if (given[first].keys() & given[second].keys()) - {"clock_hz"}:  # a budget's clock may be set apart
            raise SpecificationError(f"{first}: expected it or {second}, got both")
    return given


def _refuse_unused(machines: list[Machine], used: set[str], options: dict[str, Any]) -> None:
    """Refuse an option that has no meaning for any of the machines, settings of the technology aside."""
    for name in ("macs", "precision"):
        if options[name] is not None and f"--{name}" not in used:
            raise _for_tiles(f"--{name}", machines)
    known = [name for machine in machines for name in machine.settings]
    for name in settings(options):
        if f"--set {name}" not in used:
            from sharp.energy.technology import SETTINGS

            if not known and name not in SETTINGS:
                raise _for_tiles("--set", machines)
            check_name("parameter", name, (*dict.fromkeys(known), *SETTINGS))


def _for_tiles(option: str, machines: list[Machine]) -> SpecificationError:
    names = ", ".join(machine.name for machine in machines)
    return SpecificationError(f"{option}: expected a machine of tiles with it, such as sharp, got {names}")


def refuse_foreign_options(options: dict[str, Any], machines: list[Machine]) -> None:
    """Refuse options of a plan where no machine has one to choose, and of energy where it is known of none."""
    refused: tuple[str, ...] = ()
    if not any(machine.plan for machine in machines):
        refused += _OF_PLAN
    if not any(machine.knows_energy for machine in machines):
        refused += ("energy", *_OF_ENERGY)
    for option in refused:
        if options.get(option) not in ((None,) if option == "reconfiguration" else (None, (), False)):
            raise _for_tiles(f"--{option.replace('_', '-')}", machines)


def machine(options: dict[str, Any]) -> Accelerator:
    """The accelerator of tiles that the options name, with its budget and settings."""
    return any_machine(options).as_tiles()


def technology(options: dict[str, Any]) -> Technology:
    """The technology that the options name, with its settings."""
    from sharp.energy.files import find_technology
    from sharp.energy.technology import SETTINGS, with_settings

    found = find_technology("32nm" if options["technology"] is None else options["technology"])
    return with_settings(found, {name: value for name, value in settings(options).items() if name in SETTINGS})


def implementation(options: dict[str, Any], machine: Machine) -> Implementation:
    """The machine in the technology that the options name."""
    return machine.implement(technology(options), sram_source=options["sram"] or "table")


def gating(options: dict[str, Any]) -> Gating:
    """What the options switch off."""
    from sharp.energy.breakdown import Gating

    return Gating(clock=options["clock_gating"], power=options["power_gating"])


def run_costs(report: Any, made: Implementation | None, options: dict[str, Any]) -> EnergyReport | None:
    """What a run costs, where it is asked for and known: on machines of tiles, whose report is a `sharp.Report`."""
    if made is None:
        return None
    from sharp.energy.power import evaluate_energy

    return evaluate_energy(report, made, gating(options), weight_locality=options["weight_locality"])


def refuse_energy_options(options: dict[str, Any], known: Collection[str] = UNITS) -> None:
    """Refuse what has no meaning but for energy: options, and settings that are none of `known`."""
    given = [f"--{name.replace('_', '-')}" for name in _OF_ENERGY if options.get(name)]
    given += [f"--set {name}" for name in settings(options) if name not in known]
    for option in given:
        raise SpecificationError(f"{option}: expected --energy with it, got none")


def refuse_overruled(options: dict[str, Any], columns: Collection[str]) -> None:
    """Refuse options that columns of a grid leave no effect."""
    for column, option in fixed_columns(options).items():
        if column in columns and column != "tile_rows":  # a setting says which there are, a column which is used
            raise SpecificationError(f"{option}: expected it or the grid's column {column}, got both")


def fixed_columns(options: dict[str, Any]) -> dict[str, str]:
    """The columns of a grid or axes of a space that options have set, with the option that did."""
    fixed = {"macs" if name == "num_macs" else name: f"--set {name}" for name in settings(options)}
    return fixed | ({} if options["macs"] is None else {"macs": "--macs"})


def settings(options: dict[str, Any]) -> dict[str, Any]:
    """The settings of machine and technology, by name."""
    return _pairs("--set", options["settings"], "activation_lanes=128")


def _pairs(option: str, texts: Iterable[str], example: str) -> dict[str, Any]:
    """The values of an option that is given as NAME=VALUE, by name."""
    values: dict[str, Any] = {}
    for text in texts:
        name, separator, value = (part.strip() for part in text.partition("="))
        if not separator:
            raise refuse(option, f"NAME=VALUE, such as {example}", text)
        if name in values:
            raise refuse(option, "each name once", text)
        values[name] = parse(option, value)
    return values


def plan(options: dict[str, Any], own: Plan) -> Plan:
    """The plan that the options name, the machine's own where they do not; weights stay on chip where they fit."""
    own = as_users_run(own)
    given: dict[str, Any] = {
        name: options.get(name) for name in ("schedule", "reconfiguration", "forwarding", "weights", "order")
    }
    if options.get("tile_rows") is not None:
        given["tile_rows"] = _tile_rows(options["tile_rows"])
    given = {name: value for name, value in given.items() if value is not None}
    return loaded(dataclasses.replace(own, **given))


def layer_plan(options: dict[str, Any], own: Plan) -> Plan:
    """The plan that the options name for layers one by one, their weights on chip."""
    return dataclasses.replace(plan(options, own), weights="resident", order="layers")


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
