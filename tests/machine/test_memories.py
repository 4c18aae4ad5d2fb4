"""What follows from a machine's numbers, each worked out once: columns, lanes, units, banks, words."""

import pytest

from sharp import SpecificationError, find_accelerator
from sharp.machine.accelerator import with_settings
from sharp.machine.banks import memory_shape
from sharp.machine.memories import ping_pong_elements
from sharp.machine.precision import precision_settings

MACHINE = find_accelerator("sharp")


def test_tiles_and_lanes_by_hand():
    assert [MACHINE.columns(rows) for rows in MACHINE.tile_rows] == [2048, 1024, 512, 256]
    assert [MACHINE.update_lanes(rows) for rows in MACHINE.tile_rows] == [8, 16, 32, 64]
    assert with_settings(MACHINE, {"rows_per_update_lane": 100}).update_lanes(32) == 1
    assert with_settings(MACHINE, {"rows_per_update_lane": 100}).update_lanes(256) == 2
    assert MACHINE.num_units == 2048
    assert [MACHINE.units_with(rows) for rows in (1, 32, 33, 256)] == [1, 1, 2, 8]


def test_latency_of_a_product_by_hand():
    # multiplier, ceil(log2 N) levels of a cycle, accumulator
    assert [MACHINE.mvm_cycles(rows) for rows in MACHINE.tile_rows] == [13, 12, 11, 10]
    odd = with_settings(MACHINE, {"num_macs": 96, "tile_rows": [32]})
    assert odd.mvm_cycles(32) == 1 + 2 + 1  # 3 columns
    assert with_settings(odd, {"num_macs": 32}).mvm_cycles(32) == 2  # 1 column needs no tree
    assert with_settings(odd, {"add_ns": 4.5}).mvm_cycles(32) == 1 + 2 * 3 + 1


@pytest.mark.parametrize(
    ("settings", "levels", "cycles"),
    [
        ({}, 1, 1 + 11 + 1),  # 2048 columns, 11 levels
        ({"clock_hz": 5e7}, 1, 1 + 11 + 1),  # not chained: a cycle each, however long it is
        ({"chained_levels": 64}, 1, 1 + 11 + 1),  # 1.94 ns: one fits a cycle of 2 ns
        ({"chained_levels": 64, "clock_hz": 2.5e8}, 2, 1 + 6 + 1),  # 4 ns
        ({"chained_levels": 64, "clock_hz": 5e7}, 10, 1 + 2 + 1),  # 20 ns
        ({"chained_levels": 4, "clock_hz": 5e7}, 4, 1 + 3 + 1),
        ({"chained_levels": 64, "clock_hz": 1e6}, 64, 1 + 1 + 1),  # multiplier and accumulator stay stages of their own
        ({"chained_levels": 64, "clock_hz": 1e9}, 1, 2 + 22 + 2),  # a level takes two cycles
        ({"chained_levels": 64, "clock_hz": 5e7, "num_macs": 32, "tile_rows": [32]}, 10, 1 + 0 + 1),
    ],
)
def test_levels_that_fit_a_cycle_are_chained_as_far_as_the_machine_does(settings, levels, cycles):
    machine = with_settings(MACHINE, settings)
    assert (machine.levels_per_cycle, machine.mvm_cycles(32)) == (levels, cycles)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "all"])
def test_chained_levels_are_a_positive_integer(value):
    with pytest.raises(SpecificationError, match="chained_levels: expected a positive integer, got "):
        with_settings(MACHINE, {"chained_levels": value})


@pytest.mark.parametrize(
    ("precision", "weight_bytes", "words", "elements"),
    [
        ("fp16/fp32", 2, 6144, 602_931),  # 24,576 bytes by 4; 1,205,862 by 2
        ("int8/int16", 1, 12_288, 1_205_862),
        ("int4/int32", 0.5, 6144, 2_411_724),  # two to a byte
        ("fp12/fp24", 1.5, 8192, 803_908),
    ],
)
def test_words_are_packed(precision, weight_bytes, words, elements):
    machine = with_settings(MACHINE, precision_settings(precision))
    assert (machine.weight_bytes, machine.intermediate_words) == (weight_bytes, words)
    assert machine.passing_elements == elements == ping_pong_elements(2_411_724.0, machine.weight_bits)


@pytest.mark.parametrize(
    ("budget", "weight_banks", "io_banks"), [("1K", 32, 1), ("4K", 128, 4), ("16K", 512, 16), ("64K", 2048, 64)]
)
def test_banks_of_the_budgets(budget, weight_banks, io_banks):
    # M/32 banks of 32 weights; the lowest tile is M/32 columns wide: 16 bits each, 32 of them an access; 64 cells of
    # the highest tile are 2 accesses to read c and 2 to write it.
    machine = MACHINE.with_macs(budget)
    assert memory_shape("weight_buffer", machine) == (27_262_976, 512, weight_banks)
    assert memory_shape("io_buffer", machine) == (2_411_724, 512, io_banks)
    assert memory_shape("cell_state_buffer", machine) == (196_608, 512, 4)
    assert memory_shape("intermediate_buffer", machine) == (24_576, 512, 1)


def test_there_is_no_other_memory():
    with pytest.raises(SpecificationError, match=r"memory: expected weight_buffer, .*did you mean 'weight_buffer'"):
        memory_shape("weights_buffer", MACHINE)


@pytest.mark.parametrize(
    ("settings", "cycles"),
    [
        # 64K MACs, tiles of 32 x 2048: a tree of 11 levels; L_acc at 500 MHz, 2 ns a cycle.
        ({}, 1 + 11 + 1),  # an addition takes a cycle: nothing to merge
        ({"accumulate_ns": 4}, 1 + 11 + 2 + 1),  # two sums a row, one level
        ({"accumulate_ns": 6}, 1 + 11 + 3 + 2),  # three sums, two levels
        ({"accumulate_ns": 8}, 1 + 11 + 4 + 2),
        ({"accumulate_ns": 9}, 1 + 11 + 5 + 3),
        ({"accumulate_ns": 8, "add_ns": 4}, 1 + 22 + 4 + 4),  # levels of two cycles
        ({"accumulate_ns": 9, "add_ns": 1, "chained_levels": 2}, 1 + 6 + 5 + 2),  # two levels a cycle
    ],
)
def test_interleaved_accumulators_are_merged(settings, cycles):
    machine = with_settings(MACHINE, {"accumulators": "interleaved", **settings})
    assert machine.mvm_cycles(32) == cycles
    merged = (machine.cycles("accumulate_ns") - 1).bit_length()
    levels = -(-merged // machine.levels_per_cycle)
    assert with_settings(machine, {"accumulators": "single"}).mvm_cycles(32) == cycles - levels * machine.cycles(
        "add_ns"
    )


def test_accumulators_are_of_a_kind():
    with pytest.raises(SpecificationError, match="accumulators: expected single, interleaved, got 'double'"):
        with_settings(MACHINE, {"accumulators": "double"})
