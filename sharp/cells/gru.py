"""Gated recurrent unit, in the two forms that ONNX tells apart by ``linear_before_reset``.

``r, z = sigmoid(W x_t + U h_{t-1} + b)``, ``h_t = (1 - z) * n + z * h_{t-1}``, and

- reset after the product (True; cuDNN's and PyTorch's): ``n = tanh(W_n x_t + r * (U_n h_{t-1}))``; W_n x_t and
  U_n h_{t-1} keep separate sums, and n follows r through the activation unit;
- reset before it (False): ``n = tanh(W_n x_t + U_n (r * h_{t-1}))``, a second product that waits for r.
"""

from __future__ import annotations

from sharp.cells.cell import Cell, CellOptions, Phase

GATES = "rzn"


def _phases(options: CellOptions) -> tuple[Phase, ...]:
    if options.linear_before_reset:
        return (Phase(gates=GATES, separate_sums=True, activation_passes=2),)
    return Phase(gates="rz", update="multiply_ns", gives="s"), Phase(gates="n", operand="s")


def _elementwise(options: CellOptions) -> int:
    biases, reset, update = (4, 2, 4) if options.linear_before_reset else (3, 1, 4)
    return biases + reset + update


CELL = Cell(name="gru", gates=GATES, phases=_phases, elementwise=_elementwise, options=("linear_before_reset",))
