"""`rival.c` compiled for this processor and called through ctypes.

Not run by itself: bench_closed_form.py compiles two libraries into build/benchmarks/, doubles with the flags that let
the compiler use vector instructions, and 64-bit integers without any but -O3.
"""

import ctypes
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path(__file__).with_name("rival.c")
VECTOR_FLAGS = (
    *("-O3", "-march=native"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-ffinite-math-only"),
)
VARIANTS = {"C, doubles": (VECTOR_FLAGS, np.float64), "C, int64": (("-O3", "-DINTEGERS"), np.int64)}
"""Flags and numbers of each rival; the second has no vector flags, and no processor divides vectors of integers."""

MACHINE = ("macs", "activation_lanes", "rows_per_update_lane", "mvm_of_32", "add", "activation", "update")
"""Fields of `machine` in rival.c."""
RESULTS = (
    *("useful", "column_padding", "row_padding", "total_cycles", "dependency_stall", "fill_drain"),
    "chosen_tile_rows",
)
"""Rows of the results, by the names that sharp gives them."""


class Rival:
    """A compiled rival."""

    def __init__(self, library: Path, dtype: type[np.generic]) -> None:
        self.library, self.dtype = ctypes.CDLL(str(library)), np.dtype(dtype)
        self.c_type = ctypes.c_int64 if self.dtype == np.int64 else ctypes.c_double

    def evaluate(
        self,
        schedule: str,
        machine: Mapping[str, int],
        inputs: Sequence[NDArray[np.generic]],
        results: NDArray[np.generic],
    ) -> None:
        """Fill `results` (7, n) from x, h, t and k, or the best of four k where k is left out."""
        name = ("all" if len(inputs) == 4 else "best") + f"_{schedule}"
        constants = (self.c_type * len(MACHINE))(*(machine[field] for field in MACHINE))
        arrays = [*inputs, *results]
        assert all(array.dtype == self.dtype and array.flags.c_contiguous for array in arrays)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        getattr(self.library, name)(ctypes.c_size_t(results.shape[1]), constants, *pointers)


def compile_rivals() -> dict[str, Rival]:
    """Every rival in C; none, after a sentence, where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("There is no C compiler (cc) on this machine: the rivals in C are left out.\n")
        return {}
    folder = ROOT / "build" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    rivals = {}
    for name, (flags, dtype) in VARIANTS.items():
        library = folder / f"rival_{np.dtype(dtype).name}.so"
        command = [compiler, *flags, "-shared", "-fPIC", str(SOURCE), "-o", str(library), "-lm"]
        subprocess.run(command, check=True)
        rivals[name] = Rival(library, dtype)
    return rivals
