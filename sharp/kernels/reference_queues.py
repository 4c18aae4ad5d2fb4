"""The executable specification of the queues between the units: how many words stand in them at once, at most.

It goes on from reference.py, of whose events it asks when what is where.

1. The sums of a segment stand between array and activation unit from the cycle in which they are out to that in which
   the unit has taken the last of them, whether or not others are before them.
2. The values of a gate stand between activation unit and updater from the cycle in which they are out to that in which
   the updater is done with their cells; an update takes those of all gates of its cells.
3. A word that leaves in a cycle makes room for one that comes in it.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate

from sharp.kernels.reference import Counts, Machine, mvm_latency

Wait = tuple[int, int, int]
"""How many words stand somewhere, from which cycle to which."""


def deepest_queues(machine: Machine, counts: Counts) -> tuple[int, int]:
    """The most sums before the activation unit, and the most values before the updater."""
    latency = mvm_latency(machine, [segment for _, segment in counts.served])
    sums: list[Wait] = []
    values: list[Wait] = []
    waiting: dict[tuple[int, str], list[tuple[int, int]]] = {}  # values by chain and product: since when, how many
    for event, (batch, segment) in zip(counts.events, counts.served, strict=True):
        chain, _, _, array_end, _, activation_end, _, update_end = event
        product, words, out = segment.product, batch * segment.shape.rows, array_end + latency
        if segment.complete and product.passes:
            sums.append((out, activation_end, words))
            out = activation_end + product.passes * machine.activation
        if segment.complete and product.update:
            waiting.setdefault((chain, product.gives), []).append((out, words))
        if segment.given and product.update:
            values += [(since, update_end, kept) for since, kept in waiting.pop((chain, product.gives))]
    return most(sums), most(values)


def most(waits: list[Wait]) -> int:
    """The most words at once; rule 3."""
    change: Counter[int] = Counter()
    for since, until, words in waits:
        change[since] += words
        change[until] -= words
    return max(accumulate(change[cycle] for cycle in sorted(change)), default=0)
