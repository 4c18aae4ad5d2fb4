"""What the command prints for people: a table a kind of result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from sharp.cli.console import duration, make_table, note, show_table, terminal, warn
from sharp.cli.words import goal_text, missed_text
from sharp.cycles.counting import CycleCounts
from sharp.cycles.explore import TileTable
from sharp.cycles.report import MachineReport, Reported
from sharp.machine.accelerator import Accelerator
from sharp.machine.memories import BUFFERS
from sharp.machine.plan import Plan
from sharp.units import GIGA, KIB, MIB
from sharp.workload.cells import CELLS
from sharp.workload.network import Network, RNNLayer

if TYPE_CHECKING:
    from sharp.claims.claims import Outcome
    from sharp.claims.joint import Joint
    from sharp.design.choice import Choice
    from sharp.energy.implementation import Implementation
    from sharp.energy.power import EnergyReport
    from sharp.energy.technology import Technology
    from sharp.rivals.machine import Machine

NOT_KNOWN = "n/a"
UTILIZATION_HEADER = "utili-\nzation"
LOSS_HEADERS = {
    "column_padding": "column\npadding",
    "row_padding": "row\npadding",
    "dependency_stall": "depend.\nstall",
    "weight_load": "weight\nload",
    "fill_drain": "fill and\ndrain",
}


def _machine(accelerator: Reported) -> str:
    macs = "" if accelerator.num_macs is None else f", {accelerator.num_macs:,} MACs"
    return accelerator.name + macs + ("" if accelerator.clock_hz is None else f" at {_mhz(accelerator)} MHz")


def _mhz(accelerator: Reported) -> str:
    return NOT_KNOWN if accelerator.clock_hz is None else f"{accelerator.clock_hz / 1e6:g}"


def _number(value: float | None, form: str) -> str:
    return NOT_KNOWN if value is None else form.format(value)


def _hidden(layer: RNNLayer) -> str:
    return f"{layer.hidden_size} x 2" if layer.bidirectional else str(layer.hidden_size)


def _cell(layer: RNNLayer) -> str:
    """The cell with its options: "lstm to 512", "gru, reset after", "lstm-heads, heads 4"."""
    cell = CELLS.get(layer.cell) if isinstance(layer.cell, str) else layer.cell
    resets = cell is not None and "linear_before_reset" in cell.fields
    parts = [layer.cell_name + ("" if layer.projection_size is None else f" to {layer.projection_size}")]
    parts += ["peephole"] * layer.peephole + ["residual"] * layer.residual
    parts += [f"reset {'after' if layer.linear_before_reset else 'before'}"] * resets
    return ", ".join([*parts, *(f"{name} {value}" for name, value in layer.options.items())])


Item = TypeVar("Item")


def _groups(items: Sequence[Item]) -> Iterator[tuple[str, Item]]:
    """Runs of equal items, each with the indices it stands at: "0", "1-4 each"."""
    index = 0
    for item, group in groupby(items):
        count = len(list(group))
        yield (str(index) if count == 1 else f"{index}-{index + count - 1} each"), item
        index += count


def _shares(counts: CycleCounts, losses: Iterable[str]) -> list[str]:
    """Utilization, then the share of the cycles that each kind of loss takes."""
    return [f"{counts.split[part] / counts.total_cycles:.1%}" for part in ("ideal", *losses)]


def _sequences(network: Network) -> str:
    """How much is run: "25 time steps", "4 sequences of 25 time steps"."""
    if network.lengths:
        return f"{network.batch_size} sequences of {min(network.lengths)} to {network.seq_len} time steps"
    steps = f"{network.seq_len} time steps"
    return steps if network.batch_size == 1 else f"{network.batch_size} sequences of {steps}"


def _shown_losses(counts: Iterable[CycleCounts]) -> dict[str, str]:
    """Headers of the losses; that of weights only where they are waited for."""
    streamed = any(count.weight_load for count in counts)
    return {part: header for part, header in LOSS_HEADERS.items() if streamed or part != "weight_load"}


def print_report(report: MachineReport) -> None:
    """Print a run: a row a group of equal layers, then the total; losses in percent of the cycles."""
    title = f"{report.network.name} on {_machine(report.accelerator)}{', ' * bool(report.how)}{report.how}"
    total, console = report.counts, terminal()
    if total is None:
        console.print(title, style="bold")
    else:
        _print_layers(title, report, total)
    console.print(_work(report), style="bold")
    console.print(f"latency {duration(report.latency_s)}, {_sequences(report.network)}", style="bold")
    for sentence in report.remarks:
        console.print(sentence)
    for kind, sentences in (("note", report.notes), ("warning", report.cautions)):
        for sentence in sentences:
            note(f"{kind}: {sentence}")


def _work(report: MachineReport) -> str:
    """How much was done how fast: "26,214,400 MACs, 11.4 GFLOPS (2 operations each), weights 4.00 MiB"."""
    macs, each = report.macs, report.accelerator.weight_bytes
    weights = "" if each is None else f", weights {report.network.num_weights * each / MIB:.3g} MiB"
    rate = 2 * macs / report.latency_s / GIGA
    return f"{macs:,} MACs, {rate:{',.0f' if rate >= 1000 else '.4g'}} GFLOPS (2 operations each){weights}"


def _print_layers(title: str, report: MachineReport, total: CycleCounts) -> None:
    losses, further = _shown_losses([total]), report.layer_columns
    columns = ("layer", "cell", "X", "H", *further, "cycles", UTILIZATION_HEADER)
    table = make_table(title, *columns, *losses.values(), text=(0, 1))
    rows = [(entry, tuple(column[index] for column in further.values())) for index, entry in enumerate(report.layers)]
    for names, (entry, more) in _groups(rows):
        shape = (_cell(entry.layer), str(entry.layer.input_size), _hidden(entry.layer))
        table.add_row(names, *shape, *more, f"{entry.counts.total_cycles:,}", *_shares(entry.counts, losses))
    totals = ["total", *[""] * (3 + len(further)), f"{total.total_cycles:,}", *_shares(total, losses)]
    table.add_row(*totals, style="bold")
    show_table(table)


def print_energy(costs: EnergyReport) -> None:
    """Print what a run costs: a row a component, then power, efficiency and area."""
    from sharp.energy.implementation import COMPONENT_LABELS, COMPONENTS  # a run without energy starts without them

    made, energy = costs.implementation, costs.energy
    gating = " and ".join(name for name, on in (("clock", costs.gating.clock), ("power", costs.gating.power)) if on)
    unit, factor = _energy_unit(energy.total_j)
    table = make_table(
        f"energy in {_technology(made)}{f', {gating} gating' if gating else ''}",
        *("component", f"dynamic {unit}", f"leakage {unit}", f"total {unit}", "share"),
    )
    for name in COMPONENTS:
        parts = (energy.dynamic_j[name], energy.static_j[name], energy.of(name))
        share = f"{energy.of(name) / energy.total_j:.1%}"
        table.add_row(COMPONENT_LABELS[name], *(f"{factor * part:.4f}" for part in parts), share)
    sums = (sum(energy.dynamic_j.values()), sum(energy.static_j.values()), energy.total_j)
    table.add_row("total", *(f"{factor * part:.4f}" for part in sums), f"{1:.1%}", style="bold")
    terminal().print()
    show_table(table)
    console = terminal()
    each = " a sequence" if costs.report.network.batch_size > 1 else ""
    console.print(
        f"power {costs.power_w:.2f} W on average, {costs.peak_power_w:.2f} W at the peak; "
        f"energy {factor * costs.energy_per_sequence_j:.4g} {unit}{each}, times delay {costs.energy_delay_js:.4g} J s",
        style="bold",
    )
    console.print(
        f"{costs.gflops_per_w:.4g} GFLOPS/W (2 operations a multiply-accumulate; "
        f"{costs.gflops_per_w_paper:.4g} as the paper counts); area {sum(made.area_mm2.values()):.1f} mm2",
        style="bold",
    )
    warn(costs.warnings)


def print_comparison(network: Network, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print machines side by side."""
    first, with_energy = rows[0]["accelerator"], "energy_j" in rows[0]
    table = make_table(
        f"{network.name}, {_sequences(network)}",
        *("machine", "schedule", "MACs", "cycles", "latency", UTILIZATION_HEADER, f"speedup\nof {first}"),
        *(("energy mJ", "power W", f"energy of\n{first}") if with_energy else ()),
        text=(0, 1),
    )
    for row in rows:
        cells = [row["accelerator"], row["schedule"]]
        cells += [_number(row[name], "{:,}") for name in ("num_macs", "total_cycles")]
        cells += [NOT_KNOWN if row["latency_s"] is None else duration(row["latency_s"])]
        cells += [_number(row["utilization"], "{:.1%}"), _number(row["speedup"], "{:.2f}x")]
        if with_energy:
            energy_mj = None if row["energy_j"] is None else 1e3 * row["energy_j"]
            cells += [_number(energy_mj, "{:.4g}"), _number(row["power_w"], "{:.2f}")]
            cells += [_number(row["energy_ratio"], "{:.2f}x")]
        table.add_row(*cells)
    show_table(table)
    for row in rows:
        for sentence in row["notes"]:
            note(f"note: {row['accelerator']}: {sentence}")


