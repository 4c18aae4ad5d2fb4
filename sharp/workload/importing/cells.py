"""Cells that are written out, recognised by their equations on one element of h (`sharp.workload.importing.scalars`).

LSTM: ``h = o * tanh(c)``, ``c = f * c' + i * g``; GRU: ``h = (1 - z) * n + z * h'`` in any form that multiplies out to
it; RNN: ``h = tanh(W x + U h' + b)``. What the gates are of has to be sums of products with weights, biases, and an
LSTM's peepholes; a GRU's n may have its recurrent product times r, or the product of r * h'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import permutations

from sharp.workload.importing.scalars import ACTIVATIONS, Dot, Monomial, Polynomial, Scalars
from sharp.workload.importing.trace import Array, Op, Value

_COMBINING = frozenset(("Mul", "Add", "Sub", "Sum"))
"""Operators that the last operation of an LSTM's or GRU's step can be."""


@dataclass(eq=False, slots=True)
class Written:
    """One step of a cell that is written out."""

    cell: str
    output: Value
    """h, all of it, before any projection."""
    dots: dict[str, list[Dot]]
    """The products of each gate, for one cell of one sequence."""
    state: int | None
    """An element of what is carried and multiplied element by element: an LSTM's c, a GRU's h; None of an RNN."""
    peephole: bool = False
    linear_before_reset: bool = True
    carries: list[Value] = field(default_factory=list)
    """An LSTM's new c."""
    is_first: bool = False
    """Whether it is a first step, without what a state of zeros does not change."""

    @property
    def all_dots(self) -> list[Dot]:
        """The products of all gates."""
        return [dot for dots in self.dots.values() for dot in dots]

    @property
    def op(self) -> Op:
        """The operation that makes h."""
        assert self.output.op is not None
        return self.output.op

    @property
    def weights(self) -> frozenset[object]:
        """Which weights it multiplies with."""
        return frozenset(dot.weight.key or dot.weight for dot in self.all_dots)


