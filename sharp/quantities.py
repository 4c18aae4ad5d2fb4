"""Quantities with their units, as people write them: "50ms", "512KiB", "30GB/s", "500MHz"."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from sharp.checks import check_number, refuse

_SECONDS = {"s": "1", "ms": "1e-3", "us": "1e-6", "µs": "1e-6", "μs": "1e-6", "ns": "1e-9", "min": "60"}
_BYTES = {"B": "1", "kB": "1e3", "KB": "1e3", "MB": "1e6", "GB": "1e9", "TB": "1e12"}
_BYTES |= {name: str(1024**power) for power, name in enumerate(("KiB", "MiB", "GiB", "TiB"), start=1)}
_PICOJOULES = {"pJ": "1", "fJ": "1e-3", "nJ": "1e3"}
UNITS = {
    "s": _SECONDS,
    "ns": {name: str(Decimal(size) * 10**9) for name, size in _SECONDS.items()},
    "Hz": {"Hz": "1", "kHz": "1e3", "MHz": "1e6", "GHz": "1e9"},
    "byte": _BYTES,
    "byte/s": {f"{name}/s": size for name, size in _BYTES.items()},
    "W": {"W": "1", "mW": "1e-3", "uW": "1e-6", "kW": "1e3"},
    "mm2": {"mm2": "1", "mm^2": "1", "um2": "1e-6", "cm2": "100"},
    "um2": {"um2": "1", "um^2": "1", "mm2": "1e6"},
    "nm": {"nm": "1", "um": "1e3"},
    "V": {"V": "1", "mV": "1e-3"},
    "K": {"K": "1"},
    "pJ": _PICOJOULES,
    "pJ/bit": {f"{name}/bit": size for name, size in _PICOJOULES.items()},
    "mW/mm2": {"mW/mm2": "1", "W/mm2": "1e3", "uW/mm2": "1e-3", "W/cm2": "10"},
}
"""Sizes of the units that a quantity may be written in, by the unit that it is kept in."""

_SHOWN = {
    "Hz": ("Hz", "kHz", "MHz", "GHz"),
    "byte": ("B", "KiB", "MiB", "GiB"),
    "byte/s": ("B/s", "kB/s", "MB/s", "GB/s", "TB/s"),
}
_WRITTEN = re.compile(r"([+-]?[0-9][0-9_,]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?)\s*([^\s0-9].*)?")
_EXAMPLES = {"s": "50ms", "ns": "2ns", "Hz": "500MHz", "byte": "512KiB", "byte/s": "30GB/s", "W": "5W", "mm2": "150mm2"}
_EXAMPLES |= {"um2": "7306um2", "nm": "28nm", "V": "0.85V", "K": "330K", "pJ": "1.1pJ", "pJ/bit": "8pJ/bit"}
_EXAMPLES |= {"mW/mm2": "12mW/mm2"}


def quantity(where: str, value: object, unit: str) -> float:
    """A positive quantity in a unit, from a number of that unit or from text such as "50ms".

    Parameters
    ----------
    where : str
        What it is, for the sentence of an error.
    value : object
        A number, or text.
    unit : str
        The unit that it is kept in, one of `UNITS`.

    Raises
    ------
    SpecificationError
        Where it is neither a number nor a number with such a unit, or is not positive.

    Examples
    --------
    >>> from sharp.quantities import quantity
    >>> quantity("deadline", "50ms", "s"), quantity("weight_buffer", "512KiB", "byte"), quantity("clock_hz", 5e8, "Hz")
    (0.05, 524288.0, 500000000.0)
    """
    if not isinstance(value, str):
        return float(check_number(where, value))
    found = _WRITTEN.fullmatch(value.strip())
    name = "" if found is None or found[2] is None else found[2].strip()
    if found is None or len(value) > 64 or (name and name not in UNITS[unit]):
        known = ", ".join(dict.fromkeys(UNITS[unit]))
        raise refuse(where, f"a quantity such as {_EXAMPLES[unit]} (in {known})", value)
    size = Decimal(UNITS[unit][name]) if name else Decimal(1)
    return float(check_number(where, float(Decimal(found[1].replace(",", "").replace("_", "")) * size)))


def in_unit(where: str, value: Any, unit: str) -> Any:
    """`value` as it is where it is no text, or `unit` none that can be written; else the `quantity` that it says.

    Raises
    ------
    SpecificationError
        As `quantity`.

    Examples
    --------
    >>> from sharp.quantities import in_unit
    >>> in_unit("clock_hz", "500MHz", "Hz"), in_unit("clock_hz", 250, "Hz"), in_unit("arithmetic", "float", "1")
    (500000000.0, 250, 'float')
    """
    return quantity(where, value, unit) if isinstance(value, str) and unit in UNITS else value


def written(value: float, unit: str) -> str:
    """A number in the unit in which it is no small one, as `quantity` reads it.

    Examples
    --------
    >>> from sharp.quantities import written
    >>> written(27262976, "byte"), written(3e10, "byte/s"), written(500.0, "Hz"), written(64, "rows")
    ('26 MiB', '30 GB/s', '500 Hz', '64 rows')
    """
    sizes = {name: float(UNITS[unit][name]) for name in _SHOWN.get(unit, ())}
    name = max((name for name in sizes if sizes[name] <= value), key=sizes.__getitem__, default=unit)
    return f"{value / sizes.get(name, 1.0):.6g} {name}"
