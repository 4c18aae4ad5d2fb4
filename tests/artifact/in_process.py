"""Notebooks run in the process of the tests: a kernel would take seconds to start."""

import json
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt

FOLDER = Path(__file__).parents[2] / "book" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.md"))


def run_here(folder, monkeypatch, stem, parameters):
    """Run a notebook's cells with some parameters in a folder, and return its headline numbers."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("myst_nb.glue", lambda *_, **__: None)
    names = {}
    cells = [cell for cell in jupytext.read(FOLDER / f"{stem}.md").cells if cell.cell_type == "code"]
    for place, cell in enumerate(cells):
        exec(compile(cell.source, f"{stem}, cell {place}", "exec"), names)
        names |= parameters if place == 0 else {}
    plt.close("all")
    return json.loads((folder / f"{stem}.json").read_text())["headline"]
