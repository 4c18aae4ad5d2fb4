"""What a cell computes: the equations of its phases, over vectors whose arithmetic is that of whoever runs them.

An equation is written once, in the cell's file, with ``+``, ``-``, ``*``, `Vector.tanh`, `Vector.sigmoid` and
`Vector.relu`; which numbers these give, and how they are rounded, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias, Union


class Vector(Protocol):
    """Values of some cells, one each; arithmetic is element by element, also with a number."""

    def __add__(self, other: Vector | float, /) -> Vector: ...
    def __radd__(self, other: float, /) -> Vector: ...
    def __sub__(self, other: Vector | float, /) -> Vector: ...
    def __rsub__(self, other: float, /) -> Vector: ...
    def __mul__(self, other: Vector | float, /) -> Vector: ...
    def __rmul__(self, other: float, /) -> Vector: ...

    def tanh(self) -> Vector:
        """Through the activation unit as tanh."""
        ...

    def sigmoid(self) -> Vector:
        """Through the activation unit as a sigmoid."""
        ...

    def relu(self) -> Vector:
        """Through the activation unit as what is positive, else zero."""
        ...


class Cells(Protocol):
    """Some cells whose sums are complete: what an equation is given."""

    def sum(self, gate: str, of: str = "", /) -> Vector:
        """The sum of a gate over all that it multiplies, its bias added.

        Parameters
        ----------
        gate : str
            One of the phase's.
        of : str
            "x" or the phase's operand, where the gate's two sums stay apart: that one of them.
        """
        ...

    def diagonal(self, gate: str, /) -> Vector:
        """The weights that each cell has of its own for a gate, such as an LSTM's peepholes."""
        ...

    def __getitem__(self, vector: str, /) -> Vector:
        """The cells' own elements of a vector or state as it was last given; zero at first, or as the run starts."""
        ...


Equation: TypeAlias = Callable[[Cells], Mapping[str, Vector]]
"""From the cells of a phase to the vectors and states that they give, by name."""

Equations: TypeAlias = tuple[Union[Equation, None], ...]  # noqa: UP007 (evaluated where the alias is made)
"""One for each phase; None where a phase of one gate gives that gate's value."""
