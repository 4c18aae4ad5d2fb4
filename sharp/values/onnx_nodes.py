"""Recurrent and dense nodes of ONNX as layers with weights, and their outputs from what the machine computes.

Knows what the operators LSTM, GRU, RNN, MatMul and Gemm mean (onnx.ai, operators), not the package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sharp.values.execute import LayerValues
from sharp.values.weights import DirectionWeights
from sharp.workload.cell import Cell, Elementwise, Phase
from sharp.workload.network import RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Doubles = NDArray[np.float64]

GATES = {"LSTM": "iofg", "GRU": "zrn", "RNN": "h"}
"""The operators' gates in the order of their rows, by our letters."""
PEEPHOLES = "iof"
_USUAL = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}

RELU = Cell(
    name="rnn-relu",
    gates="h",
    phases=lambda _: (Phase(gates="h", linear_gates="h"),),
    elementwise=lambda _: Elementwise(multiplications=0, additions=1),
    equations=lambda _: (lambda cells: {"h": cells.sum("h").relu()},),
)
"""An RNN whose h is what is positive of its sums."""

Run = Callable[..., LayerValues]
"""Runs a layer: ``run(layer, weights, x, lengths=..., initial=...)``, as `sharp.execute_layer` with its machine."""


@dataclass(frozen=True, kw_only=True)
class RecurrentNode:
    """An LSTM, GRU or RNN node: its attributes, and its inputs by name (X, W, R, B, sequence_lens, ...)."""

    operator: str
    attributes: Mapping[str, Any]
    inputs: Mapping[str, Array]

    @property
    def why_not(self) -> str:
        """Why the machine's units cannot run it, "" where they can."""
        activations = [_text(name).lower() for name in self.attributes.get("activations") or []]
        directions = 2 if self._direction == "bidirectional" else 1
        if activations and activations != _USUAL[self.operator] * directions and not self._rectifies:
            return f"activations {', '.join(activations)}"
        if self.attributes.get("clip"):
            return "clip"
        if self.attributes.get("input_forget"):
            return "input_forget"
        lengths = self.inputs.get("sequence_lens")
        return "a sequence of no steps" if lengths is not None and lengths.size and lengths.min() < 1 else ""

    @property
    def _rectifies(self) -> bool:
        names = {_text(name).lower() for name in self.attributes.get("activations") or []}
        return self.operator == "RNN" and names == {"relu"}

    @property
    def _direction(self) -> str:
        return _text(self.attributes.get("direction") or "forward")

    @property
    def layer(self) -> RNNLayer:
        """The layer that it is."""
        return RNNLayer(
            cell=RELU if self._rectifies else self.operator.lower(),
            input_size=int(self.inputs["W"].shape[2]),
            hidden_size=int(self.inputs["R"].shape[2]),
            bidirectional=self._direction == "bidirectional",
            peephole=self.operator == "LSTM" and "P" in self.inputs,
            linear_before_reset=self.operator != "GRU" or bool(self.attributes.get("linear_before_reset", 0)),
        )

    @property
    def weights(self) -> tuple[DirectionWeights, ...]:
        """Its weights, gate by gate."""
        return tuple(self._weights(direction) for direction in range(self.inputs["W"].shape[0]))

    def _weights(self, direction: int) -> DirectionWeights:
        gates, size = GATES[self.operator], self.inputs["R"].shape[2]

        def split(array: Array, letters: str) -> dict[str, Array]:
            return {gate: array[place * size : (place + 1) * size] for place, gate in enumerate(letters)}

        bias: dict[str, Array] = {}
        operand_bias: dict[str, Array] = {}
        if "B" in self.inputs:
            half = len(gates) * size
            both = self.inputs["B"][direction].astype(float)
            bias, over_h = split(both[:half], gates), split(both[half:], gates)
            apart = self.layer.phases[0].gate_apart
            operand_bias = {gate: over_h[gate] for gate in apart}
            bias = {gate: bias[gate] if gate in apart else bias[gate] + over_h[gate] for gate in gates}
        return DirectionWeights(
            x=split(self.inputs["W"][direction], gates),
            operand=split(self.inputs["R"][direction], gates),
            bias=bias,
            operand_bias=operand_bias,
            diagonal=split(self.inputs["P"][direction], PEEPHOLES) if "P" in self.inputs else {},
        )

    def run(self, run: Run) -> tuple[Array, ...]:
        """Y, Y_h and, of an LSTM, Y_c, in the shapes and the type that the operator has."""
        import numpy as np

        x = self.inputs["X"]
        batch_first = bool(self.attributes.get("layout", 0))
        steps = (x.swapaxes(0, 1) if batch_first else x).astype(np.float64)
        lengths = self.inputs.get("sequence_lens")
        if lengths is None or not lengths.size:
            lengths = np.full(steps.shape[1], steps.shape[0])
        reverse = self._direction == "reverse"
        if reverse:
            steps = _reversed(steps, lengths)
        initial = {}
        for name, vector in (("initial_h", "h"), ("initial_c", "c")):
            if name in self.inputs:
                given = self.inputs[name]
                initial[vector] = given.swapaxes(0, 1) if batch_first else given
        values = run(self.layer, self.weights, steps, lengths=lengths.tolist(), initial=initial)
        h = np.stack([_reversed(one, lengths) if reverse else one for one in values.trace["h"]], axis=1)
        last = [values.final[name] for name in (("h", "c") if self.operator == "LSTM" else ("h",))]
        outputs = [h, *last]
        if batch_first:
            outputs = [h.transpose(2, 0, 1, 3), *(one.swapaxes(0, 1) for one in last)]
        return tuple(one.astype(x.dtype) for one in outputs)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _reversed(steps: Array, lengths: Array) -> Array:
    """Each sequence backwards, as far as it goes; (steps, sequences, elements)."""
    import numpy as np

    places = np.arange(len(steps))[:, None]
    return np.take_along_axis(steps, np.where(places < lengths, lengths - 1 - places, places)[..., None], axis=0)


