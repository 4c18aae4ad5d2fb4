"""The activation unit: its errors are at most what it states."""

import numpy as np
import pytest

from sharp.errors import SpecificationError
from sharp.values.activations import Exact, Piecewise

VALUES = np.concatenate([np.linspace(-12, 12, 200_001), np.random.default_rng(0).normal(size=100_000)])


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("pieces", [1, 16, 64, 1000])
def test_errors_are_at_most_what_is_stated_and_not_far_below(pieces, degree):
    unit = Piecewise(pieces=pieces, degree=degree)
    tanh = np.abs(unit.tanh(VALUES) - np.tanh(VALUES)).max()
    sigmoid = np.abs(unit.sigmoid(VALUES) - Exact().sigmoid(VALUES)).max()
    assert tanh <= unit.max_error
    assert sigmoid <= unit.max_error / 2 + 1e-15
    if pieces >= 64:
        assert tanh >= 0.5 * unit.max_error


@pytest.mark.parametrize("unit", [Exact(), Piecewise(), Piecewise(pieces=256, degree=0)])
def test_the_ends_and_what_is_not_a_number(unit):
    values = np.array([np.inf, -np.inf, np.nan, 1e300, -1e300])
    assert np.array_equal(unit.tanh(values), [1, -1, np.nan, 1, -1], equal_nan=True)
    assert np.array_equal(unit.sigmoid(values), [1, 0, np.nan, 1, 0], equal_nan=True)
    assert np.array_equal(unit.tanh(-VALUES), -unit.tanh(VALUES))


def test_what_is_no_table():
    for fields, message in (
        ({"degree": 4}, "degree: expected 0 to 3, got 4"),
        ({"pieces": 0}, "pieces: expected a positive integer, got 0"),
        ({"limit": -1.0}, "limit: expected a positive number, got -1.0"),
    ):
        with pytest.raises(SpecificationError, match=message):
            Piecewise(**fields)
