"""Technology: energy of each action, area and leakage of logic, at a node and a voltage.

SRAM is in `sharp.energy.sram`, which takes `Technology.node_nm`, `cell_type` and `temperature_k`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import log
from types import MappingProxyType
from typing import Any

from sharp.checks import GREATEST_NUMBER, check_between, check_name, check_number, check_text, refuse
from sharp.provenance import Provenance, given_instead, unusual
from sharp.quantities import in_unit
from sharp.shipped import DATA

ENERGIES = MappingProxyType(
    {
        "int8_add_pj": "pJ",
        "int16_add_pj": "pJ",
        "int32_add_pj": "pJ",
        "int8_multiply_pj": "pJ",
        "int16_multiply_pj": "pJ",
        "fp16_add_pj": "pJ",
        "fp16_multiply_pj": "pJ",
        "fp16_divide_pj": "pJ",
        "fp16_exponential_pj": "pJ",
        "fp32_add_pj": "pJ",
        "fp32_multiply_pj": "pJ",
        "register_pj_per_bit": "pJ/bit",
        "controller_pj_per_mac": "pJ",
        "clock_pj_per_bit": "pJ/bit",
    }
)
"""The energies of logic, which scale with node and voltage, each with its unit."""

WIRES = MappingProxyType({"wire_pj_per_bit_mm": "pJ/bit/mm"})
"""The energies of wires, which scale with the square of the voltage: a mm of wire keeps its capacitance at any node."""

AREAS = MappingProxyType(
    {"mac_area_um2": "um2", "activation_area_mm2_per_lane": "mm2", "controller_area_um2_per_mac": "um2"}
)
"""The areas of logic, which scale with the node, each with its unit."""

UNITS = MappingProxyType(
    {
        **ENERGIES,
        **WIRES,
        **AREAS,
        "idle_share": "1",
        "dram_pj_per_bit": "pJ/bit",
        "logic_leakage_mw_per_mm2": "mW/mm2",
        "temperature_k": "K",
    }
)
"""The numbers of a `Technology` that `with_settings` changes, each with its unit."""

BOUNDS = MappingProxyType(
    {**dict.fromkeys(("clock_pj_per_bit", "wire_pj_per_bit_mm"), (0.0, GREATEST_NUMBER)), "idle_share": (0.0, 1.0)}
)
"""Least and greatest value of those that are not just positive: 0 leaves something out."""

SETTINGS = ("node_nm", "voltage_v", "cell_type", *UNITS)
"""What `with_settings` changes."""
SETTING_UNITS = MappingProxyType({"node_nm": "nm", "voltage_v": "V", **UNITS})
"""Units of those that are numbers."""

FLAVOURS = ("HP", "LP")
"""Transistors of the scaling law: high performance, low power."""
LEAST_VOLTAGE, GREATEST_VOLTAGE = 0.5, 1.1
"""Volts between which the scaling law is used; below, its polynomials near their minimum and say nothing."""

PLACES = ("node_nm", "voltage_v")
DOUBT_AT_7_NM = 3.9
"""How many times the law's energies those of a published table of 7 nm are, at most."""
_SURE_NM, _DOUBT_SAID = 32, 1.5
_LAW = "Stillmaker and Baas"
_DATA = DATA / "technology"


