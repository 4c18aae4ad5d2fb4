"""Run a notebook over a grid of parameters: each point whole or not at all, and none twice."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock

from sharp.artifact.executors import PARAMETERS, Executor, Result, Task
from sharp.artifact.notebook import manifest_line, merge_parameters, read_notebook
from sharp.artifact.outputs import MANIFEST
from sharp.checks import check_list, check_mapping, check_text, refuse, suggestion, within
from sharp.errors import SpecificationError
from sharp.files import make_folder, writable, write_text
from sharp.shipped import DATA
from sharp.yamlfile import read_yaml

MAX_POINTS = 1000
SUMMARY, REPORT, POINTS, TIMING = "summary.csv", "report.html", "points", "timing.json"
FINISHED, FAILED, NOT_RUN = "finished", "failed", "not run"
_AXIS = "each"
_WORK, _LOCK = ".work", ".batch.lock"
_NOTEBOOKS = DATA.parents[1] / "book" / "notebooks"
_LONGEST_NAME = 80


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a grid."""

    name: str
    """Name of its folder: the axes' values, and a hash of notebook name and parameters, so that no two are equal."""
    parameters: Mapping[str, Any]
    """The parameters that the grid gives."""
    line: Mapping[str, Any]
    """What its manifest says but for the outputs: notebook, all parameters, code. Another line, and it runs again."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A notebook and the points that it is run at."""

    notebook: Path
    """Its stem names the outputs."""
    source: bytes
    """What the notebook holds."""
    axes: tuple[str, ...]
    """The parameters that vary."""
    points: tuple[Point, ...]
    """In the grid's order, the last axis fastest."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How far a point is."""

    point: Point
    """Which point."""
    status: str = NOT_RUN
    """`FINISHED`, `FAILED` or `NOT_RUN`."""
    error: str = ""
    """One sentence where it failed."""
    headline: Mapping[str, Any] = field(default_factory=dict)
    """Its headline numbers."""
    seconds: float | None = None
    """How long it took."""


def load_batch(path: Path) -> Batch:
    """Load a grid: a notebook's id or path, and parameters, each a value or ``{each: [..]}``.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got: no notebook, a parameter that it does not have, an
        empty list, equal points, too many.
    """
    content = read_yaml(path)
    with within(f"{path}: "):
        check_mapping("grid", content, ("notebook", "parameters"), ("notebook",))
        notebook = _find_notebook(content["notebook"], path.parent)
    defaults = merge_parameters(notebook, read_notebook(notebook), {})
    with within(f"{path}: "):
        given = content.get("parameters", {})
        axes, values = _read_parameters(given, defaults)
    line = manifest_line(notebook, {}, {}, {})
    points = []
    for choice in itertools.product(*values):
        parameters = dict(zip(given, choice, strict=True))
        merged = {**defaults, **{name: repr(value) for name, value in parameters.items()}}
        name = _name(notebook.stem, axes, parameters)
        points.append(Point(name=name, parameters=parameters, line={**line, "parameters": merged}))
    return Batch(notebook=notebook, source=notebook.read_bytes(), axes=axes, points=tuple(points))


def _find_notebook(value: Any, folder: Path) -> Path:
    """The notebook of an id, or of a path as seen from the grid's folder."""
    text = check_text("notebook", value)
    if text.endswith((".md", ".ipynb")) or "/" in text:
        if not (folder / text).is_file():
            raise refuse("notebook", "a notebook that is there", str(folder / text))
        return folder / text
    shipped = {path.stem: path for path in sorted(_NOTEBOOKS.glob("*.md"))}
    if text not in shipped:
        what = "the id of a shipped notebook, or a path (.md or .ipynb)" if shipped else "a path (.md or .ipynb)"
        raise refuse("notebook", what, text, suggestion(text, shipped))
    return shipped[text]


def _read_parameters(given: Any, defaults: Mapping[str, str]) -> tuple[tuple[str, ...], list[list[Any]]]:
    """The axes, and for each parameter its values; that of one without an axis is one."""
    check_mapping("parameters", given, defaults)
    values = [_values(f"parameters.{name}", value, defaults[name]) for name, value in given.items()]
    number = math.prod(map(len, values))
    if number > MAX_POINTS:
        raise refuse("parameters", f"at most {MAX_POINTS} points", number)
    return tuple(name for name, value in given.items() if _is_axis(value)), values


