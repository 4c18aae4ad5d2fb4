"""Number formats: which energies of a technology they take, and how large their multipliers and adders are.

A technology has energies of some formats. Those of a few others, and how large the compute unit of each is, follow by
laws that the head of ``sharp/data/technology/formats.csv`` states.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from sharp.checks import refuse
from sharp.energy.technology import ENERGIES, Technology, scale_area
from sharp.machine.accelerator import Accelerator
from sharp.machine.precision import ARITHMETIC
from sharp.shipped import DATA

FORMATS_OF_AREA = "fp16", "fp32"
"""Formats of multiplier and sums that a technology's area of a multiplier (`mac_area_um2`) is of."""


_NODE_OF_AREAS = 45


class Energy(NamedTuple):
    """Energy of an operation in a format: a number of the technology, times a factor where it is derived."""

    number: str
    """One of `sharp.energy.technology.ENERGIES`."""
    factor: float = 1.0
    low: float = 1.0
    """Least plausible factor."""
    high: float = 1.0
    """Greatest plausible factor."""


def array_energies(accelerator: Accelerator) -> tuple[Energy, Energy]:
    """Energy of a multiplication and of an addition of the array.

    Raises
    ------
    SpecificationError
        Where there is none in the machine's formats, with the widths that there are.
    """
    kind, (weights, sums) = ARITHMETIC[accelerator.arithmetic], accelerator.formats
    return (
        _known_energy("weight_bits", "multiply", weights, kind.weights, accelerator),
        _known_energy("partial_sum_bits", "add", sums, kind.sums, accelerator),
    )


def _known_energy(parameter: str, action: str, name: str, template: str, accelerator: Accelerator) -> Energy:
    """The energy of an action in a format, if there is one."""
    known = _energies(action)
    if name in known:
        return known[name]
    found = (re.fullmatch(template.replace("{}", r"(\d+)"), each) for each in known)
    widths = sorted(int(match[1]) for match in found if match)
    bits = getattr(accelerator, parameter)
    others = [other for other, kind in ARITHMETIC.items() if kind.weight_bits == bits and parameter == "weight_bits"]
    numbers = template.partition("{")[0]
    raise refuse(
        parameter,
        f"{' or '.join(map(str, widths))} (the {numbers} numbers that there is an energy to {action})",
        bits,
        f" (or arithmetic {' or '.join(others)})" if others else "",
    )


@cache
def _energies(action: str) -> Mapping[str, Energy]:
    """Energies of an action by format: the technology's numbers, and derived ones of multiplications."""
    own = (re.fullmatch(rf"(\w+)_{action}_pj", number) for number in ENERGIES)
    energies = {match[1]: Energy(match[0]) for match in own if match}
    if action == "multiply":
        for name, row in _formats().items():
            if row["energy_of"]:
                factors = (float(row[key]) for key in ("energy_factor", "factor_low", "factor_high"))
                energies[name] = Energy(f"{row['energy_of']}_multiply_pj", *factors)
    return energies


def area_factor(accelerator: Accelerator) -> float:
    """How much larger a multiplier with an adder of the machine's formats is than one of `FORMATS_OF_AREA`, at 45 nm.

    The area of the compute unit goes with it, all that it has beside multipliers and adders included.
    """
    return _lane_um2(*accelerator.formats) / _lane_um2(*FORMATS_OF_AREA)


def _lane_um2(weights: str, sums: str) -> float:
    """A multiplier and an adder."""
    return float(_formats()[weights]["multiply_um2"]) + float(_formats()[sums]["add_um2"])


@cache
def _formats() -> Mapping[str, Mapping[str, str]]:
    """The rows of formats.csv by format."""
    import csv  # only prices need it

    with (DATA / "technology" / "formats.csv").open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(line for line in stream if not line.startswith("#"))
        return {row["format"]: row for row in rows}


def format_warnings(accelerator: Accelerator, technology: Technology) -> list[str]:
    """What of the machine's formats is derived and not a number of the technology, a sentence each."""
    sentences, (multiply, _) = [], array_energies(accelerator)
    weights, _ = accelerator.formats
    if multiply.factor != 1:
        sentences.append(
            f"the energy of a multiplication in {weights} is derived: {multiply.factor:g} ({multiply.low:g} to "
            f"{multiply.high:g}) times {multiply.number}"
        )
    if accelerator.formats != FORMATS_OF_AREA:
        difference = _lane_um2(*accelerator.formats) - _lane_um2(*FORMATS_OF_AREA)
        other = 1 + scale_area(difference, _NODE_OF_AREAS, technology.node_nm) / technology.mac_area_um2
        sentences.append(
            f"area and leakage of the compute unit are derived: {area_factor(accelerator):.3g} times those of "
            f"{'/'.join(FORMATS_OF_AREA)}, as a multiplier with an adder ({other:.3g} if nothing else in it differs)"
        )
    return sentences
