"""What the tasks of a search came to so far, a line each beside its table, so that an ended search can go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import TextIO

from sharp.checks import refuse
from sharp.cycles import closed_form
from sharp.design.candidates import Candidates
from sharp.design.evaluation import Aim, Found, Task
from sharp.files import file_at
from sharp.space.partial import Partial
from sharp.space.tables import compared, digits_of
from sharp.version import code_sha256


class Journal:
    """The lines of a file: those that were there, and those that are added."""

    def __init__(self, stream: TextIO, lines: Iterable[str], aim: Aim) -> None:
        self._stream = stream
        self.done: dict[Task, Found] = {}
        """What tasks have come to."""
        for line in lines:
            entry = json.loads(line)
            self.done[Task(*entry["task"])] = Found.from_dict(aim, entry["found"])

    def add(self, task: Task, found: Found) -> None:
        """Keep what a task came to."""
        self.done[task] = found
        self._stream.write(json.dumps({"task": astuple(task), "found": found.as_dict()}) + "\n")
        self._stream.flush()

    def end(self, text: str) -> None:
        """Put a text in the place of all lines; it becomes the output."""
        self._stream.seek(0)
        self._stream.truncate()
        self._stream.write(text)


@contextmanager
def journal_of(
    output: Path, candidates: Candidates, aim: Aim, *, resume: bool, note: Callable[[str], object]
) -> Iterator[Journal]:
    """Keep a journal beside an output while a search is under way; the output has to be ended with `Journal.end`.

    Raises
    ------
    SpecificationError
        Where the output is no file, or another process does the same.
    """
    target = file_at(output)
    if target is None:
        raise refuse("--table", "a file", str(output))
    partial = Partial(output, target, _identity(candidates, aim))
    if resume and not partial.path.exists():
        note(f"{output}: nothing of this search is there to go on from; it starts anew")
    try:
        with partial.opened(resume=resume) as stream:
            yield Journal(stream, partial.path.read_text(encoding="utf-8").splitlines(), aim)
    except BaseException:  # of a signal too
        if partial.is_left:
            note(f"{partial.path}: what was found so far; the same command with --resume goes on from it")
        raise


def _identity(candidates: Candidates, aim: Aim) -> str:
    """16 hexadecimal digits of everything that decides a front."""
    base = candidates.base
    assert base.plan is not None, "a machine of tiles has a plan"
    plan = {**vars(base.plan), "schedule": base.plan.schedule_name}
    facts: list[object] = [code_sha256(), closed_form.kernel().__name__, aim, base.network, plan]
    facts += [compared(base.tiles), compared(base.technology), [each.text for each in candidates.conditions]]
    facts += [(name, list(values)) for name, values in candidates.axes.items()]
    facts += [path.read_bytes() for path in candidates.code_files]
    return digits_of(facts)
