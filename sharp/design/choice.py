"""Choose: every design of a space for a network, those that meet a goal, the best first, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sharp.checks import check_integer, check_kind
from sharp.claims.assumptions import assumed_parameters, draw
from sharp.cycles.counting import Progress
from sharp.cycles.simulate import Report
from sharp.design.axes import base_scenario, check_axes, default_axes, points, scenario_at
from sharp.design.goal import Costs, Goal, run_costs
from sharp.errors import SharpError, SpecificationError
from sharp.space.scenario import Scenario
from sharp.workload.network import Network

if TYPE_CHECKING:
    import pandas as pd

    from sharp.energy.technology import Technology
    from sharp.machine.accelerator import Accelerator

SAMPLES = 64
"""Samples of all assumed numbers on which a design's confidence rests, unless asked otherwise."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """A machine, how it is run, and what a run of the network costs on it."""

    point: Mapping[str, Any]
    """Its values by axis."""
    costs: Costs
    excess: Mapping[str, float]
    """By how many times it exceeds each limit that it does not meet."""
    score: float
    """The objective; less is better."""
    binding: str
    """What keeps it from being faster: one of `sharp.cycles.bound.LIMITS`, or "DRAM" where most waits are for it."""
    report: Report = field(repr=False, compare=False)
    """The run."""
    confidence: float | None = None
    """Share of samples of all assumed numbers in which it meets the goal; None where it was not asked for."""

    @property
    def worst(self) -> float:
        """By how many times it exceeds the limit that it misses most; at most 1 where it meets all."""
        return max(self.excess.values(), default=1.0)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        machine, plan = self.report.accelerator, self.report.plan.as_dict()
        return {
            "macs": machine.num_macs,
            "clock_hz": machine.clock_hz,
            "tile_rows": list(machine.tile_rows),
            "activation_lanes": machine.activation_lanes,
            "schedule": plan["schedule"],
            "order": plan.get("order", "layers"),
            "weights": plan["weights"],
            **self.costs._asdict(),
            "binding": self.binding,
            "confidence": self.confidence,
            "excess": dict(self.excess),
            "point": {name: list(value) if isinstance(value, tuple) else value for name, value in self.point.items()},
        }


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The designs of a space for a network, the best first: those that meet the goal, then the nearest to it."""

    network: Network
    goal: Goal
    designs: tuple[Design, ...]
    """All that could be run; those that meet the goal by the objective, then the others by what they miss most."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Why designs could not be run, and how many of them each."""

    @property
    def meets(self) -> bool:
        """Whether any design meets the goal."""
        return not self.designs[0].excess

    @property
    def pareto(self) -> tuple[Design, ...]:
        """Designs that no other beats in latency, energy and area at once, by latency."""
        kept: list[Design] = []
        for design in sorted(self.designs, key=lambda design: design.costs[:2] + design.costs[3:]):
            if not any(_is_no_worse(other.costs, design.costs) for other in kept):
                kept.append(design)
        return tuple(kept)

    def as_dict(self, most: int = 5) -> dict[str, Any]:
        """As JSON has it, the `most` best designs."""
        return {
            "network": self.network.name,
            "meets": self.meets,
            "goal": {name: getattr(self.goal, name) for name in self.goal.__dataclass_fields__},
            "tried": len(self.designs),
            "refused": dict(self.refused),
            "designs": [design.as_dict() for design in self.designs[:most]],
        }

    def warnings(self, most: int = 5) -> list[str]:
        """What the numbers of the `most` best designs leave out, a sentence each; not what is odd of their machines."""
        reports = [design.report for design in self.designs[:most]]
        said = [sentence for report in reports for sentence in report.cautions]
        of_numbers = {sentence for report in reports for sentence in report.accelerator.cautions}
        return list(dict.fromkeys(sentence for sentence in said if sentence not in of_numbers))

    def table(self) -> pd.DataFrame:
        """A row a design: its values by axis, its costs, whether it meets the goal and is on the Pareto front."""
        import pandas as pd

        front = {id(design) for design in self.pareto}
        rows = [
            {
                **{
                    name: str(value) if isinstance(value, list | tuple) else value
                    for name, value in design.point.items()
                },
                **design.costs._asdict(),
                "binding": design.binding,
                "meets": not design.excess,
                "pareto": id(design) in front,
            }
            for design in self.designs
        ]
        return pd.DataFrame(rows)


