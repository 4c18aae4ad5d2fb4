"""How a network is run on a machine: schedule, tile, forwarding of h, place of the weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from sharp.checks import check_flag, check_integer, check_name, check_text, refuse
from sharp.plugins import Registry

TileRows = int | Literal["best"]
"""A tile height, or "best": the height with the least cycles, layer by layer."""

FORWARDING = ("barrier", "tilewise")
"""When columns of h may start: when all of h is out, or tile by tile."""

WEIGHTS = ("auto", "resident", "streamed")
"""Where weights are when a layer starts: on chip, in the DRAM, or on chip where those of the whole network fit."""


ORDERS = ("layers", "steps", "wavefront")
"""Orders across layers: one after the other, all of them in each step, or each layer a step behind those it reads."""


class Order(Protocol):
    """What a plan knows of a schedule (`sharp.Schedule`)."""

    @property
    def name(self) -> str:
        """As printed in reports."""

    @property
    def interleaves(self) -> bool:
        """Whether chains take turns."""

    def round(self, task: Any) -> Any:
        """The runs of a round."""


SCHEDULES: Registry[Order] = Registry("schedule", "mine.py:MySchedule", home="sharp.cycles.schedule")
"""The schedules by name; a plan holds names, and `sharp.cycles.schedule` puts ours here."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a network is run on a machine: the order of the work, the tile, when h is passed on, where weights are.

    The defaults are the paper's for SHARP. A plan is a value: it is checked when it is made, and equal plans are equal.
    The same plan serves every layer of a network; with `tile_rows` "best" each layer takes the tile height that suits
    it.

    Examples
    --------
    The order of E-PUR, on tiles that never change:

    >>> import sharp
    >>> sharp.Plan(schedule="sequential", tile_rows=32, reconfiguration=False).schedule_name
    'sequential'
    >>> sharp.Plan(schedule="unfoldde")
    Traceback (most recent call last):
    sharp.errors.SpecificationError: schedule: expected ..., got 'unfoldde' (did you mean 'unfolded'?)
    """

    schedule: str | Order = "unfolded"
    """Name of a schedule (ours, an installed package's, or "mine.py:MySchedule"), or a `sharp.Schedule` of one's own.

    A name is checked here and loaded where the plan is used; ours are always held by name.
    """
    tile_rows: TileRows = "best"
    """Height K of the tile, one of the machine's, or "best": the one with the least cycles, layer by layer."""
    reconfiguration: bool = True
    """Padding reconfiguration: a segment of fewer than K rows may take a smaller tile of the set."""
    forwarding: str = "barrier"
    """One of `FORWARDING`."""
    weights: str = "resident"
    """One of `WEIGHTS`."""
    order: str = "layers"
    """One of `ORDERS`; layers that a decoder feeds back to run in ``steps`` in any case."""

    def __post_init__(self) -> None:
        self._check_schedule()
        if isinstance(self.tile_rows, str):
            if self.tile_rows != "best":
                raise refuse("tile_rows", "a tile height or best", self.tile_rows)
        else:
            object.__setattr__(self, "tile_rows", check_integer("tile_rows", self.tile_rows))
        check_flag("reconfiguration", self.reconfiguration)
        check_name("forwarding", self.forwarding, FORWARDING)
        check_name("weights", self.weights, WEIGHTS)
        check_name("order", self.order, ORDERS)

    def _check_schedule(self) -> None:
        if isinstance(self.schedule, str) or not hasattr(self.schedule, "round"):
            SCHEDULES.check(self.schedule)
            return
        name = check_text("schedule.name", getattr(self.schedule, "name", None))
        if name in SCHEDULES:
            if type(self.schedule) is not type(SCHEDULES[name]):
                raise refuse("schedule.name", "another name than those of our own schedules", name)
            object.__setattr__(self, "schedule", name)
            return
        check_flag("schedule.interleaves", self.schedule.interleaves)

    @property
    def schedule_name(self) -> str:
        """Name of the schedule as reports print it, whether the plan holds a name or an object of one's own."""
        return self.schedule if isinstance(self.schedule, str) else self.schedule.name

    @property
    def is_ours(self) -> bool:
        """Whether the schedule is one of ours, which the tests check; one of a user's own is checked before it runs."""
        return isinstance(self.schedule, str) and self.schedule in SCHEDULES

    def __str__(self) -> str:
        """Schedule and options in words, those that are not the paper's named."""
        parts = [self.schedule_name, f"{'with' if self.reconfiguration else 'without'} padding reconfiguration"]
        parts += ["h forwarded tile by tile"] * (self.forwarding == "tilewise")
        parts += [f"layers in order {self.order}"] * (self.order != "layers")
        parts += [f"weights {self.weights}"] * (self.weights == "streamed")
        return ", ".join(parts)

    def at(self, tile_rows: int) -> Plan:
        """The same plan on one tile height, for the functions that do not take "best"."""
        return replace(self, tile_rows=tile_rows)

    def as_dict(self) -> dict[str, Any]:
        """The plan as the first keys of JSON reports; tile heights stand with the layers."""
        return {
            "schedule": self.schedule_name,
            "reconfiguration": self.reconfiguration,
            "forwarding": self.forwarding,
            "weights": self.weights,
            "order": self.order,
        }
