"""The arithmetic of the cell updater, and the cells of a phase as their equation sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sharp.checks import check_kind, check_name, refuse, within
from sharp.errors import SpecificationError
from sharp.plugins import broken
from sharp.values.activations import Activation
from sharp.values.formats import Format, Numerics
from sharp.workload.cell import Cell, CellOptions, Options, Phase
from sharp.workload.cells import find_cell
from sharp.workload.equation import Equation, Equations
from sharp.workload.network import RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """Activation unit and cell updater: what they compute with."""

    numerics: Numerics
    activation: Activation

    def vector(self, values: Doubles, to: Format | None = None) -> CellVector:
        """Values rounded to a format, that of the updater unless another is given."""
        return CellVector((to or self.numerics.elementwise).round(values), self)


class CellVector:
    """Values of some cells; every operation rounds its results to the updater's format.

    What goes through the activation unit comes out in the format of the state.
    """

    __slots__ = ("units", "values")

    def __init__(self, values: Doubles, units: Units) -> None:
        self.values, self.units = values, units

    def __add__(self, other: CellVector | float) -> CellVector:
        return self._with(other, lambda mine, theirs: mine + theirs)

    def __sub__(self, other: CellVector | float) -> CellVector:
        return self._with(other, lambda mine, theirs: mine - theirs)

    def __rsub__(self, other: float) -> CellVector:
        return self._with(other, lambda mine, theirs: theirs - mine)

    def __mul__(self, other: CellVector | float) -> CellVector:
        return self._with(other, lambda mine, theirs: mine * theirs)

    __radd__, __rmul__ = __add__, __mul__

    def _with(self, other: CellVector | float, operation: Callable[..., Doubles]) -> CellVector:
        return self.units.vector(operation(self.values, other.values if isinstance(other, CellVector) else other))

    def tanh(self) -> CellVector:
        """Through the activation unit."""
        return self.units.vector(self.units.activation.tanh(self.values), self.units.numerics.state)

    def sigmoid(self) -> CellVector:
        """Through the activation unit."""
        return self.units.vector(self.units.activation.sigmoid(self.values), self.units.numerics.state)

    def relu(self) -> CellVector:
        """Through the activation unit; exact in every one."""
        import numpy as np

        return self.units.vector(np.maximum(self.values, 0.0), self.units.numerics.state)


@dataclass(frozen=True)
class UnitCells:
    """Cells of a phase whose sums are done, as an equation is given them; arrays are (sequences, cells)."""

    phase: Phase
    units: Units
    sums: Mapping[tuple[str, str], Doubles]
    """By gate, and "" or, of the gate whose sums are two, "x" or the operand; biases added."""
    diagonals: Mapping[str, Doubles]
    state: Callable[[str], Doubles]
    """The cells' elements of a vector as it was last given."""

    def sum(self, gate: str, of: str = "") -> CellVector:
        """As `sharp.workload.equation.Cells` says."""
        check_name("gate", gate, self.phase.gates)
        if gate != self.phase.gate_apart:
            if of:
                raise refuse("of", f"none, as the sums of {gate} are one", of)
            return CellVector(self.sums[gate, ""], self.units)
        if of:
            return CellVector(self.sums[gate, check_name("of", of, self.phase.columns)], self.units)
        return self.sum(gate, "x") + self.sum(gate, self.phase.operand)

    def diagonal(self, gate: str) -> CellVector:
        """As `sharp.workload.equation.Cells` says."""
        if gate not in self.diagonals:
            raise refuse("diagonal", f"a gate of {self.phase.diagonal_gates or 'none'}", gate)
        return CellVector(self.diagonals[gate], self.units)

    def __getitem__(self, vector: str) -> CellVector:
        return CellVector(self.state(vector), self.units)


def equations_of(layer: RNNLayer) -> Equations:
    """What a layer's cells compute, an equation for each phase.

    Raises
    ------
    SpecificationError
        Where the cell does not say it.
    """
    cell = layer.cell if isinstance(layer.cell, Cell) else find_cell(layer.cell)
    return cell.computes(CellOptions.of(layer, Options(layer.options)), layer.phases)


def evaluate(name: str, equation: Equation | None, cells: UnitCells) -> dict[str, CellVector]:
    """What an equation of a cell gives; without one it is the value of the phase's one gate.

    Raises
    ------
    SpecificationError
        Where the equation fails, or does not give what its phase has to.
    """
    phase = cells.phase
    if equation is None:
        return {phase.gives: _value(phase, cells.sum(phase.gates))}
    with within(f"cell {name}: "):
        try:
            given = equation(cells)  # type: ignore[arg-type]
        except SpecificationError:
            raise
        except (Exception, SystemExit) as error:
            code = getattr(equation, "__code__", None)
            raise broken("equations", error, getattr(code, "co_filename", None)) from None
        if not isinstance(given, Mapping) or phase.gives not in given:
            raise refuse("equations", f"a mapping with what the phase gives, {phase.gives}", given)
        return {vector: check_kind(f"equations: {vector}", values, CellVector) for vector, values in given.items()}


def _value(phase: Phase, vector: CellVector) -> CellVector:
    """What the activation unit makes of the sum of a gate."""
    if not phase.activation_passes or phase.gates in phase.linear_gates:
        return vector
    return vector.tanh() if phase.gates in phase.tanh_gates else vector.sigmoid()
