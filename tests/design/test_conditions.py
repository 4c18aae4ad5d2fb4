"""Conditions: what they compare, and that nothing else runs."""

import numpy as np
import pytest

from sharp import SpecificationError
from sharp.design.conditions import Condition

VALUES = {"a": 3, "b": np.array([1, 3, 5]), "name": "unfolded"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b", [False, False, True]),
        ("a <= b + 2 * 1 - 2", [False, True, True]),
        ("1 < b < 5", [False, True, False]),
        ("not b == a", [True, False, True]),
        ("b % 2 == 1 and b // 2 != 1", [True, False, True]),
        ("a > 5 or b >= 5", [False, False, True]),
        ("-b / 2 > -2", [True, True, False]),
        ("name == 'unfolded' and b > 4", [False, False, True]),
    ],
)
def test_holds(text, expected):
    assert np.broadcast_to(Condition(text).holds(VALUES), 3).tolist() == expected


@pytest.mark.parametrize(
    "text",
    ["a", "a + 1", "f(a) < 2", "a.b < 1", "a[0] < 1", "a < 2 < ", "lambda: 1", "a ** 9 < 1", "a in b", "True", "", 5,
     "a < (1 if a else 2)", "x" * 600 + " < 1", "(" * 300 + "a" + ")" * 300 + " < 1", "a < None"],
)  # fmt: skip
def test_nothing_else(text):
    with pytest.raises(SpecificationError):
        Condition(text)
