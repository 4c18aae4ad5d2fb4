"""A plan is a value: equal where it says the same, copied and pickled as such, checked wherever it is made."""

import copy
import pickle
from dataclasses import replace

import pytest

from sharp import SCHEDULES, Plan, Schedule, SpecificationError, find_accelerator


class Mine(Schedule):
    name = "mine"

    def round(self, task):
        return ()


@pytest.mark.parametrize("plan", [Plan(), Plan(schedule=Mine()), Plan(schedule="batch", tile_rows=64)])
def test_copies_are_equal_and_as_fast(plan):
    for twin in (copy.copy(plan), copy.deepcopy(plan), pickle.loads(pickle.dumps(plan)), replace(plan)):
        assert twin == plan
        assert hash(twin) == hash(plan)
        assert twin.is_ours == plan.is_ours  # or its schedule would be checked anew in every run


def test_ours_are_held_by_name():
    assert Plan(schedule=SCHEDULES["batch"]) == Plan(schedule="batch")
    assert Plan(schedule=copy.deepcopy(SCHEDULES["batch"])).is_ours


def test_a_name_runs_no_code(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("raise SystemExit")
    plan = Plan(schedule=f"{file}:Mine")
    assert (plan.is_ours, plan.schedule_name) == (False, f"{file}:Mine")


def test_a_machine_checks_its_plan():
    epur = find_accelerator("epur")
    assert epur.plan == Plan(schedule="sequential", reconfiguration=False)
    batch = replace(epur, plan={"schedule": "batch"})
    assert batch.plan == Plan(schedule="batch")
    assert batch != epur
    for plan, sentence in [
        ({"schedule": "nonsense"}, r"plan\.schedule: expected .* got 'nonsense'"),
        ({"schedul": "batch"}, r"plan: expected no key 'schedul' \(did you mean 'schedule'"),
        ({"weights": 3}, r"plan\.weights: expected auto, resident, streamed, got 3"),
        (3, "plan: expected a mapping, got 3"),
    ]:
        with pytest.raises(SpecificationError, match=sentence):
            replace(epur, plan=plan)