@dataclass(frozen=True, kw_only=True)
class Technology:
    """What an action of the logic costs, and what logic leaks and takes of area, at a node and a voltage.

    It is pure data, each number with its source, status and range, so halving every energy halves what comes out.
    Energies are in pJ, areas in um2 or mm2. SRAM follows from `node_nm`, `cell_type` and `temperature_k`, by tables of
    its own. A value that makes no sense is refused with a `SpecificationError`.

    Examples
    --------
    >>> import sharp
    >>> technology = sharp.find_technology("32nm")
    >>> technology.node_nm, technology.voltage_v, f"{technology.fp16_multiply_pj:.2f} pJ"
    (32, 0.85, '0.64 pJ')
    >>> technology.provenance["fp16_multiply_pj"].status
    'derived'
    >>> f"{technology.scaled(16).fp16_multiply_pj:.2f} pJ"  # the same logic at 16 nm and the same voltage
    '0.22 pJ'
    """

    name: str
    """Short name, as given to ``--technology``."""
    node_nm: float
    """Node in nm."""
    voltage_v: float
    """Supply of logic in V."""
    flavour: str
    """Transistors of logic in the scaling law, one of `FLAVOURS`."""
    cell_type: str
    """Devices of SRAM, one of `sharp.energy.sram.CELL_TYPES`."""
    temperature_k: float
    """Temperature of SRAM in K, one that its table has."""
    int8_add_pj: float
    """pJ of an 8-bit integer addition."""
    int16_add_pj: float
    """pJ of a 16-bit integer addition."""
    int32_add_pj: float
    """pJ of a 32-bit integer addition: tree and accumulator of an integer array."""
    int8_multiply_pj: float
    """pJ of an 8-bit integer multiplication."""
    int16_multiply_pj: float
    """pJ of a 16-bit integer multiplication."""
    fp16_add_pj: float
    """pJ of a half-precision addition."""
    fp16_multiply_pj: float
    """pJ of a half-precision multiplication."""
    fp16_divide_pj: float
    """pJ of a half-precision division."""
    fp16_exponential_pj: float
    """pJ of a half-precision exponential."""
    fp32_add_pj: float
    """pJ of a single-precision addition: tree and accumulator of SHARP."""
    fp32_multiply_pj: float
    """pJ of a single-precision multiplication."""
    register_pj_per_bit: float
    """pJ per bit that a pipeline register takes in."""
    controller_pj_per_mac: float
    """pJ of the controller per multiplier and cycle."""
    clock_pj_per_bit: float
    """pJ per cycle and bit of a pipeline register that the clock reaches, whether the bit changes or not; may be 0."""
    wire_pj_per_bit_mm: float
    """pJ per bit that is carried a mm; may be 0."""
    idle_share: float
    """Share, 0 to 1, of the compute unit's energy in a cycle of work that it takes in a cycle without any."""
    dram_pj_per_bit: float
    """pJ per bit read from or written to the DRAM."""
    logic_leakage_mw_per_mm2: float
    """mW that a mm2 of logic leaks."""
    mac_area_um2: float
    """um2 of a multiplier with its share of adder tree and accumulators."""
    activation_area_mm2_per_lane: float
    """mm2 of an activation unit (MFU) with its share of the cell updater."""
    controller_area_um2_per_mac: float
    """um2 of the controller per multiplier."""
    inputs: frozenset[str] = field(default=frozenset(), compare=False)
    """Fields worked out from a number of the paper, which agreement with that number says nothing about."""
    provenance: Mapping[str, Provenance] = field(default_factory=dict, compare=False)
    """Unit, source, status and range of each number, by field name."""

    def __post_init__(self) -> None:
        check_text("name", self.name)
        check_name("flavour", self.flavour, FLAVOURS)
        check_text("cell_type", self.cell_type)
        for name in (*PLACES, *UNITS):
            check_setting(name, getattr(self, name))

    @property
    def cautions(self) -> tuple[str, ...]:
        """What is odd of its numbers, a sentence each: those outside their plausible range, and a small node."""
        odd = unusual({name: getattr(self, name) for name in UNITS}, UNITS, self.provenance)
        doubt = law_doubt(self.node_nm)
        if doubt < _DOUBT_SAID:
            return odd
        return (
            *odd,
            f"energies of logic at {self.node_nm:g} nm are a law's, and may be {doubt:.1f} times as much: at 7 nm a "
            f"table has 0.34 pJ for a fp16 multiplication and 0.38 pJ for a fp32 addition, up to {DOUBT_AT_7_NM:g} "
            f"times the law's",
        )

    def scaled(self, node_nm: float, voltage_v: float | None = None) -> Technology:
        """The same logic at another node and voltage, by the law of Stillmaker and Baas (2017).

        Energies go as `scale_energy`, areas as `scale_area`, those of wires as the square of the voltage; DRAM and
        leakage per mm2 stay, as the law says nothing of them, so leakage of logic shrinks with its area only. SRAM has
        tables of its own (`sharp.implement`). The law fits circuit simulations (R^2 > 0.95) at 45, 32, 20, 16, 14, 10
        and 7 nm; nodes between, such as 28 and 22 nm, are interpolated, and those two lie where transistors turn from
        planar to FinFET.

        Parameters
        ----------
        node_nm : float
            From 7 to 45.
        voltage_v : float, optional
            Volts, from `LEAST_VOLTAGE` to `GREATEST_VOLTAGE`; the present one where absent, usual there or not.

        Raises
        ------
        SpecificationError
            Where this or the other node or voltage is outside the law.
        """
        voltage_v = self.voltage_v if voltage_v is None else voltage_v
        _at_node("node_nm", node_nm, _energies("voltage_v", voltage_v, self.flavour))  # names the input at fault
        energy = scale_energy(1.0, self.node_nm, self.voltage_v, node_nm, voltage_v, self.flavour)
        factors = dict.fromkeys(ENERGIES, energy) | dict.fromkeys(AREAS, scale_area(1.0, self.node_nm, node_nm))
        doubt = law_doubt(node_nm) / law_doubt(self.node_nm)
        laws = dict.fromkeys(WIRES, ("V^2",)) | dict.fromkeys(ENERGIES, (_LAW, max(1.0, doubt)))
        factors |= dict.fromkeys(WIRES, (voltage_v / self.voltage_v) ** 2)
        note = f"from {self.node_nm:g} nm, {self.voltage_v:g} V to {node_nm:g} nm, {voltage_v:g} V"
        provenance = {
            name: entry if name not in factors else scaled_provenance(entry, factors[name], note, *laws.get(name, ()))
            for name, entry in self.provenance.items()
        }
        values: dict[str, Any] = {name: getattr(self, name) * factor for name, factor in factors.items()}
        return replace(self, node_nm=node_nm, voltage_v=voltage_v, provenance=provenance, **values)


