"""Delta networks: of a vector only what changed is multiplied, and sums go on from those of the step before.

After Neil et al., "Delta networks for optimized recurrent network computation" (ICML 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sharp.checks import GREATEST_NUMBER, check_between
from sharp.values.formats import Format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Tells of each element of a vector whether it changed, and by how much.

    An element changed where it differs from its reference by more than the threshold. Then the difference, as a number
    of the operands' format, is multiplied, and the reference moves by it; so the reference is what the sums have seen,
    and what a rounding or a small change left out is not lost. It starts at zero.
    """

    threshold: float
    """Of a difference, in what the vector's elements stand for."""
    scale: float
    """Of integers the value of one; 1 of floats."""
    operands: Format

    def encode(self, held: Doubles, reference: Doubles) -> tuple[Doubles, Doubles, Mask]:
        """The differences, the new reference, and which elements changed; of arrays of one shape.

        What is not a number has always changed.
        """
        import numpy as np

        with np.errstate(invalid="ignore"):
            difference = held - reference
            changed = ~(np.abs(difference) * self.scale <= self.threshold)
        moved = np.where(changed, self.operands.round(np.where(changed, difference, 0.0)), 0.0)
        with np.errstate(invalid="ignore"):
            return moved, np.where(changed, self.operands.round(reference + moved), reference), changed


class Differences:
    """A vector as the array reads it: for even and for odd steps what it differs by, and from what."""

    def __init__(self, encoder: Encoder, steps: int, sequences: int, size: int) -> None:
        import numpy as np

        shape = sequences, size
        self.encoder = encoder
        self.references, self.values = np.zeros((2, *shape)), np.zeros((2, *shape))
        self.changed = np.zeros((2, *shape), dtype=bool)
        self.trace = np.zeros((steps + 1, *shape), dtype=bool)
        """Of every step, step 0 being what there is at the start."""

    def take(self, step: int, cells: slice, held: Doubles) -> None:
        """Some elements of the first sequences, as they are now held for a step."""
        where = slice(len(held)), cells
        half, reference = step % 2, self.references[(step - 1) % 2][where]
        self.values[half][where], self.references[half][where], changed = self.encoder.encode(held, reference)
        self.changed[half][where] = self.trace[step][where] = changed


def check_threshold(threshold: object, where: str = "delta_threshold") -> float:
    """A threshold, zero or more; `where` it stands.

    Raises
    ------
    SpecificationError
        Where it is another thing.
    """
    return float(check_between(where, threshold, 0, GREATEST_NUMBER))
