"""Cycles and activity of a layer of which only some columns are multiplied in a step, as of a delta network: exact.

A segment has the columns of its step side by side on as few tiles as hold them, none where none changed; its sums pass
the other units all the same, and it waits for h as it would with all columns. Sums go on from those of the step before,
so every segment reads and writes them. Each sequence and direction is a run of its own, one after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from sharp.checks import check_integer, check_kind, check_mapping, refuse
from sharp.cycles.activity import Activity, cell_actions, count_products
from sharp.cycles.counting import CycleCounts, sum_counts
from sharp.cycles.mapping import LayerMapping, layer_share, map_layer
from sharp.cycles.residency import kept_bytes
from sharp.cycles.schedule import loaded
from sharp.cycles.spans import Span, Tables
from sharp.cycles.streaming import add_weight_loads
from sharp.cycles.task import Run, Segment
from sharp.errors import InfeasibleMappingError, TileHeightError
from sharp.kernels import cycles as kernel
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.workload.network import RNNLayer
from sharp.workload.sequences import Sequences

Columns = tuple[tuple[str, int], ...]
"""How many elements of each vector, by its letter."""


@dataclass(frozen=True, kw_only=True)
class StepColumns:
    """How many elements of each vector a direction multiplies in each step of one sequence.

    Examples
    --------
    Two steps: all of x and no h at first, then little of both:

    >>> from sharp.cycles.delta import StepColumns
    >>> StepColumns(counts={"x": (40, 3), "h": (0, 21)}).num_steps
    2
    """

    counts: Mapping[str, tuple[int, ...]]
    """By the vector's letter, "x", "h" or what another phase gives, a count for each step."""

    def __post_init__(self) -> None:
        counts = {
            name: tuple(check_integer(f"columns[{name!r}]", count, minimum=0) for count in steps)
            for name, steps in check_mapping("columns", self.counts, self.counts).items()
        }
        lengths = {len(steps) for steps in counts.values()}
        if len(lengths) != 1 or 0 in lengths:
            raise refuse("columns", "counts of the same steps for each vector, one step at least", self.counts)
        object.__setattr__(self, "counts", counts)

    @property
    def num_steps(self) -> int:
        """Steps."""
        return len(next(iter(self.counts.values())))

    @property
    def distinct(self) -> Counter[Columns]:
        """The counts of all steps, and how many have them."""
        return Counter(self.of(step) for step in range(1, self.num_steps + 1))

    def of(self, step: int) -> Columns:
        """The counts of a step, from 1 on, by vector; beyond the last one none."""
        return tuple((name, steps[step - 1] if 0 < step <= len(steps) else 0) for name, steps in self.counts.items())


@dataclass(frozen=True, kw_only=True)
class DeltaCounts:
    """What a layer took whose steps multiply some of their columns: `count_delta` makes it."""

    tile_rows: int
    counts: CycleCounts
    activity: Activity
    """On chip, weights that come from the DRAM included."""
    sum_words: int
    """Sums that are kept from step to step."""
    fits_intermediate_buffer: bool
    """Whether that buffer holds them; the cycles assume that it does."""


def count_delta(
    layer: RNNLayer, chains: Sequence[StepColumns], accelerator: Accelerator, plan: Plan | None = None
) -> DeltaCounts:
    """Count the cycles and the activity of a layer that multiplies only some columns in each step.

    Parameters
    ----------
    layer : RNNLayer
    chains : sequence of StepColumns
        Of each direction and sequence, which run one after the other.
    accelerator : Accelerator
    plan : Plan, optional
        The machine's own by default, weights resident or streamed; with tile height "best" the fastest one.

    Returns
    -------
    DeltaCounts

    Raises
    ------
    SpecificationError
        Where a vector has no counts, or more than it has elements.
    InfeasibleMappingError
        Where h is forwarded tile by tile, cells multiply parts of a vector, or as `sharp.cycles.mapping.map_layer`.

    Examples
    --------
    A layer of 256 cells over three steps, the last of which multiplies a tenth of its columns:

    >>> import sharp
    >>> from sharp.cycles.delta import StepColumns, count_delta
    >>> machine = sharp.find_accelerator("sharp").with_macs("1K")
    >>> layer = sharp.RNNLayer(input_size=256, hidden_size=256)
    >>> steps = StepColumns(counts={"x": (256, 256, 26), "h": (256, 256, 26)})
    >>> counted = count_delta(layer, [steps], machine, sharp.Plan(tile_rows=32))
    >>> counted.counts.useful == 1024 * (512 + 512 + 52)
    True
    """
    check_kind("layer", layer, RNNLayer)
    check_kind("accelerator", accelerator, Accelerator)
    plan = loaded(accelerator.plan if plan is None else plan)
    _check(layer, chains, plan)
    found: DeltaCounts | None = None
    refused: TileHeightError | None = None
    for height in accelerator.heights(plan):
        try:
            counted = _count(layer, chains, accelerator, plan.at(height))
        except TileHeightError as error:
            refused = refused or error
            continue
        if found is None or counted.counts.total_cycles < found.counts.total_cycles:
            found = counted
    if found is None:
        assert refused is not None, "a machine has tile heights"
        raise refused
    return found


