"""Whole ONNX models: recurrent and dense nodes on the machine, the others in ONNX Runtime, one by one.

Needs the extra `values`: the packages onnx and onnxruntime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.external_data_helper import load_external_data_for_model
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from sharp.errors import SharpError, SpecificationError
from sharp.values.arrays import Wanted, check_arrays
from sharp.values.compare import Difference, compare
from sharp.values.execute import LayerValues
from sharp.values.onnx_loops import Loop, Scan
from sharp.values.onnx_nodes import DENSE, GATES, dense_inputs, recurrent_node, run_dense
from sharp.values.onnx_single import NOT_SINGLE, SingleNodes, name_of, output_of, session_of
from sharp.workload.importing.onnx_file import read_onnx

Array = NDArray[Any]
Run = Callable[..., LayerValues]
ONNX_RUNTIME, HERE = "ONNX Runtime", "sharp, fp32/fp32"


@dataclass(frozen=True, kw_only=True)
class NodeValues:
    """What a node computed on the machine, and how far that is from single precision."""

    name: str
    """Of the node, or of its first output."""
    operator: str
    difference: Difference
    """From single precision, over all times that it ran: ONNX Runtime's, or, of a node inside of another, such as a
    loop, whose values that does not show, the same nodes here in fp32."""


@dataclass(frozen=True, kw_only=True)
class ModelValues:
    """What a model computed: `execute_model` makes it."""

    name: str
    """Of the file."""
    outputs: Mapping[str, Array]
    """By name, in the model's own types."""
    layers: tuple[NodeValues, ...]
    """The nodes that ran on the machine, in the order in which they did."""
    differences: Mapping[str, Difference]
    """Of each output that holds numbers, from single precision."""
    reference: str
    """Whose single precision: ONNX Runtime's, or, where that cannot run the model, the same nodes here in fp32."""
    elsewhere: Mapping[str, str]
    """Recurrent nodes that the machine's units cannot run, each with the reason; ONNX Runtime ran them."""


@dataclass
class _Nodes:
    """Nodes as they run: on the machine where it can, else in ONNX Runtime."""

    run: Run
    others: SingleNodes
    constants: frozenset[str]
    given: dict[str, tuple[onnx.NodeProto, list[Array]]] = field(default_factory=dict)
    """What nodes gave on the machine, by the name of their first output."""
    elsewhere: dict[str, str] = field(default_factory=dict)

    def outputs(self, node: onnx.NodeProto, inputs: list[Array | None]) -> tuple[Array, ...]:
        """The outputs of a node."""
        try:
            outputs = self._on_machine(node, inputs)
        except SharpError as error:
            raise error.at(f"node {name_of(node)}") from None
        if outputs is None:
            return self.others.run(node, inputs)
        shown = next(output for name, output in zip(node.output, outputs, strict=False) if name)
        self.given.setdefault(output_of(node), (node, []))[1].append(shown)
        return outputs[: len(node.output)]

    def _on_machine(self, node: onnx.NodeProto, inputs: list[Array | None]) -> tuple[Array, ...] | None:
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        if node.domain in ("", "ai.onnx") and node.op_type in GATES:
            of = recurrent_node(node.op_type, attributes, inputs)
            if not of.why_not:
                return of.run(self.run)
            self.elsewhere[name_of(node)] = of.why_not
        dense = dense_inputs(node.op_type, attributes, inputs) if node.op_type in DENSE else None
        if dense is None or not {node.input[1]} <= self.constants:
            return None
        return (run_dense(*dense, self.run),)


def execute_model(path: Path, inputs: Mapping[str, Array], run: Run, single: Run) -> ModelValues:
    """Run an ONNX model with its recurrent and dense nodes on the machine.

    Parameters
    ----------
    path : Path
    inputs : mapping of str to array
        By the names of the model's inputs.
    run : callable
        ``run(layer, weights, x, lengths=..., initial=...)``, such as `sharp.execute_layer` with its machine, plan and
        formats given.
    single : callable
        The same in single precision, asked where ONNX Runtime's does not show.

    Returns
    -------
    ModelValues

    Raises
    ------
    SpecificationError
        Where the file is none, the inputs are not those of the model, or it holds an operator that ONNX Runtime
        does not know.
    """
    try:
        model = read_onnx(path)
        _check_nodes(model.graph)
        load_external_data_for_model(model, str(path.parent))
    except SpecificationError as error:
        raise error.at(str(path)) from None
    check_arrays("inputs", inputs, wanted_inputs(model))
    outputs = [one.name for one in model.graph.output]
    top = {output_of(node) for node in model.graph.node}
    nodes, values = _evaluate(path, model, run, inputs)
    shown = [name for name in nodes.given if name in top]
    reference = _in_runtime(model, inputs, list(dict.fromkeys([*outputs, *shown])))
    by, plain = ONNX_RUNTIME, nodes
    if reference is None or len(shown) < len(nodes.given):
        plain, exact = _evaluate(path, model, single, inputs)
        if reference is None:
            by, reference = HERE, dict(zip(outputs, exact, strict=True))

    def layer(name: str, node: onnx.NodeProto, arrays: list[Array]) -> NodeValues:
        known = [reference[name]] if name in reference else plain.given[name][1]
        return NodeValues(name=name_of(node), operator=node.op_type, difference=compare(_row(arrays), _row(known)))

    given = {name: value for name, value in zip(outputs, values, strict=True) if isinstance(value, np.ndarray)}
    return ModelValues(
        name=path.stem,
        outputs=given,
        layers=tuple(layer(name, *ran) for name, ran in nodes.given.items()),
        differences={
            name: compare(value, reference[name]) for name, value in given.items() if value.dtype.kind in "fiu"
        },
        reference=by,
        elsewhere=nodes.elsewhere,
    )


