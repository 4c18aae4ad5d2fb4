"""Number formats: derived energies and areas are the laws that their file states, and are said to be derived."""

import csv
from itertools import pairwise
from math import log
from pathlib import Path

import pytest

from sharp import SpecificationError, evaluate_energy, find_accelerator, find_technology, implement, simulate, sweep
from sharp.energy import formats
from sharp.energy.breakdown import ENERGY_COLUMNS
from sharp.energy.formats import area_factor, array_energies
from sharp.energy.technology import with_settings as with_technology_settings
from sharp.machine.accelerator import with_settings
from sharp.machine.plan import Plan
from sharp.machine.precision import LABELS, precision_settings
from sharp.workload.network import RNNLayer
from sharp.workload.single import single_layer

MACHINE, TECHNOLOGY = find_accelerator("sharp"), find_technology("32nm")
TABLE = Path(formats.__file__).parents[1] / "data" / "technology" / "formats.csv"
SIGNIFICANDS = {"fp32": 24, "fp16": 11, "bf16": 8, "e4m3": 4, "e5m2": 3}
"""Bits of the significand, the hidden one included: IEEE 754, bfloat16, OCP 8-bit floating point."""
ENERGY_PJ = {"int8": 0.2, "int32": 3.1, "fp16": 1.1, "fp32": 3.7}
AREA_UM2 = {"int8": 282, "int32": 3495, "fp16": 1640, "fp32": 7700}
"""Multiplications, Horowitz, ISSCC 2014."""


def in_precision(label):
    return with_settings(MACHINE, precision_settings(label))


def rows():
    with TABLE.open() as stream:
        yield from csv.DictReader(line for line in stream if not line.startswith("#"))


def size(name):
    return SIGNIFICANDS.get(name) or int(name.removeprefix("int"))


def law(name, known):
    """A power of the size through the two known numbers of the same kind."""
    low, high = ("int8", "int32") if name.startswith("int") else ("fp16", "fp32")
    power = log(known[high] / known[low]) / log(size(high) / size(low))
    return known[low] * (size(name) / size(low)) ** power


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: row["format"])
def test_areas_are_horowitz_s_or_on_a_line_through_them(row):
    published = row["format"] in AREA_UM2
    assert row["multiply_status"] == ("published" if published else "derived")
    area = float(row["multiply_um2"])
    assert area == (AREA_UM2[row["format"]] if published else pytest.approx(law(row["format"], AREA_UM2), rel=2e-3))


@pytest.mark.parametrize("row", [row for row in rows() if row["energy_of"]], ids=lambda row: row["format"])
def test_derived_energies_are_on_the_line_and_in_their_range(row):
    name, base = row["format"], row["energy_of"]
    factor, low, high = (float(row[key]) for key in ("energy_factor", "factor_low", "factor_high"))
    assert factor == pytest.approx(law(name, ENERGY_PJ) / ENERGY_PJ[base], rel=3e-3)
    assert low <= factor <= high
    share = size(name) / size(base)
    assert (low, high) == pytest.approx((share**2, share ** (1.5 if name.startswith("int") else 1)), rel=3e-3)


def test_fewer_bits_are_smaller_and_take_less():
    for names in (("fp32", "fp16", "bf16", "e4m3", "e5m2"), ("int16", "int8", "int4")):
        sums = "int32" if names[0].startswith("int") else "fp32"
        made = [implement(in_precision(f"{name}/{sums}"), TECHNOLOGY) for name in names]
        for larger, smaller in pairwise(made):
            assert smaller.prices.multiply_pj < larger.prices.multiply_pj
            assert smaller.prices.add_pj == larger.prices.add_pj
            assert smaller.area_mm2["compute_unit"] < larger.area_mm2["compute_unit"]
            assert smaller.prices.leakage_w["compute_unit"] < larger.prices.leakage_w["compute_unit"]
            assert smaller.area_mm2["mfu"] == larger.area_mm2["mfu"]


