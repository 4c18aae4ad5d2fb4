"""Where a number comes from and how far to trust it: unit, source, status, plausible range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from typing import Any

from sharp.checks import check_name, check_text, refuse
from sharp.quantities import written

STATUSES = {
    "published": "read in a public text that we name",
    "recalled": "attributed to a text that we could not open, checked by arithmetic where possible",
    "derived": "computed by us from published facts",
    "assumed": "an engineering choice with a stated plausible range and reason",
    "given": "put in by a user, who vouches for it",
}
"""What each status means (book, page "How far to trust a number")."""

PLAUSIBLE = {"Hz": (1e6, 1e11), "byte/s": (1e6, 1e15), "ns": (1e-3, 1e6)}
"""Least and greatest number of a unit that any chip has, for numbers that say no range: to see a mistaken unit."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a number comes from, and how far to trust it: its source, its status, its unit, its plausible range.

    Every number that goes into the model has one. A status is one of `STATUSES`: published, recalled, derived, assumed,
    or given by a user; an assumed number needs a range, over which `sharp.claims.uncertainty` moves it.

    Examples
    --------
    >>> import sharp
    >>> latency = sharp.find_accelerator("sharp").provenance["activation_ns"]
    >>> latency.status, latency.low, latency.high, latency.unit
    ('assumed', 16.0, 48.0, 'ns')
    >>> latency.covers(60.0)
    False
    """

    source: str
    """The public text, or the reasoning, that the number rests on."""
    status: str
    """One of `STATUSES`."""
    unit: str = "1"
    """Unit as printed; "1" for a pure number."""
    low: float | None = None
    """Least plausible value, in `unit`; None where no range applies."""
    high: float | None = None
    """Greatest plausible value, in `unit`."""

    def __post_init__(self) -> None:
        check_text("source", self.source)
        check_text("unit", self.unit)
        check_name("status", self.status, STATUSES)
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        numbers = [bound for bound in bounds if isinstance(bound, int | float) and not isinstance(bound, bool)]
        if len(bounds) == 1 or numbers != bounds or not all(low <= high for low, high in pairwise(numbers)):
            raise refuse("range", "two numbers, the lower one first", [self.low, self.high])
        if self.status == "assumed" and self.low is None:
            raise refuse("range", "a plausible range for an assumed number", None)

    def covers(self, value: float) -> bool:
        """Whether `value` lies in the plausible range (True where there is none)."""
        return self.low is None or self.high is None or self.low <= value <= self.high


def given_instead(entry: Provenance | None, unit: str) -> Provenance:
    """Where a number comes from that a user puts in the place of another: its range is still what is plausible."""
    entry = Provenance(source="a setting", status="given", unit=unit) if entry is None else entry
    return replace(entry, source="a setting", status="given")


def unusual(
    values: Mapping[str, Any], units: Mapping[str, str], provenance: Mapping[str, Provenance]
) -> tuple[str, ...]:
    """One sentence on numbers outside their plausible range, which is that of their unit where they have none.

    Parameters
    ----------
    values : mapping of str to number or tuple of numbers
    units : mapping of str to str
        Of each.
    provenance : mapping of str to Provenance
        Of those of which it is known.

    Examples
    --------
    >>> from sharp.provenance import unusual
    >>> unusual({"clock_hz": 500.0, "dram_bytes_per_s": 3e10}, {"clock_hz": "Hz", "dram_bytes_per_s": "byte/s"}, {})
    ('outside the plausible range: clock_hz 500 Hz (1 MHz to 100 GHz)',)
    """
    odd: list[str] = []
    for name, value in values.items():
        entry, unit = provenance.get(name), units[name]
        low, high = PLAUSIBLE.get(unit, (0.0, inf))
        if entry is not None and entry.low is not None and entry.high is not None:
            low, high = entry.low, entry.high
        numbers = [each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, int | float)]
        ends = {min(numbers, default=low), max(numbers, default=high)}
        plausible = f"({written(low, unit)} to {written(high, unit)})"
        odd += [f"{name} {written(end, unit)} {plausible}" for end in sorted(ends) if not low <= end <= high]
    return (f"outside the plausible range: {', '.join(odd)}",) if odd else ()


@dataclass(frozen=True, kw_only=True)
class PublishedNumber:
    """A number that a text prints, such as a speedup in one of the paper's tables, to be compared with.

    Its provenance says where it is printed, in which unit, and how it was read.
    """

    value: float
    provenance: Provenance
