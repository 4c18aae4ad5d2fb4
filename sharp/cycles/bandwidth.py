"""Whether the DRAM delivers x and h as fast as cycles that do not wait for them assume."""

from __future__ import annotations

from collections.abc import Mapping

from sharp.cycles.activity import dram_vectors
from sharp.cycles.report import name_layers
from sharp.cycles.schedule import schedule_of
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.units import GIGA, seconds_from_cycles
from sharp.workload.network import Network

NOTICED = 1.05
"""Times the DRAM's bandwidth above which what the cycles leave out of its traffic is said."""


def undelivered(
    network: Network,
    accelerator: Accelerator,
    plan: Plan,
    cycles: Mapping[int, int],
    loaded_bytes: Mapping[int, float] | None = None,
) -> list[str]:
    """One sentence on layers that need more of the DRAM than it gives, or none.

    Parameters
    ----------
    network : Network
    accelerator : Accelerator
    plan : Plan
    cycles : mapping of int to int
        Of each layer that is looked at, by its place in the network.
    loaded_bytes : mapping of int to float, optional
        Bytes of weights that come meanwhile, for which the cycles wait; by default none do.

    Examples
    --------
    >>> import sharp
    >>> from sharp.cycles.bandwidth import undelivered
    >>> layer = sharp.RNNLayer(input_size=4096, hidden_size=64)
    >>> network = sharp.Network(name="wide", layers=(layer,), seq_len=25, batch_size=64)
    >>> machine = sharp.find_accelerator("sharp").with_macs("64K")
    >>> (sentence,) = undelivered(network, machine, sharp.Plan(), {0: 50_000})
    >>> sentence
    'weights, x and h of layer 0 need up to 133 GB/s of a DRAM of 30 GB/s; the cycles wait for weights alone'
    """
    slow, most, passing = [], 0.0, accelerator.passing_elements
    interleaves = schedule_of(plan).interleaves
    for index, taken in cycles.items():
        vectors = sum(dram_vectors(network, index, passing, interleaves=interleaves))
        moved = (loaded_bytes or {}).get(index, 0.0) + vectors * accelerator.weight_bytes
        needed = moved / seconds_from_cycles(taken, accelerator.clock_hz)
        if vectors and needed > NOTICED * accelerator.dram_bytes_per_s:
            slow.append(index)
            most = max(most, needed)
    if not slow:
        return []
    return [
        f"weights, x and h of {name_layers(slow)} need up to {most / GIGA:.3g} GB/s of a DRAM of "
        f"{accelerator.dram_bytes_per_s / GIGA:.3g} GB/s; the cycles wait for weights alone"
    ]
