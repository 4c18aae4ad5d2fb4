from typing_extensions import Buffer

def advance(
    segments: Buffer,
    runs: Buffer,
    latencies: Buffer,
    steps: int,
    first_round: int,
    last_round: int,
    state: Buffer,
) -> None: ...
def record(
    segments: Buffer,
    runs: Buffer,
    latencies: Buffer,
    steps: int,
    first_round: int,
    last_round: int,
    state: Buffer,
    events: Buffer,
) -> int: ...
