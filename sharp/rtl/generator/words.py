"""Words that go through the machine: segments of a program, registers of a layer, what a stage is told."""

from __future__ import annotations

from amaranth.lib import data

SEGMENT = data.StructLayout(
    {
        "tiles": 14,
        "weights": 16,
        "column": 14,
        "doublings": 3,
        "rows": 10,
        "waits": 1,
        "ahead": 1,
        "starts": 1,
        "completes": 1,
        "sums": 12,
        "values": 16,
        "cells": 13,
        "state": 16,
        "final": 1,
    }
)
"""A segment.

- ``tiles``, ``weights``, ``column``: column tiles, bank address of the first, and its first column of x and h;
- ``doublings``: the tile's height is ``lanes << doublings``; ``rows``: rows of it that are used;
- ``waits``: for h of the step before; ``ahead``: works for the step after its round;
- ``starts``: new sums, else those at ``sums`` of the intermediate buffer; ``completes``: else it goes there;
- ``values``: where its gate values go, where its biases are;
- ``cells``: cells that update after it, from ``state`` on; ``final``: h of the step is then whole.
"""

REGISTERS = data.StructLayout(
    {
        "first": 12,
        "round": 12,
        "last": 12,
        "end": 12,
        "steps": 16,
        "sequences": 8,
        "inputs": 14,
        "columns": 14,
        "levels": 5,
        "update_lanes": 10,
        "cell_stride": 3,
        "gate_stride": 16,
    }
)
"""A layer: where the lists of the first round (what runs ahead of step 1), of a round, and of the last round start.

``levels`` of the tree are what every result takes; gate g of a cell j is at ``j * cell_stride + g * gate_stride``.
"""

ISSUE = data.StructLayout(
    {"valid": 1, "first": 1, "last": 1, "final_sequence": 1, "sequence": 8, "step": 16, "segment": SEGMENT}
)
"""A tile on its way to the accumulators."""

QUEUED = data.StructLayout({"segment": SEGMENT, "step": 16})
"""A segment that waits for the activation unit or the updater."""

GROUP = data.StructLayout({"valid": 1, "count": 16, "address": 16, "last": 1, "queued": QUEUED})
"""Values or cells that enter a unit together: how many are left, where the first is, whether these are the last."""

LOAD_SEGMENTS, LOAD_REGISTERS, LOAD_WEIGHTS, LOAD_INPUTS, LOAD_BIASES, LOAD_PLACES = range(1, 7)
"""What ``load_select`` chooses."""
