"""The recurrent nodes of ONNX and onnxruntime: LSTM, GRU, RNN, DynamicQuantizeLSTM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sharp.workload.importing.trace import Array, Op, Value

RECURRENT = {"LSTM": 4, "GRU": 3, "RNN": 1, "DynamicQuantizeLSTM": 4}
"""Operators with the gates of their cells."""
_CELLS = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn", "DynamicQuantizeLSTM": "lstm"}
_ORDINARY = {"lstm": ["Sigmoid", "Tanh", "Tanh"], "gru": ["Sigmoid", "Tanh"], "rnn": ["Tanh"]}


@dataclass(frozen=True, kw_only=True)
class RecurrentNode:
    """What a recurrent node says of its layer."""

    cell: str
    input_size: int
    hidden_size: int
    directions: int
    reverse: bool
    batch_first: bool
    peephole: bool
    linear_before_reset: bool
    num_steps: int
    batch_size: int
    lengths: tuple[int, ...]
    notes: tuple[str, ...]
    """What a reader should know of it."""


def describe(op: Op) -> RecurrentNode:
    """What a recurrent node says of its layer.

    Raises
    ------
    SpecificationError
        Where sizes are missing or do not go together.
    """
    data, gates = _sizes(op, 0, "X", 3), RECURRENT[op.kind]
    batch_first = bool(op.attribute("layout", 0))
    steps, batch = (data[1], data[0]) if batch_first else (data[0], data[1])
    direction = op.attribute("direction", "forward")
    directions = 2 if direction == "bidirectional" else 1
    hidden = _hidden_size(op)
    quantized = op.kind == "DynamicQuantizeLSTM"  # keeps its matrices transposed
    wanted = [(directions, gates * hidden, data[2]), (directions, gates * hidden, hidden)]
    for place, name, shape in zip((1, 2), "WR", wanted, strict=True):
        shape = (shape[0], shape[2], shape[1]) if quantized else shape
        weight = op.input(place)
        if weight is None or (weight.shape is not None and weight.shape != shape):
            raise op.refuse(
                f"{name} of shape {list(shape)}", "none" if weight is None else str(list(weight.shape or ()))
            )
    lengths, notes = _lengths(op, steps, batch)
    return RecurrentNode(
        cell=_CELLS[op.kind],
        input_size=data[2],
        hidden_size=hidden,
        directions=directions,
        reverse=direction == "reverse",
        batch_first=batch_first,
        peephole=op.input(7) is not None and _CELLS[op.kind] == "lstm",
        linear_before_reset=bool(op.attribute("linear_before_reset", 0)) or op.kind != "GRU",
        num_steps=steps,
        batch_size=batch,
        lengths=lengths,
        notes=(*notes, *_notes(op, directions)),
    )


def outputs(op: Op, version: int) -> list[Value]:
    """What a recurrent node gives: all steps, and the last h and c."""
    node = describe(op)
    steps, batch, hidden = node.num_steps, node.batch_size, node.hidden_size
    every, last = (steps, node.directions, batch, hidden), (node.directions, batch, hidden)
    if node.batch_first:
        every, last = (batch, steps, node.directions, hidden), (batch, node.directions, hidden)
    dtype = op.inputs[0].dtype if op.inputs[0] else 0
    return [Value(name, every if place == 0 else last, dtype, op, place) for place, name in enumerate(op.node.output)]


def steps_first(node: RecurrentNode, elements: Array) -> Array:
    """What a node reads or gives of all steps, the steps first, then the sequences."""
    return np.swapaxes(elements, 0, 1) if node.batch_first else elements


def _sizes(op: Op, place: int, name: str, rank: int) -> tuple[int, ...]:
    value = op.input(place)
    if value is None or value.shape is None:
        raise op.refuse(f"{name} of a known shape", "one that depends on data" if value else "none")
    if len(value.shape) != rank or not all(value.shape):
        raise op.refuse(f"{name} of {rank} sizes", str(list(value.shape)))
    return value.shape


def _hidden_size(op: Op) -> int:
    given, weight = op.attribute("hidden_size"), op.input(2)
    if given:
        return int(given)
    shape = weight.shape if weight is not None else None
    if shape is None:
        raise op.refuse("hidden_size, or R of a known shape", "neither")
    return shape[1] if op.kind == "DynamicQuantizeLSTM" else shape[-1]


def _lengths(op: Op, steps: int, batch: int) -> tuple[tuple[int, ...], list[str]]:
    """The lengths of sequences where they are known and differ from the number of steps."""
    given = op.input(4)
    if given is None:
        return (), []
    if given.const is None:
        return (), [f"node {op.name!r}: the lengths of its sequences are an input; counted are all {steps} steps"]
    lengths = tuple(int(length) for length in np.ravel(given.const))
    if len(lengths) != batch or not all(0 < length <= steps for length in lengths):
        raise op.refuse(f"{batch} lengths from 1 to {steps}", str(list(lengths)))
    return (lengths if set(lengths) != {steps} else ()), []


def _notes(op: Op, directions: int) -> Iterator[str]:
    ordinary = _ORDINARY[_CELLS[op.kind]] * directions
    given = [entry.decode() for entry in op.attribute("activations", [])]
    if given and [entry.lower() for entry in given] != [entry.lower() for entry in ordinary]:
        yield f"node {op.name!r}: activations {', '.join(given)} take the time of {', '.join(ordinary)}"
    if op.attribute("clip") is not None:
        yield f"node {op.name!r}: clip is not modelled; no cycle of the array depends on it"
    if op.attribute("input_forget", 0):
        yield f"node {op.name!r}: input_forget couples two gates; counted are the products of all four"
