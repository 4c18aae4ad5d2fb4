"""What a threshold on changes costs in accuracy, beside the cycles and the energy that it saves: delta networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sharp.checks import refuse
from sharp.cycles.activity import add_traffic
from sharp.cycles.delta import StepColumns, count_delta
from sharp.cycles.explore import explore_layer
from sharp.cycles.residency import settled
from sharp.cycles.simulate import simulate
from sharp.energy.breakdown import break_down
from sharp.energy.implementation import Implementation, implement
from sharp.energy.power import evaluate_energy
from sharp.energy.technology import Technology
from sharp.errors import SpecificationError
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.space.chains import Run, Weights, run_chain, weights_of
from sharp.space.formats import with_formats
from sharp.values.compare import Difference, compare
from sharp.values.execute import LayerValues, execute_layer
from sharp.values.formats import Numerics, numerics
from sharp.workload.network import Network, RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class DeltaCosts:
    """Of all layers that ran, one after the other."""

    macs: int
    """Multiply-accumulates that were carried out."""
    cycles: int
    energy_j: float | None
    """None where no energy of the format is known."""
    gathered_tiles: int
    """Tiles that the columns of one segment a step fill side by side, x and h apart."""
    in_place_tiles: int
    """Tiles where each column stays with the multipliers beside whose bank its weights lie, every N-th column with the
    same: the most that any of them has."""
    fits_intermediate_buffer: bool
    """Whether it holds the sums of each layer from step to step, as the cycles assume."""


class DeltaCalls:
    """Runs layers with a threshold, the recurrent ones, and remembers what they multiplied.

    Parameters
    ----------
    run : callable
        ``run(layer, weights, x, delta_threshold=..., ...)``, as `sharp.execute_layer` with its machine.
    threshold : float, optional
        None: everything is multiplied.
    """

    def __init__(self, run: Run, threshold: float | None) -> None:
        self._run, self._threshold = run, threshold
        self.calls: list[tuple[RNNLayer, tuple[int, ...], LayerValues]] = []

    def __call__(self, layer: RNNLayer, weights: Any, x: Any, **fields: Any) -> LayerValues:
        """As `sharp.execute_layer`."""
        recurrent = any(phase.operand for phase in layer.phases)
        values = self._run(layer, weights, x, delta_threshold=self._threshold if recurrent else None, **fields)
        lengths = tuple(fields.get("lengths") or (len(x),) * x.shape[1])
        self.calls.append((layer, lengths, values))
        return values

    def costs(self, accelerator: Accelerator, plan: Plan, formats: Numerics, technology: Technology) -> DeltaCosts:
        """Cycles and energy of all calls in some formats; with a threshold each sequence of a batch runs by itself."""
        machine = with_formats(accelerator, formats)
        costs = [_costs(*call, machine or accelerator, plan, technology) for call in self.calls]
        sums: dict[str, Any] = {
            name: sum(getattr(cost, name) for cost in costs)
            for name in ("macs", "cycles", "gathered_tiles", "in_place_tiles")
        }
        energies = [cost.energy_j for cost in costs if machine and cost.energy_j is not None]
        return DeltaCosts(
            **sums,
            energy_j=sum(energies) if len(energies) == len(costs) else None,
            fits_intermediate_buffer=all(cost.fits_intermediate_buffer for cost in costs),
        )


def _costs(
    layer: RNNLayer,
    lengths: tuple[int, ...],
    values: LayerValues,
    accelerator: Accelerator,
    plan: Plan,
    technology: Technology,
) -> DeltaCosts:
    """Of one call."""
    network = Network(name="one", layers=(layer,), seq_len=lengths[0]).with_lengths(lengths)
    implementation = _implemented(accelerator, technology)
    if not values.changed:
        report = simulate(network, accelerator, plan)
        return DeltaCosts(
            macs=network.num_macs,
            cycles=report.counts.total_cycles,
            energy_j=evaluate_energy(report, technology).energy.total_j if implementation else None,
            gathered_tiles=0,
            in_place_tiles=0,
            fits_intermediate_buffer=True,
        )
    plan = settled(network, accelerator, plan)
    counted = count_delta(layer, step_columns(values, lengths), accelerator, plan)
    # Its weights are in the activity already, those that are streamed included.
    (activity,) = add_traffic([counted.activity], network, accelerator, replace(plan, weights="resident"), [])
    gathered, in_place = _tiles(values, lengths, accelerator.columns(counted.tile_rows))
    return DeltaCosts(
        macs=counted.counts.useful,
        cycles=counted.counts.total_cycles,
        energy_j=break_down(activity, implementation).total_j if implementation else None,
        gathered_tiles=gathered,
        in_place_tiles=in_place,
        fits_intermediate_buffer=counted.fits_intermediate_buffer,
    )


def _implemented(accelerator: Accelerator, technology: Technology) -> Implementation | None:
    """The machine in a technology, None where no energy of its numbers is known."""
    try:
        return implement(accelerator, technology)
    except SpecificationError:
        return None


def step_columns(values: LayerValues, lengths: Sequence[int]) -> list[StepColumns]:
    """How many columns each direction multiplied in each step of each sequence, of a run with a threshold."""
    return [
        StepColumns(
            counts={
                name: tuple(int(count) for count in masks[direction, :length, sequence].sum(axis=-1))
                for name, masks in values.changed.items()
            }
        )
        for direction in range(len(values.changed["x"]))
        for sequence, length in enumerate(lengths)
    ]


def _tiles(values: LayerValues, lengths: Sequence[int], width: int) -> tuple[int, int]:
    """Tiles of x and h of all steps, gathered and in place."""
    import numpy as np

    gathered = in_place = 0
    for masks in (values.changed[name] for name in ("x", "h")):
        for sequence, length in enumerate(lengths):
            steps = masks[:, :length, sequence].reshape(-1, masks.shape[-1])
            padded = np.pad(steps, ((0, 0), (0, -steps.shape[1] % width)))
            by_unit = padded.reshape(len(steps), -1, width).sum(axis=1)
            gathered += int(np.sum(-(-by_unit.sum(axis=1) // width)))
            in_place += int(np.sum(by_unit.max(axis=1)))
    return gathered, in_place


@dataclass(frozen=True, kw_only=True)
class DeltaRow:
    """A network with a threshold."""

    threshold: float | None
    """None: everything is multiplied."""
    difference: Difference
    """Of the last layer's output from that in fp32 with everything multiplied."""
    shares: Mapping[str, float]
    """Of the elements of "x" and "h" the share that was multiplied, over all layers, steps and sequences."""
    costs: DeltaCosts


