"""sharp: trustworthy, fast, explorable models of RNN accelerators, after the SHARP paper (arXiv 1911.01258v3)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sharp.cycles.counting import CycleCounts, count_cycles
from sharp.cycles.explore import TileTable, explore, explore_layer
from sharp.cycles.schedule import Schedule
from sharp.cycles.simulate import LayerReport, Report, simulate
from sharp.cycles.task import Run, Segment, Task
from sharp.cycles.timeline import Timeline, make_timeline
from sharp.errors import InfeasibleMappingError, NotebookError, SharpError, SpecificationError
from sharp.machine.accelerator import Accelerator, Budget, MemoryLevel
from sharp.machine.files import find_accelerator, load_accelerator
from sharp.machine.plan import SCHEDULES, Plan
from sharp.provenance import Provenance
from sharp.space.points import grid
from sharp.space.sweep import sweep, sweep_chunks
from sharp.workload.cells import CELLS
from sharp.workload.files import find_network, load_networks
from sharp.workload.network import Network, RNNLayer, Sequences, square_lstm

if TYPE_CHECKING:
    from sharp.energy.breakdown import EnergyBreakdown, Gating
    from sharp.energy.files import find_technology
    from sharp.energy.implementation import Implementation, implement
    from sharp.energy.power import EnergyReport, evaluate_energy
    from sharp.energy.technology import Technology

__version__ = "0.1.0"

_LATER = {
    "EnergyBreakdown": "energy.breakdown",
    "EnergyReport": "energy.power",
    "Gating": "energy.breakdown",
    "Implementation": "energy.implementation",
    "Technology": "energy.technology",
    "evaluate_energy": "energy.power",
    "find_technology": "energy.files",
    "implement": "energy.implementation",
}
"""Names with the modules that they are loaded from when first asked for: cycles alone start a fifth faster."""

__all__ = [
    "CELLS",
    "SCHEDULES",
    "Accelerator",
    "Budget",
    "CycleCounts",
    "EnergyBreakdown",
    "EnergyReport",
    "Gating",
    "Implementation",
    "InfeasibleMappingError",
    "LayerReport",
    "MemoryLevel",
    "Network",
    "NotebookError",
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
    "explore",
    "explore_layer",
    "find_accelerator",
    "find_network",
    "find_technology",
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


def __getattr__(name: str) -> Any:
    """Load what is not loaded yet."""
    if name not in _LATER:
        raise AttributeError(f"module 'sharp' has no attribute {name!r}")
    return getattr(import_module(f"sharp.{_LATER[name]}"), name)
