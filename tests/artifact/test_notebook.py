"""Running notebooks: all outputs or what was there, only our own files replaced, the notebook's own error."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
from cheap_batch import assert_no_process_of, finish, start

from sharp import NotebookError, SpecificationError
from sharp.artifact.notebook import read_notebook, run_notebook
from sharp.errors import NotebookTimeoutError

HEAD = """---
kernelspec: {name: python3, display_name: Python 3, language: python}
jupytext: {text_representation: {extension: .md, format_name: myst}}
---

```{code-cell} ipython3
:tags: [parameters]

size = 3
```

"""
GOOD = """```{code-cell} ipython3
import pandas as pd
from sharp.artifact.outputs import save_table
save_table("NAME", pd.DataFrame({"size": [size]}), {"size": size})
```
"""
FIGURE = """```{code-cell} ipython3
import matplotlib.pyplot as plt
import pandas as pd
from sharp.outputs import save_figure
save_figure("NAME", plt.figure(), {"size": size}, pd.DataFrame())
```
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A folder in which the good notebook has run, its executed notebook beside it."""
    folder = tmp_path_factory.mktemp("once")
    (folder / "tab_x.md").write_text(HEAD + GOOD.replace("NAME", "tab_x"))
    run_notebook(folder / "tab_x.md", output=folder / "out", executed=folder / "tab_x.ipynb")
    return folder


@pytest.fixture
def made(once, tmp_path):
    """A copy of it, in the test's own folder."""
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


@pytest.fixture
def notebook(tmp_path):
    def write(body, name="tab_x"):
        path = tmp_path / f"{name}.md"
        path.write_text(HEAD + body.replace("NAME", name))
        return path

    return write


@pytest.fixture
def parameters(tmp_path):
    def write(text):
        path = tmp_path / "parameters.yaml"
        path.write_text(text)
        return path

    return write


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) if folder.exists() else []


FILES = ["manifest.json", "tab_x.csv", "tab_x.json", "tab_x.tex"]


def test_outputs_manifest_and_executed_notebook(notebook, parameters, tmp_path):
    output, executed = tmp_path / "out", tmp_path / "executed" / "tab_x.ipynb"
    written = run_notebook(notebook(GOOD), output=output, parameters_file=parameters("size: 5"), executed=executed)
    assert [path.name for path in written] == ["tab_x.csv", "tab_x.tex", "tab_x.json"]
    assert names(output) == FILES
    assert json.loads((output / "tab_x.json").read_text()) == {"id": "tab_x", "headline": {"size": 5}}
    line = json.loads((output / "manifest.json").read_text())["tab_x"]
    assert line["notebook"] == "tab_x.md"
    assert line["parameters"] == {"size": "5"}
    assert line["version"]
    assert set(line["outputs"]) == set(FILES) - {"manifest.json"}
    assert all(len(value) == 64 for value in (line["code_sha256"], line["notebook_sha256"], *line["outputs"].values()))
    first = executed.read_bytes()
    run_notebook(notebook(GOOD), output=output, parameters_file=parameters("size: 5"), executed=executed)
    assert executed.read_bytes() == first


def test_an_unknown_parameter_is_fatal_and_changes_nothing(notebook, parameters, made):
    output = made
    before = (output / "manifest.json").read_bytes()
    with pytest.raises(SpecificationError, match=r"expected no parameter 'sise' \(did you mean 'size'\?\)"):
        run_notebook(notebook(GOOD), output=output, parameters_file=parameters("sise: 5"))
    assert names(output) == FILES
    assert (output / "manifest.json").read_bytes() == before
    with pytest.raises(SpecificationError, match="expected a mapping at the top, got list"):
        run_notebook(notebook(GOOD), output=output, parameters_file=parameters("[1]"))


def contents(folder):
    return {name: (folder / name).read_bytes() for name in names(folder) if (folder / name).is_file()}


