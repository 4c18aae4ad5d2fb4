"""A recurrent or dense layer as it is found in a file, while what feeds what is still being worked out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sharp.workload.importing.trace import Array, Op, Value
from sharp.workload.network import RNNLayer


@dataclass(eq=False, slots=True)
class Layer:
    """What is known of a layer."""

    name: str
    cell: str
    """lstm, gru, rnn, or dense: a product without recurrence."""
    input_size: int
    hidden_size: int
    """Cells, or of a dense layer what it puts out."""
    num_steps: int
    batch_size: int
    ops: list[Op]
    """What it was found by; the first says where it stands."""
    weights: object
    """Equal where two layers have the same weights."""
    bidirectional: bool = False
    reverse: bool = False
    """Whether it runs from the last step to the first."""
    projection_size: int | None = None
    peephole: bool = False
    linear_before_reset: bool = True
    lengths: tuple[int, ...] = ()
    products: set[Op] = field(default_factory=set)
    """The matrix products that it is made of, where it is written out."""
    reads_from: list[Value] = field(default_factory=list)
    """What it reads, by the tensors that it was made in."""
    outputs: set[Value] = field(default_factory=set)
    """The tensors that it puts out."""
    first: Array | None = None
    """The elements that it reads in the first step that it runs, of one sequence."""
    last: Array | None = None
    """Those of the last step that it runs."""
    one_step: bool = False
    """Whether its state comes from an input and goes to an output, one step a call."""
    merge: str = "concat"
    reads: list[str] = field(default_factory=list)
    """Names of inputs (``input:NAME``) and layers."""
    through: list[str] = field(default_factory=list)
    """Operators between these and the layer."""
    feedback: list[str] = field(default_factory=list)
    """Names of layers whose step before it reads."""

    @property
    def num_weights(self) -> int:
        """Weights of its matrices, biases and peepholes left out."""
        if self.cell == "dense":
            return self.input_size * self.hidden_size
        return RNNLayer(
            cell=self.cell,
            input_size=self.input_size,
            hidden_size=self.hidden_size,
            bidirectional=self.bidirectional,
            projection_size=self.projection_size,
            linear_before_reset=self.linear_before_reset,
        ).num_weights

    @property
    def total_steps(self) -> int:
        """Steps of all sequences together."""
        return sum(self.lengths) or self.num_steps * self.batch_size

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a run."""
        return self.num_weights * self.total_steps

    @property
    def form(self) -> tuple[object, ...]:
        """What two directions of one layer have in common."""
        sizes = (self.input_size, self.hidden_size, self.projection_size, self.num_steps, self.batch_size, self.lengths)
        return (self.cell, self.peephole, self.linear_before_reset, *sizes)

    def reads_backwards(self, other: Layer) -> bool:
        """Whether it reads what another layer reads, from the other end."""
        pairs = ((self.first, other.last), (self.last, other.first))
        return self.num_steps > 1 and all(
            mine is not None and theirs is not None and np.array_equal(mine, theirs) for mine, theirs in pairs
        )
