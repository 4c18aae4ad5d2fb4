from typing import Any

INPUTS: tuple[str, ...]
RESULTS: tuple[str, ...]
COUNTS: tuple[str, ...]
SCHEDULES: tuple[str, ...]
SHAPES: tuple[str, ...]
CELL: tuple[str, ...]
HEIGHTS: int

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
