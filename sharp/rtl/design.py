"""Verilog of a machine: of the whole, of its control alone, of the units that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sharp.checks import check_kind
from sharp.rtl.generator.sizes import Sizes
from sharp.values.activations import LineTable


@dataclass(frozen=True, kw_only=True)
class Design:
    """A machine that can be emitted and simulated."""

    sizes: Sizes
    """How much of everything it has."""
    table: LineTable = field(default_factory=LineTable)
    """Its activation unit."""
    control_only: bool = False
    """Whether it is the control alone, which computes nothing; its cycles are those of the whole."""

    def __post_init__(self) -> None:
        check_kind("sizes", self.sizes, Sizes)

    @property
    def top(self) -> str:
        """Name of the module that holds all others."""
        return "control" if self.control_only else "machine"

    def verilog(self) -> Mapping[str, str]:
        """Verilog by module: the top and, of the whole machine, every unit.

        Raises
        ------
        SpecificationError
            Where Amaranth or yosys is not installed.
        """
        from sharp.rtl.tools import check_generator

        check_generator()
        from sharp.rtl.generator.control import Control
        from sharp.rtl.generator.emitted import Parts, verilog
        from sharp.rtl.generator.machine import Machine

        if self.control_only:
            return {self.top: verilog(Control(self.sizes), self.top)}
        parts = Parts(self.sizes, self.table)
        units = {name: verilog(unit, name) for name, unit in parts.units.items()}
        return {self.top: verilog(Machine(self.sizes, parts), self.top), **units}
