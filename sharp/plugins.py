"""Schedules by name: ours, those of installed packages (entry points), those of a user's file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sharp.checks import check_text, refuse, suggestion
from sharp.errors import SpecificationError
from sharp.schedule import SCHEDULES, Schedule

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "sharp.schedules"
"""Entry-point group in which a package names its schedule classes."""


def find_schedule(name: object) -> Schedule:
    """The schedule of a name ("unfolded"), of an installed entry point, or of a class in a file ("mine.py:MySchedule").

    A file's code runs when it is loaded.

    Raises
    ------
    SpecificationError
        Where there is no such schedule (with the nearest names), the file cannot be loaded, or it has no such class.
    """
    if isinstance(name, str) and name in SCHEDULES:
        return SCHEDULES[name]
    check_text("schedule", name)
    path, separator, class_name = str(name).rpartition(":")
    if separator:
        return _from_file(Path(path), class_name)
    from importlib.metadata import entry_points  # slow to import, and only names that are not ours need it

    installed = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name in installed:
        return _from_package(installed[str(name)])
    known = [*SCHEDULES, *installed]
    raise refuse("schedule", f"{', '.join(known)} or FILE.py:CLASS", name, suggestion(name, known))


def _from_package(point: EntryPoint) -> Schedule:
    try:
        content = point.load()
    except (Exception, SystemExit) as error:
        raise _cannot_load(f"entry point {point.name} = {point.value}", error) from None
    return _instance(point.value, content)


def _from_file(path: Path, class_name: str) -> Schedule:
    """The class of a file, as a schedule; the file is loaded as a module of its own."""
    from importlib.util import module_from_spec, spec_from_file_location

    where = f"schedule: {path}"
    if path.suffix != ".py" or not path.is_file():
        raise SpecificationError(f"{where}: expected a Python file that is there, such as mine.py:MySchedule")
    spec = spec_from_file_location(f"sharp_schedule_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickling look modules up by name
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise _cannot_load(str(path), error) from None
    if not hasattr(module, class_name):
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        raise refuse(where, "a class of this file", class_name, suggestion(class_name, classes))
    return _instance(f"{path}:{class_name}", getattr(module, class_name))


def _cannot_load(what: str, error: BaseException) -> SpecificationError:
    import traceback

    line = getattr(error, "lineno", None) or traceback.extract_tb(error.__traceback__)[-1].lineno
    return SpecificationError(
        f"schedule: {what}, line {line}: expected code that runs, got {type(error).__name__}: {error}"
    )


def _instance(where: str, content: object) -> Schedule:
    if not (isinstance(content, type) and issubclass(content, Schedule) and isinstance(vars(content).get("name"), str)):
        raise SpecificationError(
            f"schedule: {where}: expected a class derived from sharp.Schedule with a name, got {content!r:.80}"
        )
    try:
        return content()
    except (Exception, SystemExit) as error:
        raise _cannot_load(where, error) from None
