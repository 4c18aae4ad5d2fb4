from typing import Any

def advance(
    segments: Any,
    runs: Any,
    signals: Any,
    mvm: int,
    rounds: int,
    state: Any,
    checkpoint: Any,
    skip: bool,
) -> None: ...
def record(
    segments: Any,
    runs: Any,
    signals: Any,
    mvm: int,
    first_round: int,
    rounds: int,
    state: Any,
    events: Any,
) -> int: ...
