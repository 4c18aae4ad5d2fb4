"""The recurrent cells, one small file each: put a file with a `CELL` here and the rest of the model knows the cell."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from sharp.workload.cells.cell import Cell, Elementwise, Phase

CELLS: MappingProxyType[str, Cell] = MappingProxyType(
    {
        cell.name: cell
        for cell in (
            import_module(f"{__name__}.{module.name}").CELL
            for module in iter_modules(__path__)
            if module.name != "cell"
        )
    }
)
"""Every cell by name."""

__all__ = ["CELLS", "Cell", "Elementwise", "Phase"]
