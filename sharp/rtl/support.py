"""What the machine can run, and what it has to have for a layer."""

from __future__ import annotations

from dataclasses import replace

from sharp.cycles.mapping import LayerMapping
from sharp.errors import SpecificationError
from sharp.machine.plan import Plan
from sharp.rtl.generator.sizes import Sizes
from sharp.rtl.generator.words import REGISTERS, SEGMENT
from sharp.workload.network import RNNLayer
from sharp.workload.sequences import Sequences

_MOST = {"sequences": 128, "hidden": 4096, "inputs": 1 << 24, "weights": 1 << 16, "segments": 2048, "waiting": 4096}
_MEANT = {"input_size": "columns of x and h", "batch_size": "gate values of all sequences"}

SCHEDULES = ("sequential", "batch", "intergate", "unfolded")
"""Schedules whose programs are equal to the model."""


def _refuse(what: str, expected: str, got: object) -> SpecificationError:
    return SpecificationError(f"rtl: {what}: expected {expected} (what the machine as hardware runs), got {got}")


def check_supported(layer: RNNLayer, sequences: Sequences, plan: Plan) -> None:
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
    if len(sequences.spans) > 1:
        raise _refuse("lengths", "sequences of one length", sequences.lengths)
    for name, expected in (("forwarding", "barrier"), ("order", "layers")):
        if getattr(plan, name) != expected:
            raise _refuse(name, expected, getattr(plan, name))
    if plan.weights == "streamed":
        raise _refuse("weights", "resident or auto", plan.weights)


def sizes_for(mapping: LayerMapping, sizes: Sizes, *, control_only: bool = False) -> Sizes:
    """The same machine, its memories made as deep as a layer needs, in powers of two, so that machines are few.

    A control alone, whose depths cost nothing, has the greatest ones, so that there is one for each budget.

    Raises
    ------
    SpecificationError
        Where the machine's words do not hold what the layer needs.
    """
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
    for name, most in _MOST.items():
        if deeper[name] > most:
            raise _refuse(name, f"at most {most}", needs[name])
    columns = task.layer.input_size + task.layer.recurrent_size
    for name, need, most in (
        ("input_size", columns, (1 << REGISTERS["columns"].width) - 1),
        ("batch_size", 4 * deeper["hidden"] * deeper["sequences"], 1 << SEGMENT["values"].width),
    ):
        if need > most:
            raise _refuse(name, f"one with at most {most} {_MEANT[name]}", need)
    return replace(sizes, **(_MOST if control_only else deeper))
