"""Orders across layers: which layers of a network run together, and where an order makes no sense.

A *group* is a run of successive layers that are issued together; groups follow one another. Under ``layers`` each layer
is a group of its own, but for those between a layer that is fed back and the one that hears it: they run in ``steps``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sharp.checks import refuse
from sharp.machine.plan import Plan
from sharp.workload.network import Network


@dataclass(frozen=True, kw_only=True)
class Group:
    """Layers that run together, from `first` to ``last - 1``, in an order of `sharp.machine.plan.ORDERS`."""

    first: int
    last: int
    order: str

    @property
    def layers(self) -> range:
        """Places of the layers in the network."""
        return range(self.first, self.last)


def group_layers(network: Network, plan: Plan) -> tuple[Group, ...]:
    """Cut a network into groups of layers that run together.

    Parameters
    ----------
    network : Network
    plan : Plan
        Its order: under ``steps`` all layers of as many steps are a group, under ``wavefront`` so are those between
        layers that need all steps of what they read: bidirectional ones, and those that stack steps or read the last.

    Raises
    ------
    SpecificationError
        Where the order makes no sense, with the name of the layer.
    """
    cuts = [index for index in range(len(network.layers)) if not index or not _joins(network, index, plan.order)]
    spans = list(zip(cuts, [*cuts[1:], len(network.layers)], strict=True))
    for heard, told in _loops(network):
        inside = [span for span in spans if span[0] <= told and heard < span[1]]
        spans = [span for span in spans if span not in inside] + [(inside[0][0], inside[-1][1])]
    groups = []
    for first, last in sorted(spans):
        has_loop = any(network.graph.feedbacks[index] >= 0 for index in range(first, last))
        order = "steps" if has_loop else plan.order if last - first > 1 or plan.order == "steps" else "layers"
        if order == "steps":
            _check_steps(network, first, last, has_loop)
        groups.append(Group(first=first, last=last, order=order))
    return tuple(groups)


def _joins(network: Network, index: int, order: str) -> bool:
    """Whether a layer runs together with the one before it."""
    place, layer = network.places[index], network.layers[index]
    if order == "layers" or place.last_step or network.layer_sequences[index] != network.layer_sequences[index - 1]:
        return order == "steps" and place.stack_frames > 1  # refused, not cut off
    return order == "steps" or not (
        layer.bidirectional or network.layers[index - 1].bidirectional or place.stack_frames > 1
    )


def _loops(network: Network) -> list[tuple[int, int]]:
    """(layer that hears, layer that it hears from) of each feedback, the lower one first."""
    pairs = [(index, told) for index, told in enumerate(network.graph.feedbacks) if told >= 0]
    return [(min(pair), max(pair)) for pair in pairs]


def _check_steps(network: Network, first: int, last: int, has_loop: bool) -> None:
    """Refuse layers that cannot take a step before all of what they read is there."""
    why = "steps of a decoder" if has_loop else "order steps"
    for index in range(first, last):
        where = f"{network.name}: {network.label(index)}"
        if network.layers[index].bidirectional:
            raise refuse(f"{where}.bidirectional", f"false in {why} (a direction starts at the end)", True)
        if network.places[index].stack_frames > 1:
            stacked = network.places[index].stack_frames
            raise refuse(f"{where}.stack_frames", f"1 in {why} (it waits for several steps)", stacked)
        if network.layer_sequences[index] != network.layer_sequences[first]:
            steps = network.layer_sequences[first].num_steps
            raise refuse(f"{where}.seq_len", f"{steps} in {why}", network.layer_sequences[index].num_steps)
