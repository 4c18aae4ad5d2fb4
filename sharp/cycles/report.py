"""What every machine reports of a run: cycles, latency, utilization and the split, per layer and in total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sharp.cycles.counting import CycleCounts, sum_counts
from sharp.units import seconds_from_cycles
from sharp.workload.network import Network, RNNLayer


class Machine(Protocol):
    """What a report says of the machine that it is about."""

    @property
    def name(self) -> str:
        """Short name, as given to ``--accelerator``."""

    @property
    def num_macs(self) -> int:
        """Multiply-accumulates that it does a cycle, at most."""

    @property
    def clock_hz(self) -> float:
        """Hertz."""


@dataclass(frozen=True, kw_only=True)
class LayerRun:
    """One layer of a run, and where its cycles went; all directions and sequences together."""

    layer: RNNLayer
    counts: CycleCounts
    """All directions and sequences together."""


@dataclass(frozen=True, kw_only=True)
class MachineReport:
    """What a run of a network took, on a machine of any kind: cycles, latency, utilization, of each layer and in total.

    Machines of tiles add to it (`sharp.Report`); BrainWave and GPUs, fitted to published latencies, have no more to
    say.
    """

    network: Network
    accelerator: Machine
    layers: Sequence[LayerRun]
    notes: tuple[str, ...] = ()
    """What a reader has to know of the numbers, a sentence each."""

    @property
    def counts(self) -> CycleCounts:
        """Cycles of the whole run and where they went: all layers, one after the other."""
        return sum_counts([layer.counts for layer in self.layers])

    @property
    def latency_s(self) -> float:
        """Seconds from the start of the first layer to the last h of the last one: total cycles over the clock."""
        return seconds_from_cycles(self.counts.total_cycles, self.accelerator.clock_hz)

    @property
    def order(self) -> str:
        """Name of the schedule, as tables print it; empty on a machine that has none to choose."""
        return ""

    @property
    def warnings(self) -> list[str]:
        """What a reader has to know of the numbers and what they leave out, a sentence each, as printed below them."""
        return list(self.notes)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values, as ``--json`` prints it.

        The keys are stable and documented in the book (page "The command", section "JSON keys").
        """
        return {
            "network": self.network.name,
            "accelerator": self.accelerator.name,
            "num_macs": self.accelerator.num_macs,
            "clock_hz": self.accelerator.clock_hz,
            "seq_len": self.network.seq_len,
            "batch_size": self.network.batch_size,
            "lengths": list(self.network.lengths),
            **self.measures(self.counts),
            "layers": [{**entry.layer.as_dict(), **self.measures(entry.counts)} for entry in self.layers],
            "warnings": self.warnings,
        }

    def measures(self, counts: CycleCounts) -> dict[str, Any]:
        """Some of its cycles as JSON has them."""
        return {
            "total_cycles": counts.total_cycles,
            "latency_s": seconds_from_cycles(counts.total_cycles, self.accelerator.clock_hz),
            "utilization": counts.utilization,
            "split": counts.split,
        }
