"""Cycles of a layer: validate, allocate, call the kernel, and split the total exactly."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sharp.accelerator import Accelerator
from sharp.errors import InfeasibleMappingError
from sharp.kernels import cycles as kernel
from sharp.mapping import LayerMapping, map_layer
from sharp.workload import RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Progress = Callable[[float], None]
"""Told now and then which share of the work is done, 0 to 1."""

SPLIT = ("ideal", "column_padding", "row_padding", "dependency_stall", "fill_drain")
"""Where the cycles of a total go, in the order in which figures stack them."""

EVENT_COLUMNS = (
    "step",
    "segment",
    "array_start",
    "array_end",
    "activation_start",
    "activation_end",
    "update_start",
    "update_end",
)
"""Columns of the events that `trace_layer` returns."""

_SEGMENTS_A_CALL = 2**25
_MAX_EVENTS = 2**18


@dataclass(frozen=True, kw_only=True)
class CycleCounts:
    """Cycles and where they went, as integers; ``split`` has the same in cycles."""

    num_macs: int
    """Multipliers M."""
    total_cycles: int
    """From cycle 0 to the last h."""
    useful: int
    """Multiplier-cycles that multiply a weight."""
    column_padding: int
    """Multiplier-cycles lost to a last column tile that is not full."""
    row_padding: int
    """Multiplier-cycles lost to segments with fewer rows than their tile."""
    dependency_stall: int
    """Cycles in which the array waits for h."""
    fill_drain: int
    """Cycles from the end of the last tile to the last h."""

    def __post_init__(self) -> None:
        busy = self.useful + self.column_padding + self.row_padding
        idle = self.num_macs * (self.dependency_stall + self.fill_drain)
        parts = (self.useful, self.column_padding, self.row_padding, self.dependency_stall, self.fill_drain)
        assert busy + idle == self.num_macs * self.total_cycles, "the split does not sum to the total"
        assert min(parts) >= 0, "a part of the split is negative"

    @property
    def utilization(self) -> float:
        """Share of all multiplier-cycles that multiply a weight, 0 to 1."""
        return self.useful / (self.num_macs * self.total_cycles)

    @property
    def split(self) -> dict[str, float]:
        """Cycles by cause, keys `SPLIT`; they sum to `total_cycles`."""
        return {
            "ideal": self.useful / self.num_macs,
            "column_padding": self.column_padding / self.num_macs,
            "row_padding": self.row_padding / self.num_macs,
            "dependency_stall": self.dependency_stall,
            "fill_drain": self.fill_drain,
        }

    def times(self, repeats: int) -> CycleCounts:
        """Counts of the same work done `repeats` times, one after the other."""
        return sum_counts([self] * repeats)


def sum_counts(counts: list[CycleCounts]) -> CycleCounts:
    """Counts of pieces of work done one after the other on the same array."""
    return CycleCounts(
        num_macs=counts[0].num_macs,
        total_cycles=sum(part.total_cycles for part in counts),
        useful=sum(part.useful for part in counts),
        column_padding=sum(part.column_padding for part in counts),
        row_padding=sum(part.row_padding for part in counts),
        dependency_stall=sum(part.dependency_stall for part in counts),
        fill_drain=sum(part.fill_drain for part in counts),
    )


def count_cycles(
    layer: RNNLayer,
    seq_len: int,
    accelerator: Accelerator,
    *,
    schedule: str = "unfolded",
    tile_rows: int = 32,
    reconfiguration: bool = True,
    progress: Progress | None = None,
) -> CycleCounts:
    """Count the cycles of a layer, its directions one after the other.

    Parameters
    ----------
    layer : RNNLayer
    seq_len : int
        Time steps.
    accelerator : Accelerator
    schedule : str
        A name of `sharp.schedule.SCHEDULES`.
    tile_rows : int
        Height K of the tile, one of the accelerator's.
    reconfiguration : bool
        Padding reconfiguration on or off.
    progress : callable, optional
        Called with the share done, between blocks of some tens of millions of segments.

    Returns
    -------
    CycleCounts

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `sharp.mapping.map_layer`.
    """
    mapping = map_layer(
        layer, seq_len, accelerator, schedule=schedule, tile_rows=tile_rows, reconfiguration=reconfiguration
    )
    state = _advance(mapping, progress)
    last_tile, last_h, stall = state[0], state[4], state[5]
    counts = CycleCounts(
        num_macs=mapping.num_macs,
        total_cycles=last_h,
        useful=mapping.useful,
        column_padding=mapping.column_padding,
        row_padding=mapping.row_padding,
        dependency_stall=stall,
        fill_drain=last_h - last_tile,
    )
    return counts.times(layer.num_directions)


def _advance(mapping: LayerMapping, progress: Progress | None) -> array[int]:
    """Run all rounds, 0 to T, in calls short enough to be interrupted; returns the machine's last state."""
    arguments, state = mapping.kernel_arguments(), array("q", [0] * 6)
    stride = max(1, _SEGMENTS_A_CALL // sum(mapping.repeats))
    for first_round in range(0, mapping.steps + 1, stride):
        last_round = min(first_round + stride, mapping.steps + 1)
        kernel.advance(*arguments, first_round, last_round, state)
        if progress is not None:
            progress(last_round / (mapping.steps + 1))
    return state


def trace_layer(mapping: LayerMapping, *, num_steps: int = 3) -> NDArray[np.int64]:
    """Events of the first time steps of one direction, as the simulator issues them.

    Parameters
    ----------
    mapping : LayerMapping
        What `sharp.mapping.map_layer` returns.
    num_steps : int
        Rounds to record after the first input product, at most all.

    Returns
    -------
    numpy.ndarray, int64, (number of events, 8), read-only
        Columns `EVENT_COLUMNS`, in cycles; -1 where a segment did not go to that unit.

    Raises
    ------
    InfeasibleMappingError
        Where there would be more than 2^18 events.
    """
    import numpy as np

    rounds = min(num_steps, mapping.steps) + 1
    expected = sum(mapping.repeats) * rounds
    if expected > _MAX_EVENTS:
        raise InfeasibleMappingError(f"timeline: expected at most {_MAX_EVENTS} events, got up to {expected}")
    events = np.empty((expected, len(EVENT_COLUMNS)), dtype=np.int64)
    count = kernel.advance(*mapping.kernel_arguments(), 0, rounds, array("q", [0] * 6), events)
    events = events[:count].copy()
    events.flags.writeable = False
    return events
