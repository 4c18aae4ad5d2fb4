"""The on-chip memories: how wide an access is, and how many banks serve the units of a machine.

The rules are decision 7 in the book.
"""

from __future__ import annotations

from typing import NamedTuple

from sharp.checks import check_name
from sharp.machine.accelerator import Accelerator
from sharp.machine.memories import BUFFERS

STATE_BITS = 16
"""Bits of an element of c: the cell updater works in fp16, whatever numbers the array multiplies."""

ACCESS_BITS = 512
"""Bits of an access to a buffer other than that of the weights: 64 bytes, which most of the SRAM data have."""


class MemoryShape(NamedTuple):
    """A memory of equal banks, each with a port of its own."""

    capacity_bytes: int
    """Bytes of all banks together."""
    width_bits: int
    """Bits of an access to one bank."""
    banks: int
    """Banks that can be accessed in the same cycle."""


def memory_shape(name: str, accelerator: Accelerator) -> MemoryShape:
    """The shape of one of a machine's buffers.

    A bank of the weight buffer stands beside each vector-scalar unit and gives it a weight for each multiplier. The
    others have accesses of `ACCESS_BITS`: the I/H buffer as many banks as give the widest tile its elements in a cycle,
    the cell state buffer twice as many as the updater needs on the highest tile, since it reads and writes, and the
    intermediate buffer one.

    Parameters
    ----------
    name : str
        One of `sharp.machine.memories.BUFFERS`.
    accelerator : Accelerator
    """
    capacity = getattr(accelerator, check_name("memory", name, BUFFERS)).capacity_bytes
    if name == "weight_buffer":
        return MemoryShape(capacity, accelerator.lanes_per_unit * accelerator.weight_bits, accelerator.num_units)
    lowest, highest = accelerator.tile_rows[0], accelerator.tile_rows[-1]
    banks = {
        "io_buffer": _accesses(accelerator.columns(lowest), accelerator.weight_bits),
        "cell_state_buffer": 2 * _accesses(accelerator.update_lanes(highest), STATE_BITS),
        "intermediate_buffer": 1,
    }
    return MemoryShape(capacity, ACCESS_BITS, banks[name])


def _accesses(elements: int, bits: int) -> int:
    """Accesses that some elements of `bits` bits take."""
    return -(-elements * bits // ACCESS_BITS)
