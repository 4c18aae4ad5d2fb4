"""What the adapters and `run.py` share: the workload, the clock and the JSON line (standard library only)."""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TypeVar

HIDDEN_SIZE = 1024
STEPS = 25
ROWS = 4 * HIDDEN_SIZE
"""Rows of the matrix of one step: four gates."""
COLUMNS = 2 * HIDDEN_SIZE
"""Columns of the matrix of one step: x_t beside h_(t-1)."""
ARRAY_ROWS = ARRAY_COLUMNS = 64
"""4096 multiply-accumulate units."""

REPETITIONS = 5
LONG_S = 10.0
"""A work that takes this long is not repeated."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One setting of a peer: what was timed, for how long, and what it says for the layer."""

    name: str
    measured: str
    """What ran inside the clock."""
    seconds_measured: float
    """Median of the repetitions."""
    repetitions: int
    multiplied_by: int
    """Factor from what was measured to the layer, of seconds and of cycles."""
    reported_cycles: int
    """For the layer."""

    @property
    def seconds_per_layer(self) -> float:
        """Seconds for the 25 steps."""
        return self.seconds_measured * self.multiplied_by


def measure(work: Callable[[], Result], repetitions: int = REPETITIONS) -> tuple[float, int, Result]:
    """Median wall time of `work`, how often it ran, and its last result; once only if the first run is long."""
    times: list[float] = []
    while True:
        started = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - started)
        if len(times) == repetitions or times[0] >= LONG_S:
            return statistics.median(times), len(times), result


def time_import(load: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds that a function which imports takes, and what it returns."""
    started = time.perf_counter()
    loaded = load()
    return time.perf_counter() - started, loaded


def print_report(
    *,
    distribution: str,
    import_s: float,
    variants: list[Variant],
    one_product: Variant,
    cycles_are: str,
    represents: str,
    cannot_represent: str,
) -> None:
    """Print the line that `run.py` reads; the variant that is fastest stands for the peer."""
    best = min(variants, key=lambda variant: variant.seconds_per_layer)
    line = {
        "peer": distribution,
        "version": version(distribution),
        "seconds_per_layer": best.seconds_per_layer,
        "import_s": import_s,
        "repetitions": best.repetitions,
        "reported_cycles": best.reported_cycles,
        "cycles_are": cycles_are,
        "setting": best.name,
        "measured": best.measured,
        "seconds_measured": best.seconds_measured,
        "multiplied_by": best.multiplied_by,
        "seconds_one_product": one_product.seconds_measured,
        "one_product_setting": one_product.name,
        "variants": [asdict(variant) | {"seconds_per_layer": variant.seconds_per_layer} for variant in variants],
        "represents": represents,
        "cannot_represent": cannot_represent,
    }
    print(json.dumps(line), flush=True)
