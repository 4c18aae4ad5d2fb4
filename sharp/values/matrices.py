"""Weights and vectors as the array multiplies them: rounded to its formats, in panels, with their scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sharp.errors import InfeasibleMappingError
from sharp.kernels import values as kernel
from sharp.values.formats import FORMATS, Format, Numerics
from sharp.values.program import Product
from sharp.values.weights import DirectionWeights, rows_of
from sharp.workload.cell import Phase
from sharp.workload.network import RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]


def scale_of(values: Doubles, to: Format) -> float:
    """The scale at which the greatest of some values is about the greatest integer; 1 where there is none, or floats.

    It has the bits of a bf16, so that orders of sums, whose results differ in the last bit, do not give another scale.
    """
    import numpy as np

    greatest = float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
    if not to.is_integer or not greatest:
        return 1.0
    return float(FORMATS["bf16"].round(np.array(greatest / to.greatest)))


def codes(values: Doubles, scale: float, to: Format) -> Doubles:
    """Values as the array takes them: numbers of the format, of integers those that the scale multiplies."""
    return to.round(values / scale) if to.is_integer else to.round(values)


@dataclass(frozen=True)
class Matrix:
    """The matrix of a phase in panels of rows, and the scales of its sums."""

    panels: NDArray[Any]
    """Floats where sums are fp32, else doubles: (panels, columns, rows of a panel)"""
    scales: Doubles
    """What a row's sum is multiplied by, (rows,): of integers the value of one; 1 of floats."""
    sums: Format

    @property
    def num_sums(self) -> int:
        """Sums of a vector, those that fill up the last panel included."""
        return int(self.panels.shape[0] * self.panels.shape[2])

    def multiply(self, vectors: Doubles, product: Product, rows: NDArray[np.int64], sums: NDArray[Any]) -> None:
        """Add the product of some rows with vectors (sequences, columns) to their sums, in the order of the tile."""
        import numpy as np

        columns = np.ascontiguousarray(vectors, dtype=self.panels.dtype)
        to, exact = self.sums, self.sums.is_integer
        cut = product.first_column, product.last_column, product.width, product.starts
        rounding = 0 if exact else to.significand_bits, to.lowest_exponent if not exact else 0, to.greatest
        with np.errstate(all="ignore"):
            kernel.multiply(self.panels, columns, *cut, rows, *rounding, sums)

    def multiply_some(
        self,
        vectors: Doubles,
        chosen: NDArray[np.bool_],
        product: Product,
        rows: NDArray[np.int64],
        sums: NDArray[Any],
    ) -> None:
        """The same with those columns alone that each vector has chosen, side by side; sums go on."""
        import numpy as np

        for sequence, choice in enumerate(chosen):
            places = product.first_column + np.flatnonzero(choice[product.first_column : product.last_column])
            if not len(places):
                continue  # nothing changed, so that the sums stay as they are
            here = product._replace(first_column=0, last_column=len(places), starts=False)
            some = replace(self, panels=np.take(self.panels, places, axis=1))
            some.multiply(vectors[sequence : sequence + 1, places], here, rows, sums[sequence : sequence + 1])

    def new_sums(self, sequences: int) -> NDArray[Any]:
        """Zeros for the sums of some vectors."""
        import numpy as np

        return np.zeros((sequences, self.num_sums), dtype=self.panels.dtype)


def make_matrix(
    layer: RNNLayer, phase: Phase, weights: DirectionWeights, numerics: Numerics, scales: Mapping[str, float]
) -> Matrix:
    """The matrix of a phase for some formats.

    Of integers a weight is multiplied by the scale of the vector that it meets before it is rounded, so that sums over
    x and over the operand are of one scale and may share a tile.

    Raises
    ------
    InfeasibleMappingError
        Where integers of so many columns may pass the greatest sum.
    """
    import numpy as np

    rows, to = rows_of(layer, phase, weights), numerics.operands
    row_scales = np.ones(len(rows))
    if to.is_integer:
        inputs = layer.input_size if phase.reads_x else 0
        rows[:, :inputs] *= scales["x"]
        rows[:, inputs:] *= scales.get(phase.operand, 1.0)
        greatest = np.abs(rows).max(axis=1) if numerics.scales == "row" else np.full(len(rows), np.abs(rows).max())
        row_scales = np.where(greatest > 0, greatest / to.greatest, 1.0)
        rows = rows / row_scales[:, None]
        most = rows.shape[1] * to.greatest**2
        if most > numerics.sums.greatest:
            raise InfeasibleMappingError(
                f"format: expected sums of {rows.shape[1]} products of {to.name} to fit {numerics.sums.name}, "
                f"got up to {most:.0f}"
            )
    return Matrix(_panels(to.round(rows), numerics.sums), row_scales, numerics.sums)


def _panels(rows: Doubles, sums: Format) -> NDArray[Any]:
    import numpy as np

    lanes = kernel.LANES_A_PANEL
    count = -(-len(rows) // lanes)
    padded = np.zeros((count * lanes, rows.shape[1]))
    padded[: len(rows)] = rows
    panels = padded.reshape(count, lanes, -1).transpose(0, 2, 1)
    return np.ascontiguousarray(panels, dtype=np.float32 if sums == FORMATS["fp32"] else np.float64)
