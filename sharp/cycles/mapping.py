"""A layer's schedule mapped onto an accelerator: what each segment costs each unit, and where its multipliers go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from sharp.cycles.legality import legal_round
from sharp.cycles.residency import passing_bytes, streamed_share
from sharp.cycles.schedule import schedule_of
from sharp.cycles.task import Run, Segment, Task
from sharp.errors import InfeasibleMappingError
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.workload.network import RNNLayer
from sharp.workload.sequences import Sequences

MAX_CYCLES = 2**63 - 1
"""Greatest count that the kernel's 64-bit integers hold."""
MAX_CHAINS = 2**12
"""Most chains that take turns."""
MAX_TURNS = 2**19
"""Most chains times different lengths: the tables of all rounds that differ, some seconds' work."""


@dataclass(frozen=True, kw_only=True)
class LayerMapping:
    """A layer's directions on the array: all chains that take turns, or the first of those that follow each other."""

    task: Task
    """The layer on its tile."""
    runs: tuple[Run, ...]
    """The round of a chain, as the schedule orders it."""
    sequences: Sequences
    """The batch."""
    forwarding: str
    """When columns of h may start, one of `sharp.machine.plan.FORWARDING`."""

    @property
    def repeated(self) -> int:
        """Times the rounds run, one after the other: the directions that do not take turns."""
        return self.task.layer.num_directions // self._directions

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of all runs, in order, each once."""
        return tuple(segment for run in self.runs for segment in run.segments)

    @cached_property
    def mvm_cycles(self) -> int:
        """Cycles from the last tile of any segment to its sums, L_mvm."""
        return self.task.mvm_cycles(self.segments)

    @property
    def _directions(self) -> int:
        """Directions that take turns."""
        return self.task.layer.num_directions if self.takes_turns else 1

    @property
    def takes_turns(self) -> bool:
        """Whether directions and sequences are chains, which take turns."""
        return self.task.chains > 1

    @cached_property
    def multiplier_cycles(self) -> tuple[int, int, int]:
        """Useful, column-padding and row-padding multiplier-cycles of the rounds, all sequences."""
        task = self.task
        useful = columns = rows = 0
        for run in self.runs:
            for segment in run.segments:
                covered = task.tiles(segment) * task.width(segment.rows)
                useful += run.repeats * segment.rows * sum(segment.columns)
                columns += run.repeats * segment.rows * (covered - sum(segment.columns))
                rows += run.repeats * (task.tile_height(segment.rows) - segment.rows) * covered
        times = self.sequences.total_steps * self._directions
        return useful * times, columns * times, rows * times

    @property
    def busy_cycles(self) -> int:
        """Cycles of the rounds in which the array multiplies, all sequences."""
        tiles = sum(run.repeats * self.task.tiles(segment) for run in self.runs for segment in run.segments)
        return tiles * self.sequences.total_steps * self._directions

    @property
    def num_loads(self) -> int:
        """Times that the weights of a direction pass the array: once a step of each chain of it."""
        return self.sequences.total_steps if self.takes_turns else self.sequences.num_steps

    @cached_property
    def weight_load(self) -> int:
        """Cycles that the array is held for weights that arrive too slowly."""
        per_step = [
            (sequences * steps if self.takes_turns else steps, 1 if self.takes_turns else sequences)
            for sequences, steps in self.sequences.spans
        ]
        return self._directions * sum(
            times * run.repeats * self.task.load_cycles(segment, batch_size)
            for times, batch_size in per_step
            for run in self.runs
            for segment in run.segments
        )

    @property
    def unfolded_cells(self) -> int:
        """Cells whose products with x of the next step are issued in this one, all gates of them."""
        rows = sum(run.repeats * segment.rows for run in self.runs for segment in run.segments if segment.lookahead)
        return rows // len(self.task.phases[0].gates)

    @property
    def fills_intermediate_buffer(self) -> bool:
        """Whether as many cells run ahead as the intermediate buffer holds the sums of, and more are left."""
        phase = self.task.phases[0]
        return phase.runs_ahead and self.unfolded_cells == self.task.num_unfolded(phase) < self.task.size_of(phase)

    @property
    def early_sums(self) -> int:
        """Sums over x that wait for another product, of the phase that keeps most."""
        sums = [
            sum(
                run.repeats * segment.cells * (len(segment.gates) + phase.separate_sums)
                for run in self.runs
                for segment in run.segments
                if segment.gates[0] in phase.gates and not segment.completes
            )
            for phase in self.task.phases
        ]
        return max(sums) * self.task.batch_size * self.task.chains


def fits_weight_buffer(layer: RNNLayer, accelerator: Accelerator) -> bool:
    """Whether the weights of all directions of a layer are on chip together."""
    return layer.num_weights * accelerator.weight_bytes <= accelerator.weight_buffer.capacity_bytes


def map_runs(mapping: LayerMapping, runs: Iterable[Run]) -> LayerMapping:
    """The same layer in another order of its segments.

    Raises
    ------
    InfeasibleMappingError
        Where 64 bits do not hold the cycles.
    """
    changed = replace(mapping, runs=tuple(runs))
    _check_overflow(changed)
    return changed


def map_layer(
    layer: RNNLayer, sequences: Sequences, accelerator: Accelerator, plan: Plan, *, share: float | None = None
) -> LayerMapping:
    """Map a layer: one tile of K' x (M / K') issues a cycle, a segment takes ``ceil(C / N')``.

    Parameters
    ----------
    layer : RNNLayer
    sequences : Sequences
        The batch.
    accelerator : Accelerator
    plan : Plan
        On one tile height, not "best". Where it streams the weights, what the weight buffer does not hold of the layer
        comes from the DRAM in every time step.
    share : float, optional
        How much of the weights does, where other layers take part of the buffer (`sharp.cycles.residency`).

    Raises
    ------
    SpecificationError
        Where the machine has no such tile, or a user's schedule breaks a rule.
    InfeasibleMappingError
        Where the schedule does not fit the cell or the tile, or 64 bits do not hold the cycles.
    """
    (tile_rows,) = accelerator.heights(plan)
    schedule = schedule_of(plan)
    interleaved = schedule.interleaves
    chains = layer.num_directions * sequences.batch_size if interleaved else 1
    if chains > MAX_CHAINS:
        raise InfeasibleMappingError(
            f"batch_size: expected at most {MAX_CHAINS} chains (directions times sequences) to take turns, got {chains}"
        )
    if interleaved and chains * len(sequences.spans) > MAX_TURNS:
        raise InfeasibleMappingError(
            f"lengths: expected at most {MAX_TURNS // chains} different ones for {chains} chains that take turns, "
            f"got {len(sequences.spans)}"
        )
    task = Task(
        layer=layer,
        accelerator=accelerator,
        tile_rows=tile_rows,
        reconfiguration=plan.reconfiguration,
        batch_size=1 if interleaved else sequences.batch_size,
        chains=chains,
        streamed_share=layer_share(layer, accelerator, plan, tile_rows) if share is None else share,
    )
    runs = tuple(schedule.round(task)) if plan.is_ours else legal_round(schedule, task)
    mapping = LayerMapping(task=task, runs=runs, sequences=sequences, forwarding=plan.forwarding)
    _check_overflow(mapping)
    return mapping


def layer_share(layer: RNNLayer, accelerator: Accelerator, plan: Plan, tile_rows: int) -> float:
    """Share of a layer's weights that streams, where it has the weight buffer for itself."""
    if plan.weights == "resident":
        return 0.0
    num_bytes, capacity = layer.num_weights * accelerator.weight_bytes, accelerator.weight_buffer.capacity_bytes
    return streamed_share(num_bytes, capacity, passing_bytes(layer, accelerator, tile_rows))


def _check_overflow(mapping: LayerMapping) -> None:
    """Refuse what 64 bits may not hold; the bound is every segment served with nothing overlapped."""
    task, machine = mapping.task, mapping.task.accelerator
    passes = max(phase.activation_passes for phase in task.phases)
    updates = [machine.cycles(phase.update) for phase in task.phases if phase.update]
    latency = mapping.mvm_cycles + passes * machine.cycles("activation_ns") + max(updates, default=0)
    cycles = sum(
        run.repeats
        * (2 * task.array_cycles(segment) + task.batch_size * (segment.rows + segment.updated_cells) + latency)
        for run in mapping.runs
        for segment in run.segments
    )
    columns = task.layer.input_size + task.layer.recurrent_size  # the kernel counts them, too
    bound = max(columns, 2 * (mapping.sequences.num_steps + 1) * task.chains * cycles)
    if bound > MAX_CYCLES:
        raise InfeasibleMappingError(
            "hidden_size, input_size, seq_len, batch_size: expected sizes whose cycles stay below 2^63, "
            f"got up to 2^{bound.bit_length()}"
        )
