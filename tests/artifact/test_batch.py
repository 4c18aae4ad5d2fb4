"""Batches: points checked before anything runs, each whole or not at all, none twice, on processes and on Dask."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from cheap_batch import (
    NOTEBOOK,
    SIX,
    assert_no_process_of,
    batch,
    contents,
    finish,
    finished,
    lines,
    read_summary,
    start_batch,
    write_grid,
)

from sharp import SpecificationError
from sharp.artifact.batch import load_batch
from sharp.artifact.batch_folder import claimed
from sharp.artifact.batch_run import FAILED, Outcome, summarize
from sharp.artifact.executors import Task, run_point

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "book" / "batches" / "tile_exploration.yaml"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the cheap notebook."""
    folder = tmp_path_factory.mktemp("batch")
    (folder / "tab_cheap.md").write_text(NOTEBOOK)
    return folder


@pytest.fixture(scope="module")
def reference(place):
    """Six points, run at one go."""
    output = place / "reference"
    code, out, err = batch(write_grid(place, SIX), output, place / "reference.runs", "--jobs", "2")
    assert (code, err) == (0, "")
    assert "report.html: 6 points, 0 failed" in out
    return output


# What is refused before anything runs


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("{sise: 3}", r"parameters: expected no key 'sise' \(did you mean 'size' or 'sizes'\?\)"),
        ("[1]", r"parameters: expected a mapping, got \[1\]"),
        ("{size: {each: []}}", r"parameters.size.each: expected a list with at least one entry, got \[\]"),
        ("{size: {each: 3}}", r"parameters.size.each: expected a list with at least one entry, got 3"),
        ("{size: {each: [1, 2, 1]}}", r"parameters.size.each: expected values that differ, got 1 twice"),
        ("{sizes: {each: [1, 2]}}", r"parameters.sizes.each: expected a list, as the notebook's own \[1, 2\], got 1"),
        ("{sizes: 1K}", r"parameters.sizes: expected a list, as the notebook's own \[1, 2\], got '1K'"),
        ("{size: true}", r"parameters.size: expected a number, as the notebook's own 3, got True"),
        ("{label: 3}", r"parameters.label: expected a text, as the notebook's own \"x\", got 3"),
        (
            "{size: .inf}",
            r"parameters.size: expected texts, finite numbers, lists and mappings of texts to such, got inf",
        ),
        ("{anything: {1: 2}}", r"parameters.anything: expected texts, finite numbers, lists .*, got \{1: 2\}"),
        (f"{{size: {{each: {list(range(1001))}}}}}", r"parameters: expected at most 1000 points, got 1001"),
    ],
)
def test_bad_parameters_are_refused_in_one_sentence(place, parameters, sentence):
    path = place / "bad.yaml"
    path.write_text(f"notebook: tab_cheap.md\nparameters: {parameters}\n")
    with pytest.raises(SpecificationError, match=rf"^\S*bad.yaml: {sentence}$"):
        load_batch(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("parameters: {}", r"grid: expected a key 'notebook', got parameters"),
        ("notebook: x\nparametres: {}", r"grid: expected no key 'parametres' \(did you mean 'parameters'\?\)"),
        (
            "notebook: tab_hardwar",
            r"notebook: expected the id of .*, got 'tab_hardwar' \(did you mean 'tab_hardware'\?\)",
        ),
        ("notebook: none.md", r"notebook: expected a notebook that is there, got '.*none.md'"),
        ("notebook: 3", r"notebook: expected a printable text, got 3"),
    ],
)
def test_bad_grids_are_refused_in_one_sentence(place, text, sentence):
    path = place / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpecificationError, match=rf"^\S*bad.yaml: {sentence}$"):
        load_batch(path)


