from typing import Any

def advance(
    segments: Any,
    runs: Any,
    latencies: Any,
    steps: int,
    first_round: int,
    last_round: int,
    state: Any,
    events: Any = None,
) -> int: ...
