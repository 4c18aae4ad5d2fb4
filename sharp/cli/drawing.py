"""A timeline in characters."""

from __future__ import annotations

import sys
from itertools import groupby, product

from rich.text import Text

from sharp.cli.console import duration, terminal
from sharp.cycles.timeline import STAGES, Event, Timeline

_STEP_STYLES = ("bold cyan", "bold yellow", "bold magenta")


def print_timeline(timeline: Timeline) -> None:
    """Draw the units over time, a character a few cycles, with the time step as digit."""
    console = terminal()
    end = max((*timeline.h_out, *(event.end for event in timeline.events)))
    width = max(20, console.width - 14)
    scale = -(-end // width)
    console.print(
        f"{timeline.schedule}, K = {timeline.tile_rows}, {timeline.num_macs:,} MACs, cycles 0 to {end:,}", style="bold"
    )
    console.print(f"one character is {scale:,} cycles; the digit is the time step, x an input product issued ahead")
    events: dict[tuple[str, int], list[Event]] = {}
    for event in timeline.events:
        events.setdefault((event.unit, event.chain), []).append(event)
    chains = sorted({chain for _, chain in events})
    for unit, chain in product(STAGES, chains):
        line = Text(f"{unit if len(chains) == 1 else f'{unit} {chain}':<13}"[:13], style="bold")
        line.append_text(_unit_line(events.get((unit, chain), []), end, scale))
        console.print(line)
    outs = ", ".join(f"{cycle:,}" for cycle in timeline.h_out)
    console.print(f"h out at cycle {outs} ({duration(timeline.h_out[-1] / timeline.clock_hz)} for the last)")


def _unit_line(events: list[Event], end: int, scale: int) -> Text:
    cells: list[Event | None] = [None] * -(-end // scale)
    for event in events:
        for cell in range(event.start // scale, -(-event.end // scale)):
            cells[cell] = event
    line = Text()
    idle = "·" if (sys.stdout.encoding or "").lower().startswith("utf") else "."
    for (symbol, style), run in groupby(_drawn(shown, idle) for shown in cells):
        line.append(symbol * len(list(run)), style=style)
    return line


def _drawn(event: Event | None, idle: str) -> tuple[str, str]:
    """The character of a unit at work on something, or on nothing, and its style."""
    if event is None:
        return idle, "dim"
    return "x" if event.operand == "x" else str(event.step % 10), _STEP_STYLES[event.step % len(_STEP_STYLES)]
