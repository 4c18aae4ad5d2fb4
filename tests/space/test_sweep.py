"""The batch API: every point as `simulate` has it, whatever the columns, the chunks and the threads."""

import json
import random
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from sharp import Plan, RNNLayer, SharpError, SpecificationError, grid, simulate, square_lstm, sweep, sweep_chunks
from sharp.cycles.counting import SPLIT
from sharp.machine.accelerator import with_settings
from sharp.space.scenario import Scenario
from sharp.units import cycles_from_many_ns, cycles_from_ns
from sharp.workload.single import single_layer

AXES = {
    "hidden_size": [64, 340, 2048],
    "input_size": [100, 512],
    "macs": ["1K", "64K", "96K"],
    "schedule": ["batch", "unfolded", "interleaved"],
    "tile_rows": ["best", 64],
    "weights": ["resident", "streamed"],
    "projection_size": [None, 96],
    "batch_size": [1, 3],
    "forwarding": ["barrier", "tilewise"],
    "update_ns": [24.0, 34.96],
}


def simulated(row, machine):
    """A row of the table, by `simulate`."""
    settings = dict(machine.budget(row["macs"])) | {"update_ns": row["update_ns"]}
    layer = RNNLayer(
        input_size=int(row["input_size"]), hidden_size=int(row["hidden_size"]), projection_size=row["projection_size"]
    )
    plan = Plan(schedule=row["schedule"], tile_rows=row["asked"], weights=row["weights"], forwarding=row["forwarding"])
    return simulate(single_layer(layer, 25, int(row["batch_size"])), with_settings(machine, settings), plan)


def test_every_point_is_as_simulate_has_it(accelerator):
    points = grid(**AXES)
    assert len(points) == 3 * 2 * 3 * 3 * 2**6
    places = points.places(0, len(points))
    some = random.Random(1).sample(range(len(points)), 400)
    asked = [{name: column.value(places[name][k]) for name, column in points.columns.items()} for k in some]
    table = sweep({name: [row[name] for row in asked] for name in AXES}, accelerator)
    for point, row in zip(asked, table.to_dict("records"), strict=True):
        row |= {"asked": point["tile_rows"], "projection_size": point["projection_size"]}
        report = simulated(row, accelerator)
        counts = report.counts
        assert (row["total_cycles"], row["tile_rows"]) == (counts.total_cycles, report.layers[0].tile_rows)
        assert {name: row[name] for name in SPLIT} == counts.split
        assert row["utilization"] == pytest.approx(counts.utilization, rel=1e-12)
        assert row["latency_s"] == report.latency_s
        by_events = row["schedule"] == "interleaved" or row["forwarding"] == "tilewise"
        assert row["method"] == ("events" if by_events else "closed form")
    assert (table[list(SPLIT)].sum(axis=1) - table["total_cycles"]).abs().max() < 1e-6


def test_a_tree_whose_levels_share_cycles(accelerator):
    axes = {"hidden_size": [64, 340], "schedule": ["batch", "interleaved"], "batch_size": [2], "macs": ["4K"]}
    axes |= {"clock_hz": [5e7, 2.5e8, 5e8], "chained_levels": [1, 3, 64], "add_ns": [0.5, 1.94]}
    table = sweep(grid(**axes), accelerator)
    for row in table.to_dict("records"):
        settings = {name: row[name] for name in ("clock_hz", "chained_levels", "add_ns")}
        machine = with_settings(accelerator.with_macs("4K"), settings)
        layer = RNNLayer(input_size=row["hidden_size"], hidden_size=row["hidden_size"])
        counts = simulate(single_layer(layer, 25, 2), machine, Plan(schedule=row["schedule"])).counts
        assert row["total_cycles"] == counts.total_cycles
    assert set(table["method"]) == {"closed form", "events"}
    totals = table.set_index(["add_ns", "clock_hz", "schedule", "hidden_size", "chained_levels"])["total_cycles"]
    totals = totals.unstack()
    assert (totals.loc[1.94, 5e8][1] == totals.loc[1.94, 5e8][64]).all()  # SHARP's own level and clock: nothing fits
    assert (totals.loc[1.94, 5e7][1] > totals.loc[1.94, 5e7][3]).all()