def compare_thresholds(
    network: Network,
    accelerator: Accelerator,
    thresholds: Sequence[float],
    technology: Technology,
    formats: Numerics | None = None,
    *,
    weights: Weights | None = None,
    x: Doubles | None = None,
    seed: int = 0,
) -> list[DeltaRow]:
    """Run a chain of layers with everything multiplied, then with each of some thresholds.

    Parameters
    ----------
    network : Network
        In which each layer reads the one before.
    accelerator : Accelerator
    thresholds : sequence of float
    technology : Technology
    formats : Numerics, optional
        The machine's by default.
    weights : sequence, optional
        Of each layer; random ones by default (`sharp.values.weights.random_weights`).
    x : array, optional
        (steps, sequences, input_size); by default `moving_input`, which is made.
    seed : int
        Of what is random.

    Returns
    -------
    list of DeltaRow
        The first without a threshold.

    Raises
    ------
    SpecificationError
        Where a layer does not read the one before, or as `sharp.execute_layer`.

    Examples
    --------
    >>> import sharp
    >>> from sharp.space.delta import compare_thresholds
    >>> machine, technology = sharp.find_accelerator("sharp").with_macs("1K"), sharp.find_technology("32nm")
    >>> whole, some = compare_thresholds(sharp.square_lstm(64), machine, [0.1], technology)
    >>> some.costs.macs < whole.costs.macs, some.costs.cycles < whole.costs.cycles
    (True, True)
    >>> some.difference.snr_db < whole.difference.snr_db
    True
    """
    weights = weights_of(network, weights, seed)
    formats = numerics(accelerator.precision) if formats is None else formats
    if x is None:
        x = moving_input(network.seq_len, network.batch_size, network.layers[0].input_size, seed=seed)

    def run(threshold: float | None, of: Numerics) -> tuple[Doubles, DeltaCalls]:
        def execute(layer: RNNLayer, its: Any, values: Any, **fields: Any) -> LayerValues:
            return execute_layer(layer, its, values, accelerator, accelerator.plan, of, **fields)

        calls = DeltaCalls(execute, threshold)
        return run_chain(network, weights, x, calls), calls

    reference, _ = run(None, numerics("fp32"))
    rows = []
    for threshold in (None, *thresholds):
        output, calls = run(threshold, formats)
        rows.append(
            DeltaRow(
                threshold=threshold,
                difference=compare(output, reference),
                shares=shares_of(calls),
                costs=calls.costs(accelerator, accelerator.plan, formats, technology),
            )
        )
    return rows


