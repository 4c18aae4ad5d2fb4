"""What a quasi-Monte-Carlo study costs: `python benchmarks/bench_uncertainty.py`.

Two headline numbers of the paper's four networks at 64K MACs, every assumed number sampled: the mean speedup over E-PUR
(cycles of two machines) and the mean GFLOPS/W (energy of one). `sharp.claims.uncertainty.Study` on 2^17 samples and one
core, beside the same samples through `simulate` and `evaluate_energy` one by one (the first few); the goal is 100,000
samples in 10 s. Both are checked against each other before.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from timing import measure, ratio, show

from sharp import Network, evaluate_energy, find_accelerator, find_network, find_technology, simulate
from sharp.claims.assumptions import assumed_parameters, draw
from sharp.claims.uncertainty import Study
from sharp.energy.technology import UNITS
from sharp.energy.technology import with_settings as with_technology_settings
from sharp.machine.accelerator import LATENCIES, with_settings

BUDGET = "64K"
FEW = 256
"""Samples that are run one by one."""
MACHINES = {name: find_accelerator(name) for name in ("sharp", "epur", "epur-intergate")}
READINGS = {"sequential": "epur", "intergate": "epur-intergate"}
TECHNOLOGY = find_technology("32nm")
NETWORKS = tuple(map(find_network, ("eesen", "gmat", "bysdne", "rldradspr")))
PARAMETERS = assumed_parameters(MACHINES["sharp"], TECHNOLOGY, NETWORKS)

Samples = dict[str, NDArray[Any]]


def speedup(samples: Samples) -> NDArray[np.float64]:
    """Mean speedup over E-PUR of the four networks, by the study."""
    study = Study(samples, MACHINES["sharp"], TECHNOLOGY)
    latencies = [[study.latency_s(name, network, BUDGET) for name in ("epur", "sharp")] for network in NETWORKS]
    return np.mean([epur / sharp for epur, sharp in latencies], axis=0)


def efficiency(samples: Samples) -> NDArray[np.float64]:
    """Mean GFLOPS/W of the four networks, by the study."""
    study = Study(samples, MACHINES["sharp"], TECHNOLOGY)
    return np.mean([study.gflops_per_w("sharp", network, BUDGET) for network in NETWORKS], axis=0)


def sampled(network: Network, sample: dict[str, Any]) -> Network:
    """The network with the sizes of a sample."""
    inputs = sample.get(f"{network.name}.input_size", network.layers[0].input_size)
    layers = (replace(network.layers[0], input_size=inputs), *network.layers[1:])
    return replace(network, layers=layers, seq_len=sample.get(f"{network.name}.seq_len", network.seq_len))


def machines(sample: dict[str, Any]) -> list[Any]:
    """SHARP and E-PUR of a sample."""
    settings = {name: sample[name] for name in ("activation_lanes", "rows_per_update_lane", *LATENCIES)}
    epur = with_settings(MACHINES[READINGS[sample["epur.schedule"]]], {"tile_rows": sample["epur.tile_rows"]})
    return [with_settings(machine.with_macs(BUDGET), settings) for machine in (MACHINES["sharp"], epur)]


def speedup_alone(sample: dict[str, Any]) -> float:
    """The same of one sample, by `simulate`."""
    sharp, epur = machines(sample)
    runs = [[simulate(sampled(network, sample), machine) for machine in (epur, sharp)] for network in NETWORKS]
    return float(np.mean([first.latency_s / second.latency_s for first, second in runs]))


def efficiency_alone(sample: dict[str, Any]) -> float:
    """The same of one sample, by `evaluate_energy`."""
    sharp, _ = machines(sample)
    technology = with_technology_settings(TECHNOLOGY, {name: sample[name] for name in UNITS if name in sample})
    reports = [simulate(sampled(network, sample), sharp) for network in NETWORKS]
    return float(np.mean([evaluate_energy(report, technology).gflops_per_w for report in reports]))


def one_by_one(alone: Callable[[dict[str, Any]], float], samples: Samples) -> NDArray[np.float64]:
    """A number of the first few samples, each for itself."""
    return np.array([alone({name: samples[name][place].item() for name in samples}) for place in range(FEW)])


def main() -> None:
    """Check, then time."""
    samples = draw(PARAMETERS, 100_000)
    count = len(samples["add_ns"])
    rows: list[list[object]] = []
    for name, study, alone in (
        ("speedup over E-PUR", speedup, speedup_alone),
        ("GFLOPS/W", efficiency, efficiency_alone),
    ):
        if not np.allclose(study(samples)[:FEW], one_by_one(alone, samples), rtol=1e-9, atol=0):
            sys.exit(f"{name}: the study and the runs differ")
        works = {"study": partial(study, samples), "runs": partial(one_by_one, alone, samples)}
        times = measure(works, 5)
        rates = count / times["study"].median, FEW / times["runs"].median
        rows.append([name, *rates, ratio(*rates), 1e5 / rates[0]])
    columns = ["mean of four networks at 64K", "study", "one by one", "study is", "s for 100,000, goal 10 at most"]
    show(f"{len(PARAMETERS)} assumed numbers at once, one core: samples a second", columns, rows)


if __name__ == "__main__":
    main()
