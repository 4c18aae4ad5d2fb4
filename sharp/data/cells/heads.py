"""An LSTM whose recurrence is block-diagonal, in heads: `--cell heads.py:CELL --option heads=4`.

The cells fall into equal heads; the gates of a head see all of x_t, and of h_{t-1} that head's elements alone, so that
the recurrent matrix has a block for each head and is nothing elsewhere (the sLSTM of Beck et al. 2024, "xLSTM"; Poeppel
et al. 2024, "FlashRNN"). What is nothing is neither stored nor multiplied; the equations are those of the LSTM.
"""

from sharp import Cell, CellOptions, Elementwise, Phase
from sharp.workload.equation import Cells, Vector

GATES = "ifgo"


def phases(options: CellOptions) -> tuple[Phase, ...]:
    """One product: all gates over x_t and the part of h_{t-1} that belongs to the head."""
    return (Phase(gates=GATES, tanh_gates="g", parts=options.heads),)


def elementwise(options: CellOptions) -> Elementwise:
    """For each cell f * c, i * g and o * tanh(c); four biases and the sum of c."""
    return Elementwise(multiplications=3, additions=4 + 1, tanhs=1, state_updates=1)


def update(cells: Cells) -> dict[str, Vector]:
    """As an LSTM."""
    i, f, o = (cells.sum(gate).sigmoid() for gate in "ifo")
    c = f * cells["c"] + i * cells.sum("g").tanh()
    return {"c": c, "h": o * c.tanh()}


CELL = Cell(
    name="lstm-heads",
    gates=GATES,
    phases=phases,
    elementwise=elementwise,
    equations=lambda options: (update,),
    options={"heads": 1},
)