def test_accumulators_that_are_merged(accelerator):
    machine = with_settings(accelerator, {"accumulators": "interleaved"})
    axes = {"hidden_size": [64, 340], "schedule": ["batch", "unfolded"], "macs": ["4K"], "chained_levels": [1, 2]}
    axes |= {"accumulate_ns": [1.94, 3, 5, 7.7, 9], "add_ns": [0.5, 1.94]}
    table = sweep(grid(**axes), machine)
    assert set(table["method"]) == {"closed form"}
    for row in table.to_dict("records"):
        asked = with_settings(
            machine.with_macs("4K"), {name: row[name] for name in ("accumulate_ns", "chained_levels", "add_ns")}
        )
        report = simulate(square_lstm(row["hidden_size"]), asked, Plan(schedule=row["schedule"]))
        assert row["total_cycles"] == report.counts.total_cycles
    single = sweep(grid(**axes), accelerator)
    more = table["total_cycles"] - single["total_cycles"]
    assert (more[table["accumulate_ns"] > 2] > 0).all()
    assert (more[table["accumulate_ns"] < 2] == 0).all()


def test_chunks_and_threads_change_nothing(accelerator):
    points = grid(hidden_size=range(1, 700), macs=["1K", "16K"], schedule=["sequential", "unfolded", "intergate"])
    whole = sweep(points, accelerator, threads=1)
    shares = []
    parts = list(sweep_chunks(points, accelerator, chunk_points=100, threads=2, progress=shares.append))
    assert max(map(len, parts)) == 100
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_columns_that_go_together(accelerator):
    table = sweep({"hidden_size": np.array([64, 128]), "cell": ["gru", "lstm"], "macs": 4096}, accelerator)
    assert list(table["macs"]) == [4096, 4096]
    for row in table.to_dict("records"):
        layer = RNNLayer(cell=row["cell"], input_size=row["hidden_size"], hidden_size=row["hidden_size"])
        assert row["total_cycles"] == simulate(single_layer(layer, 25), accelerator.with_macs(4096)).counts.total_cycles


def test_unequal_lengths_go_through_the_event_simulator(accelerator):
    table = sweep(grid(hidden_size=128, lengths=[(), (3, 9, 5)]), accelerator)
    assert list(table["method"]) == ["closed form", "events"]
    network = single_layer(RNNLayer(input_size=128, hidden_size=128), 9).with_lengths((3, 9, 5))
    assert table["total_cycles"][1] == simulate(network, accelerator).counts.total_cycles


