"""Cycles of a layer: validate, allocate, call the kernel, and split the total exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from sharp.checks import MAX_INTEGER, check_kind, refuse
from sharp.cycles.mapping import LayerMapping, map_layer
from sharp.cycles.spans import Span, Tables
from sharp.errors import InfeasibleMappingError
from sharp.kernels import cycles as kernel
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.workload.network import RNNLayer
from sharp.workload.sequences import Sequences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Progress = Callable[[float], None]
"""Told now and then which share of the work is done, 0 to 1."""

SPLIT = ("ideal", "column_padding", "row_padding", "dependency_stall", "weight_load", "fill_drain")
"""Where the cycles of a total go, in the order in which figures stack them."""

EVENT_COLUMNS = ("chain", "step", *(name for name in kernel.EVENTS if name != "round"))
"""Columns of the events that `trace_layer` returns."""

_SEGMENTS_A_CALL = 2**25
_MAX_EVENTS = 2**18


@dataclass(frozen=True, kw_only=True)
class CycleCounts:
    """Cycles of a layer or of a network, and where they went: a split that sums to the total, exactly.

    Three parts are counted in *multiplier-cycles*, one multiplier for one cycle, since padding idles some multipliers
    and not others; three in cycles in which the whole array waits. ``useful + column_padding + row_padding + num_macs *
    (dependency_stall + weight_load + fill_drain)`` is ``num_macs * total_cycles``, which is checked whenever counts are
    made.

    Examples
    --------
    >>> import sharp
    >>> counts = sharp.simulate(sharp.square_lstm(340), sharp.find_accelerator("sharp").with_macs("64K")).counts
    >>> counts.total_cycles, counts.dependency_stall, counts.fill_drain
    (1711, 1104, 57)
    >>> sum(counts.split.values())  # the same in cycles
    1711.0
    >>> counts.utilization == counts.useful / (counts.num_macs * counts.total_cycles)
    True
    """

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
    weight_load: int
    """Cycles in which the array waits for weights."""
    fill_drain: int
    """Cycles from the end of the last tile to the last h."""

    def __post_init__(self) -> None:
        for name in _COUNTS:
            value = getattr(self, name)
            if type(value) is not int or value < (name in _POSITIVE):
                raise refuse(f"counts.{name}", f"an integer of at least {int(name in _POSITIVE)}", value)
        if self.total_cycles > MAX_INTEGER:  # tables and traces hold 64 bits
            raise InfeasibleMappingError(
                f"total_cycles: expected a network and a machine whose cycles stay below 2^63, "
                f"got up to 2^{self.total_cycles.bit_length()}"
            )
        busy = self.useful + self.column_padding + self.row_padding
        idle = self.num_macs * (self.dependency_stall + self.weight_load + self.fill_drain)
        if busy + idle != self.num_macs * self.total_cycles:
            expected = f"{(busy + idle) / self.num_macs:g}, the sum of its split on {self.num_macs} multipliers"
            raise refuse("counts.total_cycles", expected, self.total_cycles)

    @property
    def utilization(self) -> float:
        """Share of all multiplier-cycles that multiply a weight, 0 to 1: useful over multipliers times cycles."""
        return self.useful / (self.num_macs * self.total_cycles)

    @property
    def split(self) -> dict[str, float]:
        """The total in cycles by cause: ideal, column and row padding, dependency stall, weight load, fill and drain.

        Keys are `SPLIT`, in the order in which figures stack them; the values sum to `total_cycles`.
        """
        return {
            "ideal": self.useful / self.num_macs,
            "column_padding": self.column_padding / self.num_macs,
            "row_padding": self.row_padding / self.num_macs,
            "dependency_stall": self.dependency_stall,
            "weight_load": self.weight_load,
            "fill_drain": self.fill_drain,
        }

    def times(self, repeats: int) -> CycleCounts:
        """Counts of the same work done `repeats` times, one after the other."""
        return sum_counts([self] * repeats)

    def after_load(self, cycles: int) -> CycleCounts:
        """Counts of the same work after a wait of some cycles for its weights."""
        return replace(self, total_cycles=self.total_cycles + cycles, weight_load=self.weight_load + cycles)


_COUNTS = tuple(field.name for field in fields(CycleCounts))
_POSITIVE = ("num_macs", "total_cycles")


def sum_counts(counts: list[CycleCounts]) -> CycleCounts:
    """Counts of pieces of work done one after the other on the same array."""
    sums = {name: sum(getattr(part, name) for part in counts) for name in _COUNTS if name != "num_macs"}
    return CycleCounts(num_macs=counts[0].num_macs, **sums)


def count_cycles(
    layer: RNNLayer,
    sequences: Sequences | int,
    accelerator: Accelerator,
    plan: Plan,
    *,
    every_step: bool = False,
    progress: Progress | None = None,
) -> CycleCounts:
    """Count the cycles of one layer on one tile height, exactly, at a cost that does not grow with the time steps.

    The event simulator issues the layer's segments in the order of the schedule, and stops where the state of the
    machine repeats. `simulate` does this for every layer of a network, and finds the best tile height.

    Parameters
    ----------
    layer : RNNLayer
    sequences : Sequences or int
        The batch, or the time steps of one sequence.
    accelerator : Accelerator
    plan : Plan
        With a tile height, not "best". Streamed weights: a layer that does not fit the weight buffer waits for them in
        every step; one that fits has them on chip when it starts (`sharp.cycles.streaming` has the wait before).
    every_step : bool
        Simulate every step, and do not stop where the machine's state repeats: the same counts, later.
    progress : callable, optional
        Called with the share done, between blocks of some tens of millions of segments.

    Returns
    -------
    CycleCounts
        All directions and sequences.

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `sharp.cycles.mapping.map_layer`.

    Examples
    --------
    >>> import sharp
    >>> layer = sharp.RNNLayer(input_size=512, hidden_size=512)
    >>> machine = sharp.find_accelerator("sharp").with_macs("4K")
    >>> sharp.count_cycles(layer, 25, machine, sharp.Plan(tile_rows=128)).total_cycles
    12843
    """
    check_kind("layer", layer, RNNLayer)
    check_kind("accelerator", accelerator, Accelerator)
    check_kind("plan", plan, Plan)
    if not isinstance(sequences, Sequences):
        sequences = Sequences.equal(sequences)
    mapping = map_layer(layer, sequences, accelerator, plan)
    machine = _simulate(mapping, every_step, progress)
    useful, column_padding, row_padding = mapping.multiplier_cycles
    counts = CycleCounts(
        num_macs=accelerator.num_macs,
        total_cycles=machine["h_out"],
        useful=useful,
        column_padding=column_padding,
        row_padding=row_padding,
        dependency_stall=machine["stall"],
        weight_load=mapping.weight_load,
        fill_drain=machine["h_out"] - machine["array_free"],
    )
    return counts.times(mapping.repeated)


def _tables(mapping: LayerMapping, span: Span) -> tuple[memoryview, memoryview, memoryview, int]:
    return span.segments, span.runs, span.signals, mapping.mvm_cycles


def _simulate(mapping: LayerMapping, every_step: bool, progress: Progress | None) -> dict[str, int]:
    """Run all rounds, in calls short enough to tell how far they are; returns the machine at the end."""
    tables, rounds = Tables(mapping), mapping.sequences.num_steps + 1
    state = tables.state()
    scratch = memoryview(3 * state).cast("B").cast("q", (3, len(state)))
    for span in tables.spans():
        stride = max(1, _SEGMENTS_A_CALL // span.issues) if every_step else span.num_rounds
        for first in range(0, span.num_rounds, stride):
            count = min(stride, span.num_rounds - first)
            kernel.advance(*_tables(mapping, span), count, state, scratch, not every_step)
            if progress is not None:
                progress((span.first_round + first + count) / rounds)
    return dict(zip(kernel.MACHINE, state, strict=False))


def trace_layer(mapping: LayerMapping, *, num_steps: int = 3) -> NDArray[np.int64]:
    """Events of the first time steps of the chains of a layer, as the simulator issues them.

    Parameters
    ----------
    mapping : LayerMapping
        What `sharp.cycles.mapping.map_layer` returns.
    num_steps : int
        Rounds to record after the first input product, at most all.

    Returns
    -------
    numpy.ndarray, int64, (number of events, number of columns), read-only
        Columns `EVENT_COLUMNS`, in cycles; -1 where a segment did not go to that unit.

    Raises
    ------
    InfeasibleMappingError
        Where there would be more than 2^18 events.
    """
    import numpy as np

    tables, parts, total = Tables(mapping), [], 0
    state = tables.state()
    lookahead = np.array([segment.lookahead for segment in mapping.segments])
    for span in tables.spans():
        rounds = min(span.num_rounds, num_steps + 1 - span.first_round)
        if rounds < 1:
            break
        total += span.issues * rounds
        if total > _MAX_EVENTS:
            raise InfeasibleMappingError(f"timeline: expected at most {_MAX_EVENTS} events, got at least {total}")
        recorded = np.empty((span.issues * rounds, len(kernel.EVENTS)), dtype=np.int64)
        kernel.record(*_tables(mapping, span), span.first_round, rounds, state, recorded)
        columns = dict(zip(kernel.EVENTS, recorded.T, strict=True))
        chains, segments = np.array(span.origins)[columns["segment"]].T
        columns |= {"chain": chains, "segment": segments, "step": columns["round"] + lookahead[segments]}
        parts.append(np.column_stack([columns[name] for name in EVENT_COLUMNS]))
    events: NDArray[np.int64] = np.concatenate(parts)
    events.flags.writeable = False
    return events
