"""Layers that run together, as the event simulator takes them: one round of all layers instead of a round of each.

A round is again a list of runs, and what a layer reads is a signal like its own h: given in this round (``steps``) or
in the one before (``wavefront``). A layer may read several; segments of no cycles wait for all but its own h.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from sharp.cycles.mapping import LayerMapping, map_runs
from sharp.cycles.schedule import Intergate, Unfolded, dependent, leave, product, schedule_of
from sharp.cycles.spans import Issued, Span, Tables, table, table_row
from sharp.cycles.task import Run, Segment
from sharp.errors import OrderError
from sharp.kernels import cycles as kernel
from sharp.machine.plan import Plan


class Turn(NamedTuple):
    """A run of a layer in a round of all layers, and how many rounds ahead of the layer's own steps it works."""

    layer: int
    run: Run
    lookahead: int


class Parts(NamedTuple):
    """The runs of a layer's step: what may come before its x, its first product, and what follows that."""

    ahead: list[Run]
    own: list[Run]
    later: list[Run]

    @property
    def runs(self) -> list[Run]:
        """All of them."""
        return [*self.ahead, *self.own, *self.later]


def part_layer(mapping: LayerMapping, plan: Plan, order: str) -> Parts:
    """Order the segments of a layer that runs together with others.

    Raises
    ------
    OrderError
        Where the schedule has chains that take turns, or issues products with x of the next step, which is not there.
    """
    schedule, task = schedule_of(plan), mapping.task
    if schedule.interleaves or plan.forwarding != "barrier":
        got = plan.schedule_name if schedule.interleaves else plan.forwarding
        raise OrderError(f"order: expected layers with {got}, got {order}")
    first, *rest = task.phases
    if not isinstance(schedule, Unfolded):
        if any(segment.lookahead for segment in mapping.segments):
            raise OrderError(f"order: expected layers with {plan.schedule_name}, which runs a step ahead, got {order}")
        return Parts([], list(mapping.runs), [])
    if order == "wavefront" or not first.operand:
        return Parts([], list(Intergate().round(task)), [])
    block, cells = task.fused_block(first), task.num_unfolded(first)
    split, whole = task.blocks_of(first, block, last=cells), task.blocks_of(first, block, first=cells)
    if not first.runs_ahead:
        split, whole = [], task.blocks_of(first, block)
    ahead = product(task, first, first.operand, split, completes=False)
    own = product(task, first, "x", split, completes=True) + product(task, first, first.columns, whole)
    return Parts(ahead, own, dependent(task, rest))


