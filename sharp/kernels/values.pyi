from typing import Any

LANES_A_PANEL: int

def multiply(
    panels: Any,
    vectors: Any,
    first_column: int,
    last_column: int,
    width: int,
    starts: bool,
    rows: Any,
    bits: int,
    lowest: int,
    greatest: float,
    sums: Any,
) -> None: ...