class Recogniser:
    """Finds steps of cells among operations."""

    def __init__(self, scalars: Scalars) -> None:
        self._scalars = scalars

    def find(self, ops: Iterable[Op]) -> list[Written]:
        """The steps of LSTMs and GRUs, in order, then of what may be an RNN's: whether it is one, its state tells."""
        ops = [op for op in ops if op.outputs and op.outputs[0].size]
        found = list(self._gated(ops))
        taken = {id(dot.op) for step in found for dot in step.all_dots}
        return found + [step for step in self._plain(ops) if not any(id(dot.op) in taken for dot in step.all_dots)]

    def again(self, value: Value, like: Written) -> Written | None:
        """The same step of a cell at another time."""
        return self._rnn(value) if like.cell == "rnn" else self._match(value, 0)

    def _gated(self, ops: list[Op]) -> Iterator[Written]:
        followers: dict[Value, list[Op]] = {}
        for op in ops:
            for entry in op.inputs if op.kind in _COMBINING else ():
                if entry is not None:
                    followers.setdefault(entry, []).append(op)
        for op in ops:
            step = self._both_ends(op) if op.kind in _COMBINING else None
            if step is not None and step.is_first:  # unless it is the half of a whole step
                further = [self._both_ends(other) for other in followers.get(step.output, ())]
                step = None if any(other is not None and not other.is_first for other in further) else step
            if step is not None:
                self._scalars.cuts.update((step.output, *step.carries))
                yield step

    def _both_ends(self, op: Op) -> Written | None:
        """The step that the first element of an output is of, and its last."""
        step = self._match(op.outputs[0], 0)
        return step if step is not None and self._match(op.outputs[0], -1) is not None else None

    def _plain(self, ops: list[Op]) -> Iterator[Written]:
        for op in ops:
            if op.kind in ACTIVATIONS and (step := self._rnn(op.outputs[0])) is not None:
                yield step

    def _rnn(self, value: Value) -> Written | None:
        element = self._first(value, 0)
        gate = None if element is None else self._gate(element)
        return Written("rnn", value, {"h": gate[0]}, None) if gate else None

    def _first(self, value: Value, place: int) -> int | None:
        """The number of an element of a tensor that its operation makes itself."""
        number = self._scalars.elements.number(value, place)
        return number if number is not None and self._scalars.elements.owner(number)[0] is value else None

    def _match(self, value: Value, place: int) -> Written | None:
        element = self._first(value, place)
        if element is None:
            return None
        polynomial = self._scalars.polynomial(element)
        if len(polynomial) == 1:
            return self._lstm(value, polynomial)
        if len(polynomial) == 2:
            return self._first_gru(value, polynomial)
        return self._gru(value, polynomial) if len(polynomial) == 3 else None

    # LSTM ------------------------------------------------------------------------------------------------------------

    def _lstm(self, value: Value, polynomial: Polynomial) -> Written | None:
        ((monomial, factor),) = polynomial.items()
        if factor != 1 or len(monomial) != 2:
            return None
        for output, squashed in permutations(monomial):
            carried = self._scalars.inner(squashed)
            if carried is None or not self._scalars.is_sigmoid(output):
                continue
            if len(carried) == 1:
                step = self._first_lstm(value, output, squashed, carried)
            else:
                step = self._lstm_of(value, output, squashed, carried) if len(carried) == 2 else None
            if step is not None:
                return step
        return None

    def _lstm_of(self, value: Value, output: int, squashed: int, carried: Polynomial) -> Written | None:
        if any(factor != 1 or len(monomial) != 2 for monomial, factor in carried.items()):
            return None
        for kept, new in permutations(carried):
            for (forget, state), (enter, candidate) in ((a, b) for a in permutations(kept) for b in permutations(new)):
                if self._scalars.is_sigmoid(candidate) or not (
                    self._scalars.is_sigmoid(forget) and self._scalars.is_sigmoid(enter)
                ):
                    continue
                names = {"i": enter, "f": forget, "g": candidate, "o": output}
                gates = {name: self._gate(gate, [(state,), kept, new]) for name, gate in names.items()}
                if all(gate and gate[0] for gate in gates.values()) and self._gate(state) is None:
                    step = Written("lstm", value, {name: gate[0] for name, gate in gates.items() if gate}, state)
                    step.peephole = any(gate[1] for gate in gates.values() if gate)
                    step.carries = self._made_on_the_way(squashed)
                    return step
        return None

    def _first_lstm(self, value: Value, output: int, squashed: int, carried: Polynomial) -> Written | None:
        """``h = o * tanh(i * g)``, what is left where c was zero."""
        ((monomial, factor),) = carried.items()
        for enter, candidate in permutations(monomial) if len(monomial) == 2 and factor == 1 else ():
            gates = {name: self._gate(gate) for name, gate in (("i", enter), ("g", candidate), ("o", output))}
            if self._scalars.is_sigmoid(enter) and all(gates.values()):
                dots = {name: gate[0] for name, gate in gates.items() if gate}
                return Written("lstm", value, dots, None, carries=self._made_on_the_way(squashed), is_first=True)
        return None

    def _first_gru(self, value: Value, polynomial: Polynomial) -> Written | None:
        """``h = n - z * n``, what is left where h was zero."""
        by_factor = sorted((len(monomial), factor, monomial) for monomial, factor in polynomial.items())
        if [entry[:2] for entry in by_factor] != [(1, 1.0), (2, -1.0)] or by_factor[0][2][0] not in by_factor[1][2]:
            return None
        new = by_factor[0][2][0]
        update, candidate = self._gate(self._without(by_factor[1][2], new)), self._scalars.inner(new)
        if not update or candidate is None:
            return None
        resets = {entry for monomial in candidate for entry in monomial if self._scalars.is_sigmoid(entry)}
        inner = self._linear({self._less(monomial, resets): factor for monomial, factor in candidate.items()})
        return Written("gru", value, {"z": update[0], "n": inner[0]}, None, is_first=True) if inner else None

    def _made_on_the_way(self, squashed: int) -> list[Value]:
        """C as it is squashed, and as it was before it was clipped."""
        squash = self._scalars.made_by(squashed)
        value = squash.inputs[0] if squash is not None else None
        found = []
        while value is not None and (numbers := self._scalars.elements.of(value)) is not None and numbers.size:
            owner, _ = self._scalars.elements.owner(int(numbers.flat[0]))
            found.append(owner)
            value = owner.op.inputs[0] if owner.op is not None and owner.op.kind == "Clip" else None
        return found

    # GRU -------------------------------------------------------------------------------------------------------------

    def _gru(self, value: Value, polynomial: Polynomial) -> Written | None:
        """``a + z * b - z * a``, of which one of a and b is n and the other the state."""
        by_factor = sorted((len(monomial), factor, monomial) for monomial, factor in polynomial.items())
        if [entry[:2] for entry in by_factor] != [(1, 1.0), (2, -1.0), (2, 1.0)]:
            return None
        ((kept,), less, more) = (entry[2] for entry in by_factor)
        for gate in set(less) & set(more):
            if self._without(less, gate) != kept or not self._scalars.is_sigmoid(gate):
                continue
            other = self._without(more, gate)
            for new, state in ((kept, other), (other, kept)):
                step = self._gru_of(value, gate, new, state)
                if step is not None:
                    return step
        return None

    def _gru_of(self, value: Value, gate: int, new: int, state: int) -> Written | None:
        update, inner = self._gate(gate), self._scalars.inner(new)
        if not update or not update[0] or inner is None or self._gate(state) is not None:
            return None
        resets = {entry for monomial in inner for entry in monomial if self._scalars.is_sigmoid(entry)}
        if len(resets) > 1:
            return None
        candidate = self._linear({self._less(monomial, resets): factor for monomial, factor in inner.items()})
        if candidate is None or not candidate[0]:
            return None
        reset = resets.pop() if resets else self._reset_before(candidate[0], state)
        resetting = self._gate(reset) if reset is not None else None
        if not resetting or not resetting[0]:
            return None
        after = [
            entry
            for monomial in inner
            if any(self._scalars.is_sigmoid(entry) for entry in monomial)
            for entry in monomial
        ]
        if not all(self._sees(dot, state) for entry in after if (dot := self._scalars.dot(entry)) is not None):
            return None
        step = Written("gru", value, {"r": resetting[0], "z": update[0], "n": candidate[0]}, state)
        step.linear_before_reset = bool(after)
        return step

    def _sees(self, dot: Dot, state: int) -> bool:
        """Whether a product is one with the state."""
        return self._scalars.elements.owner(state)[0] in self._scalars.elements.owners(dot.operand)

    def _reset_before(self, dots: list[Dot], state: int) -> int | None:
        """The gate that multiplies elements of the state before they are multiplied with weights."""
        owner = self._scalars.elements.owner(state)[0]
        for dot in dots:
            for element in self._one_of_each(dot.operand):
                made = self._scalars.polynomial(element)
                for monomial in made if len(made) == 1 else ():
                    for gate, kept in permutations(monomial) if len(monomial) == 2 else ():
                        if self._scalars.is_sigmoid(gate) and self._scalars.elements.owner(kept)[0] is owner:
                            return gate
        return None

    def _one_of_each(self, operand: Array) -> list[int]:
        """An element of each tensor that a vector is put together of."""
        elements = self._scalars.elements
        return [int(operand[elements.owned_by(operand, {owner})][0]) for owner in elements.owners(operand)]

    # Gates -----------------------------------------------------------------------------------------------------------

    def _gate(self, element: int, states: Iterable[Monomial] = ()) -> tuple[list[Dot], bool] | None:
        """The products that an element is the activation of, and whether it sees the state; None: it is no gate."""
        inner = self._scalars.inner(element)
        return None if inner is None else self._linear(inner, states)

    def _linear(self, polynomial: Polynomial, states: Iterable[Monomial] = ()) -> tuple[list[Dot], bool] | None:
        """The products of a sum of products, biases and peepholes; None where there is something else in it."""
        dots, peephole = [], False
        seen = [self._unscaled(state) for state in states]
        for monomial in polynomial:
            made = [dot for entry in monomial if (dot := self._scalars.dot(entry)) is not None]
            rest = self._unscaled(monomial)
            if len(made) == 1 and len(rest) <= 1:  # of a state that is constant it is constant, too
                dots += made
            elif rest and (len(rest) == len(monomial) or rest not in seen):
                return None
            elif rest:
                peephole = True
        return (dots, peephole) if dots else None

    def _unscaled(self, monomial: Monomial) -> Monomial:
        """A monomial without its constants."""
        return tuple(sorted(entry for entry in monomial if not self._is_factor(entry)))

    def _is_factor(self, element: int) -> bool:
        """Whether an element is a bias, a peephole, or what a quantized product is scaled by."""
        op = self._scalars.made_by(element)
        return self._scalars.is_constant(element) or (op is not None and op.kind == "DynamicQuantizeLinear")

    @staticmethod
    def _without(monomial: Monomial, element: int) -> int:
        return monomial[1] if monomial[0] == element else monomial[0]

    @staticmethod
    def _less(monomial: Monomial, elements: set[int]) -> Monomial:
        return tuple(entry for entry in monomial if entry not in elements)
