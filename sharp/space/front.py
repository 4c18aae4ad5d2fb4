"""A Pareto front: the designs that no other beats, whatever the order in which they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sharp.cycles import closed_form
from sharp.errors import SpecificationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_DESIGNS = 10**6
"""Most designs of a front, which then says nothing any more."""
_FEW = 2**10


class Front:
    """Designs that no other beats: none costs no more in anything and less in something.

    Costs are compared to 12 digits, as sums of energy are not more exact than that. Of two designs that cost the same,
    the one of the smaller number stays. So a front is the same in whatever order, and on however many machines, its
    designs have been found.

    Parameters
    ----------
    num_costs : int
        Costs of a design, at most 4.
    num_facts : int
        Further numbers that are kept of a design, at least one.

    Examples
    --------
    >>> import numpy as np
    >>> from sharp.space.front import Front
    >>> front, costs = Front(2, 1), np.array([[3.0, 1.0, 2.0, 3.0], [1.0, 3.0, 2.0, 2.0]])
    >>> front.take(costs, np.zeros((1, 4)), np.arange(4))
    >>> front.numbers.tolist()
    [0, 1, 2]
    """

    def __init__(self, num_costs: int, num_facts: int) -> None:
        import numpy as np

        self._costs, self._facts = np.empty((num_costs, _FEW)), np.empty((num_facts, _FEW))
        self._numbers = np.empty(_FEW, dtype=np.int64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The designs' numbers, ascending."""
        return self._numbers[self._order]

    @property
    def costs(self) -> NDArray[np.float64]:
        """What they cost, (costs, designs), in the order of their numbers; of 12 digits."""
        return self._costs.take(self._order, axis=1)

    @property
    def facts(self) -> NDArray[np.float64]:
        """What else is kept of them, (facts, designs), in the order of their numbers."""
        return self._facts.take(self._order, axis=1)

    @property
    def _order(self) -> NDArray[np.intp]:
        return self._numbers[: self._count].argsort()

    def take(self, costs: NDArray[np.float64], facts: NDArray[np.float64], numbers: NDArray[np.int64]) -> None:
        """Take designs in where no other beats them, and those out that they beat.

        Parameters
        ----------
        costs : numpy.ndarray, float64, (costs, designs)
            The first is infinite of what is no design.
        facts : numpy.ndarray, float64, (facts, designs)
        numbers : numpy.ndarray, int64, (designs,)

        Raises
        ------
        SpecificationError
            Where the front gets longer than `MAX_DESIGNS`.
        """
        self._reserve(len(numbers))
        kept = self._costs, self._facts, self._numbers
        self._count = closed_form.kernel().sift(costs, facts, numbers, *kept, self._count)
        if self._count > MAX_DESIGNS:
            raise SpecificationError(
                f"objectives: expected fewer than {MAX_DESIGNS:,} designs that no other beats, got more"
            )

    def merge(self, other: Front) -> None:
        """Take in the designs of another front."""
        self.take(other.costs, other.facts, other.numbers)

    def _reserve(self, more: int) -> None:
        """Room for so many more, and one to swap two."""
        needed = self._count + more + 1
        if needed > len(self._numbers):
            length = max(needed, 2 * len(self._numbers))
            self._costs = _lengthened(self._costs, length, self._count)
            self._facts = _lengthened(self._facts, length, self._count)
            self._numbers = _lengthened(self._numbers, length, self._count)


def _lengthened(array: Any, length: int, used: int) -> Any:
    """An array whose last axis is so long, and the same as far as it is used."""
    import numpy as np

    longer = np.empty((*array.shape[:-1], length), dtype=array.dtype)
    longer[..., :used] = array[..., :used]
    return longer
