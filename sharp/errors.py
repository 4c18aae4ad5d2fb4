"""The errors that sharp raises for bad input: one sentence each, never a traceback at the command line."""

from __future__ import annotations

from typing import Self

LONGEST = 600
"""Characters of a sentence; of a longer one the middle is left out."""


def as_sentence(text: str) -> str:
    """One line that a terminal can show, of a length that a person reads, whatever names and values it quotes."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in " ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 205]} ... {line[-200:]}"


class SharpError(Exception):
    """Anything that sharp refuses: the base of all its errors.

    The text is one sentence that says where, what was expected and what was got; the command prints it in place of
    a traceback. Catch this class to catch whatever sharp says of its input; a bug in sharp is never one.

    Examples
    --------
    >>> import sharp
    >>> try:
    ...     sharp.find_network("eesne")
    ... except sharp.SharpError as error:
    ...     print(error)
    network: expected a name that `sharp list networks` prints or a YAML file, got 'eesne' (did you mean 'eesen'?)
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(as_sentence(sentence))
        self.reason = str(self)

    def at(self, where: str) -> Self:
        """The same error with `where` before its sentence; its `reason` stays without."""
        error = type(self)(f"{where}: {self}")
        error.reason = self.reason
        return error


class SpecificationError(SharpError, ValueError):
    """An input that is not what it has to be: a workload, a machine, a plan, a file, an option.

    It is a `ValueError` too. Values are checked when an object is made, so a wrong one is refused before anything runs.

    Examples
    --------
    >>> import sharp
    >>> sharp.RNNLayer(input_size=340, hidden_size=0)
    Traceback (most recent call last):
    sharp.errors.SpecificationError: hidden_size: expected a positive integer, got 0
    """


class InfeasibleMappingError(SharpError):
    """Two valid inputs that do not go together: this network, or this schedule, cannot run on this machine.

    Each is right by itself; another schedule, tile height or size may do. Sizes whose cycles 64 bits do not hold are
    refused in this way, too.

    Examples
    --------
    A GRU with its reset before the product has a gate that waits for another one, so it cannot go gate after gate:

    >>> import sharp
    >>> layer = sharp.RNNLayer(cell="gru", input_size=256, hidden_size=256, linear_before_reset=False)
    >>> plan = sharp.Plan(schedule="sequential", tile_rows=32)
    >>> sharp.count_cycles(layer, 25, sharp.find_accelerator("sharp"), plan)
    Traceback (most recent call last):
    sharp.errors.OrderError: schedule: expected intergate, unfolded or interleaved ...
    """


class OrderError(InfeasibleMappingError):
    """A schedule that cannot order a cell, whatever the sizes of the layer."""


class TileHeightError(OrderError):
    """A schedule that cannot use a tile height; another height may do."""


class NotebookError(SharpError):
    """A notebook that raised an error; the text names the notebook, the cell and the error that it raised.

    `sharp figure` and `sharp batch` run notebooks, and raise this where one of them fails. Nothing that the notebook
    had written so far is kept.

    Examples
    --------
    >>> import sharp
    >>> raise sharp.NotebookError("fig_mine.md, cell 3: ZeroDivisionError: division by zero")
    Traceback (most recent call last):
    sharp.errors.NotebookError: fig_mine.md, cell 3: ZeroDivisionError: division by zero
    """


class NotebookTimeoutError(NotebookError):
    """A notebook that took longer than it may."""
