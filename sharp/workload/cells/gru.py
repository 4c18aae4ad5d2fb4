"""Gated recurrent unit, in the two forms that ONNX tells apart by ``linear_before_reset``.

``r, z = sigmoid(W x_t + U h_{t-1} + b)``, ``h_t = (1 - z) * n + z * h_{t-1}``, and

- reset after the product (True; cuDNN's and PyTorch's): ``n = tanh(W_n x_t + r * (U_n h_{t-1}))``; W_n x_t and
  U_n h_{t-1} keep separate sums, and n follows r through the activation unit;
- reset before it (False): ``n = tanh(W_n x_t + U_n (r * h_{t-1}))``, a second product that waits for r.
"""

from __future__ import annotations

from collections.abc import Mapping

from sharp.workload.cell import Cell, CellOptions, Elementwise, Phase
from sharp.workload.equation import Cells, Equations, Vector

GATES = "rzn"


def _phases(options: CellOptions) -> tuple[Phase, ...]:
    if options.linear_before_reset:
        return (Phase(gates=GATES, separate_sums=True, activation_passes=2, tanh_gates="n"),)
    return Phase(gates="rz", update="multiply_ns", gives="s"), Phase(gates="n", operand="s", tanh_gates="n")


def _elementwise(options: CellOptions) -> Elementwise:
    if options.linear_before_reset:  # four biases, and W_n x_t is added after the reset
        return Elementwise(multiplications=3, additions=4 + 1 + 2, vector_reads=1)
    return Elementwise(multiplications=3, additions=3 + 2, vector_reads=2)


def _mix(z: Vector, n: Vector, h: Vector) -> Mapping[str, Vector]:
    return {"h": (1 - z) * n + z * h}


def _reset_after(cells: Cells) -> Mapping[str, Vector]:
    n = (cells.sum("n", "x") + cells.sum("r").sigmoid() * cells.sum("n", "h")).tanh()
    return _mix(cells.sum("z").sigmoid(), n, cells["h"])


def _reset_before(cells: Cells) -> Mapping[str, Vector]:
    return {"s": cells.sum("r").sigmoid() * cells["h"], "z": cells.sum("z").sigmoid()}


def _finish(cells: Cells) -> Mapping[str, Vector]:
    return _mix(cells["z"], cells.sum("n").tanh(), cells["h"])


def _equations(options: CellOptions) -> Equations:
    return (_reset_after,) if options.linear_before_reset else (_reset_before, _finish)


CELL = Cell(
    name="gru",
    gates=GATES,
    phases=_phases,
    elementwise=_elementwise,
    equations=_equations,
    fields=("linear_before_reset",),
)
