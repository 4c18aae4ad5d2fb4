"""One direction of a layer, step after step: what its memories hold, and what every round changes in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sharp.checks import check_name
from sharp.values.delta import Differences, Encoder
from sharp.values.matrices import Matrix, codes
from sharp.values.program import Product, Stretch, Update
from sharp.values.vectors import UnitCells, Units, evaluate
from sharp.values.weights import DirectionWeights
from sharp.workload.cell import Phase
from sharp.workload.equation import Equations
from sharp.workload.network import RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ChainSetup:
    """What a direction of a layer is run with; nothing of it changes."""

    layer: RNNLayer
    equations: Equations
    program: tuple[Stretch, ...]
    matrices: tuple[Matrix, ...]
    weights: DirectionWeights
    """Biases and diagonals of it, rounded to the updater's format."""
    units: Units
    scales: Mapping[str, float]
    """Of the vectors that the array multiplies; 1 of floats."""
    delta_threshold: float | None = None
    """Where only what changed by more is multiplied."""

    def encoder(self, name: str) -> Encoder | None:
        """Of a vector, or of "x"; None where all of it is multiplied."""
        if self.delta_threshold is None:
            return None
        return Encoder(threshold=self.delta_threshold, scale=self.scales[name], operands=self.units.numerics.operands)

    @cached_property
    def vectors(self) -> dict[str, int]:
        """The vectors that the array may multiply, and their elements."""
        return {phase.gives: self.layer.size(phase.size) for phase in self.layer.phases}


