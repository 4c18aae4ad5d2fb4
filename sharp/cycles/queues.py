"""Queues between the units, which the rules leave unbounded: the deepest that each gets, in words, exactly.

Sums of a segment stand between array and activation unit from when they are out until the unit has taken the last of
them; values of a cell between activation unit and updater until the updater has taken the cell. Both are counted from
the events of rounds, as many of them as it takes until the machine's state repeats: only who asks for it pays for it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import NamedTuple, cast

from sharp.checks import MAX_INTEGER
from sharp.cycles.mapping import LayerMapping
from sharp.cycles.spans import Issued, Span, Tables
from sharp.cycles.together import Together
from sharp.kernels import cycles as kernel
from sharp.machine.accelerator import Accelerator
from sharp.units import KIB

MAX_FOLLOWED = 2**21
"""Most segments that are followed, some seconds' work; of layers that issue more until they repeat nothing is said."""

_FREE = kernel.MACHINE.index("array_free")
_PAST = (kernel.MACHINE.index("stall"), kernel.MACHINE.index("h_out"))
"""Of the kernel's state what decides nothing of what comes."""


@dataclass(frozen=True, kw_only=True)
class Queues:
    """The most words that stand between two units at once, of all sequences and chains.

    Examples
    --------
    >>> import sharp
    >>> machine = sharp.find_accelerator("sharp").with_macs("64K")
    >>> queues = sharp.simulate(sharp.square_lstm(512), machine).queues
    >>> queues.sums, queues.sums * machine.partial_sum_bytes / 1024  # nine segments of 128 rows, KiB
    (1152, 4.5)
    >>> sharp.simulate(sharp.square_lstm(512), machine, sharp.Plan(schedule="sequential")).queues.gate_values
    2048
    """

    sums: int
    """Between array and activation unit."""
    gate_values: int
    """Between activation unit and cell updater."""

    def said(self, machine: Accelerator) -> str:
        """In words, with the bytes of sums and values of a machine."""
        sums = f"{self.sums:,} sums before the activation unit ({_kib(self.sums * machine.partial_sum_bytes)})"
        values = f"{self.gate_values:,} values before the updater ({_kib(self.gate_values * machine.weight_bytes)})"
        return f"deepest queues: {sums}, {values}"

    def as_dict(self) -> dict[str, int]:
        """JSON-ready."""
        return asdict(self)


def _kib(num_bytes: float) -> str:
    return f"{num_bytes / KIB:.3g} KiB"


def deepest(queues: Iterable[Queues | None]) -> Queues | None:
    """The deepest of each, of work done one after the other; None where one is not known."""
    known = list(queues)
    found = [each for each in known if each is not None]
    if len(found) < len(known) or not found:
        return None
    return Queues(sums=max(each.sums for each in found), gate_values=max(each.gate_values for each in found))


def follow(mapping: LayerMapping | Together) -> Queues | None:
    """How deep the queues of a layer get, or those of layers that run together; None where they issue too much."""
    if isinstance(mapping, Together):
        return _follow(mapping.spans(), mapping.state(), mapping.mvm_cycles)
    tables = Tables(mapping)
    return _follow(tables.spans(), tables.state(), mapping.mvm_cycles)


class Words(NamedTuple):
    """Words that a segment puts into the queues between the units, and takes out of them."""

    activated: int = 0
    """Sums that the activation unit takes."""
    activation_latency: int = 0
    """Cycles that their values take from there."""
    kept: int = 0
    """Values that wait for an update."""
    taken: int = 0
    """Values that the update after the segment takes, those of all gates of its cells."""

    @classmethod
    def of(cls, issued: Issued) -> Words:
        """Those of a segment issued."""
        (task, segment, batch_size), machine = issued, issued.task.accelerator
        phase = task.phase_of(segment.gates)
        rows, passes = batch_size * segment.rows * segment.completes, phase.activation_passes
        return cls(
            activated=rows if passes else 0,
            activation_latency=passes * machine.cycles("activation_ns") if passes else 0,
            kept=rows if phase.update else 0,
            taken=batch_size * len(phase.gates) * segment.updated_cells if phase.update else 0,
        )


class _Queue:
    """Words that come and go; a word that leaves in a cycle makes room for one that comes in it."""

    def __init__(self) -> None:
        self.level = self.most = 0
        self.changes: list[tuple[int, int]] = []

    def settle(self, until: int | None = None) -> tuple[object, ...]:
        """Let happen what does until a cycle, after which all else comes; returns what is left, from there on."""
        self.changes.sort()
        place = len(self.changes) if until is None else bisect_right(self.changes, (until, MAX_INTEGER))
        for _, change in self.changes[:place]:
            self.level += change
            self.most = max(self.most, self.level)
        del self.changes[:place]
        return self.level, *((cycle - (until or 0), change) for cycle, change in self.changes)


def _follow(spans: Iterable[Span], state: array[int], mvm: int) -> Queues | None:
    """As many rounds of each span as differ, and of the others those that do not make a whole period."""
    sums, values = _Queue(), _Queue()
    followed = 0
    for span in spans:
        seen: dict[tuple[object, ...], int] = {}
        left = span.num_rounds
        while left:
            followed += span.issues
            if followed > MAX_FOLLOWED:
                return None
            _play(span, state, mvm, sums, values)
            left -= 1
            free = state[_FREE]
            ahead = tuple(max(cycle - free, 0) for place, cycle in enumerate(state) if place not in _PAST)
            here = ahead, sums.settle(free), values.settle(free)
            if here in seen:
                left, seen = left % (seen[here] - left), {}
            seen[here] = left
    sums.settle()
    values.settle()
    return Queues(sums=sums.most, gate_values=values.most)


def _play(span: Span, state: array[int], mvm: int, sums: _Queue, values: _Queue) -> None:
    """Issue a round, and write down what comes and goes."""
    columns = len(kernel.EVENTS)
    events = memoryview(bytearray(8 * columns * span.issues)).cast("q", (span.issues, columns))
    kernel.record(span.segments, span.runs, span.signals, mvm, 0, 1, state, events)
    kinds = [Words() if issued is None else Words.of(issued) for issued in span.issued]
    rows = cast("list[list[int]]", events.tolist())
    for _, place, _, array_end, _, activation_end, _, update_end in rows:
        words, out = kinds[place], array_end + mvm
        if activation_end >= 0:
            sums.changes += [(out, words.activated), (activation_end, -words.activated)]
            out = activation_end + words.activation_latency
        if words.kept:
            values.changes.append((out, words.kept))
        if words.taken:
            values.changes.append((update_end, -words.taken))
