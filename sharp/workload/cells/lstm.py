"""Long short-term memory, with peephole and projection (Sak et al. 2014) as options.

``i, f, o = sigmoid(W x_t + U h_{t-1} + b)``, ``g = tanh(...)``, ``c_t = f * c_{t-1} + i * g``,
``m_t = o * tanh(c_t)``; ``h_t = m_t``, or ``h_t = P m_t`` with a projection.
"""

from __future__ import annotations

from sharp.workload.cell import Cell, CellOptions, Elementwise, Phase

GATES = "ifgo"
PROJECTION = Phase(
    gates="p",
    size="projection_size",
    reads_x=False,
    operand="m",
    operand_size="hidden_size",
    activation_passes=0,
    update=None,
)


def _phases(options: CellOptions) -> tuple[Phase, ...]:
    if not options.projected:
        return (Phase(gates=GATES, tanh_gates="g"),)
    return Phase(gates=GATES, tanh_gates="g", gives="m"), PROJECTION


def _elementwise(options: CellOptions) -> Elementwise:
    biases, peephole = 4, 3 if options.peephole else 0
    return Elementwise(multiplications=3 + peephole, additions=biases + 1 + peephole, tanhs=1, state_updates=1)


CELL = Cell(name="lstm", gates=GATES, phases=_phases, elementwise=_elementwise, fields=("peephole", "projection_size"))
