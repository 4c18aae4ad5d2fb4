"""Activity: how often a layer does each thing that costs energy, exactly, from its segments.

The rules are decision 7 in the book. Nothing is counted step by step: every round of a chain issues the same segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sharp.cycles.counting import CycleCounts
from sharp.cycles.mapping import LayerMapping
from sharp.cycles.residency import kept_bytes
from sharp.cycles.schedule import schedule_of
from sharp.cycles.task import Run, Task
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.workload.cell import Elementwise, Phase
from sharp.workload.network import Network


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Counts of a layer, all its directions, steps and sequences together; integers, or arrays of a sweep's points.

    Bytes are whole where those of a weight are, but for weights of which a share streams.
    """

    total_cycles: int
    """Cycles of the layer."""
    array_cycles: int
    """Of these, cycles in which the array multiplies."""
    products: int
    """Multiplications of the array, each followed by an addition in tree or accumulator."""
    useful_products: int
    """Of these, those that multiply a weight: the multiply-accumulates of the layer."""
    bank_reads: int
    """Reads of a bank of the weight buffer, all banks a tile."""
    used_bank_reads: int
    """Of these, reads of banks with a row and a column to multiply."""
    vector_reads: int
    """Elements of x and h, and of what the cells give before a product with it, read from the I/H buffer."""
    vector_writes: int
    """Elements of these written to the I/H buffer."""
    sums_kept: int
    """Sums written to the intermediate buffer, and read again."""
    sigmoids: int
    """Values through a sigmoid."""
    tanhs: int
    """Values through tanh."""
    elementwise_multiplications: int
    """Multiplications of the activation units and the cell updater."""
    elementwise_additions: int
    """Additions there."""
    state_updates: int
    """Elements of c read and written."""
    loaded_bytes: float
    """Bytes of weights that come from the DRAM and are written to the weight buffer."""
    dram_vectors: int
    """Elements of x and h that come from the DRAM or go there."""
    held_bytes: float
    """Bytes of the weight buffer that hold weights meanwhile."""

    @property
    def idle_cycles(self) -> int:
        """Cycles in which the array multiplies nothing."""
        return self.total_cycles - self.array_cycles

    @property
    def nothing(self) -> int:
        """0: how often happens what clock gating stops."""
        return 0


def count_activity(mapping: LayerMapping, counts: CycleCounts) -> Activity:
    """Count what a layer does on chip, its weights resident and its inputs in the I/H buffer.

    Parameters
    ----------
    mapping : LayerMapping
        The layer on the machine.
    counts : CycleCounts
        Its cycles, all directions.
    """
    task, layer, machine = mapping.task, mapping.task.layer, mapping.task.accelerator
    steps = layer.num_directions * mapping.sequences.total_steps
    loads = layer.num_directions * mapping.num_loads
    tiles, used, reads, kept = count_products(task, mapping.runs)
    added = layer.added_size * mapping.sequences.total_steps
    sizes = {name: layer.size(name) for name in ("hidden_size", *(phase.size for phase in task.phases))}
    cells = cell_actions(task.phases, layer.elementwise, sizes, steps)
    reads = steps * reads + cells.pop("vector_reads") + added
    return Activity(
        total_cycles=counts.total_cycles,
        array_cycles=steps * tiles,
        products=machine.num_macs * steps * tiles,
        useful_products=counts.useful,
        bank_reads=loads * tiles * machine.num_units,
        used_bank_reads=loads * used,
        vector_reads=reads,
        vector_writes=cells.pop("vector_writes") + added,
        sums_kept=steps * kept,
        elementwise_additions=cells.pop("elementwise_additions") + added,
        **cells,
        loaded_bytes=0,
        dram_vectors=0,
        held_bytes=_held(layer.num_weights, machine),
    )


class Products(NamedTuple):
    """What the segments of a step are to array and memories, of one sequence."""

    tiles: int
    """Tiles issued."""
    used: int
    """Reads of banks with a row and a column to multiply."""
    columns: int
    """Elements of vectors that are read."""
    early_sums: int
    """Sums that wait for other columns."""


