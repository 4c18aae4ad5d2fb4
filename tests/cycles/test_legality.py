"""A user's schedule: counted where it is a legal order, else refused with its step and its tile."""

import re
import textwrap

import pytest
from hypothesis import given
from strategies import SHIPPED_CELLS, cases, examples

from sharp import SCHEDULES, Plan, RNNLayer, Sequences, SharpError, SpecificationError, count_cycles
from sharp.cycles.mapping import map_layer
from sharp.cycles.schedule import Batch, Intergate, Interleaved, Sequential, Unfolded
from sharp.shipped import DATA

LSTM = RNNLayer(input_size=10, hidden_size=24)
PROJECTED = RNNLayer(input_size=10, hidden_size=24, projection_size=12)
HEADS = RNNLayer(cell=SHIPPED_CELLS["heads"], input_size=10, hidden_size=24, options={"heads": 2})
MINGRU = RNNLayer(cell=SHIPPED_CELLS["mingru"], input_size=10, hidden_size=24)
RESET_BEFORE = RNNLayer(cell="gru", input_size=10, hidden_size=24, linear_before_reset=False)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a user's file whose round is some lines of code; the plan names it by its path."""
    monkeypatch.chdir(tmp_path)

    def write(*lines, tile_rows=32, name="mine", **fields):
        body = textwrap.indent("\n".join(lines), 8 * " ")
        (tmp_path / "mine.py").write_text(
            "from sharp import Run, Schedule, Segment\n\n\n"
            "class Mine(Schedule):\n"
            f"    name = {name!r}\n\n"
            f"    def round(self, task):\n"
            f"        def issue(*arguments, repeats=1, **options):\n"
            f"            return Run(segments=(task.segment(*arguments, **options),), repeats=repeats)\n\n{body}\n"
        )
        return Plan(schedule="mine.py:Mine", tile_rows=tile_rows, **fields)

    return write


# On tiles of 32 rows: three blocks of 8 cells.
COPIES = {
    "sequential": (
        *(f"yield issue('{gate}', 'xh', 0, 24)" for gate in "ifg"),
        "yield issue('o', 'xh', 0, 24, updated_cells=24)",
    ),
    "batch": (
        "gates = [task.segment(gate, 'xh', 0, 24) for gate in 'ifg']",
        "return [Run(segments=(*gates, task.segment('o', 'xh', 0, 24, updated_cells=24)), repeats=1)]",
    ),
    "intergate": ("return [issue('ifgo', 'xh', 8 * block, 8, updated_cells=8) for block in range(3)]",),
    "unfolded": (
        "yield issue('ifgo', 'h', 0, 8, updated_cells=8, repeats=3)",
        "yield issue('ifgo', 'x', 0, 8, lookahead=1, repeats=3)",
    ),
}


@pytest.mark.parametrize("forwarding", ["barrier", "tilewise"])
@pytest.mark.parametrize("name", COPIES)
def test_a_legal_copy_counts_as_the_schedule_that_it_copies(accelerator, write, name, forwarding):
    machine = accelerator.with_macs("1K")
    mine = count_cycles(LSTM, 9, machine, write(*COPIES[name], forwarding=forwarding))
    ours = count_cycles(LSTM, 9, machine, Plan(schedule=name, tile_rows=32, forwarding=forwarding))
    assert mine == ours


@pytest.mark.parametrize("base", [Sequential, Batch, Intergate, Unfolded, Interleaved], ids=lambda base: base.name)
@examples(150)
@given(case=cases(schedules=("intergate",)))
def test_ours_count_the_same_as_a_users(base, case):
    # A class of one's own is checked, where ours are not; what it orders is the same.
    theirs = type("Theirs", (base,), {"name": "theirs"})()
    ours, checked = (case.planned(schedule=schedule) for schedule in (SCHEDULES[base.name], theirs))
    assert ours.plan.is_ours
    assert not checked.plan.is_ours
    if ours.reference() is not None:
        assert ours.count() == checked.count()


def test_an_order_of_ones_own(accelerator, write):
    # The last block first; of the others the gates in two halves. Legal, and none of ours.
    plan = write(
        "yield issue('ifgo', 'xh', 16, 8, updated_cells=8)",
        "yield issue('if', 'xh', 0, 16)",
        "yield issue('go', 'x', 0, 16)",
        "yield issue('go', 'h', 0, 16, updated_cells=16)",
    )
    counts = count_cycles(LSTM, 5, accelerator, plan)
    assert counts.useful == 5 * LSTM.num_weights
    assert map_layer(LSTM, Sequences.equal(5), accelerator, plan).unfolded_cells == 0


