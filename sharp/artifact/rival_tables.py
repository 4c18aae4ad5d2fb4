"""What is reported of rivals as tables for the book: each result, and those of our model's networks beside it."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from sharp.cycles.simulate import simulate
from sharp.energy.power import evaluate_energy
from sharp.energy.technology import Technology
from sharp.machine.accelerator import Accelerator
from sharp.rivals.results import RivalResult, own_result, unlike


def results_table(results: Iterable[RivalResult]) -> pd.DataFrame:
    """A row a result: what was run on what, what was counted, the numbers, status, note and source."""
    return pd.DataFrame([_row(result) for result in results])


def _row(result: RivalResult) -> dict[str, object]:
    return {
        "machine": result.machine,
        "kind": result.kind,
        "technology": result.technology,
        "precision": result.precision,
        "operations": result.ops_counted,
        "sparsity": result.sparsity,
        "batch": "" if result.batch_size is None else str(result.batch_size),
        "network": result.described,
        "latency (µs)": result.latency_us,
        "GOPS": result.throughput_gops,
        "W": result.power_w,
        "of": result.power_of,
        "GOPS/W": result.efficiency_gops_per_w,
        "times as fast": result.speedup,
        "as": result.speedup_over,
        "status": result.status,
        "note": result.note,
        "source": result.source,
    }


def own_results(
    results: Iterable[RivalResult], machines: Iterable[Accelerator], technology: Technology
) -> list[tuple[RivalResult, RivalResult]]:
    """Each result whose network and latency are known, with ours on each of some machines."""
    asked = [(result, result.network) for result in results if result.latency_us is not None]
    given = tuple(machines)
    return [
        (result, own_result(evaluate_energy(simulate(network, machine), technology), result))
        for result, network in asked
        if network is not None
        for machine in given
    ]


def beside_table(pairs: Iterable[tuple[RivalResult, RivalResult]]) -> pd.DataFrame:
    """A row a pair of a reported result and ours: both latencies and throughputs, and in what they are unlike."""
    rows = []
    for result, ours in pairs:
        found = unlike(result, ours)
        rows.append(
            {
                "machine": result.machine,
                "network": result.described,
                "batch": result.batch_size,
                "latency (µs)": result.latency_us,
                "GOPS": result.throughput_gops,
                "ours": ours.machine,
                "our latency (µs)": ours.latency_us,
                "our GOPS": ours.throughput_gops,
                "differs": _named(found, "differs"),
                "not known": _named(found, "not known"),
                "status": result.status,
            }
        )
    return pd.DataFrame(rows)


def _named(found: dict[str, str], how: str) -> str:
    return ", ".join(name.replace("_", " ") for name, said in found.items() if said == how)
