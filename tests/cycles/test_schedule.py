"""Schedules: every row of every gate once, columns of h never early, as much ahead as the buffer holds."""

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import BASE, FUSED, accelerators, examples, layers, sizes

from sharp import SCHEDULES, InfeasibleMappingError, RNNLayer, SpecificationError, Task
from sharp.cycles.legality import check_round
from sharp.errors import TileHeightError
from sharp.machine.accelerator import with_settings

CELLS = ("lstm", "gru", "rnn")


@st.composite
def tasks(draw: st.DrawFn, cells: tuple[str, ...] = CELLS) -> Task:
    accelerator = draw(accelerators())
    return Task(
        layer=draw(layers(cells, draw(sizes(600)), 600)),
        accelerator=accelerator,
        tile_rows=draw(st.sampled_from(accelerator.tile_rows)),
        reconfiguration=draw(st.booleans()),
        batch_size=draw(st.integers(1, 4)),
        chains=draw(st.integers(1, 4)),
        streamed_share=draw(st.sampled_from([0.0, 0.3, 1.0])),
    )


def round_of(name: str, task: Task):
    """The runs of a round; tasks that the schedule cannot order are drawn anew."""
    try:
        return tuple(SCHEDULES[name].round(task))
    except InfeasibleMappingError:
        assume(False)


def expand(runs):
    """Every segment of a round with its first cell and the first cell that it updates."""
    return [
        (segment, segment.first_cell + repeat * segment.cells, segment.first_updated + repeat * segment.updated_cells)
        for run in runs
        for repeat in range(run.repeats)
        for segment in run.segments
    ]


@pytest.mark.parametrize("name", SCHEDULES)
@examples(150)
@given(task=tasks())
def test_our_schedules_are_legal_orders(name, task):
    runs = round_of(name, task)
    assert check_round(name, task, runs) == runs


@pytest.mark.parametrize("name", SCHEDULES)
@examples(100)
@given(task=tasks())
def test_every_weight_is_issued_once_and_every_cell_updated_once(name, task):
    weights: Counter[tuple[str, str, int]] = Counter()
    updates: Counter[tuple[str, int]] = Counter()
    for segment, first, first_updated in expand(round_of(name, task)):
        assert 0 < segment.rows <= task.tile_rows
        phase = task.phase_of(segment.gates)
        for cell in range(first, first + segment.cells):
            weights.update((gate, letter, cell) for gate in segment.gates for letter in segment.operand)
        updates.update((phase.gives, cell) for cell in range(first_updated, first_updated + segment.updated_cells))
    cells = {phase: range(task.size_of(phase)) for phase in task.phases}
    letters = {phase: "x" * phase.reads_x + phase.operand for phase in task.phases}
    assert weights == Counter(
        (gate, letter, cell)
        for phase in task.phases
        for gate in phase.gates
        for letter in letters[phase]
        for cell in cells[phase]
    )
    assert updates == Counter((phase.gives, cell) for phase in task.phases for cell in cells[phase])


@pytest.mark.parametrize("name", SCHEDULES)
@examples(100)
@given(task=tasks(cells=("lstm",)))
def test_no_cell_updates_before_all_its_gates(name, task):
    done: Counter[str] = Counter()
    updated = 0
    for segment, *_ in expand(round_of(name, task)):
        if segment.waits_for == "h":
            for gate in segment.gates:
                done[gate] += segment.cells
        if segment.gates != "p":
            updated += segment.updated_cells
            assert updated <= min(done[gate] for gate in "ifgo")


def task_of(tile_rows=16, **fields) -> Task:
    """A task on a machine of 1K MACs."""
    machine = with_settings(BASE, {"num_macs": 1024, "tile_rows": [2, 4, 8, 16, 32]})
    settings = {name: fields.pop(name) for name in ("intermediate_buffer",) if name in fields}
    options = {name: fields.pop(name) for name in ("batch_size", "chains") if name in fields}
    layer = RNNLayer(**{"input_size": 3, "hidden_size": 6, **fields})
    return Task(layer=layer, accelerator=with_settings(machine, settings), tile_rows=tile_rows, **options)


def shown(name: str, task: Task) -> str:
    """The round in short: gates and operand of each segment, + where it works ahead, * where cells update."""
    return " ".join(
        f"{segment.gates}:{segment.operand}" + "+" * segment.lookahead + "*" * bool(segment.updated_cells)
        for segment, *_ in expand(SCHEDULES[name].round(task))
    )


def test_orders_of_a_small_layer():
    assert shown("sequential", task_of(4)) == "i:xh i:xh f:xh f:xh g:xh g:xh o:xh o:xh*"
    assert shown("batch", task_of(4)) == "i:xh f:xh g:xh o:xh* i:xh f:xh g:xh o:xh*"
    assert shown("intergate", task_of()) == "ifgo:xh* ifgo:xh*"
    assert shown("unfolded", task_of()) == "ifgo:h* ifgo:h* ifgo:x+ ifgo:x+"
    assert [segment.rows for segment, *_ in expand(SCHEDULES["intergate"].round(task_of()))] == [16, 8]


