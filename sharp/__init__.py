"""sharp: trustworthy, fast, explorable models of RNN accelerators, after the SHARP paper (arXiv 1911.01258v3)."""

from sharp.accelerator import Accelerator, Budget, MemoryLevel
from sharp.cells import CELLS
from sharp.cycles import CycleCounts, count_cycles
from sharp.errors import InfeasibleMappingError, NotebookError, SharpError, SpecificationError
from sharp.explore import TileTable, explore, explore_layer
from sharp.io import find_accelerator, find_network, load_accelerator, load_networks
from sharp.plan import Plan
from sharp.points import grid
from sharp.provenance import Provenance
from sharp.schedule import SCHEDULES, Schedule
from sharp.simulate import LayerReport, Report, simulate
from sharp.sweep import sweep, sweep_chunks
from sharp.task import Run, Segment, Task
from sharp.timeline import Timeline, make_timeline
from sharp.workload import Network, RNNLayer, Sequences, square_lstm

__version__ = "0.1.0"

__all__ = [
    "CELLS",
    "SCHEDULES",
    "Accelerator",
    "Budget",
    "CycleCounts",
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
    "TileTable",
    "Timeline",
    "count_cycles",
    "explore",
    "explore_layer",
    "find_accelerator",
    "find_network",
    "grid",
    "load_accelerator",
    "load_networks",
    "make_timeline",
    "simulate",
    "square_lstm",
    "sweep",
    "sweep_chunks",
]
