"""Draw the wings of the package and who imports whom, read from the code, for the book's page "Architecture".

python book/draw_wings.py book/_executed/wings.svg
"""

import sys
import tomllib
from collections import Counter
from pathlib import Path

import grimp
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sharp.artifact.plotting import COLUMN_WIDTH, set_style

ROOT = Path(__file__).parents[1]
DOORS, GROUND = "doors", "ground"
COLORS = ("#0072B2", "#B34700", "#00795A", "#A0508A", "#8A6100", "#2D7DA8")
ROW, LEFT = 0.38, 1.35
"""Inches: height of a floor, width of the column of names."""


def read_floors() -> dict[str, str]:
    """The floor of each part of the package, from the top: a wing's is the wing; files stand above or below them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]
    floors, above = {"": DOORS}, True
    for part in (part.strip() for layer in contract["layers"] for part in layer.split("|")):
        if (ROOT / "sharp" / part).is_dir():
            floors[part], above = part, False
        else:
            floors[part] = DOORS if above else GROUND
    return floors


def read_imports(floors: dict[str, str]) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Modules of each floor, and imports of a module of another floor, by the two floors."""
    graph = grimp.build_graph("sharp", cache_dir=None)
    floor_of = {module: floors[(module + ".").split(".")[1]] for module in graph.modules}
    pairs = [
        (floor_of[module], floor_of[imported])
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    ]
    return Counter(floor_of.values()), Counter(pair for pair in pairs if pair[0] != pair[1])


def draw(floors: list[str], modules: Counter[str], imports: Counter[tuple[str, str]]) -> Figure:
    """A band a floor, and an arrow from each to each that it imports, with the number of imports; not to the ground."""
    arrows = sorted((pair for pair in imports if pair[1] != GROUND), key=lambda pair: tuple(map(floors.index, pair)))
    height = ROW * (len(floors) + 1)
    figure = Figure(figsize=(COLUMN_WIDTH, height))
    axes = figure.add_subplot(xlim=(0, COLUMN_WIDTH), ylim=(-height, 0))
    axes.axis("off")
    for place, floor in enumerate(floors):
        draw_floor(axes, place, floor, modules[floor])
    step = (COLUMN_WIDTH - LEFT - 0.1) / len(arrows)
    for lane, (upper, lower) in enumerate(arrows):
        color = COLORS[floors.index(upper) % len(COLORS)]
        x, top, bottom = LEFT + (lane + 0.5) * step, floors.index(upper), floors.index(lower)
        axes.text(x, -(top + 0.4) * ROW, str(imports[upper, lower]), color=color, size=7, ha="center", va="center")
        style = {"arrowstyle": "-|>", "color": color, "lw": 0.9, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
        axes.annotate("", (x, -(bottom + 0.3) * ROW), (x, -(top + 0.65) * ROW), arrowprops=style)
    totals = sum(modules.values()), sum(imports[pair] for pair in arrows), len(arrows)
    text = "{} modules; {} imports along {} arrows".format(*totals)
    axes.text(0.08, -height + 0.5 * ROW, text, size=7, color="#555", va="center")
    return figure


def draw_floor(axes: Axes, place: int, floor: str, modules: int) -> None:
    """A band with its name and its number of modules."""
    axes.axhspan(-(place + 0.9) * ROW, -(place + 0.1) * ROW, color="#f2f2f2", lw=0)
    middle = -(place + 0.5) * ROW
    axes.text(0.08, middle, floor, size=9, weight="bold", va="center")
    axes.text(LEFT - 0.08, middle, str(modules), size=7, color="#555", ha="right", va="center")


def main() -> None:
    """Draw to the file named on the command line."""
    floors = read_floors()
    figure = draw(list(dict.fromkeys(floors.values())), *read_imports(floors))
    figure.savefig(sys.argv[1], metadata={"Date": None})


if __name__ == "__main__":
    set_style()
    main()
