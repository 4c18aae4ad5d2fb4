"""How results differ by schedule and tile height."""

import numpy as np

import sharp
from sharp.values.formats import numerics
from sharp.values.orders import compare_orders
from sharp.values.weights import random_weights

MACHINE = sharp.find_accelerator("sharp").with_macs("1K")


def orders(layer, formats):
    x = np.random.default_rng(0).normal(size=(5, 1, layer.input_size))
    return compare_orders(layer, random_weights(layer, seed=0), x, MACHINE, numerics(formats))


def test_orders_differ_in_the_last_bits_alone():
    rows = orders(sharp.RNNLayer(input_size=100, hidden_size=80), "fp32")
    assert [(row.schedule, row.tile_rows) for row in rows] == [
        (schedule, rows) for schedule in sharp.SCHEDULES for rows in (32, 64, 128, 256)
    ]
    groups = {(row.schedule, row.tile_rows): row.alike for row in rows}
    assert groups["sequential", 32] == groups["batch", 32] == groups["intergate", 32] == 0
    assert groups["unfolded", 64] == groups["interleaved", 64] != groups["batch", 64]
    assert 5 < len(set(groups.values())) < 20
    for row in rows:
        assert (row.difference.max_abs == 0) == (row.alike == 0)
        assert row.difference.max_abs < 1e-6


def test_sums_of_integers_have_no_order():
    rows = orders(sharp.RNNLayer(cell="gru", input_size=100, hidden_size=80), "int8")
    assert {row.alike for row in rows} == {0}


def test_what_a_schedule_cannot_order_is_left_out():
    rows = orders(sharp.RNNLayer(cell="gru", input_size=20, hidden_size=20, linear_before_reset=False), "fp16")
    assert {row.schedule for row in rows} == {"intergate", "unfolded", "interleaved"}
