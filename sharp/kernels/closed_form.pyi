from typing import Any

INPUTS: tuple[str, ...]
RESULTS: tuple[str, ...]
COUNTS: tuple[str, ...]
SCHEDULES: tuple[str, ...]
SHAPES: tuple[str, ...]
CELL: tuple[str, ...]
HEIGHTS: int
PRICES: tuple[str, ...]
NEVER: float
MAX_COSTS: int

def processor_level() -> int: ...
def evaluate(
    constants: Any,
    varying: Any,
    places: Any,
    heights: Any,
    cell: Any,
    schedule: int,
    shape: int,
    reconfiguration: bool,
    streamed: bool,
    best: bool,
    results: Any,
) -> None: ...
def count(
    constants: Any,
    varying: Any,
    places: Any,
    heights: Any,
    cell: Any,
    schedule: int,
    shape: int,
    reconfiguration: bool,
    lanes_per_unit: float,
    counts: Any,
) -> None: ...
def add_costs(
    constants: Any,
    varying: Any,
    places: Any,
    heights: Any,
    cell: Any,
    schedule: int,
    shape: int,
    reconfiguration: bool,
    streamed: bool,
    best: bool,
    lanes_per_unit: float,
    price_constants: Any,
    price_varying: Any,
    price_places: Any,
    times: float,
    cycles: Any,
    energy_j: Any,
) -> None: ...
def sift(
    costs: Any, facts: Any, numbers: Any, front_costs: Any, front_facts: Any, front_numbers: Any, count: int
) -> int: ...
