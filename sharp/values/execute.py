"""Run a layer, or a chain of layers, on the machine: every sum in the order in which the tiles add it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sharp.checks import check_integer, check_items, check_kind, check_mapping, refuse
from sharp.cycles.explore import explore_layer
from sharp.cycles.mapping import map_layer
from sharp.cycles.schedule import loaded
from sharp.cycles.task import Run, Task
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.values.activations import Activation, Exact
from sharp.values.chain import Chain, ChainSetup
from sharp.values.delta import check_threshold
from sharp.values.formats import FORMATS, Numerics, numerics
from sharp.values.matrices import make_matrix, scale_of
from sharp.values.program import Stretch, compile_round
from sharp.values.vectors import Units, equations_of
from sharp.values.weights import DirectionWeights, as_doubles, check_weights
from sharp.workload.network import RNNLayer
from sharp.workload.sequences import Sequences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LayerValues:
    """What a layer computed: `execute_layer` makes it. All arrays are doubles and read-only.

    Examples
    --------
    >>> import numpy as np
    >>> import sharp
    >>> from sharp.values.weights import random_weights
    >>> layer = sharp.RNNLayer(input_size=3, hidden_size=4)
    >>> values = sharp.execute_layer(
    ...     layer, random_weights(layer, seed=1), np.ones((5, 1, 3)), sharp.find_accelerator("sharp").with_macs("1K")
    ... )
    >>> values.output.shape, sorted(values.trace), values.final["c"].shape
    ((5, 1, 4), ['c', 'h'], (1, 1, 4))
    """

    output: Doubles
    """h of every step, the directions side by side, zero after a sequence's end: (steps, sequences, output_size)."""
    final: Mapping[str, Doubles]
    """Each vector and state after the last step of each sequence, "h" and "c": (directions, sequences, elements)."""
    trace: Mapping[str, Doubles]
    """Each vector and state after every step, in the order of the input: (directions, steps, sequences, elements)."""
    tile_rows: int
    """Tile height that it ran on."""
    changed: Mapping[str, NDArray[np.bool_]]
    """With a threshold, which elements of "x" and of each vector were multiplied in each step, in the order in which a
    direction takes its steps: (directions, steps, sequences, elements); else nothing."""


def execute_layer(
    layer: RNNLayer,
    weights: Sequence[DirectionWeights],
    x: object,
    accelerator: Accelerator,
    plan: Plan | None = None,
    formats: Numerics | None = None,
    *,
    activation: Activation | None = None,
    lengths: Iterable[int] | None = None,
    initial: Mapping[str, object] = MappingProxyType({}),
    delta_threshold: float | None = None,
) -> LayerValues:
    """Run a layer on a machine of tiles under a plan, and return what it computes, bit for bit.

    Products are those of the formats; a tile adds them in pairs of neighbours, then goes to the sum of the tiles
    before it; biases are added to whole sums. Segments are taken in the order of the schedule, so one that reads h too
    early reads what is there. Chains that take turns compute the same as one after the other.

    Parameters
    ----------
    layer : RNNLayer
    weights : sequence of DirectionWeights
        One for each direction.
    x : array, (steps, sequences, input_size)
    accelerator : Accelerator
    plan : Plan, optional
        The machine's own by default; the tile height "best" is the fastest.
    formats : Numerics, optional
        ``numerics(accelerator.precision)`` by default.
    activation : Exact, Piecewise or LineTable, optional
        The activation unit, exact by default.
    lengths : iterable of int, optional
        Steps of each sequence; by default all that x has.
    initial : mapping
        Vectors and states before the first step, such as "h" and "c": (directions, sequences, elements).
    delta_threshold : float, optional
        Multiply only what changed of x and h by more than that since it was last multiplied (`sharp.values.delta`);
        by default everything.

    Returns
    -------
    LayerValues

    Raises
    ------
    SpecificationError
        Where an array has another shape, the cell does not say its equations, or as `sharp.count_cycles`.
    InfeasibleMappingError
        Where integers may pass the greatest sum, or as `sharp.count_cycles`.

    Examples
    --------
    In half precision the result differs from that in single precision by what roundings to 11 bits make of it:

    >>> import numpy as np
    >>> import sharp
    >>> from sharp.values.formats import numerics
    >>> from sharp.values.weights import random_weights
    >>> layer, machine = sharp.RNNLayer(input_size=16, hidden_size=16), sharp.find_accelerator("sharp").with_macs("1K")
    >>> weights, x = random_weights(layer, seed=1), np.ones((4, 1, 16))
    >>> half = sharp.execute_layer(layer, weights, x, machine, formats=numerics("fp16/fp32"))
    >>> single = sharp.execute_layer(layer, weights, x, machine, formats=numerics("fp32/fp32"))
    >>> bool(1e-5 < np.abs(half.output - single.output).max() < 1e-3)
    True
    """
    check_kind("layer", layer, RNNLayer)
    check_kind("accelerator", accelerator, Accelerator)
    if accelerator.accumulators != "single" and accelerator.cycles("accumulate_ns") > 1:
        raise refuse("accumulators", "single (values are of sums accumulated one by one)", accelerator.accumulators)
    formats = numerics(accelerator.precision) if formats is None else check_kind("formats", formats, Numerics)
    if activation is not None and not isinstance(activation, Activation):
        raise refuse("activation", "an Exact, a Piecewise or a LineTable", activation)
    check_kind("initial", initial, Mapping)  # type: ignore[type-abstract]
    inputs = check_input(layer, x)
    steps = check_lengths(lengths, *inputs.shape[:2])
    plan = loaded(accelerator.plan if plan is None else plan)
    sequences = Sequences.of(steps)
    if plan.tile_rows == "best":
        plan = plan.at(explore_layer(layer, sequences, accelerator, plan).best)
    mapping = map_layer(layer, sequences, accelerator, plan)
    return execute_runs(
        mapping.task,
        mapping.runs,
        weights,
        inputs,
        formats,
        activation=activation or Exact(),
        lengths=steps,
        initial=initial,
        delta_threshold=None if delta_threshold is None else check_threshold(delta_threshold),
    )


