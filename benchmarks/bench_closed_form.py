"""Speed of the closed form beside the same arithmetic in C and in NumPy, in one run on one core.

    .venv/bin/python benchmarks/bench_closed_form.py [--quick]

First checks that `sharp`, at every x86-64 level of this processor, and all rivals (rival.c in doubles and in 64-bit
integers, rival_numpy.py) agree in the total and in every part of the split on 100,000 random layers. Then prints
medians:

1. million evaluations a second, a layer on one tile height K each, with the whole split, by schedule: on 2^16 layers
   whose arrays stay in the caches, called again and again, and on 2^22 layers;
2. million layers a second on the best of four K;
3. `sharp.sweep` from columns to a table of pandas, on one thread and on all;
4. seconds of the event simulator, which takes over where the closed form does not apply, for ever longer sequences.

Beside them stand the goals. Nothing is asserted about times. ``--quick`` takes fewer repetitions, and 2^20 layers.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import rival_numpy
from numpy.typing import NDArray
from rival_c import RESULTS, Rival, compile_rivals
from timing import Seconds, measure, ratio, show

from sharp import Accelerator, Plan, RNNLayer, count_cycles, find_accelerator
from sharp.kernels.closed_form import INPUTS
from sharp.kernels.closed_form import RESULTS as SHARP_RESULTS
from sharp.space.points import grid
from sharp.space.sweep import CHUNK_POINTS, sweep

QUICK = "--quick" in sys.argv
REPETITIONS = 5 if QUICK else 15
MANY = 2**20 if QUICK else 2**22
SCHEDULES = ("sequential", "batch", "intergate", "unfolded")
HEIGHTS = np.array([32.0, 64.0, 128.0, 256.0])
CELL = np.array([4.0, 4.0, 1.0, 2.0])
"""Of an LSTM: gates, sums kept for each cell, activation passes, bytes of a weight."""
LEVELS = {0: "closed_form", 3: "closed_form_v3", 4: "closed_form_v4"}
CHECKED_MACS = (1024, 4096, 16384, 65536, 96000)
CHECKED_LAYERS = 100_000
ENDLESS_WORDS = 1e9
"""An intermediate buffer that holds every early sum, as the rivals take it."""

GOALS = {
    "native": "100 M/s, 0.5x of C, 20x of NumPy",
    "fallback": "50 M/s",
    "best": "40 M/s",
}
Inputs = list[NDArray[Any]]
Work = Callable[[], object]


@dataclass(frozen=True)
class Layers:
    """Random LSTM layers, each with a tile height."""

    x: NDArray[np.float64]
    h: NDArray[np.float64]
    t: NDArray[np.float64]
    k: NDArray[np.float64]

    @classmethod
    def random(cls, count: int, seed: int) -> "Layers":
        """Up to 2048 wide and 1000 steps long."""
        generator = np.random.default_rng(seed)
        sizes = (generator.integers(1, limit + 1, count).astype(float) for limit in (2048, 2048, 1000))
        return cls(*sizes, generator.choice(HEIGHTS, count))

    def __len__(self) -> int:
        return len(self.x)

    def inputs(self, best: bool) -> Inputs:
        """As the rivals take them."""
        return [self.x, self.h, self.t] if best else [self.x, self.h, self.t, self.k]

    @cached_property
    def _integers(self) -> Inputs:
        return [array.astype(np.int64) for array in self.inputs(best=False)]

    def inputs_as(self, dtype: np.dtype[Any], best: bool) -> Inputs:
        """As a rival in C takes them, converted once."""
        arrays = self._integers if dtype == np.int64 else self.inputs(best=False)
        return arrays[:3] if best else arrays


def levels() -> dict[str, ModuleType]:
    """The kernels that run on this processor, the widest instructions first."""
    top = import_module("sharp.kernels.closed_form").processor_level()
    usable = {level: name for level, name in LEVELS.items() if level <= top}
    return {f"sharp, level {level}": import_module(f"sharp.kernels.{usable[level]}") for level in sorted(usable)[::-1]}


def machine_of(accelerator: Accelerator) -> dict[str, int]:
    """The machine as the rivals take it."""
    add, depth = accelerator.cycles("add_ns"), (accelerator.num_macs // 32 - 1).bit_length()
    return {
        "macs": accelerator.num_macs,
        "activation_lanes": accelerator.activation_lanes,
        "rows_per_update_lane": accelerator.rows_per_update_lane,
        "mvm_of_32": accelerator.cycles("multiply_ns") + depth * add + accelerator.cycles("accumulate_ns"),
        "add": add,
        "activation": accelerator.cycles("activation_ns"),
        "update": accelerator.cycles("update_ns"),
    }


def sharp_work(
    kernel: ModuleType,
    schedule: str,
    accelerator: Accelerator,
    layers: Layers,
    results: NDArray[np.float64],
    *,
    best: bool = False,
    words: float = ENDLESS_WORDS,
) -> Work:
    """A call of the kernel with everything allocated, as `sharp.cycles.closed_form.evaluate` makes it for a chunk."""
    varying = {"input_size": layers.x, "hidden_size": layers.h, "recurrent_size": layers.h, "seq_len": layers.t}
    varying |= {} if best else {"tile_rows": layers.k}
    constant = {"num_directions": 1.0, "batch_size": 1.0, "num_macs": float(accelerator.num_macs)}
    constant |= {name: float(getattr(accelerator, name)) for name in ("activation_lanes", "rows_per_update_lane")}
    constant |= {name: float(accelerator.cycles(f"{name}_ns")) for name in INPUTS if hasattr(accelerator, f"{name}_ns")}
    constant |= {"levels_per_cycle": 1.0, "intermediate_words": words, "dram_bytes_per_cycle": 1.0}
    constants = np.array([constant.get(name, 0.0) for name in INPUTS])
    places = np.array([list(varying).index(name) if name in varying else -1 for name in INPUTS], dtype=np.int64)
    numbers = SCHEDULES.index(schedule), 0  # the shape of a cell with one phase
    flags = True, False, best  # reconfiguration, streamed
    return partial(
        kernel.evaluate, constants, np.stack(list(varying.values())), places, HEIGHTS, CELL, *numbers, *flags, results
    )


def rival_work(
    rival: Rival, schedule: str, machine: Mapping[str, int], layers: Layers, results: NDArray[Any], best: bool = False
) -> Work:
    """A call of a rival in C with everything allocated."""
    return partial(rival.evaluate, schedule, machine, layers.inputs_as(rival.dtype, best), results)


def numpy_work(schedule: str, machine: Mapping[str, int], layers: Layers, *, best: bool = False) -> Work:
    """A call of the rival in NumPy."""
    evaluate = rival_numpy.evaluate_best if best else rival_numpy.evaluate
    return partial(evaluate, schedule, machine, *layers.inputs(best))


def check_all(kernels: Mapping[str, ModuleType], rivals: Mapping[str, Rival]) -> None:
    """Compare all on random layers, the total and the whole split, on given tile heights and on the best."""
    order = [SHARP_RESULTS.index(name) for name in RESULTS]
    for seed, macs in enumerate(CHECKED_MACS):
        accelerator, layers = find_accelerator("sharp").with_macs(macs), Layers.random(CHECKED_LAYERS // 5, seed)
        machine, count = machine_of(accelerator), CHECKED_LAYERS // 5
        for schedule in SCHEDULES:
            for best in (False, True):
                expected = np.stack(numpy_work(schedule, machine, layers, best=best)())
                for name, kernel in kernels.items():
                    results = np.empty((len(SHARP_RESULTS), count))
                    sharp_work(kernel, schedule, accelerator, layers, results, best=best)()
                    compare(name, results[order], expected)
                for name, rival in rivals.items():
                    results = np.empty((len(RESULTS), count), dtype=rival.dtype)
                    rival_work(rival, schedule, machine, layers, results, best=best)()
                    compare(name, results, expected)
    names = ", ".join([*kernels, *rivals, "NumPy"])
    print(f"Equal on {CHECKED_LAYERS:,} random layers, all schedules, total and split: {names}.\n")


def compare(name: str, results: NDArray[Any], expected: NDArray[np.float64]) -> None:
    """Stop where two rivals differ: there is nothing to time then."""
    different = (results != expected).any(axis=0)
    if different.any():
        place = int(np.argmax(different))
        sys.exit(f"{name} differs from NumPy: {results[:, place].tolist()}, not {expected[:, place].tolist()}")


def works_of(
    kernels: Mapping[str, ModuleType], rivals: Mapping[str, Rival], schedule: str, layers: Layers, *, best: bool = False
) -> dict[str, Work]:
    """A call of everybody, all allocated beforehand but for what NumPy does; integers only where layers are few."""
    accelerator = find_accelerator("sharp")
    machine, works = machine_of(accelerator), {}
    results = np.zeros((len(SHARP_RESULTS), len(layers)))
    for name, kernel in kernels.items():
        works[name] = sharp_work(kernel, schedule, accelerator, layers, results, best=best)
    for name, rival in rivals.items():
        if len(layers) <= CHUNK_POINTS or rival.dtype == np.float64:
            array = np.zeros((len(RESULTS), len(layers)), dtype=rival.dtype)
            works[name] = rival_work(rival, schedule, machine, layers, array, best=best)
    works["NumPy"] = numpy_work(schedule, machine, layers, best=best)
    return works


def goal_of(name: str, names: list[str]) -> str:
    """The goal of a level: the first is the native one, the last the fallback."""
    if not name.startswith("sharp"):
        return ""
    return GOALS["native"] if name == names[0] else GOALS["fallback"] if name.endswith("level 0") else ""


def rates_of(seconds: Mapping[str, Seconds], count: int) -> dict[str, tuple[float, float]]:
    """Million a second, median and best."""
    return {name: (count / times.median / 1e6, count / times.best / 1e6) for name, times in seconds.items()}


def ratios_of(rates: Mapping[str, tuple[float, float]], name: str) -> list[str | None]:
    """Of C in doubles and of NumPy, by medians; nothing where either was not timed."""
    others = ("C, doubles", "NumPy")
    return [ratio(rates[name][0], rates[other][0]) if {name, other} <= set(rates) else None for other in others]


def bench_heights(kernels: Mapping[str, ModuleType], rivals: Mapping[str, Rival]) -> None:
    """A layer on one tile height."""
    few, many = Layers.random(CHUNK_POINTS, 1), Layers.random(MANY, 2)
    rows: list[list[object]] = []
    for schedule in SCHEDULES:
        cached = rates_of(measure(works_of(kernels, rivals, schedule, few), REPETITIONS), CHUNK_POINTS)
        large = rates_of(measure(works_of(kernels, rivals, schedule, many), 3), MANY)
        for name in cached:
            in_caches = [*cached[name], *ratios_of(cached, name)]
            in_memory = large[name][0] if name in large else None
            rows.append([schedule, name, *in_caches, in_memory, *ratios_of(large, name), goal_of(name, list(cached))])
        rows.append([])
    power = MANY.bit_length() - 1
    columns = ["schedule", "who", "2^16, median", "best", "of C", "of NumPy", f"2^{power}", "of C", "of NumPy", "goal"]
    show("Million evaluations a second (a layer on one K, with the split), one core", columns, rows)


def bench_best(kernels: Mapping[str, ModuleType], rivals: Mapping[str, Rival]) -> None:
    """A layer on the best of four tile heights."""
    layers, rows = Layers.random(CHUNK_POINTS, 3), []
    for schedule in SCHEDULES:
        rates = rates_of(measure(works_of(kernels, rivals, schedule, layers, best=True), REPETITIONS), CHUNK_POINTS)
        for name in rates:
            goal = GOALS["best"] if name == next(iter(rates)) else ""
            rows.append([schedule, name, *rates[name], *ratios_of(rates, name), goal])
        rows.append([])
    columns = ["schedule", "who", "median", "best", "of C", "of NumPy", "goal"]
    show("Million layers a second on the best of four K, with the split, one core, 2^16 layers", columns, rows)


def bench_buffer(kernels: Mapping[str, ModuleType]) -> None:
    """`unfolded` where the machine's intermediate buffer may hold a part of the early sums only."""
    accelerator, layers, rows = find_accelerator("sharp"), Layers.random(CHUNK_POINTS, 4), []
    words = accelerator.intermediate_buffer.capacity_bytes // accelerator.partial_sum_bytes
    results = np.zeros((len(SHARP_RESULTS), CHUNK_POINTS))
    for best, what in ((False, "one K"), (True, "best of four K")):
        works = {
            name: sharp_work(kernel, "unfolded", accelerator, layers, results, best=best, words=words)
            for name, kernel in kernels.items()
        }
        rates = rates_of(measure(works, REPETITIONS), CHUNK_POINTS)
        rows += [[what, name, median, highest] for name, (median, highest) in rates.items()]
    columns = ["unfolded", "who", "median", "best"]
    show(f"Million a second where the buffer has {words} words, and some layers need more, one core", columns, rows)


