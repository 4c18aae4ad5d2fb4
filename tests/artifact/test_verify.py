"""The record of figures and tables: what is changed and by how much, what is refused; the committed one is whole."""

import hashlib
import json
import subprocess
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from PIL import Image

from sharp import SpecificationError
from sharp.artifact.notebook import run_notebook
from sharp.artifact.outputs import save_figure, save_table
from sharp.artifact.plotting import set_style
from sharp.artifact.verify import compare, update

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "paper_figures" / "record"
TEXTS = {
    "fig_a.csv": "size,latency_s,cell\n1,0.5,lstm\n2,0.25,gru\n",
    "fig_a.json": '{"id": "fig_a", "headline": {"least": 0.25, "best": "32, 64"}}\n',
    "fig_a.svg": "<svg/>",
    "fig_a.pdf": "%PDF",
    "tab_b.csv": "a\n1\n",
    "tab_b.json": '{"id": "tab_b", "headline": {"a": 1}}\n',
    "tab_b.tex": "\\toprule\na & 1.5e-03 \\\\\n",
}
BLACK = (0, 0, 0, 255)


def write_manifest(folder, **changes):
    lines = {}
    for stem in ("fig_a", "tab_b"):
        outputs = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob(f"{stem}.*")}
        lines[stem] = {
            **{"notebook_sha256": "n", "parameters": {}, "inputs": {}, "code_sha256": "c", "outputs": outputs},
            **{"machine": "x86_64", "python": "3.11.7", "packages": {"numpy": "2.4.6"}},
        }
    lines["fig_a"] |= changes
    (folder / "manifest.json").write_text(json.dumps(lines))


@pytest.fixture
def folder(tmp_path):
    """A figure and a table, as recorded."""
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    Image.new("RGBA", (40, 24), "white").save(tmp_path / "fig_a.png")
    write_manifest(tmp_path)
    assert update(tmp_path) == 8
    return tmp_path


def change(folder, name, before, after):
    path = folder / name
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


def paint(folder, color, *places):
    with Image.open(folder / "fig_a.png") as image:
        for place in places:
            image.putpixel(place, color)
        image.save(folder / "fig_a.png")


def test_what_was_recorded_is_equal(folder):
    assert compare(folder) == (8, [])
    listed = subprocess.run(["sha256sum", "-c", "record/SHA256SUMS"], cwd=folder, capture_output=True, check=False)
    assert listed.returncode == 0
    assert not list(folder.glob(".record-*"))


@pytest.mark.parametrize(
    ("name", "before", "after", "difference"),
    [
        ("fig_a.csv", "0.25", "0.2", "1 number, by 2.0e-01 at most: latency_s, row 2, 0.25 to 0.2"),
        ("fig_a.csv", "1,0.5", "3,0.49", "2 numbers, by 6.7e-01 at most: size, row 1, 1 to 3"),
        ("fig_a.csv", "gru", "rnn", "text changed: cell, row 2, 1 such in all"),
        ("fig_a.csv", "0.25,gru", ",rnn", "text changed: latency_s, row 2, 2 such in all"),
        ("fig_a.csv", "latency_s", "latency", "text changed: latency_s, row 1 is gone, 4 such in all"),
        ("fig_a.csv", "2,0.25,gru\n", "", "text changed: size, row 2 is gone, 3 such in all"),
        ("fig_a.csv", "lstm\n", 'lstm"\n', "text changed: cell, row 1, 1 such in all"),
        ("fig_a.csv", "lstm\n", "lstm,1\n", "text changed: header is gone, 8 such in all"),
        ("fig_a.csv", "lstm", '"lstm"', "text changed: white space or quotes"),
        ("fig_a.json", "0.25,", "0.26,", "1 number, by 3.8e-02 at most: least, 0.25 to 0.26"),
        ("fig_a.json", "0.25,", "null,", "text changed: least, 1 such in all"),
        ("fig_a.json", "32, 64", "32", "text changed: best, 1 such in all"),
        ("fig_a.json", '"least"', '"most"', "text changed: least is gone, 2 such in all"),
        ("tab_b.tex", "1.5e-03", "1.5e-04", "1 number, by 9.0e-01 at most: line 2, number 1, 1.5e-03 to 1.5e-04"),
        ("tab_b.tex", "a &", "b &", "text changed: line 2, 1 such in all"),
        ("fig_a.svg", "svg", "svg ", "drawn alike: fig_a.png is equal"),
    ],
)
def test_a_changed_text_says_by_how_much(folder, name, before, after, difference):
    change(folder, name, before, after)
    files, [found] = compare(folder)
    assert (files, found.file, found.made_with) == (8, name, "the same")
    assert found.difference == difference


