"""What a schedule orders: a layer on a tile, cut into row segments, in runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from sharp.checks import check_integer, refuse
from sharp.errors import TileHeightError
from sharp.machine.accelerator import Accelerator
from sharp.units import cycles_from_bytes
from sharp.workload.cell import Phase
from sharp.workload.network import RNNLayer


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Some rows of the gate matrix times some columns: the unit of work that a schedule orders.

    A segment of r rows and C columns takes ``ceil(C / N)`` cycles on a tile of K rows and N columns, and has results
    when the last of its tiles has been summed. `Task.segment` makes one and checks it; in a `Run` each repeat moves on
    by as many cells as the segment has.

    Examples
    --------
    All four gates of the first eight cells of an LSTM, over x and h:

    >>> import sharp
    >>> layer = sharp.RNNLayer(input_size=256, hidden_size=256)
    >>> machine = sharp.find_accelerator("sharp").with_macs("1K")
    >>> task = sharp.Task(layer=layer, accelerator=machine, tile_rows=32)
    >>> segment = task.segment("ifgo", "xh", first_cell=0, cells=8, updated_cells=8)
    >>> segment.rows, segment.columns, segment.waits_for
    (32, (512,), 'h')
    >>> task.array_cycles(segment)  # 1024 multipliers as 32 rows of 32 columns
    16
    """

    gates: str
    """Gates the rows belong to, one letter each; equally many rows of each."""
    operand: str
    """Vectors multiplied: "x", the one waited for ("h"), or both ("xh")."""
    first_cell: int
    """First cell (row of each gate) of the first repeat."""
    cells: int
    """Cells: rows of each gate."""
    columns: tuple[int, ...]
    """Columns of each sum; no tile straddles two of them."""
    updated_cells: int = 0
    """Cells (with a projection, elements of h) that are complete after this segment."""
    first_updated: int = 0
    """The first of them in the first repeat."""
    lookahead: int = 0
    """Time steps ahead of its round that this segment works for."""
    completes: bool = True
    """Whether the sums of its rows are complete after it; else other columns of them follow."""

    @property
    def rows(self) -> int:
        """Rows r."""
        return len(self.gates) * self.cells

    @property
    def waits_for(self) -> str:
        """Letter of the vector waited for, "" where there is none."""
        return self.operand.removeprefix("x")

    def moved(self, repeats: int) -> Segment:
        """The segment as it stands after some repeats."""
        return replace(
            self,
            first_cell=self.first_cell + repeats * self.cells,
            first_updated=self.first_updated + repeats * self.updated_cells,
        )


