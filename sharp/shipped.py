"""Where the files lie that ship with sharp, and how a file is found by name and read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
"""Every number, network and machine that ships."""


def shipped(kind: str) -> list[Path]:
    """The files of a kind that ship, by name."""
    return sorted((DATA / kind).glob("*.yaml"), key=lambda path: path.stem)


def find_file(name: str, kind: str) -> Path | None:
    """The file of a shipped name, or the user's own; None where the name is neither."""
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    return next((path for path in shipped(kind) if path.stem == name), None)


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Read a YAML file whose top is a mapping (`sharp.yamlfile.read_yaml`)."""
    from sharp import yamlfile  # PyYAML would cost every `import sharp` a quarter of its time

    return yamlfile.read_yaml(path)


def parse_value(where: str, text: str) -> Any:
    """Read one YAML value from the command line, such as 128, 5e8 or [32, 64]."""
    from sharp import yamlfile

    return yamlfile.parse(where, text)