ONCE = "every tile exactly once"
ALL = "yield issue('ifgo', 'xh', 0, 8, updated_cells=8, repeats=3)"
ALL_OF_H = "yield issue('ifgo', 'h', 0, 8, updated_cells=8, repeats=3)"


@pytest.mark.parametrize(
    ("layer", "lines", "where", "expected", "got"),
    [
        (
            LSTM,
            (ALL, "yield issue('f', 'x', 5, 1)"),
            "step 1, tile 3 (gates f, cells 5 to 5, columns of x)",
            ONCE,
            "columns of x for gate f of cell 5 twice",
        ),
        (
            LSTM,
            (ALL.replace("repeats=3", "repeats=2"),),
            "step 1, tile 1 (gates ifgo, cells 8 to 15, columns of xh)",
            ONCE,
            "no columns of x for gate i of cell 16",
        ),
        (
            LSTM,
            ("yield issue('ifgo', 'xh', 8, 8, updated_cells=8, repeats=2)",),
            "step 1, tile 0 (gates ifgo, cells 8 to 15, columns of xh)",
            ONCE,
            "no columns of x for gate i of cell 0",
        ),
        (LSTM, (ALL_OF_H,), "step 1, tile 0", ONCE, "no columns of x for gate i of cell 0"),
        (LSTM, ("return []",), "step 1, tile 0", ONCE, "no columns of x for gate i of cell 0"),
        (
            LSTM,
            (ALL.replace("repeats=3", "lookahead=1, repeats=3"),),
            "step 2, tile 0 (gates ifgo, cells 0 to 7, columns of xh)",
            "x one step ahead",
            "column of h before it exists",
        ),
        (
            LSTM,
            ("yield issue('ifgo', 'x', 0, 8, repeats=3)", ALL_OF_H.replace("repeats=3", "lookahead=1, repeats=3")),
            "step 2, tile 0 (gates ifgo, cells 0 to 7, columns of h)",
            "x one step ahead",
            "column of h before it exists",
        ),
        (
            LSTM,
            (ALL_OF_H, "yield issue('ifgo', 'x', 0, 8, lookahead=2, repeats=3)"),
            "step 3, tile 0 (gates ifgo, cells 0 to 7, columns of x)",
            "x one step ahead",
            "column of x before it exists",
        ),
        (
            LSTM,
            ("yield issue('ifgo', 'x', 0, 8, repeats=2)", ALL_OF_H, "yield issue('ifgo', 'x', 16, 8)"),
            "step 1, tile 4 (gates ifgo, cells 16 to 23, columns of h)",
            "columns of x before the others",
            "sums of gate i of cell 16 without x",
        ),
        (
            LSTM,
            (ALL.replace("ifgo", "ifg"), "yield issue('o', 'xh', 0, 8, repeats=3)"),
            "step 1, tile 0 (gates ifg, cells 0 to 7, columns of xh)",
            "all gates of a cell before it",
            "update of cell 0 before its gates",
        ),
        (
            LSTM,
            ("yield issue('ifgo', 'xh', 0, 8, updated_cells=24)", "yield issue('ifgo', 'xh', 8, 8, repeats=2)"),
            "step 1, tile 0 (gates ifgo, cells 0 to 7, columns of xh)",
            "all gates of a cell before it",
            "update of cell 8 before its gates",
        ),
        (
            LSTM,
            ("yield issue('ifgo', 'xh', 0, 8, repeats=3)",),
            "step 1, tile 0",
            ONCE,
            "no updates that give h of cell 0",
        ),
        (
            LSTM,
            (ALL.replace("repeats=3", "repeats=4"),),
            "step 1, tile 3 (gates ifgo, cells 24 to 31, columns of xh)",
            "cells 0 to 23",
            "columns of x for gate i up to cell 31",
        ),
        (
            LSTM,
            (
                "yield issue('ifgo', 'xh', 0, 8, repeats=2)",
                "yield issue('ifgo', 'xh', 16, 8, first_updated=0, updated_cells=25)",
            ),
            "step 1, tile 2 (gates ifgo, cells 16 to 23, columns of xh)",
            "cells 0 to 23",
            "updates that give h up to cell 24",
        ),
        (
            RESET_BEFORE,
            (
                "yield issue('n', 'x', 0, 24)",
                "yield issue('rz', 'xh', 0, 12, updated_cells=12)",
                "yield issue('n', 's', 0, 24, updated_cells=24)",
                "yield issue('rz', 'xh', 12, 12, updated_cells=12)",
            ),
            "step 1, tile 2 (gates n, cells 0 to 23, columns of s)",
            "all updates that give s first",
            "column of s before it exists",
        ),
        (
            RESET_BEFORE,
            (
                "yield issue('rz', 'xh', 0, 12, updated_cells=12, repeats=2)",
                "yield issue('n', 's', 0, 24, updated_cells=24)",
                "yield issue('n', 'x', 0, 24)",
            ),
            "step 1, tile 2 (gates n, cells 0 to 23, columns of s)",
            "columns of x before the others",
            "sums of gate n of cell 0 without x",
        ),
        (
            PROJECTED,
            ("yield issue('p', 'm', 0, 12, updated_cells=12)", ALL),
            "step 1, tile 0 (gates p, cells 0 to 11, columns of m)",
            "all updates that give m first",
            "column of m before it exists",
        ),
        (PROJECTED, (ALL,), "step 1, tile 0", ONCE, "no columns of m for gate p of cell 0"),
        (
            HEADS,
            (ALL,),
            "step 1, tile 1 (gates ifgo, cells 8 to 15, columns of xh)",
            "cells of one part, which multiply the same columns",
            "cells of two",
        ),
        (
            HEADS,
            ("yield issue('ifgo', 'x', 0, 8, repeats=3)", "yield issue('ifgo', 'h', 0, 6, updated_cells=6, repeats=3)"),
            "step 1, tile 5 (gates ifgo, cells 12 to 17, columns of h)",
            ONCE,
            "no columns of h for gate i of cell 18",
        ),
        (
            MINGRU,
            ("yield issue('zn', 'x', 0, 12, updated_cells=12, lookahead=1, repeats=2)",),
            "step 2, tile 0 (gates zn, cells 0 to 11, columns of x)",
            "nothing ahead, as its gates wait for nothing",
            "the whole sums of another step",
        ),
        (
            MINGRU,
            ("yield issue('z', 'x', 0, 24, updated_cells=24)", "yield issue('n', 'x', 0, 24)"),
            "step 1, tile 0 (gates z, cells 0 to 23, columns of x)",
            "all gates of a cell before it",
            "update of cell 0 before its gates",
        ),
    ],
)
def test_what_is_no_legal_order_is_refused_with_its_step_and_tile(
    accelerator, write, layer, lines, where, expected, got
):
    plan = write(*lines)
    with pytest.raises(SpecificationError) as error:
        count_cycles(layer, 3, accelerator, plan)  # 64K MACs: every segment is one tile
    assert str(error.value) == f"schedule mine: {where}: expected {expected}, got {got}"


