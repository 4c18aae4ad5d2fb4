"""Cycles of the NPU's programs, event by event, as its RTL takes them: a transcription of the RTL, not a prediction.

How the machine goes, so that nobody has to find it out from the code:

- An instruction is a chain through five units in a fixed order: matrix-vector unit (MVU), external register file
  (eVRF), two multi-function units (MFU0, MFU1), loader (LD). Each has a scheduler of its own. All five schedulers fetch
  every instruction, in order, in a cycle each, also where their unit has nothing to do; then they write its
  micro-operations into the unit's queue, one a cycle. They run ahead of the units as far as the queues go.
- A unit issues its micro-operations in order, at most one a cycle, each as soon as its word has come from the unit
  before and the vector that the chain waits for is written back whole.
- A product passes over a group of rows (`Shape.row_groups`) once for each part of its columns; a row is complete in the
  last pass. A width converter then turns it into three words, one a sequence, in four cycles.
- The loader writes a vector for the tiles in parts, an instruction each. The vector is there when its last part is.

All of it is maxima and sums of earlier cycles, so a chain is computed whole, from arrays of cycles. `run_program`
stops where the machine's state repeats relative to time and adds the whole periods that are left (decision 4): the cost
does not grow with the steps.

Left out, because it never decides anything in these programs: that a queue is two, one behind the other; that eVRF and
MFUs also wait for their next micro-operation after a bubble (its words come three at a time, and it is always there
before them); how many weights, vectors, instructions and tags the machine holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from sharp.checks import check_integer
from sharp.errors import InfeasibleMappingError
from sharp.rivals.npu.programs import Chain, Load, find_program
from sharp.rivals.npu.shape import SEQUENCES, Shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Cycles = NDArray[np.int64]

UNITS = ("mvu", "evrf", "mfu0", "mfu1", "ld")
"""The units, in the order in which a chain goes through them."""

_FIRST_FETCH = 11
"""Cycle in which the first instruction can be fetched; each later one can be a cycle after the one before it."""
_QUEUE_LENGTH = 1004
"""Micro-operations that a scheduler is ahead of its unit at most."""
_QUEUE_LATENCY = 6
"""Cycles from the scheduler's write to the unit's issue."""
_ROOM_LATENCY = 2
"""Cycles from an issue to the write into the room that it makes."""
_CONVERTER_CYCLES = SEQUENCES + 1
"""Cycles of the width converter for a row: one to fetch it, then a word each."""
_WORD_LATENCY = {"evrf": 1, "mfu0": 13, "mfu1": 25, "ld": 27}
"""Cycles from a word's issue in the unit before (for eVRF, from the converter) to its issue in this one."""
_VECTOR_LATENCY = {"mvu": 5, "evrf": 6, "mfu0": 6, "mfu1": 6}
"""Cycles from a vector's last word in the loader to the first issue of a chain that waits for the vector."""
_OUTPUT_LATENCY = 6
"""Cycles from the loader to the output."""
_MOST_MICRO_OPERATIONS = 2**20
"""Of a product, so that its events fit in memory: some 100,000 cells on the public RTL's machine."""
_LONG_AGO = -(2**60)
"""Cycle of what was there before the program."""


class Event(NamedTuple):
    """First and last issue of an instruction in a unit."""

    instruction: int
    """Number of the instruction, from 0."""
    unit: str
    """One of `UNITS`."""
    first: int
    """Cycle of the first issue."""
    last: int
    """Cycle of the last issue."""


class Run(NamedTuple):
    """What a program took."""

    cycles: int
    """From its start to its last output."""
    product_cycles: int
    """From its start to the end of its last product."""