def test_bf16_by_hand():
    # The multiplication 0.609 of that in fp16; a multiplier of 872 um2 with an adder of 4184, instead of 1640 and 4184.
    usual, made = implement(MACHINE, TECHNOLOGY), implement(in_precision("bf16/fp32"), TECHNOLOGY)
    assert made.prices.multiply_pj == pytest.approx(0.609 * usual.prices.multiply_pj, rel=1e-12)
    assert made.prices.add_pj == usual.prices.add_pj
    area = 65536 * 7306e-6 * (872 + 4184) / (1640 + 4184)
    assert made.area_mm2["compute_unit"] == pytest.approx(area, rel=1e-12)
    assert made.prices.leakage_w["compute_unit"] == pytest.approx(12.6e-3 * area, rel=1e-12)
    assert {name: memory.width_bits for name, memory in made.memories.items()} == {
        name: memory.width_bits for name, memory in usual.memories.items()
    }
    assert made.warnings == [
        "the energy of a multiplication in bf16 is derived: 0.609 (0.529 to 0.727) times fp16_multiply_pj",
        "area and leakage of the compute unit are derived: 0.868 times those of fp16/fp32, as a multiplier with an "
        "adder (0.952 if nothing else in it differs)",
    ]


def test_int4_takes_half_a_byte():
    made = implement(in_precision("int4/int32"), TECHNOLOGY)
    assert made.memories["weight_buffer"].width_bits == 128
    assert made.prices.multiply_pj == pytest.approx(0.254 * TECHNOLOGY.int8_multiply_pj, rel=1e-12)
    assert made.prices.dram_vector_pj == made.prices.dram_byte_pj / 2
    report = simulate(
        single_layer(RNNLayer(input_size=100, hidden_size=100), 3), made.accelerator, Plan(weights="streamed")
    )
    assert report.loaded_bytes == 4 * 100 * 200 / 2


def test_a_number_of_one_s_own_moves_what_is_derived_from_it():
    cheaper = with_technology_settings(TECHNOLOGY, {"int8_multiply_pj": 0.01})
    assert implement(in_precision("int4/int32"), cheaper).prices.multiply_pj == pytest.approx(0.00254, rel=1e-12)
    assert implement(in_precision("int16/int32"), cheaper).prices.multiply_pj == TECHNOLOGY.int16_multiply_pj


def test_nothing_is_said_of_the_papers_own_formats():
    assert area_factor(MACHINE) == 1
    assert [energy.factor for energy in array_energies(MACHINE)] == [1, 1]
    assert implement(MACHINE, TECHNOLOGY).warnings == []


@pytest.mark.parametrize("label", [label for label in LABELS if label != "fp16/fp32"])
def test_what_is_derived_is_said_with_every_energy(label):
    report = simulate(single_layer(RNNLayer(input_size=8, hidden_size=8), 2), in_precision(label))
    said = evaluate_energy(report, TECHNOLOGY).as_dict()["warnings"]
    derived = label.partition("/")[0] in ("int4", "bf16", "e4m3", "e5m2")
    assert [sentence.partition(" is derived")[1] for sentence in said] == [" is derived"] * derived + [""]
    assert "area and leakage of the compute unit are derived" in said[-1]


@pytest.mark.parametrize("label", ["bf16/fp32", "e4m3/fp16", "int4/int32"])
@pytest.mark.parametrize("weights", ["resident", "streamed"])
def test_sweeps_price_formats_as_reports_do(label, weights):
    machine, sizes = in_precision(label).with_macs("4K"), [33, 1024, 3000]
    table = sweep({"hidden_size": sizes, "weights": weights, "weight_buffer": 2**23}, machine, technology=TECHNOLOGY)
    machine = with_settings(machine, {"weight_buffer": 2**23})
    for place, hidden in enumerate(sizes):
        layer = single_layer(RNNLayer(input_size=hidden, hidden_size=hidden), 25)
        costs = evaluate_energy(simulate(layer, machine, Plan(weights=weights)), TECHNOLOGY)
        found = table.loc[place, list(ENERGY_COLUMNS)].astype(float).to_dict()
        assert found == pytest.approx(costs.as_row(), rel=1e-12)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            precision_settings("int12/int32"),
            "weight_bits: expected 4 or 8 or 16 (the int numbers that there is an energy to multiply), got 12",
        ),
        (
            precision_settings("bf16/fp24"),
            "partial_sum_bits: expected 16 or 32 (the fp numbers that there is an energy to add), got 24",
        ),
        (
            {"weight_bits": 8},
            "weight_bits: expected 16 or 32 (the fp numbers that there is an energy to multiply), got 8 (or arithmetic "
            "e4m3 or e5m2)",
        ),
    ],
)
def test_formats_without_an_energy_are_refused_with_those_that_have_one(settings, sentence):
    with pytest.raises(SpecificationError) as refusal:
        implement(with_settings(MACHINE, settings), TECHNOLOGY)
    assert str(refusal.value) == sentence