def test_a_changed_image_says_how_much_of_it(folder):
    paint(folder, BLACK, (5, 5))  # one pixel of sixteen, so a sixteenth of 255
    change(folder, "fig_a.pdf", "PDF", "PDF-2")
    pdf, png = compare(folder)[1]
    assert (pdf.file, pdf.difference) == ("fig_a.pdf", "see fig_a.png")
    assert png.difference == "1 of 60 blocks of 4 x 4 pixels, by 16 of 255 at most"
    paint(folder, BLACK, (6, 5), (30, 5))
    assert compare(folder)[1][1].difference == "2 of 60 blocks of 4 x 4 pixels, by 32 of 255 at most"
    Image.new("RGBA", (44, 24), "white").save(folder / "fig_a.png")
    assert compare(folder)[1][1].difference == "another size: 11 x 6 blocks, was 10 x 6"


def test_an_image_that_looks_the_same_is_still_another(folder):
    paint(folder, (255, 255, 254, 255), (5, 5))
    assert [found.difference for found in compare(folder)[1]] == ["no block of 4 x 4 pixels differs in mean gray"]


def test_what_it_was_made_with(folder):
    change(folder, "fig_a.csv", "gru", "rnn")
    write_manifest(
        folder, code_sha256="d", parameters={"a": "1"}, packages={"numpy": "2.5", "rich": "15"}, python="3.12"
    )
    [found] = compare(folder)[1]
    assert found.made_with == (
        "other parameters, other code, numpy 2.5 (was 2.4.6), python 3.12 (was 3.11.7), rich 15 (was none)"
    )


def test_a_new_file_differs_and_a_missing_one_is_refused(folder):
    (folder / "tab_c.csv").write_text("a\n")
    [found] = compare(folder)[1]
    assert (found.file, found.difference, found.made_with) == ("tab_c.csv", "not in the record", "")
    (folder / "fig_a.png").unlink()
    with pytest.raises(SpecificationError, match=r"got no fig_a\.png: run `make figures`, or `make record`"):
        compare(folder)
    for name in TEXTS:
        (folder / name).unlink()
    with pytest.raises(SpecificationError, match=r"got no fig_a\.csv and 7 more: run `make figures`"):
        compare(folder)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("record/SHA256SUMS", None, "expected a record to compare with, got none: run `make record`"),
        ("record/SHA256SUMS", "", "expected lines of a hash and a name: run `make record`"),
        ("record/SHA256SUMS", "<<<<<<< HEAD\n", "expected lines of a hash and a name: run `make record`"),
        ("record/tab_b.csv", None, "expected a readable file, got: No such file"),
        ("record/tab_b.csv", "a\n2\n", "expected the file that SHA256SUMS names: run `make record`"),
        ("manifest.json", "{", "expected a manifest of this version of sharp: run `make figures`"),
        ("manifest.json", "[]", "expected a manifest of this version of sharp: run `make figures`"),
        ("manifest.json", '{"fig_a": {}}', "expected a manifest of this version of sharp: run `make figures`"),
    ],
)
def test_a_record_or_manifest_that_is_not_whole_is_refused(folder, name, text, sentence):
    (folder / name).unlink() if text is None else (folder / name).write_text(text)
    with pytest.raises(SpecificationError, match=rf"{name}: {sentence}"):
        compare(folder)


def test_images_that_are_none_are_refused(folder):
    (folder / "record" / "fig_a.png").write_bytes(b"no image")
    assert compare(folder) == (8, [])
    paint(folder, BLACK, (5, 5))
    with pytest.raises(SpecificationError, match=r"record/fig_a.png: expected a PNG image: run `make record`"):
        compare(folder)
    (folder / "fig_a.png").write_bytes(b"no image")
    _, (change,) = compare(folder)
    assert change.difference == "no PNG image any more"


def test_only_a_whole_build_is_recorded(folder):
    before = (folder / "record" / "SHA256SUMS").read_bytes()
    write_manifest(folder, code_sha256="d")
    with pytest.raises(SpecificationError, match="one version of the code, fig_a and tab_b are not: run `make clean"):
        update(folder)
    write_manifest(folder)
    change(folder, "fig_a.csv", "gru", "rnn")
    with pytest.raises(SpecificationError, match=r"fig_a.csv: expected the file that manifest.json names: run `make"):
        update(folder)
    assert (folder / "record" / "SHA256SUMS").read_bytes() == before
    (folder / "empty").mkdir()
    (folder / "empty" / "manifest.json").write_text("{}")
    with pytest.raises(SpecificationError, match="expected figures and tables, got none: run `make figures`"):
        update(folder / "empty")
    with pytest.raises(SpecificationError, match="expected a"):
        update(folder / "missing")


