"""Reads what PyTorch has pickled without running any of it: every object is a `Stub` that holds what it was given.

A pickle can name any function and have it called. Here only those calls are followed that PyTorch's own files consist
of, and none is made: tensors become `Tensor`, which knows its shape, modules become stubs with their attributes.
Whatever else a pickle wants called is refused.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from sharp.errors import SpecificationError

_MOST_PICKLED = 2**26
"""Most bytes of a pickle; the numbers of tensors lie outside of it."""
_LEGACY = 0x1950A86A20F9469CFC6C
"""What a file begins with that PyTorch wrote before it wrote zip files."""


@dataclass(frozen=True)
class Tensor:
    """A tensor, of which the shape is known."""

    shape: tuple[int, ...]


class Stub:
    """An object of a class that is not loaded."""

    kind = ""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)


def read_pickle(content: bytes) -> Any:
    """What a file of PyTorch holds.

    Raises
    ------
    SpecificationError
        Where it is none, is cut off, or wants code to run.
    """
    try:
        return _read(content)
    except SpecificationError:
        raise
    except Exception as error:
        got = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise SpecificationError(f"expected a file that torch.save has written, got: {got}") from None


def _read(content: bytes) -> Any:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        stream = io.BytesIO(content)
        if _Reader(stream).load() != _LEGACY:
            raise SpecificationError("expected a file that torch.save has written, got another pickle")
        for _ in range(2):  # its version, and the machine that wrote it
            _Reader(stream).load()
        return _Reader(stream).load()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if any("/code/" in name for name in names):
            raise SpecificationError(
                "expected a module or a state dict of PyTorch, got TorchScript (export it as ONNX)"
            )
        name = next((name for name in names if name.split("/")[-1] == "data.pkl"), None)
        if name is None:
            raise SpecificationError("expected a file that torch.save has written, got a zip file without data.pkl")
        if archive.getinfo(name).file_size > _MOST_PICKLED:
            raise SpecificationError(f"expected a pickle of at most {_MOST_PICKLED // 2**20} MiB, got more")
        return _Reader(io.BytesIO(archive.read(name))).load()


class _Reader(pickle.Unpickler):
    """An unpickler that knows no function but a few of PyTorch's, which it does not call either."""

    def persistent_load(self, pid: Any) -> Any:
        """Where the numbers of a tensor lie is of no interest."""
        return pid

    def find_class(self, module: str, name: str) -> Any:
        """Something in the place of a class or function that a pickle names."""
        if (module, name) in _FUNCTIONS:
            return _FUNCTIONS[module, name]
        if module.split(".")[0] == "torch" and (name.endswith("Storage") or name in ("device", "dtype", "Size")):
            return tuple if name == "Size" else _named(name)
        if (
            module in ("torch", "_codecs")
            or module.split(".")[0] == "numpy"
            or (module == "torch.nn.modules.rnn" and not name[0].isupper())
        ):
            return _named(name)
        if name[:1].isupper() and module.split(".")[0] not in ("builtins", "os", "posix", "nt", "subprocess", "sys"):
            return type(name, (Stub,), {"kind": f"{module}.{name}"})
        got = f"a pickle that would run {module}.{name}"
        raise SpecificationError(f"expected tensors, modules and numbers alone, got {got}")


def _named(name: str) -> Any:
    return type(name, (Stub,), {"kind": name, "__init__": lambda self, *values: None})


def _tensor(storage: Any, offset: int, size: tuple[int, ...], *rest: Any) -> Tensor:
    return Tensor(tuple(size))


def _inner(value: Any, *rest: Any) -> Any:
    return value


_FUNCTIONS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): lambda *values: {},
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    ("builtins", "slice"): slice,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _inner,
    ("torch._utils", "_rebuild_parameter_with_state"): _inner,
}
"""What may be called, with what is called in its place."""