def test_what_doubles_do_not_hold_is_counted_in_integers(accelerator):
    sizes = {"hidden_size": [2**16, 2**16], "seq_len": [10, 10**9], "macs": "1K"}
    small, large = sweep(sizes, accelerator).to_dict("records")
    assert (small["method"], large["method"]) == ("closed form", "events")
    report = simulate(single_layer(RNNLayer(input_size=2**16, hidden_size=2**16), 10**9), accelerator.with_macs("1K"))
    assert large["total_cycles"] == report.counts.total_cycles > 2**52


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        ({"hiden_size": 8}, r"points: expected .*got 'hiden_size' \(did you mean 'hidden_size' or"),
        ({"input_size": 8}, "points: expected a column hidden_size, got"),
        ({"hidden_size": 8, 3: [8]}, "points: expected .*, got 3"),
        (
            {"hidden_size": 8, "macs": [["1K"]]},
            r"points.macs: expected a budget such as 64K or a positive integer, got \['1K'\]",
        ),
        ({"hidden_size": [8, 0]}, r"points.hidden_size\[1\]: expected a positive integer, got 0"),
        ({"hidden_size": [8, 2.5]}, r"points.hidden_size\[1\]: expected a positive integer, got 2.5"),
        ({"hidden_size": []}, "points.hidden_size: expected at least one value"),
        ({"hidden_size": "8"}, "points.hidden_size: expected a positive integer, got '8'"),
        ({"hidden_size": [True]}, "points.hidden_size: expected a positive integer, got True"),
        ({"hidden_size": [64, True]}, "points.hidden_size: expected a positive integer, got True"),
        ({"hidden_size": [64, [1]]}, r"points.hidden_size: expected a positive integer, got \[1\]"),
        ({"hidden_size": [[1, 2], [3]]}, r"points.hidden_size: expected a positive integer, got \[1, 2\]"),
        ({"hidden_size": 8, "clock_hz": [1e9, False]}, "points.clock_hz: expected a positive number, got False"),
        ({"hidden_size": 2**70}, "points.hidden_size: expected a positive integer"),
        ({"hidden_size": [8, 9], "seq_len": [1, 2, 3]}, "points.hidden_size: expected 3 values, .*got 2"),
        ({"hidden_size": 8, "tile_rows": [32, 33]}, r"points.tile_rows\[1\]: expected one of 32, 64, 128, 256 or best"),
        ({"hidden_size": 8, "tile_rows": "bst"}, "points.tile_rows: expected .*got 'bst'"),
        ({"hidden_size": 8, "schedule": "unfold"}, r"points.schedule: expected .*did you mean 'unfolded'"),
        ({"hidden_size": 8, "cell": "gruu"}, r"points.cell: expected .*did you mean 'gru'"),
        ({"hidden_size": 8, "bidirectional": 1}, "points.bidirectional: expected true or false, got 1"),
        ({"hidden_size": 8, "macs": "1000"}, "num_macs: expected a multiple of every tile height"),
        ({"hidden_size": 8, "update_ns": [-1.0]}, r"points.update_ns\[0\]: expected a positive number, got -1.0"),
        (
            {"hidden_size": 8, "update_ns": [float("nan")]},
            r"points.update_ns\[0\]: expected a positive number, got nan",
        ),
        (
            {"hidden_size": 8, "activation_lanes": [1.5]},
            r"points.activation_lanes\[0\]: expected a positive integer, got 1.5",
        ),
        (
            {"hidden_size": 8, "projection_size": [None, 0]},
            r"points.projection_size.*: expected a positive integer, got 0",
        ),
        ({"hidden_size": [[8]]}, r"points.hidden_size: expected a positive integer, got \[8\]"),
        ({"hidden_size": np.array([[8, 9]])}, r"points.hidden_size: expected a positive integer, got \[8, 9\]"),
        ({"hidden_size": b"8"}, "points.hidden_size: expected a positive integer, got b'8'"),
        ({"hidden_size": range(8, 10**18)}, "points.hidden_size: expected at most 100000000 values, got range"),
        ({"hidden_size": 8, "bidirectional": np.array([1, 0])}, "points.bidirectional: expected true or false, got 1"),
        ({"hidden_size": 8, "lengths": [3, 2]}, r"points.lengths: expected a list of lengths for each point, such as"),
        ({"hidden_size": 8, "lengths": [(3, 2)], "seq_len": 5}, "points: expected lengths, or seq_len and batch_size"),
        (None, "points: expected a grid or a mapping of columns, got None"),
        ({"hidden_size": 8, "lengths": [(3, 0)]}, "points.*: expected a positive integer, got 0"),
    ],
)
def test_a_wrong_column_is_refused_in_one_sentence(accelerator, points, sentence):
    with pytest.raises(SpecificationError, match=sentence) as refusal:
        sweep(points, accelerator)
    assert "\n" not in str(refusal.value)


def test_a_grid_has_fewer_points_than_64_bits_count():
    with pytest.raises(
        SpecificationError, match=r"points: expected fewer than 2\^63 combinations, got 1000000000000000000000"
    ):
        grid(hidden_size=range(1, 10**7 + 1), input_size=range(1, 10**7 + 1), seq_len=range(1, 10**7 + 1))


@pytest.mark.parametrize("options", [{"threads": -1}, {"threads": 0}, {"chunk_points": 0}])
def test_threads_and_chunks_are_positive(accelerator, options):
    with pytest.raises(SpecificationError, match=f"{next(iter(options))}: expected a positive integer"):
        list(sweep_chunks({"hidden_size": 8}, accelerator, **options))


def test_columns_of_other_libraries(accelerator):
    points = {
        "hidden_size": pd.Series([64, 128.0]),
        "schedule": np.array(["batch", "unfolded"]),
        "seq_len": np.array(9),
    }
    other = {"hidden_size": [64, 128], "schedule": ["batch", "unfolded"], "seq_len": 9}
    assert list(sweep(points, accelerator)["total_cycles"]) == list(sweep(other, accelerator)["total_cycles"])


def test_a_users_schedule_is_loaded_once(accelerator, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from pathlib import Path\nfrom sharp.schedule import Unfolded\n"
        "with Path(__file__).with_suffix('.log').open('a') as log:\n    log.write('loaded\\n')\n"
        "class Mine(Unfolded):\n    name = 'mine'\n"
    )
    table = sweep(grid(hidden_size=range(8, 40), schedule=["unfolded", f"{file}:Mine"]), accelerator)
    assert file.with_suffix(".log").read_text() == "loaded\n"
    assert list(table["total_cycles"][::2]) == list(table["total_cycles"][1::2])


