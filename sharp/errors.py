"""The errors that sharp raises for bad input: one sentence each, never a traceback at the command line."""

from __future__ import annotations


class SharpError(Exception):
    """Anything that sharp refuses; its text is one sentence a user can act on."""


class SpecificationError(SharpError, ValueError):
    """A workload, accelerator, file or option that is not what it has to be."""


class InfeasibleMappingError(SharpError):
    """A valid workload and a valid accelerator that do not go together, or not yet."""


class TileHeightError(InfeasibleMappingError):
    """A schedule that cannot use a tile height; another height may do."""


class NotebookError(SharpError):
    """A notebook that raised; the text is the notebook's own error."""


class NotebookTimeoutError(NotebookError):
    """A notebook that took longer than it may."""
