"""Best tile height per layer: the exploration that fills the dispatcher's table."""

from __future__ import annotations

from dataclasses import dataclass

from sharp.cycles.counting import CycleCounts, Progress, count_cycles
from sharp.cycles.schedule import loaded
from sharp.errors import InfeasibleMappingError, TileHeightError
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.workload.network import Network, RNNLayer, Sequences


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
    sequences: Sequences | int,
    accelerator: Accelerator,
    plan: Plan | None = None,
    *,
    progress: Progress | None = None,
) -> TileTable:
    """Count the cycles of a layer at the plan's tile height, or at each that the schedule can use.

    Parameters are those of `sharp.count_cycles`, but that the plan's tile height may be "best": all heights.

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `sharp.cycles.counting.count_cycles`, the latter only where no height works.
    """
    plan = loaded(plan or accelerator.plan)
    heights = accelerator.heights(plan)
    candidates: dict[int, CycleCounts] = {}
    refused: TileHeightError | None = None
    for index, height in enumerate(heights):
        share = _share(progress, index, len(heights))
        try:
            candidates[height] = count_cycles(layer, sequences, accelerator, plan.at(height), progress=share)
        except TileHeightError as error:
            refused = refused or error
    if refused is not None and not candidates:
        raise refused
    return TileTable(candidates=candidates)


def explore(
    network: Network, accelerator: Accelerator, plan: Plan | None = None, *, progress: Progress | None = None
) -> tuple[TileTable, ...]:
    """Tile table of every layer of a network; equal layers are counted once.

    Parameters and errors are those of `sharp.cycles.simulate.simulate`.
    """
    plan = loaded(plan or accelerator.plan)
    distinct = list(dict.fromkeys(network.layers))
    tables: dict[RNNLayer, TileTable] = {}
    for index, layer in enumerate(distinct):
        share = _share(progress, index, len(distinct))
        try:
            tables[layer] = explore_layer(layer, network.sequences, accelerator, plan, progress=share)
        except InfeasibleMappingError as error:
            raise InfeasibleMappingError(f"{network.name}: layers[{network.layers.index(layer)}]: {error}") from None
    return tuple(tables[layer] for layer in network.layers)


def _share(progress: Progress | None, index: int, total: int) -> Progress | None:
    """Progress of part `index` of `total` equal parts, told as progress of the whole."""
    if progress is None:
        return None
    return lambda done: progress((index + done) / total)
