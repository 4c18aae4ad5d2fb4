"""Machines of which latencies are known and nothing else: what a text prints, or what was measured on one at hand.

Such a machine runs the networks that its latencies are of, and no other: there is no model that says more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sharp.checks import check_integer, check_list, check_mapping, check_number, check_text, refuse, within
from sharp.cycles.counting import Progress
from sharp.cycles.report import MachineReport
from sharp.errors import SpecificationError
from sharp.machine.plan import Plan
from sharp.published import number_from
from sharp.rivals.data import MeasuredLatency, latency_from, load_latencies, of_device
from sharp.rivals.machine import Machine
from sharp.shipped import DATA, shipped
from sharp.workload.network import Network
from sharp.yamlfile import read_yaml

_PEAK = {"num_macs": "multipliers", "clock_hz": "Hz"}


@dataclass(frozen=True, kw_only=True)
class Published(Machine):
    """A machine that is known by latencies of some networks."""

    name: str
    """Short name, as given to ``--accelerator``."""
    latencies: tuple[MeasuredLatency, ...]
    """What is known, a network each."""
    num_macs: int | None = None
    """Multiply-accumulates that it does a cycle, at most; None where that is not known."""
    clock_hz: float | None = None
    """Hertz; None where that is not known."""

    def __post_init__(self) -> None:
        check_text("name", self.name)
        object.__setattr__(self, "latencies", tuple(self.latencies))
        if self.num_macs is not None:
            check_integer("num_macs", self.num_macs)
        if self.clock_hz is not None:
            check_number("clock_hz", self.clock_hz)
        if not self.latencies:
            raise refuse("latencies", "at least one", 0)
        seen: list[object] = []
        for latency in self.latencies:
            self._check_peak(latency)
            work = _work(latency.network)
            if work in seen:
                raise refuse("latencies", "each network once", latency.network.name)
            seen.append(work)

    def _check_peak(self, latency: MeasuredLatency) -> None:
        if self.num_macs is None or self.clock_hz is None:
            return
        least = latency.num_macs / (self.num_macs * self.clock_hz)
        if latency.latency_s < least * (1 - 1e-9):
            expected = f"at least {least:g} s of {latency.network.name}, which {self.num_macs} multipliers need"
            raise refuse("latencies", expected, latency.latency_s)

    def run(self, network: Network, plan: Plan | None = None, *, progress: Progress | None = None) -> MachineReport:
        """Give the latency of a network that is known.

        Raises
        ------
        SpecificationError
            Where none of this network, with as many steps and sequences, is known, and where there is a plan.
        """
        del progress  # it takes no time
        self.check_no_plan(plan)
        for latency in self.latencies:
            if _work(latency.network) == _work(network):
                return MachineReport(
                    network=network,
                    accelerator=self,
                    given_latency_s=latency.latency_s,
                    given_macs=latency.num_macs,
                    notes=_notes(latency),
                )
        known = ", ".join(latency.network.name for latency in self.latencies[:5])
        more = f" and {len(self.latencies) - 5} more" if len(self.latencies) > 5 else ""
        raise refuse("network", f"one whose latency is known of {self.name} ({known}{more})", network.name)

    @classmethod
    def names(cls) -> Collection[str]:
        """The machines that ship as published latencies."""
        return [path.stem for path in shipped("machines")]

    @classmethod
    def named(cls, name: str) -> Published:
        """The machine of a shipped name."""
        path = DATA / "machines" / f"{name}.yaml"
        content = {key: entry for key, entry in read_yaml(path).items() if key != "kind"}
        with within(f"{path}: "):
            return cls.read(name, content, folder=path.parent)

    @classmethod
    def read(
        cls, name: str, content: Mapping[str, Any], *, folder: Path = Path(), allow_code: bool = False
    ) -> Published:
        """The machine that the content of a file describes.

        Keys: ``latencies`` is a CSV file (`sharp.rivals.data.load_latencies`) or a list of mappings with its columns;
        ``device`` says which of the devices of a CSV file is meant; ``num_macs`` and ``clock_hz`` may be given.
        """
        del allow_code
        check_mapping("published", content, ("latencies", "device", *_PEAK), ("latencies",))
        numbers: dict[str, Any] = {}
        for key in _PEAK.keys() & content.keys():
            with within(key):
                numbers[key] = number_from(content[key], _PEAK[key]).value
        return cls(name=name, latencies=_latencies(name, content, folder), **numbers)


def _work(network: Network) -> tuple[object, ...]:
    """What has to be the same for a latency to be that of a network."""
    return network.layers, network.places, network.sequences


def _notes(latency: MeasuredLatency) -> tuple[str, ...]:
    notes = [f"a latency that is {latency.status}, nothing more is known ({latency.source}; {latency.precision})"]
    if latency.input_product is False:
        notes.append("it is without the products with x")
    return tuple(notes)


def _latencies(name: str, content: Mapping[str, Any], folder: Path) -> tuple[MeasuredLatency, ...]:
    given = content["latencies"]
    if isinstance(given, str):
        latencies = load_latencies(folder / given)
        devices = dict.fromkeys(latency.device for latency in latencies)
        if "device" not in content and len(devices) > 1:
            raise SpecificationError(f"device: expected one of {', '.join(devices)}, got none")
        return of_device(latencies, content.get("device", latencies[0].device))
    rows = []
    for index, entry in enumerate(check_list("latencies", given)):
        with within(f"latencies[{index}]"):
            rows.append(latency_from({"device": name, **entry} if isinstance(entry, Mapping) else entry))
    return tuple(rows)
