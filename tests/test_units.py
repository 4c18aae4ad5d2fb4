"""Conversions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharp import units


@pytest.mark.parametrize(
    ("duration_ns", "clock_hz", "cycles"),
    [
        (1.94, 5e8, 1),
        (29.14, 5e8, 15),
        (34.96, 5e8, 18),
        (29.14, 2.5e8, 8),
        (34.96, 2.5e8, 9),
        (2.0, 5e8, 1),
        (2.2, 5e9, 11),  # 2.2e-9 * 5e9 in floating point is more than 11
        (0.001, 1e6, 1),
    ],
)
def test_cycles_from_ns(duration_ns, clock_hz, cycles):
    assert units.cycles_from_ns(duration_ns, clock_hz) == cycles


@pytest.mark.parametrize(
    ("duration_ns", "clock_hz", "stages"),
    [
        (1.94, 5e8, 1),
        (1.94, 2.5e8, 2),
        (1.94, 5e7, 10),
        (2.0, 5e8, 1),
        (2.0, 1e8, 5),  # exactly a cycle
        (2.0000001, 1e8, 4),
        (0.1, 1e9, 10),
        (0.7, 1e9 / 7, 9),  # 142857142.85714287 Hz is a little more
        (30.0, 5e8, 1),
        (1e-30, 1e-30, units.MOST_STAGES),
        (1e30, 1e30, 1),
    ],
)
def test_stages_per_cycle(duration_ns, clock_hz, stages):
    assert units.stages_per_cycle(duration_ns, clock_hz) == stages
    assert units.many_stages_per_cycle(np.array([duration_ns]), np.array([clock_hz])).tolist() == [stages]


@given(st.integers(1, 63), st.integers(1, 4000))
def test_stages_that_just_fit_a_cycle(stages, thousandths):
    cycle_ns = thousandths * stages / 1000
    clock_hz = 1e9 / cycle_ns
    durations, clocks = np.array([cycle_ns / stages, thousandths / 1000]), np.array([clock_hz])
    one_by_one = [units.stages_per_cycle(duration, clock_hz) for duration in durations.tolist()]
    assert units.many_stages_per_cycle(durations, clocks).tolist() == one_by_one
    assert all(found in (stages - 1, stages) for found in one_by_one if found > 1)


@pytest.mark.parametrize(
    ("text", "macs"),
    [("64K", 65536), ("1k", 1024), ("96000", 96000), ("", None), ("K", None), ("1.5K", None), ("-4", None)],
)
def test_macs_from_text(text, macs):
    assert units.macs_from_text(text) == macs


def test_labels_and_bytes():
    assert [units.label_from_macs(macs) for macs in (65536, 96000, 1024)] == ["64K", "96000", "1K"]
    assert [units.bytes_from_bits(bits) for bits in (1, 4, 8, 12, 16)] == [0.125, 0.5, 1, 1.5, 2]
    assert isinstance(units.bytes_from_bits(16), int)  # so that counts of bytes stay integers
    assert [units.words_from_bytes(5, bits) for bits in (4, 8, 12, 16, 48)] == [10, 5, 3, 2, 0]
