"""Run a notebook with papermill so that it leaves all of its outputs or what was there before."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from yaml import YAMLError

from sharp.artifact.executed import check_executed, write_executed
from sharp.artifact.inputs import collect_inputs
from sharp.artifact.kernel import execute
from sharp.artifact.limits import TIMEOUT_S, check_timeout
from sharp.artifact.manifest import MANIFEST, begin_line, check_ours, json_of, known_outputs, publish, read_manifest
from sharp.artifact.outputs import FIGURE_SUFFIXES, TABLE_SUFFIXES
from sharp.artifact.parameters import check_name, read_defaults, read_value
from sharp.checks import check_text, refuse, suggestion
from sharp.errors import NotebookError, SpecificationError
from sharp.files import make_folder, writable
from sharp.shipped import DATA
from sharp.yamlfile import read_yaml

_NO_NOTEBOOK = (
    ValueError,
    AttributeError,
    KeyError,
    TypeError,
    RecursionError,
    YAMLError,
    jupytext.formats.JupytextFormatError,
    nbformat.ValidationError,
    nbformat.reader.NotJSONError,
    jupytext.myst.MystMetadataParsingError,
)
"""What jupytext and nbformat raise for a file that is no notebook."""
_SHIPPED = DATA.parents[1] / "book" / "notebooks"
_WATCH = "from sharp.artifact.reads import watch; watch()"
"""The first thing that a notebook's kernel runs."""


def find_notebook(name: object, folder: Path = Path()) -> Path:
    """The notebook of an id, or of a path as seen from a folder.

    Raises
    ------
    SpecificationError
        Where there is none; with the nearest ids.
    """
    text = check_text("notebook", name)
    if text.endswith((".md", ".ipynb")) or "/" in text:
        if not (folder / text).is_file():
            raise refuse("notebook", "a notebook that is there", str(folder / text))
        return folder / text
    shipped = {path.stem: path for path in sorted(_SHIPPED.glob("*.md"))}
    if text not in shipped:
        what = "the id of a shipped notebook, or a path (.md or .ipynb)" if shipped else "a path (.md or .ipynb)"
        raise refuse("notebook", what, text, suggestion(text, shipped))
    return shipped[text]


def run_notebook(
    notebook: Path,
    *,
    output: Path,
    parameters_file: Path | None = None,
    executed: Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> list[Path]:
    """Run a notebook and move what it wrote to `output`, with a line in ``manifest.json``.

    The notebook works in a folder of its own; its files are moved only when it has succeeded, and replace only what
    the manifest says that an earlier run wrote and nobody has changed since. Where it fails, all is as it was.

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
        Where a file cannot be read or written, a file that is not ours is in the way, or the notebook has no parameter
        of a given name or kind.
    NotebookError
        Where the notebook fails, with its own error, or writes neither a figure nor a table.
    NotebookTimeoutError
        Where it takes longer than it may.
    """
    check_timeout("timeout_s", timeout_s)
    source, content = read_notebook(notebook)
    defaults = read_defaults(notebook, content)
    given = {} if parameters_file is None else _read_parameters(parameters_file, notebook, defaults)
    make_folder(output)
    if executed is not None:
        make_folder(executed.parent)
        check_executed(executed, notebook)
    _check_place(notebook, output)
    line = begin_line(notebook, source, merge_parameters(defaults, given))
    with writable(output):
        staging = tempfile.TemporaryDirectory(dir=output, prefix=f".{notebook.stem}-", ignore_cleanup_errors=True)
    with staging:
        folder = Path(staging.name)
        result = execute(content, given, name=str(notebook), folder=folder, timeout_s=timeout_s, first_line=_WATCH)
        names = _outputs(notebook, folder)
        publish(folder, names, output, {**line, **collect_inputs(folder)}, notebook.stem)
    if executed is not None:
        check_executed(executed, notebook)
        write_executed(executed, result)
    return [output / name for name in names]


def read_notebook(notebook: Path) -> tuple[bytes, nbformat.NotebookNode]:
    """Read a notebook, of text or JSON, or refuse it in one sentence; its bytes and what they say."""
    try:
        source = notebook.read_bytes()
        text = source.decode("utf-8")
        with warnings.catch_warnings(action="ignore"):  # of what jupytext leaves out, on the error stream
            content = _notebook_of(text, notebook.suffix)
        nbformat.validate(content)
    except OSError as error:
        raise SpecificationError(f"{notebook}: expected a readable notebook, got: {error.strerror}") from None
    except _NO_NOTEBOOK as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SpecificationError(f"{notebook}: expected a notebook (.md or .ipynb), got: {reason}") from None
    return source, content


def _notebook_of(text: str, suffix: str) -> nbformat.NotebookNode:
    content: nbformat.NotebookNode = (
        nbformat.reads(text, as_version=4) if suffix == ".ipynb" else jupytext.reads(text, suffix)
    )
    return content


def merge_parameters(defaults: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    """Every parameter with its value as text, the defaults included."""
    return {**defaults, **{name: repr(value) for name, value in given.items()}}


def _read_parameters(path: Path, notebook: Path, defaults: Mapping[str, str]) -> Mapping[str, Any]:
    if path.is_file() and not path.read_bytes().strip():
        return {}
    parameters = dict(read_yaml(path))
    for name, value in parameters.items():
        check_name(str(notebook), name, defaults)
        parameters[name] = read_value(f"{path}: {name}", value, name, defaults[name])
    return parameters


def _check_place(notebook: Path, output: Path) -> None:
    """Refuse, before anything runs, a folder in which the notebook's files could not be put."""
    if notebook.stem == Path(MANIFEST).stem:
        raise refuse(str(notebook), f"another name, as {MANIFEST} is the manifest's", notebook.name)
    known = known_outputs(read_manifest(output).get(notebook.stem, {}))
    for name in (f"{notebook.stem}.csv", f"{notebook.stem}.json"):
        check_ours(output / name, known.get(name, ()))


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _outputs(notebook: Path, folder: Path) -> list[str]:
    """Names of the outputs, JSON last; an incomplete set is an error."""
    stem = notebook.stem
    found = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    for suffixes in ((*FIGURE_SUFFIXES, ".csv"), TABLE_SUFFIXES):
        names = [f"{stem}{suffix}" for suffix in suffixes] + [f"{stem}.json"]
        if sorted(names) == found and all(_is_file(folder / name) for name in names):
            break
    else:
        raise NotebookError(
            f"{notebook}: expected it to write {stem} as a figure or a table with its JSON, "
            f"got {', '.join(found) or 'nothing'}"
        )
    headline = json_of(folder / names[-1])
    if not isinstance(headline, dict) or not isinstance(headline.get("headline", {}), dict):
        raise NotebookError(f'{notebook}: expected {names[-1]} to hold numbers by name under "headline", got none')
    return names
