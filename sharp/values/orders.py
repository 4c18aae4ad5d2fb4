"""How a layer's result depends on the order of its sums: on the schedule and the tile height."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sharp.cycles.schedule import schedule_of
from sharp.errors import InfeasibleMappingError
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import SCHEDULES, Plan
from sharp.values.compare import Difference, compare
from sharp.values.execute import execute_layer
from sharp.values.formats import Numerics
from sharp.values.weights import DirectionWeights
from sharp.workload.network import RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class OrderValues:
    """A layer under a plan, beside the first plan."""

    schedule: str
    tile_rows: int
    difference: Difference
    """Of the output from that under the first plan."""
    alike: int
    """Plans with the same number have the same output, bit for bit; they are numbered from 0."""


def compare_orders(
    layer: RNNLayer,
    weights: Sequence[DirectionWeights],
    x: object,
    accelerator: Accelerator,
    formats: Numerics | None = None,
    plans: Iterable[Plan] | None = None,
) -> list[OrderValues]:
    """Run a layer under several plans and compare what it computes.

    Parameters
    ----------
    layer, weights, x, accelerator, formats
        As of `sharp.execute_layer`.
    plans : iterable of Plan, optional
        Each on one tile height; by default all our schedules on all heights of the machine, otherwise as its own plan.

    Returns
    -------
    list of OrderValues
        Of the plans that can order the layer, in their order.

    Raises
    ------
    SpecificationError
        As `sharp.execute_layer`.

    Examples
    --------
    The tree over 32 columns and that over 16 add the same products in another order, x apart from h or not:

    >>> import numpy as np
    >>> import sharp
    >>> from sharp.values.formats import numerics
    >>> from sharp.values.orders import compare_orders
    >>> from sharp.values.weights import random_weights
    >>> layer, machine = sharp.RNNLayer(input_size=40, hidden_size=40), sharp.find_accelerator("sharp").with_macs("1K")
    >>> x = np.random.default_rng(1).normal(size=(4, 1, 40))
    >>> names, weights = ("batch", "intergate", "unfolded"), random_weights(layer, seed=1)
    >>> plans = [sharp.Plan(schedule=name, tile_rows=rows) for name in names for rows in (32, 64)]
    >>> [order.alike for order in compare_orders(layer, weights, x, machine, numerics("fp32"), plans)]
    [0, 1, 0, 2, 3, 4]

    With 64 rows the last block of `intergate` has 32 rows only, and takes another tile. In fp16 all are the same here,
    as h is rounded to fewer bits than the orders differ in:

    >>> {order.alike for order in compare_orders(layer, weights, x, machine, numerics("fp16"), plans)}
    {0}
    """
    if plans is None:
        named = [replace(accelerator.plan, schedule=name) for name in SCHEDULES]
        plans = [plan.at(tile_rows) for plan in named for tile_rows in accelerator.tile_rows]
    rows: list[OrderValues] = []
    known: dict[bytes, int] = {}
    first: NDArray[np.float64] | None = None
    for plan in plans:
        try:
            values = execute_layer(layer, weights, x, accelerator, plan, formats)
        except InfeasibleMappingError:
            continue
        output = values.output
        first = output if first is None else first
        rows.append(
            OrderValues(
                schedule=schedule_of(plan).name,
                tile_rows=values.tile_rows,
                difference=compare(output, first),
                alike=known.setdefault(output.tobytes(), len(known)),
            )
        )
    return rows
