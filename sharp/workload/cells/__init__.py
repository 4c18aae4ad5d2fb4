"""Our recurrent cells, one small file each, and how a cell is found: ours, an installed package's, or a file's.

A file with a `CELL` here makes another one of ours; one of a user's own is such a file anywhere (book, page "Your own
cell").
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from sharp.checks import refuse
from sharp.plugins import Registry, names_code
from sharp.workload.cell import Cell

CELLS: Registry[Cell] = Registry("cell", "mine.py:CELL", home=__name__)
"""Our cells by name; packages and files can add theirs."""

for _module in iter_modules(__path__):
    _cell: Cell = import_module(f"{__name__}.{_module.name}").CELL
    CELLS.add(_cell.name, _cell)


def find_cell(name: str) -> Cell:
    """The cell of a name ("lstm"), of an installed entry point, or of a file ("mine.py:CELL").

    A file's code runs when it is loaded.

    Raises
    ------
    SpecificationError
        Where there is no such cell (with the nearest names), the file cannot be loaded, or what it names is no cell.
    """
    if isinstance(name, str) and name in CELLS:
        return CELLS[name]
    where, content = CELLS.load(name)
    if not isinstance(content, Cell):
        raise refuse(f"cell: {where}", "a sharp.Cell", content)
    path, _, attribute = name.rpartition(":")
    return check_cell(replace(content, source=f"{Path(path).resolve()}:{attribute}" if names_code(name) else name))


def check_cell(cell: Cell) -> Cell:
    """Return a cell if it is one of ours, or has another name than ours."""
    if cell.name in CELLS and cell != CELLS[cell.name]:
        raise refuse("cell.name", "another name than those of our own cells", cell.name)
    return cell
