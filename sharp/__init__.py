"""sharp: trustworthy, fast, explorable models of RNN accelerators, after the SHARP paper (arXiv 1911.01258v3).

Every name is loaded from its module when it is first asked for: a program starts with what it uses.
"""

from importlib import import_module

TYPE_CHECKING = False  # as in `typing`, which takes longer to load than all of this
if TYPE_CHECKING:
    from sharp.cycles.counting import CycleCounts, count_cycles
    from sharp.cycles.explore import TileTable, explore, explore_layer
    from sharp.cycles.report import LayerRun, MachineReport
    from sharp.cycles.schedule import Schedule
    from sharp.cycles.simulate import LayerReport, Report, simulate
    from sharp.cycles.task import Run, Segment, Task
    from sharp.cycles.timeline import Timeline, make_timeline
    from sharp.energy.breakdown import EnergyBreakdown, Gating
    from sharp.energy.files import find_technology
    from sharp.energy.implementation import Implementation, implement
    from sharp.energy.power import EnergyReport, evaluate_energy
    from sharp.energy.technology import Technology
    from sharp.errors import InfeasibleMappingError, NotebookError, SharpError, SpecificationError
    from sharp.machine.accelerator import Accelerator
    from sharp.machine.budget import Budget
    from sharp.machine.files import find_accelerator, load_accelerator
    from sharp.machine.memories import MemoryLevel
    from sharp.machine.plan import SCHEDULES, Plan
    from sharp.provenance import Provenance
    from sharp.rivals.machine import Machine
    from sharp.rivals.machines import find_machine
    from sharp.space.points import grid
    from sharp.space.sweep import sweep, sweep_chunks
    from sharp.values.execute import LayerValues, execute_layer
    from sharp.version import __version__ as __version__
    from sharp.workload.cell import Cell, CellOptions, Elementwise, Phase
    from sharp.workload.cells import CELLS
    from sharp.workload.files import find_network, load_networks
    from sharp.workload.graph import NotModelled, Place
    from sharp.workload.importing.from_torch import from_torch
    from sharp.workload.network import Network, RNNLayer
    from sharp.workload.sequences import Sequences
    from sharp.workload.single import square_lstm

_HOMES = {
    "Accelerator": "machine.accelerator",
    "Budget": "machine.budget",
    "CELLS": "workload.cells",
    "Cell": "workload.cell",
    "CellOptions": "workload.cell",
    "CycleCounts": "cycles.counting",
    "Elementwise": "workload.cell",
    "EnergyBreakdown": "energy.breakdown",
    "EnergyReport": "energy.power",
    "Gating": "energy.breakdown",
    "Implementation": "energy.implementation",
    "InfeasibleMappingError": "errors",
    "LayerReport": "cycles.simulate",
    "LayerRun": "cycles.report",
    "LayerValues": "values.execute",
    "Machine": "rivals.machine",
    "MachineReport": "cycles.report",
    "MemoryLevel": "machine.memories",
    "Network": "workload.network",
    "NotModelled": "workload.graph",
    "NotebookError": "errors",
    "Phase": "workload.cell",
    "Place": "workload.graph",
    "Plan": "machine.plan",
    "Provenance": "provenance",
    "RNNLayer": "workload.network",
    "Report": "cycles.simulate",
    "Run": "cycles.task",
    "SCHEDULES": "machine.plan",
    "Schedule": "cycles.schedule",
    "Segment": "cycles.task",
    "Sequences": "workload.sequences",
    "SharpError": "errors",
    "SpecificationError": "errors",
    "Task": "cycles.task",
    "Technology": "energy.technology",
    "TileTable": "cycles.explore",
    "Timeline": "cycles.timeline",
    "__version__": "version",
    "count_cycles": "cycles.counting",
    "evaluate_energy": "energy.power",
    "execute_layer": "values.execute",
    "explore": "cycles.explore",
    "explore_layer": "cycles.explore",
    "find_accelerator": "machine.files",
    "find_machine": "rivals.machines",
    "find_network": "workload.files",
    "find_technology": "energy.files",
    "from_torch": "workload.importing.from_torch",
    "grid": "space.points",
    "implement": "energy.implementation",
    "load_accelerator": "machine.files",
    "load_networks": "workload.files",
    "make_timeline": "cycles.timeline",
    "simulate": "cycles.simulate",
    "square_lstm": "workload.single",
    "sweep": "space.sweep",
    "sweep_chunks": "space.sweep",
}
"""Public names with the modules that they are loaded from."""

__all__ = [
    "CELLS",
    "SCHEDULES",
    "Accelerator",
    "Budget",
    "Cell",
    "CellOptions",
    "CycleCounts",
    "Elementwise",
    "EnergyBreakdown",
    "EnergyReport",
    "Gating",
    "Implementation",
    "InfeasibleMappingError",
    "LayerReport",
    "LayerRun",
    "LayerValues",
    "Machine",
    "MachineReport",
    "MemoryLevel",
    "Network",
    "NotModelled",
    "NotebookError",
    "Phase",
    "Place",
    "Plan",
    "Provenance",
    "RNNLayer",
    "Report",
    "Run",
    "Schedule",
    "Segment",
    "Sequences",
    "SharpError",
    "SpecificationError",
    "Task",
    "Technology",
    "TileTable",
    "Timeline",
    "count_cycles",
    "evaluate_energy",
    "execute_layer",
    "explore",
    "explore_layer",
    "find_accelerator",
    "find_machine",
    "find_network",
    "find_technology",
    "from_torch",
    "grid",
    "implement",
    "load_accelerator",
    "load_networks",
    "make_timeline",
    "simulate",
    "square_lstm",
    "sweep",
    "sweep_chunks",
]


def __getattr__(name: str) -> object:
    """Load what is not loaded yet."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sharp' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"sharp.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
