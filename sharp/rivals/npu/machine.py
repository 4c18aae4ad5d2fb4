"""Intel's NPU as a machine: networks in rounds of six sequences, layers and directions one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from sharp.checks import check_number, check_text, refuse, within
from sharp.cycles.counting import CycleCounts, Progress
from sharp.cycles.report import LayerRun, MachineReport
from sharp.machine.plan import Plan
from sharp.provenance import Provenance
from sharp.rivals.machine import Machine
from sharp.rivals.npu.events import run_program
from sharp.rivals.npu.laws import CELLS
from sharp.rivals.npu.shape import CORES, SEQUENCES, Shape
from sharp.shipped import DATA
from sharp.workload.network import Network, RNNLayer
from sharp.workload.sequences import Sequences
from sharp.yamlfile import read_yaml

IN_FLIGHT = CORES * SEQUENCES
"""Sequences that run at once, in lock step."""
_CHECKED_TILES, _CHECKED_LANES = (2, 12), (20, 40)
"""Sizes of the machines whose RTL was run."""


@dataclass(frozen=True, kw_only=True)
class Npu(Machine):
    """Intel's NPU: two cores of tiles, three sequences each, whose cycles are those of its public RTL.

    A layer's program (`sharp.rivals.npu.programs`) runs as `sharp.rivals.npu.events` has it. More sequences than are in
    flight run in rounds of six, longest first, one round after the other; layers and directions run one after the
    other, each from the start of its own program.
    """

    name: str
    """Short name, as given to ``--accelerator``."""
    num_macs: int = field(init=False)
    """Multiply-accumulates a cycle, both cores and all six sequences together."""
    tiles: int
    """Parts of the array, each with its own columns of the matrix."""
    lanes: int
    """Elements of a word; also dot product engines a tile."""
    clock_hz: float
    """Hertz."""
    provenance: Mapping[str, Provenance] = field(default_factory=dict, compare=False)
    """Source and status of each number, by field name."""

    settings = MappingProxyType({"tiles": "tiles", "lanes": "lanes", "clock_hz": "Hz"})
    weight_bytes = 1

    def __post_init__(self) -> None:
        check_text("name", self.name)
        check_number("clock_hz", self.clock_hz)
        for name in ("tiles", "lanes", "num_macs"):
            object.__setattr__(self, name, getattr(self.shape, name))

    @property
    def shape(self) -> Shape:
        """Its size."""
        return Shape(tiles=self.tiles, lanes=self.lanes)

    def run(self, network: Network, plan: Plan | None = None, *, progress: Progress | None = None) -> MachineReport:
        """Run a network.

        The split has as column padding the columns of a matrix, and the sequences in flight, that are not there; as row
        padding its rows that are not there; as dependency stall all other cycles without a product until the last one
        ends; as fill and drain those from then to the last output.

        Raises
        ------
        SpecificationError
            Where a layer has a cell, an option or a size that the NPU has no program for, or there is a plan.
        InfeasibleMappingError
            Where a product has more than 2^20 micro-operations.
        """
        del progress  # it takes no time
        self.check_no_plan(plan)
        counts: dict[tuple[RNNLayer, Sequences], CycleCounts] = {}
        work = list(zip(network.layers, network.layer_sequences, strict=True))
        for index, (layer, sequences) in enumerate(work):
            if (layer, sequences) not in counts:
                with within(f"{network.name}: {network.label(index)}"):
                    _check(layer)
                    counts[layer, sequences] = self._count(layer, _rounds(sequences))
        layers = [LayerRun(layer=entry[0], counts=counts[entry]) for entry in work]
        return MachineReport(network=network, accelerator=self, layers=layers, notes=self._notes(network))

    def _count(self, layer: RNNLayer, rounds: Mapping[tuple[int, int], int]) -> CycleCounts:
        """Cycles of all rounds of a layer, each of (steps, steps of all its sequences together)."""
        shape, inputs, hidden = self.shape, layer.input_size, layer.hidden_size
        total = ended = steps = sequence_steps = 0
        for (longest, together), times in rounds.items():
            taken = run_program(layer.cell_name, input_size=inputs, hidden_size=hidden, seq_len=longest, shape=shape)
            repeats = times * layer.num_directions
            total, ended = total + repeats * taken.cycles, ended + repeats * taken.product_cycles
            steps, sequence_steps = steps + repeats * longest, sequence_steps + repeats * together
        gates, rows = len(layer.gates), shape.rows(hidden)
        passes = shape.passes(inputs) + shape.passes(hidden)
        busy = steps * gates * rows * passes
        row_padding = steps * gates * (rows * self.lanes - hidden) * passes * self.tiles * self.lanes * IN_FLIGHT
        useful = sequence_steps * gates * hidden * (inputs + hidden)
        return CycleCounts(
            num_macs=self.num_macs,
            total_cycles=total,
            useful=useful,
            column_padding=busy * self.num_macs - useful - row_padding,
            row_padding=row_padding,
            dependency_stall=ended - busy,
            weight_load=0,
            fill_drain=total - ended,
        )

    def _notes(self, network: Network) -> tuple[str, ...]:
        notes = [
            "cycles are those of the NPU's public RTL, which the model transcribes: a program a layer, from its start "
            "to its last output, with x from the host; weights, vectors and instructions are taken to fit",
        ]
        rounds, rest = -(-network.batch_size // IN_FLIGHT), network.batch_size % IN_FLIGHT
        if rest:
            last = f"one round, with {rest}" if rounds == 1 else f"{rounds} rounds, the last with {rest}"
            notes.append(
                f"{IN_FLIGHT} sequences are in flight, three on each of two cores in lock step: a batch of "
                f"{network.batch_size} takes {last} of {IN_FLIGHT} places in use"
            )
        checked = zip((self.tiles, self.lanes), (_CHECKED_TILES, _CHECKED_LANES), strict=True)
        if not all(low <= size <= high for size, (low, high) in checked):
            notes.append(
                "no RTL was run of such a machine: those that were have {} to {} tiles and {} to {} lanes".format(
                    *_CHECKED_TILES, *_CHECKED_LANES
                )
            )
        return tuple(notes)

    @classmethod
    def names(cls) -> Collection[str]:
        """The NPU as its RTL ships."""
        return ("npu",)

    @classmethod
    def named(cls, name: str) -> Npu:
        """The NPU as its RTL ships."""
        del name
        return _shipped()

    @classmethod
    def read(cls, name: str, content: Mapping[str, Any], *, folder: Path = Path(), allow_code: bool = False) -> Self:
        """The machine that the content of a file describes: its `settings`, each a number."""
        del folder, allow_code
        numbers = cls.numbers(content)
        values: dict[str, Any] = {key: number.value for key, number in numbers.items()}
        return cls(name=name, provenance={key: number.provenance for key, number in numbers.items()}, **values)


def find_npu(path: Path | None = None) -> Npu:
    """The NPU as its RTL ships, or a machine of its kind from a file; the file's name is the machine's.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    path = path or DATA / "rivals" / "npu.yaml"
    with within(f"{path}: "):
        content = {key: entry for key, entry in read_yaml(path).items() if key != "kind"}
        return Npu.read(path.stem, content)


