"""The environment: as Gymnasium's checker wants it, with the costs of runs; agents at equal samples."""

import numpy as np
import pytest

from sharp import SpecificationError, find_network
from sharp.design import Goal, search
from sharp.design.goal import run_costs

gymnasium = pytest.importorskip("gymnasium")
checker = pytest.importorskip("gymnasium.utils.env_checker")

AXES = {"macs": ["1K", "4K", "16K", "64K"], "activation_lanes": [16, 32, 64, 128], "clock_hz": [250e6, 500e6]}
GOAL = Goal(deadline_s=1e-3, area_mm2=250)


def environment(**options):
    from sharp.gym import DesignEnv

    return DesignEnv(AXES, GOAL, network=find_network("eesen"), **options)


def test_passes_the_checker():
    checker.check_env(environment(), skip_render_check=True)


def test_a_reward_is_what_a_run_costs():
    env = environment(steps=2)
    env.reset(seed=1)
    seen, reward, terminated, truncated, info = env.step([2, 1, 1])
    scenario = env.candidates.scenario(2 * 8 + 1 * 2 + 1)
    _, costs = run_costs(scenario, GOAL)
    assert info["point"] == {"macs": "16K", "activation_lanes": 32, "clock_hz": 500e6}
    assert info["costs"] == costs._asdict()
    assert not info["excess"]
    assert reward == pytest.approx(-np.log10(costs.energy_j))
    assert seen[:3].tolist() == pytest.approx([2 / 3, 1 / 3, 1])
    assert seen[3:].tolist() == pytest.approx(np.log10(costs).tolist(), rel=1e-6)
    assert (terminated, truncated) == (False, False)
    _, worse, _, truncated, info = env.step([0, 0, 0])
    assert info["excess"]["latency_s"] > 1
    assert worse < -np.log10(info["costs"]["energy_j"])
    assert truncated


def test_what_is_no_candidate_is_the_worst():
    env = environment(conditions=["num_macs > 1024"])
    env.reset(seed=0)
    assert env.step([0, 0, 0])[1] < min(env.step([1, 0, 0])[1], -20)


def test_agents_find_the_best_of_a_small_space():
    from sharp.gym import compare_agents

    env = environment()
    best = min(
        costs.energy_j
        for _, costs in search(AXES, GOAL, network=find_network("eesen"), objectives=["energy"]).designs()
    )
    some = {
        "random": ({},),
        "genetic": ({"population_size": 8},),
        "Bayesian": ({"n_startup_trials": 5},),
        "reinforcement": ({"rate": 0.5, "batch": 4},),
    }
    table = compare_agents(env, samples=60, seeds=2, settings=some)
    assert set(table.groupby(["agent", "setting", "seed"]).size()) == {60}
    assert (table["best"] <= -np.log10(best) + 1e-9).all()
    last = table[table["sample"] == 60]
    assert last["best"].max() == pytest.approx(-np.log10(best))
    assert last["best"].min() > table[table["sample"] == 1]["best"].min()
    again = compare_agents(env, samples=60, seeds=2, settings=some)
    assert again.equals(table)


def test_without_the_package(monkeypatch):
    import sys

    for name in ("sharp.gym", "sharp.design.environment", "sharp.design.agents"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(SpecificationError, match=r"sharp-rnn\[gym\]"):
        import sharp.gym  # noqa: F401
