"""Whole networks in each order across layers, and over a number of the machine, as tidy tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from math import nan
from typing import TYPE_CHECKING, Any

from sharp.errors import SharpError
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import ORDERS, Plan
from sharp.rivals.machines import as_machine
from sharp.space.scenario import Scenario
from sharp.workload.network import Network

if TYPE_CHECKING:
    import pandas as pd


def survey_orders(networks: Iterable[Network], accelerator: Accelerator, *, macs: Iterable[str]) -> pd.DataFrame:
    """Run every network in every order across layers, on every budget, as the machine runs it otherwise.

    Returns
    -------
    pandas.DataFrame
        Columns: network, budget, order, total_cycles, latency_s, utilization, reason; where an order makes no sense of
        a network, the reason, and numbers that are none (NaN).

    Examples
    --------
    >>> import sharp
    >>> from sharp.space.whole import survey_orders
    >>> machine = sharp.find_accelerator("sharp")
    >>> table = survey_orders([sharp.find_network("bysdne")], machine, macs=["64K"])
    >>> table[["order", "total_cycles"]].values.tolist()
    [['layers', 10255.0], ['steps', 8877.0], ['wavefront', 3497.0]]
    """
    import pandas as pd

    rows = []
    for network, budget, order in product(networks, macs, ORDERS):
        machine = accelerator.with_macs(budget)
        scenario = Scenario(network=network, machine=as_machine(machine), plan=replace(machine.plan, order=order))
        rows.append({"network": network.name, "budget": budget, "order": order, **_measured(scenario)})
    return pd.DataFrame(rows)


def _measured(scenario: Scenario) -> dict[str, Any]:
    names = ("total_cycles", "latency_s", "utilization")
    try:
        return {**{name: float(value or nan) for name, value in scenario.run().totals.items()}, "reason": ""}
    except SharpError as error:
        return {**dict.fromkeys(names, nan), "reason": str(error)}


def survey_along(
    networks: Iterable[Network], accelerator: Accelerator, name: str, values: Iterable[float], *, plan: Plan
) -> pd.DataFrame:
    """Run every network at each value of a number of the machine.

    Parameters
    ----------
    networks : iterable of Network
    accelerator : Accelerator
    name : str
        One of `sharp.space.scenario.MACHINE`, such as "weight_buffer".
    values : iterable of float
    plan : Plan

    Returns
    -------
    pandas.DataFrame
        Columns: network, the number by its name, total_cycles, latency_s, loaded_bytes.

    Examples
    --------
    >>> import sharp
    >>> from sharp.space.whole import survey_along
    >>> network, machine = sharp.square_lstm(1024), sharp.find_accelerator("sharp")
    >>> plan = sharp.Plan(weights="streamed")
    >>> table = survey_along([network], machine, "weight_buffer", [2**24, 2**24 - 1, 2**23], plan=plan)
    >>> (table["loaded_bytes"] / 2**20).round(1).tolist()
    [16.0, 16.0, 211.0]
    """
    import pandas as pd

    rows = []
    for network, value in product(networks, list(values)):
        base = Scenario(network=network, machine=as_machine(accelerator), plan=plan)
        report: Any = base.at({name: value}).run()
        measures = {"total_cycles": report.counts.total_cycles, "latency_s": report.latency_s}
        rows.append({"network": network.name, name: value, **measures, "loaded_bytes": report.loaded_bytes})
    return pd.DataFrame(rows)
