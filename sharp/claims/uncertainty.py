"""Uncertainty: every assumed number of machine, technology, workload and baseline at once, over its plausible range.

A `Parameter` is what the files call assumed, with its range; `draw` takes quasi-random samples of all of them, `Study`
runs whole networks on every sample, and `interval` and `sobol_indices` say in what interval a result lies and which
parameter moves it. Nothing is fitted: no range depends on what comes out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sharp.checks import check_name, refuse
from sharp.claims.assumptions import MACHINE, SIZES, Parameter, balanced_exponent, own_size, readings, values_at
from sharp.energy.breakdown import cost_of
from sharp.energy.implementation import implement, price
from sharp.energy.technology import UNITS, Technology, check_technology
from sharp.machine.accelerator import Accelerator, with_settings
from sharp.rivals.machines import as_machine
from sharp.space.points import Rows
from sharp.space.scenario import Scenario
from sharp.space.space import Space
from sharp.space.sweep import sweep_space
from sharp.units import GIGA, paper_tera
from sharp.workload.network import Network
from sharp.workload.single import single_layer, square_lstm

if TYPE_CHECKING:
    import pandas as pd


class Study:
    """Networks on every sample; results are arrays of one value a sample, kept once they have been asked for.

    Parameters
    ----------
    samples : mapping of str to numpy.ndarray, (samples,)
        By the names of `Parameter`; what they do not say is nominal, and sizes of networks that are not asked for
        do nothing.
    accelerator : Accelerator
        The machine "sharp"; "epur" is the same on one tile height under E-PUR's plan. Weights are resident.
    technology : Technology
    threads : int
        Cores to use.
    """

    def __init__(
        self, samples: Mapping[str, NDArray[Any]], accelerator: Accelerator, technology: Technology, threads: int = 1
    ) -> None:
        check_technology(technology)
        if accelerator.plan.weights != "resident":
            raise refuse("plan.weights", "resident (layers do not wait for each other's weights)", "streamed")
        self.samples = {name: np.asarray(values) for name, values in samples.items()}
        self.count = _check_samples(self.samples)
        self.accelerator, self.technology, self.threads = accelerator, technology, threads
        self._known: dict[tuple[object, ...], dict[str, NDArray[Any]]] = {}

    def total_cycles(self, machine: str, network: Network, budget: str) -> NDArray[np.int64]:
        """Cycles of all layers."""
        return self._results(machine, network, budget, with_energy=False)["total_cycles"]

    def latency_s(self, machine: str, network: Network, budget: str) -> NDArray[np.float64]:
        """Seconds from the start of the first layer to the last h of the last one."""
        return self.total_cycles(machine, network, budget) / self.accelerator.with_macs(budget).clock_hz

    def utilization(self, machine: str, network: Network, budget: str) -> NDArray[np.float64]:
        """Share of the multiplications that the array could have done meanwhile."""
        most = self.total_cycles(machine, network, budget) * self.accelerator.with_macs(budget).num_macs
        return self.num_macs(network) / most

    def energy_j(self, machine: str, network: Network, budget: str) -> NDArray[np.float64]:
        """J of all layers, with what leaks meanwhile."""
        return self._results(machine, network, budget, with_energy=True)["energy_j"]

    def power_w(self, machine: str, network: Network, budget: str) -> NDArray[np.float64]:
        """W on average."""
        return self.energy_j(machine, network, budget) / self.latency_s(machine, network, budget)

    def gflops_per_w(self, machine: str, network: Network, budget: str) -> NDArray[np.float64]:
        """Giga-operations a second for each W, two operations a multiply-accumulate, giga decimal."""
        return 2 / GIGA * self.num_macs(network) / self.energy_j(machine, network, budget)

    def gflops_per_w_paper(self, machine: str, network: Network, budget: str) -> NDArray[np.float64]:
        """The same as the paper counts: one operation a multiply-accumulate, tera binary, and a thousandth of it."""
        return np.asarray(1000 * paper_tera(self.num_macs(network))) / self.energy_j(machine, network, budget)

    def area_mm2(self, budget: str, machine: str = "sharp") -> NDArray[np.float64]:
        """Area of the chip in mm2."""
        return self._sweep(machine, square_lstm(1), {"hidden_size": [1]}, budget, ("area_mm2",))["area_mm2"]

    def layers(self, column: str, budget: str, hidden_sizes: Sequence[int], **columns: Any) -> NDArray[Any]:
        """A column of `sharp.sweep` of square layers on SHARP, (sizes, samples); other columns have one value each."""
        many = Study(
            {name: np.tile(values, len(hidden_sizes)) for name, values in self.samples.items()},
            *(self.accelerator, self.technology, self.threads),
        )
        others = {name: [value] for name, value in columns.items()}
        sizes = np.repeat(np.asarray(hidden_sizes), self.count)
        found = many._sweep("sharp", square_lstm(1), {"hidden_size": sizes, **others}, budget, (column,))[column]
        return found.reshape(len(hidden_sizes), self.count)

    def on(self, accelerator: Accelerator) -> Study:
        """The same samples on another accelerator."""
        return Study(self.samples, accelerator, self.technology, self.threads)

    def num_macs(self, network: Network) -> NDArray[np.int64]:
        """Multiply-accumulates of the whole run."""
        first = network.layers[0]
        weights_per_input = len(first.gates) * first.hidden_size * first.num_directions
        weights = network.num_weights + weights_per_input * (self._size(network, "input_size") - first.input_size)
        return weights * self._size(network, "seq_len") * network.batch_size

    def _size(self, network: Network, name: str) -> NDArray[np.int64]:
        """Steps, or inputs of the first layer."""
        return self._column(f"{network.name}.{name}", own_size(network, name))

    def _column(self, name: str, nominal: float | str) -> NDArray[Any]:
        return self.samples[name] if name in self.samples else np.full(self.count, nominal)

    def _results(self, machine: str, network: Network, budget: str, *, with_energy: bool) -> dict[str, NDArray[Any]]:
        """Columns of a whole network, equal layers swept once."""
        key = machine, network, budget
        wanted = ("total_cycles", "energy_j") if with_energy else ("total_cycles",)
        if not self._known.get(key, {}).keys() >= set(wanted):
            _check_network(network)
            sums: dict[str, NDArray[Any]] = {}
            layers = Counter((layer, index == 0) for index, layer in enumerate(network.layers))
            for (layer, is_first), times in layers.items():
                columns = {"seq_len": self._size(network, "seq_len")}
                if is_first:
                    columns["input_size"] = self._size(network, "input_size")
                alone = single_layer(layer, network.seq_len, network.batch_size)
                found = self._sweep(machine, alone, columns, budget, wanted)
                sums = {name: sums.get(name, 0) + times * found[name] for name in wanted}
            if with_energy:
                sums["energy_j"] -= self._kept_j(machine, network, budget)
            for values in sums.values():
                values.flags.writeable = False
            self._known[key] = sums
        return self._known[key]

    def _sweep(
        self, machine: str, network: Network, columns: Mapping[str, Any], budget: str, wanted: tuple[str, ...]
    ) -> dict[str, NDArray[Any]]:
        """Columns of a network of one layer, on every sample."""
        technology = self.technology if {"energy_j", "area_mm2"} & set(wanted) else None
        sampled = MACHINE if technology is None else (*MACHINE, *UNITS)
        columns = {**columns, **{name: self.samples[name] for name in sampled if name in self.samples}}
        found: dict[str, NDArray[Any]] = {}
        for rows, accelerator in self._groups(machine):
            around = Scenario(network=network, machine=as_machine(accelerator.with_macs(budget)), technology=technology)
            points = Rows({name: values if len(values) == 1 else values[rows] for name, values in columns.items()})
            table = sweep_space(Space(points, around), strict=True, threads=self.threads)
            for name in wanted:
                values = table[name].to_numpy()
                found.setdefault(name, np.empty(self.count, dtype=values.dtype))[rows] = values
        return found

    def _groups(self, machine: str) -> Iterator[tuple[Any, Accelerator]]:
        """The accelerators that a machine's samples are of, each with its samples."""
        if check_name("machine", machine, ("sharp", "epur")) == "sharp":
            yield slice(None), self.accelerator
            return
        known = readings()
        tiles = self._column("epur.tile_rows", known[next(iter(known))].tile_rows[0])
        orders = self._column("epur.schedule", next(iter(known)))
        for height, order in sorted(set(zip(tiles.tolist(), orders.tolist(), strict=True))):
            plan = known[check_name("epur.schedule", order, known)].plan
            reading = replace(with_settings(self.accelerator, {"tile_rows": height}), plan=plan)
            yield np.flatnonzero((tiles == height) & (orders == order)), reading

    def _kept_j(self, machine: str, network: Network, budget: str) -> NDArray[np.float64]:
        """J that layers alone take and layers of a network do not: half the I/H buffer keeps what one gives the next.

        A layer alone reads x from the DRAM and writes h there (`sharp.cycles.activity.add_traffic`).
        """
        steps = self._size(network, "seq_len") * network.batch_size
        given = [layer.output_size * steps for layer in network.layers[:-1]]
        kept = sum(
            (np.where(vectors > self.accelerator.passing_elements, 0, vectors) for vectors in given),
            np.zeros(self.count),
        )
        energy = np.zeros(self.count)
        for rows, accelerator in self._groups(machine):
            made = implement(accelerator.with_macs(budget), self.technology)  # an access costs the same at any heat
            numbers = {name: self._column(name, getattr(self.technology, name))[rows] for name in UNITS}
            machine_numbers = {name: getattr(made.accelerator, name) for name in ("num_macs", "activation_lanes")}
            memories = {name: vars(memory) for name, memory in made.memories.items()}
            prices = price(made.accelerator, numbers | machine_numbers, memories)
            joules = {count: cost_of(prices, count) for count in ("vector_reads", "vector_writes", "dram_vectors")}
            energy[rows] = (joules["vector_reads"] + joules["vector_writes"] + 2 * joules["dram_vectors"]) * kept[rows]
        return energy


