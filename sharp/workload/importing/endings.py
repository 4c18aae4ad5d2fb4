"""Which files are those of other tools."""

from __future__ import annotations

from pathlib import Path

ENDINGS = {".onnx": "onnx", ".pt": "torch", ".pth": "torch", ".keras": "keras", ".h5": "keras"}
"""Endings of files that can be imported, with the tool whose they are."""


def is_importable(name: object) -> bool:
    """Whether a name is that of a file of another tool, by its ending."""
    return isinstance(name, str | Path) and Path(name).suffix.lower() in ENDINGS
