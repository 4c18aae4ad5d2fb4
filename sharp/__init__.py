"""sharp: trustworthy, fast, explorable models of RNN accelerators, after the SHARP paper (arXiv 1911.01258v3)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sharp.accelerator import Accelerator, Budget, MemoryLevel
from sharp.cells import CELLS
from sharp.cycles import CycleCounts, count_cycles
from sharp.errors import InfeasibleMappingError, NotebookError, SharpError, SpecificationError
from sharp.explore import TileTable, explore, explore_layer
from sharp.machine_files import find_accelerator, load_accelerator
from sharp.network_files import find_network, load_networks
from sharp.plan import SCHEDULES, Plan
from sharp.points import grid
from sharp.provenance import Provenance
from sharp.schedule import Schedule
from sharp.simulate import LayerReport, Report, simulate
from sharp.sweep import sweep, sweep_chunks
from sharp.task import Run, Segment, Task
from sharp.timeline import Timeline, make_timeline
from sharp.workload import Network, RNNLayer, Sequences, square_lstm

if TYPE_CHECKING:
    from sharp.energy import EnergyBreakdown, Gating
    from sharp.implementation import Implementation, implement
    from sharp.power import EnergyReport, evaluate_energy
    from sharp.technology import Technology, find_technology

__version__ = "0.1.0"

_LATER = {
    "EnergyBreakdown": "energy",
    "EnergyReport": "power",
    "Gating": "energy",
    "Implementation": "implementation",
    "Technology": "technology",
    "evaluate_energy": "power",
    "find_technology": "technology",
    "implement": "implementation",
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
