"""Weights from the DRAM: when each layer's are on chip, and how long the array waits for them.

Layers load in their order, one at a time, as soon as bytes of the weight buffer are free; a layer's bytes are free
again when it has been computed. So a load overlaps the compute of the layers before it, as far as the buffer holds
both. Of a layer that does not fit, what stays on chip is loaded so, too; as the rest comes in every step, it has the
memory and the whole buffer until it ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from sharp.cycles.counting import CycleCounts
from sharp.cycles.residency import kept_bytes
from sharp.machine.accelerator import Accelerator
from sharp.units import cycles_from_bytes


def add_weight_loads(
    sizes: Sequence[float], shares: Sequence[float], counts: Sequence[CycleCounts], accelerator: Accelerator
) -> list[CycleCounts]:
    """Put the wait for its weights before each layer, or group of layers that run together.

    Parameters
    ----------
    sizes : sequence of float
        Bytes of each layer's weights, from the bottom up.
    shares : sequence of float
        Share of these that is streamed in every step.
    counts : sequence of CycleCounts
        Of each layer, with all that stays on chip there when it starts.
    accelerator : Accelerator

    Returns
    -------
    list of CycleCounts
        With the wait in ``weight_load``: from the end of the layer before to the end of its own load.
    """
    held: list[tuple[int, float]] = []  # (cycle at which the layer ends, bytes of the buffer that it has)
    loaded = end = 0
    result = []
    for num_bytes, share, count in zip(sizes, shares, counts, strict=True):
        kept = kept_bytes(num_bytes, share)
        loaded = _load(kept, loaded, held, accelerator)
        start = max(end, loaded)
        result.append(count.after_load(start - end))
        end = start + count.total_cycles
        taken = accelerator.weight_buffer.capacity_bytes if share else kept
        held = [entry for entry in held if entry[0] > loaded] + [(end, taken)]
        loaded = end if share else loaded
    return result


def _load(num_bytes: float, cycle: int, held: Sequence[tuple[int, float]], accelerator: Accelerator) -> int:
    """Cycle at which some bytes are on chip, where the memory is free from `cycle` on."""
    done: float = 0
    while done < num_bytes:
        busy = [entry for entry in held if entry[0] > cycle]
        free = accelerator.weight_buffer.capacity_bytes - sum(size for _, size in busy) - done
        if free:
            part = min(num_bytes - done, free)
            cycle += cycles_from_bytes(part, accelerator.dram_bytes_per_cycle)
            done += part
        else:
            cycle = min(end for end, _ in busy)
    return cycle
