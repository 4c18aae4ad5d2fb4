"""Long short-term memory, with peephole and projection (Sak et al. 2014) as options.

``i, f, o = sigmoid(W x_t + U h_{t-1} + b)``, ``g = tanh(...)``, ``c_t = f * c_{t-1} + i * g``,
``m_t = o * tanh(c_t)``; ``h_t = m_t``, or ``h_t = P m_t`` with a projection.
"""

from __future__ import annotations

from collections.abc import Mapping

from sharp.workload.cell import Cell, CellOptions, Elementwise, Phase
from sharp.workload.equation import Cells, Equations, Vector

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
    peepholes = "ifo" if options.peephole else ""
    if not options.projected:
        return (Phase(gates=GATES, tanh_gates="g", diagonal_gates=peepholes),)
    return Phase(gates=GATES, tanh_gates="g", diagonal_gates=peepholes, gives="m"), PROJECTION


def _elementwise(options: CellOptions) -> Elementwise:
    biases, peephole = 4, 3 if options.peephole else 0
    return Elementwise(multiplications=3 + peephole, additions=biases + 1 + peephole, tanhs=1, state_updates=1)


def _equations(options: CellOptions) -> Equations:
    def gate(cells: Cells, name: str, c: Vector) -> Vector:
        seen = cells.sum(name) + cells.diagonal(name) * c if options.peephole else cells.sum(name)
        return seen.sigmoid()

    def update(cells: Cells) -> Mapping[str, Vector]:
        before = cells["c"]
        c = gate(cells, "f", before) * before + gate(cells, "i", before) * cells.sum("g").tanh()
        return {"c": c, "m" if options.projected else "h": gate(cells, "o", c) * c.tanh()}

    return (update, None) if options.projected else (update,)


CELL = Cell(
    name="lstm",
    gates=GATES,
    phases=_phases,
    elementwise=_elementwise,
    equations=_equations,
    fields=("peephole", "projection_size"),
)
