"""Files written whole or not at all: to a temporary file beside the target, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sharp.errors import SpecificationError


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn an operating-system error on writing `path` into one sentence."""
    try:
        yield
    except OSError as error:
        raise SpecificationError(f"{path}: expected a place that can be written, got: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, replacing a file in one step; a link is followed, a device or pipe just written to.

    Raises
    ------
    SpecificationError
        Where it cannot be written; a file is then as it was.
    """
    with writable(path):
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")
            return
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def make_folder(path: Path) -> None:
    """Make a folder and its parents, and see that files can be made in it, or say why not."""
    with writable(path):
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
