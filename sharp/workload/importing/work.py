"""Multiply-accumulates of operators that are no recurrent layer, and which of them a report lists."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sharp.workload.importing.folding import LIKE
from sharp.workload.importing.scalars import PRODUCTS, weight_place
from sharp.workload.importing.trace import Op, Value

LISTED = frozenset(
    [
        "Softmax",
        "LogSoftmax",
        "Hardmax",
        "LayerNormalization",
        "BatchNormalization",
        "InstanceNormalization",
        "LRN",
        "GroupNormalization",
        "RMSNormalization",
        "MeanVarianceNormalization",
        "LpNormalization",
        "AveragePool",
        "MaxPool",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "LpPool",
        "GlobalLpPool",
        "MaxRoiPool",
        "RoiAlign",
        "STFT",
        "DFT",
        "Resize",
        "Upsample",
        "GridSample",
        "TopK",
        "NonMaxSuppression",
        "Attention",
        "DeformConv",
    ]
)
"""Operators without weights of their own that a report lists, though they are no matrix products."""


@dataclass(frozen=True)
class DenseProduct:
    """A product of a matrix of weights with each row of a tensor."""

    op: Op
    data: Value
    weight: Value
    input_size: int
    output_size: int
    rows: int
    """Vectors that are multiplied, all runs together."""


def dense_product(op: Op) -> DenseProduct | None:
    """The product of weights with rows that a node is; None where it is none, or of several matrices."""
    if op.kind not in PRODUCTS or (side := weight_place(op)) is None:
        return None
    places = (0, 3) if op.kind in ("QLinearMatMul", "QGemm") else (0, 1)
    weight, data = op.inputs[places[side]], op.inputs[places[1 - side]]
    shape = op.outputs[0].shape
    if weight is None or data is None or shape is None or weight.shape is None or data.fixed:
        return None
    if len(weight.shape) != 2 and math.prod(weight.shape[:-2]) != 1:
        return None
    transposed = op.attribute("transB" if side else "transA", 0)
    inner, outer = (
        (weight.shape[-2:] if bool(side) != bool(transposed) else weight.shape[-2:][::-1])
        if len(weight.shape) > 1
        else (weight.shape[0], 1)
    )
    rows = math.prod(shape) // outer
    return DenseProduct(op, data, weight, inner, outer, rows * op.times)


def macs(op: Op) -> int | None:
    """Multiply-accumulates of all runs of a node; None where it is none that is listed."""
    kind = LIKE.get(op.kind, op.kind)
    if kind in _COUNTS:
        if any(value is not None and value.shape is None for value in (op.input(0), op.input(1), op.outputs[0])):
            raise op.refuse("inputs of known shapes", "one whose shape depends on data")
        return _COUNTS[kind](op) * op.times
    if kind in LISTED or _is_embedding(op):
        return _attention(op) * op.times if kind == "Attention" else 0
    return None


def _is_embedding(op: Op) -> bool:
    """Whether a node looks rows of a table of weights up."""
    table, index = op.input(0), op.input(1)
    if (
        op.kind != "Gather"
        or table is None
        or index is None
        or not table.fixed
        or index.fixed
        or index.const is not None
    ):
        return False
    return len(table.shape or ()) == 2


def _shape(op: Op, place: int) -> tuple[int, ...]:
    value = op.input(place)
    return (value.shape or ()) if value is not None else ()


def _product(op: Op) -> int:
    inner = _shape(op, 0)[-2 if op.attribute("transA", 0) and len(_shape(op, 0)) > 1 else -1]
    return op.outputs[0].size * inner


def _convolution(op: Op) -> int:
    weight = _shape(op, 3 if op.kind == "QLinearConv" else 1)
    return op.outputs[0].size * math.prod(weight[1:])


def _transposed(op: Op) -> int:
    return math.prod(_shape(op, 0)) * math.prod(_shape(op, 1)[1:])


def _einsum(op: Op) -> int:
    """All indices of all operands, which is what one product takes; of more than two operands, each after the other."""
    terms = op.attribute("equation").replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for place, term in enumerate(terms):
        shape = _shape(op, place)
        letters = term.replace("...", "")
        ahead = len(shape) - len(letters)
        spread = term.find("...")
        named = (
            letters[:spread] + "".join(chr(0x100 + k) for k in range(ahead)) + letters[spread:]
            if spread >= 0
            else letters
        )
        for letter, size in zip(named, shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return math.prod(sizes.values()) * max(len(terms) - 1, 0)


def _attention(op: Op) -> int:
    """Products of queries with keys, and of their weights with values."""
    queries, keys = _shape(op, 0), _shape(op, 1)
    if len(queries) < 3 or len(keys) < 3:
        raise op.refuse("queries and keys of three or four sizes", f"{list(queries)} and {list(keys)}")
    return math.prod(queries) * keys[-2] + op.outputs[0].size * keys[-2]


_COUNTS: dict[str, Callable[[Op], int]] = {
    **dict.fromkeys(PRODUCTS, _product),
    "Conv": _convolution,
    "ConvInteger": _convolution,
    "QLinearConv": _convolution,
    "ConvTranspose": _transposed,
    "Einsum": _einsum,
}
