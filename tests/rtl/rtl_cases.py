"""A small machine, and random layers for it and for the real one."""

from dataclasses import replace

import numpy as np

import sharp
from sharp.values.weights import random_weights

SCHEDULES = ("sequential", "batch", "intergate", "unfolded")


def real():
    """SHARP with 1,024 multipliers."""
    return sharp.find_accelerator("sharp").with_macs("1K")


def small():
    """The same with 256 of them, in units of 8."""
    return replace(real(), num_macs=256, tile_rows=(8, 16, 32, 64), activation_lanes=16)


def tiny():
    """The same with 32 of them, in units of 4: compiled in seconds."""
    return replace(real(), num_macs=32, tile_rows=(4, 8), activation_lanes=4)


def random_case(machine, seed, *, batch=1):
    """A layer, its weights, an input and a plan, all of which the machine runs."""
    generator = np.random.default_rng(seed)
    most = {32: 24, 256: 64, 1024: 128}[machine.num_macs]
    input_size, hidden_size = (int(size) for size in generator.integers(1, most + 1, 2))
    steps, sequences = int(generator.integers(1, 5)), int(generator.integers(1, batch + 1))
    layer = sharp.RNNLayer(input_size=input_size, hidden_size=hidden_size, bidirectional=bool(generator.random() < 0.1))
    weights = random_weights(layer, seed=seed, scale=float(generator.choice([0.5, 1.0, 3.0, 20.0])))
    x = generator.normal(size=(steps, sequences, input_size)) * float(generator.choice([0.1, 1.0, 4.0]))
    plan = sharp.Plan(
        schedule=str(generator.choice(SCHEDULES)),
        tile_rows=int(generator.choice(machine.tile_rows)),
        reconfiguration=bool(generator.random() < 0.8),
    )
    return layer, weights, x, machine, plan
