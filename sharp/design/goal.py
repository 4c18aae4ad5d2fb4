"""What a design has to meet, and by what one is better than another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sharp.checks import check_name, check_number, refuse

OBJECTIVES = ("energy", "latency", "area", "edp")
"""What is least in the best design: J a window, s, mm2, or J s (energy times latency)."""

LIMITS = {
    "deadline": ("deadline_s", "s"),
    "power": ("power_w", "W"),
    "area": ("area_mm2", "mm2"),
    "period": ("period_s", "s"),
}
"""What a goal says as files and the command call it, with its field of `Goal` and the unit of that."""


class Costs(NamedTuple):
    """What a design costs for one run of the network."""

    latency_s: float
    energy_j: float
    """Of the run, and of what leaks until the window ends."""
    power_w: float
    """On average while it runs."""
    area_mm2: float


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A deadline, other limits, and an objective.

    Examples
    --------
    A frame every 10 ms, each done before the next, at least energy; what leaks while the machine waits counts:

    >>> from sharp.design import Goal
    >>> goal = Goal(deadline_s=0.01, power_w=5)
    >>> goal.excess(goal.costs(latency_s=0.004, energy_j=0.03, area_mm2=90, leakage_w=2))
    {'power_w': 1.5}
    """

    deadline_s: float
    """From the first input to the last output."""
    power_w: float | None = None
    """Most on average while it runs; None: whatever it takes."""
    area_mm2: float | None = None
    """Most; None: whatever it takes."""
    objective: str = "energy"
    """One of `OBJECTIVES`."""
    period_s: float | None = None
    """Time from one run to the next; the deadline where none is given. The machine leaks until then."""

    def __post_init__(self) -> None:
        check_number("deadline_s", self.deadline_s)
        for name in ("power_w", "area_mm2", "period_s"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name))
        check_name("objective", self.objective, OBJECTIVES)
        if self.period_s is not None and self.period_s < self.deadline_s:
            raise refuse("period_s", f"at least the deadline, {self.deadline_s:g} s", self.period_s)

    def costs(self, *, latency_s: float, energy_j: float, area_mm2: float, leakage_w: float) -> Costs:
        """What a run of so much energy costs with the leakage until the window ends."""
        window_s = self.deadline_s if self.period_s is None else self.period_s
        idle_j = leakage_w * max(0.0, window_s - latency_s)
        return Costs(latency_s, energy_j + idle_j, energy_j / latency_s, area_mm2)

    def excess(self, costs: Costs) -> dict[str, float]:
        """By how many times each limit that is not met is exceeded; none where all are met."""
        limits = {"latency_s": self.deadline_s, "power_w": self.power_w, "area_mm2": self.area_mm2}
        ratios = {name: getattr(costs, name) / limit for name, limit in limits.items() if limit is not None}
        return {name: ratio for name, ratio in ratios.items() if ratio > 1}

    def score(self, costs: Costs) -> float:
        """The objective; less is better."""
        if self.objective == "edp":
            return costs.energy_j * costs.latency_s
        return {"energy": costs.energy_j, "latency": costs.latency_s, "area": costs.area_mm2}[self.objective]
