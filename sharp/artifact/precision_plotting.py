"""The figure of number formats: accuracy against energy."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from sharp.artifact.plotting import COLUMN_WIDTH

FORMAT_COLORS = {"fp": "#0072B2", "bf": "#009E73", "e": "#D55E00", "int": "#CC79A7"}
"""By the kind of numbers, the letters that a format's name begins with."""


def plot_precision(table: pd.DataFrame) -> list[Axes]:
    """Signal over error of each format against the energy of a run, a panel a network; whiskers over the seeds.

    Needs columns network, format, seed, snr_db and energy_j, all finite.
    """
    networks = list(table["network"].unique())
    _, axes = plt.subplots(1, len(networks), figsize=(COLUMN_WIDTH, 3.2), squeeze=False, sharey=True)
    for ax, network in zip(axes.flat, networks, strict=True):
        rows = table[table["network"] == network]
        for label, group in rows.groupby("format", sort=False):
            name = str(label).partition("/")[0]
            middle, energy = group["snr_db"].median(), group["energy_j"].mean() * 1e3
            ends = [[middle - group["snr_db"].min()], [group["snr_db"].max() - middle]]
            color = FORMAT_COLORS[name.rstrip("0123456789m")]
            ax.errorbar(energy, middle, ends, marker="o", color=color, capsize=3, linewidth=0.9)
            ax.annotate(str(label), (energy, middle), xytext=(6, -3), textcoords="offset points", fontsize="small")
        ax.set_xlim(0, rows["energy_j"].max() * 1.4e3)
        ax.set_title(network)
        ax.set_xlabel("energy of the run (mJ)")
    axes.flat[0].set_ylabel("signal over error (dB)")
    return list(axes.flat)
