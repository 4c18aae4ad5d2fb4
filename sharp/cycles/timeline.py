"""When each unit works on what: the simulator's events as a timeline, and as a trace file for Perfetto."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sharp.checks import check_integer, check_kind
from sharp.cycles.counting import EVENT_COLUMNS, Progress, trace_layer
from sharp.cycles.explore import explore_layer
from sharp.cycles.mapping import LayerMapping, map_layer
from sharp.cycles.schedule import loaded
from sharp.cycles.task import Segment
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.units import seconds_from_cycles
from sharp.workload.network import RNNLayer
from sharp.workload.sequences import Sequences

STAGES = ("array", "activation", "update")
"""The three units in the order in which a segment passes them."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """A unit at work on a segment for cycles `start` to ``end - 1``."""

    unit: str
    """One of `STAGES`."""
    chain: int
    """Direction and sequence, where they take turns: direction * sequences + sequence; else 0."""
    step: int
    """Time step the segment works for, from 1."""
    gates: str
    """Gates of the segment, one letter each."""
    operand: str
    """Vectors multiplied, such as "xh", "x" or "h" (`sharp.cycles.task.Segment`)."""
    start: int
    """First cycle."""
    end: int
    """First cycle after."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """When each unit works on what in the first time steps of a layer: `make_timeline` makes it.

    Times are in cycles from the start of the layer. `as_trace` writes them for Perfetto or ``chrome://tracing``; the
    figure of the schedules in the book is drawn from such timelines.

    Examples
    --------
    >>> import sharp
    >>> layer = sharp.RNNLayer(input_size=256, hidden_size=256)
    >>> machine = sharp.find_accelerator("sharp").with_macs("1K")
    >>> timeline = sharp.make_timeline(layer, 25, machine, num_steps=1)
    >>> first = timeline.events[0]
    >>> first.unit, first.operand, first.start, first.end
    ('array', 'x', 0, 16)
    >>> timeline.h_out  # the cycle at which h of the first step is out
    (553,)
    """

    schedule: str
    tile_rows: int
    clock_hz: float
    num_macs: int
    events: tuple[Event, ...]
    """In the order of issue; of one segment the array first."""
    h_out: tuple[int, ...]
    """Cycle at which h of each step shown is out, of the last chain."""

    def as_dict(self) -> dict[str, Any]:
        """The timeline as JSON-ready values."""
        return {
            "schedule": self.schedule,
            "tile_rows": self.tile_rows,
            "num_macs": self.num_macs,
            "clock_hz": self.clock_hz,
            "h_out": list(self.h_out),
            "events": [vars(event) for event in self.events],
        }

    def as_trace(self) -> str:
        """The timeline in the Trace Event format that Perfetto and chrome://tracing open; times in microseconds."""
        import json

        names: list[dict[str, Any]] = [
            {"name": "thread_name", "ph": "M", "pid": 1, "tid": tid, "args": {"name": unit}}
            for tid, unit in enumerate(STAGES, start=1)
        ]
        process = {"name": "process_name", "ph": "M", "pid": 1, "args": {"name": f"SHARP, {self.schedule}"}}
        slices = [
            {
                "name": f"{event.gates} {event.operand} step {event.step}" + f" chain {event.chain}" * bool(event.chain)
                if event.unit == "array"
                else event.gates,
                "cat": event.operand,
                "ph": "X",
                "pid": 1,
                "tid": STAGES.index(event.unit) + 1,
                "ts": self._microseconds(event.start),
                "dur": self._microseconds(event.end - event.start),
                "args": {"chain": event.chain, "step": event.step, "start_cycle": event.start, "end_cycle": event.end},
            }
            for event in self.events
        ]
        return json.dumps({"traceEvents": [process, *names, *slices], "displayTimeUnit": "ns"}, indent=1)

    def _microseconds(self, cycles: int) -> float:
        return seconds_from_cycles(cycles, self.clock_hz) * 1e6


def make_timeline(
    layer: RNNLayer,
    sequences: Sequences | int,
    accelerator: Accelerator,
    plan: Plan | None = None,
    *,
    num_steps: int = 2,
    progress: Progress | None = None,
) -> Timeline:
    """Simulate the first time steps of a layer and keep when each unit works on what.

    Parameters
    ----------
    layer : RNNLayer
    sequences : Sequences or int
        The batch, or the time steps of one sequence.
    accelerator : Accelerator
    plan : Plan, optional
        The machine's own by default. With "best", the tile height is that of the whole layer, not of the steps shown.
    num_steps : int
        Time steps to keep. Of directions that run one after the other only the first is shown.
    progress : callable, optional
        Called with the share of the work done, 0 to 1.

    Returns
    -------
    Timeline

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `explore_layer`, and where there would be more than 2^18 events.

    Examples
    --------
    >>> import sharp
    >>> layer = sharp.RNNLayer(input_size=256, hidden_size=256)
    >>> machine = sharp.find_accelerator("sharp").with_macs("16K")
    >>> for schedule in ("sequential", "unfolded"):
    ...     sharp.make_timeline(layer, 25, machine, sharp.Plan(schedule=schedule), num_steps=2).h_out
    (81, 162)
    (77, 138)
    """
    check_integer("num_steps", num_steps)
    check_kind("layer", layer, RNNLayer)
    check_kind("accelerator", accelerator, Accelerator)
    plan = loaded(accelerator.plan if plan is None else plan)
    if not isinstance(sequences, Sequences):
        sequences = Sequences.equal(sequences)
    if plan.tile_rows == "best":
        plan = plan.at(explore_layer(layer, sequences, accelerator, plan, progress=progress).best)
    mapping = map_layer(layer, sequences, accelerator, plan)
    events: list[Event] = []
    h_out: dict[int, int] = {}
    for issued in trace_layer(mapping, num_steps=num_steps).tolist():
        row = dict(zip(EVENT_COLUMNS, issued, strict=True))
        segment = mapping.segments[row["segment"]]
        events += _events(segment, row)
        if segment.updated_cells and mapping.task.phase_of(segment.gates).gives == "h":
            h_out[row["step"]] = _out(mapping, segment, row)
    return Timeline(
        schedule=plan.schedule_name,
        tile_rows=mapping.task.tile_rows,
        clock_hz=accelerator.clock_hz,
        num_macs=accelerator.num_macs,
        events=tuple(events),
        h_out=tuple(h_out[step] for step in sorted(h_out)),
    )


def _events(segment: Segment, row: dict[str, int]) -> Iterator[Event]:
    """When each unit worked on a segment, of those that it went to."""
    for unit in STAGES:
        if row[f"{unit}_start"] >= 0:
            yield Event(
                unit=unit,
                chain=row["chain"],
                step=row["step"],
                gates=segment.gates,
                operand=segment.operand,
                start=row[f"{unit}_start"],
                end=row[f"{unit}_end"],
            )


def _out(mapping: LayerMapping, segment: Segment, row: dict[str, int]) -> int:
    """Cycle at which the values of a segment are out: after the last unit that they pass."""
    phase, cycles = mapping.task.phase_of(segment.gates), mapping.task.accelerator.cycles
    if phase.update is not None:
        return row["update_end"] + cycles(phase.update)
    if phase.activation_passes:
        return row["activation_end"] + phase.activation_passes * cycles("activation_ns")
    return row["array_end"] + mapping.mvm_cycles