def count_products(task: Task, runs: Iterable[Run]) -> Products:
    """Count what the runs of a round are."""
    counted = Products(0, 0, 0, 0)
    for run in runs:
        for segment in run.segments:
            columns = sum(segment.columns)
            each = (
                task.tiles(segment),
                columns * task.accelerator.units_with(segment.rows),
                columns,
                segment.rows * (not segment.completes),
            )
            counted = Products(*(before + run.repeats * one for before, one in zip(counted, each, strict=True)))
    return counted


def cell_actions(
    phases: Iterable[Phase], elementwise: Elementwise, sizes: Mapping[str, Any], steps: Any
) -> dict[str, Any]:
    """Counts that follow from a cell and its sizes alone; of numbers, or of arrays.

    Parameters
    ----------
    phases : iterable of Phase
    elementwise : Elementwise
    sizes : mapping of str to number or array
        Rows of each gate of a phase by `Phase.size`; ``hidden_size`` in any case.
    steps : number or array
        Of all directions and sequences.
    """
    activated = [phase for phase in phases if phase.activation_passes]
    rows = sum(len(phase.gates) * sizes[phase.size] for phase in activated)
    tanhs = sum(len(phase.tanh_gates) * sizes[phase.size] for phase in activated)
    linear = sum(len(phase.linear_gates) * sizes[phase.size] for phase in activated)
    cells = steps * sizes["hidden_size"]
    return {
        "vector_reads": cells * elementwise.vector_reads,  # the updater's own
        "vector_writes": steps * sum(sizes[phase.size] for phase in phases),
        "sigmoids": steps * (rows - tanhs - linear),
        "tanhs": steps * tanhs + cells * elementwise.tanhs,
        "elementwise_multiplications": cells * elementwise.multiplications,
        "elementwise_additions": cells * elementwise.additions,
        "state_updates": cells * elementwise.state_updates,
    }


def add_traffic(
    activities: list[Activity],
    network: Network,
    accelerator: Accelerator,
    plan: Plan,
    mappings: Sequence[LayerMapping],
) -> tuple[Activity, ...]:
    """Add what passes the DRAM: inputs and outputs of the network, weights, and what the I/H buffer does not hold.

    Parameters
    ----------
    activities : list of Activity
        Of each layer of the network.
    network : Network
    accelerator : Accelerator
    plan : Plan
    mappings : sequence of LayerMapping
        Of each layer.
    """
    result, interleaves = [], schedule_of(plan).interleaves
    for index, activity in enumerate(activities):
        read, written = dram_vectors(network, index, accelerator.passing_elements, interleaves=interleaves)
        added = network.joined_additions(index)
        activity = replace(
            activity,
            vector_reads=activity.vector_reads + written + added,
            vector_writes=activity.vector_writes + read + added,
            elementwise_additions=activity.elementwise_additions + added,
            dram_vectors=read + written,
        )
        if plan.weights == "streamed":
            mapping, num_weights = mappings[index], network.layers[index].num_weights
            share, each = mapping.task.streamed_share, accelerator.weight_bytes
            passing = num_weights * mapping.num_loads * (each * share) if share else 0
            loaded = kept_bytes(num_weights * each, share) + passing
            activity = replace(activity, loaded_bytes=loaded, held_bytes=_held(network.num_weights, accelerator))
        result.append(activity)
    return tuple(result)


def dram_vectors(network: Network, index: int, passing_elements: Any, *, interleaves: bool = False) -> tuple[Any, Any]:
    """Elements that a layer reads from the DRAM and writes there.

    The network's inputs come from there, what no layer reads goes there, and so does what the I/H buffer does not hold.

    Parameters
    ----------
    network : Network
    index : int
        Of the layer.
    passing_elements : int or array
        Elements that pass from one layer to the next on chip (`Accelerator.passing_elements`).
    interleaves : bool
        Whether directions take turns, and read what does not fit together; else each reads it by itself.
    """
    passing, times = passing_elements, 1 if interleaves else network.layers[index].num_directions
    inside, outside = network.elements_read(index)
    read = outside * (1 + (times - 1) * (outside > passing))
    read += sum(times * elements * (network.elements_put_out(source) > passing) for source, elements in inside.items())
    written = network.elements_put_out(index)
    return read, written * ((written > passing) | (index in network.unread))


def _held(num_weights: int, accelerator: Accelerator) -> float:
    return min(num_weights * accelerator.weight_bytes, accelerator.weight_buffer.capacity_bytes)
