"""Budgets: numbers of multipliers that machines are compared at, each with a clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from sharp.checks import check_integer, check_number
from sharp.provenance import Provenance


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A named number of multipliers, with the clock that the machine runs at with so many.

    The paper compares machines of equal budgets: 1K, 4K, 16K and 64K multipliers at 500 MHz, and 96K at 250 MHz beside
    BrainWave. A machine's file lists its own; `Accelerator.with_macs` takes their labels.

    Examples
    --------
    >>> import sharp
    >>> budget = sharp.find_accelerator("sharp").budgets["96K"]
    >>> budget.num_macs, budget.clock_hz
    (96000, 250000000.0)
    """

    num_macs: int
    """Multipliers."""
    clock_hz: float
    """Hertz."""
    provenance: Provenance | None = field(default=None, compare=False)
    """Source and status."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "num_macs", check_integer("num_macs", self.num_macs))
        check_number("clock_hz", self.clock_hz)
