"""What a notebook has read, as its manifest keeps it, and whether all of that is still the same."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sharp.artifact.reads import ESCAPED, FILE, PACKAGE, PACKAGES, SETTING, hash_file, hash_setting, read_notes
from sharp.shipped import DATA

_SHARP = DATA.parent
_OWN = "sharp-rnn"
_DATA = (".csv", ".json", ".yaml")
"""What of sharp itself is data; the rest counts as code."""
_ALWAYS = {"MATPLOTLIBRC", "OMP_NUM_THREADS", "PYTHONHASHSEED", "PYTHONPATH", "TZ"}
"""Settings that Python and packages go by, unasked."""


def collect_inputs(folder: Path) -> dict[str, Any]:
    """The parts ``inputs``, ``settings`` and ``unseen`` of a manifest, of a notebook that worked in a folder.

    Files have their SHA-256, as it was when they were first opened, or null where there was none; those of sharp are
    named from its folder. A package that sharp does not name as its own counts as it was installed. Settings are
    environment variables that the notebook, or a module of the user's, asked for, and some that always count, each as a
    hash. What is unseen is known by name only.
    """
    inputs: dict[str, str | None] = {}
    settings, unseen, packages = set(_ALWAYS), set(), set()
    for kind, name, detail in read_notes(folder):
        if kind == FILE and Path(name).is_relative_to(_SHARP):
            if name.endswith(_DATA):
                inputs[Path(name).relative_to(_SHARP.parent).as_posix()] = detail
        elif kind == FILE:
            inputs[name] = detail
        elif kind == SETTING:
            settings.add(name)
        elif kind == ESCAPED:
            unseen.add(name)
        elif kind == PACKAGE and (detail is None or not _is_needed(detail)):
            packages.add(name)
    inputs |= {name: hash_file(name) for name in _installed(packages)}
    return {
        "inputs": dict(sorted(inputs.items())),
        "settings": {name: hash_setting(name) for name in sorted(settings)},
        "unseen": sorted(unseen),
    }


def unchanged(line: Mapping[str, Any]) -> bool:
    """Whether all that a line of a manifest names as read is as it was; what is sharp's counts as code."""
    files = {name: digest for name, digest in line["inputs"].items() if os.path.isabs(name)}
    settings = line.get("settings", {})
    return all(hash_file(name) == digest for name, digest in files.items()) and all(
        hash_setting(name) == digest for name, digest in settings.items()
    )


def _installed(files: set[str]) -> set[str]:
    """For files of packages that sharp does not need, the lists of what was installed; the files where there are none.

    Those that it needs, and what these load where it is there, have their versions in the manifest.
    """
    others = {name for name in files if not _is_needed(name)}
    return {str(_records().get(_top(name), name)) for name in others if not _top(name).endswith(".dist-info")}


def _is_needed(name: str) -> bool:
    """Whether a file belongs to a package that sharp needs."""
    record = _records().get(_top(name))
    return record is not None and _project(record) in _needed()


def _top(name: str) -> str:
    """The file or folder at the top of where packages are installed that a file is or is in."""
    folder = next((place for place in PACKAGES if name.startswith(place)), "")
    return name[len(folder) :].split("/")[0]


@cache
def _records() -> dict[str, Path]:
    """For each file and folder at the top of where packages are installed, the list of what was installed with it."""
    found: dict[str, Path] = {}
    for record in (path for folder in PACKAGES for path in Path(folder).glob("*.dist-info/RECORD")):
        names = re.findall(r"^[^,/\n]+", record.read_text(encoding="utf-8", errors="replace"), flags=re.MULTILINE)
        found |= dict.fromkeys(names, record)
    return found


def _project(record: Path) -> str:
    """The project of a list of what was installed, as all spellings of its name have it."""
    return _normal(record.parent.name.split("-")[0])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _needed() -> set[str]:
    """The projects that sharp needs to make a figure, directly or not, its own among them."""
    folders = {_project(record): record.parent for record in _records().values()}
    found = [_OWN]
    for name in found:  # grows
        text = (folders[name] / "METADATA").read_text(encoding="utf-8", errors="replace") if name in folders else ""
        for required, condition in re.findall(r"^Requires-Dist: ([\w.-]+)(.*)", text, flags=re.MULTILINE):
            wanted = "extra ==" not in condition or (name == _OWN and "figures" in condition)
            if wanted and _normal(required) not in found:
                found.append(_normal(required))
    return set(found)
