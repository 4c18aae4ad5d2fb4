"""What a claim is measured by: functions of a `Study`, one value a sample; those that no sample moves, one for all.

Means are over the four networks of the paper's Table 5 unless others are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharp.checks import check_name, refuse
from sharp.claims.uncertainty import Study
from sharp.cycles.simulate import simulate
from sharp.energy.implementation import implement
from sharp.machine.accelerator import with_settings
from sharp.machine.memories import BUFFERS
from sharp.published import load_numbers, published_numbers
from sharp.rivals.data import MeasuredLatency, brainwave_latencies, gpu_devices, gpu_latencies, serving_latencies
from sharp.rivals.results import rival_results
from sharp.shipped import DATA
from sharp.units import GIGA, mm2_from_um2, paper_tera
from sharp.workload.files import find_network
from sharp.workload.network import Network
from sharp.workload.single import square_lstm

Values = NDArray[np.float64]

NETWORKS = ("eesen", "gmat", "bysdne", "rldradspr")
BUDGETS = ("1K", "4K", "16K", "64K")
SIZES = (256, 340, 512, 1024)
"""Hidden sizes of the utilizations; the paper's own set is not known."""
_PADDED_SIZES = range(128, 2049, 20)
_SUMMARIES: Mapping[str, Callable[[Values], Values]] = MappingProxyType(
    {
        "least": lambda values: values.min(axis=0),
        "most": lambda values: values.max(axis=0),
        "mean": lambda values: np.exp(np.log(values).mean(axis=0)),
    }
)
_BRAINWAVE_BUDGET = "96K"


@cache
def _network(name: str) -> Network:
    return find_network(name)


def _mean(values: Iterable[Values]) -> Values:
    return np.asarray(np.mean(list(values), axis=0))


def _summary(which: str, values: Iterable[Values]) -> Values:
    """The least, the most or the geometric mean of some values, sample by sample."""
    return np.asarray(_SUMMARIES[check_name("which", which, _SUMMARIES)](np.asarray(list(values))))


def _constant(study: Study, value: float) -> Values:
    return np.full(study.count, float(value))


# Cycles --------------------------------------------------------------------------------------------------------------


def speedup(study: Study, networks: Sequence[str] = NETWORKS, budgets: Sequence[str] = BUDGETS) -> Values:
    """Mean speedup over E-PUR with as many multipliers."""
    pairs = [(_network(name), budget) for name in networks for budget in budgets]
    return _mean(study.latency_s("epur", *pair) / study.latency_s("sharp", *pair) for pair in pairs)


def utilization(study: Study, budget: str, machine: str = "sharp") -> Values:
    """Mean utilization of square LSTM layers of `SIZES` cells, 25 steps."""
    return _mean(study.utilization(machine, square_lstm(size), budget) for size in SIZES)


def utilization_gain(study: Study, which: str) -> Values:
    """Least or most, over the budgets, of SHARP's mean utilization over E-PUR's."""
    return _summary(which, (utilization(study, budget) / utilization(study, budget, "epur") for budget in BUDGETS))


def padding_gain(study: Study, sizes: Sequence[int] = _PADDED_SIZES) -> Values:
    """Most that re-tiling the last segment gains on any square layer and budget, each at its best tile height."""
    gains = []
    for budget in BUDGETS:
        with_it, without = (
            study.layers("total_cycles", budget, sizes, reconfiguration=retiled) for retiled in (True, False)
        )
        gains.append((without / with_it).max(axis=0))
    return _summary("most", gains)


def best_tile_rows(study: Study, budget: str, which: str, heights: Sequence[int]) -> Values:
    """Least or most of the best tile heights of square layers of `SIZES` cells, on a machine that has these heights."""
    other = study.on(with_settings(study.accelerator, {"tile_rows": list(heights)}))
    return _summary(which, other.layers("tile_rows", budget, SIZES))


def peak_tera(study: Study, budget: str) -> Values:
    """Peak rate in 2^40 multiply-accumulates a second."""
    machine = study.accelerator.with_macs(budget)
    return _constant(study, paper_tera(machine.num_macs * machine.clock_hz))


def vector_bandwidth(study: Study, budget: str) -> Values:
    """GB/s of x and h between the I/H buffer and the units, mean of the networks; nominal machine."""
    rates = []
    for network in map(_network, NETWORKS):
        report = simulate(network, study.accelerator.with_macs(budget))
        moved = sum(activity.vector_reads + activity.vector_writes for activity in report.activities)
        rates.append(moved * report.accelerator.weight_bytes / report.latency_s / GIGA)
    return _constant(study, float(np.mean(rates)))


# Power, energy, area -------------------------------------------------------------------------------------------------


def power(study: Study, budget: str, machine: str = "sharp") -> Values:
    """Mean power in W."""
    return _mean(study.power_w(machine, _network(name), budget) for name in NETWORKS)


def power_rise(study: Study, which: str) -> Values:
    """Least or most, over networks and budgets, of how much more power than E-PUR SHARP takes."""
    places = [(name, budget) for name in NETWORKS for budget in BUDGETS]
    return _summary(which, (_ratio(study, "power_w", *place) for place in places)) - 1


def energy_change(study: Study, budget: str) -> Values:
    """How much more energy than E-PUR SHARP takes (negative: less), mean of the networks."""
    return _mean(_ratio(study, "energy_j", name, budget) for name in NETWORKS) - 1


def _ratio(study: Study, what: str, name: str, budget: str) -> Values:
    ours, theirs = (getattr(study, what)(machine, _network(name), budget) for machine in ("sharp", "epur"))
    return np.asarray(ours / theirs)


