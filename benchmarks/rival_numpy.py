"""The closed form once more in vectorised NumPy, for the case of rival.c: a rival for bench_closed_form.py.

Not run by itself. LSTM layers, h behind a barrier, batch 1, weights on chip, padding reconfiguration on tile heights
32, 64, 128 and 256, the same multipliers for all; arrays of doubles, an operation on all layers at a time.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
GATES = 4
HEIGHTS = (32.0, 64.0, 128.0, 256.0)


class Segments(NamedTuple):
    """Equal segments: how many, and what one costs each unit; where there are none, nothing."""

    count: Array
    array: Array
    activation: Array
    update: Array
    row_padding: Array


class Work(NamedTuple):
    """A step: cycles of the array that need h, until h is out, and for the next step; multiplier-cycles of padding."""

    array: Array
    step: Array
    early: Array | float
    row_padding: Array


def _height(rows: Array, k: Array | float) -> Array:
    """The least height of the set that takes the rows, at most k."""
    height: Array = np.minimum(32.0 + 32 * (rows > 32) + 64 * (rows > 64) + 128 * (rows > 128), k)
    return height


def _segments(
    machine: Mapping[str, int], count: Array, cells: Array, gates: int, columns: Array, k: Array | float
) -> Segments:
    """Segments of `gates` rows a cell over some columns."""
    rows = gates * cells
    height = _height(rows, k)
    width = machine["macs"] / height
    lanes = np.maximum(1, k // machine["rows_per_update_lane"])
    array = np.where(count > 0, np.ceil(columns / width), 0)
    activation = np.where(count > 0, np.ceil(rows / machine["activation_lanes"]), 0)
    update = np.where(count > 0, np.ceil(cells / lanes), 0)
    return Segments(count, array, activation, update, count * (height - rows) * width * array)


def _cut(h: Array, block: Array | float) -> tuple[Array, Array, Array]:
    """Full blocks, whether there is a smaller last one, and its cells."""
    full = np.floor(h / block)
    rest = h - full * block
    return full, (rest > 0).astype(float), rest


def _mvm(machine: Mapping[str, int], cells: Array | float, rest: Array, gates: int, k: Array | float) -> Array:
    """Of the smallest tile in use, that of the last block where there is one; a level less with each doubling of it."""
    height = _height(gates * np.where(rest > 0, rest, cells), k)
    latency: Array = machine["mvm_of_32"] - machine["add"] * (np.log2(height) - 5)
    return latency


def _sequential(machine: Mapping[str, int], x: Array, h: Array, k: Array | float) -> Work:
    """Gate after gate; all cells update after the last one."""
    blocks, one, rest = _cut(h, k)
    full = _segments(machine, blocks, np.broadcast_to(k, h.shape), 1, x + h, k)
    last = _segments(machine, one, rest, 1, x + h, k)
    array = activation = np.zeros(h.shape)
    mvm, slower = _mvm(machine, k, rest, 1, k), np.maximum(full.array, full.activation)
    for _ in range(GATES):
        first = array + mvm + full.array + full.activation
        activation = np.maximum(activation + blocks * full.activation, first + (blocks - 1) * slower)
        array = array + blocks * full.array + last.array
        activation = np.maximum(activation, array + mvm) + last.activation
    update = np.ceil(h / np.maximum(1, k // machine["rows_per_update_lane"]))
    step = activation + machine["activation"] + update + machine["update"]
    return Work(array, step, 0.0, GATES * (full.row_padding + last.row_padding))


def _batch(machine: Mapping[str, int], x: Array, h: Array, k: Array | float) -> Work:
    """Block after block of k cells, gate after gate, an update after each block."""
    blocks, one, rest = _cut(h, k)
    full = _segments(machine, blocks, np.broadcast_to(k, h.shape), 1, x + h, k)
    last = _segments(machine, one, rest, 1, x + h, k)
    mvm, slower = _mvm(machine, k, rest, 1, k), np.maximum(full.array, full.activation)
    first = mvm + full.array + full.activation
    array = GATES * blocks * full.array
    update = first + (GATES - 1) * slower + machine["activation"] + full.update
    update += (blocks - 1) * np.maximum(GATES * slower, full.update)
    activation = np.maximum(
        first + (GATES * blocks - 1) * slower + GATES * last.activation,
        array + mvm + last.array + last.activation + (GATES - 1) * np.maximum(last.array, last.activation),
    )
    step = np.maximum(update, activation + machine["activation"]) + last.update + machine["update"]
    return Work(array + GATES * last.array, step, 0.0, GATES * (full.row_padding + last.row_padding))


def _fused(machine: Mapping[str, int], h: Array, k: Array | float, columns: Array, ahead: Array | None) -> Work:
    """Fused gates, block after block, over columns; those `ahead` are issued one step early."""
    cells = np.floor_divide(k, GATES)
    blocks, one, rest = _cut(h, cells)
    full = _segments(machine, blocks, np.broadcast_to(cells, h.shape), GATES, columns, k)
    last = _segments(machine, one, rest, GATES, columns, k)
    mvm, slower = _mvm(machine, cells, rest, GATES, k), np.maximum(full.array, full.activation)
    first = mvm + full.array + full.activation
    array = blocks * full.array + last.array
    activation = np.maximum(first + (blocks - 1) * slower, array + mvm) + last.activation
    update = first + machine["activation"] + full.update + (blocks - 1) * np.maximum(slower, full.update)
    step = np.maximum(update, activation + machine["activation"]) + last.update + machine["update"]
    row_padding = full.row_padding + last.row_padding
    if ahead is None:
        return Work(array, step, 0.0, row_padding)
    full_x = _segments(machine, blocks, np.broadcast_to(cells, h.shape), GATES, ahead, k)
    last_x = _segments(machine, one, rest, GATES, ahead, k)
    early = blocks * full_x.array + last_x.array
    return Work(array, step, early, row_padding + full_x.row_padding + last_x.row_padding)


def _intergate(machine: Mapping[str, int], x: Array, h: Array, k: Array | float) -> Work:
    return _fused(machine, h, k, x + h, None)


def _unfolded(machine: Mapping[str, int], x: Array, h: Array, k: Array | float) -> Work:
    return _fused(machine, h, k, h, x)


_SCHEDULES: dict[str, Callable[..., Work]] = {
    "sequential": _sequential,
    "batch": _batch,
    "intergate": _intergate,
    "unfolded": _unfolded,
}


def evaluate(
    schedule: str, machine: Mapping[str, int], x: Array, h: Array, t: Array, k: Array | float
) -> tuple[Array, ...]:
    """Arrays in the order of `rival_c.RESULTS`."""
    array, step, early, row_padding = _SCHEDULES[schedule](machine, x, h, k)
    busy = array + early
    total = early + (t - 1) * np.maximum(step, busy) + step
    useful, row_padding = t * GATES * h * (x + h), t * row_padding
    column_padding = t * machine["macs"] * busy - useful - row_padding
    fill = step - array
    return useful, column_padding, row_padding, total, total - t * busy - fill, fill, np.broadcast_to(k, h.shape)


def evaluate_best(schedule: str, machine: Mapping[str, int], x: Array, h: Array, t: Array) -> tuple[Array, ...]:
    """As `evaluate`, on the height with the least cycles; the smallest such one."""
    best = evaluate(schedule, machine, x, h, t, HEIGHTS[0])
    for height in HEIGHTS[1:]:
        tried = evaluate(schedule, machine, x, h, t, height)
        better = tried[3] < best[3]
        best = tuple(np.where(better, new, old) for new, old in zip(tried, best, strict=True))
    return best
