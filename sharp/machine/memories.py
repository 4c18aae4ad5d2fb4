"""The on-chip memories: which there are, and what one holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sharp.checks import check_integer
from sharp.units import words_from_bytes

BUFFERS = ("weight_buffer", "io_buffer", "cell_state_buffer", "intermediate_buffer")
"""The on-chip memories, as fields of `Accelerator`."""


@dataclass(frozen=True, kw_only=True)
class MemoryLevel:
    """One on-chip memory of a machine, such as its weight buffer.

    Cycles need no more than its capacity: whether a layer's weights fit, or how many early sums. Banks, widths and the
    energy of an access follow from the whole machine and are worked out by `sharp.implement`.

    Examples
    --------
    >>> import sharp
    >>> sharp.find_accelerator("sharp").weight_buffer
    MemoryLevel(capacity_bytes=27262976)
    """

    capacity_bytes: int
    """Capacity in bytes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "capacity_bytes", check_integer("capacity_bytes", self.capacity_bytes))


def ping_pong_elements(io_buffer_bytes: Any, element_bits: int) -> Any:
    """Elements of x or h that half of the I/H buffer holds, which works in ping-pong; of a number or an array."""
    return words_from_bytes(io_buffer_bytes, 2 * element_bits)
