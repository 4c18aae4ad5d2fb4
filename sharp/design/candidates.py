"""The candidates of a search: every combination of its axes, by what can be evaluated together.

Combinations are numbered, the last axis varying fastest. Those that differ only in numbers, and whose cycles the closed
form knows, are `Alike`; the others are left for whoever runs them one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharp.checks import check_name, refuse
from sharp.cycles import closed_form
from sharp.cycles.activity import dram_vectors
from sharp.cycles.orders import group_layers
from sharp.cycles.schedule import loaded
from sharp.design.axes import PRECISION, TILE_SET, scenario_at
from sharp.design.conditions import Condition
from sharp.errors import SharpError
from sharp.machine.accelerator import Accelerator
from sharp.machine.memories import ping_pong_elements
from sharp.space.alike import Alike, Term
from sharp.space.columns import is_choice
from sharp.space.inputs import sizes_of
from sharp.space.points import Grid
from sharp.space.prices import useful_products
from sharp.space.pricing import Pricing, Traffic
from sharp.space.scenario import COLUMNS, MACHINE, Scenario
from sharp.space.space import Space
from sharp.workload.network import Network, RNNLayer
from sharp.workload.single import single_layer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = Mapping[str, NDArray[np.intp]]

_MACHINES = (TILE_SET, PRECISION)
"""Axes of lists and formats: no column of a grid has such values, so that each has a space of its own."""
_CHOICE_NUMBERS = ("projection_size", "tile_rows")
"""Columns of numbers that may also be no number."""
_NUMBERS = 2**16
"""Combinations that are numbered at a time."""


@dataclass(frozen=True)
class Part:
    """Candidates that differ only in numbers."""

    alike: Alike | None
    """None where the closed form does not know them."""
    reason: str
    """Why it does not, or why there is no machine for them."""
    masks: tuple[Any, ...]
    """Tables of which of them are meant."""
    columns: Mapping[str, Any]
    """Tables of what conditions ask for, by name."""
    places: Places
    fixed: Mapping[str, int]
    """Places of the values of `_MACHINES`."""


class Candidates:
    """Every combination of the values of axes around a scenario.

    Parameters
    ----------
    base : Scenario
        With a technology.
    axes : mapping of str to sequence
        As `sharp.design.axes.check_axes` returns them.
    conditions : sequence of Condition
        What combinations have to meet to be candidates.

    Raises
    ------
    SpecificationError
        Where an axis makes no sense, or a condition asks for what is no number of a design.
    """

    def __init__(self, base: Scenario, axes: Mapping[str, Any], conditions: tuple[Condition, ...] = ()) -> None:
        self.base, self.axes, self.conditions = base, dict(axes), conditions
        for condition in conditions:
            _check_names(condition, base, axes)
        self.code_files: list[Path] = []
        """Of cells and schedules that are none of ours."""
        lengths = [len(values) for values in self.axes.values()]
        self.strides = {name: prod(lengths[place + 1 :]) for place, name in enumerate(self.axes)}
        self.parts = [part for fixed in self._machines() for part in self._parts(fixed)]

    def __len__(self) -> int:
        return prod(len(values) for values in self.axes.values())

    @property
    def may_stream(self) -> bool:
        """Whether weights come from the DRAM in some of them."""
        return any(part.alike is None for part in self.parts)

    def point(self, number: int) -> dict[str, Any]:
        """The values of a combination by axis."""
        found = {}
        for name, values in self.axes.items():
            value = values[number // self.strides[name] % len(values)]
            found[name] = value.item() if hasattr(value, "item") else value
        return found

    def is_candidate(self, number: int) -> bool:
        """Whether a combination meets all conditions."""
        if not self.conditions:
            return True
        scenario, point = self.scenario(number), self.point(number)
        values = {name: _of_one(scenario, point, name) for each in self.conditions for name in each.names}
        return all(condition.holds(values) for condition in self.conditions)

    def scenario(self, number: int) -> Scenario:
        """The scenario of a combination; `SharpError` where its values do not go together."""
        return scenario_at(self.base, self.point(number))

    def numbers(self, part: Part) -> Iterator[int]:
        """The numbers of a part's combinations, ascending; some at a time, as there may be 10^12."""
        import numpy as np

        fixed = sum(self.strides[name] * place for name, place in part.fixed.items())
        tables = [np.ravel(places) for places in part.places.values()]
        strides = [self.strides.get(name, 0) for name in part.places]
        shape = tuple(map(len, tables))
        for first in range(0, prod(shape), _NUMBERS):
            at = np.unravel_index(np.arange(first, min(first + _NUMBERS, prod(shape))), shape)
            numbers = np.full(len(at[0]), fixed)
            for stride, table, own in zip(strides, tables, at, strict=True):
                numbers += stride * table[own]
            columns = {name: _picked(column, shape, at) for name, column in part.columns.items()}
            meant = np.ones(numbers.shape, dtype=bool)
            for mask in part.masks:
                meant &= _picked(mask, shape, at)
            for condition in self.conditions:
                meant &= condition.holds(columns)
            yield from numbers[meant].tolist()

    # Parts -----------------------------------------------------------------------------------------------------------

    def _machines(self) -> Iterator[dict[str, int]]:
        """Places of the values of `_MACHINES`, every combination of them."""
        names = [name for name in _MACHINES if name in self.axes]
        for places in product(*(range(len(self.axes[name])) for name in names)):
            yield dict(zip(names, places, strict=True))

    def _parts(self, fixed: Mapping[str, int]) -> Iterator[Part]:
        """The parts of the candidates on one kind of machine."""
        rest = {name: values for name, values in self.axes.items() if name not in _MACHINES}
        grid = Grid(rest or {"activation_lanes": self.base.tiles.activation_lanes})  # a grid has a column
        base = scenario_at(self.base, {name: self.axes[name][place] for name, place in fixed.items()})
        spaces = _spaces(base, grid)
        self.code_files = sorted({path for layer in spaces for path in layer.space.code_files()})
        whole = spaces[0].space
        for places in _alike(whole):
            yield from self._settled(spaces, places, fixed)

    def _settled(self, spaces: list[_Layer], places: Places, fixed: Mapping[str, int]) -> Iterator[Part]:
        """A part, or where weights may be on chip or not two of them."""
        import numpy as np

        make = partial(self._part, spaces, places, fixed)
        try:
            scenario = _first(spaces[0].space, places)
        except SharpError as error:
            yield make("", (), str(error))
            return
        assert scenario.plan is not None, "a machine of tiles has a plan"
        if scenario.plan.weights != "auto":
            yield make(scenario.plan.weights, ())
            return
        capacity = spaces[0].space.number("weight_buffer", places)
        fits = sum(layer.times * layer.num_bytes(places) for layer in spaces) <= capacity
        for weights, mask in (("resident", fits), ("streamed", np.logical_not(fits))):
            if np.any(mask):
                yield make(weights, (mask,))

    def _part(
        self,
        spaces: list[_Layer],
        places: Places,
        fixed: Mapping[str, int],
        weights: str,
        masks: tuple[Any, ...],
        reason: str = "",
    ) -> Part:
        import numpy as np

        columns = {name: _column(spaces[0].space, places, name) for each in self.conditions for name in each.names}
        reason = reason or self._why_not(spaces, places, weights)
        alike = None
        if not reason:
            numbers = {name: (each * self.strides.get(name, 0)).astype(np.int64) for name, each in places.items()}
            first = sum(self.strides[name] * place for name, place in fixed.items())
            numbers[""] = np.full((1,) * len(places), first, dtype=np.int64)
            try:
                alike = Alike([layer.term(places, weights) for layer in spaces], places, numbers)
            except SharpError as error:
                reason = str(error)
        return Part(alike, reason, masks, columns, places, fixed)

    def _why_not(self, spaces: list[_Layer], places: Places, weights: str) -> str:
        """Why the closed form does not know some candidates; "" where it does."""
        scenario = _first(spaces[0].space, places)
        assert scenario.plan is not None, "a machine of tiles has a plan"
        plan = replace(scenario.plan, weights=weights)
        network = self.base.network
        if weights == "streamed":
            return "how much of streamed weights stays on chip is another matter for each tile height"
        if len(network.layers) > 1 and any(group.order != "layers" for group in group_layers(network, plan)):
            return "layers do not run one after the other"
        for layer in spaces:
            one = layer.space.at(_flat(places), 0) if layer is not spaces[0] else scenario
            found = closed_form.why_not(
                one.layer.phases, plan, len(layer.space.machine.tile_rows), not one.network.lengths
            )
            if found:
                return found
        return ""


