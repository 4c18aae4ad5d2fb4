"""Claims together: the best setting and the smallest conflicts, against every subset tried one by one."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from sharp.claims.joint import find_joint, smallest_conflicts


def tables(claims=6, settings=8):
    """Which of some claims are met in which of some settings."""
    shape = st.tuples(st.integers(1, claims), st.integers(1, settings))
    return shape.flatmap(
        lambda size: st.lists(
            st.lists(st.booleans(), min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]
        ).map(np.array)
    )


def conflicts_by_trying(met, largest):
    """By the definition: no setting meets all of the set, and one meets all of it but any one claim."""
    found = []
    for size in range(1, largest + 1):
        for places in combinations(range(len(met)), size):
            rest = [np.delete(np.array(places), index) for index in range(size)]
            if not met[list(places)].all(axis=0).any() and all(met[part].all(axis=0).any() for part in rest):
                found.append(places)
    return found


@given(met=tables(), largest=st.integers(1, 5))
@examples(200)
def test_conflicts_are_all_and_only_the_smallest(met, largest):
    assert smallest_conflicts(met, largest) == conflicts_by_trying(met, largest)


@given(met=tables())
@examples(50)
def test_the_best_setting_is_the_best(met):
    names = [str(place) for place in range(len(met))]
    joint = find_joint(
        {name: 1.0 * row for name, row in zip(names, met, strict=True)}, dict(zip(names, met, strict=True))
    )
    scores = met.sum(axis=0)
    assert joint.best == scores.max() == scores[joint.setting] == sum(joint.met.values())
    assert (joint.nominal, joint.of, joint.settings) == (scores[0], len(met), len(scores))
    assert joint.median == np.median(scores)
    assert all(joint.ours[name] == joint.met[name] for name in names)


def test_by_hand():
    # a and b are met, but never together; c only with a; d never.
    met = {"a": [True, False, True], "b": [False, True, False], "c": [False, False, True], "d": [False] * 3}
    joint = find_joint({name: np.zeros(3) for name in met}, {name: np.array(row) for name, row in met.items()})
    assert joint.conflicts == (("d",), ("a", "b"), ("b", "c"))
    assert (joint.best, joint.setting, joint.nominal) == (2, 2, 1)


def test_three_that_only_fail_together():
    met = np.array([[True, True, False], [True, False, True], [False, True, True]])
    assert smallest_conflicts(met) == [(0, 1, 2)]
    assert smallest_conflicts(met, 2) == []


def test_nothing_to_meet():
    joint = find_joint({}, {})
    assert (joint.best, joint.of, joint.conflicts) == (0, 0, ())
