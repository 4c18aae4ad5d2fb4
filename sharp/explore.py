"""Best tile height per layer: the exploration that fills the dispatcher's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sharp.accelerator import Accelerator
from sharp.checks import refuse
from sharp.cycles import CycleCounts, Progress, count_cycles
from sharp.errors import InfeasibleMappingError, TileHeightError
from sharp.workload import Network, RNNLayer

TileRows = int | Literal["best"]
"""A tile height, or "best": the height with the least cycles, layer by layer."""


@dataclass(frozen=True, kw_only=True)
class TileTable:
    """Cycles of one layer at every tile height tried."""

    candidates: dict[int, CycleCounts]
    """Counts by tile height, ascending."""

    @property
    def best(self) -> int:
        """Height with the least total cycles; of equals the smallest."""
        return min(self.candidates, key=lambda height: (self.candidates[height].total_cycles, height))


def explore_layer(
    layer: RNNLayer,
    seq_len: int,
    accelerator: Accelerator,
    *,
    schedule: str = "unfolded",
    tile_rows: TileRows = "best",
    reconfiguration: bool = True,
    progress: Progress | None = None,
) -> TileTable:
    """Count the cycles of a layer at one tile height, or at each that the accelerator has and the schedule can use.

    Parameters are those of `sharp.cycles.count_cycles`, but that `tile_rows` may be "best": all heights.

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `sharp.cycles.count_cycles`, the latter only where no height works.
    """
    if isinstance(tile_rows, str) and tile_rows != "best":
        raise refuse("tile_rows", "a tile height or best", tile_rows)
    heights = accelerator.tile_rows if tile_rows == "best" else (tile_rows,)
    candidates: dict[int, CycleCounts] = {}
    refused: TileHeightError | None = None
    for index, height in enumerate(heights):
        try:
            candidates[height] = count_cycles(
                layer,
                seq_len,
                accelerator,
                schedule=schedule,
                tile_rows=height,
                reconfiguration=reconfiguration,
                progress=_share(progress, index, len(heights)),
            )
        except TileHeightError as error:
            refused = refused or error
    if refused is not None and not candidates:
        raise refused
    return TileTable(candidates=candidates)


def explore(
    network: Network,
    accelerator: Accelerator,
    *,
    schedule: str = "unfolded",
    tile_rows: TileRows = "best",
    reconfiguration: bool = True,
    progress: Progress | None = None,
) -> tuple[TileTable, ...]:
    """Tile table of every layer of a network; equal layers are counted once.

    Parameters and errors are those of `sharp.simulate.simulate`.
    """
    if network.batch_size != 1:
        raise InfeasibleMappingError(
            f"{network.name}: batch_size: expected 1, the cycle model does not cover batches so far, "
            f"got {network.batch_size}"
        )
    distinct = list(dict.fromkeys(network.layers))
    tables: dict[RNNLayer, TileTable] = {}
    for index, layer in enumerate(distinct):
        try:
            tables[layer] = explore_layer(
                layer,
                network.seq_len,
                accelerator,
                schedule=schedule,
                tile_rows=tile_rows,
                reconfiguration=reconfiguration,
                progress=_share(progress, index, len(distinct)),
            )
        except InfeasibleMappingError as error:
            raise InfeasibleMappingError(f"{network.name}: layers[{network.layers.index(layer)}]: {error}") from None
    return tuple(tables[layer] for layer in network.layers)


def _share(progress: Progress | None, index: int, total: int) -> Progress | None:
    """Progress of part `index` of `total` equal parts, told as progress of the whole."""
    if progress is None:
        return None
    return lambda done: progress((index + done) / total)
