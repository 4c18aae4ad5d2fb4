"""How far a result is from the one that it is compared with."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Of two arrays, in four numbers; each is nan where infinities or what is not a number leaves none.

    Examples
    --------
    >>> import numpy as np
    >>> from sharp.values.compare import compare
    >>> compare(np.array([1.0, 2.001]), np.array([1.0, 2.0])).as_dict()  # doctest: +ELLIPSIS
    {'max_abs': 0.000999..., 'snr_db': 66.98..., 'cosine': 0.99999..., 'argmax_agreement': 1.0}
    """

    max_abs: float
    """Greatest magnitude of a difference."""
    snr_db: float
    """Energy of the reference over that of the differences, in decibels; infinite where there is none."""
    cosine: float
    """Of the angle between the two as one long vector each; 1 where both are zero."""
    argmax_agreement: float
    """Share of the vectors along the last axis whose greatest element is at the same place."""

    def as_dict(self) -> dict[str, float | None]:
        """JSON-ready: what is no finite number is null."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}


def compare(ours: NDArray[Any], reference: NDArray[Any]) -> Difference:
    """The difference of an array from a reference of the same shape.

    Parameters
    ----------
    ours, reference : array
        Of numbers; equal infinities and two that are not a number do not differ.
    """
    import numpy as np

    mine, theirs = ours.astype(np.float64), reference.astype(np.float64)
    with np.errstate(all="ignore"):
        same = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
        off = np.where(same, 0.0, mine - theirs)
        signal, noise = float(np.sum(theirs**2)), float(np.sum(off**2))
        lengths = math.sqrt(float(np.sum(mine**2)) * signal)
        dot = float(np.sum(mine * theirs))
    return Difference(
        max_abs=float(np.max(np.abs(off), initial=0.0)),
        snr_db=_decibels(signal, noise),
        cosine=dot / lengths if lengths else 1.0 if not (signal or np.any(mine)) else 0.0,
        argmax_agreement=_agreement(mine, theirs),
    )


def _decibels(signal: float, noise: float) -> float:
    if not math.isfinite(signal) or not math.isfinite(noise):
        return math.nan
    if not noise or not signal:
        return -math.inf if noise else math.inf
    return 10 * math.log10(signal / noise)


def _agreement(ours: NDArray[Any], reference: NDArray[Any]) -> float:
    import numpy as np

    if not ours.ndim or not ours.size:
        return 1.0
    return float(np.mean(np.argmax(ours, axis=-1) == np.argmax(reference, axis=-1)))
