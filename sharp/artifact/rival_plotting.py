"""The figures of rivals, claims and uncertainty; colours and style are those of `sharp.artifact.plotting`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from sharp.artifact.plotting import CELL_COLORS, COLUMN_WIDTH, MACHINE_COLORS, make_panels, markers, shared_legend

DEVICE_COLORS = {
    "Titan Xp": "#009E73",
    "Titan X Pascal": "#56B4E9",
    "GTX 1080 Ti": "#E69F00",
    "Tesla V100": "#CC79A7",
}
_PAPER = "black"
_OTHER = "#999999"
_MEASURED = "#D55E00"  # GPUs at hand


def _sizes(ax: Axes, sizes: Sequence[int], label: str = "hidden size H (X = H)") -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set_xlabel(label)


def plot_gpu_efficiency(table: pd.DataFrame, published: tuple[float, float]) -> list[Axes]:
    """Share of the peak against hidden size: a panel a device, a colour a batch size, a marker a cell.

    Needs columns panel, batch_size, cell, hidden_size and efficiency; the span of `published` is shaded.
    """
    panels = make_panels(table["panel"].unique(), "{}", height=3.0, sharey=True)
    batches = sorted(table["batch_size"].unique())
    colors = dict(zip(batches, sns.color_palette("viridis", len(batches)), strict=True))
    for panel, ax in panels.items():
        for (batch, cell), rows in table[table["panel"] == panel].groupby(["batch_size", "cell"]):
            style = {"marker": "o" if cell == "lstm" else "^", "color": colors[batch], "linestyle": ""}
            ax.plot(rows["hidden_size"], rows["efficiency"] * 100, markersize=4, **style)
        ax.axhspan(*(100 * share for share in published), color="#DDDDDD", zorder=0)
        ax.set_yscale("log")
        ax.set_ylabel("share of the peak (%)")
        _sizes(ax, [size for size in (256, 512, 1024, 2048, 4096) if size <= table["hidden_size"].max()])
    first = next(iter(panels.values()))
    for batch in batches:
        first.plot([], [], "s", color=colors[batch], label=f"batch {batch}")
    for cell, marker in (("LSTM", "o"), ("GRU", "^")):
        first.plot([], [], marker, color="black", label=cell, markersize=4)
    first.fill_between([], [], [], color="#DDDDDD", label="the paper's batch 64")
    shared_legend(panels, columns=5)
    return list(panels.values())


def plot_baselines(epur: pd.DataFrame, brainwave: pd.DataFrame, published: pd.DataFrame) -> list[Axes]:
    """Utilization of E-PUR against multipliers, a line a hidden size; of BrainWave against hidden size.

    Needs columns num_macs, hidden_size and utilization; cell, hidden_size and utilization in the other two.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(COLUMN_WIDTH, 3.2))
    sizes = sorted(epur["hidden_size"].unique())
    palette = dict(zip(sizes, sns.color_palette("viridis", len(sizes)), strict=True))
    for marker, (size, rows) in zip(markers(), epur.groupby("hidden_size"), strict=False):
        left.plot(rows["num_macs"], rows["utilization"] * 100, marker=marker, color=palette[size], label=f"H = {size}")
    macs = sorted(epur["num_macs"].unique())
    left.set_xscale("log", base=2)
    left.set_xticks(macs, [f"{number // 1024}K" for number in macs])
    left.minorticks_off()
    left.set_xlabel("multipliers")
    for cell, rows in brainwave.groupby("cell"):
        right.plot(
            rows["hidden_size"], rows["utilization"] * 100, color=CELL_COLORS[_key(str(cell))], label=f"{cell}, model"
        )
    for (cell, rows), marker in zip(published.groupby("cell"), markers(), strict=False):
        style = {"color": CELL_COLORS[_key(str(cell))], "marker": marker, "linestyle": ""}
        right.plot(rows["hidden_size"], rows["utilization"] * 100, label=f"{cell}, published", **style)
    _sizes(right, [256, 512, 1024, 2048])
    for ax, title in ((left, "E-PUR"), (right, "BrainWave")):
        ax.set_title(title)
        ax.set_ylim(0, 102)
        ax.set_ylabel("utilization (%)")
        ax.legend(frameon=False, fontsize="small")
    return [left, right]


def _key(cell: str) -> str:
    return "gru, reset after" if cell == "gru" else cell


