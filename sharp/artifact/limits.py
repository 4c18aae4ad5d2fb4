"""How long a notebook may take."""

from __future__ import annotations

from sharp.checks import refuse

TIMEOUT_S = 3600.0
"""Where nothing else is asked for."""
_LONGEST_S = 10_000_000
"""What timers can wait for."""


def check_timeout(where: str, value: float) -> float:
    """Return `value` if it is a number of seconds that can be waited for."""
    if not 0 < value <= _LONGEST_S:
        raise refuse(where, f"a number of seconds up to {_LONGEST_S}", value)
    return value
