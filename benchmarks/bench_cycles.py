"""Speed of the event-level simulator beside the Python reference: both in one run, as a ratio (make bench)."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from sharp import SCHEDULES, RNNLayer, count_cycles, find_accelerator
from sharp.kernels import reference
from sharp.mapping import map_layer

LAYER = RNNLayer(input_size=1024, hidden_size=1024)
TILE_ROWS = 32
KERNEL_STEPS = 100_000
REFERENCE_STEPS = 20
REPEATS = 5


def median_seconds(work: Callable[[], object]) -> float:
    """Median wall time of `REPEATS` calls after one that does not count."""
    work()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def bench_simulator() -> None:
    """Row segments a second, one core, LSTM 1024 on 64K MACs with K = 32."""
    accelerator = find_accelerator("sharp")
    latencies = ("multiply_ns", "add_ns", "accumulate_ns", "activation_ns", "update_ns")
    machine = reference.Machine(
        accelerator.num_macs,
        accelerator.tile_rows,
        accelerator.activation_lanes,
        accelerator.rows_per_update_lane,
        *(accelerator.cycles(name) for name in latencies),
    )
    print("event-level simulator, LSTM 1024, 64K MACs, K = 32; million row segments a second, median of", REPEATS)
    print(f"{'schedule':<12}{'Cython':>10}{'Python':>10}{'ratio':>10}")
    for schedule in SCHEDULES:
        mapping = map_layer(LAYER, 1, accelerator, schedule=schedule, tile_rows=TILE_ROWS)
        options = {"schedule": schedule, "tile_rows": TILE_ROWS}
        fast = median_seconds(lambda options=options: count_cycles(LAYER, KERNEL_STEPS, accelerator, **options))
        slow = median_seconds(
            lambda schedule=schedule: reference.simulate(
                machine, schedule, LAYER.hidden_size, LAYER.input_size, REFERENCE_STEPS, TILE_ROWS, True
            )
        )
        rates = [
            sum(mapping.repeats) * steps / seconds / 1e6
            for steps, seconds in ((KERNEL_STEPS, fast), (REFERENCE_STEPS, slow))
        ]
        print(f"{schedule:<12}{rates[0]:>10.1f}{rates[1]:>10.3f}{rates[0] / rates[1]:>9.0f}x")


def bench_start_up() -> None:
    """Whole processes, start-up included, beside an empty Python."""
    processes = {
        "python -c pass": ["-c", "pass"],
        "import sharp": ["-c", "import sharp"],
        "import numpy": ["-c", "import numpy"],
        "sharp run --network eesen --macs 64K --json": [
            "-m",
            "sharp.cli",
            "run",
            "--network",
            "eesen",
            "--macs",
            "64K",
            "--json",
        ],
    }
    print(f"\n{'whole process':<46}{'ms':>8}{'ratio':>10}")
    base = 0.0
    for name, arguments in processes.items():
        command = [sys.executable, *arguments]
        seconds = median_seconds(lambda command=command: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
        base = base or seconds
        print(f"{name:<46}{seconds * 1e3:>8.0f}{seconds / base:>9.1f}x")


if __name__ == "__main__":
    bench_simulator()
    bench_start_up()
