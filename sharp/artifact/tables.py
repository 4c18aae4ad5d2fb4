"""The book's tables as data frames: networks, hardware, worked examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from sharp.artifact.examples import WorkedExample
from sharp.cycles.simulate import Report
from sharp.cycles.timeline import Timeline
from sharp.energy.implementation import COMPONENT_LABELS, Implementation
from sharp.energy.technology import Technology
from sharp.machine.accelerator import Accelerator
from sharp.machine.memories import MemoryLevel
from sharp.provenance import Provenance
from sharp.units import KIB
from sharp.workload.network import Network

_GIVEN = Provenance(source="the user's file", status="given")


def networks_table(networks: Iterable[Network]) -> pd.DataFrame:
    """A row a network: layers, sizes, steps, weights, multiply-accumulates, statuses and sources."""
    return pd.DataFrame([_network_row(network) for network in networks])


def real_networks_table(reports: Iterable[Report]) -> pd.DataFrame:
    """A row a run: what the network is for, its work and how much of it is modelled, its latency and utilization."""
    return pd.DataFrame(
        [
            {
                "network": report.network.name,
                "what it is": report.network.title,
                "layers": len(report.network.layers),
                "steps": report.network.seq_len,
                "weights (million)": report.network.num_weights / 1e6,
                "MACs (million)": report.network.num_macs / 1e6,
                "modelled share": report.network.modelled_share,
                "latency (us)": report.latency_s * 1e6,
                "utilization": report.utilization,
                "source": report.network.provenance.get("layers", _GIVEN).source,
            }
            for report in reports
        ]
    )


def _network_row(network: Network) -> dict[str, object]:
    first = network.layers[0]
    known = {name: network.provenance.get(name, _GIVEN) for name in ("layers", "input_size", "hidden_size", "seq_len")}
    steps = known["seq_len"]
    return {
        "network": network.name,
        "cell": first.cell_name + " peephole" * first.peephole + " reset before" * (not first.linear_before_reset),
        "layers": len(network.layers),
        "directions": _distinct("bi" if layer.bidirectional else "uni" for layer in network.layers),
        "input size": first.input_size,
        "hidden size": _distinct(layer.hidden_size for layer in network.layers),
        "projection": _distinct(layer.projection_size or "" for layer in network.layers),
        "steps": network.seq_len,
        "steps range": "" if steps.low is None else f"{steps.low:g} to {steps.high:g}",
        "weights (million)": round(network.num_weights / 1e6, 2),
        "MACs (million)": round(network.num_macs / 1e6, 1),
        **{f"{name.replace('_', ' ')} is": provenance.status for name, provenance in known.items()},
        "sources": "; ".join(dict.fromkeys(provenance.source for provenance in known.values())),
    }


def _distinct(values: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))


def hardware_table(accelerator: Accelerator) -> pd.DataFrame:
    """A row a parameter that the machine's file gives: value, unit, plausible range, status, source."""
    rows = []
    for name, provenance in accelerator.provenance.items():
        value = getattr(accelerator, name)
        if isinstance(value, MemoryLevel):
            value = value.capacity_bytes
        rows.append(
            {
                "parameter": name,
                "value": _value(value),
                "unit": provenance.unit,
                "from": None if provenance.low is None else f"{provenance.low:.12g}",
                "to": None if provenance.high is None else f"{provenance.high:.12g}",
                "status": provenance.status,
                "source": provenance.source,
            }
        )
    return pd.DataFrame(rows)


def technology_table(technology: Technology) -> pd.DataFrame:
    """A row a number of a technology: value, unit, plausible range, status, whether the paper gives it, source."""
    rows = []
    for name, entry in technology.provenance.items():
        value = getattr(technology, name)
        rows.append(
            {
                "number": name,
                "value": value if isinstance(value, str) else f"{value:.4g}",
                "unit": entry.unit,
                "from": None if entry.low is None else f"{entry.low:.4g}",
                "to": None if entry.high is None else f"{entry.high:.4g}",
                "status": f"{entry.status}, input" if name in technology.inputs else entry.status,
                "source": entry.source,
            }
        )
    return pd.DataFrame(rows)


