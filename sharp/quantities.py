"""Quantities with their units, as people write them: "50ms", "512KiB", "30GB/s", "500MHz"."""

from __future__ import annotations

import re
from decimal import Decimal

from sharp.checks import check_number, refuse

_SECONDS = {"s": "1", "ms": "1e-3", "us": "1e-6", "µs": "1e-6", "μs": "1e-6", "ns": "1e-9", "min": "60"}
_BYTES = {"B": "1", "kB": "1e3", "KB": "1e3", "MB": "1e6", "GB": "1e9", "TB": "1e12"}
_BYTES |= {name: str(1024**power) for power, name in enumerate(("KiB", "MiB", "GiB", "TiB"), start=1)}
UNITS = {
    "s": _SECONDS,
    "ns": {name: str(Decimal(size) * 10**9) for name, size in _SECONDS.items()},
    "Hz": {"Hz": "1", "kHz": "1e3", "MHz": "1e6", "GHz": "1e9"},
    "byte": _BYTES,
    "byte/s": {f"{name}/s": size for name, size in _BYTES.items()},
    "W": {"W": "1", "mW": "1e-3", "uW": "1e-6", "kW": "1e3"},
    "mm2": {"mm2": "1", "mm^2": "1", "um2": "1e-6", "cm2": "100"},
}
"""Sizes of the units that a quantity may be written in, by the unit that it is kept in."""

_WRITTEN = re.compile(r"([+-]?[0-9][0-9_,]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?)\s*([^\s0-9].*)?")
_EXAMPLES = {"s": "50ms", "ns": "2ns", "Hz": "500MHz", "byte": "512KiB", "byte/s": "30GB/s", "W": "5W", "mm2": "150mm2"}


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
