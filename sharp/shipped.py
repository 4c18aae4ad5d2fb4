"""Where the files lie that ship with sharp, and how a file is found by name."""

from __future__ import annotations

from pathlib import Path

from sharp.checks import check_kind

DATA = Path(__file__).parent / "data"
"""Every number, network and machine that ships."""


def shipped(kind: str) -> list[Path]:
    """The files of a kind that ship, by name."""
    return sorted((DATA / kind).glob("*.yaml"), key=lambda path: path.stem)


def find_file(name: str, kind: str) -> Path | None:
    """The file of a shipped name, or the user's own; None where the name is neither."""
    check_kind(kind.removesuffix("s"), name, str)
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    return next((path for path in shipped(kind) if path.stem == name), None)
