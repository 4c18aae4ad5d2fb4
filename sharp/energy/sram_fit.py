"""A smooth area of SRAM: for machines that are compared at equal area.

CACTI searches for a layout of each bank, and jumps from one to another, so that the area of a memory is not monotone in
the banks that it is cut into: 26 MiB take 68, 58, 50 and 72 mm2 in 32, 128, 512 and 2048 banks, where the paper's takes
87 to 104. The fit is a power law of a bank's bytes, ``area = a * bytes^b`` by least squares of logarithms over the runs
of a width, without the jumps: banks of less than all bytes take more in all, as they do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import exp, log, sqrt

from sharp.energy.sram import NODES_NM, QUANTITIES, SramPoint, bank_runs

SMOOTH = "smooth"
"""What `sharp.implement` calls this source of SRAM."""
_AREA = QUANTITIES.index("area_mm2")


@dataclass(frozen=True, kw_only=True)
class AreaFit:
    """A power law of the area of a bank, with how far the runs are from it."""

    factor_mm2: float
    """Area of a bank of one byte, by the law."""
    power: float
    """Of a bank's bytes."""
    error: float
    """Root of the mean square of the logarithm of runs over fit: 0.1 is a tenth either way."""

    def area_mm2(self, num_bytes: float) -> float:
        """Area of a bank."""
        return float(self.factor_mm2 * num_bytes**self.power)


@cache
def fit_area(cell_type: str, width_bits: int, node_nm: float) -> AreaFit:
    """Fit the runs of the width and the node nearest to those asked for.

    Parameters
    ----------
    cell_type : str
        One of `sharp.energy.sram.CELL_TYPES`.
    width_bits : int
        Bits of an access.
    node_nm : float
    """
    runs = bank_runs(min(NODES_NM, key=lambda node: abs(log(node / node_nm))))
    lines = next(lines for (name, _), lines in runs.items() if name == cell_type)  # alike at all temperatures
    nearest = min(lines, key=lambda line: abs(log(8 * line / width_bits)))
    points = [(log(size), log(row[_AREA])) for size, row in lines[nearest].items()]
    middle = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
    power = sum((x - middle[0]) * (y - middle[1]) for x, y in points) / sum((x - middle[0]) ** 2 for x, _ in points)
    offset = middle[1] - power * middle[0]
    error = sqrt(sum((y - offset - power * x) ** 2 for x, y in points) / len(points))
    return AreaFit(factor_mm2=exp(offset), power=power, error=error)


def with_smooth_area(memory: SramPoint, cell_type: str, node_nm: float) -> SramPoint:
    """A memory with the fit's area in place of its runs'."""
    fit = fit_area(cell_type, memory.width_bits, node_nm)
    area = memory.banks * fit.area_mm2(memory.capacity_bytes / memory.banks)
    return replace(memory, area_mm2=area, source=f"{memory.source}; area by a fit, {fit.error:.0%} from its runs")
