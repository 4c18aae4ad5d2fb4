"""Sequences of tensors, as exporters of scripted loops write them: taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from onnx import NodeProto, TensorProto, helper

from sharp.workload.importing.trace import Loop, Op, Value

Make = Callable[[NodeProto, list[Value | None]], Value]
"""Runs a node on some values, and gives its first output."""

KINDS = frozenset(
    [
        "ConcatFromSequence",
        "SequenceAt",
        "SequenceConstruct",
        "SequenceEmpty",
        "SequenceInsert",
        "SequenceLength",
        "SplitToSequence",
    ]
)
"""Operators on sequences."""


def outputs(op: Op, make: Make) -> list[Value]:
    """What a node of `KINDS` gives.

    Raises
    ------
    SpecificationError
        Where what it takes from a sequence is not known.
    """
    name = op.node.output[0]
    if op.kind == "SequenceEmpty":
        return [Value(name, None, op=op, parts=())]
    if op.kind == "SequenceConstruct":
        return [Value(name, None, op=op, parts=tuple(value for value in op.inputs if value is not None))]
    first = op.inputs[0]
    if first is None:
        raise op.refuse("a sequence", "none")
    if op.kind == "SplitToSequence":
        return [Value(name, None, op=op, parts=_split(op, first, make))]
    if op.kind == "SequenceInsert":
        return [_inserted(op, first, name)]
    if op.kind == "ConcatFromSequence":
        return [_joined(op, first, make)]
    if op.kind == "SequenceAt":
        return [_element(op, first, make)]
    if first.parts is None:
        raise op.refuse("a sequence of known length", "one that a loop makes")
    return [Value(name, (), TensorProto.INT64, op, const=np.array(len(first.parts)), fixed=True)]


def stacked(loop: Loop, place: int, output: Value) -> None:
    """Say that a loop's output, a sequence to which each step adds a tensor, is these tensors stacked."""
    _, start, end = loop.states[place]
    if end.op is None or end.op.kind != "SequenceInsert" or end.op.inputs[0] is not start:
        return
    step = end.op.inputs[1]
    if step is None or end.op.input(2) is not None:
        return
    shape = None if step.shape is None else (loop.trips, *step.shape)
    output.stack = Value(f"{output.name}[]", shape, step.dtype, loop.op, output.place)
    loop.stacked.append((step, output.stack, 0, False))


def _inserted(op: Op, sequence: Value, name: str) -> Value:
    position, added = op.input(2), op.input(1)
    if sequence.parts is None or added is None:
        return Value(name, None, op=op)
    if position is not None and position.const is None:
        raise op.refuse("a position that is known", "one that depends on data")
    at = len(sequence.parts) if position is None else int(position.const.item())  # type: ignore[union-attr]
    at = at if at >= 0 else len(sequence.parts) + at
    return Value(name, None, op=op, parts=(*sequence.parts[:at], added, *sequence.parts[at:]))


def _split(op: Op, value: Value, make: Make) -> tuple[Value, ...]:
    axis, keep, sizes = op.attribute("axis", 0), op.attribute("keepdims", 1), op.input(1)
    if value.shape is None or (sizes is not None and sizes.const is None):
        raise op.refuse("a tensor and parts of known sizes", "sizes that depend on data")
    length = value.shape[axis]
    if sizes is None:
        ends = list(range(length + 1))
    elif sizes.const is not None and sizes.const.ndim:
        ends = [0, *np.cumsum(sizes.const).tolist()]
    else:
        ends = [*range(0, length, int(sizes.const.item())), length]  # type: ignore[union-attr]
    squeezed = sizes is None and not keep
    parts = []
    for begin, end in pairwise(ends):
        index = np.array(begin if squeezed else range(begin, end))
        node = helper.make_node("Gather", [value.name, "i"], [f"{value.name}[{begin}]"], axis=axis)
        parts.append(make(node, [value, Value("", index.shape, TensorProto.INT64, const=index)]))
    return tuple(parts)


def _joined(op: Op, sequence: Value, make: Make) -> Value:
    axis, new = op.attribute("axis"), op.attribute("new_axis", 0)
    if sequence.stack is not None:
        if new and axis == 0:
            return sequence.stack
        raise op.refuse("new_axis 1 and axis 0 for what a loop has put together", f"{new} and {axis}")
    if not sequence.parts:
        raise op.refuse("a sequence that is known", "one that is not, or is empty")
    parts: list[Value | None] = list(sequence.parts)
    if new:
        parts = [_with_axis(make, part, axis) for part in sequence.parts]
    names = [f"p{place}" for place in range(len(parts))]
    return make(helper.make_node("Concat", names, [op.node.output[0]], axis=axis), parts)


def _with_axis(make: Make, value: Value, axis: int) -> Value:
    shape = list(value.shape or ())
    shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, 1)
    target = Value("", (len(shape),), TensorProto.INT64, const=np.array(shape))
    return make(helper.make_node("Reshape", [value.name, "s"], [f"{value.name}'"]), [value, target])


def _element(op: Op, sequence: Value, make: Make) -> Value:
    position = op.input(1)
    if position is None or position.const is None:
        raise op.refuse("a position that is known", "one that depends on data")
    if sequence.stack is not None:
        return make(helper.make_node("Gather", ["x", "i"], [op.node.output[0]], axis=0), [sequence.stack, position])
    if sequence.parts is None or not -len(sequence.parts) <= position.const.item() < len(sequence.parts):
        raise op.refuse("a sequence that is known and long enough", "another")
    return sequence.parts[int(position.const.item())]
