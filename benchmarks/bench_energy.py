"""What energy costs beside cycles alone: `python benchmarks/bench_energy.py`, or `make bench`.

1. `sharp.sweep` with and without a technology, 2^20 points into a table, on one thread and on all; the goal is at most
   twice the time. Points are checked against `sharp.evaluate_energy` before.
2. A network's energy, beside counting its cycles; with memories and prices at hand, and worked out again.
"""

import os
import sys
from functools import partial
from math import isclose

from timing import measure, ratio, show

from sharp import evaluate_energy, find_accelerator, find_network, find_technology, grid, implement, simulate, sweep
from sharp.workload.network import RNNLayer
from sharp.workload.single import single_layer

TECHNOLOGY = find_technology("32nm")
ACCELERATOR = find_accelerator("sharp")
AXES = {"hidden_size": range(1, 4097), "input_size": range(8, 2048, 32), "macs": ["1K", "4K", "16K", "64K"]}
FEWER = {**AXES, "hidden_size": range(1, 4097, 16)}
POINTS = {
    "four budgets": (grid(**AXES), grid(**AXES)),
    "16 energies against 16 latencies": (
        grid(**FEWER, activation_ns=[16.0 + step for step in range(16)]),
        grid(**FEWER, fp16_multiply_pj=[0.1 * (1 + step) for step in range(16)]),
    ),
}
"""What is swept for cycles alone, and with energy: equally many points of as many columns."""


def check() -> None:
    """Stop where a point of the sweep is not what its own run says."""
    table = sweep(grid(hidden_size=[3, 340, 1024], macs=["1K", "64K"]), ACCELERATOR, technology=TECHNOLOGY)
    for row in table.itertuples():
        layer = RNNLayer(input_size=row.hidden_size, hidden_size=row.hidden_size)
        report = simulate(single_layer(layer, 25), ACCELERATOR.with_macs(row.macs))
        energy = evaluate_energy(report, TECHNOLOGY).energy.total_j
        if not isclose(row.energy_j, energy, rel_tol=1e-12):
            sys.exit(f"the sweep has {row.energy_j} J, the run {energy} J: {row}")


def bench_sweep() -> None:
    """The sweep, with energy and without."""
    rows: list[list[object]] = []
    for name, (plain, priced) in POINTS.items():
        for threads in sorted({1, os.cpu_count() or 1}):
            works = {
                "cycles": partial(sweep, plain, ACCELERATOR, threads=threads),
                "energy": partial(sweep, priced, ACCELERATOR, technology=TECHNOLOGY, threads=threads),
            }
            times = measure(works, 11)
            rates = [len(priced) / times[key].median / 1e6 for key in works]
            rows.append([name, threads, *rates, ratio(times["energy"].median, times["cycles"].median)])
    columns = ["points", "threads", "cycles alone", "with energy", "time, goal 2x at most"]
    show("sharp.sweep, unfolded, best of four K: million points a second into a table, 2^20 points", columns, rows)


def bench_runs() -> None:
    """Networks, one at a time."""
    made = implement(ACCELERATOR.with_macs("64K"), TECHNOLOGY)
    rows: list[list[object]] = []
    for name in ("eesen", "gmat"):
        network = find_network(name)
        report = simulate(network, made.accelerator)
        works = {
            "cycles": partial(simulate, network, made.accelerator),
            "energy": lambda network=network: evaluate_energy(simulate(network, made.accelerator), made).energy.total_j,
            "technology": lambda report=report: evaluate_energy(report, TECHNOLOGY).energy.total_j,
        }
        times = measure(works)
        rows.append(
            [name, *(times[key].median * 1e3 for key in works), ratio(times["energy"].median, times["cycles"].median)]
        )
    columns = ["network", "cycles", "cycles and energy", "energy, memories worked out again", "with energy"]
    show("A network on 64K MACs: milliseconds", columns, rows)


def main() -> None:
    """Check, then time."""
    check()
    bench_sweep()
    bench_runs()


if __name__ == "__main__":
    main()