def choose(
    network: Network,
    goal: Goal,
    *,
    axes: Mapping[str, Any] | None = None,
    accelerator: Accelerator | None = None,
    technology: Technology | None = None,
    samples: int = SAMPLES,
    sure: int = 3,
    progress: Progress | None = None,
) -> Choice:
    """Try every design of a space for a network, and order them by a goal.

    Parameters
    ----------
    network : Network
    goal : Goal
        Deadline, other limits, objective.
    axes : mapping of str to sequence, optional
        What varies over which values, by the names of `sharp.space.scenario.COLUMNS` of machine and plan, a
        technology's settings, ``tile_set`` (lists of tile heights) and ``precision``; by default
        `sharp.design.axes.default_axes`.
    accelerator : Accelerator, optional
        What does not vary; SHARP by default.
    technology : Technology, optional
        32 nm by default.
    samples : int
        Samples of all assumed numbers of machine and technology, for the confidence; 0: none is given.
    sure : int
        How many of the best designs get a confidence.
    progress : callable, optional
        Called now and then with the share of the designs tried.

    Returns
    -------
    Choice
        Every design is tried: the best is the best of the space.

    Raises
    ------
    SpecificationError
        Where an axis makes no sense, there are too many designs, or none of them can run the network.

    Examples
    --------
    >>> import sharp
    >>> from sharp.design import Goal, choose
    >>> network = sharp.find_network("bysdne")
    >>> choice = choose(network, Goal(deadline_s=2e-4, area_mm2=100), axes={"macs": ["1K", "4K", "16K"]}, samples=0)
    >>> choice.meets, choice.designs[0].point
    (True, {'macs': '4K'})
    """
    check_kind("network", network, Network)
    check_kind("goal", goal, Goal)
    check_integer("samples", samples, minimum=0)
    base = base_scenario(network, accelerator, technology)
    checked = check_axes(default_axes(base) if axes is None else axes)
    found, refused = _try_all(base, goal, list(points(checked)), progress)
    if not found:
        reason, _ = refused.most_common(1)[0]
        raise SpecificationError(f"axes: expected a design that can run the network, got none; of most: {reason}")
    order = sorted(found, key=lambda design: (design.worst, design.score) if design.excess else (0.0, design.score))
    best = [_with_confidence(base, goal, design, samples) if samples else design for design in order[:sure]]
    return Choice(network=network, goal=goal, designs=(*best, *order[sure:]), refused=dict(refused.most_common()))


def _try_all(
    base: Scenario, goal: Goal, places: Sequence[dict[str, Any]], progress: Progress | None
) -> tuple[list[Design], Counter[str]]:
    """Every design that can be run, and how many cannot by reason."""
    found, refused = [], Counter[str]()
    for place, point in enumerate(places):
        try:
            scenario = scenario_at(base, point)
            report, costs = run_costs(scenario, goal)
        except SharpError as error:
            refused[str(error)] += 1
        else:
            excess = goal.excess(costs)
            found.append(
                Design(
                    point=point,
                    costs=costs,
                    excess=excess,
                    score=goal.score(costs),
                    binding=_binding(report),
                    report=report,
                )
            )
        if progress is not None:
            progress((place + 1) / len(places))
    return found, refused


def _binding(report: Report) -> str:
    split = report.counts.split
    waits = {name: split[name] for name in split if name != "ideal"}
    if max(waits, key=waits.__getitem__) == "weight_load" and waits["weight_load"] > split["ideal"]:
        return "DRAM"
    return report.bound.binding


def _with_confidence(base: Scenario, goal: Goal, design: Design, samples: int) -> Design:
    """The design with the share of samples of all assumed numbers in which it meets the goal."""
    scenario = scenario_at(base, design.point)
    assert scenario.technology is not None, "a choice has a technology"
    moved = [
        parameter
        for parameter in assumed_parameters(scenario.tiles, scenario.technology, [])
        if parameter.of in ("machine", "technology")
    ]
    if not moved:
        return replace(design, confidence=float(not design.excess))
    drawn = draw(moved, samples)
    met = [
        not goal.excess(run_costs(scenario.at({name: values[index] for name, values in drawn.items()}), goal)[1])
        for index in range(len(next(iter(drawn.values()))))
    ]
    return replace(design, confidence=float(np.mean(met)))


def _is_no_worse(one: Costs, other: Costs) -> bool:
    """Whether a design's latency, energy and area are all at most another's."""
    return all(getattr(one, name) <= getattr(other, name) for name in ("latency_s", "energy_j", "area_mm2"))
