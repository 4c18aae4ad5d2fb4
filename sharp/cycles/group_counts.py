"""Cycles of layers that run together: one tile height for all of them, counts of each, and when each step was out."""

from __future__ import annotations

from dataclasses import dataclass

from sharp.cycles.counting import CycleCounts
from sharp.cycles.mapping import map_layer
from sharp.cycles.orders import Group
from sharp.cycles.residency import mib, passing_bytes, streamed_share
from sharp.cycles.together import Together
from sharp.errors import InfeasibleMappingError, TileHeightError
from sharp.kernels import cycles as kernel
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.units import cycles_from_ns
from sharp.workload.network import Network


@dataclass(frozen=True, kw_only=True)
class GroupCounts:
    """What a group of layers took on one tile height."""

    tile_rows: int
    together: Together
    counts: tuple[CycleCounts, ...]
    """Of each layer; the waits for h, of all of them, and the last drain stand with the last one."""
    steps_out: tuple[int, ...] = ()
    """Cycle at which the last layer's output of each step was out, where that was asked for."""

    @property
    def total_cycles(self) -> int:
        """Of the whole group."""
        return sum(count.total_cycles for count in self.counts)


def count_group(
    network: Network, group: Group, accelerator: Accelerator, plan: Plan, *, period: int | None = None
) -> GroupCounts:
    """Count the cycles of layers that run together on the best of the plan's tile heights.

    Their weights are on chip together, or, where the plan streams them, what does not fit of each comes in every step.

    Parameters
    ----------
    network : Network
    group : Group
        In ``steps`` or ``wavefront``.
    accelerator : Accelerator
    plan : Plan
    period : int, optional
        Cycles from a frame of the input to the next, the first of which is there at cycle 0; every step is simulated,
        and kept. By default the whole input is there.

    Raises
    ------
    InfeasibleMappingError
        Where no tile height works, with the name of a layer.
    """
    found: GroupCounts | None = None
    refused: TileHeightError | None = None
    for height in accelerator.heights(plan):
        try:
            counted = _count(put_together(network, group, accelerator, plan.at(height)), accelerator, height, period)
        except TileHeightError as error:
            refused = refused or error
            continue
        if found is None or counted.total_cycles < found.total_cycles:
            found = counted
    if found is None:
        assert refused is not None, "a machine has tile heights"
        raise refused
    return found


def put_together(network: Network, group: Group, accelerator: Accelerator, plan: Plan) -> Together:
    """The layers of a group in one round, on one tile height."""
    mappings, reads, feedbacks, delays = [], [], [], []
    share = group_share(network, group, accelerator, plan)
    for index in group.layers:
        layer, sequences = network.layers[index], network.layer_sequences[index]
        try:
            mappings.append(map_layer(layer, sequences, accelerator, plan, share=share))
        except InfeasibleMappingError as error:
            raise error.at(f"{network.name}: {network.label(index)}") from None
        sources = [source if isinstance(source, int) else -1 for source in network.graph.reads[index]]
        reads.append(tuple(dict.fromkeys(max(source - group.first, -1) for source in sources)))
        told = network.graph.feedbacks[index]
        feedbacks.append(told - group.first if told >= 0 else -1)
        delay_ns = network.places[index].feedback_ns
        delays.append(cycles_from_ns(delay_ns, accelerator.clock_hz) if delay_ns else 0)
    return Together.of(mappings, plan, group.order, reads, feedbacks, delays)


def group_share(network: Network, group: Group, accelerator: Accelerator, plan: Plan) -> float:
    """Share of the weights of a group, on one tile height, that comes from the DRAM in every step.

    Raises
    ------
    InfeasibleMappingError
        In a wave, which needs them there.
    """
    layers = [network.layers[index] for index in group.layers]
    num_bytes = sum(layer.num_weights for layer in layers) * accelerator.weight_bytes
    (tile_rows,) = accelerator.heights(plan)
    passing = max(passing_bytes(layer, accelerator, tile_rows) for layer in layers)
    capacity = accelerator.weight_buffer.capacity_bytes
    share = 0.0 if plan.weights == "resident" else streamed_share(num_bytes, capacity, passing)
    if not share:
        return share
    if group.order == "wavefront":
        names = f"{network.label(group.first)} to {network.label(group.last - 1)}"
        raise InfeasibleMappingError(
            f"order: expected layers or steps where the weights of {names} do not fit the weight buffer of "
            f"{mib(capacity)} together, got wavefront with {mib(num_bytes)}"
        )
    return share


def _count(together: Together, accelerator: Accelerator, height: int, period: int | None) -> GroupCounts:
    state, steps_out = together.state(), []
    scratch = memoryview(3 * state).cast("B").cast("q", (3, len(state)))
    mvm = together.mvm_cycles
    entry = len(kernel.MACHINE)
    frame, out = (entry + 4 * signal for signal in (together.frame, together.out(len(together.mappings) - 1)))
    for span in together.spans():
        tables = span.segments, span.runs, span.signals, mvm
        if period is None:
            kernel.advance(*tables, span.num_rounds, state, scratch, True)
        else:
            for number in range(span.first_round, span.first_round + span.num_rounds):
                state[frame + 2] = period * max(number - 1, 0)
                kernel.advance(*tables, 1, state, scratch, False)
                steps_out += [state[out]] * (number > 0)
    machine = dict(zip(kernel.MACHINE, state, strict=False))
    drain = machine["h_out"] - machine["array_free"]
    counts = []
    for mapping in together.mappings:
        useful, columns, rows = mapping.multiplier_cycles
        is_last = mapping is together.mappings[-1]
        stall, tail = (machine["stall"], drain) if is_last else (0, 0)
        load = mapping.weight_load
        counts.append(
            CycleCounts(
                num_macs=accelerator.num_macs,
                total_cycles=mapping.busy_cycles + load + stall + tail,
                useful=useful,
                column_padding=columns,
                row_padding=rows,
                dependency_stall=stall,
                weight_load=load,
                fill_drain=tail,
            )
        )
    return GroupCounts(tile_rows=height, together=together, counts=tuple(counts), steps_out=tuple(steps_out))
