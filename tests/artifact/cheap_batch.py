"""A notebook that takes a second, nearly all of it the kernel's start, and batches of it as processes."""

import contextlib
import csv
import json
import os
import re
import subprocess
import sys
import time

import psutil

NOTEBOOK = """---
kernelspec: {name: python3, display_name: Python 3, language: python}
jupytext: {text_representation: {extension: .md, format_name: myst}}
---

```{code-cell} ipython3
:tags: [parameters]

size = 3
sizes = [1, 2]
label = "x"
anything = None
```

```{code-cell} ipython3
import json
import posix
from pathlib import Path

with open(posix.environ[b"RUNS"], "a") as runs:  # os.environ would be noted as an input
    runs.write(f"{size} {sizes}\\n")
if size == 13:
    raise RuntimeError("size <13> has bad luck")
if size == 77:
    import psutil
    psutil.Process().parent().parent().kill()
if size == 99:
    import time
    time.sleep(60)
Path("tab_cheap.csv").write_text(f"size\\n{size}\\n")
Path("tab_cheap.tex").write_text(label if anything is None else json.dumps([label, anything]))
Path("tab_cheap.json").write_text(json.dumps({"headline": {"size": size, "third": sum(sizes) / 3}}))
```
"""
SIX = {"size": {"each": [1, 2, 3]}, "sizes": {"each": [[1, 2], [3]]}, "label": "a: <b>"}


def write_grid(folder, parameters, name="grid.yaml"):
    path = folder / name
    path.write_text(f"notebook: tab_cheap.md\nparameters: {json.dumps(parameters)}\n")
    return path


def start(runs, *arguments):
    """The command as a process; whatever it starts is known by the file of runs in its environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "sharp.cli", *map(str, arguments)],
        cwd=runs.parent,
        env={**os.environ, "RUNS": str(runs)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def start_batch(grid, output, runs, *arguments):
    return start(runs, "batch", grid, "-o", output, *arguments)


def finish(process):
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def batch(*arguments):
    return finish(start_batch(*arguments))


def read_summary(output):
    with (output / "summary.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def contents(output):
    """Every file's bytes, but for what measures time."""
    files = {}
    for path in sorted(output.rglob("*")):
        if path.is_file() and path.name != "timing.json":
            text = path.read_bytes()
            name = str(path.relative_to(output))
            files[name] = re.sub(rb",[\d.]*\n", b"\n", text) if name == "summary.csv" else text
    return files


def finished(output):
    return {path.name: path.stat().st_ino for path in (output / "points").glob("*")}


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def processes_of(runs):
    """Living processes that have this file of runs in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("RUNS") == str(runs) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def assert_no_process_of(runs):
    """None of them outlives its batch for long: two minutes, as a busy machine takes one to start a process at all."""
    deadline = time.monotonic() + 120
    while (alive := processes_of(runs)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive
