"""Search: from a space of up to 10^12 designs to those that no other beats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharp.checks import check_kind
from sharp.cycles.counting import Progress
from sharp.design.axes import base_scenario, check_space
from sharp.design.candidates import Candidates
from sharp.design.conditions import Condition
from sharp.design.evaluation import FACTS, Aim, Found, simulate_rest, tasks_of
from sharp.design.executors import Run, on_cluster, on_threads
from sharp.design.goal import Costs, Goal, run_costs
from sharp.design.journal import Journal, journal_of
from sharp.errors import SpecificationError
from sharp.workload.network import Network
from sharp.workload.single import square_lstm

if TYPE_CHECKING:
    import pandas as pd

    from sharp.energy.technology import Technology
    from sharp.machine.accelerator import Accelerator


@dataclass(frozen=True)
class SearchResult:
    """The designs of a space that no other beats in all objectives, of those that meet the goal."""

    candidates: Candidates
    aim: Aim
    found: Found

    @property
    def meets(self) -> bool:
        """Whether any design meets the goal."""
        return len(self.found.front) > 0

    @property
    def nearest(self) -> tuple[dict[str, Any], dict[str, float]]:
        """Values by axis of the design nearest to the goal, and by how many times it exceeds each limit."""
        number = self.found.nearest[1]
        _, costs = run_costs(self.candidates.scenario(number), self.aim.goal)
        return self.candidates.point(number), self.aim.goal.excess(costs)

    def designs(self) -> Iterator[tuple[dict[str, Any], Costs]]:
        """Values by axis and costs of each design of the front, in the order of the space."""
        front = self.found.front
        for number, facts in zip(front.numbers.tolist(), front.facts.T.tolist(), strict=True):
            yield self.candidates.point(number), Costs(*facts)

    def table(self) -> pd.DataFrame:
        """A row a design of the front: its values by axis, latency_s, energy_j, power_w, area_mm2."""
        import pandas as pd

        rows = [
            {**{name: _shown(value) for name, value in point.items()}, **costs._asdict()}
            for point, costs in self.designs()
        ]
        return pd.DataFrame(rows, columns=[*self.candidates.axes, *FACTS])

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        entry: dict[str, Any] = {
            "network": self.candidates.base.network.name,
            "objectives": list(self.aim.objectives),
            "goal": {name: getattr(self.aim.goal, name) for name in self.aim.goal.__dataclass_fields__},
            "designs": len(self.candidates),
            "tried": self.found.tried,
            "refused": dict(self.found.refused.most_common()),
            "meets": self.meets,
            "front": [{"point": _listed(point), **costs._asdict()} for point, costs in self.designs()],
        }
        if not self.meets:
            point, excess = self.nearest
            entry["nearest"] = {"point": _listed(point), "excess": excess}
        return entry


def search(
    axes: Mapping[str, Any],
    goal: Goal | None = None,
    *,
    network: Network | None = None,
    objectives: Sequence[str] = ("latency", "energy", "area"),
    conditions: Sequence[str] = (),
    accelerator: Accelerator | None = None,
    technology: Technology | None = None,
    threads: int | None = None,
    scheduler: str | None = None,
    output: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    note: Callable[[str], object] = lambda sentence: None,
) -> SearchResult:
    """Evaluate every design of a space, and keep those that no other beats.

    What the closed form knows is evaluated in compiled code, without a table: 10^9 designs of a layer take about
    a minute on two cores (``benchmarks/bench_search.py``).
    Other designs, such as those of schedules that interleave, are simulated one by one, up to 20,000.

    Parameters
    ----------
    axes : mapping of str to sequence
        What varies over which values, as `choose` takes them; without a network also ``hidden_size`` and the other
        columns of a layer.
    goal : Goal, optional
        What designs on the front have to meet; nothing by default.
    network : Network, optional
        A square LSTM layer of 25 steps by default.
    objectives : sequence of str
        One to four of `sharp.design.goal.OBJECTIVES`, in none of which a design of the front is beaten.
    conditions : sequence of str
        What a design has to meet to be in the space at all, such as "tile_rows <= num_macs / 16".
    accelerator : Accelerator, optional
        What does not vary; SHARP by default.
    technology : Technology, optional
        32 nm by default.
    threads : int, optional
        Cores to use; all by default.
    scheduler : str, optional
        Address of a Dask scheduler on whose workers the search runs instead.
    output : Path, optional
        Where the front is written as a CSV table. What is found so far stays beside it where the search is ended early.
    resume : bool
        Whether to go on from what the same search has left beside the output, if anything.
    progress : callable, optional
        Called now and then with the share of the work done, 0 to 1.
    note : callable
        Told in a sentence what is left beside the output.

    Returns
    -------
    SearchResult
        The same on any number of cores and workers, to the last digit.

    Raises
    ------
    SpecificationError
        Where an axis, a condition or an objective makes no sense, or there are too many designs.

    Examples
    --------
    >>> import sharp
    >>> from sharp.design import search
    >>> axes = {"macs": ["1K", "4K", "16K"], "activation_lanes": range(16, 129, 16), "clock_hz": [250e6, 500e6]}
    >>> result = search(axes, network=sharp.find_network("eesen"), objectives=["latency", "area"])
    >>> len(result.candidates), len(result.found.front)
    (48, 14)
    """
    asked: dict[str, Any] = {
        "axes": axes,
        "goal": goal,
        "network": network,
        "objectives": objectives,
        "conditions": conditions,
        "accelerator": accelerator,
        "technology": technology,
    }
    candidates, aim = prepare(**asked)
    run = on_threads(candidates, aim, threads)
    if scheduler is not None:
        run = on_cluster((prepare, asked), aim, scheduler)
    if output is None:
        return _searched(candidates, aim, run, None, progress)
    with journal_of(output, candidates, aim, resume=resume, note=note) as journal:
        result = _searched(candidates, aim, run, journal, progress)
        journal.end(result.table().to_csv(index=False))
    return result


def _searched(
    candidates: Candidates, aim: Aim, run: Run, journal: Journal | None, progress: Progress | None
) -> SearchResult:
    """Run what is left to do, and add all up."""
    tasks = tasks_of(candidates)
    found = simulate_rest(candidates, aim, None if tasks else progress)
    done = {} if journal is None else {task: part for task, part in journal.done.items() if task in set(tasks)}
    for part in done.values():
        found.add(part)
    left = [task for task in tasks if task not in done]
    for place, (task, part) in enumerate(run(left) if left else ()):
        found.add(part)
        if journal is not None:
            journal.add(task, part)
        if progress is not None:
            progress((len(done) + place + 1) / len(tasks))
    if not found.tried:
        reasons = found.refused.most_common(1)
        most = f"; of most: {reasons[0][0]}" if reasons else ", as none meets the conditions"
        raise SpecificationError(f"axes: expected a design that can run the network, got none{most}")
    return SearchResult(candidates, aim, found)


def prepare(
    axes: Mapping[str, Any],
    goal: Goal | None = None,
    *,
    network: Network | None = None,
    objectives: Sequence[str] = ("latency", "energy", "area"),
    conditions: Sequence[str] = (),
    accelerator: Accelerator | None = None,
    technology: Technology | None = None,
) -> tuple[Candidates, Aim]:
    """What `search` evaluates, and what for; parameters and errors are its own."""
    aim = Aim(goal=Goal() if goal is None else check_kind("goal", goal, Goal), objectives=tuple(objectives))
    base = base_scenario(
        square_lstm(1) if network is None else check_kind("network", network, Network), accelerator, technology
    )
    checked = check_space(axes, of_a_layer=network is None)
    return Candidates(base, checked, tuple(map(Condition, conditions))), aim


def _shown(value: Any) -> Any:
    return str(list(value)) if isinstance(value, list | tuple) else value


def _listed(point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in point.items()}
