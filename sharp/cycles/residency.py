"""Where the weights of a whole network are: on chip all the time, or in the DRAM.

Layers that a run keeps on chip have to fit the weight buffer together. Whether they do decides what ``weights: auto``
is; whoever asks for ``resident`` is told what it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.units import MIB
from sharp.workload.network import Network, RNNLayer


@dataclass(frozen=True, kw_only=True)
class Residency:
    """What was asked of the place of the weights, and whether they fit on chip together.

    Examples
    --------
    >>> import sharp
    >>> machine = sharp.find_accelerator("sharp").with_macs("64K")
    >>> for name in ("eesen", "gmat"):
    ...     print(sharp.simulate(sharp.find_network(name), machine, sharp.Plan(weights="auto")).residency)
    weights resident: the 24.7 MiB of all layers fit the weight buffer of 26 MiB
    weights streamed: the 272 MiB of all layers do not fit the weight buffer of 26 MiB
    """

    asked: str
    """Of the plan: one of `sharp.machine.plan.WEIGHTS`."""
    num_bytes: float
    """Bytes of the weights of all layers."""
    capacity_bytes: float
    """Bytes of the weight buffer."""

    @classmethod
    def of(cls, network: Network, accelerator: Accelerator, plan: Plan) -> Residency:
        """The residency of a network on a machine."""
        return cls(
            asked=plan.weights,
            num_bytes=network.num_weights * accelerator.weight_bytes,
            capacity_bytes=accelerator.weight_buffer.capacity_bytes,
        )

    @property
    def fits(self) -> bool:
        """Whether the weights of all layers are on chip together."""
        return self.num_bytes <= self.capacity_bytes

    @property
    def chosen(self) -> str:
        """What the run does: "resident", where asked for or where they fit and nothing is asked for, or "streamed"."""
        if self.asked != "auto":
            return self.asked
        return "resident" if self.fits else "streamed"

    @property
    def left_out(self) -> tuple[str, ...]:
        """What cycles of layers one by one leave out, a sentence each."""
        if self.fits:
            return ()
        needed = f"the {mib(self.num_bytes)} of the weights do not fit the weight buffer of {mib(self.capacity_bytes)}"
        return (f"{needed}; the cycles are those of weights on chip (sharp run has them streamed)",)

    def __str__(self) -> str:
        return (
            f"weights {self.chosen}: the {mib(self.num_bytes)} of all layers {'fit' if self.fits else 'do not fit'} "
            f"the weight buffer of {mib(self.capacity_bytes)}"
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: what was asked for, what was chosen, MiB of weights and of the buffer, whether they fit."""
        return {
            "asked": self.asked,
            "chosen": self.chosen,
            "weights_mib": self.num_bytes / MIB,
            "weight_buffer_mib": self.capacity_bytes / MIB,
            "fits_weight_buffer": self.fits,
        }


def passing_bytes(layer: RNNLayer, accelerator: Accelerator, tile_rows: int) -> float:
    """Bytes of a segment, at most: as many of the longest rows of a layer as the tile has."""
    return max(min(tile_rows, rows) * columns for rows, columns in layer.matrices) * accelerator.weight_bytes


def streamed_share(num_bytes: float, capacity_bytes: float, segment_bytes: float) -> float:
    """Share of some weights that comes from the DRAM in every step, the same of each segment: its last rows.

    The buffer holds the others and, beside them, what passes through: the share of two segments. So
    ``(1 - s) num_bytes + 2 s segment_bytes = capacity_bytes``, and a byte less of buffer costs about a byte a step.

    Examples
    --------
    >>> from sharp.cycles.residency import streamed_share
    >>> streamed_share(36e6, 36e6, 1e6), streamed_share(36e6, 19e6, 1e6), streamed_share(36e6, 1e6, 1e6)
    (0.0, 0.5, 1.0)
    """
    missing, room = num_bytes - capacity_bytes, num_bytes - 2 * segment_bytes
    if missing <= 0:
        return 0.0
    return missing / room if missing < room else 1.0


def kept_bytes(num_bytes: float, share: float) -> float:
    """Bytes of some weights that stay on chip, where a share of them streams."""
    return num_bytes - ceil(num_bytes * share)


def settled(network: Network, accelerator: Accelerator, plan: Plan) -> Plan:
    """The plan with the place of the weights decided: resident or streamed."""
    return replace(plan, weights=Residency.of(network, accelerator, plan).chosen)


def as_users_run(own: Plan) -> Plan:
    """A machine's own plan as a user gets it: weights resident, the paper's reading, only where they fit."""
    return replace(own, weights="auto") if own.weights == "resident" else own


def mib(num_bytes: float) -> str:
    """Bytes as people read them: "26 MiB"."""
    return f"{num_bytes / MIB:.3g} MiB"
