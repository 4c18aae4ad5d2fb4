"""SRAM: energy of an access, leakage, area and access time of a memory made of equal banks.

The numbers are CACTI runs of one bank (``sharp/data/technology/sram_*nm.csv``; the head of each file says which runs
and why), interpolated in capacity and in width. A memory of `banks` banks is one bank, `banks` times, each with a port
of its own: SHARP has a bank beside each of its vector-scalar units, which reads 32 weights a cycle. CACTI's own
multi-bank memories share one port and pay for the way to it: a read of 64 bytes takes 2 to 4 times the energy with 4
banks, 4 to 8 times with 16, 11 to 16 times with 64. Their leakage and area are those of the single banks within 11 %
and 33 % where a bank has 256 KiB or more; smaller banks leak up to 3 times as much there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from math import isnan, log, nan

from sharp.checks import check_integer, check_name, refuse
from sharp.errors import SpecificationError
from sharp.shipped import DATA

NODES_NM = (22, 28, 32, 45)
"""Nodes with a table."""
CELL_TYPES = ("itrs-hp", "itrs-lstp")
"""Device types of cells and periphery: high performance, and low standby power."""
SOURCES = ("table", "hwcomponents")
"""Where an estimate can come from: the tables that ship, or CACTI 7 of the package hwcomponents-cacti."""

_MANY_WIDTHS = 32
"""The node with runs of many widths."""
_REACH = 2
"""Greatest factor by which an estimate may lie outside a table."""
_QUANTITIES = (
    "read_energy_pj",
    "write_energy_pj",
    "leakage_mw",
    "leakage_low_mw",
    "leakage_high_mw",
    "area_mm2",
    "access_ns",
)
_Row = tuple[float, ...]
"""`_QUANTITIES` of one bank; not a number where no run says."""


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
        Kelvin, one that the table has.
    node_nm : float
        One of `NODES_NM`; nodes other than 32 have runs of 64-byte accesses at 360 K only, and what another width makes
        of a bank is taken from 32 nm.
    source : str
        One of `SOURCES`; "hwcomponents" has itrs-lstp at 300 K only, and needs hwcomponents-cacti.

    Raises
    ------
    SpecificationError
        Where the table has no such node, cell type or temperature, or the memory is more than a factor of 2 beyond it.
    """
    check_integer("capacity_bytes", capacity_bytes)
    check_integer("width_bits", width_bits)
    check_integer("banks", banks)
    check_name("cell_type", cell_type, CELL_TYPES)
    if node_nm not in NODES_NM:
        raise refuse("node_nm", f"{_listed(NODES_NM)} (the nodes with SRAM data)", node_nm)
    node_nm = int(node_nm)
    run = _from_table if check_name("source", source, SOURCES) == "table" else _from_hwcomponents
    row, origin = run((capacity_bytes, banks), width_bits, cell_type, temperature_k, node_nm)
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
        source=f"{origin}, {cell_type}, {temperature_k:g} K, {node_nm} nm: one bank, times {banks}",
    )


# The tables that ship ------------------------------------------------------------------------------------------------


def _from_table(
    memory: tuple[int, int], width_bits: int, cell_type: str, temperature_k: float, node_nm: int
) -> tuple[_Row, str]:
    (capacity_bytes, banks), table = memory, _table(int(node_nm))
    bank_bytes = capacity_bytes / banks
    temperatures = sorted(temperature for name, temperature in table if name == cell_type)
    if temperature_k not in temperatures:
        raise refuse("temperature_k", f"{_listed(temperatures)} ({cell_type} at {node_nm} nm)", temperature_k)
    lines = table[cell_type, int(temperature_k)]
    if len(lines) == 1 and width_bits / 8 not in lines:
        return _other_width(memory, width_bits, cell_type, temperature_k, node_nm)
    if not _within_reach(width_bits / 8, lines):
        raise refuse("width_bits", f"{_reach([8 * line for line in lines])} (an access at {node_nm} nm)", width_bits)
    rows, nearest = {}, min(max(width_bits / 8, min(lines)), max(lines))
    for line in _neighbours(nearest, sorted(lines)):
        if not _within_reach(bank_bytes, lines[line]):
            reach = _reach([banks * size for size in lines[line]])
            access = f"{f'{banks} banks, each' if banks > 1 else 'a bank'} with {8 * line} bits an access"
            raise refuse("capacity_bytes", f"{reach} bytes ({access}, at {node_nm} nm)", capacity_bytes)
        rows[line] = _interpolate(bank_bytes, lines[line])
    read, write, *others = _interpolate(nearest, rows)
    wider = max(1.0, width_bits / 8 / nearest)
    return (read * wider, write * wider, *others), "CACTI-P"