@cache
def _shipped() -> Npu:
    return find_npu()


def _check(layer: RNNLayer) -> None:
    """Refuse what the NPU's compiler writes no program for."""
    if layer.cell not in CELLS:
        raise refuse("cell", f"{', '.join(CELLS)} (the NPU's compiler writes no program for others)", layer.cell_name)
    if layer.projection_size is not None:
        raise refuse("projection_size", "none (the NPU's program has no projection)", layer.projection_size)
    if layer.peephole:
        raise refuse("peephole", "false (the NPU's program has none)", layer.peephole)
    if layer.residual:
        raise refuse("residual", "false (the NPU's program adds no input to its output)", layer.residual)
    if layer.cell_name == "gru" and layer.linear_before_reset:
        raise refuse("linear_before_reset", "false (the NPU's program resets h before its product)", True)


def _rounds(sequences: Sequences) -> Counter[tuple[int, int]]:
    """Rounds of six sequences, longest first, by (steps of the longest, steps of all together)."""
    if not sequences.are_equal:
        lengths = sequences.lengths
        groups = [lengths[first : first + IN_FLIGHT] for first in range(0, len(lengths), IN_FLIGHT)]
        return Counter((group[0], sum(group)) for group in groups)
    full, rest = divmod(sequences.batch_size, IN_FLIGHT)
    steps = sequences.num_steps
    rounds = Counter({(steps, IN_FLIGHT * steps): full})
    if rest:
        rounds[steps, rest * steps] = 1
    return +rounds
