"""Compose: a network on an accelerator under a schedule, layer by layer, into a `Report`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sharp.checks import check_kind
from sharp.cycles.activity import Activity, add_traffic, count_activity
from sharp.cycles.bandwidth import undelivered
from sharp.cycles.bound import Bound, bound_layer, sum_bounds
from sharp.cycles.counting import CycleCounts, Progress, sum_counts
from sharp.cycles.live import Live, frame_cycles, watch_frames
from sharp.cycles.mapping import LayerMapping, fits_weight_buffer
from sharp.cycles.orders import Group, group_layers
from sharp.cycles.queues import Queues, deepest, follow
from sharp.cycles.report import LayerRun, MachineReport, name_layers
from sharp.cycles.residency import Residency, mib, settled
from sharp.cycles.running import Ran, run_groups
from sharp.cycles.schedule import Unfolded, loaded, schedule_of
from sharp.cycles.together import Together
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.units import GIGA, cycles_from_bytes
from sharp.workload.network import Network, RNNLayer
from sharp.workload.sequences import Sequences


@dataclass(frozen=True, kw_only=True)
class LayerReport(LayerRun):
    """What one layer of a `Report` took: the tile it ran on, its cycles and where they went.

    Besides the counts it says what fitted the buffers: where it did not, the cycles are those of an idealised machine
    (its weights) or fewer products ran ahead (its early sums).

    Examples
    --------
    >>> import sharp
    >>> (layer,) = sharp.simulate(sharp.square_lstm(1024), sharp.find_accelerator("sharp").with_macs("16K")).layers
    >>> layer.tile_rows, layer.fits_weight_buffer, layer.unfolded_cells
    (64, True, 1024)
    """

    tile_rows: int
    """Tile height in use."""
    fits_weight_buffer: bool
    """Whether the layer's weights fit on chip; where they do not, resident weights are an idealisation."""
    unfolded_cells: int
    """Cells of a direction whose products with x_{t+1} are issued in step t."""
    buffer_limits_unfolding: bool
    """Whether more would be, did the intermediate buffer hold their sums."""
    fits_intermediate_buffer: bool
    """Whether the buffer holds the sums of all products with x that are issued early."""
    mapping: LayerMapping = field(repr=False, compare=False)
    """The layer on the machine."""
    together: Together | None = field(default=None, repr=False, compare=False)
    """The layers that it runs together with, it included, where it does."""

    @cached_property
    def queues(self) -> Queues | None:
        """How deep the queues between the units get, those of all layers that run together; None where not known."""
        return follow(self.together or self.mapping)