@dataclass(frozen=True)
class _Layer:
    """A layer of the network as the only one of a space, and how often the network has it."""

    space: Space
    pricing: Pricing
    times: int
    network: Network | None
    """The network, where it has several layers or one that reads and is read as none alone is."""
    index: int

    def term(self, places: Places, weights: str) -> Term:
        scenario = _first(self.space, places)
        assert scenario.plan is not None, "a machine of tiles has a plan"
        scenario = replace(scenario, plan=replace(scenario.plan, weights=weights))
        traffic = None if self.network is None else partial(_traffic, self.network, self.index)
        return Term(self.pricing, scenario, self.times, traffic)

    def num_bytes(self, places: Places) -> Any:
        """Bytes of the layer's weights."""
        scenario = _first(self.space, places)
        once = sizes_of(self.space, places, scenario) | {"seq_len": 1, "batch_size": 1}
        return useful_products(once, scenario.layer) * self.space.machine.weight_bytes


def _spaces(base: Scenario, grid: Grid) -> list[_Layer]:
    """The distinct layers of the network, each in a space of its own; one layer alone is the scenario's network."""
    network = base.network
    if len(network.layers) == 1 and not network.layers[0].residual:
        space = Space(grid, base)
        return [_Layer(space, Pricing(space), 1, None, 0)]
    kinds: dict[Any, list[int]] = {}
    for index, (layer, sequences) in enumerate(zip(network.layers, network.layer_sequences, strict=True)):
        inside, outside = network.elements_read(index)
        read = tuple((elements, network.elements_put_out(source)) for source, elements in inside.items())
        around = read, outside, index in network.unread, network.joined_additions(index)
        kinds.setdefault((layer, sequences, around), []).append(index)
    layers = []
    for (layer, sequences, *_), indices in kinds.items():
        alone = single_layer(replace(layer, residual=False), sequences.num_steps, sequences.batch_size)
        lengths = sequences.lengths
        alone = alone.with_lengths(lengths) if len(set(lengths)) > 1 else alone
        space = Space(grid, replace(base, network=alone))
        layers.append(_Layer(space, Pricing(space), len(indices), network, indices[0]))
    return layers


