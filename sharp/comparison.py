"""Machines side by side: the same network on each, and how many times as fast and frugal the first one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sharp.power import EnergyReport
from sharp.simulate import Report


def compare(reports: Sequence[Report], costs: Sequence[EnergyReport] = ()) -> list[dict[str, Any]]:
    """A row a machine, as JSON has it.

    Parameters
    ----------
    reports : sequence of Report
        The same network on each machine; the first is what the others are compared with.
    costs : sequence of EnergyReport
        Of each, where energy is asked for.

    Returns
    -------
    list of dict
        accelerator, schedule, num_macs, total_cycles, latency_s, utilization, speedup (of the first over this one);
        with costs energy_j, power_w and energy_ratio (of the first to this one).
    """
    first = reports[0].latency_s
    rows: list[dict[str, Any]] = [
        {
            "accelerator": report.accelerator.name,
            "schedule": report.plan.order.name,
            "num_macs": report.accelerator.num_macs,
            "total_cycles": report.counts.total_cycles,
            "latency_s": report.latency_s,
            "utilization": report.counts.utilization,
            "speedup": report.latency_s / first,
        }
        for report in reports
    ]
    for row, cost in zip(rows, costs, strict=False):
        ratio = costs[0].energy.total_j / cost.energy.total_j
        row |= {"energy_j": cost.energy.total_j, "power_w": cost.power_w, "energy_ratio": ratio}
    return rows
