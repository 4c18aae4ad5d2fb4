"""A GRU that no matrix makes wait (Feng et al. 2024, "Were RNNs all we needed?"): `--cell mingru.py:CELL`.

``z = sigmoid(W_z x_t + b_z)``, ``n = W_n x_t + b_n``, ``h_t = (1 - z) * h_{t-1} + z * n``: h is multiplied element by
element, in the cell updater, which waits for its own h alone; no product waits for the step before.
"""

from sharp import Cell, CellOptions, Elementwise, Phase
from sharp.workload.equation import Cells, Vector

GATES = "zn"


def phases(options: CellOptions) -> tuple[Phase, ...]:
    """One product, over x_t alone; n goes on as it is."""
    return (Phase(gates=GATES, operand="", linear_gates="n"),)


def elementwise(options: CellOptions) -> Elementwise:
    """For each cell (1 - z) * h, which reads h, and z * n; two biases, 1 - z and the sum of h."""
    return Elementwise(multiplications=2, additions=2 + 1 + 1, vector_reads=1)


def update(cells: Cells) -> dict[str, Vector]:
    """The sum over x_t is n itself."""
    z = cells.sum("z").sigmoid()
    return {"h": (1 - z) * cells["h"] + z * cells.sum("n")}


CELL = Cell(name="mingru", gates=GATES, phases=phases, elementwise=elementwise, equations=lambda options: (update,))
