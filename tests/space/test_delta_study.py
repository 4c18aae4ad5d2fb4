"""Thresholds beside everything multiplied: costs are those of what changed, tiles by hand."""

from dataclasses import replace

import numpy as np
import pytest

import sharp
from sharp.cycles.delta import StepColumns, count_delta
from sharp.energy.breakdown import break_down
from sharp.errors import SpecificationError
from sharp.space.delta import (
    DeltaCalls,
    _tiles,
    as_table,
    compare_thresholds,
    gain_of_share,
    moving_input,
    step_columns,
)
from sharp.values.execute import execute_layer
from sharp.values.formats import numerics
from sharp.values.weights import random_weights

MACHINE, TECHNOLOGY = sharp.find_accelerator("sharp").with_macs("1K"), sharp.find_technology("32nm")
LAYERS = (
    sharp.RNNLayer(cell="gru", input_size=20, hidden_size=40),
    sharp.RNNLayer(cell="gru", input_size=40, hidden_size=40),
)
NETWORK = sharp.Network(name="two", layers=LAYERS, seq_len=10)


def test_costs_are_those_of_the_columns_that_changed():
    layer = sharp.RNNLayer(input_size=20, hidden_size=30, bidirectional=True)
    x, lengths = moving_input(8, 2, 20), (8, 3)
    calls = DeltaCalls(lambda *given, **fields: execute_layer(*given, MACHINE, **fields), 0.3)
    values = calls(layer, random_weights(layer, seed=1), x, lengths=lengths)
    columns = step_columns(values, lengths)
    assert [one.num_steps for one in columns] == [8, 3, 8, 3]
    assert columns[1].counts["x"][2] == values.changed["x"][0, 2, 1].sum()
    counted = count_delta(layer, columns, MACHINE, MACHINE.plan)
    costs = calls.costs(MACHINE, MACHINE.plan, numerics(MACHINE.precision), TECHNOLOGY)
    assert (costs.cycles, costs.macs) == (counted.counts.total_cycles, counted.counts.useful)
    moved = 11 * (20 + 60)  # x from the DRAM, h to it, both directions
    activity = replace(
        counted.activity,
        dram_vectors=moved,
        vector_reads=counted.activity.vector_reads + 11 * 60,
        vector_writes=counted.activity.vector_writes + 11 * 20,
    )
    expected = break_down(activity, sharp.implement(MACHINE, TECHNOLOGY)).total_j
    assert costs.energy_j == pytest.approx(expected, rel=1e-12)


def test_the_rows_are_from_everything_to_little():
    rows = compare_thresholds(NETWORK, MACHINE, [0.0, 0.1, 1.0], TECHNOLOGY)
    assert [row.threshold for row in rows] == [None, 0.0, 0.1, 1.0]
    table = as_table(rows)
    for name, ends in (("share_of_macs", 1), ("share_of_energy", 1)):
        values = [row[name] for row in table[1:]]
        assert values == sorted(values, reverse=True)
        assert table[0][name] == ends
    assert rows[0].costs.cycles == sharp.simulate(NETWORK, MACHINE).counts.total_cycles
    energy = sharp.evaluate_energy(sharp.simulate(NETWORK, MACHINE), TECHNOLOGY).energy
    assert rows[0].costs.energy_j < energy.total_j + 2 * 10 * 40 * 20e-12 * 16  # h of the first layer by the DRAM, too
    again = compare_thresholds(NETWORK, MACHINE, [0.1], TECHNOLOGY)
    assert as_table(again)[1] == table[2]


def test_streamed_weights_are_those_of_the_columns_that_changed():
    machine = replace(
        MACHINE, weight_buffer=sharp.MemoryLevel(capacity_bytes=16), plan=replace(MACHINE.plan, weights="auto")
    )
    whole, some = compare_thresholds(NETWORK, machine, [0.3], TECHNOLOGY)
    resident = compare_thresholds(NETWORK, MACHINE, [0.3], TECHNOLOGY)
    assert whole.costs.cycles > resident[0].costs.cycles
    assert whole.costs.cycles / some.costs.cycles > resident[0].costs.cycles / resident[1].costs.cycles
    steps = [StepColumns(counts={"x": (20, 5), "h": (0, 8)})]
    activity = count_delta(LAYERS[0], steps, machine, replace(machine.plan, weights="streamed")).activity
    assert activity.loaded_bytes == 2 * 120 * (20 + 5 + 8)


@pytest.mark.parametrize("share", [0, 1.1, -1])
def test_a_share_is_of_the_columns(share):
    with pytest.raises(SpecificationError, match="share: expected above 0, up to 1"):
        gain_of_share(LAYERS[0], share, MACHINE)
    assert gain_of_share(LAYERS[0], 1, MACHINE) == 1


def test_tiles_by_hand():
    # Tiles of 4 columns. In the first step x changes at 0, 4 and 8, one unit's, in the second at 1 and 2, and h at 3.
    x, h = np.zeros((1, 2, 1, 9), dtype=bool), np.zeros((1, 2, 1, 4), dtype=bool)
    x[0, 0, 0, [0, 4, 8]] = x[0, 1, 0, [1, 2]] = h[0, 1, 0, 3] = True
    layer = sharp.RNNLayer(input_size=9, hidden_size=4)
    values = execute_layer(layer, random_weights(layer, seed=1), np.ones((2, 1, 9)), MACHINE)
    values = replace(values, changed={"x": x, "h": h})
    assert _tiles(values, (2,), 4) == (1 + 1 + 1, 3 + 1 + 1)


def test_an_input_that_moves():
    x = moving_input(4000, 1, 5, seed=3, correlation=0.9)[:, 0]
    assert x.std() == pytest.approx(1, abs=0.1)
    assert np.mean([np.corrcoef(x[1:, i], x[:-1, i])[0, 1] for i in range(5)]) == pytest.approx(0.9, abs=0.02)


def test_a_graph_is_refused():
    network = sharp.find_network("gmat-decoding")
    with pytest.raises(SpecificationError, match="in which each layer reads the one before"):
        compare_thresholds(network, MACHINE, [0.1], TECHNOLOGY)