@dataclass(frozen=True, kw_only=True)
class Run:
    """Segments issued in order, and the whole of it `repeats` times, each time further down the cells.

    A round of a schedule is a list of runs. With repeats a layer of any size is a handful of runs, so that counting
    does not take longer for larger layers.

    Examples
    --------
    A layer of 256 cells in blocks of eight, all gates of a block in one segment:

    >>> import sharp
    >>> layer = sharp.RNNLayer(input_size=256, hidden_size=256)
    >>> machine = sharp.find_accelerator("sharp").with_macs("1K")
    >>> task = sharp.Task(layer=layer, accelerator=machine, tile_rows=32)
    >>> block = task.segment("ifgo", "xh", first_cell=0, cells=8, updated_cells=8)
    >>> sharp.Run(segments=(block,), repeats=32).repeats
    32
    """

    segments: tuple[Segment, ...]
    """In order."""
    repeats: int
    """Times, at least 1."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a schedule is asked to order: one direction of a layer, on a tile of K rows and M / K columns.

    Its methods answer what a schedule needs to know: which products a step has (`phases`), how many cells fill a tile
    (`fused_block`), how many may run ahead (`num_unfolded`), what a segment takes (`array_cycles`), and `segment` makes
    one.

    Examples
    --------
    >>> import sharp
    >>> layer, machine = sharp.RNNLayer(input_size=256, hidden_size=340), sharp.find_accelerator("sharp")
    >>> task = sharp.Task(layer=layer, accelerator=machine, tile_rows=32)
    >>> (phase,) = task.phases
    >>> phase.gates, task.fused_block(phase)  # four gates of eight cells fill 32 rows
    ('ifgo', 8)
    >>> task.blocks(340, 8)  # 42 blocks of eight cells, then one of four
    [(0, 8, 42), (336, 4, 1)]
    """

    layer: RNNLayer
    accelerator: Accelerator
    tile_rows: int
    """Height K of the tile."""
    reconfiguration: bool = True
    """Whether a segment of fewer than K rows may take a smaller tile."""
    batch_size: int = 1
    """Sequences that a chain computes together, at the start."""
    chains: int = 1
    """Chains that take turns and share the buffers."""
    streamed_share: float = 0.0
    """Share of the weights of each segment that comes from the DRAM in every time step."""

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """The cell's products of a step."""
        return self.layer.phases

    def mvm_cycles(self, segments: Iterable[Segment]) -> int:
        """Cycles from the last tile of a segment to its sums, L_mvm, in a layer that is cut into these segments.

        One latency holds for all of them, that of the deepest tree, which the segment with the smallest tile needs:
        with a latency each, sums of the segment after it would come to the accumulators together with its own.
        """
        return self.accelerator.mvm_cycles(min(self.tile_height(segment.rows) for segment in segments))

    def phase_of(self, gates: str) -> Phase:
        """The phase that computes some gates.

        Raises
        ------
        SpecificationError
            Where the gates are not all of one phase.
        """
        for phase in self.phases:
            if gates and set(gates) <= set(phase.gates) and len(set(gates)) == len(gates):
                return phase
        raise refuse("gates", f"different gates, all of {' or of '.join(p.gates for p in self.phases)}", gates)

    def size_of(self, phase: Phase) -> int:
        """Rows of each gate of a phase."""
        return self.layer.size(phase.size)

    def is_of_one_part(self, segment: Segment, first_cell: int) -> bool:
        """Whether the cells of a segment multiply the same part of the vector; with x alone they may be of several."""
        phase = self.phase_of(segment.gates)
        part = self.size_of(phase) // phase.parts
        return not segment.waits_for or first_cell // part == (first_cell + segment.cells - 1) // part

    def segment(
        self,
        gates: str,
        operand: str,
        first_cell: int,
        cells: int,
        *,
        updated_cells: int = 0,
        first_updated: int | None = None,
        lookahead: int = 0,
        completes: bool | None = None,
    ) -> Segment:
        """Rows of some gates times the columns of an operand.

        Parameters
        ----------
        gates : str
            One letter each, all of one phase.
        operand : str
            Of the phase's columns "x", the vector waited for ("h"), or both ("xh").
        first_cell, cells : int
            The cells whose rows of each gate these are.
        updated_cells : int
            Cells whose update follows (with a projection: elements of h that are complete).
        first_updated : int, optional
            The first of them; `first_cell` by default.
        lookahead : int
            Time steps ahead that the segment works for; only columns of x exist ahead of time.
        completes : bool, optional
            Whether the sums are complete after it; by default where it has the last columns that its gates multiply.

        Raises
        ------
        SpecificationError
            Where there is no such gate or operand, or a size is not a positive integer.
        """
        phase = self.phase_of(gates)
        known = dict.fromkeys((*phase.columns, phase.columns))
        if operand not in known:
            raise refuse("operand", " or ".join(known), operand)
        columns = tuple(
            self.layer.input_size if letter == "x" else self.layer.num_operands(phase) for letter in operand
        )
        return Segment(
            gates=gates,
            operand=operand,
            first_cell=check_integer("first_cell", first_cell, minimum=0),
            cells=check_integer("cells", cells),
            columns=columns if phase.separate_sums else (sum(columns),),
            updated_cells=check_integer("updated_cells", updated_cells, minimum=0),
            first_updated=first_cell if first_updated is None else check_integer("first_updated", first_updated, 0),
            lookahead=check_integer("lookahead", lookahead, minimum=0),
            completes=phase.columns.endswith(operand[-1]) if completes is None else completes,
        )

    def blocks(self, size: int, block: int) -> list[tuple[int, int, int]]:
        """Cut `size` cells into blocks: (first cell, cells, repeats) of the full ones, then of what remains."""
        full, rest = divmod(size, block)
        cut = [(0, block, full), (full * block, rest, 1)]
        return [(first, cells, repeats) for first, cells, repeats in cut if cells and repeats]

    def blocks_of(
        self, phase: Phase, block: int, first: int = 0, last: int | None = None
    ) -> list[tuple[int, int, int]]:
        """Cut the cells `first` to ``last - 1`` of a phase into blocks, as `blocks` does, none of them in two parts."""
        size = self.size_of(phase)
        part, last = size // phase.parts, size if last is None else last
        cut: list[tuple[int, int, int]] = []
        for start in range(first - first % part, last, part):
            begin = max(first, start)
            for place, cells, repeats in self.blocks(min(start + part, last) - begin, block):
                before = cut[-1] if cut else (0, 0, 0)
                if before[1] == cells:  # the same size goes on
                    cut[-1] = before[0], cells, before[2] + repeats
                else:
                    cut.append((begin + place, cells, repeats))
        return cut

    def fused_block(self, phase: Phase) -> int:
        """Cells whose gates of a phase all fit one segment, q = floor(K / gates).

        Raises
        ------
        TileHeightError
            Where not even one cell's do.
        """
        if self.tile_rows < len(phase.gates):
            raise TileHeightError(
                f"tile_rows: expected at least {len(phase.gates)} (a row for each gate of {phase.gates}), "
                f"got {self.tile_rows}"
            )
        return self.tile_rows // len(phase.gates)

    def num_unfolded(self, phase: Phase) -> int:
        """Cells, whole blocks of them, whose sums over x_{t+1} fit the intermediate buffer; 0 where none can wait."""
        if not phase.runs_ahead:
            return 0
        block, size = self.fused_block(phase), self.size_of(phase)
        blocks = self.accelerator.intermediate_words // (phase.sums_per_cell * block * self.batch_size * self.chains)
        part = size // phase.parts
        parts, more = divmod(blocks, -(-part // block))  # whole parts, then blocks of the next one
        return min(size, parts * part + more * block)

    def tile_height(self, rows: int) -> int:
        """Height K' of the tile that serves a segment of `rows` rows.

        With padding reconfiguration the smallest height of the set with ``rows <= K' <= tile_rows``, else `tile_rows`.
        """
        if not self.reconfiguration or rows >= self.tile_rows:
            return self.tile_rows
        return next(height for height in self.accelerator.tile_rows if height >= rows)

    def width(self, rows: int) -> int:
        """Columns N' of the tile that serves a segment of `rows` rows."""
        return self.accelerator.columns(self.tile_height(rows))

    def tiles(self, segment: Segment) -> int:
        """Tiles of a segment, ``ceil(C / N')`` for each of its sums."""
        width = self.width(segment.rows)
        return sum(-(-columns // width) for columns in segment.columns)

    def load_cycles(self, segment: Segment, batch_size: int) -> int:
        """Cycles that a segment waits for what streams of its weights beyond those it computes."""
        num_bytes = segment.rows * sum(segment.columns) * (self.accelerator.weight_bytes * self.streamed_share)
        arrival = cycles_from_bytes(num_bytes, self.accelerator.dram_bytes_per_cycle)
        return max(0, arrival - batch_size * self.tiles(segment))

    def array_cycles(self, segment: Segment, batch_size: int | None = None) -> int:
        """Cycles that a segment holds the array: a tile takes one for each sequence of the batch."""
        batch_size = self.batch_size if batch_size is None else batch_size
        return batch_size * self.tiles(segment) + self.load_cycles(segment, batch_size)
