"""A mapping as the event simulator takes it: tables of segments, runs and signals, for rounds that cost the same."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from sharp.cycles.mapping import LayerMapping
from sharp.cycles.task import Run, Segment, Task
from sharp.errors import InfeasibleMappingError
from sharp.kernels import cycles as kernel
from sharp.workload.cell import Phase

MAX_KEPT = 2**22
"""Most signals and states that are kept from round to round; more would take seconds a round."""


class Issued(NamedTuple):
    """A row of the table of segments: of which layer it is, which segment, for how many sequences."""

    task: Task
    segment: Segment
    batch_size: int


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
    issued: tuple[Issued | None, ...]
    """What each row of `segments` is; None: nothing but a wait."""


class _Signal(NamedTuple):
    """What segments wait for: a vector, or tile by tile the part of it that the rows of some gates multiply."""

    vector: str
    gates: str = ""
    part: int = 0


class _Piece(NamedTuple):
    """A run of the mapping, or a part of one."""

    place: int
    """Of its first segment in `LayerMapping.segments`."""
    run: Run


@dataclass(frozen=True)
class Tables:
    """The tables of a mapping, and what the simulator keeps from round to round.

    Raises
    ------
    InfeasibleMappingError
        Where that is too much.
    """

    mapping: LayerMapping

    def __post_init__(self) -> None:
        if self.num_signals + self.num_states > MAX_KEPT:
            raise InfeasibleMappingError(
                f"hidden_size, batch_size: expected at most {MAX_KEPT} parts of vectors and states of cells to keep "
                f"from step to step, got {self.num_signals + self.num_states}"
            )

    @property
    def num_signals(self) -> int:
        """Signals of all chains."""
        return self.mapping.task.chains * len(self.places)

    @property
    def num_states(self) -> int:
        """Updates of all chains that wait for their cells' own state."""
        return self.mapping.task.chains * sum(
            piece.run.repeats for piece in self.pieces for segment in piece.run.segments if self.has_state(segment)
        )

    def state(self) -> array[int]:
        """The machine at cycle 0."""
        return array("q", [0] * kernel.state_size(self.num_signals, self.num_states))

    def spans(self) -> Iterator[Span]:
        """The rounds 0 to T, cut where the costs of a round change: round t works for the steps t and t + 1."""
        spans = self.mapping.sequences.spans
        following = [sequences for sequences, _ in spans[1:]] + [0]
        cuts, first = [(0, 1, (0, spans[0][0]))], 1
        for (sequences, steps), later in zip(spans, following, strict=True):
            cuts += [(first, steps - 1, (sequences, sequences)), (first + steps - 1, 1, (sequences, later))]
            first += steps
        for first_round, num_rounds, running in cuts:
            if num_rounds and (span := self.span(first_round, num_rounds, running)).origins:
                yield span

    def span(self, first_round: int, num_rounds: int, running: tuple[int, int]) -> Span:
        """Rounds that cost the same, `running` sequences being under way in their step and in the next one."""
        costs: dict[tuple[int, int], dict[str, int]] = {}  # chains cost alike
        rows: list[tuple[int, ...]] = []
        runs: list[tuple[int, ...]] = []
        origins: list[tuple[int, int]] = []
        issued: list[Issued] = []
        issues = states = 0
        for chain, sequence in self._chains():
            for place, run in self.pieces:
                first = len(rows)
                for index, segment in enumerate(run.segments, start=place):
                    state, states = (states, states + run.repeats) if self.has_state(segment) else (-1, states)
                    batch_size = self._batch_size(running[segment.lookahead], sequence)
                    if not batch_size:
                        continue
                    if (index, batch_size) not in costs:
                        costs[index, batch_size] = self.costs(segment, batch_size)
                    ends = self.ends(segment, chain) | {"state": state}
                    rows.append(table_row(kernel.SEGMENTS, costs[index, batch_size] | ends))
                    origins.append((chain, index))
                    issued.append(Issued(self.mapping.task, segment, batch_size))
                count = len(rows) - first
                if count:
                    entry = {"first_segment": first, "num_segments": count, "repeats": run.repeats}
                    runs.append(table_row(kernel.RUNS, entry))
                    issues += count * run.repeats
        signals = [
            table_row(kernel.SIGNALS, self.ways(signal, self._batch_size(running[1], sequence)))
            for _, sequence in self._chains()
            for signal in self.places
        ]
        return Span(
            first_round=first_round,
            num_rounds=num_rounds,
            segments=table(rows),
            runs=table(runs),
            signals=table(signals),
            origins=tuple(origins),
            issues=issues,
            issued=tuple(issued),
        )

    def _chains(self) -> list[tuple[int, int]]:
        """(chain, its sequence) in the order of their turns."""
        if not self.mapping.takes_turns:
            return [(0, -1)]
        num_sequences = self.mapping.sequences.batch_size
        return [(chain, chain % num_sequences) for chain in range(self.mapping.task.chains)]

    def _batch_size(self, running: int, sequence: int) -> int:
        """Sequences that a chain computes while `running` of them, the longest ones, are."""
        return running if sequence < 0 else int(sequence < running)

    # What waits for what ---------------------------------------------------------------------------------------------

    @cached_property
    def places(self) -> dict[_Signal, int]:
        """The signals of a chain, each with its place; those of a vector follow each other."""
        signals = [signal for phase in self.mapping.task.phases for signal in self._given(phase.gives)]
        return {signal: place for place, signal in enumerate(signals)}

    def _given(self, vector: str) -> list[_Signal]:
        """The signals of a vector."""
        waiting = [phase for phase in self.mapping.task.phases if phase.operand == vector]
        if not self._is_forwarded(vector) or not waiting:
            return [_Signal(vector)]
        return [_Signal(vector, phase.gates, part) for phase in waiting for part in range(phase.parts)]

    def _is_forwarded(self, vector: str) -> bool:
        """Whether a vector lets tiles go one by one."""
        return vector == "h" and self.mapping.forwarding != "barrier"

    def _awaited(self, segment: Segment) -> _Signal:
        """What a segment waits for."""
        if not self._is_forwarded(segment.waits_for):
            return _Signal(segment.waits_for)
        task, phase = self.mapping.task, self.mapping.task.phase_of(segment.gates)
        return _Signal(segment.waits_for, phase.gates, segment.first_cell // (task.size_of(phase) // phase.parts))

    @cached_property
    def pieces(self) -> tuple[_Piece, ...]:
        """The runs, cut where a segment goes on to another part of the vector that it waits for."""
        pieces, place = [], 0
        for run in self.mapping.runs:
            pieces += [_Piece(place, piece) for piece in self._cut(run)]
            place += len(run.segments)
        return tuple(pieces)

    def _cut(self, run: Run) -> Iterator[Run]:
        if self.mapping.forwarding == "barrier" or all(phase.parts == 1 for phase in self.mapping.task.phases):
            yield run
            return
        first = 0
        for _, group in groupby(
            range(run.repeats), lambda repeat: [self._awaited(s.moved(repeat)) for s in run.segments]
        ):
            repeats = len(list(group))
            yield Run(segments=tuple(segment.moved(first) for segment in run.segments), repeats=repeats)
            first += repeats

    def has_state(self, segment: Segment) -> bool:
        """Whether an update waits for nothing but the array and its cells' own state; else that is out long before."""
        phase = self.mapping.task.phase_of(segment.gates)
        return segment.updated_cells > 0 and phase.update is not None and not self._waits_for_h(phase)

    def _waits_for_h(self, phase: Phase) -> bool:
        """Whether a phase waits for h, or for what another one gives that does."""
        givers = {giver.gives: giver for giver in self.mapping.task.phases[:-1]}
        return phase.operand == "h" or (phase.operand in givers and self._waits_for_h(givers[phase.operand]))

    # Rows of the tables ----------------------------------------------------------------------------------------------

    def ends(self, segment: Segment, chain: int) -> dict[str, int]:
        """Which signals of its chain a segment waits for and gives, -1: none, and which elements."""
        first = chain * len(self.places)
        given = self._given(self.mapping.task.phase_of(segment.gates).gives) if segment.updated_cells else []
        return {
            "waits_for": first + self.places[self._awaited(segment)] if segment.waits_for else -1,
            "gives": first + self.places[given[0]] if given else -1,
            "num_given": len(given),
            "first_element": segment.first_updated,
            "elements": segment.updated_cells,
        }

    def costs(self, segment: Segment, batch_size: int) -> dict[str, int]:
        """What a segment costs each unit."""
        task, machine = self.mapping.task, self.mapping.task.accelerator
        phase = task.phase_of(segment.gates)
        activated = phase.activation_passes if segment.completes else 0
        updated = segment.updated_cells if phase.update else 0
        return {
            "array_cycles": task.array_cycles(segment, batch_size),
            "activation_cycles": -(-batch_size * segment.rows // machine.activation_lanes) if activated else 0,
            "activation_latency": activated * machine.cycles("activation_ns"),
            "update_cycles": -(-batch_size * updated // machine.update_lanes(task.tile_rows)),
            "update_latency": machine.cycles(phase.update) if phase.update else 0,
        }

    @cached_property
    def _first(self) -> dict[_Signal, Segment]:
        """The first segment of a round that waits for each signal."""
        segments = [segment for piece in self.pieces for segment in piece.run.segments if segment.waits_for]
        return {self._awaited(segment): segment for segment in reversed(segments)}

    def ways(self, signal: _Signal, batch_size: int) -> dict[str, int]:
        """How a signal lets segments go; the one that waits runs in the next round."""
        values = dict.fromkeys(kernel.SIGNALS, 0) | {"carried": int(signal.vector == "h")}
        if not signal.gates or not batch_size:
            return values
        task, segment = self.mapping.task, self._first[signal]
        elements = task.layer.num_operands(task.phase_of(signal.gates))
        width = task.width(segment.rows)
        x_columns = task.layer.input_size if "x" in segment.operand else 0
        if len(segment.columns) > 1:  # x has tiles of its own
            x_columns = -(-x_columns // width) * width
        return values | {
            "from_element": signal.part * elements,
            "to_element": (signal.part + 1) * elements,
            "tile_columns": width,
            "first_tile": x_columns // width,
            "first_column": x_columns % width,
            "num_tiles": task.tiles(segment),
            "tile_cycles": batch_size,
            "extra_cycles": task.load_cycles(segment, batch_size),
        }


def table_row(columns: tuple[str, ...], values: Mapping[str, int]) -> tuple[int, ...]:
    """A row of a table of the kernel's."""
    return tuple([values[name] for name in columns])


def table(rows: Sequence[tuple[int, ...]]) -> memoryview:
    """A two-dimensional int64 buffer, made without NumPy, whose import would cost more than a whole layer."""
    flat = array("q", [value for row in rows for value in row])
    return memoryview(flat).cast("B").cast("q", (len(rows), len(rows[0]))) if rows else memoryview(flat)