@dataclass(frozen=True, kw_only=True)
class Report(MachineReport):
    """What a run of a network on a machine of tiles took: `simulate` makes it.

    `counts` has the cycles of all layers, `layers` those of each; `latency_s` is their time in seconds. `warnings` are
    sentences on what the numbers leave out, such as weights that do not fit on chip. The report holds what it was made
    of, so that `evaluate_energy` needs nothing else.

    Examples
    --------
    >>> import sharp
    >>> report = sharp.simulate(sharp.find_network("eesen"), sharp.find_accelerator("sharp").with_macs("64K"))
    >>> report.counts.total_cycles, f"{report.counts.utilization:.1%}", f"{report.latency_s * 1e6:.0f} us"
    (340198, '29.0%', '680 us')
    >>> [layer.tile_rows for layer in report.layers]
    [128, 128, 128, 128, 128]
    >>> report.as_dict()["schedule"]
    'unfolded'
    """

    accelerator: Accelerator
    plan: Plan
    """As it was run: with weights resident or streamed where the plan left that open."""
    layers: tuple[LayerReport, ...]
    residency: Residency
    """Where the weights of the whole network are, and why."""
    groups: tuple[Group, ...]
    """Layers that run together."""
    live: Live | None = None
    """What came of frames that arrived one by one, where they did."""

    @property
    def counts(self) -> CycleCounts:
        """All layers, one after the other."""
        return sum_counts([layer.counts for layer in self.layers])

    @property
    def utilization(self) -> float:
        """Share of all multiplier-cycles that multiply a weight, 0 to 1."""
        return self.counts.utilization

    @property
    def order(self) -> str:
        """Name of the schedule."""
        return self.plan.schedule_name

    @property
    def how(self) -> str:
        """The plan in words."""
        return str(self.plan)

    @property
    def layer_columns(self) -> dict[str, list[str]]:
        """The tile height of each layer."""
        return {"K": [str(layer.tile_rows) for layer in self.layers]}

    @cached_property
    def activities(self) -> tuple[Activity, ...]:
        """How often each layer does what costs energy, such as reads of the weight buffer; an `Activity` a layer."""
        known: dict[tuple[RNNLayer, Sequences, int], Activity] = {}
        on_chip = []
        for entry in self.layers:
            key = entry.layer, entry.mapping.sequences, entry.counts.total_cycles
            known[key] = known.get(key) or count_activity(entry.mapping, entry.counts)
            on_chip.append(known[key])
        return add_traffic(on_chip, self.network, self.accelerator, self.plan, [entry.mapping for entry in self.layers])

    @cached_property
    def queues(self) -> Queues | None:
        """How deep the queues between the units get in any layer, in words.

        None where it takes too long to know, and of frames that arrive one by one.
        """
        if self.live:
            return None
        kinds = {id(entry.together or entry.mapping): entry for entry in self.layers}
        return deepest(entry.queues for entry in kinds.values())

    @cached_property
    def bounds(self) -> tuple[Bound, ...]:
        """Cycles that no order of a layer's segments can beat on this machine, a `Bound` a layer."""
        return self._bounds(together=False)

    def _bounds(self, together: bool) -> tuple[Bound, ...]:
        work = list(zip(self.network.layers, self.network.layer_sequences, strict=True))
        known = {
            entry: bound_layer(*entry, self.accelerator, self.plan, together=together) for entry in dict.fromkeys(work)
        }
        return tuple(known[entry] for entry in work)

    @property
    def remarks(self) -> list[str]:
        """Where the weights are, how deep the queues get, and how far the run is from what any order could reach."""
        sentences = [str(self.residency)] if self.residency.asked == "auto" else []
        sentences += [str(self.live)] if self.live else []
        sentences += [self.queues.said(self.accelerator)] if self.queues else []
        if not self._one_by_one:
            return sentences
        least = self._least(self.bounds)
        sentences += [f"no order takes fewer than {least.cycles:,} cycles ({least.binding}); {self._beyond(least)}"]
        grouped = self.grouped_bound
        if grouped.cycles > least.cycles and not schedule_of(self.plan).interleaves:
            other = "none in which directions and sequences do not take turns fewer than"
            sentences.append(f"{other} {grouped.cycles:,}; {self._beyond(grouped)}")
        return sentences

    @property
    def _one_by_one(self) -> bool:
        """Whether layers run one after the other."""
        return all(group.order == "layers" for group in self.groups)

    @property
    def bound(self) -> Bound:
        """Of layers one after the other the sum of their bounds; of others the greatest, as they hide each other."""
        return self._least(self.bounds) if self._one_by_one else max(self.bounds, key=lambda bound: bound.cycles)

    @property
    def grouped_bound(self) -> Bound:
        """The bound of layers one after the other whose directions and sequences do not take turns."""
        return self._least(self._bounds(together=True))

    def _least(self, bounds: tuple[Bound, ...]) -> Bound:
        """The sum of the layers' bounds, or the time in which all streamed weights arrive once, if that is longer."""
        least = sum_bounds(bounds)
        if self.plan.weights != "streamed":
            return least
        load = cycles_from_bytes(self.residency.num_bytes, self.accelerator.dram_bytes_per_cycle)
        return least if load <= least.cycles else Bound(cycles=load, limits={"DRAM": load})

    def _beyond(self, bound: Bound) -> str:
        return f"this one {self.counts.total_cycles / bound.cycles - 1:.1%} more"

    @property
    def loaded_bytes(self) -> float:
        """Bytes of weights that come from the DRAM: once, or in every step of a layer that does not fit on chip."""
        return sum(activity.loaded_bytes for activity in self.activities)

    @property
    def cautions(self) -> list[str]:
        """What is odd of machine and network, and what the numbers leave out, a sentence each."""
        sentences = super().cautions
        if self.plan.weights == "resident" and not self.residency.fits:
            sentences.append(self._cost_of_streaming())
        sentences += self._slow_dram()
        capacity = f"the intermediate buffer of {self.accelerator.intermediate_buffer.capacity_bytes} bytes"
        limited = [index for index, layer in enumerate(self.layers) if layer.buffer_limits_unfolding]
        if limited:
            sentences.append(
                f"{capacity} does not hold the early sums of every cell of {name_layers(limited)}; "
                f"products with x run ahead for as many cells as it does"
            )
        overfull = [index for index, layer in enumerate(self.layers) if not layer.fits_intermediate_buffer]
        if overfull:
            sentences.append(
                f"{capacity} does not hold the early sums of {name_layers(overfull)}; the cycles assume that it does"
            )
        return sentences

    def _cost_of_streaming(self) -> str:
        """What the run would take if its weights came from the DRAM, as they have to."""
        latency_s = simulate(self.network, self.accelerator, replace(self.plan, weights="streamed")).latency_s
        return (
            f"the {mib(self.residency.num_bytes)} of the weights do not fit the weight buffer of "
            f"{mib(self.residency.capacity_bytes)}; the cycles assume that they do, streamed from a DRAM of "
            f"{self.accelerator.dram_bytes_per_s / GIGA:.3g} GB/s the run takes {latency_s * 1e3:.3g} ms, "
            f"{latency_s / self.latency_s:,.{0 if latency_s > 10 * self.latency_s else 1}f} times as long "
            f"(--weights auto)"
        )

    def _slow_dram(self) -> list[str]:
        """The cycles wait for weights from the DRAM alone; say where x and h would have to be waited for, too."""
        cycles = {index: entry.counts.total_cycles for index, entry in enumerate(self.layers)}
        loaded = {index: activity.loaded_bytes for index, activity in enumerate(self.activities)}
        return undelivered(self.network, self.accelerator, self.plan, cycles, loaded)

    def _chosen(self) -> dict[str, Any]:
        return self.plan.as_dict()

    def _further(self) -> dict[str, Any]:
        bound = self.bound
        return {
            "live": None if self.live is None else self.live.as_dict(),
            "residency": self.residency.as_dict(),
            "loaded_bytes": self.loaded_bytes,
            "bound_cycles": bound.cycles,
            "binding": bound.binding,
            "queues": None if self.queues is None else self.queues.as_dict(),
        }

    def _layer(self, index: int) -> dict[str, Any]:
        entry, bound = self.layers[index], self.bounds[index]
        return {
            **super()._layer(index),
            "bound_cycles": bound.cycles,
            "binding": bound.binding,
            "queues": None if self.live or entry.queues is None else entry.queues.as_dict(),
            "tile_rows": entry.tile_rows,
            "fits_weight_buffer": entry.fits_weight_buffer,
            "unfolded_cells": entry.unfolded_cells,
            "buffer_limits_unfolding": entry.buffer_limits_unfolding,
            "fits_intermediate_buffer": entry.fits_intermediate_buffer,
        }


