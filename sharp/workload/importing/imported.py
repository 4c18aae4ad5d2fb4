"""What is in a file of another tool: networks of recurrent and dense layers, and what else it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ImportedLayer:
    """A layer of a file."""

    name: str
    """As the file has it: its node, its loop, or what its weights' names begin with."""
    cell: str
    """lstm, gru, rnn, or dense: a product without recurrence."""
    input_size: int
    hidden_size: int
    """Cells of one direction, or what a dense layer puts out."""
    bidirectional: bool = False
    projection_size: int | None = None
    peephole: bool = False
    linear_before_reset: bool = True
    reverse: bool = False
    """Whether it runs from the last step to the first, which takes the same time."""
    merge: str = "concat"
    """How what two directions put out is put together: concat or sum."""
    seq_len: int
    batch_size: int
    lengths: tuple[int, ...] = ()
    """Steps of each sequence, where they differ."""
    num_weights: int
    """Of its matrices, biases and peepholes left out."""
    macs: int
    """Multiply-accumulates of a run."""
    reads: tuple[str, ...] = ()
    """Names of layers, and of inputs as ``input:NAME``."""
    through: tuple[str, ...] = ()
    """Operators between these and the layer, those aside that only move elements."""
    feedback: tuple[str, ...] = ()
    """Names of layers of which it reads what they put out a step before."""
    nodes: tuple[str, ...] = ()
    """The nodes of the file that it was found by."""

    def as_dict(self) -> dict[str, Any]:
        """All fields, JSON-ready."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the nodes of an operator cost that no layer is made of."""

    count: int
    macs: int
    """Multiply-accumulates; 0 of those that only move, compare or normalise."""


@dataclass(frozen=True, kw_only=True)
class ImportedNetwork:
    """Layers that run together."""

    name: str
    layers: tuple[ImportedLayer, ...]
    not_modelled: Mapping[str, Work] = field(default_factory=dict)
    """By operator."""

    def as_dict(self) -> dict[str, Any]:
        """Name, layers and sums, JSON-ready."""
        return {
            "name": self.name,
            "layers": [layer.as_dict() for layer in self.layers],
            "not_modelled": {name: vars(work) for name, work in self.not_modelled.items()},
            "num_weights": sum(layer.num_weights for layer in self.layers),
            "macs": sum(layer.macs for layer in self.layers),
        }


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What is in a file."""

    networks: tuple[ImportedNetwork, ...]
    """One, or one for each of the networks that it chooses between."""
    alternatives: tuple[tuple[str, ...], ...] = ()
    """Names of recurrent layers, of which a run takes one group."""
    one_step: bool = False
    """Whether the file takes one step a call, its state going in and out."""
    warnings: tuple[str, ...] = ()
    """What a reader should know of how it was read."""

    def as_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready; `not_modelled` is the first network's."""
        networks = [network.as_dict() for network in self.networks]
        return {
            "networks": networks,
            "alternatives": [list(names) for names in self.alternatives],
            "not_modelled": networks[0]["not_modelled"],
            "warnings": list(self.warnings),
        }
