"""The figures: each function takes a tidy table (or a timeline) and returns the axes; the only import of matplotlib.

A thing has one colour in every figure: schedules, budgets, parts of the split and units have theirs below, from the
Okabe-Ito palette, which colour-blind readers can tell apart; bars and lines differ by hatch or marker as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import cycle

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sharp.cycles.counting import SPLIT
from sharp.cycles.timeline import STAGES, Timeline
from sharp.units import GIGA

BUDGET_COLORS = {"1K": "#56B4E9", "4K": "#009E73", "16K": "#E69F00", "64K": "#0072B2"}
SCHEDULE_COLORS = {
    "sequential": "#999999",
    "batch": "#56B4E9",
    "intergate": "#E69F00",
    "unfolded": "#0072B2",
    "interleaved": "#D55E00",
}
SCHEDULE_HATCHES = {"batch": "///", "intergate": "...", "interleaved": "xx"}
CELL_COLORS = {
    "lstm": "#0072B2",
    "lstm, projection": "#56B4E9",
    "gru, reset after": "#D55E00",
    "gru, reset before": "#E69F00",
    "rnn": "#009E73",
}
WEIGHTS_COLORS = {"resident": "#0072B2", "streamed": "#CC79A7"}
SPLIT_COLORS = {
    "ideal": "#009E73",
    "column_padding": "#56B4E9",
    "row_padding": "#0072B2",
    "dependency_stall": "#D55E00",
    "weight_load": "#CC79A7",
    "fill_drain": "#F0E442",
}
SPLIT_LABELS = {
    "ideal": "ideal",
    "column_padding": "column padding",
    "row_padding": "row padding",
    "dependency_stall": "dependency stall",
    "weight_load": "weight load",
    "fill_drain": "fill and drain",
}
MACHINE_COLORS = {"epur": "#D55E00", "epur-intergate": "#E69F00", "sharp": "#0072B2"}
UNIT_COLORS = {"array": "#0072B2", "activation": "#E69F00", "update": "#009E73"}
OTHER_COLORS = ("#CC79A7", "#F0E442", "#882255", "#44AA99", "#000000")
"""For what is a user's own, in this order."""
AHEAD_COLOR = "#CC79A7"
MARKERS = "osD^vP*X"
COLUMN_WIDTH = 7.0
"""Inches; text is set to be read at this width."""


