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
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.workload.cell import Phase

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_EXACT = 2.0**50
"""Integers up to which doubles hold every one on the way, and quotients round to the right one."""

_MAX_GATES = 4
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


def _shape(phases: tuple[Phase, ...]) -> str:
    """The kernel's name of the shape of a cell, "" where it has none."""
    first, *rest = phases
    if len(first.gates) > _MAX_GATES or len(rest) > 1 or not first.runs_ahead or not first.activation_passes:
        return ""
    if (first.size, first.operand) != ("hidden_size", "h") or any(phase.parts > 1 for phase in phases):
        return ""
    if first.operand_size not in ("recurrent_size", "hidden_size"):
        return ""
    if not rest:
        return ("separate" if first.separate_sums else "plain") if first.update == "update_ns" else ""
    second = rest[0]
    if second.separate_sums or first.separate_sums or len(second.gates) > 1 or second.operand != first.gives:
        return ""
    if not second.reads_x and not second.activation_passes and not second.update:
        return "projected" if first.update == "update_ns" else ""
    if not second.reads_x or second.size != "hidden_size":
        return ""
    both = (first.update, second.update, first.activation_passes, second.activation_passes)
    return "two_phase" if both == ("multiply_ns", "update_ns", 1, 1) else ""


def why_not(phases: tuple[Phase, ...], plan: Plan, num_heights: int, lengths_are_equal: bool = True) -> str:
    """Why the closed form does not apply, "" where it does."""
    if not plan.is_ours:
        return "the schedule is a user's"
    if plan.schedule_name not in kernel().SCHEDULES:
        return "chains that take turns do not empty the units between steps"
    if plan.weights == "auto":
        return "whether weights stay on chip is decided for each layer by its size"
    if plan.forwarding != "barrier":
        return "h forwarded tile by tile does not empty the units between steps"
    if not lengths_are_equal:
        return "the sequences are not equally long"
    if num_heights > kernel().HEIGHTS:
        return f"the machine has more than {kernel().HEIGHTS} tile heights"
    shape = _shape(phases)
    if not shape:
        return "the cell has another shape than ours"
    if shape == "two_phase" and plan.schedule_name in ("sequential", "batch"):
        return "the schedule cannot order the cell"
    return ""


def evaluate(
    inputs: Mapping[str, float | NDArray[np.float64]],
    count: int,
    phases: tuple[Phase, ...],
    plan: Plan,
    heights: tuple[int, ...],
    weight_bytes: float,
) -> dict[str, NDArray[np.float64]]:
    """Cycles of many layers of one cell under one plan, without the GIL.

    Parameters
    ----------
    inputs : mapping of str to float or numpy.ndarray, float64, (count,)
        By the kernel's ``INPUTS``; ``tile_rows`` is left out where the plan asks for the best.
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
    dict of str to numpy.ndarray, float64, (count,)
        By the kernel's ``RESULTS``, exact where `are_exact` says so; ``chosen_tile_rows`` is 0 of a layer whose gates
        fit none of the tile heights.
    """
    import numpy as np

    results = np.empty((len(kernel().RESULTS), count))
    kernel().evaluate(
        *_arguments(inputs, count, phases, plan, heights, weight_bytes),
        plan.weights == "streamed",
        "tile_rows" not in inputs,
        results,
    )
    return dict(zip(kernel().RESULTS, results, strict=True))


def are_exact(
    inputs: Mapping[str, float | NDArray[np.float64]], results: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.bool_]:
    """Of which layers doubles hold every integer on the way.

    Where no input is too large, roundings change a sum, a product or a quotient by a tiny share of it at most; every
    integer on the way is part of a step's multiplier-cycles or of its time, so that none is greater than the total
    says, and below `MAX_EXACT` nothing was rounded.

    Parameters
    ----------
    inputs, results
        As `evaluate` takes and returns them; what else the inputs hold counts too.
    """
    exact: NDArray[np.bool_] = results["total_cycles"] * inputs["num_macs"] < MAX_EXACT
    for value in inputs.values():
        exact &= value < MAX_EXACT
    return exact


def count_actions(
    inputs: Mapping[str, float | NDArray[np.float64]],
    count: int,
    phases: tuple[Phase, ...],
    plan: Plan,
    heights: tuple[int, ...],
    lanes_per_unit: int,
) -> dict[str, NDArray[np.float64]]:
    """Actions of many layers that do not follow from their cycles.

    Parameters are those of `evaluate`, but that ``tile_rows`` is given; `lanes_per_unit` is the machine's.

    Returns
    -------
    dict of str to numpy.ndarray, float64, (count,)
        By the kernel's ``COUNTS``, fields of `sharp.cycles.activity.Activity`; exact where the cycles are. The
        updater's own reads of h are not among the vector reads.
    """
    import numpy as np

    counts = np.empty((len(kernel().COUNTS), count))
    kernel().count(*_arguments(inputs, count, phases, plan, heights, 1), float(lanes_per_unit), counts)
    return dict(zip(kernel().COUNTS, counts, strict=True))


def add_costs(
    inputs: Mapping[str, float | NDArray[np.float64]],
    phases: tuple[Phase, ...],
    plan: Plan,
    accelerator: Accelerator,
    prices: Mapping[str, float | NDArray[np.float64]],
    times: int,
    cycles: NDArray[np.float64],
    energy_j: NDArray[np.float64],
) -> None:
    """Add a layer's cycles and energy, so many times, to those of n points, without the GIL.

    Parameters
    ----------
    inputs, phases, plan
        As `evaluate` takes them.
    accelerator : Accelerator
        What no input says: tile heights, units, bytes of a weight.
    prices : mapping of str to float or numpy.ndarray, float64, (n,)
        Of what is counted, by the kernel's ``PRICES``.
    times : int
        How often the network has the layer.
    cycles, energy_j : numpy.ndarray, float64, (n,)
        Added to; a layer whose gates fit no tile height adds `NEVER` cycles.
    """
    kernel().add_costs(
        *_arguments(inputs, len(cycles), phases, plan, accelerator.tile_rows, accelerator.weight_bytes),
        plan.weights == "streamed",
        "tile_rows" not in inputs,
        float(accelerator.lanes_per_unit),
        *_columns(kernel().PRICES, prices, len(cycles)),
        float(times),
        cycles,
        energy_j,
    )


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

    first = phases[0]
    cell = {"gates": len(first.gates), "weight_bytes": weight_bytes}
    cell |= {name: getattr(first, name) for name in ("sums_per_cell", "activation_passes")}
    return (
        *_columns(kernel().INPUTS, inputs, count),
        np.array(heights, dtype=np.float64),
        np.array([cell[name] for name in kernel().CELL], dtype=np.float64),
        kernel().SCHEDULES.index(plan.schedule_name),
        kernel().SHAPES.index(_shape(phases)),
        plan.reconfiguration,
    )


def _columns(
    names: tuple[str, ...], values: Mapping[str, float | NDArray[np.float64]], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Numbers as the kernels take them: what is the same for all, what varies, and where each of that is."""
    import numpy as np

    constants = np.zeros(len(names))
    varying: list[NDArray[np.float64]] = []
    places = np.full(len(names), -1, dtype=np.int64)
    for index, name in enumerate(names):
        value = values.get(name, 0.0)
        if isinstance(value, np.ndarray):
            places[index] = len(varying)
            varying.append(value)
        else:
            constants[index] = value
    return constants, np.array(varying, dtype=np.float64) if varying else np.zeros((1, count)), places
