"""Parts of a kind by name: ours, those of installed packages (entry points), those of a user's file.

A name is checked without running any code; only `Registry.load` runs that of a package or of a file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sharp.checks import check_text, refuse, suggestion
from sharp.errors import SpecificationError
from sharp.files import note_input

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Part = TypeVar("Part")


class Registry(Mapping[str, Part]):
    """Our own parts of a kind by name, to which packages and files can add theirs.

    Parameters
    ----------
    kind : str
        What a part is called in sentences: "schedule", "cell".
    example : str
        A name of a user's own part, such as "mine.py:MySchedule".
    home : str
        The module that adds ours, loaded when one is first asked for.
    """

    def __init__(self, kind: str, example: str, home: str) -> None:
        self.kind = kind
        self.home = home
        self.group = f"sharp.{kind}s"
        self.example = example
        self._added: dict[str, Part] = {}

    def add(self, name: str, part: Part) -> None:
        """Make a part one of ours."""
        self._added[name] = part

    @property
    def _ours(self) -> dict[str, Part]:
        import_module(self.home)
        return self._added

    def __getitem__(self, name: str) -> Part:
        return self._ours[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ours)

    def __len__(self) -> int:
        return len(self._ours)

    def check(self, name: object) -> str:
        """Return `name` if it names one of ours, an installed package's or a file's; no code of these runs.

        Raises
        ------
        SpecificationError
            Where there is no such part (with the nearest names) or no such file.
        """
        if isinstance(name, str) and name in self._ours:
            return name
        text = check_text(self.kind, name)
        if names_code(text):
            path = Path(text.rpartition(":")[0])
            if path.suffix != ".py" or not path.is_file():
                raise SpecificationError(
                    f"{self.kind}: {path}: expected a Python file that is there, such as {self.example}"
                )
        elif text not in (installed := self.installed()):
            known = [*self._ours, *installed]
            raise refuse(self.kind, f"{', '.join(known)} or FILE.py:NAME", name, suggestion(name, known))
        return text

    def load(self, name: str) -> tuple[str, Any]:
        """What a name stands for that is none of ours, and where it is, for sentences; a file is read anew each time.

        Raises
        ------
        SpecificationError
            As `check`, and where the code does not run or has nothing of that name.
        """
        self.check(name)
        if names_code(name):
            path, _, attribute = name.rpartition(":")
            return name, self._from_file(Path(path), attribute)
        point = self.installed()[name]
        try:
            return point.value, point.load()
        except (Exception, SystemExit) as error:
            raise self.broken(f"entry point {point.name} = {point.value}", error) from None

    def installed(self) -> dict[str, EntryPoint]:
        """Those of installed packages, not loaded yet."""
        from importlib.metadata import entry_points  # slow to import, and only names that are not ours need it

        return {point.name: point for point in entry_points(group=self.group)}

    def _from_file(self, path: Path, attribute: str) -> Any:
        """Something of a file, which is loaded as a module of its own."""
        from importlib.util import module_from_spec, spec_from_file_location

        spec = spec_from_file_location(f"sharp_{self.kind}_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        note_input(path)
        module = module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses and pickling look modules up by name
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            raise broken(f"{self.kind}: {path}", error, spec.origin) from None
        if not hasattr(module, attribute):
            names = [name for name in vars(module) if not name.startswith("_")]
            raise refuse(f"{self.kind}: {path}", "a name of this file", attribute, suggestion(attribute, names))
        return getattr(module, attribute)

    def broken(self, what: str, error: BaseException) -> SpecificationError:
        """The sentence for code of others that raised `error`."""
        return broken(f"{self.kind}: {what}", error)


def broken(what: str, error: BaseException, file: str | None = None) -> SpecificationError:
    """The sentence for code of others that raised `error`, with the last line that ran, of `file` where it is given."""
    import traceback

    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if file in (None, frame.filename)]
    line = getattr(error, "lineno", None) or (frames[-1] if frames else None)
    where = what if line is None else f"{what}, line {line}"
    if isinstance(error, SpecificationError):  # a sentence already
        return SpecificationError(f"{where}: {error}")
    return SpecificationError(f"{where}: expected code that runs, got {type(error).__name__}: {error}")


def refuse_code(where: str, name: object, allow_code: bool) -> None:
    """Refuse a name in a file that would run another file's code, unless that is allowed.

    Raises
    ------
    SpecificationError
        Where it is not; who runs the file of others should know that it runs code.
    """
    if names_code(name) and not allow_code:
        raise refuse(where, "--allow-code (allow_code=True) with a file that names code to run", name)


def names_code(name: object) -> bool:
    """Whether a name is that of a user's file, FILE.py:NAME, whose code runs where it is used."""
    return isinstance(name, str) and ":" in name
