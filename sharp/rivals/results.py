"""Results that texts report of accelerators and libraries for RNNs, with all that keeps one from another's side.

The file is ``sharp/data/rivals/results.csv``; its head says what a column means, what was left out and what was
checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sharp.checks import check_integer, check_name, check_number, check_text, refuse, within
from sharp.provenance import STATUSES
from sharp.rivals.rows import integer, number, read_rows
from sharp.shipped import DATA
from sharp.units import GIGA
from sharp.workload.cells import CELLS
from sharp.workload.network import Network, RNNLayer

if TYPE_CHECKING:
    from sharp.energy.power import EnergyReport

KINDS = MappingProxyType({"ASIC": "a chip of its own", "FPGA": "a design on an FPGA", "GPU": "code", "CPU": "code"})
"""Kinds of machines, and what a text that reports one describes."""
COUNTS = MappingProxyType(
    {
        "dense": "operations that the network has without sparsity; texts call that effective",
        "executed": "operations that are carried out",
        "peak": "operations of all units at every clock, of no network",
        "unknown": "not said",
    }
)
"""What a throughput counts, two operations a multiply-accumulate."""

TOLERANCE = 0.1
"""Relative: most of these numbers are printed with two digits."""

_TEXTS = ("technology", "precision", "sparsity", "power_of", "speedup_over", "note")
_SIZES = ("num_layers", "input_size", "hidden_size", "projection_size", "seq_len")
_NUMBERS = ("latency_us", "throughput_gops", "power_w", "efficiency_gops_per_w", "speedup")
_NEEDED = ("cell", "num_layers", "input_size", "hidden_size", "seq_len", "batch_size")


@dataclass(frozen=True, kw_only=True)
class RivalResult:
    """What a text reports of a machine: how fast it runs a network, or how frugally, and what was counted.

    Few texts say all of it. What is not said is an empty text or None, and `unlike` says so where two results are put
    side by side.

    Examples
    --------
    ESE's own paper gives two throughputs of one run, which differ in what is counted:

    >>> from sharp.rivals.results import rival_results
    >>> ese = [result for result in rival_results() if result.machine == "ESE" and result.status == "published"]
    >>> [(result.ops_counted, result.throughput_gops) for result in ese]
    [('executed', 282.0), ('dense', 2520.0)]
    """

    machine: str
    """Name of the accelerator or library."""
    kind: str
    """One of `KINDS`."""
    technology: str = ""
    """Node, chip or card, and the clock where it is said."""
    precision: str = ""
    """Of weights and values."""
    ops_counted: str = "unknown"
    """One of `COUNTS`."""
    sparsity: str = ""
    """What is left out of the work, such as weights that are zero; "none" where nothing is."""
    batch_size: int | None = None
    """Sequences in flight."""
    cell: str = ""
    """Name of a cell of ours, such as "lstm"."""
    num_layers: int | None = None
    """Layers, each reading what the one below puts out."""
    input_size: int | None = None
    """Elements of x, of the lowest layer."""
    hidden_size: int | None = None
    """Cells of a layer."""
    projection_size: int | None = None
    """Rows of the projection; None where there is none or it is not said."""
    seq_len: int | None = None
    """Time steps that the latency is of."""
    latency_us: float | None = None
    """Microseconds for all steps of the whole batch."""
    throughput_gops: float | None = None
    """Giga-operations a second, as `ops_counted` says."""
    power_w: float | None = None
    """W, of what `power_of` says."""
    power_of: str = ""
    """What the power is of: chip, board, wall plug."""
    efficiency_gops_per_w: float | None = None
    """Giga-operations a second for each W, as the text prints it."""
    speedup: float | None = None
    """Times as fast as `speedup_over`, by its authors' own reckoning."""
    speedup_over: str = ""
    """What it is compared with."""
    note: str = ""
    """What else has to be known."""
    source: str
    """Text that the numbers come from."""
    status: str
    """One of `sharp.provenance.STATUSES`, that of the weakest number."""

    def __post_init__(self) -> None:
        for name in ("machine", "source", *(name for name in _TEXTS if getattr(self, name) != "")):
            check_text(name, getattr(self, name))
        for name, known in {"kind": KINDS, "ops_counted": COUNTS, "status": STATUSES}.items():
            check_name(name, getattr(self, name), known)
        if self.cell != "":
            check_name("cell", self.cell, CELLS)
        for name in ("batch_size", *_SIZES):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name))
        known_numbers = [name for name in _NUMBERS if getattr(self, name) is not None]
        for name in known_numbers:
            check_number(name, getattr(self, name))
        if not known_numbers:
            raise refuse(self.machine, f"at least one of {', '.join(_NUMBERS)}", None)
        for name, what in {"speedup": "speedup_over", "power_w": "power_of"}.items():
            if (getattr(self, name) is None) != (getattr(self, what) == ""):
                raise refuse(what, f"a text where there is a {name}, and only there", getattr(self, what))
        self._check_agreement()

    def _check_agreement(self) -> None:
        """Refuse numbers that contradict each other by more than `TOLERANCE`."""
        if self.throughput_gops is None:
            return
        if self.power_w is not None and self.efficiency_gops_per_w is not None:
            _agree("efficiency_gops_per_w", self.efficiency_gops_per_w, self.throughput_gops / self.power_w)
        network = self.network
        if network is not None and self.latency_us is not None and self.ops_counted == "dense":
            _agree("throughput_gops", self.throughput_gops, 2e6 * network.num_macs / self.latency_us / GIGA)

    @property
    def network(self) -> Network | None:
        """What was run, where all of it is known: cell, layers, sizes, steps, batch; else None."""
        if any(getattr(self, name) in (None, "") for name in _NEEDED):
            return None
        sizes = {"hidden_size": self.hidden_size, "projection_size": self.projection_size}
        layers: list[RNNLayer] = []
        for _ in range(self.num_layers or 0):
            width = layers[-1].output_size if layers else self.input_size
            layers.append(RNNLayer(cell=self.cell, input_size=width, **sizes))  # type: ignore[arg-type]
        run: dict[str, Any] = {"seq_len": self.seq_len, "batch_size": self.batch_size}
        return Network(name=f"{self.machine}: {self.described}", layers=tuple(layers), **run)

    @property
    def described(self) -> str:
        """What is known of the network, in words: "lstm, 1 layer, 153 inputs, 1,024 cells, 1 step"; or nothing."""
        words = ("layer", "input", "cell", "output", "step")
        sizes = [(getattr(self, name), word) for name, word in zip(_SIZES, words, strict=True)]
        parts = [f"{size:,} {word}{'s' * (size != 1)}" for size, word in sizes if size is not None]
        return ", ".join([self.cell, *parts] if self.cell else parts)


