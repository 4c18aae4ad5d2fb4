"""Quantities as people write them."""

import pytest

from sharp import SpecificationError
from sharp.quantities import UNITS, quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("50ms", "s", 0.05),
        ("50 ms", "s", 0.05),
        ("1e-3", "s", 0.001),
        ("16.6us", "s", 16.6e-6),
        ("2 min", "s", 120.0),
        ("29.14ns", "ns", 29.14),
        ("1us", "ns", 1000.0),
        ("512KiB", "byte", 524288.0),
        ("26MiB", "byte", 26 * 2**20),
        ("1,024", "byte", 1024.0),
        ("30GB/s", "byte/s", 3e10),
        ("500MHz", "Hz", 5e8),
        ("1.5W", "W", 1.5),
        ("150mm2", "mm2", 150.0),
        ("50", "s", 50.0),
        (7, "W", 7.0),
    ],
)
def test_what_is_written_is_read(text, unit, value):
    assert quantity("it", text, unit) == value


@pytest.mark.parametrize(
    "text", ["", "ms", "5 0ms", "50msec", "-50ms", "0ms", "nan", "inf", "50ms" * 40, "50MS", "1e999s", "٣ms", "5;ms"]
)
def test_what_is_none_is_refused_in_one_sentence(text):
    with pytest.raises(SpecificationError, match=r"^deadline: expected .*, got") as caught:
        quantity("deadline", text, "s")
    assert len(str(caught.value)) < 200


def test_a_unit_of_another_kind_is_refused_with_those_that_there_are():
    with pytest.raises(SpecificationError, match=r"such as 500MHz \(in Hz, kHz, MHz, GHz\), got '50ms'"):
        quantity("clock_hz", "50ms", "Hz")


def test_every_kind_has_its_own_unit():
    assert all(unit.replace("byte", "B") in units for unit, units in UNITS.items())
