"""Single nodes of an ONNX model in ONNX Runtime: what does not run on the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from sharp.errors import SpecificationError

Array = NDArray[Any]

NOT_SINGLE = frozenset(
    {"If", "Loop", "Scan", "Constant", "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase"}
    | {"SequenceInsert", "SequenceLength", "SequenceMap", "SplitToSequence", "ConcatFromSequence"}
    | {"Optional", "OptionalGetElement", "OptionalHasElement"}
)
"""Operators with graphs inside, or whose values are no arrays: they stay with the evaluator."""


def session_of(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A model in ONNX Runtime on the processor, silent, its nodes as they stand."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def name_of(node: onnx.NodeProto) -> str:
    """A node's name, or that of its first output."""
    return str(node.name or output_of(node))


def output_of(node: onnx.NodeProto) -> str:
    """The name of a node's first output, which no other node shares."""
    return next(str(name) for name in node.output if name)


@dataclass
class SingleNodes:
    """Sessions of nodes, made when each first runs."""

    model: onnx.ModelProto
    """Whose versions of operators count."""
    _sessions: dict[tuple[str, tuple[str, ...]], onnxruntime.InferenceSession] = field(default_factory=dict)

    def run(self, node: onnx.NodeProto, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        """The outputs of a node, an empty array where one has no name.

        Raises
        ------
        SpecificationError
            Where ONNX Runtime cannot run it.
        """
        given = {f"input{place}": value for place, value in enumerate(inputs) if value is not None}
        key = output_of(node), tuple(str(value.dtype) for value in given.values())
        try:
            if key not in self._sessions:
                self._sessions[key] = session_of(self._alone(node, given))
            results = iter(self._sessions[key].run(None, given))
        except Exception as error:
            raise SpecificationError(
                f"node {name_of(node)}: expected a {node.op_type} that ONNX Runtime runs, got: {error}"
            ) from None
        return tuple(next(results) if name else np.empty(0) for name in node.output)

    def _alone(self, node: onnx.NodeProto, given: dict[str, Array]) -> onnx.ModelProto:
        alone = onnx.NodeProto()
        alone.CopyFrom(node)
        del alone.input[:]
        count = 1 + max((int(name.removeprefix("input")) for name in given), default=-1)
        alone.input.extend(f"input{place}" if f"input{place}" in given else "" for place in range(count))
        kinds = {name: onnx.helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in given.items()}
        graph = onnx.helper.make_graph(
            [alone],
            "single",
            [onnx.helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()],
            [onnx.ValueInfoProto(name=name) for name in node.output if name],
        )
        versions = list(self.model.opset_import)
        return onnx.helper.make_model(graph, opset_imports=versions, ir_version=self.model.ir_version)