def _other_width(
    memory: tuple[int, int], width_bits: int, cell_type: str, temperature_k: float, node_nm: int
) -> tuple[_Row, str]:
    """At a node with runs of one width: their row, times what another width makes of a bank at 32 nm."""
    (line,) = _table(node_nm)[cell_type, int(temperature_k)]
    here, _ = _from_table(memory, 8 * line, cell_type, temperature_k, node_nm)
    one, _ = _from_table(memory, 8 * line, cell_type, temperature_k, _MANY_WIDTHS)
    other, _ = _from_table(memory, width_bits, cell_type, temperature_k, _MANY_WIDTHS)
    row = tuple(value * after / before for value, before, after in zip(here, one, other, strict=True))
    return row, f"CACTI-P, its width as at {_MANY_WIDTHS} nm"


@cache
def _table(node_nm: int) -> dict[tuple[str, int], dict[int, dict[int, _Row]]]:
    """Rows of a node by cell type and temperature, by bytes of an access, and by bytes of the bank."""
    import csv  # only an estimate needs it

    path = DATA / "technology" / f"sram_{node_nm}nm.csv"
    table: dict[tuple[str, int], dict[int, dict[int, _Row]]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(line for line in stream if not line.startswith("#")):
            lines = table.setdefault((row["cell_type"], int(row["temperature_k"])), {})
            quantities = tuple(float(row[name] or "nan") for name in _QUANTITIES)
            lines.setdefault(int(row["line_bytes"]), {})[int(row["capacity_bytes"])] = quantities
    return table


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


def _within_reach(where: float, places: Collection[int]) -> bool:
    """Whether `where` lies at most a factor of `_REACH` outside the places, or is the only one."""
    if len(places) == 1:
        return where in places
    return min(places) / _REACH <= where <= max(places) * _REACH


def _reach(places: Collection[int]) -> str:
    """What `_within_reach` takes, for an error."""
    if len(places) == 1:
        return str(min(places))
    return f"{min(places) // _REACH} to {max(places) * _REACH}"


def _listed(numbers: Collection[int]) -> str:
    """``300, 330 or 360``."""
    *others, last = map(str, numbers)
    return f"{', '.join(others)} or {last}" if others else last


# CACTI 7, where it is installed --------------------------------------------------------------------------------------


def _from_hwcomponents(
    memory: tuple[int, int], width_bits: int, cell_type: str, temperature_k: float, node_nm: int
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
        bank = package.SRAM(tech_node=node_nm / 1e9, width=width_bits, size=memory[0] / memory[1] * 8)
    except Exception as error:  # its CACTI is a program of its own, and fails with any of these
        reason = str(error).partition("\n")[0][:80] or type(error).__name__
        raise SpecificationError(f"source: expected an estimate of hwcomponents-cacti, got: {reason}") from None
    energies = bank.read_energy * 1e12, bank.write_energy * 1e12
    row = (*energies, bank.leak_power * 1e3, nan, nan, bank.area * 1e6, bank.access_time * 1e9)
    return row, "CACTI 7 of hwcomponents-cacti"
