"""Layers whose cells are written out: the steps of a chain, or of a loop, put together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sharp.workload.importing.cells import Recogniser, Written
from sharp.workload.importing.layer import Layer
from sharp.workload.importing.scalars import PRODUCTS, Dot, Scalars
from sharp.workload.importing.trace import Array, Op, Trace, Value


class Chains:
    """Finds the layers of a trace that are written out."""

    def __init__(self, trace: Trace, scalars: Scalars) -> None:
        self._trace, self._scalars, self._elements = trace, scalars, scalars.elements
        self._recogniser = Recogniser(scalars)

    def layers(self) -> Iterator[Layer]:
        """The layers, in the order of their first steps."""
        groups: dict[tuple[str, frozenset[object]], list[Written]] = {}
        for step in self._recogniser.find(self._trace.ops):
            groups.setdefault((step.cell, step.weights), []).append(step)
        for group in self._completed(groups):
            chosen = [
                step for step in group if not any(step.op.excludes(other.op) for other in group[: group.index(step)])
            ]
            layer = _Group(chosen, self._trace, self._scalars, self._recogniser).layer()
            if layer is not None:
                layer.ops = [step.op for step in group]
                layer.products |= {dot.op for step in group for dot in step.all_dots}
                layer.outputs |= {step.output for step in group}
                yield layer

    @staticmethod
    def _completed(groups: dict[tuple[str, frozenset[object]], list[Written]]) -> Iterator[list[Written]]:
        """The groups, each with the steps that lack the product with a state of zeros."""
        for (cell, weights), group in groups.items():
            whole = [key for key in groups if key[0] == cell and key[1] > weights]
            if not whole:
                fewer = [steps for key, steps in groups.items() if key[0] == cell and key[1] < weights]
                if not all(step.is_first for step in group):
                    yield [step for steps in (*fewer, group) for step in steps]


class _Group:
    """Steps of the same cell with the same weights."""

    def __init__(self, steps: list[Written], trace: Trace, scalars: Scalars, recogniser: Recogniser) -> None:
        self._steps, self._trace, self._scalars, self._elements = steps, trace, scalars, scalars.elements
        self._recogniser = recogniser
        self._cells = {step.output for step in steps}
        self._projections = self._products_of(self._cells)
        self._states: set[Value] = set()
        self._state_inputs: set[Value] = set()
        self._known_before: dict[int, list[Written]] = {}

    def layer(self) -> Layer | None:
        """The layer that the steps are of; None where nothing is carried from one to the next."""
        projected = self._find_states()
        if not self._states and self._steps[0].cell == "rnn":
            return None
        ordered = sorted(self._steps, key=self._depth)
        step = ordered[-1]
        read, kept = self._sizes(step)
        cells = self._projected_size() if projected else kept
        batch, rest = divmod(step.output.size, max(cells, 1))
        if not read or not kept or rest or (projected and cells == kept == 0):
            got = f"{read} elements of x, {kept} of h, {step.output.size} of all sequences"
            raise step.op.refuse(f"a cell of {step.cell} that reads x and its own h", got)
        roots = [step for step in self._steps if not self._before(step)]
        runs = len(roots) if not step.op.loops else 1
        layer = Layer(
            name=self._name(),
            cell=step.cell,
            input_size=read,
            hidden_size=cells,
            num_steps=len(self._steps) // max(runs, 1) * step.op.times,
            batch_size=batch * max(runs, 1),
            ops=[step.op for step in self._steps],
            weights=step.weights,
            projection_size=kept if projected else None,
            peephole=step.peephole,
            linear_before_reset=step.linear_before_reset,
            one_step=bool(self._state_inputs) and len(self._steps) == 1,
        )
        self._connect(layer, projected, ordered)
        return layer

    def _connect(self, layer: Layer, projected: bool, ordered: list[Written]) -> None:
        """What the layer reads and puts out."""
        layer.outputs = set(self._cells)
        if projected:
            layer.outputs = {output for output, _ in self._projections}
            layer.products |= {op for _, op in self._projections}
        layer.first = self._read(ordered[0])
        last: Written | None = ordered[-1]
        if last is not None and last.op.loops:
            likeness = last.op.loops[-1].last.get(last.output)
            last = None if likeness is None else self._recogniser.again(likeness, last)
        layer.last = None if last is None else self._read(last)
        seen: dict[Value, None] = {}
        for step in self._steps:
            for dot, states in self._gate(step, next(iter(step.dots))):
                seen.update(dict.fromkeys(self._elements.owners(dot.operand[~states])))
        layer.reads_from = list(seen)

    # States ----------------------------------------------------------------------------------------------------------

    def _find_states(self) -> bool:
        """Find the tensors that hold what is carried; whether they are projections of the cells."""
        projections = {output for output, _ in self._projections}
        for candidates in (self._cells, projections):
            if any(self._carried(dot.operand, candidates).any() for step in self._steps for dot in step.all_dots):
                self._states = candidates
                return candidates is not self._cells
        ends = {owner for output in self._trace.outputs for owner in self._elements.makers(output)}
        for candidates in (self._cells, projections):
            if candidates & ends and len(self._steps) == 1:
                self._state_inputs = self._inputs_like(candidates)
                if self._state_inputs:
                    self._states = candidates
                    return candidates is not self._cells
        return False

    def _inputs_like(self, candidates: set[Value]) -> set[Value]:
        """The graph's input whose shape is that of an output which holds h, the last such one where there are more."""
        (step,) = self._steps
        shapes = {
            output.shape
            for output in self._trace.outputs
            if candidates & set(self._elements.makers(output)) and output.shape
        }
        if step.cell == "gru" and step.state is not None:
            owner = self._elements.owner(step.state)[0]
            return {owner} if owner in self._trace.inputs else set()
        owners = {owner for dot in step.all_dots for owner in self._elements.owners(dot.operand)}
        fitting = [value for value in self._trace.inputs if value in owners and value.shape in shapes]
        return set(fitting[-1:])

    def _carried(self, elements: Array, states: set[Value]) -> Array:
        """Which elements are what an earlier step of these states has left."""
        found = self._elements.owned_by(elements, states)
        for owner in self._elements.owners(elements):
            if owner.carried is None:
                continue
            for _, start, end in owner.carried.states:
                ends = self._elements.of(end) if start is owner else None
                if ends is not None and ends.size == owner.size:
                    mine = self._elements.owned_by(elements, {owner})
                    places = [self._elements.owner(int(element))[1] for element in elements[mine]]
                    found[mine] |= self._elements.owned_by(np.ravel(ends)[places], states)
        return found

    def _gate(self, step: Written, gate: str) -> list[tuple[Dot, Array]]:
        """The products of a gate, each with which of its operand's elements are the state's."""
        pairs = []
        for dot in step.dots[gate]:
            states = self._carried(dot.operand, self._states)
            for owner in self._elements.owners(dot.operand):
                if self._is_state(owner, step, dot):
                    states = states | self._elements.owned_by(dot.operand, {owner})
            pairs.append((dot, states))
        if not any(states.any() for _, states in pairs):
            pairs = [(dot, self._as_elsewhere(dot)) for dot, _ in pairs]
        return pairs

    def _is_state(self, owner: Value, step: Written, dot: Dot) -> bool:
        """Whether a tensor is a state: an input, what it begins with, or an element-wise product of r with it."""
        if owner in self._state_inputs or owner.fixed or owner.const is not None:
            return True
        if step.cell != "gru" or step.state is None:
            return False
        state = self._elements.owner(step.state)[0]
        if owner is state:
            return True
        element = int(dot.operand[self._elements.owned_by(dot.operand, {owner})][0])
        made = self._scalars.polynomial(element)
        return len(made) == 1 and any(
            self._elements.owner(entry)[0] is state and any(self._scalars.is_sigmoid(other) for other in monomial)
            for monomial in made
            for entry in monomial
        )

    def _as_elsewhere(self, dot: Dot) -> Array:
        """Which elements are the state's where another step multiplies the same weights with it."""
        for other in self._steps:
            for like in other.all_dots:
                if (like.weight.key or like.weight) == (dot.weight.key or dot.weight):
                    states = self._carried(like.operand, self._states)
                    if states.any() and states.shape == dot.operand.shape:
                        return states
        return np.zeros(dot.operand.shape, dtype=bool)

    # Sizes -----------------------------------------------------------------------------------------------------------

    def _sizes(self, step: Written) -> tuple[int, int]:
        """Elements of x and of h that each gate multiplies."""
        sizes = set()
        for gate in step.dots:
            pairs = self._gate(step, gate)
            kept = sum(int(states.sum()) for _, states in pairs)
            sizes.add((sum(dot.operand.size for dot, _ in pairs) - kept, kept))
        if len(sizes) > 1:
            got = " and ".join(f"{read} and {kept}" for read, kept in sorted(sizes))
            raise step.op.refuse("gates that all multiply as many elements of x and of h", got)
        return sizes.pop()

    def _projected_size(self) -> int:
        """Cells: the elements that a row of the projection multiplies."""
        output, _ = self._projections[0]
        number = self._elements.number(output, 0)
        dot = None if number is None else self._scalars.dot(number)
        return 0 if dot is None else dot.operand.size

    def _products_of(self, values: set[Value]) -> list[tuple[Value, Op]]:
        """The matrix products of weights with all of some tensors' elements."""
        found = []
        for op in self._trace.ops:
            if op.kind not in PRODUCTS or not op.outputs[0].size:
                continue
            data = [entry for entry in op.inputs[:2] if entry is not None and not entry.fixed]
            if any(owner in values for entry in data for owner in self._elements.makers(entry)):
                number = self._elements.number(op.outputs[0], 0)
                dot = None if number is None else self._scalars.dot(number)
                if dot is not None and self._elements.owned_by(dot.operand, values).all():
                    found.append((op.outputs[0], op))
        return found

    # Order -----------------------------------------------------------------------------------------------------------

    def _before(self, step: Written) -> list[Written]:
        """The steps whose h a step multiplies; each is asked for often, and worked out once."""
        if id(step) not in self._known_before:
            self._known_before[id(step)] = self._find_before(step)
        return self._known_before[id(step)]

    def _find_before(self, step: Written) -> list[Written]:
        owners = {owner for dot in step.all_dots for owner in self._elements.owners(dot.operand)}
        by_output = {output: op for output, op in self._projections if output in self._states}
        made = {self._cell_of(output) if output in by_output else output for output in owners & self._states}
        return [other for other in self._steps if other.output in made and other is not step]

    def _cell_of(self, projection: Value) -> Value | None:
        number = self._elements.number(projection, 0)
        dot = None if number is None else self._scalars.dot(number)
        return None if dot is None else self._elements.owner(int(dot.operand[0]))[0]

    def _depth(self, step: Written) -> int:
        depth, known = 0, [step]
        while (known := self._before(known[0])) and depth < len(self._steps):
            depth += 1
        return depth

    def _read(self, step: Written) -> Array:
        """The elements of x that a step reads, of one sequence."""
        pairs = self._gate(step, next(iter(step.dots)))
        return np.concatenate([dot.operand[~states] for dot, states in pairs])

    def _name(self) -> str:
        """What the steps have in common: the loop that they are in, or the beginning of their weights' names."""
        step = self._steps[0]
        if step.op.loops and len({entry.output for entry in self._steps}) == 1:
            return step.op.loops[-1].op.name
        names = {dot.weight.name for dot in step.all_dots}
        first, *others = sorted(names)
        length = min((_common(first, other) for other in others), default=len(first))
        prefix = first[:length].rstrip("._/")
        cut = max(prefix.rfind(mark) for mark in "._/")
        return (prefix[:cut] if cut > 0 else prefix) or step.op.name


def _common(first: str, other: str) -> int:
    """Letters that two texts begin with in common."""
    pairs = zip(first, other, strict=False)
    return next((place for place, (mine, theirs) in enumerate(pairs) if mine != theirs), min(len(first), len(other)))
