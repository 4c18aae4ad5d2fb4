"""A layer on the machine as hardware, beside the model: cycles beside cycles, bits of h beside those of `values`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharp.cycles.counting import count_cycles
from sharp.cycles.explore import explore_layer
from sharp.cycles.mapping import LayerMapping, map_layer
from sharp.cycles.schedule import loaded
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.rtl.design import Design
from sharp.rtl.generator.sizes import Sizes
from sharp.rtl.program import make_program
from sharp.rtl.simulator import Outcome, compiled, run
from sharp.rtl.support import check_supported, sizes_for
from sharp.values.activations import LineTable
from sharp.values.execute import check_input, execute_layer
from sharp.values.formats import numerics
from sharp.values.weights import DirectionWeights, check_weights
from sharp.workload.network import RNNLayer
from sharp.workload.sequences import Sequences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A layer on the hardware and in the model."""

    tile_rows: int
    """Tile height."""
    cycles: int
    """Of the hardware."""
    model_cycles: int
    """Of the model."""
    tiles: int
    """That the hardware issued."""
    model_tiles: int
    """That the layer has."""
    values: int
    """Elements of h of all steps; 0 of a control alone."""
    different: int
    """Those of them whose bits are not those of `sharp.values`."""
    values_peak: int
    """Most segments that waited for the activation unit."""
    cells_peak: int
    """Most segments that waited for the updater."""
    faults: int
    """Not 0 where a queue of the hardware overflowed."""

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        same = self.cycles == self.model_cycles and self.tiles == self.model_tiles
        return same and not self.different and not self.faults

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "equal": self.is_equal}


def mapped(layer: RNNLayer, sequences: Sequences, accelerator: Accelerator, plan: Plan | None) -> LayerMapping:
    """The layer as the machine runs it: on one tile height, weights on the chip.

    Raises
    ------
    SpecificationError
        Where the hardware does not run it as the model says.
    """
    check_supported(layer, sequences, loaded(accelerator.plan if plan is None else plan))
    plan = plan_on(accelerator, plan)
    if plan.tile_rows == "best":
        plan = plan.at(explore_layer(layer, sequences, accelerator, plan).best)
    return map_layer(layer, sequences, accelerator, plan)


def plan_on(accelerator: Accelerator, plan: Plan | None) -> Plan:
    """A plan, or the machine's own, with weights that are on the chip."""
    return replace(loaded(accelerator.plan if plan is None else plan), weights="resident")


def cosimulate(
    layer: RNNLayer,
    weights: Sequence[DirectionWeights],
    x: object,
    accelerator: Accelerator,
    plan: Plan | None = None,
    *,
    folder: Path | None = None,
    waves: Path | None = None,
) -> Comparison:
    """Run a layer on the machine as hardware, with real arithmetic, and in the model.

    Parameters
    ----------
    layer, weights, x, accelerator, plan
        As of `sharp.execute_layer`.
    folder : Path, optional
        Where compiled machines are kept.
    waves : Path, optional
        A file for the waveforms (VCD); of a layer of two directions those of the last one.

    Raises
    ------
    SpecificationError
        Where the hardware does not run it as the model says, or a tool is missing.
    """
    import numpy as np

    inputs, directions = check_input(layer, x), check_weights(layer, weights)
    mapping = mapped(layer, Sequences.of((inputs.shape[0],) * inputs.shape[1]), accelerator, plan)
    table = LineTable()
    design = Design(sizes=sizes_for(mapping, Sizes.of(accelerator)), table=table)
    program = compiled(design, folder, trace=waves is not None)
    halves = inputs.astype(np.float16)
    outcomes = [
        run(program, design, make_program(mapping, one, design.sizes), halves[::direction], waves=waves)
        for direction, one in zip((1, -1), directions, strict=False)
    ]
    on = plan_on(accelerator, plan).at(mapping.task.tile_rows)
    formats = numerics("fp16/fp32")
    expected = execute_layer(layer, weights, inputs, accelerator, on, formats, activation=table).output
    got = np.concatenate([one.outputs[::step] for step, one in zip((1, -1), outcomes, strict=False)], axis=-1)
    return _compared(mapping, on, outcomes, got.size, different_bits(got, expected.astype(np.float16)))


def different_bits(one: NDArray[np.float16], other: NDArray[np.float16]) -> int:
    """Elements whose bits differ; one not-a-number is like any other."""
    import numpy as np

    same = one.view(np.uint16) == other.view(np.uint16)
    return int(np.count_nonzero(~(same | (np.isnan(one) & np.isnan(other)))))


def count_on_control(
    layer: RNNLayer,
    sequences: Sequences,
    accelerator: Accelerator,
    plan: Plan | None = None,
    *,
    folder: Path | None = None,
    busy: Path | None = None,
) -> Comparison:
    """Run a layer on the control of the machine alone: its cycles, without a number being computed.

    Parameters
    ----------
    layer, sequences, accelerator, plan
        As of `sharp.cycles.mapping.map_layer`.
    folder : Path, optional
        Where compiled machines are kept.
    busy : Path, optional
        A file for a byte a cycle: which of array (1), activation unit (2) and updater (4) took something.

    Raises
    ------
    SpecificationError
        As `cosimulate`.
    """
    import numpy as np

    mapping = mapped(layer, sequences, accelerator, plan)
    design = Design(sizes=sizes_for(mapping, Sizes.of(accelerator), control_only=True), control_only=True)
    zeros = check_weights(layer, [DirectionWeights()] * layer.num_directions)
    program = make_program(mapping, zeros[0], design.sizes)
    x = np.zeros((sequences.num_steps, sequences.batch_size, layer.input_size), np.float16)
    outcome = run(compiled(design, folder), design, program, x, waves=busy)
    on = plan_on(accelerator, plan).at(mapping.task.tile_rows)
    return _compared(mapping, on, [outcome] * layer.num_directions, 0, 0)


def _compared(mapping: LayerMapping, plan: Plan, outcomes: list[Outcome], values: int, different: int) -> Comparison:
    task = mapping.task
    counts = count_cycles(task.layer, mapping.sequences, task.accelerator, plan)
    return Comparison(
        tile_rows=task.tile_rows,
        cycles=sum(one.cycles for one in outcomes),
        model_cycles=counts.total_cycles,
        tiles=sum(one.tiles for one in outcomes),
        model_tiles=mapping.busy_cycles * mapping.repeated,
        values=values,
        different=different,
        values_peak=max(one.values_peak for one in outcomes),
        cells_peak=max(one.cells_peak for one in outcomes),
        faults=max(one.faults for one in outcomes),
    )
