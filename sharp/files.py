"""Files: inputs read within limits, outputs written whole or not at all, and no output in the place of an input."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from sharp.errors import SpecificationError

MAX_BYTES = 4 * 2**20
"""Most bytes of an input that is text."""

_PIECE = 2**20
_OPEN_FILES = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")
"""Where a path names a file that this process has open already, whatever kind it is."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_inputs: set[str] = set()


class ReaderGoneError(Exception):
    """Whoever read our output has gone, as ``head`` does; there is nothing to say.

    No `OSError`: click and rich end a process for those, each in its own way.
    """


# Inputs --------------------------------------------------------------------------------------------------------------


def note_input(path: Path) -> None:
    """Remember that this process has read a file, so that none of its outputs replaces it."""
    _inputs.add(os.path.realpath(path))


def read_input(path: Path, kind: str = "text file") -> str:
    """Read the text of an input; `kind` says in the error what it has to be.

    Raises
    ------
    SpecificationError
        Where it cannot be read, is not UTF-8, or is larger than `MAX_BYTES`.
    """
    text = _read(path, f"a readable {kind}")
    note_input(path)
    return text


def read_json(path: Path, expected: str) -> dict[str, Any]:
    """Read a JSON file whose top is an object, one that sharp has written and may write anew.

    Raises
    ------
    SpecificationError
        Where it cannot be read, is not JSON, or its top is no object.
    """
    text = _read(path, expected)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecificationError(f"{path}: expected {expected}, got: {error}") from None
    if not isinstance(content, dict):
        raise SpecificationError(f"{path}: expected {expected}, got: {type(content).__name__}")
    return content


def read_bytes(path: Path, expected: str, most: int) -> bytes:
    """Read a file of at most so many bytes; `expected` says in the error what it has to be.

    Raises
    ------
    SpecificationError
        Where it cannot be read, or is larger.
    """
    try:
        with open(path, "rb") as stream:
            content = b"".join(_pieces(stream, most + 1))
    except (OSError, ValueError) as error:
        raise SpecificationError(f"expected {expected}, got: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > most:
        raise SpecificationError(f"expected {expected} of at most {most // 2**20} MiB, got more")
    note_input(path)
    return content


def _pieces(stream: BinaryIO, most: int) -> Iterator[bytes]:
    """What a stream has, at most so many bytes: piece by piece, as a read takes as much memory as it is asked for."""
    while most > 0 and (piece := stream.read(min(most, _PIECE))):
        most -= len(piece)
        yield piece


def _read(path: Path, expected: str) -> str:
    if not isinstance(path, str | os.PathLike):  # a number would be an open file
        raise SpecificationError(f"expected the path of {expected}, got {path!r:.80}")
    try:
        with open(path, "rb") as stream:
            content = stream.read(MAX_BYTES + 1)  # not its size: it may be a pipe, or a device without end
    except (OSError, ValueError) as error:  # a path with a zero in it is a value that is wrong
        reason = getattr(error, "strerror", None) or error
        raise SpecificationError(f"{path}: expected {expected}, got: {reason}") from None
    if len(content) > MAX_BYTES:
        raise SpecificationError(f"{path}: expected {expected} of at most {MAX_BYTES // 2**20} MiB, got more")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise SpecificationError(f"{path}: expected {expected}, got: it is not UTF-8 text") from None


# Outputs -------------------------------------------------------------------------------------------------------------


@contextmanager
def writable(path: Path | str) -> Iterator[None]:
    """Turn an operating-system error on writing `path` into one sentence."""
    try:
        yield
    except ReaderGoneError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise SpecificationError(f"{path}: expected a place that can be written, got: {reason}") from None


class _Output(io.FileIO):
    """An open file whose errors say which output could not be written, wherever in the program it is written to."""

    def __init__(self, file: Path | int, mode: str, shown: Path | str) -> None:
        super().__init__(file, mode, closefd=not isinstance(file, int))
        self._shown = shown
        self._failed = False

    def write(self, content: Any, /) -> int | None:  # type: ignore[override]
        if self._failed:
            return len(content)  # what is still buffered, when all has been said
        with writable(self._shown):
            try:
                return super().write(content)
            except OSError as error:
                self._failed = True
                if isinstance(error, BrokenPipeError):
                    raise ReaderGoneError from None
                raise


def output_stream(file: Path | int, mode: str, shown: Path | str, **options: Any) -> TextIO:
    """Open a file or a descriptor for text; errors on writing to it are one sentence about `shown`.

    `mode` is one of ``io.FileIO``; the options are those of ``io.TextIOWrapper``.
    """
    return io.TextIOWrapper(io.BufferedWriter(_Output(file, mode, shown)), **options)


def refuse_input(path: Path) -> None:
    """Refuse an output that would replace a file which this process has read."""
    if os.path.realpath(path) in _inputs and os.path.isfile(path):
        raise SpecificationError(f"{path}: expected another file than those that are read, got one of them")


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open `path` for text that replaces a file in one step at the end; a link is followed, a device just written to.

    Raises
    ------
    SpecificationError
        Where it cannot be written or is one of the inputs; a file is then as it was, as it is after any other error.
    """
    target = file_at(path)
    if target is None:
        with writable(path):
            stream = output_stream(path, "a", path, encoding="utf-8", newline="")
        with stream:
            yield stream
        return
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")  # another's name could be a link that he has put there
    with writable(path):
        stream = output_stream(temporary, "x", path, encoding="utf-8", newline="")
    try:
        with stream:
            yield stream
        put_in_place(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def file_at(path: Path) -> Path | None:
    """The file that an output is or will be, links followed; None where it is a device, or open already.

    Raises
    ------
    SpecificationError
        Where it cannot be written or is one of the inputs.
    """
    refuse_input(path)
    with writable(path):
        mode = _mode(path)
    if mode is not None and (not stat.S_ISREG(mode) or os.fspath(path).startswith(_OPEN_FILES)):
        return None
    return Path(os.path.realpath(path))


def put_in_place(temporary: Path, path: Path) -> None:
    """Make a file the output `path`, in one step; what it replaces keeps its permissions."""
    refuse_input(path)  # a user's code may have been read meanwhile
    with writable(path):
        mode = _mode(path)
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(os.path.realpath(path))


def _mode(path: Path) -> int | None:
    """Kind and permissions of what is at `path`, which has to be writable; None where there is nothing."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not os.access(path, os.W_OK):
        raise PermissionError(13, "Permission denied")
    return mode


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, as `replacing` does."""
    with replacing(path) as stream:
        stream.write(text)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, as `replacing` does."""
    with replacing(path) as stream:
        stream.buffer.write(content)


def make_folder(path: Path) -> None:
    """Make a folder and its parents, and see that files can be made in it, or say why not."""
    with writable(path):
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass


def csv_text(text: str) -> str:
    """A text for a cell of a CSV file, with an apostrophe before it where a spreadsheet would run it as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