def shares_of(calls: DeltaCalls) -> dict[str, float]:
    """Of the elements of x and of h that there were the share that was multiplied, 1 where nothing was left out."""
    shares = {}
    for name in ("x", "h"):
        counts = [
            (int(values.changed[name].sum()), sum(lengths) * values.changed[name][:, 0, 0].size)
            for _, lengths, values in calls.calls
            if values.changed
        ]
        total = sum(elements for _, elements in counts)
        shares[name] = sum(count for count, _ in counts) / total if total else 1.0
    return shares


def gain_of_share(layer: RNNLayer, share: float, accelerator: Accelerator, num_steps: int = 25) -> float:
    """Times as fast as with all columns a layer is whose steps multiply a share of them, rounded up, on the best tile.

    Parameters
    ----------
    layer : RNNLayer
    share : float
        Above 0, up to 1, of x and of every other vector.
    accelerator : Accelerator
    num_steps : int
        Of one sequence.

    Examples
    --------
    A tenth of the work is a tenth of the cycles only where there is much of it for each multiplier:

    >>> import sharp
    >>> from sharp.space.delta import gain_of_share
    >>> layer, machine = sharp.RNNLayer(input_size=1024, hidden_size=1024), sharp.find_accelerator("sharp")
    >>> gain_of_share(layer, 0.1, machine.with_macs("1K")) > 9 > 2 > gain_of_share(layer, 0.1, machine)
    True
    """
    if not 0 < share <= 1:
        raise refuse("share", "above 0, up to 1", share)
    sizes = {"x": layer.input_size, **{phase.gives: layer.size(phase.size) for phase in layer.phases}}
    counts = {name: (math.ceil(share * size),) * num_steps for name, size in sizes.items()}
    chains, plan = [StepColumns(counts=counts)] * layer.num_directions, replace(accelerator.plan, weights="resident")
    some = count_delta(layer, chains, accelerator, plan).counts
    whole = explore_layer(layer, num_steps, accelerator, plan)
    return whole.candidates[whole.best].total_cycles / some.total_cycles


def moving_input(steps: int, sequences: int, elements: int, *, seed: int = 0, correlation: float = 0.95) -> Doubles:
    """A made input that moves: each element normal, with a correlation from each step to the next.

    Parameters
    ----------
    steps, sequences, elements : int
    seed : int
    correlation : float
        0: noise; towards 1 the input stands still. Features of speech, ten milliseconds a frame, have about 0.95.
    """
    import numpy as np

    noise = np.random.default_rng(seed).normal(size=(steps, sequences, elements))
    x = np.empty_like(noise)
    x[0] = noise[0]
    for step in range(1, steps):
        x[step] = correlation * x[step - 1] + (1 - correlation**2) ** 0.5 * noise[step]
    return x


def as_table(rows: Sequence[DeltaRow]) -> list[Mapping[str, Any]]:
    """The rows as JSON and tables have them; ratios are to the first row."""
    whole = rows[0].costs
    return [
        {
            "threshold": row.threshold,
            **row.difference.as_dict(),
            "share_x": row.shares["x"],
            "share_h": row.shares["h"],
            **costs_dict(row.costs, whole),
        }
        for row in rows
    ]


def costs_dict(costs: DeltaCosts, whole: DeltaCosts) -> dict[str, Any]:
    """Costs as JSON has them, beside those with everything multiplied."""
    return {
        "macs": costs.macs,
        "cycles": costs.cycles,
        "energy_j": costs.energy_j,
        "share_of_macs": costs.macs / whole.macs,
        "times_as_fast": whole.cycles / costs.cycles,
        "share_of_energy": costs.energy_j / whole.energy_j if costs.energy_j and whole.energy_j else None,
        "gathered_tiles": costs.gathered_tiles,
        "in_place_tiles": costs.in_place_tiles,
    }
