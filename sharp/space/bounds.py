"""How far machines are from what is possible: runs beside the bound for every schedule, and the best set of heights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from sharp.checks import check_integer, refuse
from sharp.cycles.schedule import schedule_of
from sharp.cycles.simulate import Report, simulate
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.workload.network import Network

if TYPE_CHECKING:
    import pandas as pd


def survey_bounds(
    networks: Iterable[Network], accelerator: Accelerator, *, macs: Iterable[str | int], plans: Iterable[Plan]
) -> pd.DataFrame:
    """Run networks on budgets under plans, each run beside the bound for every schedule.

    Parameters
    ----------
    networks : iterable of Network
    accelerator : Accelerator
    macs : iterable of str or int
        Budgets, as `Accelerator.with_macs` takes them.
    plans : iterable of Plan

    Returns
    -------
    pandas.DataFrame
        Columns: network, hidden_size (of the first layer), budget, schedule, total_cycles, bound_cycles, binding;
        ``grouped_cycles``, the bound of the orders that take directions and sequences as the schedule does, and
        ``beyond``, the share of cycles above that; utilization, and ``possible``, the utilization at that bound.

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `sharp.simulate`.

    Examples
    --------
    >>> import sharp
    >>> from sharp.space.bounds import survey_bounds
    >>> machine, plans = sharp.find_accelerator("sharp"), [sharp.Plan(), sharp.Plan(schedule="interleaved")]
    >>> table = survey_bounds([sharp.find_network("eesen")], machine, macs=["64K"], plans=plans)
    >>> table[["schedule", "total_cycles", "bound_cycles", "grouped_cycles"]]
          schedule  total_cycles  bound_cycles  grouped_cycles
    0     unfolded        340198        167500          335000
    1  interleaved        170352        167500          167500
    """
    import pandas as pd

    networks, plans = list(networks), list(plans)
    machines = [accelerator.with_macs(budget) for budget in macs]
    reports = [simulate(network, machine, plan) for network in networks for machine in machines for plan in plans]
    return pd.DataFrame([_row(report) for report in reports])


def _row(report: Report) -> dict[str, object]:
    network, machine, plan, counts = report.network, report.accelerator, report.plan, report.counts
    least = report.bound
    grouped = least if schedule_of(plan).interleaves else report.grouped_bound
    return {
        "network": network.name,
        "hidden_size": network.layers[0].hidden_size,
        "budget": machine.budget_label,
        "schedule": plan.schedule_name,
        "total_cycles": counts.total_cycles,
        "bound_cycles": least.cycles,
        "binding": grouped.binding,
        "grouped_cycles": grouped.cycles,
        "beyond": counts.total_cycles / grouped.cycles - 1,
        "utilization": counts.utilization,
        "possible": counts.useful / (counts.num_macs * grouped.cycles),
    }


def survey_height_sets(
    networks: Iterable[Network],
    accelerator: Accelerator,
    *,
    macs: Iterable[str | int],
    heights: Iterable[int],
    size: int,
    plan: Plan | None = None,
) -> pd.DataFrame:
    """Run networks on a machine with every set of so many tile heights: which set is best is found by trying them all.

    Parameters
    ----------
    networks : iterable of Network
    accelerator : Accelerator
        Its own tile heights do not matter.
    macs : iterable of str or int
        Budgets.
    heights : iterable of int
        Candidates; of a budget those that divide its multipliers.
    size : int
        Heights of a set.
    plan : Plan, optional
        The machine's own by default; each layer takes the best height of the set.

    Returns
    -------
    pandas.DataFrame
        A row a budget and set: budget, ``heights`` (a tuple), and ``slowdown``, the geometric mean over the networks
        of the cycles over those on a machine that has all candidates.

    Raises
    ------
    SpecificationError
        Where there are fewer candidates than heights in a set.
    """
    import pandas as pd
    from scipy.stats import gmean

    networks, candidates = list(networks), sorted(set(heights))
    if check_integer("size", size) > len(candidates):
        raise refuse("size", f"at most {len(candidates)}, the candidates", size)
    plan = replace(accelerator.plan if plan is None else plan, tile_rows="best")
    rows = []
    for budget in macs:
        machine = replace(accelerator, tile_rows=(1,)).with_macs(budget)
        fitting = [height for height in candidates if machine.num_macs % height == 0]

        least = _cycles(networks, replace(machine, tile_rows=tuple(fitting)), plan)
        for chosen in combinations(fitting, size):
            slowdown = gmean(_cycles(networks, replace(machine, tile_rows=chosen), plan) / least)
            rows.append({"budget": machine.budget_label, "heights": chosen, "slowdown": float(slowdown)})
    return pd.DataFrame(rows)


def _cycles(networks: list[Network], machine: Accelerator, plan: Plan) -> pd.Series[float]:
    """Cycles of each network."""
    import pandas as pd

    return pd.Series([float(simulate(network, machine, plan).counts.total_cycles) for network in networks])
