"""Machines side by side: the same network on each, and how many times as fast and frugal the first one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sharp.cycles.counting import Progress
from sharp.cycles.report import MachineReport, Reported
from sharp.energy.power import EnergyReport
from sharp.errors import SharpError
from sharp.machine.plan import Plan
from sharp.readonly import ReadOnly
from sharp.rivals.machine import Machine
from sharp.workload.network import Network


@dataclass(frozen=True, kw_only=True)
class NotRun:
    """A machine that cannot run the network, and why."""

    accelerator: Reported
    reason: str
    """A sentence."""
    order = ""
    has_run = False
    totals = ReadOnly(dict.fromkeys(("total_cycles", "latency_s", "utilization")))

    @property
    def warnings(self) -> list[str]:
        """Why it did not run."""
        return [self.reason]


def try_on(
    machine: Machine, network: Network, plan: Plan | None = None, *, progress: Progress | None = None
) -> MachineReport | NotRun:
    """Run a network on a machine, under a plan or as it is run unless asked otherwise; where it cannot, say why."""
    try:
        return machine.run(network, plan, progress=progress)
    except SharpError as error:
        return NotRun(accelerator=machine, reason=str(error))


def compare(
    reports: Sequence[MachineReport | NotRun], costs: Sequence[EnergyReport | None] = ()
) -> list[dict[str, Any]]:
    """A row a machine, as JSON has it.

    Parameters
    ----------
    reports : sequence of MachineReport or NotRun
        The same network on each machine; the first is what the others are compared with.
    costs : sequence of EnergyReport or None
        Of each, where energy is asked for; None where it is not known.

    Returns
    -------
    list of dict
        accelerator, schedule ("" where there is none to choose), num_macs, total_cycles, latency_s, utilization,
        speedup (of the first over this one), notes (of a machine that did not run, the reason; with costs, what they
        leave out too); with costs energy_j, power_w and energy_ratio (of the first to this one). Each number is None
        where it is not known.
    """
    rows = [_row(report, reports[0]) for report in reports]
    for row, cost in zip(rows, costs, strict=False):
        row |= {"energy_j": None, "power_w": None, "energy_ratio": None}
        if cost is not None:
            row |= {"energy_j": cost.energy.total_j, "power_w": cost.power_w}
            row["notes"] += cost.warnings
            row["energy_ratio"] = None if costs[0] is None else costs[0].energy.total_j / cost.energy.total_j
    return rows


def _row(report: MachineReport | NotRun, first: MachineReport | NotRun) -> dict[str, Any]:
    mine, theirs = report.totals["latency_s"], first.totals["latency_s"]
    return {
        "accelerator": report.accelerator.name,
        "schedule": report.order,
        "num_macs": report.accelerator.num_macs,
        **report.totals,
        "speedup": None if mine is None or theirs is None else mine / theirs,
        "notes": list(report.warnings),
    }
