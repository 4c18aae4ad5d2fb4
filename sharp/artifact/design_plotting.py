"""The figure of a choice: designs by latency and energy, and their Pareto front."""

from __future__ import annotations

from io import StringIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from sharp.artifact.plotting import COLUMN_WIDTH, set_style
from sharp.design.choice import Choice


def plot_pareto(tables: dict[str, pd.DataFrame], deadlines_s: dict[str, float]) -> list[Axes]:
    """Energy against latency of every design, a panel a network: the front ringed, the deadline a line, area a colour.

    Needs columns latency_s, energy_j, area_mm2 and pareto (`Choice.table`).
    """
    figure, axes = plt.subplots(1, len(tables), figsize=(COLUMN_WIDTH, 3.0), squeeze=False)
    areas = np.concatenate([table["area_mm2"].to_numpy() for table in tables.values()])
    shades = Normalize(areas.min(), areas.max())
    for ax, (name, table) in zip(axes.flat, tables.items(), strict=True):
        front = table[table["pareto"]].sort_values("latency_s")
        dots = ax.scatter(
            table["latency_s"] * 1e3, table["energy_j"] * 1e3, c=table["area_mm2"], cmap="viridis", norm=shades, s=18
        )
        ring = {"facecolors": "none", "edgecolors": "black", "s": 60, "linewidths": 0.8}
        ax.scatter(front["latency_s"] * 1e3, front["energy_j"] * 1e3, label="Pareto front", **ring)
        if name in deadlines_s:
            ax.axvline(deadlines_s[name] * 1e3, color="#D55E00", linestyle="--", linewidth=1.2, label="deadline")
        ax.set_xscale("log")
        ax.set_yscale("log")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_locator(NullLocator())
        ax.set_title(name)
        ax.set_xlabel("latency (ms)")
        ax.set_ylabel("energy to the deadline (mJ)")
    axes.flat[0].legend(frameon=True, fontsize="small")
    figure.colorbar(dots, ax=list(axes.flat), label="area (mm²)")
    return list(axes.flat)


def draw_choice(choice: Choice) -> str:
    """The designs of a choice as SVG."""
    set_style()
    name, deadline_s = choice.network.name, choice.goal.deadline_s
    axes = plot_pareto({name: choice.table()}, {} if deadline_s is None else {name: deadline_s})
    figure, drawing = axes[0].figure, StringIO()
    assert isinstance(figure, Figure), "the axes are no part of a subfigure"
    figure.savefig(drawing, format="svg", metadata={"Date": None})
    plt.close(figure)
    return drawing.getvalue()
