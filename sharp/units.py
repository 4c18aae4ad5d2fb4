"""Every conversion between units, in one place."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

KIB = 1024
GIGA = 1_000_000_000


def cycles_from_ns(duration_ns: float, clock_hz: float) -> int:
    """Whole cycles that a stage of `duration_ns` takes: ``max(1, ceil(ns * f))``.

    Computed in decimal, so that 2.2 ns at 5 GHz is 11 cycles and not 12.

    Parameters
    ----------
    duration_ns : float
        Nanoseconds, positive.
    clock_hz : float
        Hertz, positive.

    Returns
    -------
    int
        Cycles, at least 1.
    """
    cycles = Decimal(str(duration_ns)) * Decimal(str(clock_hz)) / GIGA
    return max(1, int(cycles.to_integral_value(rounding=ROUND_CEILING)))


def seconds_from_cycles(cycles: float, clock_hz: float) -> float:
    """Seconds that `cycles` take at `clock_hz` hertz."""
    return cycles / clock_hz


def bytes_from_bits(bits: int) -> int:
    """Whole bytes that hold `bits` bits."""
    return -(-bits // 8)


def macs_from_text(text: str) -> int | None:
    """Number of MACs that "65536" or "64K" names (K = 1024); None where the text is neither.

    The accelerator's own budget labels go first: its "96K" is 96,000 (`Accelerator.with_macs`).
    """
    digits, factor = (text[:-1], KIB) if text[-1:] in ("K", "k") else (text, 1)
    return int(digits) * factor if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def label_from_macs(num_macs: int) -> str:
    """Short label of a number of MACs: 65536 is "64K", 96000 is "96000"."""
    return f"{num_macs // KIB}K" if num_macs % KIB == 0 else str(num_macs)
