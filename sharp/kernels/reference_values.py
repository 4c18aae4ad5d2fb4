"""The executable specification of values: what a layer on the array computes, in NumPy, segment by segment.

It shares no code with `sharp.values` and its core, and is meant to be read from top to bottom:

1. A value has a format. An operation gives the number of its format that is nearest to the exact result, ties to even.
2. A row of a segment meets its columns tile by tile, N' at a time. The products of a tile are added in pairs of
   neighbours, these sums in pairs again, up to one; one without a neighbour goes up as it is. Where columns are short
   of a tile, zeros are multiplied. The tile's sum is added to that of the tiles before it.
3. A row's sum starts with its first column; a segment with later columns goes on with it. Where the sums over x and
   over the vector stay apart, no tile holds columns of both, and those of one gate, the last, are two sums.
4. Vectors and sums are kept for even and for odd steps, so that a step's are there while the next is under way. States
   have one place. All is zero at first, or as the run starts.
5. A segment works for its round's step, or one ahead. It reads h of the step before, other vectors of the step itself.
6. When cells update, biases are added to their sums, and the cell's equations are evaluated in the updater's format;
   values of the activation unit, and states, are in that of the state, vectors in that of the operands.
7. Integers stand for multiples of a scale. A weight is multiplied by the scale of the vector that it meets, and a row's
   greatest such weight, or the whole matrix's, is the greatest integer. Sums are exact, and become values again.
8. With a threshold an element is multiplied only where it differs by more, in values, from its reference, that of the
   step before, at first zero. What is multiplied is the difference, as a number of the operands' format, and the
   reference moves by it. A segment's columns that changed stand side by side, and a row's sum starts with that of the
   step before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Round = Callable[[Any], Doubles]


@cache
def all_numbers(exponent_bits: int, fraction_bits: int, infinity: bool) -> Doubles:
    """Every number of a format from zero up, then the one that would follow."""
    bias, count = 2 ** (exponent_bits - 1) - 1, 2**fraction_bits
    fraction = np.arange(count) / count
    top = 2**exponent_bits - infinity
    normal = [(1 + fraction) * 2.0 ** (exponent - bias) for exponent in range(1, top)]
    numbers = np.concatenate([fraction * 2.0 ** (1 - bias), *normal, [2.0 ** (top - bias)]])
    return numbers if infinity else numbers[:-1]  # the greatest pattern is not a number


def nearest(values: Any, exponent_bits: int, fraction_bits: int, infinity: bool = True) -> Doubles:
    """The nearest of all numbers; of two the even one, whose place is even. Beyond them: infinity, or not a number."""
    numbers = all_numbers(exponent_bits, fraction_bits, infinity)
    values = np.asarray(values, dtype=np.float64)
    size = np.abs(values)
    above = np.clip(np.searchsorted(numbers, size), 1, len(numbers) - 1)
    low, high = numbers[above - 1], numbers[above]
    up = (high - size < size - low) | ((high - size == size - low) & (above % 2 == 0))
    place = np.where(up, above, above - 1)
    found = np.where(place == len(numbers) - 1, np.inf if infinity else np.nan, numbers[place])
    found = np.where(np.isnan(values) | (np.isinf(values) & infinity), size, found)
    return np.copysign(found, values)  # type: ignore[no-any-return]


def single(values: Any) -> Doubles:
    """The nearest number of 32 bits."""
    return np.asarray(values, dtype=np.float64).astype(np.float32).astype(np.float64)


def integer(values: Any, bits: int) -> Doubles:
    """The nearest integer, at most the greatest of so many bits with either sign."""
    greatest = 2 ** (bits - 1) - 1
    return np.clip(np.rint(np.asarray(values, dtype=np.float64)), -greatest, greatest)


def exact(values: Any) -> Doubles:
    """The value itself."""
    return np.asarray(values, dtype=np.float64)


class Formats(NamedTuple):
    """How each kind of value is rounded; `greatest_integer` is 0 for floating point."""

    operands: Round
    sums: Round
    updater: Round
    state: Round
    greatest_integer: int = 0
    row_scales: bool = True


class Phase(NamedTuple):
    """Products that wait for the same vector, and what their gates give; the gates are those of `Weights`."""

    gates: str
    gives: str
    equation: Callable[..., dict[str, Doubles]]
    vector: str = "h"
    reads_x: bool = True
    parts: int = 1
    apart: str = ""


class Weights(NamedTuple):
    """Arrays by gate: over x, over the vector; biases (of the gate with two sums, of the second); a cell's own."""

    x: Mapping[str, Doubles]
    vector: Mapping[str, Doubles]
    bias: Mapping[str, Doubles]
    vector_bias: Mapping[str, Doubles]
    diagonal: Mapping[str, Doubles]


