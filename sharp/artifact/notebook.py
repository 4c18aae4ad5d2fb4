"""Run a notebook with papermill so that it leaves all of its outputs or none."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import filelock
import jupytext
import nbformat
import papermill
from yaml import YAMLError

from sharp.artifact.kernel import execute
from sharp.artifact.outputs import FIGURE_SUFFIXES, INPUTS, MANIFEST, TABLE_SUFFIXES
from sharp.checks import suggestion
from sharp.errors import NotebookError, SpecificationError
from sharp.files import make_folder, writable, write_text
from sharp.shipped import DATA
from sharp.version import __version__
from sharp.yamlfile import read_yaml

_NO_NOTEBOOK = (
    ValueError,
    AttributeError,
    KeyError,
    TypeError,
    YAMLError,
    jupytext.formats.JupytextFormatError,
    nbformat.ValidationError,
    nbformat.reader.NotJSONError,
)
"""What jupytext and nbformat raise for a file that is no notebook."""
_PACKAGE = DATA.parent
_SOURCES = ("**/*.py", "**/*.pyx", "**/*.pxi", "data/**/*.csv", "data/**/*.json", "data/**/*.yaml")
TIMEOUT_S = 3600.0
"""How long a notebook may take where nothing else is asked for."""
_WATCH = "from sharp.artifact.outputs import watch_inputs; watch_inputs()"
"""The first thing that a notebook's kernel runs."""


