"""Execute a notebook in a Jupyter kernel of its own, which never outlives this process nor a time limit."""

from __future__ import annotations

import logging
import math
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import papermill
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets import Integer, Unicode
from traitlets.config import Config

from sharp.errors import NotebookError, NotebookTimeoutError, SharpError, SpecificationError

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_SHUTDOWN_S = 1.0
"""How long a kernel may take to clean up at its end; also how long one lives that is interrupted."""
_IOPUB_S = 60
"""How long the last output of a cell may take to arrive, on a machine that is busy."""
_LONGEST_SOCKET = 90
"""Bytes of a socket's path: 104 at most on some systems, less the socket's own name."""

logging.getLogger("papermill").addHandler(logging.NullHandler())  # what it reports, an error of ours says


class SupervisedKernel(AsyncKernelManager):
    """Starts a kernel of this Python under a supervisor, whatever kernels are installed by the same name."""

    lifeline = Integer(config=True, help="The reading end of the lifeline.")
    folder = Unicode(config=True, help="Where the kernel works.")
    settings = Unicode(config=True, help="An empty folder for IPython's files.")

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started; without the user's IPython profile, so that a notebook does the same for all."""
        command = [sys.executable, str(_SUPERVISOR), str(self.lifeline), "-f", "{connection_file}"]
        return KernelSpec(argv=command, language="python", env={"IPYTHONDIR": self.settings})

    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # as in AsyncKernelManager
        """Start it in its folder; only the supervisor gets the lifeline."""
        await super().start_kernel(cwd=self.folder, pass_fds=(self.lifeline,), **options)


def execute(
    content: NotebookNode, parameters: Mapping[str, Any], *, name: str, folder: Path, timeout_s: float, first_line: str
) -> NotebookNode:
    """Execute a notebook; its kernel ends when this returns, when this process ends, or at the time limit.

    Parameters
    ----------
    content : NotebookNode
        The notebook.
    parameters : mapping
        Set behind its cell tagged ``parameters``.
    name : str
        What errors call it.
    folder : Path
        Where the kernel works.
    timeout_s : float
        How long it may take.
    first_line : str
        Python that the kernel runs before the notebook.

    Returns
    -------
    NotebookNode
        The notebook with its outputs.

    Raises
    ------
    SpecificationError, NotebookError, NotebookTimeoutError
        Where a cell fails on bad input, where it fails otherwise or the kernel ends, where time is up.
    """
    with _private_folder() as private, _lifeline(timeout_s) as (lifeline, expired):
        try:
            executed: NotebookNode = papermill.execute_notebook(
                content,
                None,
                parameters=dict(parameters),
                kernel_name="python3",
                progress_bar=False,
                start_timeout=math.ceil(timeout_s),
                config=_config(private, lifeline, folder, first_line),
            )
        except PapermillExecutionError as error:
            raise _cell_error(name, error, bool(parameters)) from None
        except (DeadKernelError, CellExecutionError, RuntimeError, TimeoutError) as error:
            if expired.is_set():
                raise NotebookTimeoutError(f"{name}: expected it to end within {timeout_s:g} s, got no end") from None
            raise NotebookError(f"{name}: expected it to run to its end, got: {str(error).splitlines()[0]}") from None
    return executed


def _config(private: Path, lifeline: int, folder: Path, first_line: str) -> Config:
    """A kernel that talks over files of its own, not ports that two at once may pick, and prints errors only."""
    return Config(
        {
            "KernelManager": {
                "transport": "ipc",
                "ip": str(private / "kernel"),
                "connection_file": str(private / "kernel.json"),
                "shutdown_wait_time": _SHUTDOWN_S,
            },
            "SupervisedKernel": {"lifeline": lifeline, "folder": str(folder), "settings": str(private / "ipython")},
            "NotebookClient": {
                "kernel_manager_class": SupervisedKernel,
                "iopub_timeout": _IOPUB_S,
                "extra_arguments": [
                    "--log-level=CRITICAL",
                    "--IPKernelApp.exec_PYTHONSTARTUP=False",
                    f"--IPKernelApp.exec_lines={first_line}",
                ],
            },
        }
    )


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder for sockets, whose paths must be short, and the kernel's own files."""
    usual = tempfile.gettempdir()
    place = usual if len(os.fsencode(usual)) < _LONGEST_SOCKET - 30 else "/tmp"
    with tempfile.TemporaryDirectory(prefix="sharp-", dir=place) as folder:
        (Path(folder) / "ipython").mkdir()
        yield Path(folder)


@contextmanager
def _lifeline(timeout_s: float) -> Iterator[tuple[int, threading.Event]]:
    """A pipe whose closing ends the kernel, closed here at the end or when time is up, which then is noted."""
    expired = threading.Event()
    reading, writing = os.pipe()

    def expire() -> None:
        expired.set()
        end.close()

    with open(writing, "wb", buffering=0) as end:
        timer = threading.Timer(timeout_s, expire)
        timer.daemon = True
        timer.start()
        try:
            yield reading, expired
        finally:
            timer.cancel()
            os.close(reading)


def _cell_error(name: str, error: PapermillExecutionError, parametrized: bool) -> SharpError:
    bad_input = error.ename in ("SpecificationError", "InfeasibleMappingError")
    kind: type[SharpError] = SpecificationError if bad_input else NotebookError
    number = max(1, error.cell_index + (0 if parametrized else 1))  # papermill adds a cell of its own for parameters
    return kind(f"{name}, cell {number}: {error.ename}: {error.evalue}")