class Segment(NamedTuple):
    """Rows of some gates of some cells over x ("x"), the vector ("v") or both, on tiles of `width` columns."""

    phase: int
    gates: str
    cells: range
    operand: str
    width: int
    ahead: int
    updated: range


def tile_sum(products: Doubles, add: Round) -> Doubles:
    """Pairs of neighbours, until one is left; (rows, columns) to (rows,)."""
    while products.shape[1] > 1:
        paired = products.shape[1] // 2 * 2
        sums = add(products[:, 0:paired:2] + products[:, 1:paired:2])
        products = np.concatenate([sums, products[:, paired:]], axis=1)
    return products[:, 0]


def add_tiles(before: Doubles | None, rows: Doubles, vector: Doubles, width: int, add: Round) -> Doubles:
    """Go on with the sums of some rows, or start them, tile by tile."""
    sums = before
    for first in range(0, len(vector), width):
        products = np.zeros((len(rows), width))
        here = add(rows[:, first : first + width] * vector[first : first + width])
        products[:, : here.shape[1]] = here
        tile = tile_sum(products, add)
        sums = tile if sums is None else add(sums + tile)
    assert sums is not None
    return sums


# Equations: `r` rounds to the updater's format, `a` to the activation unit's ------------------------------------------


def sigmoid(values: Doubles) -> Doubles:
    """1 / (1 + exp(-values))."""
    return 1.0 / (1.0 + np.exp(-values))


def lstm(gives: str, r: Round, a: Round, sums: dict[str, Doubles], own: dict[str, Doubles], peepholes: Any) -> Any:
    """i, f, o = sigmoid(...), g = tanh(...), c = f * c + i * g, out = o * tanh(c)."""
    seen = {gate: r(sums[gate] + r(peepholes[gate] * own["c"])) if peepholes else sums[gate] for gate in "if"}
    i, f, g = a(sigmoid(seen["i"])), a(sigmoid(seen["f"])), a(np.tanh(sums["g"]))
    c = r(r(f * own["c"]) + r(i * g))
    o = a(sigmoid(r(sums["o"] + r(peepholes["o"] * c)) if peepholes else sums["o"]))
    return {"c": c, gives: r(o * a(np.tanh(c)))}


def projection(r: Round, a: Round, sums: dict[str, Doubles], own: Any, peepholes: Any) -> dict[str, Doubles]:
    """H = P m."""
    return {"h": sums["p"]}


def mix(r: Round, z: Doubles, n: Doubles, h: Doubles) -> dict[str, Doubles]:
    """(1 - z) * n + z * h."""
    return {"h": r(r(r(1 - z) * n) + r(z * h))}


def gru_after(r: Round, a: Round, sums: dict[str, Doubles], own: dict[str, Doubles], peepholes: Any) -> Any:
    """The reset gate multiplies the sum over h."""
    gate, z = a(sigmoid(sums["r"])), a(sigmoid(sums["z"]))
    n = a(np.tanh(r(sums["n"] + r(gate * sums["n over vector"]))))
    return mix(r, z, n, own["h"])


def gru_reset(r: Round, a: Round, sums: dict[str, Doubles], own: dict[str, Doubles], peepholes: Any) -> Any:
    """The reset gate multiplies h."""
    return {"s": r(a(sigmoid(sums["r"])) * own["h"]), "z": a(sigmoid(sums["z"]))}


def gru_before(r: Round, a: Round, sums: dict[str, Doubles], own: dict[str, Doubles], peepholes: Any) -> Any:
    """And then comes n."""
    return mix(r, own["z"], a(np.tanh(sums["n"])), own["h"])


def rnn(r: Round, a: Round, sums: dict[str, Doubles], own: Any, peepholes: Any) -> dict[str, Doubles]:
    """H = tanh(...)."""
    return {"h": a(np.tanh(sums["h"]))}


def phases_of(cell: str, *, projected: bool = False, reset_before: bool = False) -> tuple[Phase, ...]:
    """The phases of "lstm", "gru" or "rnn"."""
    if cell == "lstm":
        first = "m" if projected else "h"
        last = (Phase("p", "h", projection, vector="m", reads_x=False),) if projected else ()
        return (Phase("ifgo", first, partial(lstm, first)), *last)
    if cell == "gru" and reset_before:
        return Phase("rz", "s", gru_reset), Phase("n", "h", gru_before, vector="s")
    return (Phase("rzn", "h", gru_after, apart="n"),) if cell == "gru" else (Phase("h", "h", rnn),)


