"""The space of designs: which numbers and names of a scenario vary, and over which values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, pairwise, product
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from sharp.checks import refuse
from sharp.cycles.residency import as_users_run
from sharp.errors import SpecificationError
from sharp.machine.accelerator import with_settings
from sharp.machine.precision import precision_settings
from sharp.rivals.machines import as_machine
from sharp.space.scenario import BATCH, LAYER, OPTIONS, Scenario, check_column, value_of

if TYPE_CHECKING:
    from sharp.energy.technology import Technology
    from sharp.machine.accelerator import Accelerator
    from sharp.workload.network import Network

MAX_DESIGNS = 20_000
"""Most designs that are tried, some minutes' work for a network of several layers."""

MAX_SEARCHED = 10**12
"""Most designs of a search, some hours' work."""
MAX_VALUES = 10**6
"""Most values of an axis of a search."""

TILE_SET = "tile_set"
"""Axis of the tile heights that a machine has; each of its values is a list of them."""
PRECISION = "precision"
"""Axis of formats, as ``--precision`` takes them."""
_BUDGETS = ("1K", "2K", "4K", "8K", "16K", "32K", "64K")


def base_scenario(network: Network, accelerator: Accelerator | None, technology: Technology | None) -> Scenario:
    """What does not vary, as users run it: SHARP at 32 nm unless asked otherwise, weights on chip where they fit."""
    from sharp.energy.files import find_technology
    from sharp.machine.files import find_accelerator

    base = Scenario(
        network=network,
        machine=as_machine(find_accelerator("sharp") if accelerator is None else accelerator),
        technology=find_technology("32nm") if technology is None else technology,
    )
    assert base.plan is not None, "a machine of tiles has a plan"
    return replace(base, plan=as_users_run(base.plan))


def default_axes(base: Scenario) -> dict[str, tuple[Any, ...]]:
    """What varies unless asked otherwise: multipliers, clock, activation lanes, weight buffer, and order.

    The weight buffer is the machine's, or, where that is smaller, the least power of two that holds the network; the
    schedule is ``interleaved`` as well where directions or sequences can take turns, and the order across layers
    ``wavefront`` as well where layers of one direction follow each other.
    """
    network, own = base.network, base.tiles.weight_buffer.capacity_bytes
    turns = network.batch_size > 1 or any(layer.bidirectional for layer in network.layers)
    waves = any(not (one.bidirectional or other.bidirectional) for one, other in pairwise(network.layers))
    least = 2 ** (ceil(network.num_weights * base.tiles.weight_bytes) - 1).bit_length()
    return {
        "macs": _BUDGETS,
        "clock_hz": (250e6, 500e6),
        "activation_lanes": (64, 128),
        "weight_buffer": (least, own) if least < own else (own,),
        "schedule": ("unfolded", "interleaved") if turns else ("unfolded",),
        "order": ("layers", "wavefront") if waves else ("layers",),
    }


def check_axes(axes: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Axes with their values as tuples, if there are any, and not more designs than can be tried.

    Raises
    ------
    SpecificationError
        Where a name is unknown or of the network itself, an axis is empty, or there are too many designs.
    """
    checked = _checked(axes, MAX_DESIGNS, of_a_layer=False)
    if prod(map(len, checked.values())) > MAX_DESIGNS:
        raise SpecificationError(f"axes: expected at most {MAX_DESIGNS:,} designs, the product of all axes, got more")
    return checked


def check_space(axes: Mapping[str, Any], *, of_a_layer: bool) -> dict[str, tuple[Any, ...]]:
    """As `check_axes`, for a search: `MAX_SEARCHED` designs, and columns of a layer where that is all of its network.

    Raises
    ------
    SpecificationError
        As `check_axes`, and where an axis has more than `MAX_VALUES` values or there is none.
    """
    checked = _checked(axes, MAX_VALUES, of_a_layer=of_a_layer)
    for name, values in checked.items():
        if len(values) > MAX_VALUES:
            raise refuse(f"axes.{name}", f"at most {MAX_VALUES:,} values", axes[name])
    number = prod(map(len, checked.values()))
    if number > MAX_SEARCHED:
        raise SpecificationError(
            f"axes: expected at most {MAX_SEARCHED:.0e} designs, the product of all axes, got {number:.1e}"
        )
    if not checked:
        raise refuse("axes", "at least one axis", dict(axes))
    return checked


def _checked(axes: Mapping[str, Any], most: int, *, of_a_layer: bool) -> dict[str, tuple[Any, ...]]:
    """Axes with their values as tuples, one more than `most` at most."""
    checked: dict[str, tuple[Any, ...]] = {}
    own = (TILE_SET, PRECISION)
    for name, values in axes.items():
        if name not in own:
            check_column("axes", name)
        if not of_a_layer and (name in (*LAYER, *BATCH) or name.startswith(OPTIONS)):
            raise refuse(f"axes.{name}", "a number or a name of the machine, its technology or the plan", name)
        many = isinstance(values, Iterable) and not isinstance(values, str | Mapping)
        several = tuple(islice(values, most + 1)) if many else (values,)
        checked[name] = several if name in own else tuple(value_of(name, value, f"axes.{name}") for value in several)
        if not checked[name]:
            raise refuse(f"axes.{name}", "at least one value", values)
    return checked


def points(axes: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Every design's values by axis."""
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def scenario_at(base: Scenario, point: Mapping[str, Any]) -> Scenario:
    """The scenario of a design.

    Raises
    ------
    SpecificationError
        Where the values do not fit each other, such as a tile height that does not divide the multipliers.
    """
    settings: dict[str, Any] = {}
    if TILE_SET in point:
        settings["tile_rows"] = point[TILE_SET]
    if PRECISION in point:
        settings |= precision_settings(point[PRECISION])
    rest = {name: value for name, value in point.items() if name not in (TILE_SET, PRECISION)}
    tiles = with_settings(base.tiles, settings) if settings else base.tiles
    return replace(base, machine=as_machine(tiles)).at(rest)