def run_here(content, parameters, *, folder, **_):
    """What a kernel does, in the tests' own process, which takes no second to start."""
    with contextlib.chdir(folder):
        names = {}
        for cell in content.cells:
            if cell.cell_type == "code":
                exec(cell.source, names)
                names |= parameters
    return content


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ('raise RuntimeError("too late")', r"tab_x.md, cell 3: RuntimeError: too late$"),
        ("import os\nos._exit(1)", r"tab_x.md: expected it to run to its end, got: Kernel died"),
    ],
)
def test_a_failure_shows_the_notebooks_own_error_and_leaves_what_was_there(notebook, made, tmp_path, cell, sentence):
    assert_refused(notebook, made, tmp_path, cell, sentence)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (
            "import pathlib\npathlib.Path('tab_x.json').write_text('[]')",
            r"expected tab_x.json to hold numbers by name under \"headline\", got none",
        ),
        (
            "import pathlib\npathlib.Path('tab_x.json').write_text('{\"headline\": 3}')",
            r"expected tab_x.json to hold numbers by name",
        ),
        ("import os\nos.remove('tab_x.csv')", r"as a figure or a table with its JSON, got tab_x.json, tab_x.tex"),
        ("import os\nos.remove('tab_x.csv')\nos.symlink('/etc/hostname', 'tab_x.csv')", r"got tab_x.csv, tab_x.json"),
        ("import os\nos.remove('tab_x.csv')\nos.mkdir('tab_x.csv')", r"got tab_x.csv, tab_x.json"),
    ],
)
def test_files_that_are_no_figure_and_no_table_leave_what_was_there(
    notebook, made, tmp_path, cell, sentence, monkeypatch
):
    monkeypatch.setattr("sharp.artifact.notebook.execute", run_here)
    assert_refused(notebook, made, tmp_path, cell, sentence)


def assert_refused(notebook, made, tmp_path, cell, sentence):
    output, executed = made, tmp_path / "tab_x.ipynb"
    before = contents(output) | contents(tmp_path)
    bad = notebook(GOOD + f"\n```{{code-cell}} ipython3\n{cell}\n```\n")
    with pytest.raises(NotebookError, match=sentence):
        run_notebook(bad, output=output, executed=executed)
    assert contents(output) | contents(tmp_path) == before | {"tab_x.md": bad.read_bytes()}
    assert not list(output.glob(".tab_x-*"))


def test_a_first_failure_leaves_nothing(notebook, tmp_path):
    with pytest.raises(NotebookError):
        run_notebook(notebook("```{code-cell} ipython3\nraise RuntimeError\n```\n"), output=tmp_path / "out")
    assert names(tmp_path / "out") == []


def test_an_interrupt_leaves_what_was_there_and_no_kernel(notebook, made, tmp_path):
    before, runs = contents(made), tmp_path / "runs"
    notebook("```{code-cell} ipython3\nimport os, time\nopen(os.environ['RUNS'], 'w')\ntime.sleep(60)\n```\n")
    process = start(runs, "figure", "tab_x.md", "-o", "out")
    deadline = time.monotonic() + 60
    while not runs.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert (code, err.strip()) == (130, "sharp: interrupted")
    assert time.monotonic() - interrupted < 10, "2 s where nothing else runs"
    assert contents(tmp_path / "out") == before
    assert not list((tmp_path / "out").glob(".tab_x-*"))
    assert_no_process_of(runs)


def test_it_may_take_only_so_long(notebook, tmp_path):
    for body in ("import time\ntime.sleep(60)", "sum(range(10**13))"):  # the second holds the interpreter
        with pytest.raises(NotebookTimeoutError, match=r"tab_x.md: expected it to end within 4 s, got no end"):
            run_notebook(notebook(f"```{{code-cell}} ipython3\n{body}\n```\n"), output=tmp_path / "out", timeout_s=4)


def test_files_of_others_are_neither_replaced_nor_deleted(notebook, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    for suffix in ("csv", "json", "tex"):
        path = output / f"tab_x.{suffix}"
        path.write_text("mine")
        with pytest.raises(SpecificationError, match=rf"tab_x.{suffix}: expected no file, or one that sharp wrote"):
            run_notebook(notebook(GOOD), output=output)
        assert contents(output) == {path.name: b"mine"}
        path.unlink()
    for suffix in ("svg", "pdf", "png"):
        (output / f"tab_x.{suffix}").write_text("mine")
    run_notebook(notebook(GOOD), output=output)
    assert (output / "tab_x.pdf").read_text() == "mine"
    (output / "tab_x.csv").write_text("edited by hand")
    with pytest.raises(SpecificationError, match=r"tab_x.csv: expected no file, or one that sharp wrote and nobody"):
        run_notebook(notebook(GOOD), output=output)
    assert (output / "tab_x.csv").read_text() == "edited by hand"


def test_a_table_that_becomes_a_figure_leaves_no_table(notebook, made):
    run_notebook(notebook(FIGURE), output=made)
    assert names(made) == ["manifest.json", *(f"tab_x.{suffix}" for suffix in ("csv", "json", "pdf", "png", "svg"))]


@pytest.mark.parametrize("name", ["tab_x.md", "notes.ipynb", "below.ipynb/", "tab_x.txt"])
def test_an_executed_notebook_replaces_only_its_own(notebook, tmp_path, name):
    path, executed = notebook(GOOD), tmp_path / name
    if name == "notes.ipynb":
        executed.write_text("{}")
    elif name.endswith("/"):
        executed.mkdir()
    before = contents(tmp_path)
    with pytest.raises(SpecificationError, match="executed"):
        run_notebook(path, output=tmp_path / "out", executed=executed)
    assert contents(tmp_path) == before
    assert names(tmp_path / "out") == []


def test_an_executed_notebook_that_was_edited_stays(made, tmp_path):
    path, executed = tmp_path / "tab_x.md", tmp_path / "tab_x.ipynb"
    executed.write_text(executed.read_text().replace('"size = 3"', '"size = 4"'))
    with pytest.raises(SpecificationError, match=r"tab_x.ipynb: expected no file, or an executed notebook that sharp"):
        run_notebook(path, output=tmp_path / "out", executed=executed)
    assert '"size = 4"' in executed.read_text()


def test_what_an_older_sharp_left_is_refused_with_a_way_out(made, tmp_path):
    way = r"\(what `make` made with an older sharp, `make clean` removes\)$"
    (made / "manifest.json").unlink()
    with pytest.raises(SpecificationError, match=way):
        run_notebook(tmp_path / "tab_x.md", output=made)
    (tmp_path / "old.ipynb").write_text("{}")
    with pytest.raises(SpecificationError, match=way):
        run_notebook(tmp_path / "tab_x.md", output=tmp_path / "new", executed=tmp_path / "old.ipynb")


def test_a_users_settings_and_places_change_nothing(notebook, tmp_path, monkeypatch):
    profile = tmp_path / "ipython" / "profile_default" / "startup"
    profile.mkdir(parents=True)
    (profile / "mine.py").write_text("raise RuntimeError('a profile is read')")
    (tmp_path / "start.py").write_text("raise RuntimeError('a startup file is read')")
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "start.py"))
    for place in (tmp_path / "ipython", "/proc/x"):
        monkeypatch.setenv("IPYTHONDIR", str(place))
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "/proc/x")
        run_notebook(notebook(GOOD), output=tmp_path / "run{1}")
    assert names(tmp_path / "run{1}") == FILES
    assert not list(long.iterdir())


def test_what_it_cannot_be_called_is_refused(notebook, tmp_path):
    with pytest.raises(SpecificationError, match=r"manifest.md: expected another name, as manifest.json is the man"):
        run_notebook(notebook(GOOD, "manifest"), output=tmp_path / "out")


def test_a_value_of_another_kind_is_refused_in_one_sentence(notebook, parameters, tmp_path):
    with pytest.raises(SpecificationError, match=r"parameters.yaml: size: expected a number, as .* own 3, got \[1\]$"):
        run_notebook(notebook(GOOD), output=tmp_path / "out", parameters_file=parameters("size: [1]"))
    assert not (tmp_path / "out").exists()


def test_the_command_takes_ids_and_says_what_is_near(command, tmp_path):
    outcome = command("figure", "fig_enery", "-o", str(tmp_path / "out"))
    assert outcome.code == 2
    assert (
        "notebook: expected the id of a shipped notebook, or a path (.md or .ipynb), got 'fig_enery' (did"
        in outcome.err
    )
    (tmp_path / "p.yaml").write_text("macs: 1K\n")
    outcome = command("figure", "fig_energy", "-f", str(tmp_path / "p.yaml"), "-o", str(tmp_path / "out"))
    assert outcome.code == 2
    assert outcome.err.endswith(
        """macs: expected a list, as the notebook's own ["1K", "4K", "16K", "64K"], got '1K'\n"""
    )
    outcome = command("figure", "tab_hardware", "-o", str(tmp_path / "out"))
    assert (outcome.code, outcome.out) == (0, "tab_hardware: tab_hardware.csv, tab_hardware.tex, tab_hardware.json\n")