def _check(layer: RNNLayer, chains: Sequence[StepColumns], plan: Plan) -> None:
    for refused, expected, got in (
        (plan.forwarding != "barrier", "forwarding: expected barrier with some columns a step", plan.forwarding),
        (
            any(phase.parts > 1 for phase in layer.phases),
            "cell: expected one whose cells multiply whole vectors, with some columns a step",
            layer.cell_name,
        ),
    ):
        if refused:
            raise InfeasibleMappingError(f"{expected}, got {got}")
    sizes = {phase.gives: layer.size(phase.size) for phase in layer.phases}
    read = {"x": layer.input_size} | {phase.operand: sizes[phase.operand] for phase in layer.phases if phase.operand}
    if not chains:
        raise refuse("columns", "those of one direction and sequence at least", chains)
    for place, chain in enumerate(chains):
        check_kind(f"columns[{place}]", chain, StepColumns)
        for name, size in read.items():
            if name not in chain.counts or max(chain.counts[name]) > size:
                raise refuse(f"columns[{place}]", f"counts of at most {size} elements of {name}", chain.counts)


@dataclass(frozen=True)
class _Direction:
    """A direction of a layer on a tile, step by step."""

    mapping: LayerMapping

    def runs(self, here: Columns, ahead: Columns) -> tuple[Run, ...]:
        """A round with the columns of its step, and of the one after it for segments that work ahead."""
        columns = dict(here), dict(ahead)
        return tuple(
            replace(run, segments=tuple(self._cut(segment, columns[segment.lookahead]) for segment in run.segments))
            for run in self.mapping.runs
        )

    def _cut(self, segment: Segment, columns: Mapping[str, int]) -> Segment:
        apart = self.mapping.task.phase_of(segment.gates).separate_sums
        counts = tuple(columns[letter] for letter in segment.operand)
        return replace(segment, columns=counts if apart else (sum(counts),))

    def simulate(self, columns: StepColumns) -> dict[str, int]:
        """All rounds of a sequence; returns the machine at the end."""
        tables = Tables(self.mapping)
        state = tables.state()
        scratch = memoryview(3 * state).cast("B").cast("q", (3, len(state)))
        last = columns.num_steps

        @cache
        def span(here: Columns, ahead: Columns, running: tuple[int, int]) -> Span:
            return Tables(replace(self.mapping, runs=self.runs(here, ahead))).span(0, 1, running)

        for step in range(last + 1):
            one = span(columns.of(step), columns.of(step + 1), (int(step > 0), int(step < last)))
            if one.origins:
                tables_of_round = one.segments, one.runs, one.signals
                kernel.advance(*tables_of_round, self.mapping.mvm_cycles, 1, state, scratch, False)
        return dict(zip(kernel.MACHINE, state, strict=False))

    @property
    def num_sums(self) -> int:
        """Sums that the segments of a step read and write."""
        count = 0
        for run in self.mapping.runs:
            for segment in run.segments:
                apart = self.mapping.task.phase_of(segment.gates).gate_apart  # of which both sums are read
                second = len(segment.columns) > 1 and apart in segment.gates
                count += run.repeats * (segment.rows + segment.cells * second)
        return count


