"""Files of named arrays (.npz) that models are given."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharp.checks import refuse, suggestion
from sharp.errors import SpecificationError
from sharp.files import read_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

_MOST_BYTES = 2**32


@dataclass(frozen=True)
class Wanted:
    """What an input of a model has to be."""

    dtype: str
    """NumPy's name of it."""
    shape: tuple[int | str, ...] | None
    """A size, or the name of one that is open, "" for any; None: of any shape."""

    def __str__(self) -> str:
        sizes = "" if self.shape is None else ", ".join(str(size or "any") for size in self.shape)
        return f"{self.dtype} of {'any shape' if self.shape is None else f'shape ({sizes})'}"


def read_arrays(path: Path) -> Arrays:
    """All arrays of a .npz file, as `numpy.savez` writes it.

    Raises
    ------
    SpecificationError
        Where it is no such file, or holds objects of Python.
    """
    import numpy as np

    try:
        content = read_bytes(path, "a .npz file of arrays", _MOST_BYTES)
    except SpecificationError as error:
        raise error.at(str(path)) from None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            if sum(packed.file_size for packed in file.zip.infolist()) <= _MOST_BYTES:
                return {name: file[name] for name in file.files}
    except MemoryError:
        raise
    except Exception:  # whatever a broken archive makes of NumPy and zipfile
        raise SpecificationError(f"{path}: expected a .npz file of arrays of numbers, got none that is whole") from None
    raise SpecificationError(f"{path}: expected arrays of at most {_MOST_BYTES // 2**20} MiB, got more, compressed")


def arrays_as_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A .npz file of arrays, the same bytes for the same arrays; texts as NumPy's own."""
    import numpy as np

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, array in arrays.items():
            held = array.astype(str) if array.dtype.kind == "O" else array
            with file.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, held, allow_pickle=False)
    return content.getvalue()


def check_arrays(where: str, arrays: Mapping[str, NDArray[Any]], wanted: Mapping[str, Wanted]) -> None:
    """Refuse arrays that are not those that a model wants.

    Raises
    ------
    SpecificationError
        Where one is missing, unknown, of another type or shape, or where sizes of one name differ.
    """
    known = ", ".join(wanted)
    for name in arrays:
        if name not in wanted:
            raise refuse(where, f"arrays {known}", name, suggestion(name, wanted))
    sizes: dict[str, int] = {}
    for name, one in wanted.items():
        if name not in arrays:
            got = ", ".join(arrays) or "none"
            raise SpecificationError(f"{where}: expected an array {name!r} ({one}), got {got}")
        array = arrays[name]
        if array.dtype.name != one.dtype or not _fits(array.shape, one.shape, sizes):
            raise SpecificationError(
                f"{where}: {name}: expected {one}, got {Wanted(array.dtype.name, array.shape)}{_known(one, sizes)}"
            )


def _fits(shape: tuple[int, ...], wanted: tuple[int | str, ...] | None, sizes: dict[str, int]) -> bool:
    """Whether a shape is one that is wanted; names of sizes get their values."""
    if wanted is None:
        return True
    if len(shape) != len(wanted):
        return False
    for size, want in zip(shape, wanted, strict=True):
        if isinstance(want, str):
            want = sizes.setdefault(want, size) if want else size
        if size != want:
            return False
    return True


def _known(wanted: Wanted, sizes: Mapping[str, int]) -> str:
    """Sizes that other arrays have given."""
    known = [f"{name} = {sizes[name]}" for name in wanted.shape or () if isinstance(name, str) and name in sizes]
    return f" ({', '.join(known)})" if known else ""
