"""The folder of a batch: it is held by one batch alone, and what in it is not ours is neither replaced nor deleted.

``batch.json`` makes a folder ours, and says what we wrote into it; each point's folder has a list of its own.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from sharp.artifact.manifest import json_of, locked
from sharp.artifact.reads import hash_file, hash_text
from sharp.errors import SpecificationError
from sharp.files import make_folder, writable

SUMMARY, REPORT, POINTS, TIMING = "summary.csv", "report.html", "points", "timing.json"
BATCH, POINT = "batch.json", "point.json"
_MADE_BY = "sharp batch"
_LOCK = ".batch.lock"
_RECORD_BYTES = 1024
"""Of ``batch.json``, always, so that one write replaces all of it."""
_NEW = "new"
_WORK = re.compile(r"\.work-[0-9a-f]{16}")


@contextmanager
def claimed(output: Path) -> Iterator[BatchFolder]:
    """Hold the folder of a batch alone; what a killed one left half done is put right.

    Raises
    ------
    SpecificationError
        Where it cannot be written, holds files that are not ours, or another batch is at work there.
    """
    _check_ours_or_empty(output)
    make_folder(output)
    try:
        with locked(output / _LOCK, 0):
            _check_ours_or_empty(output)
            with writable(output):
                folder = BatchFolder(output)
            try:
                yield folder
            finally:
                with writable(output):
                    folder.close()
    except filelock.Timeout:
        raise SpecificationError(f"{output}: expected no other batch at work there, got one") from None


def _check_ours_or_empty(output: Path) -> None:
    with writable(output):
        seen = sorted(path.name for path in output.iterdir() if path.name[0] != ".") if output.is_dir() else []
    if seen and BATCH not in seen:
        others = f" and {len(seen) - 1} more" if seen[1:] else ""
        raise SpecificationError(
            f"{output}: expected an empty folder or that of a batch, got one with {seen[0]}{others}"
        )


class BatchFolder:
    """The folder of a batch, while it is held.

    What is written is first said in ``batch.json``, so that a batch that is killed leaves nothing unknown.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hashes, work = _read_record(path / BATCH)
        for name in (SUMMARY, REPORT):
            self._check(name)
        if work is not None and (path / work).is_dir():
            self._recover(path / work)
        self._work: Path | None = path / f".work-{secrets.token_hex(8)}"
        self._record()
        self._work.mkdir()
        (path / POINTS).mkdir(exist_ok=True)

    def close(self) -> None:
        """Remove the place of work."""
        if self._work is not None:
            shutil.rmtree(self._work)
            self._work = None
            self._record()

    def point(self, name: str) -> Path:
        """The folder of a point."""
        return self.path / POINTS / name

    def is_whole(self, name: str) -> bool:
        """Whether a point's folder holds all that we put there, unchanged."""
        hashes = _read_point(self.point(name))
        return bool(hashes) and all(hash_file(self.point(name) / file) == hashes[file] for file in hashes)

    def check_replaceable(self, name: str) -> None:
        """See that a point's folder is not there, or holds what we put there and nothing else."""
        folder = self.point(name)
        if not os.path.lexists(folder):
            return
        hashes = {} if folder.is_symlink() else _read_point(folder)
        known = {POINT, TIMING} if hashes else set()
        found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else [name]
        for file in found:
            path = folder / file
            if path.is_symlink() or (file not in known and hash_file(path) != hashes.get(file, "")):
                raise _not_ours(path, "move its folder away")

    def put_point(self, name: str, files: Mapping[str, bytes], seconds: float) -> None:
        """Put a point's files in their place, in one step; what was there goes when they are whole."""
        assert self._work is not None
        folder, new, old = self.point(name), self._work / _NEW, self._work / name
        shutil.rmtree(new, ignore_errors=True)  # of a point that could not be written
        new.mkdir()
        for file, content in files.items():
            (new / file).write_bytes(content)
        (new / POINT).write_text(_dump({"files": {file: hash_file(new / file) for file in sorted(files)}}))
        (new / TIMING).write_text(_dump({"seconds": seconds}))
        if os.path.lexists(folder):
            self.check_replaceable(name)
            os.rename(folder, old)
        os.rename(new, folder)
        if old.exists():
            shutil.rmtree(old)

    def put(self, name: str, text: str) -> None:
        """Put the summary or the report in its place."""
        assert self._work is not None
        before, new = self._check(name), _hash_timeless(name, text)
        with writable(self.path / name):
            self._hashes[name] = [*before, new]
            self._record()
            (self._work / name).write_text(text, encoding="utf-8")
            os.replace(self._work / name, self.path / name)
            self._hashes[name] = [new]
            self._record()

    def _check(self, name: str) -> list[str]:
        """See that a file is not there or ours; its hash where it is there."""
        path = self.path / name
        if not os.path.lexists(path):
            return []
        ours = path.is_file() and not path.is_symlink()
        found = _hash_timeless(name, path.read_text(encoding="utf-8", errors="replace")) if ours else ""
        if found not in self._hashes.get(name, ()):
            raise _not_ours(path, "move it away")
        return [found]

    def _recover(self, work: Path) -> None:
        """Put back what a killed batch had moved away but not yet replaced, and remove the rest."""
        for old in work.iterdir():
            if old.name != _NEW and not os.path.lexists(self.point(old.name)):
                os.rename(old, self.point(old.name))
        shutil.rmtree(work)

    def _record(self) -> None:
        """Write ``batch.json`` at one stroke and in its place, as a killed batch would leave a file to be renamed."""
        work = None if self._work is None else self._work.name
        text = json.dumps({"made_by": _MADE_BY, "files": self._hashes, "work": work}, sort_keys=True)
        descriptor = os.open(self.path / BATCH, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            os.write(descriptor, text.ljust(_RECORD_BYTES - 1).encode() + b"\n")
        finally:
            os.close(descriptor)


def _not_ours(path: Path, remedy: str) -> SpecificationError:
    return SpecificationError(f"{path}: expected what sharp wrote and nobody has changed, got something else: {remedy}")


def _read_record(path: Path) -> tuple[dict[str, list[str]], str | None]:
    """What ``batch.json`` says: the hashes of the summary and the report, and the place of work of a killed batch."""
    if not os.path.lexists(path) or (path.is_file() and not path.stat().st_size):
        return {}, None  # made, but a batch that was killed had not yet written it
    record = json_of(path)
    files, work = (record.get("files"), record.get("work")) if isinstance(record, dict) else (None, None)
    if (
        not isinstance(files, dict)
        or record.get("made_by") != _MADE_BY
        or not files.keys() <= {SUMMARY, REPORT}
        or not all(isinstance(hashes, list) for hashes in files.values())
        or not (work is None or (isinstance(work, str) and _WORK.fullmatch(work)))
    ):
        raise SpecificationError(f"{path}: expected what `sharp batch` writes by that name, got something else")
    return files, work


def _read_point(folder: Path) -> dict[str, str]:
    """The hashes of the files of a point by name; empty where there are none."""
    record = json_of(folder / POINT)
    files = record.get("files") if isinstance(record, dict) else None
    if not isinstance(files, dict) or not all(isinstance(entry, str) for entry in files.values()):
        return {}
    return {name: digest for name, digest in files.items() if Path(name).name == name}


def _hash_timeless(name: str, text: str) -> str:
    """The hash of a file but for what measures time: the summary's last column."""
    return hash_text(re.sub(r",[\d.]*$", "", text, flags=re.MULTILINE) if name == SUMMARY else text)


def _dump(content: Any) -> str:
    return json.dumps(content, sort_keys=True) + "\n"
