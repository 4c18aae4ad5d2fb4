"""An LSTM whose input gate is what the forget gate leaves, ``i = 1 - f`` (CIFG): `--cell cifg.py:CELL`.

``f, o = sigmoid(W x_t + U h_{t-1} + b)``, ``g = tanh(...)``, ``c_t = f * c_{t-1} + (1 - f) * g``,
``h_t = o * tanh(c_t)``; three gates where the LSTM has four (Greff et al. 2017, "LSTM: A search space odyssey").
"""

from sharp import Cell, CellOptions, Elementwise, Phase
from sharp.workload.equation import Cells, Equations, Vector

GATES = "fgo"


def phases(options: CellOptions) -> tuple[Phase, ...]:
    """One product: all gates over x_t and h_{t-1}."""
    return (Phase(gates=GATES, tanh_gates="g"),)


def elementwise(options: CellOptions) -> Elementwise:
    """For each cell f * c, (1 - f) * g and o * tanh(c); three biases, 1 - f and the sum of c."""
    return Elementwise(multiplications=3, additions=3 + 1 + 1, tanhs=1, state_updates=1)


def update(cells: Cells) -> dict[str, Vector]:
    """The equations above, for cells whose sums are complete."""
    f, o, g = cells.sum("f").sigmoid(), cells.sum("o").sigmoid(), cells.sum("g").tanh()
    c = f * cells["c"] + (1 - f) * g
    return {"c": c, "h": o * c.tanh()}


def equations(options: CellOptions) -> Equations:
    """One for each phase; cycles and energy do without."""
    return (update,)


CELL = Cell(name="cifg", gates=GATES, phases=phases, elementwise=elementwise, equations=equations)
