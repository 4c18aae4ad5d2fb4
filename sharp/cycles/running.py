"""Groups of layers one after the other, each alone or together, with the loads of their weights between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sharp.cycles.counting import CycleCounts, Progress, sum_counts
from sharp.cycles.explore import explore_some
from sharp.cycles.group_counts import count_group
from sharp.cycles.mapping import LayerMapping, map_layer
from sharp.cycles.orders import Group
from sharp.cycles.streaming import add_weight_loads
from sharp.cycles.together import Together
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.workload.network import Network


class Ran(NamedTuple):
    """A layer of a run."""

    mapping: LayerMapping
    """On the tile height in use."""
    counts: CycleCounts
    together: Together | None = None
    """The layers that it runs together with, it included."""


def run_groups(
    network: Network,
    groups: Sequence[Group],
    accelerator: Accelerator,
    plan: Plan,
    *,
    period: int | None = None,
    progress: Progress | None = None,
) -> list[Ran]:
    """Run the groups of a network; returns what each layer took.

    Parameters
    ----------
    network : Network
    groups : sequence of Group
        As `sharp.cycles.orders.group_layers` cuts it.
    accelerator : Accelerator
    plan : Plan
        With weights resident or streamed.
    period : int, optional
        Cycles from a frame to the next, for groups in ``steps``.
    progress : callable, optional
        Told of layers that run alone.

    Raises
    ------
    InfeasibleMappingError
        With the name of a layer.
    """
    alone = [group.first for group in groups if group.order == "layers"]
    tables = explore_some(network, alone, accelerator, plan, progress=progress)
    mapped: dict[tuple[object, ...], LayerMapping] = {}
    ran: list[Ran] = []
    for group in groups:
        if group.order != "layers":
            counted = count_group(network, group, accelerator, plan, period=period)
            ran += [
                Ran(*entry, counted.together) for entry in zip(counted.together.mappings, counted.counts, strict=True)
            ]
            continue
        table = tables[group.first]
        key = network.layers[group.first], network.layer_sequences[group.first], table.best
        if key not in mapped:
            mapped[key] = map_layer(*key[:2], accelerator, plan.at(table.best))
        ran.append(Ran(mapped[key], table.candidates[table.best]))
    return _with_loads(network, groups, accelerator, ran) if plan.weights == "streamed" else ran


def _with_loads(network: Network, groups: Sequence[Group], accelerator: Accelerator, ran: list[Ran]) -> list[Ran]:
    """Put the wait for the weights of a group before its first layer."""
    sizes = [
        sum(network.layers[index].num_weights for index in group.layers) * accelerator.weight_bytes for group in groups
    ]
    shares = [ran[group.first].mapping.task.streamed_share for group in groups]
    sums = [sum_counts([ran[index].counts for index in group.layers]) for group in groups]
    for group, before, after in zip(groups, sums, add_weight_loads(sizes, shares, sums, accelerator), strict=True):
        first = ran[group.first]
        wait = after.total_cycles - before.total_cycles
        ran[group.first] = first._replace(counts=first.counts.after_load(wait))
    return ran
