"""A timeline in characters, at a cost that grows with its events and lines, and not with their product."""

import time

from sharp import Timeline
from sharp.cli.drawing import print_timeline
from sharp.cycles.timeline import Event


def test_many_chains_are_drawn_at_once(capsys):
    chains, each = 1500, 20
    events = [
        Event(unit="array", chain=chain, step=1, gates="ifgo", operand="h", start=start, end=start + 1)
        for start in range(each)
        for chain in range(chains)
    ]
    shown = Timeline(
        schedule="interleaved", tile_rows=32, clock_hz=5e8, num_macs=1024, events=tuple(events), h_out=(each,)
    )
    started = time.process_time()
    print_timeline(shown)
    assert time.process_time() - started < 20  # each line from all events: a minute and more
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("array")]
    assert len(lines) == chains
    assert {line[13:] for line in lines} == {"1" * each}
