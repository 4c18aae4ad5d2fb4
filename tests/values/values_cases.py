"""Random layers, formats, machines and plans with the numbers that they run on, and both results of each."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from strategies import BASE

from sharp import SCHEDULES, Accelerator, InfeasibleMappingError, MemoryLevel, Plan, RNNLayer, Sequences
from sharp.cycles.mapping import map_layer
from sharp.kernels import reference_values as reference
from sharp.values.activations import Exact
from sharp.values.execute import LayerValues, execute_runs
from sharp.values.formats import Format, Numerics, find_format
from sharp.values.matrices import scale_of
from sharp.values.weights import DirectionWeights, random_weights

FLOATS = ("fp32", "fp16", "bf16", "e4m3", "e5m2", "e4m9", "e8m5", "e3m2")
WEIRD = (np.inf, -np.inf, np.nan, 1e-7, -6e-8, 6e4, -7e4, 0.0, -0.0)
"""Numbers that a format may not hold, or hardly."""


@dataclass(frozen=True)
class Case:
    """A layer with all that decides its values."""

    layer: RNNLayer
    accelerator: Accelerator
    plan: Plan
    formats: Numerics
    weights: tuple[DirectionWeights, ...]
    x: np.ndarray
    lengths: tuple[int, ...]
    initial: dict[str, np.ndarray]
    threshold: float | None = None

    def mapping(self):
        return map_layer(self.layer, Sequences.of(self.lengths), self.accelerator, self.plan)

    def execute(self) -> LayerValues:
        mapping = self.mapping()
        return execute_runs(
            mapping.task,
            mapping.runs,
            self.weights,
            self.x,
            self.formats,
            activation=Exact(),
            lengths=self.lengths,
            initial=self.initial,
            delta_threshold=self.threshold,
        )


def random_case(seed: int) -> Case:
    """A case that the machine can run."""
    rng = np.random.default_rng(seed)
    while True:
        case = _draw(rng)
        try:
            case.mapping()
        except InfeasibleMappingError:
            continue
        return case


def _draw(rng: np.random.Generator) -> Case:
    cell = str(rng.choice(["lstm", "lstm", "gru", "gru", "rnn"]))
    hidden = int(rng.integers(1, 17))
    layer = RNNLayer(
        cell=cell,
        input_size=int(rng.integers(1, 40)),
        hidden_size=hidden,
        bidirectional=bool(rng.random() < 0.3),
        projection_size=int(rng.integers(1, 9)) if cell == "lstm" and rng.random() < 0.4 else None,
        peephole=cell == "lstm" and bool(rng.integers(2)),
        linear_before_reset=cell != "gru" or bool(rng.integers(2)),
    )
    heights = sorted(set(rng.choice([4, 6, 8, 16, 32], 3).tolist()))
    accelerator = replace(
        BASE,
        num_macs=int(np.lcm.reduce(heights) * rng.integers(1, 9)),
        tile_rows=tuple(heights),
        intermediate_buffer=MemoryLevel(capacity_bytes=int(rng.choice([rng.integers(1, 400), 10**6]))),
    )
    plan = Plan(
        schedule=str(rng.choice(list(SCHEDULES))),
        tile_rows=int(rng.choice(heights)),
        reconfiguration=bool(rng.integers(2)),
    )
    steps, sequences = int(rng.integers(1, 4)), int(rng.choice([1, 1, 2]))
    x = rng.normal(size=(steps, sequences, layer.input_size)) * rng.choice([1e-3, 1.0, 1.0, 100.0])
    formats = _formats(rng)
    if not formats.operands.is_integer and rng.random() < 0.2:
        places = tuple(rng.integers(size) for size in x.shape)
        x[places] = rng.choice(WEIRD)
    start = {"h": layer.recurrent_size} | ({"c": hidden} if cell == "lstm" else {})
    shape = layer.num_directions, sequences
    return Case(
        layer,
        accelerator,
        plan,
        formats,
        random_weights(layer, seed=int(rng.integers(2**31)), scale=float(rng.choice([1.0, 1.0, 30.0]))),
        x,
        tuple(int(length) for length in rng.integers(1, steps + 1, sequences)),
        {name: rng.normal(size=(*shape, size)) for name, size in start.items()} if rng.integers(2) else {},
        [None, None, 0.0, float(rng.choice([0.01, 0.1, 1.0]))][rng.integers(4)],
    )


def _formats(rng: np.random.Generator) -> Numerics:
    state = find_format(str(rng.choice(["fp16", "fp32", "bf16"])))
    if rng.random() < 0.25:
        scales = str(rng.choice(["row", "tensor"]))
        operands = find_format(str(rng.choice(["int8", "int4"])))
        return Numerics(operands=operands, sums=find_format("int32"), state=state, scales=scales)
    sums = str(rng.choice(["fp32", "fp32", "fp32", "fp16", "bf16", "e5m9"]))
    return Numerics(operands=find_format(str(rng.choice(FLOATS))), sums=find_format(sums), state=state)


# The specification ---------------------------------------------------------------------------------------------------


def rounding(to: Format):
    """A format as the specification takes it."""
    if to.name == "int32":
        return reference.exact
    if to.is_integer:
        return partial(reference.integer, bits=to.significand_bits)
    if to.name == "fp32":
        return reference.single
    bits = {"exponent_bits": to.exponent_bits, "fraction_bits": to.significand_bits - 1}
    return partial(reference.nearest, **bits, infinity=to.has_infinity)


def reference_formats(formats: Numerics) -> reference.Formats:
    """The same of all formats."""
    chosen = (rounding(to) for to in (formats.operands, formats.sums, formats.elementwise, formats.state))
    greatest = int(formats.operands.greatest) if formats.operands.is_integer else 0
    return reference.Formats(*chosen, greatest_integer=greatest, row_scales=formats.scales == "row")


def reference_phases(layer: RNNLayer) -> tuple[reference.Phase, ...]:
    """The phases as the specification states them."""
    return reference.phases_of(
        layer.cell, projected=layer.projection_size is not None, reset_before=not layer.linear_before_reset
    )


def segments_of(task, runs, phases) -> list[reference.Segment]:
    """A round, one segment after the other."""
    segments = []
    for run in runs:
        for repeat in range(run.repeats):
            for segment in (segment.moved(repeat) for segment in run.segments):
                updated = range(segment.first_updated, segment.first_updated + segment.updated_cells)
                segments.append(
                    reference.Segment(
                        phase=next(i for i, phase in enumerate(phases) if segment.gates[0] in phase.gates),
                        gates=segment.gates,
                        cells=range(segment.first_cell, segment.first_cell + segment.cells),
                        operand="x" * ("x" in segment.operand) + "v" * bool(segment.waits_for),
                        width=task.accelerator.num_macs // task.tile_height(segment.rows),
                        ahead=segment.lookahead,
                        updated=updated,
                    )
                )
    return segments


def reference_run(case: Case, phases=None, runs=None) -> list[list[dict[str, np.ndarray]]]:
    """What the specification gives, for each direction and sequence; `phases` are those of the stock cell."""
    mapping = case.mapping() if runs is None else None
    task = mapping.task if runs is None else runs[0]
    phases = reference_phases(case.layer) if phases is None else phases
    segments = segments_of(task, mapping.runs if runs is None else runs[1], phases)
    formats, results = reference_formats(case.formats), []
    scales = _scales(case, phases, segments)
    for direction in range(case.layer.num_directions):
        results.append([])
        for sequence, length in enumerate(case.lengths):
            results[-1].append(_one(case, phases, segments, formats, scales, direction, sequence, length))
    return results


def _one(case, phases, segments, formats, scales, direction, sequence, length):
    x = case.x[:length, sequence]
    weights = reference.Weights(
        *(getattr(case.weights[direction], name) for name in ("x", "operand", "bias", "operand_bias", "diagonal"))
    )
    initial = {name: values[direction, sequence] for name, values in case.initial.items()}
    result = reference.execute(
        phases, weights, formats, scales, segments, x[::-1] if direction else x, initial, case.threshold
    )
    return result | {"h": result["h"][::-1]} if direction else result


def _scales(case, phases, segments) -> dict[str, float]:
    """1 for floating point; for integers as the executor calibrates them, on this very run in fp32."""
    ones = dict.fromkeys(("x", *(phase.gives for phase in phases)), 1.0)
    if not case.formats.operands.is_integer:
        return ones
    single = Numerics(**dict.fromkeys(("operands", "sums", "state"), find_format("fp32")))
    trace = replace(case, formats=single, threshold=None).execute().trace
    start = {name: case.initial.get(name, np.zeros(1)) for name in trace}
    seen = {name: np.concatenate([start[name].ravel(), trace[name].ravel()]) for name in ones if name != "x"}
    return {name: scale_of(values, case.formats.operands) for name, values in {"x": case.x, **seen}.items()}
