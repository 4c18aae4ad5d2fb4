"""One element of a tensor as a polynomial: what is multiplied and added to make it.

A cell that is written out is recognised on one element of its output. There all that differs between exporters, such as
the order of gates, what is stacked, sliced or transposed, has gone, and only the arithmetic is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sharp.workload.importing.elements import Elements
from sharp.workload.importing.trace import Array, Op, Value

Monomial = tuple[int, ...]
"""Elements that are multiplied, in order."""
Polynomial = dict[Monomial, float]

SIGMOIDS = frozenset(("Sigmoid", "HardSigmoid"))
ACTIVATIONS = SIGMOIDS | frozenset(
    ("Tanh", "Relu", "LeakyRelu", "Elu", "Softsign", "Softplus", "ThresholdedRelu", "HardSwish", "Selu", "Celu", "Gelu")
)
PRODUCTS = frozenset(("MatMul", "Gemm", "MatMulInteger", "QLinearMatMul", "FusedMatMul", "MatMulIntegerToFloat"))
PRODUCTS |= frozenset(("DynamicQuantizeMatMul", "FusedGemm", "QGemm"))
_MOST_MONOMIALS = 24


@dataclass(frozen=True, eq=False)
class Dot:
    """An element of a matrix product: a row of weights times a vector."""

    op: Op
    weight: Value
    row: int
    """Which of the rows (or columns) of the weights."""
    operand: Array
    """Numbers of the elements of the vector."""


def weight_place(op: Op) -> int | None:
    """Which input of a matrix product is the weights: 0 or 1; None where both are activations."""
    left, right = op.input(0), op.input(3 if op.kind in ("QLinearMatMul", "QGemm") else 1)
    if left is None or right is None or left.shape is None or right.shape is None:
        return None
    if right.fixed or left.fixed:
        return 1 if right.fixed else 0
    for place, value in ((1, right), (0, left)):
        if len(value.shape or ()) == 2 and _is_constant_input(value, op):
            return place
    return None


def _is_constant_input(value: Value, op: Op) -> bool:
    """Whether a value that is no weight of the file stays as it is while a loop runs: weights that are an input."""
    made_in = value.op.loops if value.op is not None else ()
    return bool(op.loops) and value.carried is None and len(made_in) < len(op.loops)


class Scalars:
    """Polynomials of elements; elements of values in `cuts` are left as they are."""

    def __init__(self, elements: Elements) -> None:
        self.elements = elements
        self.cuts: set[Value] = set()
        self._known: dict[int, Polynomial] = {}

    def polynomial(self, element: int) -> Polynomial:
        """What an element is, of activations, products, and what is not looked into."""
        value, place = self.elements.owner(element)
        if value in self.cuts:
            return {(element,): 1.0}
        if element not in self._known:
            found = self._expanded(value, place)
            self._known[element] = {(element,): 1.0} if found is None or len(found) > _MOST_MONOMIALS else found
        return self._known[element]

    def made_by(self, element: int) -> Op | None:
        """The operation that makes an element."""
        return self.elements.owner(element)[0].op

    def inner(self, element: int) -> Polynomial | None:
        """What an element is the activation of; None where it is not made by one."""
        value, place = self.elements.owner(element)
        if value.op is None:
            return None
        return self._input(value, 0, place) if value.op.kind in ACTIVATIONS else self._exponent(value, place)

    def is_sigmoid(self, element: int) -> bool:
        """Whether an element is made by a sigmoid, a piecewise linear one, or ``1 / (1 + exp(-x))`` written out."""
        value, place = self.elements.owner(element)
        return value.op is not None and (value.op.kind in SIGMOIDS or self._exponent(value, place) is not None)

    def _exponent(self, value: Value, place: int) -> Polynomial | None:
        """The x of ``1 / (1 + exp(-x))``; None where an element is no such quotient."""
        op = value.op
        if op is None or op.kind not in ("Div", "Reciprocal"):
            return None
        if op.kind == "Div" and self._input(value, 0, place) != {(): 1.0}:
            return None
        below = dict(self._input(value, len(op.inputs) - 1, place) or {})
        if below.pop((), None) != 1 or len(below) != 1:
            return None
        ((monomial, factor),) = below.items()
        raised, index = self.elements.owner(monomial[0])
        if factor != 1 or len(monomial) != 1 or raised.op is None or raised.op.kind != "Exp":
            return None
        return _sum(((self._input(raised, 0, index), -1.0),))

    def is_constant(self, element: int) -> bool:
        """Whether an element depends on weights and constants alone."""
        value, _ = self.elements.owner(element)
        return value.fixed or value.const is not None

    def dot(self, element: int) -> Dot | None:
        """The product that makes an element; None where none with weights does."""
        value, place = self.elements.owner(element)
        op = value.op
        if op is None or op.kind not in PRODUCTS or value.shape is None or value.place:
            return None
        side = weight_place(op)
        if side is None:
            return None
        return self._dot(op, side, np.unravel_index(place, value.shape))

    def _dot(self, op: Op, side: int, index: tuple[np.intp, ...]) -> Dot | None:
        places = (0, 3) if op.kind in ("QLinearMatMul", "QGemm") else (0, 1)
        weight, data = op.inputs[places[side]], op.inputs[places[1 - side]]
        if weight is None or data is None or (numbers := self.elements.of(data)) is None:
            return None
        gemm = op.kind in ("Gemm", "FusedGemm", "QGemm")
        if gemm and op.attribute("transB" if side == 0 else "transA", 0):
            numbers = numbers.T
        row, column = (index[-2] if len(index) > 1 else 0), index[-1]
        if side == 0:
            numbers = numbers[..., :, column] if numbers.ndim > 1 else numbers
            ahead = index[:-2][len(index) - 1 - numbers.ndim :] if numbers.ndim > 1 else ()
            return Dot(op, weight, int(row), numbers[ahead] if ahead else numbers)
        ahead = index[:-2][len(index) - numbers.ndim :] if numbers.ndim > 2 else ()
        vector = numbers if numbers.ndim == 1 else numbers[(*ahead, row)]
        return Dot(op, weight, int(column), vector)

    def _input(self, value: Value, which: int, place: int) -> Polynomial | None:
        """The polynomial of the element of an input that an element of an element-wise output is made of."""
        entry = value.op.inputs[which] if value.op is not None else None
        if entry is None or (numbers := self.elements.of(entry)) is None or value.shape is None:
            return None
        spread = np.broadcast_to(numbers, value.shape) if numbers.shape != value.shape else numbers
        return self.polynomial(int(spread[np.unravel_index(place, value.shape)]))

    def _expanded(self, value: Value, place: int) -> Polynomial | None:
        """The polynomial of an element, None where nothing is known of how it is made."""
        if value.const is not None:
            return _constant(value.const)
        op = value.op
        if op is None or op.body is not None or op.options:
            return None
        if op.kind in ("Add", "Sum"):
            return _sum((self._input(value, which, place), 1.0) for which in range(len(op.inputs)))
        if op.kind == "Sub":
            return _sum(((self._input(value, 0, place), 1.0), (self._input(value, 1, place), -1.0)))
        if op.kind == "Neg":
            return _sum(((self._input(value, 0, place), -1.0),))
        if op.kind == "Mul":
            return _product(self._input(value, 0, place), self._input(value, 1, place))
        if op.kind == "Clip":
            return self._input(value, 0, place)
        if op.kind == "Gemm" and (added := op.input(2)) is not None and not added.fixed:
            own = self.elements.number(value, place)
            return None if own is None else _sum((({(own,): 1.0}, 1.0), (self._input(value, 2, place), 1.0)))
        return None


def _constant(const: Array) -> Polynomial | None:
    """A number where all elements are the same; zeros are left alone, as they are what a state begins with."""
    if const.dtype.kind not in "iuf" or not const.size:
        return None
    first = float(const.flat[0])
    if (const != const.flat[0]).any() or (first == 0 and const.ndim):
        return None
    return {(): first} if first else {}


def _sum(terms: Iterable[tuple[Polynomial | None, float]]) -> Polynomial | None:
    total: Polynomial = {}
    for polynomial, sign in terms:
        if polynomial is None:
            return None
        for monomial, factor in polynomial.items():
            total[monomial] = total.get(monomial, 0.0) + sign * factor
    return {monomial: factor for monomial, factor in total.items() if factor}


def _product(left: Polynomial | None, right: Polynomial | None) -> Polynomial | None:
    if left is None or right is None or len(left) * len(right) > _MOST_MONOMIALS:
        return None
    total: Polynomial = {}
    for one, factor in left.items():
        for other, second in right.items():
            monomial = tuple(sorted(one + other))
            total[monomial] = total.get(monomial, 0.0) + factor * second
    return {monomial: factor for monomial, factor in total.items() if factor}
