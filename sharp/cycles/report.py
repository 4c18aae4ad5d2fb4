"""What every machine reports of a run: cycles, latency, utilization and the split, per layer and in total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from sharp.checks import check_integer, check_items, check_kind, check_number, check_text, refuse
from sharp.cycles.counting import CycleCounts, sum_counts
from sharp.units import MIB, seconds_from_cycles
from sharp.version import __version__
from sharp.workload.network import Network, RNNLayer


class Reported(Protocol):
    """What a report says of the machine that it is about."""

    @property
    def name(self) -> str:
        """Short name, as given to ``--accelerator``."""

    @property
    def num_macs(self) -> int | None:
        """Multiply-accumulates that it does a cycle, at most; None where that is not known."""

    @property
    def clock_hz(self) -> float | None:
        """Hertz; None where that is not known."""

    @property
    def weight_bytes(self) -> float | None:
        """Bytes of a weight, and of an element of x and h; None where that is not known."""

    @property
    def cautions(self) -> tuple[str, ...]:
        """What is odd of its numbers, a sentence each."""


@dataclass(frozen=True, kw_only=True)
class LayerRun:
    """One layer of a run, and where its cycles went; all directions and sequences together.

    Examples
    --------
    >>> import sharp
    >>> (run,) = sharp.find_machine("brainwave").run(sharp.square_lstm(512)).layers
    >>> run.layer.hidden_size, run.counts.total_cycles
    (512, 18855)
    """

    layer: RNNLayer
    counts: CycleCounts
    """All directions and sequences together."""

    def __post_init__(self) -> None:
        check_kind("layer", self.layer, RNNLayer)
        check_kind("counts", self.counts, CycleCounts)


@dataclass(frozen=True, kw_only=True)
class MachineReport:
    """What a run of a network took, on a machine of any kind: cycles, latency, utilization, of each layer and in total.

    Machines of tiles add to it (`sharp.Report`). Where only a latency is known, as a text prints it, there are no
    layers and no cycles.

    Examples
    --------
    >>> import sharp
    >>> network = sharp.find_network("deepbench-lstm-h512-t25")
    >>> report = sharp.find_machine("brainwave").run(network)
    >>> report.latency_s, report.counts.total_cycles, f"{report.utilization:.1%}"
    (7.542e-05, 18855, '2.9%')
    >>> known = sharp.find_machine("plasticine").run(network)
    >>> f"{known.latency_s * 1e6:.1f} us", known.counts, known.utilization
    ('13.9 us', None, None)
    """

    network: Network
    accelerator: Reported
    layers: Sequence[LayerRun] = ()
    """Each layer of the network, from the bottom up; none where only a latency is known."""
    given_latency_s: float | None = None
    """Seconds of the whole run, where they do not follow from cycles."""
    given_macs: int | None = None
    """Multiply-accumulates in that time, where they are not all of the network's."""
    notes: tuple[str, ...] = ()
    """What a reader has to know of the numbers, a sentence each."""

    def __post_init__(self) -> None:
        check_kind("network", self.network, Network)
        for name in ("name", "num_macs", "clock_hz", "weight_bytes", "cautions"):
            if not hasattr(self.accelerator, name):
                raise refuse("accelerator", f"a machine, which has {name}", self.accelerator)
        object.__setattr__(self, "notes", check_items("notes", self.notes, "a list of sentences"))
        for note in self.notes:
            check_text("notes", note)
        object.__setattr__(self, "layers", check_items("layers", self.layers, "a list of sharp.LayerRun"))
        self._check_layers()
        if self.given_latency_s is not None:
            check_number("given_latency_s", self.given_latency_s)
        if self.given_macs is not None:
            check_integer("given_macs", self.given_macs)

    def _check_layers(self) -> None:
        if (self.given_latency_s is None) == (not self.layers):
            raise refuse("layers", "those of the network, or a latency in their place", len(self.layers))
        for entry in self.layers:
            check_kind("layers", entry, LayerRun)
        if self.layers and tuple(entry.layer for entry in self.layers) != self.network.layers:
            raise refuse("layers", f"the {len(self.network.layers)} of {self.network.name} in order", len(self.layers))
        if self.layers:
            check_number("clock_hz", self.accelerator.clock_hz)
        for entry in self.layers:
            if entry.counts.num_macs != self.accelerator.num_macs:
                raise refuse("counts.num_macs", f"{self.accelerator.num_macs}, the machine's", entry.counts.num_macs)

    @property
    def counts(self) -> CycleCounts | None:
        """Cycles of the whole run and where they went: all layers, one after the other; None where not known."""
        return sum_counts([layer.counts for layer in self.layers]) if self.layers else None

    @property
    def latency_s(self) -> float:
        """Seconds from the start of the first layer to the last h of the last one: total cycles over the clock."""
        return self._seconds(self.counts) if self.given_latency_s is None else self.given_latency_s

    @property
    def utilization(self) -> float | None:
        """Multiply-accumulates of the network over those that the machine could have done meanwhile, 0 to 1."""
        if self.accelerator.num_macs is None or self.accelerator.clock_hz is None:
            return None
        if self.counts is not None:
            return self.counts.utilization
        return self.macs / (self.accelerator.num_macs * self.accelerator.clock_hz * self.latency_s)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the run."""
        return self.network.num_macs if self.given_macs is None else self.given_macs

    has_run = True

    @property
    def order(self) -> str:
        """Name of the schedule, as tables print it; empty on a machine that has none to choose."""
        return ""

    @property
    def how(self) -> str:
        """How it was run, in words, where there is a choice."""
        return ""

    @property
    def remarks(self) -> list[str]:
        """What else the numbers mean, a sentence each."""
        return []

    @property
    def cautions(self) -> list[str]:
        """What is odd of machine and network, and what the numbers leave out, a sentence each."""
        sentences = list(self.accelerator.cautions)
        others, share = self.network.not_modelled, self.network.modelled_share
        if others:
            names = ", ".join(others)
            sentences.append(f"the layers are {share:.0%} of this network's multiply-accumulates; {names} not modelled")
        wide = [index for index, layer in enumerate(self.network.layers) if _is_wide(layer)]
        if wide:
            reason = "gives as many elements as there are cells or more, not fewer"
            sentences.append(f"the projection of {name_layers(wide)} {reason}")
        return sentences

    @property
    def warnings(self) -> list[str]:
        """Notes and cautions: what a reader has to know, a sentence each."""
        return [*self.notes, *self.cautions]

    @property
    def layer_columns(self) -> dict[str, list[str]]:
        """Further columns of a table of layers, for people: a text a layer by header."""
        return {}

    @property
    def totals(self) -> dict[str, float | None]:
        """Cycles, latency and utilization of the whole run by name; None where one is not known."""
        cycles = None if self.counts is None else self.counts.total_cycles
        return {"total_cycles": cycles, "latency_s": self.latency_s, "utilization": self.utilization}

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values, as ``sharp run --json`` prints it.

        The keys are stable and documented in the book (page "The command", section "JSON keys").
        """
        network = self.network
        return {
            "version": __version__,
            "network": network.name,
            "accelerator": self.accelerator.name,
            "num_macs": self.accelerator.num_macs,
            "clock_hz": self.accelerator.clock_hz,
            **self._chosen(),
            "seq_len": network.seq_len,
            "batch_size": network.batch_size,
            "lengths": list(network.lengths),
            **self.totals,
            "split": None if self.counts is None else self.counts.split,
            **self._work(self.macs, self.latency_s, network.num_weights, *network.io_elements),
            **self._further(),
            "not_modelled": {name: asdict(entry) for name, entry in network.not_modelled.items()},
            "modelled_share": network.modelled_share,
            "layers": [self._layer(index) for index in range(len(self.layers))],
            "warnings": self.warnings,
        }

    def _chosen(self) -> dict[str, Any]:
        """How it was run, as JSON has it."""
        return {}

    def _further(self) -> dict[str, Any]:
        """What else is known of the whole run, as JSON has it."""
        return {}

    def _layer(self, index: int) -> dict[str, Any]:
        """One of `layers` as JSON has it."""
        layer, counts = self.layers[index].layer, self.layers[index].counts
        steps, seconds = self.network.layer_sequences[index].total_steps, self._seconds(counts)
        sizes = layer.num_weights, layer.input_size * steps, layer.output_size * steps
        return {
            **self.network.layer_as_dict(index),
            "matrices": [list(shape) for shape in layer.matrices],
            "total_cycles": counts.total_cycles,
            "latency_s": seconds,
            "utilization": counts.utilization,
            "split": counts.split,
            **self._work(layer.num_weights * steps, seconds, *sizes),
        }

    def _work(self, macs: int, seconds: float, num_weights: int, inputs: int, outputs: int) -> dict[str, Any]:
        """Operations and bytes of some layers, as JSON has them; x and h are those of all steps and sequences."""
        each = self.accelerator.weight_bytes
        return {
            "macs": macs,
            "ops_per_s": 2 * macs / seconds,
            "num_weights": num_weights,
            "weights_mib": None if each is None else num_weights * each / MIB,
            "x_bytes": None if each is None else inputs * each,
            "h_bytes": None if each is None else outputs * each,
        }

    def _seconds(self, counts: CycleCounts | None) -> float:
        assert counts is not None, "a report has layers or a latency"
        assert self.accelerator.clock_hz is not None, "cycles have a clock"
        return seconds_from_cycles(counts.total_cycles, self.accelerator.clock_hz)


def _is_wide(layer: RNNLayer) -> bool:
    """Whether a projection does not make h smaller, which is what it is for."""
    return layer.projection_size is not None and layer.projection_size >= layer.hidden_size


def name_layers(indices: list[int]) -> str:
    """Some layers by their places, in words, a few of them if they are many."""
    if len(indices) == 1:
        return f"layer {indices[0]}"
    listed = ", ".join(map(str, indices[:5]))
    return f"layers {listed}" + (f" and {len(indices) - 5} more" if len(indices) > 5 else "")
