"""Door for programs of one's own: a machine of any kind by name, a network on it, and what a machine derives from."""

from sharp.cycles.counting import Progress
from sharp.rivals.machine import MACHINES, Machine
from sharp.rivals.machines import find_machine, load_any, run_on, shipped_machines, shipped_rivals

__all__ = [
    "MACHINES",
    "Machine",
    "Progress",
    "find_machine",
    "load_any",
    "run_on",
    "shipped_machines",
    "shipped_rivals",
]
