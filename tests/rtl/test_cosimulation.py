"""The machine as hardware beside the model: equal cycles, equal bits."""

import os

import pytest
from rtl_cases import random_case, real, small

import sharp
from sharp.rtl.cosimulate import cosimulate, count_on_control

pytestmark = pytest.mark.rtl

SMALL, REAL = (int(number) for number in os.environ.get("SHARP_RTL", "100,0").split(","))
PAPER = ("eesen", "gmat", "bysdne", "rldradspr")


def unequal(cases):
    """Cases that differ, with how."""
    compared = [(case[0], case[4], cosimulate(*case)) for case in cases]
    return [case for case in compared if not case[2].is_equal]


def test_random_layers_of_the_small_machine_are_equal():
    cases = [random_case(small(), seed, batch=3) for seed in range(SMALL)]
    assert len({(case[4].schedule, case[4].tile_rows) for case in cases}) >= min(SMALL // 8, 16)
    assert unequal(cases) == []


@pytest.mark.skipif(REAL == 0, reason="compiling 1,024 multipliers takes minutes: make test-rtl-slow")
def test_random_layers_of_the_real_machine_are_equal():
    assert unequal(random_case(real(), 10_000 + seed, batch=2) for seed in range(REAL)) == []


@pytest.mark.skipif(REAL == 0, reason="compiles a control for each budget: make test-rtl-slow")
@pytest.mark.parametrize("macs", ["1K", "4K", "16K", "64K"])
def test_cycles_of_the_four_networks_layers_are_equal_on_the_control(macs):
    machine = sharp.find_accelerator("sharp").with_macs(macs)
    for name in PAPER:
        network = sharp.find_network(name)
        for layer, sequences in zip(network.layers, network.layer_sequences, strict=True):
            assert count_on_control(layer, sequences, machine).is_equal, (name, layer)