@pytest.mark.parametrize(
    ("line", "got"),
    [
        ("return 'ifgo'", "'i'"),
        ("return [task.segment('ifgo', 'xh', 0, 8)]", "Segment(gates='ifgo', operand='xh'"),
        ("return [Run(segments=(), repeats=1)]", "Run(segments=(), repeats=1)"),
        ("return [issue('ifgo', 'xh', 0, 8, repeats=0)]", "Run(segments=(Segment(gates='ifgo', operand='xh'"),
    ],
)
def test_what_is_no_list_of_runs_is_refused(accelerator, write, line, got):
    with pytest.raises(SpecificationError) as error:
        count_cycles(LSTM, 3, accelerator, write(line))
    expected = "schedule mine: expected a round of runs with at least one segment and one repeat, got "
    assert str(error.value).startswith(expected + got)
    assert len(str(error.value)) < 200


def test_a_round_that_is_too_long_to_check_is_refused(accelerator, write):
    plan = write("return [issue('ifgo', 'xh', 0, 8, updated_cells=8, repeats=2**40)]")
    with pytest.raises(SpecificationError, match=f"a round of at most {2**21} rows to check, got {2**45}"):
        count_cycles(LSTM, 3, accelerator, plan)


def test_a_tile_is_counted_in_array_cycles(accelerator, write):
    # On 1K MACs a tile of 32 rows has 32 columns: the 34 columns of x and h are two tiles.
    plan = write("yield issue('ifgo', 'xh', 0, 8, updated_cells=8, repeats=4)")
    with pytest.raises(SpecificationError, match=r"step 1, tile 6 \(gates ifgo, cells 24 to 31"):
        count_cycles(LSTM, 3, accelerator.with_macs("1K"), plan)