class Memory:
    """What is kept of one sequence in one direction."""

    def __init__(
        self,
        phases: Sequence[Phase],
        weights: Weights,
        formats: Formats,
        scales: Mapping[str, float],
        threshold: float | None = None,
    ) -> None:
        self.phases, self.weights, self.formats, self.scales = phases, weights, formats, scales
        self.threshold = threshold
        self.references: dict[tuple[str, int], Doubles] = {}
        self.operands: dict[tuple[str, int], Doubles] = {}  # what is multiplied
        self.changed: dict[tuple[str, int], Doubles] = {}
        self.vectors: dict[tuple[str, int], Doubles] = {}  # integers as multiples of their scale
        self.states: dict[str, Doubles] = {}
        self.sums: dict[tuple[str, int], Doubles] = {}
        self.rows: dict[str, Doubles] = {}
        self.row_scales: dict[str, Doubles] = {}
        for phase in phases:
            size = len(weights.bias[phase.gates[0]])
            for half in (0, 1):
                self.vectors[phase.gives, half] = np.zeros(size)
                self.begin(phase.gives, half, size)
                self.begin("x", half, weights.x[phases[0].gates[0]].shape[1])
                for gate in phase.gates:
                    self.sums[gate, half] = np.zeros(size)
                    self.sums[gate + " over vector", half] = np.zeros(size)
            self.quantize(phase)

    def quantize(self, phase: Phase) -> None:
        """Round the matrix of a phase."""
        matrix = {}
        for gate in phase.gates:
            parts = [self.weights.x[gate] * self.scales["x"]] if phase.reads_x else []
            matrix[gate] = np.concatenate([*parts, self.weights.vector[gate] * self.scales[phase.vector]], axis=1)
        whole = max(float(np.abs(rows).max()) for rows in matrix.values())
        for gate, rows in matrix.items():
            scale = np.ones(len(rows))
            if self.formats.greatest_integer:
                greatest = np.abs(rows).max(axis=1) if self.formats.row_scales else np.full(len(rows), whole)
                scale = np.where(greatest > 0, greatest / self.formats.greatest_integer, 1.0)
            self.rows[gate] = self.formats.operands(rows / scale[:, None])
            self.row_scales[gate] = scale

    def begin(self, name: str, half: int, size: int) -> None:
        """Zeros, and nothing that changed."""
        self.references[name, half], self.operands[name, half] = np.zeros(size), np.zeros(size)
        self.changed[name, half] = np.full(size, self.threshold is None)

    def hold(self, name: str, step: int, cells: slice, values: Doubles) -> None:
        """Elements of a vector as they are for a step: all of them are multiplied, or what changed."""
        half, reference = step % 2, self.references[name, (step - 1) % 2][cells]
        self.operands[name, half][cells] = values
        if self.threshold is not None:
            difference = values - reference
            changed = ~(np.abs(difference) * self.scales[name] <= self.threshold)
            moved = np.where(changed, self.formats.operands(np.where(changed, difference, 0.0)), 0.0)
            self.operands[name, half][cells], self.changed[name, half][cells] = moved, changed
            self.references[name, half][cells] = np.where(changed, self.formats.operands(reference + moved), reference)

    def serve(self, step: int, segment: Segment) -> None:
        """Multiply a segment for a step, and update the cells that are then complete."""
        phase, half, cells = self.phases[segment.phase], step % 2, segment.cells
        key = phase.vector, (step - (phase.vector == "h")) % 2
        elements = len(self.operands[key]) // phase.parts
        part = cells.start // (len(self.weights.bias[phase.gates[0]]) // phase.parts) if "v" in segment.operand else 0
        here, inputs = slice(part * elements, (part + 1) * elements), len(self.operands["x", half]) * phase.reads_x
        vector = np.concatenate([self.operands["x", half][:inputs], self.operands[key][here]])
        changed = np.concatenate([self.changed["x", half][:inputs], self.changed[key][here]])
        begin = 0 if "x" in segment.operand or not phase.reads_x else inputs
        end = len(vector) if "v" in segment.operand else inputs
        runs = [(begin, inputs), (inputs, end)] if phase.apart else [(begin, end)]
        for first, last in (run for run in runs if run[0] < run[1]):
            second = [gate for gate in segment.gates if gate == phase.apart and first > 0]
            others = [gate for gate in segment.gates if gate not in second]
            columns = first + np.flatnonzero(changed[first:last])
            self.multiply(segment, half, others, others, vector, columns, starts=first == 0)
            names = [f"{gate} over vector" for gate in second]
            self.multiply(segment, half, second, names, vector, columns, starts=True)
        if segment.updated:
            self.update(phase, step, segment.updated)

    def multiply(
        self,
        segment: Segment,
        half: int,
        gates: list[str],
        names: list[str],
        vector: Doubles,
        columns: NDArray[np.intp],
        starts: bool,
    ) -> None:
        """Start, or go on with, the sums of a segment's cells of some gates, the sums by their names."""
        if gates:
            cells = slice(segment.cells.start, segment.cells.stop)
            sums = [self.sums[name, half][cells] for name in names]
            rows = np.concatenate([self.rows[gate][cells][:, columns] for gate in gates])
            so_far = None if starts else np.concatenate(sums)
            if starts and self.threshold is not None:
                so_far = np.concatenate([self.sums[name, 1 - half][cells] for name in names])
            done = add_tiles(so_far, rows, vector[columns], segment.width, self.formats.sums)
            for old, new in zip(sums, np.split(done, len(gates)), strict=True):
                old[:] = new

    def update(self, phase: Phase, step: int, cells: range) -> None:
        """Evaluate the equations of some cells."""
        here, r = slice(cells.start, cells.stop), self.formats.updater
        sums = {gate: self.biased(gate, gate, self.weights.bias, step)[here] for gate in phase.gates}
        if phase.apart:
            name = f"{phase.apart} over vector"
            sums[name] = self.biased(name, phase.apart, self.weights.vector_bias, step)[here]
        own = {name: state[here] for name, state in self.states.items()}
        own |= {"h": self.decoded("h", self.vectors["h", (step - 1) % 2])[here]}
        peepholes = {gate: r(weights)[here] for gate, weights in self.weights.diagonal.items()}
        given = phase.equation(r, self.formats.state, sums, own, peepholes)
        for name, values in given.items():
            if name == phase.gives:
                self.vectors[name, step % 2][here] = self.formats.operands(values / self.scales[name])
                self.hold(name, step, here, self.vectors[name, step % 2][here])
            else:
                self.states.setdefault(name, np.zeros(len(self.weights.bias[phase.gates[0]])))
                self.states[name][here] = self.formats.state(values)

    def biased(self, name: str, gate: str, bias: Mapping[str, Doubles], step: int) -> Doubles:
        """A gate's sums as values of the updater, with their bias."""
        r = self.formats.updater
        return r(r(self.sums[name, step % 2] * self.row_scales[gate]) + r(bias[gate]))

    def decoded(self, name: str, held: Doubles) -> Doubles:
        """What a vector's elements stand for."""
        return self.formats.updater(held * self.scales[name]) if self.formats.greatest_integer else held