def run_program(
    cell: str,
    *,
    input_size: int,
    hidden_size: int,
    seq_len: int = 1,
    shape: Shape | None = None,
    every_step: bool = False,
) -> Run:
    """Run the program of a layer on three sequences a core.

    The RTL as checked in takes 30 cycles more to pass the start signal on, which its own figures leave out too.

    Parameters
    ----------
    cell : str
        "lstm", "gru" (its reset before the product), "rnn", or "gemv": a product alone, in every step.
    input_size : int
        Elements of x.
    hidden_size : int
        Elements of h, or of the product.
    seq_len : int
        Time steps.
    shape : Shape, optional
        Size of the machine; by default that of the public RTL.
    every_step : bool
        Go through every step, and do not stop where the machine's state repeats: the same count, later.

    Returns
    -------
    Run
        Its cycles.

    Raises
    ------
    SpecificationError
        For another cell, a size that is no positive integer, or one whose program flushes (`Shape.check_size`).
    InfeasibleMappingError
        Where a product has more than 2^20 micro-operations.

    Examples
    --------
    >>> run_program("lstm", input_size=512, hidden_size=512, seq_len=8)
    Run(cycles=4545, product_cycles=4117)
    """
    program = find_program(cell)
    machine = _Machine(shape or Shape(), input_size, hidden_size)
    machine.run(program.before)
    left = check_integer("seq_len", seq_len) - 1
    taken, seen, seen_at, seen_state = 0, 0, *machine.state()
    while left:
        machine.run(program.step)
        taken, left = taken + 1, left - 1
        now, state = machine.state()
        if state == seen_state and not every_step:
            periods, left = divmod(left, taken - seen)
            machine.wait(periods * (now - seen_at))
            every_step = True  # what is left is shorter than a period
        elif taken & (taken - 1) == 0:  # Brent's search for a cycle
            seen, seen_at, seen_state = taken, now, state
    machine.run(program.last_step())
    return Run(machine.last_write + _OUTPUT_LATENCY, int(machine.units["mvu"].issued[-1]) + 1)


def trace(cell: str, *, input_size: int, hidden_size: int, seq_len: int = 1, shape: Shape | None = None) -> list[Event]:
    """Events of a layer, all of its steps, as `run_program` has them; parameters and errors as there.

    Returns
    -------
    list of Event
        By instruction, then by unit; an instruction has none in a unit that it does not use.

    Examples
    --------
    >>> trace("gemv", input_size=512, hidden_size=512)[7]
    Event(instruction=7, unit='mvu', first=70, last=95)
    """
    program = find_program(cell)
    machine = _Machine(shape or Shape(), input_size, hidden_size)
    machine.run(program.before)
    for _ in range(check_integer("seq_len", seq_len) - 1):
        machine.run(program.step)
    machine.run(program.last_step())
    return machine.events


def _spaced(earliest: Cycles, start: int, spacing: int = 1) -> Cycles:
    """Cycles of events in order, `spacing` apart or more, none before its earliest cycle nor before `start`."""
    import numpy as np

    order = spacing * np.arange(len(earliest))
    cycles: Cycles = np.maximum.accumulate(np.maximum(earliest - order, start)) + order
    return cycles


class _Unit:
    """A unit and its scheduler."""

    def __init__(self) -> None:
        import numpy as np

        self.fetch = 0
        """First cycle in which the scheduler can fetch the next instruction."""
        self.issued: Cycles = np.full(_QUEUE_LENGTH, _LONG_AGO, dtype=np.int64)
        """When the last micro-operations were issued, as many as the queue holds, earliest first."""

    def skip(self, dispatched: int) -> None:
        """Fetch an instruction in which the unit has nothing to do."""
        self.fetch = max(self.fetch, dispatched) + 1

    def issue(self, dispatched: int, start: int, words: Cycles) -> Cycles:
        """Fetch an instruction and issue a micro-operation for each word that comes, none before `start`."""
        import numpy as np

        written, parts = max(self.fetch, dispatched) + 1, []
        for first in range(0, len(words), _QUEUE_LENGTH):  # the issues of a part make room for the next
            part = words[first : first + _QUEUE_LENGTH]
            queued = _spaced(self.issued[: len(part)] + _ROOM_LATENCY, written)
            issued = _spaced(np.maximum(part, queued + _QUEUE_LATENCY), max(start, int(self.issued[-1]) + 1))
            self.issued = np.concatenate((self.issued[len(part) :], issued))
            written = int(queued[-1]) + 1
            parts.append(issued)
        self.fetch = written
        return np.concatenate(parts)


