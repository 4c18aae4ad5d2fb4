"""The figures of what is computed less exactly: number formats, and only what changed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from sharp.artifact.plotting import BUDGET_COLORS, COLUMN_WIDTH, colors_of, markers

FORMAT_COLORS = {"fp": "#0072B2", "bf": "#009E73", "e": "#D55E00", "int": "#CC79A7"}
"""By the kind of numbers, the letters that a format's name begins with."""


def plot_precision(table: pd.DataFrame) -> list[Axes]:
    """Signal over error of each format against the energy of a run, a panel a network; whiskers over the seeds.

    Needs columns network, format, seed, snr_db and energy_j, all finite.
    """
    networks = list(table["network"].unique())
    columns = min(2, len(networks))
    shape = -(-len(networks) // columns), columns
    _, axes = plt.subplots(*shape, figsize=(COLUMN_WIDTH, 3.0 * shape[0]), squeeze=False, sharey=True)
    for spare in axes.flat[len(networks) :]:
        spare.set_visible(False)
    for ax, network in zip(axes.flat, networks, strict=False):
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
    for first in axes[:, 0]:
        first.set_ylabel("signal over error (dB)")
    return list(axes.flat)


def plot_sparsity(table: pd.DataFrame, trained: pd.DataFrame) -> list[Axes]:
    """Delta networks over the threshold: signal over error and the share of work, times as fast, share of energy.

    Needs columns budget, threshold (NaN: everything is multiplied), snr_db, share_of_macs, times_as_fast and
    share_of_energy; of a trained network, delta_threshold and snr_db.
    """
    rows = table[table["threshold"] > 0]
    _, axes = plt.subplots(1, 3, figsize=(COLUMN_WIDTH, 2.9))
    colors = colors_of(rows["budget"].unique(), BUDGET_COLORS)
    first = rows[rows["budget"] == rows["budget"].iloc[0]]
    axes[0].plot(first["threshold"], first["snr_db"], marker="o", color="black")
    axes[0].plot(trained["delta_threshold"], trained["snr_db"], marker="x", color="black", linestyle="--")
    axes[0].set_ylabel("signal over error (dB)")
    work = {"times_as_fast": 1 / first["share_of_macs"], "share_of_energy": first["share_of_macs"]}
    for ax, (column, least) in zip(axes[1:], work.items(), strict=True):
        ax.plot(first["threshold"], least, color="0.6", linestyle=":", label="the work")
        for marker, (budget, group) in zip(markers(), rows.groupby("budget", sort=False), strict=False):
            ax.plot(group["threshold"], group[column], marker=marker, color=colors[str(budget)], label=str(budget))
    axes[1].set_ylabel("times as fast as with everything")
    axes[1].set_yscale("log")
    axes[2].set_ylabel("share of the energy")
    axes[2].set_ylim(0, 1.05)
    axes[1].legend(fontsize="small")
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xlabel("threshold")
    return list(axes)
