"""A layer's schedule mapped onto an accelerator: what each segment costs each unit, and where its multipliers go."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sharp.cycles.legality import legal_round
from sharp.cycles.schedule import schedule_of
from sharp.cycles.task import Run, Segment, Task
from sharp.errors import InfeasibleMappingError
from sharp.kernels import cycles as kernel
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.workload.network import RNNLayer, Sequences

MAX_CYCLES = 2**63 - 1
"""Greatest count that the kernel's 64-bit integers hold."""
MAX_CHAINS = 2**12
"""Most chains that take turns."""
MAX_TURNS = 2**19
"""Most chains times different lengths: the tables of all rounds that differ, some seconds' work."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Rounds in which every segment costs the same, as the kernel takes them; each table is a buffer of int64.

    The columns of a table are what `sharp.kernels.cycles` calls them.
    """

    first_round: int
    num_rounds: int
    segments: memoryview
    """``SEGMENTS``: costs, signals and elements of each segment issued."""
    runs: memoryview
    """``RUNS``: first segment, segments, repeats."""
    signals: memoryview
    """``SIGNALS``: how each vector lets the segments go that wait for it."""
    origins: tuple[tuple[int, int], ...]
    """Chain, and place in `LayerMapping.segments`, of each segment issued."""
    issues: int
    """Segments issued a round."""


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
    def vectors(self) -> tuple[str, ...]:
        """What the phases give, one letter each: the signals of a chain."""
        return tuple(phase.gives for phase in self.task.phases)

    @property
    def num_signals(self) -> int:
        """Signals of all chains."""
        return self.task.chains * len(self.vectors)

    @property
    def _directions(self) -> int:
        """Directions that take turns."""
        return self.task.layer.num_directions if self._takes_turns else 1

    @property
    def _takes_turns(self) -> bool:
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
    def num_loads(self) -> int:
        """Times that the weights of a direction pass the array: once a step of each chain of it."""
        return self.sequences.total_steps if self._takes_turns else self.sequences.num_steps

    @cached_property
    def weight_load(self) -> int:
        """Cycles that the array is held for weights that arrive too slowly."""
        per_step = [
            (sequences * steps if self._takes_turns else steps, 1 if self._takes_turns else sequences)
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
        return self.unfolded_cells == self.task.num_unfolded(phase) < self.task.size_of(phase)

    @property
    def early_sums(self) -> int:
        """Sums over x that wait for another product, of the phase that keeps most."""
        sums = [
            sum(
                run.repeats * segment.cells * (len(segment.gates) + phase.separate_sums)
                for run in self.runs
                for segment in run.segments
                if segment.operand == "x" and segment.gates[0] in phase.gates
            )
            for phase in self.task.phases
        ]
        return max(sums) * self.task.batch_size * self.task.chains

    def spans(self) -> Iterator[Span]:
        """The rounds 0 to T, cut where the costs of a round change: round t works for the steps t and t + 1."""
        spans = self.sequences.spans
        following = [sequences for sequences, _ in spans[1:]] + [0]
        cuts, first = [(0, 1, (0, spans[0][0]))], 1
        for (sequences, steps), later in zip(spans, following, strict=True):
            cuts += [(first, steps - 1, (sequences, sequences)), (first + steps - 1, 1, (sequences, later))]
            first += steps
        for first_round, num_rounds, running in cuts:
            if num_rounds and (span := self._span(first_round, num_rounds, running)).origins:
                yield span

    def _span(self, first_round: int, num_rounds: int, running: tuple[int, int]) -> Span:
        costs: dict[tuple[int, int], dict[str, int]] = {}  # chains cost alike
        rows: list[tuple[int, ...]] = []
        runs: list[tuple[int, ...]] = []
        origins: list[tuple[int, int]] = []
        issues = 0
        for chain, sequence in self._chains():
            place = 0
            for run in self.runs:
                first = len(rows)
                for index, segment in enumerate(run.segments, start=place):
                    batch_size = self._batch_size(running[segment.lookahead], sequence)
                    if not batch_size:
                        continue
                    if (index, batch_size) not in costs:
                        costs[index, batch_size] = self._costs(segment, batch_size)
                    rows.append(_row(kernel.SEGMENTS, costs[index, batch_size] | self._ends(segment, chain)))
                    origins.append((chain, index))
                place += len(run.segments)
                count = len(rows) - first
                if count:
                    entry = {"first_segment": first, "num_segments": count, "repeats": run.repeats}
                    runs.append(_row(kernel.RUNS, entry))
                    issues += count * run.repeats
        signals = [
            _row(kernel.SIGNALS, row) for _, sequence in self._chains() for row in self._signals(running[1], sequence)
        ]
        return Span(
            first_round=first_round,
            num_rounds=num_rounds,
            segments=_table(rows),
            runs=_table(runs),
            signals=_table(signals),
            origins=tuple(origins),
            issues=issues,
        )

    def _chains(self) -> list[tuple[int, int]]:
        """(chain, its sequence) in the order of their turns."""
        if not self._takes_turns:
            return [(0, -1)]
        num_sequences = self.sequences.batch_size
        return [(chain, chain % num_sequences) for chain in range(self.task.chains)]

    def _batch_size(self, running: int, sequence: int) -> int:
        """Sequences that a chain computes while `running` of them, the longest ones, are."""
        return running if sequence < 0 else int(sequence < running)

    def _ends(self, segment: Segment, chain: int) -> dict[str, int]:
        """Which signals of its chain a segment waits for and gives; -1: none."""
        first = chain * len(self.vectors)
        gives = self.task.phase_of(segment.gates).gives if segment.updated_cells else ""
        return {
            "waits_for": first + self.vectors.index(segment.waits_for) if segment.waits_for else -1,
            "gives": first + self.vectors.index(gives) if gives else -1,
        }

    def _costs(self, segment: Segment, batch_size: int) -> dict[str, int]:
        """What a segment costs each unit, and which elements it gives."""
        task, machine = self.task, self.task.accelerator
        phase = task.phase_of(segment.gates)
        activated = phase.activation_passes if segment.waits_for else 0
        updated = segment.updated_cells if phase.update else 0
        return {
            "array_cycles": task.array_cycles(segment, batch_size),
            "activation_cycles": -(-batch_size * segment.rows // machine.activation_lanes) if activated else 0,
            "activation_latency": activated * machine.cycles("activation_ns"),
            "update_cycles": -(-batch_size * updated // machine.update_lanes(task.tile_rows)),
            "update_latency": machine.cycles(phase.update) if phase.update else 0,
            "first_element": segment.first_updated,
            "elements": segment.updated_cells,
        }

    def _signals(self, running: int, sequence: int) -> Iterator[dict[str, int]]:
        """How the vectors of a chain let segments go; the segment that waits runs in the next round."""
        batch_size = self._batch_size(running, sequence)
        for vector in self.vectors:
            row = dict.fromkeys(kernel.SIGNALS, 0) | {"carried": int(vector == "h")}
            if vector == "h" and self.forwarding != "barrier" and batch_size:
                row |= self._tiles_of(next(s for s in self.segments if s.waits_for == vector), batch_size)
            yield row

    def _tiles_of(self, segment: Segment, batch_size: int) -> dict[str, int]:
        """Which tiles of a segment that waits each element of the vector is for."""
        width = self.task.width(segment.rows)
        x_columns = self.task.layer.input_size if "x" in segment.operand else 0
        if len(segment.columns) > 1:  # x has tiles of its own
            x_columns = -(-x_columns // width) * width
        return {
            "tile_columns": width,
            "first_tile": x_columns // width,
            "first_column": x_columns % width,
            "num_tiles": self.task.tiles(segment),
            "tile_cycles": batch_size,
            "extra_cycles": self.task.load_cycles(segment, batch_size),
        }


def _row(columns: tuple[str, ...], values: Mapping[str, int]) -> tuple[int, ...]:
    """A row of a table of the kernel's."""
    return tuple([values[name] for name in columns])


def _table(rows: Sequence[tuple[int, ...]]) -> memoryview:
    """A two-dimensional int64 buffer, made without NumPy, whose import would cost more than a whole layer."""
    flat = array("q", [value for row in rows for value in row])
    return memoryview(flat).cast("B").cast("q", (len(rows), len(rows[0]))) if rows else memoryview(flat)


def fits_weight_buffer(layer: RNNLayer, accelerator: Accelerator) -> bool:
    """Whether the weights of all directions of a layer are on chip together."""
    return layer.num_weights * accelerator.weight_bytes <= accelerator.weight_buffer.capacity_bytes


def map_layer(layer: RNNLayer, sequences: Sequences, accelerator: Accelerator, plan: Plan) -> LayerMapping:
    """Map a layer: one tile of K' x (M / K') issues a cycle, a segment takes ``ceil(C / N')``.

    Parameters
    ----------
    layer : RNNLayer
    sequences : Sequences
        The batch.
    accelerator : Accelerator
    plan : Plan
        On one tile height, not "best". Where it streams the weights, those of a layer that does not fit the weight
        buffer come from the DRAM in every time step.

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
        streamed=plan.weights == "streamed" and not fits_weight_buffer(layer, accelerator),
    )
    runs = tuple(schedule.round(task)) if plan.is_ours else legal_round(schedule, task)
    mapping = LayerMapping(task=task, runs=runs, sequences=sequences, forwarding=plan.forwarding)
    _check_overflow(mapping)
    return mapping


def _check_overflow(mapping: LayerMapping) -> None:
    """Refuse what 64 bits may not hold; the bound is every segment served with nothing overlapped."""
    task, machine = mapping.task, mapping.task.accelerator
    latency = task.mvm_cycles + 2 * machine.cycles("activation_ns") + machine.cycles("update_ns")
    latency += machine.cycles("multiply_ns")
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