def test_orders_of_other_cells():
    assert shown("batch", task_of(8, cell="gru")) == "r:xh z:xh n:xh*"
    assert shown("unfolded", task_of(8, cell="gru")) == "rzn:h* rzn:h* rzn:h* rzn:x+ rzn:x+ rzn:x+"
    assert shown("intergate", task_of(4, cell="rnn")) == "h:xh* h:xh*"
    before = {"cell": "gru", "linear_before_reset": False}
    assert shown("intergate", task_of(8, **before)) == "rz:xh* rz:xh* n:x n:s*"
    assert shown("unfolded", task_of(8, **before)) == "rz:h* rz:h* n:x n:s* rz:x+ rz:x+"
    # On tiles of 8 x 128 L_mvm is 9 cycles; a segment of x holds the array for one: all three wait for the sums of p.
    all_after = "ifgo:h* ifgo:h* ifgo:h* p:m* ifgo:x+ ifgo:x+ ifgo:x+"
    assert shown("unfolded", task_of(8, projection_size=5)) == all_after
    # For five cycles each: two are enough, until p of two rows takes a tile of 2 x 512, and all sums two cycles more.
    two_after = "ifgo:h* ifgo:h* ifgo:h* ifgo:x+ p:m* ifgo:x+ ifgo:x+"
    assert shown("unfolded", task_of(8, projection_size=5, input_size=600)) == two_after
    assert shown("unfolded", task_of(8, projection_size=2, input_size=600)) == all_after
    assert shown("sequential", task_of(8, projection_size=9)) == "i:xh f:xh g:xh o:xh* p:m* p:m*"


def test_blocks_run_ahead_as_far_as_their_sums_fit():
    # Blocks of 4 cells, 16 words each: 64 bytes.
    assert shown("unfolded", task_of(intermediate_buffer=127)) == "ifgo:h* ifgo:xh* ifgo:x+"
    assert shown("unfolded", task_of(intermediate_buffer=63)) == "ifgo:xh* ifgo:xh*" == shown("intergate", task_of())
    assert shown("unfolded", task_of(intermediate_buffer=128)) == "ifgo:h* ifgo:h* ifgo:x+ ifgo:x+"
    assert shown("unfolded", task_of(intermediate_buffer=128, batch_size=2)) == "ifgo:h* ifgo:xh* ifgo:x+"
    assert shown("interleaved", task_of(intermediate_buffer=128, chains=3)) == "ifgo:xh* ifgo:xh*"
    # A GRU keeps its two sums of n apart: four words a cell, in blocks of 5 of 3 gates.
    assert shown("unfolded", task_of(cell="gru", intermediate_buffer=79)) == "rzn:xh* rzn:xh*"
    assert shown("unfolded", task_of(cell="gru", intermediate_buffer=80)) == "rzn:h* rzn:xh* rzn:x+"


def test_the_size_of_a_layer_does_not_lengthen_its_runs():
    for name in SCHEDULES:
        assert len(tuple(SCHEDULES[name].round(task_of(32, hidden_size=10**9, projection_size=10**9)))) <= 11


@pytest.mark.parametrize("name", FUSED)
def test_fused_gates_need_a_row_each(name):
    assert len(expand(SCHEDULES[name].round(task_of(4, intermediate_buffer=1)))) == 6
    with pytest.raises(TileHeightError, match=r"tile_rows: expected at least 4 \(a row for each gate of ifgo\), got 2"):
        list(SCHEDULES[name].round(task_of(2)))
    assert shown(name, task_of(2, cell="gru", linear_before_reset=False, hidden_size=1, intermediate_buffer=1)) == (
        "rz:xh* n:x n:s*"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ifgp", "xh", 0, 4), "gates: expected different gates, all of ifgo, got 'ifgp'"),
        (("ii", "xh", 0, 4), "gates: expected different gates, all of ifgo, got 'ii'"),
        (("", "xh", 0, 4), "gates: expected different gates, all of ifgo, got ''"),
        (("ifgo", "hx", 0, 4), "operand: expected x or h or xh, got 'hx'"),
        (("ifgo", "m", 0, 4), "operand: expected x or h or xh, got 'm'"),
        (("ifgo", "", 0, 4), "operand: expected x or h or xh, got ''"),
        (("ifgo", "xh", -1, 4), "first_cell: expected an integer of at least 0, got -1"),
        (("ifgo", "xh", 0, 0), "cells: expected a positive integer, got 0"),
        (("ifgo", "xh", 0, 1.5), "cells: expected a positive integer, got 1.5"),
    ],
)
def test_bad_segments(arguments, message):
    with pytest.raises(SpecificationError) as error:
        task_of().segment(*arguments)
    assert str(error.value) == message


def test_gates_of_two_phases_do_not_share_a_segment():
    task = task_of(cell="gru", linear_before_reset=False)
    with pytest.raises(SpecificationError, match="gates: expected different gates, all of rz or of n, got 'rzn'"):
        task.segment("rzn", "x", 0, 2)
    with pytest.raises(SpecificationError, match="operand: expected m, got 'x'"):
        task_of(projection_size=2).segment("p", "x", 0, 2)
