"""Trained networks in several number formats and as delta networks, as ``benchmarks/trained_networks.py`` ran them.

The file is ``sharp/data/trained.csv``; its head says what a column means, whose weights they are and that the input is
made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from sharp.checks import check_name, within
from sharp.energy.technology import Technology
from sharp.errors import SpecificationError
from sharp.machine.accelerator import Accelerator
from sharp.provenance import STATUSES
from sharp.rivals.rows import integer, read_rows
from sharp.shipped import DATA
from sharp.space.formats import Calls
from sharp.values.execute import execute_layer
from sharp.values.formats import numerics
from sharp.workload.files import find_network

_NUMBERS = ("max_abs", "snr_db", "cosine", "share_x", "share_h")


@dataclass(frozen=True, kw_only=True)
class TrainedRow:
    """A trained network in a format, with a threshold or without.

    Examples
    --------
    >>> from sharp.space.trained import trained_rows
    >>> rows = [row for row in trained_rows() if row.network == "real-nsnet2-16k" and row.macs == "64K"]
    >>> [f"{row.format}: {row.snr_db:.0f} dB" for row in rows if row.delta_threshold is None][1:3]
    ['fp16/fp32: 63 dB', 'bf16/fp32: 40 dB']
    """

    network: str
    """Name of the network, as `sharp.find_network` has it."""
    format: str
    macs: str
    """Label of the budget."""
    delta_threshold: float | None
    """None: everything is multiplied."""
    max_abs: float
    snr_db: float
    cosine: float
    """How far the output is from single precision."""
    share_x: float
    share_h: float
    """Of the elements of x and h of recurrent layers the share that was multiplied."""
    cycles: int
    """Of the layers on the machine, one after the other."""
    source: str
    """Package and file of the weights."""
    status: str
    """One of `sharp.provenance.STATUSES`."""


@cache
def trained_rows() -> tuple[TrainedRow, ...]:
    """All rows that ship."""
    return load_trained(DATA / "trained.csv")


def load_trained(path: Path) -> tuple[TrainedRow, ...]:
    """Load rows from a CSV file, its columns the fields of `TrainedRow`.

    Raises
    ------
    SpecificationError
        With the file, the line, the column, what was expected and what was got.
    """
    names = [entry.name for entry in fields(TrainedRow)]
    rows = []
    for line, row in read_rows(path, names, names):
        with within(f"{path}: line {line}: "):
            given: dict[str, Any] = {name: row[name] for name in ("network", "format", "macs", "source")}
            given |= {name: _number(name, row[name]) for name in _NUMBERS}
            threshold = row["delta_threshold"]
            given["delta_threshold"] = _number("delta_threshold", threshold) if threshold else None
            status = check_name("status", row["status"], STATUSES)
            rows.append(TrainedRow(**given, cycles=integer(row, "cycles"), status=status))
    return tuple(rows)


def format_table(
    names: Sequence[str], labels: Sequence[str], accelerator: Accelerator, technology: Technology
) -> list[Mapping[str, Any]]:
    """Accuracy of trained networks in some formats beside the energy of a run, a row each, as tables have them.

    Parameters
    ----------
    names : sequence of str
        Of networks.
    labels : sequence of str
        Of formats.
    accelerator : Accelerator
        On the budget of the rows.
    technology : Technology

    Examples
    --------
    >>> import sharp
    >>> from sharp.space.trained import format_table
    >>> machine, technology = sharp.find_accelerator("sharp"), sharp.find_technology("32nm")
    >>> half, whole = format_table(["real-nsnet2-16k"], ["fp16/fp32", "int8/int32"], machine, technology)
    >>> half["snr_db"] > whole["snr_db"], half["energy_j"] > whole["energy_j"]
    (True, True)
    """
    table: list[Mapping[str, Any]] = []
    for row in trained_rows():
        asked = row.network in names and row.format in labels and row.macs == accelerator.budget_label
        if not asked or row.delta_threshold is not None:
            continue
        network, calls = find_network(row.network), Calls(execute_layer)
        calls.layers.update((layer, (network.seq_len,)) for layer in network.layers)
        costs = calls.costs(accelerator, accelerator.plan, numerics(row.format), technology)
        numbers = {"max_abs": row.max_abs, "snr_db": row.snr_db, "cosine": row.cosine}
        table.append({"network": row.network, "format": row.format, **numbers, "energy_j": costs.energy_j})
    return table


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SpecificationError(f"{name}: expected a number, got {text!r}") from None
