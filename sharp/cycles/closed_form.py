"""The closed form for many layers at once: where it applies, and the call of its kernel.

It applies to our four schedules of one chain, h behind a barrier, sequences equally long. What it leaves to the event
simulator is said in a sentence (`why_not`), and is never more than that: both give the same cycles.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sharp.checks import refuse
from sharp.machine.plan import Plan
from sharp.workload.cell import Phase

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INPUTS = (
    "input_size",
    "hidden_size",
    "recurrent_size",
    "num_directions",
    "seq_len",
    "batch_size",
    "num_macs",
    "tile_rows",
    "activation_lanes",
    "rows_per_update_lane",
    "multiply",
    "add",
    "levels_per_cycle",
    "accumulate",
    "activation",
    "update",
    "intermediate_words",
    "weight_buffer_bytes",
    "dram_bytes_per_cycle",
)
"""Inputs of `evaluate` in the kernel's order; latencies in cycles."""

RESULTS = (
    "useful",
    "column_padding",
    "row_padding",
    "total_cycles",
    "dependency_stall",
    "weight_load",
    "fill_drain",
    "tile_rows",
)
"""Rows of what `evaluate` returns; the first three in multiplier-cycles."""

COUNTS = ("used_bank_reads", "vector_reads", "sums_kept")
"""Rows of what `count` returns, as in `sharp.cycles.activity.Activity`."""

MAX_EXACT = 2.0**50
"""Multiplier-cycles up to which doubles hold every integer on the way, and quotients round to the right one."""

_SCHEDULES = ("sequential", "batch", "intergate", "unfolded")
_MAX_HEIGHTS, _MAX_GATES = 8, 4
_PLAIN, _SEPARATE, _PROJECTED, _TWO_PHASE = range(4)
_LEVELS = {4: "closed_form_v4", 3: "closed_form_v3", 0: "closed_form"}


@cache
def kernel() -> ModuleType:
    """The kernel built for this processor, or for the x86-64 level that the variable SHARP_LEVEL asks for (0, 3, 4)."""
    level = import_module("sharp.kernels.closed_form").processor_level()
    wanted = os.environ.get("SHARP_LEVEL", str(level))
    usable = {str(key): name for key, name in _LEVELS.items() if key <= level}
    if wanted not in usable:
        raise refuse("SHARP_LEVEL", " or ".join(sorted(usable)), wanted)
    return import_module(f"sharp.kernels.{usable[wanted]}")


def _shape(phases: tuple[Phase, ...]) -> int | None:
    """The kernel's number of the shape of a cell, None where it has none."""
    first, *rest = phases
    if len(first.gates) > _MAX_GATES or len(rest) > 1 or not first.reads_x:
        return None
    if not rest:
        return (_SEPARATE if first.separate_sums else _PLAIN) if first.update == "update_ns" else None
    second = rest[0]
    if second.separate_sums or first.separate_sums or len(second.gates) > 1:
        return None
    if not second.reads_x and not second.activation_passes and not second.update:
        return _PROJECTED if first.update == "update_ns" else None
    both = (first.update, second.update, first.activation_passes, second.activation_passes)
    return _TWO_PHASE if second.reads_x and both == ("multiply_ns", "update_ns", 1, 1) else None


def why_not(phases: tuple[Phase, ...], plan: Plan, num_heights: int, lengths_are_equal: bool = True) -> str:
    """Why the closed form does not apply, "" where it does."""
    if not plan.is_ours:
        return "the schedule is a user's"
    if plan.schedule_name not in _SCHEDULES:
        return "chains that take turns do not empty the units between steps"
    if plan.forwarding != "barrier":
        return "h forwarded tile by tile does not empty the units between steps"
    if not lengths_are_equal:
        return "the sequences are not equally long"
    if num_heights > _MAX_HEIGHTS:
        return f"the machine has more than {_MAX_HEIGHTS} tile heights"
    shape = _shape(phases)
    if shape is None:
        return "the cell has another shape than ours"
    if shape == _TWO_PHASE and plan.schedule_name in ("sequential", "batch"):
        return "the schedule cannot order the cell"
    return ""


def evaluate(
    inputs: Mapping[str, float | NDArray[np.float64]],
    count: int,
    phases: tuple[Phase, ...],
    plan: Plan,
    heights: tuple[int, ...],
    weight_bytes: float,
) -> NDArray[np.float64]:
    """Cycles of many layers of one cell under one plan, without the GIL.

    Parameters
    ----------
    inputs : mapping of str to float or numpy.ndarray, float64, (count,)
        By `INPUTS`; ``tile_rows`` is left out where the plan asks for the best.
    count : int
        Layers.
    phases : tuple of Phase
        Of the cell; `why_not` must be "".
    plan : Plan
    heights : tuple of int
        The machine's tile heights, ascending.
    weight_bytes : float
        Bytes of a weight.

    Returns
    -------
    numpy.ndarray, float64, (8, count)
        Rows `RESULTS`; exact where total_cycles times num_macs is below `MAX_EXACT`. A total of 1e300 marks a layer
        whose gates fit none of the tile heights.
    """
    import numpy as np

    results = np.empty((len(RESULTS), count))
    kernel().evaluate(
        *_arguments(inputs, count, phases, plan, heights, weight_bytes),
        plan.weights == "streamed",
        "tile_rows" not in inputs,
        results,
    )
    return results


def count_actions(
    inputs: Mapping[str, float | NDArray[np.float64]],
    count: int,
    phases: tuple[Phase, ...],
    plan: Plan,
    heights: tuple[int, ...],
    lanes_per_unit: int,
) -> NDArray[np.float64]:
    """Actions of many layers that do not follow from their cycles.

    Parameters are those of `evaluate`, but that ``tile_rows`` is given; `lanes_per_unit` is the machine's.

    Returns
    -------
    numpy.ndarray, float64, (3, count)
        Rows `COUNTS`; exact where the cycles are. The updater's own reads of h are not among the vector reads.
    """
    import numpy as np

    counts = np.empty((len(COUNTS), count))
    kernel().count(*_arguments(inputs, count, phases, plan, heights, 1), float(lanes_per_unit), counts)
    return counts


def _arguments(
    inputs: Mapping[str, float | NDArray[np.float64]],
    count: int,
    phases: tuple[Phase, ...],
    plan: Plan,
    heights: tuple[int, ...],
    weight_bytes: float,
) -> tuple[Any, ...]:
    """What the kernels take first."""
    import numpy as np

    constants = np.zeros(len(INPUTS))
    varying: list[NDArray[np.float64]] = []
    places = np.full(len(INPUTS), -1, dtype=np.int64)
    for index, name in enumerate(INPUTS):
        value = inputs.get(name, 0.0)
        if isinstance(value, np.ndarray):
            places[index] = len(varying)
            varying.append(value)
        else:
            constants[index] = value
    first = phases[0]
    return (
        constants,
        np.ascontiguousarray(varying, dtype=np.float64) if varying else np.zeros((1, count)),
        places,
        np.array(heights, dtype=np.float64),
        np.array([len(first.gates), first.sums_per_cell, first.activation_passes, weight_bytes], dtype=np.float64),
        _SCHEDULES.index(plan.schedule_name),
        _shape(phases),
        plan.reconfiguration,
    )
