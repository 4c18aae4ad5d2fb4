"""Formats: every rounding is the library's, where it has the format, and IEEE 754's."""

import numpy as np
import pytest

from sharp.errors import SpecificationError
from sharp.values.formats import Format, Numerics, find_format, numerics

ml_dtypes = pytest.importorskip("ml_dtypes")

OF_THE_LIBRARY = {
    "bf16": (find_format("bf16"), "bfloat16"),
    "e4m3": (find_format("e4m3"), "float8_e4m3fn"),
    "e5m2": (find_format("e5m2"), "float8_e5m2"),
    "e3m4": (find_format("e3m4"), "float8_e3m4"),
    "e4m3 with infinity": (Format(name="ieee", exponent_bits=4, significand_bits=4), "float8_e4m3"),
    "fp16": (Format(name="half", exponent_bits=5, significand_bits=11), np.float16),
    "fp32": (Format(name="single", exponent_bits=8, significand_bits=24), np.float32),
}


def hard_numbers(to: Format) -> np.ndarray:
    """Floats: all or many numbers of a format, what lies between them, their neighbours, and everything else."""
    rng = np.random.default_rng(0)
    numbers = np.float64(2) ** rng.uniform(-150, 128, 20_000)
    exponents = np.arange(to.lowest_exponent - 3, 2 ** (to.exponent_bits - 1) + 1)
    fractions = 1 + np.arange(0, 2 ** min(to.significand_bits + 1, 12)) / 2 ** min(to.significand_bits + 1, 12)
    grid = (fractions[:, None] * np.float64(2) ** exponents[None, :]).ravel()
    steps = np.arange(64) * to.least / 4
    both = np.concatenate([numbers, grid, steps, [0.0, np.inf, np.nan, to.greatest]])
    with np.errstate(over="ignore"):
        floats = both.astype(np.float32)
        around = [floats, np.nextafter(floats, np.float32(0)), np.nextafter(floats, np.float32(np.inf))]
    return np.concatenate([sign * values for values in around for sign in (np.float32(1), np.float32(-1))])


@pytest.mark.parametrize("name", OF_THE_LIBRARY)
def test_rounding_is_that_of_the_library(name):
    # From floats: from doubles ml_dtypes rounds to floats first, and so twice.
    to, dtype = OF_THE_LIBRARY[name]
    floats = hard_numbers(to)
    with np.errstate(all="ignore"):
        expected = floats.astype(getattr(ml_dtypes, dtype) if isinstance(dtype, str) else dtype).astype(np.float64)
        ours = to.round(floats.astype(np.float64))
    assert np.array_equal(ours, expected, equal_nan=True)
    assert np.array_equal(np.signbit(ours)[~np.isnan(ours)], np.signbit(expected)[~np.isnan(ours)])


def test_doubles_are_rounded_once():
    just_above_a_tie = np.array([1 + 2**-8 + 2**-40, 1 + 2.0**-8])
    assert find_format("bf16").round(just_above_a_tie).tolist() == [1 + 2**-7, 1.0]
    assert find_format("fp16").round(np.array([1 + 2**-11 + 2**-40, 1 + 2.0**-11])).tolist() == [1 + 2**-10, 1.0]
    assert just_above_a_tie.astype(ml_dtypes.bfloat16).astype(float).tolist() == [1.0, 1.0]  # why it is not asked


def test_native_and_own_rounding_of_the_same_format_agree():
    values = hard_numbers(find_format("fp16")).astype(np.float64) * (1 + 2**-30)
    own = Format(name="half", exponent_bits=5, significand_bits=11)
    assert np.array_equal(own.round(values), find_format("fp16").round(values), equal_nan=True)


@pytest.mark.parametrize(
    ("name", "greatest", "least"),
    [
        ("fp32", float(np.finfo(np.float32).max), 2.0**-149),
        ("fp16", 65504.0, 2.0**-24),
        ("bf16", float(ml_dtypes.finfo(ml_dtypes.bfloat16).max), 2.0**-133),
        ("e4m3", 448.0, 2.0**-9),
        ("e5m2", 57344.0, 2.0**-16),
        ("int8", 127.0, 1.0),
        ("int4", 7.0, 1.0),
        ("e6m9", (2 - 2**-9) * 2.0**31, 2.0**-39),
    ],
)
def test_greatest_and_smallest_number(name, greatest, least):
    to = find_format(name)
    assert (to.greatest, to.least) == (greatest, least)
    assert to.round(np.array([greatest, -least])).tolist() == [greatest, -least]


def test_what_is_beyond():
    values = np.array([1e30, -1e30, np.inf, np.nan, -0.0])
    assert np.array_equal(find_format("e5m2").round(values), [np.inf, -np.inf, np.inf, np.nan, 0], equal_nan=True)
    assert np.array_equal(find_format("e4m3").round(values), [np.nan] * 4 + [0], equal_nan=True)
    assert np.signbit(find_format("e5m2").round(values))[-1]
    assert find_format("int8").round(values[[0, 1, 2]]).tolist() == [127, -127, 127]
    with pytest.raises(SpecificationError, match="int8 has no not-a-number, got nan"):
        find_format("int8").round(values)


def test_sixteen_bits_or_more_are_kept_as_they_are():
    assert [numerics(label).state.name for label in ("fp32", "fp16", "bf16", "e4m3", "int8", "e6m9")] == [
        "fp32",
        "fp16",
        "bf16",
        "fp16",
        "fp16",
        "e6m9",
    ]
    assert numerics("fp8").label == "e4m3/fp32"
    assert numerics("int4").label == "int4/int32"
    assert numerics("fp16", state="fp32").state.name == "fp32"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: find_format("fp15"), "format: expected fp32, fp16, .* got 'fp15' .did you mean 'fp16'"),
        (lambda: find_format("e9m3"), "format: expected .* got 'e9m3'"),
        (lambda: find_format("e5m24"), "format: expected .* got 'e5m24'"),
        (lambda: find_format(16), "format: expected .* got 16"),
        (lambda: numerics(""), "format: expected a printable text, got ''"),
        (lambda: numerics("int8/fp32"), "precision: expected integers with integer sums, .* got 'int8/fp32'"),
        (lambda: numerics("int8", state="int8"), "state: expected a floating-point format, got 'int8'"),
        (lambda: numerics("int8", scales="column"), "scales: expected row or tensor, got 'column'"),
        (
            lambda: Format(name="x", exponent_bits=9, significand_bits=4),
            "exponent_bits: expected 2 to 8 bits .0: integers.",
        ),
        (
            lambda: Format(name="x", exponent_bits=1, significand_bits=4),
            "exponent_bits: expected 2 to 8 bits .0: integers.",
        ),
        (lambda: Format(name="x", exponent_bits=4, significand_bits=25), "significand_bits: expected 2 to 24 bits"),
    ],
)
def test_what_is_no_format(call, message):
    with pytest.raises(SpecificationError, match=message):
        call()


def test_formats_can_be_compared():
    fp32 = find_format("fp32")
    assert Numerics(operands=fp32, sums=fp32, state=fp32) == numerics("fp32")
