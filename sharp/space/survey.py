"""Whole networks on several budgets under several plans, as a tidy table: one row a point, one column a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from sharp.cycles.schedule import loaded
from sharp.cycles.simulate import Report
from sharp.energy.breakdown import Gating
from sharp.energy.implementation import Implementation, implement
from sharp.energy.power import EnergyReport, evaluate_energy
from sharp.energy.technology import Technology
from sharp.errors import SpecificationError
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.rivals.machines import as_machine
from sharp.space.scenario import Scenario
from sharp.workload.network import Network

if TYPE_CHECKING:
    import pandas as pd


def survey(
    networks: Iterable[Network],
    accelerator: Accelerator,
    *,
    macs: Iterable[str | int],
    plans: Iterable[Plan] | None = None,
    technology: Technology | None = None,
    gating: Gating | None = None,
) -> pd.DataFrame:
    """Simulate every network on every budget under every plan; with a technology, also what that costs.

    A sweep counts single layers by the million; a survey runs whole networks, one by one.

    Parameters
    ----------
    networks : iterable of Network
    accelerator : Accelerator
    macs : iterable of str or int
        Budgets, as `Accelerator.with_macs` takes them.
    plans : iterable of Plan, optional
        The machine's own by default.
    technology : Technology, optional
        Adds energy, power and area.
    gating : Gating, optional
        What is switched off while it has nothing to do; nothing by default.

    Returns
    -------
    pandas.DataFrame
        Columns: network, batch_size, hidden_size (of the first layer), budget, num_macs, clock_hz, schedule,
        reconfiguration, forwarding, weights, tile_rows (as asked), chosen_tile_rows (of the first layer), total_cycles,
        latency_s, utilization, loaded_bytes, and the split in cycles (`sharp.cycles.counting.SPLIT`); with a technology
        `sharp.energy.breakdown.ENERGY_COLUMNS` after them, then what each component leaks (compute_unit_leakage_j and
        so on), peak_power_w and gflops_per_w_paper.

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `sharp.cycles.simulate.simulate`, and where there is no network, budget or plan.

    Examples
    --------
    >>> import sharp
    >>> from sharp.space.survey import survey
    >>> networks = [sharp.find_network(name) for name in ("eesen", "gmat")]
    >>> table = survey(networks, sharp.find_accelerator("sharp"), macs=["1K", "64K"])
    >>> table[["network", "budget", "chosen_tile_rows", "total_cycles"]]
      network budget  chosen_tile_rows  total_cycles
    0   eesen     1K               256       6528418
    1   eesen    64K               128        340198
    2    gmat     1K                64      10445497
    3    gmat    64K                64        163999
    """
    import pandas as pd

    machines = [as_machine(accelerator.with_macs(budget)) for budget in macs]
    orders = [loaded(plan) for plan in plans or [accelerator.plan]]
    scenarios = [
        Scenario(network=network, machine=machine, plan=plan, technology=technology, gating=gating)
        for network, machine, plan in product(networks, machines, orders)
    ]
    if not scenarios:
        raise SpecificationError("survey: expected at least one network, one budget and one plan, got none of one")
    return pd.DataFrame([_row(scenario) for scenario in scenarios])


def survey_power(reports: Iterable[Report], technologies: Mapping[Any, tuple[Technology, Gating]]) -> pd.DataFrame:
    """Power of runs in several technologies, gated or not: the same cycles at other costs.

    Returns
    -------
    pandas.DataFrame
        Columns: technology (its key), network, budget, power_w, energy_j, gflops_per_w, area_mm2.

    Raises
    ------
    SpecificationError
        As `sharp.implement`, and where power gating is asked for without data.
    """
    import pandas as pd

    made: dict[tuple[Any, str], Implementation] = {}
    rows = []
    for (key, (technology, gating)), report in product(technologies.items(), list(reports)):
        place = key, report.accelerator.budget_label
        made[place] = made.get(place) or implement(report.accelerator, technology)
        row = evaluate_energy(report, made[place], gating).as_row()
        kept = {name: row[name] for name in ("power_w", "energy_j", "gflops_per_w", "area_mm2")}
        rows.append({"technology": key, "network": report.network.name, "budget": place[1], **kept})
    return pd.DataFrame(rows)


def _row(scenario: Scenario) -> dict[str, Any]:
    network, machine, plan = scenario.network, scenario.tiles, scenario.plan
    report: Any = scenario.run()
    assert plan is not None, "a machine of tiles has a plan"
    return {
        "network": network.name,
        "batch_size": network.batch_size,
        "hidden_size": network.layers[0].hidden_size,
        "budget": machine.budget_label,
        "num_macs": machine.num_macs,
        "clock_hz": machine.clock_hz,
        **{name: value for name, value in plan.as_dict().items() if name != "order"},
        "tile_rows": plan.tile_rows,
        "chosen_tile_rows": report.layers[0].tile_rows,
        "total_cycles": report.counts.total_cycles,
        "latency_s": report.latency_s,
        "utilization": report.counts.utilization,
        "loaded_bytes": report.loaded_bytes,
        **report.counts.split,
        **({} if scenario.technology is None else _energy(scenario.evaluate(report))),
    }


def _energy(costs: EnergyReport) -> dict[str, float]:
    leakage = {f"{name}_leakage_j": energy for name, energy in costs.energy.static_j.items()}
    return {
        **costs.as_row(),
        **leakage,
        "peak_power_w": costs.peak_power_w,
        "gflops_per_w_paper": costs.gflops_per_w_paper,
    }