def _count(layer: RNNLayer, chains: Sequence[StepColumns], accelerator: Accelerator, plan: Plan) -> DeltaCounts:
    """On one tile height."""
    one_way = replace(layer, bidirectional=False, merge="concat", residual=False)
    (height,) = accelerator.heights(plan)
    share = layer_share(layer, accelerator, plan, height)
    mapping = map_layer(one_way, Sequences.equal(1), accelerator, plan, share=share)
    direction, num_bytes = _Direction(mapping), layer.num_weights * accelerator.weight_bytes
    counts = sum_counts([_counts(direction, columns) for columns in chains])
    activity = _activity(layer, direction, counts, chains)
    if plan.weights == "streamed":  # what stays on chip once, of the rest what is multiplied
        passing = counts.useful * (accelerator.weight_bytes * share) if share else 0
        (counts,) = add_weight_loads([num_bytes], [share], [counts], accelerator)
        loaded = kept_bytes(num_bytes, share) + passing
        activity = replace(activity, loaded_bytes=loaded, total_cycles=counts.total_cycles)
    words = sum(phase.sums_per_cell * one_way.size(phase.size) for phase in layer.phases)
    return DeltaCounts(
        tile_rows=mapping.task.tile_rows,
        counts=counts,
        activity=activity,
        sum_words=words,
        fits_intermediate_buffer=words <= accelerator.intermediate_words,
    )


def _counts(direction: _Direction, columns: StepColumns) -> CycleCounts:
    """Cycles of a sequence in a direction."""
    machine, parts, load = direction.simulate(columns), [0, 0, 0], 0
    for of, times in columns.distinct.items():
        here = replace(direction.mapping, runs=direction.runs(of, of))
        parts = [before + times * more for before, more in zip(parts, here.multiplier_cycles, strict=True)]
        load += times * here.weight_load
    useful, column_padding, row_padding = parts
    return CycleCounts(
        num_macs=direction.mapping.task.accelerator.num_macs,
        total_cycles=machine["h_out"],
        useful=useful,
        column_padding=column_padding,
        row_padding=row_padding,
        dependency_stall=machine["stall"],
        weight_load=load,
        fill_drain=machine["h_out"] - machine["array_free"],
    )


def _activity(layer: RNNLayer, direction: _Direction, counts: CycleCounts, chains: Sequence[StepColumns]) -> Activity:
    """What all sequences and directions do, the weights on chip.

    Of each element of x and of the other vectors the reference is read and subtracted, of x the element is read, too;
    what changed is written as a difference and as the new reference.
    """
    task, machine = direction.mapping.task, direction.mapping.task.accelerator
    tiles = used = reads = 0
    for of, times in sum((columns.distinct for columns in chains), Counter()).items():
        products = count_products(task, direction.runs(of, of))
        tiles, used, reads = (
            before + times * more
            for before, more in zip(
                (tiles, used, reads), (products.tiles, products.used, products.columns), strict=True
            )
        )
    num_steps = sum(columns.num_steps for columns in chains)
    sizes = {name: layer.size(name) for name in ("hidden_size", *(phase.size for phase in task.phases))}
    cells = cell_actions(task.phases, layer.elementwise, sizes, num_steps)
    encoded = num_steps * (layer.input_size + sum(layer.size(phase.size) for phase in task.phases))
    changed = sum(sum(counted) for columns in chains for counted in columns.counts.values())
    added = layer.added_size * num_steps // layer.num_directions
    return Activity(
        total_cycles=counts.total_cycles,
        array_cycles=tiles,
        products=machine.num_macs * tiles,
        useful_products=counts.useful,
        bank_reads=tiles * machine.num_units,
        used_bank_reads=used,
        vector_reads=reads + cells.pop("vector_reads") + encoded + num_steps * layer.input_size + added,
        vector_writes=cells.pop("vector_writes") + 2 * changed + added,
        sums_kept=num_steps * direction.num_sums,
        elementwise_additions=cells.pop("elementwise_additions") + encoded + added,
        **cells,
        loaded_bytes=0,
        dram_vectors=0,
        held_bytes=min(layer.num_weights * machine.weight_bytes, machine.weight_buffer.capacity_bytes),
    )