def test_a_refused_order_is_one_sentence_of_the_command(command, write):
    write("return [issue('ifgo', 'xh', 0, 8, updated_cells=8)]")
    outcome = command("run", "--hidden", "24", "--schedule", "mine.py:Mine", "--tile-rows", "32")
    assert (outcome.code, outcome.out) == (2, "")
    where = "step 1, tile 0 (gates ifgo, cells 0 to 7, columns of xh)"
    got = "no columns of x for gate i of cell 8"
    assert outcome.err == f"sharp: schedule mine: {where}: expected {ONCE}, got {got}\n"


@pytest.mark.parametrize(
    ("lines", "got"),
    [
        (("return [issue('ifgp', 'xh', 0, 8)]",), "gates: expected different gates, all of ifgo, got 'ifgp'"),
        (("return [issue('ifgo', 'm', 0, 8)]",), "operand: expected x or h or xh, got 'm'"),
        (("return [1 // 0]",), "ZeroDivisionError: integer division or modulo by zero"),
        (("yield issue('ifgo', 'xh', 0, 8)", "raise RuntimeError('no')"), "RuntimeError: no"),
    ],
)
def test_code_that_fails_is_refused_with_its_line(accelerator, command, write, lines, got):
    plan = write(*lines)
    with pytest.raises(SpecificationError) as error:
        count_cycles(LSTM, 3, accelerator, plan)
    assert re.fullmatch(r"schedule mine, line \d+: expected the runs of a round, got: (.*)", str(error.value))[1] == got
    outcome = command("run", "--hidden", "24", "--schedule", "mine.py:Mine")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)


def bad_segment(cells=8, columns=34, first=0):
    return (
        "return [Run(segments=(Segment(gates='ifgo', operand='xh', updated_cells=8, "
        f"first_cell={first}, cells={cells}, columns=({columns},)),), repeats=3)]"
    )


NONSENSE = {
    "nothing": ("return None",),
    "more rows than the tile has": ("return [issue('ifgo', 'xh', 0, 24, updated_cells=24)]",),
    "too few columns": (bad_segment(columns=1),),
    "no cells": (bad_segment(cells=0),),
    "fewer than no cells": (bad_segment(cells=-8, first=8),),
    "no segment": ("return [Run(segments=(3,), repeats=1)]",),
    "a segment that is not in a tuple": ("return [Run(segments=task.segment('ifgo', 'xh', 0, 8), repeats=1)]",),
    "repeats that are no integer": ("return [issue('ifgo', 'xh', 0, 8, updated_cells=8, repeats=3.0)]",),
    "repeats that are a text": ("return [issue('ifgo', 'xh', 0, 8, updated_cells=8, repeats='3')]",),
    # The updater is reached through the activation unit, and what has only columns of x does not go there.
    "an update after columns of x": (
        "yield issue('ifgo', 'x', 0, 8)",
        "yield issue('ifgo', 'h', 0, 8)",
        "yield issue('ifgo', 'x', 8, 8, repeats=2, first_updated=0, updated_cells=4)",
        "yield issue('ifgo', 'h', 8, 8, repeats=2, updated_cells=8)",
    ),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_what_makes_no_sense_is_refused(accelerator, write, what):
    with pytest.raises(SharpError, match="mine") as error:
        count_cycles(LSTM, 3, accelerator, write(*NONSENSE[what]))
    assert "\n" not in str(error.value)
    assert "line None" not in str(error.value)


def test_orders_of_ones_own_of_cells_of_ones_own(accelerator, write):
    # x of both heads in one segment, which no column of h forbids; and a cell that waits for nothing.
    heads = write(
        "yield issue('ifgo', 'h', 0, 6, updated_cells=6, repeats=4)",
        "yield issue('ifgo', 'x', 0, 8, lookahead=1, repeats=3)",
    )
    assert count_cycles(HEADS, 5, accelerator, heads).useful == 5 * HEADS.num_weights
    mingru = write(
        "yield issue('n', 'x', 0, 24)",
        "yield issue('z', 'x', 0, 24, updated_cells=24)",
    )
    assert count_cycles(MINGRU, 5, accelerator, mingru).useful == 5 * MINGRU.num_weights
    just_enough = Plan(schedule=f"{DATA}/schedules/just_enough.py:JustEnough", tile_rows=32)
    for layer in (HEADS, MINGRU):
        assert count_cycles(layer, 5, accelerator, just_enough).useful == 5 * layer.num_weights
