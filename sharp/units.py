"""Every conversion between units, in one place."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KIB = 1024
MIB = 1024 * KIB
BITS_PER_BYTE = 8
GIGA = 1_000_000_000
MOST_STAGES = 64
"""More levels than the deepest tree has, that of 2^63 multipliers."""


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


def cycles_from_many_ns(duration_ns: NDArray[np.float64], clock_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """`cycles_from_ns` of arrays that broadcast together; in decimal only where a product is close to whole."""
    import numpy as np

    durations, clocks = np.broadcast_arrays(duration_ns, clock_hz)
    product = durations * clocks / GIGA
    cycles: NDArray[np.float64] = np.maximum(1.0, np.ceil(product))
    close = np.abs(product - np.rint(product)) <= 1e-12 * product
    cycles[close] = _in_decimal(cycles_from_ns, durations[close], clocks[close])
    return cycles


def stages_per_cycle(duration_ns: float, clock_hz: float) -> int:
    """Stages of `duration_ns` that fit a cycle one behind the other: ``floor(1 / (ns * f))``, from 1 to `MOST_STAGES`.

    Computed in decimal, as `cycles_from_ns`.
    """
    fitting = GIGA / (Decimal(str(duration_ns)) * Decimal(str(clock_hz)))
    return max(1, int(min(fitting, Decimal(MOST_STAGES))))


def many_stages_per_cycle(duration_ns: NDArray[np.float64], clock_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """`stages_per_cycle` of arrays that broadcast together; in decimal only where a quotient is close to whole."""
    import numpy as np

    durations, clocks = np.broadcast_arrays(duration_ns, clock_hz)
    fitting = np.clip(GIGA / (durations * clocks), 1.0, MOST_STAGES)
    close = (np.abs(fitting - np.rint(fitting)) <= 1e-12 * fitting) & (fitting > 1) & (fitting < MOST_STAGES)
    stages: NDArray[np.float64] = np.floor(fitting)
    stages[close] = _in_decimal(stages_per_cycle, durations[close], clocks[close])
    return stages


def _in_decimal(
    conversion: Callable[[float, float], int], durations: NDArray[np.float64], clocks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A conversion of pairs, each different pair once."""
    import numpy as np

    pairs, places = np.unique(np.stack([durations, clocks]), axis=1, return_inverse=True)
    exact = np.array([conversion(duration, clock) for duration, clock in pairs.T.tolist()], dtype=np.float64)
    return exact[places.reshape(-1)]


def cycles_from_bytes(num_bytes: float, bytes_per_cycle: float) -> int:
    """Whole cycles that `num_bytes` take to arrive: the quotient in double precision, rounded up."""
    return ceil(num_bytes / bytes_per_cycle)


def seconds_from_cycles(cycles: float, clock_hz: float) -> float:
    """Seconds that `cycles` take at `clock_hz` hertz."""
    return cycles / clock_hz


def ns_from_hz(clock_hz: float) -> float:
    """Nanoseconds of a cycle at `clock_hz` hertz."""
    return GIGA / clock_hz


def joules_from_picojoules(energy_pj: Any) -> Any:
    """Joules, of a number or an array."""
    return energy_pj * 1e-12


def watts_from_milliwatts(power_mw: Any) -> Any:
    """Watts, of a number or an array."""
    return power_mw / 1000


def tera_operations(macs_per_s: Any) -> Any:
    """Tera-operations a second as usually counted: two a multiply-accumulate, 10^12."""
    return 2 * macs_per_s / 1e12


def paper_tera(macs_per_s: Any) -> Any:
    """The paper's "TFLOPs": one operation a multiply-accumulate, 2^40."""
    return macs_per_s / 2**40


def mm2_from_um2(area_um2: Any) -> Any:
    """Square millimetres, of a number or an array."""
    return area_um2 / 1e6


def bytes_from_bits(bits: int) -> float:
    """Bytes that each of many words of `bits` bits takes, one packed behind the other: 2 of 16 bits, 0.5 of 4 bits."""
    return bits / BITS_PER_BYTE if bits % BITS_PER_BYTE else bits // BITS_PER_BYTE


def words_from_bytes(num_bytes: Any, bits: int) -> Any:
    """Whole words of `bits` bits that some bytes hold, one packed behind the other; of a number or an array."""
    return num_bytes * BITS_PER_BYTE // bits


def macs_from_text(text: str) -> int | None:
    """Number of MACs that "65536" or "64K" names (K = 1024); None where the text is neither.

    The accelerator's own budget labels go first: its "96K" is 96,000 (`Accelerator.with_macs`).
    """
    digits, factor = (text[:-1], KIB) if text[-1:] in ("K", "k") else (text, 1)
    return int(digits) * factor if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def label_from_macs(num_macs: int) -> str:
    """Short label of a number of MACs: 65536 is "64K", 96000 is "96000"."""
    return f"{num_macs // KIB}K" if num_macs % KIB == 0 else str(num_macs)
