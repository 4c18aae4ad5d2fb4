"""A file that is written bit by bit beside the one that it becomes, and stays where a signal ends that."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sharp.errors import SpecificationError
from sharp.files import output_stream, put_in_place, writable

_LONGEST_NAME = 200
_BLOCK = 2**16


class Partial:
    """What is written so far of an output, in a file whose name says of what: ``table.csv.0123456789abcdef.partial``.

    Parameters
    ----------
    output : Path
        As the user calls it.
    target : Path
        The file that it is (`sharp.files.file_at`).
    identity : str
        16 hexadecimal digits that stand for everything that decides its content.
    """

    def __init__(self, output: Path, target: Path, identity: str) -> None:
        self.output = output
        self._start = os.fsdecode(os.fsencode(target.name)[:_LONGEST_NAME])
        self.path = target.with_name(f"{self._start}.{identity}.partial")
        self.is_left = False

    def others(self) -> list[Path]:
        """Parts of the same output, but of another content."""
        pattern = re.compile(re.escape(self._start) + r"\.[0-9a-f]{16}\.partial")
        names = [name for name in os.listdir(self.path.parent) if pattern.fullmatch(name)]
        return sorted(self.path.with_name(name) for name in names if name != self.path.name)

    @contextmanager
    def opened(self, *, resume: bool) -> Iterator[TextIO]:
        """Open it for text, at its end, which is that of a line, or empty; no other process may have it open.

        It becomes the output where the block ends. Where the block is interrupted, it is left (`is_left`) unless there
        is nothing in it, or the block has removed it.
        """
        with writable(self.path):
            descriptor = self._open()
        try:
            os.ftruncate(descriptor, _end_of_lines(descriptor) if resume else 0)
            os.lseek(descriptor, 0, os.SEEK_END)
            stream = output_stream(descriptor, "r+", self.output, encoding="utf-8", newline="")
            with stream:
                yield stream
            put_in_place(self.path, self.output)
        except BaseException:
            if os.fstat(descriptor).st_size == 0:
                self.remove()
            self.is_left = self.path.exists()
            raise
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """Delete it."""
        self.path.unlink(missing_ok=True)

    def _open(self) -> int:
        """A descriptor of the file, locked, as long as it has its name."""
        while True:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
            descriptor = os.open(self.path, flags, 0o666)
            try:
                self._lock(descriptor)
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_uid != os.geteuid():
                    raise SpecificationError(f"{self.path}: expected a part that sharp wrote, got another file")
                if self.path.exists() and os.path.samestat(found, self.path.stat()):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # it has just become the output of another process

    def _lock(self, descriptor: int) -> None:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SpecificationError(
                f"{self.path}: expected that nobody writes it, got another process that does the same"
            ) from None


def _end_of_lines(descriptor: int) -> int:
    """Bytes of a file up to the end of its last whole line."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - _BLOCK)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