def run_settings(network: Network, accelerator: Accelerator, plan: Plan) -> dict[str, Any]:
    """What was run on what and how, as the first keys of JSON reports."""
    return {
        "network": network.name,
        "accelerator": accelerator.name,
        "num_macs": accelerator.num_macs,
        "clock_hz": accelerator.clock_hz,
        **plan.as_dict(),
        "seq_len": network.seq_len,
        "batch_size": network.batch_size,
        "lengths": list(network.lengths),
    }


def simulate(
    network: Network,
    accelerator: Accelerator,
    plan: Plan | None = None,
    *,
    arrival_s: float | None = None,
    progress: Progress | None = None,
) -> Report:
    """Run a network on a machine of tiles and count its cycles, exactly; layers run in the order of the plan.

    Parameters
    ----------
    network : Network
        What is run, such as `find_network` gives.
    accelerator : Accelerator
        What it is run on, such as `find_accelerator` gives.
    plan : Plan, optional
        How: schedule, tile height, forwarding of h, place of the weights; the machine's own plan by default. With
        streamed weights the best tile height of a layer is that of its compute.
    arrival_s : float, optional
        Seconds from a frame of the input to the next, in order ``steps``; by default the whole input is there.
    progress : callable, optional
        Called now and then with the share of the work done, 0 to 1.

    Returns
    -------
    Report
        Cycles, latency, utilization and the split of every layer and of the whole network.

    Raises
    ------
    SpecificationError
        Where the machine has no such tile, or a user's schedule breaks a rule.
    InfeasibleMappingError
        Where the schedule does not fit a cell or a tile, or the sizes overflow 64 bits.

    Examples
    --------
    An LSTM layer of 512 cells, 25 time steps, on 4096 multipliers:

    >>> import sharp
    >>> machine = sharp.find_accelerator("sharp").with_macs("4K")
    >>> report = sharp.simulate(sharp.square_lstm(512), machine)
    >>> report.counts.total_cycles, report.latency_s
    (12843, 2.5686e-05)
    >>> print(f"{report.counts.utilization:.1%}")
    99.7%

    The same in the order of E-PUR, which waits for h at the end of every step:

    >>> sharp.simulate(sharp.square_lstm(512), machine, sharp.Plan(schedule="sequential")).counts.total_cycles
    14075
    """
    check_kind("network", network, Network)
    check_kind("accelerator", accelerator, Accelerator)
    asked = loaded(accelerator.plan if plan is None else plan)
    plan = settled(network, accelerator, asked)
    groups = group_layers(network, plan)
    live = None if arrival_s is None else watch_frames(network, groups, accelerator, plan, arrival_s)
    period = None if arrival_s is None else frame_cycles(arrival_s, accelerator)
    ran = run_groups(network, groups, accelerator, plan, period=period, progress=progress)
    layers = [_layer_report(layer, entry, accelerator, plan) for layer, entry in zip(network.layers, ran, strict=True)]
    residency = Residency.of(network, accelerator, asked)
    return Report(
        network=network,
        accelerator=accelerator,
        plan=plan,
        layers=tuple(layers),
        residency=residency,
        groups=groups,
        live=live,
    )


def _layer_report(layer: RNNLayer, entry: Ran, accelerator: Accelerator, plan: Plan) -> LayerReport:
    mapping = entry.mapping
    return LayerReport(
        layer=layer,
        tile_rows=mapping.task.tile_rows,
        counts=entry.counts,
        fits_weight_buffer=fits_weight_buffer(layer, accelerator),
        unfolded_cells=mapping.unfolded_cells,
        buffer_limits_unfolding=isinstance(schedule_of(plan), Unfolded) and mapping.fills_intermediate_buffer,
        fits_intermediate_buffer=mapping.early_sums <= accelerator.intermediate_words,
        mapping=mapping,
        together=entry.together,
    )
