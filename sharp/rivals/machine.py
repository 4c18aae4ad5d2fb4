"""One type for every machine: what it is, what can be changed of it, and how it runs a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from sharp.checks import check_name, refuse, within
from sharp.cycles.counting import Progress
from sharp.cycles.report import MachineReport
from sharp.errors import SpecificationError
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.plugins import Registry
from sharp.provenance import PublishedNumber, unusual
from sharp.published import number_from
from sharp.quantities import in_unit
from sharp.workload.network import Network

if TYPE_CHECKING:
    from sharp.energy.implementation import Implementation
    from sharp.energy.technology import Technology


class Machine(ABC):
    """A machine that runs networks; derive from it for one of your own (book, page "Your own machine").

    A machine is a value: a frozen dataclass with the fields below and its own, or a class that has them as attributes.
    Only `run` has to be written; the rest says what else is known of it, which is nothing by default.

    Examples
    --------
    >>> import sharp
    >>> machine = sharp.find_machine("brainwave")
    >>> machine.name, machine.num_macs, list(machine.settings)[-2:]
    ('brainwave', 96000, ['step_cycles', 'invocation_cycles'])
    >>> machine.run(sharp.square_lstm(512)).latency_s
    7.542e-05
    >>> machine.with_settings({"step_cycles": 325}).run(sharp.square_lstm(512)).latency_s
    4.292e-05
    """

    name: str
    """Short name, as given to ``--accelerator``."""
    num_macs: int | None
    """Multiply-accumulates that it does a cycle, at most; None where that is not known."""
    clock_hz: float | None
    """Hertz; None where that is not known."""
    settings: Mapping[str, str] = MappingProxyType({})
    """Numbers of it that ``--set`` may change, each with its unit; those of a dataclass are fields."""
    plan: Plan | None = None
    """How it is run unless asked otherwise; None where there is nothing to choose."""
    weight_bytes: float | None = None
    """Bytes of a weight, and of an element of x and h; None where that is not known."""
    knows_energy: bool = False
    """Whether `implement` says what it costs."""

    @property
    def cautions(self) -> tuple[str, ...]:
        """What is odd of its numbers, a sentence each: `settings` outside their plausible range."""
        values = {name: getattr(self, name) for name in self.settings}
        return unusual(values, self.settings, getattr(self, "provenance", {}))

    @abstractmethod
    def run(self, network: Network, plan: Plan | None = None, *, progress: Progress | None = None) -> MachineReport:
        """Run a network.

        Parameters
        ----------
        network : Network
        plan : Plan, optional
            How; the machine's own by default. Refused where the machine has none.
        progress : callable, optional
            Called with the share of the work done, 0 to 1.

        Raises
        ------
        SpecificationError, InfeasibleMappingError
            Where it does not run such a network or plan, in one sentence.
        """

    def with_settings(self, settings: Mapping[str, object]) -> Self:
        """The same machine with some of its `settings` changed, all at once.

        Values may be text with a unit ("500MHz").

        Raises
        ------
        SpecificationError
            Where it has no such setting (with the nearest names), or a value does not fit.
        """
        for name in settings:
            check_name(f"{self.name}: setting", name, self.settings)
        values = {name: in_unit(name, value, self.settings[name]) for name, value in settings.items()}
        return replace(self, **values)  # type: ignore[type-var]

    def budget(self, macs: str) -> Mapping[str, object] | None:
        """The settings that a number of multipliers ("64K") stands for; None where they cannot be chosen."""
        del macs
        return None

    def implement(self, technology: Technology, *, sram_source: str = "table") -> Implementation:
        """The machine in a technology, where energy is known of it: of tiles (`sharp.implement`)."""
        from sharp.energy.implementation import implement  # a run without energy starts without it

        return implement(self.as_tiles(), technology, sram_source=sram_source)

    def as_tiles(self) -> Accelerator:
        """The accelerator of tiles that it is, for what has a meaning for tiles alone: their heights, timeline, area.

        Raises
        ------
        SpecificationError
            Where it is none.
        """
        raise refuse("accelerator", "a machine of tiles, such as sharp", self.name)

    def check_no_plan(self, plan: Plan | None) -> None:
        """Refuse a plan, where there is nothing to choose."""
        if plan is not None:
            raise refuse("plan", f"none, as {self.name} has no schedule to choose", plan.schedule_name)

    # A kind of machines ----------------------------------------------------------------------------------------------

    @classmethod
    def names(cls) -> Collection[str]:
        """Names of the machines of this kind that ship."""
        return ()

    @classmethod
    def named(cls, name: str) -> Machine:
        """The machine of one of `names`."""
        raise KeyError(name)

    @classmethod
    def read(cls, name: str, content: Mapping[str, Any], *, folder: Path = Path(), allow_code: bool = False) -> Machine:
        """The machine that the content of a file of its kind describes: its `settings`, each a number.

        Parameters
        ----------
        name : str
            What the file calls it, or the file's own name.
        content : mapping
            Without ``kind`` and ``name``. Each entry is a number, or a mapping with value, unit, source and status.
        folder : Path
            Where the file lies, for files that it names.
        allow_code : bool
            Whether it may name Python files, whose code then runs.

        Raises
        ------
        SpecificationError
            With the key, what was expected and what was got.
        """
        del folder, allow_code
        values = {key: number.value for key, number in cls.numbers(content).items()}
        return cls(name=name, **values)  # type: ignore[call-arg]

    @classmethod
    def numbers(cls, content: Mapping[str, Any]) -> dict[str, PublishedNumber]:
        """The `settings` that the content of a file gives; those without a default have to be there."""
        numbers = {}
        for key, entry in content.items():
            check_name(cls.__name__.lower(), key, cls.settings)
            with within(key):
                numbers[key] = number_from(entry, cls.settings[key])
        for key in cls.settings:
            if key not in numbers and not hasattr(cls, key):
                raise SpecificationError(f"{cls.__name__.lower()}: expected a number {key}, got none")
        return numbers


MACHINES: Registry[Callable[[], type[Machine]]] = Registry("machine", "mine.py:MyMachine", home="sharp.rivals.machines")
"""The kinds of machines by name, each loaded when asked for; `sharp.rivals.machines` puts ours here."""
