"""What a run costs: energy, power, efficiency, area, of a `Report` on an accelerator in a technology."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from math import fsum
from typing import Any

from sharp.checks import check_flag, check_kind, refuse
from sharp.cycles.activity import Activity
from sharp.cycles.simulate import Report
from sharp.energy.breakdown import ACTIONS, ENERGY_COLUMNS, EnergyBreakdown, Gating, break_down, full_speed, sum_energy
from sharp.energy.implementation import COMPONENTS, Implementation, implement
from sharp.energy.locality import with_weight_locality
from sharp.energy.technology import Technology
from sharp.units import GIGA, joules_from_picojoules, paper_tera


@dataclass(frozen=True, kw_only=True)
class EnergyReport:
    """What a run costs: energy, power, efficiency, area. `evaluate_energy` makes it.

    `energy` has J by component, `layers` the same of each layer, `power_w` is the average over the run; `warnings` are
    sentences on what the numbers leave out. Efficiency is given in two conventions, the usual one and the paper's.

    Examples
    --------
    >>> import sharp
    >>> report = sharp.simulate(sharp.find_network("eesen"), sharp.find_accelerator("sharp").with_macs("4K"))
    >>> costs = sharp.evaluate_energy(report, sharp.find_technology("32nm"))
    >>> f"{costs.energy.total_j * 1e3:.0f} mJ", f"{costs.power_w:.0f} W"
    ('59 mJ', '18 W')
    >>> abs(costs.power_w * report.latency_s / costs.energy.total_j - 1) < 1e-12
    True
    """

    report: Report
    implementation: Implementation
    gating: Gating
    weight_locality: bool
    """Whether steps share reads of the weights that multiply x (`sharp.energy.locality`)."""
    activities: tuple[Activity, ...]
    """How often each layer does what costs energy."""
    layers: tuple[EnergyBreakdown, ...]
    """Energy of each layer."""

    @cached_property
    def energy(self) -> EnergyBreakdown:
        """Energy of the whole run in J by component, dynamic and static: the sum of `layers`."""
        return sum_energy(self.layers)

    @property
    def energy_per_sequence_j(self) -> float:
        """J of an inference: the energy of the run over the sequences of its batch."""
        return self.energy.total_j / self.report.network.batch_size

    @property
    def power_w(self) -> float:
        """W on average: the energy of the run over its latency."""
        return self.energy.total_j / self.report.latency_s

    @property
    def peak_power_w(self) -> float:
        """W while every unit works at its full rate (`sharp.energy.breakdown.full_speed`)."""
        return peak_power(self.implementation)

    @property
    def gflops_per_w(self) -> float:
        """Giga-operations a second for each W, as usual: two operations a useful multiply-accumulate, giga decimal."""
        return 2 * self.report.network.num_macs / self.energy.total_j / GIGA

    @property
    def gflops_per_w_paper(self) -> float:
        """The same as the paper counts: one operation a multiply-accumulate, tera binary, and a thousandth of it."""
        return float(1000 * paper_tera(self.report.network.num_macs) / self.energy.total_j)

    @property
    def energy_delay_js(self) -> float:
        """Energy times latency in J s, of the whole batch; less is better, and trades one for the other."""
        return self.energy.total_j * self.report.latency_s

    @property
    def warnings(self) -> list[str]:
        """What the numbers leave out, a sentence each."""
        return [*self.implementation.warnings, *self._nothing_shared()]

    def _nothing_shared(self) -> list[str]:
        """Weight locality was asked for and saves nothing."""
        if not self.weight_locality or self.activities != self.report.activities:
            return []
        return [
            f"weight locality saves no read: no layer has tiles of x alone whose sums of two steps fit the "
            f"intermediate buffer of {self.report.accelerator.intermediate_buffer.capacity_bytes} bytes, "
            f"and weights that do not come from the DRAM in every step"
        ]

    def as_row(self) -> dict[str, float]:
        """The columns that a table of points has (`sharp.energy.breakdown.ENERGY_COLUMNS`)."""
        values = (
            self.energy.total_j,
            fsum(self.energy.static_j.values()),
            *(self.energy.of(name) for name in COMPONENTS),
            self.power_w,
            self.gflops_per_w,
            sum(self.implementation.area_mm2.values()),
        )
        return dict(zip(ENERGY_COLUMNS, values, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values, as ``sharp run --energy --json`` prints it under ``energy``.

        The keys are stable and documented in the book (page "The command", section "JSON keys").
        """
        return {
            **technology_dict(self.implementation.technology),
            "precision": self.report.accelerator.precision,
            "clock_gating": self.gating.clock,
            "power_gating": self.gating.power,
            "weight_locality": self.weight_locality,
            "energy_j": self.energy.total_j,
            "energy_per_sequence_j": self.energy_per_sequence_j,
            "power_w": self.power_w,
            "peak_power_w": self.peak_power_w,
            "gflops_per_w": self.gflops_per_w,
            "gflops_per_w_paper": self.gflops_per_w_paper,
            "energy_delay_js": self.energy_delay_js,
            "area_mm2": sum(self.implementation.area_mm2.values()),
            "components": components(self.energy),
            "actions": self._actions(),
            "layers": [
                {"energy_j": energy.total_j, "components": components(energy), "activity": asdict(activity)}
                for energy, activity in zip(self.layers, self.activities, strict=True)
            ],
            "warnings": self.warnings,
        }

    def _actions(self) -> list[dict[str, Any]]:
        """Each action of the run: how often, at what price, J."""
        entries = []
        for action in ACTIONS:
            count = sum(getattr(activity, action.counted(self.gating)) for activity in self.activities)
            price = getattr(self.implementation.prices, action.price)
            energy = joules_from_picojoules(price) * count
            entries.append(
                {
                    "component": action.component,
                    "action": action.name,
                    "count": count,
                    "price_pj": price,
                    "energy_j": energy,
                }
            )
        return entries


