"""What is known of the NPU: cycles and events of its RTL, and what its project publishes of RTL and simulator.

The files lie in ``sharp/data/rivals``; the head of each says where its numbers come from, what was left out and what
was checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sharp.checks import check_integer, check_name, check_number, check_text, within
from sharp.provenance import STATUSES
from sharp.rivals.npu.events import UNITS, Event, run_program, trace
from sharp.rivals.npu.programs import PROGRAMS
from sharp.rivals.npu.shape import Shape
from sharp.rivals.rows import integer, number, read_rows
from sharp.shipped import DATA

_SIZES = ("input_size", "hidden_size", "seq_len")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that was run, with six sequences."""

    cell: str
    """"lstm", "gru", "rnn", or "gemv": a product alone."""
    input_size: int
    """Elements of x."""
    hidden_size: int
    """Elements of h, or of the product."""
    seq_len: int
    """Time steps."""
    shape: Shape
    """Size of the machine."""
    source: str
    """Text or code that the numbers come from."""
    status: str
    """One of `sharp.provenance.STATUSES`."""

    def __post_init__(self) -> None:
        check_name("cell", self.cell, PROGRAMS)
        for name in _SIZES:
            check_integer(name, getattr(self, name))
        check_text("source", self.source)
        check_name("status", self.status, STATUSES)

    @property
    def is_square(self) -> bool:
        """Whether x has as many elements as h."""
        return self.input_size == self.hidden_size

    def model_cycles(self) -> int:
        """Cycles that the model says it takes."""
        return run_program(self.cell, shape=self.shape, **{name: getattr(self, name) for name in _SIZES}).cycles

    def model_events(self) -> list[Event]:
        """Events that the model says it has."""
        return trace(self.cell, shape=self.shape, **{name: getattr(self, name) for name in _SIZES})


@dataclass(frozen=True, kw_only=True)
class RtlRun(Program):
    """A simulation of the RTL."""

    cycles: int
    """From the start of the program to its last output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("cycles", self.cycles)


@dataclass(frozen=True, kw_only=True)
class RtlTrace(Program):
    """A simulation of the RTL, with what happened in it."""

    events: tuple[Event, ...]
    """By instruction, then by unit."""


@dataclass(frozen=True, kw_only=True)
class PublishedRun(Program):
    """What the NPU's project publishes of a test program, in tera-operations a second, two a multiply-accumulate."""

    rtl_tops: float
    """In simulation of the RTL."""
    simulator_tops: float
    """In the project's own performance simulator."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rtl_tops", "simulator_tops"):
            check_number(name, getattr(self, name))

    @property
    def simulator_error(self) -> float:
        """Cycles of the project's simulator over those of its RTL, less one."""
        return self.rtl_tops / self.simulator_tops - 1


@cache
def rtl_runs() -> tuple[RtlRun, ...]:
    """All simulations of the RTL (``npu_rtl.csv``)."""
    return tuple(RtlRun(cycles=integer(row, "cycles"), **fields) for row, fields in _programs("npu_rtl"))


@cache
def published_runs() -> tuple[PublishedRun, ...]:
    """What the NPU's project publishes (``npu_published.csv``)."""
    return tuple(
        PublishedRun(rtl_tops=number(row, "rtl_tops"), simulator_tops=number(row, "simulator_tops"), **fields)
        for row, fields in _programs("npu_published")
    )


@cache
def rtl_traces() -> tuple[RtlTrace, ...]:
    """The programs whose events are known (``npu_events.csv``)."""
    events: dict[tuple[Any, ...], list[Event]] = {}
    for row, fields in _programs("npu_events"):
        first, last = integer(row, "first", 0), integer(row, "last", 0)
        unit = check_name("unit", row["unit"], UNITS)
        event = Event(integer(row, "instruction", 0), unit, first, last)
        events.setdefault(tuple(fields.items()), []).append(event)
    return tuple(RtlTrace(events=tuple(found), **dict(fields)) for fields, found in events.items())


def _programs(stem: str) -> list[tuple[Mapping[str, str], dict[str, Any]]]:
    """Rows of a file, and the fields of `Program` that each has."""
    programs: list[tuple[Mapping[str, str], dict[str, Any]]] = []
    path = DATA / "rivals" / f"{stem}.csv"
    for line, row in read_rows(path):
        with within(f"{path}: line {line}: "):
            shape = Shape(tiles=integer(row, "tiles"), lanes=integer(row, "lanes"))
            sizes = {name: integer(row, name) for name in _SIZES}
            texts = {name: row[name] for name in ("cell", "source", "status")}
            programs.append((row, {**texts, **sizes, "shape": shape}))
    return programs
