"""A graph of a file as it runs: values with their shapes, operations in order, loops with their bodies.

`sharp.workload.importing.tracing` makes it; everything else reads it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import NodeProto

from sharp.errors import SpecificationError

Array = np.ndarray[Any, Any]


@dataclass(eq=False, slots=True)
class Value:
    """A tensor of the run: its shape, and what it is where that does not depend on the input."""

    name: str
    """As the file has it."""
    shape: tuple[int, ...] | None
    """Sizes; None where they depend on data."""
    dtype: int = 0
    """Type of an element, in ONNX's numbers; 0: not known."""
    op: Op | None = None
    """What makes it; None for inputs, weights, and what a loop carries."""
    place: int = 0
    """Which of the outputs of `op`."""
    const: Array | None = None
    """Its elements, where they are few and known."""
    fixed: bool = False
    """Whether it depends on weights and constants alone."""
    key: object = None
    """Equal where two values are the same computation on the same weights."""
    carried: Loop | None = None
    """The loop that hands it from step to step, where it is what a step begins with."""
    parts: tuple[Value, ...] | None = None
    """The tensors of a sequence, where it is one and they are known."""
    stack: Value | None = None
    """The tensors of a sequence that a loop has put together, stacked."""

    @property
    def size(self) -> int:
        """Number of elements; 0 where it is not known."""
        return 0 if self.shape is None else math.prod(self.shape)


@dataclass(eq=False, slots=True)
class Op:
    """A node of the file that runs, with the values that it takes and gives."""

    node: NodeProto
    name: str
    """Where it stands: the name of its node behind those of the nodes that it is inside of."""
    inputs: list[Value | None]
    outputs: list[Value] = field(default_factory=list)
    branch: tuple[tuple[Op, str], ...] = ()
    """The branches of If that it is inside of, each with its node."""
    loops: tuple[Loop, ...] = ()
    """The loops that it is inside of, from the outermost on."""
    body: Loop | None = None
    """What it repeats, where it is a loop."""
    options: tuple[list[Value], ...] = ()
    """What its branches give, where it is an If of which either may be taken."""

    @property
    def kind(self) -> str:
        """Its operator."""
        return self.node.op_type

    @property
    def times(self) -> int:
        """How often it runs."""
        return math.prod(loop.trips for loop in self.loops)

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute of the node, texts as text."""
        from onnx.helper import get_attribute_value

        for entry in self.node.attribute:
            if entry.name == name:
                value = get_attribute_value(entry)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def input(self, place: int) -> Value | None:
        """An input, None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def refuse(self, expected: str, got: str) -> SpecificationError:
        """The error that names this node; the caller raises it."""
        return SpecificationError(f"node {self.name!r} ({self.kind}): expected {expected}, got {got}")

    def excludes(self, other: Op) -> bool:
        """Whether no run takes both: they are in different branches of an If."""
        mine = dict(self.branch)
        return any(mine.get(node, taken) != taken for node, taken in other.branch)


@dataclass(eq=False, slots=True)
class Loop:
    """The body of a Loop or Scan, traced for its first step, and once more for its last."""

    op: Op
    trips: int = 1
    """How often it runs."""
    states: list[tuple[Value, Value, Value]] = field(default_factory=list)
    """What is carried: before the first step, at the start of a step, at its end."""
    stacked: list[tuple[Value, Value, int, bool]] = field(default_factory=list)
    """What is stacked: of a step, of all steps, along which axis, whether from the last step on."""
    last: dict[Value, Value] = field(default_factory=dict)
    """Values of the first step with their likes of the last."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A graph as it runs, from its inputs to its outputs."""

    ops: tuple[Op, ...]
    """In the order in which they run; those of a body after what they need, before what needs them."""
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    warnings: tuple[str, ...] = ()
    """What a reader should know."""


def sources(value: Value, *, across_steps: bool = False) -> Iterator[Value]:
    """The values that one is made of; what a loop carries is made of what it was before the first step.

    `across_steps`: and of what the step before made of it.
    """
    if value.carried is not None:
        for first, start, end in value.carried.states:
            if start is value:
                yield from (first, end) if across_steps else (first,)
        return
    if (op := value.op) is None:
        return
    if op.body is not None:
        yield from (end for _, start, end in op.body.states[value.place : value.place + 1] if start is not None)
        yield from (step for step, stack, _, _ in op.body.stacked if stack is value)
    elif op.options:
        yield from (branch[value.place] for branch in op.options)
    else:
        yield from (entry for entry in op.inputs if entry is not None and entry.const is None and not entry.fixed)
