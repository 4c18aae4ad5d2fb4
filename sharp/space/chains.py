"""Chains of layers that are executed one after the other, as studies of formats and of thresholds run them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sharp.checks import refuse
from sharp.values.execute import LayerValues
from sharp.values.weights import DirectionWeights, random_weights
from sharp.workload.network import Network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

Run = Callable[..., LayerValues]
Weights = Sequence[Sequence[DirectionWeights]]


def weights_of(network: Network, weights: Weights | None, seed: int) -> Weights:
    """The weights of each layer of a chain: those given, or random ones.

    Raises
    ------
    SpecificationError
        Where a layer does not read the one before.
    """
    if not network.is_chain:
        raise refuse("network", "one in which each layer reads the one before", network.name)
    if weights is not None:
        return weights
    return [random_weights(layer, seed=seed + place) for place, layer in enumerate(network.layers)]


def run_chain(network: Network, weights: Weights, x: Doubles, run: Callable[..., Any]) -> Doubles:
    """The last layer's output, each layer run as ``run(layer, weights, x)`` on what the one before put out."""
    values = x
    for layer, its in zip(network.layers, weights, strict=True):
        values = run(layer, its, values).output + (values if layer.residual else 0)
    return values