def test_bad_input_found_by_the_notebook_is_bad_input(notebook, parameters, tmp_path):
    body = "```{code-cell} ipython3\nfrom sharp import square_lstm\nsquare_lstm(size)\n```\n"
    with pytest.raises(
        SpecificationError, match="cell 2: SpecificationError: hidden_size: expected a positive integer, got -1"
    ):
        run_notebook(notebook(body), output=tmp_path / "out", parameters_file=parameters("size: -1"))


def test_a_manifest_or_place_that_is_not_ours_is_refused_before_anything_runs(notebook, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "manifest.json").write_text("garbage")
    with pytest.raises(SpecificationError, match=r"manifest.json: expected a manifest"):
        run_notebook(notebook(GOOD), output=output)
    assert names(output) == ["manifest.json"]
    for text in ("{}", '{"name": "x", "icons": []}', '{"tab_x": {"outputs": {}}}', "[" * 100_000):
        (output / "manifest.json").write_text(text)
        with pytest.raises(SpecificationError, match=r"manifest.json: expected a manifest"):
            run_notebook(notebook(GOOD), output=output)
        assert (output / "manifest.json").read_text() == text
    (output / "manifest.json").unlink()
    (output / "tab_x.csv").mkdir()
    with pytest.raises(SpecificationError, match=r"tab_x.csv: expected no file"):
        run_notebook(notebook(GOOD), output=output)


def test_what_is_no_notebook_is_refused(tmp_path):
    files = {"a.ipynb": "{}", "b.ipynb": "[1]", "c.ipynb": "x", "d.md": "---\na: [1\n---\n"}
    files["e.md"] = HEAD.replace("[parameters]", "[p}ameters]")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(SpecificationError, match="expected"):
            run_notebook(tmp_path / name, output=tmp_path / "out")


def test_what_a_notebook_says_besides_is_passed_over_without_a_warning(tmp_path):
    (tmp_path / "f.md").write_text(HEAD.replace("jupytext:", "mine: x\njupy&a xt:"))
    assert read_notebook(tmp_path / "f.md")[1].cells


def test_what_cannot_be_read_or_written_is_one_sentence(notebook, tmp_path):
    with pytest.raises(SpecificationError, match=r"missing.md: expected a readable notebook, got: No such file"):
        run_notebook(tmp_path / "missing.md", output=tmp_path / "out")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SpecificationError, match=r"file: expected a place that can be written, got: "):
        run_notebook(notebook(GOOD), output=blocked)
    with pytest.raises(SpecificationError, match=r"expected a place that can be written"):
        run_notebook(notebook(GOOD), output=blocked / "below")
    text = tmp_path / "notes.txt"
    text.write_text("no notebook")
    with pytest.raises(SpecificationError, match=r"expected a notebook \(.md or .ipynb\)"):
        run_notebook(text, output=tmp_path / "out")


def test_side_by_side_each_gets_its_line(notebook, tmp_path):
    command = [sys.executable, "-m", "sharp.cli", "figure", "--output", str(tmp_path / "out")]
    runs = [subprocess.Popen([*command, str(notebook(GOOD, f"tab_{letter}"))]) for letter in "ab"]
    assert [process.wait() for process in runs] == [0, 0]
    assert set(json.loads((tmp_path / "out" / "manifest.json").read_text())) == {"tab_a", "tab_b"}


def test_no_parameters_cell(tmp_path):
    path = tmp_path / "tab_x.md"
    path.write_text((HEAD + GOOD).replace(":tags: [parameters]\n", "").replace("NAME", "tab_x"))
    (tmp_path / "p.yaml").write_text("size: 4")
    with pytest.raises(SpecificationError, match=r"expected no parameter 'size' \(it has none\)"):
        run_notebook(path, output=tmp_path / "out", parameters_file=tmp_path / "p.yaml")
