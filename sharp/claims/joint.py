"""Claims together: the setting of the assumed numbers that meets most of them, and the smallest sets that none meets.

Claims that agree one by one, each somewhere in the assumed ranges, need not agree in any one machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_CONFLICT = 3
"""Claims of the largest sets that are looked for."""


@dataclass(frozen=True, kw_only=True)
class Joint:
    """How many claims one setting of the assumed numbers meets, and which no setting meets together."""

    best: int
    """Claims that the best setting meets, each by the rule for what agrees."""
    of: int
    """Claims that could be met: all that are answered and did not go into the model."""
    nominal: int
    """Claims that the nominal setting meets."""
    median: float
    """Claims that half of the settings reach."""
    setting: int
    """The best setting by its place: 0 is the nominal one, n the sample n - 1."""
    settings: int
    """Settings that were tried: the nominal one and all samples."""
    ours: Mapping[str, float]
    """What the model says in the best setting, by claim."""
    met: Mapping[str, bool]
    """Whether that meets the claim."""
    conflicts: tuple[tuple[str, ...], ...]
    """Smallest sets of claims that no setting meets together, by size: without any one of them the others are met."""

    def as_dict(self) -> dict[str, Any]:
        """The scores and the conflicts, as JSON has them."""
        return {
            "best": self.best,
            "of": self.of,
            "nominal": self.nominal,
            "median": self.median,
            "settings": self.settings,
            "met": [name for name, met in self.met.items() if met],
            "conflicts": [list(names) for names in self.conflicts],
        }


def find_joint(values: Mapping[str, NDArray[np.float64]], met: Mapping[str, NDArray[np.bool_]]) -> Joint:
    """Find the best single setting, and the conflicts of up to `LARGEST_CONFLICT` claims, by trying all.

    Parameters
    ----------
    values, met : mapping of str to numpy.ndarray, (settings,)
        By claim, what the model says in each setting, the nominal one first, and whether that meets the claim.
    """
    table = np.array(list(met.values()))
    scores = np.atleast_1d(table.sum(axis=0, dtype=int))
    best = int(scores.argmax())
    names = list(met)
    return Joint(
        best=int(scores[best]),
        of=len(names),
        nominal=int(scores[0]),
        median=float(np.median(scores)),
        setting=best,
        settings=len(scores),
        ours={name: float(series[best]) for name, series in values.items()},
        met={name: bool(series[best]) for name, series in met.items()},
        conflicts=tuple(tuple(names[place] for place in places) for places in smallest_conflicts(table)),
    )


def smallest_conflicts(met: NDArray[np.bool_], largest: int = LARGEST_CONFLICT) -> Sequence[tuple[int, ...]]:
    """Sets of claims that no setting meets together, though it meets any of them without one; exact, smallest first.

    Sets grow by a claim at a time from those that some setting meets: all others contain a conflict already.

    Parameters
    ----------
    met : numpy.ndarray of bool, (claims, settings)
    largest : int
        Claims of the largest sets that are looked for.

    Returns
    -------
    sequence of tuple of int
        Places of the claims, in order.
    """
    settings = [int.from_bytes(np.packbits(row).tobytes(), "big") for row in met]  # a bit a setting
    possible: dict[tuple[int, ...], int] = {(): -1}
    found: list[tuple[int, ...]] = []
    for size in range(1, largest + 1):
        grown = {
            (*places, place): together & settings[place]
            for places, together in possible.items()
            for place in range(places[-1] + 1 if places else 0, len(settings))
        }
        possible = {
            places: together
            for places, together in grown.items()
            if all(part in possible for part in combinations(places, size - 1))
        }
        found += [places for places, together in possible.items() if not together]
        possible = {places: together for places, together in possible.items() if together}
    return found
