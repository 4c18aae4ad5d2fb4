"""A network from the file of another tool, by the file's ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sharp.checks import refuse, within
from sharp.errors import SpecificationError
from sharp.workload.importing.conversion import as_network
from sharp.workload.importing.endings import ENDINGS
from sharp.workload.importing.imported import Imported
from sharp.workload.network import Network


def import_network(path: Path | str, *, steps: int | None = None) -> Network:
    """The one network of a file of another tool (`import_file`).

    Raises
    ------
    SpecificationError
        As `import_file`, and where the file chooses between several, or takes one step a call and no steps are given.
    """
    imported = import_file(path, steps=steps)
    if imported.one_step and steps is None:
        raise SpecificationError(f"{path}: steps: expected --steps with it, as it takes one step a call, got none")
    if len(imported.networks) > 1:
        raise SpecificationError(
            f"{path}: expected one network, got {len(imported.networks)}, of which a run takes one "
            "(`sharp import --alternative 2 -o network.yaml` writes the second)"
        )
    return as_network(imported.networks[0])


def import_file(path: Path | str, *, steps: int | None = None, sizes: Mapping[str, int] | None = None) -> Imported:
    """Import the networks of a file.

    Parameters
    ----------
    path : Path or str
        Of ONNX (.onnx), PyTorch (.pt, .pth: a whole module or a state dict) or Keras (.keras, .h5).
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
    tool = ENDINGS.get(path.suffix.lower())
    if tool is None:
        raise refuse("file", f"a name that ends in {' or '.join(ENDINGS)}", str(path))
    with within(f"{path}: "):
        try:
            return _reader(tool)(path, steps=steps, sizes=sizes)
        except ModuleNotFoundError as error:
            package = (error.name or "").split(".")[0]
            if package not in ("onnx", "h5py"):
                raise
            raise SpecificationError(
                f"expected the package {package} to read it (pip install 'sharp-rnn[{tool}]'), got none"
            ) from None


def _reader(tool: str) -> Callable[..., Imported]:
    """What reads the files of a tool, loaded when there is one."""
    if tool == "onnx":
        from sharp.workload.importing.from_onnx import import_onnx

        return import_onnx
    if tool == "torch":
        from sharp.workload.importing.from_torch import import_torch

        return import_torch
    from sharp.workload.importing.from_keras import import_keras

    return import_keras
