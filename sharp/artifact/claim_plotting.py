"""The figure of the claims."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from sharp.artifact.plotting import COLUMN_WIDTH

VERDICT_COLORS = {
    "agrees": "#009E73",
    "agrees within assumed ranges": "#56B4E9",
    "uninformative": "#999999",
    "differs": "#CC79A7",
}
"""Verdicts of claims that can be met, the best first."""
RATIOS = (0.2, 5.0)
"""Ends of the axis; what lies beyond is a triangle at its edge."""


def plot_claims(table: pd.DataFrame) -> list[Axes]:
    """Ours over the paper's number, a row a claim by verdict: a point, its interval, a circle for the best setting.

    Parameters
    ----------
    table : DataFrame
        As `sharp.artifact.claim_tables.claims_table` makes it, with the joint setting; claims that cannot be met,
        inputs and what is open, are left out.
    """
    rows = pd.concat([table[table["verdict"] == verdict] for verdict in VERDICT_COLORS])
    figure, ax = plt.subplots(figsize=(COLUMN_WIDTH, 0.155 * len(rows) + 1.2))
    places = range(len(rows))
    ratios = rows[["ours", "low", "high", "joint_ours"]].div(rows["published"], axis=0)
    colors = rows["verdict"].map(VERDICT_COLORS).tolist()
    ends = ratios[["low", "high"]].clip(*RATIOS)
    ax.hlines(places, ends.min(axis=1), ends.max(axis=1), colors=colors, linewidth=2, alpha=0.5)
    ax.scatter(ratios["joint_ours"].clip(*RATIOS), places, s=18, facecolors="none", edgecolors="black", linewidths=0.6)
    for place, ratio, color in zip(places, ratios["ours"], colors, strict=True):
        marker = "o" if RATIOS[0] <= ratio <= RATIOS[1] else "<" if ratio < RATIOS[0] else ">"
        ax.plot(min(max(ratio, RATIOS[0]), RATIOS[1]), place, marker, color=color, markersize=3.5)
    ax.axvline(1, color="black", linestyle="--", linewidth=0.8)
    ax.set_yticks(places, rows["claim"].tolist(), fontsize=5.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xscale("log")
    ticks = [ratio for ratio in (0.2, 0.5, 1, 2, 5) if RATIOS[0] <= ratio <= RATIOS[1]]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("ours over the paper's number")
    for verdict, color in VERDICT_COLORS.items():
        ax.plot([], [], "o", color=color, markersize=3.5, label=verdict)
    ax.plot([], [], "o", color="black", fillstyle="none", markersize=4, label="in the best single setting")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return [ax]
