"""Sizes that a file leaves open: which are time, and what they have to be for so many steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from onnx import GraphProto, ModelProto

from sharp.checks import check_integer, check_name, refuse
from sharp.errors import SpecificationError
from sharp.workload.importing.found import Found, find_layers
from sharp.workload.importing.graphs import open_size
from sharp.workload.importing.tracing import Tracer

_PROBES = (32, 64, 256, 1000, 8, 1)
"""What open sizes are taken to be until it is known which are time; the first with which the graph runs."""
_CONDITIONS = (0, 1, 2, 3)
"""What open sizes are taken to be to see which conditions depend on them."""
_MOST_SIZE = 2**40


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The layers of a model with all sizes decided."""

    found: Found
    calls: int = 1
    """How often a file is called that takes one step a call."""
    one_step: bool = False
    """Whether it does."""
    notes: tuple[str, ...] = ()


def settle(model: ModelProto, steps: int | None, sizes: dict[str, int]) -> Settled:
    """Decide all sizes that a model leaves open.

    Raises
    ------
    SpecificationError
        Where steps have to be given and are not, or are given and fixed in the file.
    """
    weights = {entry.name for entry in model.graph.initializer}
    inputs = [entry for entry in model.graph.input if entry.name not in weights]
    names = {
        open_size(entry, place): None
        for entry in inputs
        for place, dim in enumerate(entry.type.tensor_type.shape.dim)
        if dim.dim_value <= 0
    }
    for name, size in sizes.items():
        check_name("size", name, [*names, *(entry.name for entry in inputs)])
        check_integer(name, size, minimum=0)
    if steps is not None:
        steps = check_integer("steps", steps)
    free = [name for name in names if name not in sizes]
    undecided = frozenset(_undecided(model, free, sizes)) if _has_if(model.graph) else frozenset()

    known: dict[tuple[tuple[str, int], ...], Found] = {}

    def run(given: Mapping[str, int]) -> Found:
        key = tuple(given.items())
        if key not in known:
            known[key] = find_layers(model, {**sizes, **given}, undecided, steps)
        return known[key]

    return _settled(run, free, steps)


def _settled(run: Callable[[Mapping[str, int]], Found], free: list[str], steps: int | None) -> Settled:
    probe, found = _first_that_runs(run, free)
    time = [name for name in free if _moves(run, free, probe, name, found)]
    ones = {name: 1 for name in free if name not in time}
    if not time:
        return _fixed(run(ones) if free else found, steps)
    if steps is None:
        raise SpecificationError(f"steps: expected --steps with it, as the file leaves {time[0]!r} open, got none")
    if len(time) > 1:
        raise SpecificationError(
            f"steps: expected sizes for all but one of {', '.join(map(repr, time))}, such as --size {time[1]}=20, "
            "got none"
        )
    size = _size_for(lambda size: _steps(run({**ones, time[0]: size})), steps, time[0])
    return Settled(found=run({**ones, time[0]: size}))


def _fixed(found: Found, steps: int | None) -> Settled:
    """A file that fixes its steps: to one a call, of which there may be many, or to a number."""
    own = _steps(found)
    one_step = own == 1 and any(layer.one_step for layer in found.recurrent)
    if steps is None and one_step:
        note = "one step a call, its state goes in and out: --steps says how many steps there are; counted is one"
        return Settled(found=found, one_step=True, notes=(note,))
    if steps is not None and not one_step and steps != own and found.recurrent:
        raise refuse("steps", f"{own}, which the file fixes", steps)
    return Settled(found=found, calls=steps if steps is not None and one_step else 1, one_step=one_step)


def _steps(found: Found) -> int:
    return max((layer.num_steps for layer in found.recurrent), default=0)


def _first_that_runs(run: Callable[[Mapping[str, int]], Found], free: list[str]) -> tuple[int, Found]:
    """A number that open sizes can be, and the layers of then."""
    reason: SpecificationError | None = None
    for probe in _PROBES:
        try:
            return probe, run(dict.fromkeys(free, probe))
        except SpecificationError as error:
            reason = reason or error
            if not free:
                break
    assert reason is not None
    raise reason


def _moves(run: Callable[[Mapping[str, int]], Found], free: list[str], probe: int, name: str, found: Found) -> bool:
    """Whether the number of steps of a layer depends on a size."""
    try:
        other = run({**dict.fromkeys(free, probe), name: 2 * probe})
    except SpecificationError:
        return False
    return [layer.num_steps for layer in other.recurrent] != [layer.num_steps for layer in found.recurrent]


def _size_for(steps_of: Callable[[int], int], steps: int, name: str) -> int:
    """The least size with which there are so many steps, which grow with it."""

    def at(size: int) -> int:
        try:
            return steps_of(size)
        except SpecificationError:
            if size >= steps:
                raise
            return 0  # too small for what comes before the recurrent layers

    if at(steps) == steps:
        return steps
    high = steps
    while at(high) < steps:
        high *= 2
        if high > _MOST_SIZE:
            raise refuse("steps", f"a number that {name!r} can be chosen for", steps)
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if at(middle) >= steps else (middle, high)
    if (got := at(high)) != steps:
        raise refuse("steps", f"a number that the file can have, such as {got}", steps)
    return high


def _undecided(model: ModelProto, free: list[str], sizes: Mapping[str, int]) -> Iterator[str]:
    """The If nodes whose condition depends on an open size."""
    seen: dict[str, set[bool]] = {}
    for size in (*_CONDITIONS, *_PROBES[:1]):
        tracer = Tracer(model, {**sizes, **dict.fromkeys(free, size)})
        try:
            tracer.run()
        except SpecificationError:
            continue  # it does not run with this size; conditions before that are known
        finally:
            for name, taken in tracer.conditions.items():
                seen.setdefault(name, set()).add(taken)
    for name, ways in seen.items():
        if len(ways) > 1:
            yield name


def _has_if(graph: GraphProto) -> bool:
    return any(
        node.op_type == "If" or any(_has_if(attribute.g) for attribute in node.attribute if attribute.HasField("g"))
        for node in graph.node
    )