def test_bad_input_at_the_command_is_exit_code_2_and_nothing_runs(command, place):
    grid, output = write_grid(place, SIX), place / "refused"
    for arguments in (
        [str(place / "none.yaml"), "-o", str(output)],
        [str(grid)],
        [str(grid), "-o", str(grid)],
        [str(grid), "-o", str(output), "--jobs", "0"],
        [str(grid), "-o", str(output), "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"],
    ):
        outcome = command("batch", *arguments)
        assert outcome.code == 2
        assert re.fullmatch(r"sharp: [^\n]+\n", outcome.err)
    assert not output.exists()


def test_dask_is_imported_only_when_asked_for_and_missed_in_one_sentence(command, place, monkeypatch):
    grid = write_grid(place, SIX)
    code = "import sys; import sharp.artifact.executors, sharp.artifact.batch; assert 'distributed' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    monkeypatch.setitem(sys.modules, "distributed", None)
    outcome = command("batch", str(grid), "-o", str(place / "refused"), "--scheduler", "tcp://127.0.0.1:1")
    assert outcome.code == 2
    assert (
        outcome.err
        == "sharp: --scheduler: expected the package distributed (pip install 'sharp-rnn[batch]'), got none\n"
    )


def test_a_scheduler_that_is_not_there_is_bad_input(command, place, monkeypatch):
    monkeypatch.setattr("sharp.space.cluster.CONNECT_S", 0.3)
    grid = write_grid(place, SIX)
    for address in ("tcp://127.0.0.1:1", "nowhere://x", "tcp://a:b"):
        outcome = command("batch", str(grid), "-o", str(place / "refused"), "--scheduler", address)
        assert outcome.code == 2
        assert f"expected the address of a Dask scheduler, such as tcp://127.0.0.1:8786, got '{address}'" in outcome.err
        assert not (place / "refused").exists()


def test_a_folder_is_one_batchs(place, command):
    grid = write_grid(place, SIX)
    with claimed(place / "held"):
        outcome = command("batch", str(grid), "-o", str(place / "held"))
    assert outcome.code == 2
    assert "held: expected no other batch at work there, got one" in outcome.err


# The points of a grid


def test_an_axis_is_told_from_a_list(place):
    loaded = load_batch(write_grid(place, {"sizes": [5, 6], "size": {"each": [1, 2]}}))
    assert loaded.axes == ("size",)
    assert [point.parameters for point in loaded.points] == [{"sizes": [5, 6], "size": 1}, {"sizes": [5, 6], "size": 2}]
    assert [point.name[:7] for point in loaded.points] == ["size=1-", "size=2-"]
    (alone,) = load_batch(write_grid(place, {})).points
    assert alone.name.startswith("point-")


def test_names_are_stable_short_and_safe(place):
    awkward = ["1K", ["1K"], "a/b", "a b", "../x", "ü" * 200, "A", "a", {"a": 1}, None, 1.5]
    points = load_batch(write_grid(place, {"anything": {"each": awkward}})).points
    assert len({point.name.lower() for point in points}) == len(points)
    assert all(re.fullmatch(r"[\w=+,.-]{1,100}", point.name, flags=re.ASCII) for point in points)
    again = load_batch(write_grid(place, {"anything": {"each": awkward[::-1]}})).points
    assert [point.name for point in again] == [point.name for point in points][::-1]


def test_the_shipped_grid_is_a_dozen_points():
    loaded = load_batch(SHIPPED)
    assert loaded.notebook.stem == "fig_tile_exploration"
    assert len(loaded.points) == 12


# Running