def plot_npu(runs: pd.DataFrame, model: pd.DataFrame, simulator: pd.DataFrame, beside: pd.DataFrame) -> list[Axes]:
    """The NPU's RTL and the model of it, its vendor's simulator, an LSTM's step by what is in it, SHARP beside it.

    Parameters
    ----------
    runs, model : DataFrame
        Columns cell, hidden_size and step_cycles: of the RTL, and of the model.
    simulator : DataFrame
        Columns program and error: cycles of the vendor's simulator over the RTL's, less one.
    beside : DataFrame
        Columns hidden_size, step, products, tail and loader (cycles); npu and sharp (utilizations); of LSTM layers.
    """
    _, axes = plt.subplots(2, 2, figsize=(COLUMN_WIDTH, 6.2))
    steps, errors, parts, shares = axes.flat
    colors = {"rnn": CELL_COLORS["rnn"], "gru": CELL_COLORS["gru, reset before"], "lstm": CELL_COLORS["lstm"]}
    for (cell, color), marker in zip(colors.items(), markers(), strict=False):
        lines, points = (table[table["cell"] == cell] for table in (model, runs))
        steps.plot(lines["hidden_size"], lines["step_cycles"], color=color, label=f"{cell}, model")
        steps.plot(
            points["hidden_size"], points["step_cycles"], marker, color=color, markersize=4, label=f"{cell}, RTL"
        )
    steps.set_ylabel("cycles a step, in runs of eight")
    places = range(len(simulator))
    errors.barh(places, simulator["error"] * 100, color=_OTHER, label="its own simulator")
    errors.plot([0] * len(simulator), places, "o", color=MACHINE_COLORS["sharp"], markersize=4, label="model here")
    errors.set_yticks(places, simulator["program"].tolist(), fontsize="small")
    errors.invert_yaxis()
    errors.set_xlim(right=2)
    errors.set_xlabel("cycles beside the RTL's (%)")
    labels = {
        "step": "step",
        "products": "products",
        "loader": "through the loader",
        "tail": "tail: h to products with h",
    }
    for (column, label), style in zip(labels.items(), ("-", "--", "-.", ":"), strict=True):
        parts.plot(beside["hidden_size"], beside[column], style, color=CELL_COLORS["lstm"], label=label)
    parts.set_ylabel("cycles of an LSTM's step")
    for machine, color in (("npu", _MEASURED), ("sharp", MACHINE_COLORS["sharp"])):
        shares.plot(beside["hidden_size"], beside[machine] * 100, color=color, label=machine.upper())
    shares.set_ylim(0, 102)
    shares.set_ylabel("utilization (%)")
    for ax in (steps, parts, shares):
        _sizes(ax, [512, 1024, 2048])
    for ax in (steps, parts):
        ax.set_yscale("log")
        ticks = [200, 500, 1000, 2000, 5000]
        ax.set_yticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
    for ax in axes.flat:
        ax.legend(frameon=False, fontsize="small")
    return list(axes.flat)


def plot_gpu_speedup(table: pd.DataFrame, spans: Mapping[str, tuple[float, float]]) -> list[Axes]:
    """Latency of SHARP and of GPUs (left), and how many times as fast SHARP is (right), a row a problem.

    Needs columns problem, device, latency_s and speedup (1 for SHARP itself); `spans` are the paper's, shaded.
    """
    problems = list(table["problem"].unique())
    _, axes = plt.subplots(1, 2, figsize=(COLUMN_WIDTH, 0.27 * len(problems) + 1.4), sharey=True)
    left, right = axes
    for marker, (device, rows) in zip(markers(), table.groupby("device", sort=False), strict=False):
        places = [problems.index(problem) for problem in rows["problem"]]
        own = MACHINE_COLORS["sharp"] if str(device).startswith("SHARP") else _MEASURED
        color = DEVICE_COLORS.get(str(device), own)
        style = {"color": color, "marker": marker, "linestyle": "", "markersize": 5, "label": str(device)}
        left.plot(rows["latency_s"] * 1e6, places, **style)
        if (rows["speedup"] != 1).any():
            right.plot(rows["speedup"], places, **style)
    for (label, span), color in zip(spans.items(), ("#DDDDDD", "#BBBBBB"), strict=False):
        right.axvspan(*span, color=color, zorder=0, label=label)
    left.set_yticks(range(len(problems)), problems)
    left.invert_yaxis()
    for ax, label in ((left, "latency (µs)"), (right, "times as long as on SHARP")):
        ax.set_xscale("log")
        ax.set_xlabel(label)
    handles = [ax.get_legend_handles_labels() for ax in (left, right)]
    entries = dict(zip(handles[0][1] + handles[1][1], handles[0][0] + handles[1][0], strict=True))
    figure = left.get_figure()
    assert figure is not None
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=3, frameon=False)
    return [left, right]


def plot_uncertainty(samples: pd.DataFrame, marks: pd.DataFrame, indices: pd.DataFrame, shown: int = 6) -> list[Axes]:
    """Two panels a number: its distribution over the assumed ranges, and the parameters that move it most.

    Parameters
    ----------
    samples : DataFrame
        A column a number, its label; a row a sample.
    marks : DataFrame
        Indexed by the label: published, ours, low and high.
    indices : DataFrame
        Columns number (label), parameter, first, total and total_conf.
    shown : int
        Parameters a number.
    """
    labels = [str(name) for name in samples.columns]
    _, axes = plt.subplots(len(labels), 2, figsize=(COLUMN_WIDTH, 1.9 * len(labels) + 0.5), squeeze=False)
    for (left, right), label in zip(axes, labels, strict=True):
        mark = marks.loc[label]
        values = samples[label].to_numpy()
        left.hist(values, bins=60, range=tuple(np.quantile(values, [0.001, 0.999])), density=True, color=_OTHER)
        left.axvspan(mark["low"], mark["high"], color=MACHINE_COLORS["sharp"], alpha=0.15, label="95 % of the samples")
        left.axvline(mark["ours"], color=MACHINE_COLORS["sharp"], label="ours, nominal")
        left.axvline(mark["published"], color=_PAPER, linestyle="--", label="the paper")
        left.set_yticks([])
        left.set_xlabel(label)
        rows = indices[indices["number"] == label].nlargest(shown, "total")[::-1]
        places = np.arange(len(rows))
        right.barh(places, rows["total"], color="#56B4E9", xerr=rows["total_conf"], label="total")
        right.barh(places, rows["first"], height=0.4, color=MACHINE_COLORS["sharp"], label="alone")
        right.set_yticks(places, rows["parameter"].tolist(), fontsize="small")
        right.set_xlim(0, 1)
        right.set_xlabel("Sobol index (share of the variance)")
        right.grid(axis="y", visible=False)
    figure = axes[0, 0].get_figure()
    entries = [entry for ax in axes[0] for entry in zip(*ax.get_legend_handles_labels(), strict=True)]
    figure.legend(*zip(*entries, strict=True), loc="outside upper center", ncols=5, frameon=False)
    return list(axes.flat)