class Chain:
    """The memories of a direction: vectors, sums, states.

    A vector and a sum have a place for even and one for odd steps, so that those of a step are there while the next
    one is under way; what is read before it is written is what the place held before. A state that no matrix multiplies
    (c) has one place for each cell.
    """

    def __init__(self, setup: ChainSetup, x: Doubles, running: Sequence[int], initial: Mapping[str, Doubles]) -> None:
        import numpy as np

        self.setup, self.running, self.initial = setup, running, initial
        steps, sequences = x.shape[:2]
        self.x = codes(x, setup.scales["x"], setup.units.numerics.operands)
        sizes = {"x": x.shape[2], **setup.vectors}
        self.vectors = {name: np.zeros((2, sequences, size)) for name, size in sizes.items()}
        self.differences: dict[str, Differences] = {}
        for name, size in sizes.items():
            if encoder := setup.encoder(name):
                self.differences[name] = Differences(encoder, steps, sequences, size)
        self.sums = [[matrix.new_sums(sequences) for _ in "01"] for matrix in setup.matrices]
        self.apart = [[matrix.new_sums(sequences) for _ in "01"] for matrix in setup.matrices]
        self.states: dict[str, Doubles] = {}
        self.given: set[str] = set()
        self.trace = {name: np.zeros((steps, sequences, size)) for name, size in setup.vectors.items()}
        for name, values in initial.items():
            self._keep(name, 0, slice(None), values)

    def run(self) -> None:
        """All steps: round t works for step t, and for t + 1 where segments run ahead; steps count from 1."""
        for place in range(len(self.x) + 1):
            if count := self._sequences(place + 1):
                self._hold("x", place + 1, slice(None), self.x[place, :count])
            for stretch in self.setup.program:
                for product, rows in stretch.products:
                    self._multiply(place, product, rows)
                for update in stretch.updates:
                    self._update(place, update)
        for name in self.initial:
            check_name("initial", name, sorted(self.given))

    def _sequences(self, step: int) -> int:
        """Sequences that run in a step, the longest ones: the first so many."""
        return self.running[step - 1] if 0 < step <= len(self.x) else 0

    def _multiply(self, place: int, product: Product, rows: NDArray[np.int64]) -> None:
        step = place + product.ahead
        count = self._sequences(step)
        if not count:
            return
        matrix = self.setup.matrices[product.phase]
        sums = (self.apart if product.apart else self.sums)[product.phase]
        into = sums[step % 2][:count]
        if not self.differences:
            matrix.multiply(self._columns(self.vectors, product, step, count), product, rows, into)
            return
        if product.starts:  # they go on from those of the step before
            for first, last in rows:
                into[:, first:last] = sums[(step - 1) % 2][:count, first:last]
        values = {name: differences.values for name, differences in self.differences.items()}
        changed = {name: differences.changed for name, differences in self.differences.items()}
        columns, chosen = (self._columns(of, product, step, count) for of in (values, changed))
        matrix.multiply_some(columns, chosen, product, rows, into)

    def _columns(self, of: Mapping[str, NDArray[Any]], product: Product, step: int, count: int) -> NDArray[Any]:
        """What there is for each column of a product's matrix, of the first sequences, in a step."""
        import numpy as np

        phase = self.setup.layer.phases[product.phase]
        columns = [of["x"][step % 2, :count]] if phase.reads_x else []
        if phase.operand:
            elements = self.setup.layer.num_operands(phase)
            part = slice(product.part * elements, (product.part + 1) * elements)
            columns.append(of[phase.operand][(step - (phase.operand == "h")) % 2, :count, part])
        return np.concatenate(columns, axis=1)

    @property
    def changed(self) -> dict[str, NDArray[np.bool_]]:
        """Which elements of x and of each vector were multiplied in each step: (steps, sequences, elements)."""
        import numpy as np

        runs = np.arange(self.x.shape[1]) < np.array(self.running)[:, None]
        return {
            name: (of.trace[:-1] if name == "h" else of.trace[1:]) & runs[..., None]
            for name, of in self.differences.items()
        }

    def _update(self, place: int, update: Update) -> None:
        step = place + update.ahead
        count = self._sequences(step)
        if not count:
            return
        phase, cells = self.setup.layer.phases[update.phase], slice(update.first, update.last)

        def state(name: str) -> Doubles:
            if name in self.setup.vectors:
                return self._decoded(name, self.vectors[name][(step - (name == "h")) % 2, :count, cells])
            return self._state(name, update.phase)[:count, cells]

        seen = UnitCells(
            phase=phase,
            units=self.setup.units,
            sums=dict(self._sums(phase, update, step, count)),
            diagonals={gate: self.setup.weights.diagonal[gate][cells] for gate in phase.diagonal_gates},
            state=state,
        )
        name = self.setup.layer.cell_name
        for vector, given in evaluate(name, self.setup.equations[update.phase], seen).items():
            self.given.add(vector)
            if vector not in self.setup.vectors:
                self._state(vector, update.phase)
            self._keep(vector, step, cells, given.values)

    def _sums(self, phase: Phase, update: Update, step: int, count: int) -> Iterator[tuple[tuple[str, str], Doubles]]:
        """The sums of the cells that update, of each gate, with their bias."""
        for gate in phase.gates:
            if gate != phase.gate_apart:
                yield (gate, ""), self._sum(self.sums, gate, self.setup.weights.bias, update, step, count)
            else:
                yield (gate, "x"), self._sum(self.sums, gate, self.setup.weights.bias, update, step, count)
                bias = self.setup.weights.operand_bias
                yield (gate, phase.operand), self._sum(self.apart, gate, bias, update, step, count)

    def _sum(
        self,
        of: list[list[NDArray[Any]]],
        gate: str,
        bias: Mapping[str, Doubles],
        update: Update,
        step: int,
        count: int,
    ) -> Doubles:
        import numpy as np

        phase, to = self.setup.layer.phases[update.phase], self.setup.units.numerics.elementwise
        first = phase.gates.index(gate) * self.setup.layer.size(phase.size)
        rows = slice(first + update.first, first + update.last)
        sums: Doubles = of[update.phase][step % 2][:count, rows].astype(np.float64)
        if self.setup.matrices[update.phase].sums.is_integer:
            sums = to.round(sums * self.setup.matrices[update.phase].scales[rows])
        return to.round(sums + bias[gate][update.first : update.last])

    def _state(self, name: str, phase: int) -> Doubles:
        """The place of a state, zero at first, with an element for each cell of a phase."""
        import numpy as np

        if name not in self.states:
            size = self.setup.layer.size(self.setup.layer.phases[phase].size)
            self.states[name] = np.zeros((self.x.shape[1], size))
            self.trace[name] = np.zeros((*self.x.shape[:2], size))
        return self.states[name]

    def _decoded(self, name: str, held: Doubles) -> Doubles:
        """Elements of a vector as the updater reads them: of integers their values."""
        numerics = self.setup.units.numerics
        return numerics.elementwise.round(held * self.setup.scales[name]) if numerics.operands.is_integer else held

    def _keep(self, name: str, step: int, cells: slice, values: Doubles) -> None:
        """Write what cells give into its memory, in the memory's format; step 0 is what there is at the start."""
        count = len(values)
        if name in self.setup.vectors:
            held = codes(values, self.setup.scales[name], self.setup.units.numerics.operands)
            self._hold(name, step, cells, held)
            held = self._decoded(name, held)
        else:
            held = self.setup.units.numerics.state.round(values)
            self._state(name, 0)[:count, cells] = held
        if step:
            self.trace[name][step - 1, :count, cells] = held

    def _hold(self, name: str, step: int, cells: slice, held: Doubles) -> None:
        """Elements of a vector as they are for a step."""
        self.vectors[name][step % 2, : len(held), cells] = held
        if self.differences:
            self.differences[name].take(step, cells, held)