def execute_runs(
    task: Task,
    runs: Iterable[Run],
    weights: Sequence[DirectionWeights],
    x: Doubles,
    formats: Numerics,
    *,
    activation: Activation,
    lengths: Sequence[int],
    initial: Mapping[str, object] = MappingProxyType({}),
    delta_threshold: float | None = None,
) -> LayerValues:
    """Run a round of a schedule, legal or not; arguments as of `execute_layer`, whose checks it leaves out."""
    layer = task.layer
    directions, program = check_weights(layer, weights), compile_round(task, runs)
    begin = _check_initial(layer, initial, x.shape[1])
    scales = dict.fromkeys(("x", *(phase.gives for phase in layer.phases)), 1.0)
    if formats.operands.is_integer:
        scales = _calibrate(task, program, directions, x, activation, lengths, begin, formats)
    chains = [
        _run_direction(layer, program, one, x, formats, activation, lengths, scales, begin, backwards, delta_threshold)
        for one, backwards in zip(directions, (False, True), strict=False)
    ]
    return _gather(chains, task.tile_rows)


@dataclass(frozen=True)
class _Result:
    """What a direction computed, in the order of the input."""

    final: dict[str, Doubles]
    trace: dict[str, Doubles]
    changed: dict[str, NDArray[np.bool_]]
    """In the order of its own steps."""


def _run_direction(
    layer: RNNLayer,
    program: tuple[Stretch, ...],
    weights: DirectionWeights,
    x: Doubles,
    formats: Numerics,
    activation: Activation,
    lengths: Sequence[int],
    scales: Mapping[str, float],
    initial: Mapping[str, Doubles],
    backwards: bool,
    delta_threshold: float | None = None,
) -> _Result:
    """A direction over all sequences together, the longest first."""
    import numpy as np

    order = np.argsort([-length for length in lengths], kind="stable")
    back = np.argsort(order)
    steps = _steps(lengths, len(x), backwards)
    chain = Chain(
        ChainSetup(
            layer=layer,
            equations=equations_of(layer),
            program=program,
            matrices=tuple(make_matrix(layer, phase, weights, formats, scales) for phase in layer.phases),
            weights=_elementwise(weights, formats),
            units=Units(formats, activation),
            scales=scales,
            delta_threshold=delta_threshold,
        ),
        np.take_along_axis(x, steps[..., None], axis=0)[:, order],
        [sum(length > step for length in lengths) for step in range(len(x))],
        {name: values[int(backwards), order] for name, values in initial.items()},
    )
    chain.run()
    last = np.array(lengths) - 1
    trace = {name: values[:, back] for name, values in chain.trace.items()}
    final = {name: values[last, np.arange(len(lengths))] for name, values in trace.items()}
    return _Result(
        final,
        {name: np.take_along_axis(values, steps[..., None], axis=0) for name, values in trace.items()},
        {name: values[:, back] for name, values in chain.changed.items()},
    )


