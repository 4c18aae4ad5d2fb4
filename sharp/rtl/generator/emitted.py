"""Units that are emitted once and instantiated many times; Verilog of them, and of what is made of them."""

from __future__ import annotations

from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring

from sharp.rtl.generator.sizes import Sizes
from sharp.rtl.generator.units.activation import ActivationLane
from sharp.rtl.generator.units.adders import AccumulatorRow, AdderRow
from sharp.rtl.generator.units.update import UpdateLane
from sharp.rtl.generator.units.vector_scalar import VectorScalarUnit
from sharp.rtl.tools import verilog_from_rtlil
from sharp.values.activations import LineTable


class Parts:
    """The units that a machine is made of, each there once, however often it is placed."""

    def __init__(self, sizes: Sizes, table: LineTable) -> None:
        self.units: dict[str, wiring.Component] = {
            "vector_scalar_unit": VectorScalarUnit(sizes.lanes, sizes.multiply),
            "adder_row": AdderRow(sizes.lanes, sizes.add),
            "accumulator_row": AccumulatorRow(sizes.lanes),
            "activation_lane": ActivationLane(table, sizes.activation),
            "update_lane": UpdateLane(table, sizes.update),
        }

    def place(self, m: Module, name: str, instance: str, **signals: Any) -> None:
        """Put an instance of a unit into a module, its ports connected to signals by name.

        Parameters
        ----------
        m : Module
        name : str
            The unit's.
        instance : str
            Name of this one of them.
        """
        unit = self.units[name]
        ports = {
            ("i_" if member.flow == wiring.In else "o_") + path[0]: signals[path[0]]
            for path, member, _ in unit.signature.flatten(unit)
        }
        if getattr(unit, "cycles", 0):
            ports |= {"i_clk": ClockSignal(), "i_rst": ResetSignal()}
        m.submodules[instance] = Instance(name, **ports)


def verilog(unit: wiring.Component, name: str) -> str:
    """Verilog of one unit; instances of others stay names.

    Raises
    ------
    SpecificationError
        Where yosys is not there.
    """
    return verilog_from_rtlil(rtlil.convert(unit, name=name, emit_src=False))