def bench_sweep() -> None:
    """From columns, or from the axes of a grid, to a table."""
    accelerator, layers = find_accelerator("sharp"), Layers.random(2**20, 5)
    values = {"input_size": layers.x, "hidden_size": layers.h, "seq_len": layers.t, "tile_rows": layers.k}
    columns = {name: array.astype(np.int64) for name, array in values.items()}
    axes = {"hidden_size": range(1, 1025), "seq_len": range(1, 257), "macs": ["1K", "4K", "16K", "64K"]}
    points: dict[str, Any] = {
        "columns, one K": columns,
        "columns, best of four K": {name: columns[name] for name in columns if name != "tile_rows"},
        "a grid, best of four K": grid(**axes),
    }
    rows: list[list[object]] = []
    for what, given in points.items():
        threads = sorted({1, os.cpu_count() or 1})
        works = {str(count): partial(sweep, given, accelerator, threads=count) for count in threads}
        rates = rates_of(measure(works, 5), len(layers))
        rows += [[what, count, *rates[count]] for count in works]
    title = f"sharp.sweep, {accelerator.plan.schedule_name}: million points a second, 2^20 points"
    show(title, ["points", "threads", "median", "best"], rows)


def bench_events() -> None:
    """Layers whose units never empty: the event simulator, which stops where its state repeats."""
    accelerator = find_accelerator("sharp")
    layer = RNNLayer(input_size=1024, hidden_size=1024, bidirectional=True)
    plans = {
        "interleaved": Plan(schedule="interleaved", tile_rows=32),
        "unfolded, tilewise": Plan(schedule="unfolded", tile_rows=32, forwarding="tilewise"),
        "interleaved, tilewise": Plan(schedule="interleaved", tile_rows=32, forwarding="tilewise"),
    }
    lengths, rows = (10, 10**3, 10**6, 10**9), []
    for name, plan in plans.items():
        works = {str(steps): partial(count_cycles, layer, steps, accelerator, plan) for steps in lengths}
        rows.append([name, *(times.median * 1e3 for times in measure(works).values()), "do not grow"])
    title = "Event simulator, bidirectional LSTM 1024, 64K MACs, K = 32: milliseconds a layer"
    show(title, ["schedule", *(f"{steps:,} steps" for steps in lengths), "goal"], rows)


def main() -> None:
    """Check, then time."""
    kernels, rivals = levels(), compile_rivals()
    check_all(kernels, rivals)
    bench_heights(kernels, rivals)
    bench_best(kernels, rivals)
    bench_buffer(kernels)
    bench_sweep()
    bench_events()


if __name__ == "__main__":
    main()
