"""Weight locality: steps share a read of the weights that multiply x, as in E-PUR's MWL (arXiv 1711.07480).

The products with x wait for nothing, so those of many steps can follow each other and read each weight once; their sums
wait in the intermediate buffer. Cycles stay what they are, energy does not.
"""

from __future__ import annotations

from dataclasses import replace

from sharp.cycles.activity import Activity
from sharp.cycles.mapping import LayerMapping
from sharp.cycles.task import Segment, Task


def with_weight_locality(mapping: LayerMapping, activity: Activity) -> Activity:
    """What a layer does where steps share reads of the weights that multiply x.

    The rule, for every cell and schedule, of the segments of `mapping`:

    - Shared are the tiles with columns of x alone: of X columns on tiles N' wide ``ceil(X / N')`` where they have tiles
      of their own (a segment over x, or separate sums), else ``floor(X / N')``. The tile in which x and h meet, those
      of h, and those of what a later phase waits for are read in every step, as before.
    - A chain reads a shared tile once for every S steps that follow each other, so ``ceil(T / S)`` times in T steps.
      S is as many as the intermediate buffer holds the sums of, all rows with a shared tile of all chains that
      take turns and all sequences (`steps_that_share`).
    - Each such row keeps a sum a step and sequence: written once and read once. Those kept anyway count once.

    The array multiplies what it did, x and h are read as often, and the cycles are the same. Left out: what holds a row
    segment's weights beside the multipliers meanwhile. A layer is as without where no read would be saved (one step, no
    shared tile, a buffer for fewer than two steps), and where its weights come from the DRAM in every step.

    Parameters
    ----------
    mapping : LayerMapping
        The layer on the machine.
    activity : Activity
        What it does without (`sharp.cycles.activity.count_activity`, with or without its traffic).
    """
    task, layer, machine = mapping.task, mapping.task.layer, mapping.task.accelerator
    steps = steps_that_share(mapping)
    if steps < 2 or activity.loaded_bytes > layer.num_weights * machine.weight_bytes:
        return activity
    tiles = used = kept = 0
    for run in mapping.runs:
        for segment in run.segments:
            alone, columns = _of_x_alone(task, segment)
            tiles += run.repeats * alone
            used += run.repeats * columns * machine.units_with(segment.rows)
            kept += run.repeats * segment.rows * (alone > 0 and segment.completes)
    saved = layer.num_directions * (mapping.num_loads - _passes(mapping, steps))
    return replace(
        activity,
        bank_reads=activity.bank_reads - saved * tiles * machine.num_units,
        used_bank_reads=activity.used_bank_reads - saved * used,
        sums_kept=activity.sums_kept + layer.num_directions * mapping.sequences.total_steps * kept,
    )


def steps_that_share(mapping: LayerMapping) -> int:
    """Steps that share a read of the weights that multiply x, S; 0 or 1 where nothing is shared.

    ``min(T, words of the intermediate buffer / (rows with a tile of x alone * sequences * chains))``, rounded down.
    """
    task, machine = mapping.task, mapping.task.accelerator
    rows = sum(
        run.repeats * segment.rows for run in mapping.runs for segment in run.segments if _of_x_alone(task, segment)[0]
    )
    if not rows:
        return 0
    return min(mapping.sequences.num_steps, machine.intermediate_words // (rows * task.batch_size * task.chains))


def _of_x_alone(task: Task, segment: Segment) -> tuple[int, int]:
    """Tiles of a segment with columns of x alone, and their columns of x."""
    if not segment.operand.startswith("x"):
        return 0, 0
    size, width = task.layer.input_size, task.width(segment.rows)
    if segment.operand == "x" or len(segment.columns) > 1:
        return -(-size // width), size
    return size // width, size // width * width


def _passes(mapping: LayerMapping, steps: int) -> int:
    """Times that the shared weights of a direction pass the array, once for `steps` steps of each chain of it."""
    if mapping.task.chains == 1:
        return -(-mapping.sequences.num_steps // steps)
    spans, passes, length = mapping.sequences.spans, 0, 0
    for (running, more), later in zip(spans, (*(running for running, _ in spans[1:]), 0), strict=True):
        length += more
        passes += (running - later) * -(-length // steps)
    return passes
