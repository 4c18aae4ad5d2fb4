"""Precision: the names of formats and the parameters that they set."""

from dataclasses import replace

import pytest

from sharp import SpecificationError, find_accelerator
from sharp.machine.accelerator import with_settings
from sharp.machine.precision import ARITHMETIC, LABELS, precision_settings

MACHINE = find_accelerator("sharp")


@pytest.mark.parametrize(
    ("label", "arithmetic", "weight_bits", "sum_bits"),
    [
        ("fp16/fp32", "float", 16, 32),
        ("fp32/fp32", "float", 32, 32),
        ("bf16/fp32", "bfloat", 16, 32),
        ("bfloat16/fp32", "bfloat", 16, 32),
        ("e4m3/fp16", "e4m3", 8, 16),
        ("e5m2/fp32", "e5m2", 8, 32),
        ("fp8_e5m2/fp32", "e5m2", 8, 32),
        ("fp8-e4m3/fp32", "e4m3", 8, 32),
        ("fp8/fp32", "e4m3", 8, 32),
        ("FP8/FP16", "e4m3", 8, 16),
        ("int4/int32", "integer", 4, 32),
        ("int16/int32", "integer", 16, 32),
        ("INT12/int24", "integer", 12, 24),
    ],
)
def test_labels(label, arithmetic, weight_bits, sum_bits):
    settings = precision_settings(label)
    assert settings == {"arithmetic": arithmetic, "weight_bits": weight_bits, "partial_sum_bits": sum_bits}
    machine = with_settings(MACHINE, settings)
    assert precision_settings(machine.precision) == settings  # its own label means the same
    assert machine.precision == "/".join(machine.formats)


def test_the_examples_are_labels_of_all_kinds():
    assert [with_settings(MACHINE, precision_settings(label)).precision for label in LABELS] == list(LABELS)
    assert {precision_settings(label)["arithmetic"] for label in LABELS} == set(ARITHMETIC)


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        ("int8", " (did you mean 'int8/int32'?)"),
        ("bf16", " (did you mean 'bf16/fp32'?)"),
        ("fp8", " (did you mean 'e4m3/fp32'?)"),
        ("int8/fp32", " (did you mean 'int8/int32'?)"),
        ("fp16/int32", " (did you mean 'fp16/fp32'?)"),
        ("bf16/bf16", " (did you mean 'bf16/fp32'?)"),
        ("bf8/fp32", ""),
        ("fp016/fp32", ""),
        ("fp8_e3m4/fp32", ""),
        ("fp16/fp32/fp32", " (did you mean 'fp16/fp32'?)"),
        ("/", ""),
        ("", ""),
        ("int1000/int32", ""),
    ],
)
def test_what_is_no_precision_gets_one_sentence(label, hint):
    with pytest.raises(SpecificationError) as refusal:
        precision_settings(label)
    known = ", ".join(LABELS)
    sentence = f"precision: expected formats of multiplier and sums such as {known}, got {label!r}{hint}"
    assert str(refusal.value) == sentence


def test_a_format_of_one_width_has_no_other():
    with pytest.raises(SpecificationError, match=r"weight_bits: expected 8 \(the only width of e5m2\), got 16"):
        with_settings(MACHINE, {"arithmetic": "e5m2"})
    with pytest.raises(SpecificationError, match=r"weight_bits: expected 16 \(the only width of bfloat\), got 8"):
        replace(MACHINE, arithmetic="bfloat", weight_bits=8)
    with pytest.raises(
        SpecificationError, match=r"arithmetic: expected float, .*, got 'floating' \(did you mean 'float'"
    ):
        replace(MACHINE, arithmetic="floating")
