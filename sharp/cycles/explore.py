"""Best tile height per layer: the exploration that fills the dispatcher's table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sharp.checks import check_kind
from sharp.cycles.counting import CycleCounts, Progress, count_cycles
from sharp.cycles.residency import settled
from sharp.cycles.schedule import loaded
from sharp.errors import InfeasibleMappingError, TileHeightError
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.workload.network import Network, RNNLayer
from sharp.workload.sequences import Sequences


@dataclass(frozen=True, kw_only=True)
class TileTable:
    """Cycles of one layer at every tile height that was tried, and the best of them.

    The machine reads its tile height from such a table, filled off line: `explore` and `explore_layer` make it. Heights
    that a schedule cannot use are left out.

    Examples
    --------
    >>> import sharp
    >>> layer = sharp.RNNLayer(input_size=340, hidden_size=340)
    >>> machine = sharp.find_accelerator("sharp").with_macs("64K")
    >>> table = sharp.explore_layer(layer, 25, machine)
    >>> {height: counts.total_cycles for height, counts in table.candidates.items()}
    {32: 2318, 64: 1772, 128: 1711, 256: 1736}
    >>> table.best  # of equals the smallest
    128
    """

    candidates: dict[int, CycleCounts]
    """Counts by tile height, ascending."""

    @property
    def best(self) -> int:
        """Height with the least total cycles of those tried; of equals the smallest."""
        return min(self.candidates, key=lambda height: (self.candidates[height].total_cycles, height))


def explore_layer(
    layer: RNNLayer,
    sequences: Sequences | int,
    accelerator: Accelerator,
    plan: Plan | None = None,
    *,
    progress: Progress | None = None,
) -> TileTable:
    """Count the cycles of a layer at each tile height that the machine has and the schedule can use.

    Parameters
    ----------
    layer : RNNLayer
    sequences : Sequences or int
        The batch, or the time steps of one sequence.
    accelerator : Accelerator
    plan : Plan, optional
        The machine's own by default. With one tile height, not "best", the table has this height alone.
    progress : callable, optional
        Called with the share of the work done, 0 to 1.

    Returns
    -------
    TileTable

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `count_cycles`, the latter only where no height works.

    Examples
    --------
    >>> import sharp
    >>> layer = sharp.RNNLayer(input_size=1024, hidden_size=1024)
    >>> sharp.explore_layer(layer, 25, sharp.find_accelerator("sharp").with_macs("1K")).best
    64
    """
    check_kind("layer", layer, RNNLayer)
    check_kind("accelerator", accelerator, Accelerator)
    plan = loaded(accelerator.plan if plan is None else plan)
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
    """The cycles of every layer of a network at each tile height; equal layers are counted once.

    Parameters
    ----------
    network : Network
    accelerator : Accelerator
    plan : Plan, optional
        The machine's own by default.
    progress : callable, optional
        Called with the share of the work done, 0 to 1.

    Returns
    -------
    tuple of TileTable
        One a layer, from the bottom up.

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `simulate`.

    Examples
    --------
    >>> import sharp
    >>> tables = sharp.explore(sharp.find_network("eesen"), sharp.find_accelerator("sharp").with_macs("64K"))
    >>> [table.best for table in tables]
    [128, 128, 128, 128, 128]
    """
    check_kind("network", network, Network)
    check_kind("accelerator", accelerator, Accelerator)
    plan = settled(network, accelerator, loaded(accelerator.plan if plan is None else plan))
    return tuple(explore_some(network, range(len(network.layers)), accelerator, plan, progress=progress).values())


def explore_some(
    network: Network, indices: Iterable[int], accelerator: Accelerator, plan: Plan, *, progress: Progress | None = None
) -> dict[int, TileTable]:
    """As `explore`, of some layers: their tables by their places in the network."""
    work = {index: (network.layers[index], network.layer_sequences[index]) for index in indices}
    distinct = list(dict.fromkeys(work.values()))
    tables: dict[tuple[RNNLayer, Sequences], TileTable] = {}
    for index, (layer, sequences) in enumerate(distinct):
        share = _share(progress, index, len(distinct))
        try:
            tables[layer, sequences] = explore_layer(layer, sequences, accelerator, plan, progress=share)
        except InfeasibleMappingError as error:
            first = next(index for index, entry in work.items() if entry == (layer, sequences))
            raise error.at(f"{network.name}: {network.label(first)}") from None
    return {index: tables[entry] for index, entry in work.items()}


def _share(progress: Progress | None, index: int, total: int) -> Progress | None:
    """Progress of part `index` of `total` equal parts, told as progress of the whole."""
    if progress is None:
        return None
    return lambda done: progress((index + done) / total)