BAD = {
    "cell": "gru",
    "hidden_size": [8, 8, 8],
    "linear_before_reset": False,
    "schedule": ["unfolded", "batch", "batch"],
}


def test_a_point_that_cannot_be_mapped_is_a_row_with_its_reason(accelerator):
    table = sweep(BAD, accelerator)
    assert table["method"].tolist()[0] == "closed form"
    (reason,) = set(table["reason"][1:])
    assert reason.startswith("schedule: expected intergate, unfolded or interleaved for a cell in which gate n waits")
    numbers = ["tile_rows", "total_cycles", "latency_s", "utilization", *SPLIT, "method"]
    assert table.loc[1:, numbers].isna().all(axis=None)
    assert not table.loc[:0].isna().any(axis=None)
    assert table["total_cycles"].dtype == "Int64"
    assert sweep({**BAD, "schedule": "unfolded"}, accelerator)["total_cycles"].dtype == np.int64
    chosen = sweep({**BAD, "tile_rows": 64}, accelerator)  # what was asked stays
    assert chosen["tile_rows"].tolist() == [64, 64, 64]


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (
            BAD,
            "schedule: expected intergate, unfolded or interleaved for a cell in which gate n waits for rz, got batch",
        ),
        (
            {"hidden_size": 2**40, "input_size": 2**40, "seq_len": 2**40},
            "hidden_size, input_size, seq_len, batch_size: e",
        ),
        ({"hidden_size": 340, "weights": "streamed", "dram_bytes_per_s": 1e-12}, "total_cycles: .* stay below 2\\^63"),
        ({"hidden_size": 8, "batch_size": 5000, "schedule": "interleaved"}, "batch_size: expected at most 4096 chains"),
        ({"hidden_size": 8, "cell": ["lstm", "gru"], "projection_size": 4}, "cell: expected lstm .projection_size bel"),
        (
            {"hidden_size": 8, "cell": ["gru", "lstm"], "linear_before_reset": False},
            "cell: expected gru .linear_before",
        ),
    ],
)
def test_with_strict_it_ends_the_sweep_with_its_place(accelerator, points, sentence):
    with pytest.raises(SharpError, match=rf"^points\[\d\]: (.*: layers\[0\]: )?{sentence}") as refusal:
        sweep(points, accelerator, strict=True)
    place = int(re.match(r"points\[(\d)\]", str(refusal.value))[1])
    reasons = sweep(points, accelerator)["reason"].tolist()
    assert re.match(sentence, reasons[place])
    assert not any(reasons[:place])


def test_a_tile_without_a_row_for_each_gate(accelerator):
    small = replace(accelerator, tile_rows=(2, 64), num_macs=1024)
    table = sweep(grid(hidden_size=[8, 300], tile_rows=[2, 64, "best"]), small)
    assert table["tile_rows"].tolist() == [2, 64, 64, 2, 64, 64]
    assert table["reason"].str.startswith("tile_rows: expected at least 4").tolist() == [True, False, False] * 2
    none = sweep({"hidden_size": [8, 9]}, replace(small, tile_rows=(2,)))
    assert none["tile_rows"].isna().all()
    assert set(none["reason"]) == {"tile_rows: expected at least 4 (a row for each gate of ifgo), got 2"}


def test_a_million_points_that_cannot_be_mapped_take_no_million_tries(accelerator, monkeypatch):
    tried = []
    run = Scenario.run
    monkeypatch.setattr(Scenario, "run", lambda scenario: tried.append(0) or run(scenario))
    points = {"cell": "gru", "linear_before_reset": False, "schedule": ["batch", "unfolded"]}
    table = sweep(grid(**points, hidden_size=range(1, 200), input_size=range(1, 200)), accelerator)
    assert (table["reason"] != "").sum() == len(table) // 2
    assert len(tried) == 1


def test_reasons_of_many_chunks_are_in_one_table(accelerator):
    points = {"hidden_size": 8, "batch_size": 4097, "schedule": ["unfolded", "interleaved", "unfolded"]}
    columns = {name: [value] * 3 if name != "schedule" else value for name, value in points.items()}
    whole = sweep(columns, accelerator)
    parts = list(sweep_chunks(columns, accelerator, chunk_points=1))
    assert [part["reason"].tolist()[0] for part in parts] == whole["reason"].tolist()
    assert (whole["reason"] != "").tolist() == [False, True, False]


