"""Machines side by side: the same network on each, and how many times as fast and frugal the first one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sharp.cycles.report import MachineReport
from sharp.energy.power import EnergyReport


def compare(reports: Sequence[MachineReport], costs: Sequence[EnergyReport | None] = ()) -> list[dict[str, Any]]:
    """A row a machine, as JSON has it.

    Parameters
    ----------
    reports : sequence of MachineReport
        The same network on each machine; the first is what the others are compared with.
    costs : sequence of EnergyReport or None
        Of each, where energy is asked for; None where it is not known.

    Returns
    -------
    list of dict
        accelerator, schedule ("" where there is none to choose), num_macs, total_cycles, latency_s, utilization,
        speedup (of the first over this one), notes; with costs energy_j, power_w and energy_ratio (of the first to this
        one), each None where it is not known.
    """
    first = reports[0].latency_s
    rows: list[dict[str, Any]] = [
        {
            "accelerator": report.accelerator.name,
            "schedule": report.order,
            "num_macs": report.accelerator.num_macs,
            "total_cycles": report.counts.total_cycles,
            "latency_s": report.latency_s,
            "utilization": report.counts.utilization,
            "speedup": report.latency_s / first,
            "notes": list(report.notes),
        }
        for report in reports
    ]
    for row, cost in zip(rows, costs, strict=False):
        row |= {"energy_j": None, "power_w": None, "energy_ratio": None}
        if cost is not None:
            row |= {"energy_j": cost.energy.total_j, "power_w": cost.power_w}
            row["energy_ratio"] = None if costs[0] is None else costs[0].energy.total_j / cost.energy.total_j
    return rows
