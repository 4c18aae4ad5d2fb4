"""What feeds what: layers found in a trace put together into a graph, dense layers among them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sharp.workload.importing.elements import Elements
from sharp.workload.importing.layer import Layer
from sharp.workload.importing.trace import Array, Op, Trace, Value, sources
from sharp.workload.importing.work import DenseProduct, dense_product

_ADDING = frozenset(("Add", "Sum", "ReduceSum", "ReduceMean", "Mean"))


def join_directions(layers: list[Layer], trace: Trace, elements: Elements) -> list[Layer]:
    """Make one layer of two that read the same from both ends, where what they put out is put together.

    What a layer of two directions puts out may be added, too.
    """
    joined: list[Layer] = []
    for layer in layers:
        partner = next((other for other in joined if _are_directions(other, layer, trace, elements)), None)
        if partner is None:
            joined.append(layer)
            continue
        partner.bidirectional, partner.reverse = True, False
        partner.merge = _meeting(partner, layer, trace, elements) or "concat"
        partner.ops += layer.ops
        partner.outputs |= layer.outputs
        partner.products |= layer.products
        partner.weights = (partner.weights, layer.weights)
    for layer in joined:
        if layer.bidirectional and layer.merge == "concat" and _is_added(layer, trace, elements):
            layer.merge = "sum"
    return joined


def _are_directions(one: Layer, other: Layer, trace: Trace, elements: Elements) -> bool:
    return (
        not (one.bidirectional or other.bidirectional)
        and one.form == other.form
        and one.weights != other.weights
        and other.reads_backwards(one)
        and _meeting(one, other, trace, elements) is not None
    )


def _meeting(one: Layer, other: Layer, trace: Trace, elements: Elements) -> str | None:
    """How what two layers put out is put together: "concat", "sum", or not at all."""
    for op in trace.ops:
        if op.kind not in ("Concat", *_ADDING) or op.outputs[0].const is not None:
            continue
        owners = [set(elements.makers(entry)) for entry in op.inputs if entry is not None]
        ours, theirs = (
            [place for place, found in enumerate(owners) if found & _surface(layer, trace, elements)]
            for layer in (one, other)
        )
        if not ours or not theirs:
            continue
        if op.kind == "Concat":
            return "concat"
        if len(owners) > 1 and set(ours) != set(theirs):
            return "sum"
    return None


def _surface(layer: Layer, trace: Trace, elements: Elements) -> set[Value]:
    """The tensors that a layer puts out, and those that loops stack them to."""
    found = set(layer.outputs)
    for op in trace.ops:
        for step, stack, _, _ in op.body.stacked if op.body is not None else ():
            if found.intersection(elements.makers(step)):
                found.add(stack)
    return found


def _is_added(layer: Layer, trace: Trace, elements: Elements) -> bool:
    """Whether the two directions of a node are added."""
    halves = [half for value in layer.outputs if (half := _halves(value, elements)) is not None]
    for op in trace.ops:
        if op.kind not in _ADDING or not halves:
            continue
        inputs = [numbers for entry in op.inputs if entry is not None and (numbers := elements.of(entry)) is not None]
        for forward, backward in halves:
            if op.kind.startswith("Reduce"):
                if inputs and _reduced(op, inputs[0], forward, backward):
                    return True
            elif (
                len(inputs) > 1 and _holds(inputs[0], forward, backward) and _holds(inputs[1], backward, forward)
            ) or (len(inputs) > 1 and _holds(inputs[1], forward, backward) and _holds(inputs[0], backward, forward)):
                return True
    return False


def _halves(value: Value, elements: Elements) -> tuple[Array, Array] | None:
    """The elements of the two directions in an output of a node."""
    numbers = elements.of(value)
    if numbers is None or value.op is None or value.op.kind == "Concat":
        return None
    axis = {4: 2 if value.op.attribute("layout", 0) else 1, 3: 1 if value.op.attribute("layout", 0) else 0}.get(
        numbers.ndim
    )
    if axis is None or numbers.shape[axis] != 2:
        return None
    return np.take(numbers, 0, axis), np.take(numbers, 1, axis)


def _holds(numbers: Array, some: Array, others: Array) -> bool:
    return bool(np.isin(numbers, some).any() and not np.isin(numbers, others).any())


def _reduced(op: Op, numbers: Array, forward: Array, backward: Array) -> bool:
    """Whether an element is the sum of one of each direction."""
    place = np.argwhere(np.isin(numbers, forward))
    made = op.outputs[0]
    if not len(place) or made.shape is None or numbers.size != 2 * made.size:
        return False
    for axis in range(numbers.ndim):
        line = numbers[tuple(slice(None) if axis == k else place[0][k] for k in range(numbers.ndim))]
        if len(line) == 2 and np.isin(line, backward).any():
            return True
    return False


# Dense layers --------------------------------------------------------------------------------------------------------


def dense_layers(trace: Trace, taken: set[Op], batch_size: int) -> list[Layer]:
    """The products with weights that belong to no recurrent layer, those of the same weights put together."""
    groups: dict[object, list[DenseProduct]] = {}
    for op in trace.ops:
        product = None if op in taken else dense_product(op)
        if product is not None:
            groups.setdefault(product.weight.key or product.weight, []).append(product)
    layers = []
    for key, products in groups.items():
        chosen: list[DenseProduct] = []
        for product in products:
            if not any(product.op.excludes(other.op) for other in chosen):
                chosen.append(product)
        rows, first = sum(product.rows for product in chosen), chosen[0]
        batch = batch_size if rows % batch_size == 0 else 1
        layers.append(
            Layer(
                name=first.op.name,
                cell="dense",
                input_size=first.input_size,
                hidden_size=first.output_size,
                num_steps=rows // batch,
                batch_size=batch,
                ops=[product.op for product in products],
                weights=key,
                products={product.op for product in products},
                outputs={product.op.outputs[0] for product in products},
                reads_from=[product.data for product in products],
            )
        )
    return layers


def turn(layers: list[Layer], trace: Trace, elements: Elements) -> None:
    """Say of each layer of one direction whether it reads what it reads from the end."""
    place = {op: index for index, op in enumerate(trace.ops)}

    def position(element: int) -> tuple[int, int] | None:
        owner, index = elements.owner(element)
        at = -1 if owner.op is None else place.get(owner.op)
        return None if at is None else (at, index)

    for layer in layers:
        if layer.first is not None and layer.last is not None and not layer.bidirectional:
            first, last = position(int(layer.first[0])), position(int(layer.last[0]))
            layer.reverse = first is not None and last is not None and first > last


def connect(layers: list[Layer], trace: Trace, elements: Elements) -> None:
    """Say of each layer which inputs and layers it reads."""
    made_by = {value: layer for layer in layers for value in layer.outputs}
    for layer in layers:
        found, layer.through = _sources(layer.reads_from, made_by, trace, elements, across_steps=False)
        names = [entry.name for entry in found if isinstance(entry, Layer)]
        back, _ = _sources(layer.reads_from, made_by, trace, elements, across_steps=True)
        layer.feedback = [entry.name for entry in back if isinstance(entry, Layer) and entry.name not in names]
        layer.reads = [*sorted(f"input:{entry.name}" for entry in found if isinstance(entry, Value)), *names]


def _sources(
    values: Iterable[Value], made_by: dict[Value, Layer], trace: Trace, elements: Elements, across_steps: bool
) -> tuple[list[Layer | Value], list[str]]:
    """The layers and inputs of the graph that some tensors are made of, each once, and the operators between."""
    found: dict[Layer | Value, None] = {}
    through: set[str] = set()
    seen: set[Value] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        for owner in elements.makers(value):
            if owner in made_by:
                found[made_by[owner]] = None
            elif owner in trace.inputs:
                found[owner] = None
            elif owner not in seen:
                seen.add(owner)
                if owner.op is not None and owner.op.body is None and not owner.op.options:
                    through.add(owner.op.kind)
                waiting += sources(owner, across_steps=across_steps)
    return list(found), sorted(through)