def with_settings(technology: Technology, settings: Mapping[str, object]) -> Technology:
    """The same technology with some numbers changed, all at once.

    Parameters
    ----------
    technology : Technology
    settings : mapping of str to value
        By name (`UNITS`), also as text with a unit ("330K"), or ``cell_type``; ``node_nm`` and ``voltage_v`` go first,
        by `Technology.scaled`.

    Raises
    ------
    SpecificationError
        Where there is no such number, or the value does not fit.
    """
    for name in settings:
        check_name("parameter", name, SETTINGS)
    settings = {name: in_unit(name, value, SETTING_UNITS.get(name, "1")) for name, value in settings.items()}
    if not settings.keys().isdisjoint(PLACES):
        technology = technology.scaled(
            check_number("node_nm", settings.get("node_nm", technology.node_nm)),
            check_number("voltage_v", settings.get("voltage_v", technology.voltage_v)),
        )
    values: dict[str, Any] = {name: value for name, value in settings.items() if name not in PLACES}
    given = {name: given_instead(technology.provenance.get(name), UNITS.get(name, "1")) for name in values}
    inputs = technology.inputs - given.keys()
    return replace(technology, inputs=inputs, provenance={**technology.provenance, **given}, **values)


def check_setting(name: str, value: object, where: str = "") -> float:
    """Return `value` if one of `UNITS` may have it: a positive number, or one within its `BOUNDS`."""
    if name in BOUNDS:
        return check_between(where or name, value, *BOUNDS[name])
    return check_number(where or name, value)


def check_technology(technology: object) -> None:
    """Refuse what is no technology, such as a name."""
    if not isinstance(technology, Technology):
        raise refuse("technology", "a Technology, such as sharp.find_technology gives", technology)


def at_range_ends(technology: Technology) -> dict[tuple[str, str], Technology]:
    """The technology with one number at a time at an end of its plausible range: keys (name, "low" or "high").

    Numbers without a range are left out, and so is the temperature, which SRAM has data of at a few values only.
    """
    return {
        (name, end): with_settings(technology, {name: value})
        for name, entry in technology.provenance.items()
        if name in UNITS and name != "temperature_k"
        for end, value in (("low", entry.low), ("high", entry.high))
        if value is not None and entry.status != "given"
    }


# The scaling law -----------------------------------------------------------------------------------------------------


