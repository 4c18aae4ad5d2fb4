"""The schedules: orders of row segments, and nothing else.

A schedule is a function from a layer and a tile height to the runs of one *round*. Round t holds the work of time
step t and, for segments with ``lookahead = 1``, work of step t + 1 that is issued early; round 0 holds only such early
work. The simulator issues each segment in the order given here and knows no schedule by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from sharp.errors import TileHeightError
from sharp.workload import RNNLayer


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Some rows of the gate matrix times some columns: the unit of work that a schedule orders."""

    gates: str
    """Gates the rows belong to, one letter each; equally many rows of each."""
    rows: int
    """Rows r."""
    columns: int
    """Columns C."""
    operand: str = "xh"
    """Which columns: "xh", "x" or "h"."""
    updated_cells: int = 0
    """Cells that the cell updater takes up after this segment."""
    lookahead: int = 0
    """Time steps ahead of its round that this segment works for."""

    @property
    def waits_for_h(self) -> bool:
        """Whether the segment needs h of the step before."""
        return "h" in self.operand

    @property
    def activates(self) -> bool:
        """Whether its sums are complete and go to the activation unit (x alone leaves them unfinished)."""
        return "h" in self.operand


@dataclass(frozen=True, kw_only=True)
class Run:
    """The same segments, issued `repeats` times in a row."""

    segments: tuple[Segment, ...]
    """In order."""
    repeats: int
    """Times, at least 1."""


Order = Callable[[RNNLayer, int], tuple[Run, ...]]
"""A schedule: layer and tile height to the runs of a round, in the order of issue."""


def _blocks(size: int, block: int) -> list[tuple[int, int]]:
    """Cut `size` into blocks: (block size, how many), the full ones and then what remains."""
    full, rest = divmod(size, block)
    return [(cells, count) for cells, count in ((block, full), (rest, 1)) if cells and count]


def _fused_blocks(layer: RNNLayer, tile_rows: int, schedule: str) -> list[tuple[int, int]]:
    """Blocks of cells whose gates all fit one segment of `tile_rows` rows."""
    num_gates = len(layer.gates)
    if tile_rows < num_gates:
        raise TileHeightError(
            f"schedule {schedule}: expected tile_rows of at least {num_gates} (a row for each gate), got {tile_rows}"
        )
    return _blocks(layer.hidden_size, tile_rows // num_gates)


def sequential(layer: RNNLayer, tile_rows: int) -> tuple[Run, ...]:
    """Gate after gate; all cells update after the last gate's last segment."""
    columns = layer.input_size + layer.recurrent_size
    blocks = _blocks(layer.hidden_size, tile_rows)
    runs = [
        Run(segments=(Segment(gates=gate, rows=rows, columns=columns),), repeats=repeats)
        for gate in layer.gates
        for rows, repeats in blocks
    ]
    rows, repeats = blocks[-1]
    last = Segment(gates=layer.gates[-1], rows=rows, columns=columns, updated_cells=layer.hidden_size)
    tail = [Run(segments=(last,), repeats=1)]
    if repeats > 1:
        tail.insert(0, Run(segments=runs[-1].segments, repeats=repeats - 1))
    return (*runs[:-1], *tail)


def batch(layer: RNNLayer, tile_rows: int) -> tuple[Run, ...]:
    """A block of cells at a time, gate after gate; the block's cells update after its last gate."""
    columns = layer.input_size + layer.recurrent_size
    last = len(layer.gates) - 1
    return tuple(
        Run(
            segments=tuple(
                Segment(gates=gate, rows=rows, columns=columns, updated_cells=rows if index == last else 0)
                for index, gate in enumerate(layer.gates)
            ),
            repeats=repeats,
        )
        for rows, repeats in _blocks(layer.hidden_size, tile_rows)
    )


def intergate(layer: RNNLayer, tile_rows: int) -> tuple[Run, ...]:
    """A block of cells at a time, all its gates in one segment."""
    columns = layer.input_size + layer.recurrent_size
    blocks = _fused_blocks(layer, tile_rows, "intergate")
    return tuple(_fused(layer, cells, repeats, columns, "xh") for cells, repeats in blocks)


def unfolded(layer: RNNLayer, tile_rows: int) -> tuple[Run, ...]:
    """As `intergate`, with the input product of the next step issued while this step's h is still in the tail."""
    blocks = _fused_blocks(layer, tile_rows, "unfolded")
    recurrent = [_fused(layer, cells, repeats, layer.recurrent_size, "h") for cells, repeats in blocks]
    ahead = [_fused(layer, cells, repeats, layer.input_size, "x", lookahead=1) for cells, repeats in blocks]
    return (*recurrent, *ahead)


def _fused(layer: RNNLayer, cells: int, repeats: int, columns: int, operand: str, lookahead: int = 0) -> Run:
    """`repeats` segments of `cells` cells with all gates of each."""
    segment = Segment(
        gates=layer.gates,
        rows=cells * len(layer.gates),
        columns=columns,
        operand=operand,
        updated_cells=0 if lookahead else cells,
        lookahead=lookahead,
    )
    return Run(segments=(segment,), repeats=repeats)


SCHEDULES: MappingProxyType[str, Order] = MappingProxyType(
    {"sequential": sequential, "batch": batch, "intergate": intergate, "unfolded": unfolded}
)
"""The paper's four schedules by name, from the least to the most overlap."""
