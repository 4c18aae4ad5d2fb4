"""The manifest of a folder of figures and tables: what made each, and which files are ours.

Ours is what a manifest says that we wrote, while it is unchanged: nothing else is ever replaced or deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import filelock

from sharp.artifact.reads import hash_file
from sharp.errors import SpecificationError
from sharp.files import writable, write_text
from sharp.version import __version__, code_sha256

MANIFEST = "manifest.json"
BY_OLDER = " (what `make` made with an older sharp, `make clean` removes)"
"""For sentences that refuse a file which is not known as ours."""
_TEXTS = ("notebook_sha256", "code_sha256", "machine", "python")
_MAPPINGS = ("parameters", "inputs", "packages", "outputs")
_LOCK_S = 60
"""How long another process may take to write a line."""


def begin_line(notebook: Path, source: bytes, parameters: Mapping[str, str]) -> dict[str, Any]:
    """What a line of the manifest says before a notebook runs: notebook, parameters, code, machine, packages."""
    return {
        "notebook": notebook.name,
        "notebook_sha256": hashlib.sha256(source).hexdigest(),
        "parameters": dict(parameters),
        "version": __version__,
        "code_sha256": code_sha256(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": _packages(),
    }


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """The lines of a folder's manifest by notebook; none where there is no manifest.

    Raises
    ------
    SpecificationError
        Where there is something else by its name.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return {}
    lines = json_of(path)
    if not (isinstance(lines, dict) and lines and all(_is_line(stem, line) for stem, line in lines.items())):
        raise SpecificationError(f"{path}: expected a manifest as `sharp figure` writes it, got something else")
    return lines


def json_of(path: Path) -> Any:
    """What a file of JSON holds; None where there is none."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def check_ours(path: Path, digests: Collection[str]) -> None:
    """See that nothing is there, or a file with one of the hashes of what we wrote."""
    if os.path.lexists(path) and not is_ours(path, digests):
        raise SpecificationError(
            f"{path}: expected no file, or one that sharp wrote and nobody has changed, got another: "
            f"move it away or choose another folder{BY_OLDER}"
        )


def is_ours(path: Path, digests: Collection[str]) -> bool:
    """Whether a file is there, no link, and has one of the hashes of what we wrote."""
    return not path.is_symlink() and hash_file(path) in digests


def known_outputs(line: Mapping[str, Any]) -> dict[str, set[str]]:
    """Hashes of the files that a line says we wrote, those included that were being replaced when we were stopped."""
    known: dict[str, set[str]] = {name: set(digests) for name, digests in line.get("replaced", {}).items()}
    for name, digest in line.get("outputs", {}).items():
        known.setdefault(name, set()).add(digest)
    return known


def publish(staging: Path, names: Sequence[str], output: Path, line: Mapping[str, Any], stem: str) -> None:
    """Put files in their place in the order of `names`, with their line of the manifest, and remove what they replace.

    The manifest first says both what was there and what comes, so that a run that is killed leaves nothing that the
    next does not know.

    Raises
    ------
    SpecificationError
        Where another file is in the way.
    """
    with writable(output), _locked(output):
        lines = read_manifest(output)
        known = known_outputs(lines.get(stem, {}))
        for name in names:
            check_ours(output / name, known.get(name, ()))
        final = {**line, "outputs": {name: hash_file(staging / name) for name in names}}
        _write(output, {**lines, stem: {**final, "replaced": {name: sorted(known[name]) for name in known}}})
        for name in names:
            os.replace(staging / name, output / name)
        for name in set(known) - set(names):
            if is_ours(output / name, known[name]):
                (output / name).unlink()
        _write(output, {**lines, stem: final})


def _write(folder: Path, lines: Mapping[str, Any]) -> None:
    body = ",\n".join(f"{json.dumps(stem)}: {json.dumps(lines[stem])}" for stem in sorted(lines))
    write_text(folder / MANIFEST, f"{{\n{body}\n}}\n")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Notebooks that run side by side take turns."""
    lock = folder / f".{MANIFEST}.lock"
    try:
        with locked(lock, _LOCK_S):
            yield
    except filelock.Timeout:
        raise SpecificationError(
            f"{folder}: expected its manifest to be free within {_LOCK_S} s, got another process that holds {lock.name}"
        ) from None


def locked(path: Path, timeout_s: float) -> filelock.BaseFileLock:
    """A lock on an empty file of this name, which stays; `filelock.Timeout` where another process holds it."""
    check_ours(path, {hashlib.sha256(b"").hexdigest()})
    return filelock.FileLock(path, timeout=timeout_s)


def _is_line(stem: str, line: Any) -> bool:
    """Whether a line has the fields that all versions have, of the types that they have, and names only own files."""
    return (
        isinstance(line, dict)
        and all(isinstance(line.get(name), str) for name in _TEXTS)
        and all(_is_mapping(line.get(name), str | None) for name in _MAPPINGS)
        and _is_mapping(line.get("settings", {}), str | None)
        and _is_mapping(line.get("replaced", {}), list)
        and all(Path(name).name == name and Path(name).stem == stem for name in known_outputs(line))
    )


def _is_mapping(value: Any, kind: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(entry, kind) for entry in value.values())


def _packages() -> dict[str, str]:
    """Versions of the packages that sharp and its figures name as theirs."""
    required = metadata.requires("sharp-rnn") or []
    ours = [line for line in required if "extra ==" not in line or "figures" in line]
    names = sorted(re.split(r"[^\w.-]", line)[0] for line in ours)
    return {name: metadata.version(name) for name in names}