def _traffic(network: Network, index: int, inputs: Mapping[str, Any], machine: Accelerator) -> Traffic:
    """What passes around a layer of a network."""
    read, written = dram_vectors(network, index, ping_pong_elements(inputs["io_buffer_bytes"], machine.weight_bits))
    layer: RNNLayer = network.layers[index]
    added = layer.added_size * network.layer_sequences[index].total_steps
    return Traffic(read, written, network.joined_additions(index) + added)


def _picked(table: Any, shape: tuple[int, ...], at: tuple[Any, ...]) -> Any:
    """The values of a table at some places of its part; what is no array is the same everywhere."""
    import numpy as np

    return np.broadcast_to(table, shape)[at] if isinstance(table, np.ndarray) else table


def _alike(space: Space) -> Iterator[Places]:
    """Places of the columns for candidates that differ only in numbers, an axis a column."""
    import numpy as np

    groups: list[list[NDArray[np.intp]]] = []
    for name, column in space.columns.items():
        places = np.arange(len(column))
        if is_choice(name):
            groups.append([places[place : place + 1] for place in range(len(column))])
        elif name in _CHOICE_NUMBERS:
            given = np.broadcast_to(space.number(name, {name: places}), places.shape) > 0
            groups.append([part for part in (places[given], places[~given]) if len(part)])
        else:
            groups.append([places])
    depth = len(groups)
    for chosen in product(*groups):
        shaped = (part.reshape([-1 if axis == own else 1 for axis in range(depth)]) for own, part in enumerate(chosen))
        yield dict(zip(space.columns, shaped, strict=True))


def _flat(places: Places) -> Places:
    """The first value of each column."""
    return {name: each.reshape(-1)[:1] for name, each in places.items()}


def _first(space: Space, places: Places) -> Scenario:
    """The scenario of the first of some candidates, its schedule loaded."""
    scenario = space.at(_flat(places), 0)
    assert scenario.plan is not None, "a machine of tiles has a plan"
    return replace(scenario, plan=loaded(scenario.plan))


def _of_one(scenario: Scenario, point: Mapping[str, Any], name: str) -> Any:
    """What a condition asks for by a name, of one combination."""
    if name in ("macs", "num_macs"):
        return scenario.tiles.num_macs
    return point[name] if name in point and name not in MACHINE else scenario.value(name)


def _check_names(condition: Condition, base: Scenario, axes: Mapping[str, Any]) -> None:
    """Refuse a condition on what is no number of a design, and no name that varies."""
    for name in condition.names:
        if name in (TILE_SET, PRECISION):
            raise refuse("conditions", "one on numbers or names", condition.text)
        if name not in axes:
            check_name("conditions", name, (*COLUMNS, "num_macs", *axes))
            if name != "num_macs" and (is_choice(name) or base.value(name) in (None, "best")):
                raise refuse("conditions", f"an axis {name}, on which it is a condition", condition.text)


def _column(space: Space, places: Places, name: str) -> Any:
    """What a condition asks for by a name."""
    if name == "num_macs":
        return space.num_macs(places)
    if name == "clock_hz":
        return space.clock_hz(places)
    if name in space.columns and is_choice(name):
        return space.columns[name].value(int(places[name].flat[0]))
    return space.number(name, places)
