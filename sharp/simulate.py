"""Compose: a network on an accelerator under a schedule, layer by layer, into a `Report`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sharp.accelerator import Accelerator
from sharp.cycles import CycleCounts, Progress, sum_counts
from sharp.explore import TileRows, explore
from sharp.units import seconds_from_cycles
from sharp.workload import Network, RNNLayer


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """One layer: the tile it ran on and where its cycles went."""

    layer: RNNLayer
    tile_rows: int
    """Tile height in use."""
    counts: CycleCounts
    """Both directions together."""
    fits_weight_buffer: bool
    """Whether the layer's weights fit on chip; where they do not, resident weights are an idealisation."""
    fits_intermediate_buffer: bool
    """Whether the sums that `unfolded` keeps fit; always true for the other schedules."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A network on an accelerator: cycles, latency, utilization and the split, per layer and in total."""

    network: Network
    accelerator: Accelerator
    schedule: str
    reconfiguration: bool
    layers: tuple[LayerReport, ...]

    @property
    def counts(self) -> CycleCounts:
        """All layers, one after the other."""
        return sum_counts([layer.counts for layer in self.layers])

    @property
    def latency_s(self) -> float:
        """Seconds from the first tile to the last h of the last layer."""
        return seconds_from_cycles(self.counts.total_cycles, self.accelerator.clock_hz)

    @property
    def warnings(self) -> list[str]:
        """What the numbers leave out, a sentence each."""
        too_large = [index for index, layer in enumerate(self.layers) if not layer.fits_weight_buffer]
        unfinished = [index for index, layer in enumerate(self.layers) if not layer.fits_intermediate_buffer]
        sentences = []
        if too_large:
            sentences.append(
                f"the weights of {_name_layers(too_large)} do not fit the weight buffer of "
                f"{self.accelerator.weight_buffer.capacity_bytes} bytes; the cycles assume that they do"
            )
        if unfinished:
            sentences.append(
                f"the unfolded sums of {_name_layers(unfinished)} do not fit the intermediate buffer of "
                f"{self.accelerator.intermediate_buffer.capacity_bytes} bytes; the cycles assume that they do"
            )
        return sentences

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values; the keys are stable and documented in the book."""
        return {
            **run_settings(self.network, self.accelerator, self.schedule, self.reconfiguration),
            **self._measures(self.counts),
            "layers": [
                {
                    "cell": report.layer.cell,
                    "input_size": report.layer.input_size,
                    "hidden_size": report.layer.hidden_size,
                    "bidirectional": report.layer.bidirectional,
                    "tile_rows": report.tile_rows,
                    **self._measures(report.counts),
                    "fits_weight_buffer": report.fits_weight_buffer,
                    "fits_intermediate_buffer": report.fits_intermediate_buffer,
                }
                for report in self.layers
            ],
            "warnings": self.warnings,
        }

    def _measures(self, counts: CycleCounts) -> dict[str, Any]:
        return {
            "total_cycles": counts.total_cycles,
            "latency_s": seconds_from_cycles(counts.total_cycles, self.accelerator.clock_hz),
            "utilization": counts.utilization,
            "split": counts.split,
        }


def run_settings(network: Network, accelerator: Accelerator, schedule: str, reconfiguration: bool) -> dict[str, Any]:
    """What was run on what, as the first keys of JSON reports."""
    return {
        "network": network.name,
        "accelerator": accelerator.name,
        "num_macs": accelerator.num_macs,
        "clock_hz": accelerator.clock_hz,
        "schedule": schedule,
        "reconfiguration": reconfiguration,
        "seq_len": network.seq_len,
    }


def simulate(
    network: Network,
    accelerator: Accelerator,
    *,
    schedule: str = "unfolded",
    tile_rows: TileRows = "best",
    reconfiguration: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Run a network on an accelerator; layers, and the directions of a layer, one after the other.

    Parameters
    ----------
    network : Network
    accelerator : Accelerator
    schedule : str
        "sequential", "batch", "intergate" or "unfolded".
    tile_rows : int or "best"
        Tile height of every layer, or the best one of each.
    reconfiguration : bool
        Padding reconfiguration on or off.
    progress : callable, optional
        Called with the share of the work done, 0 to 1.

    Raises
    ------
    SpecificationError
        Where an argument is not what it has to be.
    InfeasibleMappingError
        Where the network needs what the cycle model does not cover so far, or the sizes overflow 64 bits.
    """
    tables = explore(
        network,
        accelerator,
        schedule=schedule,
        tile_rows=tile_rows,
        reconfiguration=reconfiguration,
        progress=progress,
    )
    layers = tuple(
        LayerReport(
            layer=layer,
            tile_rows=table.best,
            counts=table.candidates[table.best],
            fits_weight_buffer=layer.num_weights * accelerator.weight_bytes <= accelerator.weight_buffer.capacity_bytes,
            fits_intermediate_buffer=_fits_intermediate(layer, accelerator, schedule),
        )
        for layer, table in zip(network.layers, tables, strict=True)
    )
    return Report(
        network=network, accelerator=accelerator, schedule=schedule, reconfiguration=reconfiguration, layers=layers
    )


def _fits_intermediate(layer: RNNLayer, accelerator: Accelerator, schedule: str) -> bool:
    """Whether a sum for every row of the gate matrix fits the intermediate buffer."""
    needed = len(layer.gates) * layer.hidden_size * accelerator.partial_sum_bytes
    return schedule != "unfolded" or needed <= accelerator.intermediate_buffer.capacity_bytes


def _name_layers(indices: list[int]) -> str:
    if len(indices) == 1:
        return f"layer {indices[0]}"
    listed = ", ".join(map(str, indices[:5]))
    return f"layers {listed}" + (f" and {len(indices) - 5} more" if len(indices) > 5 else "")
