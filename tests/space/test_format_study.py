"""A network in several formats: accuracy beside time and energy."""

import numpy as np
import pytest

import sharp
from sharp.space.formats import as_table, compare_formats
from sharp.values.weights import random_weights

MACHINE, TECHNOLOGY = sharp.find_accelerator("sharp").with_macs("1K"), sharp.find_technology("32nm")


def test_accuracy_falls_with_bits_and_so_does_energy():
    labels = ["fp32", "fp16", "bf16", "e4m3", "int8", "e6m9"]
    rows = compare_formats(sharp.square_lstm(48, seq_len=6), MACHINE, labels, TECHNOLOGY)
    assert rows[0].difference.max_abs == 0
    snr = {row.formats.operands.name: row.difference.snr_db for row in rows}
    assert snr["fp16"] > snr["e6m9"] > snr["bf16"] > snr["e4m3"] > 20
    energies = [row.costs.energy_j for row in rows]
    assert energies[:5] == sorted(energies[:5], reverse=True)
    assert energies[5] is None
    assert rows[1].costs.energy_j == pytest.approx(
        sharp.evaluate_energy(sharp.simulate(sharp.square_lstm(48, seq_len=6), MACHINE), TECHNOLOGY).energy.total_j
    )
    table = as_table(rows)
    assert table[0]["snr_db"] is None
    assert table[1]["format"] == "fp16/fp32"


def test_weights_and_input_of_ones_own():
    network = sharp.square_lstm(8, seq_len=3)
    weights = [random_weights(network.layers[0], seed=7)]
    x = np.ones((3, 1, 8))
    (given,) = compare_formats(network, MACHINE, ["fp16"], TECHNOLOGY, weights=weights, x=x)
    (same,) = compare_formats(network, MACHINE, ["fp16"], TECHNOLOGY, weights=weights, x=x, seed=5)
    (other,) = compare_formats(network, MACHINE, ["fp16"], TECHNOLOGY, seed=5)
    assert given == same
    assert given.difference != other.difference


def test_only_chains():
    lower = sharp.RNNLayer(input_size=4, hidden_size=4)
    places = (sharp.Place(name="a"), sharp.Place(name="b", reads=("input",)))
    network = sharp.Network(name="fork", layers=(lower, lower), places=places, seq_len=3)
    with pytest.raises(
        sharp.SpecificationError, match="network: expected one in which each layer reads the one before"
    ):
        compare_formats(network, MACHINE, ["fp16"], TECHNOLOGY)
