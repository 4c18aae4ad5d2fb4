"""The choice of a design as an environment of Gymnasium, in which agents try designs and are told what these cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import TYPE_CHECKING, Any

from sharp.checks import check_integer
from sharp.design.evaluation import nothing, take_one
from sharp.design.goal import Costs, Goal
from sharp.design.search import prepare
from sharp.errors import SpecificationError

try:
    import gymnasium
    import numpy as np
    from gymnasium import spaces
except ImportError:
    raise SpecificationError("sharp.gym: expected the package gymnasium (pip install 'sharp-rnn[gym]')") from None

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sharp.energy.technology import Technology
    from sharp.machine.accelerator import Accelerator
    from sharp.workload.network import Network

FAILED = -30.0
"""Reward of a design that cannot be run."""
_MOST = 40.0


class DesignEnv(gymnasium.Env[Any, Any]):
    """A step is a design: the action says which value of each axis it has, the reward how good it is.

    The reward is ``-log10`` of the goal's objective (J, s, mm2 or J s): a design ten times as good has one more. From
    one that misses limits the logarithm of what it needs over its worst limit is taken off twice. The observation is
    the place of the last design on each axis, 0 to 1, then ``log10`` of its latency, energy, power and area, 0 before
    the first step. An episode ends after `steps` designs.

    Parameters
    ----------
    axes : mapping of str to sequence
        As `sharp.design.search` takes them.
    goal : Goal, optional
        Limits and objective; energy without a limit by default.
    network : Network, optional
    conditions : sequence of str
        A design that does not meet them cannot be run.
    accelerator : Accelerator, optional
    technology : Technology, optional
    steps : int
        Designs of an episode.

    Raises
    ------
    SpecificationError
        Where the space makes no sense.

    Examples
    --------
    >>> import sharp
    >>> from sharp.gym import DesignEnv
    >>> env = DesignEnv({"macs": ["1K", "4K"], "activation_lanes": [16, 64]}, network=sharp.find_network("eesen"))
    >>> observation, info = env.reset(seed=0)
    >>> observation, reward, terminated, truncated, info = env.step([1, 0])
    >>> info["point"], round(reward, 2)
    ({'macs': '4K', 'activation_lanes': 16}, 1.23)
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        axes: Mapping[str, Any],
        goal: Goal | None = None,
        *,
        network: Network | None = None,
        conditions: Sequence[str] = (),
        accelerator: Accelerator | None = None,
        technology: Technology | None = None,
        steps: int = 32,
    ) -> None:
        self.candidates, self.aim = prepare(
            axes,
            goal,
            network=network,
            objectives=[(goal or Goal()).objective],
            conditions=conditions,
            accelerator=accelerator,
            technology=technology,
        )
        self.steps = check_integer("steps", steps)
        self.lengths = np.array([len(values) for values in self.candidates.axes.values()])
        self.action_space = spaces.MultiDiscrete(self.lengths)
        size = len(self.lengths)
        low = np.array([0.0] * size + [-_MOST] * 4, dtype=np.float32)
        high = np.array([1.0] * size + [_MOST] * 4, dtype=np.float32)
        self.observation_space = spaces.Box(low, high, dtype=np.float32)
        self._known: dict[int, Costs | None] = {}
        self._taken = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        self._taken = 0
        return np.zeros(len(self.lengths) + 4, dtype=np.float32), {}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Try a design: which value of each axis it has."""
        places = np.asarray(action, dtype=np.int64)
        number = int(sum(places * np.array(list(self.candidates.strides.values()))))
        if number not in self._known:
            self._known[number] = self._cost(number)
        costs = self._known[number]
        logs = [0.0] * 4 if costs is None else [log10(cost) for cost in costs]
        seen = np.array([*(places / np.maximum(1, self.lengths - 1)), *logs], dtype=np.float32)
        self._taken += 1
        info: dict[str, Any] = {"point": self.candidates.point(number)}
        if costs is not None:
            info |= {"costs": costs._asdict(), "excess": self.aim.goal.excess(costs)}
        ended = self._taken >= self.steps
        return np.clip(seen, -_MOST, _MOST), self.reward(costs), False, ended, info

    def reward(self, costs: Costs | None) -> float:
        """How good a design of some costs is; None: it cannot be run."""
        if costs is None:
            return FAILED
        missed = max(self.aim.goal.excess(costs).values(), default=1.0)
        return -log10(self.aim.goal.score(costs)) - 2 * log10(missed)

    def _cost(self, number: int) -> Costs | None:
        if not self.candidates.is_candidate(number):
            return None
        return take_one(self.candidates, self.aim, number, nothing(self.aim))
