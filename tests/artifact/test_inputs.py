"""What a notebook reads is what its manifest names, whoever read it; where that cannot be known, it says so."""

import json
import os
import socket
import sqlite3
import sys

import numpy as np
import pytest

from sharp.artifact.inputs import _ALWAYS, unchanged
from sharp.artifact.notebook import run_notebook
from sharp.artifact.reads import ENVIRONMENT, NETWORK, PROCESS, hash_file, hash_text

HEAD = """---
kernelspec: {name: python3, display_name: Python 3, language: python}
jupytext: {text_representation: {extension: .md, format_name: myst}}
---

```{code-cell} ipython3
:tags: [parameters]

place = ""
```

```{code-cell} ipython3
BODY
from pathlib import Path
for suffix, text in {".csv": "a", ".tex": "a", ".json": "{}"}.items():
    Path(f"tab_x{suffix}").write_text(text)
```
"""
READS = """
import json, os, sqlite3, sys
from pathlib import Path
import numpy as np
import sharp
home = os.getcwd()
os.chdir(place)
json.load(open("data.json")), np.load("data.npy"), open("UPPER.CSV").read(), open("no_suffix", "rb").read()
os.close(os.open("by_descriptor", os.O_RDONLY)), open("link").read(), sqlite3.connect("data.db").execute("select 1")
open("written", "w").write("x"), open("written").read(), open("updated", "r+").read()
os.listdir("listed"), os.path.exists("looked_at"), Path("looked_for").is_file(), os.access("looked_for_too", os.R_OK)
try:
    open("missing.csv")
except OSError:
    pass
sys.path.insert(0, place)
import mine
sharp.simulate(sharp.square_lstm(64), sharp.find_accelerator("machine.yaml"), sharp.Plan(schedule="schedule.py:Own"))
os.environ.get("SHARP_TEST_SETTING"), os.getenv("SHARP_TEST_UNSET"), os.environb.get(b"SHARP_TEST_BYTES")
child = os.fork()
if not child:
    open("by_fork").read(), os._exit(0)
os.waitpid(child, 0)
os.chdir(home)
"""
SCHEDULE = "from sharp.schedule import Unfolded\nclass Own(Unfolded):\n    name = 'own'\n"
FILES = {
    **dict.fromkeys(
        ("data.json", "UPPER.CSV", "no_suffix", "by_descriptor", "updated", "target", "by_fork", "looked_at"), "[1]"
    ),
    **{
        "mine.py": "import more\n",
        "more.py": "value = 1\n",
        "schedule.py": SCHEDULE,
        "machine.yaml": "like: sharp\nname: own\n",
    },
}
MISSING = ("missing.csv", "looked_for", "looked_for_too")
pytestmark = pytest.mark.slow


def run(folder, body):
    notebook = folder / "tab_x.md"
    notebook.write_text(HEAD.replace("BODY", body))
    (folder / "p.yaml").write_text(f"place: {json.dumps(str(folder))}\n")
    run_notebook(notebook, output=folder / "out", parameters_file=folder / "p.yaml")
    return json.loads((folder / "out" / "manifest.json").read_text())["tab_x"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    np.save(folder / "data.npy", [1, 2])
    with sqlite3.connect(folder / "data.db") as base:
        base.execute("create table t (a)")
    base.close()
    (folder / "link").symlink_to("target")
    (folder / "listed").mkdir()
    return folder


@pytest.fixture(scope="module")
def line(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHARP_TEST_SETTING", "secret")
        return run(place, READS)


def test_everything_that_was_read_is_named(place, line):
    names = {*FILES, "data.npy", "data.db", "link", "listed/", *MISSING} - {"target"}
    own = {name: digest for name, digest in line["inputs"].items() if name.startswith("/")}
    assert {os.path.relpath(name, place) + "/" * name.endswith("/") for name in own} == names
    assert all(digest == hash_file(name) for name, digest in own.items())
    assert own[f"{place}/missing.csv"] is None
    assert [name for name in line["inputs"] if name.startswith("sharp/")] == ["sharp/data/accelerators/sharp.yaml"]
    assert {"SHARP_TEST_SETTING": hash_text("secret"), "SHARP_TEST_UNSET": None}.items() <= line["settings"].items()
    asked = {f"SHARP_TEST_{name}" for name in ("SETTING", "UNSET", "BYTES")}
    assert asked <= set(line["settings"]) <= {*asked, "SHARP_LEVEL", *_ALWAYS}
    assert "secret" not in json.dumps(line)
    assert line["unseen"] == []


def test_any_change_of_it_is_seen(place, line, monkeypatch):
    assert not unchanged(line), "the setting is another here"
    monkeypatch.setenv("SHARP_TEST_SETTING", "secret")
    assert unchanged(line)
    for name in (*FILES, "data.npy", "data.db"):
        before = (place / name).read_bytes()
        (place / name).write_bytes(before + b" ")
        assert not unchanged(line), name
        (place / name).unlink()
        assert not unchanged(line), name
        (place / name).write_bytes(before)
        assert unchanged(line)
    for name in (*MISSING, "listed/new"):
        (place / name).write_text("")
        assert not unchanged(line), name
        (place / name).unlink()
    monkeypatch.setenv("SHARP_TEST_UNSET", "")
    assert not unchanged(line)


def test_what_cannot_be_known_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        body = f"""
import os, socket, subprocess
socket.create_connection(("127.0.0.1", {server.getsockname()[1]})).close()
subprocess.run(["true"], env={{**os.environ}})
"""
        line = run(tmp_path, body)
    assert line["unseen"] == sorted([PROCESS, ENVIRONMENT, NETWORK])


def test_a_shell_is_another_process(tmp_path):
    assert run(tmp_path, "!true")["unseen"] == [PROCESS]


def test_a_package_of_others_counts_as_installed(tmp_path):
    line = run(tmp_path, "import iniconfig, pandas")
    (name,) = line["inputs"]
    assert name.startswith(sys.prefix)
    assert name.endswith("/RECORD")
    assert "iniconfig-" in name
    assert line["unseen"] == []