def execute(
    phases: Sequence[Phase],
    weights: Weights,
    formats: Formats,
    scales: Mapping[str, float],
    segments: Sequence[Segment],
    x: Doubles,
    initial: Mapping[str, Doubles],
    threshold: float | None = None,
) -> dict[str, Doubles]:
    """Run one sequence in one direction, x (steps, inputs): h of every step, and every state after the last one.

    Round t serves the segments of step t and those of t + 1 that are ahead; round 0 has these alone.
    """
    memory = Memory(phases, weights, formats, scales, threshold)
    memory.states["c"] = np.zeros(len(weights.bias[phases[0].gates[0]]))
    for name, values in initial.items():
        if name == "h":
            memory.vectors[name, 0][:] = formats.operands(values / scales[name])
            memory.hold(name, 0, slice(None), memory.vectors[name, 0])
        else:
            memory.states[name] = formats.state(values)
    outputs = []
    with np.errstate(all="ignore"):
        for turn in range(len(x) + 1):
            for given in x[turn : turn + 1]:
                memory.hold("x", turn + 1, slice(None), formats.operands(given / scales["x"]))
            for segment in segments:
                step = turn + segment.ahead
                if 1 <= step <= len(x):
                    memory.serve(step, segment)
            if turn:
                outputs.append(memory.decoded("h", memory.vectors["h", turn % 2]).copy())
    return {"h": np.array(outputs), **memory.states}