class _Machine:
    """The NPU between two instructions."""

    def __init__(self, shape: Shape, input_size: int, output_size: int) -> None:
        check_integer("input_size", input_size)
        shape.check_size("hidden_size", check_integer("hidden_size", output_size))
        self.shape, self.rows = shape, shape.rows(output_size)
        self.input_passes, self.output_passes = shape.passes(input_size), shape.passes(output_size)
        most = self.rows * max(self.input_passes, self.output_passes)
        if most > _MOST_MICRO_OPERATIONS:
            raise InfeasibleMappingError(
                f"hidden_size: expected products of at most 2^20 micro-operations, got {input_size} x {output_size} "
                f"elements, which have 2^{most.bit_length() - 1} and more"
            )
        self.units = {name: _Unit() for name in UNITS}
        self.written: dict[str, int] = {}
        """When the last word of each vector was in the loader; what is not here was there before the program."""
        self.converted = _LONG_AGO
        """When the width converter fetched its last row."""
        self.next_fetch = _FIRST_FETCH
        """First cycle in which the next instruction can be fetched."""
        self.num_instructions = 0
        self.events: list[Event] = []

    def run(self, entries: Iterable[Load | Chain]) -> None:
        """Run a part of a program."""
        for entry in entries:
            if isinstance(entry, Load):
                self._load(entry)
            else:
                self._chain(entry)

    @property
    def last_write(self) -> int:
        """Cycle of the loader's last word."""
        return int(self.units["ld"].issued[-1])

    def state(self) -> tuple[int, bytes]:
        """Cycle of the loader's last word, and what decides how the machine goes on, relative to it."""
        import numpy as np

        units = self.units.values()
        times = np.concatenate(
            [unit.issued for unit in units]
            + [np.array([unit.fetch for unit in units])]
            + [np.array([self.next_fetch, self.converted, *self.written.values()])]
        )
        # Nothing can happen before the unit, or scheduler, that is furthest back: what is older decides nothing.
        oldest = min(min(unit.fetch, int(unit.issued[-1])) for unit in units) - max(_VECTOR_LATENCY.values())
        return self.last_write, (np.maximum(times, oldest) - self.last_write).tobytes()

    def wait(self, cycles: int) -> None:
        """Move on by some cycles, in which steps go by that end in the same state."""
        for unit in self.units.values():
            unit.fetch += cycles
            unit.issued += cycles
        self.converted += cycles
        self.next_fetch += cycles
        self.written = {name: cycle + cycles for name, cycle in self.written.items()}

    def _load(self, load: Load) -> None:
        """Load a vector: for the tiles, an instruction each, in as many words as x has passes."""
        import numpy as np

        parts = [self.input_passes] * self.shape.tiles if load.to_tiles else [self.rows]
        for words in parts:
            self._write_alone(load.writes, np.full(SEQUENCES * words, _LONG_AGO))

    def _chain(self, chain: Chain) -> None:
        """Run a chain and write its result: for the tiles, in instructions of their own."""
        words = self._multiply(chain.product)
        for unit, operand in (("evrf", chain.vector), ("mfu0", chain.mfu0), ("mfu1", chain.mfu1)):
            words = self._issue(unit, operand, words + _WORD_LATENCY[unit])
        words = words + _WORD_LATENCY["ld"]
        if not chain.to_tiles:
            self._write(chain.writes, words)
            return
        self._skip("ld")
        self._end_instruction()
        size = SEQUENCES * self.output_passes
        for first in range(0, len(words), size):
            self._write_alone(chain.writes, words[first : first + size])

    def _multiply(self, operand: str) -> Cycles:
        """Words of a product, three for each row, as the converter puts them out; without a product, as if long ago."""
        import numpy as np

        if not operand:
            self._skip("mvu")
            return np.full(SEQUENCES * self.rows, _LONG_AGO)
        passes = self.input_passes if operand == "x" else self.output_passes
        issued = self._issue("mvu", operand, np.full(self.rows * passes, _LONG_AGO))
        complete, before = [], 0
        for rows in self.shape.row_groups(self.rows):
            before += rows * passes
            complete.append(issued[before - rows : before])
        results = np.concatenate(complete) + self.shape.product_latency
        converted = _spaced(results, self.converted + _CONVERTER_CYCLES, _CONVERTER_CYCLES)
        self.converted = int(converted[-1])
        words: Cycles = np.add.outer(converted, np.arange(1, _CONVERTER_CYCLES)).reshape(-1)
        return words

    def _write_alone(self, name: str, words: Cycles) -> None:
        """Write a vector, or a part of it, in an instruction that does nothing else."""
        for unit in UNITS[:-1]:
            self._skip(unit)
        self._write(name, words)

    def _write(self, name: str, words: Cycles) -> None:
        """Write a vector, or a part of it, as the last that an instruction does."""
        self.written[name] = int(self._issue("ld", "", words)[-1])
        self._end_instruction()

    def _issue(self, unit: str, operand: str, words: Cycles) -> Cycles:
        """Issue the micro-operations of this instruction in a unit, once the operand, if it waits for one, is there."""
        start = self.written[operand] + _VECTOR_LATENCY[unit] if operand in self.written else _LONG_AGO
        issued = self.units[unit].issue(self.next_fetch, start, words)
        self.events.append(Event(self.num_instructions, unit, int(issued[0]), int(issued[-1])))
        return issued

    def _skip(self, unit: str) -> None:
        self.units[unit].skip(self.next_fetch)

    def _end_instruction(self) -> None:
        self.next_fetch += 1
        self.num_instructions += 1