def run_notebook(
    notebook: Path,
    *,
    output: Path,
    parameters_file: Path | None = None,
    executed: Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> list[Path]:
    """Run a notebook and move what it wrote to `output`, with a line in ``manifest.json``.

    The notebook works in a folder of its own; its files are moved only when it has succeeded. When it fails, what an
    earlier run left under its name is removed, so that nothing looks finished that is not.

    Parameters
    ----------
    notebook : Path
        MyST text (.md) or .ipynb, with a cell tagged ``parameters``; its stem names its outputs.
    output : Path
        Folder of figures and tables.
    parameters_file : Path, optional
        YAML mapping of parameters, as ``papermill -f`` takes it; an empty file changes nothing.
    executed : Path, optional
        Where to keep the executed notebook.
    timeout_s : float, optional
        How long the notebook may take, the start of its kernel included.

    Returns
    -------
    list of Path
        The files written, the JSON of headline numbers last.

    Raises
    ------
    SpecificationError
        Where a file cannot be read or written, or the notebook has no parameter of a given name.
    NotebookError
        Where the notebook fails, with its own error, or writes neither a figure nor a table.
    NotebookTimeoutError
        Where it takes longer than it may.
    """
    make_folder(output)
    if executed is not None:
        make_folder(executed.parent)
    _read_manifest(output)
    content = read_notebook(notebook)
    given = {} if parameters_file is None else _read_parameters(parameters_file)
    with tempfile.TemporaryDirectory(dir=output, prefix=f".{notebook.stem}-") as folder:
        staging = Path(folder)
        parameters = merge_parameters(notebook, content, given)
        try:
            result = execute(content, given, name=str(notebook), folder=staging, timeout_s=timeout_s, first_line=_WATCH)
            names = _finished(notebook, staging)
            with writable(output):
                return _publish(notebook, parameters, staging, names, output, executed, result)
        except BaseException:
            _forget(notebook.stem, output, executed)
            raise


def _publish(
    notebook: Path,
    parameters: Mapping[str, str],
    staging: Path,
    names: list[str],
    output: Path,
    executed: Path | None,
    result: nbformat.NotebookNode,
) -> list[Path]:
    """Move the outputs to their place: the executed notebook, the files, the manifest's line, the JSON last."""
    hashes = {name: _sha256((staging / name).read_bytes()) for name in names}
    if executed is not None:
        write_text(executed, nbformat.writes(_reproducible(result)) + "\n")
    for name in names[:-1]:
        os.replace(staging / name, output / name)
    _record(output, notebook.stem, manifest_line(notebook, parameters, _inputs(staging), hashes))
    os.replace(staging / names[-1], output / names[-1])
    return [output / name for name in names]


def read_notebook(notebook: Path) -> nbformat.NotebookNode:
    """Read a notebook, of text or JSON, or refuse it in one sentence."""
    try:
        content: nbformat.NotebookNode = jupytext.read(notebook)
        nbformat.validate(content)
    except OSError as error:
        raise SpecificationError(f"{notebook}: expected a readable notebook, got: {error.strerror}") from None
    except _NO_NOTEBOOK as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SpecificationError(f"{notebook}: expected a notebook (.md or .ipynb), got: {reason}") from None
    return content


def _read_parameters(path: Path) -> Mapping[str, Any]:
    if path.is_file() and not path.read_bytes().strip():
        return {}
    parameters = read_yaml(path)
    try:
        json.dumps(parameters)
    except (TypeError, ValueError, RecursionError):
        raise SpecificationError(f"{path}: expected texts, numbers, lists and mappings, got something else") from None
    return parameters


def merge_parameters(notebook: Path, content: nbformat.NotebookNode, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter with its value as text, the defaults included; an unknown one is refused."""
    known = papermill.inspect_notebook(content) if _has_parameters(content) else {}
    for name in given:
        if name not in known:
            hint = suggestion(name, known) or f" (it has {', '.join(known) or 'none'})"
            raise SpecificationError(f"{notebook}: expected no parameter {name!r}{hint}")
    defaults = {name: entry["default"] for name, entry in known.items()}
    return {**defaults, **{name: repr(value) for name, value in given.items()}}


def _has_parameters(content: nbformat.NotebookNode) -> bool:
    return any("parameters" in cell.metadata.get("tags", []) for cell in content.cells)


def _finished(notebook: Path, folder: Path) -> list[str]:
    """Names of the outputs, JSON last; an incomplete set is an error."""
    stem = notebook.stem
    found = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    for suffixes in ((*FIGURE_SUFFIXES, ".csv"), TABLE_SUFFIXES):
        names = [f"{stem}{suffix}" for suffix in suffixes] + [f"{stem}.json"]
        if sorted(names) == found:
            return names
    raise NotebookError(
        f"{notebook}: expected it to write {stem} as a figure or a table with its JSON, "
        f"got {', '.join(found) or 'nothing'}"
    )


def _forget(stem: str, output: Path, executed: Path | None) -> None:
    """Remove what an earlier run left."""
    for suffix in {*FIGURE_SUFFIXES, *TABLE_SUFFIXES, ".json"}:
        with contextlib.suppress(IsADirectoryError, PermissionError):
            (output / f"{stem}{suffix}").unlink(missing_ok=True)
    if executed is not None and executed.is_file():
        executed.unlink(missing_ok=True)
    _record(output, stem, None)


def _reproducible(content: nbformat.NotebookNode) -> nbformat.NotebookNode:
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
    return content


def _steady(text: str, index: int) -> str:
    """What a cell shows, without the names of a run: pandas' of a styled table, an object's address, the process."""
    text = re.sub(r"\bT_[0-9a-f]{5}", f"T_{index}", text)
    text = re.sub(r" at 0x[0-9a-f]+>", ">", text)
    return re.sub(r"/ipykernel_\d+/", "/ipykernel/", text)


def _inputs(staging: Path) -> dict[str, str]:
    """The hashes of the data files that a notebook has read, by name; those of sharp are named from its folder."""
    listed = staging / INPUTS
    paths = [Path(name) for name in json.loads(listed.read_text(encoding="utf-8"))] if listed.exists() else []
    return {_name(path): _sha256(path.read_bytes()) for path in paths if path.is_file()}


def _name(path: Path) -> str:
    return path.relative_to(_PACKAGE.parent).as_posix() if path.is_relative_to(_PACKAGE) else str(path)


def _packages() -> dict[str, str]:
    """Versions of the packages that sharp and its figures name as theirs."""
    required = metadata.requires("sharp-rnn") or []
    ours = [line for line in required if "extra ==" not in line or "figures" in line]
    names = sorted(re.split(r"[^\w.-]", line)[0] for line in ours)
    return {name: metadata.version(name) for name in names}


def manifest_line(
    notebook: Path, parameters: Mapping[str, str], inputs: Mapping[str, str], hashes: Mapping[str, str]
) -> dict[str, Any]:
    """What a run's line of the manifest says: notebook, parameters, inputs, code, machine, packages, outputs."""
    sources = sorted({path for pattern in _SOURCES for path in _PACKAGE.glob(pattern)})
    code = b"".join(path.relative_to(_PACKAGE).as_posix().encode() + path.read_bytes() for path in sources)

    return {
        "notebook": notebook.name,
        "notebook_sha256": _sha256(notebook.read_bytes()),
        "parameters": dict(parameters),
        "inputs": dict(inputs),
        "version": __version__,
        "code_sha256": _sha256(code),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": _packages(),
        "outputs": dict(hashes),
    }


def _read_manifest(output: Path) -> dict[str, Any]:
    """The manifest's lines by notebook."""
    path = output / MANIFEST
    try:
        lines = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError):
        lines = None
    if not isinstance(lines, dict):
        raise SpecificationError(f"{path}: expected a manifest as `sharp figure` writes it, got something else")
    return lines


def _record(output: Path, stem: str, line: dict[str, Any] | None) -> None:
    """Set or remove a line of the manifest; notebooks that run side by side take turns."""
    path = output / MANIFEST
    with filelock.FileLock(output / f".{MANIFEST}.lock"):
        lines = _read_manifest(output)
        lines.pop(stem, None)
        if line is not None:
            lines[stem] = line
        body = ",\n".join(f"{json.dumps(name)}: {json.dumps(lines[name])}" for name in sorted(lines))
        write_text(path, f"{{\n{body}\n}}\n")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