@dataclass(frozen=True)
class Together:
    """Layers of as many steps in one round; `reads` are places among them, -1 what comes from outside."""

    mappings: tuple[LayerMapping, ...]
    """Of each layer, its runs in parts put together (`part_layer`)."""
    parts: tuple[Parts, ...]
    reads: tuple[tuple[int, ...], ...]
    feedbacks: tuple[int, ...]
    """Place of the layer that each hears from, -1: none."""
    delays: tuple[int, ...]
    """Cycles from that layer's output to its own input."""
    order: str

    @classmethod
    def of(
        cls,
        mappings: Sequence[LayerMapping],
        plan: Plan,
        order: str,
        reads: Sequence[tuple[int, ...]],
        feedbacks: Sequence[int],
        delays: Sequence[int],
    ) -> Together:
        """Put layers together that are mapped each by itself."""
        parts = tuple(part_layer(mapping, plan, order) for mapping in mappings)
        mapped = tuple(map_runs(mapping, part.runs) for mapping, part in zip(mappings, parts, strict=True))
        return cls(mapped, parts, tuple(reads), tuple(feedbacks), tuple(delays), order)

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """Rounds that a layer is behind the first one: in a wave the longest way to it, else none."""
        depths: list[int] = []
        for sources in self.reads:
            behind = [depths[source] + 1 for source in sources if source >= 0]
            depths.append(max(behind, default=0) if self.order == "wavefront" else 0)
        return tuple(depths)

    @cached_property
    def mvm_cycles(self) -> int:
        """Cycles from the last tile of any segment to its sums, L_mvm: the longest that a layer needs, for all."""
        return max(mapping.mvm_cycles for mapping in self.mappings)

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """What a round issues, in order."""
        if not any(part.ahead for part in self.parts):
            return tuple(Turn(index, run, 0) for index, part in enumerate(self.parts) for run in part.runs)
        turns = []
        for index, part in enumerate(self.parts):
            following = (index + 1) % len(self.parts)
            early: list[Run] = []
            late = self.parts[following].ahead
            phases = self.mappings[index].task.phases
            if following != index and len(phases) > 1 and not phases[1].reads_x:
                early, late = leave(self.mappings[following].task, late, self.mvm_cycles)
            turns += [Turn(index, run, 0) for run in part.own]
            turns += [Turn(following, run, int(not following)) for run in early]
            turns += [Turn(index, run, 0) for run in part.later]
            turns += [Turn(following, run, int(not following)) for run in late]
        return tuple(turns)

    # Signals ---------------------------------------------------------------------------------------------------------

    @cached_property
    def tables(self) -> tuple[Tables, ...]:
        """The tables of each layer alone, of which those of all are made."""
        return tuple(map(Tables, self.mappings))

    @cached_property
    def _extras(self) -> tuple[list[tuple[str, int]], ...]:
        """Signals of a layer's h beside its own: for who reads it in this round, and for who hears it in the next."""
        now = [[("now", 0)] if self.order == "steps" else [] for _ in self.mappings]
        for index, told in enumerate(self.feedbacks):
            if told >= 0:
                now[told].append((f"fed to {index}", self.delays[index]))
        return tuple(now)

    @cached_property
    def _offsets(self) -> tuple[int, ...]:
        """First signal of each layer, and their number; after them that of the frames."""
        offsets = [0]
        for tables, extras in zip(self.tables, self._extras, strict=True):
            offsets.append(offsets[-1] + len(tables.places) + len(extras))
        return tuple(offsets)

    @property
    def num_signals(self) -> int:
        """Of all layers, and the network's frames."""
        return self._offsets[-1] + 1

    @property
    def frame(self) -> int:
        """The signal that the frame of the next round is there."""
        return self._offsets[-1]

    def out(self, layer: int) -> int:
        """The signal of a layer's h for who reads it."""
        place = self._offsets[layer] + len(self.tables[layer].places) - 1
        return place + (self.order == "steps")

    def awaited(self, layer: int) -> list[int]:
        """Signals that segments with x columns wait for."""
        signals = [self.out(source) if source >= 0 else self.frame for source in self.reads[layer]]
        told = self.feedbacks[layer]
        if told >= 0:
            kind = (f"fed to {layer}", self.delays[layer])
            signals.append(self._offsets[told] + len(self.tables[told].places) + self._extras[told].index(kind))
        return signals

    # Rounds ----------------------------------------------------------------------------------------------------------

    def spans(self) -> Iterator[Span]:
        """Rounds that cost the same; none in which nothing is issued."""
        sequences, deepest = self.mappings[0].sequences, max(self.depths)
        ends = [0]
        for _, steps in sequences.spans:
            ends.append(ends[-1] + steps)
        cuts = {end + depth + 1 - ahead for end in ends for depth in self.depths for ahead in (0, 1)}
        last = sequences.num_steps + deepest + 1
        bounds = sorted({0, last, *(cut for cut in cuts if 0 < cut < last)})
        signals = table(self._signal_rows())
        for first, following in pairwise(bounds):
            segments, runs, issued = self._rows(first)
            if runs:
                yield Span(
                    first_round=first,
                    num_rounds=following - first,
                    segments=table(segments),
                    runs=table(runs),
                    signals=signals,
                    origins=(),
                    issues=sum(count * repeats for _, count, repeats in runs),
                    issued=tuple(issued),
                )

    def _running(self, step: int) -> int:
        """Sequences that take a step."""
        done = 0
        for sequences, steps in self.mappings[0].sequences.spans:
            if done < step <= done + steps:
                return sequences
            done += steps
        return 0

    def _rows(self, number: int) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]], list[Issued | None]]:
        """The segments and runs of a round, and what each segment is."""
        segments: list[tuple[int, ...]] = []
        runs: list[tuple[int, ...]] = []
        issued: list[Issued | None] = []

        def add(rows: Iterable[dict[str, int]], repeats: int) -> None:
            first = len(segments)
            segments.extend(table_row(kernel.SEGMENTS, values) for values in rows)
            entry = {"first_segment": first, "num_segments": len(segments) - first, "repeats": repeats}
            runs.append(table_row(kernel.RUNS, entry))

        state, is_ready = 0, set()
        for layer, run, lookahead in self.turns:
            batch = self._running(number - self.depths[layer] + lookahead)
            states = [run.repeats if self.tables[layer].has_state(segment) else 0 for segment in run.segments]
            if batch:
                if layer not in is_ready and any("x" in segment.operand for segment in run.segments):
                    is_ready.add(layer)
                    for signal in self.awaited(layer):
                        add([{**dict.fromkeys(kernel.SEGMENTS, 0), "waits_for": signal, "gives": -1, "state": -1}], 1)
                        issued.append(None)
                places = [state + sum(states[:index]) if own else -1 for index, own in enumerate(states)]
                rows = [self._segment(layer, *entry, batch) for entry in zip(run.segments, places, strict=True)]
                if lookahead:  # the h that it waits for is of this round
                    rows = [row | {"waits_for": self.out(layer)} for row in rows]
                add(rows, run.repeats)
                issued += [Issued(self.mappings[layer].task, segment, batch) for segment in run.segments]
            state += sum(states)
        return segments, runs, issued

    def _segment(self, layer: int, segment: Segment, state: int, batch: int) -> dict[str, int]:
        tables, offset = self.tables[layer], self._offsets[layer]
        values = tables.costs(segment, batch) | tables.ends(segment, 0) | {"state": state}
        for name in ("waits_for", "gives"):
            values[name] += offset * (values[name] >= 0)
        if values["gives"] == offset + len(tables.places) - 1:  # h
            values["num_given"] += len(self._extras[layer])
        return values

    def _signal_rows(self) -> list[tuple[int, ...]]:
        blank, rows = dict.fromkeys(kernel.SIGNALS, 0), []
        for tables, extras in zip(self.tables, self._extras, strict=True):
            rows += [blank | {"carried": int(signal.vector == "h")} for signal in tables.places]
            rows += [blank | {"carried": int(name != "now"), "delay": delay} for name, delay in extras]
        return [table_row(kernel.SIGNALS, values) for values in [*rows, blank | {"carried": 1}]]

    @property
    def num_states(self) -> int:
        """Updates that wait for their cells' own state."""
        return sum(tables.num_states for tables in self.tables)

    def state(self) -> array[int]:
        """The machine at cycle 0."""
        return array("q", [0] * kernel.state_size(self.num_signals, self.num_states))