def test_the_command_does_not_replace_its_own_input(command, tmp_path):
    file = tmp_path / "grid.yaml"
    file.write_text("hidden_size: 8\n")
    outcome = command("sweep", str(file), "-o", str(file))
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert file.read_text() == "hidden_size: 8\n"
    machine = tmp_path / "m.yaml"
    machine.write_text("name: m\nlike: sharp\n")
    outcome = command("sweep", str(file), "--accelerator", str(machine), "-o", str(machine))
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "m.yaml: expected another file than those that are read" in outcome.err
    assert machine.read_text() == "name: m\nlike: sharp\n"
    outcome = command("timeline", "--hidden", "8", "--accelerator", str(machine), "--trace", str(machine))
    assert "m.yaml: expected another file than those that are read" in outcome.err
    assert machine.read_text() == "name: m\nlike: sharp\n"


def test_the_command_writes_the_same_table(command, tmp_path, accelerator):
    (tmp_path / "grid.yaml").write_text(
        "hidden_size: {from: 8, to: 64, step: 8}\nmacs: [1K, 64K]\nprojection_size: [null, 16]\ntile_rows: best\n"
    )
    output = tmp_path / "table.csv"
    outcome = command("sweep", str(tmp_path / "grid.yaml"), "-o", str(output), "--json")
    assert json.loads(outcome.out) == {"file": str(output), "points": 32, "refused": 0, "warnings": []}
    points = grid(hidden_size=range(8, 65, 8), macs=["1K", "64K"], projection_size=[None, 16], tile_rows="best")
    assert output.read_text() == sweep(points, accelerator).to_csv(index=False)


def test_the_command_says_how_many_points_have_no_numbers(command, tmp_path, accelerator):
    grid_file, output = tmp_path / "grid.yaml", tmp_path / "table.csv"
    grid_file.write_text("{hidden_size: 8, cell: gru, linear_before_reset: false, schedule: [batch, unfolded]}")
    asked = ("sweep", str(grid_file), "-o", str(output))
    assert command(*asked).out.endswith("2 points, 1 without numbers (column reason)\n")
    rows = pd.read_csv(output, keep_default_na=False)
    assert rows["reason"].str.startswith("schedule: expected").tolist() == [True, False]
    assert rows["total_cycles"].tolist()[0] == ""
    assert json.loads(command(*asked, "--json").out) == {"file": str(output), "points": 2, "refused": 1, "warnings": []}
    before = output.read_bytes()
    outcome = command(*asked, "--strict")
    assert (outcome.code, outcome.out) == (2, "")
    assert "points[0]: gru-8x8-t25: layers[0]: schedule: expected" in outcome.err
    assert output.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grid.yaml", "table.csv"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("hidden_sze: 8", "grid.yaml: points: expected .*got 'hidden_sze' (did you mean 'hidden_size'"),
        ("hidden_size: {from: 8, to: 4}", "grid.yaml: points.hidden_size.to: expected at least 8, as from, got 4"),
        ("hidden_size: {from: 8, till: 9}", "grid.yaml: points.hidden_size: expected no key 'till'"),
        ("hidden_size: {from: 8}", "grid.yaml: points.hidden_size: expected a key 'to', got from"),
        ("hidden_size: []", "grid.yaml: points.hidden_size: expected at least one value"),
        ("hidden_size: [8, -1]", "points.hidden_size[1]: expected a positive integer, got -1"),
        ("8", "grid.yaml: expected a mapping"),
    ],
)
def test_the_command_refuses_a_wrong_grid_and_writes_nothing(command, tmp_path, content, sentence):
    (tmp_path / "grid.yaml").write_text(content)
    output = tmp_path / "table.csv"
    output.write_text("as it was")
    outcome = command("sweep", str(tmp_path / "grid.yaml"), "-o", str(output))
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert re.search(re.escape(sentence).replace(r"\.\*", ".*"), outcome.err), outcome.err
    assert output.read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grid.yaml", "table.csv"]


@given(
    st.lists(st.floats(1e-3, 1e4) | st.sampled_from([2.0, 2.2, 1.94]), min_size=1, max_size=8),
    st.sampled_from([1e8, 2.5e8, 5e8, 5e9, 7e8]),
)
@examples(300)
def test_cycles_of_many_latencies(durations, clock):
    wanted = [cycles_from_ns(duration, clock) for duration in durations]
    assert cycles_from_many_ns(np.array(durations), np.array([clock])).tolist() == wanted