@pytest.mark.slow
def test_a_point_is_what_sharp_figure_gives(place, reference):
    (folder,) = reference.glob("points/size=2,sizes=3-*")
    names = ["manifest.json", "parameters.yaml", *(f"tab_cheap.{suffix}" for suffix in ("csv", "ipynb", "json", "tex"))]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "point.json", "timing.json"])
    assert (folder / "tab_cheap.tex").read_text() == "a: <b>"
    figure = [
        sys.executable,
        "-m",
        "sharp.cli",
        "figure",
        "tab_cheap.md",
        "-f",
        folder / "parameters.yaml",
        "-o",
        "alone",
    ]
    subprocess.run(figure, cwd=place, env={**os.environ, "RUNS": os.devnull}, check=True, capture_output=True)
    for name in ("manifest.json", "tab_cheap.csv", "tab_cheap.json"):
        assert (place / "alone" / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.slow
def test_summary_and_report(reference):
    rows = read_summary(reference)
    assert list(rows[0]) == [
        *("point", "size", "sizes", "label", "headline_size", "third", "status", "error", "seconds"),
    ]
    assert [(row["size"], row["sizes"]) for row in rows][:3] == [("1", "[1, 2]"), ("1", "[3]"), ("2", "[1, 2]")]
    assert all(row["headline_size"] == row["size"] and row["status"] == "finished" for row in rows)
    assert all(0 < float(row["seconds"]) < 100 for row in rows)
    page = (reference / "report.html").read_text()
    assert "a: &lt;b&gt;" in page
    assert not re.search(r"(https?:)?//|<script|<link", page)
    links = re.findall(r'href="(points/[^"]+)"', page)
    assert len(links) == 6
    assert all((reference / unquote(link)).is_dir() for link in links)


@pytest.mark.slow
def test_one_fails_and_the_others_go_on_then_only_what_changed_runs(place):
    folder = place / "changing"
    folder.mkdir()
    (folder / "tab_cheap.md").write_text(NOTEBOOK)
    grid, output, runs = write_grid(folder, {"size": {"each": [13, 1]}}), folder / "out", folder / "runs"
    code, out, err = batch(grid, output, runs)
    assert code == 1
    assert "2 points, 1 failed" in out
    assert re.fullmatch(r"sharp: size=13-\w+: tab_cheap.md, cell 2: RuntimeError: size <13> has bad luck\n", err)
    assert [row["status"] for row in read_summary(output)] == ["failed", "finished"]
    assert "RuntimeError: size &lt;13&gt; has bad luck" in (output / "report.html").read_text()
    assert len(finished(output)) == 1

    (folder / "tab_cheap.md").write_text(NOTEBOOK.replace("size == 13", "size == 14"))
    assert batch(grid, output, runs)[0] == 0
    assert sorted(lines(runs)[2:]) == ["1 [1, 2]", "13 [1, 2]"]

    (folder,) = output.glob("points/size=13-*")
    (folder / "tab_cheap.csv").write_text("mine")
    code, out, err = batch(grid, output, runs, "--first", "1", "--json")
    assert json.loads(out) | {"points": 1, "failed": 1} == json.loads(out)
    assert "tab_cheap.csv: expected what sharp wrote and nobody has changed" in err
    assert (folder / "tab_cheap.csv").read_text() == "mine"
    folder.rename(output / "mine")
    assert batch(grid, output, runs, "--first", "1")[0] == 0
    assert lines(runs)[4:] == ["13 [1, 2]"]
    assert len(finished(output)) == 2
    assert batch(grid, output, runs, "--first", "1", "--fresh")[0] == 0
    assert lines(runs)[5:] == ["13 [1, 2]"]


def test_a_point_whose_process_dies_fails_alone(place, monkeypatch):
    monkeypatch.setenv("RUNS", os.devnull)
    result = run_point(
        Task(name="x", notebook="tab_cheap.md", source=NOTEBOOK.encode(), parameters="size: 77", timeout_s=60)
    )
    assert result.error == "tab_cheap.md: expected its process to end well, got signal 9"
    assert not result.files


@pytest.mark.slow
def test_interrupted_leaves_finished_points_and_no_process(place):
    grid, output, runs = place / "interrupted.yaml", place / "interrupted", place / "interrupted.runs"
    write_grid(place, {"size": {"each": [1, 99, 98]}}).rename(grid)
    process = start_batch(grid, output, runs, "--jobs", "1")
    deadline = time.monotonic() + 60
    while not (len(lines(runs)) == 2 and finished(output)) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130
    assert err.strip() == "sharp: interrupted"
    assert [row["status"] for row in read_summary(output)] == ["finished", "not run", "not run"]
    assert "1 finished, 2 not run" in (output / "report.html").read_text()
    assert len(finished(output)) == 1
    assert_no_process_of(runs)


@pytest.mark.slow
def test_a_point_that_takes_too_long_is_marked(place):
    output = place / "late"
    grid = write_grid(place, {"size": {"each": [99, 1]}}, "late.yaml")
    code, out, err = batch(grid, output, place / "late.runs", "--timeout", "8")
    assert code == 1
    assert "2 points, 1 failed" in out
    assert re.fullmatch(r"sharp: size=99-\w+: tab_cheap.md: expected it to end within 8 s, got no end\n", err)
    assert [row["status"] for row in read_summary(output)] == ["timed out", "finished"]
    assert "1 finished, 1 timed out" in (output / "report.html").read_text()
    assert_no_process_of(place / "late.runs")


@pytest.mark.slow
def test_what_fails_leaves_what_was_there(place):
    folder = place / "failing"
    folder.mkdir()
    (folder / "tab_cheap.md").write_text(NOTEBOOK)
    grid, output, runs = write_grid(folder, {"size": {"each": [1]}}), folder / "out", folder / "runs"
    assert batch(grid, output, runs)[0] == 0
    before = contents(output / "points")
    (folder / "tab_cheap.md").write_text(NOTEBOOK.replace("size == 13", "size == 1"))
    assert batch(grid, output, runs)[0] == 1
    assert contents(output / "points") == before
    assert [row["status"] for row in read_summary(output)] == ["failed"]
    (folder / "tab_cheap.md").write_text(NOTEBOOK)
    assert batch(grid, output, runs)[0] == 0
    assert len(lines(runs)) == 2, "what is whole again is not run again"


def test_a_time_that_cannot_be_waited_for_is_refused(command, place):
    grid = write_grid(place, SIX)
    for value in ("0", "-1", "nan", "inf", "1e9"):
        outcome = command("batch", str(grid), "-o", str(place / "refused"), "--timeout", value)
        assert outcome.code == 2
        assert "--timeout: expected a number of seconds up to 10000000, got" in outcome.err


def test_no_cell_of_the_summary_is_a_formula(place):
    (point,) = load_batch(write_grid(place, {"label": "=1+1", "size": -3})).points
    outcome = Outcome(point=point, status=FAILED, error="@x", headline={"+y": "-1e3", "z": "-cmd"})
    header, row = summarize([outcome]).splitlines()
    assert header == "point,label,size,'+y,z,status,error,seconds"
    assert row.split(",")[1:] == ["'=1+1", "-3", "-1e3", "'-cmd", "failed", "'@x", ""]


@pytest.mark.slow
def test_texts_arrive_as_they_are(place):
    awkward = ["a\u0085b", "\u2028!touch pwned", "%quit", '"', "\\", "\x7f", "\ufeff", "\U0001f600", "1:30", "{x}"]
    grid, output = place / "texts.yaml", place / "texts"
    parameters = {"label": awkward[1], "anything": awkward}
    grid.write_text(yaml.safe_dump({"notebook": "tab_cheap.md", "parameters": parameters}))
    assert batch(grid, output, place / "texts.runs")[::2] == (0, "")
    (path,) = output.glob("points/*/tab_cheap.tex")
    assert json.loads(path.read_text()) == [awkward[1], awkward]


@pytest.mark.slow
def test_the_shipped_grid_in_a_reduced_form(place):
    output = place / "shipped"
    code, _, err = batch(SHIPPED, output, place / "shipped.runs", "--first", "1")
    assert (code, err) == (0, "")
    (row,) = read_summary(output)
    assert row["best_k_1k_h128"] == "64"
    page = (output / "report.html").read_text()
    assert page.count('<img src="data:image/png;base64,') == 1
    assert 'alt="Figure of macs=1K,hidden_sizes=128+256-' in page
