"""What a number format costs in accuracy, beside what it saves: the same run in each of some formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sharp.cycles.simulate import simulate
from sharp.energy.power import evaluate_energy
from sharp.energy.technology import Technology
from sharp.errors import SpecificationError
from sharp.machine.accelerator import Accelerator, with_settings
from sharp.machine.plan import Plan
from sharp.machine.precision import precision_settings
from sharp.space.chains import Run, Weights, run_chain, weights_of
from sharp.values.compare import Difference, compare
from sharp.values.execute import LayerValues, execute_layer
from sharp.values.formats import Numerics, numerics
from sharp.workload.network import Network, RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Of the layers that ran on the machine."""

    latency_s: float
    """One after the other; the format is no matter, as its cycles are the machine's."""
    energy_j: float | None
    """In joules; None where no energy of the format is known."""


class Calls:
    """Runs layers and remembers which, so that their costs can be counted."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.layers: Counter[tuple[RNNLayer, tuple[int, ...]]] = Counter()

    def __call__(self, layer: RNNLayer, weights: Any, x: Any, **fields: Any) -> LayerValues:
        """As `sharp.execute_layer`."""
        lengths = fields.get("lengths") or (len(x),) * x.shape[1]
        self.layers[layer, tuple(lengths)] += 1
        return self._run(layer, weights, x, **fields)

    def costs(self, accelerator: Accelerator, plan: Plan, formats: Numerics, technology: Technology) -> Costs:
        """Time and energy of all calls on a machine of these formats."""
        latency, energy = 0.0, 0.0
        known = True
        machine = with_formats(accelerator, formats)
        for (layer, lengths), times in self.layers.items():
            network = Network(name="one", layers=(layer,), seq_len=lengths[0]).with_lengths(lengths)
            report = simulate(network, machine or accelerator, plan)
            latency += times * report.latency_s
            try:
                energy += times * evaluate_energy(report, technology).energy.total_j
            except SpecificationError:  # no energy of such numbers
                known = False
        return Costs(latency_s=latency, energy_j=energy if known and machine else None)


def with_formats(accelerator: Accelerator, formats: Numerics) -> Accelerator | None:
    """The machine with multipliers of these formats, None where there are none such."""
    try:
        return with_settings(accelerator, precision_settings(formats.label))
    except SpecificationError:
        return None


@dataclass(frozen=True, kw_only=True)
class FormatRow:
    """A network in a format."""

    formats: Numerics
    difference: Difference
    """Of the last layer's output from that in fp32."""
    costs: Costs


def compare_formats(
    network: Network,
    accelerator: Accelerator,
    labels: Sequence[str],
    technology: Technology,
    *,
    weights: Weights | None = None,
    x: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> list[FormatRow]:
    """Run a chain of layers in each of some formats, and compare with single precision.

    Parameters
    ----------
    network : Network
        In which each layer reads the one before.
    accelerator : Accelerator
    labels : sequence of str
        As `sharp.values.formats.numerics` takes them.
    technology : Technology
    weights : sequence, optional
        Of each layer; random ones by default (`sharp.values.weights.random_weights`).
    x : array, optional
        (steps, sequences, input_size); normally distributed by default.
    seed : int
        Of what is random.

    Returns
    -------
    list of FormatRow

    Raises
    ------
    SpecificationError
        Where a layer does not read the one before, or as `sharp.execute_layer`.

    Examples
    --------
    >>> import sharp
    >>> from sharp.space.formats import compare_formats
    >>> machine, technology = sharp.find_accelerator("sharp").with_macs("4K"), sharp.find_technology("32nm")
    >>> rows = compare_formats(sharp.square_lstm(64), machine, ["fp16", "int8"], technology)
    >>> [f"{row.formats.label}: {row.difference.snr_db:.0f} dB" for row in rows][0]
    'fp16/fp32: 65 dB'
    >>> rows[1].costs.energy_j < rows[0].costs.energy_j
    True
    """
    import numpy as np

    weights = weights_of(network, weights, seed)
    if x is None:
        shape = network.seq_len, network.batch_size, network.layers[0].input_size
        x = np.random.default_rng(seed).normal(size=shape)

    def run(formats: Numerics) -> tuple[NDArray[np.float64], Calls]:
        calls = Calls(lambda layer, its, values: execute_layer(layer, its, values, accelerator, plan, formats))
        return run_chain(network, weights, x, calls), calls

    plan = accelerator.plan
    reference, _ = run(numerics("fp32"))
    rows = []
    for label in labels:
        formats = numerics(label)
        output, calls = run(formats)
        costs = calls.costs(accelerator, plan, formats, technology)
        rows.append(FormatRow(formats=formats, difference=compare(output, reference), costs=costs))
    return rows


def as_table(rows: Sequence[FormatRow]) -> list[Mapping[str, Any]]:
    """The rows as JSON and tables have them."""
    return [
        {
            "format": row.formats.label,
            "state": row.formats.state.name,
            **row.difference.as_dict(),
            "latency_s": row.costs.latency_s,
            "energy_j": row.costs.energy_j,
        }
        for row in rows
    ]
