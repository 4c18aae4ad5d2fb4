"""Intel's NPU: equal to its RTL to the cycle, equal to its rules told once more, the laws of its steps."""

import csv
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from npu_reference import run
from strategies import examples

from sharp import InfeasibleMappingError, SpecificationError
from sharp.provenance import STATUSES
from sharp.rivals.npu import events as npu_events
from sharp.rivals.npu.events import Event, run_program, trace
from sharp.rivals.npu.laws import CELLS, step_bounds, step_cycles, step_instructions, written_vectors
from sharp.rivals.npu.programs import PROGRAMS, Chain, Load
from sharp.rivals.npu.shape import Shape
from sharp.shipped import DATA

STOCK = Shape()
NUMBERS = ("input_size", "hidden_size", "seq_len", "tiles", "lanes", "cycles", "instruction", "first", "last")
PRODUCTS = {"gemv": 1, "rnn": 2, "gru": 6, "lstm": 8}


def rows(stem):
    """Rows of a file of the NPU's data, numbers as integers."""
    with (DATA / "rivals" / f"{stem}.csv").open() as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            yield {key: int(value) if key in NUMBERS else value for key, value in row.items()}


RTL = tuple(rows("npu_rtl"))


def cycles(cell, size, steps=1, shape=STOCK, *, x=None, **options):
    return run_program(cell, input_size=x or size, hidden_size=size, seq_len=steps, shape=shape, **options).cycles


def shape_of(row):
    return Shape(tiles=row["tiles"], lanes=row["lanes"])


def flushes(size, shape):
    """Whether a product puts out more words than the tiles take."""
    return 3 * shape.lanes * shape.lanes // 10 > shape.tiles * shape.lanes * -(-size // (shape.tiles * shape.lanes))


def rtl_errors(measured=RTL):
    """Rows of the RTL's data whose cycles are not what the model has."""
    return sum(
        cycles(row["cell"], row["hidden_size"], row["seq_len"], shape_of(row), x=row["input_size"]) != row["cycles"]
        for row in measured
    )


@st.composite
def programs(draw, cells=tuple(PROGRAMS)):
    """A cell, its sizes and a machine, none of which flushes."""
    shape = Shape(tiles=draw(st.integers(1, 16)), lanes=draw(st.sampled_from((20, 30, 40, 50))))
    x, h = draw(st.integers(1, 700)), draw(st.integers(1, 700))
    assume(not flushes(h, shape))
    return draw(st.sampled_from(cells)), x, h, shape


# The RTL -------------------------------------------------------------------------------------------------------------


def test_each_row_has_a_source_and_a_status():
    for stem in ("npu_rtl", "npu_events", "npu_published"):
        for row in rows(stem):
            assert row["source"]
            assert row["status"] in STATUSES
    assert len(RTL) == 460
    assert len({tuple(row[key] for key in ("cell", *NUMBERS[:5])) for row in RTL}) == 460


@pytest.mark.paper
def test_all_programs_take_the_cycles_of_the_rtl():
    # No tolerance: the model transcribes the RTL.
    assert rtl_errors() == 0


@pytest.mark.paper
def test_all_events_are_those_of_the_rtl():
    found = defaultdict(list)
    for row in rows("npu_events"):
        event = Event(row["instruction"], row["unit"], row["first"], row["last"])
        found[row["cell"], row["hidden_size"], row["seq_len"]].append(event)
    assert len(found) == 4
    assert sum(map(len, found.values())) == 1083
    for (cell, size, steps), events in found.items():
        assert trace(cell, input_size=size, hidden_size=size, seq_len=steps) == events


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize(
    ("name", "key"),
    [
        *((name, None) for name in ("_FIRST_FETCH", "_QUEUE_LATENCY", "_CONVERTER_CYCLES", "_OUTPUT_LATENCY")),
        *(("_WORD_LATENCY", key) for key in ("evrf", "mfu0", "mfu1", "ld")),
        *(("_VECTOR_LATENCY", key) for key in ("mvu", "evrf", "mfu0", "mfu1")),
    ],
)
def test_a_cycle_more_or_less_anywhere_misses_the_rtl(monkeypatch, name, key, change):
    value = getattr(npu_events, name)
    monkeypatch.setattr(npu_events, name, value | {key: value[key] + change} if key else value + change)
    assert rtl_errors(RTL[::20]) > 0


