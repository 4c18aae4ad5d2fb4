"""Settings that can change nothing of what is asked for are refused: a number that is ignored misleads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sharp.cli.options import settings
from sharp.cycles.residency import Residency
from sharp.errors import SpecificationError
from sharp.machine.accelerator import LATENCIES, PRICED, Accelerator
from sharp.machine.plan import Plan
from sharp.rivals.machine import Machine
from sharp.workload.network import Network


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a command asks of a machine."""

    machine: Machine
    runs: bool = True
    """Whether cycles are counted."""
    streams: bool = False
    """Whether weights come from the DRAM, or it is said what that would cost."""
    priced: bool = False
    """Whether energy or area are asked for."""
    says_fit: bool = True
    """Whether it is said if the weights of the network fit on chip."""


def streams(network: Network, machine: Machine, plan: Plan | None) -> bool:
    """Whether a run streams weights, or says what that would cost, as they do not fit."""
    tiles = _tiles(machine)
    if plan is None or tiles is None:
        return False
    residency = Residency.of(network, tiles, plan)
    return residency.chosen == "streamed" or not residency.fits


def refuse_without_effect(options: dict[str, Any], asked: Sequence[Asked]) -> None:
    """Refuse a setting that changes nothing of any machine that has it."""
    for name in settings(options):
        reasons = [_why_not(name, entry) for entry in asked if _is_known(name, entry)]
        if reasons and all(reasons):
            raise SpecificationError(f"--set {name}: expected {reasons[0]}")


def _is_known(name: str, asked: Asked) -> bool:
    from sharp.energy.technology import SETTINGS  # with it, only for settings

    return name in asked.machine.settings or (asked.priced and asked.machine.knows_energy and name in SETTINGS)


def _why_not(name: str, asked: Asked) -> str:
    """Why a setting has no effect, as what is expected and got; nothing where it has one."""
    tiles = _tiles(asked.machine)
    if tiles is None:
        return ""  # of other machines every number is one of time
    if name in PRICED and not asked.priced:
        return "--energy with it, got none"
    if name == "dram_bytes_per_s" and not asked.streams:
        return "weights that come from the DRAM (--weights streamed), got resident ones"
    if name == "weight_buffer" and not (asked.says_fit or asked.streams or asked.priced):
        return "--energy or streamed weights with it, got neither"
    if name in (*LATENCIES, "chained_levels", "accumulators") and not asked.runs:
        return "a run, which it changes (sharp run), got none"
    return "" if name in asked.machine.settings else _unread(name, tiles)


def _unread(name: str, tiles: Accelerator) -> str:
    """Why a number of the technology has no effect, where prices and areas of a machine do not follow from it."""
    from sharp.energy.implementation import numbers_read
    from sharp.energy.technology import UNITS

    try:
        read = numbers_read(tiles)
    except SpecificationError:  # of formats without prices, as whoever prices them says
        return ""
    return "" if name not in UNITS or name in read else f"a machine whose formats need it, got {tiles.precision}"


def _tiles(machine: Machine) -> Accelerator | None:
    """The accelerator of tiles that a machine is, if it is one."""
    try:
        return machine.as_tiles()
    except SpecificationError:
        return None
