"""Files written whole or not at all: to a temporary file beside the target, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sharp.errors import SpecificationError


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn an operating-system error on writing `path` into one sentence."""
    try:
        yield
    except OSError as error:
        raise SpecificationError(f"{path}: expected a place that can be written, got: {error.strerror}") from None


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open `path` for text that replaces a file in one step at the end; a link is followed, a device just written to.

    Raises
    ------
    SpecificationError
        Where it cannot be written; a file is then as it was, as it is after any other error.
    """
    with writable(path):
        target = path.resolve()
        whole = target.exists() and not target.is_file()
        temporary = target if whole else target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with temporary.open("w", encoding="utf-8", newline="") as stream:
                yield stream
            if not whole:
                temporary.replace(target)
        except BaseException:
            if not whole:
                temporary.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, as `replacing` does."""
    with replacing(path) as stream:
        stream.write(text)


def make_folder(path: Path) -> None:
    """Make a folder and its parents, and see that files can be made in it, or say why not."""
    with writable(path):
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
