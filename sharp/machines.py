"""Door for programs of one's own: a machine of any kind by name, and a network on it."""

from sharp.rivals.machines import find_machine, load_any, run_on, shipped_rivals

__all__ = ["find_machine", "load_any", "run_on", "shipped_rivals"]
