"""Assumptions: every assumed number of machine, technology, workload and baseline, its range, and samples of all.

A `Parameter` is what the files call assumed, with their range; `draw` takes quasi-random samples of all of them.
Nothing is fitted: no range depends on what comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharp.checks import check_integer, check_text, refuse
from sharp.energy.implementation import implement
from sharp.energy.sram import NODES_NM, known_temperatures
from sharp.energy.technology import UNITS, Technology, check_technology
from sharp.energy.technology import with_settings as with_technology_settings
from sharp.errors import SpecificationError
from sharp.machine.accelerator import LATENCIES, Accelerator
from sharp.machine.files import find_accelerator
from sharp.provenance import Provenance
from sharp.units import cycles_from_ns, ns_from_hz
from sharp.workload.network import Network

LANES = ("activation_lanes", "rows_per_update_lane")
MACHINE = (*LANES, *LATENCIES)
"""Numbers of a machine that may move; not the DRAM's bandwidth, which takes no cycle while weights are resident."""
SIZES = ("seq_len", "input_size")
"""Numbers of a network that may move: its steps, and the inputs of its first layer."""
_READINGS = ("epur", "epur-intergate")  # the shipped machines that are a reading of E-PUR, the nominal one first


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """An assumed number or choice with its range: what a study varies.

    All its values are equally likely, or all their orders of magnitude where the range spans a decade. Numbers are in
    the unit that the name ends in; a choice, such as how the paper is read, has `choices` in place of a range.
    """

    name: str
    """Column of the samples: ``"add_ns"``, ``"temperature_k"``, ``"eesen.seq_len"``, ``"epur.schedule"``."""
    of: str
    """What it belongs to: ``"machine"``, ``"technology"``, ``"network"`` or ``"reading"`` (of E-PUR)."""
    nominal: float | str
    """Value in use without a study."""
    low: float = 0.0
    """Least plausible value, in the unit that the name ends in."""
    high: float = 0.0
    """Greatest plausible value."""
    whole: bool = False
    """Whether it is a whole number."""
    choices: tuple[float | str, ...] = ()
    """The values themselves, where they are few; `low` and `high` say nothing then."""

    def __post_init__(self) -> None:
        check_text("name", self.name)
        if self.choices or isinstance(self.nominal, str):
            if self.nominal not in self.choices:
                raise refuse(f"{self.name}.nominal", f"one of {', '.join(map(str, self.choices))}", self.nominal)
            return
        bounds = [self.low, self.high]
        if not 0 <= self.low <= self.high or (self.whole and any(bound % 1 for bound in bounds)):
            expected = f"two {'whole ' * self.whole}numbers of at least 0, the lower one first"
            raise refuse(f"{self.name}.range", expected, bounds)
        if not self.low <= self.nominal <= self.high:
            raise refuse(f"{self.name}.nominal", f"a number from {self.low:g} to {self.high:g}", self.nominal)

    @property
    def log(self) -> bool:
        """Whether its logarithm is uniform: a range of a decade or more above 0, of a number that need not be whole."""
        return not (self.whole or self.choices) and self.high >= 10 * self.low > 0

    def quantile(self, shares: NDArray[np.float64]) -> NDArray[Any]:
        """The values below which shares, 0 to 1, of all values lie: the inverse of the distribution."""
        if self.choices or self.whole:
            each = np.array(self.choices or range(int(self.low), int(self.high) + 1))
            return np.take(each, np.minimum(shares * len(each), len(each) - 1).astype(int))
        width = self.high - self.low
        values = self.low * (self.high / self.low) ** shares if self.log else self.low + shares * width
        return np.asarray(np.minimum(values, self.high))  # which rounding may pass


def assumed_parameters(
    accelerator: Accelerator, technology: Technology, networks: Iterable[Network]
) -> tuple[Parameter, ...]:
    """Every assumed number that can move a result, with its range, and the readings of E-PUR.

    A latency takes the whole cycles of its range, each as likely as the next, since no duration between does anything.

    These are latencies and lanes of the accelerator (not the DRAM's bandwidth, which weights on chip do not wait for);
    numbers of the technology that change a price or an area of it (so no energies of formats that it does not use), the
    temperature being one that memories were run at; steps and first layers' inputs of the networks.

    Raises
    ------
    SpecificationError
        Where a number lies outside its own range, or technology and machine do not fit.
    """
    check_technology(technology)
    return (
        *_machine_parameters(accelerator),
        *_technology_parameters(accelerator, technology),
        *(parameter for network in networks for parameter in _network_parameters(network)),
        *_reading_parameters(accelerator),
    )


def _uncertain(provenance: Mapping[str, Provenance], names: Iterable[str]) -> Iterator[tuple[str, float, float]]:
    """Name and range of the uncertain ones: those with a range, whatever their status, but for what a user gives."""
    for name in names:
        entry = provenance.get(name)
        if entry is not None and entry.status != "given" and entry.low is not None and entry.high is not None:
            yield name, entry.low, entry.high


