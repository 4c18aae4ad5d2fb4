"""Where the tasks of a search run: on threads of this machine, or on a Dask cluster, in whatever order they end."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import lru_cache
from threading import Event
from typing import Any

from sharp.checks import check_integer
from sharp.design.candidates import Candidates
from sharp.design.evaluation import Aim, Found, Task, evaluate, nothing

TASK_S = 600
"""How long a cluster may be silent while tasks are in hand."""

Run = Callable[[Collection[Task]], Iterator[tuple[Task, Found]]]
"""Runs tasks, and gives what each comes to as it ends."""


def on_threads(candidates: Candidates, aim: Aim, threads: int | None) -> Run:
    """Run on so many cores, all by default; the kernel works without the interpreter's lock."""
    workers = (os.cpu_count() or 1) if threads is None else check_integer("threads", threads)

    def run(tasks: Collection[Task]) -> Iterator[tuple[Task, Found]]:
        stopped = Event()

        def work(task: Task) -> tuple[Task, Found]:
            return task, nothing(aim) if stopped.is_set() else evaluate(candidates, aim, task)

        with ThreadPoolExecutor(workers) as pool:
            try:
                for future in as_completed([pool.submit(work, task) for task in tasks]):
                    yield future.result()
            finally:
                stopped.set()
                pool.shutdown(cancel_futures=True)

    return run


def on_cluster(asked: Any, aim: Aim, address: str) -> Run:
    """Run on the workers of a Dask scheduler: each makes the candidates once, and sends back a front a task.

    Parameters
    ----------
    asked : object
        What `_made` makes candidates and aim from; pickled.
    aim : Aim
    address : str
        As ``tcp://127.0.0.1:8786``. Dask runs again what was lost with a worker.
    """
    from sharp.space.cluster import connected, result_of

    described = pickle.dumps(asked)

    def run(tasks: Collection[Task]) -> Iterator[tuple[Task, Found]]:
        with connected(address) as cluster:
            pending = {cluster.submit(_on_worker, (described, task)): task for task in tasks}
            try:
                while pending:
                    for future in cluster.done(list(pending), TASK_S, "a task of the search"):
                        yield pending.pop(future), Found.from_dict(aim, result_of(future))
                        future.release()
            finally:
                cluster.cancel(list(pending))

    return run


def _on_worker(argument: tuple[bytes, Task]) -> dict[str, Any]:
    described, task = argument
    candidates, aim = _made(described)
    return evaluate(candidates, aim, task).as_dict()


@lru_cache(maxsize=4)
def _made(described: bytes) -> tuple[Candidates, Aim]:
    """Candidates and aim on a worker, once for all tasks."""
    function, arguments = pickle.loads(described)
    made: tuple[Candidates, Aim] = function(**arguments)
    return made
