"""Reads an ONNX file within limits, without the weights that lie in other files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, defs, helper
from onnx.external_data_helper import ExternalDataInfo
from onnx.inliner import inline_local_functions

from sharp.errors import SpecificationError
from sharp.files import read_bytes

_MOST_BYTES = 2**31
"""Most bytes of a file; that is what the format can hold."""


def read_onnx(path: Path) -> ModelProto:
    """Read a model, functions of its own put in their places.

    Raises
    ------
    SpecificationError
        Where it is no ONNX file, is cut off, is of a later version than the installed `onnx` package knows, or where
        its weights are not there.
    """
    content = read_bytes(path, "an ONNX file", _MOST_BYTES)
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except Exception:
        raise SpecificationError("expected an ONNX file, got one that is cut off or of another kind") from None
    if not model.graph.node or not model.opset_import:
        raise SpecificationError("expected an ONNX file, got one without nodes or without an opset")
    _check_version(model)
    for graph in _graphs(model.graph):
        for tensor in graph.initializer:
            _check_weight(path, tensor)
    return inline_local_functions(model) if model.functions else model


def _check_version(model: ModelProto) -> None:
    if model.ir_version > onnx.IR_VERSION:
        raise SpecificationError(
            f"expected IR version {onnx.IR_VERSION} at most, which onnx {onnx.__version__} knows, "
            f"got {model.ir_version}"
        )
    for entry in model.opset_import:
        if entry.domain in ("", "ai.onnx") and not 0 < entry.version <= defs.onnx_opset_version():
            raise SpecificationError(
                f"expected opset {defs.onnx_opset_version()} at most, which onnx {onnx.__version__} knows, "
                f"got {entry.version}"
            )


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and those inside of its nodes."""
    yield graph
    for node in graph.node:
        for inner in _inner(node):
            yield from _graphs(inner)


def _inner(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _check_weight(path: Path, tensor: TensorProto) -> None:
    """Refuse weights that are not as large as they say, or not there."""
    if tensor.data_type == TensorProto.STRING:
        return
    size = math.prod(tensor.dims)
    if any(dim < 0 for dim in tensor.dims):
        raise SpecificationError(f"weights {tensor.name!r}: expected sizes of at least 0, got {list(tensor.dims)}")
    if tensor.data_location == TensorProto.EXTERNAL:
        _check_outside(path, tensor)
    elif tensor.HasField("raw_data"):
        expected = size * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        packed = tensor.data_type in (TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT4E2M1)
        if len(tensor.raw_data) != ((size + 1) // 2 if packed else expected) and not _is_narrow(tensor):
            raise SpecificationError(
                f"weights {tensor.name!r}: expected {expected} bytes of data, got {len(tensor.raw_data)}"
            )
    else:
        held = max(
            len(getattr(tensor, field))
            for field in ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
        )
        if held < size and not _is_narrow(tensor):
            raise SpecificationError(f"weights {tensor.name!r}: expected {size} numbers, got {held}")


def _is_narrow(tensor: TensorProto) -> bool:
    """Whether several elements share a byte or a number."""
    return tensor.data_type > TensorProto.BFLOAT16


def _check_outside(path: Path, tensor: TensorProto) -> None:
    """Refuse weights in another file that is not there, too short, or not in the folder of the model."""
    info = ExternalDataInfo(tensor)
    folder = path.parent.resolve()
    place = (folder / (info.location or "")).resolve()
    if not info.location or not place.is_relative_to(folder):
        raise SpecificationError(f"weights {tensor.name!r}: expected them in a file beside it, got {info.location!r}")
    wanted = (info.offset or 0) + (info.length or 0)
    if not place.is_file() or place.stat().st_size < wanted:
        raise SpecificationError(
            f"weights {tensor.name!r}: expected their file {info.location!r} of at least {wanted} bytes beside it, "
            f"got {'one that is shorter' if place.is_file() else 'none'}"
        )