def test_a_new_record_replaces_the_old_one(folder):
    for name in ("tab_b.csv", "tab_b.json", "tab_b.tex"):
        (folder / name).unlink()
    lines = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({"fig_a": lines["fig_a"]}))
    assert update(folder) == 5
    assert sorted(path.name for path in (folder / "record").iterdir()) == [
        *("SHA256SUMS", "fig_a.csv", "fig_a.json", "fig_a.png", "manifest.json")
    ]
    with Image.open(folder / "record" / "fig_a.png") as image:
        assert (image.mode, image.size) == ("L", (10, 6))


@pytest.mark.parametrize("name", ["notes.txt", "mine.csv", "below/"])
def test_a_record_in_which_something_else_lies_is_left_alone(folder, name):
    path = folder / "record" / name
    path.mkdir() if name.endswith("/") else path.write_text("mine")
    with pytest.raises(
        SpecificationError, match=r"record/\w+[.\w]*: expected nothing in a record but what SHA256SUMS names"
    ):
        update(folder)
    assert path.exists()
    for path in (folder / "record").glob("*.*"):
        path.unlink()
    (folder / "record" / "SHA256SUMS").unlink()
    (folder / "record" / "thesis.csv").write_text("mine")
    with pytest.raises(SpecificationError, match="expected nothing in a record"):
        update(folder)


def test_only_what_is_asked_for_is_compared(folder, command):
    for name in ("tab_b.csv", "tab_b.json", "tab_b.tex"):
        (folder / name).unlink()
    assert compare(folder, ["fig_a"]) == (5, [])
    change(folder, "fig_a.csv", "gru", "rnn")
    outcome = command("verify", str(folder), "--only", "fig_a")
    assert (outcome.code, outcome.err) == (1, f"sharp: 1 of 5 files differ from {folder}/record\n")
    with pytest.raises(SpecificationError, match=r"--only: expected fig_a, tab_b, got 'fig_b' \(did you mean"):
        compare(folder, ["fig_b"])
    outcome = command("verify", str(folder), "--update", "--only", "fig_a")
    assert outcome.code == 2
    assert "--only: expected it without --update" in outcome.err


@pytest.mark.parametrize(
    "change",
    [
        {"packages": []},
        {"packages": {"numpy": 2}},
        {"parameters": "a"},
        {"inputs": None},
        {"outputs": {"../../thesis.csv": "0" * 64}},
        {"outputs": {"fig_b.csv": "0" * 64}},
        {"python": 3},
        {"settings": ["HOME"]},
        {"replaced": {"fig_a.csv": "0"}},
    ],
)
def test_a_manifest_of_wrong_types_is_refused(folder, change):
    write_manifest(folder, **change)
    (folder / "fig_a.csv").write_text("a\n2\n")
    with pytest.raises(SpecificationError, match="expected a manifest of this version of sharp"):
        compare(folder)


def test_a_manifest_that_is_deep_is_refused(folder):
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(SpecificationError, match="expected a manifest of this version of sharp"):
        compare(folder)


def test_a_picture_that_is_too_large_is_one_sentence(folder, monkeypatch):
    paint(folder, BLACK, (5, 5))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert [found.difference for found in compare(folder)[1]] == ["no PNG image any more"]
    write_manifest(folder)
    with pytest.raises(
        SpecificationError, match=r"fig_a.png: expected an image of at most 100 pixels, got a larger one"
    ):
        update(folder)


def test_the_command(folder, command):
    outcome = command("verify", str(folder))
    assert (outcome.code, outcome.out) == (0, f"{folder}/record: 8 files, all as recorded\n")
    change(folder, "fig_a.csv", "0.25", "0.2")
    outcome = command("verify", str(folder))
    assert outcome.code == 1
    assert outcome.out.splitlines() == [
        "file       difference                                                   made with",
        "fig_a.csv  1 number, by 2.0e-01 at most: latency_s, row 2, 0.25 to 0.2  the same",
    ]
    assert outcome.err == f"sharp: 1 of 8 files differ from {folder}/record\n"
    assert json.loads(command("verify", str(folder), "--json").out)["changes"][0]["file"] == "fig_a.csv"
    write_manifest(folder)
    assert command("verify", str(folder), "--update").out == f"{folder}/record: 8 files, written anew\n"
    assert command("verify", str(folder)).code == 0
    outcome = command("verify", str(folder / "missing"))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1


