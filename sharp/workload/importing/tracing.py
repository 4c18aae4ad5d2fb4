"""Runs a graph without its data: nodes in order, shapes and known values only, loops by their first and last step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from sharp.errors import SpecificationError
from sharp.workload.importing import nodes, sequences
from sharp.workload.importing.folding import MICROSOFT, Folding
from sharp.workload.importing.graphs import constant_value, input_shape, live_nodes, weight_value
from sharp.workload.importing.trace import Loop, Op, Trace, Value

_MOST_TRIPS = 2**31
"""A loop that may run more often runs until its condition ends it."""
_COUNTERS = "biu"
"""Kinds of NumPy types that a loop may count with."""

Scope = dict[str, Value]


class Tracer:
    """Traces a model, once.

    Parameters
    ----------
    model : ModelProto
        Without functions of its own (they are put in their places before).
    sizes : mapping
        Sizes that the model leaves open, by name; elements of whole-number inputs of one element, by name.
    undecided : collection of str
        Names of If nodes whose condition depends on a size that is open, so that both branches may be taken.
    steps : int or None
        How often loops run that the file does not limit.
    """

    def __init__(
        self, model: ModelProto, sizes: Mapping[str, int], undecided: Iterable[str] = (), steps: int | None = None
    ) -> None:
        self._graph, self._sizes, self._undecided, self._steps = model.graph, sizes, set(undecided), steps
        self._folding = Folding(model)
        self._ops: list[Op] = []
        self._prefix, self._branch, self._loops = "", (), ()  # type: str, tuple[tuple[Op, str], ...], tuple[Loop, ...]
        self.conditions: dict[str, bool] = {}
        """What the conditions of If nodes were, by node."""
        self._warnings: list[str] = []

    def run(self) -> Trace:
        """Trace the graph.

        Raises
        ------
        SpecificationError
            With the node that is not understood.
        """
        scope: Scope = {}
        weights = {entry.name for entry in self._graph.initializer}
        inputs = [self._input(entry) for entry in self._graph.input if entry.name not in weights]
        scope.update({value.name: value for value in inputs})
        self._enter(self._graph, scope)
        outputs = tuple(self._found(scope, entry.name, "the graph") for entry in self._graph.output)
        return Trace(ops=tuple(self._ops), inputs=tuple(inputs), outputs=outputs, warnings=tuple(self._warnings))

    def _input(self, entry: ValueInfoProto) -> Value:
        value = Value(entry.name, input_shape(entry, self._sizes), entry.type.tensor_type.elem_type)
        given = self._sizes.get(entry.name)
        if given is not None and value.size == 1:
            value.const = np.full(value.shape or (), given, helper.tensor_dtype_to_np_dtype(value.dtype))
        return value

    def _enter(self, graph: GraphProto, scope: Scope) -> None:
        """Add the weights of a graph to a scope, and what its live nodes make."""
        for tensor in graph.initializer:
            scope[tensor.name] = weight_value(tensor, (self._prefix, tensor.name))
        for sparse in graph.sparse_initializer:
            name = sparse.values.name
            scope[name] = Value(name, tuple(sparse.dims), sparse.values.data_type, fixed=True, key=(self._prefix, name))
        for node in live_nodes(graph):
            self._node(node, scope)

    def _node(self, node: NodeProto, scope: Scope) -> None:
        name = self._prefix + (node.name or next(filter(None, node.output), node.op_type))
        op = Op(node, name, [self._found(scope, entry, name) if entry else None for entry in node.input])
        op.branch, op.loops = self._branch, self._loops
        if node.op_type == "Identity" and op.inputs[0] is not None:
            scope[node.output[0]] = op.inputs[0]
            return
        special: dict[str, Callable[[Op, Scope], list[Value]]] = {
            "If": self._if,
            "Loop": self._loop,
            "Scan": self._scan,
        }
        if node.op_type in special and not node.domain:
            op.outputs = special[node.op_type](op, scope)
        else:
            op.outputs = self._outputs(op)
        if op.kind != "If" or op.options:
            self._ops.append(op)
        scope.update(pair for pair in zip(node.output, op.outputs, strict=False) if pair[0])

    def _outputs(self, op: Op) -> list[Value]:
        if op.kind == "Constant":
            return [constant_value(op)]
        if op.kind in sequences.KINDS:
            return sequences.outputs(op, self._make)
        if op.kind in nodes.RECURRENT:
            return nodes.outputs(op, self._folding.version(op))
        if op.node.domain not in ("", "ai.onnx", MICROSOFT):
            raise op.refuse("an operator of ONNX or of onnxruntime", f"one of domain {op.node.domain!r}")
        return self._folding.outputs(op)

    def _found(self, scope: Scope, name: str, where: str) -> Value:
        if name not in scope:
            raise SpecificationError(f"{where}: expected what it reads to be made before, got no {name!r}")
        return scope[name]

    # If --------------------------------------------------------------------------------------------------------------

    def _if(self, op: Op, scope: Scope) -> list[Value]:
        condition = op.inputs[0]
        branches = ["then_branch", "else_branch"]
        if condition is not None and condition.const is not None and condition.const.size == 1:
            self.conditions[op.name] = taken = bool(condition.const.item())
            if op.name not in self._undecided:
                branches = branches[:1] if taken else branches[1:]
        results = [self._branch_outputs(op, name, scope) for name in branches]
        if len(results) == 1:
            return results[0]
        op.options = tuple(results)
        return [_joined(op, place, name) for place, name in enumerate(op.node.output)]

    def _branch_outputs(self, op: Op, branch: str, scope: Scope) -> list[Value]:
        kept = self._prefix, self._branch
        self._prefix, self._branch = f"{op.name}/{branch}/", (*op.branch, (op, branch))
        graph = op.attribute(branch)
        inner = dict(scope)
        self._enter(graph, inner)
        outputs = [self._found(inner, entry.name, op.name) for entry in graph.output]
        self._prefix, self._branch = kept
        return outputs

    # Loop and Scan ---------------------------------------------------------------------------------------------------

    def _loop(self, op: Op, scope: Scope) -> list[Value]:
        body: GraphProto = op.attribute("body")
        limit, condition = op.input(0), op.input(1)
        firsts = [_present(entry, op) for entry in op.inputs[2:]]
        loop = Loop(op)

        def step(starts: list[Value], at: int) -> list[Value]:
            counter = Value(body.input[0].name, (), TensorProto.INT64, const=np.array(at))
            going = condition or Value(body.input[1].name, (), TensorProto.BOOL, const=np.array(True))
            return self._body(op, loop, body, scope, [counter, going, *starts])

        known = limit is not None and limit.const is not None
        bound = int(limit.const.item()) if known else None  # type: ignore[union-attr]
        self._carry(op, loop, firsts, step, lambda: self._trips(op, step, loop, bound, limit is not None), conditions=1)
        return self._loop_outputs(op, loop, [(0, False)] * (len(body.output) - 1 - len(firsts)))

    def _scan(self, op: Op, scope: Scope) -> list[Value]:
        body: GraphProto = op.attribute("body")
        if self._folding.version(op) < 9:
            raise op.refuse("a Scan of opset 9 or later", "one of opset 8")
        count = int(op.attribute("num_scan_inputs"))
        firsts = [_present(entry, op) for entry in op.inputs[: len(op.inputs) - count]]
        scanned = [_present(entry, op) for entry in op.inputs[len(firsts) :]]
        axes = op.attribute("scan_input_axes", [0] * count)
        backwards = op.attribute("scan_input_directions", [0] * count)
        if any(value.shape is None for value in scanned):
            raise op.refuse("inputs of known shapes", "one whose shape depends on data")
        loop = Loop(op, (scanned[0].shape or ())[axes[0]])

        def step(starts: list[Value], at: int) -> list[Value]:
            slices = [
                self._slice(value, axis, loop.trips - 1 - at if back else at)
                for value, axis, back in zip(scanned, axes, backwards, strict=True)
            ]
            return self._body(op, loop, body, scope, [*starts, *slices])

        self._carry(op, loop, firsts, step, lambda: loop.trips, conditions=0)
        outer = len(body.output) - len(firsts)
        ways = zip(
            op.attribute("scan_output_axes", [0] * outer),
            op.attribute("scan_output_directions", [0] * outer),
            strict=True,
        )
        return self._loop_outputs(op, loop, [(axis, bool(back)) for axis, back in ways])

    def _carry(
        self,
        op: Op,
        loop: Loop,
        firsts: list[Value],
        step: Callable[[list[Value], int], list[Value]],
        trips: Callable[[], int],
        conditions: int,
    ) -> None:
        """Trace the first step with its counters known, and the last one with what they have become."""
        counters = {place for place, value in enumerate(firsts) if _counts(value)}
        while True:
            mark, kept = len(self._ops), len(self._warnings)
            starts = [_start(value, loop, place in counters) for place, value in enumerate(firsts)]
            results = step(starts, 0)
            ends = results[conditions : conditions + len(firsts)]
            wrong = {place for place in counters if ends[place].const is None}
            if not wrong:
                break
            counters -= wrong  # what looked like a counter depends on data
            del self._ops[mark:], self._warnings[kept:]
        loop.states = list(zip(firsts, starts, ends, strict=True))
        loop.stacked = [(value, value, 0, False) for value in results[conditions + len(firsts) :]]
        first = self._ops[mark:]
        loop.trips = trips()
        if loop.trips < 1:
            raise op.refuse("at least one step", f"{loop.trips}")
        del self._ops[mark:]
        self._last_step(loop, first, starts, ends, step)
        del self._ops[mark:]
        self._ops += first

    def _last_step(
        self,
        loop: Loop,
        first: list[Op],
        starts: list[Value],
        ends: list[Value],
        step: Callable[[list[Value], int], list[Value]],
    ) -> None:
        mark = len(self._ops)
        advanced = [_advanced(start, end, loop.trips - 1) for start, end in zip(starts, ends, strict=True)]
        step(advanced, loop.trips - 1)
        last = self._ops[mark:]
        if [op.kind for op in last] == [op.kind for op in first]:
            for mine, other in zip(first, last, strict=True):
                loop.last.update(zip(mine.outputs, other.outputs, strict=True))
                loop.last.update({a: b for a, b in zip(mine.inputs, other.inputs, strict=True) if a and b})

    def _trips(
        self, op: Op, step: Callable[[list[Value], int], list[Value]], loop: Loop, bound: int | None, limited: bool
    ) -> int:
        """How often a Loop runs: as its limit says, or until its condition, which may count, ends it."""
        starts, ends = [start for _, start, _ in loop.states], [end for _, _, end in loop.states]

        def goes_on(after: int) -> bool | None:
            result = step([_advanced(start, end, after) for start, end in zip(starts, ends, strict=True)], after)[0]
            return None if result.const is None else bool(result.const.item())

        if bound is not None and bound < _MOST_TRIPS:
            if goes_on(bound - 1) is None:
                self._warnings.append(
                    f"node {op.name!r}: its condition may end it early; counted are all {bound} steps"
                )
                return bound
            if goes_on(max(bound - 2, 0)):
                return bound
        elif goes_on(0) is None or goes_on(_MOST_TRIPS):
            if self._steps is None:
                raise op.refuse("--steps with it, as the file does not say how often it runs", "none")
            return self._steps
        return _first_false(lambda after: bool(goes_on(after))) + 1

    def _body(self, op: Op, loop: Loop, body: GraphProto, scope: Scope, inputs: list[Value]) -> list[Value]:
        kept = self._prefix, self._loops
        self._prefix, self._loops = f"{op.name}/", (*op.loops, loop)
        inner = dict(scope)
        inner.update({entry.name: value for entry, value in zip(body.input, inputs, strict=True)})
        self._enter(body, inner)
        outputs = [self._found(inner, entry.name, op.name) for entry in body.output]
        self._prefix, self._loops = kept
        return outputs

    def _slice(self, value: Value, axis: int, at: int) -> Value:
        index = Value("", (), TensorProto.INT64, const=np.array(at))
        node = helper.make_node("Gather", [value.name, "i"], [f"{value.name}[{at}]"], axis=axis)
        return self._make(node, [value, index])

    def _make(self, node: NodeProto, inputs: list[Value | None]) -> Value:
        """Run a node that the file does not have."""
        op = Op(node, f"{self._prefix}{node.output[0]}", inputs, branch=self._branch, loops=self._loops)
        op.outputs = self._folding.outputs(op)
        self._ops.append(op)
        return op.outputs[0]

    def _loop_outputs(self, op: Op, loop: Loop, ways: list[tuple[int, bool]]) -> list[Value]:
        op.body, names = loop, list(op.node.output)
        names += [""] * (len(loop.states) + len(ways) - len(names))
        finals = [
            Value(name, end.shape, end.dtype, op, place)
            for place, (name, (_, _, end)) in enumerate(zip(names, loop.states, strict=False))
        ]
        stacks: list[tuple[Value, Value, int, bool]] = []
        for (axis, back), (step, _, _, _), name in zip(ways, loop.stacked, names[len(finals) :], strict=True):
            shape = None if step.shape is None else _inserted(step.shape, axis, loop.trips)
            stack = Value(name, shape, step.dtype, op, len(finals) + len(stacks))
            stacks.append((step, stack, axis, back))
        loop.stacked = stacks
        for place, final in enumerate(finals):
            sequences.stacked(loop, place, final)
        return [*finals, *(stack for _, stack, _, _ in stacks[: len(ways)])]


def _present(value: Value | None, op: Op) -> Value:
    if value is None:
        raise op.refuse("all that it carries", "an input that is left out")
    return value


def _counts(value: Value) -> bool:
    return value.const is not None and value.const.size == 1 and value.const.dtype.kind in _COUNTERS


def _start(first: Value, loop: Loop, counter: bool) -> Value:
    """What a step begins with: a counter as it is, else something that is not known."""
    return Value(first.name, first.shape, first.dtype, const=first.const if counter else None, carried=loop)


def _advanced(start: Value, end: Value, steps: int) -> Value:
    """What a later step begins with: a counter has moved on each time as it did in the first step."""
    if start.const is None or end.const is None or start.const.dtype.kind == "b":
        return start
    const = start.const + steps * (end.const - start.const)
    return Value(start.name, start.shape, start.dtype, const=const, carried=start.carried)


def _first_false(holds: Callable[[int], bool]) -> int:
    """The least whole number for which something that holds up to some number does not."""
    low, high = -1, 1
    while holds(high):
        low, high = high, 2 * high
        if high > 2 * _MOST_TRIPS:
            return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high


def _inserted(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    place = axis if axis >= 0 else len(shape) + 1 + axis
    return (*shape[:place], size, *shape[place:])


def _joined(op: Op, place: int, name: str) -> Value:
    shapes = {branch[place].shape for branch in op.options}
    dtype = op.options[0][place].dtype
    return Value(name, shapes.pop() if len(shapes) == 1 else None, dtype, op, place)
