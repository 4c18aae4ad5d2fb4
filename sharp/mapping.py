"""A layer's schedule mapped onto an accelerator: what each segment costs each unit, and where its multipliers go."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from sharp.accelerator import Accelerator
from sharp.checks import check_flag, check_integer, check_name
from sharp.errors import InfeasibleMappingError
from sharp.schedule import SCHEDULES, Run, Segment
from sharp.workload import RNNLayer

MAX_CYCLES = 2**63 - 1
"""Greatest count that the kernel's 64-bit integers hold."""


@dataclass(frozen=True, kw_only=True)
class LayerMapping:
    """One direction of a layer, ready for the kernel; counts of multiplier-cycles are for all time steps."""

    runs: tuple[Run, ...]
    """The round, as the schedule orders it."""
    tile_rows: int
    """Height K of the layer's tile."""
    num_macs: int
    """Multipliers M."""
    steps: int
    """Time steps T."""
    latencies: tuple[int, int, int]
    """Cycles from the last tile to the sums (L_mvm), through the activation (L_a), through the update (L_c)."""
    costs: tuple[tuple[int, int, int, int, int], ...]
    """Per segment of the flattened runs: array, activation and update cycles, waits for h, lookahead."""
    useful: int
    """Multiplier-cycles that multiply a weight: rows times columns."""
    column_padding: int
    """Multiplier-cycles lost in a segment's last column tile."""
    row_padding: int
    """Multiplier-cycles lost where a segment has fewer rows than its tile."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of all runs, in order, each once."""
        return tuple(segment for run in self.runs for segment in run.segments)

    @property
    def repeats(self) -> tuple[int, ...]:
        """How often a round issues each of `segments`."""
        return tuple(run.repeats for run in self.runs for _ in run.segments)

    def kernel_arguments(self) -> tuple[memoryview, memoryview, memoryview, int]:
        """Segments (S x 5), runs (R x 3), latencies (3) and steps, as the kernel takes them (int64)."""
        runs, first = [], 0
        for run in self.runs:
            runs.append((first, len(run.segments), run.repeats))
            first += len(run.segments)
        return _table(self.costs), _table(runs), memoryview(array("q", self.latencies)), self.steps


def _table(rows: tuple[tuple[int, ...], ...] | list[tuple[int, int, int]]) -> memoryview:
    """A two-dimensional int64 buffer, made without NumPy, whose import would cost more than a whole layer."""
    flat = array("q", [value for row in rows for value in row])
    return memoryview(flat).cast("B").cast("q", (len(rows), len(rows[0])))


def tile_for(rows: int, tile_rows: int, accelerator: Accelerator, reconfiguration: bool) -> int:
    """Height K' of the tile that serves a segment of `rows` rows.

    With padding reconfiguration the smallest height of the set with ``rows <= K' <= tile_rows``, else `tile_rows`.
    """
    if not reconfiguration or rows >= tile_rows:
        return tile_rows
    return next(height for height in accelerator.tile_rows if height >= rows)


def map_layer(
    layer: RNNLayer,
    seq_len: int,
    accelerator: Accelerator,
    *,
    schedule: str = "unfolded",
    tile_rows: int = 32,
    reconfiguration: bool = True,
) -> LayerMapping:
    """Map one direction of a layer: one tile of K' x (M / K') issues a cycle, a segment takes ``ceil(C / N')``.

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
        Padding reconfiguration: a segment of fewer than K rows may take a smaller tile of the set.

    Raises
    ------
    SpecificationError
        Where an argument is not what it has to be.
    InfeasibleMappingError
        Where the layer needs what is not built yet, the schedule does not fit the tile, or 64 bits do not hold the
        cycles.
    """
    check_integer("seq_len", seq_len)
    order = SCHEDULES[check_name("schedule", schedule, SCHEDULES)]
    accelerator.check_tile_rows(tile_rows)
    check_flag("reconfiguration", reconfiguration)
    _check_supported(layer)

    runs = order(layer, tile_rows)
    costs, parts = [], []
    for run in runs:
        for segment in run.segments:
            height = tile_for(segment.rows, tile_rows, accelerator, reconfiguration)
            costs.append(_cost(segment, height, tile_rows, accelerator))
            cycles = _multiplier_cycles(segment, height, accelerator.num_macs)
            parts.append([part * run.repeats * seq_len for part in cycles])
    useful, column_padding, row_padding = map(sum, zip(*parts, strict=True))
    mapping = LayerMapping(
        runs=runs,
        tile_rows=tile_rows,
        num_macs=accelerator.num_macs,
        steps=seq_len,
        latencies=_latencies(accelerator, tile_rows),
        costs=tuple(costs),
        useful=useful,
        column_padding=column_padding,
        row_padding=row_padding,
    )
    _check_overflow(mapping)
    return mapping


def _check_supported(layer: RNNLayer) -> None:
    if layer.cell != "lstm":
        raise InfeasibleMappingError(
            f"cell: expected lstm, the only cell the cycle model covers so far, got {layer.cell!r}"
        )
    if layer.projection_size is not None:
        raise InfeasibleMappingError(
            f"projection_size: expected none, the cycle model does not cover projections so far, "
            f"got {layer.projection_size}"
        )


def _latencies(accelerator: Accelerator, tile_rows: int) -> tuple[int, int, int]:
    """L_mvm (multiplier, ``ceil(log2 N)`` levels of the tree, accumulator), L_a and L_c, in cycles."""
    tree_levels = (accelerator.num_macs // tile_rows - 1).bit_length()
    mvm = (
        accelerator.cycles("multiply_ns")
        + tree_levels * accelerator.cycles("add_ns")
        + accelerator.cycles("accumulate_ns")
    )
    return mvm, accelerator.cycles("activation_ns"), accelerator.cycles("update_ns")


def _cost(segment: Segment, height: int, tile_rows: int, accelerator: Accelerator) -> tuple[int, int, int, int, int]:
    """A row of `LayerMapping.costs`."""
    update_lanes = max(1, tile_rows // accelerator.rows_per_update_lane)
    return (
        -(-segment.columns // (accelerator.num_macs // height)),
        -(-segment.rows // accelerator.activation_lanes) if segment.activates else 0,
        -(-segment.updated_cells // update_lanes),
        int(segment.waits_for_h),
        segment.lookahead,
    )


def _multiplier_cycles(segment: Segment, height: int, num_macs: int) -> tuple[int, int, int]:
    """Useful, column-padding and row-padding multiplier-cycles of one issue; they sum to M times its array cycles."""
    width = num_macs // height
    covered = -(-segment.columns // width) * width
    useful = segment.rows * segment.columns
    return useful, segment.rows * covered - useful, (height - segment.rows) * covered


def _check_overflow(mapping: LayerMapping) -> None:
    """Refuse what 64 bits may not hold; the bound is every segment served with nothing overlapped."""
    latency = sum(mapping.latencies)
    rows = zip(mapping.repeats, mapping.costs, strict=True)
    bound = (mapping.steps + 1) * sum(repeats * (sum(cost[:3]) + latency) for repeats, cost in rows)
    if bound > MAX_CYCLES:
        raise InfeasibleMappingError(
            "hidden_size, input_size, seq_len: expected sizes whose cycles stay below 2^63, "
            f"got up to 2^{bound.bit_length()}"
        )