def print_choice(choice: Choice, most: int) -> None:
    """Print the best designs: those that meet the goal, or the nearest to it."""
    shown = choice.designs[:most]
    axes = [name for name in shown[0].point if name not in ("macs", "clock_hz", "schedule")]
    table = make_table(
        f"{choice.network.name}, {_sequences(choice.network)}: {goal_text(choice.goal)}; least {choice.goal.objective}",
        *("MACs", "MHz", "schedule", *axes, "latency", "energy mJ", "power W", "area mm2", "bound by", "sure"),
        text=(2,),
    )
    for design in shown:
        machine, costs = design.report.accelerator, design.costs
        cells = [f"{machine.num_macs:,}", _mhz(machine), design.report.plan.schedule_name]
        cells += [_axis_value(name, design.point[name]) for name in axes]
        cells += [duration(costs.latency_s), f"{1e3 * costs.energy_j:.4g}", f"{costs.power_w:.2f}"]
        cells += [f"{costs.area_mm2:.1f}", design.binding, _number(design.confidence, "{:.0%}")]
        table.add_row(*cells, style="" if not design.excess else "yellow")
    show_table(table)
    terminal().print(_verdict(choice), style="bold")
    if choice.refused:
        reason, _ = next(iter(choice.refused.items()))
        note(f"note: {sum(choice.refused.values()):,} designs cannot be run; most of them: {reason}")