def _steps(lengths: Sequence[int], num_steps: int, backwards: bool) -> NDArray[np.int64]:
    """For each of its own steps and each sequence, the step of the input: (steps, sequences); its own inverse."""
    import numpy as np

    steps, ends = np.arange(num_steps)[:, None], np.array(lengths)
    return (
        np.where(steps < ends, ends - 1 - steps, steps) if backwards else np.broadcast_to(steps, (num_steps, len(ends)))
    )


def _elementwise(weights: DirectionWeights, formats: Numerics) -> DirectionWeights:
    """The same, what the updater adds and multiplies in its format."""
    names = ("bias", "operand_bias", "diagonal")
    kept = {name: {gate: formats.elementwise.round(v) for gate, v in getattr(weights, name).items()} for name in names}
    return replace(weights, **kept)


def _calibrate(
    task: Task,
    program: tuple[Stretch, ...],
    directions: tuple[DirectionWeights, ...],
    x: Doubles,
    activation: Activation,
    lengths: Sequence[int],
    initial: Mapping[str, Doubles],
    formats: Numerics,
) -> dict[str, float]:
    """Scales of vectors from a run of the same input in fp32: the greatest element is the greatest integer."""
    import numpy as np

    single = Numerics(operands=FORMATS["fp32"], sums=FORMATS["fp32"], state=FORMATS["fp32"])
    names = [phase.gives for phase in task.layer.phases]
    ones = dict.fromkeys(("x", *names), 1.0)
    results = [
        _run_direction(task.layer, program, one, x, single, activation, lengths, ones, initial, backwards)
        for backwards, one in zip((False, True), directions, strict=False)
    ]
    seen = {name: [result.trace[name] for result in results] + [initial.get(name, x[:0])] for name in names}
    whole = {name: np.concatenate([values.ravel() for values in arrays]) for name, arrays in seen.items()}
    return {name: scale_of(values, formats.operands) for name, values in {"x": x, **whole}.items()}


def _gather(chains: list[_Result], tile_rows: int) -> LayerValues:
    import numpy as np

    names = list(chains[0].trace)
    trace = {name: np.stack([chain.trace[name] for chain in chains]) for name in names}
    final = {name: np.stack([chain.final[name] for chain in chains]) for name in names}
    changed = {name: np.stack([chain.changed[name] for chain in chains]) for name in chains[0].changed}
    output = np.concatenate([chain.trace["h"] for chain in chains], axis=-1)
    for array in (output, *trace.values(), *final.values(), *changed.values()):
        array.flags.writeable = False
    return LayerValues(output=output, final=final, trace=trace, tile_rows=tile_rows, changed=changed)


def check_input(layer: RNNLayer, x: object) -> Doubles:
    """An input as doubles, (steps, sequences, input_size).

    Raises
    ------
    SpecificationError
        Where it has another shape, or holds no numbers.
    """
    inputs = as_doubles("x", x)
    expected = f"an array of shape (steps, sequences, {layer.input_size})"
    if inputs.ndim != 3 or inputs.shape[2] != layer.input_size or 0 in inputs.shape:
        raise refuse("x", expected, inputs.shape)
    return inputs


def check_lengths(lengths: Iterable[int] | None, steps: int, sequences: int) -> tuple[int, ...]:
    """The steps of each sequence, all of them where none are given.

    Raises
    ------
    SpecificationError
        Where there are not as many as sequences, or one is no number of steps that there are.
    """
    if lengths is None:
        return (steps,) * sequences
    given = tuple(check_integer("lengths", length) for length in check_items("lengths", lengths, "steps of sequences"))
    if len(given) != sequences or max(given) > steps:
        raise refuse("lengths", f"{sequences} lengths of at most {steps} steps", given)
    return given


def _check_initial(layer: RNNLayer, initial: Mapping[str, object], sequences: int) -> dict[str, Doubles]:
    given = {phase.gives: layer.size(phase.size) for phase in layer.phases}
    known = check_mapping("initial", initial, {*given, *(name for name in initial if name not in given)})
    shape = (layer.num_directions, sequences)
    return {
        name: as_doubles(f"initial[{name!r}]", values, (*shape, given.get(name, layer.hidden_size)))
        for name, values in known.items()
    }
