"""The sequences of a batch: how many time steps each has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from sharp.checks import check_integer, check_items, refuse


@dataclass(frozen=True)
class Sequences:
    """The sequences of a batch: how many time steps each has.

    A batch of B sequences runs through a layer together, so that a weight is read once for all of them. Sequences may
    be unequally long; they are kept as spans of steps in which equally many still run, the longest sequence first.

    Examples
    --------
    Three sequences run for 12 steps, then the two longer ones for another 18:

    >>> import sharp
    >>> batch = sharp.Sequences.of([30, 12, 30])
    >>> batch.spans
    ((3, 12), (2, 18))
    >>> batch.num_steps, batch.total_steps
    (30, 72)
    >>> sharp.Sequences.equal(seq_len=25, batch_size=4).total_steps
    100
    """

    spans: tuple[tuple[int, int], ...]
    """(sequences, steps): the first span runs all sequences, each later one fewer."""

    def __post_init__(self) -> None:
        spans = self.spans
        if not (
            isinstance(spans, tuple) and spans and all(isinstance(span, tuple) and len(span) == 2 for span in spans)
        ):
            raise refuse("spans", "pairs (sequences, steps), at least one", spans)
        for place, numbers in enumerate(spans):
            for name, number in zip(("sequences", "steps"), numbers, strict=True):
                check_integer(f"spans[{place}].{name}", number)
            if place and numbers[0] >= spans[place - 1][0]:
                raise refuse(f"spans[{place}].sequences", "fewer than in the span before", numbers[0])

    @classmethod
    def equal(cls, seq_len: int, batch_size: int = 1) -> Sequences:
        """A batch of equally long sequences.

        Parameters
        ----------
        seq_len : int
            Time steps of each.
        batch_size : int
            Sequences.
        """
        return cls(((check_integer("batch_size", batch_size), check_integer("seq_len", seq_len)),))

    @classmethod
    def of(cls, lengths: Iterable[int]) -> Sequences:
        """A batch of sequences of some lengths, in any order.

        Parameters
        ----------
        lengths : iterable of int
            Time steps of each sequence, at least one.

        Raises
        ------
        SpecificationError
            Where there is none, or a length is not a positive integer.
        """
        given = check_items("seq_len", lengths, "the length of each sequence")
        ordered = sorted((check_integer("seq_len", length) for length in given), reverse=True)
        if not ordered:
            raise refuse("seq_len", "the length of at least one sequence", ordered)
        spans, running, done = [], len(ordered), 0
        for length, group in groupby(reversed(ordered)):
            spans.append((running, length - done))
            running, done = running - len(list(group)), length
        return cls(tuple(spans))

    @property
    def batch_size(self) -> int:
        """Sequences that run at the start: all of them."""
        return self.spans[0][0]

    @property
    def num_steps(self) -> int:
        """Time steps of the longest sequence; the layer takes as many."""
        return sum(steps for _, steps in self.spans)

    @property
    def total_steps(self) -> int:
        """Time steps of all sequences together; the layer computes as many."""
        return sum(sequences * steps for sequences, steps in self.spans)

    @property
    def are_equal(self) -> bool:
        """Whether all sequences are equally long."""
        return len(self.spans) == 1

    @property
    def lengths(self) -> tuple[int, ...]:
        """Time steps of each sequence, the longest first."""
        ends, running, done = [], (*(count for count, _ in self.spans[1:]), 0), 0
        for (sequences, steps), later in zip(self.spans, running, strict=True):
            done += steps
            ends += [done] * (sequences - later)
        return tuple(reversed(ends))

    def stacked(self, num_frames: int) -> Sequences:
        """The same sequences with so many successive steps made one; a rest at the end is a step, too.

        Parameters
        ----------
        num_frames : int
            Steps that become one.
        """
        if num_frames == 1:
            return self
        ends, done = [], 0
        for sequences, steps in self.spans:
            done += steps
            ends.append((sequences, -(-done // num_frames)))
        begins = (0, *(end for _, end in ends))
        return Sequences(
            tuple((each, end - begin) for (each, end), begin in zip(ends, begins, strict=False) if end > begin)
        )

    @property
    def last_steps(self) -> Sequences:
        """One step of each sequence."""
        return Sequences(((self.batch_size, 1),))
