"""Running notebooks: all outputs or none, unknown parameters fatal, the notebook's own error."""

import json
import subprocess
import sys

import pytest

from sharp import NotebookError, SpecificationError
from sharp.artifact.notebook import run_notebook

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
pytestmark = pytest.mark.slow


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


def test_an_unknown_parameter_is_fatal_and_changes_nothing(notebook, parameters, tmp_path):
    output = tmp_path / "out"
    run_notebook(notebook(GOOD), output=output)
    before = (output / "manifest.json").read_bytes()
    with pytest.raises(SpecificationError, match=r"expected no parameter 'sise' \(did you mean 'size'\?\)"):
        run_notebook(notebook(GOOD), output=output, parameters_file=parameters("sise: 5"))
    assert names(output) == FILES
    assert (output / "manifest.json").read_bytes() == before
    with pytest.raises(SpecificationError, match="expected a mapping at the top, got list"):
        run_notebook(notebook(GOOD), output=output, parameters_file=parameters("[1]"))


def test_a_failure_shows_the_notebooks_own_error_and_leaves_nothing(notebook, tmp_path):
    output, executed = tmp_path / "out", tmp_path / "tab_x.ipynb"
    run_notebook(notebook(GOOD), output=output, executed=executed)
    bad = notebook(GOOD + '\n```{code-cell} ipython3\nraise RuntimeError("too late")\n```\n')
    with pytest.raises(NotebookError, match=r"tab_x.md, cell 3: RuntimeError: too late$"):
        run_notebook(bad, output=output, executed=executed)
    assert names(output) == ["manifest.json"]
    assert json.loads((output / "manifest.json").read_text()) == {}
    assert not executed.exists()
    assert not list(output.glob(".tab_x-*"))


def test_bad_input_found_by_the_notebook_is_bad_input(notebook, parameters, tmp_path):
    body = "```{code-cell} ipython3\nfrom sharp import square_lstm\nsquare_lstm(size)\n```\n"
    with pytest.raises(
        SpecificationError, match="cell 2: SpecificationError: hidden_size: expected a positive integer, got -1"
    ):
        run_notebook(notebook(body), output=tmp_path / "out", parameters_file=parameters("size: -1"))


def test_a_notebook_that_writes_half_is_a_failure(notebook, tmp_path):
    body = "```{code-cell} ipython3\nfrom pathlib import Path\nPath('tab_x.csv').write_text('1')\n```\n"
    with pytest.raises(NotebookError, match=r"as a figure or a table with its JSON, got tab_x.csv"):
        run_notebook(notebook(body), output=tmp_path / "out")
    assert names(tmp_path / "out") == ["manifest.json"]


def test_a_dying_kernel_leaves_nothing_that_looks_finished(notebook, tmp_path):
    output = tmp_path / "out"
    run_notebook(notebook(GOOD), output=output)
    bad = notebook(GOOD + "\n```{code-cell} ipython3\nimport os\nos._exit(1)\n```\n")
    with pytest.raises(NotebookError, match=r"tab_x.md: expected it to run to its end, got: Kernel died"):
        run_notebook(bad, output=output)
    assert names(output) == ["manifest.json"]
    assert json.loads((output / "manifest.json").read_text()) == {}


def test_a_manifest_or_place_that_is_not_ours_is_refused_before_anything_runs(notebook, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "manifest.json").write_text("garbage")
    with pytest.raises(SpecificationError, match=r"manifest.json: expected a manifest"):
        run_notebook(notebook(GOOD), output=output)
    assert names(output) == ["manifest.json"]
    (output / "manifest.json").unlink()
    (output / "tab_x.csv").mkdir()
    with pytest.raises(SpecificationError, match="expected a place that can be written, got: Is a directory"):
        run_notebook(notebook(GOOD), output=output)


def test_what_is_no_notebook_is_refused(tmp_path):
    for name, text in {"a.ipynb": "{}", "b.ipynb": "[1]", "c.ipynb": "x", "d.md": "---\na: [1\n---\n"}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(SpecificationError, match="expected"):
            run_notebook(tmp_path / name, output=tmp_path / "out")


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
    runs = [subprocess.Popen([*command, str(notebook(GOOD, f"tab_{letter}"))]) for letter in "abc"]
    assert [process.wait() for process in runs] == [0, 0, 0]
    assert set(json.loads((tmp_path / "out" / "manifest.json").read_text())) == {"tab_a", "tab_b", "tab_c"}


def test_no_parameters_cell(tmp_path):
    path = tmp_path / "tab_x.md"
    path.write_text((HEAD + GOOD).replace(":tags: [parameters]\n", "").replace("NAME", "tab_x"))
    (tmp_path / "p.yaml").write_text("size: 4")
    with pytest.raises(SpecificationError, match=r"expected no parameter 'size' \(it has none\)"):
        run_notebook(path, output=tmp_path / "out", parameters_file=tmp_path / "p.yaml")
