"""SRAM: energy of an access, leakage, area and access time of a memory made of equal banks.

The numbers are CACTI runs of one bank (``sharp/data/technology/sram_*nm.csv``; the head of each file says which runs
and why), interpolated in capacity, in width and in the node. A memory of `banks` banks is one bank, `banks` times, each
with a port of its own: SHARP has a bank beside each of its vector-scalar units, which reads 32 weights a cycle. CACTI's
own multi-bank memories share one port and pay for the way to it: a read of 64 bytes takes 2 to 4 times the energy with
4 banks, 4 to 8 times with 16, 11 to 16 times with 64. Their leakage and area are those of the single banks within 11 %
and 33 % where a bank has 256 KiB or more; smaller banks leak up to 3 times as much there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from math import isnan, log, nan
from typing import NamedTuple

from sharp.checks import check_integer, check_name, refuse
from sharp.errors import SpecificationError
from sharp.shipped import DATA

NODES_NM = (22, 28, 32, 45)
"""Nodes with a table; between two of them memories are interpolated."""
TEMPERATURES_K = tuple(range(300, 401, 10))
"""Temperatures that CACTI has off-currents of its devices at."""
CELL_TYPES = ("itrs-hp", "itrs-lstp")
"""Device types of cells and periphery: high performance, and low standby power."""
SOURCES = ("table", "hwcomponents")
"""Where an estimate can come from: the tables that ship, or CACTI 7 of the package hwcomponents-cacti."""

_MANY_WIDTHS = 32
"""The node with runs of many widths."""
_REACH = 2
"""Greatest factor by which an estimate may lie outside a table."""
QUANTITIES = (
    "read_energy_pj",
    "write_energy_pj",
    "leakage_mw",
    "leakage_low_mw",
    "leakage_high_mw",
    "area_mm2",
    "access_ns",
)
_Row = tuple[float, ...]
"""`QUANTITIES` of one bank; not a number where no run says."""


@dataclass(frozen=True, kw_only=True)
class SramPoint:
    """A memory of equal banks, each with one port for reads and writes."""

    capacity_bytes: int
    """Bytes of all banks."""
    width_bits: int
    """Bits of an access to one bank."""
    banks: int
    """Banks that can be accessed at once."""
    read_energy_pj: float
    """pJ of a read of `width_bits` from one bank."""
    write_energy_pj: float
    """pJ of a write of `width_bits` to one bank."""
    leakage_w: float
    """W that all banks leak, awake."""
    leakage_low_w: float | None
    """W of the least leaking alternative (all banks asleep); None where none was run."""
    leakage_high_w: float | None
    """W of the most leaking alternative (another version of CACTI, no long channels); None where none was run."""
    area_mm2: float
    """mm2 of all banks."""
    access_ns: float
    """ns from address to data of one bank."""
    source: str
    """Tool, devices and temperature; the status is ``derived``."""


def estimate_sram(
    capacity_bytes: int,
    width_bits: int,
    banks: int = 1,
    *,
    cell_type: str,
    temperature_k: float,
    node_nm: float = 32,
    source: str = "table",
) -> SramPoint:
    """Estimate a memory of `banks` equal banks.

    In a table every quantity is piecewise linear in log-log, in capacity at each width of the table and then in width;
    so energies, leakage and area grow with capacity, and runs are met exactly. Up to a factor of 2 beyond the table the
    last slope in capacity goes on; an access wider than the table's takes energy in proportion, a narrower one takes
    that of the narrowest, and the rest is as at the nearest width.

    Parameters
    ----------
    capacity_bytes : int
        Bytes of all banks together.
    width_bits : int
        Bits of an access to one bank.
    banks : int
        Banks, each with a port of its own.
    cell_type : str
        One of `CELL_TYPES`.
    temperature_k : float
        Kelvin, one of `TEMPERATURES_K`; itrs-lstp below 32 nm has 360 K only. Energy, area and access time do not
        depend on it. Runs were made at 360 K, at 32 nm at 300 and 330 K too; leakage at other temperatures is theirs
        times the ratio of CACTI's off-currents (``sharp/data/technology/off_currents.csv`` says how good that is).
    node_nm : float
        From 22 to 45. `NODES_NM` have runs, but for 32 nm of 64-byte accesses only, and what another width makes of a
        bank is taken from 32 nm. Between two of them every quantity is linear in log-log in the node. Taken from 22
        and 32 nm, or from 28 and 45 nm, the runs at 28 and at 32 nm come out within 2 % in the median (itrs-lstp at 32
        nm 6 %), nine in ten within 11 %, and at worst 32 % off, where CACTI's search chose another layout.
    source : str
        One of `SOURCES`; "hwcomponents" has itrs-lstp at 300 K only, and needs hwcomponents-cacti.

    Raises
    ------
    SpecificationError
        Where there are no data of such devices at the node and temperature, or the memory is more than a factor of 2
        beyond those that there are.
    """
    check_integer("capacity_bytes", capacity_bytes)
    check_integer("width_bits", width_bits)
    check_integer("banks", banks)
    check_conditions(cell_type, temperature_k, node_nm, source)
    if source == "table":
        row, origin = _between_nodes(_Bank(capacity_bytes, banks, width_bits, cell_type), temperature_k, node_nm)
    else:
        row, origin = _from_hwcomponents(capacity_bytes / banks, width_bits, cell_type, temperature_k, node_nm)
    read, write, leakage, low, high, area, access = row
    return SramPoint(
        capacity_bytes=capacity_bytes,
        width_bits=width_bits,
        banks=banks,
        read_energy_pj=read,
        write_energy_pj=write,
        leakage_w=leakage * banks / 1000,
        leakage_low_w=None if isnan(low) else low * banks / 1000,
        leakage_high_w=None if isnan(high) else high * banks / 1000,
        area_mm2=area * banks,
        access_ns=access,
        source=f"{origin}, {cell_type}, {temperature_k:g} K, {node_nm:g} nm: one bank, times {banks}",
    )


# The tables that ship ------------------------------------------------------------------------------------------------


def check_conditions(cell_type: str, temperature_k: float, node_nm: float, source: str = "table") -> None:
    """Refuse devices, temperatures and nodes that there are no data of, with the nearest that there are.

    Parameters are those of `estimate_sram`.
    """
    check_name("cell_type", cell_type, CELL_TYPES)
    check_name("source", source, SOURCES)
    least, greatest = min(NODES_NM), max(NODES_NM)
    if not _is_number(node_nm) or not least <= node_nm <= greatest:
        expected = f"{least} to {greatest} nm (SRAM has runs at {_listed(NODES_NM, 'and')} nm)"
        raise refuse("node_nm", expected, node_nm, _nearest(node_nm, (least, greatest)))
    if source == "table":
        for node in _neighbours(node_nm, list(NODES_NM)):
            _check_temperature(cell_type, temperature_k, node)


def _check_temperature(cell_type: str, temperature_k: float, node_nm: int) -> None:
    """Refuse a temperature that is neither run nor known by an off-current."""
    known = known_temperatures(cell_type, node_nm)
    if temperature_k in known:
        return
    every = f"{TEMPERATURES_K[0]} to {TEMPERATURES_K[-1]} K in steps of 10"
    expected = f"{every} ({cell_type} at {node_nm} nm)"
    if len(known) < len(TEMPERATURES_K):
        expected = f"{_listed(known)} K ({cell_type} at {node_nm} nm; itrs-hp has {every} there)"
    raise refuse("temperature_k", expected, temperature_k, _nearest(temperature_k, known))


def known_temperatures(cell_type: str, node_nm: float) -> tuple[int, ...]:
    """Temperatures in K that leakage is known at: those of runs, and every 10 K where off-currents are known."""
    nodes = _neighbours(node_nm, list(NODES_NM))
    known = [{*run_temperatures(cell_type, node), *_off_currents().get((node, cell_type), {})} for node in nodes]
    return tuple(sorted(set.intersection(*known)))


def run_temperatures(cell_type: str, node_nm: float) -> tuple[int, ...]:
    """Temperatures in K of runs of some devices: at a node, or at both nodes that it lies between."""
    nodes = _neighbours(node_nm, list(NODES_NM))
    runs = [{temperature for name, temperature in bank_runs(node) if name == cell_type} for node in nodes]
    return tuple(sorted(set.intersection(*runs)))


def width_range(cell_type: str) -> tuple[int, int]:
    """Least and greatest bits of an access."""
    return _bounds(
        [8 * line for line in bank_runs(_MANY_WIDTHS)[cell_type, max(run_temperatures(cell_type, _MANY_WIDTHS))]]
    )


class _Bank(NamedTuple):
    """One of the equal banks of a memory."""

    capacity_bytes: int
    banks: int
    width_bits: int
    cell_type: str

    @property
    def num_bytes(self) -> float:
        """Bytes of the bank itself."""
        return self.capacity_bytes / self.banks


def _between_nodes(bank: _Bank, temperature_k: float, node_nm: float) -> tuple[_Row, str]:
    """A bank at any node, from those with runs beside it."""
    nodes = _neighbours(node_nm, list(NODES_NM))
    found = {node: _at_temperature(bank, temperature_k, node) for node in nodes}
    if len(nodes) == 1:
        return found[nodes[0]]
    row = _interpolate(node_nm, {node: row for node, (row, _) in found.items()})
    _, origin = found[nodes[0]]
    return row, f"{origin}, between {nodes[0]} and {nodes[1]} nm"


def _at_temperature(bank: _Bank, temperature_k: float, node_nm: int) -> tuple[_Row, str]:
    """A bank at a node of the tables and any temperature: leakage by the off-current, of which it is a linear function.

    That function goes through the two nearest runs, or through zero where there is one: then what leaks otherwise
    (asleep, through gates) is not known either.
    """
    runs = run_temperatures(bank.cell_type, node_nm)
    if temperature_k in runs:
        return _from_runs(bank, int(temperature_k), node_nm)
    currents = _off_currents()[node_nm, bank.cell_type]
    points = [(currents[run], _from_runs(bank, run, node_nm)[0]) for run in _neighbours(temperature_k, list(runs))]
    if len(points) == 1:
        points.insert(0, (0.0, (0.0,) * len(QUANTITIES)))
    (low, start), (high, end) = points
    share = (currents[int(temperature_k)] - low) / (high - low)
    row = [
        before + share * (after - before) if name.startswith("leakage") else after
        for name, before, after in zip(QUANTITIES, start, end, strict=True)
    ]
    return tuple(row), "CACTI-P, leakage by its off-currents"


def _from_runs(bank: _Bank, temperature_k: int, node_nm: int) -> tuple[_Row, str]:
    """A bank as the runs at a node and a temperature have it."""
    lines = bank_runs(node_nm)[bank.cell_type, temperature_k]
    if len(lines) == 1 and bank.width_bits / 8 not in lines:
        return _other_width(bank, temperature_k, node_nm)
    if not _within_reach(bank.width_bits / 8, lines):
        low, high = width_range(bank.cell_type)
        raise refuse("width_bits", f"{low} to {high}", bank.width_bits)
    rows, nearest = {}, min(max(bank.width_bits / 8, min(lines)), max(lines))
    for line in _neighbours(nearest, sorted(lines)):
        if not _within_reach(bank.num_bytes, lines[line]):
            raise refuse("capacity_bytes", _capacities(bank, lines[line], 8 * line), bank.capacity_bytes)
        rows[line] = _interpolate(bank.num_bytes, lines[line])
    read, write, *others = _interpolate(nearest, rows)
    wider = max(1.0, bank.width_bits / 8 / nearest)
    return (read * wider, write * wider, *others), "CACTI-P"


def _capacities(bank: _Bank, runs: Collection[int], width_bits: int) -> str:
    """What the runs of banks of a width let a memory hold, for an error."""
    least, greatest = (bank.banks * bound for bound in _bounds(runs))
    each = f"{_reach(runs)} in each of {bank.banks} banks, " * (bank.banks > 1)
    return f"{least} to {greatest} bytes ({each}accesses of {width_bits} bits)"


def _other_width(bank: _Bank, temperature_k: int, node_nm: int) -> tuple[_Row, str]:
    """At a node with runs of one width: their row, times what another width makes of a bank at 32 nm."""
    (line,) = bank_runs(node_nm)[bank.cell_type, temperature_k]
    usual = bank._replace(width_bits=8 * line)
    here, _ = _from_runs(usual, temperature_k, node_nm)
    one, _ = _from_runs(usual, temperature_k, _MANY_WIDTHS)
    other, _ = _from_runs(bank, temperature_k, _MANY_WIDTHS)
    row = tuple(value * after / before for value, before, after in zip(here, one, other, strict=True))
    return row, f"CACTI-P, its width as at {_MANY_WIDTHS} nm"


@cache
def bank_runs(node_nm: int) -> dict[tuple[str, int], dict[int, dict[int, _Row]]]:
    """Runs of a node by cell type and temperature, by bytes of an access and of the bank: `QUANTITIES` of each."""
    import csv  # only an estimate needs it

    path = DATA / "technology" / f"sram_{node_nm}nm.csv"
    table: dict[tuple[str, int], dict[int, dict[int, _Row]]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(line for line in stream if not line.startswith("#")):
            lines = table.setdefault((row["cell_type"], int(row["temperature_k"])), {})
            quantities = tuple(float(row[name] or "nan") for name in QUANTITIES)
            lines.setdefault(int(row["line_bytes"]), {})[int(row["capacity_bytes"])] = quantities
    return table


@cache
def _off_currents() -> dict[tuple[int, str], dict[int, float]]:
    """Off-current of the devices by node and cell type, then by temperature."""
    import csv  # only an estimate needs it

    with (DATA / "technology" / "off_currents.csv").open(encoding="utf-8", newline="") as stream:
        return {
            (int(row["node_nm"]), row["cell_type"]): {kelvin: float(row[str(kelvin)]) for kelvin in TEMPERATURES_K}
            for row in csv.DictReader(line for line in stream if not line.startswith("#"))
        }


def _interpolate(where: float, rows: Mapping[int, _Row]) -> _Row:
    """The row at `where`, linear in log-log between its neighbours or beyond the last two."""
    places = _neighbours(where, sorted(rows))
    if len(places) == 1:
        return rows[places[0]]
    low, high = places
    share = log(where / low) / log(high / low)
    return tuple(before * (after / before) ** share for before, after in zip(rows[low], rows[high], strict=True))


def _neighbours(where: float, places: list[int]) -> tuple[int, ...]:
    """The place that `where` is, or the two places that it lies between or beyond."""
    index = bisect_left(places, where)
    if len(places) == 1 or (index < len(places) and places[index] == where):
        return (places[min(index, len(places) - 1)],)
    index = min(max(index, 1), len(places) - 1)
    return places[index - 1], places[index]


def _bounds(places: Collection[int]) -> tuple[int, int]:
    """From where to where an estimate may lie: a factor of `_REACH` outside the places; there alone where it is one."""
    reach = _REACH if len(places) > 1 else 1
    return min(places) // reach, max(places) * reach


def _within_reach(where: float, places: Collection[int]) -> bool:
    """Whether `where` lies within `_bounds`."""
    low, high = _bounds(places)
    return low <= where <= high


def _reach(places: Collection[int]) -> str:
    """`_bounds`, for an error."""
    low, high = _bounds(places)
    return str(low) if low == high else f"{low} to {high}"


def _listed(numbers: Collection[int], conjunction: str = "or") -> str:
    """``300, 330 or 360``."""
    *others, last = map(str, numbers)
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nearest(value: object, known: Collection[int]) -> str:
    """A hint: which of some numbers is nearest to one that is not among them."""
    if not isinstance(value, int | float) or isnan(value):
        return ""
    return f" (nearest: {min(known, key=lambda number: abs(number - value))})"


# CACTI 7, where it is installed --------------------------------------------------------------------------------------


def _from_hwcomponents(
    bank_bytes: float, width_bits: int, cell_type: str, temperature_k: float, node_nm: float
) -> tuple[_Row, str]:
    """One bank from hwcomponents-cacti (SI units there), whose settings are fixed: itrs-lstp, 300 K, least leakage."""
    if (cell_type, temperature_k) != ("itrs-lstp", 300):
        raise refuse(
            "source",
            "table, or cell_type=itrs-lstp and temperature_k=300 with hwcomponents (it knows no other)",
            "hwcomponents",
        )
    try:
        package = import_module("hwcomponents_cacti")
    except ImportError:
        raise refuse(
            "source", "table, or hwcomponents-cacti installed (Python 3.12 or later)", "hwcomponents"
        ) from None
    try:
        bank = package.SRAM(tech_node=node_nm / 1e9, width=width_bits, size=bank_bytes * 8)
    except Exception as error:  # its CACTI is a program of its own, and fails with any of these
        reason = str(error).partition("\n")[0][:80] or type(error).__name__
        raise SpecificationError(f"source: expected an estimate of hwcomponents-cacti, got: {reason}") from None
    energies = bank.read_energy * 1e12, bank.write_energy * 1e12
    row = (*energies, bank.leak_power * 1e3, nan, nan, bank.area * 1e6, bank.access_time * 1e9)
    return row, "CACTI 7 of hwcomponents-cacti"
