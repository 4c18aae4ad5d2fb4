"""A round of a schedule as the array runs it: which rows are multiplied by which columns, and when cells update.

Segments are taken in the order of issue. Those that follow each other and do not wait for each other's updates are one
*stretch*, and those of a stretch that differ in their rows alone are one product, so that a layer of any size is a few
calls; each row's own order, and what every product finds in the vectors, stay those of the segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sharp.checks import refuse
from sharp.cycles.task import Run, Segment, Task
from sharp.workload.cell import Phase

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]


class Product(NamedTuple):
    """What rows of a phase have in common that are multiplied together."""

    phase: int
    """Place of the phase in the cell."""
    ahead: int
    """Steps ahead of the round."""
    part: int
    """Part of the operand."""
    first_column: int
    last_column: int
    """Columns of the phase's matrix, the last not included."""
    width: int
    """Columns of a tile, N'."""
    starts: bool
    """Whether the sums start with these columns."""
    apart: bool
    """Whether they are those of the gate that keeps the operand's sums apart."""


class Update(NamedTuple):
    """Cells that update: their sums are done, and they give their phase's vector."""

    phase: int
    ahead: int
    first: int
    last: int


@dataclass(frozen=True)
class Stretch:
    """Products, then updates; rows of a product are ranges, (first row, the one after the last)."""

    products: tuple[tuple[Product, Rows], ...]
    updates: tuple[Update, ...]


@dataclass
class _Open:
    """A stretch while it grows."""

    products: dict[Product, list[tuple[int, int]]] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)

    def forbids(self, product: Product, rows: list[tuple[int, int]], reads: tuple[str, int], task: Task) -> bool:
        """Whether rows have to wait for an update, or come before what is in the stretch already."""
        for update in self.updates:
            if reads == (task.phases[update.phase].gives, update.ahead % 2):
                return True
            cells = range(update.first, update.last)
            if (update.phase, update.ahead % 2) == (product.phase, product.ahead % 2) and any(
                _meet(_cells(row, task.size_of(task.phases[product.phase])), cells) for row in rows
            ):
                return True
        order = list(self.products)
        place = order.index(product) if product in self.products else len(order)
        return any(
            (later.phase, later.ahead % 2, later.apart) == (product.phase, product.ahead % 2, product.apart)
            and any(_meet(range(*mine), range(*theirs)) for mine in rows for theirs in self.products[later])
            for later in order[place:]
        )

    def closed(self) -> Stretch:
        """The same as arrays, ranges that touch put together."""
        import numpy as np

        products = tuple((product, np.array(_joined(rows), dtype=np.int64)) for product, rows in self.products.items())
        updates: list[Update] = []
        for update in self.updates:
            before = updates[-1] if updates else None
            if before and before[:2] == update[:2] and before.last == update.first:
                updates[-1] = before._replace(last=update.last)
            else:
                updates.append(update)
        return Stretch(products, tuple(updates))


def _meet(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def _cells(rows: tuple[int, int], size: int) -> range:
    """The cells of rows of one gate."""
    first, last = rows
    return range(first % size, first % size + last - first)


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and joined[-1][1] == first:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    return joined


def compile_round(task: Task, runs: Iterable[Run]) -> tuple[Stretch, ...]:
    """The stretches of a round.

    Parameters
    ----------
    task : Task
    runs : iterable of Run
        A round of a schedule, legal or not.

    Raises
    ------
    SpecificationError
        Where a segment has cells that the layer has not.
    """
    stretches: list[Stretch] = []
    current = _Open()
    for segment in _issued(runs):
        phase = task.phase_of(segment.gates)
        place, size = task.phases.index(phase), task.size_of(phase)
        if max(segment.first_cell + segment.cells, segment.first_updated + segment.updated_cells) > size:
            raise refuse("schedule", f"segments of the {size} cells of gates {phase.gates}", segment)
        reads = segment.waits_for, (segment.lookahead - (phase.operand == "h")) % 2
        for product, rows in _products(task, phase, place, segment):
            if current.forbids(product, rows, reads, task):
                stretches.append(current.closed())
                current = _Open()
            current.products.setdefault(product, []).extend(rows)
        if segment.updated_cells:
            last = segment.first_updated + segment.updated_cells
            current.updates.append(Update(place, segment.lookahead, segment.first_updated, last))
    return (*stretches, current.closed())


def _issued(runs: Iterable[Run]) -> Iterator[Segment]:
    """The segments of a round one by one."""
    for run in runs:
        for repeat in range(run.repeats):
            yield from (segment.moved(repeat) for segment in run.segments)


def _products(
    task: Task, phase: Phase, place: int, segment: Segment
) -> Iterator[tuple[Product, list[tuple[int, int]]]]:
    """What a segment multiplies: a run of columns for all of its gates, or one for x and one for the operand."""
    size, width = task.size_of(phase), task.width(segment.rows)
    inputs = task.layer.input_size if phase.reads_x else 0
    elements = task.layer.num_operands(phase)
    part = segment.first_cell // (size // phase.parts) if segment.waits_for else 0
    begin = 0 if segment.operand[0] == "x" else inputs
    end = inputs + elements if segment.waits_for else inputs
    cuts = [(begin, inputs), (inputs, end)] if phase.separate_sums else [(begin, end)]
    for first, last in cuts:
        if first == last:
            continue
        of_operand = phase.separate_sums and first == inputs
        common = Product(place, segment.lookahead, part, first, last, width, starts=first == 0, apart=False)
        for apart in (False, True):
            gates = [gate for gate in segment.gates if (of_operand and gate == phase.gate_apart) == apart]
            rows = [phase.gates.index(gate) * size + segment.first_cell for gate in gates]
            if rows:
                product = common._replace(starts=apart or common.starts, apart=apart)
                yield product, [(row, row + segment.cells) for row in rows]