def memories_table(implementations: Mapping[str, Implementation]) -> pd.DataFrame:
    """A row a memory and machine, by its label: banks, energies, leakage, area, access time."""
    return pd.DataFrame(
        [
            {
                "MACs": label,
                "memory": COMPONENT_LABELS[name],
                "banks": memory.banks,
                "KiB a bank": round(memory.capacity_bytes / memory.banks / KIB, 2),
                "bits": memory.width_bits,
                "read (pJ)": round(memory.read_energy_pj, 2),
                "write (pJ)": round(memory.write_energy_pj, 2),
                "leakage (W)": round(memory.leakage_w, 4),
                "asleep (W)": None if memory.leakage_low_w is None else round(memory.leakage_low_w, 4),
                "area (mm2)": round(memory.area_mm2, 3),
                "access (ns)": round(memory.access_ns, 3),
                "source": memory.source,
            }
            for label, implementation in implementations.items()
            for name, memory in implementation.memories.items()
        ]
    )


def _value(value: object) -> str:
    """A parameter as a table shows it."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else f"{value:.12g}"


def examples_table(examples: Iterable[WorkedExample]) -> pd.DataFrame:
    """Two rows an example: its counts by hand and by the model, in cycles."""
    return pd.DataFrame(
        [
            {
                "example": example.name,
                "counted": who,
                "X": example.layer.input_size,
                "H": example.layer.hidden_size,
                "steps": example.seq_len,
                "K": example.plan.tile_rows,
                "total": counts.total_cycles,
                **{name.replace("_", " "): cycles for name, cycles in counts.split.items()},
            }
            for example in examples
            for who, counts in (("by hand", example.by_hand), ("model", example.count()))
        ]
    )


def counterexamples_table(
    comparisons: Iterable[tuple[str, pd.DataFrame, str, Iterable[tuple[object, object]]]],
) -> pd.DataFrame:
    """A row a statement "this is never slower than that": how often it fails, and the smallest layer where it does.

    Parameters
    ----------
    comparisons : iterable of (statement, table, column, pairs)
        The table has rows that are equal but for `column`; of each pair of its values the first should not be slower.
    """
    table = pd.DataFrame([_counterexample(*comparison) for comparison in comparisons])
    return table.astype(dict.fromkeys(["H", "X", "steps", "cycles", "cycles of that"], "Int64"))


def _counterexample(
    statement: str, table: pd.DataFrame, column: str, pairs: Iterable[tuple[object, object]]
) -> dict[str, object]:
    keys = ["hidden_size", "input_size", "seq_len", "macs", "schedule"]
    if table.duplicated(keys).any():  # the same layer on several tile heights
        keys.append("tile_rows")
    keys.remove(column)
    wide = table.astype({"macs": str, "schedule": str}).pivot(index=keys, columns=column, values="total_cycles")
    parts = [
        pd.DataFrame({"this": this, "that": that, "cycles": wide[this], "cycles of that": wide[that]})
        for this, that in pairs
    ]
    points = pd.concat(parts).dropna().reset_index()
    wrong = points[points["cycles"] > points["cycles of that"]]
    row: dict[str, object] = {"statement": statement, "fails in": len(wrong) / len(points)}
    if len(wrong):
        size = wrong["hidden_size"] * (wrong["hidden_size"] + wrong["input_size"]) * wrong["seq_len"]
        smallest = wrong.assign(size=size).sort_values(["size", "seq_len", "hidden_size"], kind="stable").iloc[0]
        row |= {
            "H": smallest["hidden_size"],
            "X": smallest["input_size"],
            "steps": smallest["seq_len"],
            "K": smallest.get("tile_rows", "best"),
            "on": f"{smallest.get('macs', '')} {smallest.get('schedule', '')}".strip(),
            **{name: smallest[name] for name in ("this", "cycles", "that", "cycles of that")},
        }
    return row


def events_table(timelines: Iterable[Timeline]) -> pd.DataFrame:
    """A row an event, all timelines one below the other: schedule, unit, step, gates, operand, start, end (cycles)."""
    return pd.DataFrame(
        [{"schedule": timeline.schedule, **vars(event)} for timeline in timelines for event in timeline.events]
    )
