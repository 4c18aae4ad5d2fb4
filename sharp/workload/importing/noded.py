"""Layers that are nodes of the file: runs of the same weights put together, and what feeds and follows each."""

from __future__ import annotations

from collections.abc import Iterator

from sharp.workload.importing import nodes
from sharp.workload.importing.elements import Elements
from sharp.workload.importing.layer import Layer
from sharp.workload.importing.nodes import RecurrentNode
from sharp.workload.importing.trace import Array, Op, Trace, Value


class NodeLayers:
    """Finds the layers of a trace that are recurrent nodes."""

    def __init__(self, trace: Trace, elements: Elements) -> None:
        self._trace, self._elements = trace, elements
        self.notes: list[str] = []
        """What a reader should know."""

    def layers(self) -> Iterator[Layer]:
        """The layers, in the order of their first nodes."""
        groups: list[tuple[object, list[list[Op]]]] = []
        for op in self._trace.ops:
            if op.kind not in nodes.RECURRENT:
                continue
            weights: object = (
                op.kind,
                op.attribute("direction", "forward"),
                *(_identity(op, place) for place in (1, 2)),
            )
            runs = next((runs for key, runs in groups if key == weights), None)
            if runs is None:
                runs = next((runs for _, runs in groups if self._same_elsewhere(runs[0][0], op)), None)
            if runs is None:
                groups.append((weights, [[op]]))
            else:
                self._add(runs, op)
        for weights, runs in groups:
            yield from self._merged(weights, runs)

    def _same_elsewhere(self, first: Op, other: Op) -> bool:
        """Whether a node is the like of another in a branch that excludes it, its weights written down once more."""
        if first.kind != other.kind or not first.excludes(other):
            return False
        if first.attribute("direction", "forward") != other.attribute("direction", "forward"):
            return False
        return all(_same_content(first.input(place), other.input(place)) for place in (1, 2))

    @staticmethod
    def _add(runs: list[list[Op]], op: Op) -> None:
        """Add a node to those of the same weights: as an alternative to one, or as another run."""
        for alternatives in runs:
            if all(other.excludes(op) for other in alternatives):
                alternatives.append(op)
                return
        runs.append([op])

    def _merged(self, weights: object, runs: list[list[Op]]) -> Iterator[Layer]:
        """One layer of runs that go on where another ends, or that know nothing of each other; else one of each."""
        layers = [self._layer(weights, alternatives) for alternatives in runs]
        first = layers[0]
        for layer, (op, *_) in zip(layers[1:], runs[1:], strict=True):
            known = {output for other in layers for output in other.outputs}
            if self._continues(op, known):
                first.num_steps += layer.num_steps
                first.last = layer.last
            elif layer.lengths or first.lengths or self._depends(layer, first) or layer.num_steps != first.num_steps:
                self.notes.append(f"node {op.name!r}: has the weights of {first.name!r}; they are counted for both")
                yield layer
                continue
            else:
                first.batch_size += layer.batch_size
            first.ops += layer.ops
            first.outputs |= layer.outputs
            first.reads_from += [value for value in layer.reads_from if value not in first.outputs]
        yield first

    def _layer(self, weights: object, alternatives: list[Op]) -> Layer:
        op = alternatives[0]
        node = nodes.describe(op)
        self.notes += node.notes
        first, last = self._ends(op, node)
        carried = op.times > 1 and self._continues(op, {value for value in op.outputs if value.name})
        if op.times > 1 and not carried:
            self.notes.append(f"node {op.name!r}: runs {op.times} times from the start; counted as so many sequences")
        layer = Layer(
            name=op.name,
            cell=node.cell,
            input_size=node.input_size,
            hidden_size=node.hidden_size,
            num_steps=node.num_steps * (op.times if carried else 1),
            batch_size=node.batch_size * (1 if carried else op.times),
            ops=alternatives,
            weights=weights,
            bidirectional=node.directions == 2,
            reverse=node.reverse,
            peephole=node.peephole,
            linear_before_reset=node.linear_before_reset,
            lengths=node.lengths * (1 if carried else op.times),
            first=first,
            last=last,
        )
        for alternative in alternatives:
            layer.outputs |= {value for value in alternative.outputs if value.name}
        layer.reads_from = list(self._elements.makers(_input(op)))
        layer.one_step = node.num_steps == 1 and any(self._has_state(alternative) for alternative in alternatives)
        return layer

    def _ends(self, op: Op, node: RecurrentNode) -> tuple[Array | None, Array | None]:
        """The elements that are read in the first and the last step that is run, of the first sequence."""
        numbers = self._elements.of(_input(op))
        if numbers is None:
            return None, None
        steps = nodes.steps_first(node, numbers)
        ends = steps[0, 0], steps[-1, 0]
        return ends[::-1] if node.reverse else ends

    def _state(self, op: Op) -> list[Value]:
        """The tensors that the h of a node's first step was made in."""
        value = op.input(5)
        return [] if value is None else self._elements.makers(value)

    def _continues(self, op: Op, outputs: set[Value]) -> bool:
        """Whether a node begins with what another, or its own run before, has left."""
        for owner in self._state(op):
            ends = [end for _, start, end in owner.carried.states if start is owner] if owner.carried else []
            for value in (owner, *(found for end in ends for found in self._elements.makers(end))):
                if value in outputs:
                    return True
        return False

    def _has_state(self, op: Op) -> bool:
        """Whether a node begins with an input of the graph."""
        return any(owner in self._trace.inputs for owner in self._state(op))

    @staticmethod
    def _depends(layer: Layer, other: Layer) -> bool:
        """Whether a layer reads another, directly."""
        return any(value in other.outputs for value in layer.reads_from)


def _input(op: Op) -> Value:
    value = op.inputs[0]
    assert value is not None
    return value


def _identity(op: Op, place: int) -> object:
    value = op.input(place)
    return value if value is None or value.key is None else value.key


def _same_content(first: Value | None, second: Value | None) -> bool:
    """Whether two constants hold the same bytes."""
    tensors = [
        value.op.attribute("value") if value is not None and value.op and value.op.kind == "Constant" else None
        for value in (first, second)
    ]
    return tensors[0] is not None and tensors[1] is not None and tensors[0] == tensors[1]
