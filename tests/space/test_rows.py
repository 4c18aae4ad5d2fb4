"""A sweep's rows are what `sharp run` says of each point, whatever is set and however large the numbers are."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import examples

from sharp import SharpError, find_accelerator, square_lstm, sweep
from sharp.cycles.closed_form import MAX_EXACT
from sharp.cycles.counting import SPLIT
from sharp.machine.accelerator import LATENCIES
from sharp.rivals.machines import as_machine
from sharp.space.scenario import Scenario

MACHINE = find_accelerator("sharp")
AROUND = Scenario(network=square_lstm(1), machine=as_machine(MACHINE))

# Settings ------------------------------------------------------------------------------------------------------------

OPTIONS = {
    **{"hidden_size": "--hidden", "input_size": "--input", "seq_len": "--steps", "batch_size": "--batch"},
    **{"schedule": "--schedule", "tile_rows": "--tile-rows", "weights": "--weights", "macs": "--macs"},
}
"""Options of `sharp run` for columns; the others are settings."""

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "hidden_size": st.integers(1, 600),
    "input_size": st.integers(1, 600),
    "seq_len": st.integers(1, 40),
    "batch_size": st.integers(1, 3),
    "schedule": st.sampled_from(["sequential", "batch", "intergate", "unfolded", "interleaved"]),
    "tile_rows": st.sampled_from(["best", 64, 128]),
    "weights": st.sampled_from(["resident", "streamed"]),
    "macs": st.sampled_from(["1K", "4K", "64K", "96K", 12288]),
    "clock_hz": st.sampled_from([1e8, 5e8, 1e9]),
    **dict.fromkeys(LATENCIES, st.floats(0.5, 50)),
    "chained_levels": st.integers(1, 4),
    "activation_lanes": st.integers(1, 300),
    "rows_per_update_lane": st.integers(1, 300),
    "dram_bytes_per_s": st.floats(1e9, 1e11),
    "weight_buffer": st.integers(2**12, 2**25),
    "intermediate_buffer": st.integers(2**8, 2**20),
}
SETTINGS = [name for name in VALUES if name not in OPTIONS]


@st.composite
def asked(draw: st.DrawFn) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Columns of a grid of a few points, and what is set beside them."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True))
    columns = {name: draw(st.lists(VALUES[name], min_size=1, max_size=2, unique=True)) for name in names}
    columns.setdefault("hidden_size", [draw(VALUES["hidden_size"])])
    free = sorted({"macs", *SETTINGS} - set(columns))
    beside = draw(st.lists(st.sampled_from(free), max_size=3, unique=True))
    if {"dram_bytes_per_s", "weight_buffer"} & {*columns, *beside}:  # refused where nothing is loaded
        columns["weights"] = ["streamed"]
    return columns, {name: draw(VALUES[name]) for name in beside}


def arguments(values: dict[str, Any]) -> list[str]:
    """Options of the command for some values."""
    found = []
    for name, value in values.items():
        found += [OPTIONS[name], str(value)] if name in OPTIONS else ["--set", f"{name}={value!r}"]
    return found


@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(({"hidden_size": [512], "macs": ["4K"]}, {"clock_hz": 1e9}))
@example(({"hidden_size": [512], "clock_hz": [1e9, 1e8]}, {"macs": "96K"}))
@given(asked())
def test_every_row_is_what_run_says(command, tmp_path, case):
    columns, beside = case
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(columns, sort_keys=False))
    output = tmp_path / "table.json"
    assert command("sweep", str(tmp_path / "grid.yaml"), "-o", str(output), *arguments(beside)).code == 0
    header, *lines = output.read_text().splitlines()
    points = [{}]
    for name, values in columns.items():
        points = [{**point, name: value} for point in points for value in values]
    assert len(lines) == len(points)
    for point, line in zip(points, lines, strict=True):
        row = dict(zip(header.split(","), line.split(","), strict=True))
        report = json.loads(command("run", "--json", *arguments({"weights": "resident", **beside, **point})).out)
        assert int(row["total_cycles"]) == report["total_cycles"], (point, beside)
        assert float(row["latency_s"]) == report["latency_s"]
        assert int(row["tile_rows"]) == report["layers"][0]["tile_rows"]
        assert {name: float(row[name]) for name in SPLIT} == pytest.approx(report["split"], rel=1e-12)


@pytest.mark.parametrize(
    ("column", "options", "sentence"),
    [
        ("macs: [4K]", ("--macs", "64K"), "--macs: expected it or the grid's column macs, got both"),
        ("macs: [4K]", ("--set", "num_macs=1024"), "--set num_macs: expected it or the grid's column macs, got both"),
        ("clock_hz: [1e9]", ("--set", "clock_hz=1e8"), "--set clock_hz: expected it or the grid's column clock_hz"),
        ("add_ns: [2]", ("--set", "add_ns=1"), "--set add_ns: expected it or the grid's column add_ns, got both"),
        ("node_nm: [32]", ("--energy", "--set", "node_nm=22"), "--set node_nm: expected it or the grid's column node"),
        ("seq_len: [3]", ("--macs", "4K", "--set", "num_macs=1024"), "--macs: expected it or --set num_macs, got both"),
        ("seq_len: [3]", ("--set", "add_ns=1", "--set", "add_ns=2"), "--set: expected each name once"),
        ("seq_len: [3]", ("--set", "dram_pj_per_bit=1"), "--set dram_pj_per_bit: expected --energy with it"),
    ],
)
def test_a_setting_without_an_effect_is_refused(command, tmp_path, column, options, sentence):
    (tmp_path / "grid.yaml").write_text(f"hidden_size: [512]\n{column}\n")
    outcome = command("sweep", str(tmp_path / "grid.yaml"), "-o", str(tmp_path / "o.csv"), *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert sentence in outcome.err
    assert not (tmp_path / "o.csv").exists()


def test_the_heights_that_there_are_and_the_one_in_use_are_two_things(command, tmp_path):
    (tmp_path / "grid.yaml").write_text("hidden_size: [512]\ntile_rows: [64]\n")
    asked = ("sweep", str(tmp_path / "grid.yaml"), "-o", str(tmp_path / "o.csv"))
    assert command(*asked, "--set", "tile_rows=[32, 64]").code == 0
    assert "one of 32, 128 or best" in command(*asked, "--set", "tile_rows=[32, 128]").err


# Large numbers -------------------------------------------------------------------------------------------------------

LARGE = {
    **dict.fromkeys(("input_size", "seq_len", "batch_size"), 44),
    **dict.fromkeys(("activation_lanes", "rows_per_update_lane", "chained_levels"), 62),
    **dict.fromkeys(("weight_buffer", "intermediate_buffer", "io_buffer"), 62),
    **dict.fromkeys((*LATENCIES, "clock_hz", "dram_bytes_per_s"), 90),
    "hidden_size": 18,  # the event simulator visits every block of cells
    "projection_size": 18,
    "macs": 50,
}
"""Powers of two up to which numbers are tried."""


@st.composite
def large_points(draw: st.DrawFn) -> dict[str, Any]:
    """A small layer with some numbers near powers of two, beyond what doubles hold."""
    point: dict[str, Any] = {"hidden_size": draw(st.integers(1, 300)), "macs": "1K"}
    point["schedule"] = draw(st.sampled_from(["sequential", "batch", "intergate", "unfolded"]))
    point["tile_rows"] = draw(st.sampled_from(["best", 32, 256]))
    point["weights"] = draw(st.sampled_from(["resident", "streamed"]))
    for name in draw(st.lists(st.sampled_from(sorted(LARGE)), min_size=1, max_size=3, unique=True)):
        power = draw(st.integers(max(1, LARGE[name] - 24), LARGE[name]))
        number = 2**power + draw(st.integers(-3, 3))
        point[name] = float(2**power) if name.endswith(("_ns", "_hz", "_per_s")) else max(1, number)
        if name == "macs":
            point[name] = 256 * max(1, 2 ** (power - 8) + draw(st.integers(-3, 3)))
    return point


@examples(400)
@example({"hidden_size": 8, "tile_rows": 32, "activation_lanes": 10**18})
@example({"hidden_size": 8, "rows_per_update_lane": 2**53 + 1})
@example({"hidden_size": 64, "intermediate_buffer": 2**60 - 1, "batch_size": 2**40 + 1})
@given(large_points())
def test_a_row_of_large_numbers_is_that_of_the_events(point):
    (row,) = sweep({name: [value] for name, value in point.items()}, MACHINE).to_dict("records")
    if row["reason"]:
        with pytest.raises(SharpError) as refusal:
            AROUND.at(point).run()
        assert row["reason"] == refusal.value.reason
        return
    report = AROUND.at(point).run()
    counts = report.counts
    assert row["total_cycles"] == counts.total_cycles
    assert row["tile_rows"] == report.layers[0].tile_rows
    assert row["latency_s"] == report.latency_s
    assert {name: row[name] for name in SPLIT} == pytest.approx(counts.split, rel=1e-15)
    if row["method"] == "closed form":
        assert {name: row[name] for name in SPLIT} == counts.split
        assert counts.total_cycles * counts.num_macs < MAX_EXACT


@pytest.mark.parametrize("number", [2**50 - 1, 2**50])
def test_the_closed_form_stops_where_doubles_may_round(number):
    for name in ("activation_lanes", "rows_per_update_lane", "weight_buffer", "intermediate_buffer", "io_buffer"):
        (method,) = sweep({"hidden_size": 8, name: number}, MACHINE)["method"]
        assert method == ("closed form" if number < 2**50 else "events"), name
