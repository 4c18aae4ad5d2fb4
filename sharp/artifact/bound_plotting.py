"""The figure of the bound for every schedule."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from sharp.artifact.plotting import COLUMN_WIDTH, SCHEDULE_COLORS, colors_of, markers, shared_legend


def plot_bound(table: pd.DataFrame, budget: str, schedule: str) -> list[Axes]:
    """Cycles beyond the bound by budget (left); utilization of single layers under it on one budget (right).

    Needs the columns of `sharp.space.bounds.survey_bounds`, and square: whether the network is a
    square layer of the right panel. On the left a point a network and schedule, and a line through the means; on the
    right one `schedule`.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(COLUMN_WIDTH, 3.1))
    schedules, budgets = list(table["schedule"].unique()), list(table["budget"].unique())
    places = {label: place for place, label in enumerate(budgets)}
    colors, marks = colors_of(schedules, SCHEDULE_COLORS), dict(zip(schedules, markers(), strict=False))
    for index, name in enumerate(schedules):
        rows = table[~table["square"] & (table["schedule"] == name)]
        shift = (index - (len(schedules) - 1) / 2) * 0.13
        style = {"color": colors[name], "marker": marks[name]}
        across = [places[label] + shift for label in rows["budget"]]
        left.plot(across, rows["beyond"] * 100, linestyle="", markersize=3, alpha=0.5, **style)
        means = rows.groupby("budget", sort=False)["beyond"].mean() * 100
        left.plot(
            [places[label] + shift for label in means.index], means, label=name, markersize=6, linewidth=1, **style
        )
    left.set_xticks(range(len(budgets)), budgets)
    left.set_xlabel("multipliers")
    left.set_ylabel("cycles beyond the bound (%)")
    layers = table[table["square"] & (table["budget"] == budget) & (table["schedule"] == schedule)]
    layers = layers.sort_values("hidden_size")
    sizes = layers["hidden_size"]
    right.plot(sizes, layers["possible"] * 100, color="black", linewidth=1.2, label="the bound")
    style = {"color": colors[schedule], "marker": marks[schedule]}
    right.plot(sizes, layers["utilization"] * 100, linestyle="", label=schedule, **style)
    right.set_xscale("log", base=2)
    ticks = [size for size in sizes if size & (size - 1) == 0]
    right.set_xticks(ticks, [str(size) for size in ticks])
    right.minorticks_off()
    right.set_ylim(0, 103)
    right.set_xlabel(f"hidden size H (X = H), {budget} MACs")
    right.set_ylabel("utilization (%)")
    right.legend(frameon=False, loc="upper left")
    shared_legend({"left": left}, columns=len(schedules))
    return [left, right]
