"""What a design has to meet, and by what one is better than another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from sharp.checks import check_name, check_number, refuse
from sharp.cycles.simulate import Report
from sharp.space.scenario import Scenario

OBJECTIVES = ("energy", "latency", "area", "edp", "power")
"""What is least in the best design: J a window, s, mm2, J s (energy times latency), or W while it runs."""

LIMITS = {
    "deadline": ("deadline_s", "s"),
    "power": ("power_w", "W"),
    "area": ("area_mm2", "mm2"),
    "period": ("period_s", "s"),
}
"""What a goal says as files and the command call it, with its field of `Goal` and the unit of that."""


class Costs(NamedTuple):
    """What a design costs for one run of the network; numbers, or arrays of many designs."""

    latency_s: Any
    energy_j: Any
    """Of the run, and of what leaks until the window ends."""
    power_w: Any
    """On average while it runs."""
    area_mm2: Any


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

    deadline_s: float | None = None
    """From the first input to the last output; None: whatever it takes."""
    power_w: float | None = None
    """Most on average while it runs; None: whatever it takes."""
    area_mm2: float | None = None
    """Most; None: whatever it takes."""
    objective: str = "energy"
    """One of `OBJECTIVES`."""
    period_s: float | None = None
    """Time from one run to the next; the deadline where none is given. The machine leaks until then."""

    def __post_init__(self) -> None:
        for name in ("deadline_s", "power_w", "area_mm2", "period_s"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name))
        check_name("objective", self.objective, OBJECTIVES)
        if self.period_s is not None and self.deadline_s is not None and self.period_s < self.deadline_s:
            raise refuse("period_s", f"at least the deadline, {self.deadline_s:g} s", self.period_s)

    @property
    def limits(self) -> dict[str, float]:
        """What is asked for, by the fields of `Costs`."""
        limits = {"latency_s": self.deadline_s, "power_w": self.power_w, "area_mm2": self.area_mm2}
        return {name: limit for name, limit in limits.items() if limit is not None}

    def costs(self, *, latency_s: Any, energy_j: Any, area_mm2: Any, leakage_w: Any) -> Costs:
        """What a run of so much energy costs with the leakage until the window ends; of numbers or arrays."""
        window_s = self.deadline_s if self.period_s is None else self.period_s
        wait_s = 0.0 if window_s is None else (window_s - latency_s) * (latency_s < window_s)
        return Costs(latency_s, energy_j + leakage_w * wait_s, energy_j / latency_s, area_mm2)

    def excess(self, costs: Costs) -> dict[str, float]:
        """By how many times each limit that is not met is exceeded; none where all are met."""
        ratios = {name: getattr(costs, name) / limit for name, limit in self.limits.items()}
        return {name: ratio for name, ratio in ratios.items() if ratio > 1}

    def worst(self, costs: Costs) -> Any:
        """What a design needs of the limit that it comes nearest to or misses most, over that limit; of arrays."""
        import numpy as np

        worst = np.zeros(np.shape(costs.latency_s))
        for name, limit in self.limits.items():
            worst = np.maximum(worst, getattr(costs, name) / limit)
        return worst

    def score(self, costs: Costs, objective: str = "") -> Any:
        """An objective, this goal's own unless another is named; less is better."""
        asked = objective or self.objective
        if asked == "edp":
            return costs.energy_j * costs.latency_s
        found = {"energy": "energy_j", "latency": "latency_s", "area": "area_mm2", "power": "power_w"}
        return getattr(costs, found[asked])


def run_costs(scenario: Scenario, goal: Goal) -> tuple[Report, Costs]:
    """A run, and what it costs."""
    report: Any = scenario.run()
    spent = scenario.evaluate(report)
    made = spent.implementation
    costs = goal.costs(
        latency_s=report.latency_s,
        energy_j=spent.energy.total_j,
        area_mm2=sum(made.area_mm2.values()),
        leakage_w=made.leakage_w,
    )
    return report, costs
