"""Whole networks on several budgets under several plans, as a tidy table: one row a point, one column a number."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any

from sharp.accelerator import Accelerator
from sharp.plan import Plan
from sharp.simulate import simulate
from sharp.workload import Network

if TYPE_CHECKING:
    import pandas as pd


def survey(
    networks: Iterable[Network],
    accelerator: Accelerator,
    *,
    macs: Iterable[str | int],
    plans: Iterable[Plan] = (Plan(),),
) -> pd.DataFrame:
    """Simulate every network on every budget under every plan.

    Returns
    -------
    pandas.DataFrame
        Columns: network, batch_size, hidden_size (of the first layer), budget, num_macs, clock_hz, schedule,
        reconfiguration, forwarding, weights, tile_rows (as asked), chosen_tile_rows (of the first layer), total_cycles,
        latency_s, utilization, loaded_bytes, and the split in cycles (`sharp.cycles.SPLIT`).

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `sharp.simulate.simulate`.
    """
    import pandas as pd

    machines = [accelerator.with_macs(budget) for budget in macs]
    return pd.DataFrame([_point(*point) for point in product(networks, machines, plans)])


def _point(network: Network, accelerator: Accelerator, plan: Plan) -> dict[str, Any]:
    report = simulate(network, accelerator, plan)
    counts = report.counts
    return {
        "network": network.name,
        "batch_size": network.batch_size,
        "hidden_size": network.layers[0].hidden_size,
        "budget": accelerator.budget_label,
        "num_macs": accelerator.num_macs,
        "clock_hz": accelerator.clock_hz,
        **plan.as_dict(),
        "tile_rows": plan.tile_rows,
        "chosen_tile_rows": report.layers[0].tile_rows,
        "total_cycles": counts.total_cycles,
        "latency_s": report.latency_s,
        "utilization": counts.utilization,
        "loaded_bytes": report.loaded_bytes,
        **counts.split,
    }