def test_the_queues_length_is_read_from_the_rtl_and_little_tested_by_it(monkeypatch):
    # Runs of at most 16 steps do not empty a long queue: 300 and 1004 places give the same cycles, 100 do not.
    slow = [row for row in RTL if row["seq_len"] >= 8 and row["hidden_size"] >= 1000 and row["cell"] != "gru"]
    for length, errors in ((100, 9), (300, 0)):
        monkeypatch.setattr(npu_events, "_QUEUE_LENGTH", length)
        assert rtl_errors(slow) == errors


# The vendor's figures ------------------------------------------------------------------------------------------------


@pytest.mark.paper
def test_the_rtls_cycles_are_those_of_the_published_figures():
    # Two decimals of TOPS; two operations a MAC, six sequences, 300 MHz.
    known = {tuple(row[key] for key in ("cell", *NUMBERS[:5])): row["cycles"] for row in RTL}
    published = tuple(rows("npu_published"))
    assert len(published) == 15
    for row in published:
        operations = 2 * 6 * PRODUCTS[row["cell"]] * row["hidden_size"] ** 2 * row["seq_len"]
        taken = known[tuple(row[key] for key in ("cell", *NUMBERS[:5]))]
        assert operations * 300e6 / taken / 1e12 == pytest.approx(float(row["rtl_tops"]), abs=0.00501)
        assert float(row["simulator_tops"]) > float(row["rtl_tops"])


# The rules told once more --------------------------------------------------------------------------------------------


@given(programs(), st.integers(1, 6))
@examples(100)
def test_events_are_those_of_the_rules_told_once_more(program, steps):
    cell, x, h, shape = program
    total, events, units = run(cell, x, h, steps, shape.tiles, shape.lanes)
    assert trace(cell, input_size=x, hidden_size=h, seq_len=steps, shape=shape) == events
    assert cycles(cell, h, steps, shape, x=x, every_step=True) == total
    # Why one queue and no look at the next micro-operation do: these units never wait for a micro-operation.
    assert [units[name].waits for name in ("evrf", "mfu0", "mfu1")] == [0, 0, 0]


def test_a_long_run_empties_the_queues_as_the_rules_say():
    # The scheduler of the matrix-vector unit is the slowest here: 2064 cycles a step, from the seventh on.
    for steps in (5, 12, 13, 20):
        total, _, units = run("rnn", 700, 700, steps, 2, 20)
        assert cycles("rnn", 700, steps, Shape(tiles=2, lanes=20)) == total
    assert units["mvu"].waits > 0


@given(programs(), st.integers(1, 60))
@examples(60)
def test_periods_are_skipped_exactly(program, steps):
    cell, x, h, shape = program
    assert cycles(cell, h, steps, shape, x=x) == cycles(cell, h, steps, shape, x=x, every_step=True)


@pytest.mark.parametrize("cell", PROGRAMS)
def test_the_cost_does_not_grow_with_the_steps(cell, monkeypatch):
    taken = []
    monkeypatch.setattr(npu_events._Machine, "run", lambda *args, run=npu_events._Machine.run: taken.append(run(*args)))
    few, many = cycles(cell, 512, 10_000), cycles(cell, 512, 10**15)
    assert len(taken) < 300
    assert (many - few) % (10**15 - 10_000) == 0


# Programs by hand ----------------------------------------------------------------------------------------------------


