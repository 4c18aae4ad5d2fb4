"""Accelerators of tiles as machines: `sharp.simulate` runs them, and energy is known of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from sharp.cycles.counting import Progress
from sharp.cycles.simulate import Report, simulate
from sharp.machine.accelerator import UNITS, Accelerator, with_settings
from sharp.machine.files import accelerator_from, accelerator_names, find_accelerator
from sharp.machine.plan import Plan
from sharp.rivals.machine import Machine
from sharp.workload.network import Network


@dataclass(frozen=True, kw_only=True, eq=False)
class Tiles(Accelerator, Machine):  # type: ignore[misc]  # one has properties where the other has attributes
    """An accelerator of tiles that runs networks; it equals the accelerator that it is."""

    settings = UNITS
    knows_energy = True

    @classmethod
    def of(cls, accelerator: Accelerator) -> Self:
        """The machine that an accelerator is."""
        return cls(**{entry.name: getattr(accelerator, entry.name) for entry in fields(accelerator)})

    def run(self, network: Network, plan: Plan | None = None, *, progress: Progress | None = None) -> Report:
        """Run a network (`sharp.simulate`)."""
        return simulate(network, self, plan, progress=progress)

    def with_settings(self, settings: Mapping[str, object]) -> Self:
        """The same machine with some parameters changed (`sharp.machine.accelerator.with_settings`)."""
        return with_settings(self, settings)

    def as_tiles(self) -> Accelerator:
        """Itself."""
        return self

    @classmethod
    def names(cls) -> Collection[str]:
        """SHARP, and E-PUR in several readings."""
        return accelerator_names()

    @classmethod
    def named(cls, name: str) -> Self:
        """The accelerator of a shipped name."""
        return cls.of(find_accelerator(name))

    @classmethod
    def read(cls, name: str, content: Mapping[str, Any], *, folder: Path = Path(), allow_code: bool = False) -> Self:
        """The accelerator that the content of a file describes (`sharp.machine.files.load_accelerator`)."""
        del folder
        return cls.of(accelerator_from({"name": name, **content}, allow_code=allow_code))
