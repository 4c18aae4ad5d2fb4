"""Shapes and known values of a node's outputs, by the `onnx` package's own inference and reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TypeProto, ValueInfoProto, defs, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.shape_inference import infer_node_outputs

from sharp.workload.importing.trace import Array, Op, Value

MOST_KNOWN = 2**14
"""Elements of a value that is worked out; larger ones are weights."""

LIKE = {
    "FusedMatMul": "MatMul",
    "MatMulIntegerToFloat": "MatMul",
    "DynamicQuantizeMatMul": "MatMul",
    "FusedGemm": "Gemm",
    "FusedConv": "Conv",
}
"""Operators of onnxruntime with the standard one that has their shape."""
LIKE_FIRST = frozenset(
    [
        "BiasGelu",
        "FastGelu",
        "Gelu",
        "QuickGelu",
        "LayerNormalization",
        "SkipLayerNormalization",
        "SimplifiedLayerNormalization",
        "SkipSimplifiedLayerNormalization",
        "QLinearSigmoid",
        "QLinearLeakyRelu",
        "QLinearAdd",
        "QLinearMul",
    ]
)
"""Operators of onnxruntime whose output is as large as their first input."""
MICROSOFT = "com.microsoft"


class Folding:
    """Works out what a node's outputs are, as far as that follows from the file."""

    def __init__(self, model: ModelProto) -> None:
        self._opsets = {_domain(entry.domain): entry.version for entry in model.opset_import}
        self._imports = [helper.make_opsetid(domain, version) for domain, version in self._opsets.items()]
        self._ir_version = model.ir_version

    def version(self, op: Op) -> int:
        """The opset that a node is of."""
        return int(self._opsets.get(_domain(op.node.domain), 1))

    def outputs(self, op: Op) -> list[Value]:
        """The outputs of a node on its inputs, shapes and, where they are known, elements."""
        types = self._types(op)
        known = all(entry is None or entry.const is not None for entry in op.inputs)
        fixed = all(entry is None or entry.fixed for entry in op.inputs)
        made = []
        for place, name in enumerate(op.node.output):
            shape, dtype = _read_type(types.get(name))
            made.append(Value(name, shape, dtype, op, place, fixed=fixed))
        if known and all(value.shape is not None and value.size <= MOST_KNOWN for value in made if value.name):
            for value, const in zip(made, self._evaluate(op), strict=False):
                value.const = const
        if op.kind in ("Shape", "Size"):
            _measure(op, made[0])
        if fixed:
            attributes = tuple(sorted(entry.SerializeToString(deterministic=True) for entry in op.node.attribute))
            keys = tuple(entry and entry.key for entry in op.inputs)
            for value in made:
                value.key = (op.kind, attributes, keys, value.place) if op.inputs else id(value)
        return made

    def evaluate(self, op: Op, values: Sequence[Array | None]) -> list[Any]:
        """Run a node on some arrays.

        Raises
        ------
        Exception
            Whatever the reference raises on what it does not take.
        """
        names = [f"i{place}" if value is not None else "" for place, value in enumerate(values)]
        graph = GraphProto(input=[ValueInfoProto(name=name) for name in names if name])
        graph.output.extend(ValueInfoProto(name=name) for name in op.node.output if name)
        node = graph.node.add()
        node.CopyFrom(op.node)
        del node.input[:]
        node.input.extend(names)
        feeds = {name: value for name, value in zip(names, values, strict=True) if name}
        made = iter(
            ReferenceEvaluator(graph, opsets=self._opsets).run(None, feeds)
        )  # a node alone is of the last opset
        results: list[Any] = [next(made) if name else None for name in op.node.output]
        return results

    def _evaluate(self, op: Op) -> list[Array | None]:
        try:
            results = self.evaluate(op, [entry.const if entry is not None else None for entry in op.inputs])
        except Exception:  # what the reference cannot do is not known
            return []
        return [np.asarray(result) if result is not None else None for result in results]

    def _types(self, op: Op) -> dict[str, TypeProto]:
        node, kind = op.node, LIKE.get(op.kind, op.kind)
        if node.domain == MICROSOFT and op.kind in LIKE_FIRST and op.inputs[0] is not None:
            return {node.output[0]: _as_type(op.inputs[0])}
        standard = NodeProto()
        standard.CopyFrom(node)
        standard.op_type = kind
        if node.domain == MICROSOFT and kind != op.kind:
            standard.domain = ""
            del standard.input[2 if kind == "MatMul" else 3 :]
            for place in range(len(standard.attribute) - 1, -1, -1):
                if standard.attribute[place].name.startswith(("activation", "alpha")):
                    del standard.attribute[place]
        schema = defs.get_schema(kind, self._opsets.get(standard.domain, 1), standard.domain)
        return self._infer(op, schema, standard)

    def _infer(self, op: Op, schema: defs.OpSchema, node: NodeProto) -> dict[str, TypeProto]:
        pairs = [
            (name, entry) for name, entry in zip(node.input, op.inputs, strict=False) if name and entry is not None
        ]
        types = {name: _as_type(entry) for name, entry in pairs if entry.dtype}
        data = {name: numpy_helper.from_array(np.asarray(entry.const)) for name, entry in pairs if _is_argument(entry)}
        try:
            result: dict[str, TypeProto] = infer_node_outputs(
                schema, node, types, data, opset_imports=self._imports, ir_version=self._ir_version
            )
        except Exception as error:
            reason = str(error).split("\n")[0].removeprefix("[ShapeInferenceError] ")
            raise op.refuse("inputs that go together", reason) from None
        return result


def _domain(name: str) -> str:
    """The name of a domain, the standard one without."""
    return "" if name == "ai.onnx" else name


def _is_argument(value: Value) -> bool:
    """Whether a value may be what a shape follows from."""
    return value.const is not None and value.const.dtype.kind in "biuf" and value.size <= 1024


def _as_type(value: Value) -> TypeProto:
    made: TypeProto = helper.make_tensor_type_proto(value.dtype, value.shape)
    return made


def _read_type(found: TypeProto | None) -> tuple[tuple[int, ...] | None, int]:
    """Sizes and type of a tensor; None and 0 where they are not known."""
    if found is None or not found.HasField("tensor_type"):
        return None, 0
    tensor = found.tensor_type
    if not tensor.HasField("shape") or not all(entry.HasField("dim_value") for entry in tensor.shape.dim):
        return None, tensor.elem_type
    return tuple(entry.dim_value for entry in tensor.shape.dim), tensor.elem_type


def _measure(op: Op, value: Value) -> None:
    """The shape of a tensor is known even where its elements are not."""
    data = op.inputs[0]
    if data is None or data.shape is None:
        return
    start, end = op.attribute("start", 0), op.attribute("end")
    value.const = np.array(data.size if op.kind == "Size" else data.shape[start:end], dtype=np.int64)
    value.shape, value.fixed = value.const.shape, True
