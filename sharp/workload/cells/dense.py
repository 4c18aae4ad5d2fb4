"""Dense layer, ``y_t = W x_t + b``: one product, no recurrence, no cells to update.

With ``options: {activation: tanh}`` (or sigmoid, relu) its values pass the activation unit; a linear one's do not.
"""

from __future__ import annotations

from collections.abc import Mapping

from sharp.checks import check_name
from sharp.workload.cell import Cell, CellOptions, Elementwise, Phase
from sharp.workload.equation import Cells, Equations, Vector

ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh")


def _phases(options: CellOptions) -> tuple[Phase, ...]:
    activation = check_name("activation", options.activation, ACTIVATIONS)
    passes = activation != "linear"
    return (
        Phase(
            gates="y",
            operand="",
            activation_passes=int(passes),
            update=None,
            tanh_gates="y" * (activation == "tanh"),
            linear_gates="y" * (activation == "relu"),
        ),
    )


def _elementwise(_options: CellOptions) -> Elementwise:
    return Elementwise(multiplications=0, additions=1)


def _rectify(cells: Cells) -> Mapping[str, Vector]:
    return {"h": cells.sum("y").relu()}


def _equations(options: CellOptions) -> Equations:
    return (_rectify if options.activation == "relu" else None,)


CELL = Cell(
    name="dense",
    gates="y",
    phases=_phases,
    elementwise=_elementwise,
    equations=_equations,
    options={"activation": "linear"},
)