def _machine_parameters(accelerator: Accelerator) -> Iterator[Parameter]:
    for name, low, high in _uncertain(accelerator.provenance, LANES):
        nominal = getattr(accelerator, name)
        yield Parameter(name=name, of="machine", nominal=nominal, low=low, high=high, whole=True)
    for name, low, high in _uncertain(accelerator.provenance, LATENCIES):
        nominal, known = getattr(accelerator, name), _whole_cycles(low, high, accelerator.clock_hz)
        if not low <= nominal <= high:
            raise refuse(f"{name}.nominal", f"a number from {low:g} to {high:g}", nominal)
        known[accelerator.cycles(name)] = nominal
        yield Parameter(name=name, of="machine", nominal=nominal, choices=tuple(known.values()))


def _whole_cycles(low_ns: float, high_ns: float, clock_hz: float) -> dict[int, float]:
    """Durations that differ on a machine of whole cycles, in ns by cycles: the middle of those that take as many."""
    cycles = range(cycles_from_ns(low_ns, clock_hz), cycles_from_ns(high_ns, clock_hz) + 1)
    return {count: (count - 0.5) * ns_from_hz(clock_hz) for count in cycles}


def _technology_parameters(accelerator: Accelerator, technology: Technology) -> Iterator[Parameter]:
    def made(settings: Mapping[str, float]) -> object:  # prices and areas, or None where the settings are refused
        try:
            made = implement(accelerator, with_technology_settings(technology, settings))
        except SpecificationError:
            return None
        return made.prices, made.area_mm2

    implement(accelerator, technology)  # or it says why not
    names = [name for name in UNITS if name not in technology.inputs]  # which the paper's own digits bound
    for name, low, high in _uncertain(technology.provenance, names):
        nominal = getattr(technology, name)
        if name == "temperature_k":
            every = known_temperatures(technology.cell_type, max(technology.node_nm, min(NODES_NM)))
            known = sorted({nominal, *(kelvin for kelvin in every if low <= kelvin <= high)})
            yield Parameter(name=name, of="technology", nominal=nominal, choices=tuple(known))
        elif any(made({name: value}) != made({}) for value in (low, high)):
            yield Parameter(name=name, of="technology", nominal=nominal, low=low, high=high)


def _network_parameters(network: Network) -> Iterator[Parameter]:
    for name, low, high in _uncertain(network.provenance, SIZES):
        nominal, full = own_size(network, name), f"{network.name}.{name}"
        yield Parameter(name=full, of="network", nominal=nominal, low=low, high=high, whole=True)


def own_size(network: Network, name: str) -> int:
    """The steps of a network, or the inputs of its first layer (`SIZES`)."""
    return {"seq_len": network.seq_len, "input_size": network.layers[0].input_size}[name]


def _reading_parameters(accelerator: Accelerator) -> Iterator[Parameter]:
    """E-PUR's tile, where the accelerator's array can take its height, and its schedule."""
    schedules, baseline = tuple(readings()), find_accelerator(_READINGS[0])
    for name, low, high in _uncertain(baseline.provenance, ["tile_rows"]):
        heights = tuple(rows for rows in accelerator.tile_rows if low <= rows <= high)
        if baseline.tile_rows[0] in heights:
            yield Parameter(name=f"epur.{name}", of="reading", nominal=baseline.tile_rows[0], choices=heights)
    yield Parameter(name="epur.schedule", of="reading", nominal=schedules[0], choices=schedules)


@cache
def readings() -> dict[str, Accelerator]:
    """The readings of E-PUR by schedule, the nominal one first."""
    machines = map(find_accelerator, _READINGS)
    return {machine.plan.schedule_name: machine for machine in machines}


def draw(parameters: Sequence[Parameter], count: int, *, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Samples of all parameters together: scrambled Sobol points, which fill the ranges more evenly than chance.

    Parameters
    ----------
    parameters : sequence of Parameter
        What `assumed_parameters` gives.
    count : int
        Samples, rounded up to a power of two, as only so many of these points are balanced.
    seed : int
        The same samples for the same seed.

    Returns
    -------
    dict of str to numpy.ndarray, (samples,)
        By the parameters' names.
    """
    from scipy.stats import qmc

    exponent = balanced_exponent(parameters, count, seed)
    return values_at(parameters, qmc.Sobol(len(parameters), seed=seed).random_base2(exponent))


def nominal(parameters: Sequence[Parameter]) -> dict[str, NDArray[Any]]:
    """One sample in which every parameter has its nominal value: the model as it is without a study.

    Parameters
    ----------
    parameters : sequence of Parameter

    Returns
    -------
    dict of str to numpy.ndarray, (1,)
    """
    return {parameter.name: np.array([parameter.nominal]) for parameter in parameters}


def values_at(parameters: Sequence[Parameter], points: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """Points of the unit cube, (samples, parameters), as values of the parameters."""
    return {parameter.name: parameter.quantile(points[:, place]) for place, parameter in enumerate(parameters)}


def balanced_exponent(parameters: Sequence[Parameter], count: int, seed: int) -> int:
    """The exponent of the least power of two from `count` up, if samples can be taken."""
    names = [parameter.name for parameter in parameters]
    if not names or len(set(names)) < len(names):
        raise refuse("parameters", "at least one, each name once", names)
    check_integer("seed", seed, minimum=0)
    return (check_integer("count", count) - 1).bit_length()
