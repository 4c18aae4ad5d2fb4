"""`sharp search`: a front as table and JSON; a space that makes no sense is one sentence."""

import csv
import json

import pytest

SPACE = """
axes:
  macs: [1K, 4K, 16K]
  tile_rows: [32, 64, 128, 256]
  activation_lanes: {from: 16, to: 64, step: 16}
conditions: [tile_rows <= num_macs / 16]
objectives: [latency, energy, area]
"""


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    return path


def test_front_as_json_and_as_a_table(command, space, tmp_path):
    table = tmp_path / "front.csv"
    found = json.loads(command("search", str(space), "--network", "eesen", "--json", "--table", str(table)).out)
    assert found["meets"] is True
    assert (found["designs"], found["tried"]) == (48, 40)
    rows = list(csv.DictReader(table.open()))
    assert [row["macs"] for row in rows] == [design["point"]["macs"] for design in found["front"]]
    assert float(rows[0]["latency_s"]) == found["front"][0]["latency_s"]
    shown = command("search", str(space), "--network", "eesen")
    assert f"{len(rows)} of 40 designs" in shown.out


def test_axes_of_a_layer_where_there_is_no_network(command, tmp_path):
    path = tmp_path / "layers.yaml"
    path.write_text("axes: {hidden_size: [100, 200], macs: [1K, 4K]}\nobjectives: latency\n")
    found = json.loads(command("search", str(path), "--json").out)
    assert [design["point"] for design in found["front"]] == [{"hidden_size": 100, "macs": "4K"}]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (SPACE + "deadline: 1ns\n", (), "nothing meets it; the nearest is macs 16K"),
        (SPACE, ("--area", "1mm2"), "nothing meets it; the nearest is macs 1K"),
        ("axes: {macs: []}", (), "axes.macs: expected at least one value"),
        ("axes: {}", (), "at least one axis"),
        ("axes: {mcas: 1K}", (), "did you mean 'macs'"),
        ("axes: {clock_hz: {from: 1, to: 1000000000}, dram_bytes_per_s: {from: 1, to: 1000000000}}", (), "at most"),
        (SPACE.replace("latency, energy", "speed"), (), "objectives"),
        (SPACE.replace("tile_rows <=", "tile_row <="), (), "tile_row"),
        (SPACE + "limits: 5\n", (), "limits"),
    ],
)
def test_spaces_that_make_no_sense_are_one_sentence(command, tmp_path, text, options, message):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    outcome = command("search", str(path), "--network", "eesen", *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert message in outcome.err