def test_a_product_by_hand():
    # x in 7 loads of 6 words, from cycle 18 on: 11, one to fetch, 6 through the queues; one to fetch each later load.
    events = trace("gemv", input_size=512, hidden_size=512)
    assert events[0] == (0, "ld", 18, 23)
    assert events[6] == (6, "ld", 18 + 6 * 7, 65)
    # 13 rows, 2 passes, 26 micro-operations; the first row is complete with the 14th, and out 57 + 3 later.
    assert events[7] == (7, "mvu", 65 + 5, 70 + 25)
    # The last row is fetched 12 * 4 cycles later; its third word follows after 3 more, and is issued after 1.
    assert events[8] == (7, "evrf", 70 + 13 + 60 + 2, 70 + 13 + 60 + 48 + 4)
    assert events[9:11] == [(7, "mfu0", 158, 208), (7, "mfu1", 183, 233)]
    # Each tile takes two words of each sequence; six words come in eight cycles, the last of which is the converter's.
    assert [tuple(event[2:]) for event in events[11:14]] == [(210, 216), (218, 224), (226, 232)]
    assert (events[-1].last, cycles("gemv", 512)) == (260, 266)


def test_programs_have_the_instructions_of_their_compiler():
    # rnn 2 + t + ceil(R/V), lstm 10 + t + ceil(R/V), gru 8 + t + 2 ceil(R/V); 512 elements: R 13, V 2.
    assert [step_instructions(cell, 512, STOCK) for cell in CELLS] == [2 + 7 + 7, 10 + 7 + 7, 8 + 7 + 14]
    # What the loader's law of the LSTM has 30 R of: ten vectors of R words, three sequences each.
    assert [written_vectors(cell) for cell in CELLS] == [2, 10, 8]
    for cell in CELLS:
        two, three = (trace(cell, input_size=512, hidden_size=512, seq_len=steps)[-1].instruction for steps in (2, 3))
        assert three - two == step_instructions(cell, 512, STOCK)


def test_products_with_x_come_before_those_with_h():
    # The tail of a step is behind the next input products already: the paper's "sequential" is another machine.
    for program in PROGRAMS.values():
        products = [entry.product == "x" for entry in program.step if isinstance(entry, Chain) and entry.product]
        assert products == sorted(products, reverse=True)
        assert isinstance(program.step[0], Load) or not isinstance(program.last_step()[-1], Load)


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tiles", "lanes"), [(7, 40), (2, 20), (1, 50), (16, 20), (5, 30), (12, 20)])
def test_sizes_that_flush_are_refused(tiles, lanes):
    shape = Shape(tiles=tiles, lanes=lanes)
    refused = [size for size in range(1, 1500) if flushes(size, shape)]
    for size in range(1, 1500, 7):
        if size in refused:
            with pytest.raises(SpecificationError, match=f"hidden_size: expected at least {refused[-1] + 1} .*flushes"):
                cycles("lstm", size, x=1400, shape=shape)
    assert cycles("lstm", len(refused) + 1, x=1, shape=shape) > 0
    assert refused == list(range(1, len(refused) + 1))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"cell": "lstn"}, r"cell: expected gemv, rnn, lstm, gru, got 'lstn' \(did you mean 'lstm'\?\)"),
        ({"hidden_size": 280}, "hidden_size: expected at least 281 .*, got 280"),
        ({"input_size": 0}, "input_size: expected a positive integer, got 0"),
        ({"seq_len": 1.5}, "seq_len: expected a positive integer, got 1.5"),
    ],
)
def test_bad_input_gets_a_sentence(change, sentence):
    for function in (run_program, trace):
        with pytest.raises(SpecificationError, match=sentence):
            function(**{"cell": "lstm", "input_size": 512, "hidden_size": 512, "seq_len": 2} | change)


@pytest.mark.parametrize(("x", "h"), [(512, 10**9), (10**12, 512), (200_000, 200_000)])
def test_products_beyond_all_reason_are_refused_before_they_take_memory(x, h):
    with pytest.raises(InfeasibleMappingError, match="expected products of at most 2\\^20 micro-operations, got "):
        cycles("rnn", h, x=x)