def gflops_per_w(study: Study, budget: str) -> Values:
    """As the paper counts: mean utilization times peak in 2^40 a second, over mean power, times 1000."""
    share = _mean(study.utilization("sharp", _network(name), budget) for name in NETWORKS)
    return 1000 * share * peak_tera(study, budget) / power(study, budget)


def efficiency_over_asic(study: Study, budget: str) -> Values:
    """Operations a joule over E-PUR's: the inverse of the energy's ratio, mean of the networks."""
    return 1 / (1 + energy_change(study, budget))


def efficiency_over_fpga(study: Study, budget: str, fpga_power_w: float) -> Values:
    """Operations a joule over BrainWave's: its mean utilization on LSTMs, its peak, a power; two operations in both."""
    ours = _mean(study.gflops_per_w("sharp", _network(name), budget) for name in NETWORKS)
    machine = study.accelerator.with_macs(_BRAINWAVE_BUDGET)
    peak = 2 / GIGA * machine.num_macs * machine.clock_hz
    return np.asarray(ours * fpga_power_w / (brainwave_utilization(study) * peak))


def area(study: Study, budget: str) -> Values:
    """Area in mm2."""
    return study.area_mm2(budget)


def area_share(study: Study, budget: str, component: str) -> Values:
    """Area of a component of the nominal machine over the paper's area of the whole.

    Over its own whole a part would seem too large where another is too small. ``sram`` is all buffers;
    ``reconfiguration``, which the model has not, is estimated.
    """
    whole = published_numbers()[f"area_mm2_{budget.lower()}"].value
    if component == "reconfiguration":
        return _constant(study, _multiplexers_mm2(study) / whole)
    parts = implement(study.accelerator.with_macs(budget), study.technology).area_mm2
    wanted = BUFFERS if component == "sram" else (component,)
    return _constant(study, sum(parts[name] for name in wanted) / whole)


def _multiplexers_mm2(study: Study) -> float:
    """Area of the multiplexers that choose a level of the trees, gates alone; it shrinks with the node's square."""
    numbers = {name: number.value for name, number in load_numbers(DATA / "multiplexers.yaml").items()}
    bits = numbers["multiplexers"] * numbers["rows"] * numbers["bits"]
    shrink = (study.technology.node_nm / numbers["cell_node_nm"]) ** 2
    return float(mm2_from_um2(bits * numbers["cell_um2"] * shrink))


# Rivals --------------------------------------------------------------------------------------------------------------


def speedup_over_brainwave(study: Study, hidden_sizes: Sequence[int], which: str) -> Values:
    """SHARP with as many multipliers and clock over BrainWave's published latencies of LSTM layers: a summary."""
    layers = [(entry, entry.network.layers[0]) for entry in brainwave_latencies()]
    chosen = [entry for entry, layer in layers if layer.cell == "lstm" and layer.hidden_size in hidden_sizes]
    return _summary(which, (_speedup_over(study, entry, _BRAINWAVE_BUDGET) for entry in chosen))


def brainwave_utilization(study: Study) -> Values:
    """Mean of the utilizations that BrainWave's paper prints for LSTMs."""
    shares = [entry.utilization for entry in brainwave_latencies() if entry.network.layers[0].cell == "lstm"]
    return _constant(study, float(np.mean([share for share in shares if share is not None])))


def speedup_over_gpu(study: Study, which: str, device: str, budget: str = "64K") -> Values:
    """SHARP over a GPU's measured latencies of DeepBench's problems of several steps, batch 1: a summary."""
    latencies = [entry for entry in serving_latencies(device) if entry.network.seq_len > 1]
    return _summary(which, (_speedup_over(study, entry, budget) for entry in latencies))


def _speedup_over(study: Study, entry: MeasuredLatency, budget: str) -> Values:
    return np.asarray(entry.latency_s / study.latency_s("sharp", entry.network, budget))


def gpu_efficiency(study: Study, which: str, device: str, precision: str, batch_size: int) -> Values:
    """Least or most share of a GPU's peak on DeepBench's LSTM and GRU problems of a batch size."""
    entries = [entry for entry in gpu_latencies(device, batch_size) if entry.precision == precision]
    if not entries:
        raise refuse("batch_size", f"one that the {device} was measured at in {precision}", batch_size)
    peak = gpu_devices()[device].peak_flops_per_s[precision]
    return _summary(which, [_constant(study, 2 * entry.num_macs / entry.latency_s / peak) for entry in entries])


def tpu_utilization(study: Study) -> Values:
    """Mean share of its peak that the TPU reached on its two LSTMs, as texts report; no model of it is asked."""
    tpu = [result for result in rival_results() if result.machine == "TPU"]
    peaks, reached = (
        [result.throughput_gops or 0.0 for result in tpu if result.ops_counted == counted]
        for counted in ("peak", "dense")
    )
    return _constant(study, float(np.mean(reached)) / max(peaks))


MEASURES: Mapping[str, Callable[..., Values]] = MappingProxyType(
    {
        measure.__name__: measure
        for measure in (
            *(speedup, utilization, utilization_gain, padding_gain, best_tile_rows, peak_tera, vector_bandwidth),
            *(power, power_rise, energy_change, gflops_per_w, efficiency_over_asic, efficiency_over_fpga, area),
            *(area_share, speedup_over_brainwave, brainwave_utilization, tpu_utilization),
            *(speedup_over_gpu, gpu_efficiency),
        )
    }
)
"""The measures that a claim may name."""


def measure(name: str, study: Study, arguments: Mapping[str, Any]) -> Values:
    """Values of a measure by name."""
    return MEASURES[name](study, **arguments)
