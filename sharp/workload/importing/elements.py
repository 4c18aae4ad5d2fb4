"""Where the elements of a tensor come from, through all that only moves them: slices, transposes, reshapes and so on.

Each element that an operation computes, an input holds or a loop carries has a number of its own. What only moves
elements is run by the `onnx` package's reference on these numbers, so that no layout has to be known here.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from sharp.workload.importing.folding import Folding
from sharp.workload.importing.trace import Array, Op, Value

MOVING = frozenset(
    [
        "Reshape",
        "Transpose",
        "Squeeze",
        "Unsqueeze",
        "Flatten",
        "Slice",
        "Split",
        "Concat",
        "Gather",
        "Expand",
        "Tile",
        "GatherElements",
        "GatherND",
        "ReverseSequence",
        "DepthToSpace",
        "SpaceToDepth",
    ]
)
"""Operators that move elements."""
PASSING = frozenset(("Cast", "Dropout", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "CastLike"))
"""Operators that pass each element of their first input on in its place, in another number format."""
_MOST = 2**24
"""Elements of a tensor that are followed."""


class Elements:
    """Numbers of elements, given out as they are asked for."""

    def __init__(self, folding: Folding) -> None:
        self._folding = folding
        self._known: dict[Value, Array] = {}
        self._makers: dict[Value, list[Value]] = {}
        self._starts: list[int] = []
        self._owners: list[Value] = []
        self._next = 0

    def of(self, value: Value) -> Array | None:
        """The numbers of a tensor's elements, in its shape; None where that is not known or too large."""
        if value not in self._known:
            if value.shape is None or value.size > _MOST:
                return None
            moved = None if value.op is None or value.const is not None else self._moved(value.op, value.place)
            self._known[value] = self._new(value) if moved is None else moved.reshape(value.shape)
        return self._known[value]

    def number(self, value: Value, place: int) -> int | None:
        """The number of one element of a tensor; None where it is not known."""
        numbers = self.of(value)
        return None if numbers is None or not numbers.size else int(numbers.flat[place])

    def owner(self, element: int) -> tuple[Value, int]:
        """The tensor that an element was made in, and its place there."""
        index = bisect_right(self._starts, element) - 1
        return self._owners[index], element - self._starts[index]

    def owners(self, elements: Array) -> list[Value]:
        """The tensors that some elements were made in, each once."""
        if not elements.size:
            return []
        low, high = (bisect_right(self._starts, int(end)) - 1 for end in (elements.min(), elements.max()))
        if low == high:
            return [self._owners[low]]
        found = np.zeros(high - low + 1, dtype=bool)
        found[np.searchsorted(self._starts, np.ravel(elements), side="right") - 1 - low] = True
        return [self._owners[low + place] for place in np.flatnonzero(found)]

    def makers(self, value: Value) -> list[Value]:
        """The tensors that the elements of a tensor were made in; itself where they are not followed."""
        if value not in self._makers:
            numbers = self.of(value)
            self._makers[value] = [value] if numbers is None else self.owners(numbers)
        return self._makers[value]

    def owned_by(self, elements: Array, values: set[Value]) -> Array:
        """Which of some elements were made in one of some tensors."""
        places = np.searchsorted(self._starts, elements, side="right") - 1
        return np.array([self._owners[place] in values for place in np.ravel(places)], dtype=bool).reshape(
            elements.shape
        )

    def _new(self, value: Value) -> Array:
        numbers = np.arange(self._next, self._next + value.size, dtype=np.int64).reshape(value.shape or ())
        if value.size:
            self._starts.append(self._next)
            self._owners.append(value)
            self._next += value.size
        return numbers

    def _moved(self, op: Op, place: int) -> Array | None:
        if op.node.domain not in ("", "ai.onnx"):
            return None
        if op.kind in PASSING and place == 0 and op.inputs[0] is not None:
            return self.of(op.inputs[0])
        if op.kind not in MOVING:
            return None
        count = len(op.inputs) if op.kind == "Concat" else 1
        feeds: list[Array | None] = [None if entry is None else self.of(entry) for entry in op.inputs[:count]]
        feeds += [None if entry is None else entry.const for entry in op.inputs[count:]]
        if any((entry is None) != (feed is None) for entry, feed in zip(op.inputs, feeds, strict=True)):
            return None
        try:
            return np.asarray(self._folding.evaluate(op, feeds)[place])
        except Exception:  # what the reference does not move is made anew
            return None