def run_dense(x: Array, weights: Array, bias: Array | None, run: Run) -> Array:
    """``x @ weights + bias`` on the machine; x (..., inputs), weights (inputs, outputs), in x's type.

    The rows of x are the steps of a layer without a recurrence.
    """
    import numpy as np

    layer = RNNLayer(cell="dense", input_size=weights.shape[0], hidden_size=weights.shape[1])
    of = DirectionWeights(
        x={"y": weights.T}, bias={} if bias is None else {"y": np.broadcast_to(bias, layer.output_size)}
    )
    steps = x.reshape(-1, 1, x.shape[-1])
    if not len(steps):
        return np.zeros((*x.shape[:-1], weights.shape[1]), dtype=x.dtype)
    output = run(layer, (of,), steps).output
    return output.reshape(*x.shape[:-1], weights.shape[1]).astype(x.dtype)


DENSE = ("MatMul", "Gemm")
"""Operators that multiply by one matrix."""


def dense_inputs(
    operator: str, attributes: Mapping[str, Any], inputs: Sequence[Array | None]
) -> tuple[Array, Array, Array | None] | None:
    """Input, matrix and bias of a product as `run_dense` takes them; None where it is another one."""
    import numpy as np

    x, weights, *rest = inputs
    bias = rest[0] if rest else None
    if x is None or weights is None or weights.ndim != 2 or not x.ndim or x.dtype.kind != "f":
        return None
    if operator == "MatMul":
        return x, weights, None
    if attributes.get("alpha", 1.0) != 1 or attributes.get("beta", 1.0) != 1 or attributes.get("transA"):
        return None
    weights = weights.T if attributes.get("transB") else weights
    fits = bias is None or bias.shape in ((), (1,), weights.shape[1:], (1, weights.shape[1]))
    return (x, weights, None if bias is None else np.ravel(bias)) if fits else None


INPUTS: Mapping[str, Sequence[str]] = {
    "LSTM": ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"),
    "GRU": ("X", "W", "R", "B", "sequence_lens", "initial_h"),
    "RNN": ("X", "W", "R", "B", "sequence_lens", "initial_h"),
}
"""The inputs of the operators, in their order."""


def recurrent_node(operator: str, attributes: Mapping[str, Any], inputs: Sequence[Array | None]) -> RecurrentNode:
    """A node of its inputs in their order, None or nothing where one is left out."""
    named = {name: value for name, value in zip(INPUTS[operator], inputs, strict=False) if value is not None}
    return RecurrentNode(operator=operator, attributes=attributes, inputs=named)
