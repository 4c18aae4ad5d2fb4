"""A search beside a plain loop in C: `python benchmarks/bench_search.py`, or `make bench`.

1. A layer on every combination of lanes, two latencies and hidden size, to its front: `sharp.design.search` on one
   thread beside `rival_search.c`, which gets the same prices and works out all else by itself.
   The fronts are compared before.
2. Designs a second of the search on all cores, of the layer and of a whole network, and what 10^9 and 10^7 would take.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
from bench_closed_form import machine_of
from rival_c import MACHINE, ROOT, VECTOR_FLAGS
from timing import measure, ratio, show

from sharp import find_accelerator, find_network
from sharp.design.candidates import Candidates
from sharp.design.search import prepare, search
from sharp.units import cycles_from_ns

ACCELERATOR = find_accelerator("sharp").with_macs("64K")
STEPS = 25
AXES = {
    "activation_lanes": [16 * (1 + step) for step in range(32)],
    "activation_ns": [2.0 * (5 + step) for step in range(16)],
    "update_ns": [2.0 * (8 + step) for step in range(16)],
    "hidden_size": list(range(256, 1280, 2)),
}
OF_A_NETWORK = {
    **{name: AXES[name] for name in ("activation_lanes", "activation_ns", "update_ns")},
    "weights": ["resident"],
}
PRICES = ("padding_j", "cycle_j", "bank_read_j", "vector_read_j", "sum_kept_j")


class Design(ctypes.Structure):
    """`design` of rival_search.c."""

    _fields_ = [(name, ctypes.c_double) for name in ("latency", "energy", "area")] + [("number", ctypes.c_int64)]


def compiled() -> Any:
    """The rival, None after a sentence where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("There is no C compiler (cc) on this machine: the rival in C is left out.\n")
        return None
    folder = ROOT / "build" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "rival_search.so"
    source = ROOT / "benchmarks" / "rival_search.c"
    subprocess.run([compiler, *VECTOR_FLAGS, "-shared", "-fPIC", str(source), "-o", str(library), "-lm"], check=True)
    found = ctypes.CDLL(str(library)).search
    found.restype = ctypes.c_size_t
    return found


def rival_of(function: Any, candidates: Candidates) -> Any:
    """A call of the rival, which returns the numbers of its front; prices are the search's own."""
    (part,) = candidates.parts
    alike = part.alike
    assert alike is not None, "the closed form knows the layer"
    kept, lanes, hidden = alike._prices[0], len(AXES["activation_lanes"]), len(AXES["hidden_size"])
    columns = [np.broadcast_to(np.ravel(kept[name]), lanes) for name in PRICES]
    prices = np.ascontiguousarray(np.stack([*columns, np.broadcast_to(np.ravel(alike._area_mm2), lanes)], axis=1))
    fixed = np.ascontiguousarray(np.broadcast_to(kept["fixed_j"], (lanes, 1, 1, hidden)).reshape(lanes, hidden))
    clock = ACCELERATOR.clock_hz
    values = {name: np.array(numbers, dtype=float) for name, numbers in AXES.items()}
    for name in ("activation_ns", "update_ns"):
        values[name] = np.array([cycles_from_ns(number, clock) for number in AXES[name]], dtype=float)
    fields = machine_of(ACCELERATOR)
    machine = (ctypes.c_double * len(MACHINE))(*(fields[name] for name in MACHINE))
    front = (Design * 10**6)()
    arguments: list[Any] = [machine, *map(ctypes.c_double, (clock, STEPS, ACCELERATOR.lanes_per_unit))]
    arguments += [ctypes.c_size_t(lanes), _pointer(values["activation_lanes"]), _pointer(prices)]
    for name in ("activation_ns", "update_ns", "hidden_size"):
        arguments += [ctypes.c_size_t(len(values[name])), _pointer(values[name])]
    arguments += [_pointer(fixed), front]

    def work() -> list[int]:
        kept_alive = values, prices, fixed  # noqa: F841
        return sorted(front[place].number for place in range(function(*arguments)))

    return work


def _pointer(array: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def main() -> None:
    """Compare, then time."""
    candidates, _ = prepare(AXES, accelerator=ACCELERATOR)
    mine = partial(search, AXES, accelerator=ACCELERATOR, threads=1)
    works: dict[str, Any] = {"sharp, one thread": mine}
    function = compiled()
    if function is not None:
        works["plain C, one thread"] = rival_of(function, candidates)
        expected, found = works["plain C, one thread"](), mine().found.front.numbers.tolist()
        if expected != found:
            sys.exit(f"the rival has a front of {len(expected)} designs, the search one of {len(found)}")
        print(f"Equal fronts of {len(found)} designs.\n")
    rows: list[list[object]] = []
    times = measure(works, 3)
    for name, seconds in times.items():
        of_c = ratio(times["plain C, one thread"].median, seconds.median) if function is not None else None
        rows.append([name, len(candidates) / seconds.median / 1e6, of_c])
    show(
        "A layer on the best of four K, with energy, area and front: million designs a second",
        ["who", "median", "of C"],
        rows,
    )
    bench_all()


def bench_all() -> None:
    """On all cores."""
    cores = os.cpu_count() or 1
    layer = partial(
        search, AXES | {"chained_levels": [1, 2], "rows_per_update_lane": [2, 4, 8]}, accelerator=ACCELERATOR
    )
    network = partial(search, OF_A_NETWORK, network=find_network("eesen"), accelerator=ACCELERATOR)
    counts = {"a layer": 6 * 32 * 16 * 16 * 512, "EESEN": 32 * 16 * 16}
    rows: list[list[object]] = []
    for name, work, many in (("a layer", layer, 10**9), ("EESEN", network, 10**7)):
        seconds = measure({name: work}, 3)[name].median
        rate = counts[name] / seconds
        rows.append([name, rate / 1e6, f"{many:.0e}", many / rate, "60 at most"])
    columns = ["designs of", "million/s", "designs", "seconds for these", "goal"]
    show(f"sharp.design.search on {cores} cores, best of four K, with energy, area and front", columns, rows)


if __name__ == "__main__":
    main()
