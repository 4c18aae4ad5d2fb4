"""Speed of the event simulator beside the Python specification, and of whole commands beside an empty Python.

    .venv/bin/python benchmarks/bench_cycles.py

Prints medians of several repetitions, each pair timed in turns in one run on one core:

1. million row segments a second that the Cython simulator serves when it simulates every step (it does not stop where
   its state repeats), and that sharp/kernels/reference.py serves on the same layer, with the ratio of the two; a run
   of segments over x, which go to no other unit, is one multiplication for the Cython simulator, and counts in full;
2. milliseconds of ``import sharp`` and of ``sharp run`` as processes of their own, as ratios to ``python -c pass``.

First checks that both count the same cycles. Nothing is asserted about times.
"""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from timing import measure, ratio, show

from sharp import SCHEDULES, Accelerator, Plan, RNNLayer, Sequences, count_cycles, find_accelerator
from sharp.cycles.mapping import map_layer
from sharp.cycles.spans import Tables
from sharp.kernels import reference
from sharp.machine.accelerator import LATENCIES

SIZE, TILE_ROWS = 1024, 32
STEPS, REFERENCE_STEPS = 100_000, 20
GOAL = "300 M/s"

RUN = ["run", "--network", "eesen", "--macs", "64K", "--json"]
PROCESSES = {
    "python -c pass": ["-c", "pass"],
    'python -c "import sharp"': ["-c", "import sharp"],
    'python -c "import numpy"': ["-c", "import numpy"],
    f"sharp {' '.join(RUN)}": ["-m", "sharp.cli", *RUN],
}


def plans() -> Iterator[tuple[str, Plan, bool]]:
    """Name, plan, and whether the layer is bidirectional, so that there are two chains to interleave."""
    for name in SCHEDULES:
        yield name, Plan(schedule=name, tile_rows=TILE_ROWS), name == "interleaved"
    yield "unfolded, tilewise", Plan(schedule="unfolded", tile_rows=TILE_ROWS, forwarding="tilewise"), False


def reference_machine(accelerator: Accelerator) -> reference.Machine:
    """The machine as the specification takes it."""
    return reference.Machine(
        accelerator.num_macs,
        accelerator.tile_rows,
        accelerator.activation_lanes,
        accelerator.rows_per_update_lane,
        *(accelerator.cycles(latency) for latency in LATENCIES),
        accelerator.levels_per_cycle,
        accelerator.intermediate_buffer.capacity_bytes // accelerator.partial_sum_bytes,
        accelerator.weight_bytes,
        accelerator.weight_buffer.capacity_bytes,
        accelerator.dram_bytes_per_cycle,
    )


def segments_of(layer: RNNLayer, accelerator: Accelerator, plan: Plan, steps: int) -> int:
    """Segments served in all steps, of one chain or of those that take turns."""
    mapping = map_layer(layer, Sequences.equal(steps), accelerator, plan)
    return sum(span.issues * span.num_rounds for span in Tables(mapping).spans()) * mapping.repeated


def bench_simulator() -> None:
    """Segments a second by schedule."""
    accelerator, rows = find_accelerator("sharp"), []
    machine = reference_machine(accelerator)
    for name, plan, bidirectional in plans():
        layer = RNNLayer(input_size=SIZE, hidden_size=SIZE, bidirectional=bidirectional)
        slow_layer = reference.lstm(SIZE, SIZE, directions=1 + bidirectional)
        slow_plan = reference.Plan(plan.schedule_name, TILE_ROWS, forwarding=plan.forwarding)
        count = partial(count_cycles, layer, accelerator=accelerator, plan=plan, every_step=True)
        specify = partial(reference.simulate_layer, machine, slow_layer, [REFERENCE_STEPS], slow_plan)
        if count(REFERENCE_STEPS).total_cycles != specify().total:
            sys.exit(f"{name}: the simulator and the specification differ")
        seconds = measure({"Cython": partial(count, STEPS), "Python": specify}, 7)
        served = (segments_of(layer, accelerator, plan, steps) / 1e6 for steps in (STEPS, REFERENCE_STEPS))
        fast, slow = (millions / times.median for millions, times in zip(served, seconds.values(), strict=True))
        rows.append([name, fast, slow, ratio(fast, slow), GOAL])
    title = f"Event simulator, every step, LSTM {SIZE}, 64K MACs, K = {TILE_ROWS}: million segments a second, one core"
    show(title, ["schedule", "Cython", "Python", "ratio", "goal"], rows)


def bench_processes() -> None:
    """Whole processes, start-up included."""
    works = {
        name: partial(subprocess.run, [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        for name, arguments in PROCESSES.items()
    }
    seconds = measure(works, 15)
    base = seconds["python -c pass"].median
    rows = [[name, s.median * 1e3, s.best * 1e3, ratio(s.median, base)] for name, s in seconds.items()]
    show("Whole processes: milliseconds", ["process", "median", "best", "ratio"], rows)


if __name__ == "__main__":
    bench_simulator()
    bench_processes()
