"""BrainWave: a model with two fitted numbers, from its published latencies on DeepBench.

A time step takes as long as its native tiles, and at least its serial path; a sequence costs an invocation. That one
pair of numbers serves both cells: the LSTM problems of DeepBench have few steps, over which the invocation weighs, and
the GRU problems many.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import log
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from sharp.checks import check_integer, check_name, check_number, check_text, refuse, within
from sharp.cycles.counting import CycleCounts, Progress
from sharp.cycles.report import LayerRun, MachineReport
from sharp.machine.plan import Plan
from sharp.provenance import Provenance
from sharp.rivals.data import MeasuredLatency, brainwave_latencies
from sharp.rivals.machine import Machine
from sharp.shipped import DATA
from sharp.workload.network import Network, RNNLayer
from sharp.workload.sequences import Sequences
from sharp.yamlfile import read_yaml

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CELLS = ("lstm", "gru")
"""Cells that published latencies say something of."""

_INTEGERS = ("num_macs", "native_dimension")
_NUMBERS = ("clock_hz", "step_cycles", "invocation_cycles")


@dataclass(frozen=True, kw_only=True)
class BrainWave(Machine):
    """A machine that multiplies square native tiles, one sequence at a time, such as Microsoft's BrainWave.

    A time step takes as long as its tiles of `native_dimension` rows and columns, and at least `step_cycles`, its
    serial path; each sequence costs `invocation_cycles` beside its steps. These two numbers are fitted to published
    latencies.
    """

    name: str
    """Short name, as given to ``--accelerator``."""
    num_macs: int
    """Multiply-accumulates a cycle."""
    clock_hz: float
    """Hertz."""
    native_dimension: int
    """Rows, and columns, of a native tile."""
    step_cycles: float
    """Cycles of the serial path of a time step: the least that a step takes."""
    invocation_cycles: float
    """Cycles that a sequence takes beside its steps."""
    provenance: Mapping[str, Provenance] = field(default_factory=dict, compare=False)
    """Source, status and range of each number, by field name."""

    settings = MappingProxyType(
        {
            "num_macs": "multipliers",
            "native_dimension": "rows",
            "clock_hz": "Hz",
            "step_cycles": "cycles",
            "invocation_cycles": "cycles",
        }
    )

    def __post_init__(self) -> None:
        check_text("name", self.name)
        for name in _INTEGERS:
            object.__setattr__(self, name, check_integer(name, getattr(self, name)))
        for name in _NUMBERS:
            check_number(name, getattr(self, name))

    def run(self, network: Network, plan: Plan | None = None, *, progress: Progress | None = None) -> MachineReport:
        """Run a network: its weights on chip, layers, directions and sequences one after the other.

        Raises
        ------
        SpecificationError
            Where a layer has a cell or a projection of which no latency is published, or there is a plan.
        """
        del progress  # it takes no time
        self.check_no_plan(plan)
        counts: dict[tuple[RNNLayer, Sequences], CycleCounts] = {}
        work = list(zip(network.layers, network.layer_sequences, strict=True))
        for index, entry in enumerate(work):
            if entry not in counts:
                with within(f"{network.name}: {network.label(index)}: "):
                    counts[entry] = self._count(*entry)
        layers = [LayerRun(layer=entry[0], counts=counts[entry]) for entry in work]
        invocations = round(network.batch_size * self.invocation_cycles)
        first = layers[0].counts
        after = replace(first, total_cycles=first.total_cycles + invocations, fill_drain=first.fill_drain + invocations)
        layers[0] = replace(layers[0], counts=after)
        return MachineReport(network=network, accelerator=self, layers=tuple(layers), notes=self._notes())

    def _notes(self) -> tuple[str, ...]:
        notes = ["the weights are taken to be on chip, whatever their size"]
        if replace(_shipped(), name=self.name) == self:
            notes.append(
                "cycles of a step and of an invocation are fitted to BrainWave's published latencies of LSTM and GRU "
                "layers of 256 to 2816 cells with X = H (eleven; each is predicted from the others within 7 %)"
            )
        return tuple(notes)

    def busy_cycles(self, layer: RNNLayer) -> int:
        """Cycles of a time step in which the machine multiplies: tiles of x and of h, gate by gate."""
        rows, columns = self._padded(layer)
        return -(-len(layer.gates) * rows * columns // self.num_macs)

    def _padded(self, layer: RNNLayer) -> tuple[int, int]:
        """Rows and columns of a gate's native tiles."""
        rows, inputs = (-(-size // self.native_dimension) for size in (layer.hidden_size, layer.input_size))
        return rows * self.native_dimension, (inputs + rows) * self.native_dimension

    def _count(self, layer: RNNLayer, sequences: Sequences) -> CycleCounts:
        check_name("cell", layer.cell_name, CELLS)
        if layer.projection_size is not None:
            raise refuse("projection_size", "none on BrainWave (no latency is published)", layer.projection_size)
        gates, hidden = len(layer.gates), layer.hidden_size
        rows, columns = self._padded(layer)
        useful, row_padding = gates * hidden * (layer.input_size + hidden), gates * (rows - hidden) * columns
        busy, steps = self.busy_cycles(layer), layer.num_directions * sequences.total_steps
        step = max(busy, round(self.step_cycles))
        return CycleCounts(
            num_macs=self.num_macs,
            total_cycles=steps * step,
            useful=steps * useful,
            column_padding=steps * (busy * self.num_macs - useful - row_padding),
            row_padding=steps * row_padding,
            dependency_stall=steps * (step - busy),
            weight_load=0,
            fill_drain=0,
        )

    @classmethod
    def names(cls) -> Collection[str]:
        """BrainWave as it ships."""
        return ("brainwave",)

    @classmethod
    def named(cls, name: str) -> BrainWave:
        """BrainWave as it ships."""
        del name
        return _shipped()

    @classmethod
    def read(cls, name: str, content: Mapping[str, Any], *, folder: Path = Path(), allow_code: bool = False) -> Self:
        """The machine that the content of a file describes (`find_brainwave`)."""
        del folder, allow_code
        numbers = cls.numbers(content)
        values: dict[str, Any] = {key: number.value for key, number in numbers.items()}
        provenance = {key: number.provenance for key, number in numbers.items()}
        return cls(name=name, provenance=provenance, **values)


def find_brainwave(path: Path | None = None) -> BrainWave:
    """BrainWave as it ships, or a machine of its kind from a file; the file's name is the machine's.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    path = path or DATA / "rivals" / "brainwave.yaml"
    with within(f"{path}: "):
        return BrainWave.read(path.stem, read_yaml(path))


@cache
def _shipped() -> BrainWave:
    return find_brainwave()


def fit(latencies: Sequence[MeasuredLatency], machine: BrainWave) -> BrainWave:
    """The machine with the two numbers that come nearest to some latencies.

    Parameters
    ----------
    latencies : sequence of MeasuredLatency
        Of networks of one layer.
    machine : BrainWave
        Where to start from; its other numbers stay.

    Returns
    -------
    BrainWave
        Least squares of the logarithm of the latencies.
    """
    from scipy.optimize import least_squares

    def errors(numbers: NDArray[np.float64]) -> list[float]:
        return [log(_seconds(machine, latency.network, *numbers) / latency.latency_s) for latency in latencies]

    found = least_squares(errors, (machine.step_cycles, machine.invocation_cycles), x_scale="jac")
    return replace(machine, step_cycles=float(found.x[0]), invocation_cycles=float(found.x[1]))


def _seconds(machine: BrainWave, network: Network, step_cycles: float, invocation_cycles: float) -> float:
    """Latency of a network of one layer on the machine with other numbers, not rounded to cycles."""
    layer = network.layers[0]
    steps = layer.num_directions * network.sequences.total_steps
    step = max(machine.busy_cycles(layer), step_cycles)
    return (steps * step + network.batch_size * invocation_cycles) / machine.clock_hz


def leave_one_out(latencies: Sequence[MeasuredLatency] | None = None) -> list[float]:
    """How well the model predicts a latency that it has not seen: each from a fit to all others.

    Parameters
    ----------
    latencies : sequence of MeasuredLatency, optional
        BrainWave's published ones by default.

    Returns
    -------
    list of float
        Relative errors, in the order of the latencies.
    """
    latencies, machine = list(brainwave_latencies() if latencies is None else latencies), find_brainwave()
    errors = []
    for index, latency in enumerate(latencies):
        fitted = fit([*latencies[:index], *latencies[index + 1 :]], machine)
        numbers = fitted.step_cycles, fitted.invocation_cycles
        errors.append(_seconds(machine, latency.network, *numbers) / latency.latency_s - 1)
    return errors