def unlike(one: RivalResult, other: RivalResult) -> dict[str, str]:
    """What keeps two results from being compared: "differs" or "not known" by the name of each such field.

    Compared are kind, technology, precision, ops_counted, sparsity, batch_size and the network. Where nothing is
    returned, the machines alone make the difference.

    Parameters
    ----------
    one, other : RivalResult
        In either order.
    """
    found = {}
    for name, (a, b) in _aspects(one, other).items():
        if a in ("", "unknown", None) or b in ("", "unknown", None):
            found[name] = "not known"
        elif a != b:
            found[name] = "differs"
    return found


def _aspects(one: RivalResult, other: RivalResult) -> dict[str, tuple[object, object]]:
    """Both values of each aspect; of a network what is run, not its name."""
    names = ("kind", "technology", "precision", "ops_counted", "sparsity", "batch_size")
    aspects: dict[str, tuple[object, object]] = {name: (getattr(one, name), getattr(other, name)) for name in names}
    a, b = (network and (network.layers, network.seq_len) for network in (one.network, other.network))
    return {**aspects, "network": (a, b)}


def own_result(costs: EnergyReport, like: RivalResult) -> RivalResult:
    """What our model gives for the network of a result, as a result: dense, weights on chip, power of the chip.

    Parameters
    ----------
    costs : EnergyReport
        Of a run of ``like.network``.
    like : RivalResult
        The result that it is put beside.
    """
    report = costs.report
    machine, same = report.accelerator, {name: getattr(like, name) for name in ("cell", *_SIZES, "batch_size")}
    return RivalResult(
        machine=f"{machine.name.upper()} {machine.budget_label}",
        kind="ASIC",
        technology=f"{costs.implementation.technology.node_nm:g} nm",
        precision=machine.precision,
        ops_counted="dense",
        sparsity="none",
        **same,
        latency_us=1e6 * report.latency_s,
        throughput_gops=2 * report.network.num_macs / report.latency_s / GIGA,
        power_w=costs.power_w,
        power_of="chip",
        efficiency_gops_per_w=costs.gflops_per_w,
        source="this model",
        status="derived",
    )


@cache
def rival_results() -> tuple[RivalResult, ...]:
    """All results that ship (``results.csv``)."""
    return load_results(DATA / "rivals" / "results.csv")


def load_results(path: Path) -> tuple[RivalResult, ...]:
    """Load results from a CSV file in UTF-8, its columns the fields of `RivalResult`; an empty field is not known.

    Raises
    ------
    SpecificationError
        With the file, the line, the column, what was expected and what was got.
    """
    names = [entry.name for entry in fields(RivalResult)]
    results = []
    for line, row in read_rows(path, names, ("machine", "kind", "source", "status")):
        with within(f"{path}: line {line}: "):
            results.append(_result(row))
    return tuple(results)


def _result(row: Mapping[str, str]) -> RivalResult:
    given: dict[str, Any] = {name: text for name, text in row.items() if text}
    required = {name: row[name] for name in ("machine", "kind", "source", "status")}
    sizes = {name: integer(row, name) for name in ("batch_size", *_SIZES) if name in given}
    numbers = {name: number(row, name) for name in _NUMBERS if name in given}
    return RivalResult(**{**given, **required, **sizes, **numbers})


def _agree(name: str, printed: float, computed: float) -> None:
    if abs(printed / computed - 1) > TOLERANCE:
        raise refuse(name, f"about {computed:.4g}, as the other numbers of the row have it", printed)
