"""What a cell is to the cycle model: the matrix products of a time step, and what each waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class CellOptions(Protocol):
    """The options of a layer that change the products of its cell."""

    @property
    def projection_size(self) -> int | None:
        """Elements of h, where a projection makes them fewer or more than the cells."""

    @property
    def linear_before_reset(self) -> bool:
        """Whether the reset gate multiplies after the matrix product."""

    @property
    def peephole(self) -> bool:
        """Whether the gates see the cell state."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Products of a time step that wait for the same vector: the rows of some gates over x_t and that vector."""

    gates: str
    """Gates, one letter each, no letter in two phases of a cell; rows of each: `size`."""
    size: str = "hidden_size"
    """Attribute of `RNNLayer`: rows of each gate."""
    reads_x: bool = True
    """Whether the gates multiply x_t too, which waits for nothing."""
    operand: str = "h"
    """Vector waited for, one letter: h of the step before, or what an earlier phase of the step gives."""
    operand_size: str = "recurrent_size"
    """Attribute of `RNNLayer`: elements of that vector."""
    separate_sums: bool = False
    """Whether the sums over x_t and over the operand stay apart, so that no column tile straddles the two."""
    activation_passes: int = 1
    """Times that a value goes through the activation unit, one after the other; 0: not at all."""
    update: str | None = "update_ns"
    """Latency of `Accelerator` that the cell updater takes; None: the values do not pass it."""
    gives: str = "h"
    """Vector that the phase completes, one letter."""
    tanh_gates: str = ""
    """Those of its gates that go through tanh; the others go through a sigmoid."""

    @property
    def sums_per_cell(self) -> int:
        """Sums that a cell keeps when its products with x_t run ahead."""
        return len(self.gates) + self.separate_sums


class Elementwise(NamedTuple):
    """Work of a time step for one cell, besides products and the gates' own activations; it costs no array cycle."""

    multiplications: int
    """Element-wise multiplications."""
    additions: int
    """Element-wise additions, biases included."""
    tanhs: int = 0
    """Values through tanh, such as an LSTM's c."""
    vector_reads: int = 0
    """Elements of h that the cell updater reads."""
    state_updates: int = 0
    """Elements of c read and written."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A recurrent cell: its gates, its products, its options."""

    name: str
    """As written in files and on the command line."""
    gates: str
    """Gates of the stacked gate matrix, in the order of its rows."""
    phases: Callable[[CellOptions], tuple[Phase, ...]]
    """Products of a step in the order in which they depend on each other; the last gives h."""
    elementwise: Callable[[CellOptions], Elementwise]
    """What else a step is for each cell."""
    options: tuple[str, ...] = ()
    """Fields of `RNNLayer` that only cells naming them here may set."""
