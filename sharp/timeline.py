"""When each unit works on what: the simulator's events as a timeline, and as a trace file for Perfetto."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sharp.accelerator import Accelerator
from sharp.checks import check_integer
from sharp.cycles import Progress, trace_layer
from sharp.explore import TileRows, explore_layer
from sharp.mapping import map_layer
from sharp.units import seconds_from_cycles
from sharp.workload import RNNLayer

STAGES = ("array", "activation", "update")
"""The three units in the order in which a segment passes them."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """A unit at work on a segment for cycles `start` to ``end - 1``."""

    unit: str
    """One of `STAGES`."""
    step: int
    """Time step the segment works for, from 1."""
    gates: str
    """Gates of the segment, one letter each."""
    operand: str
    """Columns of the segment: "xh", "x" or "h"."""
    start: int
    """First cycle."""
    end: int
    """First cycle after."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The first time steps of one direction of a layer."""

    schedule: str
    tile_rows: int
    clock_hz: float
    num_macs: int
    events: tuple[Event, ...]
    """In the order of issue; of one segment the array first."""
    h_out: tuple[int, ...]
    """Cycle at which h of each whole step shown is out."""

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
                "name": f"{event.gates} {event.operand} step {event.step}" if event.unit == "array" else event.gates,
                "cat": event.operand,
                "ph": "X",
                "pid": 1,
                "tid": STAGES.index(event.unit) + 1,
                "ts": self._microseconds(event.start),
                "dur": self._microseconds(event.end - event.start),
                "args": {"step": event.step, "start_cycle": event.start, "end_cycle": event.end},
            }
            for event in self.events
        ]
        return json.dumps({"traceEvents": [process, *names, *slices], "displayTimeUnit": "ns"}, indent=1)

    def _microseconds(self, cycles: int) -> float:
        return seconds_from_cycles(cycles, self.clock_hz) * 1e6


def make_timeline(
    layer: RNNLayer,
    seq_len: int,
    accelerator: Accelerator,
    *,
    schedule: str = "unfolded",
    tile_rows: TileRows = "best",
    reconfiguration: bool = True,
    num_steps: int = 2,
    progress: Progress | None = None,
) -> Timeline:
    """Simulate the first `num_steps` time steps of one direction of a layer and keep every event.

    Parameters are those of `sharp.cycles.count_cycles`; the best height is that of the whole layer.

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `sharp.explore.explore_layer` and `sharp.cycles.trace_layer`.
    """
    check_integer("num_steps", num_steps)
    options: dict[str, Any] = {"schedule": schedule, "reconfiguration": reconfiguration}
    if isinstance(tile_rows, str):
        table = explore_layer(layer, seq_len, accelerator, tile_rows=tile_rows, progress=progress, **options)
        tile_rows = table.best
    mapping = map_layer(layer, seq_len, accelerator, tile_rows=tile_rows, **options)
    events: list[Event] = []
    h_out: dict[int, int] = {}
    segments = mapping.segments
    for step, index, *times in trace_layer(mapping, num_steps=num_steps).tolist():
        for unit, start, end in zip(STAGES, times[::2], times[1::2], strict=True):
            if start >= 0:
                segment = segments[index]
                events.append(
                    Event(unit=unit, step=step, gates=segment.gates, operand=segment.operand, start=start, end=end)
                )
        if times[-1] >= 0:
            h_out[step] = times[-1] + mapping.latencies[2]
    return Timeline(
        schedule=schedule,
        tile_rows=mapping.tile_rows,
        clock_hz=accelerator.clock_hz,
        num_macs=accelerator.num_macs,
        events=tuple(events),
        h_out=tuple(h_out[step] for step in sorted(h_out)),
    )
