"""sharp: trustworthy, fast, explorable models of RNN accelerators, after the SHARP paper (arXiv 1911.01258v3)."""

from sharp.accelerator import Accelerator, Budget, MemoryLevel
from sharp.cycles import CycleCounts, count_cycles
from sharp.errors import InfeasibleMappingError, NotebookError, SharpError, SpecificationError
from sharp.explore import TileTable, explore, explore_layer
from sharp.io import find_accelerator, find_network, load_accelerator, load_networks
from sharp.provenance import Provenance
from sharp.schedule import SCHEDULES
from sharp.simulate import LayerReport, Report, simulate
from sharp.timeline import Timeline, make_timeline
from sharp.workload import Network, RNNLayer, square_lstm

__version__ = "0.1.0"

__all__ = [
    "SCHEDULES",
    "Accelerator",
    "Budget",
    "CycleCounts",
    "InfeasibleMappingError",
    "LayerReport",
    "MemoryLevel",
    "Network",
    "NotebookError",
    "Provenance",
    "RNNLayer",
    "Report",
    "SharpError",
    "SpecificationError",
    "TileTable",
    "Timeline",
    "count_cycles",
    "explore",
    "explore_layer",
    "find_accelerator",
    "find_network",
    "load_accelerator",
    "load_networks",
    "make_timeline",
    "simulate",
    "square_lstm",
]
