"""The executable specification of a network: its layers on the array, in plain Python.

As reference.py, which it goes on from, this states the rules once more and shares no code with what is used elsewhere.

1. A layer reads the network's input or other layers' outputs, all of them of as many steps. It has as many steps as
   what it reads; where it stacks k successive steps of that into one, a k-th, rounded up; where it reads the last step
   only, one. All of that holds for each sequence of the batch.
2. Layers run one after the other in the order in which they are listed, each as in reference.py.
3. Streamed weights: what stays on chip of a layer is loaded once, in layer order, as soon as the load before it is done
   and bytes are free. A layer of which a share streams in every step has the whole buffer, and the memory, to its end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from sharp.kernels.reference import Counts, Layer, Machine, Plan, simulate_layer, streamed_share


class Reads(NamedTuple):
    """What a layer reads: layers by their place in the list, -1 the network's input; and how."""

    sources: tuple[int, ...] = (-1,)
    stacked: int = 1
    last_step: bool = False


def chain(num_layers: int) -> list[Reads]:
    """Each layer reads the one before it."""
    return [Reads((index - 1,)) for index in range(num_layers)]


def steps_of(reads: Sequence[Reads], lengths: Sequence[int]) -> list[list[int]]:
    """Steps of each sequence in each layer; rule 1."""
    found: list[list[int]] = []
    for sources, stacked, last_step in reads:
        first, *others = (list(lengths) if source < 0 else found[source] for source in sources)
        if any(other != first for other in others):
            raise ValueError("layers of different steps cannot be read together")
        found.append([1 if last_step else math.ceil(length / stacked) for length in first])
    return found


def load_end(machine: Machine, start: int, size: float, earlier: list[tuple[int, float]]) -> int:
    """When `size` bytes are in the weight buffer, which `earlier` layers fill with (end of compute, bytes)."""
    now, left = start, size
    while left > 0:
        taken = sum(held for end, held in earlier if end > now)
        chunk = min(left, machine.weight_buffer_bytes - taken - (size - left))
        if chunk > 0:
            now += math.ceil(chunk / machine.bytes_per_cycle)
            left -= chunk
        else:
            now = min(end for end, _ in earlier if end > now)
    return now


def simulate_network(
    machine: Machine, layers: Sequence[Layer], steps: Sequence[Sequence[int]], plans: Sequence[Plan], weights: str
) -> Counts:
    """Run layer after layer, the weights "resident" or "streamed"; the sums, without events. `steps` is `steps_of`."""
    if weights not in ("resident", "streamed"):
        raise ValueError(f"weights are resident or streamed, not {weights!r}")
    counts = Counts()
    loaded = 0  # the cycle at which the DRAM is free for the next layer
    earlier: list[tuple[int, float]] = []
    for layer, lengths, plan in zip(layers, steps, plans, strict=True):
        share = streamed_share(machine, [layer], plan.tile_rows) if weights == "streamed" else 0.0
        size = layer.weights * machine.weight_bytes
        size -= math.ceil(size * share)  # which passes through
        if weights == "streamed":
            loaded = load_end(machine, loaded, size, earlier)
            wait = max(0, loaded - counts.total)
            counts.weight_load += wait
            counts.total += wait
        counts.add(simulate_layer(machine, layer, lengths, plan, share=share))
        earlier.append((counts.total, machine.weight_buffer_bytes if share else size))
        loaded = counts.total if share else loaded
    counts.check(machine.num_macs)
    return counts
