"""A network from the file of another tool, by the file's ending."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sharp.checks import check_kind, refuse, within
from sharp.errors import SpecificationError
from sharp.workload.importing.imported import Imported

ENDINGS = {".onnx": "onnx"}
"""Endings of files that can be imported, with the extra of sharp that reads them."""


def import_file(path: Path | str, *, steps: int | None = None, sizes: Mapping[str, int] | None = None) -> Imported:
    """Import the networks of a file.

    Parameters
    ----------
    path : Path or str
        An ONNX file (.onnx).
    steps : int or None
        Time steps, where the file leaves them open, or calls of a file that takes one step a call.
    sizes : mapping or None
        Other sizes that the file leaves open, by name.

    Returns
    -------
    Imported

    Raises
    ------
    SpecificationError
        Where the file is of no such kind, is broken, or holds what is not understood, with the node's name; and where
        the library that reads it is not installed.
    """
    path = Path(path)
    extra = ENDINGS.get(path.suffix.lower())
    if extra is None:
        raise refuse("file", f"a name that ends in {' or '.join(ENDINGS)}", str(path))
    check_kind("steps", steps, int) if steps is not None else None
    with within(f"{path}: "):
        try:
            from sharp.workload.importing.from_onnx import import_onnx
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] == "sharp":
                raise
            raise SpecificationError(
                f"expected the package {error.name} to read it (pip install 'sharp-rnn[{extra}]'), got none"
            ) from None
        return import_onnx(path, steps=steps, sizes=sizes)
