"""How far a result is from another, by hand."""

import math

import numpy as np
import pytest

from sharp.values.compare import compare


def test_by_hand():
    difference = compare(np.array([[3.0, 4.0], [0.0, 1.0]]), np.array([[3.0, 5.0], [2.0, 1.0]]))
    assert difference.max_abs == 2
    assert difference.snr_db == pytest.approx(10 * math.log10((9 + 25 + 4 + 1) / (1 + 4)))
    assert difference.cosine == pytest.approx((9 + 20 + 0 + 1) / math.sqrt(26 * 39))
    assert difference.argmax_agreement == 0.5


def test_equal_arrays_and_zeros():
    same = compare(np.ones(3), np.ones(3))
    assert (same.max_abs, same.snr_db, same.argmax_agreement) == (0, math.inf, 1)
    assert same.cosine == pytest.approx(1)
    assert same.as_dict()["snr_db"] is None
    zero = compare(np.zeros(3), np.zeros(3))
    assert (zero.cosine, zero.snr_db) == (1, math.inf)
    assert compare(np.ones(3), np.zeros(3)).as_dict() == {
        "max_abs": 1.0,
        "snr_db": None,
        "cosine": 0.0,
        "argmax_agreement": 1.0,
    }
    assert compare(np.zeros(0), np.zeros(0)).max_abs == 0
    assert compare(np.array(2.0), np.array(1.0)).max_abs == 1


def test_what_is_not_finite():
    both = np.array([np.inf, np.nan, 1.0])
    assert compare(both, both).max_abs == 0
    assert compare(both, np.ones(3)).as_dict()["max_abs"] is None
