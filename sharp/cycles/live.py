"""Live input: a frame every so often, and what comes of it when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sharp.checks import check_number, refuse
from sharp.cycles.group_counts import count_group
from sharp.cycles.orders import Group
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.units import seconds_from_cycles
from sharp.workload.network import Network


@dataclass(frozen=True, kw_only=True)
class Live:
    """A run whose input comes a frame at a time: when its outputs are there.

    Examples
    --------
    A frame every microsecond, which two layers of 340 cells on 64K multipliers keep up with:

    >>> import sharp
    >>> layer = sharp.RNNLayer(input_size=340, hidden_size=340)
    >>> network = sharp.Network(name="two", layers=(layer, layer), seq_len=100)
    >>> machine = sharp.find_accelerator("sharp").with_macs("64K")
    >>> live = sharp.simulate(network, machine, sharp.Plan(order="steps"), arrival_s=1e-6).live
    >>> live.keeps_up, f"{live.first_output_s * 1e9:.0f} ns", f"{live.latency_s * 1e9:.0f} ns"
    (True, '294 ns', '294 ns')
    """

    arrival_s: float
    """Seconds from a frame to the next."""
    first_output_s: float
    """Seconds from the first frame to the first output."""
    latency_s: float
    """Seconds from a frame to its output, the greatest of all frames."""
    shortest_arrival_s: float
    """Seconds from an output to the next where frames are there as soon as they can be used."""

    @property
    def keeps_up(self) -> bool:
        """Whether frames are served as fast as they come, so that the latency does not grow with their number."""
        return self.shortest_arrival_s <= self.arrival_s

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**vars(self), "keeps_up": self.keeps_up}

    def __str__(self) -> str:
        verdict = "keeps up" if self.keeps_up else "does not keep up: the latency grows with the number of frames"
        return (
            f"a frame every {_time(self.arrival_s)}: first output after {_time(self.first_output_s)}, latency of a "
            f"frame {_time(self.latency_s)} at most; {verdict} (at best a frame every {_time(self.shortest_arrival_s)})"
        )


def watch_frames(
    network: Network, groups: tuple[Group, ...], accelerator: Accelerator, plan: Plan, arrival_s: float
) -> Live:
    """Let frames come, and look when the last layer of the first group puts out what.

    Raises
    ------
    SpecificationError
        Where the first layers do not run in ``steps``, or the arrival is not a positive number.
    """
    check_number("arrival_s", arrival_s)
    if groups[0].order != "steps":
        raise refuse("order", "steps with frames that arrive one by one", groups[0].order)
    period = frame_cycles(arrival_s, accelerator)
    come = count_group(network, groups[0], accelerator, plan, period=period).steps_out
    ready = (0, *count_group(network, groups[0], accelerator, plan, period=0).steps_out)
    late = [out - period * index for index, out in enumerate(come)]
    cycles = {
        "first_output_s": come[0],
        "latency_s": max(late),
        "shortest_arrival_s": ready[-1] - ready[-2],
    }
    found = {name: seconds_from_cycles(value, accelerator.clock_hz) for name, value in cycles.items()}
    return Live(arrival_s=arrival_s, **found)


def frame_cycles(arrival_s: float, accelerator: Accelerator) -> int:
    """Whole cycles from a frame to the next, at least one."""
    return max(1, round(arrival_s * accelerator.clock_hz))


def _time(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.4g} {unit}"
    return f"{seconds * 1e9:.4g} ns"