def _check_samples(samples: Mapping[str, NDArray[Any]]) -> int:
    """Number of samples, if the columns are what a study knows and equally long."""
    for name in samples:
        of, dot, own = name.rpartition(".")
        known = (*MACHINE, *UNITS) if not dot else ("tile_rows", "schedule") if of == "epur" else SIZES
        check_name("samples", own, known)
    lengths = {len(values) if values.ndim == 1 else 0 for values in samples.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise refuse("samples", "columns of one value a sample, all equally long", sorted(lengths))
    return lengths.pop()


def _check_network(network: Network) -> None:
    """Refuse what a study does not sample."""
    if network.lengths:
        raise refuse("network.lengths", "sequences of one length, as a study samples their steps", network.lengths)
    if any(layer.added_size for layer in network.layers):
        raise refuse("network.layers", "layers without residual additions and sums of directions", network.name)
    if not network.is_chain:
        raise refuse("network.layers", "a chain, in which each layer reads the one before", network.name)


def interval(values: NDArray[np.float64], share: float = 0.95) -> tuple[float, float]:
    """The interval that holds the middle share of some values, such as a result on every sample.

    Parameters
    ----------
    values : numpy.ndarray, (samples,)
    share : float
        Of the values that lie in it, 0 to 1.

    Returns
    -------
    tuple of float
        Its two ends, low and high.
    """
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise refuse("share", "a number between 0 and 1", share)
    if not len(values) or not np.isfinite(values).all():
        raise refuse("values", "finite numbers, at least one", values)
    return float(np.quantile(values, (1 - share) / 2)), float(np.quantile(values, (1 + share) / 2))


def sobol_indices(
    function: Callable[[dict[str, NDArray[Any]]], NDArray[np.float64]],
    parameters: Sequence[Parameter],
    base_samples: int = 2**12,
    seed: int = 0,
) -> pd.DataFrame:
    """Which share of the variance of a function of samples (as `draw` gives) each parameter makes: Sobol indices.

    It is asked for ``base_samples * (len(parameters) + 2)`` values, `base_samples` rounded up to a power of two.

    Returns
    -------
    pandas.DataFrame
        A row a parameter: ``first``, the share that it makes alone, ``total``, the share that it takes part in, and
        ``first_conf`` and ``total_conf``, half the widths of their 95 % confidence intervals. All 0 of a constant.
    """
    import pandas as pd
    from SALib.analyze import sobol as analysis
    from SALib.sample import sobol as sampling

    base = 2 ** balanced_exponent(parameters, base_samples, seed)
    index = pd.Index([parameter.name for parameter in parameters], name="parameter")
    problem = {"num_vars": len(index), "names": index.tolist(), "bounds": [[0.0, 1.0]] * len(index)}
    points = sampling.sample(problem, base, calc_second_order=False, seed=seed)
    values = np.asarray(function(values_at(parameters, points)), dtype=np.float64)
    if values.shape != (len(points),) or not np.isfinite(values).all():
        raise refuse("function", f"{len(points)} finite numbers, one a sample", values)
    columns = {"first": "S1", "first_conf": "S1_conf", "total": "ST", "total_conf": "ST_conf"}
    if np.ptp(values) == 0:
        return pd.DataFrame(0.0, index=index, columns=list(columns))
    found = analysis.analyze(problem, values, calc_second_order=False, seed=seed + 1)  # 0 is no seed there
    return pd.DataFrame({name: found[key] for name, key in columns.items()}, index=index)
