"""Draw two steps of a layer as the machine as hardware runs them, lined up with the model's timeline.

``python benchmarks/rtl_waveform.py`` simulates the control of a machine of 256 multipliers and writes
``book/images/machine_waveform.svg``; it needs Verilator.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import sharp
from sharp.rtl.cosimulate import count_on_control
from sharp.workload.sequences import Sequences

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "rtl"))

from rtl_cases import small  # noqa: E402

UNITS = ("array", "activation", "update")
LEFT, WIDTH, ROW = 150, 590, 22
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {}" font-family="sans-serif" font-size="12">'


def runs(busy):
    """Where a unit starts and where it ends, as often as it does."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], busy, [0]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def bars(intervals, cycles, top, colour):
    """Rectangles of intervals."""
    scale = WIDTH / cycles
    return [
        f'<rect x="{LEFT + start * scale:.1f}" y="{top}" width="{(end - start) * scale:.1f}" height="14" '
        f'fill="{colour}" stroke="#fff" stroke-width="0.5"/>'
        for start, end in intervals
    ]


def main():
    """Simulate, draw and write."""
    layer, plan, machine = sharp.RNNLayer(input_size=40, hidden_size=52), sharp.Plan(tile_rows=32), small()
    with tempfile.TemporaryDirectory() as folder:
        result = count_on_control(layer, Sequences.equal(2), machine, plan, busy=Path(folder) / "busy")
        seen = np.fromfile(Path(folder) / "busy", np.uint8)[: result.cycles]
    events = sharp.make_timeline(layer, 2, machine, plan, num_steps=2).events
    lines = [HEAD.format(3 * 2 * ROW + 50)]
    for place, unit in enumerate(UNITS):
        top = 10 + 2 * place * ROW
        lines.append(f'<text x="10" y="{top + 12}">{unit}, hardware</text>')
        lines += bars(runs(seen >> place & 1), result.cycles, top, "#0072b2")
        lines.append(f'<text x="10" y="{top + ROW + 8}">{unit}, model</text>')
        model = [(event.start, event.end) for event in events if event.unit == unit]
        lines += bars(model, result.cycles, top + ROW - 4, "#e69f00")
    for cycle in range(0, result.cycles + 1, 50):
        x = LEFT + cycle * WIDTH / result.cycles
        lines.append(f'<path d="M{x:.1f} 8V{3 * 2 * ROW + 10}" stroke="#bbb" stroke-dasharray="2 3"/>')
        lines.append(f'<text x="{x:.1f}" y="{3 * 2 * ROW + 26}" text-anchor="middle">{cycle}</text>')
    lines.append(f'<text x="{LEFT + WIDTH / 2}" y="{3 * 2 * ROW + 44}" text-anchor="middle">cycle</text></svg>')
    (ROOT / "book" / "images" / "machine_waveform.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(result)


if __name__ == "__main__":
    main()