def _axis_value(name: str, value: object) -> str:
    return f"{value / KIB:g} KiB" if name in BUFFERS and isinstance(value, int | float) else str(value)


def _verdict(choice: Choice) -> str:
    """Whether anything meets the goal; where nothing does, what the nearest misses."""
    tried = len(choice.designs)
    if choice.meets:
        return f"{sum(not design.excess for design in choice.designs):,} of {tried:,} designs meet it"
    missed = missed_text(choice.designs[0].excess)
    return f"none of {tried:,} designs meets it; the nearest takes {missed}"


def print_claims(outcomes: Sequence[Outcome], joint: Joint) -> None:
    """Print the claims: a row each, then how many have which verdict, and how many one setting meets."""
    table = make_table(
        "the paper's numbers and ours, with every assumed number nominal and over all assumed ranges (95 %)",
        *("claim", "published", "ours", "from", "to", "error", "verdict", "in the best\nsetting", "notebook"),
        text=(0, 6, 7, 8),
    )
    for outcome in outcomes:
        entry = outcome.as_dict(joint)
        numbers = (_number(entry[name], "{:.3g}") for name in ("published", "ours", "low", "high"))
        error = "{:+.1%}" if not outcome.claim.is_share else "{:+.1f} pts"
        off = None if outcome.error is None else outcome.error * (100 if outcome.claim.is_share else 1)
        row = [entry["claim"], *numbers, _number(off, error), entry["verdict"], entry["joint"]]
        table.add_row(*row, entry["notebook"], style="yellow" if outcome.verdict == "differs" else "")
    show_table(table)
    counts = Counter(outcome.verdict for outcome in outcomes)
    terminal().print(", ".join(f"{verdict}: {count}" for verdict, count in counts.most_common()), style="bold")
    _print_score(joint)


def print_joint(outcomes: Sequence[Outcome], joint: Joint, setting: Mapping[str, Any]) -> None:
    """Print what the best single setting is and meets, and the claims that no setting meets, alone or in pairs."""
    says = {outcome.claim.id: outcome.claim.statement for outcome in outcomes}
    table = make_table("the setting of the assumed numbers that meets most claims", "number", "value")
    for name, value in setting.items():
        table.add_row(name, value if isinstance(value, str) else f"{value:.4g}")
    show_table(table)
    for size, title in ((1, "no setting meets"), (2, "no setting meets both")):
        pairs = make_table(title, *("claim", "and")[:size], text=(0, 1))
        for names in joint.conflicts:
            if len(names) == size:
                pairs.add_row(*(says[name] for name in names))
        show_table(pairs)
    sizes = Counter(map(len, joint.conflicts))
    counts = ", ".join(f"{count} of {size}" for size, count in sorted(sizes.items()))
    terminal().print(f"smallest sets of claims that no setting meets together: {counts or 'none'}", style="bold")
    _print_score(joint)


def _print_score(joint: Joint) -> None:
    terminal().print(
        f"together: the best of {joint.settings:,} settings meets {joint.best} of {joint.of}, "
        f"the nominal one {joint.nominal}, half of them {joint.median:g} or more",
        style="bold",
        soft_wrap=True,
    )