def colors_of(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """A colour for each name: its own in every figure, or one of `OTHER_COLORS` for a name that has none."""
    others = cycle(OTHER_COLORS)
    return {name: known.get(name) or next(others) for name in dict.fromkeys(names)}


def markers() -> Iterable[str]:
    """One marker after the other, again from the first after the last."""
    return cycle(MARKERS)


def plain(name: str) -> str:
    """A name as matplotlib shows it letter by letter, where it would take dollar signs for mathematics."""
    return name.replace("$", r"\$")


def set_style() -> None:
    """House style: seaborn's white grid, 9-point text, and equal files for equal figures.

    Nothing of the machine gets in: no matplotlibrc, no font but the one that comes with matplotlib, no zlib in the PDF.
    """
    mpl.rcdefaults()
    sns.set_theme(context="paper", style="whitegrid", palette="colorblind", font_scale=1.05)
    mpl.rcParams.update({"savefig.bbox": "tight", "figure.constrained_layout.use": True})
    mpl.rcParams.update({"font.family": "DejaVu Sans", "svg.hashsalt": "sharp", "pdf.compression": 0})


def _budget_axes(budgets: Iterable[str], *, height: float = 2.6, sharey: bool = False) -> dict[str, Axes]:
    """Two axes a row, one for each budget, titled with it."""
    return make_panels(budgets, "{} MACs", height=height, sharey=sharey)


def make_panels(values: Iterable[str], title: str, *, height: float = 2.6, sharey: bool = False) -> dict[str, Axes]:
    """Two axes a row, one for each value, titled with it."""
    labels = list(values)
    columns = min(2, len(labels))
    rows = -(-len(labels) // columns)
    _, axes = plt.subplots(rows, columns, figsize=(COLUMN_WIDTH, height * rows), sharey=sharey, squeeze=False)
    panels: dict[str, Axes] = dict(zip(labels, axes.flat, strict=False))
    for spare in axes.flat[len(labels) :]:
        spare.set_visible(False)
    for label, ax in panels.items():
        ax.set_title(title.format(plain(str(label))))
    return panels


def plot_timelines(timelines: Iterable[Timeline]) -> list[Axes]:
    """Gantt charts, one below the other on one time axis: a row a unit, a bar a segment.

    Input products issued ahead have a colour of their own; a dashed line marks where h of a step is out.
    """
    charts = list(timelines)
    figure, axes = plt.subplots(
        len(charts), 1, figsize=(COLUMN_WIDTH, 1.35 * len(charts) + 0.5), sharex=True, squeeze=False
    )
    for ax, timeline in zip(axes.flat, charts, strict=True):
        for event in timeline.events:
            color = AHEAD_COLOR if event.operand == "x" else UNIT_COLORS[event.unit]
            bar = (event.start, event.end - event.start)
            ax.broken_barh([bar], (STAGES.index(event.unit) - 0.4, 0.8), color=color, edgecolor="white", linewidth=0.4)
        for end in timeline.h_out:
            ax.axvline(end, color="black", linestyle="--", linewidth=0.9)
        ax.set_yticks(range(len(STAGES)), STAGES)
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        ax.set_title(f"{plain(timeline.schedule)} (K = {timeline.tile_rows})", loc="left")
    axes[-1, 0].set_xlabel("time (cycles)")
    handles: list[Patch | Line2D] = [Patch(color=color, label=unit) for unit, color in UNIT_COLORS.items()]
    handles.append(Patch(color=AHEAD_COLOR, label="array, input product issued ahead"))
    handles.append(Line2D([], [], color="black", linestyle="--", linewidth=0.9, label="h of a step is out"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False)
    return list(axes.flat)


def plot_tile_exploration(table: pd.DataFrame) -> list[Axes]:
    """Speedup over the reference column against the tile height, a panel a budget, a line a hidden size.

    Needs columns budget, hidden_size, tile_rows, speedup and best (bool); the best heights are ringed.
    """
    panels = _budget_axes(table["budget"].unique())
    sizes = sorted(table["hidden_size"].unique())
    palette = dict(zip(sizes, sns.color_palette("viridis", len(sizes)), strict=True))
    for budget, ax in panels.items():
        rows = table[table["budget"] == budget]
        for marker, (size, group) in zip(markers(), rows.groupby("hidden_size"), strict=False):
            ax.plot(group["tile_rows"], group["speedup"], marker=marker, color=palette[size], label=f"H = {size}")
            best = group[group["best"]]
            ax.scatter(best["tile_rows"], best["speedup"], s=110, facecolors="none", edgecolors="black", zorder=3)
        ax.set_xscale("log", base=2)
        ax.set_xticks(sorted(rows["tile_rows"].unique()), [str(rows) for rows in sorted(rows["tile_rows"].unique())])
        ax.set_xlabel("tile rows K")
        ax.set_ylabel("speedup over 1K MACs")
    shared_legend(panels, columns=len(sizes))
    return list(panels.values())


def plot_gains(table: pd.DataFrame, columns: Mapping[str, str]) -> list[Axes]:
    """Gains against hidden size, a panel a budget, points for each of `columns` (name to label).

    Points are not joined: a gain jumps from one hidden size to the next.
    """
    panels = _budget_axes(table["budget"].unique(), sharey=True)
    colors = ("#0072B2", "#D55E00", "#009E73")
    for budget, ax in panels.items():
        rows = table[table["budget"] == budget]
        for (column, label), color, marker in zip(columns.items(), colors, MARKERS, strict=False):
            ax.plot(
                rows["hidden_size"],
                rows[column],
                color=color,
                marker=marker,
                markersize=3,
                linestyle="",
                alpha=0.8,
                label=label,
            )
        ax.axhline(1, color="black", linewidth=0.8)
        ax.set_xscale("log", base=2)
        ticks = [size for size in (128, 256, 512, 1024, 2048, 4096) if size <= rows["hidden_size"].max()]
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.set_xlabel("hidden size H (X = H)")
        ax.set_ylabel("gain (times)")
    shared_legend(panels, columns=len(columns))
    return list(panels.values())


def plot_schedules(table: pd.DataFrame, value: str, label: str, top: float | None = None) -> list[Axes]:
    """Bars of the column `value`, up to `top`, a panel a budget, a group a network, a bar a schedule."""
    panels = _budget_axes(table["budget"].unique())
    networks = list(table["network"].unique())
    schedules = list(table["schedule"].unique())
    width, colors = 0.8 / len(schedules), colors_of(schedules, SCHEDULE_COLORS)
    for budget, ax in panels.items():
        rows = table[table["budget"] == budget]
        for index, schedule in enumerate(schedules):
            values = rows[rows["schedule"] == schedule].set_index("network")[value].reindex(networks)
            places = np.arange(len(networks)) + (index - (len(schedules) - 1) / 2) * width
            ax.bar(
                places,
                values,
                width,
                color=colors[schedule],
                hatch=SCHEDULE_HATCHES.get(schedule, ""),
                edgecolor="white",
                label=schedule,
            )
        _network_ticks(ax, networks)
        ax.set_ylim(0, top)
        ax.set_ylabel(label)
    shared_legend(panels, columns=len(schedules))
    return list(panels.values())


def plot_utilization_and_latency(table: pd.DataFrame) -> list[Axes]:
    """Utilization (left) and latency (right, logarithmic) against hidden size, a line a budget."""
    _, (left, right) = plt.subplots(1, 2, figsize=(COLUMN_WIDTH, 3.0))
    colors = colors_of(table["budget"], BUDGET_COLORS)
    for marker, (budget, rows) in zip(markers(), table.groupby("budget", sort=False), strict=False):
        style = {"color": colors[str(budget)], "marker": marker, "label": f"{budget} MACs"}
        left.plot(rows["hidden_size"], rows["utilization"] * 100, **style)
        right.plot(rows["hidden_size"], rows["latency_s"] * 1e6, **style)
    sizes = sorted(table["hidden_size"].unique())
    for ax, label in ((left, "utilization (%)"), (right, "latency (µs)")):
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.minorticks_off()
        ax.set_xlabel("hidden size H (X = H)")
        ax.set_ylabel(label)
    left.set_ylim(0, 102)
    right.set_yscale("log")
    shared_legend({"left": left, "right": right}, columns=4)
    return [left, right]


def plot_split(table: pd.DataFrame) -> list[Axes]:
    """Stacked bars from ideal to total, in multiples of ideal: a panel a budget, two bars a network.

    Needs columns budget, network, machine (the two bars' names) and the parts of the split in cycles.
    """
    panels = _budget_axes(table["budget"].unique(), height=2.8)
    networks, machines = list(table["network"].unique()), list(table["machine"].unique())
    parts = [part for part in SPLIT if table[part].any()]
    width = 0.8 / len(machines)
    for budget, ax in panels.items():
        for index, machine in enumerate(machines):
            rows = table[(table["budget"] == budget) & (table["machine"] == machine)].set_index("network")
            rows = rows.reindex(networks)
            places = np.arange(len(networks)) + (index - (len(machines) - 1) / 2) * width
            base = np.zeros(len(networks))
            for part in parts:
                height = (rows[part] / rows["ideal"]).to_numpy()
                ax.bar(places, height, width * 0.92, bottom=base, color=SPLIT_COLORS[part], label=SPLIT_LABELS[part])
                base += height
            for place, top in zip(places, base, strict=True):
                ax.annotate(machine[0], (place, top), ha="center", va="bottom", fontsize="small")
        _network_ticks(ax, networks)
        ax.margins(y=0.12)
        ax.set_ylabel("cycles / ideal cycles")
    shared_legend(panels, columns=len(parts))
    return list(panels.values())


def plot_batches(table: pd.DataFrame, panel: str, title: str, line: str, colors: Mapping[str, str]) -> list[Axes]:
    """Utilization against the sequences of a batch: a panel for each value of a column, a line for each of another."""
    panels = make_panels(table[panel].unique(), title, sharey=True)
    batches = sorted(table["batch_size"].unique())
    for value, ax in panels.items():
        lines = table[table[panel] == value].groupby(line, sort=False, observed=True)
        for marker, (name, rows) in zip(markers(), lines, strict=False):
            values, color = rows["utilization"] * 100, colors[str(name)]
            ax.plot(rows["batch_size"], values, color=color, marker=marker, label=str(name))
        ax.set_xscale("log", base=2)
        ax.set_xticks(batches, [str(batch) for batch in batches])
        ax.minorticks_off()
        ax.set_ylim(0, 103)
        ax.set_xlabel("sequences in the batch")
        ax.set_ylabel("utilization (%)")
    shared_legend(panels, columns=3)
    return list(panels.values())


def plot_streaming(table: pd.DataFrame, peak: float, bandwidths: Mapping[str, float]) -> list[Axes]:
    """Latency with weights resident and streamed (left); the streamed runs under their roofline (right).

    Needs columns network, weights, latency_s, low_s and high_s (latencies at the ends of the bandwidth's range),
    macs_per_byte and macs_per_s; `peak` in multiply-accumulates a second, `bandwidths` in bytes a second.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(COLUMN_WIDTH, 3.2))
    networks, width = list(table["network"].unique()), 0.4
    for index, (weights, color) in enumerate(WEIGHTS_COLORS.items()):
        rows = table[table["weights"] == weights].set_index("network").reindex(networks)
        errors = np.abs([rows["latency_s"] - rows["low_s"], rows["high_s"] - rows["latency_s"]]) * 1e6
        bars = {"yerr": errors, "capsize": 3} if errors.any() else {}
        places = np.arange(len(networks)) + (index - 0.5) * width
        left.bar(places, rows["latency_s"] * 1e6, width, color=color, label=weights, **bars)
    _network_ticks(left, networks)
    left.set_yscale("log")
    left.set_ylabel("latency (µs)")
    left.legend(frameon=False, loc="upper left")
    streamed = table[table["weights"] == "streamed"]
    intensity = np.geomspace(streamed["macs_per_byte"].min() / 4, peak / min(bandwidths.values()) * 4, 50)
    for style, (label, bandwidth) in zip((":", "-", "--"), bandwidths.items(), strict=False):
        roof = np.minimum(peak, bandwidth * intensity) / GIGA
        right.plot(intensity, roof, color="black", linestyle=style, linewidth=1, label=label)
    for marker, row in zip(markers(), streamed.itertuples(), strict=False):
        point = ([row.macs_per_byte], [row.macs_per_s / GIGA])  # type: ignore[operator]
        color = WEIGHTS_COLORS["streamed"]
        right.plot(
            *point, marker=marker, markersize=7, linestyle="", color=color, label=plain(str(row.network)).upper()
        )
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlabel("multiply-accumulates per byte loaded")
    right.set_ylabel("billion multiply-accumulates a second")
    right.legend(frameon=False, fontsize="small")
    return [left, right]


def plot_speedups(table: pd.DataFrame, published: pd.DataFrame) -> list[Axes]:
    """Speedup over each machine, a panel a budget: a bar a machine and network, the paper's as diamonds.

    Needs columns network, budget, machine and speedup; `published` network, budget and speedup.
    """
    panels = _budget_axes(table["budget"].unique(), sharey=True)
    machines, width = list(table["machine"].unique()), 0.38
    for budget, ax in panels.items():
        networks = list(table["network"].unique())
        for index, machine in enumerate(machines):
            rows = table[(table["budget"] == budget) & (table["machine"] == machine)].set_index("network").loc[networks]
            places = np.arange(len(networks)) + (index - (len(machines) - 1) / 2) * (width + 0.04)
            ax.bar(places, rows["speedup"], width, color=MACHINE_COLORS[machine], label=f"ours, over {machine}")
        paper = published[published["budget"] == budget].set_index("network").loc[networks]
        marker = {"color": "black", "marker": "D", "markersize": 5, "markerfacecolor": "white", "linestyle": ""}
        ax.plot(range(len(networks)), paper["speedup"], label="paper's Table 6", **marker)  # type: ignore[arg-type]
        _network_ticks(ax, networks)
        ax.set_ylabel("speedup of SHARP")
        ax.axhline(1, color="black", linewidth=0.9)
    shared_legend(panels, columns=3)
    return list(panels.values())


def _network_ticks(ax: Axes, networks: list[str]) -> None:
    labels = [_short_name(name) for name in networks]
    ax.set_xticks(range(len(networks)), labels, fontsize="small")
    ax.grid(axis="x", visible=False)


def _short_name(network: str) -> str:
    """EESEN; or, of a DeepBench problem, its hidden size and steps on two lines."""
    problem = re.fullmatch(r"deepbench-\w+-h(\d+)-t(\d+)", network)
    return f"{problem[1]}\n× {problem[2]}" if problem else plain(network).upper()


def shared_legend(panels: Mapping[str, Axes], columns: int) -> None:
    """One legend above all panels, each label once."""
    ax = next(iter(panels.values()))
    entries = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    figure = ax.get_figure()
    assert figure is not None
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=columns, frameon=False)
