"""Refuses what goes round in a circle and is no layer: a recurrence whose cell is not one that is known."""

from __future__ import annotations

from collections.abc import Iterable

from sharp.workload.importing.elements import Elements
from sharp.workload.importing.layer import Layer
from sharp.workload.importing.trace import Op, Trace, Value, sources
from sharp.workload.importing.work import macs


def check_understood(layers: Iterable[Layer], trace: Trace, elements: Elements) -> list[str]:
    """Refuse products that depend on what the same weights made before, layers of their own aside.

    Returns
    -------
    list of str
        What a reader should know: loops that carry something on without any product.

    Raises
    ------
    SpecificationError
        With the node.
    """
    layers = list(layers)
    ends = {value for layer in layers for value in layer.outputs}
    taken = {op for layer in layers if layer.cell != "dense" for op in (*layer.products, *layer.ops)}
    groups: dict[object, list[Op]] = {}
    for op in trace.ops:
        if op not in taken and macs(op):
            weights = tuple(entry.key or entry for entry in op.inputs if entry is not None and entry.fixed)
            groups.setdefault((op.kind, weights or op), []).append(op)
    for group in groups.values():
        if len(group) > 1 or group[0].loops:
            for op in group:
                _check(op, {output for other in group for output in other.outputs}, ends, elements)
    return [
        f"node {op.name!r}: carries a state by element-wise work alone, which is not modelled"
        for op in trace.ops
        if op.body is not None and not any(op.body in found.loops for layer in layers for found in layer.ops)
        if any(
            start.const is None and start.size > 1 and start.dtype in (1, 10, 11, 16) for _, start, _ in op.body.states
        )
    ]


def _check(op: Op, made: set[Value], ends: set[Value], elements: Elements) -> None:
    """Refuse a product that is made of what it, or its like, has made before."""
    seen: set[Value] = set()
    waiting = [entry for entry in op.inputs if entry is not None and not entry.fixed]
    while waiting:
        for owner in elements.makers(waiting.pop()):
            if owner in made:
                raise op.refuse("a cell of an LSTM, GRU or RNN around it, as it depends on its own result", "another")
            if owner not in ends and owner not in seen:
                seen.add(owner)
                waiting += sources(owner, across_steps=True)
