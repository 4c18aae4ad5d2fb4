"""Fronts: the definition, in any order, with ties, and many of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharp import SpecificationError
from sharp.space.front import Front


def front_of(costs, order, step):
    front = Front(len(costs), 1)
    for first in range(0, len(order), step):
        part = order[first : first + step]
        front.take(np.ascontiguousarray(costs[:, part]), part[np.newaxis].astype(float), part)
    return front


def by_definition(costs):
    kept = []
    for place, one in enumerate(costs.T):
        beaten = any(
            (other <= one).all() and ((other < one).any() or number < place) for number, other in enumerate(costs.T)
        )
        if not beaten and np.isfinite(one[0]):
            kept.append(place)
    return kept


@given(st.integers(1, 4), st.integers(1, 400), st.integers(2, 30), st.integers(0, 2**32 - 1))
def test_is_what_the_definition_says(num_costs, count, values, seed):
    rng = np.random.default_rng(seed)
    costs = rng.integers(1, values, size=(num_costs, count)).astype(float)
    costs[0, rng.random(count) < 0.1] = np.inf
    order = rng.permutation(count)
    front = front_of(costs, order, 150)
    expected = by_definition(costs)
    assert front.numbers.tolist() == expected
    assert (front.costs == costs[:, expected]).all()
    assert front.facts[0].tolist() == expected


def test_merging_is_taking_all():
    rng = np.random.default_rng(0)
    costs = rng.random((3, 5000))
    one, other = front_of(costs, np.arange(2500), 600), front_of(costs, np.arange(2500, 5000), 600)
    one.merge(other)
    whole = front_of(costs, np.arange(5000), 5000)
    assert one.numbers.tolist() == whole.numbers.tolist()
    assert (one.costs == whole.costs).all()
    assert 20 < len(whole) < 2500


def test_what_differs_in_the_thirteenth_digit_is_the_same():
    costs = np.array([[1.0 + 1e-14, 1.0, 1.0 - 1e-9]])
    assert front_of(costs[:, :2], np.arange(2), 2).numbers.tolist() == [0]
    assert front_of(costs, np.arange(3), 3).numbers.tolist() == [2]


def test_a_front_that_says_nothing_is_refused(monkeypatch):
    monkeypatch.setattr("sharp.space.front.MAX_DESIGNS", 10)
    rising = np.arange(20.0)
    with pytest.raises(SpecificationError, match="no other beats"):
        Front(2, 1).take(np.stack([rising, -rising + 20]), np.zeros((1, 20)), np.arange(20))