def test_a_large_layer_runs():
    # 2500 rows, 358 passes: 2 U + N, and what one product and the start take.
    assert cycles("rnn", 100_000, 2) - cycles("rnn", 100_000) == pytest.approx(2 * 2500 * 358, rel=1e-3)


@pytest.mark.parametrize("lanes", [0, 10, 25, "40"])
def test_lanes_are_whole_tensor_blocks(lanes):
    with pytest.raises(SpecificationError, match="lanes: expected "):
        Shape(lanes=lanes)
    with pytest.raises(SpecificationError, match="tiles: expected at most 1024, got 1025"):
        Shape(tiles=1025)


# Laws ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "sizes", "steps"),
    [
        ("lstm", (512, 1024, 1152, 1536), (534, 966, 1183, 1896)),
        ("gru", (512, 1024, 1152, 1536, 2048), (637, 1033, 1184, 1645, 2674)),
        ("rnn", (512, 1024, 1792), (237, 360, 655)),
    ],
)
def test_steps_of_the_stock_machine(cell, sizes, steps):
    assert tuple(step_cycles(cell, size, STOCK) for size in sizes) == steps


def long_run_step(cell, size, shape):
    """Cycles of a step in the long run, where 840 steps are whole periods."""
    return (cycles(cell, size, 10**6 + 840, shape) - cycles(cell, size, 10**6, shape)) / 840


@pytest.mark.parametrize("cell", CELLS)
def test_laws_hold_on_the_machine_of_the_public_rtl(cell):
    for size in range(281, 3000, 160):
        assert step_cycles(cell, size, STOCK) == long_run_step(cell, size, STOCK), size


@given(programs(CELLS))
@examples(40)
def test_no_step_beats_a_law_and_few_take_more(program):
    cell, _, size, shape = program
    assert step_cycles(cell, size, shape) <= long_run_step(cell, size, shape) <= 1.05 * step_cycles(cell, size, shape)


@pytest.mark.parametrize(
    ("cell", "size", "tiles", "lanes", "law", "events"),
    [("lstm", 199, 9, 20, 456, 458), ("rnn", 1435, 20, 20, 692, 712)],
)
def test_where_laws_do_not_hold(cell, size, tiles, lanes, law, events):
    shape = Shape(tiles=tiles, lanes=lanes)
    assert (step_cycles(cell, size, shape), long_run_step(cell, size, shape)) == (law, events)


def test_the_bound_that_only_the_fewest_rows_meet():
    # 6 rows: i is written two cycles after the fourth product ends.
    bounds = step_bounds("lstm", 102, Shape(tiles=4, lanes=20))
    assert bounds["L2 + 9R + 139"] == bounds["L4 + 6R + 107"] + 2 == 356


def test_most_differences_of_runs_of_the_rtl_are_whole_steps_by_the_laws():
    # The first step is none of them. The others are of short runs, which also live on what the queues hold.
    runs, ratios = defaultdict(dict), []
    for row in RTL:
        if row["input_size"] == row["hidden_size"] and row["cell"] in CELLS and row["seq_len"] > 1:
            runs[row["cell"], row["hidden_size"], shape_of(row)][row["seq_len"]] = row["cycles"]
    for (cell, size, shape), taken in runs.items():
        for few, many in pairwise(sorted(taken)):
            ratios.append((taken[many] - taken[few]) / (many - few) / step_cycles(cell, size, shape))
    assert (len(ratios), ratios.count(1)) == (156, 136)
    assert min(ratios) >= 0.98
    assert max(ratios) == 1


@pytest.mark.parametrize(("cell", "size"), [("gemv", 512), ("lstm", 280)])
def test_what_has_no_law_is_refused(cell, size):
    with pytest.raises(SpecificationError, match=r"cell: expected rnn, lstm, gru|size: expected at least 281"):
        step_cycles(cell, size, STOCK)
