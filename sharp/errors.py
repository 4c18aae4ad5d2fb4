"""The errors that sharp raises for bad input: one sentence each, never a traceback at the command line."""

from __future__ import annotations

LONGEST = 600
"""Characters of a sentence; of a longer one the middle is left out."""


def as_sentence(text: str) -> str:
    """One line that a terminal can show, of a length that a person reads, whatever names and values it quotes."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in " ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 205]} ... {line[-200:]}"


class SharpError(Exception):
    """Anything that sharp refuses; its text is one sentence a user can act on."""

    def __init__(self, sentence: str = "") -> None:
        super().__init__(as_sentence(sentence))


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