def _row(arrays: list[Array]) -> Array:
    """What a node gave in all its turns, one behind the other."""
    return arrays[0] if len(arrays) == 1 else np.concatenate([array.ravel() for array in arrays])


def wanted_inputs(model: onnx.ModelProto) -> dict[str, Wanted]:
    """The inputs of a model that are no weights."""
    weights = {tensor.name for tensor in model.graph.initializer}
    wanted = {}
    for one in model.graph.input:
        if one.name in weights:
            continue
        if not one.type.HasField("tensor_type"):
            raise SpecificationError(f"input {one.name}: expected a tensor, got another kind of value")
        tensor = one.type.tensor_type
        sizes = tuple(dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in tensor.shape.dim)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
        wanted[one.name] = Wanted(dtype, sizes if tensor.HasField("shape") else None)
    return wanted


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and those inside of its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield from _graphs(inner)


def _all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for inner in _graphs(graph):
        yield from inner.node


def _check_nodes(graph: onnx.GraphProto) -> None:
    """Refuse nodes without an output, or with names that are no text, as a broken file may have them."""
    for place, node in enumerate(_all_nodes(graph)):
        names = (node.op_type, node.domain, node.name, *node.input, *node.output)
        if not node.op_type or not any(node.output) or not all(isinstance(name, str) for name in names):
            raise SpecificationError(
                f"node {place}: expected an operator, an output and names that are texts, got others"
            )


def _constants(graph: onnx.GraphProto) -> Iterator[str]:
    """Names of values that no input changes, in all graphs."""
    for inner in _graphs(graph):
        yield from (tensor.name for tensor in inner.initializer)
        for node in inner.node:
            if node.op_type == "Constant":
                yield from node.output


def _evaluate(path: Path, model: onnx.ModelProto, run: Run, inputs: Mapping[str, Array]) -> tuple[_Nodes, list[Any]]:
    """The outputs of the model: ONNX's evaluator goes from node to node, and into graphs inside of nodes."""
    nodes = _Nodes(run, SingleNodes(model), frozenset(_constants(model.graph)))
    operators = {(node.domain, node.op_type) for node in _all_nodes(model.graph)}
    single = [key for key in sorted(operators) if key[1] not in NOT_SINGLE]
    classes: list[type[OpRun]] = [Loop, Scan, *(_operator(nodes, domain, operator) for domain, operator in single)]
    evaluator = _within_onnx(path, lambda: ReferenceEvaluator(model, new_ops=classes))
    return nodes, list(_within_onnx(path, lambda: evaluator.run(None, dict(inputs))))


def _operator(nodes: _Nodes, domain: str, operator: str) -> type[OpRun]:
    """A class that runs the nodes of an operator."""

    def run(self: Any, *inputs: Array | None, **_attributes: Any) -> tuple[Array, ...]:
        named = zip(self.onnx_node.input, inputs, strict=False)
        return nodes.outputs(self.onnx_node, [value if name else None for name, value in named])

    return type(operator, (OpRun,), {"_run": run, "op_domain": domain})


def _within_onnx(path: Path, call: Callable[[], Any]) -> Any:
    """What a call of a library gives; what it raises is one sentence."""
    try:
        return call()
    except SharpError:
        raise
    except Exception as error:
        raise SpecificationError(f"{path}: expected a model that runs, got {type(error).__name__}: {error}") from None


def _in_runtime(model: onnx.ModelProto, inputs: Mapping[str, Array], names: list[str]) -> dict[str, Array] | None:
    """What ONNX Runtime gives for some values of the main graph, None where it cannot run the model."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    known = {one.name for one in whole.graph.output}
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    try:
        return dict(zip(names, session_of(whole).run(names, dict(inputs)), strict=True))
    except Exception:  # of many kinds, for many reasons
        return None
