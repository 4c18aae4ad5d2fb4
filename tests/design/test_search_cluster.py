"""Searches on a cluster, and gone on with: the same front, byte for byte, whatever dies on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sharp import find_network
from sharp.design import search

pytest.importorskip("distributed")
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
AXES = {
    "macs": ["1K", "4K", "16K", "64K"],
    "activation_lanes": list(range(16, 144, 8)),
    "activation_ns": [10.0 + step / 4 for step in range(128)],
    "update_ns": [20.0 + step / 4 for step in range(128)],
    "clock_hz": [250e6, 300e6, 400e6, 500e6],
}


def dask(kind, file):
    program = Path(sys.executable).with_name("dask")
    return [program, kind, "--scheduler-file", file, "--no-dashboard", "--host", "127.0.0.1"]


@pytest.fixture
def cluster(tmp_path):
    """A scheduler's address, and two workers."""
    file = tmp_path / "scheduler.json"
    processes = [subprocess.Popen([*dask("scheduler", file), "--port", "0"], **QUIET)]
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    worker = [*dask("worker", file), "--no-nanny", "--nthreads", "1"]
    processes += [subprocess.Popen(worker, **QUIET) for _ in range(2)]
    yield json.loads(file.read_text())["address"], processes[1:]
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_worker_and_then_the_client_are_killed(cluster, tmp_path):
    address, workers = cluster
    space, table = tmp_path / "space.yaml", tmp_path / "front.csv"
    space.write_text("axes: " + json.dumps(AXES))
    program = (
        "import sys, sharp.design.evaluation as evaluation\n"
        "evaluation._TASK_PIECES = 1\n"
        "from sharp.cli import main\nsys.exit(main())"
    )
    arguments = [sys.executable, "-c", program, "search", str(space), "--network", "eesen", "--table", str(table)]

    def journal():
        return [line for path in tmp_path.glob("front.csv.*.partial") for line in path.read_text().splitlines()]

    client = subprocess.Popen([*arguments, "--scheduler", address], **QUIET)
    deadline = time.monotonic() + 120
    while len(journal()) < 5 and client.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.poll() is None, "it ended before anything could be killed"
    workers[0].kill()
    while len(journal()) < 10 and client.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    client.send_signal(signal.SIGKILL)
    client.wait()
    kept = journal()
    assert len(kept) >= 5
    assert not table.exists()
    assert subprocess.run([*arguments, "--scheduler", address, "--resume"], env=os.environ, **QUIET).returncode == 0
    assert not journal()
    whole = tmp_path / "whole.csv"
    search(AXES, network=find_network("eesen"), output=whole)
    assert table.read_bytes() == whole.read_bytes()
    assert len(table.read_text().splitlines()) > 5


def test_an_ended_search_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("sharp.space.cutting.PIECE_POINTS", 2**6)
    monkeypatch.setattr("sharp.design.evaluation._TASK_PIECES", 4)
    table, notes, whole = tmp_path / "front.csv", [], tmp_path / "whole.csv"
    axes = AXES | {"activation_ns": [12.0, 29.14], "update_ns": [20.0, 34.96]}
    search(axes, network=find_network("eesen"), output=whole)

    def interrupt(share):
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(axes, network=find_network("eesen"), output=table, threads=1, progress=interrupt, note=notes.append)
    (part,) = tmp_path.glob("*.partial")
    done = len(part.read_text().splitlines())
    assert "--resume goes on" in notes[0]
    part.write_bytes(part.read_bytes() + b'{"task": [0, 99')  # a line that a kill has torn
    shares = []
    search(axes, network=find_network("eesen"), output=table, resume=True, progress=shares.append)
    assert table.read_bytes() == whole.read_bytes()
    assert shares[-1] == 1
    assert len(shares) == round(1 / (shares[-1] - shares[-2])) - done
    assert sorted(path.name for path in tmp_path.iterdir()) == ["front.csv", "whole.csv"]
