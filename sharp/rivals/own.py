"""Machines of others' code: checked when they are made, and their reports when they have run.

What such code raises becomes one sentence that says where; what it gives is refused where it makes no sense.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sharp.checks import check_integer, check_mapping, check_number, check_text, refuse
from sharp.cycles.counting import Progress
from sharp.cycles.report import MachineReport
from sharp.errors import SharpError, SpecificationError
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.quantities import in_unit
from sharp.rivals.machine import MACHINES, Machine
from sharp.workload.network import Network

if TYPE_CHECKING:
    from sharp.energy.implementation import Implementation
    from sharp.energy.technology import Technology

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Own(Machine):
    """A machine of somebody's code, with what it says of itself read once and checked."""

    where: str = field(compare=False)
    """File and class, or entry point, for sentences."""
    machine: Machine
    """What the code made."""
    name: str
    num_macs: int | None
    clock_hz: float | None
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    plan: Plan | None
    weight_bytes: float | None
    knows_energy: bool

    @classmethod
    def of(cls, where: str, machine: Machine) -> Self:
        """Check a machine.

        Raises
        ------
        SpecificationError
            Where it lacks something or has what makes no sense.
        """
        values = {name: _attribute(where, machine, name) for name in _CHECKS}
        return cls(where=where, machine=machine, **values)

    def run(self, network: Network, plan: Plan | None = None, *, progress: Progress | None = None) -> MachineReport:
        """Run a network, and check the report.

        Raises
        ------
        SpecificationError, InfeasibleMappingError
            As the machine raises them; where its code fails, or its report makes no sense, with the place.
        """
        report = _guarded(self.where, lambda: self.machine.run(network, plan, progress=progress))
        if not isinstance(report, MachineReport):
            raise refuse(f"machine: {self.where}: run", "a sharp.MachineReport", report)
        if report.network != network:
            raise refuse(f"machine: {self.where}: run", f"a report of {network.name}", report.network.name)
        for name in _FACTS:
            found = _attribute(self.where, report.accelerator, name)
            if found != getattr(self, name):
                expected = f"a report of this machine, whose {name} is {getattr(self, name)}"
                raise refuse(f"machine: {self.where}: run", expected, found)
        return report

    def with_settings(self, settings: Mapping[str, object]) -> Self:
        """The same machine with some numbers changed, checked again."""
        values = {name: in_unit(name, value, self.settings.get(name, "1")) for name, value in settings.items()}
        return self.of(self.where, _guarded(self.where, lambda: self.machine.with_settings(values)))

    @property
    def cautions(self) -> tuple[str, ...]:
        """As the machine has them."""
        return tuple(_guarded(self.where, lambda: self.machine.cautions))

    def budget(self, macs: str) -> Mapping[str, object] | None:
        """As the machine has it."""
        return _guarded(self.where, lambda: self.machine.budget(macs))

    def implement(self, technology: Technology, *, sram_source: str = "table") -> Implementation:
        """As the machine has it."""
        return _guarded(self.where, lambda: self.machine.implement(technology, sram_source=sram_source))

    def as_tiles(self) -> Accelerator:
        """As the machine has it."""
        return _guarded(self.where, self.machine.as_tiles)


def own_machine(where: str, content: Any) -> Own:
    """The machine that a user's class, or an instance of one, is.

    Raises
    ------
    SpecificationError
        Where it is no machine, or cannot be made without arguments.
    """
    machine = _guarded(where, content) if isinstance(content, type) and issubclass(content, Machine) else content
    if not isinstance(machine, Machine):
        raise SpecificationError(f"machine: {where}: expected a class derived from sharp.Machine, got {content!r:.80}")
    return Own.of(where, machine)


def read_own(where: str, content: Any, name: str, numbers: Mapping[str, Any], **options: Any) -> Own:
    """The machine of a user's class that a file of its kind describes.

    Raises
    ------
    SpecificationError
        Where it is no class of machines, or does not take what the file says.
    """
    if not (isinstance(content, type) and issubclass(content, Machine)):
        raise SpecificationError(f"machine: {where}: expected a class derived from sharp.Machine, got {content!r:.80}")
    return own_machine(where, _guarded(where, lambda: content.read(name, numbers, **options)))


def _guarded(where: str, code: Callable[[], Result]) -> Result:
    """What code of others gives; what it raises, but for sentences of ours, is made a sentence."""
    try:
        return code()
    except SharpError as error:
        raise type(error)(f"machine: {where}: {error}") from None
    except (Exception, SystemExit) as error:
        raise MACHINES.broken(where, error) from None


def _optional(check: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda name, value: None if value is None else check(name, value)


def _settings(name: str, value: Any) -> dict[str, str]:
    return {check_text(name, key): check_text(name, unit) for key, unit in check_mapping(name, value, value).items()}


def _plan(name: str, value: Any) -> Plan:
    if not isinstance(value, Plan):
        raise refuse(name, "a sharp.Plan or None", value)
    return value


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refuse(name, "True or False", value)
    return value


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "name": check_text,
    "num_macs": _optional(check_integer),
    "clock_hz": _optional(check_number),
    "settings": _settings,
    "plan": _optional(_plan),
    "weight_bytes": _optional(check_number),
    "knows_energy": _truth,
}


_FACTS = ("name", "num_macs", "clock_hz", "weight_bytes")
_MISSING = object()


def _attribute(where: str, machine: object, name: str) -> Any:
    value = _guarded(where, lambda: getattr(machine, name, _MISSING))
    if value is _MISSING:
        raise SpecificationError(f"machine: {where}: expected an attribute {name}, got none")
    return _guarded(where, lambda: _CHECKS[name](name, value))
