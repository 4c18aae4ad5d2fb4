"""The figures of energy, power and area; colours and style are those of `sharp.artifact.plotting`.

A part of the machine has one colour in every figure; what leaks is hatched.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from sharp.artifact.plotting import BUDGET_COLORS, COLUMN_WIDTH, colors_of, make_panels, shared_legend

PART_COLORS = {
    "compute unit": "#0072B2",
    "weight buffer": "#D55E00",
    "other buffers": "#E69F00",
    "MFU and cell updater": "#009E73",
    "controller": "#999999",
    "DRAM": "#56B4E9",
    "wires and clock tree": "#CC79A7",
}
PARTS = {
    "compute unit": ("compute_unit",),
    "weight buffer": ("weight_buffer",),
    "other buffers": ("io_buffer", "cell_state_buffer", "intermediate_buffer"),
    "MFU and cell updater": ("mfu",),
    "controller": ("controller",),
    "DRAM": ("dram",),
    "wires and clock tree": ("wires", "clock"),
}
"""Components of energy and area (`sharp.energy.implementation.COMPONENTS`), as figures stack them."""


def _stack(ax: Axes, places: np.ndarray, table: pd.DataFrame, unit: pd.Series | float, width: float) -> None:
    """Stacked bars of energy by part, divided by `unit`; what leaks is hatched."""
    bottom = np.zeros(len(table))
    for part, names in PARTS.items():
        leakage = table[[f"{name}_leakage_j" for name in names]].sum(axis=1) / unit
        dynamic = table[[f"{name}_j" for name in names]].sum(axis=1) / unit - leakage
        for height, hatch in ((dynamic, ""), (leakage, "////")):
            style: dict[str, Any] = {"color": PART_COLORS[part], "edgecolor": "white", "linewidth": 0.3, "hatch": hatch}
            ax.bar(places, height, width, bottom=bottom, label=part if not hatch else None, **style)
            bottom += height.to_numpy()
    ax.bar(places[:1], 0, color="#BBBBBB", edgecolor="white", hatch="////", label="leakage, hatched")


def plot_energy(table: pd.DataFrame) -> list[Axes]:
    """Energy by part, one panel a network: at each budget E-PUR (e) and SHARP (s), as multiples of the column `unit_j`.

    Needs columns network, budget, machine ("epur", "sharp"), unit_j and those of `sharp.space.survey` with energy.
    """
    networks, budgets = list(table["network"].unique()), list(table["budget"].unique())
    drawn = make_panels([name.upper() for name in networks], "{}")
    for network, ax in zip(networks, drawn.values(), strict=True):
        for index, machine in enumerate(("epur", "sharp")):
            rows = table[(table["network"] == network) & (table["machine"] == machine)].set_index("budget").loc[budgets]
            _stack(ax, np.arange(len(budgets)) + (index - 0.5) * 0.42, rows, rows["unit_j"], 0.38)
        ax.set_xticks(range(len(budgets)), [f"e     s\n{budget}" for budget in budgets])
        ax.grid(axis="x", visible=False)
        ax.set_ylabel("energy (E-PUR at 1K = 1)")
    shared_legend(drawn, 4)
    return list(drawn.values())


def plot_power_and_area(power: pd.DataFrame, area: pd.DataFrame, published: pd.DataFrame) -> list[Axes]:
    """Power by part at each budget, the paper's marked (left); area by part beside the paper's (right).

    `power` has the means over networks of `sharp.space.survey`'s energy columns with latency_s = 1 (so W), and the ends
    low_w and high_w of an interval, in which the nominal need not lie; `area` and `published` have a column a part in
    mm2, all a row a budget; `published` has power_w too.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(COLUMN_WIDTH, 3.4))
    places = np.arange(len(power))
    _stack(left, places, power, 1.0, 0.6)
    middle, half = (power["low_w"] + power["high_w"]) / 2, (power["high_w"] - power["low_w"]) / 2
    left.errorbar(places, middle, half, fmt="none", color="black", capsize=3, linewidth=0.9, label="interval of ours")
    marker: dict[str, Any] = {
        "color": "black",
        "marker": "D",
        "markersize": 5,
        "markerfacecolor": "white",
        "linestyle": "",
    }
    left.plot(places, published["power_w"], label="paper's total", **marker)
    left.set_ylabel("power (W)")
    for index, (values, hatch) in enumerate(((area, ""), (published, "..."))):
        bottom, shifted = np.zeros(len(values)), places + (index - 0.5) * 0.42
        for part in [part for part in PARTS if part in values]:
            style: dict[str, Any] = {"color": PART_COLORS[part], "edgecolor": "white", "linewidth": 0.3, "hatch": hatch}
            right.bar(shifted, values[part], 0.38, bottom=bottom, **style)
            bottom += values[part].to_numpy()
        right.bar(
            places[:1], 0, color="#BBBBBB", edgecolor="white", hatch=hatch, label=("ours", "paper's Table 2")[index]
        )
    right.set_ylabel("area (mm²)")
    right.legend(frameon=False, loc="upper left")
    for ax in (left, right):
        ax.set_xticks(places, list(power.index))
        ax.set_xlabel("MACs")
        ax.grid(axis="x", visible=False)
    shared_legend({"": left}, 4)
    return [left, right]


def plot_sensitivity(variants: pd.DataFrame, moves: pd.DataFrame) -> list[Axes]:
    """Power of each variant against the paper's (left); how far each number's range moves it (right).

    `variants` has a column a budget and a row a variant; `moves` rows of number, budget, low and high (in percent).
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(COLUMN_WIDTH, 3.6), width_ratios=[1, 1.1])
    palette = sns.color_palette("colorblind", len(variants))
    for marker, color, (name, row) in zip("osD^vP*X<>", palette, variants.iterrows(), strict=False):
        left.plot(range(len(row)), row, marker=marker, markersize=5, color=color, linewidth=1, label=str(name))
    left.axhline(1, color="black", linewidth=0.9)
    left.set_xticks(range(variants.shape[1]), list(variants.columns))
    left.set_xlabel("MACs")
    left.set_ylabel("power, ours over the paper's")
    left.legend(frameon=False, fontsize="x-small", loc="upper left", bbox_to_anchor=(-0.2, -0.2), ncols=2)
    numbers, budgets = list(moves["number"].unique())[::-1], list(moves["budget"].unique())
    colors = colors_of(budgets, BUDGET_COLORS)
    for index, budget in enumerate(budgets):
        rows = moves[moves["budget"] == budget].set_index("number").loc[numbers]
        places = np.arange(len(numbers)) + (0.5 - index) * 0.4
        right.barh(
            places,
            rows["high"] - rows["low"],
            0.36,
            left=rows["low"],
            color=colors[budget],
            label=f"{budget} MACs",
        )
    right.axvline(0, color="black", linewidth=0.9)
    right.set_yticks(range(len(numbers)), numbers, fontsize="x-small")
    right.set_xlabel("change of power (%)")
    right.grid(axis="y", visible=False)
    right.legend(frameon=False, fontsize="small")
    return [left, right]
