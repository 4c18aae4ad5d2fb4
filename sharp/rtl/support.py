"""What the machine can run, and what it has to have for a layer."""

from __future__ import annotations

from sharp.cycles.mapping import LayerMapping
from sharp.errors import SpecificationError
from sharp.machine.plan import Plan
from sharp.rtl.generator.sizes import Sizes
from sharp.workload.network import RNNLayer

SCHEDULES = ("sequential", "batch", "intergate", "unfolded")
"""Schedules whose programs are equal to the model."""


def _refuse(what: str, expected: str, got: object) -> SpecificationError:
    return SpecificationError(f"rtl: {what}: expected {expected} (what the machine as hardware runs), got {got}")


def check_supported(layer: RNNLayer, plan: Plan) -> None:
    """Refuse a layer or a plan that the machine as hardware does not run as the model says.

    Raises
    ------
    SpecificationError
        With what it runs.
    """
    if layer.cell_name != "lstm":
        raise _refuse("cell", "lstm", layer.cell_name)
    if layer.peephole or layer.projection_size is not None:
        raise _refuse("layer", "an LSTM without peepholes and projection", "one with them")
    if plan.schedule not in SCHEDULES:
        raise _refuse("schedule", " or ".join(SCHEDULES), plan.schedule)
    if plan.forwarding != "barrier":
        raise _refuse("forwarding", "barrier", plan.forwarding)


def sizes_for(mapping: LayerMapping, sizes: Sizes) -> Sizes:
    """The same machine, its memories made as deep as a layer needs, in powers of two, so that machines are few."""
    from dataclasses import replace

    task, batch = mapping.task, mapping.sequences.batch_size
    segments = sum(run.repeats * len(run.segments) for run in mapping.runs)
    tiles = sum(run.repeats * task.tiles(segment) for run in mapping.runs for segment in run.segments)
    elements = mapping.sequences.num_steps * batch * task.layer.input_size
    needs = {
        "sequences": batch,
        "hidden": task.layer.hidden_size,
        "inputs": elements,
        "weights": tiles,
        "segments": 3 * segments,
        "waiting": segments,
    }
    deeper = {name: max(getattr(sizes, name), 1 << (need - 1).bit_length()) for name, need in needs.items()}
    for name, most in (
        ("sequences", 128),
        ("hidden", 4096),
        ("inputs", 1 << 16),
        ("weights", 1 << 16),
        ("segments", 4096),
    ):
        if deeper[name] > most:
            raise _refuse(name, f"at most {most}", needs[name])
    return replace(sizes, **deeper)