def test_numbers_are_written_to_ten_digits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"n": [3, 4], "x": [1 / 3, 1e12 / 7], "mixed": pd.Series([32, 2 / 3], dtype=object)})
    save_table("tab_x", table, {"third": 1 / 3, "n": 3, "text": "0.33333333333333"})
    assert (tmp_path / "tab_x.csv").read_text() == ("n,x,mixed\n3,0.3333333333,32\n4,142857142900.0,0.6666666667\n")
    headline = json.loads((tmp_path / "tab_x.json").read_text())["headline"]
    assert headline == {"third": 0.3333333333, "n": 3, "text": "0.33333333333333"}
    assert table["x"][0] == 1 / 3


def test_no_cell_of_a_table_is_a_formula(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_table("tab_x", pd.DataFrame({"=a": ["=1+1", "-5", "@x"], "b": [-1, 2.5, -3]}), {})
    assert Path("tab_x.csv").read_text() == "'=a,b\n'=1+1,-1.0\n-5,2.5\n'@x,-3.0\n"


def test_a_users_matplotlibrc_changes_no_figure(tmp_path, monkeypatch):
    import matplotlib.pyplot as plt

    written = []
    for settings in ({}, {"font.size": 20, "font.family": "serif", "lines.linewidth": 5, "svg.fonttype": "none"}):
        with mpl.rc_context(settings):
            set_style()
            figure, ax = plt.subplots(figsize=(2, 2))
            ax.plot([1, 2], label="a line")
            ax.legend()
            monkeypatch.chdir(tmp_path)
            save_figure("fig_x", figure, {"a": 1}, pd.DataFrame({"a": [1]}))
            plt.close(figure)
        written.append([(tmp_path / f"fig_x{suffix}").read_bytes() for suffix in (".svg", ".pdf", ".png")])
    assert written[0] == written[1]
    assert b"FlateDecode" not in written[0][1]


@pytest.mark.slow
def test_the_manifest_names_what_a_notebook_read(tmp_path):
    data, notebook = tmp_path / "mine.csv", tmp_path / "tab_x.md"
    data.write_text("a\n1\n")
    body = (
        "import pandas as pd\nfrom sharp import find_network\nfrom sharp.outputs import save_table\n"
        f'find_network("eesen")\nsave_table("tab_x", pd.read_csv("{data}"), {{}})\n'
    )
    notebook.write_text(
        "---\nkernelspec: {name: python3, display_name: Python 3, language: python}\n"
        "jupytext: {text_representation: {extension: .md, format_name: myst}}\n---\n\n"
        f"```{{code-cell}} ipython3\n{body}```\n"
    )
    run_notebook(notebook, output=tmp_path / "out")
    line = json.loads((tmp_path / "out" / "manifest.json").read_text())["tab_x"]
    network = ROOT / "sharp" / "data" / "networks" / "eesen.yaml"
    assert line["inputs"] == {
        str(data): hashlib.sha256(b"a\n1\n").hexdigest(),
        "sharp/data/networks/eesen.yaml": hashlib.sha256(network.read_bytes()).hexdigest(),
    }
    assert {"numpy", "matplotlib", "pandas"} <= set(line["packages"])
    assert line["python"].startswith("3.")


def test_the_committed_record_is_whole_and_small():
    lines = (RECORD / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    notebooks = {path.stem for path in (ROOT / "book" / "notebooks").glob("*.md")}
    assert {Path(name).stem for name in sums} == notebooks, "run `make record`"
    for stem in notebooks:
        suffixes = {".svg", ".pdf", ".png", ".csv", ".json"} if stem.startswith("fig_") else {".csv", ".tex", ".json"}
        assert {Path(name).suffix for name in sums if Path(name).stem == stem} == suffixes
    for name in sums:
        if Path(name).suffix in (".csv", ".json", ".tex"):
            assert hashlib.sha256((RECORD / name).read_bytes()).hexdigest() == sums[name], name
    kept = {name for name in sums if Path(name).suffix not in (".svg", ".pdf")} | {"SHA256SUMS", "manifest.json"}
    assert {path.name for path in RECORD.iterdir()} == kept
    assert sum(path.stat().st_size for path in RECORD.iterdir()) < 1.5e6
