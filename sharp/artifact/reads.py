"""What a notebook reads, noted in its kernel as it reads it: files, listings of folders, settings; and what escapes.

Python reports every file that it opens to audit hooks, whoever asks: the notebook, a module, a library. What another
process or the network gives cannot be seen, only that it was asked. What a compiled library opens by itself escapes.
"""

from __future__ import annotations

import hashlib
import json
import os
import site
import stat
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from importlib.util import source_from_cache
from pathlib import Path
from types import FrameType
from typing import Any

from sharp.shipped import DATA

LOG = ".reads"
"""Where a kernel notes what it reads, in its working folder: a line of JSON each, written at once, by its forks too."""
FILE, PACKAGE, SETTING, ESCAPED = "file", "package", "setting", "escaped"
"""The kinds of notes: a file, or the listing of a folder if its name ends in a slash; a package's file; the rest."""
NETWORK, PROCESS, ENVIRONMENT = "the network", "another process", "its whole environment"
"""What escapes."""
_PROCESSES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.forkpty")
_VERSION = f"python{sys.version_info.major}{sys.version_info.minor}"
_STANDARD = (
    *{f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib")},
    os.path.join(sys.base_prefix, sys.platlibdir, f"{_VERSION}.zip"),
)
PACKAGES = tuple(
    {
        f"{folder}/"
        for folder in (
            *map(sysconfig.get_path, ("purelib", "platlib")),
            *site.getsitepackages(),
            site.getusersitepackages(),
        )
    }
)
"""The folders in which packages are installed."""
_SHARP = f"{DATA.parent}/"
_SYSTEM = ("/proc/", "/sys/", "/etc/", "/usr/lib/", "/usr/share/", "/lib/", "/lib64/", "/System/", "/Library/")
_IGNORED = (*_STANDARD, *_SYSTEM)
_FONTS = f"{os.sep}matplotlib{os.sep}font_manager.py"
"""Opens all fonts, and asks the system for them, when matplotlib is first used on a machine."""


def watch() -> None:
    """Note from here on what this process and its forks read, in the working folder."""
    sys.addaudithook(_Watch(os.getcwd()))


def read_notes(folder: Path) -> Iterator[tuple[str, str, str | None]]:
    """The notes of a kernel that worked in a folder.

    Kind and name; of a file its hash, None where there is none; of a package's file that of the package that the user's
    code was in, None where it asked by itself.
    """
    log = folder / LOG
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else ():
        kind, name, detail = json.loads(line)
        yield kind, name, detail


def hash_file(path: str | Path) -> str | None:
    """SHA-256 of a file, or of the listing of a folder whose name ends in a slash; None where there is none."""
    name = os.fspath(path)
    try:
        if name.endswith("/"):
            entries = sorted(entry for entry in os.listdir(name) if not entry.startswith("."))
            return hash_text("\0".join(entries))
        if not stat.S_ISREG(os.stat(name).st_mode):  # to open a pipe would wait, and take what is in it
            return None
        with open(name, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def hash_setting(name: str) -> str | None:
    """SHA-256 of an environment variable, which may be a secret; None where it is not set."""
    value = os.environ.get(name)
    return None if value is None else hash_text(value)


def hash_text(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


class _Watch:
    """An audit hook that notes each thing once, as it is when it is first asked for."""

    def __init__(self, folder: str) -> None:
        self._log = os.open(os.path.join(folder, LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._own = (f"{folder}/", f"{os.path.dirname(os.environ['IPYTHONDIR'])}/")
        self._noted: set[tuple[str, str]] = set()
        self._thread = threading.local()
        self._handlers: dict[str, Callable[..., None]] = {
            "open": self._open,
            "import": self._import,
            "os.listdir": self._list,
            "os.scandir": self._list,
            "sqlite3.connect": self._file,
            "ctypes.dlopen": self._library,
            "socket.connect": lambda *_: self._note(ESCAPED, NETWORK),
            **dict.fromkeys(_PROCESSES, self._process),
        }
        self._watch_settings(type(os.environ))
        os.stat, os.access = self._looked_at(os.stat), self._looked_at(os.access)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        handler = self._handlers.get(event)
        if handler is None or getattr(self._thread, "busy", False):
            return
        self._thread.busy = True
        try:
            handler(*arguments)
        except (OSError, ValueError, TypeError):
            pass  # what is no path here is none for the notebook
        finally:
            self._thread.busy = False

    def _note(self, kind: str, name: str, detail: str | None = None) -> None:
        if (kind, name) not in self._noted:
            self._noted.add((kind, name))
            line = [kind, name, hash_file(name) if kind == FILE else detail]
            os.write(self._log, (json.dumps(line) + "\n").encode())

    def _open(self, path: Any, mode: str | None, flags: int) -> None:
        if isinstance(path, int):
            return
        if flags & (os.O_TRUNC | os.O_CREAT):
            self._noted.add((FILE, os.path.abspath(os.fsdecode(path))))  # its own, should it read it later
        else:
            self._file(path)

    def _file(self, path: Any, *_: object) -> None:
        name = os.path.abspath(os.fsdecode(path))
        if name.startswith(PACKAGES):
            self._note(PACKAGE, name, _entry_package())
        elif not (name.startswith((*self._own, *_IGNORED)) or _is_device(name) or _lists_fonts()):
            of_source = name.endswith(".pyc") and os.path.exists(source_from_cache(name))
            self._note(FILE, source_from_cache(name) if of_source else name)

    def _import(self, module: str, path: str | None, *_: object) -> None:
        if path is not None:  # of a compiled module; sources are opened
            self._file(path)
        elif module in ("multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver"):
            self._note(ESCAPED, PROCESS)

    def _library(self, path: Any) -> None:
        if path and os.path.isabs(os.fsdecode(path)):
            self._file(path)

    def _list(self, path: Any) -> None:
        name = os.path.join(os.path.abspath(os.fsdecode(path or ".")), "")
        if not isinstance(path, int) and not name.startswith((*self._own, *_IGNORED)) and _asked_by_user():
            self._note(FILE, name)

    def _looked_at(self, look: Callable[..., Any]) -> Callable[..., Any]:
        """Note also the files that a user's code asks about without opening them, for instance whether they exist."""

        def look_noted(path: Any, *arguments: Any, **options: Any) -> Any:
            if not isinstance(path, int) and _asked_by_user():
                self("open", (path, None, os.O_RDONLY))
            return look(path, *arguments, **options)

        for able in (os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks):
            if look in able:
                able.add(look_noted)
        return look_noted

    def _process(self, *_: object) -> None:
        if not _lists_fonts():
            self._note(ESCAPED, PROCESS)

    def _watch_settings(self, environment: type[os._Environ[str]]) -> None:
        """Note the settings that a user's code asks for, as texts or bytes; what packages ask for is theirs."""
        get, every = environment.__getitem__, environment.__iter__

        def get_noted(variables: os._Environ[str], name: str) -> str:
            if _asked_by_user() and (ESCAPED, ENVIRONMENT) not in self._noted:
                self._note(SETTING, os.fsdecode(name))
            return get(variables, name)

        def every_noted(variables: os._Environ[str]) -> Iterator[str]:
            if _asked_by_user():
                self._note(ESCAPED, ENVIRONMENT)
            return every(variables)

        environment.__getitem__ = get_noted  # type: ignore[method-assign]
        environment.__iter__ = every_noted  # type: ignore[method-assign]


def _is_device(name: str) -> bool:
    return name.startswith("/dev/") and not name.startswith("/dev/shm/")


def _callers() -> Iterator[str]:
    """The files whose code is being run, from the innermost on."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def _lists_fonts() -> bool:
    return any(name.endswith(_FONTS) for name in _callers())


def _asked_by_user() -> bool:
    """Whether the innermost code that is neither of Python nor of this file is a user's."""
    for name in _callers():
        if "importlib" in name:  # imports list the folders that they search
            return False
        if not _is_python(name):
            return _is_user(name)
    return False


def _entry_package() -> str | None:
    """The package's file that the user's code has called, if it is in one."""
    entry = None
    for name in _callers():
        if _is_user(name):
            break
        if not _is_python(name):
            entry = name
    return entry


def _is_user(name: str) -> bool:
    """Whether a file is the notebook, a module of the user's or sharp, which loads the user's plug-ins."""
    return not _is_python(name) and (name.startswith(_SHARP) or not name.startswith(PACKAGES))


def _is_python(name: str) -> bool:
    """Whether a file is Python's own, or this one."""
    return name.startswith(("<frozen", __file__)) or (name.startswith(_STANDARD) and not name.startswith(PACKAGES))
