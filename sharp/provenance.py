"""Where a number comes from and how far to trust it: unit, source, status, plausible range."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from sharp.checks import check_name, check_text, refuse

STATUSES = {
    "published": "read in a public text that we name",
    "recalled": "attributed to a text that we could not open, checked by arithmetic where possible",
    "derived": "computed by us from published facts",
    "assumed": "an engineering choice with a stated plausible range and reason",
    "given": "put in by a user, who vouches for it",
}
"""What each status means (book, page "How far to trust a number")."""


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


@dataclass(frozen=True, kw_only=True)
class PublishedNumber:
    """A number that a text prints, such as a speedup in one of the paper's tables, to be compared with.

    Its provenance says where it is printed, in which unit, and how it was read.
    """

    value: float
    provenance: Provenance
