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
    """Write `text` to `path`, replacing it in one step.

    Raises
    ------
    SpecificationError
        Where the folder cannot be written; `path` is then as it was.
    """
    with writable(path):
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def make_folder(path: Path) -> None:
    """Make a folder and its parents, or say why that cannot be."""
    with writable(path):
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
