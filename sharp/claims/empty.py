"""Empty models: what one would say of a claim without a model of anything, so that agreement with it is worth nothing.

A claim that an empty model meets too says nothing about ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharp.claims.measures import measure
from sharp.claims.uncertainty import Study
from sharp.workload.network import Network

EMPTY_MODELS: Mapping[str, str] = MappingProxyType(
    {
        "no_gain": "no gain at all: every gain is 1, every change 0",
        "column_mean": "every number of a column of the paper is the column's mean",
        "epur_as_sharp": "SHARP is E-PUR: the nominal E-PUR runs in its place",
    }
)
"""The empty models."""
NOTHING_GAINED: Mapping[str, float] = MappingProxyType({"gain": 1.0, "change": 0.0})
"""What a number of a kind is where nothing is gained."""


class _EpurRuns(Study):
    """A study in which E-PUR runs whatever is asked of SHARP."""

    asked = False

    def _results(self, machine: str, network: Network, budget: str, *, with_energy: bool) -> dict[str, NDArray[Any]]:
        self.asked = True
        return super()._results("epur", network, budget, with_energy=with_energy)


class EpurAsSharp:
    """The empty model in which SHARP is E-PUR, on the first sample of a study."""

    def __init__(self, study: Study) -> None:
        first = {key: np.asarray(values)[:1] for key, values in study.samples.items()}
        self._study = _EpurRuns(first, study.accelerator, study.technology)

    def answer(self, name: str, arguments: Mapping[str, Any]) -> float | None:
        """What a measure is in it; None where it runs no network."""
        self._study.asked = False
        value = float(measure(name, self._study, arguments)[0])
        return value if self._study.asked else None
