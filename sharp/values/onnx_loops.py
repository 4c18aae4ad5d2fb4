"""Loop and Scan for ONNX's reference evaluator, as the operators are specified.

The evaluator's own ones (onnx 1.23) put the scanned values of a Loop behind each other in place of stacking them, and
know no direction or axis of a Scan but the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx.reference.op_run import OpRun

Array = NDArray[Any]


class _WithBody(OpRun):
    """An operator whose body sees the values around it."""

    op_domain = ""
    body: Any
    _run_body: Callable[..., Any]

    def need_context(self) -> bool:
        """The body may read what the graph around has."""
        return True

    def body_outputs(self, given: dict[str, Array], how: dict[str, Any]) -> list[Array]:
        """What the body gives, once."""
        context = how.get("context") or {}
        return list(self._run_body({**context, **given}, bindings=how.get("bindings")))


def _stack(values: list[Array], axis: int = 0) -> Array:
    return np.stack(values, axis=axis) if values else np.zeros((0,), dtype=np.float32)


class Loop(_WithBody):
    """Runs its body a number of times, or while a condition holds."""

    def _run(self, limit: Array | None, condition: Array | None, *carried: Array, **how: Any) -> tuple[Array, ...]:
        names, state = self.body.input_names, list(carried)
        scanned: list[list[Array]] = [[] for _ in self.body.output_names[1 + len(state) :]]
        turn, goes = 0, condition is None or bool(np.all(condition))
        while goes and (limit is None or turn < int(np.ravel(limit)[0])):
            given = {names[0]: np.array(turn, dtype=np.int64), names[1]: np.array(True)}
            outputs = self.body_outputs({**given, **dict(zip(names[2:], state, strict=True))}, how)
            goes, turn = bool(np.all(outputs[0])), turn + 1
            state, rest = outputs[1 : 1 + len(state)], outputs[1 + len(state) :]
            for values, value in zip(scanned, rest, strict=True):
                values.append(value)
        return (*state, *map(_stack, scanned))


class Scan(_WithBody):
    """Runs its body over slices of its inputs, in either direction along any axis."""

    num_scan_inputs: int

    def _run(self, *inputs: Array, **how: Any) -> tuple[Array, ...]:
        names, count = self.body.input_names, self.num_scan_inputs
        state, read = list(inputs[:-count]), list(inputs[-count:])
        axes, directions = (_each(getattr(self, f"scan_input_{kind}", None), count) for kind in ("axes", "directions"))
        turned = [
            np.moveaxis(np.flip(x, axis) if backwards else x, axis, 0)
            for x, axis, backwards in zip(read, axes, directions, strict=True)
        ]
        scanned: list[list[Array]] = [[] for _ in self.body.output_names[len(state) :]]
        for place in range(len(turned[0])):
            slices = [values[place] for values in turned]
            outputs = self.body_outputs(dict(zip(names, [*state, *slices], strict=True)), how)
            state, rest = outputs[: len(state)], outputs[len(state) :]
            for values, value in zip(scanned, rest, strict=True):
                values.append(value)
        written = len(scanned)
        axes, directions = (
            _each(getattr(self, f"scan_output_{kind}", None), written) for kind in ("axes", "directions")
        )
        ordered = [values[::-1] if backwards else values for values, backwards in zip(scanned, directions, strict=True)]
        return (*state, *(_stack(values, axis) for values, axis in zip(ordered, axes, strict=True)))


def _each(given: list[int] | None, count: int) -> list[int]:
    """An attribute with a value for each input or output, 0 where it is left out."""
    return [*(given or []), *[0] * count][:count]