def _is_axis(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {_AXIS}


def _values(where: str, value: Any, default: str) -> list[Any]:
    """The values of a parameter, each of which the notebook can take and no two equal."""
    where, values = (f"{where}.{_AXIS}", value[_AXIS]) if _is_axis(value) else (where, [value])
    seen = set()
    for entry in check_list(where, values):
        try:
            text = json.dumps(entry, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise refuse(where, "texts, finite numbers, lists and mappings", entry) from None
        if default.startswith("[") and not isinstance(entry, list):
            raise refuse(where, f"a list, as the notebook's own {default}", entry)
        if text in seen:
            raise refuse(where, "values that differ", entry, " twice")
        seen.add(text)
    return list(values)


def _name(stem: str, axes: Sequence[str], parameters: Mapping[str, Any]) -> str:
    readable = ",".join(f"{axis}={_slug(parameters[axis])}" for axis in axes) or "point"
    digest = hashlib.sha256(json.dumps([stem, parameters], sort_keys=True).encode()).hexdigest()
    return f"{readable[:_LONGEST_NAME]}-{digest[:8]}"


def _slug(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(map(_slug, value))
    text = value if isinstance(value, str) else json.dumps(value)
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text)


@contextmanager
def claimed(output: Path) -> Iterator[None]:
    """Hold the folder of a batch alone; what a killed one left half done is removed.

    Raises
    ------
    SpecificationError
        Where it cannot be written, or another batch is at work there.
    """
    make_folder(output / POINTS)
    try:
        with filelock.FileLock(output / _LOCK, timeout=0):
            with writable(output):
                for path in (output / SUMMARY, output / REPORT):
                    path.unlink(missing_ok=True)
                _remove(output / _WORK)
            yield
    except filelock.Timeout:
        raise SpecificationError(f"{output}: expected no other batch at work there, got one") from None


def run_batch(
    batch: Batch, output: Path, executor: Executor, note: Callable[[Outcome], None] = lambda outcome: None
) -> list[Outcome]:
    """Run the points that are not finished, and write the summary, also when interrupted.

    Parameters
    ----------
    batch : Batch
    output : Path
        A folder that is `claimed`; each point has a folder below ``points``.
    executor : Executor
    note : callable, optional
        Called with each point as it finishes or fails; first with those that already are finished.

    Returns
    -------
    list of Outcome
        In the order of the points.
    """
    outcomes = {point.name: Outcome(point=point) for point in batch.points}

    def settle(outcome: Outcome) -> None:
        outcomes[outcome.point.name] = outcome
        note(outcome)

    try:
        for point in batch.points:
            kept = _finished(batch, output, point)
            if kept is not None:
                settle(kept)
        tasks = [_task(batch, entry.point) for entry in outcomes.values() if entry.status == NOT_RUN]
        with closing(executor(tasks)) as results:  # type: ignore[type-var]
            for task, result in results:
                settle(_settled(batch, output, outcomes[task.name].point, result))
    finally:
        write_text(output / SUMMARY, _summary(list(outcomes.values())))
    return list(outcomes.values())


def _task(batch: Batch, point: Point) -> Task:
    # JSON is YAML, and quotes what YAML would take for something else.
    lines = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in point.parameters.items())
    return Task(name=point.name, notebook=batch.notebook.name, source=batch.source, parameters="".join(lines))


def _finished(batch: Batch, output: Path, point: Point) -> Outcome | None:
    """The outcome of a point whose folder holds what this notebook and code gave for it; None for any other."""
    folder, stem = output / POINTS / point.name, batch.notebook.stem
    try:
        line = _load(folder / MANIFEST)[stem]
        whole = all(_sha256(folder / name) == digest for name, digest in line["outputs"].items())
        headline = _load(folder / f"{stem}.json").get("headline", {})
        seconds = _load(folder / TIMING)["seconds"]
        if not whole or not (folder / PARAMETERS).is_file() or _differing(line, point) or not _same_inputs(line):
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    numbers = headline if isinstance(headline, dict) else {}
    return Outcome(point=point, status=FINISHED, headline=numbers, seconds=seconds)


def _differing(line: Mapping[str, Any], point: Point) -> list[str]:
    """What a manifest's line says otherwise than the point's; which files it read and wrote apart."""
    return [name for name in point.line if name not in ("inputs", "outputs") and line[name] != point.line[name]]


def _same_inputs(line: Mapping[str, Any]) -> bool:
    """Whether the user's files that a notebook has read are as they were; those of sharp count as code."""
    paths = {Path(name): digest for name, digest in line["inputs"].items() if os.path.isabs(name)}
    return all(_sha256(path) == digest for path, digest in paths.items() if path.is_file())


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _settled(batch: Batch, output: Path, point: Point, result: Result) -> Outcome:
    """Put a point's files in their place, in one step; of a failed one nothing is left, nor what was there before."""
    folder, work = output / POINTS / point.name, output / _WORK
    with writable(folder):
        work.mkdir(exist_ok=True)
        if folder.exists():
            os.rename(folder, work / "old")
            _remove(work / "old")
        error = result.error or _changed(batch, point, result)
        if not error:
            (work / "new").mkdir()
            for name, content in {**result.files, TIMING: _timing(result)}.items():
                (work / "new" / name).write_bytes(content)
            os.rename(work / "new", folder)
        _remove(work)
    failed = Outcome(point=point, status=FAILED, error=error, seconds=result.seconds)
    return failed if error else _finished(batch, output, point) or failed


def _changed(batch: Batch, point: Point, result: Result) -> str:
    """An error where the notebook ran on other code than the batch began with: edited meanwhile, or a worker's own."""
    differing = _differing(json.loads(result.files[MANIFEST])[batch.notebook.stem], point)
    if not differing:
        return ""
    return f"{batch.notebook.name}: expected the sharp that the batch began with, got another {', '.join(differing)}"


def _timing(result: Result) -> bytes:
    return (json.dumps({"seconds": result.seconds}) + "\n").encode()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def headline_names(outcomes: Sequence[Outcome]) -> list[str]:
    """Names of all headline numbers, in the order in which they come."""
    return list(dict.fromkeys(name for outcome in outcomes for name in outcome.headline))


def _summary(outcomes: Sequence[Outcome]) -> str:
    """A row a point; a headline number with the name of another column has ``headline_`` before it."""
    parameters = list(outcomes[0].point.parameters)
    names = headline_names(outcomes)
    own = {"point", "status", "error", "seconds", *parameters}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    labels = [f"headline_{name}" if name in own else name for name in names]
    writer.writerow(["point", *parameters, *labels, "status", "error", "seconds"])
    for outcome in outcomes:
        given = [_cell(outcome.point.parameters[name]) for name in parameters]
        numbers = [_cell(outcome.headline.get(name)) for name in names]
        writer.writerow([outcome.point.name, *given, *numbers, outcome.status, outcome.error, _cell(outcome.seconds)])
    return stream.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
