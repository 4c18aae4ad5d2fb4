"""What a layer computes: the core equals the specification bit for bit, and both are right."""

import os

import numpy as np
import pytest
from values_cases import random_case, reference_run

COUNT = 2000
CHUNKS = 8


def same_bits(ours, theirs):
    """Equal numbers with equal signs; all that is not a number is alike."""
    return np.array_equal(ours, theirs, equal_nan=True) and np.array_equal(
        np.signbit(ours[~np.isnan(ours)]), np.signbit(theirs[~np.isnan(theirs)])
    )


def check(case):
    values, expected = case.execute(), reference_run(case)
    size = case.layer.recurrent_size
    for direction, results in enumerate(expected):
        for sequence, result in enumerate(results):
            length = case.lengths[sequence]
            ours = values.output[:length, sequence, direction * size : (direction + 1) * size]
            assert same_bits(ours, result["h"])
            assert not values.output[length:, sequence].any()
            if "c" in values.final:
                assert same_bits(values.final["c"][direction, sequence], result["c"])


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_core_equals_the_specification_bit_for_bit(chunk):
    count = round(COUNT * float(os.environ.get("SHARP_EXAMPLES", "1")))
    for seed in range(chunk, count, CHUNKS):
        try:
            check(random_case(seed))
        except AssertionError as error:
            raise AssertionError(f"random_case({seed})") from error
