"""Where the points of a batch run: in processes of this machine, or on a Dask cluster; each in a process of its own."""

from __future__ import annotations

import asyncio
import importlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from sharp.errors import SharpError, SpecificationError

PARAMETERS = "parameters.yaml"
CONNECT_S = 10
"""How long a scheduler may take to answer."""
_GRACE_S = 5
"""How long a stopped process may take to clean up."""
_LONGEST = 500
"""Characters of an error that are kept."""
_SERVE = "import sys; sys.path[:] = {path!r}; from sharp.artifact.executors import serve; serve()"
_running: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True, kw_only=True)
class Task:
    """All that it takes to run a point, on any machine that has sharp: no path of this one."""

    name: str
    """The point's."""
    notebook: str
    """Its notebook's file name."""
    source: bytes
    """Its notebook."""
    parameters: str
    """Its parameters, as YAML."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What running a point gave."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Its files by name; none where it failed."""
    error: str = ""
    """One sentence where it failed."""
    seconds: float = 0.0
    """How long it took."""


Executor = Callable[[Sequence[Task]], Iterator[tuple[Task, Result]]]
"""Runs tasks and gives each with its result as soon as it is there, in any order, each once."""


@contextmanager
def local_processes(jobs: int) -> Iterator[Executor]:
    """Run on this machine, `jobs` points at a time; when it is left early, what still runs is stopped."""
    yield partial(_run_local, jobs)


@contextmanager
def dask_cluster(address: str) -> Iterator[Executor]:
    """Run on a Dask cluster, as many points at a time as it has threads.

    Files travel with the tasks and the results, so no folder has to be shared. Dask runs again what was lost with a
    worker.

    Raises
    ------
    SpecificationError
        Where distributed is not installed, or no scheduler answers at `address`.
    """
    distributed = _distributed()
    try:
        asyncio.run(_knock(address))
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError):
        raise SpecificationError(
            f"--scheduler: expected the address of a Dask scheduler, such as tcp://127.0.0.1:8786, got {address!r}, "
            "where none answers"
        ) from None
    with client:
        yield partial(_run_dask, client)


def _distributed() -> Any:
    """The package, which has no types; imported only when it is asked for."""
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise SpecificationError(
            "--scheduler: expected the package distributed (pip install 'sharp-rnn[batch]'), got none"
        ) from None


async def _knock(address: str) -> None:
    """See that something answers; a client that finds nothing complains at length when it is discarded."""
    distributed = _distributed()
    arguments = distributed.Security().get_connection_args("client")
    connection = await distributed.comm.connect(address, timeout=CONNECT_S, **arguments)
    await connection.close()


def _run_local(jobs: int, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(run_point, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in futures):
                for process in tuple(_running):
                    process.terminate()
                time.sleep(0.05)


def _run_dask(client: Any, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
    futures = [client.submit(run_point, task, pure=False) for task in tasks]
    by_key = {future.key: task for future, task in zip(futures, tasks, strict=True)}
    try:
        for future in _distributed().as_completed(futures, loop=client.loop):
            yield by_key.pop(future.key), _dask_result(future)
            future.release()
    finally:
        if by_key:
            client.cancel([future for future in futures if future.key in by_key])


def _dask_result(future: Any) -> Result:
    """The result of a finished task; an error is the cluster's, for a notebook's comes as a result."""
    try:
        result: Result = future.result()
    except Exception as error:
        sentence = f"the cluster: expected it to run the notebook, got: {type(error).__name__}: {error}"
        return Result(error=_sentence(sentence))
    return result


def run_point(task: Task) -> Result:
    """Run a point's notebook in a process of its own, which ends when this one does.

    A process, as papermill changes the working folder, and threads of one would be in each other's way.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE.format(path=sys.path)],  # it imports what this process does
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        _running.add(process)
        try:
            with process:
                result = _exchange(process, task)
        finally:
            _running.discard(process)
        if result is None:
            error = _last_words(process.returncode, errors)
            return Result(error=f"{task.notebook}: expected its process to end well, got {error}")
    return Result(files=result.files, error=result.error, seconds=round(time.monotonic() - started, 1))


def _exchange(process: subprocess.Popen[bytes], task: Task) -> Result | None:
    """Hand a process its task and wait for the result; None where it dies before."""
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018
    try:
        pickle.dump(task, process.stdin)
        process.stdin.flush()
        result: Result = pickle.load(process.stdout)
    except (OSError, EOFError, pickle.UnpicklingError):
        return None
    return result


def _last_words(code: int, errors: BinaryIO) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").split("\n")
    said = [line for line in lines if line.strip()][-1:]
    return _sentence(": ".join([f"signal {-code}" if code < 0 else f"exit code {code}", *said]))


def serve() -> None:
    """Be the process of a point: read its task, run it, write its result; stop when the parent is gone."""
    reply = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, _leave)
    task: Task = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_watch_parent, daemon=True).start()
    result = _attempt(task)
    with reply:
        pickle.dump(result, reply)


def _watch_parent() -> None:
    while os.read(0, 1):  # nothing comes but the end, when the parent closes it or dies
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _leave(*_: object) -> None:
    """Clean up and end; end anyway where that takes too long."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    timer = threading.Timer(_GRACE_S, os._exit, [1])
    timer.daemon = True
    timer.start()
    sys.exit(1)


def _attempt(task: Task) -> Result:
    from sharp.artifact.notebook import run_notebook

    with tempfile.TemporaryDirectory(prefix="sharp-") as folder:
        notebook, parameters, output = (Path(folder) / name for name in (task.notebook, PARAMETERS, "output"))
        try:
            notebook.write_bytes(task.source)
            parameters.write_text(task.parameters, encoding="utf-8")
            executed = output / f"{notebook.stem}.ipynb"
            run_notebook(notebook, output=output, parameters_file=parameters, executed=executed)
            files = {path.name: path.read_bytes() for path in sorted(output.iterdir()) if path.name[0] != "."}
        except SharpError as error:
            return Result(error=_sentence(str(error).replace(f"{folder}/", "")))
        except Exception as error:  # whatever it is, the other points go on
            return Result(error=_sentence(f"{task.notebook}: expected it to run, got: {type(error).__name__}: {error}"))
    return Result(files={**files, PARAMETERS: task.parameters.encode()})


def _sentence(text: str) -> str:
    return textwrap.shorten(text, _LONGEST, placeholder=" ...")
