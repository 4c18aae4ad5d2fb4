"""Run the points of a batch on a Dask cluster; every wait for it has a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sharp.artifact.executors import GRACE_S, Executor, Result, Task, look, run_point, shorten
from sharp.space import cluster
from sharp.space.cluster import Cluster, connected, result_of

_LONGER = " (then --timeout makes this longer)"


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
    with connected(address) as found:
        yield _DaskCluster(found)


@dataclass(frozen=True)
class _DaskCluster:
    cluster: Cluster

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Run tasks, as `Executor` says; those in hand when it is left early run to their end unheard."""
        pending = {self.cluster.submit(run_point, task): task for task in tasks}
        limit_s = max((task.timeout_s for task in tasks), default=0) + 2 * GRACE_S  # a worker's own limit comes first
        try:
            while pending:
                for future in self.cluster.done(list(pending), limit_s, "a point", _LONGER):
                    task = pending.pop(future)
                    yield task, _result(future)
                    future.release()
        finally:
            self.cluster.cancel(list(pending))

    def unchanged(self, lines: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Look on a worker; also where there is nothing to look at, to see that there is one that has sharp."""
        (future,) = self.cluster.done([self.cluster.submit(look, lines)], cluster.WORKERS_S, "a point")
        found: list[bool] = result_of(future)
        return found


def _result(future: Any) -> Result:
    """The result of a finished task; an error is the cluster's, for a notebook's comes as a result."""
    try:
        result: Result = future.result()
    except Exception as error:
        sentence = f"the cluster: expected it to run the notebook, got: {type(error).__name__}: {error}"
        return Result(error=shorten(sentence))
    return result
