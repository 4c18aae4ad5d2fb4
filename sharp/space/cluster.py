"""A Dask cluster: calls submitted to it, and waits that have a limit. It is trusted: what it sends is unpickled."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pickle
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sharp.errors import SpecificationError

CONNECT_S = 10
"""How long a scheduler may take to answer."""
WORKERS_S = 60
"""How long a cluster may have no worker."""
LOOK_S = 5
"""How often the cluster is looked at while nothing comes."""


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a Dask scheduler.

    Raises
    ------
    SpecificationError
        Where distributed is not installed, or no scheduler answers at `address`.
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
        yield Cluster(client)


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
class Cluster:
    """A connection to a scheduler."""

    client: Any

    def submit(self, function: Callable[..., Any], argument: Any) -> Any:
        """Submit a call as bytes: a worker that lacks sharp then fails in the task, and is not brought down by it."""
        return self.client.submit(pickle.loads, pickle.dumps(_Call(function, argument)), pure=False)

    def cancel(self, futures: Sequence[Any]) -> None:
        """Want nothing of some calls any more; those in hand run to their end unheard."""
        self.client.cancel(list(futures))

    def done(self, futures: Sequence[Any], limit_s: float, what: str, longer: str = "") -> Collection[Any]:
        """Those of some futures that are done, as soon as one is; `longer` says what makes the limit longer."""
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
                    f"--scheduler: expected {what} to end within {limit_s:g} s, got none: is the cluster at work on "
                    f"something else{longer}?"
                )

    def _wait(self, futures: Sequence[Any]) -> Collection[Any]:
        distributed = _distributed()
        try:
            with self.client.as_current():
                done: Collection[Any] = distributed.wait(futures, timeout=LOOK_S, return_when="FIRST_COMPLETED").done
        except distributed.CancelledError:  # lost with the scheduler
            return [future for future in futures if future.done()]
        return done


def result_of(future: Any) -> Any:
    """What a call that is done gave.

    Raises
    ------
    SpecificationError
        Where it failed, as on a worker without this sharp.
    """
    try:
        return future.result()
    except Exception as error:
        raise SpecificationError(
            f"--scheduler: expected workers that have this sharp, got: {type(error).__name__}: {error}"
        ) from None


@dataclass(frozen=True)
class _Call:
    """What calls a function when it is unpickled."""

    function: Callable[..., Any]
    argument: Any

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any]]:
        return self.function, (self.argument,)
