"""Batches on a Dask cluster: nothing lost with a worker, no worker brought down, no wait without a limit."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cheap_batch import NOTEBOOK, batch, contents, finish, finished, lines, read_summary, start_batch, write_grid

from sharp import SpecificationError
from sharp.artifact.dask_cluster import dask_cluster

pytest.importorskip("distributed")
POINTS = {"size": {"each": [1, 2]}, "sizes": {"each": [[1, 2], [3]]}}
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "tab_cheap.md").write_text(NOTEBOOK)
    return tmp_path


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """The file of a scheduler."""
    file = tmp_path_factory.mktemp("scheduler") / "scheduler.json"
    process = subprocess.Popen([*command("scheduler", file), "--port", "0"], **QUIET)
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    yield file
    process.kill()
    process.wait()


@pytest.fixture
def address(scheduler):
    return json.loads(scheduler.read_text())["address"]


@pytest.fixture
def start_worker(scheduler, place):
    workers = []

    def start(**settings):
        environment = {**os.environ, "RUNS": str(place / "runs"), **settings}
        arguments = [*command("worker", scheduler), "--no-nanny", "--nthreads", "1"]
        workers.append(subprocess.Popen(arguments, env=environment, **QUIET))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


def command(kind, file):
    dask = Path(sys.executable).with_name("dask")
    return [dask, kind, "--scheduler-file", file, "--no-dashboard", "--host", "127.0.0.1"]


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_loses_no_point(place, address, start_worker):
    grid, output, runs = write_grid(place, POINTS), place / "out", place / "runs"
    workers = [start_worker(), start_worker()]
    process = start_batch(grid, output, runs, "--scheduler", address)
    deadline = time.monotonic() + 90
    while not finished(output) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    kept = finished(output)
    workers[0].kill()
    code, out, err = finish(process)
    assert code == 0, err
    assert "4 points, 0 failed" in out
    assert 0 < len(kept) < 4
    assert kept.items() <= finished(output).items()
    assert len(finished(output)) == 4
    assert len(lines(runs)) <= 4 + 2, "only what the dead worker had in hand, or was handing over, runs again"
    before = len(lines(runs))
    assert batch(grid, output, runs, "--scheduler", address)[0] == 0
    assert len(lines(runs)) == before
    assert batch(grid, place / "here", runs, "--first", "1")[0] == 0
    assert contents(place / "here" / "points").items() <= contents(output / "points").items()


@pytest.mark.slow
def test_a_worker_without_sharp_is_said_and_lives(place, address, start_worker):
    (place / "none" / "sharp").mkdir(parents=True)
    (place / "none" / "sharp" / "__init__.py").write_text("raise ImportError('no sharp here')")
    worker = start_worker(PYTHONPATH=str(place / "none"))
    code, _, err = batch(write_grid(place, POINTS), place / "out", place / "runs", "--scheduler", address)
    assert (code, err) == (
        2,
        "sharp: --scheduler: expected workers that have this sharp, got: ImportError: no sharp here\n",
    )
    assert [row["status"] for row in read_summary(place / "out")] == ["not run"] * 4
    assert worker.poll() is None


@pytest.mark.slow
def test_a_cluster_without_workers_is_waited_for_only_so_long(address, monkeypatch):
    monkeypatch.setattr("sharp.space.cluster.WORKERS_S", 1)
    monkeypatch.setattr("sharp.space.cluster.LOOK_S", 0.3)
    with (
        dask_cluster(address) as executor,
        pytest.raises(SpecificationError, match="--scheduler: expected a worker within 1 s, got none"),
    ):
        executor.unchanged([])


class Page(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def http_server():
    server = HTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def silent_server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("server", [http_server, silent_server])
def test_a_port_that_is_no_schedulers_is_refused_in_time(server, monkeypatch):
    monkeypatch.setattr("sharp.space.cluster.CONNECT_S", 1)
    with server() as port:
        started = time.monotonic()
        with pytest.raises(SpecificationError, match=r"expected the address of a Dask scheduler.*where none answers"):
            dask_cluster(f"tcp://127.0.0.1:{port}").__enter__()
        assert time.monotonic() - started < 5


@pytest.mark.slow
def test_a_worker_is_no_scheduler(address, start_worker):
    start_worker()
    with dask_cluster(address) as executor:
        executor.unchanged([])
        (other,) = executor.cluster.client.scheduler_info()["workers"]
    with pytest.raises(SpecificationError, match="where none answers"):
        dask_cluster(other).__enter__()
