"""A design space as a tidy table: one row a point, one column a number."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any

from sharp.accelerator import Accelerator
from sharp.explore import TileRows
from sharp.simulate import simulate
from sharp.workload import Network

if TYPE_CHECKING:
    import pandas as pd


def sweep(
    networks: Iterable[Network],
    accelerator: Accelerator,
    *,
    macs: Iterable[str | int],
    schedules: Iterable[str] = ("unfolded",),
    tile_rows: Iterable[TileRows] = ("best",),
    reconfiguration: Iterable[bool] = (True,),
) -> pd.DataFrame:
    """Simulate every combination of the arguments.

    Returns
    -------
    pandas.DataFrame
        Columns: network, hidden_size (of the first layer), budget, num_macs, clock_hz, schedule, tile_rows (as asked),
        reconfiguration, chosen_tile_rows (of the first layer), total_cycles, latency_s, utilization, and the split in
        cycles (`sharp.cycles.SPLIT`).

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `sharp.simulate.simulate`.
    """
    import pandas as pd

    machines = [accelerator.with_macs(budget) for budget in macs]
    grid = product(networks, machines, schedules, tile_rows, reconfiguration)
    return pd.DataFrame([_point(*point) for point in grid])


def _point(
    network: Network, accelerator: Accelerator, schedule: str, tile_rows: TileRows, reconfiguration: bool
) -> dict[str, Any]:
    report = simulate(network, accelerator, schedule=schedule, tile_rows=tile_rows, reconfiguration=reconfiguration)
    counts = report.counts
    return {
        "network": network.name,
        "hidden_size": network.layers[0].hidden_size,
        "budget": accelerator.budget_label,
        "num_macs": accelerator.num_macs,
        "clock_hz": accelerator.clock_hz,
        "schedule": schedule,
        "tile_rows": tile_rows,
        "reconfiguration": reconfiguration,
        "chosen_tile_rows": report.layers[0].tile_rows,
        "total_cycles": counts.total_cycles,
        "latency_s": report.latency_s,
        "utilization": counts.utilization,
        **counts.split,
    }
