"""Where the points of a batch run: each in a process of its own, here in as many as are asked for."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from sharp.errors import NotebookTimeoutError, SharpError

PARAMETERS = "parameters.yaml"
GRACE_S = 60
"""How long a process may take beside its notebook, to start and to clean up, on a machine that is busy."""
_LEAVE_S = 5
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
    timeout_s: float
    """How long its notebook may take."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What running a point gave."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Its files by name; none where it failed."""
    error: str = ""
    """One sentence where it failed."""
    timed_out: bool = False
    """Whether it failed by taking too long."""
    seconds: float = 0.0
    """How long it took."""


class Executor(Protocol):
    """Runs tasks, and looks at what finished ones have read, where it runs them."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Give each task with its result as soon as it is there, in any order, each once."""

    def unchanged(self, lines: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Whether what each line of a manifest names as read is as it was (`sharp.artifact.inputs.unchanged`)."""


@dataclass(frozen=True)
class LocalProcesses:
    """Runs on this machine; when it is left early, what still runs is stopped."""

    jobs: int
    """How many points at a time."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Run tasks, as `Executor` says."""
        with ThreadPoolExecutor(self.jobs) as pool:
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

    def unchanged(self, lines: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Look on this machine."""
        return look(lines)


def look(lines: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Whether what each line of a manifest names as read is as it was on this machine."""
    from sharp.artifact.inputs import unchanged

    return [unchanged(line) for line in lines]


def run_point(task: Task) -> Result:
    """Run a point's notebook in a process of its own, which ends when this one does.

    A process, so that a notebook that brings it down fails alone.
    """
    started = time.monotonic()
    limit_s = task.timeout_s + GRACE_S  # the process keeps the notebook's own limit
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE.format(path=sys.path)],  # it imports what this process does
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        timer = threading.Timer(limit_s, process.kill)
        _running.add(process)
        timer.start()
        try:
            with process:
                result = _exchange(process, task)
        finally:
            timer.cancel()
            _running.discard(process)
        seconds = round(time.monotonic() - started, 1)
        if result is None:
            error = f"{task.notebook}: expected its process to end well, got {_last_words(process.returncode, errors)}"
            return Result(error=error, timed_out=seconds >= limit_s, seconds=seconds)
    return Result(files=result.files, error=result.error, timed_out=result.timed_out, seconds=seconds)


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
    return shorten(": ".join([f"signal {-code}" if code < 0 else f"exit code {code}", *said]))


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
    timer = threading.Timer(_LEAVE_S, os._exit, [1])
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
            run_notebook(
                notebook,
                output=output,
                parameters_file=parameters,
                executed=output / f"{notebook.stem}.ipynb",
                timeout_s=task.timeout_s,
            )
            files = {path.name: path.read_bytes() for path in sorted(output.iterdir()) if path.name[0] != "."}
        except SharpError as error:
            late = isinstance(error, NotebookTimeoutError)
            return Result(error=shorten(str(error).replace(f"{folder}/", "")), timed_out=late)
        except Exception as error:  # whatever it is, the other points go on
            return Result(error=shorten(f"{task.notebook}: expected it to run, got: {type(error).__name__}: {error}"))
    return Result(files={**files, PARAMETERS: task.parameters.encode()})


def shorten(text: str) -> str:
    """An error as one line of bounded length."""
    return textwrap.shorten(text, _LONGEST, placeholder=" ...")
