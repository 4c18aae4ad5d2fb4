from typing import Any

SEGMENTS: tuple[str, ...]
RUNS: tuple[str, ...]
SIGNALS: tuple[str, ...]
EVENTS: tuple[str, ...]
MACHINE: tuple[str, ...]

def state_size(num_signals: int, num_states: int) -> int: ...
def advance(
    segments: Any,
    runs: Any,
    signals: Any,
    mvm: int,
    rounds: int,
    state: Any,
    scratch: Any,
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
