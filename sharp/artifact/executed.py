"""An executed notebook that is kept: the same bytes for the same run, with a seal by which we know it as ours."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat

from sharp.artifact.manifest import BY_OLDER, json_of
from sharp.errors import SpecificationError
from sharp.files import write_text

_SEAL = "sharp_sha256"
"""In a notebook's metadata, the hash of all the rest."""


def check_executed(executed: Path, notebook: Path) -> None:
    """See that an executed notebook may be kept at a path: nothing is there but one of ours that nobody has changed.

    Raises
    ------
    SpecificationError
        Where something else is there, for instance the notebook itself, or the name is none of a notebook.
    """
    if executed.suffix != ".ipynb":
        raise SpecificationError(f"{executed}: expected the name of an executed notebook (.ipynb), got another")
    if os.path.lexists(executed) and not _is_sealed(executed):
        what = "the notebook itself" if executed.exists() and executed.samefile(notebook) else f"another file{BY_OLDER}"
        raise SpecificationError(
            f"{executed}: expected no file, or an executed notebook that sharp wrote and nobody has changed, got {what}"
        )


def write_executed(executed: Path, content: nbformat.NotebookNode) -> None:
    """Keep an executed notebook, without what differs from run to run, sealed."""
    _make_reproducible(content)
    content.metadata[_SEAL] = _hash(json.loads(nbformat.writes(content)))
    write_text(executed, nbformat.writes(content) + "\n")


def _is_sealed(path: Path) -> bool:
    content = json_of(path)
    metadata = content.get("metadata") if isinstance(content, dict) else None
    seal = metadata.pop(_SEAL, None) if isinstance(metadata, dict) else None
    return not path.is_symlink() and seal is not None and seal == _hash(content)


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _make_reproducible(content: nbformat.NotebookNode) -> None:
    """Drop what differs from run to run (times, temporary names, ids), so that equal runs are equal files."""
    content.metadata.pop("papermill", None)
    for index, cell in enumerate(content.cells):
        cell.id = f"cell-{index}"
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        for output in cell.get("outputs", ()):
            if "text" in output:
                output.text = _steady(output.text, index)
            shown = output.get("data", {})
            for kind in ("text/html", "text/plain"):
                if kind in shown:
                    shown[kind] = _steady(shown[kind], index)


def _steady(text: str, index: int) -> str:
    """What a cell shows, without the names of a run: pandas' of a styled table, an object's address, the process."""
    text = re.sub(r"\bT_[0-9a-f]{5}", f"T_{index}", text)
    text = re.sub(r" at 0x[0-9a-f]+>", ">", text)
    return re.sub(r"/ipykernel_\d+/", "/ipykernel/", text)
