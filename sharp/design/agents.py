"""Agents that look for the best design of an environment with a number of samples: how well do they do it?

ArchGym's finding is that any of them does well with the right hyperparameters, and that finding these is a lottery. So
each has several here, and all are compared at equal samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sharp.design.environment import DesignEnv

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SETTINGS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "random": ({},),
    "genetic": tuple(
        {"population_size": size, "mutation_prob": rate} for size in (8, 16, 32) for rate in (None, 0.05, 0.3)
    ),
    "Bayesian": tuple({"n_startup_trials": first, "multivariate": both} for first in (5, 20) for both in (False, True)),
    "reinforcement": tuple({"rate": rate, "batch": batch} for rate in (0.05, 0.3, 1.0) for batch in (4, 16)),
}
"""Hyperparameters of each agent."""

Try = Callable[[Any], float]


def compare_agents(env: DesignEnv, *, samples: int, seeds: int, settings: Any = None) -> pd.DataFrame:
    """Let every agent, with all of its hyperparameters, look for the best design.

    Parameters
    ----------
    env : DesignEnv
        What a design costs is kept, so that none is run twice.
    samples : int
        Designs that each may try.
    seeds : int
        How often each tries, with another random start.
    settings : mapping of str to sequence of mapping, optional
        Hyperparameters of agents; `SETTINGS` by default.

    Returns
    -------
    pandas.DataFrame
        A row an agent, hyperparameters, seed and sample: agent, setting, seed, sample, ``best`` (the greatest reward
        so far).
    """
    import numpy as np
    import pandas as pd

    rows = []
    for agent, several in (settings or SETTINGS).items():
        for setting in several:
            for seed in range(seeds):
                rewards = list(_played(env, agent, setting, seed, samples))
                name = ", ".join(f"{key} {value}" for key, value in setting.items())
                for sample, best in enumerate(np.maximum.accumulate(rewards)):
                    rows.append((agent, name, seed, sample + 1, float(best)))
    return pd.DataFrame(rows, columns=["agent", "setting", "seed", "sample", "best"])


def _played(env: DesignEnv, agent: str, setting: Mapping[str, Any], seed: int, samples: int) -> Iterator[float]:
    """The rewards of an agent's samples."""
    env.reset(seed=seed)
    rewards: list[float] = []

    def attempt(places: Any) -> float:
        _, reward, _, truncated, _ = env.step(places)
        rewards.append(reward)
        if truncated:
            env.reset()
        return reward

    _AGENTS[agent](env, attempt, samples, seed, **setting)
    yield from rewards


def _random(env: DesignEnv, attempt: Try, samples: int, seed: int) -> None:
    import numpy as np

    generator = np.random.default_rng(seed)
    for _ in range(samples):
        attempt(generator.integers(env.lengths))


def _genetic(env: DesignEnv, attempt: Try, samples: int, seed: int, **setting: Any) -> None:
    _with_optuna(env, attempt, samples, "NSGAIISampler", seed=seed, **setting)


def _bayesian(env: DesignEnv, attempt: Try, samples: int, seed: int, **setting: Any) -> None:
    _with_optuna(env, attempt, samples, "TPESampler", seed=seed, **setting)


def _with_optuna(env: DesignEnv, attempt: Try, samples: int, sampler: str, **setting: Any) -> None:
    """One of Optuna's samplers."""
    import warnings

    optuna = import_module("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(direction="maximize", sampler=getattr(optuna.samplers, sampler)(**setting))
        names = list(env.candidates.axes)

        def objective(trial: Any) -> float:
            places = [trial.suggest_int(name, 0, int(last) - 1) for name, last in zip(names, env.lengths, strict=True)]
            return attempt(places)

        study.optimize(objective, n_trials=samples)


def _reinforcement(env: DesignEnv, attempt: Try, samples: int, seed: int, *, rate: float, batch: int) -> None:
    """REINFORCE (Williams 1992): a softmax an axis, moved towards what did better than the average of its batch."""
    import numpy as np

    generator = np.random.default_rng(seed)
    logits: list[NDArray[np.float64]] = [np.zeros(length) for length in env.lengths]
    for first in range(0, samples, batch):
        chances = [np.exp(each - each.max()) / np.exp(each - each.max()).sum() for each in logits]
        tried = [
            [int(generator.choice(len(chance), p=chance)) for chance in chances]
            for _ in range(min(batch, samples - first))
        ]
        rewards = np.array([attempt(places) for places in tried])
        gains = (rewards - rewards.mean()) / (rewards.std() + 1e-9)
        for places, gain in zip(tried, gains, strict=True):
            for axis, place in enumerate(places):
                logits[axis] -= rate * gain * chances[axis] / batch
                logits[axis][place] += rate * gain / batch


_AGENTS: Mapping[str, Callable[..., None]] = {
    "random": _random,
    "genetic": _genetic,
    "Bayesian": _bayesian,
    "reinforcement": _reinforcement,
}
