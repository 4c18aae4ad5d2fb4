"""A progress bar for work that takes more than a second, where a terminal watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sharp.cycles.counting import Progress


@contextmanager
def progress_bar(label: str) -> Iterator[Progress | None]:
    """Give a callback that draws a bar once a second has gone by; None where no terminal watches."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    started = time.monotonic()
    with Bar(console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(label, total=1.0, visible=False)

        def update(done: float) -> None:
            if time.monotonic() - started > 1:
                bar.update(task, completed=done, visible=True)
                bar.refresh()

        yield update
