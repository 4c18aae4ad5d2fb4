"""What candidates of a search come to: piece by piece into a front, and nothing kept of the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import Any

from sharp.checks import check_name
from sharp.cycles.counting import Progress
from sharp.design.axes import MAX_DESIGNS
from sharp.design.candidates import Candidates, Part
from sharp.design.goal import OBJECTIVES, Costs, Goal, run_costs
from sharp.errors import SharpError, SpecificationError
from sharp.space.cutting import Piece, Reader
from sharp.space.front import Front

_TASK_PIECES = 64
"""Pieces of a task, some seconds' work."""
FACTS = Costs._fields
"""What a front keeps of a design beside its objectives."""


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What a search is for: what designs have to meet, and in what none on the front is beaten."""

    goal: Goal
    objectives: tuple[str, ...] = ("latency", "energy", "area")
    """Of `sharp.design.goal.OBJECTIVES`."""

    def __post_init__(self) -> None:
        for name in self.objectives:
            check_name("objectives", name, OBJECTIVES)
        if not self.objectives or len(set(self.objectives)) < len(self.objectives) or len(self.objectives) > 4:
            raise SpecificationError(f"objectives: expected one to four different ones, got {list(self.objectives)}")


@dataclass
class Found:
    """What some candidates came to; of several it adds up, in whatever order."""

    front: Front
    tried: int = 0
    """Candidates that have costs."""
    nearest: tuple[float, int] = (inf, -1)
    """By how many times it exceeds the limit that it misses most, and the number of a candidate; the least such."""
    refused: Counter[str] = field(default_factory=Counter)
    """Why others have none, and how many each."""

    def add(self, other: Found) -> None:
        """Take in what others came to."""
        self.front.merge(other.front)
        self.tried += other.tried
        self.nearest = min(self.nearest, other.nearest)
        self.refused += other.refused

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it, to the last digit."""
        front = self.front
        return {
            "front": [front.costs.tolist(), front.facts.tolist(), front.numbers.tolist()],
            "tried": self.tried,
            "nearest": list(self.nearest),
            "refused": dict(self.refused),
        }

    @classmethod
    def from_dict(cls, aim: Aim, entry: dict[str, Any]) -> Found:
        """Of `as_dict`."""
        import numpy as np

        found = nothing(aim)
        costs, facts, numbers = entry["front"]
        if numbers:
            found.front.take(np.array(costs), np.array(facts), np.array(numbers, dtype=np.int64))
        worst, number = entry["nearest"]
        found.tried, found.nearest, found.refused = entry["tried"], (worst, number), Counter(entry["refused"])
        return found

    def take(self, aim: Aim, costs: Any, numbers: Any, known: Any) -> None:
        """Take in candidates with costs, arrays by the fields of `Costs`, where they are known."""
        import numpy as np

        worst = aim.goal.worst(costs)
        met = known & (worst <= 1)
        self.tried += int(np.count_nonzero(known))
        if self.nearest[0] > 1:
            missed = np.where(known, worst, inf)
            place = int(np.argmin(missed))
            self.nearest = min(self.nearest, (max(1.0, float(missed[place])), int(numbers[place])))
        if met.any():
            compared = np.stack([np.where(met, aim.goal.score(costs, name), inf) for name in aim.objectives])
            self.front.take(compared, np.stack([np.broadcast_to(each, met.shape) for each in costs]), numbers)


def nothing(aim: Aim) -> Found:
    """What no candidates come to."""
    return Found(Front(len(aim.objectives), len(FACTS)))


@dataclass(frozen=True)
class Task:
    """Pieces of a part that are evaluated together."""

    part: int
    first: int
    last: int


def tasks_of(candidates: Candidates) -> list[Task]:
    """All pieces of what the closed form knows."""
    return [
        Task(place, first, min(first + _TASK_PIECES, len(part.alike.cut)))
        for place, part in enumerate(candidates.parts)
        if part.alike is not None
        for first in range(0, len(part.alike.cut), _TASK_PIECES)
    ]


def evaluate(candidates: Candidates, aim: Aim, task: Task) -> Found:
    """What the candidates of a task come to; any thread may ask."""
    found, reader, part = nothing(aim), Reader(), candidates.parts[task.part]
    assert part.alike is not None, "tasks are of what the closed form knows"
    for number in range(task.first, task.last):
        _evaluate_piece(candidates, aim, part, part.alike.cut.piece(number), reader, found)
    return found


def _evaluate_piece(candidates: Candidates, aim: Aim, part: Part, piece: Piece, reader: Reader, found: Found) -> None:
    import numpy as np

    alike = part.alike
    assert alike is not None, "tasks are of what the closed form knows"
    columns = {name: reader.read(table, piece) for name, table in part.columns.items()}
    wanted: Any = True
    for condition in candidates.conditions:
        wanted = wanted & condition.holds(columns)
    for mask in part.masks:
        wanted = wanted & np.asarray(reader.read(mask, piece), dtype=bool)
    if not np.any(wanted):
        return
    spent = alike.costs(piece, reader)
    known = spent.known & wanted
    if np.any(spent.refused):
        lost = np.bincount(np.broadcast_to(spent.refused * wanted, known.shape))
        found.refused.update({alike.reasons[place]: int(times) for place, times in enumerate(lost[1:]) if times})
    with np.errstate(all="ignore"):  # of what has no costs
        costs = aim.goal.costs(
            latency_s=spent.latency_s, energy_j=spent.energy_j, area_mm2=spent.area_mm2, leakage_w=spent.leakage_w
        )
    found.take(aim, costs, spent.numbers, known)


def simulate_rest(candidates: Candidates, aim: Aim, progress: Progress | None = None) -> Found:
    """What candidates come to that the closed form does not know, one by one.

    Raises
    ------
    SpecificationError
        Where there are more than `MAX_DESIGNS`.
    """
    found = nothing(aim)
    rest = [part for part in candidates.parts if part.alike is None]
    numbers = list(islice((number for part in rest for number in candidates.numbers(part)), MAX_DESIGNS + 1))
    if len(numbers) > MAX_DESIGNS:
        raise SpecificationError(
            f"axes: expected at most {MAX_DESIGNS:,} designs that have to be simulated, got more ({rest[0].reason})"
        )
    for place, number in enumerate(numbers):
        take_one(candidates, aim, number, found)
        if progress is not None:
            progress((place + 1) / len(numbers))
    return found


def take_one(candidates: Candidates, aim: Aim, number: int, found: Found) -> Costs | None:
    """Run a candidate and take it in; returns what it costs, None where it cannot be run."""
    import numpy as np

    try:
        _, costs = run_costs(candidates.scenario(number), aim.goal)
    except SharpError as error:
        found.refused[str(error)] += 1
        return None
    one = Costs(*(np.array([value]) for value in costs))
    found.take(aim, one, np.array([number]), np.array([True]))
    return costs
