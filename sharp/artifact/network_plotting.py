"""The figures of whole networks: orders across layers, and where the weights are."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from sharp.artifact.plotting import COLUMN_WIDTH, colors_of, markers, plain, shared_legend
from sharp.units import GIGA, MIB

ORDER_COLORS = {"layers": "#0072B2", "steps": "#E69F00", "wavefront": "#009E73"}
ORDER_HATCHES = {"steps": "///", "wavefront": "..."}
NETWORK_COLORS = {"eesen": "#0072B2", "gmat": "#D55E00", "bysdne": "#009E73", "rldradspr": "#E69F00"}


def plot_orders(table: pd.DataFrame) -> list[Axes]:
    """Utilization of networks, a panel a budget, a bar an order; none where an order makes no sense.

    Needs the columns of `sharp.space.whole.survey_orders`.
    """
    budgets, networks = list(table["budget"].unique()), list(table["network"].unique())
    _, axes = plt.subplots(1, len(budgets), figsize=(COLUMN_WIDTH, 2.9), sharey=True, squeeze=False)
    panels, width = dict(zip(budgets, axes.flat, strict=True)), 0.26
    for budget, ax in panels.items():
        for index, (order, color) in enumerate(ORDER_COLORS.items()):
            rows = table[(table["budget"] == budget) & (table["order"] == order)].set_index("network").loc[networks]
            places = np.arange(len(networks)) + (index - 1) * width
            style = {"color": color, "hatch": ORDER_HATCHES.get(order, ""), "edgecolor": "white", "linewidth": 0.4}
            ax.bar(places, rows["utilization"] * 100, width, label=order, **style)
        names = [plain(name).upper().removeprefix("REAL-") for name in networks]
        ax.set_xticks(range(len(networks)), names, fontsize="x-small", rotation=90)
        ax.grid(axis="x", visible=False)
        ax.set_title(f"{budget} MACs")
        ax.set_ylim(0, 103)
    axes[0, 0].set_ylabel("utilization (%)")
    shared_legend(panels, columns=3)
    return list(panels.values())


def plot_residency(
    buffers: pd.DataFrame, bandwidths: pd.DataFrame, marks: Mapping[str, float], break_even: Mapping[str, float]
) -> list[Axes]:
    """Latency with streamed weights, over the size of the weight buffer (left) and the bandwidth of the DRAM (right).

    Parameters
    ----------
    buffers, bandwidths : pandas.DataFrame
        Columns network and latency_s, and weight_buffer (bytes) or dram_bytes_per_s.
    marks : mapping of str to float
        ``weight_buffer`` and ``dram_bytes_per_s`` of the machine, drawn as lines.
    break_even : mapping of str to float
        By network, the bandwidth in bytes a second at which loading takes as long as computing.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(COLUMN_WIDTH, 3.2))
    colors = colors_of(buffers["network"].unique(), NETWORK_COLORS)
    for mark, (network, color) in zip(markers(), colors.items(), strict=False):
        sizes, speeds = (
            table[table["network"] == network].sort_values(name)
            for table, name in ((buffers, "weight_buffer"), (bandwidths, "dram_bytes_per_s"))
        )
        every = max(1, len(sizes) // 8)
        style = {"color": color, "marker": mark, "markersize": 4, "markevery": every, "linewidth": 1.2}
        share = sizes["latency_s"] / sizes["latency_s"].iloc[0] * 100
        left.plot(sizes["weight_buffer"] / MIB, share, label=plain(network).upper(), **style)
        right.plot(speeds["dram_bytes_per_s"] / GIGA, speeds["latency_s"] * 1e3, **style)
        latency_ms = np.interp(break_even[network], speeds["dram_bytes_per_s"], speeds["latency_s"]) * 1e3
        ring = {"markerfacecolor": "none", "markeredgecolor": "black", "linestyle": "", "markersize": 9}
        right.plot([break_even[network] / GIGA], [latency_ms], marker="o", **ring)
    left.axvline(marks["weight_buffer"] / MIB, color="black", linestyle=":", linewidth=1)
    left.set_xlabel("weight buffer (MiB)")
    left.set_ylabel("latency (% of that with nothing kept)")
    right.axvline(marks["dram_bytes_per_s"] / GIGA, color="black", linestyle=":", linewidth=1)
    right.set_xscale("log")
    right.set_yscale("log")
    right.xaxis.set_major_formatter("{x:g}")
    right.yaxis.set_major_formatter("{x:g}")
    right.set_xlabel("bandwidth of the DRAM (GB/s)")
    right.set_ylabel("latency (ms)")
    shared_legend({"left": left}, columns=len(colors))
    return [left, right]
