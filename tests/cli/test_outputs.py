"""No output of any command takes the place of one of its inputs."""

import os
import shutil
from pathlib import Path

import click
import numpy as np
import pytest

from sharp.cli.group import COMMANDS, cli
from sharp.errors import NotebookError

FILES = {
    "n.yaml": "name: n\nseq_len: 3\nlayers: [{input_size: 8, hidden_size: 8}]\n",
    "m.yaml": "name: m\nlike: sharp\n",
    "g.yaml": "hidden_size: 8\nschedule: [batch, 'own.py:Own']\n",
    "v.json": "{}\n",
    "s.yaml": "axes: {macs: 1K}\n",
    "c.svg": "axes: {macs: 1K}\n",
    "p.yaml": "size: 4\n",
    "b.yaml": "notebook: nb.md\nparameters: {size: 4}\n",
    "own.py": "from sharp.schedule import Unfolded\nclass Own(Unfolded):\n    name = 'own'\n",
    "nb.md": "---\nkernelspec: {name: python3, display_name: p, language: python}\n"
    "jupytext: {text_representation: {extension: .md, format_name: myst}}\n---\n\n"
    "```{code-cell} ipython3\n:tags: [parameters]\n\nsize = 3\n```\n",
}
ONNX = Path(__file__).parents[1] / "workload" / "onnx_cases" / "h02_two_way_by_hand.onnx"
TIMELINE = ("timeline", "--network", "n.yaml", "--accelerator", "m.yaml", "--schedule", "own.py:Own", "--trace")
SWEEP = ("sweep", "g.yaml", "--accelerator", "m.yaml", "--allow-code", "-o")
CHOOSE = ("choose", "--network", "n.yaml", "--accelerator", "m.yaml", "--deadline", "1s", "--space", "s.yaml")
SEARCH = ("search", "s.yaml", "--network", "n.yaml", "--accelerator", "m.yaml")
EXECUTE = ("execute", "a.onnx", "--input", "i.npz", "--accelerator", "m.yaml", "--schedule", "own.py:Own", "-o")
FIGURE = ("figure", "nb.md", "-f", "p.yaml")
CALLS = [
    *((*TIMELINE, name) for name in ("n.yaml", "m.yaml", "own.py", "link", "./m.yaml")),
    *((*SWEEP, name) for name in ("g.yaml", "m.yaml", "own.py")),
    *((*CHOOSE, "--table", name) for name in ("n.yaml", "m.yaml", "s.yaml")),
    *((*SEARCH, "--table", name) for name in ("n.yaml", "m.yaml", "s.yaml")),
    (*CHOOSE[:-1], "c.svg", "--figure", "c.svg"),
    ("import", "a.onnx", "-o", "a.onnx"),
    *(("rtl", "run", "--network", "n.yaml", "--accelerator", "m.yaml", "--vcd", name) for name in ("n.yaml", "m.yaml")),
    ("rtl", "emit", "--accelerator", "m.yaml", "-o", "m.yaml"),
    *((*EXECUTE, name) for name in ("a.onnx", "i.npz", "m.yaml", "own.py", "link")),
    ("claims", "--samples", "2", "--verdicts", "v.json", "--save", "v.json"),
    *((*FIGURE, "-o", "out", "--executed", name) for name in ("nb.md", "p.yaml")),
    *((*FIGURE, "-o", name) for name in ("nb.md", "p.yaml")),
    *(("batch", "b.yaml", "-o", name) for name in ("b.yaml", "nb.md")),
]
READ_ONLY = {"run", "compare", "area", "explore", "list", "check"}
"""Commands that write nothing."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text)
    shutil.copy(ONNX, "a.onnx")
    np.savez("i.npz", x=np.zeros((3, 1, 20), np.float32))
    Path("link").symlink_to("m.yaml")
    monkeypatch.setattr("sharp.cli.claims.evaluate_claims", lambda **options: [])
    return tmp_path


@pytest.mark.parametrize("arguments", CALLS, ids=" ".join)
def test_an_input_is_never_replaced(command, folder, monkeypatch, arguments):
    def no_kernel(*_, **__):
        raise NotebookError("it ran")

    monkeypatch.setattr("sharp.artifact.notebook.execute", no_kernel)
    outcome = command(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert "it ran" not in outcome.err
    assert {name: Path(name).read_text() for name in FILES} == FILES
    assert Path("a.onnx").read_bytes() == ONNX.read_bytes()
    assert np.load("i.npz")["x"].shape == (3, 1, 20)
    assert os.readlink("link") == "m.yaml"
    assert {path.name for path in folder.iterdir()} - {"out"} == {*FILES, "a.onnx", "i.npz", "link"}


def parameters(command):
    """Parameters of a command, or of all commands of a group."""
    groups = [command.commands[name].params for name in getattr(command, "commands", ())]
    return [*command.params, *(parameter for params in groups for parameter in params)]


def test_every_command_that_writes_is_tried():
    writing = {
        name
        for name in COMMANDS
        for parameter in parameters(cli.get_command(click.Context(cli), name))
        if {"--output", "--trace", "--save", "--executed", "--table"} & set(parameter.opts)
    }
    assert writing == {arguments[0] for arguments in CALLS}
    assert set(COMMANDS) - writing - READ_ONLY == {"verify"}  # which writes a record of its own beside the figures