def print_area(made: Implementation) -> None:
    """Print area and leakage of a machine, a row a component, its memories with their banks."""
    from sharp.energy.implementation import COMPONENT_LABELS
    from sharp.energy.power import peak_power

    table = make_table(
        f"{_machine(made.accelerator)}, in {_technology(made)}",
        *("component", "banks", "KiB each", "bits", "read pJ", "read ns", "area mm2", "share", "leakage W"),
    )
    total = sum(made.area_mm2.values())
    for name, area in made.area_mm2.items():
        cells = [""] * 5
        if name in made.memories:
            memory = made.memories[name]
            each = memory.capacity_bytes / memory.banks / KIB
            cells = [f"{memory.banks}", f"{each:.4g}", f"{memory.width_bits}", f"{memory.read_energy_pj:.1f}"]
            cells.append(f"{memory.access_ns:.2f}")
        leakage = made.prices.leakage_w[name]
        table.add_row(COMPONENT_LABELS[name], *cells, f"{area:.2f}", f"{area / total:.1%}", f"{leakage:.3f}")
    table.add_row("total", *[""] * 5, f"{total:.2f}", f"{1:.1%}", f"{made.leakage_w:.3f}", style="bold")
    show_table(table)
    terminal().print(f"peak power {peak_power(made):.2f} W, leakage included", style="bold")
    warn([*made.accelerator.cautions, *made.warnings])


def _technology(made: Implementation) -> str:
    technology = made.technology
    return (
        f"{technology.node_nm:g} nm, {technology.voltage_v:g} V, SRAM {technology.cell_type} at "
        f"{technology.temperature_k:g} K, {made.accelerator.precision}"
    )


def _energy_unit(joules: float) -> tuple[str, float]:
    """A unit in which some energy is no small number, and how many of it are a joule."""
    units = (("J", 1.0), ("mJ", 1e3), ("uJ", 1e6), ("nJ", 1e9))
    return next(((unit, factor) for unit, factor in units if joules * factor >= 1), units[-1])


def print_tile_tables(network: Network, accelerator: Accelerator, plan: Plan, tables: Sequence[TileTable]) -> None:
    """Print the K table: a row a tile height and group of equal layers, the best marked."""
    losses = _shown_losses(counts for table in tables for counts in table.candidates.values())
    table = make_table(
        f"{network.name} on {_machine(accelerator)}, {plan}",
        *("layer", "cell", "X", "H", "K", "cycles", UTILIZATION_HEADER),
        *losses.values(),
        text=(0, 1),
    )
    for names, (layer, tiles) in _groups(list(zip(network.layers, tables, strict=True))):
        for height, counts in tiles.candidates.items():
            best = height == tiles.best
            table.add_row(
                names,
                _cell(layer),
                str(layer.input_size),
                _hidden(layer),
                f"{'best ' if best else ''}{height}",
                f"{counts.total_cycles:,}",
                *_shares(counts, losses),
                style="bold green" if best else "",
            )
    show_table(table)


def print_lists(
    networks: Iterable[Network],
    accelerators: Iterable[Accelerator],
    rivals: Iterable[Machine],
    published: Iterable[Machine],
    schedules: Mapping[str, object],
    technologies: Iterable[Technology],
) -> None:
    """Print what ships: networks, accelerators with their budgets, schedules, technologies."""
    table = make_table("networks", "name", "layers", "H", "steps", "batch", "weights", "what it is", text=(0, 6))
    for network in networks:
        sizes = sorted({layer.hidden_size for layer in network.layers})
        table.add_row(
            network.name,
            str(len(network.layers)),
            ", ".join(map(str, sizes)),
            str(network.seq_len),
            str(network.batch_size),
            f"{network.num_weights:,}",
            network.title,
        )
    machines = make_table("accelerators", "name", "budget", "MACs", "clock MHz", text=(0, 1))
    for accelerator in accelerators:
        for label, budget in accelerator.budgets.items():
            machines.add_row(accelerator.name, label, f"{budget.num_macs:,}", f"{budget.clock_hz / 1e6:g}")
    others = make_table(
        "machines without tiles: fitted to measurements, or read in an RTL (npu)", "name", "MACs a cycle", "clock MHz"
    )
    for rival in rivals:
        others.add_row(rival.name, _number(rival.num_macs, "{:,}"), _mhz(rival))
    known = make_table("machines of which latencies are published", "name")
    for machine in published:
        known.add_row(machine.name)
    orders = make_table("schedules", "name", "order", text=(0, 1))
    for name, order in schedules.items():
        orders.add_row(name, (order.__doc__ or "").splitlines()[0].replace("`", ""))
    nodes = make_table("technologies", "name", "node nm", "V", "SRAM cells", "K")
    for technology in technologies:
        numbers = (f"{technology.node_nm:g}", f"{technology.voltage_v:g}", technology.cell_type)
        nodes.add_row(technology.name, *numbers, f"{technology.temperature_k:g}")
    for entry in (table, machines, others, known, orders, nodes):
        if entry.row_count:
            show_table(entry)
            terminal().print()
