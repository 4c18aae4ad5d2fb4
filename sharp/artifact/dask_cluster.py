"""Run the points of a batch on a Dask cluster; every wait for it has a limit."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pickle
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sharp.artifact.executors import GRACE_S, Executor, Result, Task, look, run_point, shorten
from sharp.errors import SpecificationError

CONNECT_S = 10
"""How long a scheduler may take to answer."""
WORKERS_S = 60
"""How long a cluster may have no worker."""
_LOOK_S = 5
"""How often the cluster is looked at while nothing comes."""


@contextmanager
def dask_cluster(address: str) -> Iterator[Executor]:
    """Run on a Dask cluster, as many points at a time as it has threads.

    Files travel with the tasks and the results, so no folder has to be shared. Dask runs again what was lost with a
    worker. The cluster must be trusted, as it runs the notebooks and what it sends is unpickled.

    Raises
    ------
    SpecificationError
        Where distributed is not installed, no scheduler answers at `address`, or it has no worker with this sharp.
    """
    distributed = _distributed()
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it reports, an error of ours says
    try:
        asyncio.run(asyncio.wait_for(_knock(address), CONNECT_S))
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError):
        raise SpecificationError(
            f"--scheduler: expected the address of a Dask scheduler, such as tcp://127.0.0.1:8786, got {address!r}, "
            "where none answers"
        ) from None
    with client:
        yield _DaskCluster(client)


def _distributed() -> Any:
    """The package, which has no types; imported only when it is asked for."""
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise SpecificationError(
            "--scheduler: expected the package distributed (pip install 'sharp-rnn[batch]'), got none"
        ) from None


async def _knock(address: str) -> None:
    """See that a scheduler answers; a client that finds none complains at length when it is discarded."""
    distributed = _distributed()
    arguments = distributed.Security().get_connection_args("client")
    async with distributed.core.rpc(address, connection_args=arguments) as scheduler:
        identity = await scheduler.identity()
    if identity.get("type") != "Scheduler":
        raise ValueError(f"a {identity.get('type')}")


@dataclass(frozen=True)
class _DaskCluster:
    client: Any

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Run tasks, as `Executor` says; those in hand when it is left early run to their end unheard."""
        pending = {self._submit(run_point, task): task for task in tasks}
        limit_s = max((task.timeout_s for task in tasks), default=0) + 2 * GRACE_S  # a worker's own limit comes first
        try:
            while pending:
                for future in self._done(list(pending), limit_s):
                    task = pending.pop(future)
                    yield task, _result(future)
                    future.release()
        finally:
            self.client.cancel(list(pending))

    def unchanged(self, lines: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Look on a worker; also where there is nothing to look at, to see that there is one that has sharp."""
        (future,) = self._done([self._submit(look, lines)], WORKERS_S)
        try:
            found: list[bool] = future.result()
        except Exception as error:
            raise SpecificationError(
                f"--scheduler: expected workers that have this sharp, got: {type(error).__name__}: {error}"
            ) from None
        return found

    def _submit(self, function: Callable[..., Any], argument: Any) -> Any:
        """Submit a call as bytes: a worker that lacks sharp then fails in the task, and is not brought down by it."""
        return self.client.submit(pickle.loads, pickle.dumps(_Call(function, argument)), pure=False)

    def _done(self, futures: Sequence[Any], limit_s: float) -> Collection[Any]:
        """Those of some futures that are done, as soon as one is."""
        started = manned = time.monotonic()
        while True:
            try:
                return self._wait(futures)
            except TimeoutError:
                now = time.monotonic()
            if self.client.scheduler_info()["workers"]:
                manned = now
            if now - manned > WORKERS_S:
                raise SpecificationError(f"--scheduler: expected a worker within {WORKERS_S} s, got none")
            if now - started > limit_s:
                raise SpecificationError(
                    f"--scheduler: expected a point to end within {limit_s:g} s, got none: is the cluster at work on "
                    "something else (then --timeout makes this longer)?"
                )

    def _wait(self, futures: Sequence[Any]) -> Collection[Any]:
        distributed = _distributed()
        try:
            with self.client.as_current():
                done: Collection[Any] = distributed.wait(futures, timeout=_LOOK_S, return_when="FIRST_COMPLETED").done
        except distributed.CancelledError:  # lost with the scheduler
            return [future for future in futures if future.done()]
        return done


@dataclass(frozen=True)
class _Call:
    """What calls a function when it is unpickled."""

    function: Callable[..., Any]
    argument: Any

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any]]:
        return self.function, (self.argument,)


def _result(future: Any) -> Result:
    """The result of a finished task; an error is the cluster's, for a notebook's comes as a result."""
    try:
        result: Result = future.result()
    except Exception as error:
        sentence = f"the cluster: expected it to run the notebook, got: {type(error).__name__}: {error}"
        return Result(error=shorten(sentence))
    return result
