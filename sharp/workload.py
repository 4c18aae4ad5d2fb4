"""Recurrent networks: `RNNLayer` and `Network`, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sharp.checks import check_flag, check_integer, check_name, check_text, refuse
from sharp.errors import SpecificationError
from sharp.provenance import Provenance

CELL_GATES = MappingProxyType({"lstm": "ifgo", "gru": "rzn", "rnn": "h"})
"""Gates of each cell, one letter a gate, in the order of the rows of the stacked gate matrix."""


@dataclass(frozen=True, kw_only=True)
class RNNLayer:
    """One recurrent layer; its gate matrix has ``len(gates) * hidden_size`` rows and ``input_size + R`` columns.

    R is the projection size where there is one, else the hidden size.
    """

    cell: str = "lstm"
    """One of `CELL_GATES`."""
    input_size: int
    """Elements of x_t."""
    hidden_size: int
    """Cells of one direction."""
    bidirectional: bool = False
    """Two directions, each with its own weights; the layer puts out both."""
    projection_size: int | None = None
    """Rows of the projection P, which makes h_t smaller than the number of cells; None: no projection."""
    peephole: bool = False
    """Diagonal weights from the cell state to the gates (LSTM); they cost no cycle of the array."""

    def __post_init__(self) -> None:
        check_name("cell", self.cell, CELL_GATES)
        for name in ("hidden_size", "input_size"):
            object.__setattr__(self, name, check_integer(name, getattr(self, name)))
        check_flag("bidirectional", self.bidirectional)
        check_flag("peephole", self.peephole)
        if self.projection_size is not None:
            object.__setattr__(self, "projection_size", check_integer("projection_size", self.projection_size))
        if self.cell != "lstm" and (self.peephole or self.projection_size is not None):
            raise refuse("cell", "lstm (peephole and projection_size belong to it)", self.cell)

    @property
    def gates(self) -> str:
        """Gates, one letter each."""
        return CELL_GATES[self.cell]

    @property
    def num_directions(self) -> int:
        """1, or 2 for a bidirectional layer."""
        return 2 if self.bidirectional else 1

    @property
    def recurrent_size(self) -> int:
        """Elements of h_t in one direction."""
        return self.projection_size or self.hidden_size

    @property
    def output_size(self) -> int:
        """Elements that the layer puts out a step, both directions together."""
        return self.recurrent_size * self.num_directions

    @property
    def num_weights(self) -> int:
        """Weights of all matrices and directions, biases and peepholes left out; also the MACs of a step."""
        gate_matrix = len(self.gates) * self.hidden_size * (self.input_size + self.recurrent_size)
        projection = self.hidden_size * (self.projection_size or 0)
        return self.num_directions * (gate_matrix + projection)


@dataclass(frozen=True, kw_only=True)
class Network:
    """A stack of layers run over a sequence; each layer reads what the layer below puts out."""

    name: str
    """Short name, as given to ``--network``."""
    layers: tuple[RNNLayer, ...]
    """From the bottom up."""
    seq_len: int
    """Time steps."""
    batch_size: int = 1
    """Sequences that share the weights."""
    title: str = ""
    """What the network is for, in a line."""
    provenance: Mapping[str, Provenance] = field(default_factory=dict, compare=False)
    """Source and status of each number, by field name."""

    def __post_init__(self) -> None:
        check_text("name", self.name)
        for name in ("seq_len", "batch_size"):
            object.__setattr__(self, name, check_integer(name, getattr(self, name)))
        if self.title != "":
            check_text("title", self.title)
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise refuse("layers", "at least one layer", self.layers)
        for index, (below, layer) in enumerate(zip(self.layers, self.layers[1:], strict=False), start=1):
            if layer.input_size != below.output_size:
                raise SpecificationError(
                    f"layers[{index}].input_size: expected {below.output_size} "
                    f"(what layers[{index - 1}] puts out), got {layer.input_size}"
                )

    @property
    def num_weights(self) -> int:
        """Weights of all layers."""
        return sum(layer.num_weights for layer in self.layers)

    @property
    def num_macs_per_sequence(self) -> int:
        """Multiply-accumulates of the whole run, all sequences of the batch."""
        return self.num_weights * self.seq_len * self.batch_size


def square_lstm(hidden_size: int, seq_len: int = 25) -> Network:
    """One LSTM layer whose input is as wide as its hidden state (X = H), the paper's synthetic workload.

    Parameters
    ----------
    hidden_size : int
        Cells, and elements of x_t.
    seq_len : int
        Time steps; the paper's sweeps use 25.
    """
    return single_layer("lstm", hidden_size, hidden_size, seq_len)


def single_layer(cell: str, input_size: int, hidden_size: int, seq_len: int) -> Network:
    """One layer as a network, named after its sizes."""
    layer = RNNLayer(cell=cell, input_size=input_size, hidden_size=hidden_size)
    return Network(name=f"{cell}-{input_size}x{hidden_size}-t{seq_len}", layers=(layer,), seq_len=seq_len)
