"""Speed of the values core beside NumPy's matrix product and the specification in plain NumPy, in one run on one core.

    .venv/bin/python benchmarks/bench_values.py [--quick]

Prints billion multiply-accumulates a second:

1. of the products of a matrix and a vector alone, in the order in which a tile adds them (fp16/fp32 has the speed of
   fp32/fp32: the core multiplies floats), beside ``matrix @ vector`` of NumPy in float32, on one thread;
2. of a whole LSTM layer, its cells included, beside the same layer by `sharp.kernels.reference_values`;
3. seconds of all layers of EESEN over 500 steps. Its goal: below 10.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # before NumPy

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from timing import measure, ratio, show

import sharp
from sharp.kernels import values as kernel
from sharp.values.formats import numerics
from sharp.values.weights import random_weights

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1] / "tests" / "values")]
from values_cases import Case, reference_run  # noqa: E402

QUICK = "--quick" in sys.argv
REPETITIONS = 3 if QUICK else 15
SHAPES = ((1360, 1020), (2048, 1024), (4096, 2048))
"""Rows and columns: a layer of EESEN, square LSTMs of 512 and of 1024 cells."""


def product(rows: int, columns: int, width: int, dtype: type) -> Callable[[], object]:
    """A call of the core with everything allocated."""
    rng, lanes = np.random.default_rng(0), kernel.LANES_A_PANEL
    count = -(-rows // lanes)
    panels = rng.normal(size=(count, columns, lanes)).astype(dtype)
    vectors, sums = rng.normal(size=(1, columns)).astype(dtype), np.zeros((1, count * lanes), dtype)
    ranges = np.array([[0, rows]], dtype=np.int64)
    return partial(kernel.multiply, panels, vectors, 0, columns, width, True, ranges, 0, 0, 0.0, sums)


def bench_products() -> None:
    """The products alone."""
    table: list[list[object]] = []
    for rows, columns in SHAPES:
        rng = np.random.default_rng(0)
        matrix, vector = (rng.normal(size=shape).astype(np.float32) for shape in ((rows, columns), columns))
        works = {f"floats, N = {width}": product(rows, columns, width, np.float32) for width in (32, 512)}
        works |= {"exact integers, N = 512": product(rows, columns, 512, np.float64)}
        works |= {"NumPy, float32": partial(np.matmul, matrix, vector)}
        rates = {name: rows * columns / s.median / 1e9 for name, s in measure(works, REPETITIONS).items()}
        for name, rate in rates.items():
            goal = "1" if name.startswith("floats") else ""
            table.append([f"{rows} x {columns}", name, rate, ratio(rate, rates["NumPy, float32"]), goal])
        table.append([])
    columns_shown = ["matrix", "who", "billion a second", "of NumPy", "goal"]
    show("Multiply-accumulates of a matrix and a vector, one core", columns_shown, table)


def bench_layer() -> None:
    """A layer with its cells."""
    layer, machine = sharp.RNNLayer(input_size=256, hidden_size=256), sharp.find_accelerator("sharp").with_macs("64K")
    x = np.random.default_rng(0).normal(size=(20, 1, 256))
    rows: list[list[object]] = []
    for label in ("fp16/fp32", "fp32/fp32", "int8/int32", "fp16/fp16"):
        plan, weights = sharp.Plan(schedule="unfolded", tile_rows=128), random_weights(layer, seed=0)
        case = Case(layer, machine, plan, numerics(label), weights, x, (len(x),), {})
        seconds = measure({"ours": case.execute, "specification": partial(reference_run, case)}, 1 if QUICK else 5)
        rates = {name: layer.num_weights * len(x) / s.median / 1e9 for name, s in seconds.items()}
        rows.append([label, *rates.values(), ratio(rates["ours"], rates["specification"])])
    columns = ["formats", "billion a second", "specification", "times"]
    show("An LSTM of 256 cells, 20 steps, everything included", columns, rows)


def bench_network() -> None:
    """All layers of EESEN."""
    network, machine = sharp.find_network("eesen"), sharp.find_accelerator("sharp")
    x = np.random.default_rng(0).normal(size=(network.seq_len, 1, network.layers[0].input_size))
    weights = [random_weights(layer, seed=place) for place, layer in enumerate(network.layers)]
    started = time.perf_counter()
    for layer, its in zip(network.layers, weights, strict=True):
        x = sharp.execute_layer(layer, its, x, machine, formats=numerics("fp16/fp32")).output
    seconds = time.perf_counter() - started
    rate = network.num_macs / seconds / 1e9
    columns = ["steps", "seconds", "billion a second", "goal"]
    show("EESEN, fp16/fp32", columns, [[network.seq_len, seconds, rate, "10 s"]])


bench_products()
bench_layer()
bench_network()
