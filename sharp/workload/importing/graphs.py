"""What a graph of an ONNX file holds before it runs: shapes of its inputs, its live nodes, its constants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from sharp.workload.importing.folding import MOST_KNOWN
from sharp.workload.importing.trace import Array, Op, Value


def input_shape(entry: ValueInfoProto, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """The shape of a graph's input, open sizes as they are given."""
    tensor = entry.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.dim_value > 0 else sizes.get(open_size(entry, place), 1)
        for place, dim in enumerate(tensor.shape.dim)
    )


def open_size(entry: ValueInfoProto, place: int) -> str:
    """The name of a size that is open: its own, or the input's and its place."""
    return entry.type.tensor_type.shape.dim[place].dim_param or f"{entry.name}[{place}]"


def live_nodes(graph: GraphProto) -> list[NodeProto]:
    """The nodes that an output of the graph depends on, in order."""
    needed = {entry.name for entry in graph.output}
    live = []
    for node in reversed(graph.node):
        if needed.intersection(filter(None, node.output)):
            live.append(node)
            needed.update(_names_read(node))
    return live[::-1]


def _names_read(node: NodeProto) -> Iterable[str]:
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            yield from (entry.name for entry in graph.output)
            for inner in graph.node:
                yield from _names_read(inner)


def weight_value(tensor: TensorProto, key: object) -> Value:
    """A tensor of the file, its elements where they are few."""
    value = Value(tensor.name, tuple(tensor.dims), tensor.data_type, fixed=True, key=key)
    if value.size <= MOST_KNOWN and tensor.data_location != TensorProto.EXTERNAL:
        value.const = numpy_helper.to_array(tensor)
    return value


def constant_value(op: Op) -> Value:
    """What a node gives that holds a constant."""
    name, value = op.node.output[0], op.attribute("value")
    if isinstance(value, TensorProto):
        made = weight_value(value, (op.name, name))
        made.name, made.op = name, op
        return made
    for kind, dtype in (
        ("value_int", np.int64),
        ("value_ints", np.int64),
        ("value_float", np.float32),
        ("value_floats", np.float32),
    ):
        if (given := op.attribute(kind)) is not None:
            const: Array = np.asarray(given, dtype)
            return Value(
                name, const.shape, helper.np_dtype_to_tensor_dtype(const.dtype), op, const=const, fixed=True, key=id(op)
            )
    return Value(name, (), TensorProto.STRING, op, fixed=True, key=id(op))
