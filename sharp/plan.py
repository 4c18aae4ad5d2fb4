"""How a network is run on a machine: schedule, tile, forwarding of h, place of the weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from sharp.accelerator import Accelerator
from sharp.checks import check_flag, check_integer, check_name, check_text, refuse
from sharp.plugins import find_schedule
from sharp.schedule import SCHEDULES, Schedule

TileRows = int | Literal["best"]
"""A tile height, or "best": the height with the least cycles, layer by layer."""

FORWARDING = ("barrier", "tilewise")
"""When columns of h may start: when all of h is out, or tile by tile."""

WEIGHTS = ("resident", "streamed")
"""Where weights are when a layer starts: on chip, or in the DRAM."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a network is run on a machine; the defaults are the paper's for SHARP."""

    schedule: Schedule | str = "unfolded"
    """A schedule, or its name (`sharp.plugins.find_schedule`), which is looked up."""
    tile_rows: TileRows = "best"
    """Height K of the tile, one of the machine's, or "best": the one with the least cycles, layer by layer."""
    reconfiguration: bool = True
    """Padding reconfiguration: a segment of fewer than K rows may take a smaller tile of the set."""
    forwarding: str = "barrier"
    """One of `FORWARDING`."""
    weights: str = "resident"
    """One of `WEIGHTS`."""

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, Schedule):
            object.__setattr__(self, "schedule", find_schedule(self.schedule))
        name = check_text("schedule.name", getattr(self.schedule, "name", None))
        if name in SCHEDULES and type(self.schedule) is not type(SCHEDULES[name]):
            raise refuse("schedule.name", "another name than those of our own schedules", name)
        check_flag("schedule.interleaves", self.order.interleaves)
        if isinstance(self.tile_rows, str):
            if self.tile_rows != "best":
                raise refuse("tile_rows", "a tile height or best", self.tile_rows)
        else:
            object.__setattr__(self, "tile_rows", check_integer("tile_rows", self.tile_rows))
        check_flag("reconfiguration", self.reconfiguration)
        check_name("forwarding", self.forwarding, FORWARDING)
        check_name("weights", self.weights, WEIGHTS)

    @classmethod
    def of(cls, accelerator: Accelerator, **changes: Any) -> Plan:
        """A machine's own plan, with some fields changed.

        Raises
        ------
        SpecificationError
            Where a field is not what it has to be.
        """
        return cls(**{**accelerator.plan, **changes})

    @property
    def order(self) -> Schedule:
        """The schedule, looked up."""
        assert isinstance(self.schedule, Schedule)
        return self.schedule

    @property
    def is_ours(self) -> bool:
        """Whether the schedule is one of `sharp.schedule.SCHEDULES`, which the tests check."""
        return SCHEDULES.get(self.order.name) is self.order

    def at(self, tile_rows: int) -> Plan:
        """The same plan on one tile height."""
        return replace(self, tile_rows=tile_rows)

    def heights(self, accelerator: Accelerator) -> tuple[int, ...]:
        """The tile heights to try, of those that the machine has.

        Raises
        ------
        SpecificationError
            Where the machine has no tile of that height.
        """
        return accelerator.tile_rows if self.tile_rows == "best" else (accelerator.check_tile_rows(self.tile_rows),)

    def as_dict(self) -> dict[str, Any]:
        """The plan as the first keys of JSON reports; tile heights stand with the layers."""
        return {
            "schedule": self.order.name,
            "reconfiguration": self.reconfiguration,
            "forwarding": self.forwarding,
            "weights": self.weights,
        }