def scale_energy(
    energy_pj: float,
    from_node_nm: float,
    from_voltage_v: float,
    to_node_nm: float,
    to_voltage_v: float,
    flavour: str = "HP",
) -> float:
    """Energy of an operation at another node and voltage: ``energy_pj * E_to(V_to) / E_from(V_from)``.

    ``E(V) = b2 V^2 + b1 V + b0`` with the coefficients of Stillmaker and Baas (``sharp/data/technology/scaling.csv``);
    between two nodes E is linear in log-log at the same voltage.

    Raises
    ------
    SpecificationError
        Where a node is not from 7 to 45 nm, a voltage not from 0.5 to 1.1 V, or the flavour unknown.
    """
    check_name("flavour", flavour, FLAVOURS)
    start = _at_node("from_node_nm", from_node_nm, _energies("from_voltage_v", from_voltage_v, flavour))
    return energy_pj * _at_node("to_node_nm", to_node_nm, _energies("to_voltage_v", to_voltage_v, flavour)) / start


def law_doubt(node_nm: float) -> float:
    """How many times the law's energy an operation may take at a node: 1 down to 32 nm, `DOUBT_AT_7_NM` at 7 nm.

    A table of 7 nm (Jouppi et al., ISCA 2021; recalled, not seen) has 0.34 pJ for a half-precision multiplication and
    0.38 pJ for a single-precision addition, where the law scales Horowitz's 1.1 and 0.9 pJ to 0.12 and 0.10 at 0.85 V.
    Between the two nodes the factor is linear in log-log.
    """
    return float(DOUBT_AT_7_NM ** max(0.0, log(_SURE_NM / node_nm) / log(_SURE_NM / 7)))


def scale_area(area: float, from_node_nm: float, to_node_nm: float) -> float:
    """Area of logic at another node, by the table of Stillmaker and Baas (two digits), linear in log-log between nodes.

    Raises
    ------
    SpecificationError
        Where a node is not from 7 to 45 nm.
    """
    areas = {node: coefficients[3] for node, coefficients in _law()["HP"].items()}
    return area * _at_node("to_node_nm", to_node_nm, areas) / _at_node("from_node_nm", from_node_nm, areas)


@cache
def _law() -> dict[str, dict[int, tuple[float, ...]]]:
    """b2, b1, b0 and relative area by flavour and node."""
    import csv  # only scaling needs it

    law: dict[str, dict[int, tuple[float, ...]]] = {flavour: {} for flavour in FLAVOURS}
    with (_DATA / "scaling.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(line for line in stream if not line.startswith("#")):
            names = ("energy_b2", "energy_b1", "energy_b0", "area")
            law[row["flavour"]][int(row["node_nm"])] = tuple(float(row[name]) for name in names)
    return law


def _energies(where: str, voltage_v: float, flavour: str) -> dict[int, float]:
    """E(V) at each node."""
    if not LEAST_VOLTAGE <= check_number(where, voltage_v) <= GREATEST_VOLTAGE:
        raise refuse(where, f"{LEAST_VOLTAGE:g} to {GREATEST_VOLTAGE:g} V (where the law holds)", voltage_v)
    return {node: b2 * voltage_v**2 + b1 * voltage_v + b0 for node, (b2, b1, b0, _) in _law()[flavour].items()}


def check_node(where: str, node_nm: float) -> None:
    """Refuse a node outside those that the law has."""
    nodes = _law()["HP"]
    least, greatest = min(nodes), max(nodes)
    if not least <= check_number(where, node_nm) <= greatest:
        nearest = least if node_nm < least else greatest
        raise refuse(where, f"{least} to {greatest} nm (where the law holds)", node_nm, f" (nearest: {nearest})")


def _at_node(where: str, node_nm: float, values: Mapping[int, float]) -> float:
    """The value at a node, linear in log-log between those that the law has."""
    check_node(where, node_nm)
    below, above = max(node for node in values if node <= node_nm), min(node for node in values if node >= node_nm)
    if below == above:
        return values[below]
    share = log(node_nm / below) / log(above / below)
    return float(values[below] * (values[above] / values[below]) ** share)


def scaled_provenance(entry: Provenance, factor: float, note: str, law: str = _LAW, doubt: float = 1.0) -> Provenance:
    """What a scaled number rests on; its range reaches `doubt` times as high."""
    return replace(
        entry,
        source=f"{entry.source}; times {factor:.4f} {note} ({law})",
        status="derived" if entry.status == "published" else entry.status,
        low=None if entry.low is None else entry.low * factor,
        high=None if entry.high is None else entry.high * factor * doubt,
    )
