"""The NPU's programs, as its own compiler writes them: chains of units, in order, and the vectors that they pass on.

Every program issues the products with x before those with h, and loads the next step's x between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sharp.checks import check_name


@dataclass(frozen=True, kw_only=True)
class Load:
    """Vectors from the host, of all sequences in flight."""

    writes: str
    """Name of the vector."""
    to_tiles: bool = True
    """Whether the tiles take it, an instruction each; else one instruction takes it to an element-wise unit."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A product, or a vector, on its way through the element-wise units and the loader; operands by name."""

    product: str = ""
    """Vector that the matrix-vector unit multiplies, "" for a chain without a product."""
    vector: str = ""
    """Vector that the external register file gives in place of a product."""
    mfu0: str = ""
    """Vector that the first multi-function unit adds or multiplies."""
    mfu1: str = ""
    """The same of the second."""
    writes: str
    """Vector that the loader writes the result to."""
    to_tiles: bool = False
    """Whether the tiles take the result, in an instruction each: a later product reads it."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What a cell's program does: once, and in every time step."""

    before: tuple[Load, ...] = ()
    """Before the first step."""
    step: tuple[Load | Chain, ...]
    """In every step."""
    loads_ahead: bool = True
    """Whether a step loads x of the step after it; the last step then has nothing to load."""

    def last_step(self) -> tuple[Load | Chain, ...]:
        """The step that no other follows."""
        return tuple(entry for entry in self.step if not (self.loads_ahead and isinstance(entry, Load)))


_X = Load(writes="x")

PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        "gemv": Program(
            step=(_X, Chain(product="x", writes="y", to_tiles=True)),
            loads_ahead=False,
        ),
        "rnn": Program(
            before=(_X,),
            step=(
                Chain(product="x", writes="a"),
                _X,
                Chain(product="h", mfu0="a", writes="h", to_tiles=True),
            ),
        ),
        "lstm": Program(
            before=(_X,),
            step=(
                Chain(product="x", writes="xf"),
                Chain(product="x", writes="xg"),
                Chain(product="x", writes="xi"),
                Chain(product="x", writes="xo"),
                _X,
                Chain(product="h", mfu0="xf", writes="f"),
                Chain(product="h", mfu0="xi", writes="i"),
                Chain(product="h", mfu0="xo", writes="o"),
                Chain(product="h", mfu0="xg", mfu1="i", writes="ig"),
                Chain(vector="c", mfu0="f", mfu1="ig", writes="c"),
                Chain(vector="c", mfu0="o", writes="h", to_tiles=True),
            ),
        ),
        "gru": Program(
            before=(Load(writes="ones", to_tiles=False), _X),
            step=(
                Chain(product="x", writes="xz"),
                Chain(product="x", writes="xr"),
                Chain(product="x", writes="xn"),
                _X,
                Chain(product="h", mfu0="xz", writes="z"),
                Chain(vector="ones", mfu0="z", writes="rest"),
                Chain(product="h", mfu0="xr", writes="rh", to_tiles=True),
                Chain(product="rh", mfu0="xn", writes="n"),
                Chain(vector="n", mfu0="z", mfu1="rest", writes="h", to_tiles=True),
            ),
        ),
    }
)
"""Program of each cell, and of a product alone (``gemv``); the GRU's resets h before its product."""


def find_program(cell: str) -> Program:
    """The program of a cell, or of ``gemv``.

    Raises
    ------
    SpecificationError
        For a cell that has none.
    """
    return PROGRAMS[check_name("cell", cell, PROGRAMS)]