def implementation_dict(implementation: Implementation) -> dict[str, Any]:
    """A machine in a technology as JSON has it."""
    machine, technology = implementation.accelerator, implementation.technology
    area = implementation.area_mm2
    return {
        "accelerator": machine.name,
        "num_macs": machine.num_macs,
        "clock_hz": machine.clock_hz,
        "precision": machine.precision,
        **technology_dict(technology),
        "area_mm2": sum(area.values()),
        "leakage_w": implementation.leakage_w,
        "peak_power_w": peak_power(implementation),
        "components": {
            name: {"area_mm2": area[name], "leakage_w": implementation.prices.leakage_w[name]} for name in area
        },
        "memories": {name: asdict(memory) for name, memory in implementation.memories.items()},
        "warnings": [*machine.cautions, *implementation.warnings],
    }


def technology_dict(technology: Technology) -> dict[str, Any]:
    """What names a technology, as the first keys of JSON reports."""
    return {
        "technology": technology.name,
        "node_nm": technology.node_nm,
        "voltage_v": technology.voltage_v,
        "cell_type": technology.cell_type,
        "temperature_k": technology.temperature_k,
    }


def components(energy: EnergyBreakdown) -> dict[str, dict[str, float]]:
    """A breakdown as JSON has it."""
    return {name: {"dynamic_j": energy.dynamic_j[name], "static_j": energy.static_j[name]} for name in COMPONENTS}


def evaluate_energy(
    report: Report,
    technology: Technology | Implementation,
    gating: Gating | None = None,
    *,
    weight_locality: bool = False,
) -> EnergyReport:
    """Energy, power and efficiency of a run: counts of what it did, times what that costs, plus what leaked meanwhile.

    Parameters
    ----------
    report : Report
        What `simulate` returns.
    technology : Technology or Implementation
        An implementation is that of the report's accelerator (`implement`); one serves many runs.
    gating : Gating, optional
        What is switched off while it has nothing to do; nothing by default.
    weight_locality : bool
        Whether steps share reads of the weights that multiply x, as E-PUR's can (`sharp.energy.locality`).

    Returns
    -------
    EnergyReport

    Raises
    ------
    SpecificationError
        As `implement`, and where power gating is asked for without data.

    Examples
    --------
    >>> import sharp
    >>> report = sharp.simulate(sharp.square_lstm(512), sharp.find_accelerator("sharp").with_macs("1K"))
    >>> costs = sharp.evaluate_energy(report, sharp.find_technology("32nm"))
    >>> f"{costs.power_w:.1f} W", f"{costs.gflops_per_w:.0f} GFLOPS/W"
    ('11.8 W', '86 GFLOPS/W')
    """
    check_kind("report", report, Report)
    gating = Gating.of(gating)
    if isinstance(technology, Implementation):
        made = technology
        if made.accelerator != report.accelerator:
            raise refuse("implementation", "that of the report's accelerator", made.accelerator.name)
    else:
        made = implement(report.accelerator, technology)
    activities = report.activities
    if check_flag("weight_locality", weight_locality):
        pairs = zip(report.layers, activities, strict=True)
        activities = tuple(with_weight_locality(entry.mapping, activity) for entry, activity in pairs)
    known = {activity: break_down(activity, made, gating) for activity in set(activities)}
    return EnergyReport(
        report=report,
        implementation=made,
        gating=gating,
        weight_locality=weight_locality,
        activities=activities,
        layers=tuple(known[activity] for activity in activities),
    )


def peak_power(implementation: Implementation) -> float:
    """W of a machine while every unit works at its full rate on an LSTM and weights come from the DRAM.

    Parameters
    ----------
    implementation : Implementation
        What `sharp.implement` returns.
    """
    cycle = break_down(full_speed(implementation.accelerator), implementation)
    return cycle.total_j * implementation.accelerator.clock_hz
