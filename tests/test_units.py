"""Conversions."""

import pytest

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
