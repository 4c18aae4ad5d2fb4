"""What decides the steady state of the NPU's programs: a step takes the greatest of a few sums, where X = H.

With V passes, R rows, U = R V micro-operations a product, t tiles, N instructions a step, and L_k the cycles from the
first issue of k products back to back to the last word of the last one in the loader:

- rnn: L_1 + 5 + 3tV (a product with x, and the load behind it); 2U + N (the matrix-vector unit's scheduler).
- lstm: L_4 + 6R + 107 (h to h: four products, then c and h through the element-wise units); L_2 + 9R + 139 (the same,
  where i is written later than the fourth product ends); 30R + 3tV + 102 (the loader, which every vector goes
  through); 8U + N.
- gru: 2 L_1 + 9R + 137 (h to h: r, then the candidate); 21R + 3tV + L_1 + 132 (the loader); sums of three, four and
  five products between those; 6U + N.

They hold in the long run: a short one also lives on what the queues hold. No step of `sharp.rivals.npu.events` takes
less; on the public RTL's machine none that was tried takes more, nor do nearly all on machines of up to 16 tiles, where
the others take a few cycles more, and on larger ones a few percent (tests/rivals/test_npu.py).
"""

from __future__ import annotations

from sharp.checks import check_integer, check_name
from sharp.rivals.npu.programs import PROGRAMS, Chain, Load
from sharp.rivals.npu.shape import SEQUENCES, Shape

CELLS = ("rnn", "lstm", "gru")
"""Cells whose steps have a law; a gemv has one step alone."""

_CONVERTER_CYCLES = SEQUENCES + 1
_CONVERTER_TO_LOADER = 69
"""Cycles from the converter's fetch of a row to the row's last word in the loader."""


def step_cycles(cell: str, size: int, shape: Shape) -> int:
    """Cycles of a time step in a long run of a layer whose x has as many elements as its h.

    Raises
    ------
    SpecificationError
        For a cell that has no law, or a size that flushes.

    Examples
    --------
    >>> step_cycles("lstm", 512, Shape())
    534
    """
    return max(step_bounds(cell, size, shape).values())


def step_bounds(cell: str, size: int, shape: Shape) -> dict[str, int]:
    """The sums whose greatest is `step_cycles`, by formula; parameters and errors as there.

    Examples
    --------
    >>> step_bounds("rnn", 512, Shape())
    {'L1 + 5 + 3tV': 237, '2U + N': 68}
    """
    products = product_cycles(cell, size, shape)
    tiles, passes, rows = shape.tiles, shape.passes(size), shape.rows(size)
    product, load = rows * passes, SEQUENCES * tiles * passes
    instructions = step_instructions(cell, size, shape)
    one = back_to_back_cycles(1, size, shape)
    if cell == "rnn":
        return {"L1 + 5 + 3tV": one + 5 + load, "2U + N": products + instructions}
    if cell == "lstm":
        return {
            "L4 + 6R + 107": back_to_back_cycles(4, size, shape) + 6 * rows + 107,
            "L2 + 9R + 139": back_to_back_cycles(2, size, shape) + 9 * rows + 139,
            "30R + 3tV + 102": 30 * rows + load + 102,
            "8U + N": products + instructions,
        }
    return {
        "2 L1 + 9R + 137": 2 * one + 9 * rows + 137,
        "21R + 3tV + L1 + 132": 21 * rows + load + one + 132,
        "3U + L1 + 3tV + 9R + 62": 3 * product + one + load + 9 * rows + 62,
        "4U + L1 + 6R + 62": 4 * product + one + 6 * rows + 62,
        "5U + L1 + 5": 5 * product + one + 5,
        "6U + N": products + instructions,
    }


def product_cycles(cell: str, size: int, shape: Shape) -> int:
    """Cycles of a step in which the matrix-vector unit multiplies; parameters and errors as of `step_cycles`."""
    check_name("cell", cell, CELLS)
    shape.check_size("size", check_integer("size", size))
    products = [entry for entry in PROGRAMS[cell].step if isinstance(entry, Chain) and entry.product]
    return len(products) * shape.rows(size) * shape.passes(size)


def lstm_tail_cycles(size: int, shape: Shape) -> int:
    """Cycles of an LSTM's step from the end of its products with h to the start of the next step's.

    The products with x of the next step run meanwhile: they are half of all, ``product_cycles("lstm", ...) / 2``, and
    what the tail has beyond them the array waits.

    Examples
    --------
    >>> lstm_tail_cycles(512, Shape()), product_cycles("lstm", 512, Shape()) // 2
    (427, 104)
    """
    return step_bounds("lstm", size, shape)["L4 + 6R + 107"] - product_cycles("lstm", size, shape) // 2


def written_vectors(cell: str) -> int:
    """Vectors of a step that go word by word through the loader: the results of its chains."""
    return sum(isinstance(entry, Chain) for entry in PROGRAMS[check_name("cell", cell, CELLS)].step)


def step_instructions(cell: str, size: int, shape: Shape) -> int:
    """Instructions N of a time step: a chain is one, a load one for each tile, a write to tiles one for each part."""
    writes = -(-shape.rows(size) // shape.passes(size))
    count = 0
    for entry in PROGRAMS[cell].step:
        count += shape.tiles if isinstance(entry, Load) else 1 + writes * entry.to_tiles
    return count


def back_to_back_cycles(products: int, size: int, shape: Shape) -> int:
    """Cycles L_k from the first issue of k products in a row to the last word of the last in the loader."""
    passes, fetched, issued = shape.passes(size), 0, 0
    for rows in shape.row_groups(shape.rows(size)) * products:
        last_pass = issued + rows * (passes - 1)
        for row in range(rows):
            fetched = max(last_pass + row + shape.product_latency, fetched + _CONVERTER_CYCLES)
        issued += rows * passes
    return fetched + _CONVERTER_TO_LOADER
