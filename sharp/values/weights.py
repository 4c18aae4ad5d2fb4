"""The numbers that a layer multiplies and adds: matrices, biases, weights of a cell's own, by the gates' letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sharp.checks import check_mapping, refuse
from sharp.workload.cell import Phase
from sharp.workload.network import RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

KINDS = ("x", "operand", "bias", "operand_bias", "diagonal")
"""The fields of `DirectionWeights`."""


@dataclass(frozen=True, kw_only=True)
class DirectionWeights:
    """The weights of one direction of a layer; each field is a mapping of gates to arrays, doubles or anything like it.

    What is not given is zero. `check_weights` has the shapes.

    Examples
    --------
    >>> import sharp
    >>> from sharp.values.weights import random_weights
    >>> layer = sharp.RNNLayer(cell="gru", input_size=3, hidden_size=2)
    >>> (weights,) = random_weights(layer, seed=1)
    >>> sorted(weights.x), weights.x["r"].shape, weights.operand["r"].shape, sorted(weights.operand_bias)
    (['n', 'r', 'z'], (2, 3), (2, 2), ['n'])
    """

    x: Mapping[str, Any] = field(default_factory=dict)
    """Rows of the cells of a gate times x_t: (size, input_size)."""
    operand: Mapping[str, Any] = field(default_factory=dict)
    """Rows of the cells of a gate times what its phase waits for, h or another vector: (size, its elements); of a
    phase in parts, (size, elements of a part)."""
    bias: Mapping[str, Any] = field(default_factory=dict)
    """Added to the sum of a gate: (size,)."""
    operand_bias: Mapping[str, Any] = field(default_factory=dict)
    """Of the gate whose two sums stay apart, what is added to the one over the operand: (size,)."""
    diagonal: Mapping[str, Any] = field(default_factory=dict)
    """A weight for each cell, of the gates that have one (peepholes): (size,)."""


def shapes_of(layer: RNNLayer) -> dict[str, dict[str, tuple[int, ...]]]:
    """The shapes of a direction's arrays, by field and gate."""
    shapes: dict[str, dict[str, tuple[int, ...]]] = {kind: {} for kind in KINDS}
    for phase in layer.phases:
        size = layer.size(phase.size)
        for gate in phase.gates:
            shapes["bias"][gate] = (size,)
            if phase.reads_x:
                shapes["x"][gate] = (size, layer.input_size)
            if phase.operand:
                shapes["operand"][gate] = (size, layer.num_operands(phase))
        shapes["operand_bias"] |= dict.fromkeys(phase.gate_apart, (size,))
        shapes["diagonal"] |= dict.fromkeys(phase.diagonal_gates, (size,))
    return shapes


def check_weights(layer: RNNLayer, weights: object) -> tuple[DirectionWeights, ...]:
    """The weights of all directions as arrays of doubles of the right shapes, every one there.

    Parameters
    ----------
    layer : RNNLayer
    weights : sequence of DirectionWeights
        One for each direction.

    Raises
    ------
    SpecificationError
        Where a gate is not the layer's, or an array has another shape or no numbers.
    """
    directions = tuple(weights) if isinstance(weights, list | tuple) else (weights,)
    if len(directions) != layer.num_directions or not all(isinstance(one, DirectionWeights) for one in directions):
        raise refuse("weights", f"{layer.num_directions} DirectionWeights, one for each direction", weights)
    shapes = shapes_of(layer)
    return tuple(
        DirectionWeights(
            **{kind: _checked(f"weights[{place}].{kind}", getattr(one, kind), shapes[kind]) for kind in KINDS}
        )
        for place, one in enumerate(directions)
    )


def _checked(where: str, given: object, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Doubles]:
    import numpy as np

    known = check_mapping(where, given, shapes)
    return {
        gate: as_doubles(f"{where}[{gate!r}]", known[gate], shape) if gate in known else np.zeros(shape)
        for gate, shape in shapes.items()
    }


def as_doubles(where: str, value: object, shape: tuple[int, ...] | None = None) -> Doubles:
    """An array of real numbers as doubles, of a shape if it has to have one.

    Raises
    ------
    SpecificationError
        Where it holds something else, or has another shape.
    """
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        raise refuse(where, "an array of numbers", value) from None
    if array.dtype.kind not in "fiu":
        raise refuse(where, "an array of real numbers", str(array.dtype))
    if shape is not None and array.shape != shape:
        raise refuse(where, f"an array of shape {shape}", array.shape)
    return array.astype(np.float64)


def random_weights(layer: RNNLayer, *, seed: int, scale: float = 1.0) -> tuple[DirectionWeights, ...]:
    """Weights from -1 / sqrt(H) to 1 / sqrt(H), times a scale, evenly, as PyTorch starts a layer of H cells.

    Parameters
    ----------
    layer : RNNLayer
    seed : int
        The same seed gives the same weights.
    scale : float
        Factor of all of them.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    bound = scale * layer.hidden_size**-0.5
    return tuple(
        DirectionWeights(
            **{
                kind: {gate: generator.uniform(-bound, bound, shape) for gate, shape in shapes.items()}
                for kind, shapes in shapes_of(layer).items()
            }
        )
        for _ in range(layer.num_directions)
    )


def rows_of(layer: RNNLayer, phase: Phase, weights: DirectionWeights) -> Doubles:
    """The matrix of a phase, gate after gate: columns of x, then of the operand."""
    import numpy as np

    blocks = []
    for gate in phase.gates:
        columns = [weights.x[gate]] if phase.reads_x else []
        columns += [weights.operand[gate]] if phase.operand else []
        blocks.append(np.concatenate(columns, axis=1))
    return np.concatenate(blocks)
